//! [`Pool`]: connections to the servers, in order; one that does not answer is passed over for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::Semaphore;

use super::{BadLdapSettings, LdapLookup, LdapSettings};
use crate::{DirectoryError, Secret};

/// The distinguished name of an entry, and the attributes that were asked for.
pub(super) type Found = (String, HashMap<String, Vec<String>>);

pub(super) struct Pool {
    servers: Vec<Server>,
    connection: LdapConnSettings,
    own: Option<(String, Secret)>,
    timeout: Duration,
    turns: Semaphore,
}

struct Server {
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// It did not answer then.
    failed: Option<Instant>,
    /// Bound as our own user, for searches.
    searching: Vec<Ldap>,
    /// Bound as anybody, for checking passwords.
    binding: Vec<Ldap>,
}

/// What is asked on one connection.
enum Question<'a> {
    Search { base: &'a str, filter: &'a str, attribute: &'a str },
    Bind { dn: &'a str, password: &'a str, read: Option<&'a str> },
}

enum Answer {
    Entries(Vec<Found>),
    /// The password is wrong, or there is no such entry.
    Refused,
}

/// Why a server gave no answer.
enum Failure {
    /// Another server may.
    Broken(String),
    /// Any other would say the same.
    Wrong(String),
}

impl Pool {
    pub(super) fn new(settings: &LdapSettings) -> Result<Self, BadLdapSettings> {
        let bad = |reason: String| BadLdapSettings { reason };
        if settings.urls.is_empty() {
            return Err(bad("no server is named".into()));
        }
        for url in &settings.urls {
            check_url(url, settings)?;
        }
        let connection = LdapConnSettings::new()
            .set_conn_timeout(settings.timeout)
            .set_starttls(settings.starttls)
            .set_config(tls(settings)?);
        let own = match &settings.lookup {
            LdapLookup::Search { bind, .. } => bind.clone(),
            LdapLookup::Direct { .. } => None,
        };
        Ok(Self {
            servers: settings
                .urls
                .iter()
                .map(|url| Server { url: url.clone(), state: Mutex::default() })
                .collect(),
            connection,
            own,
            timeout: settings.timeout,
            turns: Semaphore::new(settings.connections_max.max(1)),
        })
    }

    /// The entries below `base` that the filter finds, a few at the most, with one attribute each.
    pub(super) async fn search(
        &self,
        base: &str,
        filter: &str,
        attribute: &str,
    ) -> Result<Vec<Found>, DirectoryError> {
        match self.ask(&Question::Search { base, filter, attribute }).await? {
            Answer::Entries(found) => Ok(found),
            Answer::Refused => Ok(Vec::new()),
        }
    }

    /// Whether it is the password of that entry. No server is asked about an empty one: it would take the bind for an
    /// anonymous one, and say that all is well (RFC 4513 §5.1.2).
    pub(super) async fn bind(&self, dn: &str, password: &Secret) -> Result<bool, DirectoryError> {
        let Some(password) = bindable(password) else { return Ok(false) };
        let answer = self.ask(&Question::Bind { dn, password, read: None }).await?;
        Ok(matches!(answer, Answer::Entries(_)))
    }

    /// The same, and an attribute of the entry, read by its own rights.
    pub(super) async fn bind_and_read(
        &self,
        dn: &str,
        password: &Secret,
        attribute: &str,
    ) -> Result<Option<HashMap<String, Vec<String>>>, DirectoryError> {
        let Some(password) = bindable(password) else { return Ok(None) };
        match self.ask(&Question::Bind { dn, password, read: Some(attribute) }).await? {
            Answer::Entries(found) => Ok(found.into_iter().next().map(|(_, attributes)| attributes)),
            Answer::Refused => Ok(None),
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Answer, DirectoryError> {
        let waiting = tokio::time::timeout(self.timeout, self.turns.acquire());
        let _turn = waiting.await.ok().and_then(Result::ok).ok_or_else(|| DirectoryError {
            reason: "all connections to the LDAP server are taken".into(),
        })?;
        let now = Instant::now();
        // Those that failed just now last: they may be the only ones.
        let mut order: Vec<&Server> = self.servers.iter().collect();
        order.sort_by_key(|server| server.failed_lately(now));
        let mut reasons = Vec::new();
        for server in order {
            match self.ask_server(server, question).await {
                Ok(answer) => {
                    server.state().failed = None;
                    return Ok(answer);
                }
                Err(Failure::Wrong(reason)) => {
                    return Err(DirectoryError { reason: format!("{}: {reason}", server.url) });
                }
                Err(Failure::Broken(reason)) => {
                    tracing::warn!(server = server.url, reason, "an LDAP server does not answer");
                    server.state().failed = Some(Instant::now());
                    reasons.push(format!("{}: {reason}", server.url));
                }
            }
        }
        Err(DirectoryError { reason: reasons.join("; ") })
    }

    /// On a connection that is there, or on a new one: the server may have closed the old one long ago.
    async fn ask_server(&self, server: &Server, question: &Question<'_>) -> Result<Answer, Failure> {
        while let Some(mut ldap) = server.take(question) {
            if ldap.is_closed() {
                continue;
            }
            match self.put(&mut ldap, question).await {
                Err(Failure::Broken(_)) => {}
                answered => {
                    server.give_back(ldap, question);
                    return answered;
                }
            }
        }
        let mut ldap = self.connect(server).await?;
        if let (Question::Search { .. }, Some((dn, password))) = (question, &self.own) {
            let password = std::str::from_utf8(password.expose()).unwrap_or_default();
            let bound = ldap.with_timeout(self.timeout).simple_bind(dn, password).await.map_err(broken)?;
            if bound.rc != SUCCESS {
                // The operator's mistake; another server may know better.
                return Err(Failure::Broken(format!("our own user is refused: {}", told(&bound))));
            }
        }
        let answered = self.put(&mut ldap, question).await;
        if !matches!(answered, Err(Failure::Broken(_))) {
            server.give_back(ldap, question);
        }
        answered
    }

    async fn connect(&self, server: &Server) -> Result<Ldap, Failure> {
        // The crate's own limit ends with TCP and TLS; STARTTLS comes in between.
        let connecting = LdapConnAsync::with_settings(self.connection.clone(), &server.url);
        let connected = tokio::time::timeout(self.timeout, connecting).await;
        let (connection, ldap) =
            connected.map_err(|_| Failure::Broken("no answer in time".into()))?.map_err(broken)?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to an LDAP server ended");
            }
        });
        Ok(ldap)
    }

    async fn put(&self, ldap: &mut Ldap, question: &Question<'_>) -> Result<Answer, Failure> {
        match *question {
            Question::Search { base, filter, attribute } => {
                self.entries(ldap, base, Scope::Subtree, filter, attribute).await.map(Answer::Entries)
            }
            Question::Bind { dn, password, read } => {
                let bound =
                    ldap.with_timeout(self.timeout).simple_bind(dn, password).await.map_err(broken)?;
                match (bound.rc, read) {
                    (SUCCESS, None) => Ok(Answer::Entries(Vec::new())),
                    (SUCCESS, Some(attribute)) => {
                        let found = self.entries(ldap, dn, Scope::Base, "(objectClass=*)", attribute).await?;
                        if found.is_empty() {
                            return Err(Failure::Wrong(format!("{dn:?} may not read its own entry")));
                        }
                        Ok(Answer::Entries(found))
                    }
                    (NO_SUCH_OBJECT | INVALID_DN | INVALID_CREDENTIALS, _)
                    | (INAPPROPRIATE_AUTHENTICATION | CONSTRAINT_VIOLATION | UNWILLING_TO_PERFORM, _) => {
                        Ok(Answer::Refused)
                    }
                    _ => Err(Failure::Broken(told(&bound))),
                }
            }
        }
    }

    async fn entries(
        &self,
        ldap: &mut Ldap,
        base: &str,
        scope: Scope,
        filter: &str,
        attribute: &str,
    ) -> Result<Vec<Found>, Failure> {
        let options = SearchOptions::new().sizelimit(ENTRIES_MAX);
        let searched = ldap
            .with_timeout(self.timeout)
            .with_search_options(options)
            .search(base, scope, filter, [attribute])
            .await;
        let result = match searched {
            Err(LdapError::FilterParsing) => return Err(Failure::Wrong(format!("{filter:?} is no filter"))),
            other => other.map_err(broken)?,
        };
        match result.1.rc {
            SUCCESS => {}
            NO_SUCH_OBJECT => return Err(Failure::Wrong(format!("there is no {base:?}"))),
            _ => return Err(Failure::Broken(told(&result.1))),
        }
        let entries = result.0.into_iter().filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        let entries = entries.map(SearchEntry::construct);
        Ok(entries.map(|entry| (entry.dn, entry.attrs)).collect())
    }
}

