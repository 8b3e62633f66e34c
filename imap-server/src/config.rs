//! [`Config`]: what the operator decided, from a TOML file, from flags, or by default.
//!
//! `docs/restante.toml` has every key with its meaning and default, and is a test of this module.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::Limits;

/// Everything that `serve` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything lies.
    pub data: PathBuf,
    /// Told in greetings.
    pub host_name: String,
    /// Clear text with STARTTLS; empty: off.
    pub imap: Listen,
    /// STARTTLS is offered there.
    pub starttls: bool,
    /// Passwords are taken without TLS there; [`Config::load`] refuses it beyond loopback addresses.
    pub allow_cleartext: bool,
    /// TLS from the first octet; empty: off.
    pub imaps: Listen,
    /// The admin API's socket; `None`: off.
    pub admin: Option<PathBuf>,
    /// Certificate chain and key, PEM; `None`: the self-signed ones in the data directory.
    pub tls: Option<TlsFiles>,
    /// Settings of the store.
    pub store: imap_store::Options,
    /// Shorter passwords are refused when they are set.
    pub password_octets_min: usize,
    /// The bounds.
    pub limits: Limits,
    /// How long sessions may take to end when the server stops.
    pub stop_timeout: Duration,
}

/// Where a listener listens.
#[derive(Debug, Clone, Default)]
pub struct Listen {
    /// Addresses; port 0 takes a free one.
    pub addresses: Vec<SocketAddr>,
    /// The addresses are our default: one that this machine does not have (no IPv6) is passed over.
    pub is_default: bool,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// What flags say over the file.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--imap`; `Some(None)` turns it off.
    pub imap: Option<Option<SocketAddr>>,
    /// `--imaps`; `Some(None)` turns it off.
    pub imaps: Option<Option<SocketAddr>>,
    /// `--admin`; `Some(None)` turns it off.
    pub admin: Option<Option<PathBuf>>,
    /// `--allow-cleartext`.
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
    /// A certificate without its key, or the other way round.
    #[error("tls.certificate and tls.key belong together: one of them is missing")]
    HalfTls,
}

/// Where data lies when nobody says.
pub const DEFAULT_DATA: &str = "./restante-data";

