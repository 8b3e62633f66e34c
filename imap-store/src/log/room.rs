//! Room on the disk, and what is kept back of it: who frees room is to have some when nobody else has any.
//!
//! ```text
//!   free octets   ────────────┬─────────────┬──────────────┐
//!                 mail comes  │ flags, moves│ expunge,     │ 0
//!                             │             │ compaction   │
//!                          reserve       half of it
//! ```
//!
//! As long as there is more than the reserve this costs nothing. Where making a segment would touch it the disk
//! counts as short, and is looked at again for each who asks, until there is more.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

use super::queue::FIRST_SEGMENT_OCTETS;
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
    is_short: AtomicBool,
    /// Octets of the segment that is being written that are not used yet.
    spare: AtomicU64,
    /// By how much its file will still grow.
    growth: AtomicU64,
    /// Who is told when it becomes short, and whenever somebody is refused.
    alarm: OnceLock<SyncSender<()>>,
}

impl Room {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf, segment_octets: u64) -> Self {
        Self {
            disk,
            dir,
            reserve_max: 2 * segment_octets,
            is_short: AtomicBool::new(false),
            spare: AtomicU64::new(0),
            growth: AtomicU64::new(0),
            alarm: OnceLock::new(),
        }
    }

    pub(super) fn set_alarm(&self, alarm: SyncSender<()>) {
        // There is one compactor.
        let _ = self.alarm.set(alarm);
    }

    pub(super) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Acquire)
    }

    /// So many octets can be written without another file, and by so many the present one will grow.
    pub(super) fn set_active(&self, spare: u64, growth: u64) {
        self.spare.store(spare, Ordering::Relaxed);
        self.growth.store(growth, Ordering::Relaxed);
    }

    /// The writer found none at all, whatever was told.
    pub(super) fn ran_out(&self) {
        if !self.is_short.swap(true, Ordering::AcqRel) {
            tracing::warn!("the disk is nearly full: who brings something in is refused until there is room");
        }
        self.ring();
    }

    /// How much is missing for everybody to go on; 0 when nothing is.
    pub(super) fn missing(&self) -> u64 {
        let Some(space) = self.space() else { return 0 };
        (self.floor(Claim::Grow, space) + FIRST_SEGMENT_OCTETS).saturating_sub(space.free)
    }

    /// Refuses who may not have what is left. Looks at the disk only while it is short.
    pub(super) fn admit(&self, claim: Claim) -> Result<(), StoreError> {
        if !self.is_short() || claim == Claim::Free {
            return Ok(());
        }
        let space = self.space();
        if space.is_none_or(|it| it.free >= self.floor(Claim::Grow, it) + FIRST_SEGMENT_OCTETS) {
            if self.is_short.swap(false, Ordering::AcqRel) {
                tracing::info!("the disk has room again");
            }
            return Ok(());
        }
        let spare = self.spare.load(Ordering::Relaxed);
        if claim == Claim::Change && space.is_none_or(|it| it.free + spare >= self.floor(claim, it)) {
            return Ok(());
        }
        self.ring();
        let reason = "the disk is nearly full, and the rest is for those who free room".to_owned();
        Err(StoreError::Unavailable { reason })
    }

    /// Whether a file of that size can be made without touching what is kept back. Once the disk is short, only those
    /// write who may have it.
    pub(super) fn is_enough_for(&self, octets: u64) -> bool {
        let taken = octets + self.growth.load(Ordering::Relaxed);
        self.is_short() || self.space().is_none_or(|it| it.free >= self.floor(Claim::Grow, it) + taken)
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
        self.disk.space(&self.dir).ok().flatten()
    }

    fn ring(&self) {
        if let Some(alarm) = self.alarm.get() {
            // A full channel means that it rings already.
            let _ = alarm.try_send(());
        }
    }
}

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
        assert!(room.is_enough_for(98 << 20), "two segments are kept back");
        room.set_active(0, 1 << 20);
        assert!(!room.is_enough_for(98 << 20) && room.is_enough_for(97 << 20));
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
