//! The client's side of the exchanges.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::mechanisms::scram::{
    SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS, SCRAM_SHA512, SCRAM_SHA512_PLUS,
};
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLClient, Session, SessionError};
use rsasl::property::{AuthId, OverrideCBType, Password};
use rsasl::validate::NoValidation;

use crate::scram::message::{check_server_final, check_server_first};
use crate::{ChannelBindings, Secret, guard, prepare_password, prepare_user_name};

/// What a client knows of its user.
#[derive(Debug, Clone)]
pub struct UserPassword {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// One exchange of the client.
pub struct ClientExchange {
    session: Session<NoValidation, ChannelBindings>,
    spec: &'static ClientMechanism,
    progress: Progress,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was said.
    New,
    /// The first message has been made.
    Begun,
    /// SCRAM: so has the proof.
    Proved,
    /// SCRAM: the server's proof was right.
    Verified,
}

/// No mechanism of the server's list can be used, or the server's message was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ClientAuthError {
    /// Why, for a person.
    pub reason: String,
}

impl ClientExchange {
    /// Picks the strongest mechanism that both sides know, without channel binding. The server's names may be in any
    /// case; unknown ones are passed over.
    pub fn start(offered: &[&str], credentials: UserPassword) -> Result<Self, ClientAuthError> {
        Self::start_bound(offered, credentials, ChannelBindings::default())
    }

    /// The same over a TLS connection that has `bindings`: with a `-PLUS` mechanism where one is offered, so that
    /// nobody in between can pass the exchange on; and where none is, the server is told that we could have.
    pub fn start_bound(
        offered: &[&str],
        credentials: UserPassword,
        bindings: ChannelBindings,
    ) -> Result<Self, ClientAuthError> {
        let usable = |spec: &&ClientMechanism| {
            (spec.kind != Kind::BoundScram || !bindings.is_empty())
                && offered.iter().any(|name| name.eq_ignore_ascii_case(spec.name()))
        };
        let spec = MECHANISMS
            .iter()
            .find(usable)
            .ok_or_else(|| error("the server offers no mechanism that we know"))?;
        let answers = Answers::new(credentials, spec.kind, bindings.preferred());
        let cannot_begin = || error("the exchange cannot begin");
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(&REGISTRY))
            .with_callback(answers)
            .map_err(|_| cannot_begin())?;
        let name = Mechname::parse(spec.name().as_bytes()).map_err(|_| cannot_begin())?;
        let session =
            SASLClient::with_cb(config, bindings).start_suggested(&[name]).map_err(|_| cannot_begin())?;
        Ok(Self { session, spec, progress: Progress::New })
    }

    /// The mechanism picked.
    pub fn mechanism(&self) -> &str {
        self.spec.name()
    }

    /// The initial response, where the mechanism lets the client speak first.
    ///
    /// An error where name or password cannot be sent with this mechanism: PLAIN has no empty ones, and none
    /// with NUL.
    pub fn initial_response(&mut self) -> Result<Option<Secret>, ClientAuthError> {
        if self.progress != Progress::New {
            return Ok(None);
        }
        self.begin().map(Some)
    }

    /// The answer to a challenge (base64 already undone). The empty challenge that stands for "begin" gets the
    /// first message, if that was not sent as initial response.
    ///
    /// Hashes for some milliseconds with SCRAM: better not on an async thread.
    pub fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientAuthError> {
        match (self.progress, self.spec.kind) {
            (Progress::New, _) if challenge.is_empty() => self.begin(),
            (Progress::New, _) => Err(error("the server spoke first, which this mechanism does not allow")),
            // Whoever answers would send the password again to whatever asked.
            (_, Kind::Plain) => Err(error("the server asks more than PLAIN has to say")),
            (Progress::Begun, _) => {
                check_server_first(challenge).map_err(error)?;
                self.advance(Some(challenge), Progress::Proved, "the server's challenge is wrong")
            }
            (Progress::Proved, _) => {
                if let Some(reason) = check_server_final(challenge).map_err(error)? {
                    return Err(error(&format!("the server refused: {reason}")));
                }
                let wrong = "the server does not know the password: it may be another one";
                self.advance(Some(challenge), Progress::Verified, wrong)
            }
            (Progress::Verified, _) => Err(error("the server asks more than SCRAM has to say")),
        }
    }

    /// To be asked when the server says that we are in. An error where it had to prove that it knows the password too,
    /// and did not: then it is not the server that we meant, and the connection must not be used.
    pub fn finish(&self) -> Result<(), ClientAuthError> {
        let expected = if self.spec.kind == Kind::Plain { Progress::Begun } else { Progress::Verified };
        if self.progress == expected {
            return Ok(());
        }
        Err(error("the server let us in without proving that it knows the password"))
    }

    fn begin(&mut self) -> Result<Secret, ClientAuthError> {
        self.advance(None, Progress::Begun, "name or password cannot be sent with this mechanism")
    }

    fn advance(
        &mut self,
        input: Option<&[u8]>,
        next: Progress,
        reason: &str,
    ) -> Result<Secret, ClientAuthError> {
        let output = guard::step(&mut self.session, input).map_err(|_| error(reason))?;
        self.progress = next;
        Ok(Secret::new(output.as_slice()))
    }
}

