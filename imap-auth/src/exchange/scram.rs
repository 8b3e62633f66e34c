//! SCRAM (RFC 5802, RFC 7677) with SHA-1, SHA-256 and SHA-512, and each bound to the TLS connection (`-PLUS`).
//!
//! rsasl computes; names, flags and the shape of messages are checked here first. It is told the user's keys
//! before its step, and an unknown user has keys too ([`ScramKeys::fake`]), so that nothing tells them apart.
//!
//! rsasl does not compare in constant time. What it compares is the stored key with a hash of what the client sent and a
//! signature under that very key: nobody without the key can choose the hash, so the time tells nothing of it.

use std::net::IpAddr;
use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{
    SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS, SCRAM_SHA512, SCRAM_SHA512_PLUS,
};
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLServer, Session, SessionError};
use rsasl::property::AuthId;
use rsasl::validate::{Validate, ValidationError};

use super::settle::Outcome;
use super::{MechanismSpec, ServerMechanism, Step};
use crate::backend::Backend;
use crate::credentials::ScramKeys;
use crate::scram::ScramHash;
use crate::scram::message::{BindingFlag, ClientFirst, check_client_final};
use crate::{
    AuthError, BoxFuture, Channel, ChannelBindings, Identity, Secret, UserRecord, guard, prepare_user_name,
};

pub(super) const SHA512_PLUS: MechanismSpec = MechanismSpec {
    name: "SCRAM-SHA-512-PLUS",
    possible: |_, channel| !channel.bindings.is_empty(),
    client_first: true,
    names_first: true,
    start: |backend, channel| Scram::start(ScramHash::Sha512, &SHA512_PLUS, backend, channel),
};
pub(super) const SHA256_PLUS: MechanismSpec = MechanismSpec {
    name: "SCRAM-SHA-256-PLUS",
    start: |backend, channel| Scram::start(ScramHash::Sha256, &SHA256_PLUS, backend, channel),
    ..SHA512_PLUS
};
pub(super) const SHA1_PLUS: MechanismSpec = MechanismSpec {
    name: "SCRAM-SHA-1-PLUS",
    start: |backend, channel| Scram::start(ScramHash::Sha1, &SHA1_PLUS, backend, channel),
    ..SHA512_PLUS
};
pub(super) const SHA512: MechanismSpec = MechanismSpec {
    name: "SCRAM-SHA-512",
    possible: |_, _| true,
    start: |backend, channel| Scram::start(ScramHash::Sha512, &SHA512, backend, channel),
    ..SHA512_PLUS
};
pub(super) const SHA256: MechanismSpec = MechanismSpec {
    name: "SCRAM-SHA-256",
    start: |backend, channel| Scram::start(ScramHash::Sha256, &SHA256, backend, channel),
    ..SHA512
};
pub(super) const SHA1: MechanismSpec = MechanismSpec {
    name: "SCRAM-SHA-1",
    start: |backend, channel| Scram::start(ScramHash::Sha1, &SHA1, backend, channel),
    ..SHA512
};

struct Scram {
    hash: ScramHash,
    spec: &'static MechanismSpec,
    backend: Arc<Backend>,
    bindings: ChannelBindings,
    peer: Option<IpAddr>,
    claimed: Option<String>,
    authzid: Option<String>,
    state: State,
}

type ScramSession = Session<Outcome, ChannelBindings>;

enum State {
    /// Waiting for the client's first message.
    First,
    /// Waiting for its proof.
    Proof(Box<ScramSession>),
    /// The proof was right and our own was sent: waiting for the client to say that it saw that. IMAP has no place
    /// for data beside the OK.
    Verified(Identity),
    Over,
}

impl ServerMechanism for Scram {
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let response = response.ok_or(AuthError::Malformed { reason: "a response has to come first" })?;
            match std::mem::replace(&mut self.state, State::Over) {
                State::First => self.first(response.expose()).await,
                State::Proof(session) => self.proof(session, response.expose()),
                State::Verified(identity) if response.expose().is_empty() => Ok(Step::Done(identity)),
                State::Verified(_) => {
                    Err(AuthError::Malformed { reason: "the last response has to be empty" })
                }
                State::Over => Err(AuthError::Malformed { reason: "the exchange is over" }),
            }
        })
    }

    fn claimed(&self) -> Option<String> {
        self.claimed.clone()
    }

    fn authzid(&self) -> Option<String> {
        self.authzid.clone()
    }
}

impl Scram {
    fn start(
        hash: ScramHash,
        spec: &'static MechanismSpec,
        backend: &Arc<Backend>,
        channel: &Channel,
    ) -> Box<dyn ServerMechanism> {
        // Where the listener allows no -PLUS nobody hid one.
        let plus = channel.mechanisms.names().any(|name| name.ends_with(PLUS));
        let bindings = if plus { channel.bindings.clone() } else { ChannelBindings::default() };
        let backend = Arc::clone(backend);
        let peer = channel.peer;
        Box::new(Self {
            hash,
            spec,
            backend,
            bindings,
            peer,
            claimed: None,
            authzid: None,
            state: State::First,
        })
    }

