//! [`Exchange`]: the server's side of a SASL exchange (RFC 4422). One file a mechanism, one line in [`MECHANISMS`].

mod anonymous;
mod external;
mod login;
#[cfg(feature = "oauth")]
mod oauth;
mod plain;
mod scram;
mod settle;

use std::net::IpAddr;
use std::sync::Arc;

use crate::backend::Backend;
use crate::{AuthError, BoxFuture, Channel, Identity, Secret};

/// One SASL exchange.
pub struct Exchange {
    name: &'static str,
    client_first: bool,
    claimed: Option<String>,
    authzid: Option<String>,
    backend: Arc<Backend>,
    peer: Option<IpAddr>,
    /// `None` once it has come to an end.
    mechanism: Option<Box<dyn ServerMechanism>>,
}

/// What comes next in an exchange.
#[derive(Debug)]
pub enum Step {
    /// Send this (not yet in base64) and step again with the answer.
    Challenge(Vec<u8>),
    /// The user is in.
    Done(Identity),
}

impl Exchange {
    /// Begins an exchange; `mechanism` in upper case.
    pub(crate) fn start(
        mechanism: &str,
        backend: &Arc<Backend>,
        channel: &Channel,
    ) -> Result<Self, AuthError> {
        let spec =
            MECHANISMS.iter().find(|spec| spec.name == mechanism).ok_or(AuthError::UnknownMechanism)?;
        if !channel.passwords_allowed {
            return Err(AuthError::PrivacyRequired);
        }
        if !spec.allowed(backend, channel) {
            return Err(AuthError::UnknownMechanism);
        }
        if !spec.names_first {
            backend.may_try("", channel.peer)?;
        }
        let mechanism = Some((spec.start)(backend, channel));
        Ok(Self {
            name: spec.name,
            client_first: spec.client_first,
            claimed: None,
            authzid: None,
            backend: Arc::clone(backend),
            peer: channel.peer,
            mechanism,
        })
    }

    /// Whether the mechanism lets the client speak first, so that without an initial response the server sends an empty
    /// challenge.
    pub fn client_first(&self) -> bool {
        self.client_first
    }

    /// The mechanism.
    pub fn mechanism(&self) -> &'static str {
        self.name
    }

    /// Whom the client says it is, as far as it said so: for the audit log, after an error too. It may hold any
    /// characters.
    pub fn claimed(&self) -> Option<&str> {
        self.claimed.as_deref()
    }

    /// As whom the client asks to act, where it said that: for the audit log too. It may hold any characters.
    pub fn authzid(&self) -> Option<&str> {
        self.authzid.as_deref()
    }

    /// The next step with what the client sent (base64 already undone; `None`: nothing yet).
    ///
    /// After [`Step::Done`] or an error the exchange is over, and another step is [`AuthError::Malformed`].
    pub async fn step(&mut self, response: Option<&Secret>) -> Result<Step, AuthError> {
        let over = AuthError::Malformed { reason: "the exchange is over" };
        let mut mechanism = self.mechanism.take().ok_or(over)?;
        if response.is_some_and(|response| response.expose().len() > RESPONSE_OCTETS_MAX) {
            return Err(AuthError::Malformed { reason: "the response is too long" });
        }
        let step = match response {
            None if self.client_first => Step::Challenge(Vec::new()),
            _ => {
                let step = mechanism.step(response).await;
                self.claimed = mechanism.claimed().or(self.claimed.take());
                self.authzid = mechanism.authzid().or(self.authzid.take());
                if !matches!(step, Ok(Step::Challenge(_))) {
                    self.backend.note(self.claimed.as_deref().unwrap_or_default(), self.peer, &step);
                }
                step?
            }
        };
        if matches!(step, Step::Challenge(_)) {
            self.mechanism = Some(mechanism);
        }
        Ok(step)
    }
}

/// The mechanisms that a channel is offered, strongest first.
pub(crate) fn offered(backend: &Backend, channel: &Channel) -> Vec<&'static str> {
    MECHANISMS.iter().filter(|spec| spec.allowed(backend, channel)).map(|spec| spec.name).collect()
}

/// One line of the registry.
pub(crate) struct MechanismSpec {
    /// As registered with IANA.
    pub(crate) name: &'static str,
    /// Whether it can be done on a channel that allows it.
    possible: fn(&Backend, &Channel) -> bool,
    /// The client's message comes first.
    client_first: bool,
    /// The client names the user before it proves anything.
    names_first: bool,
    start: fn(&Arc<Backend>, &Channel) -> Box<dyn ServerMechanism>,
}

impl MechanismSpec {
    fn allowed(&self, backend: &Backend, channel: &Channel) -> bool {
        channel.passwords_allowed
            && channel.mechanisms.contains(self.name)
            && (self.possible)(backend, channel)
    }
}

/// A mechanism's side of the server, for one exchange.
trait ServerMechanism: Send {
    /// The next step. `None` only where the server speaks first.
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>>;

    /// Whom the client says it is, once it did.
    fn claimed(&self) -> Option<String>;

    /// As whom it wants to act, if it said so.
    fn authzid(&self) -> Option<String> {
        None
    }
}

/// Every mechanism, strongest first.
pub(crate) const MECHANISMS: &[MechanismSpec] = &[
    scram::SHA512_PLUS,
    scram::SHA256_PLUS,
    scram::SHA1_PLUS,
    scram::SHA512,
    scram::SHA256,
    scram::SHA1,
    external::SPEC,
    #[cfg(feature = "oauth")]
    oauth::OAUTHBEARER_SPEC,
    #[cfg(feature = "oauth")]
    oauth::XOAUTH2_SPEC,
    plain::SPEC,
    login::SPEC,
    anonymous::SPEC,
];

/// More is no message of any mechanism; Kerberos tickets come near.
const RESPONSE_OCTETS_MAX: usize = 64 * 1024;
