//! What readers see: an immutable state of an account. Taking one costs a pointer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imap_proto::types::{DateTime, MailboxName, ModSeq, NumberSet, SeqNum, SystemFlag, Uid};

use super::codec::{Decoder, Encoder, Malformed};
use super::files::Files;
use super::graves::GravePage;
use super::mailbox::{Mailbox, MailboxPage};
use super::metadata::Metadata;
use super::names::NameKey;
use super::quota::Quota;
use super::table::Table;
use super::transfer::{Departure, Token};
use super::tree::Tree;
use crate::User;
use crate::log::{AccountId, BodyId, Seq};

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

/// An account at one seq: the fold of its changes up to there.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) seq: Seq,
    /// Every name in LIST order; `None` where it only holds its children.
    pub(super) names: Arc<BTreeMap<NameKey, Option<MailboxId>>>,
    pub(super) mailboxes: Tree<MailboxPage>,
    pub(super) messages: Table,
    pub(super) graves: Tree<GravePage>,
    pub(super) subscriptions: Arc<BTreeSet<NameKey>>,
    /// Account 0 only.
    pub(super) users: Arc<BTreeMap<String, Arc<User>>>,
    /// Account 0: the accounts that are no person's, by name.
    pub(super) shared: Arc<BTreeMap<String, AccountId>>,
    /// Account 0: which accounts may have an identifier in one of their ACLs.
    pub(super) grants: Arc<BTreeMap<String, BTreeSet<AccountId>>>,
    pub(super) quota: Quota,
    pub(super) metadata: Arc<Metadata>,
    /// Messages on their way into other accounts, by the number of their token.
    pub(super) departures: Arc<BTreeMap<u64, Departure>>,
    /// Tokens of messages that came from other accounts, until those have let go of them.
    pub(super) arrivals: Arc<BTreeSet<Token>>,
    /// The ids that come next; none is given out twice.
    pub(super) next_mailbox: u64,
    pub(super) next_message: u64,
    pub(super) next_grave: u64,
    pub(super) next_account: u64,
    pub(super) last_uid_validity: u32,
    /// The last epoch of the store that the account has leapt for.
    pub(super) leapt: u64,
    /// Account 0: rises when changes were lost that somebody may have seen.
    pub(super) epoch: u64,
    /// Account 0: the losses that the epoch has risen for.
    pub(super) losses: Arc<BTreeSet<u64>>,
    /// Account 0: what compaction made of the log's files, and whose mail it may drop.
    pub(super) files: Arc<Files>,
}

impl Default for Snapshot {
    /// Before the first change.
    fn default() -> Self {
        Self {
            seq: Seq(0),
            names: Arc::default(),
            mailboxes: Tree::default(),
            messages: Table::default(),
            graves: Tree::default(),
            subscriptions: Arc::default(),
            users: Arc::default(),
            shared: Arc::default(),
            grants: Arc::default(),
            quota: Quota::default(),
            metadata: Arc::default(),
            departures: Arc::default(),
            arrivals: Arc::default(),
            next_mailbox: 1,
            next_message: 1,
            next_grave: 1,
            next_account: 1,
            last_uid_validity: 0,
            leapt: 0,
            epoch: 0,
            losses: Arc::default(),
            files: Arc::default(),
        }
    }
}

impl Snapshot {
    /// The number of the last change in it.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The mailbox of that name.
    pub fn mailbox_named(&self, name: &MailboxName) -> Option<&Arc<Mailbox>> {
        let id = (*self.names.get(&NameKey(name.clone()))?)?;
        self.mailbox(id)
    }

    /// The mailbox with that id, whatever its name is now; `None` once it was deleted.
    pub fn mailbox(&self, id: MailboxId) -> Option<&Arc<Mailbox>> {
        self.mailboxes.find(id.0).and_then(|(page, _)| page.get(id))
    }

    /// Every name with its mailbox in LIST order: INBOX and what is below it first, then component by
    /// component, parents before children. `None`: the name is \NonExistent and only holds its children.
    pub fn names(&self) -> impl Iterator<Item = (&MailboxName, Option<&Arc<Mailbox>>)> {
        self.names.iter().map(|(name, id)| (&name.0, id.and_then(|id| self.mailbox(id))))
    }

    /// The subscribed names, in LIST order; some may have no mailbox.
    pub fn subscriptions(&self) -> impl Iterator<Item = &MailboxName> {
        self.subscriptions.iter().map(|name| &name.0)
    }

    /// Whether a name is a mailbox's or above one.
    pub fn has_name(&self, name: &MailboxName) -> bool {
        self.names.get(&NameKey(name.clone())).is_some()
    }

    /// Whether a name is subscribed.
    pub fn is_subscribed(&self, name: &MailboxName) -> bool {
        self.subscriptions.contains(&NameKey(name.clone()))
    }

    /// Where a message's octets lie; `None` when neither a mailbox nor the graveyard of this state holds it.
    pub fn body(&self, number: MessageNumber) -> Option<BodyId> {
        self.messages.body(number)
    }

