//! TLS by rustls with ring: whom to trust, and the handshake.

use std::sync::Arc;

use imap_auth::{ChannelBindings, tls_server_end_point};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};
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
///
/// Gives what the connection has for logins that are bound to it, too.
pub(super) async fn handshake<S>(
    stream: S,
    host: &str,
    roots: &TlsRoots,
) -> Result<(TlsStream<S>, ChannelBindings)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(host.to_owned()).map_err(Error::tls)?;
    let config = roots.config().await?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(Error::tls)?;
    let bindings = bindings(stream.get_ref().1);
    Ok((stream, bindings))
}

/// `tls-exporter` (RFC 9266 §2), which is unique of itself in TLS 1.3 only (§4.2), and `tls-server-end-point`.
fn bindings(connection: &ClientConnection) -> ChannelBindings {
    let tls13 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    let export = || connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).ok();
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    ChannelBindings {
        tls_exporter: tls13.then(export).flatten(),
        tls_server_end_point: certificate.and_then(|certificate| tls_server_end_point(certificate)),
    }
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
