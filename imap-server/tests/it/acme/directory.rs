//! [`MockDirectory`]: an ACME server (RFC 8555) of one order at a time.
//!
//! It takes a request only with a nonce of its own that was not used before, for the very URL; it fetches what HTTP-01
//! shows, makes the handshake of TLS-ALPN-01, and signs the CSR. Signatures of requests are not checked.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, CertificateSigningRequestParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::tls::Authority;

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

pub(super) struct MockDirectory(Arc<Shared>);

struct Shared {
    base: String,
    authority: Authority,
    http: Option<SocketAddr>,
    tls: ServerConfig,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    nonces: HashSet<String>,
    nonces_made: u32,
    /// Of the account's key (RFC 7638).
    thumbprint: String,
    name: String,
    is_valid: bool,
    certificate: Option<String>,
    orders: u32,
    tls_server: Option<SocketAddr>,
    refuses: bool,
    requests: u32,
}

impl MockDirectory {
    pub(super) fn start(authority: Authority, http: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let base = format!("https://localhost:{}", listener.local_addr().expect("bound").port());
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &authority).expect("signed");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS#8"),
            )
            .expect("a pair");
        let shared = Shared { base, authority, http, tls, state: Mutex::default(), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let this = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let this = Arc::clone(&this);
                // A client that goes away is no failure.
                std::thread::spawn(move || _ = this.serve(socket));
            }
        });
        Self(shared)
    }

    pub(super) fn url(&self) -> String {
        format!("{}/directory", self.0.base)
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.0.authority
    }

    pub(super) fn authority_pem(&self) -> String {
        self.0.authority.pem()
    }

    pub(super) fn tls_server_is_at(&self, address: SocketAddr) {
        self.0.state().tls_server = Some(address);
        self.0.changed.notify_all();
    }

    pub(super) fn orders(&self) -> u32 {
        self.0.state().orders
    }

    pub(super) fn refuse_everything(&self) {
        self.0.state().refuses = true;
    }

    pub(super) fn wait_until_asked(&self) {
        let asked = |state: &mut State| state.requests == 0;
        drop(self.0.changed.wait_while(self.0.state(), asked).expect("no panic"));
    }
}

struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Answer {
    fn json(value: &Value) -> Self {
        Self { status: 200, location: None, body: value.to_string() }
    }

    fn refused(kind: &str) -> Self {
        let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": kind });
        Self { status: 400, ..Self::json(&problem) }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        let connection = ServerConnection::new(Arc::new(self.tls.clone())).expect("valid");
        let mut stream = BufReader::new(StreamOwned::new(connection, socket));
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let mut words = line.split(' ');
        let (method, path) =
            (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let mut octets = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                octets = value.parse().expect("a number");
            }
        }
        let mut body = vec![0; octets];
        stream.read_exact(&mut body)?;
        let answer = self.answer(&method, &path, &body);
        let location = answer.location.map(|url| format!("Location: {url}\r\n")).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\nReplay-Nonce: {}\r\n{location}Connection: close\r\n\r\n",
            answer.status,
            answer.body.len(),
            self.fresh_nonce()
        );
        let body = if method == "HEAD" { "" } else { &answer.body };
        stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        stream.get_mut().conn.send_close_notify();
        stream.get_mut().flush()
    }

    fn fresh_nonce(&self) -> String {
        let mut state = self.state();
        state.nonces_made += 1;
        let nonce = format!("nonce{}", state.nonces_made);
        state.nonces.insert(nonce.clone());
        nonce
    }

    fn answer(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let base = &self.base;
        self.state().requests += 1;
        self.changed.notify_all();
        if self.state().refuses {
            return Answer { status: 503, ..Answer::refused("serverInternal") };
        }
        if path == "/directory" {
            return Answer::json(&json!({
                "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
                "newOrder": format!("{base}/order"), "revokeCert": format!("{base}/revoke"),
                "keyChange": format!("{base}/key"),
            }));
        }
        if method != "POST" {
            return Answer { status: 200, location: None, body: String::new() };
        }
        let Some((protected, payload)) = self.read_jws(path, body) else {
            return Answer::refused("malformed");
        };
        match path {
            "/account" => {
                self.state().thumbprint = thumbprint(&protected["jwk"]);
                let location = Some(format!("{base}/account/1"));
                Answer { status: 201, location, ..Answer::json(&json!({ "status": "valid" })) }
            }
            "/order" => {
                let mut state = self.state();
                state.name = payload["identifiers"][0]["value"].as_str().expect("a name").to_owned();
                state.orders += 1;
                drop(state);
                Answer { status: 201, location: Some(format!("{base}/order/1")), ..self.order() }
            }
            "/authz/1" => self.authorization(),
            "/challenge/http" => self.validate(Self::fetches_http),
            "/challenge/tls" => self.validate(Self::sees_tls),
            "/order/1" => self.order(),
            "/finalize/1" => {
                let csr = payload["csr"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
                self.sign(csr.expect("a CSR"));
                self.order()
            }
            "/certificate/1" => {
                let body = self.state().certificate.clone().expect("issued");
                Answer { status: 200, location: None, body }
            }
            _ => Answer { status: 404, ..Answer::refused("malformed") },
        }
    }

    /// The protected header and the payload of a request that is well formed, fresh, and meant for this URL.
    fn read_jws(&self, path: &str, body: &[u8]) -> Option<(Value, Value)> {
        let jws: Value = serde_json::from_slice(body).ok()?;
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jws[name].as_str()?).ok();
        let protected: Value = serde_json::from_slice(&part("protected")?).ok()?;
        let payload = part("payload")?;
        let payload = if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).ok()? };
        let is_fresh = self.state().nonces.remove(protected["nonce"].as_str()?);
        let is_meant = protected["url"].as_str()? == format!("{}{path}", self.base);
        let knows_key = if path == "/account" {
            protected["jwk"].is_object()
        } else {
            protected["kid"].as_str()? == format!("{}/account/1", self.base)
        };
        // Two numbers of 32 octets.
        let is_signed = protected["alg"] == "ES256" && part("signature")?.len() == 64;
        (is_fresh && is_meant && knows_key && is_signed).then_some((protected, payload))
    }

    fn order(&self) -> Answer {
        let (base, state) = (&self.base, self.state());
        let status = match (&state.certificate, state.is_valid) {
            (Some(_), _) => "valid",
            (None, true) => "ready",
            (None, false) => "pending",
        };
        let mut order = json!({
            "status": status, "authorizations": [format!("{base}/authz/1")],
            "identifiers": [{ "type": "dns", "value": state.name }], "finalize": format!("{base}/finalize/1"),
        });
        if state.certificate.is_some() {
            order["certificate"] = format!("{base}/certificate/1").into();
        }
        Answer::json(&order)
    }

    fn authorization(&self) -> Answer {
        let (base, state) = (&self.base, self.state());
        let status = if state.is_valid { "valid" } else { "pending" };
        let challenge = |kind: &str, path: &str| json!({ "type": kind, "url": format!("{base}/challenge/{path}"), "token": TOKEN, "status": status });
        Answer::json(&json!({
            "identifier": { "type": "dns", "value": state.name }, "status": status,
            "challenges": [challenge("http-01", "http"), challenge("tls-alpn-01", "tls")],
        }))
    }

    /// Looks at once, before the answer: the order is ready or never will be.
    fn validate(&self, look: fn(&Self, &str) -> bool) -> Answer {
        let key_authorization = format!("{TOKEN}.{}", self.state().thumbprint);
        let is_valid = look(self, &key_authorization);
        self.state().is_valid = is_valid;
        let status = if is_valid { "valid" } else { "invalid" };
        Answer::json(&json!({ "type": "http-01", "url": self.base, "token": TOKEN, "status": status }))
    }

    fn fetches_http(&self, key_authorization: &str) -> bool {
        let mut socket = TcpStream::connect(self.http.expect("HTTP-01 is tested")).expect("it listens");
        let name = self.state().name.clone();
        let request = format!(
            "GET /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("text");
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("\r\n\r\n{key_authorization}"))
    }

    /// RFC 8737 §3: ALPN, the name, and a critical extension with the digest, in a self-signed certificate.
    fn sees_tls(&self, key_authorization: &str) -> bool {
        let unknown = |state: &mut State| state.tls_server.is_none();
        let address = self.changed.wait_while(self.state(), unknown).expect("no panic").tls_server;
        let name = self.state().name.clone();
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring has them")
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody))
                .with_no_client_auth();
        config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
        let server_name = ServerName::try_from(name.clone()).expect("a name");
        let mut connection = ClientConnection::new(Arc::new(config), server_name).expect("valid");
        let mut socket = TcpStream::connect(address.expect("known")).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("settable");
        while connection.is_handshaking() {
            if connection.complete_io(&mut socket).is_err() {
                return false;
            }
        }
        let Some(leaf) = connection.peer_certificates().and_then(<[_]>::first) else { return false };
        let (_, parsed) = X509Certificate::from_der(leaf).expect("a certificate");
        let wanted = [&[0x04, 0x20][..], &Sha256::digest(key_authorization)].concat();
        let shows = parsed.extensions().iter().any(|extension| {
            extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31"
                && extension.critical
                && extension.value == wanted
        });
        shows && connection.alpn_protocol() == Some(b"acme-tls/1")
    }

    fn sign(&self, csr: Vec<u8>) {
        let csr = CertificateSigningRequestDer::from(csr);
        let request = CertificateSigningRequestParams::from_der(&csr).expect("a CSR");
        let certificate = request.signed_by(&self.authority).expect("signed");
        self.state().certificate = Some(certificate.pem());
    }
}

/// RFC 7638 §3, of a P-256 key.
fn thumbprint(jwk: &Value) -> String {
    let text = |name: &str| jwk[name].as_str().expect("of P-256").to_owned();
    let canonical = format!(
        r#"{{"crv":"{}","kty":"{}","x":"{}","y":"{}"}}"#,
        text("crv"),
        text("kty"),
        text("x"),
        text("y")
    );
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

/// The challenge's certificate is self-signed: what counts stands in it.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
