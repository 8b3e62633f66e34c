//! A disk in memory, for stores that live as long as their process. It never fails and loses nothing until
//! it is dropped.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{Disk, DiskFile};

/// Files by path.
#[derive(Debug, Default)]
pub(crate) struct MemoryDisk {
    files: Mutex<BTreeMap<PathBuf, Arc<MemoryFile>>>,
}

#[derive(Debug, Default)]
struct MemoryFile(Mutex<Contents>);

/// Blocks that hold only zeros are not there: segments are zeroed far ahead.
#[derive(Debug, Default)]
struct Contents {
    len: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

const BLOCK_OCTETS: u64 = 64 << 10;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = Arc::new(MemoryFile::default());
        locked(&self.files).insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = locked(&self.files).get(path).cloned();
        file.map(|file| file as Arc<dyn DiskFile>).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = locked(&self.files);
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        locked(&self.files).remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let files = locked(&self.files);
        Ok(files.keys().filter(|path| path.parent() == Some(dir)).cloned().collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(octets)
    }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let contents = locked(&self.0);
        let wanted = contents.len.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let mut done = 0;
        while done < wanted {
            let (block, at) = place(offset + done as u64);
            let count = (wanted - done).min(BLOCK_OCTETS as usize - at);
            let out = &mut buffer[done..done + count];
            match contents.blocks.get(&block) {
                Some(octets) => out.copy_from_slice(&octets[at..at + count]),
                None => out.fill(0),
            }
            done += count;
        }
        Ok(wanted)
    }

    fn read_now(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        self.read_at(buffer, offset).ok()
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut contents = locked(&self.0);
        for slice in slices {
            contents.write(slice, offset);
            offset += slice.len() as u64;
        }
        Ok(())
    }

    fn set_len(&self, octets: u64) -> io::Result<()> {
        let mut contents = locked(&self.0);
        if octets < contents.len {
            let (block, at) = place(octets);
            contents.blocks.split_off(&(block + 1));
            if let Some(last) = contents.blocks.get_mut(&block) {
                last[at..].fill(0);
            }
        }
        contents.len = octets;
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(locked(&self.0).len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Contents {
    fn write(&mut self, mut octets: &[u8], mut offset: u64) {
        self.len = self.len.max(offset + octets.len() as u64);
        while !octets.is_empty() {
            let (block, at) = place(offset);
            let count = octets.len().min(BLOCK_OCTETS as usize - at);
            let (now, rest) = octets.split_at(count);
            if self.blocks.contains_key(&block) || now.iter().any(|&octet| octet != 0) {
                let empty = || vec![0; BLOCK_OCTETS as usize].into_boxed_slice();
                self.blocks.entry(block).or_insert_with(empty)[at..at + count].copy_from_slice(now);
            }
            octets = rest;
            offset += count as u64;
        }
    }
}

fn place(offset: u64) -> (u64, usize) {
    (offset / BLOCK_OCTETS, (offset % BLOCK_OCTETS) as usize)
}
