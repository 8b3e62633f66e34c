//! What was expunged from a mailbox, and when: so that a client that comes back is told what is gone.

use std::sync::Arc;

use imap_proto::types::NumberSet;

use super::codec::{Decoder, Encoder, Malformed};

/// Entries that are kept at the most; beyond it the older half is joined by pairs.
const ENTRIES_MAX: usize = 512;
/// Ranges that are kept at the most; beyond it the oldest entries are dropped.
const RANGES_MAX: usize = 8_192;

/// The expunged UIDs of a mailbox by the seq of the change, bounded.
///
/// Joining two entries takes the later seq for both: a client is then told again what it knows, which is
/// always right, only longer (RFC 7162 §3.2.5.1 allows it).
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// Up to this seq (and with it) expunges may have been forgotten.
    floor: u64,
    /// Ascending by seq.
    entries: Vec<(u64, Arc<NumberSet>)>,
    ranges: usize,
}

impl History {
    /// Nothing is known of what went up to `seq`.
    pub(super) fn forgotten_at(seq: u64) -> Self {
        Self { floor: seq, ..Self::default() }
    }

    /// With one more expunge.
    pub(super) fn with(&self, seq: u64, uids: &NumberSet) -> Self {
        let mut history = self.clone();
        history.ranges += uids.ranges().len();
        history.entries.push((seq, Arc::new(uids.clone())));
        if history.entries.len() > ENTRIES_MAX {
            history.join_older_half();
        }
        history.forget_oldest();
        history
    }

    fn join_older_half(&mut self) {
        let recent = self.entries.split_off(self.entries.len() / 2);
        let older = std::mem::take(&mut self.entries);
        for pair in older.chunks(2) {
            let mut joined = (*pair[0].1).clone();
            for (_, more) in &pair[1..] {
                more.ranges().iter().for_each(|&(first, last)| joined.insert_range(first, last));
            }
            self.entries.push((pair[pair.len() - 1].0, Arc::new(joined)));
        }
        self.entries.extend(recent);
        self.ranges = self.entries.iter().map(|(_, uids)| uids.ranges().len()).sum();
    }

    fn forget_oldest(&mut self) {
        let mut forgotten = 0;
        while self.ranges > RANGES_MAX && forgotten < self.entries.len() {
            self.ranges -= self.entries[forgotten].1.ranges().len();
            self.floor = self.entries[forgotten].0;
            forgotten += 1;
        }
        self.entries.drain(..forgotten);
    }

    /// About what it takes in memory.
    pub(super) fn octets(&self) -> u64 {
        (self.entries.len() * 80 + self.ranges * size_of::<(u32, u32)>()) as u64
    }

    /// What was expunged after `seq`; `None` when that is no longer known.
    pub(super) fn since(&self, seq: u64) -> Option<NumberSet> {
        if seq < self.floor {
            return None;
        }
        let begin = self.entries.partition_point(|&(at, _)| at <= seq);
        let mut uids = NumberSet::new();
        for (_, gone) in &self.entries[begin..] {
            gone.ranges().iter().for_each(|&(first, last)| uids.insert_range(first, last));
        }
        Some(uids)
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.floor);
        out.number(self.entries.len() as u64);
        for (seq, uids) in &self.entries {
            out.number(*seq);
            out.set(uids);
        }
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut history = Self { floor: input.number()?, ..Self::default() };
        for _ in 0..input.count()? {
            let seq = input.number()?;
            let uids = input.set()?;
            history.ranges += uids.ranges().len();
            history.entries.push((seq, Arc::new(uids)));
        }
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_after_a_seq_is_told() {
        let history = [(5, 3), (7, 9), (9, 4)]
            .iter()
            .fold(History::default(), |history, &(seq, uid)| history.with(seq, &NumberSet::from_iter([uid])));
        assert_eq!(history.since(5), Some(NumberSet::from_iter([4, 9])));
        assert_eq!(history.since(9), Some(NumberSet::new()));
        assert_eq!(history.since(0), Some(NumberSet::from_iter([3, 4, 9])));
    }

    #[test]
    fn it_stays_bounded_and_never_tells_too_little() {
        let mut history = History::default();
        for seq in 1..=20_000u64 {
            history = history.with(seq, &NumberSet::from_iter([seq as u32 * 2]));
            assert!(history.entries.len() <= ENTRIES_MAX && history.ranges <= RANGES_MAX);
        }
        for since in [0, 1, 10_000, 19_990] {
            if let Some(told) = history.since(since) {
                assert!((since + 1..=20_000).all(|seq| told.contains(seq as u32 * 2)));
            }
        }
        assert_eq!(history.since(0), None);
        assert!(history.since(19_000).is_some());
    }
}
