//! A disk in memory, with faults: a page cache that loses what was not synced, torn writes, failed writes
//! and syncs, no room, a power cut after so many operations. All chance comes from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{Disk, DiskFile};

/// The simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    inner: Arc<Mutex<Inner>>,
}

/// What goes wrong, and when. Counts are of operations from now on: 0 is the very next.
#[derive(Debug, Default, Clone, Copy)]
pub struct Faults {
    /// Octets that fit on the disk.
    pub room_octets: Option<u64>,
    /// The write that fails (once), after a part of it was written.
    pub fail_write: Option<u64>,
    /// The sync that fails (once). What it should have saved is never saved, although reads still show it.
    pub fail_sync: Option<u64>,
    /// The power goes before this write, sync, rename or removal; every later one fails.
    pub cut_power: Option<u64>,
}

/// How much was done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Writes.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
}

#[derive(Debug, Clone)]
struct Inner {
    nodes: Vec<Node>,
    /// What programs see.
    names: BTreeMap<PathBuf, usize>,
    /// What the disk has.
    kept_names: BTreeMap<PathBuf, usize>,
    /// What was done to names since the directory was synced.
    renamed: Vec<NameChange>,
    faults: Faults,
    counts: Counts,
    chance: Chance,
}

#[derive(Debug, Default, Clone)]
struct Node {
    /// What programs read.
    seen: Vec<u8>,
    /// What the disk has.
    kept: Vec<u8>,
    /// Sectors where they may differ.
    dirty: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: usize,
}

impl SimDisk {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        Self::with(Inner {
            nodes: Vec::new(),
            names: BTreeMap::new(),
            kept_names: BTreeMap::new(),
            renamed: Vec::new(),
            faults: Faults::default(),
            counts: Counts::default(),
            chance: Chance(seed),
        })
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// What was done since the disk was made.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The disk as the next process finds it when this one is killed now: all that was written is there.
    pub fn killed(&self) -> Self {
        let mut inner = self.lock().clone();
        inner.faults = Faults::default();
        Self::with(inner)
    }

    /// The disk after a power cut: of what was not synced any sectors may be there, and of the names that
    /// were not synced the first few.
    pub fn power_cut(&self, seed: u64) -> Self {
        let mut inner = self.lock().clone();
        let mut chance = Chance(seed);
        let kept = chance.below(inner.renamed.len() as u64 + 1) as usize;
        for change in inner.renamed.drain(..).take(kept) {
            change.apply(&mut inner.kept_names);
        }
        inner.names = inner.kept_names.clone();
        let named: BTreeSet<usize> = inner.names.values().copied().collect();
        for (index, node) in inner.nodes.iter_mut().enumerate() {
            if named.contains(&index) {
                node.cut(&mut chance);
            } else {
                *node = Node::default();
            }
        }
        (inner.faults, inner.chance) = (Faults::default(), chance);
        Self::with(inner)
    }

