//! SEARCH (RFC 3501 §6.4.4) with the keys of RFC 3501 and RFC 9051.

use crate::types::SearchKey;

/// SEARCH [CHARSET c] keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The answer names UIDs.
    pub uid: bool,
    /// The charset of the strings in upper case; `None`: US-ASCII or UTF-8.
    pub charset: Option<String>,
    /// All must match.
    pub key: SearchKey,
}
