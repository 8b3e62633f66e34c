//! The log: segments of grouped records, one writer, one sync for all who wait.
//!
//! Knows records and their order, not what a change says. `docs/STORAGE.md` has every field.

mod active;
mod ahead;
mod backup;
mod check;
mod compact;
mod desk;
mod group;
mod pieces;
mod pins;
mod prepare;
mod queue;
mod reader;
mod record;
mod recovery;
mod relief;
mod reopen;
mod room;
mod segment;
#[cfg(test)]
mod tests;
mod turn;
mod upload;
mod writer;

use std::fmt::{self, Debug};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use tokio::sync::Notify;

pub use self::ahead::Ahead;
pub use self::backup::Backup;
pub(crate) use self::backup::{BackupLog, restore};
pub(crate) use self::check::Checked;
pub(crate) use self::compact::{Head, What};
pub(crate) use self::pins::NamesBodies;
pub use self::pins::Pin;
pub(crate) use self::relief::Relief;
pub(crate) use self::room::Claim;
pub use self::upload::{CHUNK_OCTETS, Upload};

use self::desk::Desk;
use self::pins::Pins;
use self::prepare::Preparer;
use self::queue::{FIRST_SEGMENT_OCTETS, Pending, Queue, State};
use self::reader::Reader;
use self::record::Content;
use self::recovery::{Opened, recover};
use self::room::Room;
use self::writer::{Answer, Writer};
use crate::files::{Disk, DiskFile, RealDisk};
use crate::{Durability, OpenError, StoreError};

/// An account's number; 0 is the store itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u64);

/// A change's number in its account, from 1, without gaps; at once its MODSEQ. 0 is "before the first".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// A body's address, for ever: in which file it lies now is the log's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyId {
    /// The segment's number.
    pub segment: u64,
    /// The index of the record (or of the closing list of a chunked body) among the segment's records.
    pub record: u32,
}

/// Where a record stands in the log: positions rise in log order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// The index of the record among the segment's records.
    pub record: u32,
}

/// Settings of the log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The directory of the segments, made when missing.
    pub dir: PathBuf,
    /// Octets of a segment file. 1 MiB..=1 GiB.
    pub segment_octets: u64,
    /// Octets that may wait in the queue before a committer has to wait itself.
    pub queue_octets_max: usize,
    /// From how many octets on what is queued is written while the disk still syncs what came before; what is less
    /// waits, so that many small changes make one group. 128 KiB is a good value.
    pub ahead_octets: usize,
    /// Sealed segments that are kept open for reading, at least 1; the one used longest ago is closed first. Whoever
    /// is reading in one keeps it open.
    pub open_segments_max: usize,
    /// When OK means on disk.
    pub durability: Durability,
}

/// A change found while replaying.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// Whose.
    pub account: AccountId,
    /// Its number.
    pub seq: Seq,
    /// The change as it was encoded.
    pub payload: Bytes,
    /// Where it stands.
    pub position: Position,
}

/// What opening found.
#[derive(Debug, Default, Clone)]
pub struct Recovery {
    /// Changes replayed.
    pub changes: u64,
    /// Octets of a torn tail that were cut (kept aside beside the segment).
    pub torn_octets: u64,
    /// Damage before the tail, one line each for the operator.
    pub damage: Vec<String>,
    /// Segments that have no file. Those that compaction has removed are to be taken out of it: who replays knows.
    pub missing: Vec<Range<u64>>,
    /// Files in the directory that are not ours; left alone.
    pub foreign: Vec<PathBuf>,
    /// The last stop was not a clean one.
    pub unclean: bool,
    /// The last stop was not a clean one, and what was shown before it may never have come to the disk.
    pub may_have_lost: bool,
}

impl Recovery {
    /// Says which segments are missing that should not be.
    pub(crate) fn name_missing(&mut self, is_removed: &dyn Fn(u64) -> bool) {
        for range in std::mem::take(&mut self.missing) {
            let missing: Vec<u64> = range.filter(|&segment| !is_removed(segment)).collect();
            for run in missing.chunk_by(|a, b| a + 1 == *b) {
                let (first, last) = (run[0], run[run.len() - 1]);
                self.damage.push(format!("segments {first} to {last} are missing"));
            }
        }
    }
}

