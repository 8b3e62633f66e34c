//! A copy of the log while it is written, and a store made of such a copy.
//!
//! Sealed segments never change, so a second backup into the same directory copies only what is new. The
//! segment that is being written is copied up to a group's end and sealed there; the next backup replaces it.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::group::BLOCK_OCTETS;
use super::reader::{Reader, Segment};
use super::recovery::read_only;
use super::segment::{Header, Name, TEMPORARY, Table, seal};
use super::{Ahead, BodyId, Log, Replay};
use crate::files::{Disk, DiskFile, read_full};
use crate::{OpenError, StoreError};

/// What a backup did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// Segments that the backup has now.
    pub segments: u64,
    /// Of those, the ones that were copied.
    pub copied: u64,
    /// Octets that were copied.
    pub octets: u64,
}

impl Log {
    /// Copies all that is published into the directory `to` on `disk`, made when missing. Blocking; writers are
    /// not disturbed; compaction must not run meanwhile. It may be cut short anywhere, and begun again: a segment
    /// counts once it has its name. `each` is told after each segment what was done, and how many there are.
    pub(crate) fn backup(
        &self,
        disk: &dyn Disk,
        to: &Path,
        each: &mut dyn FnMut(Backup, u64),
    ) -> Result<Backup, StoreError> {
        self.sync()?;
        let end = self.published();
        let fail = |error: io::Error| StoreError::Unavailable { reason: format!("the backup: {error}") };
        disk.create_dir(to).map_err(fail)?;
        let mut backup = Backup::default();
        let mut names = BTreeSet::new();
        for number in 1..=end.segment {
            let reader = &self.shared().reader;
            let segment = match reader.segment(number) {
                // Behind the last record there may be no segment yet.
                Err(_) if end.record == 0 && number == end.segment => continue,
                segment => segment?,
            };
            let (Some(segment), Some(generation)) = (segment, reader.generation(number)) else { continue };
            let name = Name { segment: number, generation };
            backup.segments += 1;
            let octets = copy_segment(disk, to, self.store_id(), name, &segment).map_err(fail)?;
            backup.copied += u64::from(octets > 0);
            backup.octets += octets;
            names.insert(name);
            each(backup, end.segment);
        }
        // What compaction has replaced goes last: until then the older backup is whole.
        for path in disk.list(to).map_err(fail)? {
            if Name::of(&path).is_some_and(|name| !names.contains(&name)) {
                disk.remove(&path).map_err(fail)?;
            }
        }
        disk.sync_dir(to).map_err(fail)?;
        Ok(backup)
    }
}

/// Copies a segment, sealed, unless it is there; returns how many octets were copied.
fn copy_segment(
    disk: &dyn Disk,
    to: &Path,
    store: [u8; 16],
    name: Name,
    segment: &Segment,
) -> io::Result<u64> {
    let path = name.path(to);
    if let Ok(there) = disk.open(&path)
        && let Ok(header) = Header::read(&*there)?
    {
        if header.store != store {
            return Err(io::Error::other("there is a backup of another store"));
        }
        let is_same = header.seed() == segment.seed;
        if is_same && Table::read(&*there, segment.seed)?.as_ref() == Some(&segment.table) {
            return Ok(0);
        }
    }
    let temporary = path.with_extension(TEMPORARY);
    let file = disk.create(&temporary)?;
    copy(&*segment.file, &*file, 0..segment.table.end)?;
    seal(&*file, segment.seed, &segment.table)?;
    disk.rename(&temporary, &path)?;
    disk.sync_dir(to)?;
    Ok(segment.table.end)
}

/// Makes a log in `to`, which must have none, of the backup in `from`. It is another store: it has a number of
/// its own, and says of itself that its end may be missing, so that its accounts leap. Blocking.
pub(crate) fn restore(disk: &dyn Disk, from: &Path, to: &Path) -> Result<u64, OpenError> {
    let fail = |file: &Path| {
        let file = file.to_owned();
        move |error| OpenError::Io { file, error }
    };
    disk.create_dir(to).map_err(fail(to))?;
    let is_taken = disk.list(to).map_err(fail(to))?.iter().any(|path| Name::of(path).is_some());
    if is_taken {
        let what = "there is a store already".to_owned();
        return Err(OpenError::Damaged { file: to.to_owned(), what });
    }
    let listed = disk.list(from).map_err(fail(from))?;
    let mut names: Vec<Name> = listed.iter().filter_map(|path| Name::of(path)).collect();
    names.sort_unstable();
    let store = disk.random().map_err(fail(to))?;
    // From the last to the first: a log that lacks its beginning opens with damage, one that lacks its end
    // could not be told from a whole one.
    for &name in names.iter().rev() {
        let path = name.path(from);
        let file = disk.open(&path).map_err(fail(&path))?;
        let damaged = |what: &str| OpenError::Damaged { file: path.clone(), what: what.to_owned() };
        let header = Header::read(&*file).map_err(fail(&path))?.map_err(|_| damaged("it has no header"))?;
        let table = Table::read(&*file, header.seed()).map_err(fail(&path))?;
        let table = table.ok_or_else(|| damaged("it is not sealed"))?;
        let is_last = Some(&name) == names.last();
        let header = Header { store, lazy: header.lazy || is_last, ..header };
        let table = Table { closed: table.closed && !is_last, ..table };
        restore_segment(disk, &*file, &header, &table, &name.path(to)).map_err(fail(&name.path(to)))?;
    }
    Ok(names.len() as u64)
}

/// The log of a backup, to be read where it lies.
#[derive(Debug)]
pub(crate) struct BackupLog {
    reader: Reader,
}

impl BackupLog {
    /// Shows the images and the changes of a backup; nothing is written. Blocking.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, replay: &mut dyn Replay) -> Result<Self, OpenError> {
        let files = read_only(&*disk, dir, replay)?;
        Ok(Self { reader: Reader::new(disk, dir.to_owned(), files, BACKUP_FILES_OPEN) })
    }

    /// As [`Log::read`].
    pub(crate) fn read(&self, body: BodyId, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.reader.body(body, range, &mut Ahead::default())
    }
}

fn restore_segment(
    disk: &dyn Disk,
    from: &dyn DiskFile,
    header: &Header,
    table: &Table,
    path: &Path,
) -> io::Result<()> {
    let temporary = path.with_extension(TEMPORARY);
    let file = disk.create(&temporary)?;
    let block = header.encode();
    file.write_at(&mut [IoSlice::new(&block), IoSlice::new(&block)], 0)?;
    copy(from, &*file, 2 * BLOCK_OCTETS..table.end)?;
    seal(&*file, header.seed(), table)?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new("")))
}

fn copy(from: &dyn DiskFile, to: &dyn DiskFile, range: Range<u64>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut at = range.start;
    while at < range.end {
        let wanted = (range.end - at).min(buffer.len() as u64) as usize;
        let count = read_full(from, &mut buffer[..wanted], at)?;
        if count < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(&mut [IoSlice::new(&buffer[..count])], at)?;
        at += count as u64;
    }
    Ok(())
}

/// Files of a backup that are open at once while it is read.
const BACKUP_FILES_OPEN: usize = 16;
