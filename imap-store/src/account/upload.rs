//! A message on its way in: streamed into the log, and scanned as it comes.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::StoreError;
use crate::log::{self, BodyId, Pin};
use crate::message::{Scanner, Summary};

/// A message on its way in: its octets are streamed into the log and scanned as they come.
#[derive(Debug)]
pub struct Upload {
    log: log::Upload,
    scanner: Scanner,
    size_octets: u64,
    max_octets: u64,
}

/// A message that lies in the log and can be appended.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its length.
    pub size_octets: u64,
    pub(super) body: BodyId,
    pub(super) epoch: u64,
    pub(super) summary: Arc<Summary>,
    /// Keeps the octets from compaction until the message is appended.
    _pin: Arc<Pin>,
}

impl Upload {
    pub(super) fn new(log: log::Upload, max_octets: u64) -> Self {
        Self { log, scanner: Scanner::new(), size_octets: 0, max_octets }
    }

    /// Says how many octets will come, so that what keeps them need not grow.
    pub fn expect(&mut self, octets: u64) {
        self.log.expect(octets);
    }

    /// Adds octets; waits while the log's queue is full. [`StoreError::TooBig`] beyond the store's bound.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        self.size_octets += octets.len() as u64;
        if self.size_octets > self.max_octets {
            return Err(StoreError::TooBig { max_octets: self.max_octets });
        }
        self.scanner.feed(octets);
        self.log.write(octets).await
    }

    /// All octets are there.
    pub async fn finish(self) -> Result<Uploaded, StoreError> {
        let summary = Arc::new(summarized(self.scanner).await?);
        let finished = self.log.finish().await?;
        Ok(Uploaded {
            size_octets: finished.size_octets,
            body: finished.body,
            epoch: finished.epoch,
            summary,
            _pin: finished.pin,
        })
    }
}

/// The summary. Where there is much to it, it is made on a thread that may take its time: a message of 10,000 parts, or
/// for 10,000 people, takes milliseconds, for which other sessions are not to wait.
async fn summarized(scanner: Scanner) -> Result<Summary, StoreError> {
    match Handle::try_current() {
        Ok(runtime) if scanner.is_large() => {
            let summary = runtime.spawn_blocking(|| scanner.finish()).await;
            summary.map_err(|error| StoreError::Unavailable { reason: error.to_string() })
        }
        _ => Ok(scanner.finish()),
    }
}

impl Uploaded {
    /// What the message is made of.
    pub fn summary(&self) -> &Arc<Summary> {
        &self.summary
    }
}
