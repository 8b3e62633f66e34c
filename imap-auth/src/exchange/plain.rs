//! PLAIN (RFC 4616): the client sends `[authzid] NUL authcid NUL passwd`.

use std::sync::Arc;

use rsasl::mechanisms::plain::PLAIN;
use rsasl::prelude::Mechanism;
use rsasl::property::{AuthId, AuthzId, Password};

use super::settle::settle;
use super::{MechanismSpec, ServerMechanism, Step};
use crate::backend::Backend;
use crate::{AuthError, BoxFuture, Channel, Secret, prepare_user_name};

pub(super) const SPEC: MechanismSpec = MechanismSpec {
    name: "PLAIN",
    possible: |_, _| true,
    client_first: true,
    names_first: true,
    start: |backend, channel| {
        let (backend, channel) = (Arc::clone(backend), channel.clone());
        Box::new(Plain { backend, channel, claimed: None, authzid: None })
    },
};

struct Plain {
    backend: Arc<Backend>,
    channel: Channel,
    claimed: Option<String>,
    authzid: Option<String>,
}

impl ServerMechanism for Plain {
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let response = response.ok_or(AuthError::Malformed { reason: "a response has to come first" })?;
            let message = Message::parse(response.expose())?;
            self.claimed = Some(message.authcid.to_owned());
            self.authzid = Some(message.authzid.to_owned()).filter(|name| !name.is_empty());
            let password = Secret::new(message.password);
            let proven = self.backend.password(message.authcid.as_bytes(), &password, &self.channel).await?;
            let identity = self.backend.admit(proven, message.authzid, SPEC.name).await?;

            let authcid =
                prepare_user_name(message.authcid.as_bytes()).map_err(|_| AuthError::UNKNOWN_USER)?;
            let authzid = message.authzid.to_owned();
            let stand_in = [&authzid, &authcid, STAND_IN].join("\0");
            let same = move |context: &rsasl::callback::Context<'_>| {
                context.get_ref::<AuthId>() == Some(&authcid)
                    && context.get_ref::<AuthzId>() == Some(&authzid)
                    && context.get_ref::<Password>() == Some(STAND_IN.as_bytes())
            };
            settle(&REGISTRY, stand_in.as_bytes(), identity, |_| Ok(()), Box::new(same)).map(Step::Done)
        })
    }

    fn claimed(&self) -> Option<String> {
        self.claimed.clone()
    }

    fn authzid(&self) -> Option<String> {
        self.authzid.clone()
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

/// All that rsasl may do on this side. Its default registry would offer ANONYMOUS.
static REGISTRY: [Mechanism; 1] = [PLAIN];

const STAND_IN: &str = "checked";
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
