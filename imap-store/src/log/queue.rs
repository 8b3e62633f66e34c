//! What waits for the writer, and the addresses that it is given while it waits.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::Sender;

use tokio::sync::OwnedSemaphorePermit;

use super::record::{Content, Kind};
use super::segment::{GROUPS_AT, Table};
use super::{AccountId, Position, Seq, Waiter};
use crate::StoreError;

/// A record that waits.
pub(super) struct Pending {
    pub(super) position: Position,
    pub(super) account: AccountId,
    pub(super) seq: Seq,
    pub(super) content: Content,
    pub(super) waiter: Option<Box<dyn Waiter>>,
    /// The upload's share, given back when the record is written.
    pub(super) _share: Option<OwnedSemaphorePermit>,
}

impl Pending {
    pub(super) fn new(position: Position, account: AccountId, seq: Seq, content: Content) -> Self {
        Self { position, account, seq, content, waiter: None, _share: None }
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("position", &self.position)
            .field("account", &self.account)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

/// Whether the log takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// Closing or closed: what is queued is still written.
    Closed,
    /// A write or sync failed; why.
    Poisoned(String),
}

/// Where the answer to a wish for a sync goes.
pub(super) type SyncAsked = Sender<Result<(), StoreError>>;

/// The queue, under one lock.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) state: State,
    /// The writer is to end once the queue is empty.
    pub(super) stop: bool,
    /// The writer has nothing to do and sleeps, until it is woken or its time is over.
    pub(super) is_asleep: bool,
    /// A sync is under way, on a thread of its own: what is queued goes with the next one.
    pub(super) is_syncing: bool,
    /// How it ended, until the writer has taken note.
    pub(super) synced: Option<io::Result<()>>,
    /// From how many octets on what is queued is written while a sync is under way.
    ahead_octets: usize,
    pub(super) epoch: u64,
    pub(super) pending: VecDeque<Pending>,
    /// Those who wait for a sync of all that was published.
    pub(super) syncs: Vec<SyncAsked>,
    /// Octets of records queued.
    pub(super) octets: usize,
    /// Records that were ever queued, and how many of them were published or refused.
    pub(super) pushed: u64,
    pub(super) settled: u64,
    /// Behind the last published change.
    pub(super) published: Position,
    tail: Tail,
    segment_octets: u64,
}

/// The segment that the next record goes to.
#[derive(Debug)]
struct Tail {
    segment: u64,
    /// The next record's index.
    record: u32,
    /// Where the file's written groups end.
    written: u64,
    /// Octets of the segment's records that are not yet written.
    queued: u64,
    /// When it is full.
    target: u64,
}

impl Queue {
    /// The first record goes to the beginning of `segment`; all before `published` is there.
    pub(super) fn new(segment: u64, published: Position, segment_octets: u64, ahead_octets: usize) -> Self {
        let target = FIRST_SEGMENT_OCTETS;
        Self {
            state: State::Open,
            stop: false,
            is_asleep: false,
            is_syncing: false,
            synced: None,
            ahead_octets,
            epoch: 1,
            pending: VecDeque::new(),
            syncs: Vec::new(),
            octets: 0,
            pushed: 0,
            settled: 0,
            published,
            tail: Tail { segment, record: 0, written: GROUPS_AT, queued: 0, target },
            segment_octets,
        }
    }

