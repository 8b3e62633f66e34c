//! [`StoreDirectory`]: the users of the store, as imap-auth asks for them.

use imap_auth::{BoxFuture, Credentials, Directory, DirectoryError, UserRecord};
use imap_store::Store;

/// What the operator calls it.
const NAME: &str = "internal";

/// The internal directory: account 0 of the store.
pub(crate) struct StoreDirectory {
    store: Store,
}

impl StoreDirectory {
    /// Over a store.
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Directory for StoreDirectory {
    fn name(&self) -> &str {
        NAME
    }

    /// Looks the user up in memory. A record that cannot be read is the operator's affair, never a wrong password.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        let found = self.store.user(name);
        Box::pin(std::future::ready(found.map(record).transpose()))
    }
}

fn record(user: imap_store::User) -> Result<UserRecord, DirectoryError> {
    let credentials = Credentials::from_bytes(&user.credentials)
        .map_err(|error| DirectoryError { reason: format!("the record of {}: {error}", user.name) })?;
    Ok(UserRecord::new(user.name, credentials, NAME))
}
