//! [`Tokens`]: whether a bearer token is good, and whose it is. Signed ones (JWT, RFC 7519) are checked here, opaque
//! ones by asking the server that gave them out (introspection, RFC 7662).

mod introspection;
mod jwt;
mod keys;

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

pub use self::introspection::Introspection;
use self::introspection::Introspector;
use self::keys::KeySet;
use crate::Secret;

/// How tokens are checked.
#[derive(Debug, Clone)]
pub struct OauthSettings {
    /// The keys of signed tokens; empty: none are taken.
    pub keys: Vec<TokenKey>,
    /// How signed tokens may be signed. HMAC only counts where a secret is among the keys too.
    pub algorithms: Vec<TokenAlgorithm>,
    /// Who may have given a token out (`iss`), at least one where there are keys.
    pub issuers: Vec<String>,
    /// For whom a token has to be (`aud`), one of these; at least one where there are keys.
    pub audiences: Vec<String>,
    /// How far the clocks of the two servers may differ.
    pub clock_skew: Duration,
    /// What a token has to allow (`scope`), all of these.
    pub scopes: Vec<String>,
    /// The claim that names the user.
    pub user_claim: String,
    /// Who is asked about opaque tokens; none: they are not taken.
    pub introspection: Option<Introspection>,
    /// Where clients find out how to get a token: told to those that come with a bad one (RFC 7628 §3.2.2).
    pub openid_configuration: Option<String>,
    /// A token's user may be in no directory.
    pub unknown_users: bool,
}

impl Default for OauthSettings {
    /// No keys, nobody to ask; the user by `email`, a minute of clock skew, no HMAC.
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            algorithms: vec![TokenAlgorithm::Rs256, TokenAlgorithm::Es256, TokenAlgorithm::EdDsa],
            issuers: Vec::new(),
            audiences: Vec::new(),
            clock_skew: Duration::from_secs(60),
            scopes: Vec::new(),
            user_claim: "email".into(),
            introspection: None,
            openid_configuration: None,
            unknown_users: false,
        }
    }
}

/// Where a key of signed tokens comes from.
#[derive(Debug, Clone)]
pub enum TokenKey {
    /// A JWK set (RFC 7517 §5) in a file; it is read again when it changes.
    JwksFile(PathBuf),
    /// A public key in PEM (`PUBLIC KEY`): RSA, P-256 or Ed25519.
    PublicPem(Vec<u8>),
    /// The secret of HS256, at least 32 octets.
    Secret(Secret),
}

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// RSA PKCS#1 with SHA-256, of 2,048 to 8,192 bits.
    Rs256,
    /// ECDSA of P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256: whoever can check a token can make one.
    Hs256,
}

impl TokenAlgorithm {
    /// The name in a token's header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256, Self::EdDsa, Self::Hs256].into_iter().find(|known| known.name() == name)
    }
}

/// The settings cannot be used; the operator must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("OAuth: {reason}")]
pub struct BadOauthSettings {
    /// Why.
    pub reason: String,
}

/// Checks tokens.
pub struct Tokens {
    settings: OauthSettings,
    keys: KeySet,
    introspector: Option<Introspector>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It is bad; the reason is for the log.
    Bad(&'static str),
    /// It is good, but does not allow to read mail.
    Scope,
    /// Nobody could be asked.
    Unavailable(String),
}

type Claims = Map<String, Value>;

impl Tokens {
    /// Reads the keys. Not on an async thread, since they may be in files.
    pub fn new(settings: OauthSettings) -> Result<Self, BadOauthSettings> {
        let bad = |reason: &str| Err(BadOauthSettings { reason: reason.to_owned() });
        if settings.keys.is_empty() && settings.introspection.is_none() {
            return bad("neither keys nor an introspection endpoint are named");
        }
        if !settings.keys.is_empty() && (settings.issuers.is_empty() || settings.audiences.is_empty()) {
            return bad("signed tokens need an issuer and an audience: else any token of anybody would do");
        }
        if settings.user_claim.is_empty() {
            return bad("the claim that names the user is empty");
        }
        let keys = KeySet::new(&settings)?;
        let introspector = settings.introspection.clone().map(Introspector::new).transpose()?;
        Ok(Self { settings, keys, introspector })
    }

