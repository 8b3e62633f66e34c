//! What each fuzz target does with its octets. Each is a plain function that panics when something is wrong:
//! imap-auth's ordinary tests run them over the committed corpus.

use std::sync::{Arc, LazyLock};

use imap_auth::client::{ClientCredentials, ClientExchange, UserPassword};
use imap_auth::{
    AuthError, Authenticator, BoxFuture, Channel, ChannelBindings, Credentials, Directory, DirectoryError,
    HashCost, OauthSettings, Secret, Settings, Step, TokenAlgorithm, TokenKey, Tokens, UserRecord,
    prepare_user_name,
};

/// The first octet chooses the mechanism and whether there is something to bind to; the rest are the client's
/// messages, with 0xff between. Nobody but alice gets in, and only as alice; nothing comes after the end.
pub fn server(octets: &[u8]) {
    let [choice, messages @ ..] = octets else { return };
    let channel = Channel {
        passwords_allowed: true,
        bindings: if choice & 1 == 0 { ChannelBindings::default() } else { bindings() },
        ..Channel::default()
    };
    let names = AUTHENTICATOR.mechanisms(&channel);
    let name = names[usize::from(choice >> 1) % names.len()];
    let mut exchange = AUTHENTICATOR.start(name, &channel).expect("what is offered can be started");
    RUNTIME.block_on(async {
        for message in messages.split(|octet| *octet == 0xff).take(6) {
            match exchange.step(Some(&Secret::new(message))).await {
                Ok(Step::Challenge(challenge)) => assert!(challenge.len() < 2_048),
                Ok(Step::Done(identity)) => {
                    let expected = if name == "ANONYMOUS" { "public" } else { "alice" };
                    assert_eq!((&*identity.user, identity.mechanism), (expected, name));
                    assert!(!identity.acts_as_another());
                    break;
                }
                Err(AuthError::Unavailable { reason }) => panic!("{reason}"),
                Err(_) => break,
            }
        }
    });
}

/// The first octet chooses the mechanism; the rest are the server's challenges, with 0xff between. Without the
/// server's proof no SCRAM comes to a good end.
pub fn client(octets: &[u8]) {
    let [choice, challenges @ ..] = octets else { return };
    let offered = [
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "SCRAM-SHA-512",
        "SCRAM-SHA-256-PLUS",
        "PLAIN",
        "OAUTHBEARER",
        "XOAUTH2",
    ];
    let offered = offered[usize::from(*choice) % offered.len()];
    let user = UserPassword { user: "alice".into(), password: Secret::new("sesame") };
    let credentials = match offered {
        "OAUTHBEARER" | "XOAUTH2" => {
            ClientCredentials::Token { user: "alice".into(), token: Secret::new("t") }
        }
        _ => user.into(),
    };
    let mut exchange =
        ClientExchange::start_bound(&[offered], credentials, bindings()).expect("the client knows it");
    let first = exchange.initial_response().expect("a message").expect("the client begins");
    let nonce =
        first.expose().split(|octet| *octet == b'r').next_back().and_then(|rest| rest.strip_prefix(b"="));
    for challenge in challenges.split(|octet| *octet == 0xff).take(4) {
        // `%` stands for our nonce, which no fuzzer guesses.
        let parts: Vec<&[u8]> = challenge.split(|octet| *octet == b'%').collect();
        let challenge = parts.join(nonce.unwrap_or_default());
        if costs_much(&challenge) || exchange.step(&challenge).is_err() {
            break;
        }
    }
    if offered.starts_with("SCRAM") {
        assert!(exchange.finish().is_err(), "the server has proved nothing");
    }
}

/// A count of iterations that would only slow the fuzzer down.
fn costs_much(challenge: &[u8]) -> bool {
    let text = String::from_utf8_lossy(challenge);
    text.split(",i=")
        .nth(1)
        .is_some_and(|count| count.trim_end_matches(|c: char| !c.is_ascii_digit()).len() > 4)
}

/// Records and imported hashes: what is read is written so that it is read the same.
pub fn records(octets: &[u8]) {
    if let Ok(text) = std::str::from_utf8(octets) {
        if let Ok(imported) = Credentials::import(text) {
            let written = imported.to_bytes();
            let read = Credentials::from_bytes(&written).expect("what is written is read");
            assert_eq!(read.to_bytes(), written);
        }
        if let Ok(name) = prepare_user_name(octets) {
            assert_eq!(prepare_user_name(name.as_bytes()), Ok(name));
        }
    }
    if let Ok(read) = Credentials::from_bytes(octets) {
        let written = read.to_bytes();
        assert_eq!(Credentials::from_bytes(&written).expect("what is written is read").to_bytes(), written);
    }
}

fn bindings() -> ChannelBindings {
    ChannelBindings { tls_exporter: Some([1; 32]), tls_server_end_point: Some(vec![2; 32]) }
}

/// A directory of one user.
struct OnlyAlice(UserRecord);

impl Directory for OnlyAlice {
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        Box::pin(async move { Ok((name == "alice").then(|| self.0.clone())) })
    }
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let cost = HashCost { memory_kib: 8, passes: 1 };
    let credentials = Credentials::from_password(&Secret::new("sesame"), cost).expect("a good password");
    let tokens = Tokens::new(OauthSettings {
        keys: vec![TokenKey::Secret(Secret::new("thirty-two octets at the least!!"))],
        algorithms: vec![TokenAlgorithm::Hs256],
        issuers: vec!["https://id.example.org".into()],
        audiences: vec!["imap".into()],
        ..OauthSettings::default()
    });
    let settings = Settings {
        cost,
        anonymous: Some("public".into()),
        tokens: Some(Arc::new(tokens.expect("good settings"))),
        ..Settings::new(Secret::new("of the fuzzer"))
    };
    Authenticator::new(Arc::new(OnlyAlice(UserRecord::new("alice", credentials, "fuzz"))), settings)
});
