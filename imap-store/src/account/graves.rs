//! The graveyard of an account: messages that were expunged and can be had back for a while.
//!
//! A grave holds its message as a mailbox does, so that its octets stay. Graves have numbers that rise and are
//! never used again; what is past the retention, or over the bound, goes from the oldest on.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_proto::types::{DateTime, Flag, Keyword, NumberSet, SystemFlag, Uid};

use super::change::{Change, Undelete, decode_keywords, encode_keywords, mailbox};
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision, Resolver, existing, take_uids};
use super::mailbox::Mailbox;
use super::ops::Appended;
use super::page::{Entry, Page, Row, ranges_within};
use super::quota::Usage;
use super::rights::{Access, Rights};
use super::snapshot::{Flags, MailboxId, MessageNumber, Snapshot};
use super::tree::{Edit, Leaf, Sum};

/// Messages in the graveyard at the most, whatever the bound in octets says.
const GRAVES_MAX: u32 = 1_000_000;

/// An expunged message that can be had back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grave {
    /// Its number, by which it is asked for.
    pub id: u64,
    /// When it was expunged, seconds since 1970-01-01 00:00:00 UTC.
    pub buried_at: i64,
    /// The mailbox that it was in, which may be gone.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: Uid,
    /// Which message of the account it is.
    pub number: MessageNumber,
    /// RFC822.SIZE.
    pub size_octets: u64,
    /// INTERNALDATE.
    pub internal_date: DateTime,
    system: u8,
    keywords: Vec<Keyword>,
}

impl Grave {
    /// The flags that it had, but for `\Deleted`.
    pub fn flags(&self) -> Vec<Flag> {
        let system = Flags::new(self.system, Vec::new());
        let all = [SystemFlag::Answered, SystemFlag::Flagged, SystemFlag::Seen, SystemFlag::Draft];
        let system = all.into_iter().filter(|&flag| system.has(flag)).map(Flag::System);
        self.keywords.iter().cloned().map(Flag::Keyword).chain(system).collect()
    }

    fn new(id: u64, mailbox: &Mailbox, entry: Entry, buried_at: i64) -> Option<Self> {
        let keywords = entry.flags.keywords().iter();
        Some(Self {
            id,
            buried_at,
            mailbox: mailbox.id,
            uid: Uid::new(entry.uid)?,
            number: entry.number,
            size_octets: entry.size_octets,
            internal_date: entry.internal_date,
            system: entry.flags.system() & !(SystemFlag::Deleted as u8),
            keywords: keywords.filter_map(|&at| mailbox.keywords.get(usize::from(at)).cloned()).collect(),
        })
    }

    /// The message in a mailbox again.
    fn entry(&self, mailbox: &Mailbox, uid: u32, mod_seq: u64, saved_at: i64) -> Entry {
        let numbers = self.keywords.iter().filter_map(|keyword| mailbox.keyword_number(keyword));
        Entry {
            uid,
            mod_seq,
            flags: Flags::new(self.system, numbers.collect()),
            number: self.number,
            size_octets: self.size_octets,
            internal_date: self.internal_date,
            saved_at,
        }
    }

    fn encode(&self, out: &mut Encoder) {
        out.number(self.id);
        out.signed(self.buried_at);
        out.number(self.mailbox.0);
        out.number(self.uid.get().into());
        out.number(self.number.0);
        out.number(self.size_octets);
        out.signed(self.internal_date.seconds());
        out.signed(self.internal_date.offset_minutes().into());
        out.octet(self.system);
        encode_keywords(&self.keywords, out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: input.number()?,
            buried_at: input.signed()?,
            mailbox: mailbox(input)?,
            uid: Uid::new(input.number_u32()?).ok_or(Malformed)?,
            number: MessageNumber(input.number()?),
            size_octets: input.number()?,
            internal_date: {
                let seconds = input.signed()?;
                let offset = i16::try_from(input.signed()?).map_err(|_| Malformed)?;
                DateTime::new(seconds, offset).ok_or(Malformed)?
            },
            system: input.octet()?,
            keywords: decode_keywords(input)?,
        })
    }
}

/// Up to 128 graves, by ascending number.
#[derive(Debug, Default)]
pub(super) struct GravePage {
    graves: Vec<Arc<Grave>>,
    pub(super) row: Row,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct GraveSum {
    first: u64,
    last: u64,
    count: u32,
    octets: u64,
}

impl Sum for GraveSum {
    fn last_key(&self) -> u64 {
        self.last
    }
    fn count(&self) -> u32 {
        self.count
    }
    fn add(&mut self, next: &Self) {
        self.last = next.last;
        self.count += next.count;
        self.octets = self.octets.saturating_add(next.octets);
    }
}

impl Leaf for GravePage {
    type Sum = GraveSum;
    const JOIN_BELOW: usize = 32;
    const MAX: usize = 128;

