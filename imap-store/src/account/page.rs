//! [`Page`]: up to 128 messages of a mailbox, as columns. A hot half (flags, MODSEQ) that most changes
//! replace, and a cold one (UID, number, size, dates) that they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imap_proto::types::{DateTime, NumberSet, SystemFlag};

use super::codec::{Decoder, Encoder, Malformed};
use super::snapshot::{Flags, MessageNumber};
use super::tree::{Leaf, Sum};

/// Under which number a half lies in the checkpoint; 0: nowhere yet.
#[derive(Debug, Default)]
pub(super) struct Row(AtomicU64);

impl Row {
    pub(super) fn new(number: u64) -> Self {
        Self(AtomicU64::new(number))
    }
    pub(super) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Acquire)).filter(|&row| row != 0)
    }
    pub(super) fn set(&self, row: u64) {
        self.0.store(row, Ordering::Release);
    }
}

#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) hot: Arc<Hot>,
    pub(super) cold: Arc<Cold>,
}

/// Flags and MODSEQ of each message.
#[derive(Debug, Default)]
pub(super) struct Hot {
    /// The different sets of flags on this page: few, mostly one or two.
    dictionary: Vec<Flags>,
    /// Which of them each message has: a page has at most 128 messages, so an octet is enough.
    flags: Vec<u8>,
    mod_seqs: Vec<u64>,
    pub(super) row: Row,
}

/// What never changes of each message.
#[derive(Debug, Default)]
pub(super) struct Cold {
    uids: Vec<u32>,
    numbers: Vec<u64>,
    sizes: Vec<u64>,
    dates: Vec<i64>,
    offsets: Vec<i16>,
    saved: Vec<i64>,
    pub(super) row: Row,
}

/// One message on its way into a page.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) uid: u32,
    pub(super) mod_seq: u64,
    pub(super) flags: Flags,
    pub(super) number: MessageNumber,
    pub(super) size_octets: u64,
    pub(super) internal_date: DateTime,
    pub(super) saved_at: i64,
}

/// Of a page, or of all pages below a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSum {
    pub(super) first_uid: u32,
    pub(super) last_uid: u32,
    pub(super) count: u32,
    pub(super) unseen: u32,
    pub(super) deleted: u32,
    pub(super) octets: u64,
    pub(super) mod_seq_max: u64,
}

impl Sum for PageSum {
    fn last_key(&self) -> u64 {
        self.last_uid.into()
    }
    fn count(&self) -> u32 {
        self.count
    }
    fn add(&mut self, next: &Self) {
        self.last_uid = next.last_uid;
        self.count += next.count;
        self.unseen += next.unseen;
        self.deleted += next.deleted;
        self.octets = self.octets.saturating_add(next.octets);
        self.mod_seq_max = self.mod_seq_max.max(next.mod_seq_max);
    }
}

impl PageSum {
    /// Whether every UID from the first to the last is there.
    pub(super) fn is_dense(&self) -> bool {
        self.last_uid - self.first_uid + 1 == self.count
    }
}

impl Leaf for Page {
    type Sum = PageSum;
    const JOIN_BELOW: usize = 32;
    const MAX: usize = 128;

    fn sum(&self) -> PageSum {
        let mut sum = PageSum {
            first_uid: self.cold.uids[0],
            last_uid: self.cold.uids[self.len() - 1],
            count: self.len() as u32,
            unseen: 0,
            deleted: 0,
            octets: self.cold.sizes.iter().fold(0, |sum, &size| sum.saturating_add(size)),
            mod_seq_max: self.hot.mod_seqs.iter().copied().max().unwrap_or(0),
        };
        for &at in &self.hot.flags {
            let flags = &self.hot.dictionary[usize::from(at)];
            sum.unseen += u32::from(!flags.has(SystemFlag::Seen));
            sum.deleted += u32::from(flags.has(SystemFlag::Deleted));
        }
        sum
    }

    fn len(&self) -> usize {
        self.cold.uids.len()
    }

    fn join(&self, next: &Self) -> Self {
        Self::from_entries(self.entries().chain(next.entries()))
    }
}

