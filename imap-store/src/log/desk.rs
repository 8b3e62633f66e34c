//! The writer's desk: where others lay down what is to be done, and where the writer sleeps until they do.
//!
//! `tests/handover.rs` compiles this file once more, with a lock and a condition variable that try the orders in which
//! threads can come. So both are whatever the module above calls by these names.

use std::io;
use std::sync::PoisonError;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::queue::{Queue, State};
use super::turn::{self, Next, Work};
use super::{Condvar, Mutex, MutexGuard};
use crate::StoreError;

/// The queue and its lock. Many lay down, one takes.
pub(super) struct Desk {
    queue: Mutex<Queue>,
    /// Something was queued, a sync has ended, or the log is closing. Only the writer waits for it.
    work: Condvar,
}

impl Desk {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue: Mutex::new(queue), work: Condvar::new() }
    }

    /// Nothing under this lock can panic half way, so a poisoned lock is as good as another.
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something to do.
    pub(super) fn wake_writer(&self, mut queue: MutexGuard<'_, Queue>) {
        let wakes = queue.wakes();
        drop(queue);
        if wakes {
            self.work.notify_one();
        }
    }

    /// Asks for a sync of all that was written; the answer comes when it is made, or nothing when the writer dies.
    pub(super) fn ask_sync(&self) -> Result<Receiver<Result<(), StoreError>>, StoreError> {
        let (asked, answer) = mpsc::channel();
        let mut queue = self.lock();
        match queue.refusal() {
            Some(error) => return Err(error),
            None => queue.syncs.push(asked),
        }
        self.wake_writer(queue);
        Ok(answer)
    }

    /// The sync that was under way has ended.
    pub(super) fn sync_ended(&self, synced: io::Result<()>) {
        let mut queue = self.lock();
        queue.synced = Some(synced);
        self.wake_writer(queue);
    }

    /// Nothing more is taken; the writer ends once the queue is empty.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        if queue.state == State::Open {
            queue.state = State::Closed;
        }
        queue.stop = true;
        drop(queue);
        self.work.notify_all();
    }

    /// For the writer: waits for something to do, which may be that there was nothing for so long.
    pub(super) fn next_work(&self, idle_after: impl Fn(&Queue) -> Option<Duration>) -> Work {
        let mut queue = self.lock();
        loop {
            let idle_after = idle_after(&queue);
            let timeout = match turn::next(&mut queue, idle_after) {
                Next::Work(work) => return work,
                Next::Wait(timeout) => timeout,
            };
            queue = match timeout {
                None => self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    let (queue, waited) =
                        self.work.wait_timeout(queue, timeout).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && queue.pending.is_empty() && !queue.stop {
                        return Work::Idle;
                    }
                    queue
                }
            }
        }
    }

    /// For the writer: waits for the sync that is under way.
    pub(super) fn wait_synced(&self) -> io::Result<()> {
        let mut queue = self.lock();
        loop {
            if let Some(synced) = queue.take_synced() {
                return synced;
            }
            queue.is_asleep = true;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
