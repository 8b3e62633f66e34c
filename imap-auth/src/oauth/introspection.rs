//! [`Introspector`]: asks the server that gave a token out (RFC 7662).

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::{BadOauthSettings, Claims, TokenError};
use crate::Secret;

/// Who is asked about opaque tokens.
#[derive(Debug, Clone)]
pub struct Introspection {
    /// `https://...`, or `http://` to this very machine.
    pub url: String,
    /// What we call ourselves there, if anything.
    pub client_id: Option<String>,
    /// What we prove it with (HTTP Basic).
    pub client_secret: Option<Secret>,
    /// A PEM file with the authorities that are trusted; none: those of the system.
    pub roots: Option<PathBuf>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a good answer counts, at most until the token's end. Zero: not at all.
    pub cache: Duration,
}

impl Introspection {
    /// At that address, as nobody in particular; ten seconds for an answer, which counts for a minute.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client_id: None,
            client_secret: None,
            roots: None,
            timeout: Duration::from_secs(10),
            cache: Duration::from_secs(60),
        }
    }
}

/// Asks, and remembers good answers for a short while.
pub(super) struct Introspector {
    settings: Introspection,
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    at_once: Semaphore,
    good: Mutex<Good>,
}

/// Good answers by the digest of their token.
#[derive(Default)]
struct Good {
    entries: HashMap<[u8; 32], (Claims, SystemTime)>,
    /// In the order in which they came.
    order: VecDeque<[u8; 32]>,
}

impl Introspector {
    pub(super) fn new(settings: Introspection) -> Result<Self, BadOauthSettings> {
        let bad = |reason: String| BadOauthSettings { reason };
        let uri: Uri = settings.url.parse().map_err(|_| bad(format!("{:?} is no URL", settings.url)))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let here =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback());
        if uri.scheme_str() != Some("https") && !(uri.scheme_str() == Some("http") && here) {
            return Err(bad(format!("{}: tokens go over https only", settings.url)));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(error.to_string()))?
            .with_root_certificates(roots(&settings)?)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self { settings, uri, client, at_once: Semaphore::new(REQUESTS_MAX), good: Mutex::default() })
    }

    /// What that server says of the token.
    pub(super) async fn ask(&self, token: &Secret, now: SystemTime) -> Result<Claims, TokenError> {
        let key: [u8; 32] = Sha256::digest(token.expose()).into();
        if let Some(known) = self.remembered(&key, now) {
            return Ok(known);
        }
        let asking = tokio::time::timeout(self.settings.timeout, self.request(token));
        let claims = asking.await.map_err(|_| unavailable("no answer in time"))??;
        if claims.get("active") == Some(&Value::Bool(true)) {
            self.remember(key, &claims, now);
        }
        Ok(claims)
    }

    async fn request(&self, token: &Secret) -> Result<Claims, TokenError> {
        let _turn = self.at_once.acquire().await.map_err(|_| unavailable("stopped"))?;
        let body = format!("token={}&token_type_hint=access_token", form(token.expose()));
        let mut request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        if let (Some(id), Some(secret)) = (&self.settings.client_id, &self.settings.client_secret) {
            // RFC 6749 §2.3.1: each is encoded as in a form first.
            let pair = STANDARD.encode(format!("{}:{}", form(id.as_bytes()), form(secret.expose())));
            let mut value = hyper::header::HeaderValue::try_from(format!("Basic {pair}"))
                .map_err(|_| unavailable("the client's name cannot be sent"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::from(body)).map_err(|error| unavailable(error.to_string()))?;
        let answer = self.client.request(request).await.map_err(|error| unavailable(chain(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(unavailable(format!("it answered {}", answer.status())));
        }
        let body = Limited::new(answer.into_body(), ANSWER_OCTETS_MAX).collect().await;
        let body = body.map_err(|error| unavailable(error.to_string()))?.to_bytes();
        serde_json::from_slice(&body).map_err(|_| unavailable("its answer is no JSON object"))
    }

    fn remembered(&self, key: &[u8; 32], now: SystemTime) -> Option<Claims> {
        let good = self.good();
        good.entries.get(key).filter(|(_, until)| now < *until).map(|(claims, _)| claims.clone())
    }

    fn remember(&self, key: [u8; 32], claims: &Claims, now: SystemTime) {
        let end = claims
            .get("exp")
            .and_then(Value::as_u64)
            .and_then(|end| UNIX_EPOCH.checked_add(Duration::from_secs(end)));
        let until = (now + self.settings.cache).min(end.unwrap_or(now + self.settings.cache));
        if until <= now {
            return;
        }
        let mut good = self.good();
        if good.entries.insert(key, (claims.clone(), until)).is_none() {
            good.order.push_back(key);
        }
        let over = |good: &Good| {
            let oldest = good.order.front().and_then(|key| good.entries.get(key));
            good.order.len() > REMEMBERED_MAX || oldest.is_some_and(|(_, until)| *until <= now)
        };
        while over(&good) {
            if let Some(key) = good.order.pop_front() {
                good.entries.remove(&key);
            }
        }
    }

    fn good(&self) -> std::sync::MutexGuard<'_, Good> {
        // It is whole after every step.
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn roots(settings: &Introspection) -> Result<RootCertStore, BadOauthSettings> {
    let mut roots = RootCertStore::empty();
    match &settings.roots {
        Some(path) => {
            let bad = |reason: String| BadOauthSettings { reason: format!("{}: {reason}", path.display()) };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))? {
                let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

/// The error and what it comes from: hyper's own text is "client error (Connect)" and no more.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

fn unavailable(reason: impl Into<String>) -> TokenError {
    TokenError::Unavailable(format!("the token's server: {}", reason.into()))
}

/// `application/x-www-form-urlencoded`.
fn form(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                text.push(char::from(*octet))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

const REQUESTS_MAX: usize = 32;
const ANSWER_OCTETS_MAX: usize = 64 * 1024;
const REMEMBERED_MAX: usize = 10_000;
