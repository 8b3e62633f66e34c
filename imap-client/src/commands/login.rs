//! AUTHENTICATE with the strongest mechanism, or LOGIN.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use imap_auth::Secret;
use imap_auth::client::{ClientCredentials, ClientExchange, UserPassword};
use imap_proto::command::{Authenticate, Command, Login};
use imap_proto::types::Secret as WireSecret;
use tokio::sync::mpsc;

use crate::session::{Reply, Tagged};
use crate::{Connection, Error, Result};

impl Connection {
    /// Logs in with AUTHENTICATE and the strongest mechanism that both sides know, bound to the TLS connection where the
    /// server can do that, or else with LOGIN. The capabilities are those of the logged-in state then.
    ///
    /// [`Error::Refused`] for a wrong name or password; [`Error::ClearTextPassword`] where the connection is not
    /// protected and [`crate::ClientBuilder::allow_clear_text_passwords`] was not said. After [`Error::Login`] the
    /// connection is closed where the server did not prove that it knows the password: it is not the one that was meant.
    pub async fn login(&self, user: &str, password: &Secret) -> Result<()> {
        if user.contains('\0') || password.expose().contains(&0) {
            return Err(Error::Login { reason: "name or password has a NUL".into() });
        }
        let credentials = UserPassword { user: user.to_owned(), password: password.clone() };
        self.enter(credentials.into(), Some((user, password))).await
    }

    /// Logs in with what the credentials are for: a password also as another user, a bearer token, the certificate
    /// that TLS showed, or nothing at all. Never with the LOGIN command. Errors as for [`Self::login`];
    /// [`Error::Login`] where the server offers no mechanism for it, and where it refused a token, with its reason.
    pub async fn login_with(&self, credentials: ClientCredentials) -> Result<()> {
        self.enter(credentials, None).await
    }

    async fn enter(&self, credentials: ClientCredentials, command: Option<(&str, &Secret)>) -> Result<()> {
        if !self.passwords_allowed() {
            return Err(Error::ClearTextPassword);
        }
        let before = self.capabilities();
        let offered: Vec<&str> = before.mechanisms().collect();
        match (ClientExchange::start_bound(&offered, credentials, self.bindings().clone()), command) {
            (Ok(exchange), _) => self.authenticate(exchange).await?,
            (Err(_), Some(_)) if before.has("LOGINDISABLED") => {
                return Err(Error::Unsupported { what: "LOGIN" });
            }
            (Err(_), Some((user, password))) => self.login_command(user, password).await?,
            (Err(error), None) => return Err(login_error(error)),
        }
        // What a server can do changes with the login, and it tells so with the OK, or has to be asked.
        if Arc::ptr_eq(&before, &self.capabilities()) {
            match self.refresh_capabilities().await {
                // A server of before CAPABILITY.
                Ok(()) | Err(Error::Bad { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn login_command(&self, user: &str, password: &Secret) -> Result<()> {
        let login = Login {
            user: user.as_bytes().to_vec().into(),
            password: WireSecret::new(password.expose().to_vec()),
        };
        self.run(Command::Login(login)).await.map(drop)
    }

    async fn authenticate(&self, mut exchange: ClientExchange) -> Result<()> {
        let mut initial_response = None;
        if self.capabilities().has("SASL-IR") {
            initial_response = exchange.initial_response().map_err(login_error)?.map(|response| {
                // `=` is the empty response (RFC 4959 §3).
                let octets = response.expose();
                WireSecret::new(if octets.is_empty() { "=".into() } else { STANDARD.encode(octets) })
            });
        }
        let command =
            Command::Authenticate(Authenticate { mechanism: exchange.mechanism().into(), initial_response });
        let (lines, feed) = mpsc::channel(1);
        let mut replies = self.submit(self.request(command), Some(feed)).await?;
        loop {
            match replies.next().await? {
                Reply::Done(tagged) => return self.settle(&exchange, tagged),
                Reply::Continue(challenge) => {
                    let answered;
                    (exchange, answered) = answer(exchange, challenge).await?;
                    match answered {
                        // The reply tells if the driver is gone.
                        Ok(line) => drop(lines.send(line).await),
                        Err(error) if exchange.awaits_proof() => {
                            self.distrust();
                            return Err(error);
                        }
                        Err(error) => {
                            drop(lines.send(Bytes::from_static(b"*")).await);
                            // Its BAD says no more than that we cancelled.
                            let _ = replies.done().await;
                            return Err(error);
                        }
                    }
                }
                Reply::Data(_) | Reply::StreamStart { .. } | Reply::Chunk(_) | Reply::StreamEnd => {}
            }
        }
    }
}

impl Connection {
    /// The end of an exchange, by the tagged reply.
    fn settle(&self, exchange: &ClientExchange, tagged: Tagged) -> Result<()> {
        match (tagged.into_result(), exchange.refusal()) {
            (Ok(_), _) => exchange.finish().map_err(|error| {
                self.distrust();
                login_error(error)
            }),
            (Err(Error::Refused { code, text }), Some(refusal)) => {
                Err(Error::Refused { code, text: format!("{text} ({refusal})") })
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// The answer to a challenge, made off the async threads: SCRAM hashes as often as the server says. Outer errors are ours.
async fn answer(mut exchange: ClientExchange, challenge: Bytes) -> Result<(ClientExchange, Result<Bytes>)> {
    let stepped = tokio::task::spawn_blocking(move || {
        let answered = step(&mut exchange, &challenge);
        (exchange, answered)
    });
    stepped.await.map_err(|_| Error::Login { reason: "the exchange broke off".into() })
}

fn step(exchange: &mut ClientExchange, challenge: &[u8]) -> Result<Bytes> {
    let challenge = STANDARD
        .decode(challenge.trim_ascii())
        .map_err(|_| Error::Login { reason: "the server's challenge is not base64".into() })?;
    let response = exchange.step(&challenge).map_err(login_error)?;
    Ok(STANDARD.encode(response.expose()).into())
}

fn login_error(error: imap_auth::client::ClientAuthError) -> Error {
    Error::Login { reason: error.reason }
}
