use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const HMAC_SECRET: &[u8] = b"thirty-two octets at the least!!";

/// A server that gives tokens out.
struct Issuer {
    key: Ed25519KeyPair,
}

impl Issuer {
    fn new() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("random numbers");
        Self { key: Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("just made") }
    }

    fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed-1", "x": x, "use": "sig" },
            { "kty": "OKP", "crv": "X25519", "kid": "of no use", "x": x },
            { "kty": "RSA", "kid": "rsa-1", "alg": "RS256", "n": RSA_MODULUS, "e": "AQAB" },
        ] })
        .to_string()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, |message| self.key.sign(message).as_ref().to_vec())
    }

    /// A token with these claims in place of the good ones; null takes one away.
    fn token(&self, change: Value) -> Secret {
        Secret::new(self.sign(&json!({ "alg": "EdDSA", "kid": "ed-1" }), &claims(change)))
    }
}

fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

const NOW: u64 = 2_000_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn claims(change: Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example.org", "aud": "imap", "email": "alice", "exp": NOW + 600, "scope": "openid mail",
    });
    for (name, value) in change.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

fn settings(keys: Vec<TokenKey>) -> OauthSettings {
    OauthSettings {
        keys,
        issuers: vec!["https://id.example.org".into()],
        audiences: vec!["imap".into(), "mail.example.org".into()],
        scopes: vec!["mail".into()],
        ..OauthSettings::default()
    }
}

fn with_jwks(issuer: &Issuer) -> (tempfile::NamedTempFile, Tokens) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), issuer.jwks()).expect("written");
    let tokens = Tokens::new(settings(vec![TokenKey::JwksFile(file.path().into())])).expect("good settings");
    (file, tokens)
}

#[tokio::test]
async fn claims_are_checked() {
    let issuer = Issuer::new();
    let (_file, tokens) = with_jwks(&issuer);
    let bad = |reason| Err(TokenError::Bad(reason));
    let cases = [
        (json!({}), Ok("alice".to_owned())),
        (json!({ "aud": ["web", "mail.example.org"] }), Ok("alice".into())),
        (json!({ "scope": null, "scp": ["mail"] }), Ok("alice".into())),
        // Within the skew of the clocks.
        (json!({ "exp": NOW - 59 }), Ok("alice".into())),
        (json!({ "nbf": NOW + 59, "iat": NOW + 59 }), Ok("alice".into())),
        (json!({ "exp": NOW - 60 }), bad("the token has expired")),
        (json!({ "exp": null }), bad("the token has no end")),
        (json!({ "exp": "2100" }), bad("a time of the token is no number")),
        (json!({ "nbf": NOW + 61 }), bad("the token does not count yet")),
        (json!({ "iat": NOW + 61 }), bad("the token is of the future")),
        (json!({ "iss": "https://evil.example" }), bad("the token is of another issuer")),
        (json!({ "iss": null }), bad("the token is of another issuer")),
        (json!({ "iss": ["https://id.example.org"] }), bad("the token is of another issuer")),
        (json!({ "aud": "web" }), bad("the token is for another audience")),
        (json!({ "aud": "imap web" }), bad("the token is for another audience")),
        (json!({ "aud": null }), bad("the token is for another audience")),
        (json!({ "email": null }), bad("the token names no user")),
        (json!({ "email": "" }), bad("the token names no user")),
        (json!({ "email": 7 }), bad("the token names no user")),
        (json!({ "scope": "openid mailbox" }), Err(TokenError::Scope)),
        (json!({ "scope": null }), Err(TokenError::Scope)),
    ];
    for (change, expected) in cases {
        assert_eq!(tokens.check(&issuer.token(change.clone()), now()).await, expected, "{change}");
    }
}

