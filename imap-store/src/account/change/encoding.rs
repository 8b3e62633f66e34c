//! The octets of a [`Change`], as `docs/STORAGE.md` has them: its kind, then its fields ([`super::fields`]).

use super::fields::{
    Form, decode_created, decode_seen_mode, encode_created, encode_seen_mode, mailbox, name,
};
use super::{Append, Change, FlagsChange, SeenChange, Transfer, Undelete};
use crate::account::codec::{Decoder, Encoder, Malformed};
use crate::account::files::{decode_replaced, encode_replaced};
use crate::account::metadata::{decode_values, encode_values};
use crate::account::quota::Quota;
use crate::account::rights::Rights;
use crate::account::transfer::{Departure, Token};
use crate::log::{AccountId, Seq};

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
    pub(super) const LEAP_AT: u8 = 39;
}

impl Change {
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
            Self::Leap { from, epoch, at } => {
                out.octet(kind::LEAP_AT);
                out.number(from.0);
                out.number(*epoch);
                out.signed(*at);
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
            kind::LEAP => Self::Leap { from: Seq(input.number()?), epoch: input.number()?, at: 0 },
            kind::LEAP_AT => {
                Self::Leap { from: Seq(input.number()?), epoch: input.number()?, at: input.signed()? }
            }
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
