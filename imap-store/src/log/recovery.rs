//! Opening: finds where the log ends, tells a torn tail from damage, seals what was left open, replays.
//!
//! A fault at or behind the highest `synced_to` that any group names is a torn tail: nobody was ever told
//! that it is kept, and it is cut. A fault before it is damage: it is named, and all behind it is kept.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::group::{BLOCK_OCTETS, GROUP_HEADER_OCTETS, GroupHeader};
use super::record::{ChunkList, Kind, RECORD_HEADER_OCTETS, Record, Stored, decode_gone};
use super::segment::{
    Entry, FORMAT, GROUPS_AT, Header, HeaderFault, Name, TEMPORARY, TORN, Table, bound_of, read_record, seal,
};
use super::{AccountId, BodyId, Position, Recovery, Replay, Replayed, Seq};
use crate::OpenError;
use crate::files::{Disk, DiskFile, is_full, read_full};

/// Takes every change that is replayed.
pub(super) type Changes<'a> = &'a mut dyn FnMut(Replayed) -> Result<(), OpenError>;

/// What the writer goes on from.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) store: [u8; 16],
    /// The number of the next segment.
    pub(super) segment: u64,
    /// Behind the last record that is there.
    pub(super) end: Position,
    /// The number of the last group.
    pub(super) last_group: u64,
    /// The generations of each segment that are there; the first of them was read.
    pub(super) files: BTreeMap<u64, Vec<u32>>,
    pub(super) recovery: Recovery,
}

/// Reads the whole directory, mends what a crash left, and replays what is at or behind `from`; without one,
/// the newest image of each account, and then every change.
pub(super) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    from: Option<Position>,
    replay: &mut dyn Replay,
) -> Result<Opened, OpenError> {
    let mut recovery = Recovery::default();
    let files = survey(disk, dir, &mut recovery)?;
    let store = match files.iter().find_map(|file| file.header) {
        Some(header) => header.store,
        None => disk.random().map_err(|error| io_error(dir, error))?,
    };
    let highest = files.last().map_or(0, |file| file.number);
    let segments = ours(files, store, &mut recovery);
    let tables = tables(disk, dir, &segments, &mut recovery)?;
    let last = tables.iter().rev().find(|table| table.end > GROUPS_AT);
    recovery.unclean |= !segments.is_empty() && !last.is_some_and(|table| table.closed);
    recovery.may_have_lost = may_have_lost(&segments, &tables);
    let last_group = tables.iter().map(|table| table.last_group).max().unwrap_or(0);
    if from.is_none() {
        show_images(&segments, &tables, &mut recovery, replay)?;
    }
    for (segment, table) in segments.iter().zip(&tables) {
        if from.is_none_or(|from| from.segment <= segment.number) {
            let first = from.filter(|from| from.segment == segment.number).map_or(0, |from| from.record);
            replay_segment(disk, segment, table, first, &mut recovery, &mut |change| replay.change(change))?;
        }
    }
    let segment = highest + 1;
    let end = match (segments.last(), tables.last()) {
        (Some(last), Some(table)) if last.number == highest => {
            Position { segment: highest, record: table.entries.len() as u32 }
        }
        _ => Position { segment, record: 0 },
    };
    let files = segments.into_iter().map(|segment| (segment.number, segment.generations)).collect();
    Ok(Opened { store, segment, end, last_group, files, recovery })
}

