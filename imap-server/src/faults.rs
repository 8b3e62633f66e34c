//! [`FaultyDisk`]: the system's disk, on which now and then a read, a write or a sync fails. For `cargo xtask crash
//! --io-errors`, in the program `restante-faults` that is built with the feature `faults` alone.
//!
//! It is as bad as a disk may be: of a write that fails any part may be there, and what a failed sync should have saved
//! may be as it was before, which is what a later read finds once the page cache has let go of it.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imap_store::files::{Disk, DiskFile, RealDisk, Space, read_full};

/// Names the seed and how rare failures are: `SEED,ONE_IN`.
const VARIABLE: &str = "RESTANTE_FAULTS";

/// Fails where it is told to, once it is armed.
#[derive(Debug, Clone)]
pub(crate) struct FaultyDisk {
    fate: Arc<Fate>,
}

#[derive(Debug)]
struct Fate {
    is_armed: AtomicBool,
    one_in: u64,
    random: Mutex<u64>,
}

#[derive(Debug)]
struct FaultyFile {
    file: Arc<dyn DiskFile>,
    fate: Arc<Fate>,
    /// What stood where something was written since the last sync.
    replaced: Mutex<Vec<(u64, Vec<u8>)>>,
}

impl FaultyDisk {
    /// What the environment asks for; none where it does not. Nothing fails yet.
    pub(crate) fn wanted() -> Option<Self> {
        let text = std::env::var(VARIABLE).ok()?;
        let (seed, one_in) = text.split_once(',')?;
        let (seed, one_in) = (seed.parse().ok()?, one_in.parse().ok().filter(|one_in| *one_in > 0)?);
        tracing::warn!(seed, one_in, "the disk will fail on purpose");
        let fate = Fate { is_armed: AtomicBool::new(false), one_in, random: Mutex::new(seed) };
        Some(Self { fate: Arc::new(fate) })
    }

    /// From now on things fail.
    pub(crate) fn arm(&self) {
        self.fate.is_armed.store(true, Ordering::Release);
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { file, fate: self.fate.clone(), replaced: Mutex::default() })
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.fate.strike()?;
        RealDisk.create(path).map(|file| self.file(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.fate.strike()?;
        RealDisk.open(path).map(|file| self.file(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fate.strike()?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fate.strike()?;
        RealDisk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.fate.strike()?;
        RealDisk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.fate.strike()?;
        RealDisk.sync_dir(dir)
    }

    fn space(&self, dir: &Path) -> io::Result<Option<Space>> {
        RealDisk.space(dir)
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        RealDisk.random()
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.fate.strike()?;
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let octets: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut before = vec![0; octets];
        let there = read_full(&*self.file, &mut before, offset)?;
        // What was not there is zeros when it is lost.
        before[there..].fill(0);
        locked(&self.replaced).push((offset, before));
        let Err(struck) = self.fate.strike() else { return self.file.write_at(slices, offset) };
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.file.write_at(&mut [IoSlice::new(&all[..self.fate.below(octets + 1)])], offset)?;
        Err(struck)
    }

    fn set_len(&self, octets: u64) -> io::Result<()> {
        self.fate.strike()?;
        self.file.set_len(octets)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn sync(&self) -> io::Result<()> {
        let replaced = std::mem::take(&mut *locked(&self.replaced));
        let Err(struck) = self.fate.strike() else { return self.file.sync() };
        // From the last on: where two overlap, what stood there first is put back last.
        for (offset, before) in replaced.iter().rev().filter(|_| self.fate.below(2) == 0) {
            let len = self.file.len()?;
            let there = usize::try_from(len.saturating_sub(*offset)).unwrap_or(usize::MAX).min(before.len());
            self.file.write_at(&mut [IoSlice::new(&before[..there])], *offset)?;
        }
        Err(struck)
    }
}

impl Fate {
    /// Fails one time of so many.
    fn strike(&self) -> io::Result<()> {
        if self.is_armed.load(Ordering::Acquire) && self.next().is_multiple_of(self.one_in) {
            return Err(rustix::io::Errno::IO.into());
        }
        Ok(())
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// Steele, Lea and Flood's SplitMix64.
    fn next(&self) -> u64 {
        let mut state = locked(&self.random);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
