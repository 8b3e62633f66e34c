//! The summaries of an account's messages: a file of rows, an index in memory, and a buffer before the file.
//!
//! ```text
//! row: number u64 | body: segment u64, record u32 | length u32 | crc32c of the octets u32
//!      | crc32c of the 28 octets before u32 | octets
//! ```
//!
//! All little endian. A row that is missing, damaged or not written yet costs its message one scan, nothing
//! more: so rows are written behind, without a sync, and what a crash or a full disk takes is made again when it
//! is asked for. Whoever adds faster than the disk takes waits. Once more than half of a file's rows are of messages
//! that are gone, it is written anew under another name, which then replaces it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::snapshot::{MessageNumber, Snapshot};
use super::tree::Sum;
use crate::blocking::block_on;
use crate::log::BodyId;
use crate::message::Summary;

const HEADER_OCTETS: usize = 32;
/// A longer row is not believed.
const ROW_OCTETS_MAX: u32 = 16 << 20;
/// How much is read at once: a listing goes through rows in their order.
const BLOCK_OCTETS: usize = 64 << 10;
/// Octets of rows that may wait for the writer, for all accounts together.
const PENDING_OCTETS_MAX: usize = 32 << 20;
/// Rows that are written at once.
const BATCH_ROWS: usize = 4_096;
/// A file with fewer rows is left as it is.
const REWRITTEN_ROWS_MIN: usize = 64;

/// The summaries of one account. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Summaries {
    shared: Arc<Shared>,
    writer: SummaryWriter,
}

/// The thread that writes rows, for all accounts of a store. It ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct SummaryWriter {
    queue: Sender<Job>,
    /// Octets that may still be added.
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Job {
    /// The summary of that number waits in the account's buffer.
    Write(Arc<Shared>, u64),
    /// The account's file is to hold the rows of this state's messages, and no others.
    Rewrite(Arc<Shared>, Arc<Snapshot>),
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
    block: Block,
}

/// A piece of the file, and where it begins.
#[derive(Debug, Default)]
struct Block(Option<(u64, Bytes)>);

/// Number and offset of each row, ascending by number.
#[derive(Debug, Default)]
struct Index {
    rows: Vec<(u64, u64)>,
    /// Where the next row goes.
    end: u64,
    /// How many rows the file has, those included that no longer count.
    written: usize,
    /// Octets behind the end that are no rows; they are cut off before the next row is written.
    torn_octets: u64,
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
        let (queue, rows) = channel();
        let room = Arc::new(Semaphore::new(PENDING_OCTETS_MAX));
        let freed = Freed(room.clone());
        std::thread::Builder::new().name("summaries".to_owned()).spawn(move || write_rows(&rows, &freed))?;
        Ok(Self { queue, room })
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

    /// Takes summaries of messages with that number and body; they are written behind. Waits while too much waits
    /// for the disk already; what was not taken when the future is dropped is made again when it is asked for.
    pub(crate) async fn add(&self, summaries: impl IntoIterator<Item = (u64, BodyId, Arc<Summary>)>) {
        for (number, body, summary) in summaries {
            if self.shared.path.is_some() {
                match self.writer.room.acquire_many(room_of(&summary)).await {
                    Ok(room) => room.forget(),
                    // The thread is gone: nothing is written any more.
                    Err(_) => return,
                }
            }
            self.take(number, body, summary);
        }
    }

    /// The same of one, blocking.
    pub(crate) fn add_blocking(&self, number: u64, body: BodyId, summary: &Arc<Summary>) {
        match self.writer.room.try_acquire_many(room_of(summary)) {
            Ok(room) if self.shared.path.is_some() => room.forget(),
            Ok(_) => {}
            // On a thread of its own: a runtime's may not wait for what counts how long it waits.
            Err(_) => {
                let add = || block_on(self.add([(number, body, summary.clone())]));
                return std::thread::scope(|scope| drop(scope.spawn(add)));
            }
        }
        self.take(number, body, summary.clone());
    }

    /// There is room for it.
    fn take(&self, number: u64, body: BodyId, summary: Arc<Summary>) {
        let replaced = self.shared.rows().pending.insert(number, (body, summary));
        if self.shared.path.is_some() {
            self.writer.room.add_permits(replaced.map_or(0, |(_, it)| room_of(&it) as usize));
            // An error means that the thread is gone: what waits is then served from memory.
            let _ = self.writer.queue.send(Job::Write(self.shared.clone(), number));
        }
    }

    /// Has the file written anew, behind, if more than half of its rows are of no message in `state`, which is the
    /// account's published one. A file that was not looked at yet is left alone.
    pub(crate) fn tidy(&self, state: &Arc<Snapshot>) {
        let live = state.messages.sum().map_or(0, |sum| sum.count() as usize);
        let written = self.shared.rows().index.as_ref().map_or(0, |index| index.written);
        if written >= REWRITTEN_ROWS_MIN && written > 2 * live && !self.is_held() {
            let _ = self.writer.queue.send(Job::Rewrite(self.shared.clone(), state.clone()));
        }
    }

