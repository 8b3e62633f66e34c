//! Opening again by itself, behind a write or a sync that failed for want of room: the segment is saved up to what was
//! published, as it would be when the log is opened, and the next one is begun.
//!
//! What failed is not in it. Whoever waited for it was told that the outcome is unknown; now it never came to pass.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::reader::Segment;
use super::recovery::copy;
use super::segment::{Name, TEMPORARY, Table, bound_of, read_record, seal};
use crate::files::{Disk, DiskFile};

/// Copies a segment up to the end of its table into a new file, seals it, and puts it in the old one's place. `None`
/// when a record cannot be read: the page cache has lost what the disk did not take.
pub(super) fn save(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    segment: &Segment,
) -> io::Result<Option<Segment>> {
    let path = Name::first(number).path(dir);
    let new = path.with_extension(TEMPORARY);
    let saved = write(disk, &new, segment).and_then(|file| match file {
        Some(file) => {
            disk.rename(&new, &path)?;
            disk.sync_dir(dir)?;
            Ok(Some(Segment { file, seed: segment.seed, table: segment.table.clone() }))
        }
        None => Ok(None),
    });
    if !matches!(saved, Ok(Some(_))) {
        // It takes room, and is removed when the log is opened in any case.
        let _ = disk.remove(&new);
    }
    saved
}

fn write(disk: &dyn Disk, path: &Path, segment: &Segment) -> io::Result<Option<Arc<dyn DiskFile>>> {
    let Segment { file: old, seed, table } = segment;
    let file = disk.create(path)?;
    copy(&**old, &*file, 0..table.end, 0)?;
    for (index, entry) in table.entries.iter().enumerate().filter(|(_, entry)| entry.is_there()) {
        let bound = bound_of(&table.entries, index, table.end);
        if read_record(&*file, *seed, entry.offset.into(), bound)?.is_none() {
            return Ok(None);
        }
    }
    seal(&*file, *seed, table)?;
    Ok(Some(file))
}

/// A table without what was not published.
pub(super) fn cut(mut table: Table, to: Sound) -> Table {
    table.entries.truncate(to.records as usize);
    Table { end: to.end, last_group: to.last_group, closed: false, ..table }
}

/// Up to where a segment holds what was published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sound {
    pub(super) end: u64,
    pub(super) records: u32,
    pub(super) last_group: u64,
}
