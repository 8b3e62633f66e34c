//! Room on the disk, and what is kept back of it: who frees room is to have some when nobody else has any.
//!
//! ```text
//!   free octets   ────────────┬─────────────┬──────────────┐
//!                 mail comes  │ flags, moves│ expunge,     │ 0
//!                             │             │ compaction   │
//!                          reserve       half of it
//! ```
//!
//! As long as there is plenty this costs nothing. Once a segment that is made ahead would touch the reserve the disk
//! is looked at for each who brings something in, and room is made before anybody is refused. Once one that has to be
//! made would, the disk counts as short.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::queue::FIRST_SEGMENT_OCTETS;
use super::relief::{Relief, WAIT_MAX};
use crate::StoreError;
use crate::files::{Disk, Space};

/// What somebody wants of a disk that is nearly full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// To bring something in: nothing of the reserve.
    Grow,
    /// To change what is there, by a little: the first half.
    Change,
    /// To take something away: all of it.
    Free,
}

#[derive(Debug)]
pub(super) struct Room {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Two segments.
    reserve_max: u64,
    /// There is not plenty, or nobody has looked yet: it is looked at for each who brings something in.
    is_low: AtomicBool,
    /// Not everybody may write.
    is_short: AtomicBool,
    /// Octets of the segment that is being written that are not used yet.
    spare: AtomicU64,
    /// By how much its file will still grow.
    growth: AtomicU64,
    /// What compaction has taken for a while: of what is kept back, and so of nobody else's.
    lent: AtomicU64,
    pub(super) relief: Arc<Relief>,
}

impl Room {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf, segment_octets: u64) -> Self {
        Self {
            disk,
            dir,
            reserve_max: 2 * segment_octets,
            // Else more would come in after a restart than before it, up to the next segment.
            is_low: AtomicBool::new(true),
            is_short: AtomicBool::new(false),
            spare: AtomicU64::new(0),
            growth: AtomicU64::new(0),
            lent: AtomicU64::new(0),
            relief: Arc::new(Relief::new()),
        }
    }

    pub(super) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Acquire)
    }

    /// So many octets can be written without another file, and by so many the present one will grow.
    pub(super) fn set_active(&self, spare: u64, growth: u64) {
        self.spare.store(spare, Ordering::Relaxed);
        self.growth.store(growth, Ordering::Relaxed);
    }

    /// Compaction takes so much more, until it has given back what it does it for.
    pub(super) fn lend(&self, octets: u64) {
        self.lent.fetch_add(octets, Ordering::Relaxed);
    }

    /// Compaction has removed one of its two files.
    pub(super) fn give_back(&self) {
        self.lent.store(0, Ordering::Relaxed);
    }

    /// The writer found none at all, whatever was told.
    pub(super) fn ran_out(&self) {
        self.is_low.store(true, Ordering::Release);
        if !self.is_short.swap(true, Ordering::AcqRel) {
            tracing::warn!("the disk is nearly full: who brings something in is refused until there is room");
        }
        self.relief.ring();
    }

    /// How much is missing until there is plenty; 0 when nothing is.
    pub(super) fn missing(&self) -> u64 {
        self.space().map_or(0, |space| self.plenty(space).saturating_sub(space.free))
    }

    /// Refuses who may not have what is left. Looks at the disk only while there is not plenty.
    pub(super) fn admit(&self, claim: Claim) -> Result<(), StoreError> {
        if claim == Claim::Free {
            self.relief.hope();
            return Ok(());
        }
        if !self.is_low.load(Ordering::Acquire) {
            return Ok(());
        }
        let Some(space) = self.space() else { return Ok(()) };
        if space.free >= self.plenty(space) {
            self.has_plenty();
        }
        let for_all = self.floor(Claim::Grow, space) + GROWTH_OCTETS;
        if space.free >= for_all && self.is_short.swap(false, Ordering::AcqRel) {
            tracing::info!("the disk has room again");
        }
        let spare = self.spare.load(Ordering::Relaxed);
        let is_enough = match (claim, self.is_short()) {
            (Claim::Grow, is_short) => !is_short && space.free + spare >= for_all,
            (_, is_short) => !is_short || space.free + spare >= self.floor(claim, space),
        };
        if is_enough {
            return Ok(());
        }
        self.relief.ring();
        let reason = "the disk is nearly full, and the rest is for those who free room".to_owned();
        Err(StoreError::Unavailable { reason })
    }

    /// The same; who brings something in waits a while for room that is being made.
    pub(super) async fn admit_in_time(&self, claim: Claim) -> Result<(), StoreError> {
        match self.admit(claim) {
            Err(_) if claim == Claim::Grow => {
                self.relief.retry(Instant::now() + WAIT_MAX, || self.admit(claim)).await
            }
            answer => answer,
        }
    }

    /// Whether a file of that size can be made without touching what is kept back.
    pub(super) fn is_enough_for(&self, octets: u64) -> bool {
        self.space().is_none_or(|it| it.free >= self.floor(Claim::Grow, it) + octets)
    }

    /// The same, ahead of its time: once the present segment has grown. If not, room is made.
    pub(super) fn is_enough_ahead(&self, octets: u64) -> bool {
        let is_enough = self.is_enough_for(octets + self.growth.load(Ordering::Relaxed));
        if !is_enough {
            self.is_low.store(true, Ordering::Release);
            self.relief.ring_in_hope();
        }
        is_enough
    }

    fn has_plenty(&self) {
        self.is_low.store(false, Ordering::Release);
        self.is_short.store(false, Ordering::Release);
    }

    /// So much free room is nothing to think of: twice what is kept back.
    fn plenty(&self, space: Space) -> u64 {
        2 * self.floor(Claim::Grow, space) + GROWTH_OCTETS
    }

    /// How much has to stay free. Small disks keep back a tenth.
    fn floor(&self, claim: Claim, space: Space) -> u64 {
        let reserve = self.reserve_max.min(space.total / 10);
        match claim {
            Claim::Grow => reserve,
            Claim::Change => reserve / 2,
            Claim::Free => 0,
        }
    }

    /// Where nobody can tell there is enough until a write says otherwise.
    fn space(&self) -> Option<Space> {
        let space = self.disk.space(&self.dir).ok().flatten()?;
        Some(Space { free: space.free + self.lent.load(Ordering::Relaxed), ..space })
    }
}

