//! Saving what changed: which accounts are dirty, in which order their rows are written, and the thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::StoreError;
use crate::account::rows::{self, Saved};
use crate::account::{Account, Core, Dirt, Snapshot};
use crate::engine::Write;
use crate::index::{Index, Meta};
use crate::log::{AccountId, Log, Position};

/// A checkpoint is due when that many octets of changes came together ...
pub(crate) const DIRTY_OCTETS_MAX: u64 = 64 << 20;
/// ... and at the latest after that time.
const INTERVAL: Duration = Duration::from_secs(30);
/// Rows are written in batches of about that size.
const BATCH_OCTETS: usize = 1 << 20;

/// The accounts that are loaded, and where they are saved.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) index: Index,
    pub(crate) log: Log,
    pub(crate) dirt: Arc<Dirt>,
    pub(crate) is_lazy: bool,
    slots: Mutex<BTreeMap<AccountId, Arc<Slot>>>,
    /// Up to where the checkpoint that counts goes.
    saved_to: Mutex<Position>,
    /// One checkpoint at a time.
    saving: Mutex<()>,
}

/// An account's place: empty until it is loaded.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) account: Mutex<Option<Account>>,
    saved: Mutex<Saved>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// A slot of an account that has been read already.
    pub(crate) fn loaded(account: Account, saved: Saved) -> Self {
        Self { account: Mutex::new(Some(account)), saved: Mutex::new(saved) }
    }
}

impl Accounts {
    pub(crate) fn new(
        index: Index,
        log: Log,
        dirt: Arc<Dirt>,
        is_lazy: bool,
        slots: BTreeMap<AccountId, Arc<Slot>>,
        saved_to: Position,
    ) -> Self {
        let (slots, saved_to, saving) = (Mutex::new(slots), Mutex::new(saved_to), Mutex::new(()));
        Self { index, log, dirt, is_lazy, slots, saved_to, saving }
    }

    /// Whether something is not saved yet.
    fn has_dirty(&self) -> bool {
        let slots: Vec<Arc<Slot>> = locked(&self.slots).values().cloned().collect();
        slots.iter().any(|slot| locked(&slot.account).as_ref().is_some_and(|it| it.core().is_dirty()))
    }

    /// The account, loaded when it is not yet (blocking then): `open` makes an account of its state. One that
    /// is nowhere is empty, or, if it `must_exist`, says that the index is damaged.
    pub(crate) fn account(
        &self,
        id: AccountId,
        must_exist: impl FnOnce() -> bool,
        open: impl FnOnce(Arc<Core>) -> Account,
    ) -> Result<Account, StoreError> {
        let slot = locked(&self.slots).entry(id).or_default().clone();
        let mut account = locked(&slot.account);
        if let Some(account) = &*account {
            return Ok(account.clone());
        }
        let loaded = rows::load(&*self.index.engine, id).and_then(|loaded| match loaded {
            None if must_exist() => {
                Err(StoreError::Damaged { what: format!("account {} in the index", id.0) })
            }
            loaded => Ok(loaded),
        });
        let loaded = loaded.inspect_err(|error| {
            tracing::error!(%error, "the index is made again at the next start");
            self.index.condemn();
        })?;
        let (state, saved) = loaded.unwrap_or_default();
        *locked(&slot.saved) = saved;
        let core = Core::new(id, Arc::new(state), self.log.clone(), self.dirt.clone());
        Ok(account.insert(open(Arc::new(core))).clone())
    }

    /// The published state of an account, without loading it for longer; empty when there is none. Blocking.
    pub(crate) fn snapshot(&self, id: AccountId) -> Result<Arc<Snapshot>, StoreError> {
        let slot = locked(&self.slots).get(&id).cloned();
        let loaded = slot.and_then(|slot| locked(&slot.account).as_ref().map(|it| it.core().snapshot()));
        match loaded {
            Some(snapshot) => Ok(snapshot),
            None => Ok(Arc::new(rows::load(&*self.index.engine, id)?.unwrap_or_default().0)),
        }
    }

