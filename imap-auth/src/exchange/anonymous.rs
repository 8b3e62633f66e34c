//! ANONYMOUS (RFC 4505): nobody in particular, where the operator shows mail to everybody.

use std::sync::Arc;

use rsasl::mechanisms::anonymous::ANONYMOUS;
use rsasl::mechanisms::anonymous::AnonymousToken;
use rsasl::prelude::Mechanism;

use super::settle::settle;
use super::{MechanismSpec, ServerMechanism, Step};
use crate::backend::Backend;
use crate::{AuthError, BoxFuture, Identity, Secret, UserAttributes};

pub(super) const SPEC: MechanismSpec = MechanismSpec {
    name: "ANONYMOUS",
    possible: |backend, _| backend.anonymous.is_some(),
    client_first: true,
    names_first: false,
    start: |backend, _| Box::new(Anonymous { backend: Arc::clone(backend), trace: None }),
};

struct Anonymous {
    backend: Arc<Backend>,
    /// What the client says of itself: a mail address or a word, proved by nothing.
    trace: Option<String>,
}

impl ServerMechanism for Anonymous {
    /// ```text
    /// message     = [ email / token ]
    /// token       = 1*255TCHAR
    /// ```
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let response = response.ok_or(AuthError::Malformed { reason: "a response has to come first" })?;
            let trace = std::str::from_utf8(response.expose())
                .ok()
                .filter(|trace| {
                    trace.chars().count() <= TRACE_CHARACTERS_MAX && !trace.chars().any(char::is_control)
                })
                .ok_or(AuthError::Malformed { reason: "a trace has at most 255 characters of UTF-8" })?;
            self.trace = Some(trace.to_owned()).filter(|trace| !trace.is_empty());
            let user = self.backend.anonymous.clone().ok_or(AuthError::UnknownMechanism)?;
            let identity = Identity {
                authenticated: user.clone(),
                user,
                mechanism: SPEC.name,
                anonymous: true,
                application_password: None,
                directory: String::new(),
                attributes: UserAttributes::default(),
            };
            let same = |context: &rsasl::callback::Context<'_>| {
                context.get_ref::<AnonymousToken>() == Some(STAND_IN)
            };
            settle(&REGISTRY, STAND_IN.as_bytes(), identity, |_| Ok(()), Box::new(same)).map(Step::Done)
        })
    }

    fn claimed(&self) -> Option<String> {
        self.trace.clone()
    }
}

static REGISTRY: [Mechanism; 1] = [ANONYMOUS];
const STAND_IN: &str = "anonymous";
const TRACE_CHARACTERS_MAX: usize = 255;
