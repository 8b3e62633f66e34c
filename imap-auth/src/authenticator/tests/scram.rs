//! SCRAM between our client and our server, and a server between hostile clients.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::client::{ClientExchange, UserPassword};

const HASHES: [&str; 3] = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"];
const PLUS: [&str; 3] = ["SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"];

const BAD_PROOF: AuthError = AuthError::Failed { reason: "the proof is wrong, or there is no such user" };

fn exporter() -> ChannelBindings {
    ChannelBindings { tls_exporter: Some([1; 32]), tls_server_end_point: None }
}

fn over_tls(bindings: ChannelBindings) -> Channel {
    Channel { bindings, ..open() }
}

/// A whole exchange between our client and our server.
async fn exchange(
    authenticator: &Authenticator,
    channel: &Channel,
    mechanism: &str,
    (user, password): (&str, &str),
    client_bindings: ChannelBindings,
) -> Result<Identity, AuthError> {
    let credentials = UserPassword { user: user.into(), password: Secret::new(password) };
    let mut client =
        ClientExchange::start_bound(&[mechanism], credentials, client_bindings).expect("the client knows it");
    let mut server = authenticator.start(mechanism, channel)?;
    let mut response = client.initial_response().expect("a good name").expect("the client begins");
    loop {
        match server.step(Some(&response)).await? {
            Step::Challenge(challenge) => response = client.step(&challenge).expect("a challenge of ours"),
            Step::Done(identity) => {
                client.finish().expect("the server has proved itself");
                return Ok(identity);
            }
        }
    }
}

/// What the server answers to messages, as text.
async fn talk(
    authenticator: &Authenticator,
    mechanism: &str,
    messages: &[&str],
) -> Result<Vec<String>, AuthError> {
    let mut server = authenticator.start(mechanism, &open())?;
    let mut answers = Vec::new();
    for message in messages {
        match server.step(Some(&Secret::new(*message))).await? {
            Step::Challenge(octets) => answers.push(String::from_utf8(octets).expect("SCRAM is text")),
            Step::Done(identity) => answers.push(format!("in as {}", identity.user)),
        }
    }
    Ok(answers)
}

#[tokio::test]
async fn who_knows_the_password_gets_in() {
    let (directory, authenticator) = with_alice();
    directory.set("a,b=c", "a,b=c", "sesame");
    directory.set("caf\u{e9}", "caf\u{e9}", "sesame");
    for mechanism in HASHES {
        for (user, password, expected) in [
            ("alice", "sesame", Ok("alice")),
            // Prepared on both sides.
            ("alic\u{ad}e", "se\u{ad}same", Ok("alice")),
            ("cafe\u{301}", "sesame", Ok("caf\u{e9}")),
            ("bob@example.org", "caf\u{e9} \u{1f511}", Ok("bob")),
            // Escaped on the wire.
            ("a,b=c", "sesame", Ok("a,b=c")),
            ("alice", "Sesame", Err(BAD_PROOF)),
            ("mallory", "sesame", Err(BAD_PROOF)),
            ("a/b", "sesame", Err(UNKNOWN)),
        ] {
            let found = exchange(&authenticator, &open(), mechanism, (user, password), NO_BINDINGS).await;
            let found = found.map(|identity| identity.user);
            assert_eq!(found, expected.map(str::to_owned), "{mechanism} {user} {password}");
        }
    }
    assert_eq!(authenticator.backend.hashes(), 0, "SCRAM hashes on the client only");
}

#[tokio::test]
async fn the_client_has_to_see_the_servers_proof_first() {
    let (_, authenticator) = with_alice();
    let credentials = UserPassword { user: "alice".into(), password: Secret::new("sesame") };
    let mut client = ClientExchange::start(&["SCRAM-SHA-256"], credentials).expect("known");
    let mut server = authenticator.start("SCRAM-SHA-256", &open()).expect("offered");
    assert!(server.client_first());
    let mut response = client.initial_response().expect("a good name").expect("the client begins");
    for _ in 0..2 {
        let Ok(Step::Challenge(challenge)) = server.step(Some(&response)).await else {
            panic!("a challenge")
        };
        response = client.step(&challenge).expect("a good challenge");
    }
    assert!(response.expose().is_empty());
    // Something else than the empty response does not get in.
    let refused = server.step(Some(&Secret::new("x"))).await;
    assert!(matches!(refused, Err(AuthError::Malformed { .. })));
    assert!(matches!(server.step(Some(&response)).await, Err(AuthError::Malformed { .. })));
}

