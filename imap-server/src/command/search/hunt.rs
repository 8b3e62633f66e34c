//! [`Hunt`]: a search under way, on as many threads as are free.
//!
//! The messages are taken in blocks by whoever has time, each of about a millisecond's work. What is found without opening
//! messages in next to no time is found where the session is served. Threads are lent for a short
//! while by semaphores of the whole server, so that a long search slows others down and stops none; when the command ends
//! or its client goes, [`Stop`] ends the threads, in the middle of a message too.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use imap_proto::types::{ModSeq, NumberSet, SeqNum};
use imap_store::StoreError;
use imap_store::account::{Account, Mailbox, MessageNumber, MessageRef, Snapshot, SummaryReader};
use imap_store::message::Summary;
use imap_store::search::{Context, Query, Source};

use super::super::{Halt, finished};
use crate::SearchThreads;

/// How long a search may keep a thread before others have their turn.
const TURN: Duration = Duration::from_millis(20);
/// How long a search that opens no message takes part in what the session's thread does, before it goes to others.
const FIRST_TURN: Duration = Duration::from_micros(200);
/// Messages that a thread takes at once, at first and where each of them costs much.
const BLOCK_MIN: u32 = 16;
/// The same where they cost little.
const BLOCK_MAX: u32 = 4_096;
/// How long a block is to take.
const BLOCK_TAKES: Duration = Duration::from_millis(1);
/// Octets of a message that are read at once, so that one part's are there when another's were asked for.
const READ_OCTETS: u64 = 256 << 10;

/// What a search found.
#[derive(Default)]
pub(super) struct Found {
    /// Sequence numbers in the view.
    pub(super) places: NumberSet,
    /// `None` when nothing was found, or flags decided: then nobody asked for them.
    pub(super) mod_seqs: Option<ModSeqs>,
}

/// Modification sequences of what was found: of the first and the last message, and the highest of all.
pub(super) struct ModSeqs {
    pub(super) first: (SeqNum, ModSeq),
    pub(super) last: (SeqNum, ModSeq),
    pub(super) highest: ModSeq,
}

impl Found {
    fn add(&mut self, message: &MessageRef) {
        self.places.insert(message.seq_num.get());
        let at = (message.seq_num, message.mod_seq);
        self.add_mod_seqs(ModSeqs { first: at, last: at, highest: message.mod_seq });
    }

    fn add_mod_seqs(&mut self, more: ModSeqs) {
        self.mod_seqs = Some(match self.mod_seqs.take() {
            None => more,
            Some(known) => ModSeqs {
                first: known.first.min(more.first),
                last: known.last.max(more.last),
                highest: known.highest.max(more.highest),
            },
        });
    }

    fn join(&mut self, other: Self) {
        self.places = self.places.union(&other.places);
        if let Some(mod_seqs) = other.mod_seqs {
            self.add_mod_seqs(mod_seqs);
        }
    }
}

/// A search under way.
pub(super) struct Hunt {
    pub(super) query: Query,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) account: Account,
    pub(super) recent: NumberSet,
    pub(super) saved: NumberSet,
    pub(super) now: i64,
}

/// What its threads share.
struct Shared {
    hunt: Hunt,
    /// Messages before the block that is taken next.
    taken: AtomicU32,
    /// How many messages the next block has.
    block: AtomicU32,
    is_stopped: AtomicBool,
}

/// Ends the threads of a search when it is dropped.
struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }
}

impl Hunt {
    /// Looks at all messages, on threads that `threads` lends.
    pub(super) async fn run(self, threads: &SearchThreads) -> Result<Found, Halt> {
        let is_cheap = self.query.is_cheap();
        let lender = if is_cheap { &threads.quick } else { &threads.thorough };
        let stop = Stop(Arc::new(Shared {
            hunt: self,
            taken: AtomicU32::new(0),
            block: AtomicU32::new(BLOCK_MIN),
            is_stopped: AtomicBool::new(false),
        }));
        let mut found = if is_cheap { stop.0.turn(FIRST_TURN)? } else { Found::default() };
        while stop.0.is_left() {
            // One thread it waits for; what else is free it takes.
            let Ok(first) = lender.clone().acquire_owned().await else { break };
            let mut lent = vec![first];
            while lent.len() < stop.0.blocks_left()
                && let Ok(more) = lender.clone().try_acquire_owned()
            {
                lent.push(more);
            }
            let work = |permit| {
                let shared = stop.0.clone();
                threads.run(!is_cheap, move || {
                    let found = shared.turn(TURN);
                    drop(permit);
                    found
                })
            };
            let working: Vec<_> = lent.into_iter().map(work).collect();
            for worker in working {
                found.join(finished(worker.await)??);
            }
        }
        Ok(found)
    }
}

