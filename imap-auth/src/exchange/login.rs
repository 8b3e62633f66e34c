//! LOGIN (draft-murchison-sasl-login): two prompts, for clients of before PLAIN. Our own, since old clients look for
//! these very prompts and rsasl has others.

use std::sync::Arc;

use super::{MechanismSpec, ServerMechanism, Step};
use crate::password::PasswordCheck;
use crate::{AuthError, BoxFuture, Identity, Secret, prepare_user_name};

pub(super) const SPEC: MechanismSpec = MechanismSpec {
    name: "LOGIN",
    binds: false,
    client_first: false,
    start: |passwords, _| Box::new(Login { passwords: Arc::clone(passwords), user: None, asked: false }),
};

struct Login {
    passwords: Arc<PasswordCheck>,
    /// As the client sent it.
    user: Option<Vec<u8>>,
    /// The user name was asked for.
    asked: bool,
}

impl ServerMechanism for Login {
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let Some(response) = response.filter(|_| self.asked) else {
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
            let name = prepare_user_name(user).map_err(|_| AuthError::Failed)?;
            let user = self.passwords.check(&name, response).await?;
            Ok(Step::Done(Identity { user: user.name, mechanism: SPEC.name }))
        })
    }

    fn claimed(&self) -> Option<String> {
        self.user.as_deref().map(|user| String::from_utf8_lossy(user).into_owned())
    }
}

const NAME_OCTETS_MAX: usize = 255;
