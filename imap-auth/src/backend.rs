//! [`Backend`]: what every mechanism asks: users, passwords, who may act as whom.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::password::PasswordCheck;
use crate::{
    AuthError, CertificateMapping, Channel, Directory, Identity, Secret, Settings, Throttle, UserRecord,
    prepare_user_name,
};

pub(crate) struct Backend {
    directory: Arc<dyn Directory>,
    passwords: PasswordCheck,
    pub(crate) server_secret: Secret,
    pub(crate) certificates: CertificateMapping,
    pub(crate) anonymous: Option<String>,
    pub(crate) throttle: Option<Throttle>,
    #[cfg(feature = "oauth")]
    pub(crate) tokens: Option<Arc<crate::Tokens>>,
}

/// A user who has proved to be that one.
pub(crate) struct Proven {
    pub(crate) user: UserRecord,
    /// The name of the application password, where it was one.
    pub(crate) application_password: Option<String>,
}

impl From<UserRecord> for Proven {
    fn from(user: UserRecord) -> Self {
        Self { user, application_password: None }
    }
}

impl Backend {
    pub(crate) fn new(directory: Arc<dyn Directory>, settings: Settings) -> Self {
        Self {
            passwords: PasswordCheck::new(Arc::clone(&directory), settings.cost, settings.hashes_at_once),
            directory,
            server_secret: settings.server_secret,
            certificates: settings.certificates,
            anonymous: settings.anonymous,
            throttle: settings.throttle,
            #[cfg(feature = "oauth")]
            tokens: settings.tokens,
        }
    }

    /// The user of that (prepared) name. [`AuthError::Unavailable`] when the directory does not answer.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<UserRecord>, AuthError> {
        let found = self.directory.find(name).await;
        found.map_err(|error| AuthError::Unavailable { reason: error.to_string() })
    }

    /// Whether a user of that name is there and may come in now; `None`: that cannot be said without a password.
    pub(crate) async fn welcomes(&self, name: &str) -> Result<Option<bool>, AuthError> {
        let found = self.find(name).await?;
        let may = |user: UserRecord| !user.attributes.disabled && !user.attributes.expired(SystemTime::now());
        Ok(found.map(may).or_else(|| self.directory.finds_all().then_some(false)))
    }

    /// The user with that name (as the client sent it) and that password. See [`PasswordCheck::check`].
    pub(crate) async fn password(
        &self,
        name: &[u8],
        password: &Secret,
        channel: &Channel,
    ) -> Result<Proven, AuthError> {
        // What is no user name at all is nobody's: the rules are public, so saying it fast tells nothing.
        let name = prepare_user_name(name).map_err(|_| AuthError::UNKNOWN_USER)?;
        self.may_try(&name, channel.peer)?;
        self.passwords.check(&name, password, channel).await
    }

    /// Whether what proves to be that user may be looked at; empty: nobody is named before it is.
    pub(crate) fn may_try(&self, name: &str, peer: Option<IpAddr>) -> Result<(), AuthError> {
        self.throttle.as_ref().map_or(Ok(()), |throttle| throttle.admit(peer, name))
    }

    /// Notes how a try ended.
    pub(crate) fn note<T>(&self, name: &str, peer: Option<IpAddr>, outcome: &Result<T, AuthError>) {
        if let Some(throttle) = &self.throttle {
            throttle.note(peer, name, outcome);
        }
    }

    /// How long the answer to a failure waits.
    pub(crate) fn delay(&self, name: &str, peer: Option<IpAddr>) -> Duration {
        self.throttle.as_ref().map_or(Duration::ZERO, |throttle| throttle.delay(peer, name))
    }

    /// Lets a user in as whom they ask for: `authzid` is empty or names the user in question, or somebody whom the
    /// user may act as. Everybody who comes in, by whatever mechanism, comes through here.
    pub(crate) async fn admit(
        &self,
        proven: Proven,
        authzid: &str,
        mechanism: &'static str,
    ) -> Result<Identity, AuthError> {
        let Proven { user, application_password } = proven;
        let now = SystemTime::now();
        if user.attributes.disabled {
            return Err(AuthError::DISABLED);
        }
        if user.attributes.expired(now) {
            return Err(AuthError::Expired);
        }
        let Some(other) = self.other(&user, authzid).await? else {
            return Ok(Identity { application_password, ..Identity::of(user, mechanism) });
        };
        // An application password is for one program and one user's mail.
        let may = user.attributes.admin && application_password.is_none();
        match other {
            Some(other) if may && !other.attributes.disabled && !other.attributes.expired(now) => {
                Ok(Identity { authenticated: user.name, ..Identity::of(other, mechanism) })
            }
            _ => Err(AuthError::NotAuthorized),
        }
    }

    /// Whom `authzid` names if it is not the user: `Some(None)` is nobody.
    async fn other(&self, user: &UserRecord, authzid: &str) -> Result<Option<Option<UserRecord>>, AuthError> {
        if authzid.is_empty() || authzid == user.name {
            return Ok(None);
        }
        let Ok(name) = prepare_user_name(authzid.as_bytes()) else { return Ok(Some(None)) };
        let other = self.find(&name).await?;
        // The same user under another spelling.
        let same =
            other.as_ref().is_some_and(|other| other.name == user.name && other.directory == user.directory);
        Ok((!same).then_some(other))
    }

    /// How many passwords were hashed so far.
    #[cfg(test)]
    pub(crate) fn hashes(&self) -> usize {
        self.passwords.hashes()
    }
}
