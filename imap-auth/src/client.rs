//! The client's side of the exchanges.

use crate::Secret;

/// What a client knows of its user.
#[derive(Debug, Clone)]
pub struct UserPassword {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// One exchange of the client.
pub struct ClientExchange {}

/// No mechanism of the server's list can be used, or the server's message was wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct ClientAuthError {
    /// Why, for a person.
    pub reason: String,
}

impl ClientExchange {
    /// Picks the strongest mechanism that both sides know.
    pub fn start(offered: &[&str], credentials: UserPassword) -> Result<Self, ClientAuthError> {
        let _ = (offered, credentials);
        todo!()
    }
    /// The mechanism picked.
    pub fn mechanism(&self) -> &str {
        todo!()
    }
    /// The initial response, where the mechanism lets the client speak first.
    pub fn initial_response(&mut self) -> Result<Option<Secret>, ClientAuthError> {
        todo!()
    }
    /// The answer to a challenge (base64 already undone).
    pub fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientAuthError> {
        let _ = challenge;
        todo!()
    }
}
