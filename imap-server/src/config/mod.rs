//! [`Config`]: what the operator decided, from a TOML file, from flags, or by default. One table of the file, one file here.
//!
//! `docs/restante.toml` has every key with its meaning and default, and is a test of this module.

mod access;
mod acme;
mod limits;
mod listener;
mod store;
#[cfg(test)]
mod tests;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use imap_auth::{CertificateMapping, ThrottleSettings};
use serde::Deserialize;

use self::access::{ClientCertificatesSection, ThrottleSection};
use self::acme::AcmeSection;
use self::limits::LimitsSection;
use self::listener::ListenerSection;
use self::store::StoreSection;
use self::tls::{CertificateSection, TlsSection};
use crate::Limits;

pub use access::{DirectoryConfig, LdapConfig, OauthConfig};
pub use acme::{AcmeChallenge, AcmeConfig};
pub use listener::{Listen, ListenerConfig, Protocol, TlsMode};
pub use tls::{CertificateConfig, ClientCa, TlsFiles};

/// Everything that `serve` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything lies.
    pub data: PathBuf,
    /// Told in greetings.
    pub host_name: String,
    /// Where it listens, and what is allowed there.
    pub listeners: Vec<ListenerConfig>,
    /// The admin API's socket; `None`: off.
    pub admin: Option<PathBuf>,
    /// Certificate chain and key, PEM; `None`: the self-signed ones in the data directory.
    pub tls: Option<TlsFiles>,
    /// Certificates for clients that ask for a name.
    pub certificates: Vec<CertificateConfig>,
    /// A certificate that is ordered and renewed; `None`: there is none.
    pub acme: Option<AcmeConfig>,
    /// Where users are looked up, in order; none: in the store.
    pub directories: Vec<DirectoryConfig>,
    /// Tokens; `None`: they are not taken.
    pub oauth: Option<OauthConfig>,
    /// What those are called that come with ANONYMOUS; `None`: it is not offered.
    pub anonymous: Option<String>,
    /// Whose a client certificate is.
    pub client_certificates: CertificateMapping,
    /// Who is refused after too many failures; `None`: nobody.
    pub throttle: Option<ThrottleSettings>,
    /// Where metrics are told; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Settings of the store.
    pub store: imap_store::Options,
    /// Shorter passwords are refused when they are set.
    pub password_octets_min: usize,
    /// The bounds.
    pub limits: Limits,
    /// How long sessions may take to end when the server stops.
    pub stop_timeout: Duration,
}

/// What flags say over the file.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--imap`: the addresses of the listener `imap`; `Some(None)` turns it off.
    pub imap: Option<Option<SocketAddr>>,
    /// `--imaps`: those of the listener `imaps`; `Some(None)` turns it off.
    pub imaps: Option<Option<SocketAddr>>,
    /// `--admin`; `Some(None)` turns it off.
    pub admin: Option<Option<PathBuf>>,
    /// `--allow-cleartext`: on the listener `imap`.
    pub allow_cleartext: bool,
}

/// The configuration cannot be used; the operator must change it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {error}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The file is no such configuration: the text names key and line.
    #[error("the configuration {file} is wrong: {reason}")]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Key, line and reason.
        reason: String,
    },
    /// Clear text was asked for on an address that others can reach.
    #[error(
        "allow-cleartext is for loopback addresses only, and {address} is none: passwords would cross the network unencrypted"
    )]
    CleartextBeyondLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// A listener cannot be as it is written.
    #[error("the listener {name:?} is wrong: {reason}")]
    Listener {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// `[acme]` cannot be as it is written.
    #[error("acme is wrong: {reason}")]
    Acme {
        /// Why.
        reason: &'static str,
    },
    /// A network of `throttle.never` is none.
    #[error("throttle.never is wrong: {reason}")]
    Throttle {
        /// Which.
        reason: String,
    },
    /// A certificate without its key, or the other way round.
    #[error("tls.certificate and tls.key belong together: one of them is missing")]
    HalfTls,
}

/// Where data lies when nobody says.
pub const DEFAULT_DATA: &str = "./restante-data";

const ADMIN_SOCKET: &str = "admin.sock";
const NONE: &str = "none";

impl Config {
    /// Reads `file` (or takes the defaults), lays the flags over it and checks the whole.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        let read = match file {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError::Unreadable { file: path.to_owned(), error })?;
                toml::from_str(&text).map_err(|error| ConfigError::Wrong {
                    file: path.to_owned(),
                    reason: error.to_string().trim_end().replace('\n', "\n  "),
                })?
            }
        };
        read.into_config(overrides)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    data: Option<PathBuf>,
    host_name: Option<String>,
    imap: Option<ListenerSection>,
    imaps: Option<ListenerSection>,
    listener: Vec<ListenerSection>,
    admin: Admin,
    tls: TlsSection,
    certificate: Vec<CertificateSection>,
    acme: Option<AcmeSection>,
    directory: Vec<DirectoryConfig>,
    oauth: Option<OauthConfig>,
    anonymous: Option<Anonymous>,
    client_certificates: ClientCertificatesSection,
    throttle: ThrottleSection,
    metrics: MetricsSection,
    store: StoreSection,
    passwords: Passwords,
    limits: LimitsSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Admin {
    socket: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Anonymous {
    user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct MetricsSection {
    listen: Option<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Passwords {
    octets_min: Option<usize>,
}

impl File {
    fn into_config(self, overrides: Overrides) -> Result<Config, ConfigError> {
        let listeners = listener::listeners([self.imap, self.imaps], self.listener, &overrides)?;
        let data = overrides.data.or(self.data).unwrap_or_else(|| DEFAULT_DATA.into());
        let socket = match overrides.admin {
            Some(decided) => decided,
            None => admin_socket(self.admin.socket, &data),
        };
        let (tls, certificates) = tls::certificates(self.tls, self.certificate)?;
        let stop_timeout = Duration::from_secs(self.limits.stop_seconds.unwrap_or(10));
        let limits = self.limits.into_limits();
        let mut store = self.store.into_options();
        store.message_octets_max = limits.message_octets_max;
        Ok(Config {
            data,
            host_name: self.host_name.unwrap_or_else(|| "localhost".into()),
            listeners,
            admin: socket,
            tls,
            certificates,
            acme: self.acme.map(AcmeSection::into_config).transpose()?,
            directories: self.directory,
            oauth: self.oauth,
            anonymous: self.anonymous.map(|anonymous| anonymous.user),
            client_certificates: self.client_certificates.into_mapping(),
            throttle: self.throttle.into_settings()?,
            metrics: self.metrics.listen,
            store,
            password_octets_min: self.passwords.octets_min.unwrap_or(1).max(1),
            limits,
            stop_timeout,
        })
    }
}

/// The socket that the file asks for; a relative path lies below the data directory.
fn admin_socket(asked: Option<PathBuf>, data: &Path) -> Option<PathBuf> {
    match asked {
        Some(path) if path.as_os_str() == NONE => None,
        Some(path) => Some(data.join(path)),
        None => Some(data.join(ADMIN_SOCKET)),
    }
}
