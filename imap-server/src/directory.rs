//! [`StoreDirectory`]: the users of the store, as imap-auth asks for them.

use imap_auth::{BoxFuture, Credentials, Directory, DirectoryError, Secret, UserRecord, Verified};
use imap_store::Store;

use crate::users::Users;

/// What the operator calls it.
pub(crate) const INTERNAL: &str = "internal";

/// The internal directory: account 0 of the store.
pub(crate) struct StoreDirectory {
    store: Store,
    users: Users,
}

impl StoreDirectory {
    /// Over a store; `users` writes.
    pub(crate) fn new(store: Store, users: Users) -> Self {
        Self { store, users }
    }
}

impl Directory for StoreDirectory {
    fn name(&self) -> &str {
        INTERNAL
    }

    /// Looks the user up in memory; the accounts of other directories' users are none of ours, so that nobody gets in by
    /// one whom their directory no longer knows. A record that cannot be read is the operator's affair, never a wrong
    /// password.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        let found = self.store.user(name).map(record).transpose();
        let ours = found.map(|found| found.filter(|user| user.credentials.directory().is_none()));
        Box::pin(std::future::ready(ours))
    }

    /// Somebody of another directory is known here by their application passwords alone.
    fn verify<'a>(
        &'a self,
        name: &'a str,
        password: &'a Secret,
    ) -> BoxFuture<'a, Result<Verified, DirectoryError>> {
        let found = self.store.user(name).map(record).transpose();
        let known = found.map(|found| found.filter(|user| is_for_us(&user.credentials, password)));
        Box::pin(std::future::ready(known.map(|user| user.map_or(Verified::Unknown, Verified::Check))))
    }

    fn replace<'a>(
        &'a self,
        user: &'a UserRecord,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<bool, DirectoryError>> {
        Box::pin(async move {
            let replaced = self.users.replace(&user.name, &user.credentials, credentials).await;
            replaced.map_err(|error| DirectoryError { reason: error.to_string() })
        })
    }
}

/// Whether the record decides about that password.
fn is_for_us(record: &Credentials, password: &Secret) -> bool {
    match record.directory() {
        Some(_) => record.is_application_password(password),
        None => record.has_password() || !record.application_passwords().is_empty(),
    }
}

fn record(user: imap_store::User) -> Result<UserRecord, DirectoryError> {
    let credentials = Credentials::from_bytes(&user.credentials)
        .map_err(|error| DirectoryError { reason: format!("the record of {}: {error}", user.name) })?;
    Ok(UserRecord::new(user.name, credentials, INTERNAL))
}
