//! [`Change`]: one step in the life of an account, as it stands in the log.
//!
//! It says what was decided, not what was asked: UIDs, numbers, dates, ids. A kind that was released never
//! changes its meaning; what is new gets a new kind. `docs/STORAGE.md` has the octets.

use std::collections::BTreeMap;

use imap_proto::types::{DateTime, Flag, Keyword, MailboxName, NumberSet, SystemFlag, UidValidity};

use super::codec::{Decoder, Encoder, Malformed};
use super::files::{decode_replaced, encode_replaced};
use super::metadata::{MetadataValue, decode_values, encode_values};
use super::quota::Quota;
use super::rights::Rights;
use super::seen::{SEEN, SeenMode};
use super::snapshot::{Flags, MailboxId, SpecialUse};
use super::table::{decode_ids, encode_ids};
use super::threads::Ids;
use super::transfer::{Departure, Token};
use crate::log::{AccountId, BodyId, Claim, Seq};

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
    /// All counters go far ahead of `from`, since changes behind it may be lost that somebody saw. It is the
    /// one change whose seq does not follow the one before.
    Leap { from: Seq, epoch: u64 },
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

/// Which form of a change its octets have: those of the first have no fields that came later.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    First,
    Second,
}

/// Keywords that a mailbox gets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct NewKeywords {
    /// The number of the first of them; `None`: the next that the mailbox has. Where changes before this one
    /// are lost the mailbox has fewer keywords than it should, and only this keeps the numbers right.
    pub(crate) first: Option<u16>,
    pub(crate) names: Vec<Keyword>,
}

impl NewKeywords {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.first.map_or(0, |first| u64::from(first) + 1));
        encode_keywords(&self.names, out);
    }

    fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        let first = match form {
            Form::First => 0,
            Form::Second => input.number()?,
        };
        let first = match first.checked_sub(1) {
            Some(first) => Some(u16::try_from(first).map_err(|_| Malformed)?),
            None => None,
        };
        Ok(Self { first, names: decode_keywords(input)? })
    }
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

    fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        match form {
            Form::First => Ok(Self::ALL),
            Form::Second => Some(Self(input.octet()?)).filter(|it| it.0 <= Self::ALL.0).ok_or(Malformed),
        }
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

