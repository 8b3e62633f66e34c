//! Who may come in, by whatever mechanism: roles, ends, certificates, application passwords, imported hashes.

use std::time::{Duration, SystemTime};

use super::*;
use crate::{CertificateField, CertificateMapping, ClientCertificate, Directories, Mechanisms};

const DISABLED: AuthError = AuthError::DISABLED;

async fn one_message(
    authenticator: &Authenticator,
    channel: &Channel,
    mechanism: &str,
    message: &str,
) -> Result<Identity, AuthError> {
    let mut exchange = authenticator.start(mechanism, channel)?;
    match exchange.step(Some(&Secret::new(message))).await? {
        Step::Done(identity) => Ok(identity),
        Step::Challenge(_) => panic!("{mechanism} has one message"),
    }
}

#[tokio::test]
async fn an_administrator_acts_as_a_user() {
    let (directory, authenticator) = with_alice();
    directory.set("root", "root", "open");
    directory.change("root", |root| root.admin = true);
    directory.set("gone", "gone", "x");
    directory.change("gone", |gone| gone.disabled = true);
    for (message, expected) in [
        ("alice\0root\0open", Ok(("alice", "root"))),
        ("\0root\0open", Ok(("root", "root"))),
        ("root\0root\0open", Ok(("root", "root"))),
        // As the directory spells it.
        ("bob@example.org\0root\0open", Ok(("bob", "root"))),
        ("nobody\0root\0open", Err(AuthError::NotAuthorized)),
        ("gone\0root\0open", Err(AuthError::NotAuthorized)),
        ("a/b\0root\0open", Err(AuthError::NotAuthorized)),
        ("root\0alice\0sesame", Err(AuthError::NotAuthorized)),
        ("alice\0root\0wrong", Err(WRONG)),
    ] {
        let found = one_message(&authenticator, &open(), "PLAIN", message).await;
        let found = found.as_ref().map(|who| (&*who.user, &*who.authenticated));
        assert_eq!(found, expected.as_ref().copied(), "{message:?}");
    }
    let mut exchange = authenticator.start("PLAIN", &open()).expect("offered");
    let _ = exchange.step(Some(&Secret::new("alice\0root\0wrong"))).await;
    assert_eq!((exchange.claimed(), exchange.authzid()), (Some("root"), Some("alice")));
}

#[tokio::test]
async fn disabled_and_expired_users_stay_out() {
    let (directory, authenticator) = with_alice();
    assert!(login(&authenticator, "alice", "sesame").await.is_ok());
    // What is remembered of a success does not outlive the user's time.
    directory.change("alice", |alice| alice.disabled = true);
    assert_eq!(login(&authenticator, "alice", "sesame").await, Err(DISABLED));
    assert_eq!(login(&authenticator, "alice", "wrong").await, Err(WRONG));
    directory.change("alice", |alice| {
        alice.disabled = false;
        alice.expires = Some(SystemTime::now() - Duration::from_secs(1));
    });
    assert_eq!(login(&authenticator, "alice", "sesame").await, Err(AuthError::Expired));
    assert_eq!(login(&authenticator, "alice", "wrong").await, Err(WRONG));
    directory.change("alice", |alice| alice.expires = Some(SystemTime::now() + Duration::from_secs(60)));
    assert!(login(&authenticator, "alice", "sesame").await.is_ok());
}

#[tokio::test]
async fn application_passwords_come_in_and_go_nowhere_else() {
    let (directory, authenticator) = with_alice();
    let mut credentials = Credentials::from_password(&Secret::new("sesame"), LOW).expect("good");
    let phone = credentials.add_application_password("phone").expect("made");
    directory.insert("alice", "alice", credentials.clone());
    directory.change("alice", |alice| alice.admin = true);
    let hashes = authenticator.backend.hashes();
    let channel = open();
    let identity = authenticator.login(b"alice", &phone, &channel).await.expect("it fits");
    assert_eq!(identity.application_password.as_deref(), Some("phone"));
    assert_eq!(authenticator.backend.hashes(), hashes, "it is no hash");
    let kept = directory.find("alice").await.expect("up").expect("there").credentials;
    assert!(kept.application_passwords()[0].last_used.is_some());
    // It is for one program, not for an administrator's work.
    let phone = String::from_utf8(phone.expose().to_vec()).expect("ASCII");
    let acting =
        one_message(&authenticator, &channel, "PLAIN", &format!("bob@example.org\0alice\0{phone}")).await;
    assert_eq!(acting, Err(AuthError::NotAuthorized));
    // Another protocol.
    let mut bound = kept.clone();
    bound.application_password_mut("phone").expect("there").protocols = vec!["smtp".into()];
    directory.insert("alice", "alice", bound);
    assert_eq!(login(&authenticator, "alice", &phone).await, Err(WRONG));
    assert!(login(&authenticator, "alice", "sesame").await.is_ok());
}

