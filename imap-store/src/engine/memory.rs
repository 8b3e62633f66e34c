//! Checkpoints in memory: for tests, and for stores that live as long as their process.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::{Snapshots, Write};
use crate::StoreError;

/// A map in memory.
#[derive(Debug, Default)]
pub struct MemorySnapshots {
    rows: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

#[cfg(test)]
impl MemorySnapshots {
    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.rows.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the next process finds.
    pub(crate) fn copy(&self) -> Self {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { rows: RwLock::new(rows) }
    }
}

/// For a test that keeps it from one opening to the next.
#[cfg(test)]
impl Snapshots for std::sync::Arc<MemorySnapshots> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(key)
    }
    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        (**self).scan(prefix, each)
    }
    fn apply(&self, batch: &[Write]) -> Result<(), StoreError> {
        (**self).apply(batch)
    }
    fn size_on_disk_octets(&self) -> u64 {
        (**self).size_on_disk_octets()
    }
}

impl Snapshots for MemorySnapshots {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let from = rows.range(prefix.to_vec()..);
        from.take_while(|(key, _)| key.starts_with(prefix)).for_each(|(key, value)| each(key, value));
        Ok(())
    }

    fn apply(&self, batch: &[Write]) -> Result<(), StoreError> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for write in batch {
            match write {
                Write::Put(key, value) => drop(rows.insert(key.clone(), value.clone())),
                Write::Delete(key) => drop(rows.remove(key)),
            }
        }
        Ok(())
    }

    fn size_on_disk_octets(&self) -> u64 {
        0
    }
}
