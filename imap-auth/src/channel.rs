//! [`Channel`]: what is known of the connection that asks, and what its listener lets in.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{ChannelBindings, Mechanisms};

/// What is known of the connection that asks.
#[derive(Debug, Clone)]
pub struct Channel {
    /// TLS is on, or the operator allows passwords in clear text on this listener. Nobody gets in otherwise, not by a
    /// mechanism that keeps the password to itself either: the mail would go in clear text, and whoever sits in
    /// between could take the session over.
    pub passwords_allowed: bool,
    /// Who asks.
    pub peer: Option<IpAddr>,
    /// What the TLS connection has for `-PLUS`.
    pub bindings: ChannelBindings,
    /// The client's certificate, for EXTERNAL: only one that the TLS handshake verified.
    pub client_certificate: Option<ClientCertificate>,
    /// The mechanisms that the listener allows; what cannot be done anyway is never offered.
    pub mechanisms: Mechanisms,
    /// What is spoken, in lower case: application passwords may be bound to it.
    pub protocol: &'static str,
}

impl Default for Channel {
    /// IMAP by nobody known, without TLS, all mechanisms.
    fn default() -> Self {
        Self {
            passwords_allowed: false,
            peer: None,
            bindings: ChannelBindings::default(),
            client_certificate: None,
            mechanisms: Mechanisms::all(),
            protocol: "imap",
        }
    }
}

/// A client's certificate that the TLS handshake has verified against the operator's authorities. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    chain: Arc<[Vec<u8>]>,
}

impl ClientCertificate {
    /// The chain in DER as the client sent it, its own certificate first; `None` where it is empty. The caller has
    /// verified it: whoever can make one up is anybody.
    pub fn verified(chain: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Option<Self> {
        let chain: Arc<[Vec<u8>]> = chain.into_iter().map(Into::into).collect();
        (!chain.is_empty()).then_some(Self { chain })
    }

    /// The client's own certificate in DER.
    pub fn leaf(&self) -> &[u8] {
        &self.chain[0]
    }
}
