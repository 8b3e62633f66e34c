//! Which messages belong to one conversation (THREADID, RFC 8474 §5.2).
//!
//! As RFC 8621 §3 recommends: two messages are in one thread if they have the same base subject and name one
//! message id in common, in Message-ID, In-Reply-To or References. Both together are hashed to a key of eight
//! octets. The key of a message's own id stands in the message table; from there an index of the newest messages is
//! made in memory, which learns the ids that they refer to as they come.
//!
//! The thread is looked up in the commit and stands in the change. What was told once stays: a message that
//! comes late and belongs to two threads takes the id of one of them, and merges nothing.

use std::collections::HashMap;

use imap_proto::types::ObjectId;

use super::snapshot::{MessageNumber, Snapshot};
use crate::log::AccountId;
use crate::message::{self, Summary};
use crate::search::base_subject;

/// Keys that an index has at the most; beyond it, it is made again of half as many messages.
const KEYS_MAX: usize = 65_536;
/// Ids of References that count, from the last one on; the first counts too.
const REFERENCES_MAX: usize = 20;
/// Octets of a subject that are looked at: longer ones are none that people write.
const SUBJECT_OCTETS_MAX: usize = 16 << 10;

/// A message or a thread, wherever it has its number from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GlobalId {
    /// 0: this account.
    pub(crate) account: u64,
    pub(crate) number: u64,
}

/// What a message is called, whichever account it is copied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ids {
    pub(crate) email: GlobalId,
    pub(crate) thread: GlobalId,
}

impl Ids {
    /// Of the first message of a thread, that came into this account.
    pub(crate) fn new(number: u64) -> Self {
        let id = GlobalId { account: 0, number };
        Self { email: id, thread: id }
    }

    /// The same, as another account has to call it.
    pub(crate) fn seen_from_outside(self, account: AccountId) -> Self {
        let outside = |id: GlobalId| match id.account {
            0 => GlobalId { account: account.0, ..id },
            _ => id,
        };
        Self { email: outside(self.email), thread: outside(self.thread) }
    }
}

impl Ids {
    /// What a message of `from` is called in `to`.
    pub(super) fn taken(self, from: AccountId, to: AccountId) -> Self {
        let inside = |id: GlobalId| match id.account {
            account if account == to.0 => GlobalId { account: 0, ..id },
            _ => id,
        };
        let Self { email, thread } = self.seen_from_outside(from);
        Self { email: inside(email), thread: inside(thread) }
    }
}

impl Snapshot {
    /// What a message of this state is called.
    pub(crate) fn ids(&self, number: MessageNumber) -> Option<Ids> {
        self.messages.row(number).map(|row| row.ids)
    }
}

/// EMAILID and THREADID as a message of `account` has them.
pub(super) fn object_ids(account: AccountId, ids: Ids) -> (ObjectId, ObjectId) {
    let ids = ids.seen_from_outside(account);
    let id = |letter, id: GlobalId| {
        let text = format!("{letter}{}-{}", id.account, id.number);
        ObjectId::new(text).expect("a letter, digits and a hyphen are an id")
    };
    (id('M', ids.email), id('T', ids.thread))
}

/// The keys of a message: that of its own id first (0: it has none), then those of the ids it refers to, the
/// nearest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    pub(super) own: u64,
    references: Vec<u64>,
}

impl Keys {
    pub(super) fn of(summary: &Summary) -> Self {
        let header = summary.headers();
        let field = |name| message::first(header, name).unwrap_or_default();
        let subject = field("Subject");
        let subject = base_subject(&subject[..subject.len().min(SUBJECT_OCTETS_MAX)]);
        let key = |id: &[u8]| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(id).update(b"\0").update(subject.as_bytes());
            let hash = hasher.finalize();
            u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight octets")).max(1)
        };
        let (own, parent, all) = (field("Message-ID"), field("In-Reply-To"), field("References"));
        let all: Vec<&[u8]> = message_ids(&all).collect();
        let first = all.first().filter(|_| all.len() > REFERENCES_MAX);
        let references = all.iter().rev().take(REFERENCES_MAX).chain(first).copied();
        Self {
            own: message_ids(&own).next().map_or(0, key),
            references: message_ids(&parent).take(REFERENCES_MAX).chain(references).map(key).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = u64> + '_ {
        Some(self.own).filter(|&key| key != 0).into_iter().chain(self.references.iter().copied())
    }
}

/// The ids between angle brackets, whatever stands around them.
fn message_ids(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&octet| octet == b'<').skip(1).filter_map(|rest| {
        let id = &rest[..memchr::memchr(b'>', rest)?];
        (!id.is_empty()).then_some(id)
    })
}

/// Threads by key. Derived, bounded, made again when the log refused what it may have learnt from.
#[derive(Debug, Default)]
pub(super) struct ThreadIndex {
    threads: Option<HashMap<u64, GlobalId>>,
    epoch: u64,
}

impl ThreadIndex {
    /// Ready for messages that come into `state`, in an epoch of the log.
    pub(super) fn get_ready(&mut self, state: &Snapshot, epoch: u64) {
        if self.epoch == epoch && self.threads.as_ref().is_some_and(|threads| threads.len() <= KEYS_MAX) {
            return;
        }
        let mut threads = HashMap::new();
        let count = state.messages.sum().map_or(0, |sum| sum.count);
        let (leaves, _) = state.messages.leaves_from(count.saturating_sub(KEYS_MAX as u32 / 2));
        for row in leaves.flat_map(|page| page.rows()).filter(|row| row.key != 0) {
            threads.entry(row.key).or_insert(row.ids.thread);
        }
        (self.threads, self.epoch) = (Some(threads), epoch);
    }

    /// The ids of a message that is to get a number.
    pub(super) fn ids_of(&mut self, number: u64, keys: &Keys, brought: Option<Ids>) -> Ids {
        let threads = self.threads.get_or_insert_default();
        let ids = brought.unwrap_or_else(|| {
            let known = keys.all().find_map(|key| threads.get(&key).copied());
            let new = Ids::new(number);
            Ids { thread: known.unwrap_or(new.thread), ..new }
        });
        for key in keys.all() {
            threads.entry(key).or_insert(ids.thread);
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_between_brackets() {
        let found = |text: &'static str| message_ids(text.as_bytes()).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(found(" <a@b>  <c@d>"), [b"a@b".to_vec(), b"c@d".to_vec()]);
        assert_eq!(found("Your message of Monday <x@y> (comment)"), [b"x@y".to_vec()]);
        assert!(found("no ids < here <> at > all").is_empty());
        assert!(found("").is_empty());
    }

    #[test]
    fn ids_are_the_same_from_everywhere() {
        let ids = Ids::new(7);
        let outside = ids.seen_from_outside(AccountId(3));
        assert_eq!(object_ids(AccountId(3), ids), object_ids(AccountId(9), outside));
    }
}
