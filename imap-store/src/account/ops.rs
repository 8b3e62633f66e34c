//! The operations on an account: each decides one change on the head, queues it, and waits until it is
//! published. Dropping a future changes nothing of what was queued.

use std::sync::{Arc, Mutex, PoisonError};

use imap_proto::types::{DateTime, Flag, MailboxName, ModSeq, NumberSet, ObjectId, UidValidity};

use super::change::Change;
use super::commit::Core;
use super::decide::{self, Incoming};
use super::decide_names;
use super::graves::{self, Retention};
use super::metadata::{self, MetadataLimits};
use super::quota::{self, Quota};
use super::rights::{self, Access, AclChange, Rights, Who};
use super::seen::{self, SeenMode};
use super::sharing;
use super::snapshot::{MailboxId, MessageNumber, MessageRef, Snapshot, SpecialUse};
use super::summaries::Summaries;
use super::threads::{self, Ids, Keys, ThreadIndex};
use super::transfer::{self, Passenger, Token};
use super::upload::{Upload, Uploaded};
use super::watch::Watch;
use crate::StoreError;
use crate::clock::Clock;
use crate::log::{AccountId, Ahead};

/// An open account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Account {
    inner: Arc<Inner>,
    access: Access,
}

#[derive(Debug)]
struct Inner {
    core: Arc<Core>,
    summaries: Summaries,
    clock: Clock,
    limits: Limits,
    threads: Mutex<ThreadIndex>,
}

/// What bounds an account, whoever's it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Octets of the largest message.
    pub(crate) message_octets_max: u64,
    pub(crate) retention: Retention,
    pub(crate) metadata: MetadataLimits,
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
    /// Of `among` exactly `flags`; all others stay as they are.
    ReplaceAmong {
        /// What the messages shall have.
        flags: Vec<Flag>,
        /// What they may lose.
        among: Vec<Flag>,
    },
}

/// What STORE did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// UIDs whose flags are now other ones.
    pub changed: NumberSet,
    /// UIDs left alone since their MODSEQ is above `unchanged_since`.
    pub modified: NumberSet,
}

/// About what a small change takes in the log's queue.
const SMALL_CHANGE_OCTETS: usize = 512;
/// About what one message takes in an append.
const APPENDED_MESSAGE_OCTETS: usize = 64;

impl Account {
    pub(crate) fn new(core: Arc<Core>, summaries: Summaries, clock: Clock, limits: Limits) -> Self {
        let inner = Arc::new(Inner { core, summaries, clock, limits, threads: Mutex::default() });
        Self { inner, access: Access::Whole }
    }

    /// The same account for a user: what is done through it, the ACLs of its mailboxes are asked for, in the
    /// commit itself. [`StoreError::NoPerm`] where a right is missing, or [`StoreError::NonExistent`], as for a
    /// mailbox that is not there, where `l` is missing too. Flags that the user may not set are left out.
    ///
    /// It refuses changes only. Snapshots show everything: readers ask [`Mailbox::rights`](super::Mailbox::rights)
    /// for `r`, and for `l` before they name a mailbox.
    pub fn as_user(&self, who: Who) -> Self {
        Self { inner: self.inner.clone(), access: Access::Of(Arc::new(who)) }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.inner.core
    }