    async fn first(&mut self, octets: &[u8]) -> Result<Step, AuthError> {
        let message = ClientFirst::parse(octets).map_err(|reason| AuthError::Malformed { reason })?;
        self.claimed = Some(message.authcid.clone());
        self.authzid = Some(message.authzid.clone()).filter(|name| !name.is_empty());
        self.check_flag(message.flag)?;
        // What is no user name at all is nobody's: the rules are public, so saying it fast tells nothing.
        let name = prepare_user_name(message.authcid.as_bytes()).map_err(|_| AuthError::UNKNOWN_USER)?;
        self.backend.may_try(&name, self.peer)?;
        let found = self.backend.find(&name).await?;
        let answers = self.answers(&name, message, found).await?;
        let mut session = self.session(answers)?;
        let challenge = guard::step(&mut session, Some(octets))
            .map_err(|_| AuthError::Malformed { reason: "this is no first message of SCRAM" })?;
        self.state = State::Proof(Box::new(session));
        Ok(Step::Challenge(challenge.to_vec()))
    }

    /// RFC 5802 §6: a `-PLUS` mechanism binds and another does not; and who could bind, but was told by somebody in
    /// between that we cannot, is warned.
    fn check_flag(&self, flag: BindingFlag<'_>) -> Result<(), AuthError> {
        let refused = |reason| Err(AuthError::ChannelBinding { reason });
        match flag {
            BindingFlag::Binds(_) if !self.binds() => refused("this mechanism does not bind"),
            BindingFlag::Binds(name) if self.bindings.named(name).is_none() => {
                refused("that kind of channel binding is not known here")
            }
            BindingFlag::Binds(_) => Ok(()),
            _ if self.binds() => refused("this mechanism has to bind"),
            BindingFlag::ServerCannot if !self.bindings.is_empty() => {
                refused("channel binding is offered, but somebody hid it from the client")
            }
            BindingFlag::ServerCannot | BindingFlag::CannotBind => Ok(()),
        }
    }

    fn binds(&self) -> bool {
        self.spec.name.ends_with(PLUS)
    }

    /// What rsasl needs to know, and the verdict if the proof will be right.
    async fn answers(
        &self,
        name: &str,
        message: ClientFirst<'_>,
        found: Option<UserRecord>,
    ) -> Result<Answers, AuthError> {
        // Made for known users too: it takes the same time then.
        let fake = ScramKeys::fake(self.hash, &self.backend.server_secret, name);
        let known = found.and_then(|user| Some((user.credentials.scram(self.hash)?.clone(), user)));
        let (keys, verdict) = match known {
            Some((keys, user)) => {
                (keys, Some(self.backend.admit(user.into(), &message.authzid, self.spec.name).await))
            }
            None => {
                if !message.authzid.is_empty() {
                    // As long as it takes with a known user.
                    self.backend.find(&message.authzid).await?;
                }
                (fake, None)
            }
        };
        Ok(Answers { raw_authcid: message.raw_authcid.to_owned(), keys, verdict })
    }

    fn session(&self, answers: Answers) -> Result<ScramSession, AuthError> {
        let broken = || AuthError::Unavailable { reason: format!("{} cannot begin", self.spec.name) };
        let registry: &[Mechanism] = if self.bindings.is_empty() { &UNBOUND } else { &BOUND };
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(registry))
            .with_callback(answers)
            .map_err(|_| broken())?;
        let name = Mechname::parse(self.spec.name.as_bytes()).map_err(|_| broken())?;
        SASLServer::<Outcome, _>::with_cb(config, self.bindings.clone())
            .start_suggested(name)
            .map_err(|_| broken())
    }

    fn proof(&mut self, mut session: Box<ScramSession>, octets: &[u8]) -> Result<Step, AuthError> {
        check_client_final(octets).map_err(|reason| AuthError::Malformed { reason })?;
        let message = guard::step(&mut session, Some(octets))
            .map_err(|_| AuthError::Malformed { reason: "this is no last message of SCRAM" })?;
        // That rsasl came to its end means nothing: only the verdict that `Answers::validate` filled in does.
        match session.validation() {
            Some(verdict) => {
                self.state = State::Verified(verdict?);
                Ok(Step::Challenge(message.to_vec()))
            }
            None if message.starts_with(b"e=channel-bindings-dont-match") => Err(AuthError::ChannelBinding {
                reason: "the client is at the end of another TLS connection",
            }),
            None => Err(AuthError::Failed { reason: "the proof is wrong, or there is no such user" }),
        }
    }
}

/// What rsasl is told of the user, and our verdict once it says that the proof was right.
struct Answers {
    /// As the client sent it: rsasl does not unescape.
    raw_authcid: String,
    keys: ScramKeys,
    /// `None` where the keys are fake: nobody gets in by those.
    verdict: Option<Result<Identity, AuthError>>,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if context.get_ref::<AuthId>() == Some(&self.raw_authcid) {
            let ScramKeys { iterations, salt, stored_key, server_key, .. } = &self.keys;
            let stored = ScramStoredPassword::new(*iterations, salt, stored_key, server_key);
            request.satisfy::<ScramStoredPassword<'_>>(&stored)?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        if let (Some(verdict), Some(raw)) = (&self.verdict, context.get_ref::<AuthId>())
            && raw == self.raw_authcid
        {
            validate.finalize::<Outcome>(verdict.clone());
        }
        Ok(())
    }
}

/// How the names of mechanisms that bind end.
const PLUS: &str = "-PLUS";

/// Where there is nothing to bind to. rsasl refuses the flag `y` where a `-PLUS` is in the registry.
static UNBOUND: [Mechanism; 3] = [SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512];
/// Where there is.
static BOUND: [Mechanism; 6] =
    [SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS, SCRAM_SHA512, SCRAM_SHA512_PLUS];
