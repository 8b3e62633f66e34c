//! `[[listener]]`, and `[imap]` and `[imaps]`, which are short for the listeners of these names.

use std::net::SocketAddr;
use std::path::PathBuf;

use imap_auth::{Mechanisms, Network};
use serde::Deserialize;

use super::tls::ClientCertificate;
use super::{ClientCa, ConfigError, Overrides};
use crate::session::options::DialectOptions;

/// One listener: where, what is spoken there, and what is allowed.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// For logs, the audit and the ready line.
    pub name: String,
    /// Where it listens.
    pub listen: Listen,
    /// What is spoken.
    pub protocol: Protocol,
    /// When TLS comes.
    pub tls: TlsMode,
    /// Passwords are taken without TLS.
    pub allow_cleartext: bool,
    /// That is so on addresses that others can reach, too.
    pub cleartext_beyond_loopback: bool,
    /// The SASL mechanisms that are taken there, as far as the connection allows.
    pub mechanisms: Mechanisms,
    /// Whose client certificates are taken; `None`: they are not asked for.
    pub client_ca: Option<ClientCa>,
    /// Proxies whose connections begin with the PROXY protocol, and nobody else's.
    pub trusted_proxies: Vec<Network>,
    /// What old and faulty clients need.
    pub dialect: DialectOptions,
}

/// Where a listener listens.
#[derive(Debug, Clone, Default)]
pub struct Listen {
    /// Addresses; port 0 takes a free one.
    pub addresses: Vec<SocketAddr>,
    /// The addresses are our default: one that this machine does not have (no IPv6) is passed over.
    pub is_default: bool,
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// IMAP, from IMAP2 to IMAP4rev2.
    #[default]
    Imap,
}

/// When TLS comes on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// With the first octet (RFC 8314 §3).
    Implicit,
    /// By STARTTLS.
    #[default]
    Starttls,
    /// Never: passwords go in clear text, by the operator's decision.
    None,
}

/// A listener as the file has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct ListenerSection {
    name: Option<String>,
    listen: Option<OneOrMore>,
    protocol: Protocol,
    tls: Option<TlsMode>,
    allow_cleartext: bool,
    cleartext_beyond_loopback: bool,
    mechanisms: Option<Vec<String>>,
    client_ca: Option<PathBuf>,
    client_certificate: Option<ClientCertificate>,
    trusted_proxies: Vec<String>,
    dialect: DialectOptions,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "listen is \"ADDRESS:PORT\", or a list of such")]
enum OneOrMore {
    One(SocketAddr),
    More(Vec<SocketAddr>),
}

/// Name, TLS and default addresses of `[imap]` and `[imaps]`.
const SHORT: [(&str, TlsMode, [&str; 2]); 2] = [
    (IMAP, TlsMode::Starttls, ["127.0.0.1:1143", "[::1]:1143"]),
    (IMAPS, TlsMode::Implicit, ["127.0.0.1:1993", "[::1]:1993"]),
];
const IMAP: &str = "imap";
const IMAPS: &str = "imaps";

/// The listeners of a file, with the flags laid over them. Without `[[listener]]`, `[imap]` and `[imaps]` are there also
/// where the file does not name them.
pub(super) fn listeners(
    short: [Option<ListenerSection>; 2],
    tables: Vec<ListenerSection>,
    overrides: &Overrides,
) -> Result<Vec<ListenerConfig>, ConfigError> {
    let by_default = tables.is_empty();
    let flags = [overrides.imap, overrides.imaps];
    let mut listeners = Vec::new();
    for ((section, flag), (name, tls, default)) in short.into_iter().zip(flags).zip(SHORT) {
        let is_named = tables.iter().any(|table| table.name.as_deref() == Some(name));
        let section = match section {
            Some(section) => section,
            None if is_named || (!by_default && flag.is_none()) => continue,
            None => ListenerSection::default(),
        };
        listeners.push(section.into_short(name, tls, default)?);
    }
    for table in tables {
        listeners.push(table.into_listener()?);
    }
    for (flag, (name, ..)) in flags.into_iter().zip(SHORT) {
        if let (Some(decided), Some(listener)) = (flag, listeners.iter_mut().find(|one| one.name == name)) {
            listener.listen = Listen { addresses: decided.into_iter().collect(), is_default: false };
        }
    }
    if overrides.allow_cleartext {
        listeners.iter_mut().filter(|one| one.name == IMAP).for_each(|one| one.allow_cleartext = true);
    }
    check(&listeners)?;
    Ok(listeners)
}

