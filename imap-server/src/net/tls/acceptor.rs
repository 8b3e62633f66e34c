//! [`Acceptor`]: the handshakes of a listener.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use imap_auth::{ChannelBindings, ClientCertificate};
use rustls::crypto::ring;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoClientAuth, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection, version};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Certificates;
use super::certificates::Table;
use crate::config::ClientCa;
use crate::session::Secured;

/// What TLS-ALPN-01 asks by (RFC 8737 §4).
const ACME_ALPN: &[u8] = b"acme-tls/1";
/// Sessions of TLS 1.2 that clients without tickets may resume, a listener.
const SESSIONS_KEPT: usize = 4_096;

/// The server's side of TLS on one listener. Cheap to clone.
#[derive(Clone)]
pub(in crate::net) struct Acceptor(Arc<Shared>);

struct Shared {
    certificates: Certificates,
    client_ca: Option<ClientCa>,
    alpn: Option<&'static [u8]>,
    built: ArcSwapOption<Built>,
}

/// One configuration a certificate. They share what sessions are resumed with, which is of this listener alone: a ticket
/// carries the client's certificate, and another listener may ask for another one.
struct Built {
    table: Arc<Table>,
    configs: Vec<Arc<ServerConfig>>,
}

/// What a handshake came to.
pub(in crate::net) enum Accepted {
    /// A client.
    Client(Box<TlsStream<TcpStream>>, Secured),
    /// An ACME server has seen what it wanted to see; the connection is to be closed.
    Challenge(Box<TlsStream<TcpStream>>),
}

impl Acceptor {
    /// For a listener that asks for client certificates as `client_ca` says, and speaks `alpn`.
    pub(in crate::net) fn new(
        certificates: Certificates,
        client_ca: Option<ClientCa>,
        alpn: Option<&'static [u8]>,
    ) -> Self {
        Self(Arc::new(Shared { certificates, client_ca, alpn, built: ArcSwapOption::empty() }))
    }

    /// The handshake.
    pub(in crate::net) async fn accept(&self, socket: TcpStream) -> io::Result<Accepted> {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await?;
        if is_challenge(&hello.client_hello()) {
            let config = self.challenge(&hello.client_hello())?;
            return Ok(Accepted::Challenge(Box::new(hello.into_stream(config).await?)));
        }
        let built = self.built()?;
        let place = built.table.place(hello.client_hello().server_name());
        let stream = hello.into_stream(Arc::clone(&built.configs[place])).await?;
        let connection = stream.get_ref().1;
        let secured = Secured {
            bindings: ChannelBindings {
                tls_exporter: exporter(connection),
                tls_server_end_point: built.table.certificates[place].end_point.clone(),
            },
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLS1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLS1.2",
                _ => "unknown",
            },
            client_certificate: connection
                .peer_certificates()
                .and_then(|chain| ClientCertificate::verified(chain.iter().map(|one| one.as_ref()))),
        };
        Ok(Accepted::Client(Box::new(stream), secured))
    }

    /// The configurations, made anew when the certificates were read again.
    fn built(&self) -> io::Result<Arc<Built>> {
        let table = self.0.certificates.table();
        match self.0.built.load_full() {
            Some(built) if Arc::ptr_eq(&built.table, &table) => Ok(built),
            _ => {
                let built = Arc::new(self.build(table).map_err(io::Error::other)?);
                self.0.built.store(Some(Arc::clone(&built)));
                Ok(built)
            }
        }
    }

    fn build(&self, table: Arc<Table>) -> Result<Built, Box<dyn std::error::Error + Send + Sync>> {
        let verifier = self.verifier(&table)?;
        let ticketer = ring::Ticketer::new()?;
        let sessions = ServerSessionMemoryCache::new(SESSIONS_KEPT);
        let configs = table.certificates.iter().map(|certificate| {
            let mut config = config(verifier.clone(), Arc::clone(&certificate.key));
            config.ticketer = ticketer.clone();
            config.session_storage = sessions.clone();
            config.alpn_protocols = self.0.alpn.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        });
        Ok(Built { configs: configs.collect(), table })
    }

    fn verifier(
        &self,
        table: &Table,
    ) -> Result<Arc<dyn ClientCertVerifier>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(client_ca) = &self.0.client_ca else { return Ok(Arc::new(NoClientAuth)) };
        let roots = table.client_roots.get(&client_ca.file).ok_or("the client CA was not read")?;
        let provider = Arc::new(ring::default_provider());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider);
        Ok(if client_ca.is_required { builder.build()? } else { builder.allow_unauthenticated().build()? })
    }

    fn challenge(&self, hello: &ClientHello<'_>) -> io::Result<Arc<ServerConfig>> {
        let refused = || io::Error::other("nobody waits for this TLS-ALPN-01 challenge");
        let key =
            hello.server_name().and_then(|name| self.0.certificates.challenge(name)).ok_or_else(refused)?;
        let mut config = config(Arc::new(NoClientAuth), key);
        config.alpn_protocols = vec![ACME_ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}

fn is_challenge(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut names| names.next() == Some(ACME_ALPN) && names.next().is_none())
}

fn config(verifier: Arc<dyn ClientCertVerifier>, key: Arc<CertifiedKey>) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .expect("ring knows both versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
}

/// `tls-exporter` (RFC 9266 §2), which is unique of itself in TLS 1.3 only (§4.2).
fn exporter(connection: &ServerConnection) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    // RFC 9266 asks for an empty context, which TLS 1.3 does not tell from none.
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).ok()
}
