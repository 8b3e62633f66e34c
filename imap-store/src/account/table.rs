//! The message table of an account: message number -> body address and how many mailboxes hold it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::codec::{Decoder, Encoder, Malformed};
use super::page::{Row, with_room};
use super::snapshot::MessageNumber;
use super::threads::{GlobalId, Ids};
use super::tree::{Edit, KeySum, Leaf, Tree};
use crate::log::BodyId;

pub(super) type Table = Tree<TablePage>;

/// Up to 128 messages, by ascending number.
#[derive(Debug, Default)]
pub(super) struct TablePage {
    numbers: Vec<u64>,
    segments: Vec<u64>,
    records: Vec<u32>,
    holders: Vec<u32>,
    /// The keys of the messages' own ids, 0 where there is none.
    keys: Vec<u64>,
    /// How far before the message the first of its thread came; of no account where `ids` has it.
    threads: Vec<u32>,
    /// The ids of the few that have them from elsewhere, by place.
    ids: Vec<(u8, Ids)>,
    pub(super) row: Row,
}

impl Leaf for TablePage {
    type Sum = KeySum;
    const JOIN_BELOW: usize = 32;
    const MAX: usize = 128;

    fn sum(&self) -> KeySum {
        KeySum { first: self.numbers[0], last: self.numbers[self.len() - 1], count: self.len() as u32 }
    }
    fn len(&self) -> usize {
        self.numbers.len()
    }
    fn join(&self, next: &Self) -> Self {
        let mut joined = Self::default();
        for row in self.rows().chain(next.rows()) {
            joined.push(row);
        }
        joined
    }
}

/// One message of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableRow {
    pub(super) number: u64,
    pub(super) body: BodyId,
    pub(super) holders: u32,
    pub(super) key: u64,
    pub(super) ids: Ids,
}

impl TablePage {
    /// A copy that so many more fit into, as far as a page has room.
    fn with_room(&self, more: usize) -> Self {
        let more = more.min(Self::MAX - self.len());
        Self {
            numbers: with_room(&self.numbers, more),
            segments: with_room(&self.segments, more),
            records: with_room(&self.records, more),
            holders: with_room(&self.holders, more),
            keys: with_room(&self.keys, more),
            threads: with_room(&self.threads, more),
            ids: self.ids.clone(),
            row: Row::default(),
        }
    }

    fn push(&mut self, row: TableRow) {
        self.numbers.push(row.number);
        self.segments.push(row.body.segment);
        self.records.push(row.body.record);
        self.holders.push(row.holders);
        self.keys.push(row.key);
        let near = row.number.checked_sub(row.ids.thread.number).and_then(|it| u32::try_from(it).ok());
        let own = GlobalId { account: 0, number: row.number };
        match near {
            Some(near) if row.ids.thread.account == 0 && row.ids.email == own => self.threads.push(near),
            _ => {
                let at = u8::try_from(self.threads.len()).expect("a page has at most 128 messages");
                self.ids.push((at, row.ids));
                self.threads.push(0);
            }
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = TableRow> + '_ {
        (0..self.len()).map(|at| self.row(at))
    }

    fn row(&self, at: usize) -> TableRow {
        TableRow {
            number: self.numbers[at],
            body: self.body(at),
            holders: self.holders[at],
            key: self.keys[at],
            ids: self.ids(at),
        }
    }

    fn ids(&self, at: usize) -> Ids {
        if let Ok(found) = self.ids.binary_search_by_key(&at, |(at, _)| usize::from(*at)) {
            return self.ids[found].1;
        }
        let number = self.numbers[at];
        let thread = GlobalId { account: 0, number: number - u64::from(self.threads[at]) };
        Ids { thread, ..Ids::new(number) }
    }

    fn body(&self, at: usize) -> BodyId {
        BodyId { segment: self.segments[at], record: self.records[at] }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.len() as u64);
        let (mut number, mut segment, mut record) = (0, 0u64, 0u32);
        for row in self.rows() {
            out.number(row.number - number);
            out.signed(row.body.segment.wrapping_sub(segment) as i64);
            out.signed(i64::from(row.body.record) - i64::from(record));
            out.number(row.holders.into());
            out.fixed(row.key);
            encode_ids(row.ids, row.number, &mut out);
            (number, segment, record) = (row.number, row.body.segment, row.body.record);
        }
        out.finish()
    }

