//! OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's form of before): a bearer token.
//!
//! A bad token is answered with a challenge that says so in JSON; the client answers with anything (`%x01`), and only
//! then is refused.

use std::sync::Arc;
use std::time::SystemTime;

use rsasl::mechanisms::oauthbearer::OAUTHBEARER;
use rsasl::mechanisms::oauthbearer::properties::OAuthBearerValidate;
use rsasl::mechanisms::xoauth2::XOAUTH2;
use rsasl::mechanisms::xoauth2::properties::XOAuth2Validate;
use rsasl::prelude::Mechanism;
use rsasl::property::OAuthBearerToken;

use super::settle::settle;
use super::{MechanismSpec, ServerMechanism, Step};
use crate::backend::Backend;
use crate::oauth::{TokenError, Tokens};
use crate::{AuthError, BoxFuture, Identity, Secret, UserAttributes, prepare_user_name};

pub(super) const OAUTHBEARER_SPEC: MechanismSpec = MechanismSpec {
    name: "OAUTHBEARER",
    possible: |backend, _| backend.tokens.is_some(),
    client_first: true,
    names_first: false,
    start: |backend, _| Oauth::start(Form::OauthBearer, backend),
};
pub(super) const XOAUTH2_SPEC: MechanismSpec = MechanismSpec {
    name: "XOAUTH2",
    start: |backend, _| Oauth::start(Form::XOauth2, backend),
    ..OAUTHBEARER_SPEC
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    OauthBearer,
    XOauth2,
}

struct Oauth {
    form: Form,
    backend: Arc<Backend>,
    claimed: Option<String>,
    state: State,
}

enum State {
    First,
    /// The challenge with the error was sent: whatever comes, this is the end.
    Refused(AuthError),
}

impl ServerMechanism for Oauth {
    fn step<'a>(&'a mut self, response: Option<&'a Secret>) -> BoxFuture<'a, Result<Step, AuthError>> {
        Box::pin(async move {
            let response = response.ok_or(AuthError::Malformed { reason: "a response has to come first" })?;
            if let State::Refused(error) = &self.state {
                return Err(error.clone());
            }
            let message = match self.form {
                Form::OauthBearer => Message::oauthbearer(response.expose()),
                Form::XOauth2 => Message::xoauth2(response.expose()),
            };
            let message = message.map_err(|reason| AuthError::Malformed { reason })?;
            self.claimed = Some(message.authzid.clone()).filter(|name| !name.is_empty());
            let tokens = self.backend.tokens.clone().ok_or(AuthError::UnknownMechanism)?;
            match tokens.check(&message.token, SystemTime::now()).await {
                Ok(user) => self.admit(&tokens, &user, &message.authzid).await.map(Step::Done),
                Err(TokenError::Unavailable(reason)) => Err(AuthError::Unavailable { reason }),
                Err(TokenError::Bad(reason)) => Ok(self.refuse(&tokens, "invalid_token", reason)),
                Err(TokenError::Scope) => {
                    let reason = "the token's scope is too narrow";
                    Ok(self.refuse(&tokens, "insufficient_scope", reason))
                }
            }
        })
    }

    fn claimed(&self) -> Option<String> {
        self.claimed.clone()
    }
}

impl Oauth {
    fn start(form: Form, backend: &Arc<Backend>) -> Box<dyn ServerMechanism> {
        Box::new(Self { form, backend: Arc::clone(backend), claimed: None, state: State::First })
    }

