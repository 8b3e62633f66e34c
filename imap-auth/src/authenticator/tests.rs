use std::collections::HashMap;
use std::sync::Mutex;

use super::*;
mod entry;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "client")]
mod scram;

use crate::{
    BoxFuture, ChannelBindings, Credentials, DirectoryError, HashCost, Step, UserAttributes, UserRecord,
};

const LOW: HashCost = HashCost { memory_kib: 64, passes: 1 };
const NO_BINDINGS: ChannelBindings = ChannelBindings { tls_exporter: None, tls_server_end_point: None };
const WRONG: AuthError = AuthError::WRONG_PASSWORD;
const UNKNOWN: AuthError = AuthError::UNKNOWN_USER;

fn open() -> Channel {
    Channel { passwords_allowed: true, ..Channel::default() }
}

fn settings() -> Settings {
    Settings { cost: LOW, hashes_at_once: 1, ..Settings::new(Secret::new("of the server")) }
}

/// Users by name; `down` is a directory that does not answer.
#[derive(Default)]
struct Memory {
    users: Mutex<HashMap<String, UserRecord>>,
    down: bool,
}

impl Memory {
    fn set(&self, name: &str, spelled: &str, password: &str) {
        let credentials = Credentials::from_password(&Secret::new(password), LOW).expect("a good password");
        self.insert(name, spelled, credentials);
    }

    fn insert(&self, name: &str, spelled: &str, credentials: Credentials) {
        let record = UserRecord::new(spelled, credentials, self.name());
        self.users.lock().expect("no panic").insert(name.into(), record);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut UserAttributes)) {
        let mut users = self.users.lock().expect("no panic");
        change(&mut users.get_mut(name).expect("there").attributes);
    }
}

impl Directory for Memory {
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        Box::pin(async move {
            // As one behind a network: whoever waits for it in a callback of rsasl hangs.
            tokio::task::yield_now().await;
            if self.down {
                return Err(DirectoryError { reason: "no answer".into() });
            }
            Ok(self.users.lock().expect("no panic").get(name).cloned())
        })
    }

    fn replace<'a>(
        &'a self,
        user: &'a UserRecord,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<bool, DirectoryError>> {
        let mut users = self.users.lock().expect("no panic");
        let found = users.values_mut().find(|found| found.name == user.name);
        let same = found.filter(|found| found.credentials.to_bytes() == user.credentials.to_bytes());
        let replaced = same.map(|found| found.credentials = credentials.clone()).is_some();
        Box::pin(std::future::ready(Ok(replaced)))
    }
}

fn with_alice() -> (Arc<Memory>, Authenticator) {
    let directory = Arc::new(Memory::default());
    directory.set("alice", "alice", "sesame");
    directory.set("bob@example.org", "bob", "caf\u{e9} \u{1f511}");
    let authenticator = Authenticator::new(directory.clone(), settings());
    (directory, authenticator)
}

async fn login(authenticator: &Authenticator, user: &str, password: &str) -> Result<String, AuthError> {
    let password = Secret::new(password);
    authenticator.login(user.as_bytes(), &password, &open()).await.map(|identity| identity.user)
}

async fn plain(authenticator: &Authenticator, message: &[u8]) -> Result<Identity, AuthError> {
    let mut exchange = authenticator.start("PLAIN", &open())?;
    match exchange.step(Some(&Secret::new(message))).await? {
        Step::Done(identity) => Ok(identity),
        Step::Challenge(_) => panic!("PLAIN has one message"),
    }
}

#[tokio::test]
async fn login_command() {
    let (_, authenticator) = with_alice();
    let cases = [
        ("alice", "sesame", Ok("alice")),
        ("alice", "Sesame", Err(WRONG)),
        ("alice", "", Err(WRONG)),
        ("Alice", "sesame", Err(UNKNOWN)),
        ("mallory", "sesame", Err(UNKNOWN)),
        ("", "sesame", Err(UNKNOWN)),
        ("a/*", "sesame", Err(UNKNOWN)),
        ("bob@example.org", "cafe\u{301} \u{1f511}", Err(WRONG)),
        ("bob@example.org", "caf\u{e9} \u{1f511}", Ok("bob")),
    ];
    for (user, password, expected) in cases {
        let expected = expected.map(str::to_owned);
        assert_eq!(login(&authenticator, user, password).await, expected, "{user} {password}");
    }
}

