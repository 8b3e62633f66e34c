//! The segment that is being written.

use std::io;
use std::sync::Arc;

use super::Position;
use super::group::{Group, GroupHeader};
use super::queue::Pending;
use super::reader::Segment;
use super::segment::{Entry, GROUPS_AT, Prepared, Table};
use crate::files::{DiskFile, is_full};

/// Why a group did not become durable.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nothing of it was written.
    NoRoom(String),
    /// Nobody knows; there was no room.
    Full(String),
    /// Nobody knows.
    Unknown(String),
}

impl Fault {
    /// What an operator is told.
    pub(super) fn reason(&self) -> &str {
        let (Self::NoRoom(reason) | Self::Full(reason) | Self::Unknown(reason)) = self;
        reason
    }

    pub(super) fn no_room_or_unknown(what: &str, error: &io::Error) -> Self {
        match is_full(error) {
            true => Self::NoRoom(format!("no room for {what}: {error}")),
            false => Self::unknown(what, error),
        }
    }

    pub(super) fn unknown(what: &str, error: &io::Error) -> Self {
        let reason = format!("{what} of the log failed: {error}");
        if is_full(error) { Self::Full(reason) } else { Self::Unknown(reason) }
    }
}

/// A segment file with room for groups.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) number: u64,
    pub(super) seed: u32,
    /// When it is full; the next one is larger.
    pub(super) target: u64,
    /// Where its groups end.
    pub(super) end: u64,
    /// It is full: no group goes into it any more.
    pub(super) full: bool,
    /// Where the file's zeros end; what is written beyond makes it longer.
    octets: u64,
    synced_to: u64,
    syncs: u32,
    records: u32,
}

impl Active {
    /// A segment that is adopted; `target` octets are due, should it have been made smaller in haste.
    pub(super) fn new(prepared: Prepared, target: u64) -> Self {
        Self {
            seed: prepared.header.seed(),
            number: prepared.header.segment,
            target: target.max(prepared.octets),
            octets: prepared.octets,
            file: prepared.file,
            end: GROUPS_AT,
            full: false,
            synced_to: GROUPS_AT,
            syncs: 0,
            records: 0,
        }
    }

    /// How readers find its records.
    pub(super) fn reading(&self) -> Segment {
        let table = Table { end: self.end, ..Table::default() };
        Segment { file: Arc::clone(&self.file), seed: self.seed, table }
    }

    /// The address behind the last record.
    pub(super) fn next(&self) -> Position {
        Position { segment: self.number, record: self.records }
    }

    /// Writes the records as one group of that number; returns their places.
    pub(super) fn write(
        &mut self,
        number: u64,
        closed: bool,
        records: &[Pending],
    ) -> Result<Vec<Entry>, Fault> {
        let header = GroupHeader {
            number,
            octets: 0,
            records: 0,
            first_record: self.records,
            closed,
            compacted: false,
            synced_to: self.synced_to,
        };
        let group = Group::new(self.seed, header, records);
        let end = self.end + group.header.span_octets();
        let written = self.file.write_at(&mut group.slices(), self.end);
        written.map_err(|error| self.not_written(end, &error))?;
        let begin = u32::try_from(self.end).expect("a segment is under 4 GiB");
        let kinds = records.iter().map(|pending| pending.content.kind() as u8);
        let entries =
            group.offsets.iter().zip(kinds).map(|(offset, kind)| Entry { offset: begin + offset, kind });
        self.end = end;
        self.records += group.header.records;
        Ok(entries.collect())
    }

    /// Octets that can be written without making the file longer.
    pub(super) fn spare_octets(&self) -> u64 {
        self.octets.saturating_sub(self.end)
    }

    /// By how much the file will grow until it is full.
    pub(super) fn octets_to_grow(&self) -> u64 {
        self.target.saturating_sub(self.octets.max(self.end))
    }

    /// Whether it paid to have written zeros into the file, and would into the next.
    ///
    /// A sync of what lies in zeros writes no metadata, which makes a small one shorter by a third; but every octet goes
    /// to the disk twice, which makes large ones longer.
    pub(super) fn is_worth_zeros(&self) -> bool {
        self.end - GROUPS_AT < u64::from(self.syncs) * ZEROED_SYNC_OCTETS_MAX
    }

    /// A group up to `end` was not written. Where the disk had no room for a longer file, the part that was is cut off
    /// again: a group is never whole without its last block, and that lies behind the zeros.
    fn not_written(&mut self, end: u64, error: &io::Error) -> Fault {
        let is_cut = is_full(error) && end > self.octets && self.file.set_len(self.end).is_ok();
        if !is_cut {
            return Fault::unknown("write", error);
        }
        self.octets = self.end;
        Fault::no_room_or_unknown("a longer segment", error)
    }

    pub(super) fn sync(&mut self) -> Result<(), Fault> {
        self.file.sync().map_err(|error| Fault::unknown("sync", &error))?;
        self.synced(self.end);
        Ok(())
    }

    /// A sync was made of all that is before `end`.
    pub(super) fn synced(&mut self, end: u64) {
        self.synced_to = end;
        self.syncs = self.syncs.saturating_add(1);
    }

    /// What was written since the last sync.
    pub(super) fn unsynced_octets(&self) -> u64 {
        self.end - self.synced_to
    }
}

/// Zeros pay as long as a sync brings no more than this, on average.
const ZEROED_SYNC_OCTETS_MAX: u64 = 128 << 10;
