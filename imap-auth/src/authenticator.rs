//! [`Authenticator`]: the server's side. What is offered, and the exchanges.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{Directory, HashCost, Secret};

/// Settings of the server's side.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What a hash costs when a password is set, and so what an unknown user costs.
    pub cost: HashCost,
    /// How many passwords may be hashed at once.
    pub hashes_at_once: usize,
}

/// What is known of the connection that asks.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    /// TLS is on, or the operator allows passwords in clear text on this listener.
    pub passwords_allowed: bool,
    /// Who asks.
    pub peer: Option<IpAddr>,
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
    /// Wrong name or password: NO [AUTHENTICATIONFAILED].
    #[error("wrong user name or password")]
    Failed,
    /// The right user may not act as the one asked for: NO [AUTHORIZATIONFAILED].
    #[error("not allowed to act as that user")]
    NotAuthorized,
    /// Passwords are not taken without TLS here: NO [PRIVACYREQUIRED].
    #[error("a password needs TLS here")]
    PrivacyRequired,
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
    /// A directory or a limit: NO [UNAVAILABLE].
    #[error("authentication is unavailable: {reason}")]
    Unavailable {
        /// Why, for the operator.
        reason: String,
    },
}

/// The server's side of authentication. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    #[allow(dead_code, reason = "the seam")]
    directory: Arc<dyn Directory>,
}

/// One SASL exchange.
pub struct Exchange {}

/// What comes next in an exchange.
#[derive(Debug)]
pub enum Step {
    /// Send this (not yet in base64) and step again with the answer.
    Challenge(Vec<u8>),
    /// The user is in.
    Done(Identity),
}

impl Authenticator {
    /// Over a directory.
    pub fn new(directory: Arc<dyn Directory>, settings: Settings) -> Self {
        let _ = settings;
        Self { directory }
    }
    /// The mechanisms offered on a channel, strongest first: for `AUTH=`.
    pub fn mechanisms(&self, channel: &Channel) -> Vec<&'static str> {
        let _ = channel;
        todo!()
    }
    /// The LOGIN command. An unknown user costs the same time. Hashes off the async threads.
    pub async fn login(
        &self,
        user: &[u8],
        password: &Secret,
        channel: &Channel,
    ) -> Result<Identity, AuthError> {
        let _ = (user, password, channel);
        todo!()
    }
    /// Begins AUTHENTICATE. `mechanism` in upper case.
    pub fn start(&self, mechanism: &str, channel: &Channel) -> Result<Exchange, AuthError> {
        let _ = (mechanism, channel);
        todo!()
    }
}

impl Exchange {
    /// Whether the mechanism lets the client speak first, so that an initial response makes sense and, without one, the
    /// server sends an empty challenge.
    pub fn client_first(&self) -> bool {
        todo!()
    }
    /// The next step with what the client sent (base64 already undone; `None`: nothing yet).
    pub async fn step(&mut self, response: Option<&Secret>) -> Result<Step, AuthError> {
        let _ = response;
        todo!()
    }
}