const DEFAULT_IMAP: [&str; 2] = ["127.0.0.1:1143", "[::1]:1143"];
const DEFAULT_IMAPS: [&str; 2] = ["127.0.0.1:1993", "[::1]:1993"];
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
        let config = read.into_config(overrides)?;
        config.check()?;
        Ok(config)
    }

    /// What types cannot say.
    fn check(&self) -> Result<(), ConfigError> {
        let beyond = self.imap.addresses.iter().find(|address| !address.ip().is_loopback());
        match beyond {
            Some(address) if self.allow_cleartext => {
                Err(ConfigError::CleartextBeyondLoopback { address: *address })
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    data: Option<PathBuf>,
    host_name: Option<String>,
    imap: Imap,
    imaps: Imaps,
    admin: Admin,
    tls: Tls,
    store: StoreSection,
    passwords: Passwords,
    limits: LimitsSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Imap {
    listen: Option<Vec<SocketAddr>>,
    starttls: Option<bool>,
    allow_cleartext: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Imaps {
    listen: Option<Vec<SocketAddr>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Admin {
    socket: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct StoreSection {
    durability: Option<Durability>,
    segment_octets: Option<u64>,
    cache_octets: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "durability is \"sync\", \"none\", or a number of milliseconds")]
enum Durability {
    Named(DurabilityName),
    Milliseconds(u32),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DurabilityName {
    Sync,
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Passwords {
    octets_min: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct LimitsSection {
    connections_max: Option<usize>,
    connections_per_address_max: Option<usize>,
    connections_per_user_max: Option<usize>,
    line_octets_before_login_max: Option<usize>,
    line_octets_max: Option<usize>,
    literal_octets_max: Option<u64>,
    literals_max: Option<usize>,
    message_octets_max: Option<u64>,
    bad_commands_max: Option<u32>,
    failed_logins_max: Option<u32>,
    login_seconds: Option<u64>,
    idle_seconds: Option<u64>,
    idle_command_seconds: Option<u64>,
    receive_seconds: Option<u64>,
    send_seconds: Option<u64>,
    stop_seconds: Option<u64>,
}

impl File {
    fn into_config(self, overrides: Overrides) -> Result<Config, ConfigError> {
        let data = overrides.data.or(self.data).unwrap_or_else(|| DEFAULT_DATA.into());
        let socket = match overrides.admin {
            Some(decided) => decided,
            None => admin_socket(self.admin.socket, &data),
        };
        let tls = match (self.tls.certificate, self.tls.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            _ => return Err(ConfigError::HalfTls),
        };
        let stop_timeout = Duration::from_secs(self.limits.stop_seconds.unwrap_or(10));
        let limits = self.limits.into_limits();
        let mut store = self.store.into_options();
        store.message_octets_max = limits.message_octets_max;
        Ok(Config {
            data,
            host_name: self.host_name.unwrap_or_else(|| "localhost".into()),
            imap: listen(overrides.imap, self.imap.listen, DEFAULT_IMAP),
            starttls: self.imap.starttls.unwrap_or(true),
            allow_cleartext: overrides.allow_cleartext || self.imap.allow_cleartext,
            imaps: listen(overrides.imaps, self.imaps.listen, DEFAULT_IMAPS),
            admin: socket,
            tls,
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

fn listen(flag: Option<Option<SocketAddr>>, file: Option<Vec<SocketAddr>>, default: [&str; 2]) -> Listen {
    match (flag, file) {
        (Some(decided), _) => Listen { addresses: decided.into_iter().collect(), is_default: false },
        (None, Some(addresses)) => Listen { addresses, is_default: false },
        (None, None) => Listen {
            addresses: default.iter().map(|text| text.parse().expect("a constant address")).collect(),
            is_default: true,
        },
    }
}

impl StoreSection {
    fn into_options(self) -> imap_store::Options {
        let default = imap_store::Options::default();
        imap_store::Options {
            segment_octets: self.segment_octets.unwrap_or(default.segment_octets),
            cache_octets: self.cache_octets.unwrap_or(default.cache_octets),
            durability: match self.durability {
                None => default.durability,
                Some(Durability::Named(DurabilityName::Sync)) => imap_store::Durability::Sync,
                Some(Durability::Named(DurabilityName::None)) => imap_store::Durability::None,
                Some(Durability::Milliseconds(milliseconds)) => {
                    imap_store::Durability::Interval(milliseconds)
                }
            },
            ..default
        }
    }
}

impl LimitsSection {
    fn into_limits(self) -> Limits {
        let default = Limits::default();
        let seconds = |asked: Option<u64>, default| asked.map_or(default, Duration::from_secs);
        Limits {
            connections_max: self.connections_max.unwrap_or(default.connections_max),
            connections_per_address_max: self
                .connections_per_address_max
                .unwrap_or(default.connections_per_address_max),
            connections_per_user_max: self
                .connections_per_user_max
                .unwrap_or(default.connections_per_user_max),
            line_octets_before_login_max: self
                .line_octets_before_login_max
                .unwrap_or(default.line_octets_before_login_max),
            line_octets_max: self.line_octets_max.unwrap_or(default.line_octets_max),
            literal_octets_max: self.literal_octets_max.unwrap_or(default.literal_octets_max),
            literals_max: self.literals_max.unwrap_or(default.literals_max),
            message_octets_max: self.message_octets_max.unwrap_or(default.message_octets_max),
            bad_commands_max: self.bad_commands_max.unwrap_or(default.bad_commands_max),
            failed_logins_max: self.failed_logins_max.unwrap_or(default.failed_logins_max),
            login_timeout: seconds(self.login_seconds, default.login_timeout),
            idle_timeout: seconds(self.idle_seconds, default.idle_timeout),
            idle_command_timeout: seconds(self.idle_command_seconds, default.idle_command_timeout),
            receive_timeout: seconds(self.receive_seconds, default.receive_timeout),
            send_timeout: seconds(self.send_seconds, default.send_timeout),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let config = file.into_config(Overrides::default()).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn without_a_file_it_listens_on_loopback_only() {
        let config = Config::load(None, Overrides::default()).expect("the defaults are fine");
        let mut all = config.imap.addresses.iter().chain(&config.imaps.addresses);
        assert!(all.all(|address| address.ip().is_loopback()));
        assert_eq!(config.data, Path::new(DEFAULT_DATA));
        assert!(!config.allow_cleartext);
    }

    #[test]
    fn an_unknown_key_is_named() {
        for (text, key) in [
            ("hostname = 'a'", "hostname"),
            ("[imap]\nport = 143", "port"),
            ("[limits]\nconnections = 4", "connections"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
        }
    }

    #[test]
    fn clear_text_stays_on_loopback() {
        let error =
            read("[imap]\nlisten = ['0.0.0.0:143']\nallow-cleartext = true").expect_err("not loopback");
        assert!(error.contains("0.0.0.0:143"), "{error}");
        assert!(read("[imap]\nlisten = ['127.0.0.1:143']\nallow-cleartext = true").is_ok());
        assert!(read("[imap]\nlisten = ['0.0.0.0:143']").is_ok());
    }

    #[test]
    fn the_documented_file_is_read_and_flags_win() {
        let documented = include_str!("../../docs/restante.toml");
        let file: File = toml::from_str(documented).expect("the documentation is right");
        let overrides =
            Overrides { imap: Some(None), data: Some("/elsewhere".into()), ..Overrides::default() };
        let config = file.into_config(overrides).expect("valid");
        assert!(config.imap.addresses.is_empty());
        assert_eq!(config.imaps.addresses.len(), 2);
        assert_eq!(config.admin.as_deref(), Some(Path::new("/elsewhere/admin.sock")));
        let (found, default) = (config.limits, Limits::default());
        assert_eq!(format!("{found:?}"), format!("{default:?}"), "the documented defaults are the defaults");
    }

    #[test]
    fn half_of_tls_is_refused() {
        assert!(read("[tls]\nkey = 'a'").expect_err("half").contains("belong together"));
    }
}
