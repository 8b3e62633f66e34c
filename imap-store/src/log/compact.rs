//! The log's part of compaction: heads of records, a segment written anew without what nobody names, and the
//! change from the old file to the new one.
//!
//! Segment number, nonce and index of each record stay, so an address is for ever. What is dropped leaves a
//! mark in the table, and a `Gone` record where the groups are read without it.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use super::group::{BLOCK_OCTETS, GROUP_HEADER_OCTETS, GroupHeader};
use super::reader::Segment;
use super::record::{ChunkList, KIND_LOST, Kind, Stored, encode_gone};
use super::recovery::read_image;
use super::segment::{Entry, GROUPS_AT, Header, Name, TEMPORARY, Table, bound_of, read_raw, seal};
use super::{AccountId, BodyId, Log, Position, Replayed, Seq};
use crate::StoreError;
use crate::files::read_full;

/// A record, as far as it is asked whether it counts.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) position: Position,
    /// Octets until the next record begins.
    pub(crate) octets: u64,
    pub(crate) what: What,
}

/// What a record is.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A body, or a piece of one.
    Body,
    /// What closes a long body: [`Log::chunks`] says what it names.
    List,
    /// An account's change.
    Change(AccountId, Seq),
    /// An account's image.
    Image(AccountId, Seq),
    /// Compaction dropped it.
    Gone,
    /// It cannot be read: nobody knows what it was.
    Bad,
    /// A kind of a later program.
    Unknown,
}

/// A segment's new file, complete, and not yet in use.
#[derive(Debug)]
pub(crate) struct Rewritten {
    /// `None`: nothing in the segment counts, and it needs no file.
    pub(crate) generation: Option<u32>,
    pub(crate) octets_before: u64,
    pub(crate) octets: u64,
}

impl Log {
    /// The segments that have files, but for the one that is being written.
    pub(crate) fn sealed_segments(&self) -> Result<Vec<u64>, StoreError> {
        let shared = self.shared();
        let end = shared.queue().segment();
        let listed = shared.disk.list(&shared.dir).map_err(|error| unavailable(&error))?;
        let mut numbers: Vec<u64> = listed.iter().filter_map(|path| Some(Name::of(path)?.segment)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|&number| number < end && shared.reader.active_number() != Some(number));
        Ok(numbers)
    }

    /// The first segment that a body on its way into an account may lie in.
    pub(crate) fn first_pinned(&self) -> u64 {
        self.shared().pins.first().unwrap_or(u64::MAX)
    }