impl Shared {
    fn is_left(&self) -> bool {
        self.taken.load(Ordering::Relaxed) < self.hunt.mailbox.len()
    }

    /// How many threads would find a block each.
    fn blocks_left(&self) -> usize {
        let left = self.hunt.mailbox.len().saturating_sub(self.taken.load(Ordering::Relaxed));
        left.div_ceil(self.block.load(Ordering::Relaxed)) as usize
    }

    /// Looks at blocks until there are none or the turn is over. Blocking, where messages are opened.
    fn turn(&self, takes: Duration) -> Result<Found, StoreError> {
        let began = Instant::now();
        let mut found = Found::default();
        // Not kept between turns: those who wait for one are more than those who have one.
        let mut reader = Reader::new(&self.hunt);
        while began.elapsed() < takes && !self.is_stopped.load(Ordering::Relaxed) && self.is_left() {
            let block_began = Instant::now();
            let block = self.block.load(Ordering::Relaxed);
            let before = self.taken.fetch_add(block, Ordering::Relaxed);
            let Some(first) = SeqNum::new(before.saturating_add(1)) else { break };
            self.look_at(first, block, &mut reader, &mut found)?;
            let took = block_began.elapsed();
            let next = if took < BLOCK_TAKES / 2 { block * 2 } else { block / 2 };
            if took < BLOCK_TAKES / 2 || took > BLOCK_TAKES * 2 {
                self.block.store(next.clamp(BLOCK_MIN, BLOCK_MAX), Ordering::Relaxed);
            }
        }
        Ok(found)
    }

    /// Looks at the `count` messages from `first` on.
    fn look_at(
        &self,
        first: SeqNum,
        count: u32,
        reader: &mut Reader,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let Hunt { query, mailbox, recent, saved, now, .. } = &self.hunt;
        if let Some(places) = query.places_by_flags(mailbox, first, count) {
            places.ranges().iter().for_each(|&(first, last)| found.places.insert_range(first, last));
            return Ok(());
        }
        let context = Context { mailbox, recent, saved, now: *now };
        for message in mailbox.iter_from(first).take(count as usize) {
            if query.matches(&message, context, &mut Opener { shared: self, reader })? {
                found.add(&message);
            }
        }
        Ok(())
    }
}

/// What a thread reads messages with.
struct Reader {
    summaries: SummaryReader,
    /// Of which message octets were read last, from where on, and which.
    last: (MessageNumber, u64, Bytes),
}

impl Reader {
    fn new(hunt: &Hunt) -> Self {
        let mut summaries = hunt.account.summaries(&hunt.snapshot);
        summaries.want(READ_OCTETS as usize);
        Self { summaries, last: (MessageNumber(0), 0, Bytes::new()) }
    }

    /// Octets of a message. Whoever asks for one part's mostly asks for those of the part behind it next.
    fn read(&mut self, message: &MessageRef, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (number, start, octets) = &self.last;
        let end = start + octets.len() as u64;
        let is_there = *number == message.number && *start <= range.start && range.end <= end;
        if !is_there {
            // Whoever reads may use its memory again.
            self.last.2 = Bytes::new();
            let more = range.end.max(range.start.saturating_add(READ_OCTETS));
            let octets = self.summaries.read(message, range.start..more)?;
            self.last = (message.number, range.start, octets);
        }
        let (_, start, octets) = &self.last;
        let at = |octet: u64| usize::try_from(octet - start).unwrap_or(usize::MAX).min(octets.len());
        Ok(octets.slice(at(range.start)..at(range.end.max(range.start))))
    }
}

/// Opens what a search asks for, unless it was stopped.
struct Opener<'a> {
    shared: &'a Shared,
    reader: &'a mut Reader,
}

impl Opener<'_> {
    fn go_on(&self) -> Result<(), StoreError> {
        if self.shared.is_stopped.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable { reason: "the search was given up".to_owned() });
        }
        Ok(())
    }
}

impl Source for Opener<'_> {
    fn summary(&mut self, message: &MessageRef) -> Result<Summary, StoreError> {
        self.go_on()?;
        self.reader.summaries.summary(message)
    }

    fn read(&mut self, message: &MessageRef, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.go_on()?;
        self.reader.read(message, range)
    }
}
