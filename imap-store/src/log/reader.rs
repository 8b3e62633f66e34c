//! Finds and reads records: the active segment by the offsets in memory, sealed ones by their tables.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};

use super::ahead::Place;
use super::record::{BODY_HEAD_OCTETS, ChunkList, Kind, Stored};
use super::recovery::scan;
use super::segment::{Entry, Header, Name, Table, bound_of, read_record};
use super::{Ahead, BodyId, Position};
use crate::StoreError;
use crate::files::{Disk, DiskFile};

/// A segment that is open for reading.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) seed: u32,
    pub(super) table: Table,
}

impl Segment {
    /// A record by its index; `None` when it is not what it was.
    pub(super) fn read(&self, index: usize) -> Result<Option<Stored>, StoreError> {
        let Some(Place { offset, bound, .. }) = place(&self.table, index) else { return Ok(None) };
        read_record(&*self.file, self.seed, offset, bound)
            .map_err(|error| StoreError::Damaged { what: format!("a segment: {error}") })
    }
}

/// Reads records by their address.
#[derive(Debug)]
pub(super) struct Reader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    active: RwLock<Option<(u64, Segment)>>,
    cache: Mutex<Cache>,
    /// Segments whose file is not the one that was first written, and those that have none any more.
    files: RwLock<BTreeMap<u64, Option<u32>>>,
    /// The generations of each segment that were there when the log was opened.
    found: BTreeMap<u64, Vec<u32>>,
}

