//! The file of rows: where each lies, and how one is read.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::{Bytes, BytesMut};

use crate::files::read_now;
use crate::log::BodyId;

const HEADER_OCTETS: usize = 32;
/// A longer row is not believed.
const ROW_OCTETS_MAX: u32 = 16 << 20;
/// What is read at once for a single row; whoever reads on behind it is given twice as much each time.
const BLOCK_OCTETS_MIN: usize = 8 << 10;
pub(super) const BLOCK_OCTETS_MAX: usize = 64 << 10;

/// Number and offset of each row, ascending by number.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) rows: Vec<(u64, u64)>,
    /// Where the next row goes.
    pub(super) end: u64,
    /// How many rows the file has, those included that no longer count.
    pub(super) written: usize,
    /// Octets behind the end that are no rows, where it is not just one that a crash has cut short. Whatever stands there
    /// is cut off before the next row is written.
    pub(super) stray_octets: u64,
}

impl Index {
    /// The row of a message, and those of the messages behind it: `count` at the most. Empty when it has none.
    pub(super) fn from(&self, number: u64, count: usize) -> &[(u64, u64)] {
        match self.rows.binary_search_by_key(&number, |&(number, _)| number) {
            Ok(at) => &self.rows[at..self.rows.len().min(at + count)],
            Err(_) => &[],
        }
    }

    /// A later row of the same number counts.
    pub(super) fn insert(&mut self, number: u64, offset: u64) {
        match self.rows.binary_search_by_key(&number, |&(number, _)| number) {
            Ok(at) => self.rows[at].1 = offset,
            Err(at) => self.rows.insert(at, (number, offset)),
        }
    }
}

/// A piece of a file: a listing goes through rows in their order.
#[derive(Debug, Default)]
pub(super) struct Block {
    start: u64,
    octets: Bytes,
    /// How much was asked for.
    asked: usize,
}

impl Block {
    /// The row at an offset, if it is whole.
    pub(super) fn row(&mut self, file: &File, offset: u64) -> Option<(Header, Bytes)> {
        let header = self.place(file, offset, HEADER_OCTETS)?;
        let header = Header::read(&self.octets[header])?;
        let row = self.place(file, offset + HEADER_OCTETS as u64, header.len as usize)?;
        let row = self.octets.slice(row);
        (crc32c::crc32c(&row) == header.crc).then_some((header, row))
    }

    /// Reads the rows that begin up to `span` octets behind `offset`, unless that is much, or something has to be waited
    /// for. Of the last one as much as a row mostly takes.
    pub(super) fn read_now(&mut self, file: &File, offset: u64, span: u64) -> Option<()> {
        let octets =
            usize::try_from(span).ok().filter(|&span| span + BLOCK_OCTETS_MIN <= BLOCK_OCTETS_MAX)?;
        let mut block = BytesMut::zeroed(octets + BLOCK_OCTETS_MIN);
        let filled = read_now(file, &mut block, offset)?;
        block.truncate(filled);
        (self.start, self.octets, self.asked) = (offset, block.freeze(), filled);
        Some(())
    }

    /// The row at an offset, if it is whole and all of it was read already.
    pub(super) fn held_row(&self, offset: u64) -> Option<(Header, Bytes)> {
        let begin = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let behind = begin.checked_add(HEADER_OCTETS)?;
        let header = Header::read(self.octets.get(begin..behind)?)?;
        let end = behind + header.len as usize;
        let row = (end <= self.octets.len()).then(|| self.octets.slice(behind..end))?;
        (crc32c::crc32c(&row) == header.crc).then_some((header, row))
    }

    /// Forgets what was read.
    pub(super) fn clear(&mut self) {
        self.octets = Bytes::new();
    }

    /// Where so many octets of the file are in the block, which is read anew if they are not.
    fn place(&mut self, file: &File, offset: u64, len: usize) -> Option<Range<usize>> {
        let from = offset.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        if let Some(from) = from
            && from.saturating_add(len) <= self.octets.len()
        {
            return Some(from..from + len);
        }
        // Behind the block, or so near that it was not much that was read in vain.
        let goes_on = from.is_some_and(|from| from <= 2 * self.octets.len());
        let more = if goes_on { 2 * self.asked } else { 0 };
        self.asked = more.clamp(BLOCK_OCTETS_MIN, BLOCK_OCTETS_MAX);
        let asked = self.asked.max(len);
        // The memory is used again where no row is left of it.
        let mut block = std::mem::take(&mut self.octets).try_into_mut().unwrap_or_default();
        if block.capacity() < asked {
            block = BytesMut::with_capacity(asked);
        }
        block.resize(asked, 0);
        let filled = read_at(file, &mut block, offset)?;
        block.truncate(filled);
        (self.start, self.octets) = (offset, block.freeze());
        (len <= filled).then_some(0..len)
    }
}

/// Fills the buffer as far as the file goes; returns how far.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(octets) => filled += octets,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(filled)
}

/// What stands before a row.
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) body: BodyId,
    pub(super) len: u32,
    pub(super) crc: u32,
}

impl Header {
    fn read(header: &[u8]) -> Option<Self> {
        let long = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
        let short = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let body = BodyId { segment: long(8)?, record: short(16)? };
        let read = Self { number: long(0)?, body, len: short(20)?, crc: short(24)? };
        let is_whole = crc32c::crc32c(&header[..28]) == short(28)? && read.len <= ROW_OCTETS_MAX;
        is_whole.then_some(read)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.body.segment.to_le_bytes());
        out.extend_from_slice(&self.body.record.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[begin..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

/// Goes through the file from row to row; ends where no whole header stands.
pub(super) fn read_index(path: &Path) -> Index {
    const STRIDE: usize = 1 << 20;
    let mut index = Index::default();
    let Ok(file) = File::open(path) else { return index };
    let size = file.metadata().map_or(0, |it| it.len());
    let mut rows = Vec::new();
    let mut block = vec![0; STRIDE];
    let (mut start, mut filled) = (0, 0);
    while index.end + HEADER_OCTETS as u64 <= size {
        let mut from = (index.end - start) as usize;
        if from + HEADER_OCTETS > filled {
            start = index.end;
            from = 0;
            match read_at(&file, &mut block, start) {
                Some(octets) if octets >= HEADER_OCTETS => filled = octets,
                _ => break,
            }
        }
        let Some(header) = Header::read(&block[from..from + HEADER_OCTETS]) else {
            index.stray_octets = size - index.end;
            break;
        };
        let next = index.end + HEADER_OCTETS as u64 + u64::from(header.len);
        if next > size {
            break;
        }
        rows.push((header.number, index.end));
        index.end = next;
    }
    index.written = rows.len();
    // Of rows with one number the last counts: sorted stably, and the earlier ones dropped.
    rows.sort_by_key(|&(number, _)| number);
    rows.reverse();
    rows.dedup_by_key(|&mut (number, _)| number);
    rows.reverse();
    index.rows = rows;
    index
}
