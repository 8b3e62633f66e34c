//! Checks passwords: asks the directory, hashes off the async threads, remembers successes.

mod cache;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use self::cache::SuccessCache;
use crate::{AuthError, Credentials, Directory, Secret, Settings, UserRecord};

/// Whether name and password fit: what every mechanism that shows the password asks.
pub(crate) struct PasswordCheck {
    directory: Arc<dyn Directory>,
    /// What an unknown user is verified against: the same cost, and nothing that fits.
    decoy: Credentials,
    permits: Arc<Semaphore>,
    successes: Mutex<SuccessCache>,
    server_secret: Secret,
    #[cfg(test)]
    hashes: std::sync::atomic::AtomicUsize,
}

impl PasswordCheck {
    pub(crate) fn new(directory: Arc<dyn Directory>, settings: Settings) -> Self {
        Self {
            directory,
            decoy: Credentials::decoy(settings.cost)
                .expect("the hash cost is within its range, and the system has random numbers"),
            permits: Arc::new(Semaphore::new(settings.hashes_at_once.max(1))),
            successes: Mutex::new(SuccessCache::new()),
            server_secret: settings.server_secret,
            #[cfg(test)]
            hashes: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// How many passwords were hashed so far.
    #[cfg(test)]
    pub(crate) fn hashes(&self) -> usize {
        self.hashes.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The user of that (prepared) name. [`AuthError::Unavailable`] when the directory does not answer.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<UserRecord>, AuthError> {
        let found = self.directory.find(name).await;
        found.map_err(|error| AuthError::Unavailable { reason: error.to_string() })
    }

    /// [`Settings::server_secret`].
    pub(crate) fn server_secret(&self) -> &Secret {
        &self.server_secret
    }

    /// The user with that (prepared) name and that password.
    ///
    /// Fails with [`AuthError::Failed`] after the same time whether the user is unknown or the password wrong,
    /// and with [`AuthError::Unavailable`] when the directory does not answer or too many passwords wait.
    pub(crate) async fn check(&self, name: &str, password: &Secret) -> Result<UserRecord, AuthError> {
        let Some(user) = self.find(name).await? else {
            self.hash(self.decoy.clone(), password).await?;
            return Err(AuthError::Failed);
        };
        let key = self.successes().key(&user, password);
        if self.successes().contains(&key, Instant::now()) {
            return Ok(user);
        }
        if !self.hash(user.credentials.clone(), password).await? {
            return Err(AuthError::Failed);
        }
        self.successes().insert(key, Instant::now());
        Ok(user)
    }

    /// Verifies on a blocking thread. The permit goes there too: a caller that gave up does not make room for
    /// another hash while its own still runs.
    async fn hash(&self, credentials: Credentials, password: &Secret) -> Result<bool, AuthError> {
        let permit = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| AuthError::Unavailable { reason: "too many logins at once".into() })?
            .expect("the semaphore is never closed");
        #[cfg(test)]
        self.hashes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let password = password.clone();
        let verify = move || {
            let fits = credentials.verify(&password);
            drop(permit);
            fits
        };
        tokio::task::spawn_blocking(verify)
            .await
            .map_err(|_| AuthError::Unavailable { reason: "the hash did not come to its end".into() })
    }

    fn successes(&self) -> std::sync::MutexGuard<'_, SuccessCache> {
        // A cache of keys is whole after every step, so a panic elsewhere does not spoil it.
        self.successes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a password waits for its turn. Clients give up after a minute or so.
const WAIT_MAX: Duration = Duration::from_secs(30);
