//! What readers see: an immutable state of an account. Taking one costs a pointer.

use std::sync::Arc;

use imap_proto::types::{
    DateTime, Flag, Keyword, MailboxName, ModSeq, NumberSet, SeqNum, SystemFlag, Uid, UidValidity,
};

use crate::log::{BodyId, Seq};

/// A mailbox's identity: never derived from its name, never reused in the account (MAILBOXID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId(pub u64);

/// A message's number in its account: rising, never reused; copies of one message share it (EMAILID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(pub u64);

/// What a mailbox is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// \Archive
    Archive,
    /// \Drafts
    Drafts,
    /// \Junk
    Junk,
    /// \Sent
    Sent,
    /// \Trash
    Trash,
}

/// An account at one seq.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// The number of the last change in it.
    pub fn seq(&self) -> Seq {
        todo!()
    }
    /// The mailbox of that name.
    pub fn mailbox_named(&self, name: &MailboxName) -> Option<&Arc<Mailbox>> {
        let _ = name;
        todo!()
    }
    /// The mailbox with that id, whatever its name is now; `None` once it was deleted.
    pub fn mailbox(&self, id: MailboxId) -> Option<&Arc<Mailbox>> {
        let _ = id;
        todo!()
    }
    /// Every name with its mailbox in LIST order: INBOX and what is below it first, then component by
    /// component, parents before children. `None`: the name is \NonExistent and only holds its children.
    pub fn names(&self) -> impl Iterator<Item = (&MailboxName, Option<&Arc<Mailbox>>)> {
        std::iter::empty()
    }
    /// The subscribed names, in LIST order; some may have no mailbox.
    pub fn subscriptions(&self) -> impl Iterator<Item = &MailboxName> {
        std::iter::empty()
    }
    /// Where a message's octets lie, with its length.
    pub fn body(&self, number: MessageNumber) -> Option<BodyId> {
        let _ = number;
        todo!()
    }
}

/// One mailbox at one seq. Shared, persistent: two states share the pages that did not change.
#[derive(Debug)]
pub struct Mailbox {}

/// What is kept and not counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Messages.
    pub messages: u32,
    /// Messages without \Seen.
    pub unseen: u32,
    /// Messages with \Deleted.
    pub deleted: u32,
    /// Octets of all messages.
    pub octets: u64,
}

/// The flags of one message: the five, and keywords by their number in the mailbox.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct Flags {
    system: u8,
    keywords: Vec<u16>,
}

impl Flags {
    /// Whether a system flag is set.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.system & flag as u8 != 0
    }
    /// The numbers of the keywords, ascending; [`Mailbox::keywords`] names them.
    pub fn keywords(&self) -> &[u16] {
        &self.keywords
    }
}

/// One message in one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRef {
    /// Its place in this state of the mailbox.
    pub seq_num: SeqNum,
    /// Its UID.
    pub uid: Uid,
    /// The seq of its last change.
    pub mod_seq: ModSeq,
    /// Its flags.
    pub flags: Flags,
    /// RFC822.SIZE.
    pub size_octets: u64,
    /// INTERNALDATE.
    pub internal_date: DateTime,
    /// When it came into this mailbox, seconds since 1970 (SAVEDATE).
    pub saved_at: i64,
    /// Which message of the account it is.
    pub number: MessageNumber,
}

/// What is different between two states of one mailbox, all by UID.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Diff {
    /// In the old state, not in the new one.
    pub expunged: NumberSet,
    /// In the new state, not in the old one.
    pub appended: NumberSet,
    /// In both, with other flags or another MODSEQ.
    pub changed: NumberSet,
}

impl Mailbox {
    /// Its identity.
    pub fn id(&self) -> MailboxId {
        todo!()
    }
    /// Its name.
    pub fn name(&self) -> &MailboxName {
        todo!()
    }
    /// UIDVALIDITY.
    pub fn uid_validity(&self) -> UidValidity {
        todo!()
    }
    /// UIDNEXT; `None` when the UIDs are used up.
    pub fn uid_next(&self) -> Option<Uid> {
        todo!()
    }
    /// The seq of the last change in it, at least 1.
    pub fn highest_mod_seq(&self) -> ModSeq {
        todo!()
    }
    /// What it is for.
    pub fn special_use(&self) -> Option<SpecialUse> {
        todo!()
    }
    /// The counters.
    pub fn counters(&self) -> Counters {
        todo!()
    }
    /// The keywords that were ever used in it, in the order of their numbers.
    pub fn keywords(&self) -> &[Keyword] {
        todo!()
    }
    /// UIDs below it were told to a session as \Recent already. (Of the last *published* state.)
    pub fn recent_watermark(&self) -> u32 {
        todo!()
    }
    /// How many messages.
    pub fn len(&self) -> u32 {
        self.counters().messages
    }
    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The message at a place. Logarithmic.
    pub fn at(&self, seq_num: SeqNum) -> Option<MessageRef> {
        let _ = seq_num;
        todo!()
    }
    /// The message with a UID. Logarithmic.
    pub fn get(&self, uid: Uid) -> Option<MessageRef> {
        let _ = uid;
        todo!()
    }
    /// The place of the first message with this UID or a higher one: `len() + 1` when there is none.
    pub fn lower_bound(&self, uid: Uid) -> u32 {
        let _ = uid;
        todo!()
    }
    /// The messages from a place on, ascending. Starting costs a logarithm, each step little.
    pub fn iter_from(&self, first: SeqNum) -> impl Iterator<Item = MessageRef> + '_ {
        let _ = first;
        std::iter::empty()
    }
    /// The UIDs of `wanted` that are there. Costs what both have in common.
    pub fn existing(&self, wanted: &NumberSet) -> NumberSet {
        let _ = wanted;
        todo!()
    }
    /// UIDs of the places in `wanted`.
    pub fn uids_at(&self, wanted: &NumberSet) -> NumberSet {
        let _ = wanted;
        todo!()
    }
    /// What changed from `old` to `self`. Pages that both share are skipped by pointer.
    pub fn diff(&self, old: &Self) -> Diff {
        let _ = old;
        todo!()
    }
    /// The flags of a message as the wire knows them: keywords first, then system flags.
    pub fn wire_flags(&self, flags: &Flags) -> Vec<Flag> {
        let _ = flags;
        todo!()
    }
}
