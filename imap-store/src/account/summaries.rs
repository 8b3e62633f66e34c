//! The summaries of an account's messages: a file of rows, an index in memory, and a buffer before the file.
//!
//! ```text
//! row: number u64 | body: segment u64, record u32 | length u32 | crc32c of the octets u32
//!      | crc32c of the 28 octets before u32 | octets
//! ```
//!
//! All little endian. A row that is missing, damaged or not written yet costs its message one scan, nothing
//! more: so rows are written behind, without a sync, and whatever cannot be written is forgotten.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::log::BodyId;
use crate::message::Summary;

const HEADER_OCTETS: usize = 32;
/// A longer row is not believed.
const ROW_OCTETS_MAX: u32 = 16 << 20;
/// How much is read at once: a listing goes through rows in their order.
const BLOCK_OCTETS: usize = 64 << 10;
/// Rows that may wait for the writer, for all accounts together.
const PENDING_MAX: usize = 4_096;

/// The summaries of one account. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Summaries {
    shared: Arc<Shared>,
    writer: SummaryWriter,
}

/// The thread that writes rows, for all accounts of a store. It ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct SummaryWriter {
    queue: SyncSender<Job>,
}

#[derive(Debug)]
enum Job {
    /// The summary of that number waits in the account's buffer.
    Write(Arc<Shared>, u64),
    /// To be answered once all before it are written.
    Flush(SyncSender<()>),
}

#[derive(Debug)]
pub(crate) struct Shared {
    /// `None`: everything stays in memory.
    path: Option<PathBuf>,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Not written yet, or about to be.
    pending: HashMap<u64, (BodyId, Arc<Summary>)>,
    /// Where rows lie, by number; `None`: the file was not looked at yet.
    index: Option<Index>,
    /// What was read last.
    block: Option<(u64, Bytes)>,
}

/// Number and offset of each row, ascending by number.
#[derive(Debug, Default)]
struct Index {
    rows: Vec<(u64, u64)>,
    /// Where the next row goes.
    end: u64,
}

impl Index {
    fn offset(&self, number: u64) -> Option<u64> {
        let at = self.rows.binary_search_by_key(&number, |&(number, _)| number).ok()?;
        Some(self.rows[at].1)
    }

    /// A later row of the same number counts.
    fn insert(&mut self, number: u64, offset: u64) {
        match self.rows.binary_search_by_key(&number, |&(number, _)| number) {
            Ok(at) => self.rows[at].1 = offset,
            Err(at) => self.rows.insert(at, (number, offset)),
        }
    }
}

impl SummaryWriter {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (queue, rows) = sync_channel(PENDING_MAX);
        std::thread::Builder::new().name("summaries".to_owned()).spawn(move || write_rows(&rows))?;
        Ok(Self { queue })
    }

    /// Waits until everything that was added is written. Blocking.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.queue.send(Job::Flush(done)).is_ok() {
            // An error means that the thread is gone, and with it what waited.
            let _ = wait.recv();
        }
    }
}

impl Summaries {
    /// The summaries in the file `path`, which may be missing; without one, in memory. Nothing is read yet.
    pub(crate) fn new(path: Option<PathBuf>, writer: SummaryWriter) -> Self {
        Self { shared: Arc::new(Shared { path, rows: Mutex::default() }), writer }
    }

    /// Takes summaries of messages with that number and body; they are written behind. Never blocks.
    pub(crate) fn add(&self, summaries: impl IntoIterator<Item = (u64, BodyId, Arc<Summary>)>) {
        for (number, body, summary) in summaries {
            self.shared.rows().pending.insert(number, (body, summary));
            if self.shared.path.is_none() {
                continue;
            }
            match self.writer.queue.try_send(Job::Write(self.shared.clone(), number)) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    self.shared.rows().pending.remove(&number);
                }
            }
        }
    }

    /// Whether rows wait for the writer.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    /// About what they take in memory.
    pub(crate) fn octets(&self) -> u64 {
        let rows = self.shared.rows();
        let index = rows.index.as_ref().map_or(0, |index| index.rows.capacity() * size_of::<(u64, u64)>());
        (index + rows.block.as_ref().map_or(0, |(_, block)| block.len())) as u64
    }

    /// The summary of a message, if its row is there, whole, and of this body (a row may be left over from
    /// a message that a crash took back). Blocking.
    pub(crate) fn get(&self, number: u64, body: BodyId) -> Option<Arc<Summary>> {
        let mut rows = self.shared.rows();
        if let Some((found, summary)) = rows.pending.get(&number) {
            return (*found == body).then(|| summary.clone());
        }
        let path = self.shared.path.as_ref()?;
        let offset = rows.index(path).offset(number)?;
        let row = rows.read(path, number, body, offset)?;
        drop(rows);
        Summary::from_bytes(&row).map(Arc::new)
    }
}

