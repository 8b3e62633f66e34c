//! COPY and MOVE into another account. [`crate::account::transfer`] has the changes.
//!
//! A MOVE is four changes, each of one account, and no two accounts are ever locked together. Between them the
//! process may end: so an account with an open departure is not handed out before that is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use imap_proto::types::NumberSet;

use crate::account::transfer::{self, Departure, Passenger, Token};
use crate::account::{Account, Copied, Ids, MailboxId, NewMessage, Snapshot, Uploaded};
use crate::accounts::locked;
use crate::blocking::block_on;
use crate::log::AccountId;
use crate::{Store, StoreError};

/// Octets of a message that are read at once.
const PIECE_OCTETS: u64 = 256 << 10;
/// About what the end of a departure takes in the queue.
const DEPARTED_OCTETS: usize = 512;

/// Messages that are to come into another account. The rights are those of the two handles
/// ([`Account::as_user`]).
#[derive(Debug, Clone)]
pub struct Across {
    /// Where they are.
    pub source: Account,
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// Which of it.
    pub uids: NumberSet,
    /// Those that are gone are left out; else one of them makes [`StoreError::Expunged`] of it all.
    pub skips_missing: bool,
    /// The other account.
    pub target: Account,
    /// Its mailbox.
    pub target_mailbox: MailboxId,
}

/// The accounts that messages are leaving right now, each with how many MOVEs are at it.
#[derive(Debug, Default)]
pub(crate) struct Departing(Mutex<BTreeMap<AccountId, usize>>);

/// As long as it lives somebody sees to the departures of an account.
struct AtWork<'a>(&'a Departing, AccountId);

impl Departing {
    fn begin(&self, account: AccountId) -> AtWork<'_> {
        *locked(&self.0).entry(account).or_default() += 1;
        AtWork(self, account)
    }

    fn is_at(&self, account: AccountId) -> bool {
        locked(&self.0).contains_key(&account)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut all = locked(&self.0.0);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}

impl Store {
    /// Copies messages into another account, all or none, octet by octet, with flags, dates and ids. Blocking, and
    /// long for many. `None` when none is there. [`StoreError::NonExistent`] and [`StoreError::NoPerm`] can be
    /// about either side.
    pub fn copy_across(&self, what: &Across) -> Result<Option<Copied>, StoreError> {
        let Some(cargo) = Cargo::load(what)? else { return Ok(None) };
        let (uids, messages) = cargo.messages(cargo.passengers.clone());
        block_on(what.arrive(uids, messages, None)).map(Some)
    }

    /// Moves them: a crash at any time leaves each message in exactly one of the two accounts. Blocking, and not to be
    /// broken off. After [`StoreError::InDoubt`] they are in one of them too once the source is next opened.
    pub fn move_across(&self, what: &Across) -> Result<Option<Copied>, StoreError> {
        what.source.may_depart(what.mailbox)?;
        let Some(cargo) = Cargo::load(what)? else { return Ok(None) };
        let source = &what.source;
        let _at_work = self.departing().begin(source.id());
        let uids = cargo.uids();
        let departed = source.depart(what.mailbox, &uids, what.skips_missing, what.target.id());
        let Some((number, passengers)) = block_on(departed)? else { return Ok(None) };
        let (uids, messages) = cargo.messages(passengers);
        let arrived = block_on(what.arrive(uids, messages, Some(number)));
        if matches!(arrived, Err(StoreError::InDoubt { .. })) {
            return arrived.map(Some);
        }
        let settled = settle(source, number, Some(&what.target));
        match (arrived, settled) {
            (Ok(copied), Ok(())) => Ok(Some(copied)),
            (Ok(_), Err(error)) => {
                Err(StoreError::InDoubt { reason: format!("messages arrived and could not leave: {error}") })
            }
            (Err(refusal), settled) => {
                if let Err(error) = settled {
                    tracing::warn!(%error, "messages that were not moved count as leaving for now");
                }
                Err(refusal)
            }
        }
    }
}

impl Across {
    async fn arrive(
        &self,
        source: NumberSet,
        messages: Vec<(NewMessage, Ids)>,
        departure: Option<u64>,
    ) -> Result<Copied, StoreError> {
        let appended = self.target.arrive(self.target_mailbox, self.source.id(), messages, departure).await?;
        Ok(Copied { uid_validity: appended.uid_validity, source, target: appended.uids })
    }
}

