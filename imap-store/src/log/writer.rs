//! The writer: one thread that writes what is queued as groups, syncs, publishes; and those that sync and answer for it.
//!
//! ```text
//! queue ──take──> group ──1 write──> 1 sync ──> committed() in log order ──> answering thread: wake()
//!                   │                  │
//!                   │                  └─ failed: the outcome is unknown; the log is poisoned
//!                   └─ no room: nothing written; the queue is refused, the epoch rises
//! ```
//!
//! A sync of much is made on the syncing thread, and the writer writes the next groups meanwhile, if there is much to be
//! written; all of them wait for one sync, the next.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::active::{Active, Fault};
use super::queue::{Pending, Queue, State, SyncAsked, needs_sync, next_target};
use super::reader::Segment;
use super::record::Kind;
use super::reopen::{self, Sound};
use super::segment::{GROUPS_AT, Prepared, seal};
use super::turn::Work;
use super::{Position, Shared, Waiter};
use crate::files::{DiskFile, is_full};
use crate::{Durability, StoreError};

/// What the answering thread is to tell.
pub(super) enum Answer {
    /// These changes are published.
    Wake(Vec<Box<dyn Waiter>>),
    /// These were not taken, or their outcome is unknown.
    Fail(Vec<Box<dyn Waiter>>, StoreError),
}

impl Answer {
    pub(super) fn tell(self) {
        match self {
            Self::Wake(waiters) => waiters.into_iter().for_each(|waiter| guarded(|| waiter.wake())),
            Self::Fail(waiters, error) => {
                waiters.into_iter().for_each(|waiter| guarded(|| waiter.failed(error.clone())));
            }
        }
    }
}

/// One waiter's panic is not to keep the others from their answers.
fn guarded(tell: impl FnOnce()) {
    if std::panic::catch_unwind(AssertUnwindSafe(tell)).is_err() {
        tracing::error!("a waiter panicked while it was answered");
    }
}

/// Records that were written, in log order, and are to be published once they are synced.
#[derive(Default)]
struct Written {
    records: u64,
    /// The last change and those who wait.
    last_change: Option<Position>,
    waiters: Vec<(Position, Box<dyn Waiter>)>,
    /// Whether somebody waits for the sync; a body counts only with the change that names it.
    is_waited_for: bool,
}

impl Written {
    /// Takes what has to be known of a group; what was written of it is given back.
    fn extend(&mut self, group: Vec<Pending>) {
        self.records += group.len() as u64;
        self.is_waited_for |= needs_sync(&group);
        for pending in group {
            if pending.content.kind() == Kind::Change {
                self.last_change = Some(pending.position);
            }
            self.waiters.extend(pending.waiter.map(|waiter| (pending.position, waiter)));
        }
    }
}

/// A sync on the syncing thread.
struct Syncing {
    written: Written,
    /// Up to where it syncs.
    sound: Sound,
}

