//! Marking: which records somebody still names. Nothing is counted, so nothing can be counted wrongly.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::StoreError;
use crate::account::Snapshot;
use crate::log::{AccountId, BodyId, Head, Log, NamesBodies, Position, Seq, What};

/// Who holds a state reads what is in its mailboxes. Of the graveyard counts what is there now, and no more what was
/// there when a session looked last: else an idle session would keep the room of what was purged since.
impl NamesBodies for Snapshot {
    fn each_body(&self, each: &mut dyn FnMut(BodyId)) {
        self.bodies_in_mailboxes().for_each(each);
    }
}

/// Records, a bit each.
#[derive(Debug, Default)]
pub(super) struct Marks {
    segments: HashMap<u64, Vec<u64>>,
}

impl Marks {
    pub(super) fn add(&mut self, position: Position) {
        let (word, bit) = (position.record as usize / 64, position.record % 64);
        let words = self.segments.entry(position.segment).or_default();
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        words[word] |= 1 << bit;
    }

    pub(super) fn has(&self, position: Position) -> bool {
        let (word, bit) = (position.record as usize / 64, position.record % 64);
        let words = self.segments.get(&position.segment);
        words.and_then(|words| words.get(word)).is_some_and(|word| word >> bit & 1 == 1)
    }
}

/// The changes of one account in one segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) last: Seq,
    pub(super) octets: u64,
}

/// An account's image that replay would take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    pub(super) seq: Seq,
    pub(super) position: Position,
}

/// What a pass over the heads of all records found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// By segment and account.
    pub(super) changes: BTreeMap<(u64, AccountId), Stretch>,
    last: BTreeMap<AccountId, Seq>,
    /// All of an account; whether one is whole is not known yet.
    pub(super) images: BTreeMap<AccountId, Vec<Image>>,
    /// What closes long bodies.
    pub(super) lists: Vec<Position>,
    /// Octets of records by a later program, by segment.
    pub(super) unknown: BTreeMap<u64, u64>,
    /// What cannot be read, one line each.
    pub(super) damage: Vec<String>,
}

impl Survey {
    /// Goes over these segments. A segment that cannot be read is damage, and no error.
    pub(super) fn of(
        log: &Log,
        segments: &[u64],
        go_on: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let mut survey = Self::default();
        for &segment in segments {
            go_on()?;
            if let Err(error) = log.heads(segment, &mut |head| survey.take(&head)) {
                survey.damage.push(format!("segment {segment}: {error}"));
            }
        }
        Ok(survey)
    }

    fn take(&mut self, head: &Head) {
        let Position { segment, record } = head.position;
        match head.what {
            What::Body | What::Gone => {}
            What::List => self.lists.push(head.position),
            What::Change(account, seq) => {
                let stretch =
                    self.changes.entry((segment, account)).or_insert(Stretch { last: seq, octets: 0 });
                stretch.last = stretch.last.max(seq);
                stretch.octets += head.octets;
                let last = self.last.entry(account).or_default();
                *last = seq.max(*last);
            }
            What::Image(account, seq) => {
                let image = Image { seq, position: head.position };
                self.images.entry(account).or_default().push(image);
                let last = self.last.entry(account).or_default();
                *last = seq.max(*last);
            }
            What::Bad => self.damage.push(format!("segment {segment}: record {record} cannot be read")),
            What::Unknown => *self.unknown.entry(segment).or_insert(0) += head.octets,
        }
    }

    /// The highest seq of an account's changes.
    pub(super) fn last_seq(&self, account: AccountId) -> Seq {
        self.last.get(&account).copied().unwrap_or_default()
    }

    /// Every account that has something in the log.
    pub(super) fn accounts(&self) -> BTreeSet<AccountId> {
        self.last.keys().copied().collect()
    }
}
