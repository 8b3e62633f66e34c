//! The client's side of the exchanges.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::anonymous::{ANONYMOUS, AnonymousToken};
use rsasl::mechanisms::external::EXTERNAL;
use rsasl::mechanisms::oauthbearer::OAUTHBEARER;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::mechanisms::scram::{
    SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS, SCRAM_SHA512, SCRAM_SHA512_PLUS,
};
use rsasl::mechanisms::xoauth2::XOAUTH2;
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLClient, Session, SessionError};
use rsasl::property::{AuthId, AuthzId, OAuthBearerToken, OverrideCBType, Password};
use rsasl::validate::NoValidation;

use crate::scram::message::{check_server_final, check_server_first, escape};
use crate::{ChannelBindings, Secret, guard, prepare_password, prepare_user_name};

/// What a client knows of its user.
#[derive(Debug, Clone)]
pub struct UserPassword {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// What a client proves itself with.
#[derive(Debug, Clone)]
pub enum ClientCredentials {
    /// A password: the strongest SCRAM, or PLAIN. `authzid`: act as another user, where that is allowed.
    Password {
        /// Who we are.
        user: UserPassword,
        /// As whom we act, if not as ourselves.
        authzid: Option<String>,
    },
    /// A bearer token: OAUTHBEARER (RFC 7628), or XOAUTH2.
    Token {
        /// Whose mail it is; XOAUTH2 has to say it.
        user: String,
        /// The access token.
        token: Secret,
    },
    /// The certificate that TLS showed the server: EXTERNAL.
    Certificate {
        /// As whom we act, if not as the one that the certificate names.
        authzid: Option<String>,
    },
    /// Nobody in particular: ANONYMOUS. The server's log may show the trace, a mail address or a word of less than
    /// 256 characters.
    Anonymous {
        /// What we say of ourselves.
        trace: String,
    },
}

impl From<UserPassword> for ClientCredentials {
    fn from(user: UserPassword) -> Self {
        Self::Password { user, authzid: None }
    }
}

/// One exchange of the client.
pub struct ClientExchange {
    session: Session<NoValidation, ChannelBindings>,
    /// What the server said of a token that it refused.
    refusal: Option<String>,
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
    /// A token was refused, and we have taken note.
    Refused,
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
    pub fn start(
        offered: &[&str],
        credentials: impl Into<ClientCredentials>,
    ) -> Result<Self, ClientAuthError> {
        Self::start_bound(offered, credentials, ChannelBindings::default())
    }

    /// The same over a TLS connection that has `bindings`: with a `-PLUS` mechanism where one is offered, so that
    /// nobody in between can pass the exchange on; and where none is, the server is told that we could have.
    pub fn start_bound(
        offered: &[&str],
        credentials: impl Into<ClientCredentials>,
        bindings: ChannelBindings,
    ) -> Result<Self, ClientAuthError> {
        let credentials = credentials.into();
        let usable = |spec: &&ClientMechanism| {
            spec.kind.takes(&credentials)
                && (spec.kind != Kind::BoundScram || !bindings.is_empty())
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
        Ok(Self { session, refusal: None, spec, progress: Progress::New })
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
            (Progress::Begun, Kind::OauthBearer | Kind::XOauth2) => Ok(self.refused(challenge)),
            // Whoever answers would send the password again to whatever asked.
            (_, kind) if !kind.is_scram() => Err(error("the server asks more than the mechanism has to say")),
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
            (Progress::Verified | Progress::Refused, _) => {
                Err(error("the server asks more than SCRAM has to say"))
            }
        }
    }

    /// To be asked when the server says that we are in. An error where it had to prove that it knows the password too,
    /// and did not: then it is not the server that we meant, and the connection must not be used.
    pub fn finish(&self) -> Result<(), ClientAuthError> {
        let expected = if self.spec.kind.is_scram() { Progress::Verified } else { Progress::Begun };
        if self.progress == expected {
            return Ok(());
        }
        Err(error("the server let us in without proving that it knows the password"))
    }

    /// Whether our proof went out and the server's did not come: an error now means that the server is not the one that
    /// was meant, or that somebody sits in between, and the connection must not be used.
    pub fn awaits_proof(&self) -> bool {
        self.progress == Progress::Proved
    }

