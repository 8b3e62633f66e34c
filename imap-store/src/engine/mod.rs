//! Where checkpoints are kept: the trait, one file an engine, and how values are cut into small rows.

#[cfg(test)]
mod conformance;
mod memory;
mod rows;
mod sled;

use crate::StoreError;

pub use memory::MemorySnapshots;
pub(crate) use rows::{Rows, put_value};
pub(crate) use sled::SledSnapshots;

/// A key-value store for checkpoints: ordered keys, atomic batches. It may lose everything (the log rebuilds
/// it), but it must never give back what was not put in; every value carries a crc of ours anyway.
pub trait Snapshots: Send + Sync + std::fmt::Debug {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Every pair whose key begins with `prefix`, in key order.
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError>;
    /// All of the batch or nothing; durable when it returns.
    fn apply(&self, batch: &[Write]) -> Result<(), StoreError>;
    /// Octets on disk, for the operator; 0 where there is no disk.
    fn size_on_disk_octets(&self) -> u64;
}

/// One write of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a key.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a key.
    Delete(Vec<u8>),
}
