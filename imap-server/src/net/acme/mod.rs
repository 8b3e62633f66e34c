//! [`Acme`]: a certificate that is ordered and renewed by itself (RFC 8555), with HTTP-01 or TLS-ALPN-01.
//!
//! Account and certificate lie in `DATA/acme`, each in one file of mode 0600 that is replaced as a whole, chain and key
//! together. While there is no new one the old certificate stays, and an order that failed is tried again, later each time.

mod http;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::tls::Certificates;
use crate::config::{AcmeChallenge, AcmeConfig, CertificateConfig, TlsFiles};
use crate::durable_file;

pub(crate) use http::{HttpChallenges, bind};

/// After the first failure; doubled with each.
const RETRY_FIRST: Duration = Duration::from_secs(60);
const RETRY_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// How long a directory may take to look at the challenges, and to sign.
const PATIENCE: Duration = Duration::from_secs(120);

/// Orders the certificate.
pub(crate) struct Acme {
    config: AcmeConfig,
    dir: PathBuf,
    certificates: Certificates,
    challenges: HttpChallenges,
    /// No other certificate is configured for clients that ask for no name.
    is_default: bool,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum AcmeError {
    #[error(transparent)]
    Directory(#[from] instant_acme::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0}")]
    Tls(#[from] super::tls::TlsError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Refused(String),
}

/// The account as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of another directory it is of no use.
    directory: String,
    credentials: AccountCredentials,
}

/// The certificate's file, chain and key in one.
pub(crate) fn files(data: &Path) -> TlsFiles {
    let file = data.join("acme").join("certificate.pem");
    TlsFiles { certificate: file.clone(), key: file }
}

impl Acme {
    pub(crate) fn new(
        config: AcmeConfig,
        data: &Path,
        certificates: Certificates,
        challenges: HttpChallenges,
        is_default: bool,
    ) -> Self {
        Self { config, dir: data.join("acme"), certificates, challenges, is_default }
    }

    /// Orders when it is time, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let wait = match failures {
                0 => self.until_due(),
                _ => jitter(RETRY_FIRST.saturating_mul(1 << (failures - 1).min(10)).min(RETRY_MAX)),
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            let ordered = tokio::select! {
                () = stop.cancelled() => return,
                ordered = self.order() => ordered,
            };
            match ordered {
                Ok(()) => {
                    info!(names = ?self.config.names, "a certificate was issued");
                    failures = 0;
                }
                Err(reason) => {
                    failures += 1;
                    error!(%reason, failures, "no certificate was issued; the old one stays, and it is tried again");
                }
            }
        }
    }

