//! The accounts of a store that are in memory: loaded when somebody asks, given back when nobody holds them
//! and memory is short.
//!
//! ```text
//!            account()                        nobody holds it, it is saved, memory is short
//!   empty ──────────────> loaded (held or idle) ─────────────────────────────────────────> empty
//! ```
//!
//! A slot is an account's only place: its states are decided under one head. So an account is taken out of its
//! slot only when the slot holds the last handle, and a slot leaves the map only when the map does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::StoreError;
use crate::account::rows::{self, Saved};
use crate::account::{Account, Core, Dirt, Snapshot};
use crate::fold::fold;
use crate::index::Index;
use crate::log::{AccountId, Log, Position};

/// The accounts that are loaded, and where they are saved.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) index: Index,
    pub(crate) log: Log,
    pub(crate) dirt: Arc<Dirt>,
    pub(crate) is_lazy: bool,
    slots: Mutex<BTreeMap<AccountId, Arc<Slot>>>,
    memory: Memory,
    /// Up to where the checkpoint that counts goes.
    pub(crate) saved_to: Mutex<Position>,
    /// One checkpoint at a time.
    pub(crate) saving: Mutex<()>,
}

/// What the loaded accounts take together, about.
#[derive(Debug)]
struct Memory {
    octets: AtomicU64,
    octets_max: u64,
    /// Rises with each use of an account.
    clock: AtomicU64,
}

/// An account's place: empty until it is loaded, and again once it was given back.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    account: Mutex<Option<Account>>,
    pub(crate) saved: Mutex<Saved>,
    /// When it was last asked for, by the clock of [`Memory`].
    used: AtomicU64,
    /// What it counts in [`Memory`].
    octets: AtomicU64,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// A slot of an account that has been read already.
    pub(crate) fn loaded(account: Account, saved: Saved) -> Self {
        Self { account: Mutex::new(Some(account)), saved: Mutex::new(saved), ..Self::default() }
    }

    /// The account's states, if it is loaded.
    pub(crate) fn core(&self) -> Option<Arc<Core>> {
        locked(&self.account).as_ref().map(|account| account.core().clone())
    }
}

impl Accounts {
    pub(crate) fn new(
        index: Index,
        log: Log,
        dirt: Arc<Dirt>,
        is_lazy: bool,
        octets_max: u64,
        slots: BTreeMap<AccountId, Arc<Slot>>,
        saved_to: Position,
    ) -> Self {
        let (slots, saved_to, saving) = (Mutex::new(slots), Mutex::new(saved_to), Mutex::new(()));
        let memory = Memory { octets: AtomicU64::new(0), octets_max, clock: AtomicU64::new(0) };
        Self { index, log, dirt, is_lazy, slots, memory, saved_to, saving }
    }

