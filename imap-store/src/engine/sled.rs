//! Checkpoints in sled. Only this file names it, and only this file knows what has to be done around it:
//!
//! - `flush` of sled 0.34 does not survive a power cut (it asks for `sync_file_range`): each batch is
//!   followed by our own `fdatasync` of its file, with nothing in between.
//! - `conf` and the directory are synced by us when a database is made; sled never does.
//! - `flush_every_ms` stays on: that thread is sled's only garbage collection.
//! - Opening may panic on a damaged file, or give an empty database without an error: a panic is caught
//!   here; that something is missing is noticed by whoever reads.
//! - A dropped database keeps its file locked until sled's own threads have let go of it: opening it again waits. Nobody
//!   else can hold it, since the store's folder has a lock of its own.
//! - One tree: a batch is atomic in one tree only. Values stay under 4 KiB (`rows.rs`): larger ones go to files that sled
//!   does not sync.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Snapshots, Write};
use crate::StoreError;

/// How long opening waits for a dropped database to let go of its file.
const CLOSING_MAX: Duration = Duration::from_secs(10);
const CLOSING_PAUSE: Duration = Duration::from_millis(5);

/// A sled database.
#[derive(Debug)]
pub(crate) struct SledSnapshots {
    db: sled::Db,
    /// Our own handle of the file that sled writes, for syncing.
    file: File,
}

impl SledSnapshots {
    /// Opens or makes the database in `dir`. Blocking.
    pub(crate) fn open(dir: &Path, cache_octets: u64) -> Result<Self, StoreError> {
        let is_new = !dir.join("db").exists();
        let config = sled::Config::new().path(dir).cache_capacity(cache_octets).flush_every_ms(Some(500));
        let db = open_unlocked(&config)?;
        let file = File::open(dir.join("db")).map_err(|error| unavailable(&error.to_string()))?;
        if is_new {
            db.flush().map_err(|error| failed(&error))?;
            sync_new(dir, &file).map_err(|error| unavailable(&error.to_string()))?;
        }
        Ok(Self { db, file })
    }
}

/// Opens it; waits while a database that was dropped in this process is still closing.
fn open_unlocked(config: &sled::Config) -> Result<sled::Db, StoreError> {
    let began = Instant::now();
    loop {
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()))
            .map_err(|_| unavailable("the index cannot be opened: sled panicked"))?;
        match opened {
            Err(error) if is_locked(&error) && began.elapsed() < CLOSING_MAX => thread::sleep(CLOSING_PAUSE),
            other => return other.map_err(|error| failed(&error)),
        }
    }
}

/// sled gives no kind of its own for it, and hides that of the system in a text.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn sync_new(dir: &Path, file: &File) -> std::io::Result<()> {
    file.sync_all()?;
    File::open(dir.join("conf"))?.sync_all()?;
    File::open(dir)?.sync_all()?;
    match dir.parent() {
        Some(above) if !above.as_os_str().is_empty() => File::open(above)?.sync_all(),
        _ => Ok(()),
    }
}

impl Snapshots for SledSnapshots {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = guarded(|| self.db.get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        for pair in self.db.scan_prefix(prefix) {
            let (key, value) = pair.map_err(|error| failed(&error))?;
            each(&key, &value);
        }
        Ok(())
    }

    fn apply(&self, batch: &[Write]) -> Result<(), StoreError> {
        let mut writes = sled::Batch::default();
        for write in batch {
            match write {
                Write::Put(key, value) => writes.insert(&key[..], &value[..]),
                Write::Delete(key) => writes.remove(&key[..]),
            }
        }
        guarded(|| self.db.apply_batch(writes))?;
        guarded(|| self.db.flush())?;
        self.file.sync_data().map_err(|error| unavailable(&error.to_string()))
    }

    fn size_on_disk_octets(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }
}

/// sled panics where it finds its file damaged; for us that is an error like another.
fn guarded<T>(ask: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(ask))
        .map_err(|_| unavailable("the index failed: sled panicked"))?
        .map_err(|error| failed(&error))
}

fn failed(error: &sled::Error) -> StoreError {
    unavailable(&format!("the index failed: {error}"))
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned() }
}
