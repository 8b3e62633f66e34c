//! TLS: the certificates, the handshakes, and the self-signed certificate of the first start.
//!
//! rustls with ring, TLS 1.2 and 1.3, and its cipher suites: all with forward secrecy and AEAD, as RFC 9325 asks. The
//! provider is always named, so that no other crate's choice in the graph matters. [`Certificates`] are the server's,
//! chosen by the name that the client asks for; an acceptor is a listener's.

mod acceptor;
mod certificate;
mod certificates;
mod self_signed;

use std::io;
use std::path::PathBuf;

pub(super) use acceptor::{Accepted, Acceptor};
pub use certificate::CertificateInfo;
pub use certificates::Certificates;
pub use self_signed::self_signed;

/// A certificate or key that cannot be used; the operator must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The system refused.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file holds no PEM of the needed kind.
    #[error("{file} holds no {wanted} in PEM form: {reason}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// `certificate` or `private key`.
        wanted: &'static str,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not go together, or the key is of an unknown kind.
    #[error("{certificate} and {key} cannot be used: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: String,
    },
    /// The self-signed certificate could not be made.
    #[error("cannot make a self-signed certificate: {reason}")]
    Made {
        /// Why.
        reason: String,
    },
}
