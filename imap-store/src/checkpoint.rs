//! Saving what changed: which accounts are dirty, in which order their rows are written, and the thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, MutexGuard, Weak};
use std::time::Duration;

use crate::StoreError;
use crate::account::Snapshot;
use crate::accounts::{Accounts, Slot, locked};
use crate::engine::Write;
use crate::index::Meta;
use crate::log::{AccountId, Position};

/// A checkpoint is due when that many octets of changes came together ...
pub(crate) const DIRTY_OCTETS_MAX: u64 = 64 << 20;
/// ... and at the latest after that time.
const INTERVAL: Duration = Duration::from_secs(30);
/// Rows are written in batches of about that size.
const BATCH_OCTETS: usize = 1 << 20;

impl Accounts {
    /// Whether something is not saved yet.
    fn has_dirty(&self) -> bool {
        self.slots().iter().any(|slot| slot.core().is_some_and(|core| core.is_dirty()))
    }

    /// Saves everything that was published before the call. Blocking.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        self.checkpoint_alone(&locked(&self.saving))
    }

    /// What the thread does when it is woken: saves what is not saved, and gives back what nobody uses.
    fn round(&self) {
        // To its end: who holds this sees none of its handles of accounts.
        let alone = locked(&self.saving);
        if self.has_dirty()
            && let Err(error) = self.checkpoint_alone(&alone)
        {
            tracing::error!(%error, "the checkpoint was not saved");
        }
        self.tidy();
    }

    fn checkpoint_alone(&self, _alone: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        // What is published behind this point makes its account dirty again.
        let replay_from = self.log.published();
        self.dirt.reset();
        let loaded = self.slots().into_iter().filter_map(|slot| slot.core().map(|core| (slot, core)));
        // Held from here on: so none of them is given back before it is saved.
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
        accounts.round();
    }
}