/// What somebody who brings something in has to find: another segment, and by what the present one grows over its end.
const GROWTH_OCTETS: u64 = FIRST_SEGMENT_OCTETS * 3 / 2;

/// How large segments are, where so much is asked for. On a small disk they are smaller, so that what is kept back has
/// room for one that is being written anew besides the one that is being filled.
pub(super) fn segment_octets(disk: &dyn Disk, dir: &Path, octets: u64) -> u64 {
    let total = disk.space(dir).ok().flatten().map_or(u64::MAX, |space| space.total);
    octets.min(total / 20).clamp(SEGMENT_OCTETS_MIN, SEGMENT_OCTETS_MAX)
}

/// The smallest segment.
const SEGMENT_OCTETS_MIN: u64 = 1 << 20;
/// The largest segment: offsets in it have 32 bits, and its size is soft.
const SEGMENT_OCTETS_MAX: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Faults, SimDisk};

    #[test]
    fn what_the_present_segment_will_grow_by_is_taken() {
        let disk = SimDisk::new(1);
        disk.set_room(Some(100 << 20));
        let room = Room::new(Arc::new(disk), PathBuf::from("log"), 1 << 20);
        assert!(room.is_enough_ahead(98 << 20), "two segments are kept back");
        room.set_active(0, 1 << 20);
        assert!(!room.is_enough_ahead(98 << 20) && room.is_enough_ahead(97 << 20));
    }

    #[test]
    fn segments_are_small_on_a_small_disk() {
        let disk = SimDisk::new(1);
        let size = |room_octets, asked| {
            disk.set_faults(Faults { room_octets, ..Faults::default() });
            segment_octets(&disk, Path::new("log"), asked)
        };
        assert_eq!(size(Some(1 << 30), 256 << 20), (1 << 30) / 20);
        assert_eq!(size(Some(100 << 30), 256 << 20), 256 << 20);
        assert_eq!(size(Some(1 << 20), 256 << 20), 1 << 20);
        assert_eq!(size(None, 8 << 30), 1 << 30);
    }
}
