//! The disk as the log sees it: files read and written at offsets, renamed, synced.
//!
//! [`Disk`] is what the log asks for; [`RealDisk`] asks the system, `sim::SimDisk` is memory with faults.
//! Knows nothing of segments. Everything here blocks.

use std::fmt::Debug;
use std::fs;
use std::io::{self, IoSlice, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::OpenError;

/// A file system, as far as the log needs one.
pub trait Disk: Debug + Send + Sync {
    /// Makes an empty file for reading and writing; what stood under the name is gone.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file that is there for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames; what stood under the new name is replaced. Lasting after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Whoever holds it open may go on reading.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// What lies in a directory, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Makes a directory and those above it that are missing.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the names in a directory lasting.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Whether the disk itself has what reads show of a file in a range of octets, asked past the page cache, which
    /// goes on showing what a failed sync lost. Called behind a sync. False where nobody can tell.
    fn holds(&self, _path: &Path, _range: Range<u64>) -> io::Result<bool> {
        Ok(false)
    }
    /// How much room there is where a directory lies; `None` where nobody can tell.
    fn space(&self, _dir: &Path) -> io::Result<Option<Space>> {
        Ok(None)
    }
    /// Sixteen octets that nobody can guess.
    fn random(&self) -> io::Result<[u8; 16]>;
}

/// Room on a disk, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// For this user.
    pub free: u64,
    /// Of the whole file system.
    pub total: u64,
}

/// An open file. May be read by many threads; the log has one that writes.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads up to `buffer.len()` octets at `offset`; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// The same as far as nothing has to be waited for; `None` where the disk would have to be asked, or nobody can tell.
    fn read_now(&self, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }
    /// Writes all the slices, one behind the other, from `offset` on. After an error any part may be written.
    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Cuts or lengthens (with zeros) to `octets`.
    fn set_len(&self, octets: u64) -> io::Result<()>;
    /// Length in octets.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no octets.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Waits until what was written, and the length, are on the disk (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}

/// Reads until `buffer` is full or the file ends; returns how many octets there were.
pub fn read_full(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether an error says that there is no room (disk or quota full).
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The system's disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(fs::File);

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = fs::File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(fs::File::options().read(true).write(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(dir)?;
        // The new name stands in the directory above, which must not forget it.
        match dir.parent() {
            Some(above) if !above.as_os_str().is_empty() => self.sync_dir(above),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn holds(&self, path: &Path, range: Range<u64>) -> io::Result<bool> {
        // Not every file system can be asked.
        let Ok(direct) = open_direct(path) else { return Ok(false) };
        let cached = RealFile(fs::File::open(path)?);
        let mut buffer = vec![0; DIRECT_OCTETS + DIRECT_ALIGNMENT];
        let aligned = buffer.as_ptr().align_offset(DIRECT_ALIGNMENT);
        let on_disk = &mut buffer[aligned..aligned + DIRECT_OCTETS];
        let mut shown = vec![0; DIRECT_OCTETS];
        let mut at = range.start - range.start % DIRECT_ALIGNMENT as u64;
        while at < range.end {
            let Ok(count) = direct.read_at(on_disk, at) else { return Ok(false) };
            if count == 0
                || read_full(&cached, &mut shown[..count], at)? != count
                || on_disk[..count] != shown[..count]
            {
                return Ok(false);
            }
            at += count as u64;
        }
        Ok(true)
    }

    fn space(&self, dir: &Path) -> io::Result<Option<Space>> {
        let found = rustix::fs::statvfs(dir)?;
        let octets = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Some(Space { free: octets(found.f_bavail), total: octets(found.f_blocks) }))
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(octets)
    }
}

/// Opens a file for reading where its path is known without asking the disk; else, and where nobody can tell, `None`.
pub(crate) fn open_now(path: &Path) -> Option<fs::File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        // Whatever is wrong is told by the opening that may wait.
        openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(fs::File::from)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// [`DiskFile::read_now`].
pub(crate) fn read_now(file: &fs::File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::io::ReadWriteFlags::NOWAIT;
        // As above.
        rustix::io::preadv2(file, &mut [io::IoSliceMut::new(buffer)], offset, now).ok()
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Opens a file for reads that go past the page cache.
fn open_direct(path: &Path) -> io::Result<fs::File> {
    let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    fs::File::options().read(true).custom_flags(flags).open(path)
}

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        read_now(&self.0, buffer, offset)
    }

    fn write_at(&self, mut slices: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let count = slices.len().min(SLICES_A_CALL);
            match rustix::io::pwritev(&self.0, &slices[..count], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut slices, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn set_len(&self, octets: u64) -> io::Result<()> {
        self.0.set_len(octets)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A directory that is ours alone, until this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

/// Takes the lock of a store's directory (the file `lock` in it, with our process number for whoever looks).
///
/// The system gives the lock back when the process ends, however it ends, so a lock is never stale and the
/// file stays where it is. [`OpenError::InUse`] with the holder's text when another has it.
pub fn lock(dir: &Path) -> Result<Lock, OpenError> {
    use rustix::fs::{FlockOperation, flock};
    let path = dir.join("lock");
    let io_error = |error| OpenError::Io { file: path.clone(), error };
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(OpenError::InUse { dir: dir.to_owned(), holder });
        }
        Err(error) => return Err(io_error(error.into())),
    }
    file.set_len(0).map_err(io_error)?;
    file.rewind().map_err(io_error)?;
    writeln!(file, "{}", std::process::id()).map_err(io_error)?;
    Ok(Lock { _file: file })
}

/// How much is compared at once with what the page cache shows, and what such reads are aligned to.
const DIRECT_OCTETS: usize = 1 << 20;
const DIRECT_ALIGNMENT: usize = 4096;
/// What Linux takes in one vectored write (IOV_MAX).
const SLICES_A_CALL: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_lock_names_the_holder() {
        let dir = tempfile::tempdir().expect("a directory");
        let held = lock(dir.path()).expect("nobody has it");
        let Err(OpenError::InUse { holder, .. }) = lock(dir.path()) else {
            panic!("the lock was given twice");
        };
        assert_eq!(holder, format!("process {}", std::process::id()));
        drop(held);
        lock(dir.path()).expect("given back");
    }

    #[test]
    fn what_was_synced_is_held() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        let file = RealDisk.create(&path).expect("made");
        file.write_at(&mut [IoSlice::new(&vec![7; 3 << 20]), IoSlice::new(b"end")], 0).expect("written");
        file.sync().expect("synced");
        if open_direct(&path).is_err() {
            println!("skipped: this file system cannot be asked past the page cache");
            return;
        }
        let end = file.len().expect("a length");
        assert!(RealDisk.holds(&path, 5_000..end).expect("read"));
        assert!(!RealDisk.holds(&path, 0..end + 1).expect("read"), "there is no more");
    }

    #[test]
    fn vectored_write_longer_than_one_call_is_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = RealDisk.create(&dir.path().join("f")).expect("made");
        let octets: Vec<u8> = (0..5000_u32).map(|i| i as u8).collect();
        let mut slices: Vec<IoSlice<'_>> = octets.chunks(2).map(IoSlice::new).collect();
        file.write_at(&mut slices, 3).expect("written");
        let mut back = vec![1; 5003];
        assert_eq!(read_full(&*file, &mut back, 0).expect("read"), 5003);
        assert_eq!((&back[..3], &back[3..]), (&[0, 0, 0][..], &octets[..]));
    }
}