#[tokio::test]
async fn what_a_token_says_of_itself_chooses_nothing() {
    let issuer = Issuer::new();
    let (_file, tokens) = with_jwks(&issuer);
    let good = claims(json!({}));
    let of = |header: Value| issuer.sign(&header, &good);
    let unsigned = signed(&json!({ "alg": "none" }), &good, |_| Vec::new());
    // The classic: the public key taken for a secret.
    let confused = signed(&json!({ "alg": "HS256", "kid": "ed-1" }), &good, |message| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, issuer.key.public_key().as_ref());
        ring::hmac::sign(&key, message).as_ref().to_vec()
    });
    let other = Issuer::new().sign(&json!({ "alg": "EdDSA", "kid": "ed-1" }), &good);
    let mut changed = of(json!({ "alg": "EdDSA" })).into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let cases = [
        (of(json!({ "alg": "EdDSA" })), None),
        (of(json!({ "alg": "EdDSA", "typ": "at+JWT" })), None),
        (unsigned, Some("the token's algorithm is not allowed")),
        (of(json!({ "alg": "None" })), Some("the token's algorithm is not allowed")),
        (of(json!({ "alg": "HS256" })), Some("the token's algorithm is not allowed")),
        (confused, Some("the token's algorithm is not allowed")),
        (of(json!({ "alg": "RS256", "kid": "ed-1" })), Some("no key is known for the token")),
        (of(json!({ "alg": "ES256" })), Some("no key is known for the token")),
        (of(json!({ "alg": "RS256" })), Some("the token's signature is wrong")),
        (of(json!({ "alg": "EdDSA", "kid": "ed-2" })), Some("no key is known for the token")),
        (
            of(json!({ "alg": "EdDSA", "crit": ["exp"] })),
            Some("the token has an extension that is not known here"),
        ),
        (of(json!({ "alg": "EdDSA", "typ": "logout+jwt" })), Some("the token is of another type")),
        (other, Some("the token's signature is wrong")),
        (String::from_utf8(changed).expect("ASCII"), Some("the token's signature is wrong")),
        (String::new(), Some("this is no token")),
        ("a b".into(), Some("this is no token")),
        ("opaque".into(), Some("the token is not signed")),
        ("e30.e30.".into(), Some("the token's header is not as expected")),
        ("e30.e30.e30.e30".into(), Some("the token is not signed")),
    ];
    for (token, reason) in cases {
        let found = tokens.check(&Secret::new(token.clone()), now()).await;
        assert_eq!(found.err(), reason.map(TokenError::Bad), "{token}");
    }
    let long = Secret::new([b'a'; TOKEN_OCTETS_MAX + 1]);
    assert_eq!(tokens.check(&long, now()).await, Err(TokenError::Bad("this is no token")));
}

#[tokio::test]
async fn rsa_p256_and_hmac() {
    let (_file, tokens) = with_jwks(&Issuer::new());
    let token = Secret::new(RSA_TOKEN);
    assert_eq!(tokens.check(&token, now()).await.as_deref(), Ok("alice"));
    let tokens = Tokens::new(settings(vec![TokenKey::PublicPem(RSA_PEM.into())])).expect("a key");
    assert_eq!(tokens.check(&token, now()).await.as_deref(), Ok("alice"));

    let random = SystemRandom::new();
    let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("random numbers");
    let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("just made");
    let [x, y] = [1..33, 33..65].map(|range| URL_SAFE_NO_PAD.encode(&key.public_key().as_ref()[range]));
    let jwks = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": y }] }).to_string();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), jwks).expect("written");
    let mut both =
        settings(vec![TokenKey::JwksFile(file.path().into()), TokenKey::Secret(Secret::new(HMAC_SECRET))]);
    let by_ec = signed(&json!({ "alg": "ES256" }), &claims(json!({})), |message| {
        key.sign(&random, message).expect("signed").as_ref().to_vec()
    });
    let by_secret = signed(&json!({ "alg": "HS256" }), &claims(json!({})), |message| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, HMAC_SECRET);
        ring::hmac::sign(&key, message).as_ref().to_vec()
    });
    let tokens = Tokens::new(both.clone()).expect("keys");
    assert_eq!(tokens.check(&Secret::new(by_ec), now()).await.as_deref(), Ok("alice"));
    // A secret is not enough: HMAC has to be allowed too.
    let refused = TokenError::Bad("the token's algorithm is not allowed");
    assert_eq!(tokens.check(&Secret::new(by_secret.clone()), now()).await, Err(refused));
    both.algorithms.push(TokenAlgorithm::Hs256);
    let tokens = Tokens::new(both).expect("keys");
    assert_eq!(tokens.check(&Secret::new(by_secret), now()).await.as_deref(), Ok("alice"));
}

