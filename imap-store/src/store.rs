//! [`Store`]: what an embedder sees. Accounts, users, opening and closing; no engine word in it.

use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::log::AccountId;
use crate::{OpenError, StoreError};

/// A mail store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {}

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
    /// Octets of the largest message.
    pub message_octets_max: u64,
    /// Octets that sled may cache.
    pub cache_octets: u64,
}

/// What opening found, for the operator's log.
#[derive(Debug, Default, Clone)]
pub struct OpenReport {
    /// Changes replayed from the log.
    pub changes_replayed: u64,
    /// One line each: what was repaired, cut or found damaged.
    pub findings: Vec<String>,
}

/// A user of the store (account 0 keeps them).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name, as compared: prepared and case kept.
    pub name: String,
    /// The account with the mail.
    pub account: AccountId,
    /// The credential record, opaque to the store.
    pub credentials: Vec<u8>,
}

impl Store {
    /// Opens the store in `dir`, making it when missing. Blocking; takes the lock for as long as the store lives.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, OpenReport), OpenError> {
        let _ = (dir, options);
        todo!()
    }
    /// Where it lies.
    pub fn dir(&self) -> &Path {
        todo!()
    }
    /// An account; loads it when it is not loaded yet (blocking then).
    pub fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        let _ = id;
        todo!()
    }
    /// A user by name. Never blocks.
    pub fn user(&self, name: &str) -> Option<User> {
        let _ = name;
        todo!()
    }
    /// All users by name.
    pub fn users(&self) -> Vec<User> {
        todo!()
    }
    /// Makes a user and an account with INBOX, Drafts, Sent, Junk, Trash, Archive, subscribed.
    pub async fn create_user(&self, name: &str, credentials: Vec<u8>) -> Result<User, StoreError> {
        let _ = (name, credentials);
        todo!()
    }
    /// Sets a user's credential record.
    pub async fn set_credentials(&self, name: &str, credentials: Vec<u8>) -> Result<(), StoreError> {
        let _ = (name, credentials);
        todo!()
    }
    /// Removes a user; the account's mail stays in the log until compaction.
    pub async fn delete_user(&self, name: &str) -> Result<(), StoreError> {
        let _ = name;
        todo!()
    }
    /// Tells when users changed.
    pub fn watch_users(&self) -> tokio::sync::watch::Receiver<crate::log::Seq> {
        todo!()
    }
    /// Saves a checkpoint, writes what is queued, closes the log. Blocking. Later commits are refused.
    pub fn close(&self) {
        todo!()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_octets: 256 << 20,
            durability: Durability::Sync,
            message_octets_max: 128 << 20,
            cache_octets: 64 << 20,
        }
    }
}

/// The lock file's place: `pid` of the holder stands in it.
#[allow(dead_code, reason = "the seam")]
fn lock_path(dir: &Path) -> PathBuf {
    dir.join("lock")
}
