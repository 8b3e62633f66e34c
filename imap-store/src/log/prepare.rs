//! The preparer: a thread that makes the next segment file while the present one is being filled.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::queue::FIRST_SEGMENT_OCTETS;
use super::room::Room;
use super::segment::Prepared;
use crate::files::{Disk, is_full};

/// The size of a segment where there is hardly any room left.
const LAST_SEGMENT_OCTETS: u64 = 64 << 10;

/// Makes segment files ahead.
#[derive(Debug)]
pub(super) struct Preparer {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    store: [u8; 16],
    lazy: bool,
    space: Arc<Room>,
    step: Mutex<Step>,
    changed: Condvar,
}

#[derive(Debug)]
enum Step {
    Idle,
    Asked { segment: u64, octets: u64, zeroed: bool },
    Working,
    Ready(Prepared),
    Stopped,
}

impl Preparer {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        store: [u8; 16],
        lazy: bool,
        space: Arc<Room>,
    ) -> Self {
        Self { disk, dir, store, lazy, space, step: Mutex::new(Step::Idle), changed: Condvar::new() }
    }

    /// The thread's work, until [`Preparer::stop`].
    pub(super) fn run(&self) {
        let mut step = self.lock();
        loop {
            match *step {
                Step::Stopped => return,
                Step::Asked { segment, octets, zeroed } => {
                    *step = Step::Working;
                    drop(step);
                    let made = match self.space.is_enough_ahead(octets) {
                        true => self.make(segment, octets, zeroed),
                        false => Err(io::ErrorKind::StorageFull.into()),
                    };
                    step = self.lock();
                    match made {
                        Ok(prepared) if matches!(*step, Step::Stopped) => prepared.discard(&*self.disk),
                        Ok(prepared) => *step = Step::Ready(prepared),
                        Err(_) if matches!(*step, Step::Stopped) => {}
                        // The writer finds it again, and reports it, when it has to have the file.
                        Err(_) => *step = Step::Idle,
                    }
                    self.changed.notify_all();
                }
                _ => step = self.changed.wait(step).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Asks for a segment, unless one is asked for already: with zeros, or one that is to grow. Never waits for the disk.
    pub(super) fn ask(&self, segment: u64, octets: u64, zeroed: bool) {
        let mut step = self.lock();
        if matches!(*step, Step::Idle) {
            *step = Step::Asked { segment, octets, zeroed };
            self.changed.notify_all();
        }
    }

    /// Takes the segment that was asked for; waits for it, or makes a small one here when there is none.
    pub(super) fn take(&self, segment: u64) -> io::Result<Prepared> {
        let mut step = self.lock();
        while matches!(*step, Step::Asked { .. } | Step::Working) {
            step = self.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
        }
        if let Step::Ready(_) = *step
            && let Step::Ready(prepared) = std::mem::replace(&mut *step, Step::Idle)
            && prepared.header.segment == segment
        {
            return Ok(prepared);
        }
        drop(step);
        // What is left of a disk that is short is for those who free room, and they need little.
        let is_for_all = !self.space.is_short();
        if is_for_all && !self.space.is_enough_for(FIRST_SEGMENT_OCTETS) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match self.make(segment, FIRST_SEGMENT_OCTETS, true) {
            Err(error) if is_full(&error) && !is_for_all => self.make(segment, LAST_SEGMENT_OCTETS, true),
            made => made,
        }
    }

    /// Ends the thread once nobody will [`Preparer::take`] any more. What is ready goes.
    pub(super) fn stop(&self) {
        let step = std::mem::replace(&mut *self.lock(), Step::Stopped);
        self.changed.notify_all();
        if let Step::Ready(prepared) = step {
            prepared.discard(&*self.disk);
        }
    }

    fn make(&self, segment: u64, octets: u64, zeroed: bool) -> io::Result<Prepared> {
        let zeros = if zeroed { octets } else { 0 };
        Prepared::make(&*self.disk, &self.dir, self.store, segment, zeros, self.lazy)
    }

    fn lock(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