/// rsasl comes to its end with a wrong proof too, and says nothing else than that it is finished.
#[tokio::test]
async fn the_end_without_a_verdict_is_no_login() {
    let (_, authenticator) = with_alice();
    for user in ["alice", "mallory"] {
        let mut server = authenticator.start("SCRAM-SHA-256", &open()).expect("offered");
        let first = Secret::new(format!("n,,n={user},r=abc"));
        let Ok(Step::Challenge(challenge)) = server.step(Some(&first)).await else { panic!("a challenge") };
        let challenge = String::from_utf8(challenge).expect("text");
        let nonce = challenge.split(',').next().expect("the nonce");
        let proof = STANDARD.encode([0; 32]);
        let failed = server.step(Some(&Secret::new(format!("c=biws,{nonce},p={proof}")))).await;
        assert_eq!(failed.err(), Some(BAD_PROOF), "{user}");
        let over = server.step(Some(&Secret::new(""))).await;
        assert!(matches!(over, Err(AuthError::Malformed { .. })));
    }
}

#[tokio::test]
async fn messages_that_make_rsasl_panic_are_malformed() {
    let (_, authenticator) = with_alice();
    for mechanism in HASHES {
        for message in ["n,,,", "n,x,n=user,r=abc", "n,,n", "", "n"] {
            let found = talk(&authenticator, mechanism, &[message]).await;
            assert!(matches!(found, Err(AuthError::Malformed { .. })), "{message}: {found:?}");
        }
        for message in
            ["", "c", "c=biws", "c=biws,r", "c=biws,r=abc", "c=biws,r=abc,p", "c=biws,r=abc,p=v0X8,"]
        {
            let found = talk(&authenticator, mechanism, &["n,,n=alice,r=abc", message]).await;
            assert!(matches!(found, Err(AuthError::Malformed { .. })), "{message}: {found:?}");
        }
    }
}

/// Salt and iterations, as the server shows them.
async fn shown(authenticator: &Authenticator, mechanism: &str, user: &str) -> String {
    let first = format!("n,,n={user},r=abc");
    let answers = talk(authenticator, mechanism, &[&first]).await.expect("a challenge");
    answers[0].split_once(',').expect("more than a nonce").1.to_owned()
}

#[tokio::test]
async fn an_unknown_user_looks_like_a_known_one() {
    let (directory, authenticator) = with_alice();
    // A record of before SCRAM.
    let alice = directory.find("alice").await.expect("up").expect("there");
    let mut old: serde_json::Value = serde_json::from_slice(&alice.credentials.to_bytes()).expect("JSON");
    old.as_object_mut().expect("an object").remove("scram").expect("keys");
    let credentials = Credentials::from_bytes(old.to_string().as_bytes()).expect("an old record");
    let olga = UserRecord::new("olga", credentials, "memory");
    directory.users.lock().expect("no panic").insert("olga".into(), olga);

    let restarted = Authenticator::new(directory.clone(), settings());
    for mechanism in HASHES {
        let mut salts = std::collections::HashSet::new();
        for user in ["alice", "mallory", "olga"] {
            let first = shown(&authenticator, mechanism, user).await;
            assert_eq!(first, shown(&authenticator, mechanism, user).await, "{user}");
            assert_eq!(first, shown(&restarted, mechanism, user).await, "{user}");
            assert!(first.ends_with(",i=10000") && first.len() == "s=,i=10000".len() + 24, "{first}");
            salts.insert(first);
        }
        assert_eq!(salts.len(), 3);
        let failed = exchange(&authenticator, &open(), mechanism, ("olga", "sesame"), NO_BINDINGS).await;
        assert_eq!(failed, Err(BAD_PROOF), "no keys, no login");
    }
    assert_eq!(login(&authenticator, "olga", "sesame").await.as_deref(), Ok("olga"), "but by password");
    // Another secret shows other salts for those that are not there, and only for those.
    let other = Settings { server_secret: Secret::new("another"), ..settings() };
    let other = Authenticator::new(directory, other);
    let hash = "SCRAM-SHA-256";
    assert_eq!(shown(&authenticator, hash, "alice").await, shown(&other, hash, "alice").await);
    assert_ne!(shown(&authenticator, hash, "mallory").await, shown(&other, hash, "mallory").await);
}