/// Shows what a directory of sealed segments holds, and touches nothing; returns the files of each segment.
pub(super) fn read_only(
    disk: &dyn Disk,
    dir: &Path,
    replay: &mut dyn Replay,
) -> Result<BTreeMap<u64, Vec<u32>>, OpenError> {
    let mut recovery = Recovery::default();
    let (files, _) = list(disk, dir, &mut recovery)?;
    let no_backup =
        |file: &Path, what: &str| OpenError::Damaged { file: file.to_owned(), what: what.to_owned() };
    let header =
        files.iter().find_map(|file| file.header).ok_or_else(|| no_backup(dir, "it is no backup"))?;
    let segments = ours(files, header.store, &mut recovery);
    let mut tables = Vec::new();
    for segment in &segments {
        let table =
            Table::read(&*segment.file, segment.seed).map_err(|error| io_error(&segment.path, error))?;
        tables.push(table.ok_or_else(|| no_backup(&segment.path, "it is not sealed"))?);
    }
    show_images(&segments, &tables, &mut recovery, replay)?;
    for (segment, table) in segments.iter().zip(&tables) {
        replay_segment(disk, segment, table, 0, &mut recovery, &mut |change| replay.change(change))?;
    }
    for damage in recovery.damage {
        tracing::warn!(damage, "the backup is damaged");
    }
    Ok(segments.into_iter().map(|segment| (segment.number, segment.generations)).collect())
}

/// A segment file in the directory.
#[derive(Debug)]
struct Found {
    number: u64,
    generation: u32,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    header: Option<Header>,
}

/// Lists the segments, by number. Temporary files of ours go; what is not ours is named. A file of a newer
/// format is refused before anything is touched.
fn survey(disk: &dyn Disk, dir: &Path, recovery: &mut Recovery) -> Result<Vec<Found>, OpenError> {
    let (found, temporary) = list(disk, dir, recovery)?;
    for path in temporary {
        disk.remove(&path).map_err(|error| io_error(&path, error))?;
    }
    Ok(found)
}

/// The segments by number, and the temporary files.
fn list(
    disk: &dyn Disk,
    dir: &Path,
    recovery: &mut Recovery,
) -> Result<(Vec<Found>, Vec<PathBuf>), OpenError> {
    let mut found = Vec::new();
    let mut temporary = Vec::new();
    for path in disk.list(dir).map_err(|error| io_error(dir, error))? {
        let Some(Name { segment: number, generation }) = Name::of(&path) else {
            match ours_beside(&path) {
                Some(TEMPORARY) => temporary.push(path),
                Some(_) => {}
                None => recovery.foreign.push(path),
            }
            continue;
        };
        let file = disk.open(&path).map_err(|error| io_error(&path, error))?;
        let header = match Header::read(&*file).map_err(|error| io_error(&path, error))? {
            Ok(header) => Some(header),
            Err(HeaderFault::Newer(found)) => {
                return Err(OpenError::NewerFormat { dir: dir.to_owned(), found, known: FORMAT });
            }
            Err(HeaderFault::Bad) => None,
        };
        found.push(Found { number, generation, path, file, header });
    }
    recovery.foreign.sort();
    found.sort_by_key(|file| (file.number, file.generation));
    Ok((found, temporary))
}

/// The kind of a file of ours that is no segment: `0000000001.tmp`, `0000000001.torn`.
fn ours_beside(path: &Path) -> Option<&'static str> {
    let kind = path.extension()?.to_str()?;
    let kind = [TEMPORARY, TORN].into_iter().find(|known| *known == kind)?;
    let stem = path.file_stem()?.to_str()?;
    Name::of_stem(stem).map(|_| kind)
}

#[derive(Debug)]
struct Ours {
    number: u64,
    /// This one, and those that a crash left beside it.
    generations: Vec<u32>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    seed: u32,
    lazy: bool,
}

/// Whether the end of the log was written in a durability that may lose it, and not closed. Segments behind
/// the last group count too: what was lost may have been in them.
fn may_have_lost(segments: &[Ours], tables: &[Table]) -> bool {
    let empty_behind = tables.iter().rev().take_while(|table| table.end == GROUPS_AT).count();
    let end = segments.iter().zip(tables).rev().take(empty_behind + 1);
    end.into_iter().any(|(segment, table)| segment.lazy && !table.closed)
}

