//! Values in rows of less than 4 KiB, each with a crc: an engine may give back nonsense, we notice.
//!
//! ```text
//! key:   the value's key | part u16, big endian, so that parts stand in their order
//! value: crc32c of key and octets u32 | octets; in part 0 the octets begin with the value's length, u32
//! ```

use super::{Snapshots, Write};
use crate::StoreError;

/// Octets of a value in one row.
const PART_OCTETS: usize = 3_900;
const CRC_OCTETS: usize = 4;

/// Adds the rows of a value to a batch; returns how many parts it has. `parts_before` are what the key had:
/// those beyond the new ones are removed.
pub(crate) fn put_value(batch: &mut Vec<Write>, key: &[u8], value: &[u8], parts_before: u16) -> u16 {
    let mut whole = (value.len() as u32).to_le_bytes().to_vec();
    whole.extend_from_slice(value);
    let mut parts = 0u16;
    for octets in whole.chunks(PART_OCTETS) {
        let key = part_key(key, parts);
        let mut row = crc(&key, octets).to_le_bytes().to_vec();
        row.extend_from_slice(octets);
        batch.push(Write::Put(key, row));
        parts = parts.checked_add(1).expect("a value has less than 256 MiB");
    }
    batch.extend((parts..parts_before).map(|part| Write::Delete(part_key(key, part))));
    parts
}

/// Values below a prefix, put together from their rows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Key (without the part), value, how many parts; in key order.
    pub(crate) values: Vec<(Vec<u8>, Vec<u8>, u16)>,
    /// Keys of rows that are damaged, or parts of something whose beginning is missing.
    pub(crate) damaged: Vec<Vec<u8>>,
}

impl Rows {
    /// Reads all values whose key begins with `prefix`.
    pub(crate) fn read(engine: &dyn Snapshots, prefix: &[u8]) -> Result<Self, StoreError> {
        let mut rows = Self::default();
        engine.scan(prefix, &mut |key, row| {
            if rows.take(key, row).is_none() {
                rows.damaged.push(key.to_vec());
            }
        })?;
        let cut = |value: &[u8]| value.len() != length(value) + CRC_OCTETS;
        for (key, value, _) in &mut rows.values {
            if cut(value) {
                rows.damaged.push(key.clone());
            } else {
                value.drain(..CRC_OCTETS);
            }
        }
        Ok(rows)
    }

    fn take(&mut self, key: &[u8], row: &[u8]) -> Option<()> {
        let (whole, part) = key.split_at_checked(key.len().checked_sub(2)?)?;
        let part = u16::from_be_bytes(part.try_into().ok()?);
        let (found, octets) = row.split_at_checked(CRC_OCTETS)?;
        if found != crc(key, octets).to_le_bytes() {
            return None;
        }
        if part == 0 {
            if octets.len() < 4 {
                return None;
            }
            self.values.push((whole.to_vec(), octets.to_vec(), 1));
            return Some(());
        }
        let (last, value, parts) = self.values.last_mut()?;
        if last != whole || *parts != part {
            return None;
        }
        value.extend_from_slice(octets);
        *parts += 1;
        Some(())
    }
}

/// The length that stands before a value.
fn length(value: &[u8]) -> usize {
    let length = value.get(..4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_le_bytes);
    length as usize
}

fn part_key(key: &[u8], part: u16) -> Vec<u8> {
    [key, &part.to_be_bytes()].concat()
}

fn crc(key: &[u8], octets: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::MemorySnapshots;

    fn put(engine: &MemorySnapshots, key: &[u8], value: &[u8], before: u16) -> u16 {
        let mut batch = Vec::new();
        let parts = put_value(&mut batch, key, value, before);
        engine.apply(&batch).expect("memory takes everything");
        parts
    }

    #[test]
    fn values_of_every_size_come_back() {
        let engine = MemorySnapshots::default();
        let sizes = [0, 1, PART_OCTETS - 4, PART_OCTETS - 3, 50_000];
        for (at, size) in sizes.iter().enumerate() {
            put(&engine, &[b'k', at as u8], &vec![at as u8; *size], 0);
        }
        let rows = Rows::read(&engine, b"k").expect("memory reads everything");
        assert!(rows.damaged.is_empty());
        let found: Vec<_> = rows.values.iter().map(|(_, value, _)| value.len()).collect();
        assert_eq!(found, sizes);
    }

    #[test]
    fn a_shorter_value_leaves_no_parts_of_the_longer_one() {
        let engine = MemorySnapshots::default();
        let parts = put(&engine, b"k", &[1; 20_000], 0);
        assert_eq!(put(&engine, b"k", &[2; 10], parts), 1);
        let rows = Rows::read(&engine, b"k").expect("memory reads everything");
        assert!(rows.damaged.is_empty());
        assert_eq!(rows.values, [(b"k".to_vec(), vec![2; 10], 1)]);
    }

    #[test]
    fn a_changed_or_missing_row_is_noticed() {
        let engine = MemorySnapshots::default();
        put(&engine, b"k", &[1; 9_000], 0);
        let middle = part_key(b"k", 1);
        engine.apply(&[Write::Delete(middle.clone())]).expect("memory takes everything");
        assert!(!Rows::read(&engine, b"k").expect("memory reads everything").damaged.is_empty());
        engine.apply(&[Write::Put(middle, vec![0; 100])]).expect("memory takes everything");
        assert!(!Rows::read(&engine, b"k").expect("memory reads everything").damaged.is_empty());
        engine
            .apply(&[Write::Delete(part_key(b"k", 2)), Write::Delete(part_key(b"k", 1))])
            .expect("memory takes everything");
        assert!(!Rows::read(&engine, b"k").expect("memory reads everything").damaged.is_empty());
    }
}
