//! [`Bounded`]: a map that forgets what was touched longest ago when it is full.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

/// Entries at the most: some ten megabytes.
const ENTRIES_MAX: usize = 100_000;

pub(super) struct Bounded<K, V>(HashMap<K, (V, Instant)>);

impl<K: Eq + Hash + Clone, V> Bounded<K, V> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(|(value, _)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, (value, _))| (key, value))
    }

    /// The value of a key, made where it is missing.
    pub(super) fn entry(&mut self, key: K, now: Instant, make: impl FnOnce() -> V) -> &mut V {
        if self.0.len() >= ENTRIES_MAX && !self.0.contains_key(&key) {
            self.forget_oldest();
        }
        let (value, touched) = self.0.entry(key).or_insert_with(|| (make(), now));
        *touched = now;
        value
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    /// Whether there were any.
    pub(super) fn remove_where(&mut self, is_meant: impl Fn(&K) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|key, _| !is_meant(key));
        self.0.len() < before
    }

    /// Drops an eighth, so that what it costs is spread over many entries.
    fn forget_oldest(&mut self) {
        let mut times: Vec<Instant> = self.0.values().map(|(_, touched)| *touched).collect();
        let (_, limit, _) = times.select_nth_unstable(ENTRIES_MAX / 8);
        let limit = *limit;
        let mut left = ENTRIES_MAX / 8;
        self.0.retain(|_, (_, touched)| {
            let goes = left > 0 && *touched <= limit;
            left -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_go_when_it_is_full() {
        let start = Instant::now();
        let mut map = Bounded::new();
        for number in 0..ENTRIES_MAX as u64 * 2 {
            map.entry(number, start + Duration::from_millis(number), || ());
            map.entry(0, start + Duration::from_millis(number), || ());
            assert!(map.0.len() <= ENTRIES_MAX);
        }
        assert!(map.contains(&0) && map.contains(&(ENTRIES_MAX as u64 * 2 - 1)));
        assert!(!map.contains(&1));
    }
}