    /// Changes a file's octets behind everybody's back. Returns false when there is no such file.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut inner = self.lock();
        let Some(&node) = inner.names.get(path) else { return false };
        let node = &mut inner.nodes[node];
        change(&mut node.seen);
        node.kept = node.seen.clone();
        true
    }

    fn with(inner: Inner) -> Self {
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, node: usize) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), node })
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.lock();
        inner.step()?;
        let node = inner.nodes.len();
        inner.nodes.push(Node::default());
        inner.rename(NameChange::Set(path.to_owned(), node));
        Ok(self.file(node))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let node = self.lock().names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(node))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        let node = *inner.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        inner.rename(NameChange::Set(to.to_owned(), node));
        inner.rename(NameChange::Remove(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        if !inner.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.rename(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.lock().names.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        inner.renamed.clear();
        inner.kept_names = inner.names.clone();
        Ok(())
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut inner = self.lock();
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&inner.chance.next().to_le_bytes());
        octets[8..].copy_from_slice(&inner.chance.next().to_le_bytes());
        Ok(octets)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let inner = self.disk.lock();
        let seen = &inner.nodes[self.node].seen;
        let start = usize::try_from(offset).map_or(seen.len(), |offset| offset.min(seen.len()));
        let count = buffer.len().min(seen.len() - start);
        buffer[..count].copy_from_slice(&seen[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let octets = slices.iter().map(|slice| &**slice).collect::<Vec<&[u8]>>().concat();
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut inner = self.disk.lock();
        let failed = inner.step_write();
        let room = inner.room_behind(self.node);
        let wanted = octets.len();
        let limit = if failed.is_err() { inner.chance.below(wanted as u64 + 1) as usize } else { wanted };
        let count = limit.min(room.saturating_sub(offset));
        inner.nodes[self.node].write(&octets[..count], offset);
        failed?;
        if count < wanted { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_len(&self, octets: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        inner.step()?;
        let octets = usize::try_from(octets).map_err(|_| io::ErrorKind::FileTooLarge)?;
        inner.nodes[self.node].seen.resize(octets, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().nodes[self.node].seen.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.lock();
        inner.step()?;
        inner.counts.syncs += 1;
        let failed = count_down(&mut inner.faults.fail_sync);
        let node = &mut inner.nodes[self.node];
        if failed {
            // As Linux does: the pages count as clean from now on.
            node.dirty.clear();
            return Err(eio());
        }
        node.keep();
        Ok(())
    }
}

impl Inner {
    /// An operation that changes something: fails once the power is gone.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.faults.cut_power {
            None => Ok(()),
            Some(0) => Err(eio()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn step_write(&mut self) -> io::Result<()> {
        let powered = self.faults.cut_power != Some(0);
        self.counts.writes += 1;
        self.step()?;
        if powered && count_down(&mut self.faults.fail_write) { Err(eio()) } else { Ok(()) }
    }

    /// Up to where a file may be written.
    fn room_behind(&self, node: usize) -> usize {
        let Some(room) = self.faults.room_octets else { return usize::MAX };
        let named: BTreeSet<usize> = self.names.values().copied().collect();
        let used: usize =
            named.iter().filter(|&&other| other != node).map(|&other| self.nodes[other].seen.len()).sum();
        let room = usize::try_from(room).unwrap_or(usize::MAX).saturating_sub(used);
        room.max(self.nodes[node].seen.len())
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.renamed.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Remove(path) => drop(names.remove(path)),
        }
    }
}

impl Node {
    fn write(&mut self, octets: &[u8], offset: usize) {
        let end = offset + octets.len();
        if octets.is_empty() {
            return;
        }
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(octets);
        self.dirty.extend(offset / SECTOR_OCTETS..end.div_ceil(SECTOR_OCTETS));
    }

    /// What is dirty, and the length, get onto the disk; what a failed sync lost does not.
    fn keep(&mut self) {
        self.kept.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            self.keep_sector(sector);
        }
    }

    fn keep_sector(&mut self, sector: usize) {
        let start = (sector * SECTOR_OCTETS).min(self.seen.len());
        let end = (start + SECTOR_OCTETS).min(self.seen.len());
        if self.kept.len() < end {
            self.kept.resize(end, 0);
        }
        self.kept[start..end].copy_from_slice(&self.seen[start..end]);
    }

    fn cut(&mut self, chance: &mut Chance) {
        // All, none or some of the sectors: each is a cut of its own kind.
        let odds = chance.below(5);
        let dirty = std::mem::take(&mut self.dirty);
        for sector in dirty {
            if chance.below(4) < odds {
                self.keep_sector(sector);
            }
        }
        if self.kept.len() > self.seen.len() && chance.below(2) == 0 {
            self.kept.truncate(self.seen.len());
        }
        self.seen = self.kept.clone();
    }
}

/// SplitMix64: enough chance for a test, from one seed.
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Counts down; true when it is time.
fn count_down(fault: &mut Option<u64>) -> bool {
    match fault {
        Some(0) => {
            *fault = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

fn eio() -> io::Error {
    io::Error::other("simulated failure")
}

/// What a disk writes whole.
const SECTOR_OCTETS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &dyn DiskFile, octets: &[u8]) -> io::Result<()> {
        file.write_at(&mut [IoSlice::new(octets)], 0)
    }

    fn read(disk: &SimDisk) -> Option<Vec<u8>> {
        let file = disk.open(Path::new("d/f")).ok()?;
        let mut octets = vec![0; file.len().expect("a length") as usize];
        file.read_at(&mut octets, 0).expect("read");
        Some(octets)
    }

    #[test]
    fn power_cut_keeps_what_was_synced_and_any_part_of_the_rest() {
        let disk = SimDisk::new(1);
        let file = disk.create(Path::new("d/f")).expect("made");
        write(&*file, &[1; 2048]).expect("written");
        file.sync().expect("synced");
        disk.sync_dir(Path::new("d")).expect("synced");
        write(&*file, &[2; 2048]).expect("written");
        let mut kinds = BTreeSet::new();
        for seed in 0..50 {
            let octets = read(&disk.power_cut(seed)).expect("the name was synced");
            assert!(octets.chunks(512).all(|sector| sector == [1; 512] || sector == [2; 512]));
            kinds.insert(octets.iter().filter(|&&octet| octet == 2).count());
        }
        assert!(kinds.len() > 2, "{kinds:?}");
        assert_eq!(read(&disk.killed()), Some(vec![2; 2048]));
    }

    #[test]
    fn failed_sync_loses_what_reads_still_show() {
        let disk = SimDisk::new(1);
        let file = disk.create(Path::new("d/f")).expect("made");
        disk.sync_dir(Path::new("d")).expect("synced");
        write(&*file, &[1; 512]).expect("written");
        disk.set_faults(Faults { fail_sync: Some(0), ..Faults::default() });
        file.sync().expect_err("fails once");
        file.sync().expect("and says nothing the next time");
        assert_eq!(read(&disk), Some(vec![1; 512]));
        assert_eq!(read(&disk.power_cut(3)), Some(vec![0; 512]));
    }

    #[test]
    fn full_disk_takes_what_fits() {
        let disk = SimDisk::new(1);
        let file = disk.create(Path::new("d/f")).expect("made");
        disk.set_faults(Faults { room_octets: Some(700), ..Faults::default() });
        let error = write(&*file, &[1; 1000]).expect_err("too much");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.len().expect("a length"), 700);
    }
}
