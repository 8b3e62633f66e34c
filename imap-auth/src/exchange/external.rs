//! EXTERNAL (RFC 4422 appendix A): the TLS client certificate says who it is.

use std::sync::Arc;

use rsasl::mechanisms::external::EXTERNAL;
use rsasl::prelude::Mechanism;
use rsasl::property::AuthzId;

use super::settle::settle;
use super::{MechanismSpec, ServerMechanism, Step};
use crate::backend::Backend;
use crate::{AuthError, BoxFuture, Channel, Secret, prepare_user_name};

pub(super) const SPEC: MechanismSpec = MechanismSpec {
    name: "EXTERNAL",
    possible: |backend, channel| !names(backend, channel).is_empty(),
    client_first: true,
    names_first: false,
    start: |backend, channel| {
        let (backend, names) = (Arc::clone(backend), names(backend, channel));
        Box::new(External { backend, names, authzid: None })
    },
};

/// The users that the client's certificate stands for.
fn names(backend: &Backend, channel: &Channel) -> Vec<String> {
    let certificate = channel.client_certificate.as_ref();
    certificate.map(|certificate| backend.certificates.names(certificate.leaf())).unwrap_or_default()
}

struct External {
    backend: Arc<Backend>,
    names: Vec<String>,
    authzid: Option<String>,
}

impl ServerMechanism for External {
    /// ```text
    /// external-authzid  = 0*( UTF8-char-no-nul )
    /// ```
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let response = response.ok_or(AuthError::Malformed { reason: "a response has to come first" })?;
            let authzid = std::str::from_utf8(response.expose())
                .ok()
                .filter(|authzid| authzid.len() <= NAME_OCTETS_MAX && !authzid.contains('\0'))
                .ok_or(AuthError::Malformed { reason: "the name is no UTF-8 of at most 255 octets" })?
                .to_owned();
            self.authzid = Some(authzid.clone()).filter(|name| !name.is_empty());
            let identity = self.admit(&authzid).await?;
            let stand_in = authzid.clone().into_bytes();
            let same =
                move |context: &rsasl::callback::Context<'_>| context.get_ref::<AuthzId>() == Some(&authzid);
            settle(&REGISTRY, &stand_in, identity, |_| Ok(()), Box::new(same)).map(Step::Done)
        })
    }

    fn claimed(&self) -> Option<String> {
        self.names.first().cloned()
    }

    fn authzid(&self) -> Option<String> {
        self.authzid.clone()
    }
}

impl External {
    /// A certificate may name several users: the one asked for counts if it is among them, and else the first.
    async fn admit(&self, authzid: &str) -> Result<crate::Identity, AuthError> {
        let unknown = AuthError::Failed { reason: "the certificate is of no user" };
        let prepared: Vec<String> =
            self.names.iter().filter_map(|name| prepare_user_name(name.as_bytes()).ok()).collect();
        let asked = prepared.iter().find(|name| *name == authzid).or(prepared.first());
        let name = asked.ok_or_else(|| unknown.clone())?;
        let user = self.backend.find(name).await?.ok_or(unknown)?;
        self.backend.admit(user.into(), authzid, SPEC.name).await
    }
}

static REGISTRY: [Mechanism; 1] = [EXTERNAL];
const NAME_OCTETS_MAX: usize = 255;
