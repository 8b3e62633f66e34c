//! A segment file: two headers, groups, and, once it is sealed, the table of its records.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::group::BLOCK_OCTETS;
use super::record::{KIND_LOST, Kind, RECORD_HEADER_OCTETS, Record, Stored, le_u32, le_u64, payload_octets};
use crate::files::{Disk, DiskFile, read_full};

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// Where the first group begins: behind both headers.
pub(super) const GROUPS_AT: u64 = 2 * BLOCK_OCTETS;

/// A segment's header. It stands at 0 and, again, at 4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) store: [u8; 16],
    pub(super) segment: u64,
    pub(super) nonce: [u8; 16],
    /// What is written here is shown before it is on the disk: the end may be lost without a trace.
    pub(super) lazy: bool,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// It is of this newer format.
    Newer(u32),
    /// Damaged, or never one of ours.
    Bad,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK_OCTETS as usize];
        block[..8].copy_from_slice(HEADER_MAGIC);
        block[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        block[12..28].copy_from_slice(&self.store);
        block[28..36].copy_from_slice(&self.segment.to_le_bytes());
        block[36..52].copy_from_slice(&self.nonce);
        block[52] = u8::from(self.lazy);
        let crc = crc32c::crc32c(&block[..HEADER_OCTETS - 4]);
        block[HEADER_OCTETS - 4..HEADER_OCTETS].copy_from_slice(&crc.to_le_bytes());
        block
    }

    fn decode(block: &[u8]) -> Result<Self, HeaderFault> {
        if block.len() < HEADER_OCTETS || &block[..8] != HEADER_MAGIC {
            return Err(HeaderFault::Bad);
        }
        // A newer format may have another crc in another place: only magic and number stay where they are.
        match le_u32(block, 8) {
            newer if newer > FORMAT => return Err(HeaderFault::Newer(newer)),
            FORMAT if crc32c::crc32c(&block[..HEADER_OCTETS - 4]) == le_u32(block, HEADER_OCTETS - 4) => {}
            _ => return Err(HeaderFault::Bad),
        }
        Ok(Self {
            store: block[12..28].try_into().expect("sixteen octets"),
            segment: le_u64(block, 28),
            nonce: block[36..52].try_into().expect("sixteen octets"),
            lazy: block[52] & 1 != 0,
        })
    }

    /// Reads the header, from its second copy where the first is bad.
    pub(super) fn read(file: &dyn DiskFile) -> io::Result<Result<Self, HeaderFault>> {
        let mut blocks = vec![0; GROUPS_AT as usize];
        let count = read_full(file, &mut blocks, 0)?;
        let (first, second) = blocks[..count].split_at(count.min(BLOCK_OCTETS as usize));
        Ok(Self::decode(first).or_else(|fault| Self::decode(second).map_err(|_| fault)))
    }

    /// What every crc in the segment is seeded with.
    pub(super) fn seed(&self) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.nonce), &self.segment.to_le_bytes())
    }
}

/// One record's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// From the beginning of the file.
    pub(super) offset: u32,
    pub(super) kind: u8,
}

impl Entry {
    /// A record that recovery could not read.
    pub(super) const LOST: Self = Self { offset: 0, kind: KIND_LOST };
    /// A record that compaction dropped.
    pub(super) const GONE: Self = Self { offset: 0, kind: Kind::Gone as u8 };

    /// Whether there is a record.
    pub(super) fn is_there(self) -> bool {
        self.kind != KIND_LOST && self.kind != Kind::Gone as u8
    }
}

/// Where a segment's records are, and where its groups end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    /// Behind the last group.
    pub(super) end: u64,
    /// The number of the last group in the log up to here.
    pub(super) last_group: u64,
    /// The log was closed with this segment's last group.
    pub(super) closed: bool,
}