    /// Waits until all that is queued now is published or refused. Blocking.
    pub(crate) fn settle_queue(&self) -> Result<(), StoreError> {
        let pushed = self.shared().queue().pushed;
        loop {
            let queue = self.shared().queue();
            if queue.settled >= pushed {
                return Ok(());
            }
            if let Some(error) = queue.refusal() {
                return Err(error);
            }
            drop(queue);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Octets of all files of the log.
    pub(crate) fn octets_on_disk(&self) -> Result<u64, StoreError> {
        let shared = self.shared();
        let listed = shared.disk.list(&shared.dir).map_err(|error| unavailable(&error))?;
        let files = listed.iter().filter(|path| Name::of(path).is_some());
        // One may go while we look.
        Ok(files.filter_map(|path| shared.disk.open(path).ok()?.len().ok()).sum())
    }

    /// Shows every record of a segment. Blocking. Changes and images are read and checked, of others only the
    /// table's word is taken.
    pub(crate) fn heads(&self, segment: u64, each: &mut dyn FnMut(Head)) -> Result<(), StoreError> {
        let Some(segment_file) = self.shared().reader.segment(segment)? else { return Ok(()) };
        let table = &segment_file.table;
        for (index, entry) in table.entries.iter().enumerate() {
            let position = Position { segment, record: index as u32 };
            let octets = match entry.is_there() {
                true => bound_of(&table.entries, index, table.end).saturating_sub(entry.offset.into()),
                false => 0,
            };
            let what = self.what(&segment_file, index, *entry)?;
            each(Head { position, octets, what });
        }
        Ok(())
    }

    fn what(&self, segment: &Segment, index: usize, entry: Entry) -> Result<What, StoreError> {
        Ok(match entry.kind {
            KIND_LOST => What::Bad,
            kind if kind == Kind::Gone as u8 => What::Gone,
            kind if kind == Kind::Body as u8 || kind == Kind::Chunk as u8 => What::Body,
            kind if kind == Kind::ChunkList as u8 => What::List,
            kind if kind == Kind::Change as u8 || kind == Kind::Image as u8 => match segment.read(index)? {
                Some(stored) if stored.kind == Kind::Change as u8 => What::Change(stored.account, stored.seq),
                Some(stored) if stored.kind == Kind::Image as u8 => What::Image(stored.account, stored.seq),
                _ => What::Bad,
            },
            _ => What::Unknown,
        })
    }

    /// The segment that is being written, if there is one.
    pub(crate) fn active_segment(&self) -> Option<u64> {
        self.shared().reader.active_number()
    }

    /// Octets of a segment's file up to its groups' end, and its bodies and chunks with the octets of each;
    /// `None` when there is no file. Only the table is read.
    #[expect(clippy::type_complexity, reason = "read once, in one place")]
    pub(crate) fn bodies(
        &self,
        segment: u64,
    ) -> Result<Option<(u64, impl Iterator<Item = (Position, u64)> + use<>)>, StoreError> {
        let Some(file) = self.shared().reader.segment(segment)? else { return Ok(None) };
        let end = file.table.end;
        let bodies = (0..file.table.entries.len()).filter_map(move |index| {
            let entry = file.table.entries[index];
            let is_body =
                [Kind::Body, Kind::Chunk, Kind::ChunkList].iter().any(|kind| entry.kind == *kind as u8);
            let octets =
                bound_of(&file.table.entries, index, file.table.end).saturating_sub(entry.offset.into());
            is_body.then_some((Position { segment, record: index as u32 }, octets))
        });
        Ok(Some((end, bodies)))
    }

    /// The images in a segment; whether they are whole is another question.
    pub(crate) fn images(&self, segment: u64) -> Result<Vec<(AccountId, Seq, Position)>, StoreError> {
        let Some(file) = self.shared().reader.segment(segment)? else { return Ok(Vec::new()) };
        let mut images = Vec::new();
        for (index, entry) in file.table.entries.iter().enumerate() {
            if entry.kind == Kind::Image as u8
                && let Some(image) = file.read(index)?
            {
                images.push((image.account, image.seq, Position { segment, record: index as u32 }));
            }
        }
        Ok(images)
    }

    /// The images in a segment whose records cannot be read: nobody knows whose they are.
    pub(crate) fn unreadable_images(&self, segment: u64) -> Result<Vec<Position>, StoreError> {
        let Some(file) = self.shared().reader.segment(segment)? else { return Ok(Vec::new()) };
        let mut images = Vec::new();
        for (index, entry) in file.table.entries.iter().enumerate() {
            if entry.kind == Kind::Image as u8 && file.read(index)?.is_none() {
                images.push(Position { segment, record: index as u32 });
            }
        }
        Ok(images)
    }

    /// Shows every change in a segment. [`StoreError::Damaged`] when one cannot be read, or a record that may have been
    /// one. Blocking.
    pub(crate) fn changes(&self, segment: u64, each: &mut dyn FnMut(Replayed)) -> Result<(), StoreError> {
        let Some(file) = self.shared().reader.segment(segment)? else { return Ok(()) };
        for (index, entry) in file.table.entries.iter().enumerate() {
            if entry.kind != Kind::Change as u8 && entry.kind != KIND_LOST {
                continue;
            }
            let Some(Stored { account, seq, payload, .. }) = file.read(index)? else {
                let what = format!("record {index} of segment {segment}");
                return Err(StoreError::Damaged { what });
            };
            let position = Position { segment, record: index as u32 };
            each(Replayed { account, seq, payload, position });
        }
        Ok(())
    }

    /// The octets of an image, if all are there and right.
    pub(crate) fn image(&self, position: Position) -> Option<Vec<u8>> {
        let reader = &self.shared().reader;
        let image = reader.record(position).ok().filter(|image| image.kind == Kind::Image as u8)?;
        read_image(&image, &mut |chunk| reader.record(chunk.into()).ok())
    }

    /// The chunks that a list or an image names; `None` when it cannot be read, or is no such.
    pub(crate) fn chunks(&self, list: Position) -> Option<Vec<BodyId>> {
        let stored = self.shared().reader.record(list).ok()?;
        let is_list = stored.kind == Kind::ChunkList as u8 || stored.kind == Kind::Image as u8;
        Some(ChunkList::decode(&stored.payload).filter(|_| is_list)?.chunks)
    }

    /// Writes the records of a sealed segment for which `is_live` holds into a new file. Nothing is replaced yet.
    /// Blocking. `pace` is told of octets as they are written.
    ///
    /// [`StoreError::Damaged`] when one of them is damaged: then the old file has to stay.
    pub(crate) fn rewrite(
        &self,
        number: u64,
        is_live: &dyn Fn(u32) -> bool,
        pace: &mut dyn FnMut(u64),
    ) -> Result<Rewritten, StoreError> {
        let shared = self.shared();
        let gone = || StoreError::Unavailable { reason: format!("segment {number} is gone") };
        let old = shared.reader.segment(number)?.ok_or_else(gone)?;
        let generation = shared.reader.generation(number).ok_or_else(gone)? + 1;
        let octets_before = old.file.len().map_err(|error| unavailable(&error))?;
        let live: Vec<bool> = (0u32..)
            .zip(&old.table.entries)
            .map(|(index, entry)| entry.is_there() && is_live(index))
            .collect();
        if !live.contains(&true) {
            return Ok(Rewritten { generation: None, octets_before, octets: 0 });
        }
        let path = Name { segment: number, generation }.path(&shared.dir);
        let temporary = path.with_extension(TEMPORARY);
        // What one before left behind when nobody knew what had become of it.
        shared.space.give_back();
        let written = (|| {
            let file = shared.disk.create(&temporary).map_err(|error| unavailable(&error))?;
            let pace = &mut |octets| {
                shared.space.lend(octets);
                pace(octets);
            };
            let table = Copy { old: &old, number, live: &live, pace }.run(&*file)?;
            seal(&*file, old.seed, &table).map_err(|error| unavailable(&error))?;
            shared.disk.rename(&temporary, &path).map_err(|error| unavailable(&error))?;
            shared.disk.sync_dir(&shared.dir).map_err(|error| unavailable(&error))?;
            file.len().map_err(|error| unavailable(&error))
        })();
        if written.is_err() {
            let _ = shared.disk.remove(&temporary);
            let _ = shared.disk.remove(&path);
            shared.space.give_back();
        }
        Ok(Rewritten { generation: Some(generation), octets_before, octets: written? })
    }

    /// From now on the segment's new file counts; the old one goes. The change that says so must be on the disk.
    pub(crate) fn switch(&self, number: u64, generation: Option<u32>) -> Result<(), StoreError> {
        let shared = self.shared();
        let Some(before) = shared.reader.switch(number, generation) else { return Ok(()) };
        let old = Name { segment: number, generation: before }.path(&shared.dir);
        shared.disk.remove(&old).map_err(|error| unavailable(&error))?;
        shared.space.give_back();
        shared.disk.sync_dir(&shared.dir).map_err(|error| unavailable(&error))
    }

    /// A new file that will not be used after all.
    pub(crate) fn discard(&self, number: u64, generation: Option<u32>) {
        if let Some(generation) = generation {
            let _ = self.shared().disk.remove(&Name { segment: number, generation }.path(&self.shared().dir));
            self.shared().space.give_back();
        }
    }

    /// After opening: of each segment the file stays that counts, `replaced` says which (`None`: none) where it is
    /// not the first; others go, which a crash has left. Returns what is not as it should be, one line each.
    pub(crate) fn settle_files(&self, replaced: &BTreeMap<u64, Option<u32>>) -> Vec<String> {
        let shared = self.shared();
        for (&segment, _) in replaced.iter().filter(|(_, generation)| generation.is_none()) {
            let _ = shared.reader.switch(segment, None);
        }
        let mut findings = Vec::new();
        for (segment, generations) in shared.reader.found() {
            let wanted = replaced.get(&segment).copied().unwrap_or(Some(0));
            if wanted.is_some_and(|wanted| !generations.contains(&wanted)) {
                // An older one has all that counts, and a newer one is a later compaction's.
                let what = "another file than the one that compaction wrote is used";
                findings.push(format!("segment {segment}: {what}"));
                continue;
            }
            let _ = shared.reader.switch(segment, wanted);
            for &generation in generations.iter().filter(|&&it| Some(it) != wanted) {
                let _ = shared.disk.remove(&Name { segment, generation }.path(&shared.dir));
            }
        }
        findings
    }
}

/// One segment's records on their way into a new file.
struct Copy<'a> {
    old: &'a Arc<Segment>,
    number: u64,
    live: &'a [bool],
    pace: &'a mut dyn FnMut(u64),
}

impl Copy<'_> {
    fn run(&mut self, file: &dyn crate::files::DiskFile) -> Result<Table, StoreError> {
        let header = Header::read(&*self.old.file).map_err(|error| unavailable(&error))?;
        let header = header.map_err(|_| self.damaged("its header is damaged"))?;
        let block = header.encode();
        let write = |octets: &[&[u8]], at: u64| {
            let mut slices: Vec<IoSlice<'_>> = octets.iter().map(|it| IoSlice::new(it)).collect();
            file.write_at(&mut slices, at).map_err(|error| unavailable(&error))
        };
        write(&[&block, &block], 0)?;
        let mut group_number = self.first_group()?;
        let mut table = Table { end: GROUPS_AT, entries: Vec::new(), ..self.old.table.clone() };
        let mut index = 0;
        while index < self.live.len() {
            let first_record = table.entries.len();
            let mut records = Vec::new();
            while index < self.live.len() && (records.is_empty() || records.len() < GROUP_OCTETS) {
                let at = table.end + GROUP_HEADER_OCTETS as u64 + records.len() as u64;
                let at = u32::try_from(at).map_err(|_| self.damaged("it is over 4 GiB"))?;
                if self.live[index] {
                    table.entries.push(Entry { offset: at, kind: self.old.table.entries[index].kind });
                    records.extend_from_slice(&self.record(index)?);
                    index += 1;
                } else {
                    let count = self.live[index..].iter().take_while(|live| !**live).count();
                    let dropped = &self.old.table.entries[index..index + count];
                    let mark = |it: &Entry| if it.kind == KIND_LOST { Entry::LOST } else { Entry::GONE };
                    table.entries.extend(dropped.iter().map(mark));
                    records.extend_from_slice(&encode_gone(self.old.seed, count as u32));
                    index += count;
                }
            }
            let header = GroupHeader {
                number: group_number,
                octets: records.len() as u32,
                records: (table.entries.len() - first_record) as u32,
                first_record: first_record as u32,
                closed: false,
                compacted: true,
                synced_to: GROUPS_AT,
            };
            if group_number > table.last_group {
                return Err(self.damaged("its groups are not numbered as they should be"));
            }
            group_number += 1;
            let padding = vec![0; (header.span_octets() as usize) - GROUP_HEADER_OCTETS - records.len()];
            write(&[&header.encode(self.old.seed), &records, &padding], table.end)?;
            table.end += header.span_octets();
            (self.pace)(header.span_octets());
        }
        Ok(table)
    }

    /// A record as it stands in the old file, checked.
    fn record(&self, index: usize) -> Result<bytes::Bytes, StoreError> {
        let table = &self.old.table;
        let bound = bound_of(&table.entries, index, table.end);
        let offset = table.entries[index].offset.into();
        let raw = read_raw(&*self.old.file, self.old.seed, offset, bound);
        let raw = raw.map_err(|error| self.damaged(&error.to_string()))?;
        raw.ok_or_else(|| self.damaged(&format!("record {index} is damaged")))
    }

    fn first_group(&self) -> Result<u64, StoreError> {
        let mut block = [0; BLOCK_OCTETS as usize];
        let count = read_full(&*self.old.file, &mut block, GROUPS_AT).map_err(|error| unavailable(&error))?;
        let header = GroupHeader::decode(self.old.seed, &block[..count]);
        Ok(header.ok_or_else(|| self.damaged("its first group is damaged"))?.number)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged { what: format!("segment {}: {what}", self.number) }
    }
}

fn unavailable(error: &io::Error) -> StoreError {
    StoreError::Unavailable { reason: format!("the log's files: {error}") }
}

/// Where groups end, as the writer's do.
const GROUP_OCTETS: usize = 8 << 20;
