//! `[tls]`, `[[certificate]]`, and what a listener says of client certificates.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// A certificate, and for which names it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateConfig {
    /// Empty: those that stand in it.
    pub names: Vec<String>,
    /// Its files.
    pub files: TlsFiles,
}

/// Whose client certificates a listener takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCa {
    /// The CAs, PEM.
    pub file: PathBuf,
    /// A client without a certificate does not get in at all.
    pub is_required: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct TlsSection {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CertificateSection {
    #[serde(default)]
    names: Vec<String>,
    certificate: PathBuf,
    key: PathBuf,
}

/// Whether a client certificate is asked for or insisted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ClientCertificate {
    #[default]
    Request,
    Require,
}

/// What is configured, the default first: that of `[tls]`, which stands for `None` where there is none.
pub(super) fn certificates(
    default: TlsSection,
    more: Vec<CertificateSection>,
) -> Result<(Option<TlsFiles>, Vec<CertificateConfig>), ConfigError> {
    let default = match (default.certificate, default.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        _ => return Err(ConfigError::HalfTls),
    };
    let more = more.into_iter().map(|one| CertificateConfig {
        names: one.names,
        files: TlsFiles { certificate: one.certificate, key: one.key },
    });
    Ok((default, more.collect()))
}