#[tokio::test]
async fn plain_mechanism() {
    let (_, authenticator) = with_alice();
    let in_as = |user: &str| Ok((user.to_owned(), "PLAIN"));
    type Entered = (String, &'static str);
    let cases: &[(&[u8], Result<Entered, AuthError>)] = &[
        (b"\0alice\0sesame", in_as("alice")),
        (b"alice\0alice\0sesame", in_as("alice")),
        ("\0bob@example.org\0caf\u{e9} \u{1f511}".as_bytes(), in_as("bob")),
        ("bob\0bob@example.org\0caf\u{e9} \u{1f511}".as_bytes(), in_as("bob")),
        (b"\0alice\0wrong", Err(WRONG)),
        (b"\0mallory\0sesame", Err(UNKNOWN)),
        ("\0\u{1f511}\0sesame".as_bytes(), Err(UNKNOWN)),
        (b"bob\0alice\0sesame", Err(AuthError::NotAuthorized)),
        // Who is not in learns nothing about whom they may act for.
        (b"bob\0alice\0wrong", Err(WRONG)),
        (b"*\0alice\0sesame", Err(AuthError::NotAuthorized)),
    ];
    for (message, expected) in cases {
        let found = plain(&authenticator, message).await.map(|who| (who.user, who.mechanism));
        assert_eq!(found, *expected, "{:?}", String::from_utf8_lossy(message));
    }
}

#[tokio::test]
async fn plain_waits_for_the_client_to_begin_and_ends_once() {
    let (_, authenticator) = with_alice();
    let mut exchange = authenticator.start("PLAIN", &open()).expect("offered");
    assert!(exchange.client_first());
    let Ok(Step::Challenge(challenge)) = exchange.step(None).await else { panic!("a challenge") };
    assert_eq!(challenge, b"");
    let message = Secret::new("\0alice\0sesame");
    assert!(matches!(exchange.step(Some(&message)).await, Ok(Step::Done(_))));
    assert!(matches!(exchange.step(Some(&message)).await, Err(AuthError::Malformed { .. })));

    let mut exchange = authenticator.start("PLAIN", &open()).expect("offered");
    assert!(matches!(exchange.step(Some(&Secret::new("x"))).await, Err(AuthError::Malformed { .. })));
    assert!(matches!(exchange.step(Some(&message)).await, Err(AuthError::Malformed { .. })));
}

#[tokio::test]
async fn login_mechanism() {
    let (_, authenticator) = with_alice();
    let challenge = |step| match step {
        Ok(Step::Challenge(octets)) => String::from_utf8(octets).expect("ASCII"),
        other => panic!("{other:?}"),
    };
    for (user, password, expected) in [
        ("alice", "sesame", Ok("alice")),
        ("alice", "wrong", Err(WRONG)),
        ("mallory", "sesame", Err(UNKNOWN)),
        ("", "sesame", Err(UNKNOWN)),
    ] {
        let mut exchange = authenticator.start("LOGIN", &open()).expect("offered");
        assert!(!exchange.client_first());
        assert_eq!(challenge(exchange.step(None).await), "Username:");
        assert_eq!(challenge(exchange.step(Some(&Secret::new(user))).await), "Password:");
        let found = match exchange.step(Some(&Secret::new(password))).await {
            Ok(Step::Done(identity)) => Ok((identity.user, identity.mechanism)),
            Ok(Step::Challenge(_)) => panic!("nothing is left to ask"),
            Err(error) => Err(error),
        };
        let expected = expected.map(|user| (user.to_owned(), "LOGIN"));
        assert_eq!(found, expected, "{user} {password}");
        assert_eq!(exchange.claimed(), Some(user));
    }
    // The user name with the command, which mutt sends.
    let mut exchange = authenticator.start("LOGIN", &open()).expect("offered");
    assert_eq!(challenge(exchange.step(Some(&Secret::new("alice"))).await), "Password:");
    assert!(matches!(exchange.step(Some(&Secret::new("sesame"))).await, Ok(Step::Done(_))));
    let mut exchange = authenticator.start("LOGIN", &open()).expect("offered");
    challenge(exchange.step(None).await);
    let long = exchange.step(Some(&Secret::new([b'x'; 256]))).await;
    assert!(matches!(long, Err(AuthError::Malformed { .. })));
}

#[tokio::test]
async fn whom_the_client_says_it_is() {
    let (_, authenticator) = with_alice();
    for (mechanism, message, expected) in [
        ("PLAIN", "\0mallory\0x", Some("mallory")),
        ("PLAIN", "rubbish", None),
        ("SCRAM-SHA-256", "n,,n=a=2Cb,r=abc", Some("a,b")),
        ("SCRAM-SHA-256", "p=tls-unique,,n=eve,r=abc", Some("eve")),
        ("SCRAM-SHA-256", "n,,,", None),
    ] {
        let mut exchange = authenticator.start(mechanism, &open()).expect("offered");
        let _ = exchange.step(Some(&Secret::new(message))).await;
        assert_eq!((exchange.mechanism(), exchange.claimed()), (mechanism, expected), "{message}");
    }
}

#[tokio::test]
async fn no_password_without_privacy() {
    let (_, authenticator) = with_alice();
    let offered = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"];
    assert_eq!(authenticator.mechanisms(&open()), offered);
    assert!(authenticator.mechanisms(&Channel::default()).is_empty());
    for mechanism in offered {
        assert_eq!(
            authenticator.start(mechanism, &Channel::default()).err(),
            Some(AuthError::PrivacyRequired)
        );
    }
    let refused = authenticator.login(b"alice", &Secret::new("sesame"), &Channel::default()).await;
    assert_eq!(refused, Err(AuthError::PrivacyRequired));
}

#[tokio::test]
async fn only_what_is_offered_can_be_started() {
    let (_, authenticator) = with_alice();
    for mechanism in ["ANONYMOUS", "EXTERNAL", "SCRAM-SHA-256-PLUS", "login", "plain", ""] {
        let refused = authenticator.start(mechanism, &open()).err();
        assert_eq!(refused, Some(AuthError::UnknownMechanism), "{mechanism}");
    }
}

#[tokio::test]
async fn a_directory_that_is_down_is_no_wrong_password() {
    let directory = Memory { down: true, ..Memory::default() };
    let authenticator = Authenticator::new(Arc::new(directory), settings());
    let failed = login(&authenticator, "alice", "sesame").await;
    assert!(matches!(failed, Err(AuthError::Unavailable { .. })), "{failed:?}");
}

#[tokio::test]
async fn every_failure_costs_a_hash_and_a_success_is_remembered() {
    let (directory, authenticator) = with_alice();
    let hashes = || authenticator.backend.hashes();
    for (user, password, expected) in [
        ("alice", "wrong", 1),
        ("alice", "wrong", 2),
        ("mallory", "sesame", 3),
        ("mallory", "sesame", 4),
        ("alice", "sesame", 5),
        ("alice", "sesame", 5),
        ("alice", "wrong", 6),
    ] {
        let _ = login(&authenticator, user, password).await;
        assert_eq!(hashes(), expected, "{user} {password}");
    }
    // PLAIN shares the memory.
    assert!(plain(&authenticator, b"\0alice\0sesame").await.is_ok());
    assert_eq!(hashes(), 6);
    // A new record makes the old password a wrong one at once.
    directory.set("alice", "alice", "open");
    assert_eq!(login(&authenticator, "alice", "sesame").await, Err(WRONG));
    assert_eq!(login(&authenticator, "alice", "open").await.as_deref(), Ok("alice"));
    assert_eq!(hashes(), 8);
    // A user that is gone is gone.
    directory.users.lock().expect("no panic").clear();
    assert_eq!(login(&authenticator, "alice", "open").await, Err(UNKNOWN));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_logins_at_once_all_get_their_turn() {
    let (_, authenticator) = with_alice();
    let logins: Vec<_> = (0..50)
        .map(|number| {
            let authenticator = authenticator.clone();
            let password = if number % 2 == 0 { "sesame" } else { "wrong" };
            tokio::spawn(async move { login(&authenticator, "alice", password).await.is_ok() })
        })
        .collect();
    for (number, login) in logins.into_iter().enumerate() {
        assert_eq!(login.await.expect("no panic"), number % 2 == 0);
    }
    assert_eq!(
        authenticator.backend.hashes(),
        26,
        "wrong ones cost a hash each, of the right ones only the first"
    );
}

#[tokio::test]
async fn who_failed_too_often_is_refused_without_a_hash() {
    let (directory, _) = with_alice();
    let throttle = crate::Throttle::new(crate::ThrottleSettings::default());
    let settings = Settings { throttle: Some(throttle.clone()), ..settings() };
    let authenticator = Authenticator::new(directory, settings);
    let attacker = Channel { peer: Some([192, 0, 2, 1].into()), ..open() };
    let wrong = Secret::new("guess");
    let mut delays = Vec::new();
    for number in 0..21 {
        let failed = authenticator.login(b"alice", &wrong, &attacker).await.expect_err("wrong");
        assert_eq!(failed, WRONG, "{number}");
        delays.push(authenticator.answer_delay(&failed, "alice", &attacker).as_secs());
    }
    assert_eq!((&delays[..7], delays.iter().sum::<u64>()), (&[0, 0, 0, 1, 2, 4, 8][..], 15 + 14 * 15));
    let hashes = authenticator.backend.hashes();
    let right = Secret::new("sesame");
    let refused = authenticator.login(b"alice", &right, &attacker).await.expect_err("banned");
    assert!(matches!(refused, AuthError::Unavailable { .. }), "{refused}");
    assert!(authenticator.answer_delay(&refused, "alice", &attacker).is_zero(), "it is said at once");
    for (mechanism, message) in [("PLAIN", &b"\0alice\0sesame"[..]), ("SCRAM-SHA-256", b"n,,n=alice,r=abc")] {
        let mut exchange = authenticator.start(mechanism, &attacker).expect("offered");
        let refused = exchange.step(Some(&Secret::new(message))).await.expect_err("banned");
        assert!(matches!(refused, AuthError::Unavailable { .. }), "{mechanism}: {refused}");
    }
    assert_eq!(authenticator.backend.hashes(), hashes);
    let elsewhere = Channel { peer: Some([192, 0, 2, 2].into()), ..open() };
    assert!(authenticator.login(b"alice", &right, &elsewhere).await.is_ok());
    assert!(throttle.lift("192.0.2.1"));
    assert!(authenticator.login(b"alice", &right, &attacker).await.is_ok());
}