    /// Whether there is another handle of it than this one, or something that will use it.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.inner) > 1 || self.core().is_held() || self.inner.summaries.is_held()
    }

    /// About what it takes in memory.
    pub(crate) fn octets(&self) -> u64 {
        self.snapshot().octets() + self.inner.summaries.octets()
    }

    /// Sees to it that the summary file is not mostly garbage. Never blocks.
    pub(crate) fn tidy_summaries(&self) {
        self.inner.summaries.tidy(&self.snapshot());
    }

    pub(super) fn summary_rows(&self) -> &Summaries {
        &self.inner.summaries
    }

    /// What is wrong with the summaries of a state's messages; see [`Summaries::check`]. Blocking.
    pub(crate) fn check_summaries(&self, state: &Snapshot) -> Vec<String> {
        self.inner.summaries.check(state)
    }

    /// The store's clock, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.inner.clock.now()
    }

    /// Its number.
    pub fn id(&self) -> AccountId {
        self.core().id()
    }

    /// The published state. Costs a pointer; never blocks.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.core().snapshot()
    }

    /// Tells when a newer state of a mailbox is published, or that it was renamed or deleted.
    pub fn watch(&self, mailbox: MailboxId) -> Watch {
        self.core().watch(mailbox)
    }

    /// Begins a message.
    pub fn upload(&self) -> Upload {
        let log = self.core().log().upload(self.id());
        Upload::new(log, self.inner.limits.message_octets_max)
    }

    /// Makes the mailboxes of a new account; nothing when it has an INBOX.
    pub(crate) async fn set_up(&self, is_personal: bool) -> Result<(), StoreError> {
        let now = self.now();
        let decide = |state: &Snapshot| decide_names::set_up(state, is_personal, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Appends messages, all or none.
    ///
    /// Refused with [`StoreError::Unavailable`], and nothing changed, when a write of the log failed after
    /// one of them was uploaded.
    pub async fn append(
        &self,
        mailbox: MailboxId,
        messages: Vec<NewMessage>,
    ) -> Result<Appended, StoreError> {
        let messages = messages.into_iter().map(|message| (message, None)).collect();
        self.take_in(mailbox, messages, None).await
    }

    /// The same for messages that are called something already, with the token of where they come from.
    async fn take_in(
        &self,
        mailbox: MailboxId,
        messages: Vec<(NewMessage, Option<Ids>)>,
        token: Option<Token>,
    ) -> Result<Appended, StoreError> {
        let now = self.now();
        let epoch = messages.first().map(|(message, _)| message.uploaded.epoch);
        if messages.iter().any(|(message, _)| Some(message.uploaded.epoch) != epoch) {
            return Err(StoreError::Unavailable {
                reason: "a write failed while the messages came in".to_owned(),
            });
        }
        let incoming: Vec<Incoming> = messages
            .iter()
            .map(|(message, ids)| Incoming {
                body: message.uploaded.body,
                size_octets: message.uploaded.size_octets,
                flags: message.flags.clone(),
                internal_date: message.internal_date.unwrap_or_else(|| date_of(now)),
                keys: Keys::of(&message.uploaded.summary),
                ids: *ids,
            })
            .collect();
        let octets = SMALL_CHANGE_OCTETS + incoming.len() * APPENDED_MESSAGE_OCTETS;
        let access = &self.access;
        // Under the head's lock, so that messages learn of those that are queued before them.
        let decide = |state: &Snapshot| {
            let mut threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.get_ready(state, self.core().log().epoch());
            let decided = decide::append(state, access, mailbox, &incoming, &mut threads, now);
            if decided.is_err() {
                // It may have learnt of some of the messages.
                *threads = ThreadIndex::default();
            }
            transfer::arrive(token, decided)
        };
        let (appended, first_number) = self.core().commit_in(epoch, octets, decide).await?;
        let uploaded = messages.into_iter().map(|(message, _)| message.uploaded);
        let rows =
            (first_number..).zip(uploaded).map(|(number, it)| (number, it.body, it.summary.to_bytes()));
        self.inner.summaries.add(rows).await;
        Ok(appended)
    }

    /// The messages of a mailbox as somebody is to take them into another account.
    pub(crate) fn passengers(
        &self,
        state: &Snapshot,
        mailbox: MailboxId,
        uids: &NumberSet,
    ) -> Result<Vec<Passenger>, StoreError> {
        state.passengers(&self.access, mailbox, uids)
    }

    /// Refuses what [`Self::depart`] would.
    pub(crate) fn may_depart(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        transfer::may_depart(&self.snapshot(), &self.access, mailbox)
    }

    /// Refuses what [`Self::arrive`] would.
    pub(crate) fn may_arrive(&self, mailbox: MailboxId, messages: &[Passenger]) -> Result<(), StoreError> {
        transfer::may_arrive(&self.snapshot(), &self.access, mailbox, transfer::usage_of(messages))
    }

    /// Says that messages set out for another account; see [`transfer::depart`].
    pub(crate) async fn depart(
        &self,
        mailbox: MailboxId,
        uids: &NumberSet,
        skips_missing: bool,
        target: AccountId,
    ) -> Result<Option<(u64, Vec<Passenger>)>, StoreError> {
        let access = &self.access;
        let decide = |state: &Snapshot| transfer::depart(state, access, mailbox, uids, skips_missing, target);
        self.core().commit(SMALL_CHANGE_OCTETS + 10 * uids.ranges().len(), decide).await
    }

    /// Appends messages of another account, with the token of a departure, if they leave that.
    pub(crate) async fn arrive(
        &self,
        mailbox: MailboxId,
        from: AccountId,
        messages: Vec<(NewMessage, Ids)>,
        departure: Option<u64>,
    ) -> Result<Appended, StoreError> {
        let token = departure.map(|number| Token { account: from, number });
        let called = |ids: Ids| Some(ids.taken(from, self.id()));
        let messages = messages.into_iter().map(|(message, ids)| (message, called(ids))).collect();
        self.take_in(mailbox, messages, token).await
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
        let access = &self.access;
        let decide =
            |state: &Snapshot| decide::store_flags(state, access, mailbox, &uids, &change, unchanged_since);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Puts expunged messages ([`Snapshot::graves`]) into a mailbox, under new UIDs, in the order of their
    /// graves; those that are there, all or none. `None` when none is there any more.
    pub async fn undelete(
        &self,
        graves: Vec<u64>,
        target: MailboxId,
    ) -> Result<Option<Appended>, StoreError> {
        let now = self.now();
        let octets = SMALL_CHANGE_OCTETS + 10 * graves.len();
        let access = &self.access;
        let decide = |state: &Snapshot| graves::undelete(state, access, &graves, target, now);
        self.core().commit(octets, decide).await
    }

    /// Drops expunged messages that are past the retention. Every expunge does so too, so it is for accounts
    /// where nothing happens: once a day is enough.
    pub async fn purge(&self) -> Result<(), StoreError> {
        let (retention, now) = (self.inner.limits.retention, self.now());
        let decide = |state: &Snapshot| graves::purge(state, retention, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// [`Self::purge`], blocking.
    pub(crate) fn purge_blocking(&self) -> Result<(), StoreError> {
        let (retention, now) = (self.inner.limits.retention, self.now());
        self.core().commit_blocking(SMALL_CHANGE_OCTETS, |state| graves::purge(state, retention, now))
    }

    /// Drops graves up to one, whatever the retention says. Blocking.
    pub(crate) fn purge_to_blocking(&self, grave: u64) -> Result<(), StoreError> {
        self.core().commit_blocking(SMALL_CHANGE_OCTETS, |state| graves::purge_to(state, grave))
    }

    /// Removes messages that have \Deleted (all of them, or those of `uids`); returns the UIDs removed.
    pub async fn expunge(
        &self,
        mailbox: MailboxId,
        uids: Option<NumberSet>,
    ) -> Result<NumberSet, StoreError> {
        let (retention, now) = (self.inner.limits.retention, self.now());
        let access = &self.access;
        let decide =
            |state: &Snapshot| decide::expunge(state, access, mailbox, uids.as_ref(), retention, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Copies `uids`, all or none; [`StoreError::Expunged`] when one of them is gone.
    pub async fn copy_all(
        &self,
        source: MailboxId,
        uids: NumberSet,
        target: MailboxId,
    ) -> Result<Option<Copied>, StoreError> {
        let (access, now) = (&self.access, self.now());
        let decide = |state: &Snapshot| {
            decide::refuse_missing(state, access, source, &uids)?;
            decide::copy(state, access, source, &uids, target, now)
        };
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Moves `uids`, all or none, in one change; [`StoreError::Expunged`] when one of them is gone.
    pub async fn move_all(
        &self,
        source: MailboxId,
        uids: NumberSet,
        target: MailboxId,
    ) -> Result<Option<Copied>, StoreError> {
        let (access, now) = (&self.access, self.now());
        let decide = |state: &Snapshot| {
            decide::refuse_missing(state, access, source, &uids)?;
            if state.staying(source, uids.clone()) != uids {
                return Err(StoreError::Expunged);
            }
            decide::move_messages(state, access, source, &uids, target, now)
        };
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Copies those `uids` that are there, all or none. `None` when none is there.
    pub async fn copy(
        &self,
        source: MailboxId,
        uids: NumberSet,
        target: MailboxId,
    ) -> Result<Option<Copied>, StoreError> {
        let now = self.now();
        let access = &self.access;
        let decide = |state: &Snapshot| decide::copy(state, access, source, &uids, target, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Moves those `uids` that are there, all or none, in one change. `None` when none is there.
    pub async fn move_messages(
        &self,
        source: MailboxId,
        uids: NumberSet,
        target: MailboxId,
    ) -> Result<Option<Copied>, StoreError> {
        let now = self.now();
        let access = &self.access;
        let decide = |state: &Snapshot| decide::move_messages(state, access, source, &uids, target, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Makes a mailbox and its missing parents, as real mailboxes.
    pub async fn create(
        &self,
        name: MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxId, StoreError> {
        let now = self.now();
        let access = &self.access;
        let decide = |state: &Snapshot| decide_names::create(state, access, &name, special_use, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Deletes a mailbox and its messages. With children its name stays as \NonExistent.
    pub async fn delete(&self, name: MailboxName) -> Result<(), StoreError> {
        let (retention, now) = (self.inner.limits.retention, self.now());
        let access = &self.access;
        let decide = |state: &Snapshot| decide_names::delete(state, access, &name, retention, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Renames a mailbox and all below it in one change; missing parents of `to` are made. INBOX: its
    /// messages move to a new mailbox `to`, its children stay (RFC 9051 §6.3.6).
    pub async fn rename(&self, from: MailboxName, to: MailboxName) -> Result<(), StoreError> {
        let now = self.now();
        let access = &self.access;
        let decide = |state: &Snapshot| decide_names::rename(state, access, &from, &to, now);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Changes what an identifier may do with a mailbox; returns what it may then. The identifier is the name
    /// of a user, `anyone`, or `$` and the name of a group; with `-` before it, the rights are taken away
    /// (RFC 4314 §2). It raises no MODSEQ of the mailbox.
    ///
    /// A server calls [`Store::set_acl`](crate::Store::set_acl), which also sees to it that LIST finds the mailbox.
    pub(crate) async fn set_acl(
        &self,
        mailbox: MailboxId,
        identifier: &str,
        change: AclChange,
    ) -> Result<Rights, StoreError> {
        let access = &self.access;
        let decide = |state: &Snapshot| rights::set_acl(state, access, mailbox, identifier, change);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Sets annotations of a mailbox, or of the account as a whole (`None`), all or none; a value of `None` removes
    /// one (RFC 5464 §4.3). Names begin with `/shared/`, for everybody, or `/private/`, for the user alone, and have
    /// no case. It raises no MODSEQ of the mailbox.
    ///
    /// [`StoreError::Cannot`] for a bad name, [`StoreError::MetadataTooBig`], [`StoreError::MetadataTooMany`].
    pub async fn set_metadata(
        &self,
        mailbox: Option<MailboxId>,
        values: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let octets = values.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len));
        let octets = SMALL_CHANGE_OCTETS + octets.sum::<usize>();
        let (access, limits) = (&self.access, self.inner.limits.metadata);
        let decide = |state: &Snapshot| metadata::set(state, access, mailbox, &values, limits);
        self.core().commit(octets, decide).await
    }

    /// Sets what the account may hold; what is there already stays. [`StoreError::NoPerm`] for every user, the
    /// owner too.
    pub async fn set_quota(&self, quota: Quota) -> Result<(), StoreError> {
        let access = &self.access;
        let decide = |state: &Snapshot| quota::set(state, access, quota);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Says whether others than the owner have a \Seen of their own in a mailbox, or share one. Needs `a`. Every
    /// message counts as changed then.
    pub async fn set_seen_mode(&self, mailbox: MailboxId, mode: SeenMode) -> Result<(), StoreError> {
        let access = &self.access;
        let decide = |state: &Snapshot| seen::set_mode(state, access, mailbox, mode);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Whether the ACL of a mailbox may be seen and changed.
    pub(crate) fn require_administer(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        let snapshot = self.snapshot();
        let mailbox = decide::existing(&snapshot, mailbox)?;
        self.access.require(mailbox, Rights::ADMINISTER).map(drop)
    }

    /// Takes an identifier out of all ACLs.
    pub(crate) async fn forget_identifier(&self, identifier: &str) -> Result<(), StoreError> {
        let decide = |state: &Snapshot| sharing::forget(state, identifier);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Subscribes a name, whether it has a mailbox or not. No change when it is already.
    pub async fn subscribe(&self, name: MailboxName) -> Result<(), StoreError> {
        let access = &self.access;
        let decide = |state: &Snapshot| decide_names::subscribe(state, access, &name, true);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Unsubscribes a name. No change when it is not subscribed.
    pub async fn unsubscribe(&self, name: MailboxName) -> Result<(), StoreError> {
        let access = &self.access;
        let decide = |state: &Snapshot| decide_names::subscribe(state, access, &name, false);
        self.core().commit(SMALL_CHANGE_OCTETS, decide).await
    }

    /// Takes the \Recent messages of a mailbox for one session (SELECT): returns the UID from which on
    /// messages are \Recent to it, and moves the watermark to `up_to` (a UIDNEXT). Exactly one session gets each.
    /// Does not wait for the disk, raises no MODSEQ. A mailbox that is gone has none: `up_to`.
    pub fn claim_recent(&self, mailbox: MailboxId, up_to: u32) -> u32 {
        self.core().queue_quietly(|state| match state.mailbox(mailbox) {
            None => (None, up_to),
            Some(it) if it.recent_watermark() >= up_to => (None, it.recent_watermark()),
            Some(it) => (Some(Change::Recent { mailbox, up_to }), it.recent_watermark()),
        })
    }

    /// The UID from which on messages of a mailbox are \Recent, taking none of them (EXAMINE). What another
    /// session just claimed counts at once, published or not; 1 for a mailbox that is gone.
    pub fn recent_watermark(&self, mailbox: MailboxId) -> u32 {
        self.core()
            .queue_quietly(|state| (None, state.mailbox(mailbox).map_or(1, |it| it.recent_watermark())))
    }

    /// EMAILID and THREADID of a message (RFC 8474 §5); `None` when the state has no such message. Both stay for
    /// ever, and come along when the message is copied, to other accounts too.
    pub fn object_ids(&self, snapshot: &Snapshot, number: MessageNumber) -> Option<(ObjectId, ObjectId)> {
        Some(threads::object_ids(self.id(), snapshot.ids(number)?))
    }

    /// Octets of a message, to its end at the most. Blocking.
    pub fn read(
        &self,
        snapshot: &Snapshot,
        message: &MessageRef,
        range: std::ops::Range<u64>,
    ) -> Result<bytes::Bytes, StoreError> {
        self.read_body(snapshot, message.number, range)
    }

    /// The same for somebody who reads many messages.
    pub(super) fn read_ahead(
        &self,
        snapshot: &Snapshot,
        message: &MessageRef,
        range: std::ops::Range<u64>,
        ahead: &mut Ahead,
    ) -> Result<bytes::Bytes, StoreError> {
        let body = snapshot.body(message.number).ok_or(StoreError::NonExistent { what: "message" })?;
        self.core().log().read_ahead(body, range, ahead)
    }

    /// Reads a small message where nothing has to be waited for: whether [`Self::read_ahead`] finds it in `ahead` now.
    pub(super) fn read_now(&self, snapshot: &Snapshot, message: &MessageRef, ahead: &mut Ahead) -> bool {
        snapshot.body(message.number).is_some_and(|body| self.core().log().read_now(body, ahead))
    }

    /// The same as [`Self::read`] by the message's number.
    pub(crate) fn read_body(
        &self,
        snapshot: &Snapshot,
        number: MessageNumber,
        range: std::ops::Range<u64>,
    ) -> Result<bytes::Bytes, StoreError> {
        let body = snapshot.body(number).ok_or(StoreError::NonExistent { what: "message" })?;
        self.core().log().read(body, range)
    }
}

/// A point in time as an internal date, told in UTC.
fn date_of(seconds: i64) -> DateTime {
    DateTime::new(seconds, 0).or_else(|| DateTime::new(0, 0)).expect("1970 is within the range of dates")
}