    /// Why nothing can be queued, if so.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        let reason = match &self.state {
            State::Open => return None,
            State::Closed => "the log is closed".to_owned(),
            State::Poisoned(reason) => reason.clone(),
        };
        Some(StoreError::Unavailable { reason })
    }

    /// Whether the writer has to be woken for what was just queued or asked for. Only once for each of its sleeps: it is
    /// a call to the system, and so much more than the queueing itself.
    pub(super) fn wakes(&mut self) -> bool {
        let waits_for_sync = self.is_syncing && self.synced.is_none();
        (!waits_for_sync || self.is_worth_writing_ahead()) && std::mem::take(&mut self.is_asleep)
    }

    /// Whether so much is queued that it is not to wait for the sync that is under way.
    pub(super) fn is_worth_writing_ahead(&self) -> bool {
        self.octets >= self.ahead_octets
    }

    /// How the sync that was under way ended, if it has.
    pub(super) fn take_synced(&mut self) -> Option<io::Result<()>> {
        let synced = self.synced.take();
        self.is_syncing &= synced.is_none();
        synced
    }

    /// The segment that the next record goes to, if that one is not full.
    pub(super) fn segment(&self) -> u64 {
        self.tail.segment
    }

    /// Gives the record its address and queues it.
    pub(super) fn push(&mut self, mut pending: Pending) -> Position {
        let octets = pending.content.record_octets();
        assert!(octets <= RECORD_OCTETS_MAX, "a record is at most 1 GiB");
        self.roll_over_when_full();
        let position = Position { segment: self.tail.segment, record: self.tail.record };
        pending.position = position;
        self.tail.record += 1;
        self.tail.queued += octets as u64;
        self.octets += octets;
        self.pushed += 1;
        self.pending.push_back(pending);
        position
    }

    /// The size is soft: padding depends on the grouping, which is not known yet. So a file may become
    /// longer than its target by what was queued.
    fn roll_over_when_full(&mut self) {
        let tail = &self.tail;
        let table = Table::octets_for(u64::from(tail.record));
        if tail.written + tail.queued + table < tail.target || tail.record == 0 {
            return;
        }
        let target = next_target(tail.target, self.segment_octets);
        self.tail = Tail { segment: tail.segment + 1, record: 0, written: GROUPS_AT, queued: 0, target };
    }

    /// Takes the records of the next group: of one segment, up to 8 MiB.
    pub(super) fn take_group(&mut self) -> Vec<Pending> {
        let Some(segment) = self.pending.front().map(|first| first.position.segment) else {
            return Vec::new();
        };
        let mut octets = 0;
        let fits = |pending: &&Pending| {
            octets += pending.content.record_octets();
            pending.position.segment == segment && octets <= GROUP_OCTETS_MAX
        };
        let count = self.pending.iter().take_while(fits).count().max(1);
        self.pending.drain(..count).collect()
    }

    /// A group was written: its octets are no longer held, and its segment's groups end at `end`.
    pub(super) fn written(&mut self, group: &[Pending], end: u64) {
        let octets: usize = group.iter().map(|pending| pending.content.record_octets()).sum();
        self.octets -= octets;
        if group.first().is_some_and(|pending| pending.position.segment == self.tail.segment) {
            self.tail.queued -= octets as u64;
            self.tail.written = end;
        }
    }

    /// A group without records was written.
    pub(super) fn marked(&mut self, segment: u64, end: u64) {
        if self.tail.segment == segment {
            self.tail.written = end;
        }
    }

    /// Empties the queue; addresses go on behind `next` in the segment whose groups end at `end`. A full
    /// one is not written to again.
    pub(super) fn refuse_all(&mut self, next: Position, end: u64, full: bool) -> VecDeque<Pending> {
        self.epoch += 1;
        self.octets = 0;
        self.settled = self.pushed;
        if self.tail.segment != next.segment {
            self.tail.target = self.tail.target.min(self.segment_octets);
        }
        self.tail.segment = next.segment;
        self.tail.record = next.record;
        self.tail.queued = 0;
        self.tail.written = end;
        if full {
            self.tail.written = self.tail.written.max(self.tail.target);
        }
        std::mem::take(&mut self.pending)
    }
}

/// Whether a group must be synced before its waiters are answered: a body counts only with the change that
/// names it.
pub(super) fn needs_sync(group: &[Pending]) -> bool {
    group.iter().any(|pending| matches!(pending.content.kind(), Kind::Change | Kind::Image))
}

/// The size of the segment behind one of `octets`: small ones come first, so that a small store stays small
/// and opening one is quick.
pub(super) fn next_target(octets: u64, segment_octets: u64) -> u64 {
    octets.saturating_mul(4).min(segment_octets)
}

/// The size of the first segment after opening.
pub(super) const FIRST_SEGMENT_OCTETS: u64 = 1 << 20;

/// Where groups end.
const GROUP_OCTETS_MAX: usize = 8 << 20;
const RECORD_OCTETS_MAX: usize = 1 << 30;
