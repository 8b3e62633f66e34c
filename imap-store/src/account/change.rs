//! [`Change`]: one step in the life of an account, as it stands in the log.
//!
//! It says what was decided, not what was asked: UIDs, numbers, dates, ids. A kind that was released never
//! changes its meaning; what is new gets a new kind. `change/encoding.rs` has the octets.

mod encoding;
mod fields;

use std::collections::BTreeMap;

use imap_proto::types::{DateTime, Flag, Keyword, MailboxName, NumberSet, SystemFlag, UidValidity};

use super::metadata::MetadataValue;
use super::quota::Quota;
use super::rights::Rights;
use super::seen::{SEEN, SeenMode};
use super::snapshot::{Flags, MailboxId, SpecialUse};
use super::threads::Ids;
use super::transfer::{Departure, Token};
use crate::log::{AccountId, BodyId, Claim, Seq};

pub(super) use fields::{
    decode_keywords, decode_seen_mode, decode_special_use, encode_keywords, encode_seen_mode,
    encode_special_use, mailbox, name,
};

/// One change of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Messages came in, all with consecutive UIDs and numbers.
    Append(Append),
    /// Flags of messages are others now.
    Flags(FlagsChange),
    /// A user who is not the owner has seen messages, or not, and maybe changed other flags with that.
    Seen(SeenChange),
    /// Whose \Seen counts in a mailbox.
    SetSeenMode { mailbox: MailboxId, mode: SeenMode },
    /// Messages are gone, into the graveyard; graves up to `purge_to` go with that.
    Expunge { mailbox: MailboxId, uids: NumberSet, at: i64, purge_to: u64 },
    /// Messages stand in another mailbox too.
    Copy(Transfer),
    /// Messages stand in another mailbox now, and no longer where they were.
    Move(Transfer),
    /// There are new mailboxes, parents first.
    CreateMailboxes(Vec<NewMailbox>),
    /// A mailbox is gone with all its messages; its name too if nothing is below it.
    /// Its messages go into the graveyard, graves up to `purge_to` go with that.
    DeleteMailbox { mailbox: MailboxId, at: i64, purge_to: u64 },
    /// Everything that was named `from` or below it is named `to` now; `created` are the new parents.
    Rename { from: MailboxName, to: MailboxName, created: Vec<NewMailbox> },
    /// INBOX was renamed: new mailboxes, and all messages of INBOX stand in the last of them.
    RenameInbox { created: Vec<NewMailbox>, saved_at: i64 },
    /// Names are subscribed, or no longer.
    Subscribe { name: MailboxName, on: bool },
    /// A session was told of messages below this UID as \Recent. Raises no MODSEQ of the mailbox.
    Recent { mailbox: MailboxId, up_to: u32 },
    /// Account 0: a number is given away and never again.
    ReserveAccount { account: AccountId },
    /// Account 0: there is a user.
    CreateUser { name: String, account: AccountId, credentials: Vec<u8> },
    /// Account 0: a user's credentials are others now.
    SetCredentials { name: String, credentials: Vec<u8> },
    /// Account 0: a user is gone.
    DeleteUser { name: String },
    /// All counters go far ahead of `from`, since changes behind it may be lost that somebody saw; the later, in seconds
    /// since 1970, the further. It is the one change whose seq does not follow the one before.
    Leap { from: Seq, epoch: u64, at: i64 },
    /// Graves up to that one are gone.
    Purge { up_to: u64 },
    /// Messages came back out of the graveyard.
    Undelete(Undelete),
    /// Account 0: changes were lost, every account has to leap.
    Epoch { epoch: u64, losses: Vec<u64> },
    /// Account 0: compaction wrote the files of these segments anew for the so-manyeth time; `None`: removed them.
    Replaced { segments: BTreeMap<u64, Option<u32>> },
    /// Annotations of a mailbox, or of the account as a whole, are others now.
    SetMetadata { mailbox: Option<MailboxId>, values: Vec<MetadataValue> },
    /// What the account may hold.
    SetQuota(Quota),
    /// Account 0: there is an account that is no person's.
    CreateShared { name: String, account: AccountId },
    /// Account 0: such an account is gone.
    DeleteShared { name: String },
    /// Account 0: an identifier may stand in an ACL of an account, or stands in none any more.
    Grant { identifier: String, account: AccountId, on: bool },
    /// Nothing in the account is a user's or a group's any more: its entries are gone from all ACLs.
    ForgetIdentifier { identifier: String },
    /// Messages set out for another account ([`super::transfer`]).
    Depart(Departure),
    /// Messages came in from another account, which may ask for the token.
    Arrive { token: Token, append: Append },
    /// A departure is over. Its messages that were still there are gone, having arrived; none: they stay.
    Departed { number: u64, mailbox: MailboxId, uids: NumberSet },
    /// Nobody will ask for a token any more.
    ForgetArrival(Token),
    /// An identifier has these rights in a mailbox, or, if negative, is denied them; none: no entry.
    SetAcl { mailbox: MailboxId, identifier: String, is_negative: bool, rights: Rights },
}

