//! The thread that writes rows, for all accounts of a store.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Shared;
use super::file::{Block, Header, Index};
use crate::account::snapshot::{MessageNumber, Snapshot};

/// Octets of rows that may wait for the writer, for all accounts together.
const PENDING_OCTETS_MAX: usize = 32 << 20;
/// Rows that are written at once.
const BATCH_ROWS: usize = 4_096;
/// How long a row waits for others, so that a file is not opened for each of them. Nobody waits for it meanwhile.
const COMPANY: Duration = Duration::from_millis(10);

/// The thread that writes rows, for all accounts of a store. It ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct SummaryWriter {
    pub(super) queue: Sender<Job>,
    /// Octets that may still be added.
    pub(super) room: Arc<Semaphore>,
}

#[derive(Debug)]
pub(super) enum Job {
    /// The summary of that number waits in the account's buffer.
    Write(Arc<Shared>, u64),
    /// The account's file is to hold the rows of this state's messages, and no others.
    Rewrite(Arc<Shared>, Arc<Snapshot>),
    /// To be answered once all before it are written.
    Flush(SyncSender<()>),
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

/// What a row takes of the room that there is for those that wait.
pub(super) fn room_of(row: &[u8]) -> u32 {
    // One that is larger than all of it takes all.
    row.len().clamp(1, PENDING_OCTETS_MAX) as u32
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
        if matches!(first, Job::Write(..)) {
            std::thread::sleep(COMPANY);
        }
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
            let octets: usize = done.map(|(_, row)| room_of(&row) as usize).sum();
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
    let old = File::open(path)?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&new)?);
    let mut index = Index::default();
    let mut block = Block::default();
    let mut octets = Vec::new();
    for (number, offset) in places {
        let Some((header, row)) = block.row(&old, offset) else { continue };
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
    rows.index = Some(index);
    rows.generation += 1;
    Ok(())
}

fn write_batch(shared: &Shared, numbers: &[u64]) -> std::io::Result<()> {
    let Some(path) = &shared.path else { return Ok(()) };
    let (pending, end) = {
        let mut rows = shared.rows();
        let found = |number: &u64| Some((*number, rows.pending.get(number)?.clone()));
        let pending: Vec<_> = numbers.iter().filter_map(found).collect();
        (pending, rows.index(path).end)
    };
    let mut octets = Vec::new();
    let mut places = Vec::with_capacity(pending.len());
    for (number, (body, row)) in pending {
        places.push((number, end + octets.len() as u64));
        let crc = crc32c::crc32c(&row);
        Header { number, body, len: row.len() as u32, crc }.write(&mut octets);
        octets.extend_from_slice(&row);
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() != end {
        // A row that was cut short: nothing behind it would be found.
        file.set_len(end)?;
    }
    if let Err(error) = file.write_all(&octets) {
        // A part of them is no use to anybody, and takes room where there may be none. What stays is cut next time.
        let _ = file.set_len(end);
        return Err(error);
    }
    let mut rows = shared.rows();
    let index = rows.index(path);
    (index.written, index.stray_octets) = (index.written + places.len(), 0);
    places.into_iter().for_each(|(number, offset)| index.insert(number, offset));
    index.end = end + octets.len() as u64;
    Ok(())
}
