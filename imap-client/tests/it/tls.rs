use std::sync::Arc;

use imap_client::{ClientBuilder, Error, Secret, Security, TlsRoots};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::both;

/// A server's certificate for `localhost`, and what accepts connections with it.
fn acceptor() -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a good name");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they fit");
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem().into_bytes())
}

async fn expect<S: AsyncReadExt + Unpin>(stream: &mut S, octets: &str) {
    let mut read = vec![0; octets.len()];
    stream.read_exact(&mut read).await.expect("the client sends");
    assert_eq!(String::from_utf8_lossy(&read), octets);
}

async fn serve_login(stream: &mut TlsStream<DuplexStream>, tag: &str) {
    expect(stream, &format!("{tag} AUTHENTICATE PLAIN AGFsaWNlAHNlc2FtZQ==\r\n")).await;
    stream.write_all(format!("{tag} OK [CAPABILITY IMAP4rev1] in\r\n").as_bytes()).await.expect("read");
    stream.flush().await.expect("read");
}

#[tokio::test]
async fn tls_from_the_first_octet() {
    let (acceptor, pem) = acceptor();
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let client = async {
        let builder = ClientBuilder::new("localhost", 993, Security::Tls).roots(TlsRoots::Pem(pem));
        builder.connect_over(ours).await?.login("alice", &Secret::new("sesame")).await
    };
    both(client, async {
        let mut stream = acceptor.accept(theirs).await.expect("a handshake");
        stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n").await.expect("read");
        stream.flush().await.expect("read");
        serve_login(&mut stream, "a1").await;
    })
    .await
    .expect("OK");
}

/// The client says what kind of binding data it uses; that both sides' are alike is shown against our own server.
#[tokio::test]
async fn logins_are_bound_to_the_connection() {
    let (acceptor, pem) = acceptor();
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let client = async {
        let builder = ClientBuilder::new("localhost", 993, Security::Tls).roots(TlsRoots::Pem(pem));
        builder.connect_over(ours).await?.login("alice", &Secret::new("sesame")).await
    };
    let refused = both(client, async {
        let mut stream = acceptor.accept(theirs).await.expect("a handshake");
        let greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256-PLUS] hi\r\n";
        stream.write_all(greeting).await.expect("read");
        stream.flush().await.expect("read");
        // p=tls-exporter,,n=alice,r=
        expect(&mut stream, "a1 AUTHENTICATE SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIsLG49YWxpY2Uscj").await;
        stream.write_all(b"a1 NO not now\r\n").await.expect("read");
        stream.flush().await.expect("read");
    })
    .await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn starttls_forgets_what_was_said_in_clear_text() {
    let (acceptor, pem) = acceptor();
    let (ours, mut theirs) = tokio::io::duplex(16 * 1024);
    let client = async {
        let builder = ClientBuilder::new("localhost", 143, Security::StartTls).roots(TlsRoots::Pem(pem));
        builder.connect_over(ours).await?.login("alice", &Secret::new("sesame")).await
    };
    both(client, async {
        theirs.write_all(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n").await.expect("read");
        expect(&mut theirs, "a1 STARTTLS\r\n").await;
        theirs.write_all(b"a1 OK go\r\n").await.expect("read");
        let mut stream = acceptor.accept(theirs).await.expect("a handshake");
        expect(&mut stream, "a1 CAPABILITY\r\n").await;
        stream.write_all(b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\na1 OK done\r\n").await.expect("read");
        stream.flush().await.expect("read");
        serve_login(&mut stream, "a2").await;
    })
    .await
    .expect("OK");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_or_of_another_host() {
    for (host, trusted) in [("localhost", false), ("example.org", true), ("not a host", true)] {
        let (acceptor, own) = acceptor();
        let (_, other) = self::acceptor();
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let roots = TlsRoots::Pem(if trusted { own } else { other });
        let builder = ClientBuilder::new(host, 993, Security::Tls).roots(roots);
        let failed = both(builder.connect_over(ours), async {
            assert!(acceptor.accept(theirs).await.is_err());
        })
        .await;
        assert!(matches!(failed, Err(Error::Tls(_))), "{host} {failed:?}");
    }
}