    /// What the server said of a token that it refused: JSON with `status` and perhaps `scope` and
    /// `openid-configuration` (RFC 7628 §3.2.2), or Google's form of it.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// A token was refused: the answer is a mere separator, and then comes the tagged NO (RFC 7628 §3.2.3). XOAUTH2's is
    /// empty.
    fn refused(&mut self, challenge: &[u8]) -> Secret {
        let shown = &challenge[..challenge.len().min(REFUSAL_OCTETS_MAX)];
        self.refusal = Some(String::from_utf8_lossy(shown).into_owned());
        self.progress = Progress::Refused;
        Secret::new(if self.spec.kind == Kind::OauthBearer { &b"\x01"[..] } else { b"" })
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
    credentials: ClientCredentials,
    binding: Option<&'static str>,
}

impl Answers {
    /// With PLAIN name and password go out as they were typed: preparing them is the server's part (RFC 4616 §2). With
    /// SCRAM it is ours (RFC 5802 §5.1), and what cannot be prepared stays as it is, as it does on the server.
    ///
    /// In OAUTHBEARER rsasl writes an authorization identity as it is, though commas separate there.
    fn new(mut credentials: ClientCredentials, kind: Kind, binding: Option<&'static str>) -> Self {
        match &mut credentials {
            ClientCredentials::Password { user, .. } if kind.is_scram() => {
                if let Ok(prepared) = prepare_user_name(user.user.as_bytes()) {
                    user.user = prepared;
                }
                if let Ok(prepared) = prepare_password(&user.password) {
                    user.password = prepared;
                }
            }
            ClientCredentials::Token { user, .. } if kind == Kind::OauthBearer => *user = escape(user),
            _ => {}
        }
        Self { credentials, binding }
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
        match &self.credentials {
            ClientCredentials::Password { user, authzid } => {
                request.satisfy::<AuthId>(&user.user)?.satisfy::<Password>(user.password.expose())?;
                if let Some(authzid) = authzid {
                    request.satisfy::<AuthzId>(authzid)?;
                }
            }
            ClientCredentials::Token { user, token } => {
                // What is no text is no token; rsasl misses it then, and the exchange ends.
                if let Ok(token) = std::str::from_utf8(token.expose()) {
                    request.satisfy::<OAuthBearerToken>(token)?;
                }
                request.satisfy::<AuthId>(user)?;
                if !user.is_empty() {
                    request.satisfy::<AuthzId>(user)?;
                }
            }
            ClientCredentials::Certificate { authzid } => {
                if let Some(authzid) = authzid {
                    request.satisfy::<AuthzId>(authzid)?;
                }
            }
            ClientCredentials::Anonymous { trace } => {
                request.satisfy::<AnonymousToken>(trace)?;
            }
        }
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
    OauthBearer,
    XOauth2,
    External,
    Anonymous,
}

impl Kind {
    fn is_scram(self) -> bool {
        matches!(self, Self::Scram | Self::BoundScram)
    }

    /// Whether those credentials are for such a mechanism: a password never goes where a token was asked for.
    fn takes(self, credentials: &ClientCredentials) -> bool {
        match credentials {
            ClientCredentials::Password { .. } => self == Self::Plain || self.is_scram(),
            ClientCredentials::Token { .. } => matches!(self, Self::OauthBearer | Self::XOauth2),
            ClientCredentials::Certificate { .. } => self == Self::External,
            ClientCredentials::Anonymous { .. } => self == Self::Anonymous,
        }
    }
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
static MECHANISMS: [ClientMechanism; 11] = [
    ClientMechanism::new(&SCRAM_SHA512_PLUS, Kind::BoundScram),
    ClientMechanism::new(&SCRAM_SHA256_PLUS, Kind::BoundScram),
    ClientMechanism::new(&SCRAM_SHA1_PLUS, Kind::BoundScram),
    ClientMechanism::new(&SCRAM_SHA512, Kind::Scram),
    ClientMechanism::new(&SCRAM_SHA256, Kind::Scram),
    ClientMechanism::new(&SCRAM_SHA1, Kind::Scram),
    ClientMechanism::new(&EXTERNAL, Kind::External),
    ClientMechanism::new(&OAUTHBEARER, Kind::OauthBearer),
    ClientMechanism::new(&XOAUTH2, Kind::XOauth2),
    ClientMechanism::new(&PLAIN, Kind::Plain),
    ClientMechanism::new(&ANONYMOUS, Kind::Anonymous),
];

/// As much as is kept of what a server says of a token.
const REFUSAL_OCTETS_MAX: usize = 4_096;

/// The same for rsasl.
static REGISTRY: [Mechanism; 11] = [
    SCRAM_SHA512_PLUS,
    SCRAM_SHA256_PLUS,
    SCRAM_SHA1_PLUS,
    SCRAM_SHA512,
    SCRAM_SHA256,
    SCRAM_SHA1,
    EXTERNAL,
    OAUTHBEARER,
    XOAUTH2,
    PLAIN,
    ANONYMOUS,
];

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

