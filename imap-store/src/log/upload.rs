//! A body on its way into the log: small ones whole, long ones in chunks as they come.

use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::pieces::{Buffers, Piece};
use super::queue::Pending;
use super::record::{BodyHead, ChunkList, Content};
use super::{AccountId, BodyId, Claim, Finished, Pin, Position, Seq, Shared, Waiter};
use crate::StoreError;

/// Octets of a body that is still one record, and of a longer one's chunks. Reads that begin and end at
/// multiples of it touch each chunk once.
pub const CHUNK_OCTETS: usize = 256 << 10;

/// A body on its way into the log.
///
/// It holds at most one chunk beside those (at most two) that wait to be written. Dropped before
/// [`Upload::finish`], it leaves nothing that counts.
#[derive(Debug)]
pub struct Upload {
    shared: Arc<Shared>,
    account: AccountId,
    claim: Claim,
    buffer: Vec<u8>,
    /// Those that come next.
    buffers: Arc<Buffers>,
    hasher: blake3::Hasher,
    size_octets: u64,
    chunks: Vec<BodyId>,
    /// The epoch in which the first chunk was queued: after a refusal chunks may be missing.
    epoch: Option<u64>,
    share: Arc<Semaphore>,
    /// From the segment of the first record on.
    pin: Option<Arc<Pin>>,
}

impl Upload {
    pub(super) fn new(shared: Arc<Shared>, account: AccountId, claim: Claim) -> Self {
        Self {
            shared,
            account,
            claim,
            buffer: Vec::new(),
            buffers: Arc::default(),
            hasher: blake3::Hasher::new(),
            size_octets: 0,
            chunks: Vec::new(),
            epoch: None,
            share: Arc::new(Semaphore::new(SHARE_CHUNKS)),
            pin: None,
        }
    }

    /// Makes room for a body of so many octets, as far as one who sends nothing may have it.
    pub fn expect(&mut self, octets: u64) {
        let octets = usize::try_from(octets).unwrap_or(usize::MAX).min(EXPECTED_OCTETS_MAX);
        self.buffer.reserve_exact(octets.saturating_sub(self.buffer.len()));
    }

    /// Adds octets. Bodies over 256 KiB go into the log in chunks as they come; waits while the queue is
    /// full. An upload whose `write` failed or was dropped unfinished must be dropped too.
    pub async fn write(&mut self, mut octets: &[u8]) -> Result<(), StoreError> {
        while !octets.is_empty() {
            if self.buffer.len() == CHUNK_OCTETS {
                self.queue_chunk().await?;
            }
            let count = octets.len().min(CHUNK_OCTETS - self.buffer.len());
            let (now, rest) = octets.split_at(count);
            self.hasher.update(now);
            if self.buffer.len() + count > EXPECTED_OCTETS_MAX {
                // In one step: each step on the way would leave its memory behind.
                self.buffer.reserve_exact(CHUNK_OCTETS - self.buffer.len());
            }
            self.buffer.extend_from_slice(now);
            self.size_octets += count as u64;
            octets = rest;
        }
        Ok(())
    }

    /// Queues what is left and gives the address. Durable at the latest when a change queued later in
    /// [`Finished::epoch`] is.
    pub async fn finish(mut self) -> Result<Finished, StoreError> {
        let head = BodyHead::new(&self.hasher.finalize(), now_ms());
        let content = if self.chunks.is_empty() {
            Content::Body(head, std::mem::take(&mut self.buffer))
        } else {
            self.queue_chunk().await?;
            let chunk_octets = CHUNK_OCTETS as u32;
            let chunks = std::mem::take(&mut self.chunks);
            let list = ChunkList { size_octets: self.size_octets, chunk_octets, chunks };
            Content::ChunkList(list.encode(&head))
        };
        let share = self.share().await?;
        let (body, epoch) = self.queue(content, Seq(0), share, None).await?;
        let pin = self.pin.take().expect("a record was queued, and that pins its segment");
        Ok(Finished { body, size_octets: self.size_octets, epoch, pin })
    }

