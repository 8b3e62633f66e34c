//! [`Ahead`]: the octets behind a record, for a reader who wants those too.

use std::io;
use std::ptr;
use std::sync::Arc;

use bytes::Bytes;

use super::record::{Kind, Stored, kind_of};
use super::segment::{read_record, zeroed};
use crate::files::{DiskFile, read_full};

/// What somebody who reads many bodies has of those that come next: bodies that lie one behind the other are read
/// together. The default reads nothing ahead.
#[derive(Debug, Default)]
pub struct Ahead {
    /// Octets that a read may bring.
    wanted: usize,
    /// The file that was read last.
    file: Option<Arc<dyn DiskFile>>,
    /// Behind the record that was read last.
    end: u64,
    /// Where `octets` begin in the file.
    start: u64,
    octets: Bytes,
}

/// Where a record lies, and what it lies in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) offset: u64,
    /// What follows begins here or later.
    pub(super) bound: u64,
    /// Nothing is written from here on.
    pub(super) end: u64,
}

/// Octets that are read together at the most; they stay in memory as long as the reader does.
const WANTED_MAX: usize = 64 << 10;
/// What may lie between two records that are read together: the change that names the first, and a group's head.
const GAP_OCTETS: u64 = 8 << 10;

impl Ahead {
    /// From now on a read may bring about that many octets at once, if it goes on where the one before ended.
    pub fn want(&mut self, octets: usize) {
        self.wanted = octets.min(WANTED_MAX);
    }

    /// Reads and checks a record. `None`: damaged.
    pub(super) fn record(
        &mut self,
        file: &Arc<dyn DiskFile>,
        seed: u32,
        place: Place,
    ) -> io::Result<Option<Stored>> {
        let Place { offset, bound, end } = place;
        let is_same = self.file.as_ref().is_some_and(|it| ptr::addr_eq(Arc::as_ptr(it), Arc::as_ptr(file)));
        let goes_on = is_same && (self.end..=self.end.saturating_add(GAP_OCTETS)).contains(&offset);
        if !is_same {
            self.file = Some(Arc::clone(file));
            self.octets.clear();
        }
        self.end = bound;
        if let Some(record) = self.held(offset, bound).and_then(|octets| Stored::decode(seed, octets)) {
            return Ok(Some(record));
        }
        if goes_on && offset + self.wanted as u64 > bound {
            self.read_on(&**file, offset, end)?;
            if let Some(record) = self.held(offset, bound).and_then(|octets| Stored::decode(seed, octets)) {
                return Ok(Some(record));
            }
        }
        read_record(&**file, seed, offset, bound)
    }

    /// Reads a record that is a body where that needs no waiting; whether it is here now. Whether it is whole,
    /// [`Self::record`] finds out.
    pub(super) fn record_now(&mut self, file: &Arc<dyn DiskFile>, place: Place) -> bool {
        let Place { offset, bound, .. } = place;
        let Ok(count) = usize::try_from(bound.saturating_sub(offset)) else { return false };
        if count > WANTED_MAX {
            return false;
        }
        let mut octets = zeroed(count);
        if file.read_now(&mut octets, offset) != Some(count) || kind_of(&octets) != Some(Kind::Body as u8) {
            return false;
        }
        self.file = Some(Arc::clone(file));
        (self.start, self.octets) = (offset, octets.into());
        true
    }

    /// Puts what lies at `offset` in the place of what was read ahead before, in the same memory.
    fn read_on(&mut self, file: &dyn DiskFile, offset: u64, end: u64) -> io::Result<()> {
        let count = end.saturating_sub(offset).min(self.wanted as u64);
        let mut octets = std::mem::take(&mut self.octets).try_into_mut().unwrap_or_default();
        octets.resize(usize::try_from(count).unwrap_or(WANTED_MAX), 0);
        let count = read_full(file, &mut octets, offset)?;
        octets.truncate(count);
        (self.start, self.octets) = (offset, octets.freeze());
        Ok(())
    }

    /// The octets of a record, if they are here.
    fn held(&self, offset: u64, bound: u64) -> Option<Bytes> {
        let at = |octet: u64| usize::try_from(octet.checked_sub(self.start)?).ok();
        let (from, to) = (at(offset)?, at(bound)?);
        (from < to && to <= self.octets.len()).then(|| self.octets.slice(from..to))
    }
}