/// Sorts out what only looks like a segment of this log, and names the segments that are missing.
fn ours(files: Vec<Found>, store: [u8; 16], recovery: &mut Recovery) -> Vec<Ours> {
    let mut segments: Vec<Ours> = Vec::new();
    let mut expected = 1;
    for Found { number, generation, path, file, header } in files {
        if number > expected {
            recovery.missing.push(expected..number);
        }
        expected = expected.max(number + 1);
        let Some(header) = header else {
            recovery.damage.push(format!("segment {number}: both headers are damaged"));
            continue;
        };
        if header.store != store || header.segment != number {
            recovery.foreign.push(path);
            continue;
        }
        match segments.last_mut() {
            // An older generation has all that a newer one has.
            Some(older) if older.number == number => older.generations.push(generation),
            _ => segments.push(Ours {
                number,
                generations: vec![generation],
                path,
                file,
                seed: header.seed(),
                lazy: header.lazy,
            }),
        }
    }
    segments
}

/// Shows the newest image of each account that is whole and that `replay` can use. One that is damaged may be all that
/// was left of an account, with no change behind it that would show a gap: so it is named.
fn show_images(
    segments: &[Ours],
    tables: &[Table],
    recovery: &mut Recovery,
    replay: &mut dyn Replay,
) -> Result<(), OpenError> {
    let mut images: BTreeMap<AccountId, Vec<(Seq, Stored)>> = BTreeMap::new();
    for (segment, table) in segments.iter().zip(tables) {
        for index in (0..table.entries.len()).filter(|&at| table.entries[at].kind == Kind::Image as u8) {
            let found = read_entry(segment, table, index).map_err(|error| io_error(&segment.path, error))?;
            match found.filter(|image| image.kind == Kind::Image as u8) {
                Some(image) => images.entry(image.account).or_default().push((image.seq, image)),
                None => recovery
                    .damage
                    .push(format!("segment {}: the image in record {index} is damaged", segment.number)),
            }
        }
    }
    for (account, mut images) in images {
        // Of two at one seq the later.
        images.sort_by_key(|(seq, _)| *seq);
        for (seq, image) in images.into_iter().rev() {
            let mut failed = None;
            let octets = read_image(&image, &mut |chunk: BodyId| {
                let at = segments.binary_search_by_key(&chunk.segment, |it| it.number).ok()?;
                let read = read_entry(&segments[at], &tables[at], chunk.record as usize);
                read.unwrap_or_else(|error| {
                    failed = Some(io_error(&segments[at].path, error));
                    None
                })
            });
            // Not read is not the same as damaged: an older image may lack changes that are gone.
            if let Some(error) = failed {
                return Err(error);
            }
            match octets {
                Some(octets) if replay.image(account, seq, &octets)? => break,
                _ => replay.lost_image(account, seq),
            }
        }
    }
    Ok(())
}

fn read_entry(segment: &Ours, table: &Table, index: usize) -> io::Result<Option<Stored>> {
    let Some(entry) = table.entries.get(index).filter(|entry| entry.is_there()) else { return Ok(None) };
    let bound = bound_of(&table.entries, index, table.end);
    read_record(&*segment.file, segment.seed, entry.offset.into(), bound)
}

/// The octets of an image, if all are there.
pub(super) fn read_image(image: &Stored, chunk: &mut dyn FnMut(BodyId) -> Option<Stored>) -> Option<Vec<u8>> {
    let list = ChunkList::decode(&image.payload)?;
    let mut octets = Vec::new();
    for body in list.chunks {
        octets.extend_from_slice(&chunk(body).filter(|it| it.kind == Kind::Chunk as u8)?.payload);
    }
    let is_whole =
        octets.len() as u64 == list.size_octets && *blake3::hash(&octets).as_bytes() == image.payload[..32];
    is_whole.then_some(octets)
}