#[tokio::test]
async fn an_imported_hash_is_made_anew_at_the_first_login() {
    let (directory, authenticator) = with_alice();
    let imported = Credentials::import("{SSHA}j5a8XHcDbW3gVFhvYH9CJx3IXEes8c33").expect("a hash");
    directory.insert("carol", "carol", imported);
    assert_eq!(login(&authenticator, "carol", "wrong").await, Err(WRONG));
    assert!(login(&authenticator, "carol", "sesame").await.is_ok());
    let kept = directory.find("carol").await.expect("up").expect("there").credentials;
    assert!(kept.verifier().starts_with("$argon2id$") && !kept.needs_upgrade(LOW));
    let hashes = authenticator.backend.hashes();
    assert!(login(&authenticator, "carol", "sesame").await.is_ok());
    assert_eq!(authenticator.backend.hashes(), hashes, "the success is remembered under the new record");
}

/// A cheap hash of another server's must not be told by the time that a wrong password takes.
#[tokio::test]
async fn a_wrong_password_costs_one_of_our_hashes_whatever_is_kept() {
    let (directory, authenticator) = with_alice();
    directory.insert(
        "ssha",
        "ssha",
        Credentials::import("{SSHA}j5a8XHcDbW3gVFhvYH9CJx3IXEes8c33").expect("a hash"),
    );
    directory.insert("none", "none", Credentials::none());
    for (user, expected) in [("alice", 1), ("ssha", 2), ("none", 1), ("mallory", 1)] {
        let before = authenticator.backend.hashes();
        assert!(login(&authenticator, user, "wrong").await.is_err());
        assert_eq!(authenticator.backend.hashes() - before, expected, "{user}");
    }
}

fn certificate(email: &str) -> ClientCertificate {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.subject_alt_names.push(rcgen::SanType::Rfc822Name(email.try_into().expect("ASCII")));
    let key = rcgen::KeyPair::generate().expect("random numbers");
    let certificate = params.self_signed(&key).expect("made");
    ClientCertificate::verified([certificate.der().to_vec()]).expect("one")
}

#[tokio::test]
async fn external() {
    let (directory, authenticator) = with_alice();
    directory.change("bob@example.org", |bob| bob.admin = true);
    let with = |email: &str| Channel { client_certificate: Some(certificate(email)), ..open() };
    assert!(!authenticator.mechanisms(&open()).contains(&"EXTERNAL"));
    assert_eq!(authenticator.start("EXTERNAL", &open()).err(), Some(AuthError::UnknownMechanism));
    let bob = with("bob@example.org");
    assert!(authenticator.mechanisms(&bob).contains(&"EXTERNAL"));
    for (channel, authzid, expected) in [
        (&bob, "", Ok(("bob", "bob"))),
        (&bob, "bob", Ok(("bob", "bob"))),
        (&bob, "bob@example.org", Ok(("bob", "bob"))),
        (&bob, "alice", Ok(("alice", "bob"))),
        (&with("alice"), "", Ok(("alice", "alice"))),
        (&with("alice"), "bob@example.org", Err(AuthError::NotAuthorized)),
        (
            &with("mallory@example.org"),
            "",
            Err(AuthError::Failed { reason: "the certificate is of no user" }),
        ),
        (
            &with("mallory@example.org"),
            "alice",
            Err(AuthError::Failed { reason: "the certificate is of no user" }),
        ),
        (&bob, "a\0b", Err(AuthError::Malformed { reason: "the name is no UTF-8 of at most 255 octets" })),
    ] {
        let found = one_message(&authenticator, channel, "EXTERNAL", authzid).await;
        let found = found.as_ref().map(|who| (&*who.user, &*who.authenticated));
        assert_eq!(found, expected.as_ref().copied(), "{authzid:?}");
    }
    directory.change("bob@example.org", |bob| bob.disabled = true);
    assert_eq!(one_message(&authenticator, &bob, "EXTERNAL", "").await, Err(DISABLED));
    // Where no field counts, no certificate does.
    let certificates =
        CertificateMapping { fields: vec![CertificateField::CommonName], ..Default::default() };
    let by_name = Authenticator::new(directory, Settings { certificates, ..settings() });
    assert!(!by_name.mechanisms(&bob).contains(&"EXTERNAL"));
}

#[tokio::test]
async fn anonymous_only_where_a_user_is_named() {
    let (directory, authenticator) = with_alice();
    assert_eq!(authenticator.start("ANONYMOUS", &open()).err(), Some(AuthError::UnknownMechanism));
    let settings = Settings { anonymous: Some("public".into()), ..settings() };
    let authenticator = Authenticator::new(directory, settings);
    // RFC 4505 §4; and it may be empty.
    for trace in ["sirhc", ""] {
        let mut exchange = authenticator.start("ANONYMOUS", &open()).expect("offered");
        let Ok(Step::Done(identity)) = exchange.step(Some(&Secret::new(trace))).await else { panic!("in") };
        assert_eq!((&*identity.user, identity.anonymous), ("public", true));
        assert_eq!(exchange.claimed().unwrap_or_default(), trace);
    }
    for bad in ["x".repeat(256), "a\r\nb".into()] {
        let found = one_message(&authenticator, &open(), "ANONYMOUS", &bad).await;
        assert!(matches!(found, Err(AuthError::Malformed { .. })), "{found:?}");
    }
}

