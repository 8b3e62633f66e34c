//! The log: segments of grouped records, one writer, one sync for all who wait.
//!
//! Knows records and their order, not what a change says. `docs/STORAGE.md` has every field.

use std::path::PathBuf;

use bytes::Bytes;

use crate::{OpenError, StoreError};

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
    /// When OK means on disk.
    pub durability: crate::Durability,
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
    /// Files in the directory that are not ours; left alone.
    pub foreign: Vec<PathBuf>,
    /// The last stop was not a clean one.
    pub unclean: bool,
}

/// Whoever waits for a queued change. The writer calls [`Waiter::committed`] for every change of a group in
/// log order, then, on another thread, [`Waiter::wake`].
pub trait Waiter: Send {
    /// The change is durable: publish (swap pointers). Called on the writer's thread: cheap, no blocking.
    fn committed(&mut self, position: Position);
    /// Answer whoever waits. Called after the whole group was published, off the writer's thread.
    fn wake(self: Box<Self>);
    /// The change was not taken, or its outcome is unknown ([`StoreError::InDoubt`]).
    fn failed(self: Box<Self>, error: StoreError);
}

/// The log of one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {}

/// A body on its way into the log.
#[derive(Debug)]
pub struct Upload {}

impl Log {
    /// Opens or makes the log and replays every change at or behind `from` in log order. Blocking.
    pub fn open(
        options: LogOptions,
        from: Option<Position>,
        replay: &mut dyn FnMut(Replayed) -> Result<(), OpenError>,
    ) -> Result<(Self, Recovery), OpenError> {
        let _ = (options, from, replay);
        todo!()
    }

    /// The queue's epoch: it rises when a group could not be written and the queue was refused.
    pub fn epoch(&self) -> u64 {
        todo!()
    }

    /// Waits until the queue has room for `octets` more. Called before the account's lock is taken.
    pub async fn room(&self, octets: usize) -> Result<(), StoreError> {
        let _ = octets;
        todo!()
    }

    /// Queues a change of `epoch`; returns at once. Called under the account's lock, so that log order is
    /// account order. Refused without a trace (the waiter comes back) when `epoch` is past.
    pub fn enqueue(
        &self,
        epoch: u64,
        account: AccountId,
        seq: Seq,
        payload: Vec<u8>,
        waiter: Box<dyn Waiter>,
    ) -> Result<Position, Box<dyn Waiter>> {
        let _ = (epoch, account, seq, payload, waiter);
        todo!()
    }

    /// Begins a body.
    pub fn upload(&self, account: AccountId) -> Upload {
        let _ = account;
        todo!()
    }

    /// Reads `range` of a body (to its end at the most). Blocking; every record touched is checked.
    pub fn read(&self, body: BodyId, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        let _ = (body, range);
        todo!()
    }

    /// Behind the last published change: a checkpoint taken now may name it.
    pub fn published(&self) -> Position {
        todo!()
    }

    /// Writes what is queued, adds the group that says all before it is synced, and stops the writer.
    /// Blocking. Later calls answer [`StoreError::Unavailable`].
    pub fn close(&self) {
        todo!()
    }
}

impl Upload {
    /// Adds octets. Bodies over 256 KiB go into the log in chunks as they come; waits while the queue is
    /// full.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let _ = octets;
        todo!()
    }

    /// Queues what is left and gives the address. Durable at the latest when a change queued later in
    /// [`Finished::epoch`] is.
    pub async fn finish(self) -> Result<Finished, StoreError> {
        todo!()
    }
}

/// A body that is queued whole.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// Its address.
    pub body: BodyId,
    /// Its length.
    pub size_octets: u64,
    /// The epoch in which it was queued whole: a change that names it must be queued in the same.
    pub epoch: u64,
}
