//! The simple model: what two people have, as plain maps; and the same, read out of a store.

use std::collections::{BTreeMap, BTreeSet};

use imap_proto::types::SeqNum;

use super::super::*;
use crate::StoreError;
use crate::account::{MessageNumber, Quota, Rights, SeenMode, Snapshot, Who};
use crate::log::BodyId;

pub(super) const PEOPLE: [&str; 2] = ["alice", "bob"];

/// A message by its number among all that were ever appended: its octets follow from it.
pub(super) type Label = u32;

/// A message's octets: short, of some pages, or in chunks.
pub(super) fn text_of(label: Label) -> String {
    let octets = match label % 17 {
        0 => 300_000,
        1..=4 => 5_000,
        5..=9 => 100,
        _ => 10,
    };
    format!("Subject: {}\r\nMessage-ID: <{label}@x>\r\n\r\n{label} {}", label % 5, "x".repeat(octets))
}

/// Everything that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct World(pub(super) [Person; 2]);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Person {
    pub(super) boxes: BTreeMap<String, Box>,
    pub(super) quota: Quota,
    pub(super) metadata: BTreeMap<String, Vec<u8>>,
    pub(super) graves: Vec<Grave>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Box {
    pub(super) uid_next: u32,
    pub(super) messages: BTreeMap<u32, Message>,
    /// What the other one may do.
    pub(super) rights: Rights,
    pub(super) metadata: BTreeMap<String, Vec<u8>>,
    pub(super) is_seen_shared: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) label: Label,
    pub(super) flags: BTreeSet<String>,
    /// Whether the other one has seen it, where that is their own affair.
    pub(super) is_seen: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grave {
    pub(super) label: Label,
    pub(super) flags: BTreeSet<String>,
    pub(super) octets: u64,
    pub(super) buried_at: i64,
}

impl Default for Box {
    fn default() -> Self {
        Self {
            uid_next: 1,
            messages: BTreeMap::new(),
            rights: Rights::NONE,
            metadata: BTreeMap::new(),
            is_seen_shared: false,
        }
    }
}

impl World {
    /// As far as it can be seen from outside; `with_next`: with what the next UIDs are.
    pub(super) fn shown(&self, with_next: bool) -> Self {
        let mut shown = self.clone();
        for it in shown.0.iter_mut().flat_map(|person| person.boxes.values_mut()) {
            if it.is_seen_shared {
                it.messages.values_mut().for_each(|message| message.is_seen = false);
            }
            if !with_next {
                it.uid_next = 0;
            }
        }
        shown
    }

    /// The next UIDs of another one, where that is the same but for them.
    pub(super) fn leap_as(&mut self, other: &Self) {
        for (person, other) in self.0.iter_mut().zip(&other.0) {
            for (it, other) in person.boxes.values_mut().zip(other.boxes.values()) {
                assert!(it.uid_next <= other.uid_next, "UIDNEXT went back");
                it.uid_next = other.uid_next;
            }
        }
    }

    /// What is different, for whoever reads that a test failed.
    pub(super) fn difference(&self, other: &Self) -> String {
        let mut out = String::new();
        for ((name, a), b) in PEOPLE.iter().zip(&self.0).zip(&other.0) {
            if a.quota != b.quota || a.metadata != b.metadata || a.graves != b.graves {
                let graves = |it: &Person| it.graves.iter().map(|it| it.label).collect::<Vec<_>>();
                out += &format!("{name}: {:?} {:?}, graves {:?}\n", a.quota, b.quota, (graves(a), graves(b)));
            }
            for name in a.boxes.keys().chain(b.boxes.keys()).collect::<BTreeSet<_>>() {
                let (a, b) = (a.boxes.get(name), b.boxes.get(name));
                if a != b {
                    out += &format!("{name}:\n  {a:?}\n  {b:?}\n");
                }
            }
        }
        out
    }
}

/// Reads a store as far as the model goes.
pub(super) struct Eyes {
    /// The octets behind an address never change: each is looked at once.
    known: BTreeMap<(usize, BodyId), Label>,
    /// What each UID of each UIDVALIDITY ever meant, whoever was told.
    told: BTreeMap<(usize, u32, u32), Label>,
    mod_seqs: BTreeMap<(usize, u32), u64>,
    uid_nexts: BTreeMap<(usize, u32), u32>,
}

/// What was found.
pub(super) struct Seen {
    pub(super) world: World,
    /// Messages whose octets cannot be had: person, mailbox (none: a grave), UID.
    pub(super) unreadable: BTreeSet<(usize, Option<String>, u32)>,
}

impl Seen {
    /// A world without what cannot be read.
    pub(super) fn blur(&self, world: &World) -> World {
        let mut world = world.clone();
        for ((at, person), seen) in world.0.iter_mut().enumerate().zip(&self.world.0) {
            for (name, it) in &mut person.boxes {
                for (uid, message) in &mut it.messages {
                    if self.unreadable.contains(&(at, Some(name.clone()), *uid)) {
                        message.label = NO_LABEL;
                    }
                }
            }
            for (grave, seen) in person.graves.iter_mut().zip(&seen.graves) {
                if seen.label == NO_LABEL {
                    grave.label = NO_LABEL;
                }
            }
        }
        world
    }
}

