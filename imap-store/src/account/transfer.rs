//! A MOVE into another account: what both accounts know of it as long as it is on its way.
//!
//! ```text
//!   source                                     target
//!   Depart: these messages, with a token
//!                                              Arrive: an append, and the token
//!   Departed: the messages are gone
//!                                              ForgetArrival: so is the token
//! ```
//!
//! Each is one change of one account, and comes when the one before it is published. Whoever finds a departure
//! that nobody is at work on asks the target: if it knows the token, the messages have arrived and leave the
//! source; if not, they stay. Until then nobody else may move or expunge them.

use std::sync::Arc;

use imap_proto::types::{DateTime, Flag, NumberSet, Uid};

use super::change::{Append, Change, mailbox};
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision, FirstNumber, existing};
use super::mailbox::Mailbox;
use super::ops::Appended;
use super::quota::Usage;
use super::rights::{Access, Rights};
use super::snapshot::{MailboxId, MessageNumber, Snapshot};
use super::threads::Ids;
use crate::StoreError;
use crate::log::AccountId;

/// By which the target of a MOVE knows it: the source, and a number there that is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token {
    pub(crate) account: AccountId,
    pub(crate) number: u64,
}

impl Token {
    pub(super) fn encode(self, out: &mut Encoder) {
        out.number(self.account.0);
        out.number(self.number);
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self { account: AccountId(input.number()?), number: input.number()? })
    }
}

/// Messages that are on their way into another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Departure {
    /// The number of its token.
    pub(crate) number: u64,
    pub(crate) target: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) uids: NumberSet,
}

impl Departure {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.number);
        out.number(self.target.0);
        out.number(self.mailbox.0);
        out.set(&self.uids);
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            number: input.number()?,
            target: AccountId(input.number()?),
            mailbox: mailbox(input)?,
            uids: input.set()?,
        })
    }
}

/// A message of the source, as the target is to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passenger {
    pub(crate) uid: u32,
    pub(crate) number: MessageNumber,
    pub(crate) size_octets: u64,
    pub(crate) flags: Vec<Flag>,
    pub(crate) internal_date: DateTime,
    pub(crate) ids: Ids,
}

impl Snapshot {
    /// The messages that are on their way into other accounts, by the numbers of their tokens.
    pub(crate) fn departures(&self) -> impl Iterator<Item = &Departure> {
        self.departures.values()
    }

    /// The tokens of messages that have arrived, as long as their source may ask for them.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Token> + '_ {
        self.arrivals.iter().copied()
    }

    pub(crate) fn has_departure(&self, number: u64) -> bool {
        self.departures.contains_key(&number)
    }

    pub(crate) fn has_arrival(&self, token: Token) -> bool {
        self.arrivals.contains(&token)
    }

    /// Those of `uids` that are not on their way into another account.
    pub(super) fn staying(&self, mailbox: MailboxId, uids: NumberSet) -> NumberSet {
        let leaving = self.departures.values().filter(|departure| departure.mailbox == mailbox);
        leaving.fold(uids, |uids, departure| uids.difference(&departure.uids))
    }

    /// The messages of a mailbox as somebody is to take them elsewhere: those of `uids` that are there.
    pub(super) fn passengers(
        &self,
        access: &Access,
        from: MailboxId,
        uids: &NumberSet,
    ) -> Result<Vec<Passenger>, StoreError> {
        let mailbox = self.mailbox(from).ok_or(StoreError::NonExistent { what: "mailbox" })?;
        access.require(mailbox, Rights::READ)?;
        let mailbox = match access {
            Access::Whole => mailbox.clone(),
            Access::Of(who) => mailbox.seen_by(who),
        };
        let there = mailbox.existing(uids);
        let uids = there.iter().filter_map(Uid::new);
        Ok(uids.filter_map(|uid| self.passenger(&mailbox, uid)).collect())
    }

    fn passenger(&self, mailbox: &Mailbox, uid: Uid) -> Option<Passenger> {
        let message = mailbox.get(uid)?;
        Some(Passenger {
            uid: uid.get(),
            number: message.number,
            size_octets: message.size_octets,
            flags: mailbox.wire_flags(&message.flags),
            internal_date: message.internal_date,
            ids: self.ids(message.number)?,
        })
    }

    pub(super) fn take_departure(&mut self, departure: &Departure) {
        Arc::make_mut(&mut self.departures).insert(departure.number, departure.clone());
    }

    /// The end of a departure; what it says goes, whether its beginning is known or lost.
    pub(super) fn take_departed(&mut self, number: u64, from: MailboxId, uids: &NumberSet) {
        Arc::make_mut(&mut self.departures).remove(&number);
        if !uids.is_empty() {
            self.take_expunge(from, uids, None);
        }
    }

    pub(super) fn take_arrival(&mut self, token: Token, append: &Append) {
        if self.take_append(append) {
            Arc::make_mut(&mut self.arrivals).insert(token);
        }
    }

    pub(super) fn take_forgotten(&mut self, token: Token) {
        Arc::make_mut(&mut self.arrivals).remove(&token);
    }
}

