//! [`Directories`]: several in order.

use std::sync::Arc;

use super::{BoxFuture, Directory, DirectoryError, UserRecord, Verified};
use crate::{Credentials, Secret};

/// Several directories, asked in order: the first that knows a user decides.
///
/// One that does not answer makes the whole unavailable: were it passed over, a later directory's user of the same
/// name would get in instead, with another's password.
pub struct Directories {
    inner: Vec<Arc<dyn Directory>>,
}

impl Directories {
    /// In that order.
    pub fn new(inner: Vec<Arc<dyn Directory>>) -> Self {
        Self { inner }
    }
}

impl Directory for Directories {
    fn name(&self) -> &str {
        "all"
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        Box::pin(async move {
            for directory in &self.inner {
                if let Some(user) = directory.find(name).await? {
                    return Ok(Some(user));
                }
            }
            Ok(None)
        })
    }

    fn finds_all(&self) -> bool {
        self.inner.iter().all(|directory| directory.finds_all())
    }

    fn verify<'a>(
        &'a self,
        name: &'a str,
        password: &'a Secret,
    ) -> BoxFuture<'a, Result<Verified, DirectoryError>> {
        Box::pin(async move {
            for directory in &self.inner {
                match directory.verify(name, password).await? {
                    Verified::Unknown => {}
                    known => return Ok(known),
                }
            }
            Ok(Verified::Unknown)
        })
    }

    fn replace<'a>(
        &'a self,
        user: &'a UserRecord,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<bool, DirectoryError>> {
        match self.inner.iter().find(|directory| directory.name() == user.directory) {
            Some(directory) => directory.replace(user, credentials),
            None => Box::pin(std::future::ready(Ok(false))),
        }
    }
}
