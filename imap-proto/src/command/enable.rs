//! ENABLE (RFC 9051 §6.3.1, RFC 5161).

/// ENABLE names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enable {
    /// The names in upper case, at least one; unknown ones are there too.
    pub capabilities: Vec<String>,
}
