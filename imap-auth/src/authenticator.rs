//! [`Authenticator`]: the server's side. What is offered, and the way in.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Backend;
use crate::{AuthError, Channel, Directory, Exchange, Identity, Secret, Settings, exchange};

/// The server's side of authentication. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    backend: Arc<Backend>,
}

impl Authenticator {
    /// Over a directory; [`crate::Directories`] makes one of several.
    ///
    /// # Panics
    ///
    /// Where [`Settings::cost`] is out of its range or the system has no random numbers: at start, not later.
    pub fn new(directory: Arc<dyn Directory>, settings: Settings) -> Self {
        Self { backend: Arc::new(Backend::new(directory, settings)) }
    }

    /// The mechanisms offered on a channel, strongest first: for `AUTH=`.
    pub fn mechanisms(&self, channel: &Channel) -> Vec<&'static str> {
        exchange::offered(&self.backend, channel)
    }

    /// Whether the LOGIN command is taken on a channel; else LOGINDISABLED. A listener that allows neither PLAIN nor
    /// LOGIN wants no password shown.
    pub fn login_command_offered(&self, channel: &Channel) -> bool {
        channel.passwords_allowed && ["PLAIN", "LOGIN"].iter().any(|name| channel.mechanisms.contains(name))
    }

    /// The LOGIN command (RFC 9051 §6.2.3). An unknown user costs the same time. Hashes off the async threads.
    pub async fn login(
        &self,
        user: &[u8],
        password: &Secret,
        channel: &Channel,
    ) -> Result<Identity, AuthError> {
        if !channel.passwords_allowed {
            return Err(AuthError::PrivacyRequired);
        }
        if !self.login_command_offered(channel) {
            return Err(AuthError::UnknownMechanism);
        }
        let entered = async {
            let proven = self.backend.password(user, password, channel).await?;
            self.backend.admit(proven, "", "login").await
        };
        let entered = entered.await;
        self.backend.note(&String::from_utf8_lossy(user), channel.peer, &entered);
        entered
    }

    /// Whether a user of that name is there, neither disabled nor expired. `None` where nobody was found, and a directory
    /// finds users with their passwords only ([`Directory::finds_all`]). [`AuthError::Unavailable`] where a directory
    /// does not answer.
    pub async fn welcomes(&self, user: &str) -> Result<Option<bool>, AuthError> {
        self.backend.welcomes(user).await
    }

    /// How long the answer to a failure of LOGIN or of an exchange is to wait: longer with each that counts (see
    /// [`crate::ThrottleSettings::delay_max`]), else not at all. Whoever answers waits, since only they see the client go;
    /// `user` is whom the client said it is, or empty.
    pub fn answer_delay(&self, error: &AuthError, user: &str, channel: &Channel) -> Duration {
        if error.counts() { self.backend.delay(user, channel.peer) } else { Duration::ZERO }
    }

    /// Begins AUTHENTICATE. `mechanism` in upper case.
    ///
    /// Fails with [`AuthError::UnknownMechanism`] or [`AuthError::PrivacyRequired`]; nothing was asked then.
    pub fn start(&self, mechanism: &str, channel: &Channel) -> Result<Exchange, AuthError> {
        Exchange::start(mechanism, &self.backend, channel)
    }
}

#[cfg(test)]
mod tests;