    /// Reads the rows of all messages in `state`; says what is wrong with the file. A bad row is forgotten, and so
    /// made again when its message is next listed. Blocking.
    pub(crate) fn check(&self, state: &Snapshot) -> Vec<String> {
        let Some(path) = &self.shared.path else { return Vec::new() };
        let mut rows = self.shared.rows();
        let index = rows.index(path);
        let torn_octets = index.torn_octets;
        let places = index.rows.clone();
        let mut block = Block::default();
        let mut bad = Vec::new();
        for (number, offset) in places {
            let Some(body) = state.body(MessageNumber(number)) else { continue };
            let row = block.row(path, offset);
            // One of another body is left from before a crash.
            let is_good = row.is_some_and(|(header, row)| {
                header.number == number && (header.body != body || Summary::from_bytes(&row).is_some())
            });
            if !is_good {
                bad.push(number);
            }
        }
        rows.index(path).rows.retain(|(number, _)| bad.binary_search(number).is_err());
        let mut findings = Vec::new();
        if !bad.is_empty() {
            findings.push(format!("{} summaries are damaged, and are made again when asked for", bad.len()));
        }
        if torn_octets > 0 {
            findings.push(format!("the summaries end in {torn_octets} octets that are none"));
        }
        findings
    }

    /// Whether rows wait for the writer.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    /// About what they take in memory.
    pub(crate) fn octets(&self) -> u64 {
        let rows = self.shared.rows();
        let index = rows.index.as_ref().map_or(0, |index| index.rows.capacity() * size_of::<(u64, u64)>());
        (index + rows.block.0.as_ref().map_or(0, |(_, block)| block.len())) as u64
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
        let (header, row) = rows.block.row(path, offset)?;
        drop(rows);
        (header.number == number && header.body == body).then_some(())?;
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
}

impl Block {
    /// The row at an offset, if it is whole.
    fn row(&mut self, path: &Path, offset: u64) -> Option<(Header, Bytes)> {
        let header = Header::read(&self.octets(path, offset, HEADER_OCTETS)?)?;
        let row = self.octets(path, offset + HEADER_OCTETS as u64, header.len as usize)?;
        (crc32c::crc32c(&row) == header.crc).then_some((header, row))
    }

    fn octets(&mut self, path: &Path, offset: u64, len: usize) -> Option<Bytes> {
        if let Some((start, block)) = &self.0
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
        self.0 = Some((offset, block.clone()));
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
    (index.written, index.torn_octets) = (rows.len(), size.saturating_sub(index.end));
    // Of rows with one number the last counts: sorted stably, and the earlier ones dropped.
    rows.sort_by_key(|&(number, _)| number);
    rows.reverse();
    rows.dedup_by_key(|&mut (number, _)| number);
    rows.reverse();
    index.rows = rows;
    index
}

/// What a summary takes of the room that there is for those that wait.
fn room_of(summary: &Summary) -> u32 {
    // One that is larger than all of it takes all.
    summary.to_bytes().len().clamp(1, PENDING_OCTETS_MAX) as u32
}

/// Gives room back; once the thread is gone there is none.
struct Freed(Arc<Semaphore>);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The writer's thread: takes what waits, and writes it account by account.
fn write_rows(queue: &Receiver<Job>, freed: &Freed) {
    while let Ok(first) = queue.recv() {
        let mut batches: HashMap<*const Shared, (Arc<Shared>, Vec<u64>)> = HashMap::new();
        let mut after = Vec::new();
        for job in std::iter::once(first).chain(queue.try_iter()).take(BATCH_ROWS) {
            match job {
                Job::Write(shared, number) => {
                    let key = Arc::as_ptr(&shared);
                    batches.entry(key).or_insert_with(|| (shared, Vec::new())).1.push(number);
                }
                later => after.push(later),
            }
        }
        for (shared, numbers) in batches.into_values() {
            if let Err(error) = write_batch(&shared, &numbers) {
                tracing::warn!(file = ?shared.path, %error, "summaries were not kept");
            }
            let mut rows = shared.rows();
            let done = numbers.iter().filter_map(|number| rows.pending.remove(number));
            let octets: usize = done.map(|(_, summary)| room_of(&summary) as usize).sum();
            freed.0.add_permits(octets);
        }
        for job in after {
            match job {
                Job::Rewrite(shared, state) => {
                    if let Err(error) = rewrite(&shared, &state) {
                        tracing::warn!(file = ?shared.path, %error, "summaries were not written anew");
                    }
                }
                Job::Flush(done) => drop(done.send(())),
                Job::Write(..) => {}
            }
        }
    }
}

/// Writes a file with the good rows of a state's messages, and puts it in the place of the account's.
fn rewrite(shared: &Shared, state: &Snapshot) -> std::io::Result<()> {
    let Some(path) = &shared.path else { return Ok(()) };
    // Only this thread writes: the file stays as it is meanwhile, and others go on reading it.
    let places = shared.rows().index(path).rows.clone();
    let new = path.with_extension("sum.new");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&new)?);
    let mut index = Index::default();
    let mut block = Block::default();
    let mut octets = Vec::new();
    for (number, offset) in places {
        let Some((header, row)) = block.row(path, offset) else { continue };
        if header.number != number || state.body(MessageNumber(number)) != Some(header.body) {
            continue;
        }
        octets.clear();
        header.write(&mut octets);
        octets.extend_from_slice(&row);
        file.write_all(&octets)?;
        index.rows.push((number, index.end));
        index.end += octets.len() as u64;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
    index.written = index.rows.len();
    let mut rows = shared.rows();
    std::fs::rename(&new, path)?;
    (rows.index, rows.block) = (Some(index), Block::default());
    Ok(())
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
    rows.block = Block::default();
    let index = rows.index(path);
    (index.written, index.torn_octets) = (index.written + places.len(), 0);
    places.into_iter().for_each(|(number, offset)| index.insert(number, offset));
    index.end = end + octets.len() as u64;
    Ok(())
}
