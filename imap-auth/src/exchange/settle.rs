//! [`settle`]: a verdict of ours goes through rsasl.
//!
//! rsasl's callbacks are synchronous, and directory, hash and token check are not: so the verdict on a message is
//! reached before its step. rsasl gets a stand-in for the secret, which is checked already: it keeps copies that nobody
//! wipes, refuses passwords outside of Unicode 3.2 and tokens with `=`, and calls a session finished, or even valid,
//! where the secret was refused. So only the verdict that was put there counts.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::prelude::{Mechanism, Registry, SASLServer, SessionError, Validation};
use rsasl::validate::{Validate, ValidationError};

use crate::{AuthError, Identity, guard};

/// What a message means to rsasl, compared with what it was meant to mean.
pub(super) type Same = Box<dyn Fn(&Context<'_>) -> bool + Send + Sync>;
/// Says of what rsasl asks for that it is all right.
pub(super) type Grant = fn(&mut Request<'_>) -> Result<(), SessionError>;

/// One exchange of one message, `stand_in`, by a registry of one mechanism, which ends with `identity` if rsasl
/// understands the message as we do (`same`).
pub(super) fn settle(
    registry: &'static [Mechanism; 1],
    stand_in: &[u8],
    identity: Identity,
    grant: Grant,
    same: Same,
) -> Result<Identity, AuthError> {
    let broken = |what: &str| AuthError::Unavailable { reason: format!("the SASL library: {what}") };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(registry))
        .with_callback(Judge { identity, grant, same })
        .map_err(|_| broken("no configuration"))?;
    let mut session = SASLServer::<Outcome>::new(config)
        .start_suggested(registry[0].mechanism)
        .map_err(|_| broken("the mechanism is missing"))?;
    guard::step(&mut session, Some(stand_in)).map_err(|_| broken("the step failed"))?;
    session.validation().unwrap_or_else(|| Err(broken("no verdict")))
}

struct Judge {
    identity: Identity,
    grant: Grant,
    same: Same,
}

impl SessionCallback for Judge {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        (self.grant)(request)
    }

    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        if (self.same)(context) {
            validate.finalize::<Outcome>(Ok(self.identity.clone()));
        }
        Ok(())
    }
}

/// What an rsasl session of ours ends with.
pub(super) struct Outcome;

impl Validation for Outcome {
    type Value = Result<Identity, AuthError>;
}