/// Messages whose octets lie in the log for the target.
struct Cargo {
    passengers: Vec<Passenger>,
    uploaded: BTreeMap<u32, Uploaded>,
}

impl Cargo {
    /// Carries the octets over; `None` when there are no such messages.
    fn load(what: &Across) -> Result<Option<Self>, StoreError> {
        if what.source.id() == what.target.id() {
            return Err(StoreError::Cannot { reason: "source and target are one account" });
        }
        let state = what.source.snapshot();
        let passengers = what.source.passengers(&state, what.mailbox, &what.uids)?;
        if !what.skips_missing && passengers.len() as u64 != what.uids.len() {
            return Err(StoreError::Expunged);
        }
        what.target.may_arrive(what.target_mailbox, &passengers)?;
        let mut uploaded = BTreeMap::new();
        for passenger in &passengers {
            uploaded.insert(passenger.uid, carry(what, &state, passenger)?);
        }
        Ok(Some(Self { passengers, uploaded }).filter(|cargo| !cargo.passengers.is_empty()))
    }

    fn uids(&self) -> NumberSet {
        self.passengers.iter().map(|passenger| passenger.uid).collect()
    }

    /// Those of the messages that set out, as they did.
    fn messages(&self, passengers: Vec<Passenger>) -> (NumberSet, Vec<(NewMessage, Ids)>) {
        let mut uids = NumberSet::new();
        let mut messages = Vec::new();
        for Passenger { uid, flags, internal_date, ids, .. } in passengers {
            let Some(uploaded) = self.uploaded.get(&uid).cloned() else { continue };
            uids.insert(uid);
            messages.push((NewMessage { uploaded, flags, internal_date: Some(internal_date) }, ids));
        }
        (uids, messages)
    }
}

fn carry(what: &Across, state: &Snapshot, passenger: &Passenger) -> Result<Uploaded, StoreError> {
    let mut upload = what.target.upload();
    let mut at = 0;
    while at < passenger.size_octets {
        let end = passenger.size_octets.min(at + PIECE_OCTETS);
        let octets = what.source.read_body(state, passenger.number, at..end)?;
        if octets.is_empty() {
            return Err(StoreError::Damaged { what: format!("the message with UID {}", passenger.uid) });
        }
        at += octets.len() as u64;
        block_on(upload.write(&octets))?;
    }
    block_on(upload.finish())
}

/// Ends a departure: the messages leave if `target` has them, and stay if not, or if it is no more. Blocking.
fn settle(source: &Account, number: u64, target: Option<&Account>) -> Result<(), StoreError> {
    let token = Token { account: source.id(), number };
    let arrived = target.filter(|target| target.snapshot().has_arrival(token));
    let decide = |state: &_| transfer::depart_at_last(state, number, arrived.is_some());
    source.core().commit_blocking(DEPARTED_OCTETS, decide)?;
    if let Some(target) = arrived {
        target.core().queue_quietly(|state| transfer::forget(state, token));
    }
    Ok(())
}

/// What an account is to do before it is handed out: it ends the departures that nobody is at work on, and forgets
/// the tokens that nobody will ask for.
///
/// `open` opens an account without this; `None` when it is no more. `state_of` tells what an account has published.
pub(crate) fn settle_all(
    account: &Account,
    departing: &Departing,
    open: impl Fn(AccountId) -> Result<Option<Account>, StoreError>,
    state_of: impl Fn(AccountId) -> Result<Option<Arc<Snapshot>>, StoreError>,
) -> Result<(), StoreError> {
    let state = account.snapshot();
    // Behind the look at the state: a departure in it that somebody is at work on is seen as such.
    if state.departures().next().is_some() && !departing.is_at(account.id()) {
        for Departure { number, target, .. } in state.departures() {
            settle(account, *number, open(*target)?.as_ref())?;
        }
    }
    let sources: BTreeSet<AccountId> = state.arrivals().map(|token| token.account).collect();
    for source in sources {
        let source_state = state_of(source)?;
        let is_open = |number| source_state.as_ref().is_some_and(|state| state.has_departure(number));
        for token in state.arrivals().filter(|token| token.account == source && !is_open(token.number)) {
            account.core().queue_quietly(|state| transfer::forget(state, token));
        }
    }
    Ok(())
}