    fn name(&self) -> &'static str {
        match self.form {
            Form::OauthBearer => OAUTHBEARER_SPEC.name,
            Form::XOauth2 => XOAUTH2_SPEC.name,
        }
    }

    /// The token is good, and names `user`.
    async fn admit(&mut self, tokens: &Tokens, user: &str, authzid: &str) -> Result<Identity, AuthError> {
        let unknown = AuthError::Failed { reason: "the token is of no user" };
        let name = prepare_user_name(user.as_bytes()).map_err(|_| unknown.clone())?;
        // From here on it is proved who it is.
        self.claimed = Some(name.clone());
        let identity = match self.backend.find(&name).await? {
            Some(user) => self.backend.admit(user.into(), authzid, self.name()).await?,
            None if tokens.unknown_users() && (authzid.is_empty() || authzid == name) => self.stranger(name),
            None => return Err(unknown),
        };
        // The token is checked; rsasl gets another that its parser surely takes.
        let (registry, stand_in, grant): (_, _, super::settle::Grant) = match self.form {
            Form::OauthBearer => (&BEARER, "n,,\u{1}auth=checked\u{1}\u{1}", |request| {
                request.satisfy::<OAuthBearerValidate>(&Ok(())).map(drop)
            }),
            Form::XOauth2 => (&XOAUTH, "user=\u{1}auth=Bearer checked\u{1}\u{1}", |request| {
                request.satisfy::<XOAuth2Validate>(&Ok(())).map(drop)
            }),
        };
        let same =
            |context: &rsasl::callback::Context<'_>| context.get_ref::<OAuthBearerToken>() == Some("checked");
        settle(registry, stand_in.as_bytes(), identity, grant, Box::new(same))
    }

    /// A user that no directory knows: the token's word is enough.
    fn stranger(&self, user: String) -> Identity {
        Identity {
            authenticated: user.clone(),
            user,
            mechanism: self.name(),
            anonymous: false,
            application_password: None,
            directory: String::new(),
            attributes: UserAttributes::default(),
        }
    }

    /// RFC 7628 §3.2.2; and as Google's servers say it.
    fn refuse(&mut self, tokens: &Tokens, status: &str, reason: &'static str) -> Step {
        self.state = State::Refused(AuthError::Failed { reason });
        let (scope, document) = tokens.advice();
        let mut error = serde_json::Map::new();
        let mut tell = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                error.insert(name.into(), value.into());
            }
        };
        match self.form {
            Form::OauthBearer => {
                tell("status", Some(status));
                tell("scope", scope.as_deref());
                tell("openid-configuration", document);
            }
            Form::XOauth2 => {
                tell("status", Some(if status == "insufficient_scope" { "403" } else { "401" }));
                tell("schemes", Some("bearer"));
                tell("scope", scope.as_deref());
            }
        }
        Step::Challenge(serde_json::to_vec(&error).expect("strings are always JSON"))
    }
}

/// A client's message.
struct Message {
    /// As whom it wants to act; empty where it does not say. XOAUTH2 has a user only, which is taken for the same.
    authzid: String,
    token: Secret,
}

impl Message {
    /// ```text
    /// kvsep          = %x01
    /// key            = 1*(ALPHA)
    /// value          = *(VCHAR / SP / HTAB / CR / LF )
    /// kvpair         = key "=" value kvsep
    /// client-resp    = (gs2-header kvsep *kvpair kvsep) / kvsep
    /// ```
    fn oauthbearer(octets: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(octets).map_err(|_| "the message is not UTF-8")?;
        let (header, pairs) = text.split_once(KVSEP).ok_or("the message has no separator")?;
        let mut header = header.split(',');
        let (Some(flag), Some(authzid), Some(""), None) =
            (header.next(), header.next(), header.next(), header.next())
        else {
            return Err("the message has to begin with n,,");
        };
        match flag {
            "n" | "y" => {}
            _ => return Err("this mechanism does not bind"),
        }
        let authzid = match authzid {
            "" => String::new(),
            field => field
                .strip_prefix("a=")
                .and_then(crate::scram::message::unescape)
                .ok_or("the second field has to be empty or a=NAME")?,
        };
        let pairs = pairs.strip_suffix(KVSEP).ok_or("the message has no end")?;
        Self::from_pairs(authzid, pairs)
    }

    /// `user=NAME%x01auth=Bearer TOKEN%x01%x01`.
    fn xoauth2(octets: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(octets).map_err(|_| "the message is not UTF-8")?;
        let (user, pairs) = text.split_once(KVSEP).ok_or("the message has no separator")?;
        let user = user.strip_prefix("user=").ok_or("the message has to begin with user=")?;
        let pairs = pairs.strip_suffix(KVSEP).ok_or("the message has no end")?;
        Self::from_pairs(user.to_owned(), pairs)
    }

    /// Other pairs (`host`, `port`) have no meaning here: the client may have come through a proxy.
    fn from_pairs(authzid: String, pairs: &str) -> Result<Self, &'static str> {
        if authzid.len() > NAME_OCTETS_MAX || authzid.contains('\0') {
            return Err("the name is longer than 255 octets, or has a NUL");
        }
        let mut token = None;
        for pair in pairs.strip_suffix(KVSEP).ok_or("the message has no end")?.split(KVSEP) {
            let (key, value) = pair.split_once('=').ok_or("a pair has to be KEY=VALUE")?;
            if key.is_empty() || !key.bytes().all(|octet| octet.is_ascii_alphabetic()) {
                return Err("a key has letters only");
            }
            if key == "auth" && token.replace(value).is_some() {
                return Err("there are two tokens");
            }
        }
        // The scheme's name is in any case (RFC 7628 §3.1, RFC 9110 §11.1).
        let (scheme, token) = token.and_then(|value| value.split_once(' ')).ok_or("there is no token")?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err("the token is not of the kind Bearer");
        }
        Ok(Self { authzid, token: Secret::new(token.trim_start_matches(' ')) })
    }
}

static BEARER: [Mechanism; 1] = [OAUTHBEARER];
static XOAUTH: [Mechanism; 1] = [XOAUTH2];
const KVSEP: char = '\u{1}';
const NAME_OCTETS_MAX: usize = 255;
