//! One certificate with its key, and what stands in it.

use std::path::Path;
use std::sync::Arc;

use imap_auth::tls_server_end_point;
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::TlsError;
use crate::config::{CertificateConfig, TlsFiles};

/// A certificate that is shown to clients, and its key.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// `tls-server-end-point` (RFC 5929 §4).
    pub(super) end_point: Option<Vec<u8>>,
    pub(super) info: CertificateInfo,
}

/// What is told of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The names that it is shown for, in lower case; `*.` in front stands for one component.
    pub names: Vec<String>,
    /// Where its validity begins, in seconds since 1970.
    pub not_before: i64,
    /// Where it ends.
    pub not_after: i64,
    /// The issuer's name.
    pub issuer: String,
    /// The file.
    pub file: std::path::PathBuf,
}

impl Certificate {
    /// Reads the files. Names that the configuration does not give are those of the certificate.
    pub(super) fn read(config: &CertificateConfig) -> Result<Self, TlsError> {
        let TlsFiles { certificate, key } = &config.files;
        let chain = read_chain(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| pem(key, "private key", error))?;
        Self::new(config, chain, key)
    }

    fn new(
        config: &CertificateConfig,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let TlsFiles { certificate: file, key: key_file } = &config.files;
        let leaf = chain.first().ok_or_else(|| nothing(file))?;
        let mut info = CertificateInfo::of(leaf, file).map_err(|reason| TlsError::Pem {
            file: file.clone(),
            wanted: "certificate",
            reason,
        })?;
        if !config.names.is_empty() {
            info.names = config.names.iter().map(|name| name.to_ascii_lowercase()).collect();
        }
        let end_point = tls_server_end_point(leaf);
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| {
            TlsError::Pair { certificate: file.clone(), key: key_file.clone(), reason: error.to_string() }
        })?;
        Ok(Self { key: Arc::new(key), end_point, info })
    }
}

impl CertificateInfo {
    fn of(leaf: &CertificateDer<'_>, file: &Path) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|error| error.to_string())?;
        let alternative = parsed.subject_alternative_name().ok().flatten();
        let names = alternative.iter().flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        let validity = parsed.validity();
        Ok(Self {
            names: names.collect(),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            issuer: parsed.issuer().to_string(),
            file: file.to_owned(),
        })
    }
}

/// The certificates of a PEM file, at least one.
pub(super) fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem(file, "certificate", error))?;
    if chain.is_empty() { Err(nothing(file)) } else { Ok(chain) }
}

fn nothing(file: &Path) -> TlsError {
    TlsError::Pem { file: file.to_owned(), wanted: "certificate", reason: "nothing found".into() }
}

fn pem(file: &Path, wanted: &'static str, error: rustls_pki_types::pem::Error) -> TlsError {
    match error {
        rustls_pki_types::pem::Error::Io(error) => TlsError::Io { file: file.to_owned(), error },
        other => TlsError::Pem { file: file.to_owned(), wanted, reason: other.to_string() },
    }
}