    /// The user that a good token names (as the token spells it).
    pub(crate) async fn check(&self, token: &Secret, now: SystemTime) -> Result<String, TokenError> {
        let octets = token.expose();
        if octets.is_empty() || octets.len() > TOKEN_OCTETS_MAX || !octets.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::Bad("this is no token"));
        }
        let claims = match &self.introspector {
            _ if jwt::looks_signed(octets) && !self.settings.keys.is_empty() => {
                let keys = self.keys.current().await;
                let claims =
                    jwt::verified(octets, &keys, &self.settings.algorithms).map_err(TokenError::Bad)?;
                self.check_signed(&claims, now)?;
                claims
            }
            Some(introspector) => {
                let claims = introspector.ask(token, now).await?;
                self.check_told(&claims, now)?;
                claims
            }
            None => return Err(TokenError::Bad("the token is not signed")),
        };
        self.check_scope(&claims)?;
        let user = claims.get(&self.settings.user_claim).and_then(Value::as_str);
        user.filter(|user| !user.is_empty())
            .map(str::to_owned)
            .ok_or(TokenError::Bad("the token names no user"))
    }

    /// The policy of users that are in no directory.
    pub(crate) fn unknown_users(&self) -> bool {
        self.settings.unknown_users
    }

    /// The scope and the discovery document that a client with a bad token is told.
    pub(crate) fn advice(&self) -> (Option<String>, Option<&str>) {
        let scope = self.settings.scopes.join(" ");
        (Some(scope).filter(|scope| !scope.is_empty()), self.settings.openid_configuration.as_deref())
    }

    /// RFC 7519 §4.1, RFC 8725 §3.8 and §3.9: who gave it out, for whom, and until when have to be there.
    fn check_signed(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        if !self.right_issuer(claims) {
            return Err(TokenError::Bad("the token is of another issuer"));
        }
        if !self.right_audience(claims) {
            return Err(TokenError::Bad("the token is for another audience"));
        }
        if !claims.contains_key("exp") {
            return Err(TokenError::Bad("the token has no end"));
        }
        self.check_times(claims, now)
    }

    /// What the server that was asked did not tell it did not check either, so nothing that is configured may be missing.
    fn check_told(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(TokenError::Bad("the token is not active"));
        }
        if !self.settings.issuers.is_empty() && !self.right_issuer(claims) {
            return Err(TokenError::Bad("the token is of another issuer"));
        }
        if !self.settings.audiences.is_empty() && !self.right_audience(claims) {
            return Err(TokenError::Bad("the token is for another audience"));
        }
        self.check_times(claims, now)
    }

    fn right_issuer(&self, claims: &Claims) -> bool {
        claims
            .get("iss")
            .and_then(Value::as_str)
            .is_some_and(|found| self.settings.issuers.iter().any(|it| it == found))
    }

    fn right_audience(&self, claims: &Claims) -> bool {
        words(claims.get("aud"), false).any(|found| self.settings.audiences.iter().any(|it| it == found))
    }

    fn check_times(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        let now = now.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let skew = self.settings.clock_skew.as_secs_f64();
        let number = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_f64().map(Some).ok_or(TokenError::Bad("a time of the token is no number"))
            }
        };
        if number("exp")?.is_some_and(|end| end + skew <= now) {
            return Err(TokenError::Bad("the token has expired"));
        }
        if number("nbf")?.is_some_and(|begin| begin - skew > now) {
            return Err(TokenError::Bad("the token does not count yet"));
        }
        if number("iat")?.is_some_and(|made| made - skew > now) {
            return Err(TokenError::Bad("the token is of the future"));
        }
        Ok(())
    }

    /// `scope` is words in a string (RFC 8693 §4.2); some servers say `scp`, or a list.
    fn check_scope(&self, claims: &Claims) -> Result<(), TokenError> {
        let found: Vec<&str> =
            words(claims.get("scope"), true).chain(words(claims.get("scp"), true)).collect();
        let all = self.settings.scopes.iter().all(|wanted| found.contains(&wanted.as_str()));
        if all { Ok(()) } else { Err(TokenError::Scope) }
    }
}

/// The strings of a claim that is one or a list of them; `split`: each is words with spaces between.
fn words(claim: Option<&Value>, split: bool) -> impl Iterator<Item = &str> {
    let list = match claim {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let strings = list.iter().filter_map(Value::as_str);
    strings.flat_map(move |text| if split { text.split(' ').collect() } else { vec![text] })
}

/// Tokens of Microsoft with many groups come to 10,000 or so.
const TOKEN_OCTETS_MAX: usize = 32 * 1024;

#[cfg(test)]
mod tests;