impl Page {
    /// A page of these, by ascending UID; at most 128.
    pub(super) fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut hot = Hot::default();
        let mut cold = Cold::default();
        for entry in entries {
            cold.push(&entry);
            hot.push(entry.flags, entry.mod_seq);
        }
        Self::new(hot, cold)
    }

    /// These behind those of the last page, by ascending UID. A full page stays the one that it was.
    pub(super) fn behind(last: Option<&Self>, entries: Vec<Entry>) -> Vec<Self> {
        let (full, open) = match last {
            Some(last) if last.len() == Self::MAX => (Some(last.clone()), None),
            last => (None, last),
        };
        let more = entries.len().min(Self::MAX - open.map_or(0, Leaf::len));
        let mut hot = open.map_or_else(Hot::default, |page| page.hot.with_room(more));
        let mut cold = open.map_or_else(Cold::default, |page| page.cold.with_room(more));
        let mut pages = Vec::from_iter(full);
        for entry in entries {
            if cold.len() == Self::MAX {
                pages.push(Self::new(std::mem::take(&mut hot), std::mem::take(&mut cold)));
            }
            cold.push(&entry);
            hot.push(entry.flags, entry.mod_seq);
        }
        if cold.len() > 0 {
            pages.push(Self::new(hot, cold));
        }
        pages
    }

    fn new(hot: Hot, cold: Cold) -> Self {
        Self { hot: Arc::new(hot), cold: Arc::new(cold) }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len()).map(|at| self.entry(at))
    }

    pub(super) fn entry(&self, at: usize) -> Entry {
        let cold = &*self.cold;
        Entry {
            uid: cold.uids[at],
            mod_seq: self.hot.mod_seqs[at],
            flags: self.flags(at).clone(),
            number: MessageNumber(cold.numbers[at]),
            size_octets: cold.sizes[at],
            internal_date: DateTime::new(cold.dates[at], cold.offsets[at])
                .expect("only what was a date came in"),
            saved_at: cold.saved[at],
        }
    }

    pub(super) fn uids(&self) -> &[u32] {
        &self.cold.uids
    }

    pub(super) fn numbers(&self) -> &[u64] {
        &self.cold.numbers
    }

    pub(super) fn mod_seq(&self, at: usize) -> u64 {
        self.hot.mod_seqs[at]
    }

    pub(super) fn flags(&self, at: usize) -> &Flags {
        &self.hot.dictionary[usize::from(self.hot.flags[at])]
    }

    /// Which of the dictionary's sets the message has: equal numbers, equal flags.
    pub(super) fn flags_index(&self, at: usize) -> u8 {
        self.hot.flags[at]
    }

    /// The different sets of flags on this page.
    pub(super) fn dictionary(&self) -> &[Flags] {
        &self.hot.dictionary
    }

    /// Where the UIDs of `first..=last` stand.
    pub(super) fn range(&self, first: u32, last: u32) -> std::ops::Range<usize> {
        let uids = self.uids();
        uids.partition_point(|&uid| uid < first)..uids.partition_point(|&uid| uid <= last)
    }

    /// The same page with other flags for the UIDs in `uids`; `change` is asked once for each different set.
    pub(super) fn with_flags(
        &self,
        uids: &NumberSet,
        mod_seq: u64,
        change: impl Fn(&Flags) -> Flags,
    ) -> Self {
        let touched = self.marks(uids);
        let changed: Vec<Flags> = self.hot.dictionary.iter().map(change).collect();
        // Where each old set, kept and changed, has come to stand in the new dictionary.
        let mut places = vec![[None::<u8>; 2]; changed.len()];
        let mut hot = Hot::default();
        for (at, &touched) in touched.iter().enumerate() {
            let old = usize::from(self.hot.flags[at]);
            let mod_seq = if touched { mod_seq } else { self.hot.mod_seqs[at] };
            match places[old][usize::from(touched)] {
                Some(place) => {
                    hot.flags.push(place);
                    hot.mod_seqs.push(mod_seq);
                }
                None => {
                    let flags = if touched { &changed[old] } else { &self.hot.dictionary[old] };
                    places[old][usize::from(touched)] = Some(hot.push(flags.clone(), mod_seq));
                }
            }
        }
        Self { hot: Arc::new(hot), cold: self.cold.clone() }
    }

    /// The page without these UIDs; `None` when nothing is left.
    pub(super) fn without(&self, uids: &NumberSet) -> Option<Self> {
        let gone = self.marks(uids);
        let page =
            Self::from_entries(self.entries().zip(gone).filter(|(_, gone)| !gone).map(|(entry, _)| entry));
        (page.len() > 0).then_some(page)
    }

    /// For each message, whether its UID is in the set. Costs what both have in common.
    pub(super) fn marks(&self, uids: &NumberSet) -> Vec<bool> {
        let mut marks = vec![false; self.len()];
        let (first, last) = (self.cold.uids[0], self.cold.uids[self.len() - 1]);
        for &(from, to) in ranges_within(uids, first, last) {
            marks[self.range(from, to)].fill(true);
        }
        marks
    }
}

/// The ranges of a set that touch `first..=last`.
pub(super) fn ranges_within(set: &NumberSet, first: u32, last: u32) -> &[(u32, u32)] {
    let ranges = set.ranges();
    let begin = ranges.partition_point(|&(_, to)| to < first);
    let end = ranges.partition_point(|&(from, _)| from <= last);
    &ranges[begin..end.max(begin)]
}