impl Reader {
    /// Of each segment that was `found` the first generation counts until [`Reader::switch`].
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        found: BTreeMap<u64, Vec<u32>>,
        open_max: usize,
    ) -> Self {
        let first = |(&segment, generations): (&u64, &Vec<u32>)| Some((segment, *generations.first()?));
        let others = found.iter().filter_map(first).filter(|&(_, generation)| generation != 0);
        let files = others.map(|(segment, generation)| (segment, Some(generation))).collect();
        let cache = Mutex::new(Cache { open_max: open_max.max(1), ..Cache::default() });
        let active = RwLock::default();
        Self { disk, dir, active, cache, files: RwLock::new(files), found }
    }

    /// The generations of each segment that were there when the log was opened.
    pub(super) fn found(&self) -> impl Iterator<Item = (u64, &[u32])> {
        self.found.iter().map(|(&segment, generations)| (segment, &generations[..]))
    }

    /// Which file of a segment counts; `None`: compaction has removed it.
    pub(super) fn generation(&self, segment: u64) -> Option<u32> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(&segment).copied().unwrap_or(Some(0))
    }

    /// From now on another file of a segment counts; returns which one did.
    pub(super) fn switch(&self, segment: u64, generation: Option<u32>) -> Option<u32> {
        let mut cache = self.cache();
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        cache.remove(segment);
        files.insert(segment, generation).unwrap_or(Some(0))
    }

    /// The segment that is being written.
    pub(super) fn active_number(&self) -> Option<u64> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.as_ref().map(|(number, _)| *number)
    }

    /// A segment as it would be sealed now; `None` when compaction has removed it.
    pub(super) fn segment(&self, number: u64) -> Result<Option<Arc<Segment>>, StoreError> {
        if let Some(active) = self.active_copy(number) {
            return Ok(Some(Arc::new(active)));
        }
        if self.generation(number).is_none() {
            return Ok(None);
        }
        self.sealed(Position { segment: number, record: 0 }).map(Some)
    }

    /// The writer wrote a group: its records can be found.
    pub(super) fn wrote(&self, entries: Vec<Entry>, end: u64, last_group: u64) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, Segment { table, .. })) = &mut *active {
            table.entries.extend(entries);
            table.end = end;
            table.last_group = last_group;
        }
    }

    /// The table of the active segment as it will be sealed.
    pub(super) fn table(&self, closed: bool) -> Option<Table> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.as_ref().map(|(_, segment)| Table { closed, ..segment.table.clone() })
    }

    /// The writer begins a segment; the one before is sealed.
    pub(super) fn begin(&self, number: u64, segment: Segment) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, sealed)) = active.replace((number, segment)) {
            let mut cache = self.cache();
            cache.insert(number, Arc::new(sealed));
        }
    }

    /// The segment that was being written is sealed, in another file than before, and none is written for now.
    pub(super) fn saved(&self, segment: Segment) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, _)) = active.take() {
            let mut cache = self.cache();
            cache.insert(number, Arc::new(segment));
        }
    }

    /// A range of a body.
    pub(super) fn body(
        &self,
        body: BodyId,
        range: Range<u64>,
        ahead: &mut Ahead,
    ) -> Result<Bytes, StoreError> {
        let Stored { kind, payload, .. } = self.record_ahead(body.into(), ahead)?;
        if kind == Kind::Body as u8 && payload.len() >= BODY_HEAD_OCTETS {
            return Ok(slice(&payload.slice(BODY_HEAD_OCTETS..), range));
        }
        if kind == Kind::ChunkList as u8
            && let Some(list) = ChunkList::decode(&payload)
        {
            return self.chunks(&list, range);
        }
        Err(damaged(body.into(), "it is no body"))
    }

    fn chunks(&self, list: &ChunkList, range: Range<u64>) -> Result<Bytes, StoreError> {
        let range = range.start.min(list.size_octets)..range.end.min(list.size_octets);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let chunk_octets = u64::from(list.chunk_octets);
        let touched = range.start / chunk_octets..range.end.div_ceil(chunk_octets);
        let mut octets = BytesMut::new();
        for index in touched.clone() {
            let begin = index * chunk_octets;
            let body = list.chunks[index as usize];
            let Stored { kind, payload, .. } = self.record(body.into())?;
            let size = chunk_octets.min(list.size_octets - begin);
            if kind != Kind::Chunk as u8 || payload.len() as u64 != size {
                return Err(damaged(body.into(), "it is not the chunk that the body names"));
            }
            let wanted = slice(&payload, range.start.saturating_sub(begin)..range.end - begin);
            if touched.end - touched.start == 1 {
                return Ok(wanted);
            }
            octets.extend_from_slice(&wanted);
        }
        Ok(octets.freeze())
    }

    /// The segment that is being written, up to its last group, if it has that number.
    pub(super) fn active_copy(&self, number: u64) -> Option<Segment> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        let (_, segment) = active.as_ref().filter(|(active, _)| *active == number)?;
        let (file, table) = (Arc::clone(&segment.file), segment.table.clone());
        Some(Segment { file, seed: segment.seed, table })
    }

    /// Where the records of a segment are.
    pub(super) fn entries(&self, segment: u64) -> Result<Vec<Entry>, StoreError> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, active)) = &*active
            && *number == segment
        {
            return Ok(active.table.entries.clone());
        }
        drop(active);
        Ok(self.segment(segment)?.map(|it| it.table.entries.clone()).unwrap_or_default())
    }

    /// A record, whole and checked.
    pub(super) fn record(&self, position: Position) -> Result<Stored, StoreError> {
        self.record_ahead(position, &mut Ahead::default())
    }

    /// The same for somebody who reads many.
    fn record_ahead(&self, position: Position, ahead: &mut Ahead) -> Result<Stored, StoreError> {
        let (file, seed, place) = match self.in_active(position) {
            Some(found) => found,
            None => found_in(&*self.sealed(position)?, position),
        };
        read_at(&file, seed, place, position, ahead)
    }

    /// Reads a body where that needs no waiting, nor more than a few microseconds; whether `ahead` has it now.
    pub(super) fn body_now(&self, body: BodyId, ahead: &mut Ahead) -> bool {
        let position = Position::from(body);
        let opened = || Some(found_in(&*self.cache().get(position.segment)?, position));
        let Some((file, _, Some(place))) = self.in_active(position).or_else(opened) else { return false };
        ahead.record_now(&file, place)
    }

    /// Where a record of the active segment is; `None`: it is in another one.
    fn in_active(&self, position: Position) -> Option<Found> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        let (_, segment) = active.as_ref().filter(|(number, _)| *number == position.segment)?;
        Some(found_in(segment, position))
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sealed(&self, position: Position) -> Result<Arc<Segment>, StoreError> {
        let mut cache = self.cache();
        if let Some(segment) = cache.get(position.segment) {
            return Ok(segment);
        }
        drop(cache);
        let (generation, file) = self.open(position)?;
        let header = Header::read(&*file)
            .map_err(|error| damaged(position, &error.to_string()))?
            .map_err(|_| damaged(position, "the segment has no header"))?;
        let seed = header.seed();
        let table = match Table::read(&*file, seed) {
            Ok(Some(table)) => table,
            Ok(None) => {
                scan(&*file, seed, true).map_err(|error| damaged(position, &error.to_string()))?.table
            }
            Err(error) => return Err(damaged(position, &error.to_string())),
        };
        let segment = Arc::new(Segment { file, seed, table });
        let mut cache = self.cache();
        if self.generation(position.segment) == Some(generation) {
            cache.insert(position.segment, Arc::clone(&segment));
        }
        Ok(segment)
    }

    /// The file that counts, and which it is. Compaction may put another in its place while we look.
    fn open(&self, position: Position) -> Result<(u32, Arc<dyn DiskFile>), StoreError> {
        let mut tried = None;
        loop {
            let generation = self.generation(position.segment);
            let generation = generation.ok_or_else(|| damaged(position, "the segment was removed"))?;
            let path = Name { segment: position.segment, generation }.path(&self.dir);
            match self.disk.open(&path) {
                Ok(file) => return Ok((generation, file)),
                Err(_) if tried != Some(generation) => tried = Some(generation),
                Err(error) => return Err(damaged(position, &error.to_string())),
            }
        }
    }
}