/// The table of each segment. Those that are not sealed are scanned, cut where they are torn, and sealed.
fn tables(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[Ours],
    recovery: &mut Recovery,
) -> Result<Vec<Table>, OpenError> {
    let mut tables = Vec::new();
    // From the last to the first: whatever is behind a segment says that all of it was synced.
    let mut later = false;
    for segment in segments.iter().rev() {
        let fail = |error| io_error(&segment.path, error);
        let table = match Table::read(&*segment.file, segment.seed).map_err(fail)? {
            Some(table) => {
                // A process that was killed while it sealed leaves a table that the disk may not have yet.
                if !later {
                    segment.file.sync().map_err(fail)?;
                }
                table
            }
            None => {
                let scan = scan(&*segment.file, segment.seed, later).map_err(fail)?;
                recovery.unclean |= !later && (scan.table.end > GROUPS_AT || scan.torn.is_some());
                if later {
                    let what = "its table was damaged, and is made again from its groups";
                    recovery.damage.push(format!("segment {}: {what}", segment.number));
                }
                recovery.torn_octets += scan.torn.as_ref().map_or(0, |torn| torn.end - torn.start);
                let damage = scan.damage.iter().map(|what| format!("segment {}: {what}", segment.number));
                recovery.damage.extend(damage);
                close_off(disk, dir, segment, &scan, later).map_err(fail)?;
                scan.table
            }
        };
        later |= table.end > GROUPS_AT;
        tables.push(table);
    }
    tables.reverse();
    Ok(tables)
}

/// Seals a segment that was left open, at the cut. What is shown must be on the disk, and the page cache may hold what
/// the disk does not: what was not synced before the crash, and what a failed sync lost, which no later one brings
/// back. So it is synced, and what no group vouches for is read past the cache; where the disk has that, the segment
/// is sealed where it lies, in room that it has, unless it is longer than its zeros were. Else it is copied.
fn close_off(disk: &dyn Disk, dir: &Path, segment: &Ours, scan: &Scan, later: bool) -> io::Result<()> {
    if let Some(torn) = &scan.torn {
        keep_aside(disk, segment, torn.clone())?;
    }
    let in_doubt = scan.synced_to.min(scan.table.end)..scan.table.end;
    // Where a table went bad something is amiss with the file itself.
    if !later && segment.file.sync().is_ok() && disk.holds(&segment.path, in_doubt)? {
        let octets = Table::octets_for(scan.table.entries.len() as u64);
        seal(&*segment.file, segment.seed, &scan.table).map_err(|error| naming_room(error, octets))?;
        return disk.sync_dir(dir);
    }
    let path = segment.path.with_extension(TEMPORARY);
    rewrite(disk, dir, segment, scan, &path).map_err(|error| {
        let _ = disk.remove(&path);
        naming_room(error, scan.table.end)
    })
}

/// Says how much room is needed, if that is what is missing.
fn naming_room(error: io::Error, octets: u64) -> io::Error {
    match is_full(&error) {
        true => {
            let text = format!("to open what a crash left, {octets} octets of room are needed: {error}");
            io::Error::new(error.kind(), text)
        }
        false => error,
    }
}

/// Keeps what is cut off in a file beside the segment, where there is room: nobody was told that it is kept.
fn keep_aside(disk: &dyn Disk, segment: &Ours, torn: Range<u64>) -> io::Result<()> {
    let path = segment.path.with_extension(TORN);
    let kept = disk.create(&path).and_then(|aside| {
        copy(&*segment.file, &*aside, torn, 0)?;
        aside.sync()
    });
    match kept {
        Err(error) if is_full(&error) => {
            // Without room for it there may be none for its name either.
            let _ = disk.remove(&path);
            Ok(())
        }
        kept => kept,
    }
}

/// Copies a segment up to the cut into a new file, seals it, and puts it in the old one's place.
fn rewrite(disk: &dyn Disk, dir: &Path, segment: &Ours, scan: &Scan, path: &Path) -> io::Result<()> {
    let file = disk.create(path)?;
    copy(&*segment.file, &*file, 0..scan.table.end, 0)?;
    seal(&*file, segment.seed, &scan.table)?;
    disk.rename(path, &segment.path)?;
    disk.sync_dir(dir)
}