/// The thread's state. Only it writes to segments.
pub(super) struct Writer {
    shared: Arc<Shared>,
    answers: Sender<Answer>,
    /// What the syncing thread is to sync.
    syncs: Sender<Arc<dyn DiskFile>>,
    syncing: Option<Syncing>,
    /// What is in no sync yet.
    written: Written,
    /// The number of the first segment after opening, which is made when it is needed.
    first: u64,
    active: Option<Active>,
    last_group: u64,
    /// The next segment, while the present one could not be sealed.
    next: Option<Prepared>,
    /// When what is written must be synced (`Durability::Interval`).
    due: Option<Instant>,
    /// A group behind the last records says that they are synced.
    marked: bool,
    /// Up to where the active segment holds what was published.
    sound: Sound,
    /// It was poisoned for want of room, and opens again by itself.
    reopens: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        answers: Sender<Answer>,
        syncs: Sender<Arc<dyn DiskFile>>,
        first: u64,
        last_group: u64,
    ) -> Self {
        let sound = Sound { end: GROUPS_AT, records: 0, last_group };
        Self {
            shared,
            answers,
            syncs,
            syncing: None,
            written: Written::default(),
            first,
            active: None,
            last_group,
            next: None,
            due: None,
            marked: true,
            sound,
            reopens: false,
        }
    }

    /// Writes until the log is closed. A panic in a waiter poisons the log: nobody waits for ever.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _last_act = Farewell(&shared);
        while self.step() {}
    }

    /// Waits for something to do and does it; false when the log is closed and all is written.
    fn step(&mut self) -> bool {
        let work = self.shared.desk.next_work(|queue| self.idle_after(queue));
        match work {
            Work::Group(group) => self.commit(group),
            Work::Synced(synced) => self.synced(synced),
            Work::Idle => self.idle(),
            Work::Sync(asked) => self.sync_asked(asked),
            Work::Close => {
                self.close();
                return false;
            }
        }
        true
    }

    /// How long there may be nothing to do before something is to be done about that.
    fn idle_after(&self, queue: &Queue) -> Option<Duration> {
        match self.due {
            _ if queue.state != State::Open => self.reopens.then_some(REOPEN_AFTER),
            Some(due) => Some(due.saturating_duration_since(Instant::now())),
            None if !self.marked => Some(IDLE_MARK_AFTER),
            None => None,
        }
    }

    fn commit(&mut self, group: Vec<Pending>) {
        if let Some(error) = self.poisoned() {
            return self.fail(waiters_of(group), error);
        }
        match self.write(&group) {
            Ok(()) => {
                self.shared.room.notify_waiters();
                self.written.extend(group);
                if self.syncing.is_none() {
                    self.settle();
                }
            }
            // Heads fall back to what is published, so what is written must be that before.
            Err(Fault::NoRoom(reason)) => match self.drain() {
                Ok(()) => self.refuse(group, reason),
                Err(fault) => self.poison(group, fault),
            },
            Err(fault) => self.poison(group, fault),
        }
    }

    fn poisoned(&self) -> Option<StoreError> {
        let queue = self.shared.queue();
        matches!(queue.state, State::Poisoned(_)).then(|| queue.refusal()).flatten()
    }

    /// One write.
    fn write(&mut self, group: &[Pending]) -> Result<(), Fault> {
        let begin = group[0].position;
        if self.active.as_ref().is_none_or(|active| active.number != begin.segment) {
            self.drain()?;
            self.roll_over().map_err(|error| Fault::no_room_or_unknown("a new segment", &error))?;
        }
        let number = self.last_group + 1;
        let active = self.active.as_mut().expect("rolled over to one");
        assert_eq!(begin, active.next(), "addresses are given in log order");
        let entries = active.write(number, false, group)?;
        self.shared.reader.wrote(entries, active.end, number);
        self.shared.queue().written(group, active.end);
        self.last_group = number;
        self.marked = false;
        if let Durability::Interval(ms) = self.shared.durability {
            let due = Instant::now() + Duration::from_millis(ms.into());
            self.due.get_or_insert(due);
        }
        Ok(())
    }

    /// Publishes what was written; syncs it first when somebody waits for that.
    fn settle(&mut self) {
        let Some(active) = &self.active else { return };
        if !self.written.is_waited_for || self.shared.durability != Durability::Sync {
            return self.publish_written();
        }
        if active.unsynced_octets() >= self.shared.ahead_octets as u64
            && self.syncs.send(Arc::clone(&active.file)).is_ok()
        {
            self.shared.queue().is_syncing = true;
            self.syncing = Some(Syncing { written: std::mem::take(&mut self.written), sound: self.end() });
            return;
        }
        match self.sync() {
            Ok(()) => self.publish_written(),
            Err(fault) => self.poison(Vec::new(), fault),
        }
    }

    /// The sync on the other thread has ended.
    fn synced(&mut self, synced: io::Result<()>) {
        match self.end_sync(synced) {
            Ok(()) => self.settle(),
            Err(fault) => self.poison(Vec::new(), fault),
        }
    }

    fn end_sync(&mut self, synced: io::Result<()>) -> Result<(), Fault> {
        let (Some(active), Some(syncing)) = (&mut self.active, &self.syncing) else { return Ok(()) };
        synced.map_err(|error| Fault::unknown("sync", &error))?;
        active.synced(syncing.sound.end);
        if let Some(Syncing { written, sound }) = self.syncing.take() {
            self.publish(written, sound);
        }
        Ok(())
    }

    /// Waits for the sync that is under way, and syncs and publishes what was written since.
    fn drain(&mut self) -> Result<(), Fault> {
        if self.syncing.is_some() {
            let synced = self.shared.desk.wait_synced();
            self.end_sync(synced)?;
        }
        if self.written.is_waited_for && self.shared.durability == Durability::Sync {
            self.sync()?;
        }
        self.publish_written();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Fault> {
        self.due = None;
        self.active.as_mut().map_or(Ok(()), Active::sync)
    }

    /// Gets the next segment, seals this one, and goes over. Changes nothing that counts when it fails, and
    /// may be tried again.
    fn roll_over(&mut self) -> io::Result<()> {
        let number = match &mut self.active {
            None => self.first,
            Some(active) => {
                active.full = true;
                active.number + 1
            }
        };
        let next = match self.next.take() {
            Some(next) => next,
            None => self.shared.preparer.take(number)?,
        };
        let next = self.next.insert(next);
        next.adopt(&*self.shared.disk, &self.shared.dir)?;
        if let Some(active) = &self.active
            && let Some(table) = self.shared.reader.table(false)
        {
            seal(&*active.file, active.seed, &table)?;
        }
        let target = self.next_octets();
        if let Some(next) = self.next.take() {
            let active = Active::new(next, target);
            self.shared.reader.begin(number, active.reading());
            self.active = Some(active);
            self.sound = Sound { end: GROUPS_AT, records: 0, last_group: self.last_group };
            self.due = None;
        }
        Ok(())
    }

    fn next_octets(&self) -> u64 {
        let octets = self.active.as_ref().map(|active| active.target);
        octets.map_or(0, |octets| next_target(octets, self.shared.segment_octets))
    }

    /// Where what was written ends.
    fn end(&self) -> Sound {
        match &self.active {
            Some(active) => {
                Sound { end: active.end, records: active.next().record, last_group: self.last_group }
            }
            None => self.sound,
        }
    }

    fn publish_written(&mut self) {
        if self.written.records > 0 {
            let written = std::mem::take(&mut self.written);
            self.publish(written, self.end());
        }
    }

    fn publish(&mut self, mut written: Written, sound: Sound) {
        for (position, waiter) in &mut written.waiters {
            waiter.committed(*position);
        }
        self.sound = sound;
        let mut queue = self.shared.queue();
        queue.settled += written.records;
        if let Some(last) = written.last_change {
            queue.published = Position { record: last.record + 1, ..last };
        }
        drop(queue);
        if !written.waiters.is_empty() {
            self.answer(written.waiters.into_iter().map(|(_, waiter)| waiter).collect());
        }
        let Some(active) = &self.active else { return };
        self.shared.space.set_active(active.spare_octets(), active.octets_to_grow());
        if active.end > active.target / 2 {
            self.shared.preparer.ask(active.number + 1, self.next_octets(), active.is_worth_zeros());
        }
    }

    /// Answers on the answering thread, unless that takes longer than to do it here.
    fn answer(&self, waiters: Vec<Box<dyn Waiter>>) {
        let is_quick = waiters.len() <= ANSWERED_HERE_MAX && waiters.iter().all(|waiter| waiter.is_quick());
        let answer = Answer::Wake(waiters);
        if is_quick {
            return answer.tell();
        }
        let _ = self.answers.send(answer);
    }

    /// Nothing was written: all that is queued is refused, and writes work again once there is room.
    fn refuse(&mut self, group: Vec<Pending>, reason: String) {
        tracing::warn!(%reason, "the log has no room, what is queued is refused");
        // Before anybody tries again: who may have what is kept back then gets it.
        self.shared.space.ran_out();
        let mut refused = waiters_of(group);
        refused.extend(self.empty_queue());
        self.shared.room.notify_waiters();
        self.fail(refused, StoreError::Unavailable { reason });
    }

    /// The outcome of all that is not published is unknown, and nothing may rest on it. `group` may be written.
    fn poison(&mut self, group: Vec<Pending>, fault: Fault) {
        if self.shared.queue().is_syncing {
            // What it brings to the disk need not be in doubt.
            let synced = self.shared.desk.wait_synced();
            let _ = self.end_sync(synced);
        }
        let reason = fault.reason().to_owned();
        tracing::error!(%reason, "the log takes no more writes until it is opened again");
        self.reopens = matches!(fault, Fault::Full(_));
        self.shared.queue().state = State::Poisoned(reason.clone());
        let behind = self.empty_queue();
        self.shared.room.notify_waiters();
        let syncing = self.syncing.take().map(|syncing| syncing.written);
        let written = syncing.into_iter().chain([std::mem::take(&mut self.written)]);
        let mut doubtful: Vec<_> = written.flat_map(|it| it.waiters).map(|(_, waiter)| waiter).collect();
        doubtful.extend(waiters_of(group));
        self.fail(doubtful, StoreError::InDoubt { reason: reason.clone() });
        self.fail(behind, StoreError::Unavailable { reason });
    }

    /// Tries to go on behind a failure for want of room. What is no want of room ends the attempts.
    fn reopen(&mut self) {
        let shared = &self.shared;
        let (Some(active), Some(table)) = (&self.active, shared.reader.table(false)) else { return };
        let segment = Segment {
            file: Arc::clone(&active.file),
            seed: active.seed,
            table: reopen::cut(table, self.sound),
        };
        let number = active.number;
        match reopen::save(&*shared.disk, &shared.dir, number, &segment) {
            Ok(Some(saved)) => {
                tracing::warn!("there is room again, and the log takes writes again");
                shared.reader.saved(saved);
                (self.first, self.active, self.reopens) = (number + 1, None, false);
                shared.space.set_active(0, 0);
                (self.due, self.marked) = (None, true);
                self.empty_queue();
                let mut queue = self.shared.queue();
                if matches!(queue.state, State::Poisoned(_)) {
                    queue.state = State::Open;
                }
                drop(queue);
                self.shared.room.notify_waiters();
            }
            Ok(None) => {
                tracing::error!("what was published cannot all be read: the log has to be opened anew");
                self.reopens = false;
            }
            Err(error) if is_full(&error) => {}
            Err(error) => {
                tracing::error!(%error, "the log has to be opened anew");
                self.reopens = false;
            }
        }
    }

    /// Who waits in the queue, which is empty then.
    fn empty_queue(&self) -> Vec<Box<dyn Waiter>> {
        let mut queue = self.shared.queue();
        let refused = match &self.active {
            Some(active) => queue.refuse_all(active.next(), active.end, active.full),
            None => queue.refuse_all(Position { segment: self.first, record: 0 }, GROUPS_AT, false),
        };
        drop(queue);
        waiters_of(refused)
    }

    fn fail(&self, waiters: Vec<Box<dyn Waiter>>, error: StoreError) {
        if !waiters.is_empty() {
            let _ = self.answers.send(Answer::Fail(waiters, error));
        }
    }

    /// Somebody needs all that was published on the disk.
    fn sync_asked(&mut self, asked: Vec<SyncAsked>) {
        let mut answer = self.poisoned().map_or(Ok(()), Err);
        if answer.is_ok()
            && let Err(fault) = self.sync()
        {
            answer = Err(StoreError::InDoubt { reason: fault.reason().to_owned() });
            self.poison(Vec::new(), fault);
        }
        for asked in asked {
            let _ = asked.send(answer.clone());
        }
    }

    /// Nothing is queued: syncs what is due, or says in a group of its own that all before it is synced.
    fn idle(&mut self) {
        if self.reopens {
            return self.reopen();
        }
        let done = match self.due {
            Some(_) => self.sync(),
            None => self.mark(false),
        };
        if let Err(fault) = done {
            self.poison(Vec::new(), fault);
        }
    }

    /// A group without records; none where there is no room for one.
    fn mark(&mut self, closed: bool) -> Result<(), Fault> {
        self.marked = true;
        let Some(active) = self.active.as_mut().filter(|active| !active.full) else { return Ok(()) };
        match active.write(self.last_group + 1, closed, &[]) {
            Err(Fault::NoRoom(_)) => return Ok(()),
            written => written?,
        };
        self.last_group += 1;
        self.shared.reader.wrote(Vec::new(), active.end, self.last_group);
        self.shared.queue().marked(active.number, active.end);
        Ok(())
    }

    /// Syncs, says that this is the end, and seals. What fails here is found when the log is next opened.
    fn close(&mut self) {
        if self.poisoned().is_some() {
            return;
        }
        let sealed = self.sync().and_then(|()| self.mark(true)).and_then(|()| self.seal_closed());
        if let Err(fault) = sealed {
            tracing::warn!(reason = fault.reason(), "the log was not closed cleanly");
        }
    }

    fn seal_closed(&self) -> Result<(), Fault> {
        let (Some(active), Some(table)) = (&self.active, self.shared.reader.table(true)) else {
            return Ok(());
        };
        seal(&*active.file, active.seed, &table).map_err(|error| Fault::unknown("seal", &error))
    }
}

fn waiters_of(group: impl IntoIterator<Item = Pending>) -> Vec<Box<dyn Waiter>> {
    group.into_iter().filter_map(|pending| pending.waiter).collect()
}

/// What the writer's thread does last: it dismisses the preparer, and poisons the log when it dies itself.
struct Farewell<'a>(&'a Shared);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        self.0.preparer.stop();
        if std::thread::panicking() {
            let mut queue = self.0.queue();
            queue.state = State::Poisoned("the log's writer died".to_owned());
            queue.epoch += 1;
            let pending = std::mem::take(&mut queue.pending);
            let syncs = std::mem::take(&mut queue.syncs);
            drop(queue);
            drop((pending, syncs));
            self.0.room.notify_waiters();
        }
    }
}

/// How many are answered by the writer itself.
const ANSWERED_HERE_MAX: usize = 8;
/// How long the writer waits before it tries to go on behind a failure for want of room.
pub(super) const REOPEN_AFTER: Duration = Duration::from_millis(500);
/// How long the writer has nothing to do before it says so on the disk.
const IDLE_MARK_AFTER: Duration = Duration::from_secs(1);