impl Undelete {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.graves.len() as u64);
        self.graves.iter().for_each(|&grave| out.number(grave));
        out.number(self.target.0);
        self.keywords.encode(out);
        out.number(self.first_uid.into());
        out.signed(self.saved_at);
    }

    fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        Ok(Self {
            graves: (0..input.count()?).map(|_| input.number()).collect::<Result<_, _>>()?,
            target: mailbox(input)?,
            keywords: NewKeywords::decode(input, form)?,
            first_uid: input.number_u32()?,
            saved_at: input.signed()?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMailbox {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    pub(crate) uid_validity: UidValidity,
    pub(crate) special_use: Option<SpecialUse>,
    pub(crate) subscribed: bool,
}

mod kind {
    pub(super) const APPEND: u8 = 1;
    pub(super) const FLAGS: u8 = 2;
    pub(super) const EXPUNGE: u8 = 3;
    pub(super) const COPY: u8 = 4;
    pub(super) const MOVE: u8 = 5;
    pub(super) const CREATE_MAILBOXES: u8 = 6;
    pub(super) const DELETE_MAILBOX: u8 = 7;
    pub(super) const RENAME: u8 = 8;
    pub(super) const RENAME_INBOX: u8 = 9;
    pub(super) const SUBSCRIBE: u8 = 10;
    pub(super) const RECENT: u8 = 11;
    pub(super) const RESERVE_ACCOUNT: u8 = 12;
    pub(super) const CREATE_USER: u8 = 13;
    pub(super) const SET_CREDENTIALS: u8 = 14;
    pub(super) const DELETE_USER: u8 = 15;
    pub(super) const LEAP: u8 = 16;
    pub(super) const EPOCH: u8 = 17;
    pub(super) const PURGE: u8 = 18;
    pub(super) const UNDELETE: u8 = 19;
    pub(super) const REPLACED: u8 = 20;
    // The second form of those above.
    pub(super) const APPEND_2: u8 = 21;
    pub(super) const FLAGS_2: u8 = 22;
    pub(super) const COPY_2: u8 = 23;
    pub(super) const MOVE_2: u8 = 24;
    pub(super) const UNDELETE_2: u8 = 25;
    pub(super) const CREATE_SHARED: u8 = 26;
    pub(super) const DELETE_SHARED: u8 = 27;
    pub(super) const GRANT: u8 = 28;
    pub(super) const FORGET_IDENTIFIER: u8 = 29;
    pub(super) const SET_ACL: u8 = 30;
    pub(super) const SEEN: u8 = 31;
    pub(super) const SET_SEEN_MODE: u8 = 32;
    pub(super) const SET_QUOTA: u8 = 33;
    pub(super) const SET_METADATA: u8 = 34;
    pub(super) const DEPART: u8 = 35;
    pub(super) const ARRIVE: u8 = 36;
    pub(super) const DEPARTED: u8 = 37;
    pub(super) const FORGET_ARRIVAL: u8 = 38;
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
            | Self::Grant { .. }
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
            | Self::Replaced { .. }
            | Self::Recent { .. }
            | Self::Leap { .. }
            | Self::Epoch { .. } => Claim::Free,
        }
    }

    /// The octets for the log.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        match self {
            Self::Append(append) => {
                out.octet(kind::APPEND_2);
                append.encode(&mut out);
            }
            Self::Flags(flags) => {
                out.octet(kind::FLAGS_2);
                flags.encode(&mut out);
            }
            Self::Seen(seen) => {
                out.octet(kind::SEEN);
                seen.encode(&mut out);
            }
            Self::SetSeenMode { mailbox, mode } => {
                out.octet(kind::SET_SEEN_MODE);
                out.number(mailbox.0);
                encode_seen_mode(*mode, &mut out);
            }
            Self::Expunge { mailbox, uids, at, purge_to } => {
                out.octet(kind::EXPUNGE);
                out.number(mailbox.0);
                out.set(uids);
                out.signed(*at);
                out.number(*purge_to);
            }
            Self::Copy(transfer) => {
                out.octet(kind::COPY_2);
                transfer.encode(&mut out);
            }
            Self::Move(transfer) => {
                out.octet(kind::MOVE_2);
                transfer.encode(&mut out);
            }
            Self::CreateMailboxes(created) => {
                out.octet(kind::CREATE_MAILBOXES);
                encode_created(created, &mut out);
            }
            Self::DeleteMailbox { mailbox, at, purge_to } => {
                out.octet(kind::DELETE_MAILBOX);
                out.number(mailbox.0);
                out.signed(*at);
                out.number(*purge_to);
            }
            Self::Rename { from, to, created } => {
                out.octet(kind::RENAME);
                out.octets(from.as_str().as_bytes());
                out.octets(to.as_str().as_bytes());
                encode_created(created, &mut out);
            }
            Self::RenameInbox { created, saved_at } => {
                out.octet(kind::RENAME_INBOX);
                encode_created(created, &mut out);
                out.signed(*saved_at);
            }
            Self::Subscribe { name, on } => {
                out.octet(kind::SUBSCRIBE);
                out.octets(name.as_str().as_bytes());
                out.octet(u8::from(*on));
            }
            Self::Recent { mailbox, up_to } => {
                out.octet(kind::RECENT);
                out.number(mailbox.0);
                out.number((*up_to).into());
            }
            Self::ReserveAccount { account } => {
                out.octet(kind::RESERVE_ACCOUNT);
                out.number(account.0);
            }
            Self::CreateUser { name, account, credentials } => {
                out.octet(kind::CREATE_USER);
                out.octets(name.as_bytes());
                out.number(account.0);
                out.octets(credentials);
            }
            Self::SetCredentials { name, credentials } => {
                out.octet(kind::SET_CREDENTIALS);
                out.octets(name.as_bytes());
                out.octets(credentials);
            }
            Self::DeleteUser { name } => {
                out.octet(kind::DELETE_USER);
                out.octets(name.as_bytes());
            }
            Self::Leap { from, epoch } => {
                out.octet(kind::LEAP);
                out.number(from.0);
                out.number(*epoch);
            }
            Self::Purge { up_to } => {
                out.octet(kind::PURGE);
                out.number(*up_to);
            }
            Self::Undelete(undelete) => {
                out.octet(kind::UNDELETE_2);
                undelete.encode(&mut out);
            }
            Self::Epoch { epoch, losses } => {
                out.octet(kind::EPOCH);
                out.number(*epoch);
                out.number(losses.len() as u64);
                losses.iter().for_each(|&loss| out.number(loss));
            }
            Self::Replaced { segments } => {
                out.octet(kind::REPLACED);
                encode_replaced(segments, &mut out);
            }
            Self::SetMetadata { mailbox, values } => {
                out.octet(kind::SET_METADATA);
                out.octet(u8::from(mailbox.is_some()));
                mailbox.iter().for_each(|mailbox| out.number(mailbox.0));
                encode_values(values, &mut out);
            }
            Self::SetQuota(quota) => {
                out.octet(kind::SET_QUOTA);
                quota.encode(&mut out);
            }
            Self::CreateShared { name, account } => {
                out.octet(kind::CREATE_SHARED);
                out.octets(name.as_bytes());
                out.number(account.0);
            }
            Self::DeleteShared { name } => {
                out.octet(kind::DELETE_SHARED);
                out.octets(name.as_bytes());
            }
            Self::Grant { identifier, account, on } => {
                out.octet(kind::GRANT);
                out.octets(identifier.as_bytes());
                out.number(account.0);
                out.octet(u8::from(*on));
            }
            Self::ForgetIdentifier { identifier } => {
                out.octet(kind::FORGET_IDENTIFIER);
                out.octets(identifier.as_bytes());
            }
            Self::Depart(departure) => {
                out.octet(kind::DEPART);
                departure.encode(&mut out);
            }
            Self::Arrive { token, append } => {
                out.octet(kind::ARRIVE);
                token.encode(&mut out);
                append.encode(&mut out);
            }
            Self::Departed { number, mailbox, uids } => {
                out.octet(kind::DEPARTED);
                out.number(*number);
                out.number(mailbox.0);
                out.set(uids);
            }
            Self::ForgetArrival(token) => {
                out.octet(kind::FORGET_ARRIVAL);
                token.encode(&mut out);
            }
            Self::SetAcl { mailbox, identifier, is_negative, rights } => {
                out.octet(kind::SET_ACL);
                out.number(mailbox.0);
                out.octets(identifier.as_bytes());
                out.octet(u8::from(*is_negative));
                rights.encode(&mut out);
            }
        }
        out.finish()
    }

    /// What [`Self::encode`] wrote; anything else is refused.
    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let change = match input.octet()? {
            kind::APPEND => Self::Append(Append::decode(&mut input, Form::First)?),
            kind::APPEND_2 => Self::Append(Append::decode(&mut input, Form::Second)?),
            kind::FLAGS => Self::Flags(FlagsChange::decode(&mut input, Form::First)?),
            kind::FLAGS_2 => Self::Flags(FlagsChange::decode(&mut input, Form::Second)?),
            kind::SEEN => Self::Seen(SeenChange::decode(&mut input)?),
            kind::SET_SEEN_MODE => {
                Self::SetSeenMode { mailbox: mailbox(&mut input)?, mode: decode_seen_mode(&mut input)? }
            }
            kind::EXPUNGE => Self::Expunge {
                mailbox: mailbox(&mut input)?,
                uids: input.set()?,
                at: input.signed()?,
                purge_to: input.number()?,
            },
            kind::COPY => Self::Copy(Transfer::decode(&mut input, Form::First)?),
            kind::COPY_2 => Self::Copy(Transfer::decode(&mut input, Form::Second)?),
            kind::MOVE => Self::Move(Transfer::decode(&mut input, Form::First)?),
            kind::MOVE_2 => Self::Move(Transfer::decode(&mut input, Form::Second)?),
            kind::CREATE_MAILBOXES => Self::CreateMailboxes(decode_created(&mut input)?),
            kind::DELETE_MAILBOX => Self::DeleteMailbox {
                mailbox: mailbox(&mut input)?,
                at: input.signed()?,
                purge_to: input.number()?,
            },
            kind::RENAME => Self::Rename {
                from: name(&mut input)?,
                to: name(&mut input)?,
                created: decode_created(&mut input)?,
            },
            kind::RENAME_INBOX => {
                Self::RenameInbox { created: decode_created(&mut input)?, saved_at: input.signed()? }
            }
            kind::SUBSCRIBE => Self::Subscribe { name: name(&mut input)?, on: input.flag()? },
            kind::RECENT => Self::Recent { mailbox: mailbox(&mut input)?, up_to: input.number_u32()? },
            kind::RESERVE_ACCOUNT => Self::ReserveAccount { account: AccountId(input.number()?) },
            kind::CREATE_USER => Self::CreateUser {
                name: input.text()?.to_owned(),
                account: AccountId(input.number()?),
                credentials: input.octets()?.to_vec(),
            },
            kind::SET_CREDENTIALS => {
                Self::SetCredentials { name: input.text()?.to_owned(), credentials: input.octets()?.to_vec() }
            }
            kind::DELETE_USER => Self::DeleteUser { name: input.text()?.to_owned() },
            kind::LEAP => Self::Leap { from: Seq(input.number()?), epoch: input.number()? },
            kind::PURGE => Self::Purge { up_to: input.number()? },
            kind::UNDELETE => Self::Undelete(Undelete::decode(&mut input, Form::First)?),
            kind::UNDELETE_2 => Self::Undelete(Undelete::decode(&mut input, Form::Second)?),
            kind::REPLACED => Self::Replaced { segments: decode_replaced(&mut input)? },
            kind::EPOCH => Self::Epoch {
                epoch: input.number()?,
                losses: (0..input.count()?).map(|_| input.number()).collect::<Result<_, _>>()?,
            },
            kind::SET_METADATA => Self::SetMetadata {
                mailbox: if input.flag()? { Some(mailbox(&mut input)?) } else { None },
                values: decode_values(&mut input)?,
            },
            kind::SET_QUOTA => Self::SetQuota(Quota::decode(&mut input)?),
            kind::CREATE_SHARED => {
                Self::CreateShared { name: input.text()?.to_owned(), account: AccountId(input.number()?) }
            }
            kind::DELETE_SHARED => Self::DeleteShared { name: input.text()?.to_owned() },
            kind::GRANT => Self::Grant {
                identifier: input.text()?.to_owned(),
                account: AccountId(input.number()?),
                on: input.flag()?,
            },
            kind::FORGET_IDENTIFIER => Self::ForgetIdentifier { identifier: input.text()?.to_owned() },
            kind::DEPART => Self::Depart(Departure::decode(&mut input)?),
            kind::ARRIVE => Self::Arrive {
                token: Token::decode(&mut input)?,
                append: Append::decode(&mut input, Form::Second)?,
            },
            kind::DEPARTED => {
                Self::Departed { number: input.number()?, mailbox: mailbox(&mut input)?, uids: input.set()? }
            }
            kind::FORGET_ARRIVAL => Self::ForgetArrival(Token::decode(&mut input)?),
            kind::SET_ACL => Self::SetAcl {
                mailbox: mailbox(&mut input)?,
                identifier: input.text()?.to_owned(),
                is_negative: input.flag()?,
                rights: Rights::decode(&mut input)?,
            },
            _ => return Err(Malformed),
        };
        input.end()?;
        Ok(change)
    }
}

