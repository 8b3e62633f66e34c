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

mod file;
mod reader;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::snapshot::{MessageNumber, Snapshot};
use super::tree::Sum;
use crate::blocking::block_on;
use crate::log::BodyId;
use crate::message::Summary;

use file::{Block, Index, read_index};
use writer::{Job, room_of};

pub(crate) use reader::RowReader;
pub(crate) use writer::SummaryWriter;

/// A file with fewer rows is left as it is.
const REWRITTEN_ROWS_MIN: usize = 64;

/// The summaries of one account. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Summaries {
    shared: Arc<Shared>,
    writer: SummaryWriter,
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
    pending: HashMap<u64, (BodyId, Bytes)>,
    /// Where rows lie, by number; `None`: the file was not looked at yet.
    index: Option<Index>,
    /// How many files were there before this one, in whose place it was put.
    generation: u64,
}

impl Summaries {
    /// The summaries in the file `path`, which may be missing; without one, in memory. Nothing is read yet.
    pub(crate) fn new(path: Option<PathBuf>, writer: SummaryWriter) -> Self {
        Self { shared: Arc::new(Shared { path, rows: Mutex::default() }), writer }
    }

    /// Takes the rows of messages with that number and body; they are written behind. Waits while too much waits
    /// for the disk already; what was not taken when the future is dropped is made again when it is asked for.
    pub(crate) async fn add(&self, rows: impl IntoIterator<Item = (u64, BodyId, Bytes)>) {
        for (number, body, row) in rows {
            if self.shared.path.is_some() {
                match self.writer.room.acquire_many(room_of(&row)).await {
                    Ok(room) => room.forget(),
                    // The thread is gone: nothing is written any more.
                    Err(_) => return,
                }
            }
            self.take(number, body, row);
        }
    }

    /// The same of one, blocking.
    pub(crate) fn add_blocking(&self, number: u64, body: BodyId, row: Bytes) {
        match self.writer.room.try_acquire_many(room_of(&row)) {
            Ok(room) if self.shared.path.is_some() => room.forget(),
            Ok(_) => {}
            // On a thread of its own: a runtime's may not wait for what counts how long it waits.
            Err(_) => {
                let add = || block_on(self.add([(number, body, row)]));
                return std::thread::scope(|scope| drop(scope.spawn(add)));
            }
        }
        self.take(number, body, row);
    }

    /// There is room for it.
    fn take(&self, number: u64, body: BodyId, row: Bytes) {
        let replaced = self.shared.rows().pending.insert(number, (body, row));
        if self.shared.path.is_some() {
            self.writer.room.add_permits(replaced.map_or(0, |(_, row)| room_of(&row) as usize));
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
        let stray_octets = index.stray_octets;
        let places = index.rows.clone();
        let file = File::open(path).ok();
        let mut block = Block::default();
        let mut bad = Vec::new();
        for (number, offset) in places {
            let Some(body) = state.body(MessageNumber(number)) else { continue };
            let row = file.as_ref().and_then(|file| block.row(file, offset));
            // One of another body is left from before a crash.
            let is_good = row.is_some_and(|(header, row)| {
                header.number == number && (header.body != body || Summary::from_bytes(row).is_some())
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
        if stray_octets > 0 {
            findings.push(format!("the summaries end in {stray_octets} octets that are none"));
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
        rows.index.as_ref().map_or(0, |index| index.rows.capacity() * size_of::<(u64, u64)>()) as u64
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