/// A column of a page, copied, with room for more.
pub(super) fn with_room<T: Clone>(column: &[T], more: usize) -> Vec<T> {
    let mut copy = Vec::with_capacity(column.len() + more);
    copy.extend_from_slice(column);
    copy
}

impl Hot {
    /// A copy that so many more fit into.
    fn with_room(&self, more: usize) -> Self {
        Self {
            dictionary: self.dictionary.clone(),
            flags: with_room(&self.flags, more),
            mod_seqs: with_room(&self.mod_seqs, more),
            row: Row::default(),
        }
    }

    /// Adds a message; returns which of the dictionary's sets it has.
    fn push(&mut self, flags: Flags, mod_seq: u64) -> u8 {
        let place = self.dictionary.iter().position(|known| *known == flags).unwrap_or_else(|| {
            self.dictionary.push(flags);
            self.dictionary.len() - 1
        });
        let place = u8::try_from(place).expect("a page has at most 128 messages");
        self.flags.push(place);
        self.mod_seqs.push(mod_seq);
        place
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.dictionary.len() as u64);
        for flags in &self.dictionary {
            flags.encode(&mut out);
        }
        out.octets(&self.flags);
        let mut before = 0u64;
        for &mod_seq in &self.mod_seqs {
            out.signed(mod_seq.wrapping_sub(before) as i64);
            before = mod_seq;
        }
        out.finish()
    }

    pub(super) fn decode(row: u64, octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let mut dictionary = Vec::new();
        for _ in 0..input.count()? {
            dictionary.push(Flags::decode(&mut input)?);
        }
        let flags = input.octets()?.to_vec();
        if flags.is_empty()
            || flags.len() > Page::MAX
            || flags.iter().any(|&at| usize::from(at) >= dictionary.len())
        {
            return Err(Malformed);
        }
        let mut mod_seqs = Vec::with_capacity(flags.len());
        let mut before = 0u64;
        for _ in 0..flags.len() {
            before = before.wrapping_add(input.signed()? as u64);
            mod_seqs.push(before);
        }
        input.end()?;
        Ok(Self { dictionary, flags, mod_seqs, row: Row::new(row) })
    }

    pub(super) fn len(&self) -> usize {
        self.flags.len()
    }
}

impl Cold {
    /// A copy that so many more fit into.
    fn with_room(&self, more: usize) -> Self {
        Self {
            uids: with_room(&self.uids, more),
            numbers: with_room(&self.numbers, more),
            sizes: with_room(&self.sizes, more),
            dates: with_room(&self.dates, more),
            offsets: with_room(&self.offsets, more),
            saved: with_room(&self.saved, more),
            row: Row::default(),
        }
    }

    fn push(&mut self, entry: &Entry) {
        self.uids.push(entry.uid);
        self.numbers.push(entry.number.0);
        self.sizes.push(entry.size_octets);
        self.dates.push(entry.internal_date.seconds());
        self.offsets.push(entry.internal_date.offset_minutes());
        self.saved.push(entry.saved_at);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.uids.len() as u64);
        let (mut uid, mut number, mut date, mut saved) = (0u32, 0u64, 0i64, 0i64);
        for at in 0..self.uids.len() {
            out.number((self.uids[at] - uid).into());
            out.signed(self.numbers[at].wrapping_sub(number) as i64);
            out.number(self.sizes[at]);
            out.signed(self.dates[at].wrapping_sub(date));
            out.signed(self.offsets[at].into());
            out.signed(self.saved[at].wrapping_sub(saved));
            (uid, number, date, saved) = (self.uids[at], self.numbers[at], self.dates[at], self.saved[at]);
        }
        out.finish()
    }

    pub(super) fn decode(row: u64, octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let count = input.count()?;
        if count == 0 || count > Page::MAX {
            return Err(Malformed);
        }
        let mut cold = Self { row: Row::new(row), ..Self::default() };
        let (mut uid, mut number, mut date, mut saved) = (0u32, 0u64, 0i64, 0i64);
        for _ in 0..count {
            let step = input.number_u32()?;
            uid = uid.checked_add(step).filter(|_| step > 0).ok_or(Malformed)?;
            number = number.wrapping_add(input.signed()? as u64);
            cold.sizes.push(input.number()?);
            date = date.wrapping_add(input.signed()?);
            let offset = i16::try_from(input.signed()?).map_err(|_| Malformed)?;
            saved = saved.wrapping_add(input.signed()?);
            DateTime::new(date, offset).ok_or(Malformed)?;
            cold.uids.push(uid);
            cold.numbers.push(number);
            cold.dates.push(date);
            cold.offsets.push(offset);
            cold.saved.push(saved);
        }
        input.end()?;
        Ok(cold)
    }

    pub(super) fn len(&self) -> usize {
        self.uids.len()
    }
}