impl Append {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.mailbox.0);
        self.keywords.encode(out);
        out.number(self.first_uid.into());
        out.number(self.first_number);
        out.signed(self.saved_at);
        out.number(self.messages.len() as u64);
        for (message, number) in self.messages.iter().zip(self.first_number..) {
            out.number(message.body.segment);
            out.number(message.body.record.into());
            out.number(message.size_octets);
            message.flags.encode(out);
            out.signed(message.internal_date.seconds());
            out.signed(message.internal_date.offset_minutes().into());
            out.fixed(message.key);
            encode_ids(message.ids, number, out);
        }
        let (user, uids) = self.seen_by.clone().unwrap_or_default();
        out.octets(user.as_bytes());
        out.set(&uids);
    }

    fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        let mailbox = mailbox(input)?;
        let keywords = NewKeywords::decode(input, form)?;
        let first_uid = input.number_u32()?;
        let first_number = input.number()?;
        let saved_at = input.signed()?;
        let messages = (0..input.count()?)
            .map(|at| AppendedMessage::decode(input, form, first_number.saturating_add(at as u64)))
            .collect::<Result<_, _>>()?;
        let mut seen_by = None;
        if form == Form::Second {
            let (user, uids) = (decode_user(input)?, input.set()?);
            seen_by = user.map(|user| (user, uids));
        }
        Ok(Self { mailbox, keywords, first_uid, first_number, saved_at, messages, seen_by })
    }
}

