//! [`Authenticator`]: the server's side. What is offered, and the way in.

use std::net::IpAddr;
use std::sync::Arc;

use crate::password::PasswordCheck;
use crate::{ChannelBindings, Directory, Exchange, HashCost, Secret, exchange, prepare_user_name};

/// Settings of the server's side.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What a hash costs when a password is set, and so what an unknown user costs.
    pub cost: HashCost,
    /// How many passwords may be hashed at once, at least 1.
    pub hashes_at_once: usize,
    /// 32 random octets, the same after every restart and known to nobody else. SCRAM shows an unknown user the salt
    /// that it makes of them: who sees the salt change, or can compute it, knows that there is no such user.
    pub server_secret: Secret,
}

/// What is known of the connection that asks.
#[derive(Debug, Clone, Default)]
pub struct Channel {
    /// TLS is on, or the operator allows passwords in clear text on this listener. Nobody gets in otherwise, not by a
    /// mechanism that keeps the password to itself either: the mail would go in clear text, and whoever sits in
    /// between could take the session over.
    pub passwords_allowed: bool,
    /// Who asks.
    pub peer: Option<IpAddr>,
    /// What the TLS connection has for `-PLUS`.
    pub bindings: ChannelBindings,
}

/// Who got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user whose mail is opened, as the directory spells it.
    pub user: String,
    /// How: `PLAIN`, `LOGIN`, ... (the LOGIN command is `login`).
    pub mechanism: &'static str,
}

/// Why somebody did not get in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Wrong name or password: `NO [AUTHENTICATIONFAILED]`.
    #[error("wrong user name or password")]
    Failed,
    /// The right user may not act as the one asked for: `NO [AUTHORIZATIONFAILED]`.
    #[error("not allowed to act as that user")]
    NotAuthorized,
    /// Passwords are not taken without TLS here: `NO [PRIVACYREQUIRED]`.
    #[error("a password needs TLS here")]
    PrivacyRequired,
    /// The login is not bound to the TLS connection that it came over, or somebody in between hid that it could be:
    /// NO, and no question for another password.
    #[error("channel binding failed: {reason}")]
    ChannelBinding {
        /// Why, for a person.
        reason: &'static str,
    },
    /// The mechanism is not offered: NO.
    #[error("the mechanism is not offered")]
    UnknownMechanism,
    /// The client's message is malformed: BAD.
    #[error("the response cannot be read: {reason}")]
    Malformed {
        /// Why, for a person.
        reason: &'static str,
    },
    /// The client sent `*`: BAD.
    #[error("cancelled")]
    Cancelled,
    /// A directory or a limit: `NO [UNAVAILABLE]`.
    #[error("authentication is unavailable: {reason}")]
    Unavailable {
        /// Why, for the operator.
        reason: String,
    },
}

/// The server's side of authentication. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    passwords: Arc<PasswordCheck>,
}

impl Authenticator {
    /// Over a directory.
    ///
    /// # Panics
    ///
    /// Where [`Settings::cost`] is out of its range or the system has no random numbers: at start, not later.
    pub fn new(directory: Arc<dyn Directory>, settings: Settings) -> Self {
        Self { passwords: Arc::new(PasswordCheck::new(directory, settings)) }
    }

    /// The mechanisms offered on a channel, strongest first: for `AUTH=`.
    pub fn mechanisms(&self, channel: &Channel) -> Vec<&'static str> {
        exchange::offered(channel)
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
        let name = prepare_user_name(user).map_err(|_| AuthError::Failed)?;
        let user = self.passwords.check(&name, password).await?;
        Ok(Identity { user: user.name, mechanism: "login" })
    }

    /// Begins AUTHENTICATE. `mechanism` in upper case.
    ///
    /// Fails with [`AuthError::UnknownMechanism`] or [`AuthError::PrivacyRequired`]; nothing was asked then.
    pub fn start(&self, mechanism: &str, channel: &Channel) -> Result<Exchange, AuthError> {
        Exchange::start(mechanism, &self.passwords, channel)
    }
}

#[cfg(test)]
mod tests;
