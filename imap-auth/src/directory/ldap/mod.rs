//! [`LdapDirectory`]: users of an LDAP server (RFC 4511), which checks passwords itself: a bind is the check.

mod pool;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ldap3::{dn_escape, ldap_escape};

use self::pool::Pool;
use super::{BoxFuture, Directory, DirectoryError, UserRecord, Verified};
use crate::password::SuccessCache;
use crate::{Credentials, Secret, UserAttributes, prepare_user_name};

/// How an LDAP server is asked.
#[derive(Debug, Clone)]
pub struct LdapSettings {
    /// What the operator calls the directory.
    pub name: String,
    /// The servers, `ldaps://HOST[:PORT]` or `ldap://HOST[:PORT]`: the first that answers is asked.
    pub urls: Vec<String>,
    /// TLS by STARTTLS on `ldap://`.
    pub starttls: bool,
    /// Passwords may go to another machine without TLS: for tests and networks of one's own.
    pub allow_cleartext: bool,
    /// A PEM file with the authorities that are trusted; none: those of the system.
    pub roots: Option<PathBuf>,
    /// How a user's entry is found.
    pub lookup: LdapLookup,
    /// The attribute with the user's name as the server spells it; an entry without it is refused.
    pub name_attribute: String,
    /// Where the user's groups are; none: there are none.
    pub groups: Option<LdapGroups>,
    /// The members of this group are administrators.
    pub admin_group: Option<String>,
    /// How long connecting, with TLS, and each answer may take.
    pub timeout: Duration,
    /// How many connections there may be at once.
    pub connections_max: usize,
    /// How long a right password counts without another bind, so that ten connections of one client are one bind. Zero:
    /// not at all. An entry that is gone, or is not found by the filter any more, is looked up every time.
    pub cache: Duration,
}

/// How a user's entry is found.
#[derive(Debug, Clone)]
pub enum LdapLookup {
    /// Searched, by a user of our own, and then bound to with the password.
    Search {
        /// Our own user; none: the search is anonymous.
        bind: Option<(String, Secret)>,
        /// Below which entry.
        base: String,
        /// Such as `(&(objectClass=inetOrgPerson)(uid={user}))`. Users that it does not find, or that may not get
        /// in, are unknown.
        filter: String,
    },
    /// Bound to at once. Nobody can be looked up without their password, so only mechanisms that show it let such users
    /// in, and nobody can act as one of them. Unknown users and wrong passwords look the same, and the next directory is
    /// asked for both.
    Direct {
        /// Such as `uid={user},ou=people,dc=example,dc=org`.
        dn: String,
    },
}

/// Where the groups of a user are.
#[derive(Debug, Clone)]
pub struct LdapGroups {
    /// Below which entry.
    pub base: String,
    /// Such as `(&(objectClass=groupOfNames)(member={dn}))`; `{user}` is the user's name.
    pub filter: String,
    /// The attribute with a group's name.
    pub name_attribute: String,
}

impl LdapSettings {
    /// Of these servers, with this lookup: entries name the user by `uid`, no groups, five seconds for an answer,
    /// eight connections, right passwords count for a minute.
    pub fn new(urls: Vec<String>, lookup: LdapLookup) -> Self {
        Self {
            name: "ldap".into(),
            urls,
            starttls: false,
            allow_cleartext: false,
            roots: None,
            lookup,
            name_attribute: "uid".into(),
            groups: None,
            admin_group: None,
            timeout: Duration::from_secs(5),
            connections_max: 8,
            cache: Duration::from_secs(60),
        }
    }
}

/// The settings cannot be used; the operator must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("LDAP: {reason}")]
pub struct BadLdapSettings {
    /// Why.
    pub reason: String,
}

/// Users of an LDAP server. Connections are made when they are needed, kept, and made again when they break.
pub struct LdapDirectory {
    settings: LdapSettings,
    pool: Pool,
    successes: Mutex<SuccessCache>,
}

/// A user's entry.
struct Entry {
    dn: String,
    record: UserRecord,
}

impl LdapDirectory {
    /// Reads the authorities' file; connects to nobody yet.
    pub fn new(settings: LdapSettings) -> Result<Self, BadLdapSettings> {
        let bad = |reason: String| Err(BadLdapSettings { reason });
        let template = match &settings.lookup {
            LdapLookup::Search { filter, .. } => filter,
            LdapLookup::Direct { dn } => dn,
        };
        if !template.contains("{user}") {
            return bad(format!("{template:?} has no {{user}}: it would find the same entry for everybody"));
        }
        if let LdapLookup::Search { bind: Some((dn, password)), .. } = &settings.lookup
            && (dn.is_empty()
                || password.expose().is_empty()
                || std::str::from_utf8(password.expose()).is_err())
        {
            return bad("our own user needs a name and a password of UTF-8".into());
        }
        let pool = Pool::new(&settings)?;
        let successes = Mutex::new(SuccessCache::new(settings.cache));
        Ok(Self { settings, pool, successes })
    }