    /// The time until two thirds of the certificate's life are over, and a bit of chance, so that not all servers of the
    /// world come at once. Nothing where there is none, or one for other names.
    fn until_due(&self) -> Duration {
        let file = files(self.dir.parent().unwrap_or(&self.dir)).certificate;
        let found = self.certificates.list().into_iter().find(|found| found.file == file);
        let Some(found) = found.filter(|found| has_names(&found.names, &self.config.names)) else {
            return Duration::ZERO;
        };
        let life = found.not_after.saturating_sub(found.not_before).max(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed());
        let left = found.not_before.saturating_add(life / 3 * 2).saturating_sub(now);
        jitter(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }

    async fn order(&self) -> Result<(), AcmeError> {
        let account = self.account().await?;
        let identifiers: Vec<_> = self.config.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
        let mut shown = Shown { acme: self, tokens: Vec::new(), names: Vec::new() };
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => return Err(AcmeError::Refused(format!("an authorization is {other:?}"))),
            }
            let kind = match self.config.challenge {
                AcmeChallenge::Http01 => ChallengeType::Http01,
                AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
            };
            let challenge = authorization.challenge(kind);
            let mut challenge = challenge.ok_or_else(|| {
                AcmeError::Refused(format!("the directory offers no {:?}", self.config.challenge))
            })?;
            let key = challenge.key_authorization();
            match self.config.challenge {
                AcmeChallenge::Http01 => {
                    shown.tokens.push(challenge.token.clone());
                    self.challenges.show(&challenge.token, key.as_str());
                }
                AcmeChallenge::TlsAlpn01 => {
                    let name = challenge.identifier().to_string().to_ascii_lowercase();
                    let answer = challenge_certificate(&name, key.digest().as_ref())?;
                    self.certificates.show_challenge(&name, Some(answer));
                    shown.names.push(name);
                }
            }
            challenge.set_ready().await?;
        }
        let patience = RetryPolicy::default().timeout(PATIENCE);
        match order.poll_ready(&patience).await? {
            OrderStatus::Ready | OrderStatus::Valid => {}
            other => return Err(AcmeError::Refused(format!("the order is {other:?}: a challenge failed"))),
        }
        drop(shown);
        let key = rcgen::KeyPair::generate()?;
        let mut params = rcgen::CertificateParams::new(self.config.names.clone())?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        order.finalize_csr(params.serialize_request(&key)?.der()).await?;
        let chain = order.poll_certificate(&patience).await?;
        self.install(format!("{}{chain}", key.serialize_pem())).await
    }

    async fn account(&self) -> Result<Account, AcmeError> {
        let file = self.dir.join("account.json");
        let builder = match &self.config.ca {
            None => Account::builder()?,
            Some(ca) => Account::builder_with_root(ca)?,
        };
        match tokio::fs::read(&file).await {
            Ok(octets) => {
                let kept: Kept = serde_json::from_slice(&octets)?;
                if kept.directory == self.config.directory {
                    return Ok(builder.from_credentials(kept.credentials).await?);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let contact: Vec<&str> = self.config.contact.iter().map(String::as_str).collect();
        let asked =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let directory = self.config.directory.clone();
        let (account, credentials) = builder.create(&asked, directory.clone(), None).await?;
        self.keep(file, serde_json::to_vec(&Kept { directory, credentials })?).await?;
        Ok(account)
    }

    async fn install(&self, pem: String) -> Result<(), AcmeError> {
        let files = files(self.dir.parent().unwrap_or(&self.dir));
        self.keep(files.certificate.clone(), pem.into_bytes()).await?;
        let (certificates, is_default) = (self.certificates.clone(), self.is_default);
        let config = CertificateConfig { names: Vec::new(), files };
        let installed = tokio::task::spawn_blocking(move || certificates.install(config, is_default)).await;
        installed.map_err(io::Error::other)??;
        Ok(())
    }

    /// Replaces a file as a whole; nobody else can read it at any time.
    async fn keep(&self, file: PathBuf, octets: Vec<u8>) -> Result<(), AcmeError> {
        let dir = self.dir.clone();
        let keep = move || -> Result<(), AcmeError> {
            std::fs::create_dir_all(&dir)?;
            durable_file::replace(&file, 0o600, &octets)?;
            Ok(())
        };
        tokio::task::spawn_blocking(keep).await.map_err(io::Error::other)?
    }
}

/// What is shown for one order; dropping it takes it away, however the order ends.
struct Shown<'a> {
    acme: &'a Acme,
    tokens: Vec<String>,
    names: Vec<String>,
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.tokens.iter().for_each(|token| self.acme.challenges.hide(token));
        self.names.iter().for_each(|name| self.acme.certificates.show_challenge(name, None));
    }
}

/// The certificate of TLS-ALPN-01 (RFC 8737 §3).
fn challenge_certificate(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, AcmeError> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key =
        PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| AcmeError::Refused(error.into()))?;
    let key = ring::sign::any_supported_type(&key).map_err(|error| AcmeError::Refused(error.to_string()))?;
    // Not from_der: it reads the certificate, and refuses one with a critical extension that only ACME knows.
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

fn has_names(found: &[String], asked: &[String]) -> bool {
    asked.iter().all(|name| found.contains(name)) && found.len() == asked.len()
}

/// Up to a tenth less.
fn jitter(wait: Duration) -> Duration {
    let mut octet = [0; 1];
    // Without chance all come at once, which is no reason not to come.
    let _ = getrandom::fill(&mut octet);
    wait.mul_f64(1.0 - f64::from(octet[0]) / 2_560.0)
}
