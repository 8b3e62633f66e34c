//! [`StoreDirectory`]: the users of the store, as imap-auth asks for them.

use imap_auth::{BoxFuture, Credentials, Directory, DirectoryError, UserRecord};
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

    /// Looks the user up in memory. A record that cannot be read is the operator's affair, never a wrong password.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        let found = self.store.user(name);
        Box::pin(std::future::ready(found.map(record).transpose()))
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

fn record(user: imap_store::User) -> Result<UserRecord, DirectoryError> {
    let credentials = Credentials::from_bytes(&user.credentials)
        .map_err(|error| DirectoryError { reason: format!("the record of {}: {error}", user.name) })?;
    Ok(UserRecord::new(user.name, credentials, INTERNAL))
}
