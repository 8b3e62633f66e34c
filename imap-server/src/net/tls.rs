//! [`Tls`]: the certificate and the handshakes; the self-signed certificate of the first start.
//!
//! rustls with ring, TLS 1.2 and 1.3. The provider is always named, so that no other crate's choice in the graph matters.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use imap_auth::{ChannelBindings, tls_server_end_point};
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::TlsFiles;
use crate::session::Secured;

/// The server's side of TLS. Cheap to clone; all clones see a reloaded certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

/// A certificate or key that cannot be used; the operator must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The system refused.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file holds no PEM of the needed kind.
    #[error("{file} holds no {wanted} in PEM form: {reason}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// `certificate` or `private key`.
        wanted: &'static str,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not go together, or the key is of an unknown kind.
    #[error("{certificate} and {key} cannot be used: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: String,
    },
    /// The self-signed certificate could not be made.
    #[error("cannot make a self-signed certificate: {reason}")]
    Made {
        /// Why.
        reason: String,
    },
}

/// The one certificate that every client gets, whatever name it asks for.
#[derive(Debug)]
struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Certificate {
    fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tls {
    /// Reads certificate and key.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(read(&files)?));
        let certificate = Arc::new(Certificate { files, current });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .expect("ring knows both versions")
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"imap".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Reads the files again; on an error the certificate stays as it is. New handshakes get the new one.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.certificate.files)?);
        *self.certificate.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The handshake.
    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<(TlsStream<TcpStream>, Secured)> {
        let before = self.certificate.current();
        let stream = self.acceptor.accept(socket).await?;
        // rustls does not tell which certificate it showed: it is this one, unless another came meanwhile.
        let shown = Some(before).filter(|before| Arc::ptr_eq(before, &self.certificate.current()));
        let leaf = shown.as_ref().and_then(|shown| shown.cert.first());
        let bindings = ChannelBindings {
            tls_exporter: exporter(stream.get_ref().1),
            tls_server_end_point: leaf.and_then(|leaf| tls_server_end_point(leaf)),
        };
        let version = match stream.get_ref().1.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS1.2",
            _ => "unknown",
        };
        Ok((stream, Secured { bindings, version }))
    }
}

/// `tls-exporter` (RFC 9266 §2), which is unique of itself in TLS 1.3 only (§4.2).
fn exporter(connection: &ServerConnection) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    // RFC 9266 asks for an empty context, which TLS 1.3 does not tell from none.
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).ok()
}

/// Makes `DATA/tls/cert.pem` and `key.pem` (mode 0600) where they are missing: self-signed, for localhost, the loopback
/// addresses and `host_name`. Returns the files, and whether they are new.
pub fn self_signed(data: &Path, host_name: &str) -> Result<(TlsFiles, bool), TlsError> {
    let dir = data.join("tls");
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    if files.certificate.exists() && files.key.exists() {
        return Ok((files, false));
    }
    fs::create_dir_all(&dir).map_err(|error| TlsError::Io { file: dir.clone(), error })?;
    let made = |error: rcgen::Error| TlsError::Made { reason: error.to_string() };
    let key = rcgen::KeyPair::generate().map_err(made)?;
    let certificate = certificate_params(host_name).map_err(made)?.self_signed(&key).map_err(made)?;
    write_private(&files.key, key.serialize_pem().as_bytes())?;
    fs::write(&files.certificate, certificate.pem())
        .map_err(|error| TlsError::Io { file: files.certificate.clone(), error })?;
    Ok((files, true))
}

fn certificate_params(host_name: &str) -> Result<rcgen::CertificateParams, rcgen::Error> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    if !names.iter().any(|name| name == host_name) {
        names.push(host_name.to_owned());
    }
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("{host_name} (self-signed by Restante)"));
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let year = i32::from(today.year());
    // A day's date may be yesterday's where the client lives; ten years spare a test installation the renewal.
    params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + 10, 1, 1);
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Writes a file that nobody else can read, not even for a moment.
fn write_private(file: &Path, octets: &[u8]) -> Result<(), TlsError> {
    let failed = |error| TlsError::Io { file: file.to_owned(), error };
    let mut opened = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    // An older file keeps its mode when it is opened.
    opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    opened.write_all(octets).and_then(|()| opened.sync_all()).map_err(failed)
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let pem = |file: &Path, wanted, error: rustls_pki_types::pem::Error| match error {
        rustls_pki_types::pem::Error::Io(error) => TlsError::Io { file: file.to_owned(), error },
        other => TlsError::Pem { file: file.to_owned(), wanted, reason: other.to_string() },
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem(&files.certificate, "certificate", error))?;
    if chain.is_empty() {
        let reason = "nothing found".into();
        return Err(TlsError::Pem { file: files.certificate.clone(), wanted: "certificate", reason });
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| pem(&files.key, "private key", error))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_made_certificate_is_kept_and_its_key_is_private() {
        let data = tempfile::tempdir().expect("a directory");
        let (files, new) = self_signed(data.path(), "mail.example.org").expect("made");
        assert!(new);
        let mode = fs::metadata(&files.key).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = fs::read(&files.certificate).expect("there");
        let (files, new) = self_signed(data.path(), "mail.example.org").expect("found");
        assert!(!new);
        assert_eq!(fs::read(&files.certificate).expect("there"), before);
        let tls = Tls::load(files.clone()).expect("usable");
        fs::write(&files.key, "no key").expect("written");
        assert!(tls.reload().expect_err("no key").to_string().contains("private key"));
    }

    #[test]
    fn a_missing_certificate_is_named() {
        let missing = TlsFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        let Err(error) = Tls::load(missing) else { panic!("loaded from nowhere") };
        assert!(error.to_string().contains("/nowhere/cert.pem"), "{error}");
    }
}