impl AppendedMessage {
    fn decode(input: &mut Decoder<'_>, form: Form, number: u64) -> Result<Self, Malformed> {
        Ok(Self {
            body: BodyId { segment: input.number()?, record: input.number_u32()? },
            size_octets: input.number()?,
            flags: Flags::decode(input)?,
            internal_date: {
                let seconds = input.signed()?;
                let offset = i16::try_from(input.signed()?).map_err(|_| Malformed)?;
                DateTime::new(seconds, offset).ok_or(Malformed)?
            },
            key: if form == Form::First { 0 } else { input.fixed()? },
            ids: if form == Form::First { Ids::new(number) } else { decode_ids(input, number)? },
        })
    }
}

impl FlagsChange {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.mailbox.0);
        self.keywords.encode(out);
        match &self.mode {
            FlagMode::Replace => out.octet(0),
            FlagMode::Add => out.octet(1),
            FlagMode::Remove => out.octet(2),
            FlagMode::ReplaceAmong(these) => {
                out.octet(3);
                these.encode(out);
            }
        }
        out.octet(self.mask.0);
        self.flags.encode(out);
        out.set(&self.uids);
    }

    fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        Ok(Self {
            mailbox: mailbox(input)?,
            keywords: NewKeywords::decode(input, form)?,
            mode: match input.octet()? {
                0 => FlagMode::Replace,
                1 => FlagMode::Add,
                2 => FlagMode::Remove,
                3 => FlagMode::ReplaceAmong(Flags::decode(input)?),
                _ => return Err(Malformed),
            },
            mask: FlagMask::decode(input, form)?,
            flags: Flags::decode(input)?,
            uids: input.set()?,
        })
    }
}