/// What an account's row has of it.
pub(super) fn encode_transfers(state: &Snapshot, out: &mut Encoder) {
    out.number(state.departures.len() as u64);
    state.departures.values().for_each(|departure| departure.encode(out));
    out.number(state.arrivals.len() as u64);
    state.arrivals.iter().for_each(|token| token.encode(out));
}

pub(super) fn decode_transfers(input: &mut Decoder<'_>, state: &mut Snapshot) -> Result<(), Malformed> {
    for _ in 0..input.count()? {
        state.take_departure(&Departure::decode(input)?);
    }
    for _ in 0..input.count()? {
        Arc::make_mut(&mut state.arrivals).insert(Token::decode(input)?);
    }
    Ok(())
}

/// What messages take where they arrive.
pub(crate) fn usage_of(passengers: &[Passenger]) -> Usage {
    Usage {
        messages: passengers.len() as u64,
        storage_octets: passengers.iter().fold(0, |sum, it| sum.saturating_add(it.size_octets)),
        mailboxes: 0,
    }
}

/// Refuses what the target would refuse, before octets are carried there for nothing.
pub(super) fn may_arrive(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    usage: Usage,
) -> Result<(), StoreError> {
    access.require(existing(state, mailbox)?, Rights::INSERT)?;
    state.require_room(usage)
}

/// Refuses who may not take messages away (RFC 6851 §4.2 asks for what COPY, STORE and EXPUNGE need).
pub(super) fn may_depart(state: &Snapshot, access: &Access, mailbox: MailboxId) -> Result<(), StoreError> {
    let wanted = Rights::READ.with(Rights::DELETE_MESSAGES).with(Rights::EXPUNGE);
    access.require(existing(state, mailbox)?, wanted).map(drop)
}

/// Messages set out: those of `uids` that are there and go nowhere else yet. [`StoreError::Expunged`] when it is
/// to be all of them, and is not. The answer is the token's number, and the messages with the flags that they
/// have now; `None` when there is none.
pub(super) fn depart(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    uids: &NumberSet,
    skips_missing: bool,
    target: AccountId,
) -> Decided<Option<(u64, Vec<Passenger>)>> {
    may_depart(state, access, mailbox)?;
    let there = state.staying(mailbox, existing(state, mailbox)?.existing(uids));
    if !skips_missing && there != *uids {
        return Err(StoreError::Expunged);
    }
    if there.is_empty() {
        return Ok(Decision::nothing(None));
    }
    let passengers = state.passengers(access, mailbox, &there)?;
    // The change's own seq: no other change of the account ever has it.
    let number = state.seq.0 + 1;
    let departure = Departure { number, target, mailbox, uids: there };
    Ok(Decision::change(Change::Depart(departure), Some((number, passengers))))
}

/// An append, with the token of where it comes from.
pub(super) fn arrive(
    token: Option<Token>,
    decided: Decided<(Appended, FirstNumber)>,
) -> Decided<(Appended, FirstNumber)> {
    let mut decision = decided?;
    if let (Some(token), Some(Change::Append(append))) = (token, &decision.change) {
        decision.change = Some(Change::Arrive { token, append: append.clone() });
    }
    Ok(decision)
}

/// The end of a departure that is still open: its messages leave if they have arrived, and stay if not.
pub(crate) fn depart_at_last(state: &Snapshot, number: u64, has_arrived: bool) -> Decided<()> {
    let Some(departure) = state.departures.get(&number) else { return Ok(Decision::nothing(())) };
    let there = |mailbox: &Arc<Mailbox>| mailbox.existing(&departure.uids);
    let gone = state.mailbox(departure.mailbox).map(there).filter(|_| has_arrived);
    let change = Change::Departed { number, mailbox: departure.mailbox, uids: gone.unwrap_or_default() };
    Ok(Decision::change(change, ()))
}

/// A token that nobody will ask for any more.
pub(crate) fn forget(state: &Snapshot, token: Token) -> (Option<Change>, ()) {
    (state.has_arrival(token).then_some(Change::ForgetArrival(token)), ())
}