    fn begun(offered: &[&str], credentials: ClientCredentials) -> (ClientExchange, Vec<u8>) {
        let mut exchange = ClientExchange::start(offered, credentials).expect("one is known");
        let first = exchange.initial_response().expect("a message").expect("the client begins");
        (exchange, first.expose().to_vec())
    }

    /// RFC 7628 §4.1, but for `host` and `port`, which have no meaning here; Google's example for XOAUTH2.
    #[test]
    fn tokens() {
        let token = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";
        let credentials =
            ClientCredentials::Token { user: "user@example.com".into(), token: Secret::new(token) };
        let (mut exchange, first) = begun(&["XOAUTH2", "PLAIN", "OAUTHBEARER"], credentials.clone());
        assert_eq!(exchange.mechanism(), "OAUTHBEARER");
        let expected = format!("n,a=user@example.com,\x01auth=Bearer {token}\x01\x01");
        assert_eq!(String::from_utf8(first).expect("text"), expected);
        assert!(exchange.finish().is_ok() && exchange.refusal().is_none());
        // RFC 7628 §4.3.
        let refusal = br#"{"status":"invalid_token","scope":"example_scope"}"#;
        assert_eq!(exchange.step(refusal).expect("an answer").expose(), b"\x01");
        assert_eq!(exchange.refusal().map(str::as_bytes), Some(&refusal[..]));
        assert!(exchange.finish().is_err() && exchange.step(b"").is_err());

        let (mut exchange, first) = begun(&["XOAUTH2", "PLAIN"], credentials);
        let expected = format!("user=user@example.com\x01auth=Bearer {token}\x01\x01");
        assert_eq!(String::from_utf8(first).expect("text"), expected);
        assert_eq!(exchange.step(b"{\"status\":\"401\"}").expect("an answer").expose(), b"");
        assert!(exchange.finish().is_err());

        let strange = ClientCredentials::Token { user: "a,b".into(), token: Secret::new("t") };
        assert!(begun(&["OAUTHBEARER"], strange).1.starts_with(b"n,a=a=2Cb,\x01"));
    }

    #[test]
    fn certificates_and_nobody() {
        let of =
            |authzid: Option<&str>| ClientCredentials::Certificate { authzid: authzid.map(str::to_owned) };
        assert_eq!(begun(&["PLAIN", "EXTERNAL"], of(None)).1, b"");
        assert_eq!(begun(&["EXTERNAL"], of(Some("bob"))).1, b"bob");
        let (mut exchange, first) =
            begun(&["PLAIN", "ANONYMOUS"], ClientCredentials::Anonymous { trace: "sirhc".into() });
        // RFC 4505 §4.
        assert_eq!((exchange.mechanism(), first.as_slice()), ("ANONYMOUS", &b"sirhc"[..]));
        assert!(exchange.step(b"").is_err() && exchange.finish().is_ok());
    }

    /// Nothing else than what was asked for is said, whatever a server offers.
    #[test]
    fn credentials_choose_the_mechanism() {
        let offered = ["PLAIN", "SCRAM-SHA-256", "EXTERNAL", "OAUTHBEARER", "ANONYMOUS"];
        let password = UserPassword { user: "tim".into(), password: Secret::new("x") };
        let exchange = ClientExchange::start(&offered, password).expect("known");
        assert_eq!(exchange.mechanism(), "SCRAM-SHA-256");
        let token = ClientCredentials::Token { user: "tim".into(), token: Secret::new("t") };
        assert!(ClientExchange::start(&["PLAIN", "ANONYMOUS", "EXTERNAL"], token).is_err());
        assert!(ClientExchange::start(&["PLAIN"], ClientCredentials::Certificate { authzid: None }).is_err());
    }

    #[test]
    fn acting_as_another() {
        let of = |authzid: &str| ClientCredentials::Password {
            user: UserPassword { user: "Kurt".into(), password: Secret::new("xipj3plmq") },
            authzid: Some(authzid.into()),
        };
        // RFC 4616 §4.
        assert_eq!(begun(&["PLAIN"], of("Ursel")).1, b"Ursel\0Kurt\0xipj3plmq");
        assert!(begun(&["SCRAM-SHA-1"], of("a,b")).1.starts_with(b"n,a=a=2Cb,n=Kurt,r="));
    }
}
