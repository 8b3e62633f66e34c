//! OAUTHBEARER and XOAUTH2, from the client's message to the verdict.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::{OauthSettings, TokenAlgorithm, TokenKey, Tokens};

const SECRET: &[u8] = b"thirty-two octets at the least!!";

fn token(change: Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut claims = json!({
        "iss": "https://id.example.org", "aud": "imap", "email": "alice", "scope": "mail", "exp": now + 600,
    });
    for (name, value) in change.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    let [header, claims] =
        [json!({ "alg": "HS256" }), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

fn with_tokens(directory: Arc<Memory>, change: impl FnOnce(&mut OauthSettings)) -> Authenticator {
    let mut oauth = OauthSettings {
        keys: vec![TokenKey::Secret(Secret::new(SECRET))],
        algorithms: vec![TokenAlgorithm::Hs256],
        issuers: vec!["https://id.example.org".into()],
        audiences: vec!["imap".into()],
        scopes: vec!["mail".into()],
        openid_configuration: Some("https://id.example.org/.well-known/openid-configuration".into()),
        ..OauthSettings::default()
    };
    change(&mut oauth);
    let tokens = Tokens::new(oauth).expect("good settings");
    Authenticator::new(directory, Settings { tokens: Some(Arc::new(tokens)), ..settings() })
}

fn alice_and_root() -> Arc<Memory> {
    let (directory, _) = with_alice();
    directory.set("root", "root", "open");
    directory.change("root", |root| root.admin = true);
    directory
}

fn bearer(authzid: &str, token: &str) -> String {
    let authzid = if authzid.is_empty() { String::new() } else { format!("a={authzid}") };
    format!("n,{authzid},\x01host=server.example.com\x01port=143\x01auth=Bearer {token}\x01\x01")
}

fn google(user: &str, token: &str) -> String {
    format!("user={user}\x01auth=Bearer {token}\x01\x01")
}

/// The identity, or the challenge and then the error.
async fn run(
    authenticator: &Authenticator,
    mechanism: &str,
    message: &str,
) -> (String, Result<(String, String), AuthError>) {
    let mut exchange = authenticator.start(mechanism, &open()).expect("offered");
    let mut told = String::new();
    let mut response = Secret::new(message);
    loop {
        match exchange.step(Some(&response)).await {
            Ok(Step::Done(identity)) => return (told, Ok((identity.user, identity.authenticated))),
            Ok(Step::Challenge(challenge)) => {
                assert!(told.is_empty(), "one challenge at the most");
                told = String::from_utf8(challenge).expect("JSON");
                response = Secret::new("\x01");
            }
            Err(error) => return (told, Err(error)),
        }
    }
}

#[tokio::test]
async fn good_tokens() {
    let authenticator = with_tokens(alice_and_root(), |_| {});
    let (alice, root) = (token(json!({})), token(json!({ "email": "root" })));
    let strange = token(json!({ "email": "mallory" }));
    let unknown = Err(AuthError::Failed { reason: "the token is of no user" });
    for (form, mechanism) in [(bearer as fn(&str, &str) -> String, "OAUTHBEARER"), (google, "XOAUTH2")] {
        assert!(authenticator.mechanisms(&open()).contains(&mechanism));
        for (authzid, token, expected) in [
            ("", &alice, Ok(("alice", "alice"))),
            ("alice", &alice, Ok(("alice", "alice"))),
            ("bob@example.org", &alice, Err(AuthError::NotAuthorized)),
            ("alice", &root, Ok(("alice", "root"))),
            ("", &strange, unknown.clone()),
            // The name proves nothing.
            ("alice", &strange, unknown.clone()),
        ] {
            let (told, found) = run(&authenticator, mechanism, &form(authzid, token)).await;
            let expected = expected.map(|(user, by)| (user.to_owned(), by.to_owned()));
            assert_eq!((&*told, found), ("", expected), "{mechanism} {authzid}");
        }
    }
}

/// rsasl would say that a user with a refused token is in, if `validate` said so: only our verdict counts.
#[tokio::test]
async fn bad_tokens_are_told_why_and_never_let_in() {
    let authenticator = with_tokens(alice_and_root(), |_| {});
    let document = r#""openid-configuration":"https://id.example.org/.well-known/openid-configuration""#;
    let invalid = format!(r#"{{{document},"scope":"mail","status":"invalid_token"}}"#);
    let narrow = format!(r#"{{{document},"scope":"mail","status":"insufficient_scope"}}"#);
    let [google_invalid, google_narrow] =
        ["401", "403"].map(|status| format!(r#"{{"schemes":"bearer","scope":"mail","status":"{status}"}}"#));
    for (bad, reason, bearer_tells, google_tells) in [
        (token(json!({ "exp": 7 })), "the token has expired", &invalid, &google_invalid),
        (token(json!({ "iss": "x" })), "the token is of another issuer", &invalid, &google_invalid),
        (token(json!({ "aud": "x" })), "the token is for another audience", &invalid, &google_invalid),
        ("rubbish".into(), "the token is not signed", &invalid, &google_invalid),
        ("e30.e30.e30=".into(), "the token's header is not as expected", &invalid, &google_invalid),
        (token(json!({ "scope": "web" })), "the token's scope is too narrow", &narrow, &google_narrow),
    ] {
        let expected = Err(AuthError::Failed { reason });
        let (told, found) = run(&authenticator, "OAUTHBEARER", &bearer("alice", &bad)).await;
        assert_eq!((&told, found), (bearer_tells, expected.clone()));
        let (told, found) = run(&authenticator, "XOAUTH2", &google("alice", &bad)).await;
        assert_eq!((&told, found), (google_tells, expected));
    }
}

#[tokio::test]
async fn users_in_no_directory_where_that_is_allowed() {
    let authenticator = with_tokens(alice_and_root(), |oauth| oauth.unknown_users = true);
    let strange = token(json!({ "email": "carol" }));
    for (authzid, expected) in [("", true), ("carol", true), ("alice", false)] {
        let (_, found) = run(&authenticator, "OAUTHBEARER", &bearer(authzid, &strange)).await;
        assert_eq!(found.is_ok(), expected, "{authzid}");
    }
}

#[tokio::test]
async fn malformed_messages() {
    let authenticator = with_tokens(alice_and_root(), |_| {});
    let good = token(json!({}));
    let cases = [
        ("OAUTHBEARER", String::new()),
        ("OAUTHBEARER", "\x01".into()),
        ("OAUTHBEARER", "n,,".into()),
        ("OAUTHBEARER", "n,,\x01\x01".into()),
        ("OAUTHBEARER", format!("n,,\x01auth=Bearer {good}\x01")),
        ("OAUTHBEARER", format!("n,,\x01auth=Basic {good}\x01\x01")),
        ("OAUTHBEARER", format!("n,,\x01auth={good}\x01\x01")),
        ("OAUTHBEARER", format!("n,,\x01auth=Bearer {good}\x01auth=Bearer {good}\x01\x01")),
        ("OAUTHBEARER", format!("n,,\x01a1=x\x01auth=Bearer {good}\x01\x01")),
        ("OAUTHBEARER", format!("n,,\x01host\x01auth=Bearer {good}\x01\x01")),
        ("OAUTHBEARER", format!("p=tls-exporter,,\x01auth=Bearer {good}\x01\x01")),
        ("OAUTHBEARER", format!("n,a=,\x01auth=Bearer {good}\x01\x01")),
        ("OAUTHBEARER", format!("n,alice,\x01auth=Bearer {good}\x01\x01")),
        ("OAUTHBEARER", format!("n,,x\x01auth=Bearer {good}\x01\x01")),
        ("XOAUTH2", format!("usr=alice\x01auth=Bearer {good}\x01\x01")),
        ("XOAUTH2", "user=alice".into()),
        ("XOAUTH2", format!("user={}\x01auth=Bearer {good}\x01\x01", "a".repeat(256))),
    ];
    for (mechanism, message) in cases {
        let (told, found) = run(&authenticator, mechanism, &message).await;
        assert!(
            told.is_empty() && matches!(found, Err(AuthError::Malformed { .. })),
            "{message:?} {found:?}"
        );
    }
    // The scheme is in any case, and a client may say that it could bind.
    let (_, found) = run(&authenticator, "OAUTHBEARER", &format!("y,,\x01auth=bearer {good}\x01\x01")).await;
    assert!(found.is_ok(), "{found:?}");
}

/// RFC 7628 §4.1: the message as it stands there; its token is opaque, and nobody can be asked here.
#[tokio::test]
async fn rfc_7628_section_4() {
    let authenticator = with_tokens(alice_and_root(), |_| {});
    let message = "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
                   auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
    let mut exchange = authenticator.start("OAUTHBEARER", &open()).expect("offered");
    let Ok(Step::Challenge(_)) = exchange.step(Some(&Secret::new(message))).await else {
        panic!("a challenge")
    };
    assert_eq!(exchange.claimed(), Some("user@example.com"));
    // §3.2.3: whatever comes, it failed.
    let over = exchange.step(Some(&Secret::new(message))).await;
    assert_eq!(over.err(), Some(AuthError::Failed { reason: "the token is not signed" }));
}
