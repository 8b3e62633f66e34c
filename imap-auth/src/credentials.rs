//! [`Credentials`]: what is kept of a password, never the password.

use crate::{BadPassword, Secret};

/// What is kept for one user: an argon2id hash for mechanisms that show the password; SCRAM keys later.
#[derive(Clone)]
pub struct Credentials {}

/// What a hash costs; a test takes a low one.
#[derive(Debug, Clone, Copy)]
pub struct HashCost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Default for HashCost {
    /// 19 MiB and two passes: OWASP's and the argon2 crate's advice.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// The record is damaged, or of a newer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential record cannot be read: {reason}")]
pub struct BadRecord {
    /// Why, for the operator.
    pub reason: String,
}

impl Credentials {
    /// Makes the record of a password. Takes as long as a login: not for an async thread.
    pub fn from_password(password: &Secret, cost: HashCost) -> Result<Self, BadPassword> {
        let _ = (password, cost);
        todo!()
    }
    /// Whether it is the password. As slow as making it, in constant time otherwise: not for an async thread.
    pub fn verify(&self, password: &Secret) -> bool {
        let _ = password;
        todo!()
    }
    /// The record as it is stored: JSON with a version.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Reads such a record.
    pub fn from_bytes(record: &[u8]) -> Result<Self, BadRecord> {
        let _ = record;
        todo!()
    }
}