impl Table {
    /// The octets of a sealed segment behind its groups: the table and what ends the file.
    pub(super) fn encode(&self, seed: u32) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.entries.len() * ENTRY_OCTETS + TRAILER_OCTETS + 16);
        octets.extend_from_slice(TABLE_MAGIC);
        octets.extend_from_slice(&[0; 4]);
        for entry in &self.entries {
            octets.extend_from_slice(&entry.offset.to_le_bytes());
            octets.push(entry.kind);
        }
        let crc = crc32c::crc32c_append(seed, &octets[TABLE_HEADER_OCTETS..]);
        octets[8..TABLE_HEADER_OCTETS].copy_from_slice(&crc.to_le_bytes());
        let count = u32::try_from(self.entries.len()).expect("records are numbered in 32 bits");
        let trailer = octets.len();
        octets.extend_from_slice(TRAILER_MAGIC);
        octets.extend_from_slice(&self.end.to_le_bytes());
        octets.extend_from_slice(&self.last_group.to_le_bytes());
        octets.extend_from_slice(&count.to_le_bytes());
        octets.extend_from_slice(&u32::from(self.closed).to_le_bytes());
        let crc = crc32c::crc32c_append(seed, &octets[trailer..]);
        octets.extend_from_slice(&crc.to_le_bytes());
        octets
    }

    /// The table of a sealed segment; `None` when the file does not end as a sealed one does.
    pub(super) fn read(file: &dyn DiskFile, seed: u32) -> io::Result<Option<Self>> {
        let length = file.len()?;
        let Some(trailer_at) = length.checked_sub(TRAILER_OCTETS as u64).filter(|&at| at >= GROUPS_AT) else {
            return Ok(None);
        };
        let mut trailer = [0; TRAILER_OCTETS];
        let count = read_full(file, &mut trailer, trailer_at)?;
        let (fields, crc) = trailer.split_at(TRAILER_OCTETS - 4);
        let sound = count == TRAILER_OCTETS
            && &trailer[..8] == TRAILER_MAGIC
            && crc32c::crc32c_append(seed, fields) == le_u32(crc, 0);
        let (end, records) = (le_u64(&trailer, 8), le_u32(&trailer, 24) as usize);
        let octets = TABLE_HEADER_OCTETS + records * ENTRY_OCTETS;
        if !sound || end.checked_add(octets as u64) != Some(trailer_at) {
            return Ok(None);
        }
        let mut table = vec![0; octets];
        read_full(file, &mut table, end)?;
        let (head, entries) = table.split_at(TABLE_HEADER_OCTETS);
        if &head[..8] != TABLE_MAGIC || crc32c::crc32c_append(seed, entries) != le_u32(head, 8) {
            return Ok(None);
        }
        let entries = entries
            .chunks_exact(ENTRY_OCTETS)
            .map(|entry| Entry { offset: le_u32(entry, 0), kind: entry[4] })
            .collect();
        Ok(Some(Self { entries, end, last_group: le_u64(&trailer, 16), closed: trailer[28] & 1 != 0 }))
    }

    /// Whether a table may begin with these octets: a segment was being sealed.
    pub(super) fn begins(octets: &[u8]) -> bool {
        octets.starts_with(TABLE_MAGIC)
    }

    /// What sealing will write for that many records.
    pub(super) fn octets_for(records: u64) -> u64 {
        records * ENTRY_OCTETS as u64 + (TABLE_HEADER_OCTETS + TRAILER_OCTETS) as u64
    }
}

/// Syncs the groups, appends the table, cuts the file behind it, and syncs that. May be tried again after an error.
///
/// Two syncs: a table says that all it names is there, so it may not reach the disk before the groups, of which
/// some wait for no sync of their own (chunks; everything where the durability is lazy).
pub(super) fn seal(file: &dyn DiskFile, seed: u32, table: &Table) -> io::Result<()> {
    file.sync()?;
    let octets = table.encode(seed);
    file.write_at(&mut [IoSlice::new(&octets)], table.end)?;
    file.set_len(table.end + octets.len() as u64)?;
    file.sync().inspect_err(|_| {
        // The disk may lack what reads still show: opening must not take the segment for a sealed one, but copy it.
        let _ = file.set_len(table.end);
    })
}

/// Reads and checks the record at `offset`; what follows it begins at `bound` or later. `None`: damaged.
pub(super) fn read_record(
    file: &dyn DiskFile,
    seed: u32,
    offset: u64,
    bound: u64,
) -> io::Result<Option<Stored>> {
    Ok(read_octets(file, offset, bound)?.and_then(|octets| Stored::decode(seed, octets)))
}

/// The same, as it stands in the file.
pub(super) fn read_raw(file: &dyn DiskFile, seed: u32, offset: u64, bound: u64) -> io::Result<Option<Bytes>> {
    let octets = read_octets(file, offset, bound)?;
    Ok(octets.and_then(|octets| {
        let payload = Record::decode(seed, &octets)?.payload.len();
        Some(octets.slice(..RECORD_HEADER_OCTETS + payload))
    }))
}

/// The octets from `offset` on, at least as many as the record there says that it has.
fn read_octets(file: &dyn DiskFile, offset: u64, bound: u64) -> io::Result<Option<Bytes>> {
    let guess = bound.saturating_sub(offset).min(READ_FIRST_OCTETS);
    let mut octets = zeroed(usize::try_from(guess).expect("at most half a megabyte"));
    let count = read_full(file, &mut octets, offset)?;
    octets.truncate(count);
    let Some(payload) = payload_octets(&octets) else { return Ok(None) };
    let whole = RECORD_HEADER_OCTETS + payload;
    if whole > octets.len() {
        if offset + whole as u64 > bound {
            return Ok(None);
        }
        let have = octets.len();
        octets.resize(whole, 0);
        let count = read_full(file, &mut octets[have..], offset + have as u64)?;
        octets.truncate(have + count);
    }
    Ok(Some(Bytes::from(octets)))
}

