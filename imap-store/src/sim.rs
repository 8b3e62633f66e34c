//! A disk in memory, with faults: a page cache that loses what was not synced, torn writes, failed reads, writes
//! and syncs, no room, bit rot, a power cut after so many operations. All chance comes from one seed.
//!
//! Copies share what they have in common, so that a crash costs little.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{Disk, DiskFile, Space};

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
    /// The read that fails (once).
    pub fail_read: Option<u64>,
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
    seen: Octets,
    /// What the disk has.
    kept: Octets,
    /// Sectors where they may differ: for each block a bit for each of them.
    dirty: BTreeMap<usize, u8>,
}

/// A file's octets, in blocks that copies share. A block that is not there is zeros.
#[derive(Debug, Default, Clone)]
struct Octets {
    len: usize,
    blocks: Vec<Option<Arc<[u8; BLOCK_OCTETS]>>>,
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

    /// Sets how many octets fit from now on, and leaves the other faults as they are.
    pub fn set_room(&self, octets: Option<u64>) {
        self.lock().faults.room_octets = octets;
    }

    /// Sets which read fails from now on, and leaves the other faults as they are; returns which would have.
    pub fn replace_fail_read(&self, at: Option<u64>) -> Option<u64> {
        std::mem::replace(&mut self.lock().faults.fail_read, at)
    }

    /// Whether there is a bound to what fits.
    pub fn has_bound(&self) -> bool {
        self.lock().faults.room_octets.is_some()
    }

    /// Octets of all files.
    pub fn octets_used(&self) -> u64 {
        self.lock().octets_but(None) as u64
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
        let mut octets = vec![0; node.seen.len];
        node.seen.read(&mut octets, 0);
        change(&mut octets);
        node.seen = Octets::default();
        node.seen.resize(octets.len());
        node.seen.write(&octets, 0);
        node.kept = node.seen.clone();
        true
    }

