//! [`Plan`]: how long a soak takes, by how many, and how fast.

use std::time::Duration;

/// From `RESTANTE_SOAK`: `NAME=NUMBER` with blanks between them; what is not named stays as it is in CI.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seconds: u64,
    pub(super) sessions: usize,
    /// Fixes what each session would do next, not how they meet.
    pub(super) seed: u64,
    /// Of each session behind each step, in milliseconds: what leaves the machine to others.
    pub(super) pace: Duration,
    /// How long the server keeps expunged messages: where it is shorter than the soak, memory and disk can stand still.
    retention_seconds: u64,
}

impl Plan {
    pub(super) fn wanted() -> Self {
        let mut plan = Self {
            seconds: 20,
            sessions: 16,
            seed: 1988,
            pace: Duration::ZERO,
            retention_seconds: 30 * 24 * 60 * 60,
        };
        let text = std::env::var("RESTANTE_SOAK").unwrap_or_default();
        for word in text.split_whitespace() {
            let (name, number) = word.split_once('=').expect("NAME=NUMBER");
            let number: u64 = number.parse().expect("NAME=NUMBER");
            match name {
                "seconds" => plan.seconds = number,
                "sessions" => plan.sessions = usize::try_from(number).expect("some sessions"),
                "seed" => plan.seed = number,
                "pace" => plan.pace = Duration::from_millis(number),
                "retention" => plan.retention_seconds = number,
                _ => panic!("no part of a soak: {name}"),
            }
        }
        plan
    }

    /// Of the server: segments are small, so that what is written once more to give room back is part of the soak.
    pub(super) fn configuration(&self) -> String {
        format!("[store]\nundelete-seconds = {}\nsegment-octets = 16777216\n", self.retention_seconds)
    }

    /// Some thirty samples, or one a minute.
    pub(super) fn sample_every(&self) -> Duration {
        Duration::from_secs((self.seconds / 30).clamp(1, 60))
    }
}