    /// Closes the octets as the account's image at `seq`, and waits until that is on the disk, in every durability.
    pub(crate) async fn finish_image(mut self, seq: Seq) -> Result<(), StoreError> {
        self.queue_chunk().await?;
        let head = BodyHead::new(&self.hasher.finalize(), now_ms());
        let chunks = std::mem::take(&mut self.chunks);
        let list = ChunkList { size_octets: self.size_octets, chunk_octets: CHUNK_OCTETS as u32, chunks };
        let (answer, answered) = oneshot::channel();
        let waiter = Box::new(ImageWritten(answer));
        let share = self.share().await?;
        self.queue(Content::Image(list.encode(&head)), seq, share, Some(waiter)).await?;
        let gone = |_| StoreError::InDoubt { reason: "the log's writer is gone".to_owned() };
        answered.await.map_err(gone)??;
        let shared = Arc::clone(&self.shared);
        drop(self);
        shared.sync_now()
    }

    async fn queue_chunk(&mut self) -> Result<(), StoreError> {
        let share = self.share().await?;
        // Behind the wait: one that was written may be back by now.
        let octets = std::mem::replace(&mut self.buffer, self.buffers.take());
        let number = Seq(self.chunks.len() as u64);
        let chunk = Content::Chunk(Piece::new(octets, &self.buffers));
        let (chunk, epoch) = self.queue(chunk, number, share, None).await?;
        self.epoch = Some(epoch);
        self.chunks.push(chunk);
        Ok(())
    }

    /// Waits until less of this upload is queued.
    async fn share(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let closed = |_| StoreError::Unavailable { reason: "the log is closed".to_owned() };
        Arc::clone(&self.share).acquire_owned().await.map_err(closed)
    }

    async fn queue(
        &mut self,
        content: Content,
        number: Seq,
        share: OwnedSemaphorePermit,
        waiter: Option<Box<dyn Waiter>>,
    ) -> Result<(BodyId, u64), StoreError> {
        self.shared.space.admit_in_time(self.claim).await?;
        let mut pending = Some(Pending { waiter, ..self.pending(content, number, share) });
        loop {
            let shared = Arc::clone(&self.shared);
            let mut room = pin!(shared.room.notified());
            // From here on no call of `notify_waiters` is missed.
            room.as_mut().enable();
            if let Some(queued) = self.try_queue(&mut pending)? {
                return Ok(queued);
            }
            room.await;
        }
    }

    fn pending(&self, content: Content, number: Seq, share: OwnedSemaphorePermit) -> Pending {
        Pending { _share: Some(share), ..Pending::new(Position::default(), self.account, number, content) }
    }

    /// Queues it if there is room. Bodies fill the queue by half at the most: the rest is for changes.
    fn try_queue(&mut self, pending: &mut Option<Pending>) -> Result<Option<(BodyId, u64)>, StoreError> {
        let mut queue = self.shared.queue();
        if let Some(error) = queue.refusal() {
            return Err(error);
        }
        if self.epoch.is_some_and(|epoch| epoch != queue.epoch) {
            let reason = "the log had no room for a part of the message".to_owned();
            return Err(StoreError::Unavailable { reason });
        }
        let octets = pending.as_ref().map_or(0, |pending| pending.content.record_octets());
        if queue.octets > 0 && queue.octets + octets > self.shared.queue_octets_max / 2 {
            return Ok(None);
        }
        let Some(pending) = pending.take() else { return Ok(None) };
        let position = queue.push(pending);
        // Before the lock is given back: afterwards the segment might be sealed, and compaction look at it.
        let pins = &self.shared.pins;
        self.pin.get_or_insert_with(|| pins.pin(position.segment));
        let epoch = queue.epoch;
        self.shared.desk.wake_writer(queue);
        Ok(Some((position.into(), epoch)))
    }
}

/// Waits for an image.
struct ImageWritten(oneshot::Sender<Result<(), StoreError>>);

impl Waiter for ImageWritten {
    fn committed(&mut self, _position: Position) {}
    fn wake(self: Box<Self>) {
        let _ = self.0.send(Ok(()));
    }
    fn failed(self: Box<Self>, error: StoreError) {
        let _ = self.0.send(Err(error));
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

/// Room that is made for a body before its octets come.
const EXPECTED_OCTETS_MAX: usize = 64 << 10;
/// How many chunks of one upload may wait at once.
const SHARE_CHUNKS: usize = 2;