/// Answers rsasl's questions.
struct Answers {
    user: String,
    password: Secret,
    binding: Option<&'static str>,
}

impl Answers {
    /// With PLAIN name and password go out as they were typed: preparing them is the server's part (RFC 4616 §2). With
    /// SCRAM it is ours (RFC 5802 §5.1), and what cannot be prepared stays as it is, as it does on the server.
    fn new(credentials: UserPassword, kind: Kind, binding: Option<&'static str>) -> Self {
        let UserPassword { mut user, mut password } = credentials;
        if kind != Kind::Plain {
            user = prepare_user_name(user.as_bytes()).unwrap_or(user);
            password = prepare_password(&password).unwrap_or(password);
        }
        Self { user, password, binding }
    }
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if let Some(binding) = self.binding {
            request.satisfy::<OverrideCBType>(binding)?;
        }
        request.satisfy::<AuthId>(&self.user)?.satisfy::<Password>(self.password.expose())?;
        Ok(())
    }

    /// Where it is so, rsasl says `y` for a mechanism without `-PLUS`, and else `n`.
    fn enable_channel_binding(&self) -> bool {
        self.binding.is_some()
    }
}

fn error(reason: &str) -> ClientAuthError {
    ClientAuthError { reason: reason.to_owned() }
}

/// One line of what we say as a client.
struct ClientMechanism {
    mechanism: &'static Mechanism,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Scram,
    /// `-PLUS`.
    BoundScram,
}

impl ClientMechanism {
    const fn new(mechanism: &'static Mechanism, kind: Kind) -> Self {
        Self { mechanism, kind }
    }

    fn name(&self) -> &'static str {
        self.mechanism.mechanism.as_str()
    }
}

/// All that we say as a client, strongest first.
static MECHANISMS: [ClientMechanism; 7] = [
    ClientMechanism::new(&SCRAM_SHA512_PLUS, Kind::BoundScram),
    ClientMechanism::new(&SCRAM_SHA256_PLUS, Kind::BoundScram),
    ClientMechanism::new(&SCRAM_SHA1_PLUS, Kind::BoundScram),
    ClientMechanism::new(&SCRAM_SHA512, Kind::Scram),
    ClientMechanism::new(&SCRAM_SHA256, Kind::Scram),
    ClientMechanism::new(&SCRAM_SHA1, Kind::Scram),
    ClientMechanism::new(&PLAIN, Kind::Plain),
];

/// The same for rsasl.
static REGISTRY: [Mechanism; 7] =
    [SCRAM_SHA512_PLUS, SCRAM_SHA256_PLUS, SCRAM_SHA1_PLUS, SCRAM_SHA512, SCRAM_SHA256, SCRAM_SHA1, PLAIN];

#[cfg(test)]
mod tests {
    use super::*;

    fn start(offered: &[&str], user: &str, password: &[u8]) -> Result<ClientExchange, ClientAuthError> {
        ClientExchange::start(offered, UserPassword { user: user.into(), password: Secret::new(password) })
    }

    #[test]
    fn plain_is_picked_from_what_is_offered() {
        let mut exchange = start(&["NTLM", "bad name", "plain"], "tim", b"tanstaaftanstaaf").expect("PLAIN");
        assert_eq!(exchange.mechanism(), "PLAIN");
        let first = exchange.initial_response().expect("a good name").expect("PLAIN begins");
        assert_eq!(first.expose(), b"\0tim\0tanstaaftanstaaf");
        assert!(exchange.initial_response().expect("no fault").is_none());
        assert!(exchange.step(b"").is_err());
    }