impl Shared {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // What is in it is only ever a copy of what is elsewhere.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn index(&mut self, path: &Path) -> &mut Index {
        self.index.get_or_insert_with(|| read_index(path))
    }

    /// The octets of a row, if they are what they should be.
    fn read(&mut self, path: &Path, number: u64, body: BodyId, offset: u64) -> Option<Bytes> {
        let header = self.octets(path, offset, HEADER_OCTETS)?;
        let header = Header::read(&header)?;
        let row = self.octets(path, offset + HEADER_OCTETS as u64, header.len as usize)?;
        let is_it = header.number == number && header.body == body;
        (is_it && crc32c::crc32c(&row) == header.crc).then_some(row)
    }

    fn octets(&mut self, path: &Path, offset: u64, len: usize) -> Option<Bytes> {
        if let Some((start, block)) = &self.block
            && let Some(from) = offset.checked_sub(*start)
            && let Ok(from) = usize::try_from(from)
            && from + len <= block.len()
        {
            return Some(block.slice(from..from + len));
        }
        let mut block = vec![0; len.max(BLOCK_OCTETS)];
        let filled = read_at(&File::open(path).ok()?, &mut block, offset)?;
        block.truncate(filled);
        let block = Bytes::from(block);
        self.block = Some((offset, block.clone()));
        (len <= block.len()).then(|| block.slice(..len))
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

struct Header {
    number: u64,
    body: BodyId,
    len: u32,
    crc: u32,
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

    fn write(&self, out: &mut Vec<u8>) {
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
fn read_index(path: &Path) -> Index {
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
        let Some(header) = Header::read(&block[from..from + HEADER_OCTETS]) else { break };
        let next = index.end + HEADER_OCTETS as u64 + u64::from(header.len);
        if next > size {
            break;
        }
        rows.push((header.number, index.end));
        index.end = next;
    }
    // Of rows with one number the last counts: sorted stably, and the earlier ones dropped.
    rows.sort_by_key(|&(number, _)| number);
    rows.reverse();
    rows.dedup_by_key(|&mut (number, _)| number);
    rows.reverse();
    index.rows = rows;
    index
}

/// The writer's thread: takes what waits, and writes it account by account.
fn write_rows(queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut batches: HashMap<*const Shared, (Arc<Shared>, Vec<u64>)> = HashMap::new();
        let mut flushed = Vec::new();
        for job in std::iter::once(first).chain(queue.try_iter()).take(PENDING_MAX) {
            match job {
                Job::Flush(done) => flushed.push(done),
                Job::Write(shared, number) => {
                    let key = Arc::as_ptr(&shared);
                    batches.entry(key).or_insert_with(|| (shared, Vec::new())).1.push(number);
                }
            }
        }
        for (shared, numbers) in batches.into_values() {
            if let Err(error) = write_batch(&shared, &numbers) {
                tracing::warn!(file = ?shared.path, %error, "summaries were not kept");
            }
            let mut rows = shared.rows();
            numbers.iter().for_each(|number| drop(rows.pending.remove(number)));
        }
        for done in flushed {
            let _ = done.send(());
        }
    }
}

fn write_batch(shared: &Shared, numbers: &[u64]) -> std::io::Result<()> {
    let Some(path) = &shared.path else { return Ok(()) };
    let (summaries, end) = {
        let mut rows = shared.rows();
        let found = |number: &u64| Some((*number, rows.pending.get(number)?.clone()));
        let summaries: Vec<_> = numbers.iter().filter_map(found).collect();
        (summaries, rows.index(path).end)
    };
    let mut octets = Vec::new();
    let mut places = Vec::with_capacity(summaries.len());
    for (number, (body, summary)) in summaries {
        places.push((number, end + octets.len() as u64));
        let row = summary.to_bytes();
        let crc = crc32c::crc32c(&row);
        Header { number, body, len: row.len() as u32, crc }.write(&mut octets);
        octets.extend_from_slice(&row);
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() != end {
        // A row that was cut short: nothing behind it would be found.
        file.set_len(end)?;
    }
    file.write_all(&octets)?;
    let mut rows = shared.rows();
    // A block at the end of the file was read before these rows were there.
    rows.block = None;
    let index = rows.index(path);
    places.into_iter().for_each(|(number, offset)| index.insert(number, offset));
    index.end = end + octets.len() as u64;
    Ok(())
}