/// What types cannot say.
fn check(listeners: &[ListenerConfig]) -> Result<(), ConfigError> {
    for (at, listener) in listeners.iter().enumerate() {
        if listeners[..at].iter().any(|earlier| earlier.name == listener.name) {
            return Err(listener.wrong("there are two of that name"));
        }
        let beyond = listener.listen.addresses.iter().find(|address| !address.ip().is_loopback());
        match beyond {
            Some(address) if listener.allow_cleartext && !listener.cleartext_beyond_loopback => {
                return Err(ConfigError::CleartextBeyondLoopback { address: *address });
            }
            _ => {}
        }
    }
    Ok(())
}

impl ListenerSection {
    fn into_short(
        mut self,
        name: &str,
        tls: TlsMode,
        default: [&str; 2],
    ) -> Result<ListenerConfig, ConfigError> {
        let is_default = self.listen.is_none();
        let addresses = default.map(|text| text.parse().expect("a constant address"));
        self.listen.get_or_insert_with(|| OneOrMore::More(addresses.into()));
        self.tls.get_or_insert(tls);
        if self.name.as_deref().is_some_and(|given| given != name) {
            return Err(ConfigError::Listener {
                name: name.into(),
                reason: "it has that name already".into(),
            });
        }
        self.name = Some(name.into());
        let mut listener = self.into_listener()?;
        listener.listen.is_default = is_default;
        Ok(listener)
    }

    fn into_listener(self) -> Result<ListenerConfig, ConfigError> {
        let name = self.name.unwrap_or_default();
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(is_good) {
            let reason = "every [[listener]] needs a name of letters, digits, `-`, `_` and `.`".into();
            return Err(ConfigError::Listener { name, reason });
        }
        let tls = self.tls.unwrap_or_default();
        let addresses = match self.listen {
            Some(OneOrMore::One(address)) => vec![address],
            Some(OneOrMore::More(addresses)) => addresses,
            None => {
                return Err(ConfigError::Listener { name, reason: "`listen` is missing".into() });
            }
        };
        let is_required = self.client_certificate == Some(ClientCertificate::Require);
        if self.client_certificate.is_some() && self.client_ca.is_none() {
            let reason = "`client-certificate` needs `client-ca`".into();
            return Err(ConfigError::Listener { name, reason });
        }
        let wrong = |reason: String| ConfigError::Listener { name: name.clone(), reason };
        let trusted_proxies = networks(&self.trusted_proxies).map_err(wrong)?;
        let mechanisms = match &self.mechanisms {
            None => Mechanisms::all(),
            Some(names) => Mechanisms::named(names.iter().map(String::as_str))
                .map_err(|error| wrong(error.to_string()))?,
        };
        let listener = ListenerConfig {
            name,
            listen: Listen { addresses, is_default: false },
            protocol: self.protocol,
            tls,
            allow_cleartext: self.allow_cleartext || tls == TlsMode::None,
            cleartext_beyond_loopback: self.cleartext_beyond_loopback,
            mechanisms,
            client_ca: self.client_ca.map(|file| ClientCa { file, is_required }),
            trusted_proxies,
            dialect: self.dialect,
        };
        if tls == TlsMode::Implicit && listener.allow_cleartext {
            return Err(listener.wrong("with implicit TLS there is no clear text to allow"));
        }
        Ok(listener)
    }
}

/// Reads networks; an error names the one that is none.
pub(super) fn networks(texts: &[String]) -> Result<Vec<Network>, String> {
    let read = |text: &String| text.parse().map_err(|error| format!("{text:?}: {error}"));
    texts.iter().map(read).collect()
}

impl ListenerConfig {
    fn wrong(&self, reason: &str) -> ConfigError {
        ConfigError::Listener { name: self.name.clone(), reason: reason.into() }
    }
}
