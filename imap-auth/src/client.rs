//! The client's side of the exchanges.

use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLClient, Session, SessionError};
use rsasl::property::{AuthId, Password};

use crate::{Secret, guard};

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
    session: Session,
    /// The client's first message has been made.
    begun: bool,
}

/// No mechanism of the server's list can be used, or the server's message was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ClientAuthError {
    /// Why, for a person.
    pub reason: String,
}

impl ClientExchange {
    /// Picks the strongest mechanism that both sides know. The server's names may be in any case; unknown
    /// ones are passed over.
    pub fn start(offered: &[&str], credentials: UserPassword) -> Result<Self, ClientAuthError> {
        let offered: Vec<String> = offered.iter().map(|name| name.to_ascii_uppercase()).collect();
        let offered = offered.iter().filter_map(|name| Mechname::parse(name.as_bytes()).ok());
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(&REGISTRY))
            .with_callback(Answers { credentials })
            .map_err(|_| error("the exchange cannot begin"))?;
        let session = SASLClient::new(Arc::clone(&config))
            .start_suggested_iter(offered)
            .map_err(|_| error("the server offers no mechanism that we know"))?;
        Ok(Self { session, begun: false })
    }

    /// The mechanism picked.
    pub fn mechanism(&self) -> &str {
        self.session.get_mechname().as_str()
    }

    /// The initial response, where the mechanism lets the client speak first.
    ///
    /// An error where name or password cannot be sent with this mechanism: PLAIN has no empty ones, and none
    /// with NUL.
    pub fn initial_response(&mut self) -> Result<Option<Secret>, ClientAuthError> {
        if self.begun || !self.session.are_we_first() {
            return Ok(None);
        }
        self.begun = true;
        self.advance(None).map(Some)
    }

    /// The answer to a challenge (base64 already undone). The empty challenge that stands for "begin" gets the
    /// first message, if that was not sent as initial response.
    pub fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientAuthError> {
        if !self.begun && self.session.are_we_first() {
            if !challenge.is_empty() {
                return Err(error("the server spoke first, which this mechanism does not allow"));
            }
            self.begun = true;
            return self.advance(None);
        }
        if self.mechanism() == PLAIN.mechanism.as_str() {
            // Whoever answers would send the password again to whatever asked.
            return Err(error("the server asks more than PLAIN has to say"));
        }
        self.begun = true;
        self.advance(Some(challenge))
    }

    fn advance(&mut self, input: Option<&[u8]>) -> Result<Secret, ClientAuthError> {
        let output = guard::step(&mut self.session, input)
            .map_err(|_| error("name or password cannot be sent with this mechanism"))?;
        Ok(Secret::new(output.as_slice()))
    }
}

/// Answers rsasl's questions. The password goes out as it was typed: preparing it is the server's part
/// (RFC 4616 §2).
struct Answers {
    credentials: UserPassword,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<AuthId>(&self.credentials.user)?
            .satisfy::<Password>(self.credentials.password.expose())?;
        Ok(())
    }
}

fn error(reason: &str) -> ClientAuthError {
    ClientAuthError { reason: reason.to_owned() }
}

/// All that we say as a client; rsasl knows their strength.
static REGISTRY: [Mechanism; 1] = [PLAIN];

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
