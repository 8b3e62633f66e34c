//! The segment that is being written.

use std::io;
use std::sync::Arc;

use super::Position;
use super::group::{BLOCK_OCTETS, Group, GroupHeader};
use super::queue::Pending;
use super::reader::Segment;
use super::segment::{Entry, GROUPS_AT, Prepared, Table, write_zeros};
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
    /// Where the file's zeros end.
    octets: u64,
    synced_to: u64,
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
        self.make_room(end)?;
        let written = self.file.write_at(&mut group.slices(), self.end);
        written.map_err(|error| Fault::unknown("write", &error))?;
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

    /// Whether a group without records fits without making the file longer.
    pub(super) fn has_room_for_mark(&self) -> bool {
        !self.full && self.end + BLOCK_OCTETS <= self.octets
    }

    /// Lengthens the file where it was filled beyond its zeros. Nothing that counts is touched.
    fn make_room(&mut self, end: u64) -> Result<(), Fault> {
        if end > self.octets {
            let octets = end.next_multiple_of(EXTENSION_OCTETS);
            write_zeros(&*self.file, self.octets, octets)
                .map_err(|error| Fault::no_room_or_unknown("a longer segment", &error))?;
            self.octets = octets;
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), Fault> {
        self.file.sync().map_err(|error| Fault::unknown("sync", &error))?;
        self.synced_to = self.end;
        Ok(())
    }
}

/// By how much a segment grows that is longer than it was made.
const EXTENSION_OCTETS: u64 = 256 << 10;