/// A record's file, the seed of its checksum, and where it is there; `None` when there is no such or it is lost.
type Found = (Arc<dyn DiskFile>, u32, Option<Place>);

fn found_in(segment: &Segment, position: Position) -> Found {
    (Arc::clone(&segment.file), segment.seed, place(&segment.table, position.record as usize))
}

/// Where a record is; `None` when there is no such or it is lost.
fn place(table: &Table, index: usize) -> Option<Place> {
    let entry = table.entries.get(index).filter(|entry| entry.is_there())?;
    let bound = bound_of(&table.entries, index, table.end);
    Some(Place { offset: entry.offset.into(), bound, end: table.end })
}

fn read_at(
    file: &Arc<dyn DiskFile>,
    seed: u32,
    place: Option<Place>,
    position: Position,
    ahead: &mut Ahead,
) -> Result<Stored, StoreError> {
    let place = place.ok_or_else(|| damaged(position, "there is no such record"))?;
    ahead
        .record(file, seed, place)
        .map_err(|error| damaged(position, &error.to_string()))?
        .ok_or_else(|| damaged(position, "its checksum does not match"))
}

fn slice(octets: &Bytes, range: Range<u64>) -> Bytes {
    let at = |octet: u64| usize::try_from(octet).map_or(octets.len(), |octet| octet.min(octets.len()));
    let (start, end) = (at(range.start), at(range.end));
    octets.slice(start..end.max(start))
}

fn damaged(position: Position, why: &str) -> StoreError {
    StoreError::Damaged { what: format!("record {} of segment {}: {why}", position.record, position.segment) }
}

/// The sealed segments used last: bounded in files and in records.
#[derive(Debug, Default)]
struct Cache {
    segments: HashMap<u64, (u64, Arc<Segment>)>,
    /// Segments at the most.
    open_max: usize,
    records: usize,
    clock: u64,
}

impl Cache {
    fn get(&mut self, number: u64) -> Option<Arc<Segment>> {
        self.clock += 1;
        let (used, segment) = self.segments.get_mut(&number)?;
        *used = self.clock;
        Some(Arc::clone(segment))
    }

    fn remove(&mut self, number: u64) {
        if let Some((_, old)) = self.segments.remove(&number) {
            self.records -= old.table.entries.len();
        }
    }

    fn insert(&mut self, number: u64, segment: Arc<Segment>) {
        self.clock += 1;
        self.records += segment.table.entries.len();
        if let Some((_, old)) = self.segments.insert(number, (self.clock, segment)) {
            self.records -= old.table.entries.len();
        }
        while self.segments.len() > self.open_max
            || (self.records > CACHED_RECORDS_MAX && self.segments.len() > 1)
        {
            let oldest = self.segments.iter().min_by_key(|(_, (used, _))| *used).map(|(&number, _)| number);
            let Some((_, old)) = oldest.and_then(|number| self.segments.remove(&number)) else { return };
            self.records -= old.table.entries.len();
        }
    }
}

/// Eight octets each.
const CACHED_RECORDS_MAX: usize = 2 << 20;