/// A message that cannot be read.
const NO_LABEL: Label = Label::MAX;

impl Eyes {
    pub(super) fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            told: BTreeMap::new(),
            mod_seqs: BTreeMap::new(),
            uid_nexts: BTreeMap::new(),
        }
    }

    /// The store was opened again: whatever was read is read again, to its end.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Looks at all that is published. What was ever told still holds.
    pub(super) fn look(&mut self, accounts: &[Account; 2]) -> Seen {
        let mut seen = Seen { world: World::default(), unreadable: BTreeSet::new() };
        for (at, account) in accounts.iter().enumerate() {
            let person = self.person(at, account, &mut seen.unreadable);
            seen.world.0[at] = person;
        }
        seen
    }

    fn person(
        &mut self,
        at: usize,
        account: &Account,
        unreadable: &mut BTreeSet<(usize, Option<String>, u32)>,
    ) -> Person {
        let snapshot = account.snapshot();
        let owner = Who { user: PEOPLE[at].to_owned(), groups: Vec::new(), is_owner: true };
        let entries = |it: &crate::account::Metadata| {
            it.entries(&owner).into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
        };
        let mut person =
            Person { quota: snapshot.quota(), metadata: entries(snapshot.metadata()), ..Person::default() };
        for (name, mailbox) in snapshot.names().filter_map(|(name, mailbox)| Some((name, mailbox?))) {
            let view = mailbox.seen_by(&guest(at));
            let mut messages = BTreeMap::new();
            for message in mailbox.iter_from(SeqNum::MIN) {
                let flags: BTreeSet<String> =
                    mailbox.wire_flags(&message.flags).iter().map(flag_text).collect();
                let uid = message.uid;
                let in_view = view.get(uid).expect("in both").flags;
                let is_own = mailbox.seen_mode() == SeenMode::PerUser;
                let is_seen = is_own && in_view.has(SystemFlag::Seen);
                let label = self.label(at, account, &snapshot, message.number, message.size_octets);
                if label == NO_LABEL {
                    unreadable.insert((at, Some(name.as_str().to_owned()), uid.get()));
                } else {
                    let key = (at, mailbox.uid_validity().get(), uid.get());
                    let told = *self.told.entry(key).or_insert(label);
                    assert_eq!(told, label, "{key:?} of {name:?} means two messages");
                }
                messages.insert(uid.get(), Message { label, flags, is_seen });
            }
            let found = Box {
                uid_next: mailbox.uid_next().expect("some are left").get(),
                messages,
                rights: mailbox.rights(&guest(at)),
                metadata: entries(mailbox.metadata()),
                is_seen_shared: mailbox.seen_mode() == SeenMode::Shared,
            };
            let key = (at, mailbox.uid_validity().get());
            let next = self.uid_nexts.entry(key).or_insert(0);
            assert!(*next <= found.uid_next, "{name:?}: UIDNEXT went back from {next}");
            *next = found.uid_next;
            let mod_seq = self.mod_seqs.entry(key).or_insert(0);
            let now = mailbox.highest_mod_seq().get();
            assert!(*mod_seq <= now, "{name:?}: MODSEQ went back from {mod_seq} to {now}");
            *mod_seq = now;
            person.boxes.insert(name.as_str().to_owned(), found);
        }
        for grave in snapshot.graves() {
            let label = self.label(at, account, &snapshot, grave.number, grave.size_octets);
            if label == NO_LABEL {
                unreadable.insert((at, None, grave.uid.get()));
            }
            person.graves.push(Grave {
                label,
                flags: grave.flags().iter().map(flag_text).collect(),
                octets: grave.size_octets,
                buried_at: grave.buried_at,
            });
        }
        person
    }

    fn label(
        &mut self,
        at: usize,
        account: &Account,
        snapshot: &Snapshot,
        number: MessageNumber,
        size_octets: u64,
    ) -> Label {
        let Some(body) = snapshot.body(number) else { return NO_LABEL };
        if let Some(&label) = self.known.get(&(at, body)) {
            return label;
        }
        let octets = match account.core().log().read(body, 0..u64::MAX) {
            Ok(octets) => octets,
            Err(StoreError::Damaged { .. }) => return NO_LABEL,
            Err(error) => panic!("{body:?}: {error}"),
        };
        let text = std::str::from_utf8(&octets).expect("ASCII");
        let label = text.split(['<', '@']).nth(1).and_then(|label| label.parse().ok()).expect("a label");
        assert!(text == text_of(label) && octets.len() as u64 == size_octets, "{body:?} has other octets");
        self.known.insert((at, body), label);
        label
    }
}

/// The other one, as a guest in an account.
pub(super) fn guest(at: usize) -> Who {
    Who { user: PEOPLE[1 - at].to_owned(), groups: Vec::new(), is_owner: false }
}