/// Logs alice in with SCRAM-SHA-1 and a GS2 header of any kind, computed here from RFC 5802 §3.
async fn with_header(
    authenticator: &Authenticator,
    channel: &Channel,
    mechanism: &str,
    header: &str,
    password: &str,
) -> Result<String, AuthError> {
    use hmac::{Hmac, KeyInit, Mac};
    use sha1::{Digest, Sha1};
    let keyed = |key: &[u8], message: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any key");
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let mut server = authenticator.start(mechanism, channel)?;
    let bare = "n=alice,r=abc";
    let Step::Challenge(challenge) = server.step(Some(&Secret::new(format!("{header}{bare}")))).await? else {
        panic!("a challenge comes first")
    };
    let challenge = String::from_utf8(challenge).expect("text");
    let fields: Vec<&str> = challenge.split(',').collect();
    let salt = STANDARD.decode(&fields[1][2..]).expect("a salt");
    let mut salted = [0; 20];
    pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), &salt, 10_000, &mut salted);
    let client_key = keyed(&salted, "Client Key");
    let data = channel.bindings.tls_exporter.filter(|_| header.starts_with("p="));
    let header = STANDARD.encode([header.as_bytes(), data.as_ref().map_or(&[], |data| &data[..])].concat());
    let last = format!("c={header},{}", fields[0]);
    let signature = keyed(&Sha1::digest(&client_key), &format!("{bare},{challenge},{last}"));
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    let last = Secret::new(format!("{last},p={}", STANDARD.encode(proof)));
    let Step::Challenge(_) = server.step(Some(&last)).await? else { panic!("the proof comes first") };
    match server.step(Some(&Secret::new(""))).await? {
        Step::Done(identity) => Ok(identity.user),
        Step::Challenge(_) => panic!("nothing is left to say"),
    }
}

#[tokio::test]
async fn nobody_acts_for_another() {
    let (_, authenticator) = with_alice();
    for (authzid, password, expected) in [
        ("alice", "sesame", Ok("alice")),
        ("bob", "sesame", Err(AuthError::NotAuthorized)),
        ("bob", "wrong", Err(BAD_PROOF)),
    ] {
        let header = format!("n,a={authzid},");
        let found = with_header(&authenticator, &open(), "SCRAM-SHA-1", &header, password).await;
        assert_eq!(found, expected.map(str::to_owned), "{authzid} {password}");
    }
}

#[tokio::test]
async fn plus_is_offered_where_there_is_something_to_bind_to() {
    let (_, authenticator) = with_alice();
    let offered = authenticator.mechanisms(&over_tls(exporter()));
    assert_eq!(offered, [&PLUS[..], &HASHES, &["PLAIN", "LOGIN"]].concat());
    assert_eq!(authenticator.mechanisms(&open()), [&HASHES[..], &["PLAIN", "LOGIN"]].concat());
    assert_eq!(authenticator.start(PLUS[0], &open()).err(), Some(AuthError::UnknownMechanism));
}

#[tokio::test]
async fn plus_binds_to_the_connection() {
    let (_, authenticator) = with_alice();
    let end_point = ChannelBindings { tls_exporter: None, tls_server_end_point: Some(vec![2; 32]) };
    for mechanism in PLUS {
        for bindings in [exporter(), end_point.clone()] {
            let channel = over_tls(bindings.clone());
            let log_in =
                |password, client| exchange(&authenticator, &channel, mechanism, ("alice", password), client);
            let found = log_in("sesame", bindings.clone()).await;
            assert_eq!(found.map(|who| (who.user, who.mechanism)), Ok(("alice".into(), mechanism)));
            assert_eq!(log_in("wrong", bindings).await, Err(BAD_PROOF));
            // Somebody in between has two connections.
            let other = ChannelBindings {
                tls_exporter: channel.bindings.tls_exporter.map(|_| [3; 32]),
                tls_server_end_point: channel.bindings.tls_server_end_point.as_ref().map(|_| vec![3; 32]),
            };
            let found = log_in("sesame", other).await;
            assert!(matches!(found, Err(AuthError::ChannelBinding { .. })), "{found:?}");
        }
    }
}

#[tokio::test]
async fn flags() {
    let (_, authenticator) = with_alice();
    let (with, without) = (over_tls(exporter()), open());
    let (plus, bare) = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1");
    for (mechanism, channel, header, allowed) in [
        (bare, &without, "n,,", true),
        // It can bind, and we cannot: so it is.
        (bare, &without, "y,,", true),
        (bare, &without, "p=tls-exporter,,", false),
        (bare, &with, "n,,", true),
        // It can bind, and so can we: somebody hid it.
        (bare, &with, "y,,", false),
        (bare, &with, "p=tls-exporter,,", false),
        (plus, &with, "p=tls-exporter,,", true),
        (plus, &with, "n,,", false),
        (plus, &with, "y,,", false),
        (plus, &with, "p=tls-unique,,", false),
        (plus, &with, "p=tls-server-end-point,,", false),
    ] {
        let found = with_header(&authenticator, channel, mechanism, header, "sesame").await;
        if allowed {
            assert_eq!(found.as_deref(), Ok("alice"), "{mechanism} {header}");
        } else {
            assert!(matches!(found, Err(AuthError::ChannelBinding { .. })), "{mechanism} {header} {found:?}");
        }
    }
}