    /// Turns one bit of a file over, which was read as something else before and after: rot. Returns false when
    /// there is no such file or it is shorter.
    pub fn rot(&self, path: &Path, octet: u64, bit: u8) -> bool {
        let mut is_there = false;
        self.damage(path, |octets| {
            if let Some(octet) = usize::try_from(octet).ok().and_then(|at| octets.get_mut(at)) {
                *octet ^= 1 << (bit % 8);
                is_there = true;
            }
        });
        is_there
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

    fn holds(&self, path: &Path, range: Range<u64>) -> io::Result<bool> {
        let inner = self.lock();
        let node = inner.names.get(path).map(|&node| &inner.nodes[node]).ok_or(io::ErrorKind::NotFound)?;
        let bound = |at: u64| usize::try_from(at).map_err(|_| io::ErrorKind::FileTooLarge);
        let (start, end) = (bound(range.start)?, bound(range.end)?);
        if end > node.seen.len || end > node.kept.len {
            return Ok(false);
        }
        let [seen, kept] = [&node.seen, &node.kept].map(|octets| {
            let mut buffer = vec![0; end.saturating_sub(start)];
            octets.read(&mut buffer, start);
            buffer
        });
        Ok(seen == kept)
    }

    fn space(&self, _dir: &Path) -> io::Result<Option<Space>> {
        let inner = self.lock();
        let Some(total) = inner.faults.room_octets else { return Ok(None) };
        Ok(Some(Space { free: total.saturating_sub(inner.octets_but(None) as u64), total }))
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
        let mut inner = self.disk.lock();
        if count_down(&mut inner.faults.fail_read) {
            return Err(eio());
        }
        let seen = &inner.nodes[self.node].seen;
        let start = usize::try_from(offset).map_or(seen.len, |offset| offset.min(seen.len));
        let count = buffer.len().min(seen.len - start);
        seen.read(&mut buffer[..count], start);
        Ok(count)
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut inner = self.disk.lock();
        let failed = inner.step_write();
        let room = inner.room_behind(self.node);
        let wanted = slices.iter().map(|slice| slice.len()).sum();
        let limit = if failed.is_err() { inner.chance.below(wanted as u64 + 1) as usize } else { wanted };
        let count = limit.min(room.saturating_sub(offset));
        let mut at = offset;
        for slice in slices.iter() {
            let some = slice.len().min(offset + count - at);
            inner.nodes[self.node].write(&slice[..some], at);
            at += some;
        }
        failed?;
        if count < wanted { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_len(&self, octets: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        inner.step()?;
        let octets = usize::try_from(octets).map_err(|_| io::ErrorKind::FileTooLarge)?;
        inner.nodes[self.node].seen.resize(octets);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().nodes[self.node].seen.len as u64)
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
        let room = usize::try_from(room).unwrap_or(usize::MAX).saturating_sub(self.octets_but(Some(node)));
        room.max(self.nodes[node].seen.len)
    }

    /// Octets of all files but one.
    fn octets_but(&self, node: Option<usize>) -> usize {
        let named: BTreeSet<usize> = self.names.values().copied().collect();
        named.iter().filter(|&&other| Some(other) != node).map(|&other| self.nodes[other].seen.len).sum()
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

impl Octets {
    fn read(&self, buffer: &mut [u8], offset: usize) {
        let end = offset + buffer.len();
        for (block, from, to) in blocks(offset, end) {
            let at = block * BLOCK_OCTETS + from - offset;
            let out = &mut buffer[at..at + to - from];
            match self.blocks.get(block) {
                Some(Some(octets)) => out.copy_from_slice(&octets[from..to]),
                _ => out.fill(0),
            }
        }
    }

    /// Within the length.
    fn write(&mut self, octets: &[u8], offset: usize) {
        for (block, from, to) in blocks(offset, offset + octets.len()) {
            let at = block * BLOCK_OCTETS + from - offset;
            let some = &octets[at..at + to - from];
            match &mut self.blocks[block] {
                Some(block) => Arc::make_mut(block)[from..to].copy_from_slice(some),
                None if some.iter().all(|&octet| octet == 0) => {}
                empty => {
                    let mut new = [0; BLOCK_OCTETS];
                    new[from..to].copy_from_slice(some);
                    *empty = Some(Arc::new(new));
                }
            }
        }
    }

    fn resize(&mut self, len: usize) {
        let old = self.len;
        self.len = len;
        self.blocks.resize(len.div_ceil(BLOCK_OCTETS), None);
        if len < old
            && let Some(Some(last)) = self.blocks.get_mut(len / BLOCK_OCTETS)
        {
            Arc::make_mut(last)[len % BLOCK_OCTETS..].fill(0);
        }
    }
}

/// The blocks that a range touches: the number of each, and from where to where in it.
fn blocks(start: usize, end: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (start / BLOCK_OCTETS..end.div_ceil(BLOCK_OCTETS)).filter(move |_| start < end).map(move |block| {
        let base = block * BLOCK_OCTETS;
        (block, start.saturating_sub(base), (end - base).min(BLOCK_OCTETS))
    })
}

impl Node {
    fn write(&mut self, octets: &[u8], offset: usize) {
        let end = offset + octets.len();
        if octets.is_empty() {
            return;
        }
        if self.seen.len < end {
            self.seen.resize(end);
        }
        self.seen.write(octets, offset);
        for (block, from, to) in blocks(offset, end) {
            let sectors = from / SECTOR_OCTETS..to.div_ceil(SECTOR_OCTETS);
            *self.dirty.entry(block).or_insert(0) |= sectors.fold(0, |bits, sector| bits | 1 << sector);
        }
    }

    /// What is dirty, and the length, get onto the disk; what a failed sync lost does not.
    fn keep(&mut self) {
        self.kept.resize(self.seen.len);
        for (block, sectors) in std::mem::take(&mut self.dirty) {
            if sectors == u8::MAX && block < self.seen.blocks.len() {
                self.kept.blocks[block] = self.seen.blocks[block].clone();
            } else {
                self.keep_sectors(block, |sector| sectors & 1 << sector != 0);
            }
        }
    }

    fn keep_sectors(&mut self, block: usize, mut is_kept: impl FnMut(usize) -> bool) {
        for sector in (0..BLOCK_OCTETS / SECTOR_OCTETS).filter(|&sector| is_kept(sector)) {
            let start = (block * BLOCK_OCTETS + sector * SECTOR_OCTETS).min(self.seen.len);
            let end = (start + SECTOR_OCTETS).min(self.seen.len);
            if self.kept.len < end {
                self.kept.resize(end);
            }
            let mut octets = [0; SECTOR_OCTETS];
            self.seen.read(&mut octets[..end - start], start);
            self.kept.write(&octets[..end - start], start);
        }
    }

    fn cut(&mut self, chance: &mut Chance) {
        // All, none or some of the sectors: each is a cut of its own kind.
        let odds = chance.below(5);
        for (block, sectors) in std::mem::take(&mut self.dirty) {
            self.keep_sectors(block, |sector| sectors & 1 << sector != 0 && chance.below(4) < odds);
        }
        if self.kept.len > self.seen.len && chance.below(2) == 0 {
            self.kept.resize(self.seen.len);
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
/// What is shared or not: eight sectors.
const BLOCK_OCTETS: usize = 4096;

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
    fn octets_are_those_of_a_plain_vector() {
        let disk = SimDisk::new(1);
        let file = disk.create(Path::new("d/f")).expect("made");
        disk.sync_dir(Path::new("d")).expect("synced");
        let (mut chance, mut model) = (Chance(7), Vec::new());
        for step in 0..300 {
            let (at, count) = (chance.below(20_000) as usize, chance.below(9_000) as usize);
            match chance.below(5) {
                0 => {
                    file.set_len(at as u64).expect("set");
                    model.resize(at, 0);
                }
                1 => file.sync().expect("synced"),
                _ => {
                    let octets = vec![(step % 4) as u8; count];
                    let (one, other) = octets.split_at(count / 3);
                    file.write_at(&mut [IoSlice::new(one), IoSlice::new(other)], at as u64).expect("written");
                    if count > 0 && model.len() < at + count {
                        model.resize(at + count, 0);
                    }
                    model[at..at + count].copy_from_slice(&octets);
                }
            }
            assert_eq!(read(&disk).as_ref(), Some(&model));
        }
        file.sync().expect("synced");
        assert_eq!(read(&disk.power_cut(1)), Some(model));
    }

    #[test]
    fn a_read_fails_once_and_rot_turns_one_bit() {
        let disk = SimDisk::new(1);
        let file = disk.create(Path::new("d/f")).expect("made");
        write(&*file, &[1; 9_000]).expect("written");
        disk.set_faults(Faults { fail_read: Some(1), ..Faults::default() });
        let mut octets = [0; 3];
        let reads = [(); 3].map(|()| file.read_at(&mut octets, 0).is_ok());
        assert_eq!(reads, [true, false, true]);
        assert!(disk.rot(Path::new("d/f"), 8_999, 1) && !disk.rot(Path::new("d/f"), 9_000, 1));
        assert_eq!(read(&disk).expect("there")[8_997..], [1, 1, 3]);
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