impl Transfer {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.source.0);
        out.number(self.target.0);
        self.keywords.encode(out);
        out.set(&self.uids);
        out.number(self.first_uid.into());
        out.signed(self.saved_at);
        out.octet(self.mask.0);
        out.octets(self.user.as_deref().unwrap_or_default().as_bytes());
    }

    fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        Ok(Self {
            source: mailbox(input)?,
            target: mailbox(input)?,
            keywords: NewKeywords::decode(input, form)?,
            uids: input.set()?,
            first_uid: input.number_u32()?,
            saved_at: input.signed()?,
            mask: FlagMask::decode(input, form)?,
            user: if form == Form::First { None } else { decode_user(input)? },
        })
    }
}

impl SeenChange {
    fn encode(&self, out: &mut Encoder) {
        out.number(self.mailbox.0);
        out.octets(self.user.as_bytes());
        out.octet(u8::from(self.is_seen));
        out.set(&self.uids);
        out.octet(u8::from(self.flags.is_some()));
        self.flags.iter().for_each(|flags| flags.encode(out));
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            mailbox: mailbox(input)?,
            user: input.text()?.to_owned(),
            is_seen: input.flag()?,
            uids: input.set()?,
            flags: if input.flag()? { Some(FlagsChange::decode(input, Form::Second)?) } else { None },
        })
    }
}