pub(super) fn copy(from: &dyn DiskFile, to: &dyn DiskFile, range: Range<u64>, at: u64) -> io::Result<()> {
    let mut buffer = vec![0; STEP_OCTETS];
    let mut offset = range.start;
    while offset < range.end {
        let wanted = (range.end - offset).min(STEP_OCTETS as u64) as usize;
        let count = read_full(from, &mut buffer[..wanted], offset)?;
        if count == 0 {
            return Ok(());
        }
        to.write_at(&mut [io::IoSlice::new(&buffer[..count])], at + offset - range.start)?;
        offset += count as u64;
    }
    Ok(())
}

fn replay_segment(
    disk: &dyn Disk,
    segment: &Ours,
    table: &Table,
    first: u32,
    recovery: &mut Recovery,
    replay: Changes<'_>,
) -> Result<(), OpenError> {
    // It may have been rewritten: the file of that name counts.
    let file = disk.open(&segment.path).map_err(|error| io_error(&segment.path, error))?;
    for (index, entry) in table.entries.iter().enumerate().skip(first as usize) {
        if entry.kind != Kind::Change as u8 {
            continue;
        }
        let bound = bound_of(&table.entries, index, table.end);
        let record = read_record(&*file, segment.seed, entry.offset.into(), bound)
            .map_err(|error| io_error(&segment.path, error))?;
        let Some(record) = record else {
            recovery
                .damage
                .push(format!("segment {}: the change in record {index} is damaged", segment.number));
            continue;
        };
        recovery.changes += 1;
        replay(Replayed {
            account: record.account,
            seq: record.seq,
            payload: record.payload,
            position: Position { segment: segment.number, record: index as u32 },
        })?;
    }
    Ok(())
}

/// What the groups of a segment say.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) table: Table,
    /// Before that everything was synced: a group says so.
    pub(super) synced_to: u64,
    /// What is to be cut, to its last octet that is not zero.
    pub(super) torn: Option<Range<u64>>,
    /// One line each.
    pub(super) damage: Vec<String>,
}

/// Reads a segment's groups. `all_synced`: something behind this segment says so, nothing in it is torn.
pub(super) fn scan(file: &dyn DiskFile, seed: u32, all_synced: bool) -> io::Result<Scan> {
    let spans = walk(file, seed)?;
    let named = spans.iter().filter_map(|span| span.group.as_ref()).map(|group| group.header.synced_to).max();
    let synced_to = if all_synced { u64::MAX } else { named.unwrap_or(GROUPS_AT) };
    let used_to = spans.iter().map(|span| span.used_to).max().unwrap_or(GROUPS_AT);
    let table = Table { end: GROUPS_AT, ..Table::default() };
    let mut scan = Scan { table, synced_to, torn: None, damage: Vec::new() };
    for span in spans {
        let sound = span.group.as_ref().is_some_and(|group| group.whole);
        if !sound && span.start >= synced_to {
            let torn = span.start..used_to;
            scan.torn = (!torn.is_empty() && !span.table).then_some(torn);
            break;
        }
        if !sound && !span.table {
            scan.damage.push(format!("octets {} to {} cannot be read", span.start, span.used_to));
        }
        match span.group {
            Some(group) if scan.table.takes(&group.header) => scan.table.add(group, span.start),
            Some(group) => {
                let number = group.header.number;
                scan.damage.push(format!("group {number} at octet {} is out of order", span.start));
                scan.table.end = span.start + group.header.span_octets();
            }
            None if !span.table => scan.table.end = span.used_to.next_multiple_of(BLOCK_OCTETS),
            None => {}
        }
    }
    Ok(scan)
}

impl Table {
    /// Whether a group's records can stand behind those that are here.
    fn takes(&self, header: &GroupHeader) -> bool {
        header.first_record as usize >= self.entries.len() && header.number > self.last_group
    }

    fn add(&mut self, group: ScannedGroup, start: u64) {
        let ScannedGroup { header, entries, .. } = group;
        self.entries.resize(header.first_record as usize, Entry::LOST);
        self.entries.extend(entries);
        self.entries.resize(header.first_record as usize + header.records as usize, Entry::LOST);
        self.end = start + header.span_octets();
        self.last_group = header.number;
        self.closed = header.closed;
    }
}