    /// All slots, of accounts that are loaded or may be.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        locked(&self.slots).values().cloned().collect()
    }

    fn slot(&self, id: AccountId) -> Arc<Slot> {
        locked(&self.slots).entry(id).or_default().clone()
    }

    /// The account, loaded when it is not (blocking then): `open` makes an account of its state. One that is
    /// nowhere is empty. Where its rows are damaged, or missing though it `must_exist`, it is made again from the log.
    pub(crate) fn account(
        &self,
        id: AccountId,
        must_exist: impl FnOnce() -> bool,
        open: impl FnOnce(Arc<Core>) -> Account,
    ) -> Result<Account, StoreError> {
        let slot = self.slot(id);
        slot.used.store(self.memory.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut place = locked(&slot.account);
        if let Some(account) = &*place {
            return Ok(account.clone());
        }
        let (state, saved, is_saved) = self.load(id, must_exist)?;
        *locked(&slot.saved) = saved;
        let core = Core::new(id, Arc::new(state), self.log.clone(), self.dirt.clone());
        if !is_saved {
            core.set_dirty();
        }
        let account = place.insert(open(Arc::new(core))).clone();
        self.memory.count(&slot, &account);
        drop(place);
        if self.memory.is_short() {
            self.give_back();
        }
        Ok(account)
    }

    /// The published state of an account, without loading it for longer; empty when there is none. Blocking.
    pub(crate) fn snapshot(&self, id: AccountId) -> Result<Arc<Snapshot>, StoreError> {
        let slot = self.slot(id);
        // Held while its rows are read: so nobody changes them meanwhile.
        let place = locked(&slot.account);
        match &*place {
            Some(account) => Ok(account.snapshot()),
            None => Ok(Arc::new(self.load(id, || false)?.0)),
        }
    }

    /// The state of an account that is not loaded, what of it is saved, and whether all of it is. Blocking.
    fn load(
        &self,
        id: AccountId,
        must_exist: impl FnOnce() -> bool,
    ) -> Result<(Snapshot, Saved, bool), StoreError> {
        let error = match rows::load(&*self.index.engine, id) {
            Ok(Some((state, saved))) => return Ok((state, saved, true)),
            Ok(None) if !must_exist() => return Ok((Snapshot::default(), Saved::default(), true)),
            Ok(None) => StoreError::Damaged { what: format!("account {} in the index", id.0) },
            Err(error) => error,
        };
        tracing::error!(%error, "the account is made again from the log, and the index at the next start");
        self.index.condemn();
        Ok((fold(&self.log, id)?, Saved::default(), false))
    }

    /// Counts anew what the loaded accounts take, and gives back idle ones if that is too much. Summary files that are
    /// mostly garbage are written anew.
    pub(crate) fn tidy(&self) {
        for slot in self.slots() {
            if let Some(account) = &*locked(&slot.account) {
                self.memory.count(&slot, account);
                account.tidy_summaries();
            }
        }
        self.give_back();
    }

    /// Drops accounts that nobody holds and that are saved, those that were not used for longest first, until
    /// an eighth of what accounts may take is free. If that cannot be since some are not saved, the checkpoint
    /// is hurried.
    fn give_back(&self) {
        if !self.memory.is_short() {
            return;
        }
        let mut slots = self.slots();
        slots.sort_by_key(|slot| slot.used.load(Ordering::Relaxed));
        let enough = self.memory.octets_max - self.memory.octets_max / 8;
        let mut are_dirty = false;
        for slot in &slots {
            if self.memory.octets.load(Ordering::Relaxed) <= enough {
                break;
            }
            are_dirty |= self.give_back_one(slot) == Idle::Dirty;
        }
        drop(slots);
        if are_dirty && self.memory.is_short() {
            self.dirt.hurry();
        }
        locked(&self.slots).retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_empty());
    }

    fn give_back_one(&self, slot: &Slot) -> Idle {
        // One that is being loaded is in use; to wait for it could be to wait for each other.
        let mut place = match slot.account.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            Err(TryLockError::WouldBlock) => return Idle::No,
        };
        let idle = match &*place {
            Some(account) if account.is_held() => Idle::No,
            Some(account) if account.core().is_dirty() => Idle::Dirty,
            Some(_) => Idle::Saved,
            None => Idle::No,
        };
        if idle == Idle::Saved {
            *place = None;
            *locked(&slot.saved) = Saved::default();
            self.memory.forget(slot);
        }
        idle
    }

    /// How many accounts are loaded.
    #[cfg(test)]
    pub(crate) fn loaded(&self) -> usize {
        self.slots().iter().filter(|slot| !slot.is_empty()).count()
    }

    /// How many slots there are.
    #[cfg(test)]
    pub(crate) fn slot_count(&self) -> usize {
        locked(&self.slots).len()
    }
}

/// Whether an account can be given back.
#[derive(PartialEq)]
enum Idle {
    /// Not: somebody holds it, or it is not loaded.
    No,
    /// Not before it is saved.
    Dirty,
    Saved,
}

impl Slot {
    fn is_empty(&self) -> bool {
        locked(&self.account).is_none()
    }
}

impl Memory {
    fn count(&self, slot: &Slot, account: &Account) {
        let octets = account.octets();
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.octets.fetch_sub(slot.octets.swap(octets, Ordering::Relaxed), Ordering::Relaxed);
    }

    fn forget(&self, slot: &Slot) {
        self.octets.fetch_sub(slot.octets.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }

    fn is_short(&self) -> bool {
        self.octets.load(Ordering::Relaxed) > self.octets_max
    }
}
