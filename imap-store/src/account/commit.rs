//! The commit: a decision on the head, its place in the log's queue, and the wait until it is published.
//!
//! ```text
//!   published ──────────────────────────────► head
//!   (readers)      queued, on their way       (decisions)
//! ```
//!
//! The head is the published state plus what is queued. Under its lock a change is decided, folded and
//! queued, so that the order of the log is the order of the account. The writer publishes; whoever waits
//! only waits, so a future that is dropped changes nothing. When the queue was refused (its epoch rose), the
//! head falls back to what is published, and what had only been read there is decided again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, oneshot};

use super::apply::apply;
use super::change::Change;
use super::decide::Decided;
use super::snapshot::{MailboxId, Snapshot};
use super::watch::{Watch, Watchers};
use crate::blocking::block_on;
use crate::log::{AccountId, Claim, Log, NamesBodies, Position, Seq, Waiter};
use crate::{CommitTimes, StoreError};

/// What of all accounts is not in a checkpoint yet.
#[derive(Debug)]
pub(crate) struct Dirt {
    octets: AtomicU64,
    octets_max: u64,
    wake: SyncSender<()>,
    times: CommitTimes,
}

impl Dirt {
    /// When more than `octets_max` octets of changes came together, `wake` is told; `times` of each change.
    pub(crate) fn new(octets_max: u64, wake: SyncSender<()>, times: CommitTimes) -> Self {
        Self { octets: AtomicU64::new(0), octets_max, wake, times }
    }

    fn add(&self, octets: u64) {
        let before = self.octets.fetch_add(octets, Ordering::Relaxed);
        if before < self.octets_max && before + octets >= self.octets_max {
            // A full channel means that somebody was told already.
            let _ = self.wake.try_send(());
        }
    }

    /// Asks for a checkpoint now.
    pub(crate) fn hurry(&self) {
        // As above.
        let _ = self.wake.try_send(());
    }

    /// A checkpoint begins.
    pub(crate) fn reset(&self) {
        self.octets.store(0, Ordering::Relaxed);
    }
}

/// An account's states, and its way into the log.
#[derive(Debug)]
pub(crate) struct Core {
    id: AccountId,
    log: Log,
    head: Mutex<Head>,
    published: ArcSwap<Snapshot>,
    watchers: Watchers,
    /// Told whenever something was published or refused: for those who only read the head.
    settled: Notify,
    dirty: AtomicBool,
    dirt: Arc<Dirt>,
}

#[derive(Debug)]
struct Head {
    state: Arc<Snapshot>,
    epoch: u64,
}

/// How a decision went into the queue.
enum Queued<T> {
    /// Wait for the log.
    Change(oneshot::Receiver<Result<(), StoreError>>, T, Claim),
    /// Wait until what was read is published: the seq, and the epoch in which it was read.
    Read(Seq, u64, Result<T, StoreError>),
    /// The queue was refused in between: decide again.
    Again,
    /// There is no room for what somebody brings in.
    NoRoom(StoreError),
}

impl Core {
    pub(crate) fn new(id: AccountId, state: Arc<Snapshot>, log: Log, dirt: Arc<Dirt>) -> Self {
        log.shown(weak(&state));
        Self {
            id,
            head: Mutex::new(Head { state: state.clone(), epoch: log.epoch() }),
            log,
            watchers: Watchers::default(),
            published: ArcSwap::new(state),
            settled: Notify::new(),
            dirty: AtomicBool::new(false),
            dirt,
        }
    }

    pub(crate) fn id(&self) -> AccountId {
        self.id
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    pub(crate) fn watch(&self, mailbox: MailboxId) -> Watch {
        self.watchers.watch(&self.published.load(), mailbox)
    }

    /// Whether somebody besides the account itself has it, a change in the queue for example, or watches it.
    pub(crate) fn is_held(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1 || !self.watchers.is_empty()
    }

    /// Whether something was published since the last call.
    pub(crate) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// Whether something was published that is not saved.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// Says that the state has yet to be saved (the checkpoint failed, or it was never saved).
    pub(crate) fn set_dirty(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// Decides on the head, queues, waits until it is published. `decide` may run more than once.
    ///
    /// `octets` is about what the change will take in the queue.
    pub(crate) async fn commit<T>(
        self: &Arc<Self>,
        octets: usize,
        decide: impl Fn(&Snapshot) -> Decided<T>,
    ) -> Result<T, StoreError> {
        self.commit_in(None, octets, decide).await
    }

    /// The same, blocking. On a thread of its own, since this one may be a runtime's.
    pub(crate) fn commit_blocking<T: Send>(
        self: &Arc<Self>,
        octets: usize,
        decide: impl Fn(&Snapshot) -> Decided<T> + Send + Sync,
    ) -> Result<T, StoreError> {
        let gone = |_| Err(StoreError::Unavailable { reason: "the thread that waits panicked".to_owned() });
        std::thread::scope(|scope| {
            scope.spawn(|| block_on(self.commit(octets, decide))).join().unwrap_or_else(gone)
        })
    }

    /// The same, refused when the log's epoch is no longer `epoch`: the change names a body that was queued
    /// in it, and that is lost if the queue was refused since.
    pub(crate) async fn commit_in<T>(
        self: &Arc<Self>,
        epoch: Option<u64>,
        octets: usize,
        decide: impl Fn(&Snapshot) -> Decided<T>,
    ) -> Result<T, StoreError> {
        let (mut was_refused, mut has_waited) = (false, false);
        loop {
            self.log.room(octets).await?;
            match self.try_queue(epoch, &decide)? {
                Queued::Change(answered, answer, claim) => {
                    let outcome = answered.await.unwrap_or_else(|_| {
                        Err(StoreError::InDoubt { reason: "the log's writer is gone".to_owned() })
                    });
                    // It stood behind somebody who wanted more than there was: it may have what is kept back.
                    let is_unwritten = matches!(outcome, Err(StoreError::Unavailable { .. }));
                    if is_unwritten && !was_refused && claim != Claim::Grow && self.log.is_short() {
                        was_refused = true;
                        continue;
                    }
                    return outcome.map(|()| answer);
                }
                Queued::Read(seq, epoch, answer) => {
                    if self.published(seq, epoch).await {
                        return answer;
                    }
                }
                Queued::Again => {}
                Queued::NoRoom(error) if has_waited => return Err(error),
                Queued::NoRoom(_) => {
                    has_waited = true;
                    self.log.admit_in_time(Claim::Grow).await?;
                }
            }
        }
    }

    /// One attempt, under the head's lock.
    fn try_queue<T>(
        self: &Arc<Self>,
        epoch: Option<u64>,
        decide: &impl Fn(&Snapshot) -> Decided<T>,
    ) -> Result<Queued<T>, StoreError> {
        let mut head = self.head();
        if epoch.is_some_and(|epoch| epoch != head.epoch) {
            return Err(StoreError::Unavailable {
                reason: "a write failed while the message came in".to_owned(),
            });
        }
        let (seq, epoch) = (head.state.seq(), head.epoch);
        let decision = match decide(&head.state) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Queued::Read(seq, epoch, Err(refusal))),
        };
        let Some(change) = decision.change else {
            return Ok(Queued::Read(seq, epoch, Ok(decision.answer)));
        };
        let claim = change.claim();
        match self.log.admit(claim) {
            Err(error) if claim == Claim::Grow => return Ok(Queued::NoRoom(error)),
            admitted => admitted?,
        }
        let (sender, receiver) = oneshot::channel();
        Ok(match self.queue(&mut head, &change, Some(sender), true) {
            Ok(()) => Queued::Change(receiver, decision.answer, claim),
            Err(()) => Queued::Again,
        })
    }

