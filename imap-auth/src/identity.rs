//! [`Identity`]: who got in; [`AuthError`]: why somebody did not.

use crate::{UserAttributes, UserRecord};

/// Who got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user whose mail is opened, as the directory spells it.
    pub user: String,
    /// Who proved to be somebody: `user`, or the administrator who acts as `user`. The audit log names both.
    pub authenticated: String,
    /// How: `PLAIN`, `LOGIN`, ... (the LOGIN command is `login`).
    pub mechanism: &'static str,
    /// Nobody proved anything (ANONYMOUS): `user` is [`crate::Settings::anonymous`], and the mail is read-only.
    pub anonymous: bool,
    /// The name of the application password, where it was one.
    pub application_password: Option<String>,
    /// The [`crate::Directory::name`] of the directory that knows `user`; empty where none does.
    pub directory: String,
    /// What `user` is and may do.
    pub attributes: UserAttributes,
}

impl Identity {
    /// Somebody acts as another.
    pub fn acts_as_another(&self) -> bool {
        self.user != self.authenticated
    }

    pub(crate) fn of(user: UserRecord, mechanism: &'static str) -> Self {
        Self {
            authenticated: user.name.clone(),
            user: user.name,
            mechanism,
            anonymous: false,
            application_password: None,
            directory: user.directory,
            attributes: user.attributes,
        }
    }
}

impl AuthError {
    /// Whether it may have been a guess: such failures are counted.
    pub(crate) fn counts(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::ChannelBinding { .. })
    }
}

/// Why somebody did not get in. What it shows as is for the log, and never for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Wrong name, password, token or certificate: `NO [AUTHENTICATIONFAILED]`, the same for all reasons.
    #[error("{reason}")]
    Failed {
        /// Which, for the log.
        reason: &'static str,
    },
    /// The password is right, but the user's time is over: `NO [EXPIRED]` (RFC 5530 §3).
    #[error("the user has expired")]
    Expired,
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

impl AuthError {
    /// There is no such user; it costs and looks as [`Self::WRONG_PASSWORD`] does.
    pub(crate) const UNKNOWN_USER: Self = Self::Failed { reason: "no such user" };
    pub(crate) const WRONG_PASSWORD: Self = Self::Failed { reason: "wrong password" };
    /// The password may have been right.
    pub(crate) const DISABLED: Self = Self::Failed { reason: "the user is disabled" };
}
