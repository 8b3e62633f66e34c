//! LOGIN (draft-murchison-sasl-login): two prompts, for clients of before PLAIN. Our own, since old clients look for
//! these very prompts and rsasl has others.
//!
//! The server speaks first; where SASL-IR is offered, programs that use GNU SASL (mutt) send the user name with the command
//! all the same, so that is taken.

use std::sync::Arc;

use super::{MechanismSpec, ServerMechanism, Step};
use crate::backend::Backend;
use crate::{AuthError, BoxFuture, Channel, Secret};

pub(super) const SPEC: MechanismSpec = MechanismSpec {
    name: "LOGIN",
    possible: |_, _| true,
    client_first: false,
    names_first: true,
    start: |backend, channel| {
        Box::new(Login { backend: Arc::clone(backend), channel: channel.clone(), user: None, asked: false })
    },
};

struct Login {
    backend: Arc<Backend>,
    channel: Channel,
    /// As the client sent it.
    user: Option<Vec<u8>>,
    /// The user name was asked for.
    asked: bool,
}

impl ServerMechanism for Login {
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let Some(response) = response.filter(|name| self.asked || !name.expose().is_empty()) else {
                self.asked = true;
                return Ok(Step::Challenge(b"Username:".to_vec()));
            };
            let Some(user) = &self.user else {
                if response.expose().len() > NAME_OCTETS_MAX {
                    return Err(AuthError::Malformed { reason: "the name is longer than 255 octets" });
                }
                self.user = Some(response.expose().to_vec());
                return Ok(Step::Challenge(b"Password:".to_vec()));
            };
            let proven = self.backend.password(user, response, &self.channel).await?;
            self.backend.admit(proven, "", SPEC.name).await.map(Step::Done)
        })
    }

    fn claimed(&self) -> Option<String> {
        self.user.as_deref().map(|user| String::from_utf8_lossy(user).into_owned())
    }
}

const NAME_OCTETS_MAX: usize = 255;
