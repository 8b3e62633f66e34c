//! Making users and setting passwords: the rules that every way in (admin API, demo) shares.

use std::sync::Arc;

use imap_auth::{Credentials, HashCost, Secret, prepare_user_name};
use imap_store::{Store, StoreError, User};
use tokio::sync::{Mutex, Semaphore};

use crate::Logins;

/// Longer names are refused.
const NAME_OCTETS_MAX: usize = 255;
/// Longer passwords are refused: hashing must not be a way to keep the server busy.
const PASSWORD_OCTETS_MAX: usize = 1_024;

/// Makes users and sets passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Users {
    store: Store,
    logins: Logins,
    password_octets_min: usize,
    hashing: Arc<Semaphore>,
    /// Held while a record is read, changed and written, so that no change is lost.
    writing: Arc<Mutex<()>>,
}

/// Why a user was not made or changed; nothing was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// The name cannot be a user's.
    #[error("the user name cannot be used: {reason}")]
    BadName {
        /// Why, for a person.
        reason: &'static str,
    },
    /// The password cannot be one.
    #[error("the password cannot be used: {reason}")]
    BadPassword {
        /// Why, for a person.
        reason: String,
    },
    /// A hash cannot be imported, or an application password cannot be made.
    #[error("{reason}")]
    BadCredential {
        /// Why, for a person.
        reason: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Users {
    /// Over a store; sessions of who is changed or removed end in `logins`. Passwords of fewer octets than that are
    /// refused.
    pub fn new(store: Store, logins: Logins, password_octets_min: usize) -> Self {
        Self {
            store,
            logins,
            password_octets_min,
            hashing: Arc::new(Semaphore::new(2)),
            writing: Arc::default(),
        }
    }

    /// Makes a user with an empty account.
    pub async fn create(&self, name: &str, password: Secret) -> Result<User, UserError> {
        let name = checked_name(name)?;
        if self.store.user(&name).is_some() {
            return Err(StoreError::AlreadyExists { what: "user" }.into());
        }
        let credentials = self.hash(Credentials::none(), password).await?;
        Ok(self.store.create_user(&name, credentials.to_bytes()).await?)
    }

    /// The account of somebody whom `directory` knows (empty: none does): made where it is missing, durable when this
    /// returns.
    pub(crate) async fn account_of(&self, name: &str, directory: &str) -> Result<User, UserError> {
        let name = checked_name(name)?;
        if let Some(user) = self.store.user(&name) {
            return Ok(user);
        }
        match self.store.create_user(&name, Credentials::of_directory(directory).to_bytes()).await {
            // Two first logins at one time.
            Err(StoreError::AlreadyExists { .. }) => self.find(&name),
            made => Ok(made?),
        }
    }

    /// Takes another server's hash for a new or a known user, whose sessions end and whose application passwords go.
    pub async fn import_hash(&self, name: &str, hash: &str) -> Result<User, UserError> {
        let name = checked_name(name)?;
        let imported = Credentials::import(hash.trim())
            .map_err(|error| UserError::BadCredential { reason: error.to_string() })?;
        if self.store.user(&name).is_none() {
            return Ok(self.store.create_user(&name, imported.to_bytes()).await?);
        }
        let import = |old: &Credentials| {
            let mut fresh = imported.clone();
            fresh.set_attributes(old.attributes().clone());
            Ok((fresh, ()))
        };
        self.update(&name, true, import).await.map(|(user, ())| user)
    }

    /// The user's record.
    pub fn credentials(&self, user: &User) -> Result<Credentials, UserError> {
        Credentials::from_bytes(&user.credentials)
            .map_err(|error| UserError::BadCredential { reason: error.to_string() })
    }

    /// Changes a user's record; where `ends_sessions`, the user's sessions end.
    pub(crate) async fn update<T>(
        &self,
        name: &str,
        ends_sessions: bool,
        change: impl FnOnce(&Credentials) -> Result<(Credentials, T), UserError>,
    ) -> Result<(User, T), UserError> {
        let _writing = self.writing.lock().await;
        let user = self.find(name)?;
        let (credentials, value) = change(&self.credentials(&user)?)?;
        let changed = self.store.set_credentials(&user.name, credentials.to_bytes()).await;
        if ends_sessions {
            self.end_sessions(&user, &changed);
        }
        changed?;
        Ok((user, value))
    }

    /// Puts a record in the place of another, if it is still that one; whether it is.
    pub(crate) async fn replace(
        &self,
        name: &str,
        before: &Credentials,
        after: &Credentials,
    ) -> Result<bool, StoreError> {
        let _writing = self.writing.lock().await;
        let is_same = self.store.user(name).is_some_and(|user| user.credentials == before.to_bytes());
        if is_same {
            self.store.set_credentials(name, after.to_bytes()).await?;
        }
        Ok(is_same)
    }

    /// Sets a user's password, and ends the user's sessions.
    pub async fn set_password(&self, name: &str, password: Secret) -> Result<User, UserError> {
        let _writing = self.writing.lock().await;
        let user = self.find(name)?;
        // Application passwords and attributes stay; of a record that cannot be read nothing can.
        let old = self.credentials(&user).unwrap_or_else(|_| Credentials::none());
        let credentials = self.hash(old, password).await?;
        let changed = self.store.set_credentials(&user.name, credentials.to_bytes()).await;
        self.end_sessions(&user, &changed);
        changed?;
        Ok(user)
    }

    /// Removes a user, and ends the user's sessions.
    pub async fn delete(&self, name: &str) -> Result<User, UserError> {
        let user = self.find(name)?;
        let removed = self.store.delete_user(&user.name).await;
        self.end_sessions(&user, &removed);
        removed?;
        Ok(user)
    }

    /// Ends the sessions of a user who was changed, also where nobody knows whether it is kept.
    fn end_sessions(&self, user: &User, outcome: &Result<(), StoreError>) {
        if matches!(outcome, Ok(()) | Err(StoreError::InDoubt { .. })) {
            self.logins.end(user.account);
        }
    }

    /// The user of that name, prepared as at login.
    pub fn find(&self, name: &str) -> Result<User, UserError> {
        let missing = StoreError::NonExistent { what: "user" };
        let name = checked_name(name).map_err(|_| missing.clone())?;
        Ok(self.store.user(&name).ok_or(missing)?)
    }

    /// The record with another password; hashes off the async threads, two at a time.
    async fn hash(&self, record: Credentials, password: Secret) -> Result<Credentials, UserError> {
        let octets = password.expose().len();
        if octets < self.password_octets_min {
            let reason = match octets {
                0 => "it is empty".into(),
                _ => format!("it has {octets} octets, at least {} are asked for", self.password_octets_min),
            };
            return Err(UserError::BadPassword { reason });
        }
        if octets > PASSWORD_OCTETS_MAX {
            return Err(UserError::BadPassword {
                reason: format!("it has more than {PASSWORD_OCTETS_MAX} octets"),
            });
        }
        let unavailable = || StoreError::Unavailable { reason: "the server is stopping".into() };
        let permit = self.hashing.clone().acquire_owned().await.map_err(|_| unavailable())?;
        let hashing = tokio::task::spawn_blocking(move || {
            let made = record.with_password(&password, HashCost::default());
            drop(permit);
            made
        });
        match hashing.await.map_err(|_| unavailable())? {
            Ok(credentials) => Ok(credentials),
            Err(error) => Err(UserError::BadPassword { reason: error.reason.to_owned() }),
        }
    }
}

/// The name as the store keeps it. `/`, `%` and `*` are refused since names become components of mailbox names.
fn checked_name(name: &str) -> Result<String, UserError> {
    let bad = |reason| UserError::BadName { reason };
    let prepared = prepare_user_name(name.as_bytes()).map_err(|error| bad(error.reason))?;
    if prepared.is_empty() {
        return Err(bad("it is empty"));
    }
    if prepared.len() > NAME_OCTETS_MAX {
        return Err(bad("it has more than 255 octets"));
    }
    if prepared.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '/' | '%' | '*')) {
        return Err(bad("it has a character that no user name may have"));
    }
    Ok(prepared)
}
