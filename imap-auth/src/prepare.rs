//! How names and passwords are prepared: in one place, for setting and for checking.

use crate::Secret;

/// A password or name that cannot be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadPassword {
    /// Why, for a person.
    pub reason: &'static str,
}

/// The password as it is hashed. Passwords with characters that SASLprep does not know are taken as they
/// are, so that an emoji is a fine password with every mechanism.
pub fn prepare_password(password: &Secret) -> Result<Secret, BadPassword> {
    let _ = password;
    todo!()
}

/// The user name as it is looked up.
pub fn prepare_user_name(name: &[u8]) -> Result<String, BadPassword> {
    let _ = name;
    todo!()
}
