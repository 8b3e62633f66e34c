//! Settings of a store, and what opening one tells.

use std::path::Path;

use crate::CommitTimes;
use crate::clock::Clock;
use crate::log::LogOptions;

/// Octets that may wait for the log's writer.
const QUEUE_OCTETS_MAX: usize = 16 << 20;

/// When OK means on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Always.
    Sync,
    /// At most that many milliseconds later: imports, demos.
    Interval(u32),
    /// When the system likes: tests.
    None,
}

/// Settings of a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Octets of a segment file.
    pub segment_octets: u64,
    /// When OK means on disk.
    pub durability: Durability,
    /// From how many octets on what waits for the log is written while the disk still syncs what came before.
    pub ahead_octets: usize,
    /// Octets of the largest message.
    pub message_octets_max: u64,
    /// How long an expunged message can be had back, in seconds. 0: it cannot.
    pub undelete_seconds: u32,
    /// Octets of the messages that an account keeps for that; the oldest go first.
    pub undelete_octets_max: u64,
    /// About how many octets the states of all loaded accounts may take. Above it those that nobody uses are
    /// dropped, from the one that was not used for longest on, and read again when they are asked for. What
    /// is in use is never dropped, so that it can be more.
    pub state_octets_max: u64,
    /// Annotations that a mailbox has of one user, and of `/shared`.
    pub metadata_entries_max: u32,
    /// Octets of one annotation.
    pub metadata_value_octets_max: u32,
    /// Octets of all annotations of an account.
    pub metadata_octets_max: u64,
    /// Sealed segments of the log that are kept open for reading, at least 1.
    pub open_segments_max: usize,
    /// Octets that sled may cache.
    pub cache_octets: u64,
    /// Whether compaction runs in the background when it is due.
    pub compacts_by_itself: bool,
    /// Where times come from.
    pub clock: Clock,
    /// Who is told how long commits take.
    pub commit_times: CommitTimes,
}

/// What opening found, for the operator's log.
#[derive(Debug, Default, Clone)]
pub struct OpenReport {
    /// Changes replayed from the log.
    pub changes_replayed: u64,
    /// One line each: what was repaired, cut or found damaged.
    pub findings: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_octets: 256 << 20,
            ahead_octets: 128 << 10,
            durability: Durability::Sync,
            message_octets_max: 128 << 20,
            undelete_seconds: 30 * 24 * 3600,
            undelete_octets_max: 1 << 30,
            metadata_entries_max: 200,
            metadata_value_octets_max: 64 << 10,
            metadata_octets_max: 16 << 20,
            state_octets_max: 256 << 20,
            open_segments_max: 64,
            cache_octets: 64 << 20,
            compacts_by_itself: true,
            clock: Clock::system(),
            commit_times: CommitTimes::default(),
        }
    }
}

pub(super) fn log_options(dir: &Path, options: &Options) -> LogOptions {
    LogOptions {
        dir: dir.join("log"),
        segment_octets: options.segment_octets,
        queue_octets_max: QUEUE_OCTETS_MAX,
        ahead_octets: options.ahead_octets,
        open_segments_max: options.open_segments_max,
        durability: options.durability,
    }
}
