//! AUTHENTICATE (RFC 9051 §6.2.2, SASL-IR RFC 4959) and LOGIN (§6.2.3).

use bytes::Bytes;

use crate::types::Secret;

/// AUTHENTICATE mechanism [initial-response].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism's name in upper case.
    pub mechanism: String,
    /// The initial response in base64 as it came; `=` is the empty one.
    pub initial_response: Option<Secret>,
}

/// LOGIN user password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name, in the octets of the client.
    pub user: Bytes,
    /// The password.
    pub password: Secret,
}