/// A user's name; empty: none.
fn decode_user(input: &mut Decoder<'_>) -> Result<Option<String>, Malformed> {
    Ok(Some(input.text()?.to_owned()).filter(|user| !user.is_empty()))
}

pub(super) fn encode_seen_mode(mode: SeenMode, out: &mut Encoder) {
    out.octet(match mode {
        SeenMode::PerUser => 0,
        SeenMode::Shared => 1,
    });
}

pub(super) fn decode_seen_mode(input: &mut Decoder<'_>) -> Result<SeenMode, Malformed> {
    Ok(if input.flag()? { SeenMode::Shared } else { SeenMode::PerUser })
}

fn encode_created(created: &[NewMailbox], out: &mut Encoder) {
    out.number(created.len() as u64);
    for mailbox in created {
        out.number(mailbox.id.0);
        out.octets(mailbox.name.as_str().as_bytes());
        out.number(mailbox.uid_validity.get().into());
        encode_special_use(mailbox.special_use, out);
        out.octet(u8::from(mailbox.subscribed));
    }
}

fn decode_created(input: &mut Decoder<'_>) -> Result<Vec<NewMailbox>, Malformed> {
    (0..input.count()?)
        .map(|_| {
            Ok(NewMailbox {
                id: mailbox(input)?,
                name: name(input)?,
                uid_validity: UidValidity::new(input.number_u32()?).ok_or(Malformed)?,
                special_use: decode_special_use(input)?,
                subscribed: input.flag()?,
            })
        })
        .collect()
}

pub(super) fn encode_special_use(special_use: Option<SpecialUse>, out: &mut Encoder) {
    out.octet(match special_use {
        None => 0,
        Some(SpecialUse::Archive) => 1,
        Some(SpecialUse::Drafts) => 2,
        Some(SpecialUse::Junk) => 3,
        Some(SpecialUse::Sent) => 4,
        Some(SpecialUse::Trash) => 5,
    });
}

pub(super) fn decode_special_use(input: &mut Decoder<'_>) -> Result<Option<SpecialUse>, Malformed> {
    Ok(match input.octet()? {
        0 => None,
        1 => Some(SpecialUse::Archive),
        2 => Some(SpecialUse::Drafts),
        3 => Some(SpecialUse::Junk),
        4 => Some(SpecialUse::Sent),
        5 => Some(SpecialUse::Trash),
        _ => return Err(Malformed),
    })
}

pub(super) fn encode_keywords(keywords: &[Keyword], out: &mut Encoder) {
    out.number(keywords.len() as u64);
    keywords.iter().for_each(|keyword| out.octets(keyword.as_str().as_bytes()));
}

pub(super) fn decode_keywords(input: &mut Decoder<'_>) -> Result<Vec<Keyword>, Malformed> {
    (0..input.count()?).map(|_| Keyword::new(input.text()?).ok_or(Malformed)).collect()
}

pub(super) fn mailbox(input: &mut Decoder<'_>) -> Result<MailboxId, Malformed> {
    Ok(MailboxId(input.number()?))
}

pub(super) fn name(input: &mut Decoder<'_>) -> Result<MailboxName, Malformed> {
    MailboxName::new(input.text()?).map_err(|_| Malformed)
}
