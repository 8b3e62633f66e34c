//! TLS by rustls with ring: whom to trust, and the handshake.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Error, Result};

/// Whose certificates are trusted.
#[derive(Debug, Clone, Default)]
pub enum TlsRoots {
    /// Those that the system trusts.
    #[default]
    Native,
    /// Those in a PEM file, and no others: for self-signed ones.
    Pem(Vec<u8>),
    /// All is decided by the caller: client certificates, pinning.
    Custom(Arc<ClientConfig>),
}

impl TlsRoots {
    async fn config(&self) -> Result<Arc<ClientConfig>> {
        let roots = match self {
            Self::Custom(config) => return Ok(Arc::clone(config)),
            Self::Pem(pem) => pem_roots(pem)?,
            Self::Native => {
                // Reads files.
                tokio::task::spawn_blocking(native_roots).await.map_err(Error::tls)??
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// The client's handshake. `host` is what the certificate has to be made out to.
pub(super) async fn handshake<S>(stream: S, host: &str, roots: &TlsRoots) -> Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(host.to_owned()).map_err(Error::tls)?;
    let config = roots.config().await?;
    TlsConnector::from(config).connect(name, stream).await.map_err(Error::tls)
}

fn pem_roots(pem: &[u8]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(Error::tls)?).map_err(Error::tls)?;
    }
    Ok(roots)
}

fn native_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, unreadable) = roots.add_parsable_certificates(found.certs);
    if unreadable > 0 || !found.errors.is_empty() {
        tracing::debug!(
            unreadable,
            errors = found.errors.len(),
            "some of the system's certificates cannot be read"
        );
    }
    Ok(roots)
}
