//! What the configuration says of logins, made into what imap-auth works with: directories, tokens, the throttle.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use imap_auth::{
    Directories, Directory, Introspection, LdapDirectory, LdapGroups, LdapLookup, LdapSettings,
    OauthSettings, PasswdFile, Secret, Settings, Throttle, TokenKey, Tokens,
};
use imap_store::Store;
use zeroize::Zeroizing;

use crate::config::{Config, DirectoryConfig, LdapConfig, OauthConfig};
use crate::directory::StoreDirectory;
use crate::users::Users;

/// Something that logins need cannot be used; the operator must act.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct AccessError {
    /// The directory's name, a file, or `oauth`.
    what: String,
    reason: String,
}

/// The directories in order; the store alone where none is named.
pub(crate) fn directories(
    config: &Config,
    store: &Store,
    users: &Users,
) -> Result<Arc<dyn Directory>, AccessError> {
    let internal = || -> Arc<dyn Directory> { Arc::new(StoreDirectory::new(store.clone(), users.clone())) };
    let mut all: Vec<Arc<dyn Directory>> = Vec::new();
    for directory in &config.directories {
        all.push(match directory {
            DirectoryConfig::Internal => internal(),
            DirectoryConfig::PasswdFile { name, file } => {
                let opened = PasswdFile::open(name.as_str(), file.as_path());
                Arc::new(opened.map_err(|error| wrong(name, error))?)
            }
            DirectoryConfig::Ldap(config) => {
                let settings = ldap(config)?;
                Arc::new(LdapDirectory::new(settings).map_err(|error| wrong(&config.name, error))?)
            }
        });
    }
    Ok(match all.len() {
        0 => internal(),
        1 => all.remove(0),
        _ => Arc::new(Directories::new(all)),
    })
}

/// The settings of the authenticator.
pub(crate) fn settings(
    config: &Config,
    server_secret: Secret,
    throttle: Option<Throttle>,
) -> Result<Settings, AccessError> {
    let tokens = config.oauth.as_ref().map(tokens).transpose()?;
    let certificates = config.client_certificates.clone();
    let anonymous = config.anonymous.clone();
    Ok(Settings {
        certificates,
        throttle,
        anonymous,
        tokens: tokens.map(Arc::new),
        ..Settings::new(server_secret)
    })
}

fn ldap(config: &LdapConfig) -> Result<LdapSettings, AccessError> {
    let missing = |what: &str| wrong(&config.name, format!("`{what}` is missing"));
    let lookup = match &config.user_dn {
        Some(dn) => LdapLookup::Direct { dn: dn.clone() },
        None => LdapLookup::Search {
            bind: match (&config.bind_dn, &config.bind_password_file) {
                (None, None) => None,
                (Some(dn), Some(file)) => Some((dn.clone(), secret(file)?)),
                (Some(_), None) => return Err(missing("bind-password-file")),
                (None, Some(_)) => return Err(missing("bind-dn")),
            },
            base: config.base.clone().ok_or_else(|| missing("base"))?,
            filter: config.filter.clone().unwrap_or_else(|| "(uid={user})".into()),
        },
    };
    let groups = config.group_base.as_ref().map(|base| LdapGroups {
        base: base.clone(),
        filter: config.group_filter.clone().unwrap_or_else(|| "(member={dn})".into()),
        name_attribute: config.group_attribute.clone().unwrap_or_else(|| "cn".into()),
    });
    let default = LdapSettings::new(config.urls.clone(), lookup);
    Ok(LdapSettings {
        name: config.name.clone(),
        starttls: config.starttls,
        allow_cleartext: config.allow_cleartext,
        roots: config.ca.clone(),
        name_attribute: config.name_attribute.clone().unwrap_or(default.name_attribute),
        groups,
        admin_group: config.admin_group.clone(),
        timeout: config.timeout_seconds.map_or(default.timeout, Duration::from_secs),
        connections_max: config.connections_max.unwrap_or(default.connections_max),
        cache: config.cache_seconds.map_or(default.cache, Duration::from_secs),
        ..default
    })
}

fn tokens(config: &OauthConfig) -> Result<Tokens, AccessError> {
    let mut keys: Vec<TokenKey> = config.jwks_files.iter().cloned().map(TokenKey::JwksFile).collect();
    for file in &config.public_key_files {
        let pem = std::fs::read(file).map_err(|error| wrong(&file.display().to_string(), error))?;
        keys.push(TokenKey::PublicPem(pem));
    }
    if let Some(file) = &config.secret_file {
        keys.push(TokenKey::Secret(secret(file)?));
    }
    let introspection = match &config.introspection_url {
        None => None,
        Some(url) => {
            let default = Introspection::new(url.as_str());
            Some(Introspection {
                client_id: config.client_id.clone(),
                client_secret: config.client_secret_file.as_deref().map(secret).transpose()?,
                roots: config.ca.clone(),
                cache: config.cache_seconds.map_or(default.cache, Duration::from_secs),
                ..default
            })
        }
    };
    let default = OauthSettings::default();
    let settings = OauthSettings {
        keys,
        algorithms: config.algorithms.clone().unwrap_or(default.algorithms),
        issuers: config.issuers.clone(),
        audiences: config.audiences.clone(),
        clock_skew: config.clock_skew_seconds.map_or(default.clock_skew, Duration::from_secs),
        scopes: config.scopes.clone(),
        user_claim: config.user_claim.clone().unwrap_or(default.user_claim),
        introspection,
        openid_configuration: config.openid_configuration.clone(),
        unknown_users: config.unknown_users,
    };
    Tokens::new(settings).map_err(|error| wrong("oauth", error))
}

/// A secret from a file of its own; one line end behind it does not count.
fn secret(file: &Path) -> Result<Secret, AccessError> {
    let octets = std::fs::read(file).map_err(|error| wrong(&file.display().to_string(), error))?;
    let octets = Zeroizing::new(octets);
    let line = octets.strip_suffix(b"\n").unwrap_or(&octets);
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

fn wrong(what: &str, reason: impl ToString) -> AccessError {
    AccessError { what: what.to_owned(), reason: reason.to_string() }
}
