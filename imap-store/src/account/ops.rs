//! The operations on an account: each decides one [`Change`](super::change) on the head, queues it, and
//! waits until it is published. Dropping a future changes nothing of what was queued.

use std::sync::Arc;

use imap_proto::types::{DateTime, Flag, MailboxName, ModSeq, NumberSet, UidValidity};

use super::{MailboxId, MessageRef, Snapshot, SpecialUse};
use crate::StoreError;
use crate::log::{AccountId, Seq};
use crate::message::Summary;

/// An open account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Account {}

/// A message on its way in: its octets are streamed into the log and scanned as they come.
#[derive(Debug)]
pub struct Upload {}

/// A message that lies in the log and can be appended.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its length.
    pub size_octets: u64,
}

/// A message to append.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its octets.
    pub uploaded: Uploaded,
    /// Its flags; `\Recent` and unknown `\flags` are left out.
    pub flags: Vec<Flag>,
    /// Its internal date; `None`: now.
    pub internal_date: Option<DateTime>,
}

/// What APPEND did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Of the mailbox.
    pub uid_validity: UidValidity,
    /// In the order of the messages.
    pub uids: NumberSet,
}

/// What COPY or MOVE did; `source` and `target` pair up in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Of the target.
    pub uid_validity: UidValidity,
    /// UIDs in the source.
    pub source: NumberSet,
    /// UIDs in the target.
    pub target: NumberSet,
}

/// What STORE asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagChange {
    /// Exactly these.
    Replace(Vec<Flag>),
    /// These too.
    Add(Vec<Flag>),
    /// Not these.
    Remove(Vec<Flag>),
}

/// What STORE did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// UIDs whose flags are now other ones.
    pub changed: NumberSet,
    /// UIDs left alone since their MODSEQ is above `unchanged_since`.
    pub modified: NumberSet,
}

impl Account {
    /// Its number.
    pub fn id(&self) -> AccountId {
        todo!()
    }
    /// The published state. Costs a pointer; never blocks.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }
    /// Tells when a newer state is published.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<Seq> {
        todo!()
    }
    /// Begins a message.
    pub fn upload(&self) -> Upload {
        todo!()
    }
    /// Appends messages, all or none.
    pub async fn append(
        &self,
        mailbox: MailboxId,
        messages: Vec<NewMessage>,
    ) -> Result<Appended, StoreError> {
        let _ = (mailbox, messages);
        todo!()
    }
    /// Changes flags of those `uids` that are there, in one change. No change at all where every flag is
    /// as asked for already.
    pub async fn store_flags(
        &self,
        mailbox: MailboxId,
        uids: NumberSet,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored, StoreError> {
        let _ = (mailbox, uids, change, unchanged_since);
        todo!()
    }
    /// Removes messages that have \Deleted (all of them, or those of `uids`); returns the UIDs removed.
    pub async fn expunge(
        &self,
        mailbox: MailboxId,
        uids: Option<NumberSet>,
    ) -> Result<NumberSet, StoreError> {
        let _ = (mailbox, uids);
        todo!()
    }
    /// Copies those `uids` that are there, all or none. `None` when none is there.
    pub async fn copy(
        &self,
        source: MailboxId,
        uids: NumberSet,
        target: MailboxId,
    ) -> Result<Option<Copied>, StoreError> {
        let _ = (source, uids, target);
        todo!()
    }
    /// Moves those `uids` that are there, all or none, in one change. `None` when none is there.
    pub async fn move_messages(
        &self,
        source: MailboxId,
        uids: NumberSet,
        target: MailboxId,
    ) -> Result<Option<Copied>, StoreError> {
        let _ = (source, uids, target);
        todo!()
    }
    /// Makes a mailbox and its missing parents, as real mailboxes.
    pub async fn create(
        &self,
        name: MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxId, StoreError> {
        let _ = (name, special_use);
        todo!()
    }
    /// Deletes a mailbox and its messages. With children its name stays as \NonExistent.
    pub async fn delete(&self, name: MailboxName) -> Result<(), StoreError> {
        let _ = name;
        todo!()
    }
    /// Renames a mailbox and all below it in one change; missing parents of `to` are made. INBOX: its
    /// messages move to a new mailbox `to`, its children stay (RFC 9051 §6.3.6).
    pub async fn rename(&self, from: MailboxName, to: MailboxName) -> Result<(), StoreError> {
        let _ = (from, to);
        todo!()
    }
    /// Subscribes a name, whether it has a mailbox or not. No change when it is already.
    pub async fn subscribe(&self, name: MailboxName) -> Result<(), StoreError> {
        let _ = name;
        todo!()
    }
    /// Unsubscribes a name. No change when it is not subscribed.
    pub async fn unsubscribe(&self, name: MailboxName) -> Result<(), StoreError> {
        let _ = name;
        todo!()
    }
    /// Takes the \Recent messages of a mailbox for one session (SELECT): returns the UID from which on
    /// messages are \Recent to it, and moves the watermark to `up_to` (a UIDNEXT). Exactly one session gets each.
    /// Does not wait for the disk, raises no MODSEQ.
    pub fn claim_recent(&self, mailbox: MailboxId, up_to: u32) -> u32 {
        let _ = (mailbox, up_to);
        todo!()
    }
    /// A message's summary: from the summary file, or made again from the body. Blocking.
    pub fn summary(&self, snapshot: &Snapshot, message: &MessageRef) -> Result<Arc<Summary>, StoreError> {
        let _ = (snapshot, message);
        todo!()
    }
    /// Octets of a message, to its end at the most. Blocking.
    pub fn read(
        &self,
        snapshot: &Snapshot,
        message: &MessageRef,
        range: std::ops::Range<u64>,
    ) -> Result<bytes::Bytes, StoreError> {
        let _ = (snapshot, message, range);
        todo!()
    }
}

impl Upload {
    /// Adds octets; waits while the log's queue is full.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let _ = octets;
        todo!()
    }
    /// All octets are there.
    pub async fn finish(self) -> Result<Uploaded, StoreError> {
        todo!()
    }
}
