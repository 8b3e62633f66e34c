//! [`Directory`]: where users come from.

use std::future::Future;
use std::pin::Pin;

use crate::Credentials;

/// A future behind a pointer: a trait with `async fn` cannot be a `dyn` one.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A user as a directory knows them.
#[derive(Clone)]
pub struct UserRecord {
    /// The name as the directory spells it.
    pub name: String,
    /// What a password is checked against.
    pub credentials: Credentials,
}

/// The directory did not answer: the login fails with UNAVAILABLE, never with "wrong password".
#[derive(Debug, Clone, thiserror::Error)]
#[error("the directory is unavailable: {reason}")]
pub struct DirectoryError {
    /// Why, for the operator.
    pub reason: String,
}

/// Where users are looked up.
pub trait Directory: Send + Sync {
    /// The user of that (prepared) name.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>>;
}
