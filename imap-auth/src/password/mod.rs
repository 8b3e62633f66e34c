//! Checks passwords: asks the directory, hashes off the async threads, remembers successes.

mod cache;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::cache::LIFETIME;
pub(crate) use self::cache::SuccessCache;
use crate::backend::Proven;
use crate::credentials::LAST_USED_STEP;
use crate::{AuthError, Channel, Credentials, Directory, HashCost, Secret, UserRecord, Verified};

/// Whether name and password fit: what every mechanism that shows the password asks.
pub(crate) struct PasswordCheck {
    directory: Arc<dyn Directory>,
    cost: HashCost,
    /// What an unknown user is verified against: the same cost, and nothing that fits.
    decoy: Credentials,
    permits: Arc<Semaphore>,
    successes: Mutex<SuccessCache>,
    #[cfg(test)]
    hashes: std::sync::atomic::AtomicUsize,
}

impl PasswordCheck {
    pub(crate) fn new(directory: Arc<dyn Directory>, cost: HashCost, hashes_at_once: usize) -> Self {
        Self {
            directory,
            cost,
            decoy: Credentials::decoy(cost)
                .expect("the hash cost is within its range, and the system has random numbers"),
            permits: Arc::new(Semaphore::new(hashes_at_once.max(1))),
            successes: Mutex::new(SuccessCache::new(LIFETIME)),
            #[cfg(test)]
            hashes: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// How many passwords were hashed so far.
    #[cfg(test)]
    pub(crate) fn hashes(&self) -> usize {
        self.hashes.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The user with that (prepared) name and that password, or application password.
    ///
    /// Fails with [`AuthError::Failed`] after the same time whether the user is unknown or the password wrong,
    /// and with [`AuthError::Unavailable`] when the directory does not answer or too many passwords wait.
    pub(crate) async fn check(
        &self,
        name: &str,
        password: &Secret,
        channel: &Channel,
    ) -> Result<Proven, AuthError> {
        let unavailable = |error: crate::DirectoryError| AuthError::Unavailable { reason: error.to_string() };
        match self.directory.verify(name, password).await.map_err(unavailable)? {
            Verified::Check(user) => self.check_record(user, password, channel).await,
            Verified::Fits(user) => Ok(user.into()),
            Verified::Wrong => self.fail(AuthError::WRONG_PASSWORD, password).await,
            Verified::Unknown => self.fail(AuthError::UNKNOWN_USER, password).await,
        }
    }

    async fn check_record(
        &self,
        user: UserRecord,
        password: &Secret,
        channel: &Channel,
    ) -> Result<Proven, AuthError> {
        let now = SystemTime::now();
        if let Some(found) = user.credentials.match_application(password, channel, now) {
            let application_password = Some(found.name.clone());
            self.note_use(&user, &found.name, found.last_used, now).await;
            return Ok(Proven { user, application_password });
        }
        let key = self.successes().key(&user, password);
        if self.successes().contains(&key, Instant::now()) {
            return Ok(user.into());
        }
        if !user.credentials.has_password() {
            return self.fail(AuthError::WRONG_PASSWORD, password).await;
        }
        let (cost, old) = (self.cost, user.credentials.clone());
        let check = move |password: &Secret| {
            let fits = old.verify(password);
            // Made in the same turn, since it costs as much again.
            let fresh = (fits && old.needs_upgrade(cost)).then(|| old.with_password(password, cost));
            (fits, fresh)
        };
        let turn = self.turn().await?;
        // Of many logins of one user at once, as behind a restart, only the first is to cost a hash.
        if self.successes().contains(&key, Instant::now()) {
            return Ok(user.into());
        }
        // Kept until the success is remembered: whoever has the next turn is to find it.
        let ((fits, fresh), turn) = self.hash(turn, check, password).await?;
        if !fits {
            drop(turn);
            if !user.credentials.costs_a_hash() {
                // Another server's hash is cheaper, or dearer, than ours: at least it is never cheaper.
                return self.fail(AuthError::WRONG_PASSWORD, password).await;
            }
            return Err(AuthError::WRONG_PASSWORD);
        }
        let user = match fresh {
            Some(Ok(fresh)) => self.replace(user, fresh).await,
            Some(Err(_)) | None => user,
        };
        let key = self.successes().key(&user, password);
        self.successes().insert(key, Instant::now());
        Ok(user.into())
    }

    /// Fails after the time that a wrong password takes.
    async fn fail(&self, error: AuthError, password: &Secret) -> Result<Proven, AuthError> {
        let decoy = self.decoy.clone();
        let turn = self.turn().await?;
        let _ = self.hash(turn, move |password| decoy.verify(password), password).await?;
        Err(error)
    }

    /// Remembers when an application password was used, to the hour.
    async fn note_use(&self, user: &UserRecord, name: &str, last_used: Option<SystemTime>, now: SystemTime) {
        let recent = |last: SystemTime| now.duration_since(last).is_ok_and(|since| since < LAST_USED_STEP);
        if last_used.is_some_and(recent) {
            return;
        }
        let mut credentials = user.credentials.clone();
        if let Some(password) = credentials.application_password_mut(name) {
            password.last_used = Some(now);
            let _ = self.replace(user.clone(), credentials).await;
        }
    }

    /// The user with the new record if the directory keeps it; with the old one else, which is no reason not to let
    /// the user in.
    async fn replace(&self, user: UserRecord, credentials: Credentials) -> UserRecord {
        match self.directory.replace(&user, &credentials).await {
            Ok(true) => UserRecord { credentials, ..user },
            Ok(false) => user,
            Err(error) => {
                tracing::warn!(user = ?user.name, %error, "the directory did not keep a credential record");
                user
            }
        }
    }

    /// Waits for the turn to hash.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, AuthError> {
        let permit = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| AuthError::Unavailable { reason: "too many logins at once".into() })?;
        Ok(permit.expect("the semaphore is never closed"))
    }

    /// Runs `work` on a blocking thread. The turn goes there too and comes back: a caller that gave up does not make
    /// room for another hash while its own still runs.
    async fn hash<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        work: impl FnOnce(&Secret) -> T + Send + 'static,
        password: &Secret,
    ) -> Result<(T, OwnedSemaphorePermit), AuthError> {
        #[cfg(test)]
        self.hashes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let password = password.clone();
        tokio::task::spawn_blocking(move || (work(&password), turn))
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