    /// Where the octets of all messages lie, in mailboxes and in the graveyard.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = BodyId> + '_ {
        self.messages.leaves().flat_map(|page| page.rows()).map(|row| row.body)
    }

    /// Where the octets of those messages lie that are in mailboxes.
    pub(crate) fn bodies_in_mailboxes(&self) -> impl Iterator<Item = BodyId> + '_ {
        let mut buried: BTreeMap<u64, u32> = BTreeMap::new();
        self.graves().for_each(|grave| *buried.entry(grave.number.0).or_default() += 1);
        let rows = self.messages.leaves().flat_map(|page| page.rows());
        rows.filter(move |row| buried.get(&row.number).is_none_or(|&graves| graves < row.holders))
            .map(|row| row.body)
    }

    /// By how many mailboxes and graves each message is held.
    pub(crate) fn holders(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.messages.holders()
    }

    /// Passes over changes that are lost, up to `seq`.
    pub(crate) fn skip_to(&mut self, seq: Seq) {
        self.seq = self.seq.max(seq);
    }

    /// A hash of everything in the state: equal for equal states, however they came about (live, by replay,
    /// from a checkpoint).
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: std::fmt::Arguments<'_>| {
            hasher.update(text.to_string().as_bytes());
            hasher.update(b"\n");
        };
        add(format_args!(
            "{} {} {} {} {} {}",
            self.seq.0,
            self.next_mailbox,
            self.next_message,
            self.next_grave,
            self.next_account,
            self.last_uid_validity
        ));
        add(format_args!("{} {} {:?} {:?}", self.leapt, self.epoch, self.losses, self.quota));
        add(format_args!("{:?}", self.files));
        add(format_args!("{:?} {:?}", self.departures, self.arrivals));
        self.metadata.describe(&mut add);
        self.names.iter().for_each(|it| add(format_args!("{it:?}")));
        self.subscriptions.iter().for_each(|it| add(format_args!("{it:?}")));
        self.users.values().for_each(|it| add(format_args!("{it:?}")));
        self.shared.iter().for_each(|it| add(format_args!("{it:?}")));
        self.grants.iter().for_each(|it| add(format_args!("{it:?}")));
        let rows = self.messages.leaves().flat_map(|page| page.rows());
        rows.for_each(|it| add(format_args!("{it:?}")));
        self.graves().for_each(|it| add(format_args!("{it:?}")));
        self.mailboxes().for_each(|it| it.describe(&mut add));
        *hasher.finalize().as_bytes()
    }

    /// What is counted and kept, and does not agree with what there is.
    pub(crate) fn wrong_counters(&self) -> Vec<String> {
        let seen = self.mailboxes().filter_map(|mailbox| mailbox.check_seen());
        seen.chain(self.check_usage()).collect()
    }

    /// All mailboxes by id.
    pub(super) fn mailboxes(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.mailboxes.leaves().flat_map(|page| page.mailboxes())
    }

    /// All users by name (account 0).
    pub(crate) fn users(&self) -> &BTreeMap<String, Arc<User>> {
        &self.users
    }

    /// The account that the next user gets (account 0).
    pub(crate) fn next_account(&self) -> u64 {
        self.next_account
    }
}

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
#[derive(Debug, Default, Clone, Eq)]
pub struct Flags {
    system: u8,
    keywords: Vec<u16>,
}

impl PartialEq for Flags {
    /// Most messages have no keywords. An empty vector points nowhere, and glibc's memcmp for AVX-512 takes
    /// a hundred nanoseconds to read no octets from there; so it is not asked.
    fn eq(&self, other: &Self) -> bool {
        self.system == other.system
            && self.keywords.len() == other.keywords.len()
            && (self.keywords.is_empty() || self.keywords == other.keywords)
    }
}

impl std::hash::Hash for Flags {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.system.hash(state);
        self.keywords.hash(state);
    }
}

/// All five system flags.
const SYSTEM_FLAGS: u8 = 31;

impl Flags {
    /// Whether a system flag is set.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.system & flag as u8 != 0
    }

    /// The numbers of the keywords, ascending; [`Mailbox::keywords`] names them.
    pub fn keywords(&self) -> &[u16] {
        &self.keywords
    }

    pub(super) fn new(system: u8, mut keywords: Vec<u16>) -> Self {
        keywords.sort_unstable();
        keywords.dedup();
        Self { system: system & SYSTEM_FLAGS, keywords }
    }

    /// These with or without \Seen.
    pub(super) fn with_seen(mut self, is_seen: bool) -> Self {
        let seen = SystemFlag::Seen as u8;
        self.system = if is_seen { self.system | seen } else { self.system & !seen };
        self
    }

    pub(super) fn system(&self) -> u8 {
        self.system
    }

    /// These and `more`.
    pub(super) fn with(&self, more: &Self) -> Self {
        Self::new(self.system | more.system, [&self.keywords[..], &more.keywords[..]].concat())
    }

    /// These without `less`.
    pub(super) fn without(&self, less: &Self) -> Self {
        let keywords = self.keywords.iter().copied().filter(|it| !less.keywords.contains(it)).collect();
        Self { system: self.system & !less.system, keywords }
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.octet(self.system);
        out.number(self.keywords.len() as u64);
        self.keywords.iter().for_each(|&keyword| out.number(keyword.into()));
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let system = input.octet()?;
        if system & !SYSTEM_FLAGS != 0 {
            return Err(Malformed);
        }
        let count = input.count()?;
        let keywords = (0..count).map(|_| input.number_u16()).collect::<Result<_, _>>()?;
        Ok(Self::new(system, keywords))
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