/// Keywords that a mailbox gets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct NewKeywords {
    /// The number of the first of them; `None`: the next that the mailbox has. Where changes before this one
    /// are lost the mailbox has fewer keywords than it should, and only this keeps the numbers right.
    pub(crate) first: Option<u16>,
    pub(crate) names: Vec<Keyword>,
}

/// Which flags somebody may change: system flags by their bits, and bit 5 for all keywords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlagMask(u8);

impl FlagMask {
    pub(crate) const ALL: Self = Self(63);
    const KEYWORDS: u8 = 32;

    /// RFC 4314 §4: `s` for \Seen, `t` for \Deleted, `w` for all others.
    pub(super) fn of(rights: Rights) -> Self {
        let (seen, deleted) = (SystemFlag::Seen as u8, SystemFlag::Deleted as u8);
        let mut mask = 0;
        for (right, bits) in [
            (Rights::SEEN, seen),
            (Rights::DELETE_MESSAGES, deleted),
            (Rights::WRITE, Self::ALL.0 & !seen & !deleted),
        ] {
            mask |= if rights.has(right) { bits } else { 0 };
        }
        Self(mask)
    }

    /// Without \Seen.
    pub(super) fn without_seen(self) -> Self {
        Self(self.0 & !SEEN)
    }

    pub(super) fn allows_seen(self) -> bool {
        self.0 & SEEN != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a flag that a client named is one of these; `\Recent` and what we do not know never matters.
    pub(super) fn allows(self, flag: &Flag) -> bool {
        match flag {
            Flag::System(flag) => self.0 & *flag as u8 != 0,
            Flag::Keyword(_) => self.0 & Self::KEYWORDS != 0,
            _ => true,
        }
    }

    pub(super) fn allows_keywords(self) -> bool {
        self.0 & Self::KEYWORDS != 0
    }

    /// Those of `flags` that are in it.
    pub(super) fn keep(self, flags: &Flags) -> Flags {
        let keywords = if self.0 & Self::KEYWORDS != 0 { flags.keywords().to_vec() } else { Vec::new() };
        Flags::new(flags.system() & self.0, keywords)
    }

    /// Those of `flags` that are not in it.
    fn leave(self, flags: &Flags) -> Flags {
        Self(Self::ALL.0 & !self.0).keep(flags)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Append {
    pub(crate) mailbox: MailboxId,
    pub(crate) keywords: NewKeywords,
    pub(crate) first_uid: u32,
    pub(crate) first_number: u64,
    pub(crate) saved_at: i64,
    pub(crate) messages: Vec<AppendedMessage>,
    /// The UIDs of those that a user who is not the owner has seen.
    pub(crate) seen_by: Option<(String, NumberSet)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppendedMessage {
    pub(crate) body: BodyId,
    pub(crate) size_octets: u64,
    pub(crate) flags: Flags,
    pub(crate) internal_date: DateTime,
    /// The key of its own id ([`super::threads`]); 0: none.
    pub(crate) key: u64,
    pub(crate) ids: Ids,
}

/// How the flags of a [`FlagsChange`] are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FlagMode {
    Replace,
    Add,
    Remove,
    /// Of these, exactly those asked for; all others stay.
    ReplaceAmong(Flags),
}

impl FlagMode {
    /// What becomes of `old`. Nothing outside of `mask` changes; `asked` lies within it.
    pub(super) fn apply(&self, old: &Flags, asked: &Flags, mask: FlagMask) -> Flags {
        match self {
            Self::Replace if mask == FlagMask::ALL => asked.clone(),
            Self::Replace => mask.leave(old).with(asked),
            Self::Add => old.with(asked),
            Self::Remove => old.without(asked),
            Self::ReplaceAmong(these) => old.without(&mask.keep(these)).with(asked),
        }
    }

    /// What becomes of \Seen; `None`: it stays.
    pub(super) fn seen_after(&self, asked: &Flags, mask: FlagMask) -> Option<bool> {
        let is_asked = asked.has(SystemFlag::Seen);
        let to = match self {
            Self::Replace => Some(is_asked),
            Self::Add => is_asked.then_some(true),
            Self::Remove => is_asked.then_some(false),
            Self::ReplaceAmong(these) if these.has(SystemFlag::Seen) => Some(is_asked),
            Self::ReplaceAmong(_) => is_asked.then_some(true),
        };
        to.filter(|_| mask.allows_seen())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlagsChange {
    pub(crate) mailbox: MailboxId,
    pub(crate) keywords: NewKeywords,
    pub(crate) mode: FlagMode,
    /// No other flags are touched, and `flags` has no others.
    pub(crate) mask: FlagMask,
    pub(crate) flags: Flags,
    pub(crate) uids: NumberSet,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenChange {
    pub(crate) mailbox: MailboxId,
    pub(crate) user: String,
    pub(crate) is_seen: bool,
    pub(crate) uids: NumberSet,
    /// What changes for everybody.
    pub(crate) flags: Option<FlagsChange>,
}

/// Messages of `source` that come into `target`, in ascending order, with UIDs from `first_uid` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) source: MailboxId,
    pub(crate) target: MailboxId,
    /// Those of the messages that the target has not.
    pub(crate) keywords: NewKeywords,
    pub(crate) uids: NumberSet,
    pub(crate) first_uid: u32,
    pub(crate) saved_at: i64,
    /// Only these flags come along.
    pub(crate) mask: FlagMask,
    /// Who did it, if not the owner: what they see of the source, they see of the target.
    pub(crate) user: Option<String>,
}

/// Messages that come out of `graves` (ascending) into `target`, with UIDs from `first_uid` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelete {
    pub(crate) graves: Vec<u64>,
    pub(crate) target: MailboxId,
    pub(crate) keywords: NewKeywords,
    pub(crate) first_uid: u32,
    pub(crate) saved_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMailbox {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    pub(crate) uid_validity: UidValidity,
    pub(crate) special_use: Option<SpecialUse>,
    pub(crate) subscribed: bool,
}

impl Change {
    /// The seq that the account has before this change, which has `seq`.
    pub(crate) fn seq_before(&self, seq: Seq) -> Seq {
        match self {
            Self::Leap { from, .. } => *from,
            _ => Seq(seq.0.saturating_sub(1)),
        }
    }

    /// What it wants of a disk that is nearly full.
    pub(crate) fn claim(&self) -> Claim {
        match self {
            Self::Append(_)
            | Self::Arrive { .. }
            | Self::Copy(_)
            | Self::Undelete(_)
            | Self::CreateMailboxes(_)
            | Self::SetMetadata { .. }
            | Self::ReserveAccount { .. }
            | Self::CreateUser { .. }
            | Self::CreateShared { .. } => Claim::Grow,
            Self::Flags(_)
            | Self::Seen(_)
            | Self::SetSeenMode { .. }
            | Self::Move(_)
            | Self::Depart(_)
            | Self::Rename { .. }
            | Self::RenameInbox { .. }
            | Self::Subscribe { .. }
            | Self::SetCredentials { .. }
            | Self::Grant { on: true, .. }
            | Self::SetAcl { .. }
            | Self::SetQuota(_) => Claim::Change,
            Self::Expunge { .. }
            | Self::DeleteMailbox { .. }
            | Self::Purge { .. }
            | Self::Departed { .. }
            | Self::ForgetArrival(_)
            | Self::DeleteUser { .. }
            | Self::DeleteShared { .. }
            | Self::ForgetIdentifier { .. }
            | Self::Grant { on: false, .. }
            | Self::Replaced { .. }
            | Self::Recent { .. }
            | Self::Leap { .. }
            | Self::Epoch { .. } => Claim::Free,
        }
    }
}
