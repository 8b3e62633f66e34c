//! PLAIN (RFC 4616): the client sends `[authzid] NUL authcid NUL passwd`.

use std::sync::Arc;

use rsasl::callback::{Context, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::prelude::{Mechanism, Registry, SASLServer, Validation};
use rsasl::property::{AuthId, AuthzId, Password};
use rsasl::validate::{Validate, ValidationError};

use super::{MechanismSpec, ServerMechanism, Step, identity};
use crate::password::PasswordCheck;
use crate::{AuthError, BoxFuture, Identity, Secret, UserRecord, guard, prepare_user_name};

pub(super) const SPEC: MechanismSpec = MechanismSpec {
    name: "PLAIN",
    binds: false,
    client_first: true,
    start: |passwords, _| Box::new(Plain { passwords: Arc::clone(passwords), claimed: None }),
};

struct Plain {
    passwords: Arc<PasswordCheck>,
    claimed: Option<String>,
}

impl ServerMechanism for Plain {
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let response = response.ok_or(AuthError::Malformed { reason: "a response has to come first" })?;
            let message = Message::parse(response.expose())?;
            self.claimed = Some(message.authcid.to_owned());
            // rsasl's callbacks are synchronous, and the directory and the hash are not: so the verdict is ready
            // before its step.
            let verdict = Verdict::reach(&self.passwords, &message).await?;
            settle(verdict).map(Step::Done)
        })
    }

    fn claimed(&self) -> Option<String> {
        self.claimed.clone()
    }
}

/// The message, its shape checked.
struct Message<'a> {
    authzid: &'a str,
    authcid: &'a str,
    password: &'a [u8],
}

impl<'a> Message<'a> {
    /// ```text
    /// message   = [authzid] UTF8NUL authcid UTF8NUL passwd
    /// authcid   = 1*SAFE ; MUST accept up to 255 octets
    /// authzid   = 1*SAFE ; MUST accept up to 255 octets
    /// passwd    = 1*SAFE ; MUST accept up to 255 octets
    /// ```
    ///
    /// The password may be of other octets than UTF-8, since old clients send them.
    fn parse(octets: &'a [u8]) -> Result<Self, AuthError> {
        let malformed = |reason| AuthError::Malformed { reason };
        let mut fields = octets.split(|octet| *octet == 0);
        let (Some(authzid), Some(authcid), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("PLAIN wants three fields with two NULs between them"));
        };
        if authzid.len() > NAME_OCTETS_MAX || authcid.len() > NAME_OCTETS_MAX {
            return Err(malformed("a name is longer than 255 octets"));
        }
        if password.len() > PASSWORD_OCTETS_MAX {
            return Err(malformed("the password is longer than 1,024 octets"));
        }
        if authcid.is_empty() || password.is_empty() {
            return Err(malformed("name and password must not be empty"));
        }
        let utf8 = |name| std::str::from_utf8(name).map_err(|_| malformed("a name is not UTF-8"));
        Ok(Self { authzid: utf8(authzid)?, authcid: utf8(authcid)?, password })
    }
}

/// What we found out about a message, before rsasl is asked.
struct Verdict {
    /// The prepared authentication identity.
    name: String,
    /// As the client sent it.
    authzid: String,
    user: UserRecord,
}

impl Verdict {
    async fn reach(passwords: &PasswordCheck, message: &Message<'_>) -> Result<Self, AuthError> {
        // What is no user name at all is nobody's: the rules are public, so saying it fast tells nothing.
        let name = prepare_user_name(message.authcid.as_bytes()).map_err(|_| AuthError::Failed)?;
        let user = passwords.check(&name, &Secret::new(message.password)).await?;
        Ok(Self { name, authzid: message.authzid.to_owned(), user })
    }

    fn identity(&self) -> Result<Identity, AuthError> {
        identity(SPEC.name, &self.authzid, &self.name, &self.user)
    }
}