impl Server {
    fn failed_lately(&self, now: Instant) -> bool {
        self.state().failed.is_some_and(|failed| now.saturating_duration_since(failed) < PASSED_OVER)
    }

    fn take(&self, question: &Question<'_>) -> Option<Ldap> {
        let mut state = self.state();
        match question {
            Question::Search { .. } => state.searching.pop(),
            Question::Bind { .. } => state.binding.pop(),
        }
    }

    fn give_back(&self, ldap: Ldap, question: &Question<'_>) {
        let mut state = self.state();
        match question {
            Question::Search { .. } => state.searching.push(ldap),
            Question::Bind { .. } => state.binding.push(ldap),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bindable(password: &Secret) -> Option<&str> {
    std::str::from_utf8(password.expose()).ok().filter(|password| !password.is_empty())
}

fn broken(error: LdapError) -> Failure {
    Failure::Broken(error.to_string())
}

/// The result's number and text, without the entries that it may quote.
fn told(result: &ldap3::LdapResult) -> String {
    format!("it answered {} {}", result.rc, result.text).trim_end().to_owned()
}

fn check_url(url: &str, settings: &LdapSettings) -> Result<(), BadLdapSettings> {
    let bad = |reason: String| Err(BadLdapSettings { reason });
    let Some((scheme, rest)) = url.split_once("://") else {
        return bad(format!("{url:?} is no URL of an LDAP server"));
    };
    let host = rest.split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback());
    match scheme {
        _ if host.is_empty() => bad(format!("{url:?} names no host")),
        "ldaps" => Ok(()),
        "ldap" if settings.starttls || settings.allow_cleartext || here => Ok(()),
        "ldap" => bad(format!("{url}: passwords would go over the network in clear text")),
        _ => bad(format!("{url:?} is no URL of an LDAP server")),
    }
}

fn tls(settings: &LdapSettings) -> Result<Arc<ClientConfig>, BadLdapSettings> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.roots {
        let bad = |reason: String| BadLdapSettings { reason: format!("{}: {reason}", path.display()) };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))? {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| BadLdapSettings { reason: error.to_string() })?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// How long a server that did not answer is asked last.
const PASSED_OVER: Duration = Duration::from_secs(30);
/// A user is in so many groups at the most.
const ENTRIES_MAX: i32 = 500;

// Result codes (RFC 4511 §4.1.9).
const SUCCESS: u32 = 0;
const CONSTRAINT_VIOLATION: u32 = 19;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN: u32 = 34;
const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
const INVALID_CREDENTIALS: u32 = 49;
const UNWILLING_TO_PERFORM: u32 = 53;