/// Takes what is read while the log is opened.
pub trait Replay {
    /// The newest image of an account that is whole, before any change is shown; only where all is replayed.
    /// False when it is of no use: then an older one is tried.
    fn image(&mut self, account: AccountId, seq: Seq, octets: &[u8]) -> Result<bool, OpenError>;
    /// An image of an account that is damaged or of no use: what is left may go no further than an older one.
    fn lost_image(&mut self, _account: AccountId, _seq: Seq) {}
    /// A change, in log order.
    fn change(&mut self, change: Replayed) -> Result<(), OpenError>;
}

/// Has no use for images.
struct OnlyChanges<'a>(&'a mut dyn FnMut(Replayed) -> Result<(), OpenError>);

impl Replay for OnlyChanges<'_> {
    fn image(&mut self, _: AccountId, _: Seq, _: &[u8]) -> Result<bool, OpenError> {
        Ok(true)
    }
    fn change(&mut self, change: Replayed) -> Result<(), OpenError> {
        (self.0)(change)
    }
}

/// Whoever waits for a queued change. The writer calls [`Waiter::committed`] for every change of a group in
/// log order, then, on another thread or, where it [is quick](Waiter::is_quick), on its own, [`Waiter::wake`].
pub trait Waiter: Send {
    /// The change is durable: publish (swap pointers). Called on the writer's thread: cheap, no blocking.
    fn committed(&mut self, position: Position);
    /// Answer whoever waits. Called after the whole group was published.
    fn wake(self: Box<Self>);
    /// Whether [`Waiter::wake`] takes no longer than to wake another thread for it would.
    fn is_quick(&self) -> bool {
        false
    }
    /// The change was not taken, or its outcome is unknown ([`StoreError::InDoubt`]).
    fn failed(self: Box<Self>, error: StoreError);
}

/// The log of one store. Cheap to clone.
///
/// It is closed when the last clone is dropped, if nobody called [`Log::close`].
#[derive(Debug, Clone)]
pub struct Log {
    handle: Arc<Handle>,
}

/// A body that is queued whole.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its address.
    pub body: BodyId,
    /// Its length.
    pub size_octets: u64,
    /// The epoch in which it was queued whole: a change that names it must be queued in the same.
    pub epoch: u64,
    /// Keeps it from compaction until a change that names it is queued.
    pub pin: Arc<Pin>,
}

impl Log {
    /// Opens or makes the log and replays every change at or behind `from` in log order. Blocking.
    ///
    /// What a crash left is mended before the first change is shown; what was found stands in [`Recovery`].
    /// Fails when a file is of a newer format (nothing is touched then), when the disk refuses, or when
    /// `replay` does. The caller sees to it that no other process has the directory.
    pub fn open(
        options: LogOptions,
        from: Option<Position>,
        replay: &mut dyn FnMut(Replayed) -> Result<(), OpenError>,
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(Arc::new(RealDisk), options, from, replay)
    }