#[tokio::test]
async fn a_listener_chooses_its_mechanisms() {
    let (_, authenticator) = with_alice();
    let scram_only = Channel {
        mechanisms: Mechanisms::named(["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]).expect("known"),
        bindings: ChannelBindings { tls_exporter: Some([1; 32]), tls_server_end_point: None },
        ..open()
    };
    assert_eq!(authenticator.mechanisms(&scram_only), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    assert!(
        !authenticator.login_command_offered(&scram_only) && authenticator.login_command_offered(&open())
    );
    assert_eq!(authenticator.start("PLAIN", &scram_only).err(), Some(AuthError::UnknownMechanism));
    let refused = authenticator.login(b"alice", &Secret::new("sesame"), &scram_only).await;
    assert_eq!(refused, Err(AuthError::UnknownMechanism));
    // Where the listener has no -PLUS, nobody hid one from a client that says `y`.
    let no_plus = Channel { mechanisms: Mechanisms::named(["SCRAM-SHA-256"]).expect("known"), ..scram_only };
    let mut exchange = authenticator.start("SCRAM-SHA-256", &no_plus).expect("offered");
    assert!(matches!(exchange.step(Some(&Secret::new("y,,n=alice,r=abc"))).await, Ok(Step::Challenge(_))));
}

#[tokio::test]
async fn several_directories_in_order() {
    let first = Arc::new(Memory::default());
    first.set("alice", "alice", "first");
    // Only an account: the password is another directory's.
    first.insert("carol", "carol", Credentials::none());
    let second = Arc::new(Memory::default());
    second.set("alice", "alice", "second");
    second.set("bob", "bob", "second");
    second.set("carol", "carol", "second");
    let both = Directories::new(vec![first, second.clone()]);
    let authenticator = Authenticator::new(Arc::new(both), settings());
    for (user, password, expected) in [
        ("alice", "first", Ok("alice")),
        ("alice", "second", Err(WRONG)),
        ("bob", "second", Ok("bob")),
        ("carol", "second", Ok("carol")),
        ("carol", "", Err(WRONG)),
        ("dave", "second", Err(UNKNOWN)),
    ] {
        assert_eq!(
            login(&authenticator, user, password).await.as_deref(),
            expected.as_ref().copied(),
            "{user} {password}"
        );
    }
    // One that does not answer is not passed over: its users could be taken for another's.
    let down: Arc<dyn Directory> = Arc::new(Memory { down: true, ..Memory::default() });
    let authenticator = Authenticator::new(Arc::new(Directories::new(vec![down, second])), settings());
    assert!(matches!(login(&authenticator, "bob", "second").await, Err(AuthError::Unavailable { .. })));
}

#[tokio::test]
async fn responses_that_are_too_long_or_come_too_late() {
    let (_, authenticator) = with_alice();
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let mut exchange = authenticator.start(mechanism, &open()).expect("offered");
        let long = Secret::new(vec![b'a'; 64 * 1024 + 1]);
        assert!(matches!(exchange.step(Some(&long)).await, Err(AuthError::Malformed { .. })));
        let again = exchange.step(Some(&Secret::new("x"))).await;
        assert_eq!(again.err(), Some(AuthError::Malformed { reason: "the exchange is over" }), "{mechanism}");
    }
}

/// What one exchange accepted is worth nothing in another: the server's nonce is new.
#[cfg(feature = "client")]
#[tokio::test]
async fn replayed_scram_messages_do_not_get_in() {
    use crate::client::{ClientExchange, UserPassword};
    let (_, authenticator) = with_alice();
    let credentials = UserPassword { user: "alice".into(), password: Secret::new("sesame") };
    let mut client = ClientExchange::start(&["SCRAM-SHA-256"], credentials).expect("known");
    let mut server = authenticator.start("SCRAM-SHA-256", &open()).expect("offered");
    let mut messages = vec![client.initial_response().expect("good").expect("the client begins")];
    while let Step::Challenge(challenge) = server.step(messages.last()).await.expect("a good exchange") {
        messages.push(client.step(&challenge).expect("good"));
    }
    let mut server = authenticator.start("SCRAM-SHA-256", &open()).expect("offered");
    assert!(matches!(server.step(Some(&messages[0])).await, Ok(Step::Challenge(_))));
    let replayed = server.step(Some(&messages[1])).await;
    assert!(matches!(replayed, Err(AuthError::Failed { .. } | AuthError::Malformed { .. })), "{replayed:?}");
    // The last message in the place of the first.
    let mut server = authenticator.start("SCRAM-SHA-256", &open()).expect("offered");
    assert!(matches!(server.step(Some(&messages[1])).await, Err(AuthError::Malformed { .. })));
}
