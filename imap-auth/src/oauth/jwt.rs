//! Signed tokens in compact form (RFC 7515 §3.1), checked with ring.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::keys::Key;
use super::{Claims, TokenAlgorithm};

/// What counts of a header. Unknown members are passed over (RFC 7515 §4), but none that has to be understood.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// Whether it has the form of a signed token: an opaque one is any octets.
pub(super) fn looks_signed(token: &[u8]) -> bool {
    parts(token).is_some_and(|[header, ..]| decode(header).is_some_and(|header| header.starts_with(b"{")))
}

/// The claims of a token whose signature is right, by one of `keys`. The algorithm has to be one of `allowed` and
/// that of the key: what a token says of itself chooses nothing (RFC 8725 §3.1).
pub(super) fn verified(
    token: &[u8],
    keys: &[Key],
    allowed: &[TokenAlgorithm],
) -> Result<Claims, &'static str> {
    let [header, payload, signature] = parts(token).ok_or("the token has not three parts")?;
    let signed = &token[..header.len() + 1 + payload.len()];
    let header = decode(header).ok_or("the token's header is no base64")?;
    let header: Header =
        serde_json::from_slice(&header).map_err(|_| "the token's header is not as expected")?;
    let algorithm = TokenAlgorithm::named(&header.alg)
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or("the token's algorithm is not allowed")?;
    if header.crit.is_some() {
        return Err("the token has an extension that is not known here");
    }
    // An access token, and not one that says something else of its user (RFC 8725 §3.11).
    let plain = ["JWT", "at+jwt", "application/at+jwt"];
    if header.typ.is_some_and(|typ| !plain.iter().any(|known| known.eq_ignore_ascii_case(&typ))) {
        return Err("the token is of another type");
    }
    let signature = decode(signature).ok_or("the token's signature is no base64")?;
    let fits = |key: &&Key| key.algorithm() == algorithm && key.may_be(header.kid.as_deref());
    let mut candidates = keys.iter().filter(fits).take(KEYS_TRIED_MAX).peekable();
    if candidates.peek().is_none() {
        return Err("no key is known for the token");
    }
    if !candidates.any(|key| key.verify(signed, &signature)) {
        return Err("the token's signature is wrong");
    }
    let payload = decode(payload).ok_or("the token's claims are no base64")?;
    serde_json::from_slice(&payload).map_err(|_| "the token's claims are not as expected")
}

fn parts(token: &[u8]) -> Option<[&[u8]; 3]> {
    let parts: Vec<&[u8]> = token.splitn(4, |octet| *octet == b'.').collect();
    parts.try_into().ok()
}

fn decode(part: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// A key set in rotation has two or three.
const KEYS_TRIED_MAX: usize = 8;