    async fn search(&self, name: &str) -> Result<Option<Entry>, DirectoryError> {
        let LdapLookup::Search { base, filter, .. } = &self.settings.lookup else { return Ok(None) };
        let filter = filter.replace("{user}", &ldap_escape(name));
        let found = self.pool.search(base, &filter, &self.settings.name_attribute).await?;
        let mut found = found.into_iter();
        let Some((dn, attributes)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            let reason = format!("more than one entry is found for {name:?}");
            return Err(DirectoryError { reason });
        }
        self.entry(dn, &attributes).await.map(Some)
    }

    /// The entry as a user, with the groups that it is in.
    async fn entry(
        &self,
        dn: String,
        attributes: &HashMap<String, Vec<String>>,
    ) -> Result<Entry, DirectoryError> {
        let name =
            attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(&self.settings.name_attribute));
        let name = name.and_then(|(_, values)| values.first());
        let name =
            name.and_then(|name| prepare_user_name(name.as_bytes()).ok()).ok_or_else(|| DirectoryError {
                reason: format!("{dn:?} has no {} that could be a user's name", self.settings.name_attribute),
            })?;
        let groups = self.groups(&dn, &name).await?;
        let admin = self.settings.admin_group.as_ref().is_some_and(|group| groups.contains(group));
        let record = UserRecord {
            name,
            credentials: Credentials::none(),
            attributes: UserAttributes { admin, groups, ..UserAttributes::default() },
            directory: self.settings.name.clone(),
        };
        Ok(Entry { dn, record })
    }

    async fn groups(&self, dn: &str, name: &str) -> Result<Vec<String>, DirectoryError> {
        let Some(groups) = &self.settings.groups else { return Ok(Vec::new()) };
        // One pass: what stands for one word must not be taken for the other.
        let filter: String = groups
            .filter
            .split_inclusive('}')
            .map(|part| match part.strip_suffix("{dn}") {
                Some(before) => format!("{before}{}", ldap_escape(dn)),
                None => match part.strip_suffix("{user}") {
                    Some(before) => format!("{before}{}", ldap_escape(name)),
                    None => part.to_owned(),
                },
            })
            .collect();
        let found = self.pool.search(&groups.base, &filter, &groups.name_attribute).await?;
        let names = found.into_iter().flat_map(|(_, attributes)| attributes.into_values().flatten().take(1));
        Ok(names.collect())
    }

    async fn search_and_bind(&self, name: &str, password: &Secret) -> Result<Verified, DirectoryError> {
        let Some(entry) = self.search(name).await? else {
            // As long as it takes with a user that is there.
            self.pool.bind(&self.nobody(), password).await?;
            return Ok(Verified::Unknown);
        };
        let key = self.successes().key_of([entry.dn.as_bytes(), password.expose()]);
        if self.successes().contains(&key, Instant::now()) {
            return Ok(Verified::Fits(entry.record));
        }
        if !self.pool.bind(&entry.dn, password).await? {
            return Ok(Verified::Wrong);
        }
        self.successes().insert(key, Instant::now());
        Ok(Verified::Fits(entry.record))
    }

    async fn bind_direct(
        &self,
        template: &str,
        name: &str,
        password: &Secret,
    ) -> Result<Verified, DirectoryError> {
        let dn = template.replace("{user}", &dn_escape(name));
        let Some(attributes) = self.pool.bind_and_read(&dn, password, &self.settings.name_attribute).await?
        else {
            return Ok(Verified::Unknown);
        };
        Ok(Verified::Fits(self.entry(dn, &attributes).await?.record))
    }

    /// The name of an entry that is not there.
    fn nobody(&self) -> String {
        let LdapLookup::Search { base, .. } = &self.settings.lookup else { return String::new() };
        format!("cn=restante-nobody-d2f1c6a0,{base}")
    }

    fn successes(&self) -> std::sync::MutexGuard<'_, SuccessCache> {
        self.successes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory for LdapDirectory {
    fn name(&self) -> &str {
        &self.settings.name
    }

    /// A bind at once says nothing of who does not give a password.
    fn finds_all(&self) -> bool {
        matches!(self.settings.lookup, LdapLookup::Search { .. })
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        Box::pin(async move { Ok(self.search(name).await?.map(|entry| entry.record)) })
    }

    fn verify<'a>(
        &'a self,
        name: &'a str,
        password: &'a Secret,
    ) -> BoxFuture<'a, Result<Verified, DirectoryError>> {
        Box::pin(async move {
            match &self.settings.lookup {
                LdapLookup::Search { .. } => self.search_and_bind(name, password).await,
                LdapLookup::Direct { dn } => self.bind_direct(dn, name, password).await,
            }
        })
    }
}

#[cfg(test)]
mod tests;
