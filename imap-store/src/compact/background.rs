//! The thread that compacts by itself: with low priority, at a bounded rate, when the log has grown enough; and at
//! once when the disk is nearly full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Pace, round};
use crate::log::Relief;
use crate::{Store, StoreError};

/// The thread, and how it is stopped.
#[derive(Debug)]
pub(crate) struct Compactor {
    thread: JoinHandle<()>,
    is_stopped: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

impl Compactor {
    /// Starts it; `store` gives the store as long as there is one. Who wants room learns from `relief` of its work.
    pub(crate) fn start(
        store: impl Fn() -> Option<Store> + Send + 'static,
        relief: Arc<Relief>,
    ) -> std::io::Result<Self> {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (wake, woken) = sync_channel(1);
        relief.begin(wake.clone());
        let stopped = Arc::clone(&is_stopped);
        let run = move || {
            let farewell = Farewell(relief);
            run(&store, &farewell.0, &stopped, &woken);
        };
        let thread = thread::Builder::new().name("compaction".to_owned()).spawn(run)?;
        Ok(Self { thread, is_stopped, wake })
    }

    /// Ends it, in the middle of a round if need be, and waits for that.
    pub(crate) fn stop(self) {
        self.is_stopped.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let _ = self.wake.try_send(());
        // The thread itself may have held the store last.
        if self.thread.thread().id() != thread::current().id() {
            let _ = self.thread.join();
        }
    }
}

/// Whatever ends the thread: nobody waits for it any more.
struct Farewell(Arc<Relief>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn run(store: &dyn Fn() -> Option<Store>, relief: &Relief, is_stopped: &AtomicBool, woken: &Receiver<()>) {
    // For this thread alone, as Linux has it. It is no harm where it does not work.
    let _ = rustix::process::setpriority_process(None, NICE);
    let mut octets_after = 0;
    let mut rest = Duration::ZERO;
    loop {
        // Who is refused rings, again and again: the disk is looked through no more than a tenth of the time.
        thread::park_timeout(rest);
        let is_rung = match woken.recv_timeout(INTERVAL) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(store) = store().filter(|_| !is_stopped.load(Ordering::Acquire)) else { return };
        rest = Duration::ZERO;
        let missing = store.log().octets_missing();
        if missing > 0 && (is_rung || relief.has_hope()) {
            let begin = Instant::now();
            relief.works();
            relieve(&store, missing, relief, is_stopped);
            rest = (10 * begin.elapsed()).clamp(RELIEF_INTERVAL_MIN, INTERVAL);
            relief.rests(rest);
        } else if let Some(after) = run_if_due(&store, octets_after, is_stopped) {
            octets_after = after;
        }
    }
}

/// The disk is nearly full: what is expunged is not kept for longer, as far as need be, and its room comes back.
fn relieve(store: &Store, missing: u64, relief: &Relief, is_stopped: &AtomicBool) {
    let closing = || StoreError::Unavailable { reason: "the store is closing".to_owned() };
    let go_on = || {
        relief.progressed();
        if is_stopped.load(Ordering::Acquire) { Err(closing()) } else { Ok(()) }
    };
    let pace = Pace { go_on: &go_on, wrote: &|_| {}, is_short: true, progress: &|_| {} };
    let Some(_alone) = store.try_maintenance() else { return };
    // Twice of it, since bodies come back only by whole segments.
    match store.purge_oldest(2 * missing).and_then(|purged| Ok((purged, round(store, false, &pace)?))) {
        Ok((purged, report)) => {
            report.findings.iter().for_each(|finding| tracing::warn!(finding, "compaction"));
            let (before, after) = (report.octets_before, report.octets_after);
            tracing::warn!(missing, purged, before, after, "the disk is nearly full: the log was compacted");
        }
        Err(error) => tracing::warn!(%error, "the disk is nearly full, and no room could be made"),
    }
}

/// Returns how large the log is now, if there was a round.
fn run_if_due(store: &Store, octets_after: u64, is_stopped: &AtomicBool) -> Option<u64> {
    let octets = store.log().octets_on_disk().ok()?;
    if octets < octets_after + (octets_after / 4).max(GROWTH_OCTETS_MIN) {
        return None;
    }
    // A backup may take hours; the next time will do.
    let _alone = store.try_maintenance()?;
    let closing = || StoreError::Unavailable { reason: "the store is closing".to_owned() };
    let pace = Pace {
        go_on: &|| if is_stopped.load(Ordering::Acquire) { Err(closing()) } else { Ok(()) },
        wrote: &|octets| thread::sleep(Duration::from_secs(1).mul_f64(octets as f64 / OCTETS_A_SECOND)),
        is_short: false,
        progress: &|_| {},
    };
    match round(store, false, &pace) {
        Ok(report) => {
            report.findings.iter().for_each(|finding| tracing::warn!(finding, "compaction"));
            let (before, after) = (report.octets_before, report.octets_after);
            let (images, rewritten, removed) = (report.images, report.rewritten, report.removed);
            tracing::info!(before, after, images, rewritten, removed, "the log was compacted");
            Some(after)
        }
        Err(error) => {
            tracing::warn!(%error, "the log was not compacted");
            None
        }
    }
}

/// How often it is asked whether a round is due.
const INTERVAL: Duration = Duration::from_secs(600);
/// How often room is made at the most.
const RELIEF_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// By how much the log has to grow at least.
const GROWTH_OCTETS_MIN: u64 = 64 << 20;
/// What it writes at the most.
const OCTETS_A_SECOND: f64 = (32 << 20) as f64;
/// 19 would be the lowest priority.
const NICE: i32 = 10;