/// A stretch of the file: a group, or what is none.
#[derive(Debug)]
struct Span {
    start: u64,
    /// Behind its last octet that is not zero.
    used_to: u64,
    group: Option<ScannedGroup>,
    /// No group, but the beginning of a table.
    table: bool,
}

#[derive(Debug)]
struct ScannedGroup {
    header: GroupHeader,
    entries: Vec<Entry>,
    /// Every record is sound.
    whole: bool,
}

fn walk(file: &dyn DiskFile, seed: u32) -> io::Result<Vec<Span>> {
    let length = file.len()?;
    let mut spans = Vec::new();
    let mut at = GROUPS_AT;
    while at < length {
        let mut block = [0; BLOCK_OCTETS as usize];
        let count = read_full(file, &mut block, at)?;
        let header = GroupHeader::decode(seed, &block[..count]).filter(|header| header.is_plausible(at));
        let Some(header) = header else {
            let (used_to, next) = search(file, seed, at, length)?;
            let last = next.is_none();
            if used_to > at || !last {
                let table = last && Table::begins(&block);
                spans.push(Span { start: at, used_to: used_to.max(at + 1), group: None, table });
            }
            at = next.unwrap_or(length);
            continue;
        };
        let group = read_group(file, seed, at, header)?;
        let end = at + header.span_octets();
        spans.push(Span { start: at, used_to: end.min(length), group: Some(group), table: false });
        at = end;
    }
    Ok(spans)
}

/// From a block that is no group's first: behind the last octet that is not zero, and the next group.
fn search(file: &dyn DiskFile, seed: u32, from: u64, length: u64) -> io::Result<(u64, Option<u64>)> {
    let mut buffer = vec![0; STEP_OCTETS];
    let mut used_to = from;
    let mut at = from;
    while at < length {
        let count = read_full(file, &mut buffer, at)?;
        if count == 0 {
            break;
        }
        for (index, block) in buffer[..count].chunks(BLOCK_OCTETS as usize).enumerate() {
            let start = at + index as u64 * BLOCK_OCTETS;
            if start > from && GroupHeader::decode(seed, block).is_some() {
                return Ok((used_to, Some(start)));
            }
            if let Some(last) = block.iter().rposition(|&octet| octet != 0) {
                used_to = start + last as u64 + 1;
            }
        }
        at += count as u64;
    }
    Ok((used_to, None))
}

fn read_group(file: &dyn DiskFile, seed: u32, at: u64, header: GroupHeader) -> io::Result<ScannedGroup> {
    let length = file.len()?;
    let octets = u64::from(header.octets).min(length.saturating_sub(at + GROUP_HEADER_OCTETS as u64));
    let mut records = vec![0; octets as usize];
    let count = read_full(file, &mut records, at + GROUP_HEADER_OCTETS as u64)?;
    let mut rest = &records[..count];
    let mut entries = Vec::new();
    while entries.len() < header.records as usize {
        let Some(record) = Record::decode(seed, rest) else { break };
        if record.kind == Kind::Gone as u8 {
            let dropped = entries.len() + decode_gone(record.payload) as usize;
            entries.resize(dropped.min(header.records as usize), Entry::GONE);
            rest = &rest[RECORD_HEADER_OCTETS + record.payload.len()..];
            continue;
        }
        let offset = at + GROUP_HEADER_OCTETS as u64 + (count - rest.len()) as u64;
        let offset = u32::try_from(offset).map_err(|_| io::Error::other("a segment is over 4 GiB"))?;
        entries.push(Entry { offset, kind: record.kind });
        rest = &rest[RECORD_HEADER_OCTETS + record.payload.len()..];
    }
    let whole = entries.len() == header.records as usize;
    Ok(ScannedGroup { header, entries, whole })
}

fn io_error(file: &Path, error: io::Error) -> OpenError {
    OpenError::Io { file: file.to_owned(), error }
}

/// How much is read at once while looking for the end and while copying.
const STEP_OCTETS: usize = 1 << 20;
