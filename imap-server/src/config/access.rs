//! `[[directory]]`, `[oauth]`, `[client-certificates]` and `[throttle]`: where users come from, and what proves them.

use std::path::PathBuf;
use std::time::Duration;

use imap_auth::{CertificateField, CertificateMapping, ThrottleSettings, TokenAlgorithm};
use serde::Deserialize;

use super::ConfigError;
use super::listener::networks;

/// Where users are looked up.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum DirectoryConfig {
    /// The store.
    Internal,
    /// A file of lines `USER:{SCHEME}HASH`.
    PasswdFile {
        /// What it is called in logs.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// An LDAP server.
    Ldap(Box<LdapConfig>),
}

/// An LDAP server, as the file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LdapConfig {
    /// What it is called in logs.
    pub name: String,
    /// The first that answers is asked.
    pub urls: Vec<String>,
    /// TLS by STARTTLS on `ldap://`.
    #[serde(default)]
    pub starttls: bool,
    /// Passwords may go there without TLS.
    #[serde(default)]
    pub allow_cleartext: bool,
    /// The authorities that are trusted; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// `None`: users are searched.
    pub user_dn: Option<String>,
    /// Below which entry users are searched.
    pub base: Option<String>,
    /// How.
    pub filter: Option<String>,
    /// Who searches; `None`: anybody may.
    pub bind_dn: Option<String>,
    /// The searcher's password.
    pub bind_password_file: Option<PathBuf>,
    /// The attribute with the user's name.
    pub name_attribute: Option<String>,
    /// Below which entry groups are searched.
    pub group_base: Option<String>,
    /// How.
    pub group_filter: Option<String>,
    /// The attribute with a group's name.
    pub group_attribute: Option<String>,
    /// Its members are administrators.
    pub admin_group: Option<String>,
    /// For connecting and for each answer.
    pub timeout_seconds: Option<u64>,
    /// At once.
    pub connections_max: Option<usize>,
    /// How long a right password counts without another bind.
    pub cache_seconds: Option<u64>,
}

/// `[oauth]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OauthConfig {
    /// Sets of keys.
    pub jwks_files: Vec<PathBuf>,
    /// Public keys, PEM.
    pub public_key_files: Vec<PathBuf>,
    /// The secret of HS256.
    pub secret_file: Option<PathBuf>,
    /// Signatures that count; `None`: RS256, ES256, EdDSA.
    #[serde(deserialize_with = "algorithms")]
    pub algorithms: Option<Vec<TokenAlgorithm>>,
    /// Who may have given a token out.
    pub issuers: Vec<String>,
    /// For whom it has to be.
    pub audiences: Vec<String>,
    /// What it has to allow.
    pub scopes: Vec<String>,
    /// The claim that names the user.
    pub user_claim: Option<String>,
    /// How far clocks may differ.
    pub clock_skew_seconds: Option<u64>,
    /// Who is asked about opaque tokens.
    pub introspection_url: Option<String>,
    /// What we call ourselves there.
    pub client_id: Option<String>,
    /// What we prove it with.
    pub client_secret_file: Option<PathBuf>,
    /// The authorities that are trusted; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// How long a good answer counts.
    pub cache_seconds: Option<u64>,
    /// Where clients find out how to get a token.
    pub openid_configuration: Option<String>,
    /// A token's user may be in no directory.
    pub unknown_users: bool,
}

fn algorithms<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<TokenAlgorithm>>, D::Error> {
    let names: Vec<String> = Vec::deserialize(from)?;
    let known = |name: &String| {
        TokenAlgorithm::named(name).ok_or_else(|| {
            serde::de::Error::custom(format!("there is no algorithm {name:?} for tokens here"))
        })
    };
    names.iter().map(known).collect::<Result<_, _>>().map(Some)
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct ClientCertificatesSection {
    fields: Option<Vec<Field>>,
    strip_domains: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Field {
    Email,
    CommonName,
}

impl ClientCertificatesSection {
    pub(super) fn into_mapping(self) -> CertificateMapping {
        let fields = self.fields.map(|fields| {
            let field = |field: &Field| match field {
                Field::Email => CertificateField::Email,
                Field::CommonName => CertificateField::CommonName,
            };
            fields.iter().map(field).collect()
        });
        let default = CertificateMapping::default();
        CertificateMapping { fields: fields.unwrap_or(default.fields), strip_domains: self.strip_domains }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct ThrottleSection {
    enabled: Option<bool>,
    failures_per_address_max: Option<u32>,
    failures_per_user_max: Option<u32>,
    failures_in_all_max: Option<u32>,
    window_seconds: Option<u64>,
    ban_seconds: Option<u64>,
    delay_seconds_max: Option<u64>,
    never: Vec<String>,
}

impl ThrottleSection {
    /// `None`: it is turned off.
    pub(super) fn into_settings(self) -> Result<Option<ThrottleSettings>, ConfigError> {
        if self.enabled == Some(false) {
            return Ok(None);
        }
        let default = ThrottleSettings::default();
        let seconds = |asked: Option<u64>, default| asked.map_or(default, Duration::from_secs);
        Ok(Some(ThrottleSettings {
            failures_per_address_max: self
                .failures_per_address_max
                .unwrap_or(default.failures_per_address_max),
            failures_per_user_max: self.failures_per_user_max.unwrap_or(default.failures_per_user_max),
            failures_in_all_max: self.failures_in_all_max.unwrap_or(default.failures_in_all_max),
            window: seconds(self.window_seconds, default.window),
            ban: seconds(self.ban_seconds, default.ban),
            delay_max: seconds(self.delay_seconds_max, default.delay_max),
            never: networks(&self.never).map_err(|reason| ConfigError::Throttle { reason })?,
        }))
    }
}
