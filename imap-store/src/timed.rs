//! [`CommitTimes`]: who wants to know how long commits take.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Told of every change how long it took from being decided to being published: on the disk, where the durability wants
/// that. Nobody by default.
#[derive(Clone, Default)]
pub struct CommitTimes(Option<Arc<dyn Fn(Duration) + Send + Sync>>);

impl CommitTimes {
    /// `told` is called on the log's answering thread: it must not block.
    pub fn new(told: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// Now, if somebody wants to know.
    pub(crate) fn begin(&self) -> Option<Instant> {
        self.0.as_ref().map(|_| Instant::now())
    }

    /// A change of then is published.
    pub(crate) fn end(&self, began: Option<Instant>) {
        if let (Some(told), Some(began)) = (&self.0, began) {
            told(began.elapsed());
        }
    }
}

impl fmt::Debug for CommitTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "CommitTimes(told)" } else { "CommitTimes(nobody)" })
    }
}
