//! What compaction has to leave alone although no account's present state names it: the segments of bodies on
//! their way into an account, and the bodies of states that somebody still looks at.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{BodyId, Log};

/// A state that was shown: as long as somebody holds it, the bodies that it names can be read.
pub(crate) trait NamesBodies: Send + Sync {
    /// Hands over the address of each body; some may come more than once.
    fn each_body(&self, each: &mut dyn FnMut(BodyId));
}

/// All that is held.
#[derive(Default)]
pub(super) struct Pins {
    /// How many pins begin in each segment.
    segments: Mutex<BTreeMap<u64, usize>>,
    views: Mutex<Views>,
}

#[derive(Default)]
struct Views {
    shown: Vec<Weak<dyn NamesBodies>>,
    /// When it is longer, those that nobody holds any more go.
    prune_at: usize,
}

/// Holds a segment and all behind it.
#[derive(Debug)]
pub struct Pin {
    pins: Arc<Pins>,
    segment: u64,
}

impl Pins {
    pub(super) fn pin(self: &Arc<Self>, segment: u64) -> Arc<Pin> {
        *locked(&self.segments).entry(segment).or_insert(0) += 1;
        Arc::new(Pin { pins: Arc::clone(self), segment })
    }

    /// The first segment that is held.
    pub(super) fn first(&self) -> Option<u64> {
        locked(&self.segments).keys().next().copied()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut segments = locked(&self.pins.segments);
        if let Some(count) = segments.get_mut(&self.segment) {
            *count -= 1;
            if *count == 0 {
                segments.remove(&self.segment);
            }
        }
    }
}

impl Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pins").field("segments", &self.segments).finish_non_exhaustive()
    }
}

impl Log {
    /// A state is shown: compaction asks it for its bodies as long as somebody holds it.
    pub(crate) fn shown(&self, view: Weak<dyn NamesBodies>) {
        let mut views = locked(&self.shared().pins.views);
        if views.shown.len() >= views.prune_at {
            views.shown.retain(|view| view.strong_count() > 0);
            views.prune_at = (2 * views.shown.len()).max(VIEWS_MIN);
        }
        views.shown.push(view);
    }

    /// All states that somebody holds.
    pub(crate) fn views(&self) -> Vec<Arc<dyn NamesBodies>> {
        locked(&self.shared().pins.views).shown.iter().filter_map(Weak::upgrade).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const VIEWS_MIN: usize = 256;
