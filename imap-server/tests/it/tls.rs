//! What a listener does before its session: certificates by name, client certificates, resumption, trusted proxies.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, version};

use crate::support::{Imap, Running, Tls, add_user, start, tcp};

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the tests' authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

/// Writes `NAME.pem` and `NAME.key` for the name.
fn issue(dir: &Path, authority: &Authority, name: &str) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("signed");
    fs::write(dir.join(format!("{name}.pem")), certificate.pem()).expect("written");
    fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).expect("written");
}

/// A client's certificate for a mail address.
fn client_certificate(
    authority: &Authority,
    email: &str,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names.push(SanType::Rfc822Name(email.try_into().expect("ASCII")));
    let certificate = params.signed_by(&key, authority).expect("signed");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS#8");
    (vec![certificate.der().clone()], key)
}

/// Two certificates of one authority; `listener` is what is said beside the addresses.
fn start_with(dir: &Path, authority: &Authority, listener: &str) -> Running {
    issue(dir, authority, "mail.example.org");
    issue(dir, authority, "imap.example.net");
    fs::write(dir.join("ca.pem"), authority.pem()).expect("written");
    let at = dir.display();
    let config = format!(
        "[tls]\ncertificate = '{at}/mail.example.org.pem'\nkey = '{at}/mail.example.org.key'\n\
         [[certificate]]\ncertificate = '{at}/imap.example.net.pem'\nkey = '{at}/imap.example.net.key'\n\
         [imap]\nlisten = '127.0.0.1:0'\n{listener}\n[imaps]\nlisten = '127.0.0.1:0'\n{listener}\n"
    );
    let file = dir.join("restante.toml");
    fs::write(&file, config).expect("written");
    start(&dir.join("data"), &["--config", file.to_str().expect("text")])
}

pub(crate) struct Client {
    config: ClientConfig,
}

impl Client {
    pub(crate) fn trusting(authority: &Authority) -> Self {
        Self::with(authority, None, &[&version::TLS13, &version::TLS12])
    }

    fn with(
        authority: &Authority,
        certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("ring has them")
            .with_root_certificates(roots);
        let mut config = match certificate {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).expect("a pair"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"imap".to_vec()];
        config.resumption = Resumption::in_memory_sessions(8);
        Self { config }
    }

    pub(crate) fn connect(&self, socket: std::net::TcpStream, name: &'static str) -> Tls {
        let name = ServerName::try_from(name).expect("a name");
        let connection = ClientConnection::new(Arc::new(self.config.clone()), name).expect("valid");
        StreamOwned::new(connection, socket)
    }

    fn greeted(&self, server: &Running, name: &'static str) -> Imap<Tls> {
        Imap::greeted(self.connect(tcp(server.address("imaps")), name))
    }
}

#[test]
fn the_certificate_is_that_of_the_name_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = authority();
    let server = start_with(dir.path(), &authority, "");
    let client = Client::trusting(&authority);
    for name in ["mail.example.org", "imap.example.net"] {
        let stream = client.greeted(&server, name).into_stream();
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"imap"[..]));
    }
    // The default one is shown to who asks for a stranger's name, who then sees that it is not it.
    let mut stranger = client.connect(tcp(server.address("imaps")), "mail.example.edu");
    let refused = stranger.read(&mut [0; 64]).expect_err("another's certificate").to_string();
    assert!(refused.contains("mail.example.org"), "{refused}");
}

#[test]
fn sessions_are_resumed_with_and_without_tickets() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = authority();
    let server = start_with(dir.path(), &authority, "");
    for version in [&version::TLS13, &version::TLS12] {
        let client = Client::with(&authority, None, &[version]);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut session = client.greeted(&server, "mail.example.org");
            session.ok("NOOP");
            kinds.push(session.into_stream().conn.handshake_kind().expect("done"));
        }
        assert_ne!(kinds[0], HandshakeKind::Resumed);
        assert_eq!(kinds[1], HandshakeKind::Resumed, "{version:?}");
    }
}

#[test]
fn a_client_certificate_is_a_login() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = authority();
    let ca = format!("client-ca = '{}/ca.pem'", dir.path().display());
    let server = start_with(dir.path(), &authority, &ca);
    add_user(&dir.path().join("data"), "ann@example.org", "secret");
    let ann = Client::with(
        &authority,
        Some(client_certificate(&authority, "ann@example.org")),
        &[&version::TLS13, &version::TLS12],
    );
    // Twice: a resumed session carries the certificate too.
    for _ in 0..2 {
        let mut session = ann.greeted(&server, "mail.example.org");
        assert!(session.greeting.contains("AUTH=EXTERNAL"), "{}", session.greeting);
        session.ok("AUTHENTICATE EXTERNAL =");
        session.ok("SELECT INBOX");
    }
    // After STARTTLS as well, and not before.
    let mut plain = server.connect();
    assert!(!plain.greeting.contains("AUTH=EXTERNAL"), "{}", plain.greeting);
    plain.ok("STARTTLS");
    let stream = ann.connect(plain.into_stream(), "mail.example.org");
    Imap::upgraded(stream).ok("AUTHENTICATE EXTERNAL =");
    // Who has none gets in as ever; who has one of a stranger's authority does not get as far as the greeting.
    let nobody = Client::trusting(&authority).greeted(&server, "mail.example.org");
    assert!(!nobody.greeting.contains("AUTH=EXTERNAL"), "{}", nobody.greeting);
    let stranger = client_certificate(&self::authority(), "ann@example.org");
    let stranger = Client::with(&authority, Some(stranger), &[&version::TLS12]);
    let mut refused = stranger.connect(tcp(server.address("imaps")), "mail.example.org");
    refused.write_all(b"a NOOP\r\n").and_then(|()| refused.read(&mut [0; 64])).expect_err("a stranger's");
}

#[test]
fn a_trusted_proxy_tells_whose_connection_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = authority();
    let server = start_with(dir.path(), &authority, "trusted-proxies = ['127.0.0.0/8']");
    add_user(&dir.path().join("data"), "ann", "secret");
    let mut socket = tcp(server.address("imaps"));
    socket.write_all(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 993\r\n").expect("sent");
    let client = Client::trusting(&authority);
    let session = Imap::greeted(client.connect(socket, "mail.example.org")).login("ann", "secret");
    drop(session);
    // Without a header there is no service, not even a greeting.
    let mut bare = tcp(server.address("imap"));
    bare.write_all(b"a1 CAPABILITY\r\na2 LOGOUT\r\n").expect("sent");
    assert_eq!(bare.read(&mut [0; 64]).unwrap_or(0), 0);
    let (_, log, _) = server.terminate();
    assert!(log.contains("192.0.2.7:56324"), "{log}");
}