#[tokio::test]
async fn a_key_file_that_changes_is_read_again() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let (file, tokens) = with_jwks(&old);
    assert!(tokens.check(&old.token(json!({})), now()).await.is_ok());
    std::fs::write(file.path(), "rubbish").expect("written");
    tokens.keys.look_now();
    assert!(tokens.check(&old.token(json!({})), now()).await.is_ok(), "a bad file changes nothing");
    std::fs::write(file.path(), new.jwks() + " ").expect("written");
    tokens.keys.look_now();
    assert!(tokens.check(&new.token(json!({})), now()).await.is_ok());
    let gone = tokens.check(&old.token(json!({})), now()).await;
    assert_eq!(gone, Err(TokenError::Bad("the token's signature is wrong")));
}

#[test]
fn bad_settings() {
    let of = |settings: OauthSettings| Tokens::new(settings).expect_err("bad").reason;
    assert_eq!(of(OauthSettings::default()), "neither keys nor an introspection endpoint are named");
    let open =
        OauthSettings { issuers: Vec::new(), ..settings(vec![TokenKey::Secret(Secret::new(HMAC_SECRET))]) };
    assert!(of(open).starts_with("signed tokens need an issuer and an audience"));
    assert_eq!(
        of(settings(vec![TokenKey::Secret(Secret::new("short"))])),
        "a secret has fewer than 32 octets"
    );
    assert!(of(settings(vec![TokenKey::JwksFile("/nowhere".into())])).starts_with("/nowhere: "));
    assert!(of(settings(vec![TokenKey::PublicPem(b"x".to_vec())])).starts_with("a key is no PUBLIC KEY"));
    let remote = Introspection::new("http://id.example.org/introspect");
    let remote = OauthSettings { introspection: Some(remote), ..OauthSettings::default() };
    assert_eq!(of(remote), "http://id.example.org/introspect: tokens go over https only");
}

