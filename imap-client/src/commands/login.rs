//! AUTHENTICATE with the strongest mechanism, or LOGIN.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use imap_auth::Secret;
use imap_auth::client::{ClientExchange, UserPassword};
use imap_proto::command::{Authenticate, Command, Login};
use imap_proto::types::Secret as WireSecret;
use tokio::sync::mpsc;

use crate::session::Reply;
use crate::{Connection, Error, Result};

impl Connection {
    /// Logs in with AUTHENTICATE and the strongest mechanism that both sides know, or else with LOGIN. The
    /// capabilities are those of the logged-in state then.
    ///
    /// [`Error::Refused`] for a wrong name or password; [`Error::ClearTextPassword`] where the connection is not
    /// protected and [`crate::ClientBuilder::allow_clear_text_passwords`] was not said.
    pub async fn login(&self, user: &str, password: &Secret) -> Result<()> {
        if !self.passwords_allowed() {
            return Err(Error::ClearTextPassword);
        }
        if user.contains('\0') || password.expose().contains(&0) {
            return Err(Error::Login { reason: "name or password has a NUL".into() });
        }
        let before = self.capabilities();
        let offered: Vec<&str> = before.mechanisms().collect();
        let credentials = UserPassword { user: user.to_owned(), password: password.clone() };
        match ClientExchange::start(&offered, credentials) {
            Ok(exchange) => self.authenticate(exchange).await?,
            Err(_) if before.has("LOGINDISABLED") => return Err(Error::Unsupported { what: "LOGIN" }),
            Err(_) => self.login_command(user, password).await?,
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
                Reply::Done(tagged) => {
                    tagged.into_result()?;
                    return exchange.finish().map_err(login_error);
                }
                Reply::Continue(challenge) => {
                    let answered;
                    (exchange, answered) = answer(exchange, challenge).await?;
                    match answered {
                        // The reply tells if the driver is gone.
                        Ok(line) => drop(lines.send(line).await),
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