    fn sum(&self) -> GraveSum {
        GraveSum {
            first: self.graves[0].id,
            last: self.graves[self.len() - 1].id,
            count: self.len() as u32,
            octets: self.graves.iter().fold(0, |sum, grave| sum.saturating_add(grave.size_octets)),
        }
    }
    fn len(&self) -> usize {
        self.graves.len()
    }
    fn join(&self, next: &Self) -> Self {
        Self::of(self.graves.iter().chain(&next.graves).cloned().collect())
    }
}

impl GravePage {
    fn of(graves: Vec<Arc<Grave>>) -> Self {
        Self { graves, row: Row::default() }
    }

    pub(super) fn graves(&self) -> impl Iterator<Item = &Arc<Grave>> {
        self.graves.iter()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.len() as u64);
        self.graves.iter().for_each(|grave| grave.encode(&mut out));
        out.finish()
    }

    pub(super) fn decode(row: u64, octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let count = input.count()?;
        if count == 0 || count > Self::MAX {
            return Err(Malformed);
        }
        let graves = (0..count).map(|_| Grave::decode(&mut input).map(Arc::new));
        let graves: Vec<_> = graves.collect::<Result<_, _>>()?;
        input.end()?;
        if !graves.is_sorted_by(|a, b| a.id < b.id) {
            return Err(Malformed);
        }
        Ok(Self { graves, row: Row::new(row) })
    }
}

impl Snapshot {
    /// The messages that were expunged and can be had back, the oldest first.
    pub fn graves(&self) -> impl Iterator<Item = &Grave> {
        self.graves.leaves().flat_map(|page| page.graves()).map(|grave| &**grave)
    }

    /// Octets of all that lies in the graveyard.
    pub fn graves_octets(&self) -> u64 {
        self.graves.sum().map_or(0, |sum| sum.octets)
    }

    /// Buries messages of a mailbox; they keep their holder in the table.
    pub(super) fn take_burial(&mut self, mailbox: &Mailbox, entries: Vec<Entry>, at: i64) {
        let mut graves = Vec::new();
        for entry in entries {
            graves.extend(Grave::new(self.next_grave, mailbox, entry, at).map(Arc::new));
            self.next_grave = self.next_grave.saturating_add(1);
        }
        if graves.is_empty() {
            return;
        }
        self.graves = self.graves.replace_last(|last| {
            let kept = last.into_iter().flat_map(|page| page.graves.iter().cloned());
            let all: Vec<_> = kept.chain(graves).collect();
            all.chunks(GravePage::MAX).map(|page| GravePage::of(page.to_vec())).collect()
        });
    }

    /// Drops every grave up to that number.
    pub(super) fn take_purge(&mut self, up_to: u64) {
        self.take_graves(|sum| sum.first <= up_to, |grave| grave.id <= up_to, -1);
    }

    /// Takes graves out; their messages get `by` holders more.
    fn take_graves(
        &mut self,
        touches: impl Fn(&GraveSum) -> bool,
        goes: impl Fn(&Grave) -> bool,
        by: i64,
    ) -> Vec<Arc<Grave>> {
        let mut taken = Vec::new();
        self.graves = self.graves.edit(&touches, |page| {
            let (gone, kept): (Vec<_>, Vec<_>) = page.graves.iter().cloned().partition(|it| goes(it));
            taken.extend(gone);
            if kept.is_empty() { Edit::Remove } else { Edit::Replace(GravePage::of(kept)) }
        });
        if by != 0 {
            let mut holders = BTreeMap::new();
            taken.iter().for_each(|grave| *holders.entry(grave.number.0).or_insert(0) += by);
            self.messages = self.messages.with_holders(&holders);
        }
        taken
    }

