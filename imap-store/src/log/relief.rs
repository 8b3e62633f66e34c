//! Room that is made: the thread that makes it is rung for, and who brings something in waits while it works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Relief {
    alarm: OnceLock<SyncSender<()>>,
    maker: Mutex<Maker>,
    /// Whether something was taken away since the last round began: else another finds no more than that one.
    has_hope: AtomicBool,
    /// Told whenever there may be more room than before, and when there will be none.
    changed: Notify,
}

/// Who makes room.
#[derive(Debug, Clone, Copy)]
enum Maker {
    /// Nobody does.
    Absent,
    Works,
    /// Until then it is not to be woken.
    Rests(Instant),
}

/// How long somebody waits for room, at the most.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(5);

impl Relief {
    pub(super) fn new() -> Self {
        Self {
            alarm: OnceLock::new(),
            maker: Mutex::new(Maker::Absent),
            // Nobody has looked yet.
            has_hope: AtomicBool::new(true),
            changed: Notify::new(),
        }
    }

    /// From now on there is a thread that makes room when it is rung for.
    pub(crate) fn begin(&self, alarm: SyncSender<()>) {
        // There is one compactor.
        let _ = self.alarm.set(alarm);
        self.set(Maker::Rests(Instant::now()));
    }

    pub(super) fn ring(&self) {
        if let Some(alarm) = self.alarm.get() {
            // A full channel means that it rings already.
            let _ = alarm.try_send(());
        }
    }

    /// Rings, unless the last round would only be repeated.
    pub(super) fn ring_in_hope(&self) {
        if self.has_hope() {
            self.ring();
        }
    }

    pub(crate) fn has_hope(&self) -> bool {
        self.has_hope.load(Ordering::Relaxed)
    }

    /// Somebody takes something away.
    pub(super) fn hope(&self) {
        if !self.has_hope() {
            self.has_hope.store(true, Ordering::Relaxed);
        }
    }

    /// A round begins.
    pub(crate) fn works(&self) {
        self.has_hope.store(false, Ordering::Relaxed);
        self.set(Maker::Works);
    }

    /// There may be more room than before. Costs next to nothing when nobody waits.
    pub(crate) fn progressed(&self) {
        self.changed.notify_waiters();
    }

    /// The round has ended, and none begins for so long.
    pub(crate) fn rests(&self, rest: Duration) {
        self.set(Maker::Rests(Instant::now() + rest));
    }

    /// Nobody makes room any more.
    pub(crate) fn end(&self) {
        self.set(Maker::Absent);
    }

    /// Tries until it is not for want of room that it fails, or none is to be had before `deadline`.
    pub(super) async fn retry<E>(
        &self,
        deadline: Instant,
        attempt: impl Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no call of `notify_waiters` is missed.
            changed.as_mut().enable();
            match attempt() {
                Err(_) if self.is_near(deadline) => changed.await,
                answer => return answer,
            }
        }
    }

    /// Whether room may be had before then.
    fn is_near(&self, deadline: Instant) -> bool {
        let is_time = Instant::now() < deadline;
        match *self.lock() {
            Maker::Absent => false,
            Maker::Works => is_time,
            Maker::Rests(until) => is_time && until < deadline && self.has_hope(),
        }
    }

    fn set(&self, maker: Maker) {
        *self.lock() = maker;
        self.progressed();
    }

    fn lock(&self) -> MutexGuard<'_, Maker> {
        self.maker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::*;
    use crate::blocking::block_on;

    /// Attempts that fail until the last of so many; whether they were waited for.
    fn attempts(relief: &Relief, needed: u32) -> (Result<(), ()>, u32) {
        let made = AtomicU32::new(0);
        let attempt = || if made.fetch_add(1, Ordering::Relaxed) + 1 < needed { Err(()) } else { Ok(()) };
        let answer = block_on(relief.retry(Instant::now() + Duration::from_secs(60), attempt));
        (answer, made.into_inner())
    }

    #[test]
    fn nobody_waits_where_nobody_makes_room() {
        let relief = Relief::new();
        assert_eq!(attempts(&relief, 2), (Err(()), 1));
        relief.begin(sync_channel(1).0);
        relief.end();
        assert_eq!(attempts(&relief, 2), (Err(()), 1));
    }

    #[test]
    fn who_is_refused_waits_for_a_round_and_no_longer_once_it_found_nothing() {
        let relief = Arc::new(Relief::new());
        relief.begin(sync_channel(1).0);
        relief.works();
        let waiting = thread::spawn({
            let relief = Arc::clone(&relief);
            move || attempts(&relief, u32::MAX)
        });
        thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        relief.progressed();
        relief.rests(Duration::ZERO);
        let (answer, made) = waiting.join().expect("ends");
        assert!(answer.is_err() && (1..=3).contains(&made), "{made}");
        // It would be the same again.
        assert_eq!(attempts(&relief, 2), (Err(()), 1));
    }

    #[test]
    fn something_that_was_taken_away_is_waited_for_if_that_is_soon() {
        let relief = Arc::new(Relief::new());
        relief.begin(sync_channel(1).0);
        relief.works();
        relief.rests(Duration::from_secs(3600));
        relief.hope();
        assert_eq!(attempts(&relief, 2), (Err(()), 1), "not for an hour");
        relief.rests(Duration::ZERO);
        let waiting = thread::spawn({
            let relief = Arc::clone(&relief);
            move || attempts(&relief, 2)
        });
        while !waiting.is_finished() {
            relief.progressed();
        }
        assert_eq!(waiting.join().expect("ends"), (Ok(()), 2));
    }
}
