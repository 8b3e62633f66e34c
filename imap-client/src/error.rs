//! [`Error`]: what can go wrong, by whose fault.

use std::io;
use std::sync::Arc;

use imap_proto::response::Code;

/// Why a command, or the connection, failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server said NO: the command was understood and not done.
    #[error("the server refused: {text}")]
    Refused {
        /// Why, for a program.
        code: Option<Code>,
        /// Why, for a person.
        text: String,
    },
    /// The server said BAD: it did not understand the command, or not now. One of both sides is faulty.
    #[error("the server did not understand: {text}")]
    Bad {
        /// Why, for a program.
        code: Option<Code>,
        /// Why, for a person.
        text: String,
    },
    /// The server has no means for what was asked, and there is no other way; nothing was sent.
    #[error("the server does not support {what}")]
    Unsupported {
        /// The capability that is missing.
        what: &'static str,
    },
    /// A password would go over the wire in clear text; nothing was sent.
    #[error("no password is sent without TLS")]
    ClearTextPassword,
    /// The user name or the password cannot be sent, or no mechanism is shared; nothing was sent.
    #[error("cannot log in: {reason}")]
    Login {
        /// Why, for a person.
        reason: String,
    },
    /// The caller's own argument is wrong; nothing was sent, or the connection had to be ended in mid-upload.
    #[error("{what}")]
    Argument {
        /// What is wrong with it.
        what: &'static str,
    },
    /// No answer in the time that was set. The command may still be carried out; its replies are dropped.
    #[error("the server did not answer in time")]
    Timeout,
    /// The server's octets are no IMAP. The connection is gone.
    #[error("the server broke the protocol: {what}")]
    Protocol {
        /// What came, for a person.
        what: String,
    },
    /// The connection is closed; the server's BYE, if there was one.
    #[error("the connection is closed: {reason}")]
    Closed {
        /// Why, for a person.
        reason: String,
    },
    /// The network failed. The connection is gone.
    #[error("the network failed: {0}")]
    Io(#[source] Arc<io::Error>),
    /// No TLS connection could be made, or the server's certificate is not trusted. Nothing was sent.
    #[error("TLS failed: {0}")]
    Tls(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// What everything here gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn tls(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Tls(Arc::new(error))
    }

    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into() }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