    pub(super) fn take_undelete(&mut self, undelete: &Undelete) {
        let is_next = |mailbox: &Arc<Mailbox>| mailbox.uid_next <= u64::from(undelete.first_uid);
        if undelete.first_uid == 0 || !self.mailbox(undelete.target).is_some_and(is_next) {
            return;
        }
        let wanted = |id: u64| undelete.graves.binary_search(&id).is_ok();
        let touches = |sum: &GraveSum| {
            let from = undelete.graves.partition_point(|&id| id < sum.first);
            undelete.graves.get(from).is_some_and(|&id| id <= sum.last)
        };
        let graves = self.take_graves(touches, |grave| wanted(grave.id), 0);
        self.change_mailbox(undelete.target, |mailbox, seq| {
            mailbox.add_keywords(&undelete.keywords);
            let uids = undelete.first_uid..=u32::MAX;
            let entries = graves.iter().zip(uids);
            let entries = entries.map(|(grave, uid)| grave.entry(mailbox, uid, seq, undelete.saved_at));
            mailbox.push(entries.collect(), seq);
        });
    }
}

/// How long, and how much, the graveyard of an account keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) seconds: i64,
    pub(crate) octets_max: u64,
}

impl Retention {
    /// Whether something is past it.
    pub(crate) fn is_due(self, state: &Snapshot, now: i64) -> bool {
        state.graves().next().is_some_and(|oldest| oldest.id <= self.purge_to(state, now, 0, 0))
    }

    /// Up to which grave all have to go, when so many octets and messages come in.
    pub(super) fn purge_to(self, state: &Snapshot, now: i64, octets: u64, messages: u32) -> u64 {
        let sum = state.graves.sum();
        let mut octets = octets.saturating_add(sum.map_or(0, |sum| sum.octets));
        let mut messages = messages.saturating_add(sum.map_or(0, |sum| sum.count));
        let mut purge_to = 0;
        for grave in state.graves() {
            let is_old = grave.buried_at <= now.saturating_sub(self.seconds);
            if !is_old && octets <= self.octets_max && messages <= GRAVES_MAX {
                return purge_to;
            }
            purge_to = grave.id;
            octets = octets.saturating_sub(grave.size_octets);
            messages -= 1;
        }
        // What comes in is too much by itself, or is not to be kept at all.
        if self.seconds <= 0 || octets > self.octets_max || messages > GRAVES_MAX {
            u64::MAX
        } else {
            purge_to
        }
    }
}

/// Drops what is past the retention.
pub(super) fn purge(state: &Snapshot, retention: Retention, now: i64) -> Decided<()> {
    purge_to(state, retention.purge_to(state, now, 0, 0))
}

/// Drops graves up to one.
pub(super) fn purge_to(state: &Snapshot, up_to: u64) -> Decided<()> {
    if state.graves().next().is_none_or(|oldest| oldest.id > up_to) {
        return Ok(Decision::nothing(()));
    }
    Ok(Decision::change(Change::Purge { up_to }, ()))
}

/// Puts those of `graves` that are there into a mailbox; `None` when none is.
pub(super) fn undelete(
    state: &Snapshot,
    access: &Access,
    graves: &[u64],
    target: MailboxId,
    now: i64,
) -> Decided<Option<Appended>> {
    access.require_owner()?;
    let mailbox = existing(state, target)?;
    access.require(mailbox, Rights::INSERT)?;
    let mut wanted = graves.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let found: Vec<&Grave> = state.graves().filter(|it| wanted.binary_search(&it.id).is_ok()).collect();
    if found.is_empty() {
        return Ok(Decision::nothing(None));
    }
    state.require_room(Usage {
        messages: found.len() as u64,
        storage_octets: found.iter().fold(0u64, |sum, it| sum.saturating_add(it.size_octets)),
        mailboxes: 0,
    })?;
    let (first_uid, uids) = take_uids(mailbox, found.len())?;
    let mut resolver = Resolver::new(mailbox);
    for grave in &found {
        resolver.flags(&grave.flags())?;
    }
    let graves = found.iter().map(|grave| grave.id).collect();
    let answer = Appended { uid_validity: mailbox.uid_validity(), uids };
    let change = Undelete { graves, target, keywords: resolver.into_new(), first_uid, saved_at: now };
    Ok(Decision::change(Change::Undelete(change), Some(answer)))
}

/// The messages with these UIDs.
pub(super) fn entries_of(mailbox: &Mailbox, uids: &NumberSet) -> Vec<Entry> {
    let mut entries = Vec::new();
    mailbox.messages.visit(
        |sum| !ranges_within(uids, sum.first_uid, sum.last_uid).is_empty(),
        |page: &Arc<Page>| {
            let marked = page.entries().zip(page.marks(uids)).filter(|(_, marked)| *marked);
            entries.extend(marked.map(|(entry, _)| entry));
        },
    );
    entries
}
