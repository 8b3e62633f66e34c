//! [`Clock`]: where the store's times come from.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives the time for internal dates, save dates and UIDVALIDITY. The system's by default; tests fix it, so
/// that every run gives the same octets.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> i64 + Send + Sync>>);

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self(None)
    }

    /// Always the same: `seconds` since 1970-01-01 00:00:00 UTC.
    pub fn fixed(seconds: i64) -> Self {
        Self::new(move || seconds)
    }

    /// What `now` tells: seconds since 1970-01-01 00:00:00 UTC. It must not block.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Some(now) => now(),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_secs()).ok())
                .unwrap_or(0),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(given)" } else { "Clock(system)" })
    }
}