/// Lets rsasl run the exchange; only an identity that [`Judge`] put there counts.
///
/// rsasl gets [`STAND_IN`] for the password, which is checked already: it keeps copies that nobody wipes, and it
/// refuses passwords outside of Unicode 3.2, which we do not.
fn settle(verdict: Verdict) -> Result<Identity, AuthError> {
    let broken = |what: &str| AuthError::Unavailable { reason: format!("PLAIN: {what}") };
    let message = [verdict.authzid.as_bytes(), verdict.name.as_bytes(), STAND_IN].join(&0);
    let config = config(verdict).ok_or_else(|| broken("no configuration"))?;
    let mut session = SASLServer::<Outcome>::new(config)
        .start_suggested(PLAIN.mechanism)
        .map_err(|_| broken("the mechanism is missing"))?;
    guard::step(&mut session, Some(&message)).map_err(|_| broken("the step failed"))?;
    session.validation().unwrap_or_else(|| Err(broken("no verdict")))
}

fn config(verdict: Verdict) -> Option<Arc<SASLConfig>> {
    SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(&REGISTRY))
        .with_callback(Judge { verdict })
        .ok()
}

/// Tells rsasl our verdict, if the exchange was about the same names.
struct Judge {
    verdict: Verdict,
}

impl SessionCallback for Judge {
    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let same = context.get_ref::<AuthId>() == Some(self.verdict.name.as_str())
            && context.get_ref::<AuthzId>() == Some(self.verdict.authzid.as_str())
            && context.get_ref::<Password>() == Some(STAND_IN);
        if same {
            validate.finalize::<Outcome>(self.verdict.identity());
        }
        Ok(())
    }
}

/// What an rsasl session of ours ends with.
struct Outcome;

impl Validation for Outcome {
    type Value = Result<Identity, AuthError>;
}

/// All that rsasl may do on this side. Its default registry would offer ANONYMOUS.
static REGISTRY: [Mechanism; 1] = [PLAIN];

const STAND_IN: &[u8] = b"checked";
const NAME_OCTETS_MAX: usize = 255;
const PASSWORD_OCTETS_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = (&'static str, &'static str, &'static [u8]);

    #[test]
    fn messages() {
        let cases: &[(&[u8], Result<Fields, &str>)] = &[
            // RFC 4616 §4.
            (b"\0tim\0tanstaaftanstaaf", Ok(("", "tim", b"tanstaaftanstaaf"))),
            (b"Ursel\0Kurt\0xipj3plmq", Ok(("Ursel", "Kurt", b"xipj3plmq"))),
            (b"\0a\0b", Ok(("", "a", b"b"))),
            (b"\0a\0\xe9", Ok(("", "a", b"\xe9"))),
            (b"", Err("PLAIN wants three fields with two NULs between them")),
            (b"alice", Err("PLAIN wants three fields with two NULs between them")),
            (b"alice\0sesame", Err("PLAIN wants three fields with two NULs between them")),
            (b"\0a\0b\0", Err("PLAIN wants three fields with two NULs between them")),
            (b"\0alice\0ses\0ame", Err("PLAIN wants three fields with two NULs between them")),
            (b"\0\0sesame", Err("name and password must not be empty")),
            (b"\0alice\0", Err("name and password must not be empty")),
            (b"\0\0", Err("name and password must not be empty")),
            (b"\0\xff\0sesame", Err("a name is not UTF-8")),
            (b"\xff\0alice\0sesame", Err("a name is not UTF-8")),
        ];
        for (octets, expected) in cases {
            let parsed = Message::parse(octets).map(|found| (found.authzid, found.authcid, found.password));
            let expected = expected.map_err(|reason| AuthError::Malformed { reason });
            assert_eq!(parsed, expected, "{:?}", String::from_utf8_lossy(octets));
        }
    }

    #[test]
    fn long_fields_are_refused() {
        let name = [b'a'; 256].as_slice();
        let password = [b'p'; 1_025].as_slice();
        for (fields, reason) in [
            ([name, b"a", b"p"], "a name is longer than 255 octets"),
            ([b"", name, b"p"], "a name is longer than 255 octets"),
            ([b"", b"a", password], "the password is longer than 1,024 octets"),
        ] {
            let error = Message::parse(&fields.join(&0)).err();
            assert_eq!(error, Some(AuthError::Malformed { reason }));
        }
        assert!(Message::parse(&[&name[1..], &name[1..], &password[1..]].join(&0)).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_message_makes_it_panic(octets: Vec<u8>) {
            let _ = Message::parse(&octets);
        }
    }
}