    #[test]
    fn without_an_initial_response_the_empty_challenge_begins() {
        let mut exchange = start(&["PLAIN"], "tim", "caf\u{e9}\u{1f511}".as_bytes()).expect("PLAIN");
        assert_eq!(exchange.step(b"").expect("the first").expose(), "\0tim\0caf\u{e9}\u{1f511}".as_bytes());
        assert!(exchange.step(b"").is_err());
        let mut exchange = start(&["PLAIN"], "tim", b"x").expect("PLAIN");
        assert!(exchange.step(b"Password:").is_err());
    }

    fn bound(offered: &[&str], bindings: &ChannelBindings) -> (String, String) {
        let credentials = UserPassword { user: "tim, tom=ben".into(), password: Secret::new("x") };
        let mut exchange =
            ClientExchange::start_bound(offered, credentials, bindings.clone()).expect("one is known");
        let first = exchange.initial_response().expect("a good name").expect("the client begins");
        let first = String::from_utf8(first.expose().to_vec()).expect("ASCII");
        (exchange.mechanism().to_owned(), first.split(",r=").next().unwrap_or_default().to_owned())
    }

    #[test]
    fn the_strongest_is_picked_and_the_flag_is_right() {
        let none = ChannelBindings::default();
        let exporter = ChannelBindings { tls_exporter: Some([1; 32]), ..ChannelBindings::default() };
        let both = ChannelBindings { tls_server_end_point: Some(vec![2; 32]), ..exporter.clone() };
        let end_point = ChannelBindings { tls_exporter: None, ..both.clone() };
        let bare = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"];
        let plus = ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256", "scram-sha-256-plus"];
        let cases: &[(&[&str], &ChannelBindings, &str, &str)] = &[
            (&bare, &none, "SCRAM-SHA-256", "n,,"),
            (&bare, &both, "SCRAM-SHA-256", "y,,"),
            (&plus, &none, "SCRAM-SHA-512", "n,,"),
            (&plus, &exporter, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,"),
            (&plus, &both, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,"),
            (&plus, &end_point, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,"),
        ];
        for (offered, bindings, mechanism, header) in cases {
            let (picked, first) = bound(offered, bindings);
            assert_eq!((&*picked, first), (*mechanism, format!("{header}n=tim=2C tom=3Dben")));
        }
    }

    #[test]
    fn a_server_that_proves_nothing_is_not_the_one() {
        let first = |exchange: &mut ClientExchange| {
            let message = exchange.initial_response().expect("a good name").expect("the client begins");
            String::from_utf8(message.expose().to_vec()).expect("ASCII").split_off("n,,n=tim,r=".len())
        };
        let scram = || start(&["SCRAM-SHA-256"], "tim", b"x").expect("known");

        let mut exchange = scram();
        assert!(exchange.finish().is_err());
        let nonce = first(&mut exchange);
        assert!(exchange.finish().is_err());
        exchange.step(format!("r={nonce}abc,s=QSXC,i=4096").as_bytes()).expect("a proof");
        let error = exchange.finish().expect_err("the server proved nothing");
        assert_eq!(error.reason, "the server let us in without proving that it knows the password");
        assert!(exchange.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").is_err());
        assert!(exchange.finish().is_err());

        // Another nonce, too many iterations, octets that make rsasl panic.
        for challenge in ["r=abc,s=QSXC,i=4096", "r=NONCEabc,s=QSXC,i=4294967295", "r=NONCEabc,s,i=4096", ""]
        {
            let mut exchange = scram();
            let nonce = first(&mut exchange);
            assert!(exchange.step(challenge.replace("NONCE", &nonce).as_bytes()).is_err(), "{challenge}");
        }
    }

    #[test]
    fn nothing_in_common() {
        for offered in [&[] as &[&str], &["ANONYMOUS", "GSSAPI"], &["PLAINX"]] {
            let error = start(offered, "tim", b"x").err().expect("nothing in common");
            assert_eq!(error.reason, "the server offers no mechanism that we know");
        }
    }

    #[test]
    fn what_plain_cannot_say_is_refused() {
        for (user, password) in [("", b"x".as_slice()), ("tim", b""), ("t\0im", b"x"), ("tim", b"x\0")] {
            let mut exchange = start(&["PLAIN"], user, password).expect("PLAIN");
            assert!(exchange.initial_response().is_err());
        }
    }
}