    /// [`Log::open`] on a disk of the caller's.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        options: LogOptions,
        from: Option<Position>,
        replay: &mut dyn FnMut(Replayed) -> Result<(), OpenError>,
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_with(disk, options, from, &mut OnlyChanges(replay))
    }

    /// The same; without `from`, the newest image of each account is shown first.
    pub fn open_with(
        disk: Arc<dyn Disk>,
        options: LogOptions,
        from: Option<Position>,
        replay: &mut dyn Replay,
    ) -> Result<(Self, Recovery), OpenError> {
        let LogOptions { dir, segment_octets, queue_octets_max, .. } = options;
        let LogOptions { ahead_octets, open_segments_max, durability, .. } = options;
        let fail = |error| OpenError::Io { file: dir.clone(), error };
        disk.create_dir(&dir).map_err(fail)?;
        let segment_octets = room::segment_octets(&*disk, &dir, segment_octets);
        let Opened { store, segment, end, last_group, files, recovery } =
            recover(&*disk, &dir, from, replay)?;
        let space = Arc::new(Room::new(Arc::clone(&disk), dir.clone(), segment_octets));
        let shared = Arc::new(Shared {
            desk: Desk::new(Queue::new(segment, end, segment_octets, ahead_octets)),
            room: Notify::new(),
            reader: Reader::new(Arc::clone(&disk), dir.clone(), files, open_segments_max),
            pins: Arc::default(),
            preparer: Preparer::new(
                Arc::clone(&disk),
                dir.clone(),
                store,
                durability != Durability::Sync,
                Arc::clone(&space),
            ),
            space,
            disk,
            dir: dir.clone(),
            store,
            segment_octets,
            queue_octets_max,
            ahead_octets,
            durability,
        });
        // Not made here: a full disk is to open too, and one that is only read needs none.
        shared.preparer.ask(segment, FIRST_SEGMENT_OCTETS, true);
        let threads = start(&shared, segment, last_group).map_err(fail)?;
        let handle = Handle { shared, threads: Mutex::new(threads) };
        Ok((Self { handle: Arc::new(handle) }, recovery))
    }

    /// The store's number, drawn when the log was made; every segment has it.
    pub fn store_id(&self) -> [u8; 16] {
        self.shared().store
    }

    /// The queue's epoch: it rises when a group could not be written and the queue was refused.
    pub fn epoch(&self) -> u64 {
        self.shared().queue().epoch
    }

    /// Why nothing can be queued, if so: the log is closed, or poisoned by a failed write or sync.
    pub fn refusal(&self) -> Option<StoreError> {
        self.shared().queue().refusal()
    }

    /// Waits until the queue has room for `octets` more. Called before the account's lock is taken.
    ///
    /// Nothing is set aside: callers that pass at once may fill the queue over its bound, by a change each.
    pub async fn room(&self, octets: usize) -> Result<(), StoreError> {
        let shared = self.shared();
        loop {
            let mut room = pin!(shared.room.notified());
            room.as_mut().enable();
            {
                let queue = shared.queue();
                if let Some(error) = queue.refusal() {
                    return Err(error);
                }
                if queue.octets == 0 || queue.octets + octets <= shared.queue_octets_max {
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// Queues a change of `epoch`; returns at once. Called under the account's lock, so that log order is
    /// account order. Refused without a trace (the waiter comes back) when `epoch` is past, or when
    /// [`Log::refusal`] says so. At most 1 GiB.
    pub fn enqueue(
        &self,
        epoch: u64,
        account: AccountId,
        seq: Seq,
        payload: Vec<u8>,
        waiter: Box<dyn Waiter>,
    ) -> Result<Position, Box<dyn Waiter>> {
        let mut queue = self.shared().queue();
        if queue.epoch != epoch || queue.state != State::Open {
            return Err(waiter);
        }
        let pending = Pending::new(Position::default(), account, seq, Content::Change(payload));
        let position = queue.push(Pending { waiter: Some(waiter), ..pending });
        self.shared().desk.wake_writer(queue);
        Ok(position)
    }

    /// Begins a body.
    pub fn upload(&self, account: AccountId) -> Upload {
        Upload::new(Arc::clone(self.shared()), account, Claim::Grow)
    }

    /// Begins an image, which lets compaction free room.
    pub(crate) fn upload_image(&self, account: AccountId) -> Upload {
        Upload::new(Arc::clone(self.shared()), account, Claim::Free)
    }

    /// Refuses who may not have what is left of the disk, with [`StoreError::Unavailable`]. Costs nothing as long as
    /// there is enough.
    pub(crate) fn admit(&self, claim: Claim) -> Result<(), StoreError> {
        self.shared().space.admit(claim)
    }

    /// Whether the disk is so full that not everybody may write.
    pub(crate) fn is_short(&self) -> bool {
        self.shared().space.is_short()
    }

    /// The same; who brings something in waits a few seconds for room that is being made.
    pub(crate) async fn admit_in_time(&self, claim: Claim) -> Result<(), StoreError> {
        self.shared().space.admit_in_time(claim).await
    }

    /// How many octets are missing until there is plenty.
    pub(crate) fn octets_missing(&self) -> u64 {
        self.shared().space.missing()
    }

    /// What those who want room know of the thread that makes it.
    pub(crate) fn relief(&self) -> &Arc<Relief> {
        &self.shared().space.relief
    }

    /// Reads `range` of a body (to its end at the most). Blocking; every record touched is checked.
    ///
    /// A body can be read once the change that names it is published. Of a long one only the chunks that
    /// `range` touches are read, each whole: best in multiples of [`CHUNK_OCTETS`].
    /// [`StoreError::Damaged`] when a record is not what it was, or there is none.
    pub fn read(&self, body: BodyId, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.read_ahead(body, range, &mut Ahead::default())
    }

    /// The same for somebody who reads many bodies that lie one behind the other.
    pub fn read_ahead(
        &self,
        body: BodyId,
        range: Range<u64>,
        ahead: &mut Ahead,
    ) -> Result<Bytes, StoreError> {
        self.shared().reader.body(body, range, ahead)
    }

    /// Reads a small body where nothing has to be waited for; whether [`Self::read_ahead`] finds it in `ahead` now.
    pub fn read_now(&self, body: BodyId, ahead: &mut Ahead) -> bool {
        self.shared().reader.body_now(body, ahead)
    }

    /// Waits until all that is published now is on the disk. Blocking. At once where OK means that anyway.
    ///
    /// [`StoreError::InDoubt`] when it could not be, [`StoreError::Unavailable`] when the log is closed or
    /// poisoned.
    pub fn sync(&self) -> Result<(), StoreError> {
        match self.shared().durability {
            Durability::Sync => self.refusal().map_or(Ok(()), Err),
            _ => self.shared().sync_now(),
        }
    }

    /// Behind the last published change: a checkpoint taken now may name it, after [`Log::sync`].
    ///
    /// After opening it is behind the last record that is there: a checkpoint that names more than this is
    /// newer than the log.
    pub fn published(&self) -> Position {
        self.shared().queue().published
    }

    /// Writes what is queued, adds the group that says all before it is synced, and stops the writer.
    /// Blocking. Later calls answer [`StoreError::Unavailable`]; reads go on.
    pub fn close(&self) {
        self.handle.close();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

/// What callers, uploads and the log's threads share.
struct Shared {
    desk: Desk,
    /// The queue became shorter, or was refused.
    room: Notify,
    reader: Reader,
    pins: Arc<Pins>,
    preparer: Preparer,
    space: Arc<Room>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    store: [u8; 16],
    segment_octets: u64,
    queue_octets_max: usize,
    ahead_octets: usize,
    durability: Durability,
}

impl Shared {
    /// Waits until all that was written is on the disk. Blocking.
    fn sync_now(&self) -> Result<(), StoreError> {
        let gone = |_| StoreError::Unavailable { reason: "the log's writer is gone".to_owned() };
        self.desk.ask_sync()?.recv().map_err(gone)?
    }

    /// Syncs for the writer, and says how it went.
    fn sync_for_writer(&self, file: &dyn DiskFile) {
        self.desk.sync_ended(file.sync());
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.desk.lock()
    }
}

impl Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("dir", &self.dir)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// What the clones of a [`Log`] share; the threads do not hold it.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Handle {
    fn close(&self) {
        self.shared.desk.close();
        self.shared.room.notify_waiters();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // The last clone may be dropped by a waiter, on one of these threads: it cannot wait for itself.
        let own = thread::current().id();
        for thread in threads.drain(..).filter(|thread| thread.thread().id() != own) {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// Starts the writer, those who sync and answer for it, and the preparer.
fn start(shared: &Arc<Shared>, first: u64, last_group: u64) -> io::Result<Vec<JoinHandle<()>>> {
    let (answers, answered) = mpsc::channel::<Answer>();
    let (syncs, to_sync) = mpsc::channel::<Arc<dyn DiskFile>>();
    let writer = Writer::new(Arc::clone(shared), answers, syncs, first, last_group);
    let (syncing, preparing) = (Arc::clone(shared), Arc::clone(shared));
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    Ok(vec![
        named("log-writer").spawn(move || writer.run())?,
        named("log-syncer")
            .spawn(move || to_sync.into_iter().for_each(|file| syncing.sync_for_writer(&*file)))?,
        named("log-answers").spawn(move || answered.into_iter().for_each(Answer::tell))?,
        named("log-preparer").spawn(move || preparing.preparer.run())?,
    ])
}