/// Zeros that are written and not asked for: where it is to come zeroed, jemalloc gives each page of 16 KiB and more back
/// to the system and takes it again, a fault each, which costs more than all else of a read.
#[expect(clippy::slow_vector_initialization, reason = "it is the faster one here")]
pub(super) fn zeroed(octets: usize) -> Vec<u8> {
    let mut zeroed = Vec::with_capacity(octets);
    zeroed.resize(octets, 0);
    zeroed
}

/// Where the record behind number `index` begins, or the groups end.
pub(super) fn bound_of(entries: &[Entry], index: usize, end: u64) -> u64 {
    let next = entries[index + 1..].iter().find(|entry| entry.is_there());
    next.map_or(end, |entry| entry.offset.into())
}

/// A segment's file name: its number, and, once compaction wrote it anew, for which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) segment: u64,
    /// 0: as it was first written.
    pub(super) generation: u32,
}

impl Name {
    /// As the writer makes it.
    pub(super) fn first(segment: u64) -> Self {
        Self { segment, generation: 0 }
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(match self.generation {
            0 => format!("{:010}.{EXTENSION}", self.segment),
            generation => format!("{:010}-{generation}.{EXTENSION}", self.segment),
        })
    }

    /// The name of a file, if it is a segment's.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?.strip_suffix('.')?;
        Self::of_stem(stem)
    }

    /// The same without the extension.
    pub(super) fn of_stem(stem: &str) -> Option<Self> {
        let (number, generation) = stem.split_once('-').unwrap_or((stem, "0"));
        let name = Self { segment: number.parse().ok()?, generation: generation.parse().ok()? };
        let is_ours = name.path(Path::new("")).file_stem()?.to_str()? == stem;
        is_ours.then_some(name)
    }
}

/// A segment file under its temporary name: headers and, maybe, zeros, synced.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) header: Header,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) octets: u64,
    path: PathBuf,
}

impl Prepared {
    /// Writes headers and zeros up to `octets`, in steps. Removes the file again when it cannot, so that it takes no room.
    pub(super) fn make(
        disk: &dyn Disk,
        dir: &Path,
        store: [u8; 16],
        segment: u64,
        octets: u64,
        lazy: bool,
    ) -> io::Result<Self> {
        let header = Header { store, segment, nonce: disk.random()?, lazy };
        let path = dir.join(format!("{segment:010}.{TEMPORARY}"));
        let octets = octets.next_multiple_of(BLOCK_OCTETS).max(GROUPS_AT + BLOCK_OCTETS);
        let filled = disk.create(&path).and_then(|file| {
            let block = header.encode();
            file.write_at(&mut [IoSlice::new(&block), IoSlice::new(&block)], 0)?;
            write_zeros(&*file, GROUPS_AT, octets)?;
            file.sync()?;
            Ok(file)
        });
        match filled {
            Ok(file) => Ok(Self { header, file, octets, path }),
            Err(error) => {
                let _ = disk.remove(&path);
                Err(error)
            }
        }
    }

    /// Removes the file: it is not needed.
    pub(super) fn discard(self, disk: &dyn Disk) {
        let _ = disk.remove(&self.path);
    }

    /// Gives the file its name, lastingly.
    pub(super) fn adopt(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let path = Name::first(self.header.segment).path(dir);
        match disk.rename(&self.path, &path) {
            // A second try after the directory could not be synced.
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.open(&path).map(drop)?,
            renamed => renamed?,
        }
        disk.sync_dir(dir)
    }
}

/// Fills `from..to` with zeros, a sync now and then so that no committer's sync meets them all at once.
fn write_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_OCTETS];
    let mut at = from;
    while at < to {
        let count = (to - at).min(ZEROS_OCTETS as u64);
        file.write_at(&mut [IoSlice::new(&zeros[..count as usize])], at)?;
        at += count;
        if (at - from).is_multiple_of(16 * ZEROS_OCTETS as u64) {
            file.sync()?;
        }
    }
    Ok(())
}

/// What segment files are called.
const EXTENSION: &str = "seg";
/// What they are called before they are one; ours to remove.
pub(super) const TEMPORARY: &str = "tmp";
/// What was cut off a segment.
pub(super) const TORN: &str = "torn";

const HEADER_OCTETS: usize = 60;
const TABLE_HEADER_OCTETS: usize = 12;
const ENTRY_OCTETS: usize = 5;
const TRAILER_OCTETS: usize = 36;
const ZEROS_OCTETS: usize = 512 << 10;
/// Two chunks: all but a long change is read with one call.
const READ_FIRST_OCTETS: u64 = 512 << 10;

const HEADER_MAGIC: &[u8; 8] = b"RESTSEG\n";
const TABLE_MAGIC: &[u8; 8] = b"RESTTAB\n";
const TRAILER_MAGIC: &[u8; 8] = b"RESTEND\n";