/// A server that answers every request with the body at hand, and notes what it was asked.
async fn endpoint(
    status: &'static str,
    body: String,
) -> (String, tokio::task::JoinHandle<()>, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/introspect", listener.local_addr().expect("bound"));
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&asked);
    let task = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The form is the end of the request.
            while !request.ends_with(b"access_token") {
                let mut buffer = [0; 4_096];
                match socket.read(&mut buffer).await {
                    Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            noted.lock().expect("no panic").push(String::from_utf8_lossy(&request).into_owned());
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (url, task, asked)
}

fn asking(url: String) -> Tokens {
    let introspection = Introspection {
        client_id: Some("restante".into()),
        client_secret: Some(Secret::new("s:e")),
        timeout: Duration::from_secs(5),
        ..Introspection::new(url)
    };
    let settings = OauthSettings {
        introspection: Some(introspection),
        audiences: vec!["imap".into()],
        user_claim: "username".into(),
        ..OauthSettings::default()
    };
    Tokens::new(settings).expect("good settings")
}

#[tokio::test]
async fn opaque_tokens_are_asked_about_once_a_while() {
    let answer = json!({ "active": true, "username": "alice", "aud": "imap", "exp": NOW + 30 }).to_string();
    let (url, _task, asked) = endpoint("200 OK", answer).await;
    let tokens = asking(url);
    let token = Secret::new("opaque+/=");
    for _ in 0..3 {
        assert_eq!(tokens.check(&token, now()).await.as_deref(), Ok("alice"));
    }
    {
        let asked = asked.lock().expect("no panic");
        assert_eq!(asked.len(), 1);
        assert!(asked[0].starts_with("POST /introspect HTTP/1.1\r\n"), "{}", asked[0]);
        // restante:s%3Ae
        assert!(asked[0].contains("Basic cmVzdGFudGU6cyUzQWU="), "{}", asked[0]);
        assert!(
            asked[0].ends_with("\r\n\r\ntoken=opaque%2B%2F%3D&token_type_hint=access_token"),
            "{}",
            asked[0]
        );
    }
    // Not beyond its end, though the cache would last for a minute; and then the answer itself is too old.
    let later = now() + Duration::from_secs(31 + 60);
    assert_eq!(tokens.check(&token, later).await, Err(TokenError::Bad("the token has expired")));
    assert_eq!(asked.lock().expect("no panic").len(), 2);
}

#[tokio::test]
async fn answers_that_are_no_yes() {
    let bad = |reason| TokenError::Bad(reason);
    for (answer, expected) in [
        (json!({ "active": false }), bad("the token is not active")),
        (json!({ "active": "true", "username": "alice", "aud": "imap" }), bad("the token is not active")),
        (json!({ "username": "alice", "aud": "imap" }), bad("the token is not active")),
        (json!({ "active": true, "username": "alice" }), bad("the token is for another audience")),
        (json!({ "active": true, "aud": "imap" }), bad("the token names no user")),
        (
            json!({ "active": true, "username": "alice", "aud": "imap", "exp": 7 }),
            bad("the token has expired"),
        ),
    ] {
        let (url, _task, _) = endpoint("200 OK", answer.to_string()).await;
        assert_eq!(asking(url).check(&Secret::new("opaque"), now()).await, Err(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_no_bad_token() {
    let token = Secret::new("opaque");
    let yes = json!({ "active": true, "username": "alice", "aud": "imap" }).to_string();
    for (status, body) in [
        ("500 Internal Server Error", yes.clone()),
        ("401 Unauthorized", yes.clone()),
        ("302 Found", yes),
        ("200 OK", "<html>".into()),
        ("200 OK", "[]".into()),
        ("200 OK", "x".repeat(100_000)),
    ] {
        let (url, _task, _) = endpoint(status, body).await;
        let found = asking(url).check(&token, now()).await;
        assert!(matches!(found, Err(TokenError::Unavailable(_))), "{status}: {found:?}");
    }
    // Nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    drop(listener);
    assert!(matches!(asking(url).check(&token, now()).await, Err(TokenError::Unavailable(_))));
}

/// Signed by `openssl dgst -sha256 -sign`; it counts until 2100.
const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYS0xIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwiYXVkIjpbImltYXAiLCJ3ZWIiXSwiZW1haWwiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwic2NvcGUiOiJvcGVuaWQgbWFpbCJ9.lQDU0X7N16IE8tE8_ylXj-uaXwiIn6FLz0P4Zva8HYgPxVPojd2J-CIShXdYmxicDQ-5mz4qmZAtQPiLmpdVYngCduAvp8xkfnotByaVbbMx63ZCdDEsJhO_fOEPYes9509xMXKe-JQOIxKNxmIZh2ppu2Uwh5g-uTLcTHV-XYufczpjuGq1_QokbkW5JMEtbeUp2H_51y3RGUORm8OuSP_Vxwgn59eB5xV01QFhGl6W62p-ZNOdCAs0faSm29MiA-7lUnvH-e0uFdj5T3ERN1auSqBApi1r9dw1ZO7-9hmeY-IsZ_nusc7cPqfzypx27YVdgiCFIPMaLWp7GkWbdA";
const RSA_MODULUS: &str = "tEG_QaNcvq8CbPTGaOLUfIPQFy9eeD5vdu6jUKP2zBTh7pMvn-NrlX_WAkb1ZNdQdGwKAAs_mlwfHl_w-HllRcyGL7_eVNWnYgxb63E8eJvmy7tPu3CRQeOmPR2Tr89Nhp-UfeUOTJu-cU7V0XgTCnF1rd563XGZvV_KmtreK5o1sir68lQSR3NT-tQKbl-ONQdGpy-GX07PPuP929QxeiIk2eGd2VxtAeLi0ar7fzsiBhlq_NyY8SCrVI0jF52lsrYx8_aRQudiG_Oxzp-NTcfweS8UkSmCbV8ddeXkkUdZJBfQdszkTPCkfvLHDUKPrr_LsTqfnrs6VwpbwQXvqQ";
const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
     MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtEG/QaNcvq8CbPTGaOLU\n\
     fIPQFy9eeD5vdu6jUKP2zBTh7pMvn+NrlX/WAkb1ZNdQdGwKAAs/mlwfHl/w+Hll\n\
     RcyGL7/eVNWnYgxb63E8eJvmy7tPu3CRQeOmPR2Tr89Nhp+UfeUOTJu+cU7V0XgT\n\
     CnF1rd563XGZvV/KmtreK5o1sir68lQSR3NT+tQKbl+ONQdGpy+GX07PPuP929Qx\n\
     eiIk2eGd2VxtAeLi0ar7fzsiBhlq/NyY8SCrVI0jF52lsrYx8/aRQudiG/Oxzp+N\n\
     TcfweS8UkSmCbV8ddeXkkUdZJBfQdszkTPCkfvLHDUKPrr/LsTqfnrs6VwpbwQXv\n\
     qQIDAQAB\n\
     -----END PUBLIC KEY-----\n\
     ";
