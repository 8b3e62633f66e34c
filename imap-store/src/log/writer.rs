//! The writer: one thread that writes what is queued as groups, syncs, publishes; and the thread that answers.
//!
//! ```text
//! queue ──take──> group ──1 write──> 1 sync ──> committed() in log order ──> answering thread: wake()
//!                   │                  │
//!                   │                  └─ failed: the outcome is unknown; the log is poisoned
//!                   └─ no room: nothing written; the queue is refused, the epoch rises
//! ```

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::group::{BLOCK_OCTETS, GROUP_HEADER_OCTETS, Group, GroupHeader};
use super::queue::{Pending, State, needs_sync, next_target};
use super::reader::Segment;
use super::record::Kind;
use super::segment::{Entry, GROUPS_AT, Prepared, Table, seal, write_zeros};
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
            Self::Wake(waiters) => waiters.into_iter().for_each(Waiter::wake),
            Self::Fail(waiters, error) => {
                waiters.into_iter().for_each(|waiter| waiter.failed(error.clone()));
            }
        }
    }
}

/// Why a group did not become durable.
enum Fault {
    /// Nothing of it was written.
    NoRoom(String),
    /// Nobody knows.
    Unknown(String),
}

/// The thread's state. Only it writes to segments.
pub(super) struct Writer {
    shared: Arc<Shared>,
    answers: Sender<Answer>,
    file: Arc<dyn DiskFile>,
    segment: u64,
    seed: u32,
    /// Where the file's zeros end.
    octets: u64,
    /// How long it was made; the next one is larger.
    target: u64,
    end: u64,
    synced_to: u64,
    records: u32,
    last_group: u64,
    /// It is full: no group goes into it any more.
    full: bool,
    next: Option<Prepared>,
    /// When what is written must be synced (`Durability::Interval`).
    due: Option<Instant>,
    /// A group behind the last records says that they are synced.
    marked: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        answers: Sender<Answer>,
        first: Prepared,
        last_group: u64,
    ) -> Self {
        Self {
            shared,
            answers,
            file: Arc::clone(&first.file),
            segment: first.header.segment,
            seed: first.header.seed(),
            octets: first.octets,
            target: first.octets,
            end: GROUPS_AT,
            synced_to: GROUPS_AT,
            records: 0,
            last_group,
            full: false,
            next: None,
            due: None,
            marked: true,
        }
    }

    /// Writes until the log is closed. A panic in a waiter poisons the log: nobody waits for ever.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let guard = PoisonWhenPanicking(&shared);
        while self.step() {}
        drop(guard);
    }

    /// Waits for something to do and does it; false when the log is closed and all is written.
    fn step(&mut self) -> bool {
        let work = self.wait();
        match work {
            Work::Group(group) => self.commit(group),
            Work::Idle => self.idle(),
            Work::Close => {
                self.close();
                return false;
            }
        }
        true
    }

    fn wait(&self) -> Work {
        let mut queue = self.shared.queue();
        loop {
            let group = queue.take_group();
            if !group.is_empty() {
                return Work::Group(group);
            }
            if queue.stop {
                return Work::Close;
            }
            let poisoned = queue.state != State::Open;
            let timeout = match self.due {
                _ if poisoned => None,
                Some(due) => Some(due.saturating_duration_since(Instant::now())),
                None if !self.marked => Some(IDLE_MARK_AFTER),
                None => None,
            };
            queue = match timeout {
                None => self.shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    let (queue, waited) =
                        self.shared.work.wait_timeout(queue, timeout).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && queue.pending.is_empty() && !queue.stop {
                        return Work::Idle;
                    }
                    queue
                }
            }
        }
    }

    fn commit(&mut self, mut group: Vec<Pending>) {
        if let Some(error) = self.poisoned() {
            return self.fail(group.into(), error);
        }
        match self.write(&group) {
            Ok(()) => self.publish(&mut group),
            Err(Fault::NoRoom(reason)) => self.refuse(group, reason),
            Err(Fault::Unknown(reason)) => self.poison(group, reason),
        }
    }

    fn poisoned(&self) -> Option<StoreError> {
        let queue = self.shared.queue();
        matches!(queue.state, State::Poisoned(_)).then(|| queue.refusal()).flatten()
    }

    /// One write, and one sync when somebody waits for it.
    fn write(&mut self, group: &[Pending]) -> Result<(), Fault> {
        if group[0].position.segment != self.segment {
            self.roll_over().map_err(|error| no_room_or_unknown("a new segment", &error))?;
        }
        assert_eq!(group[0].position.record, self.records, "addresses are given in log order");
        let group_header = self.header(false);
        let laid_out = Group::new(self.seed, group_header, group);
        self.put(&laid_out)?;
        let entries = laid_out.offsets.iter().zip(group).map(|(offset, pending)| Entry {
            offset: u32::try_from(self.end).expect("a segment is under 4 GiB") + offset,
            kind: pending.content.kind() as u8,
        });
        let end = self.end + laid_out.header.span_octets();
        self.shared.reader.wrote(entries, end, laid_out.header.number);
        self.advance(&laid_out.header);
        self.marked = false;
        match self.shared.durability {
            Durability::Sync if needs_sync(group) => self.sync(),
            Durability::Interval(ms) => {
                let due = Instant::now() + Duration::from_millis(ms.into());
                self.due.get_or_insert(due);
                Ok(())
            }
            Durability::Sync | Durability::None => Ok(()),
        }
    }

    fn header(&self, closed: bool) -> GroupHeader {
        GroupHeader {
            number: self.last_group + 1,
            octets: 0,
            records: 0,
            first_record: self.records,
            closed,
            synced_to: self.synced_to,
        }
    }

    /// Makes room behind the zeros if it must, and writes.
    fn put(&mut self, group: &Group<'_>) -> Result<(), Fault> {
        let end = self.end + group.header.span_octets();
        if end > self.octets {
            let octets = end.next_multiple_of(EXTENSION_OCTETS);
            write_zeros(&*self.file, self.octets, octets)
                .map_err(|error| no_room_or_unknown("a longer segment", &error))?;
            self.octets = octets;
        }
        self.file.write_at(&mut group.slices(), self.end).map_err(|error| unknown("write", &error))
    }

    fn advance(&mut self, group: &GroupHeader) {
        self.end += group.span_octets();
        self.records += group.records;
        self.last_group = group.number;
    }

    fn sync(&mut self) -> Result<(), Fault> {
        self.due = None;
        self.file.sync().map_err(|error| unknown("sync", &error))?;
        self.synced_to = self.end;
        Ok(())
    }

    /// Gets the next segment, seals this one, and goes over. Changes nothing that counts when it fails, and
    /// may be tried again.
    fn roll_over(&mut self) -> io::Result<()> {
        self.full = true;
        let next = match self.next.take() {
            Some(next) => next,
            None => self.shared.preparer.take(self.segment + 1)?,
        };
        let next = self.next.insert(next);
        next.adopt(&*self.shared.disk, &self.shared.dir)?;
        seal(&*self.file, self.seed, &self.shared.reader.table(false))?;
        let Some(next) = self.next.take() else { return Ok(()) };
        let (file, seed) = (Arc::clone(&next.file), next.header.seed());
        let table = Table { end: GROUPS_AT, ..Table::default() };
        self.shared.reader.begin(next.header.segment, Segment { file, seed, table });
        (self.file, self.seed, self.segment) = (next.file, seed, next.header.segment);
        // A small one made in haste stands for one of the size that was due.
        self.target = next_target(self.target, self.shared.segment_octets).max(next.octets);
        (self.octets, self.end, self.synced_to) = (next.octets, GROUPS_AT, GROUPS_AT);
        (self.records, self.full, self.due) = (0, false, None);
        Ok(())
    }

    fn publish(&mut self, group: &mut Vec<Pending>) {
        let mut waiters = Vec::new();
        for pending in group.iter_mut() {
            if let Some(mut waiter) = pending.waiter.take() {
                waiter.committed(pending.position);
                waiters.push(waiter);
            }
        }
        let mut queue = self.shared.queue();
        if let Some(last) = group.iter().rfind(|pending| pending.content.kind() == Kind::Change) {
            queue.published = Position { record: last.position.record + 1, ..last.position };
        }
        queue.written(group, self.end);
        drop(queue);
        group.clear();
        self.shared.room.notify_waiters();
        if !waiters.is_empty() {
            let _ = self.answers.send(Answer::Wake(waiters));
        }
        if self.end > self.target / 2 {
            let octets = next_target(self.target, self.shared.segment_octets);
            self.shared.preparer.ask(self.segment + 1, octets);
        }
    }

    /// Nothing was written: all that is queued is refused, and writes work again once there is room.
    fn refuse(&mut self, group: Vec<Pending>, reason: String) {
        tracing::warn!(%reason, "the log has no room, what is queued is refused");
        let mut refused = VecDeque::from(group);
        refused.extend(self.empty_queue());
        self.shared.room.notify_waiters();
        self.fail(refused, StoreError::Unavailable { reason });
    }

    /// The group's outcome is unknown, and nothing may rest on it.
    fn poison(&mut self, group: Vec<Pending>, reason: String) {
        tracing::error!(%reason, "the log takes no more writes until it is opened again");
        self.shared.queue().state = State::Poisoned(reason.clone());
        let behind = self.empty_queue();
        self.shared.room.notify_waiters();
        self.fail(group.into(), StoreError::InDoubt { reason: reason.clone() });
        self.fail(behind, StoreError::Unavailable { reason });
    }

    fn empty_queue(&self) -> VecDeque<Pending> {
        let next = Position { segment: self.segment, record: self.records };
        self.shared.queue().refuse_all(next, self.end, self.full)
    }

    fn fail(&self, group: VecDeque<Pending>, error: StoreError) {
        let waiters: Vec<_> = group.into_iter().filter_map(|pending| pending.waiter).collect();
        if !waiters.is_empty() {
            let _ = self.answers.send(Answer::Fail(waiters, error));
        }
    }

    /// Nothing is queued: syncs what is due, or says in a group of its own that all before it is synced.
    fn idle(&mut self) {
        let done = match self.due {
            Some(_) => self.sync(),
            None => self.mark(false),
        };
        if let Err(Fault::NoRoom(reason) | Fault::Unknown(reason)) = done {
            self.poison(Vec::new(), reason);
        }
    }

    /// A group without records; not where the file would have to grow for it.
    fn mark(&mut self, closed: bool) -> Result<(), Fault> {
        self.marked = true;
        if self.full || (self.end + BLOCK_OCTETS > self.octets && !closed) {
            return Ok(());
        }
        let group = Group::new(self.seed, self.header(closed), &[]);
        debug_assert!(group.header.span_octets() >= GROUP_HEADER_OCTETS as u64);
        self.put(&group)?;
        self.advance(&group.header);
        self.shared.reader.wrote(std::iter::empty(), self.end, self.last_group);
        self.shared.queue().marked(self.segment, self.end);
        Ok(())
    }

    /// Syncs, says that this is the end, and seals. What fails here is found when the log is next opened.
    fn close(&mut self) {
        if self.poisoned().is_some() {
            return;
        }
        let sealed = self.sync().and_then(|()| self.mark(true)).and_then(|()| {
            let table = self.shared.reader.table(true);
            seal(&*self.file, self.seed, &table).map_err(|error| unknown("seal", &error))
        });
        if let Err(Fault::NoRoom(reason) | Fault::Unknown(reason)) = sealed {
            tracing::warn!(%reason, "the log was not closed cleanly");
        }
    }
}

enum Work {
    Group(Vec<Pending>),
    Idle,
    Close,
}

fn no_room_or_unknown(what: &str, error: &io::Error) -> Fault {
    if is_full(error) { Fault::NoRoom(format!("no room for {what}: {error}")) } else { unknown(what, error) }
}

fn unknown(what: &str, error: &io::Error) -> Fault {
    Fault::Unknown(format!("{what} of the log failed: {error}"))
}

/// Poisons the log when the writer's thread dies.
struct PoisonWhenPanicking<'a>(&'a Shared);

impl Drop for PoisonWhenPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.queue();
            queue.state = State::Poisoned("the log's writer died".to_owned());
            queue.epoch += 1;
            let pending = std::mem::take(&mut queue.pending);
            drop(queue);
            drop(pending);
            self.0.room.notify_waiters();
        }
    }
}

/// How long the writer has nothing to do before it says so on the disk.
const IDLE_MARK_AFTER: Duration = Duration::from_secs(1);
/// By how much a segment grows that is longer than it was made.
const EXTENSION_OCTETS: u64 = 256 << 10;
