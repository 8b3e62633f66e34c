//! A short memory of passwords that fitted, so that ten connections of one client cost one hash.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Secret, UserRecord};

/// Keyed by HMAC-SHA-256 of user, password and the record's hash under a secret that dies with the process: who reads the
/// memory has nothing that can be guessed at faster than with that secret, and another record is another key.
pub(crate) struct SuccessCache {
    lifetime: Duration,
    secret: Zeroizing<[u8; 32]>,
    entries: HashMap<Key, Instant>,
    /// In the order of insertion, which is the order of expiry.
    order: VecDeque<(Key, Instant)>,
}

pub(crate) type Key = [u8; 32];

impl SuccessCache {
    /// A success counts for `lifetime`.
    pub(crate) fn new(lifetime: Duration) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret).expect("the system has random numbers");
        Self { lifetime, secret, entries: HashMap::new(), order: VecDeque::new() }
    }

    /// The key of one success.
    pub(crate) fn key(&self, user: &UserRecord, password: &Secret) -> Key {
        let record = user.credentials.verifier();
        self.key_of([user.name.as_bytes(), password.expose(), record.as_bytes()])
    }

    /// The key of one success, by all that makes it one.
    pub(crate) fn key_of<const N: usize>(&self, fields: [&[u8]; N]) -> Key {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.secret).expect("HMAC takes keys of any length");
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether it was a success not long before `now`.
    pub(crate) fn contains(&self, key: &Key, now: Instant) -> bool {
        self.entries.get(key).is_some_and(|since| now.saturating_duration_since(*since) < self.lifetime)
    }

    /// Remembers a success for that long: not longer because it is used, so that the password is hashed now
    /// and then.
    pub(crate) fn insert(&mut self, key: Key, now: Instant) {
        self.forget_old(now);
        self.entries.insert(key, now);
        self.order.push_back((key, now));
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((key, since)) = self.order.front().copied() {
            if self.order.len() < ENTRIES_MAX && now.saturating_duration_since(since) < self.lifetime {
                break;
            }
            self.order.pop_front();
            // The key may have been put in again since.
            if self.entries.get(&key) == Some(&since) {
                self.entries.remove(&key);
            }
        }
    }
}

pub(crate) const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// About 1 MB.
const ENTRIES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, HashCost};

    fn user(name: &str) -> UserRecord {
        let cost = HashCost { memory_kib: 8, passes: 1 };
        let credentials = Credentials::from_password(&Secret::new("sesame"), cost).expect("a good password");
        UserRecord::new(name, credentials, "memory")
    }

    #[test]
    fn user_password_and_record_make_the_key() {
        let cache = SuccessCache::new(LIFETIME);
        let alice = user("alice");
        let key = cache.key(&alice, &Secret::new("sesame"));
        assert_eq!(key, cache.key(&alice.clone(), &Secret::new("sesame")));
        assert_ne!(key, cache.key(&alice, &Secret::new("sesam")));
        // The same password set again is another record.
        assert_ne!(key, cache.key(&user("alice"), &Secret::new("sesame")));
        assert_ne!(key, SuccessCache::new(LIFETIME).key(&alice, &Secret::new("sesame")));
        // The fields cannot run into each other.
        let renamed = UserRecord::new("alices", alice.credentials, "memory");
        assert_ne!(key, cache.key(&renamed, &Secret::new("esame")));
    }

    #[test]
    fn a_success_is_forgotten_after_its_time() {
        let mut cache = SuccessCache::new(LIFETIME);
        let start = Instant::now();
        cache.insert([1; 32], start);
        assert!(cache.contains(&[1; 32], start + LIFETIME - Duration::from_secs(1)));
        assert!(!cache.contains(&[1; 32], start + LIFETIME));
        assert!(!cache.contains(&[2; 32], start));
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = SuccessCache::new(LIFETIME);
        let start = Instant::now();
        for number in 0..ENTRIES_MAX as u64 + 10 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            cache.insert(key, start);
        }
        assert_eq!((cache.entries.len(), cache.order.len()), (ENTRIES_MAX, ENTRIES_MAX));
        assert!(!cache.contains(&[0; 32], start));
        cache.insert([9; 32], start + LIFETIME);
        assert_eq!((cache.entries.len(), cache.order.len()), (1, 1));
    }
}
