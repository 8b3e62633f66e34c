//! `[acme]`: a certificate that is ordered and renewed by itself (RFC 8555).

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// What is ordered, and from whom.
#[derive(Debug, Clone)]
pub struct AcmeConfig {
    /// The directory's URL.
    pub directory: String,
    /// `mailto:` addresses.
    pub contact: Vec<String>,
    /// What the certificate is for, in lower case; at least one.
    pub names: Vec<String>,
    /// How it is shown that the names are ours.
    pub challenge: AcmeChallenge,
    /// Where HTTP-01 is answered: what the outside sees as port 80.
    pub http_listen: Vec<SocketAddr>,
    /// The authority of the directory's own certificate, PEM; `None`: the system's.
    pub ca: Option<PathBuf>,
}

/// How it is shown that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcmeChallenge {
    /// A file on port 80 (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// A certificate on port 443 (RFC 8737): a listener with implicit TLS has to be there.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AcmeSection {
    directory: String,
    #[serde(default)]
    contact: Vec<String>,
    names: Vec<String>,
    challenge: AcmeChallenge,
    #[serde(default)]
    http_listen: Vec<SocketAddr>,
    #[serde(default)]
    agree_to_terms: bool,
    ca: Option<PathBuf>,
}

impl AcmeSection {
    pub(super) fn into_config(self) -> Result<AcmeConfig, ConfigError> {
        let wrong = |reason: &'static str| Err(ConfigError::Acme { reason });
        if !self.agree_to_terms {
            return wrong("agree-to-terms = true says that the directory's terms of service are agreed to");
        }
        if self.names.is_empty() {
            return wrong("no name is given");
        }
        if self.names.iter().any(|name| name.starts_with("*.")) {
            return wrong("a wildcard needs DNS-01, which is not done here");
        }
        if self.challenge == AcmeChallenge::Http01 && self.http_listen.is_empty() {
            return wrong("http-01 needs http-listen: what the outside sees as port 80");
        }
        Ok(AcmeConfig {
            directory: self.directory,
            contact: self.contact,
            names: self.names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            challenge: self.challenge,
            http_listen: self.http_listen,
            ca: self.ca,
        })
    }
}