    /// Saves everything that was published before the call. Blocking.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        let _saving = locked(&self.saving);
        // What is published behind this point makes its account dirty again.
        let replay_from = self.log.published();
        self.dirt.reset();
        let slots: Vec<Arc<Slot>> = locked(&self.slots).values().cloned().collect();
        let loaded = slots.into_iter().filter_map(|slot| {
            let core = locked(&slot.account).as_ref()?.core().clone();
            Some((slot, core))
        });
        let dirty: Vec<_> = loaded.filter(|(_, core)| core.take_dirty()).collect();
        let states = dirty.iter().map(|(slot, core)| (&**slot, core.id(), core.snapshot())).collect();
        let saved = self.save(replay_from, states);
        if saved.is_err() {
            dirty.iter().for_each(|(_, core)| core.set_dirty());
        }
        saved
    }

    fn save(&self, replay_from: Position, states: Vec<State<'_>>) -> Result<(), StoreError> {
        let bound = self.log.published();
        let mut position = locked(&self.saved_to);
        let meta = Meta { store: self.log.store_id(), replay_from, bound, is_lazy: self.is_lazy };
        // The bound goes first: a checkpoint that is cut short must not hold more than it says.
        self.index.put_meta(Meta { replay_from: *position, ..meta })?;
        let mut rest = &states[..];
        while !rest.is_empty() {
            rest = self.save_some(rest)?;
        }
        self.index.put_meta(meta)?;
        *position = replay_from;
        self.index.name_in_manifest().map_err(|error| StoreError::Unavailable { reason: error.to_string() })
    }

    /// Saves the first of these accounts, as many as make a batch; returns the others.
    fn save_some<'a, 'b>(&self, states: &'b [State<'a>]) -> Result<&'b [State<'a>], StoreError> {
        let mut pages = Vec::new();
        let mut written = Vec::new();
        for (slot, id, state) in states {
            if !written.is_empty() && octets(&pages) >= BATCH_OCTETS {
                break;
            }
            let mut saved = locked(&slot.saved);
            let unsaved = saved.put_pages(*id, state, &mut pages);
            written.push((saved, unsaved));
        }
        if !pages.is_empty() {
            self.apply_in_pieces(&pages)?;
        }
        let mut roots = Vec::new();
        let mut rooted = Vec::new();
        for ((saved, unsaved), (_, id, state)) in written.iter_mut().zip(states) {
            saved.pages_are_saved(std::mem::take(unsaved));
            rooted.push(saved.put_root(*id, state, &mut roots));
        }
        self.index.engine.apply(&roots)?;
        let count = written.len();
        written.iter_mut().zip(rooted).for_each(|((saved, _), rooted)| saved.root_is_saved(rooted));
        Ok(&states[count..])
    }

    /// Pages need not come all at once: they count only once a row names them.
    fn apply_in_pieces(&self, pages: &[Write]) -> Result<(), StoreError> {
        let rows = (BATCH_OCTETS / ROW_OCTETS).max(1);
        pages.chunks(rows).try_for_each(|piece| self.index.engine.apply(piece))
    }
}

/// An account's state that is to be saved.
type State<'a> = (&'a Slot, AccountId, Arc<Snapshot>);

/// About what a row takes.
const ROW_OCTETS: usize = 2_000;

fn octets(batch: &[Write]) -> usize {
    batch.len() * ROW_OCTETS
}

/// The thread's work: a checkpoint when one is due, until the accounts are gone or everybody who could tell is.
pub(crate) fn run(accounts: &Weak<Accounts>, due: &Receiver<()>, is_stopped: &AtomicBool) {
    loop {
        match due.recv_timeout(INTERVAL) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(accounts) = accounts.upgrade().filter(|_| !is_stopped.load(Ordering::Acquire)) else {
            return;
        };
        if accounts.has_dirty()
            && let Err(error) = accounts.checkpoint()
        {
            tracing::error!(%error, "the checkpoint was not saved");
        }
    }
}
