//! A disk that asks before it writes or syncs.

use std::path::{Path, PathBuf};

use super::*;

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Write,
    Sync,
}

type Hook = Arc<dyn Fn(Call) -> io::Result<()> + Send + Sync>;

/// The simulated disk behind a hook, which may wait, or fail the call. Some of a write that it fails is written all the
/// same.
pub(super) struct HookedDisk {
    disk: SimDisk,
    hook: Hook,
}

struct HookedFile {
    file: Arc<dyn DiskFile>,
    hook: Hook,
}

impl HookedDisk {
    pub(super) fn new(
        disk: &SimDisk,
        hook: impl Fn(Call) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { disk: disk.clone(), hook: Arc::new(hook) })
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(HookedFile { file, hook: Arc::clone(&self.hook) })
    }
}

impl Debug for HookedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookedDisk")
    }
}

impl Debug for HookedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookedFile")
    }
}

impl Disk for HookedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.open(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn random(&self) -> io::Result<[u8; 16]> {
        self.disk.random()
    }
}

impl DiskFile for HookedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, slices: &mut [io::IoSlice<'_>], offset: u64) -> io::Result<()> {
        let may = (self.hook)(Call::Write);
        if may.is_err() {
            self.file.write_at(&mut slices[..1], offset)?;
        }
        may?;
        self.file.write_at(slices, offset)
    }
    fn set_len(&self, octets: u64) -> io::Result<()> {
        self.file.set_len(octets)
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn sync(&self) -> io::Result<()> {
        (self.hook)(Call::Sync)?;
        self.file.sync()
    }
}