    /// Decides and queues without waiting for anything. A refusal by the queue is forgotten.
    pub(crate) fn queue_quietly<T>(
        self: &Arc<Self>,
        decide: impl FnOnce(&Snapshot) -> (Option<Change>, T),
    ) -> T {
        let mut head = self.head();
        let (change, answer) = decide(&head.state);
        if let Some(change) = change {
            let _ = self.queue(&mut head, &change, None, false);
        }
        answer
    }

    fn queue(
        self: &Arc<Self>,
        head: &mut Head,
        change: &Change,
        answer: Option<oneshot::Sender<Result<(), StoreError>>>,
        is_news: bool,
    ) -> Result<(), ()> {
        let state = Arc::new(apply(&head.state, change));
        let payload = change.encode();
        let waiter = Box::new(Commit {
            core: self.clone(),
            state: state.clone(),
            octets: payload.len() as u64,
            began: self.dirt.times.begin(),
            answer,
            is_news,
        });
        match self.log.enqueue(head.epoch, self.id, state.seq(), payload, waiter) {
            Ok(_) => {
                head.state = state;
                Ok(())
            }
            Err(_) if self.log.epoch() != head.epoch => Err(()),
            // The log takes nothing any more. The head stays; the waiter tells whoever waits.
            Err(waiter) => {
                let closed = || StoreError::Unavailable { reason: "the log is closed".to_owned() };
                waiter.failed(self.log.refusal().unwrap_or_else(closed));
                Ok(())
            }
        }
    }

    /// The head, fallen back to what is published if the queue was refused since it was last used.
    fn head(&self) -> MutexGuard<'_, Head> {
        // A decision that panicked has left the head as it was.
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.log.epoch();
        if epoch != head.epoch {
            *head = Head { state: self.published.load_full(), epoch };
        }
        head
    }

    /// Waits until `seq`, read in `epoch`, is published; false when it never will be.
    async fn published(&self, seq: Seq, epoch: u64) -> bool {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.published.load().seq() >= seq {
                return true;
            }
            if self.log.epoch() != epoch {
                return false;
            }
            settled.await;
        }
    }
}

/// By which compaction knows a state as long as somebody holds it.
fn weak(state: &Arc<Snapshot>) -> Weak<dyn NamesBodies> {
    let state: Weak<Snapshot> = Arc::downgrade(state);
    state
}

/// A queued change.
struct Commit {
    core: Arc<Core>,
    state: Arc<Snapshot>,
    octets: u64,
    began: Option<Instant>,
    answer: Option<oneshot::Sender<Result<(), StoreError>>>,
    /// Whether sessions are to look at the new state.
    is_news: bool,
}

impl Waiter for Commit {
    fn committed(&mut self, _position: Position) {
        self.core.log.shown(weak(&self.state));
        self.core.published.store(self.state.clone());
        self.core.set_dirty();
        self.core.dirt.add(self.octets);
    }

    fn is_quick(&self) -> bool {
        !self.is_news || self.core.watchers.are_few(&self.state)
    }

    fn wake(self: Box<Self>) {
        self.core.dirt.times.end(self.began);
        if let Some(answer) = self.answer {
            // Whoever asked may have gone.
            let _ = answer.send(Ok(()));
        }
        self.core.settled.notify_waiters();
        if self.is_news {
            self.core.watchers.tell(&self.state);
        }
    }

    fn failed(self: Box<Self>, error: StoreError) {
        if let Some(answer) = self.answer {
            let _ = answer.send(Err(error));
        }
        self.core.settled.notify_waiters();
    }
}