    pub(super) fn decode(row: u64, octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let count = input.count()?;
        if count == 0 || count > Self::MAX {
            return Err(Malformed);
        }
        let mut page = Self { row: Row::new(row), ..Self::default() };
        let (mut number, mut segment, mut record) = (0u64, 0u64, 0u32);
        for _ in 0..count {
            let step = input.number()?;
            number = number.checked_add(step).filter(|_| step > 0).ok_or(Malformed)?;
            segment = segment.wrapping_add(input.signed()? as u64);
            record = u32::try_from(i64::from(record).checked_add(input.signed()?).ok_or(Malformed)?)
                .map_err(|_| Malformed)?;
            let holders = input.number_u32()?;
            let key = input.fixed()?;
            let ids = decode_ids(&mut input, number)?;
            page.push(TableRow { number, body: BodyId { segment, record }, holders, key, ids });
        }
        input.end()?;
        Ok(page)
    }
}

/// Where the octets of one table's messages lie, asked for one after the other.
#[derive(Debug, Default)]
pub(super) struct BodyFinder {
    /// The page of the message that was found last.
    page: Option<Arc<TablePage>>,
    /// In that page, behind that message.
    next: usize,
}

impl BodyFinder {
    pub(super) fn body(&mut self, table: &Table, number: MessageNumber) -> Option<BodyId> {
        let number = number.0;
        let reaches =
            |numbers: &[u64]| matches!(numbers, [first, .., last] if (first..=last).contains(&&number));
        if !self.page.as_ref().is_some_and(|page| reaches(&page.numbers)) {
            self.page = table.find(number).map(|(page, _)| Arc::clone(page));
            self.next = 0;
        }
        let page = self.page.as_ref()?;
        let numbers = &page.numbers;
        let at = if numbers.get(self.next) == Some(&number) {
            self.next
        } else {
            numbers.binary_search(&number).ok()?
        };
        self.next = at + 1;
        Some(page.body(at))
    }
}

/// The thread of a message and, where they come from elsewhere, both accounts and the message's number there.
pub(super) fn encode_ids(ids: Ids, number: u64, out: &mut Encoder) {
    let own = GlobalId { account: 0, number };
    out.signed(number.wrapping_sub(ids.thread.number) as i64);
    let is_own = ids.thread.account == 0 && ids.email == own;
    out.octet(u8::from(!is_own));
    if !is_own {
        out.number(ids.thread.account);
        out.number(ids.email.account);
        out.number(ids.email.number);
    }
}

pub(super) fn decode_ids(input: &mut Decoder<'_>, number: u64) -> Result<Ids, Malformed> {
    let thread = number.wrapping_sub(input.signed()? as u64);
    let mut ids = Ids { thread: GlobalId { account: 0, number: thread }, ..Ids::new(number) };
    if input.flag()? {
        ids.thread.account = input.number()?;
        ids.email = GlobalId { account: input.number()?, number: input.number()? };
    }
    Ok(ids)
}

impl Table {
    /// Where a message's octets lie.
    pub(super) fn body(&self, number: MessageNumber) -> Option<BodyId> {
        let (page, _) = self.find(number.0)?;
        let at = page.numbers.binary_search(&number.0).ok()?;
        Some(page.body(at))
    }

    /// Everything of a message.
    pub(super) fn row(&self, number: MessageNumber) -> Option<TableRow> {
        let (page, _) = self.find(number.0)?;
        let at = page.numbers.binary_search(&number.0).ok()?;
        Some(page.row(at))
    }

    /// Numbers and holders of all messages.
    pub(super) fn holders(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.leaves().flat_map(|page| page.rows()).map(|row| (row.number, row.holders))
    }

    /// With these at the end; their numbers rise and are above all that are there.
    pub(super) fn with_new(&self, rows: Vec<TableRow>) -> Self {
        if rows.is_empty() {
            return self.clone();
        }
        self.replace_last(|last| {
            let mut pages = Vec::new();
            let mut page = last.map_or_else(TablePage::default, |last| last.with_room(rows.len()));
            for row in rows {
                if page.len() == TablePage::MAX {
                    pages.push(std::mem::take(&mut page));
                }
                page.push(row);
            }
            pages.push(page);
            pages
        })
    }

    /// With more or fewer holders; a message that nobody holds goes.
    pub(super) fn with_holders(&self, changes: &BTreeMap<u64, i64>) -> Self {
        if changes.is_empty() {
            return self.clone();
        }
        let touches = |sum: &KeySum| changes.range(sum.first..=sum.last).next().is_some();
        self.edit(touches, |page| {
            let mut edited = TablePage::default();
            for mut row in page.rows() {
                if let Some(change) = changes.get(&row.number) {
                    let holders = i64::from(row.holders).saturating_add(*change);
                    row.holders = u32::try_from(holders.max(0)).unwrap_or(u32::MAX);
                }
                if row.holders > 0 {
                    edited.push(row);
                }
            }
            if edited.len() == 0 { Edit::Remove } else { Edit::Replace(edited) }
        })
    }
}
