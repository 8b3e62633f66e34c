//! [`KeySet`]: the keys of signed tokens, from files that are read again when they change, or configured.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

use super::{BadOauthSettings, OauthSettings, TokenAlgorithm, TokenKey};
use crate::der::{OBJECT_IDENTIFIER, SEQUENCE, der, elements};
use crate::stamp::FileStamp;

/// One key. What it is for follows from its kind, and from nothing that a token says.
pub(super) struct Key {
    id: Option<String>,
    material: Material,
}

enum Material {
    /// Modulus and exponent, big-endian.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Hmac(hmac::Key),
}

impl Key {
    /// The only algorithm that it is for.
    pub(super) fn algorithm(&self) -> TokenAlgorithm {
        match self.material {
            Material::Rsa { .. } => TokenAlgorithm::Rs256,
            Material::P256(_) => TokenAlgorithm::Es256,
            Material::Ed25519(_) => TokenAlgorithm::EdDsa,
            Material::Hmac(_) => TokenAlgorithm::Hs256,
        }
    }

    /// Whether it may be the key that a token names; a key without a name may be any.
    pub(super) fn may_be(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(ours), Some(named)) => ours == named,
            _ => true,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Material::P256(point) => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok()
            }
            Material::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// All keys; those of files as they were read last.
pub(super) struct KeySet {
    sources: Vec<TokenKey>,
    state: Mutex<State>,
}

struct State {
    keys: Arc<[Key]>,
    stamps: Vec<FileStamp>,
    /// When the files were looked at last.
    looked: Instant,
}

impl KeySet {
    /// Reads them all.
    pub(super) fn new(settings: &OauthSettings) -> Result<Self, BadOauthSettings> {
        let sources = settings.keys.clone();
        let state = State { stamps: stamps(&sources), keys: read(&sources)?, looked: Instant::now() };
        Ok(Self { sources, state: Mutex::new(state) })
    }

    /// The keys; files that changed are read first, off the async threads. Where that goes wrong the old keys stay.
    pub(super) async fn current(&self) -> Arc<[Key]> {
        let old = {
            let mut state = self.state();
            if state.looked.elapsed() < LOOK_EVERY || !self.sources.iter().any(|key| path(key).is_some()) {
                return Arc::clone(&state.keys);
            }
            // Whoever comes meanwhile goes on with what there is.
            state.looked = Instant::now();
            state.stamps.clone()
        };
        let sources = self.sources.clone();
        let look = move || {
            let stamps = stamps(&sources);
            (stamps != old).then(|| (stamps, read(&sources)))
        };
        let mut changed = tokio::task::spawn_blocking(look).await.ok().flatten();
        let mut state = self.state();
        if let Some((stamps, keys)) = changed.take() {
            state.stamps = stamps;
            match keys {
                Ok(keys) => {
                    tracing::info!(keys = keys.len(), "keys of tokens read again");
                    state.keys = keys;
                }
                Err(error) => tracing::error!(%error, "the keys of tokens stay as they were"),
            }
        }
        Arc::clone(&state.keys)
    }

    /// Lets the next question look at the files.
    #[cfg(test)]
    pub(super) fn look_now(&self) {
        let mut state = self.state();
        state.looked = state.looked.checked_sub(LOOK_EVERY).expect("the machine has been up for a while");
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // It is whole after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn path(key: &TokenKey) -> Option<&Path> {
    if let TokenKey::JwksFile(path) = key { Some(path) } else { None }
}

fn stamps(sources: &[TokenKey]) -> Vec<FileStamp> {
    sources.iter().filter_map(path).map(FileStamp::of).collect()
}

fn read(sources: &[TokenKey]) -> Result<Arc<[Key]>, BadOauthSettings> {
    let keys: Result<Vec<Vec<Key>>, _> = sources.iter().map(read_source).collect();
    Ok(keys?.into_iter().flatten().collect())
}

fn read_source(source: &TokenKey) -> Result<Vec<Key>, BadOauthSettings> {
    let bad = |reason: String| BadOauthSettings { reason };
    match source {
        TokenKey::JwksFile(path) => {
            let shown = path.display();
            let text = std::fs::read(path).map_err(|error| bad(format!("{shown}: {error}")))?;
            let set: JwkSet = serde_json::from_slice(&text)
                .map_err(|error| bad(format!("{shown} is no JWK set: line {}", error.line())))?;
            let keys: Vec<Key> = set.keys.into_iter().filter_map(Jwk::into_key).collect();
            if keys.is_empty() { Err(bad(format!("{shown} has no key that can be used"))) } else { Ok(keys) }
        }
        TokenKey::PublicPem(pem) => {
            let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok();
            let material = key.and_then(|key| public_key(&key));
            let reason = || bad("a key is no PUBLIC KEY of RSA, P-256 or Ed25519 in PEM form".into());
            Ok(vec![Key { id: None, material: material.ok_or_else(reason)? }])
        }
        TokenKey::Secret(secret) => {
            let material =
                hmac_key(secret.expose()).ok_or_else(|| bad("a secret has fewer than 32 octets".into()))?;
            Ok(vec![Key { id: None, material }])
        }
    }
}

/// RFC 7517 §5. Keys of other kinds, for other uses or with members of a wrong type are passed over.
#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

impl Jwk {
    fn into_key(self) -> Option<Key> {
        let octets = |member: &Option<String>| URL_SAFE_NO_PAD.decode(member.as_ref()?).ok();
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: octets(&self.n)?, e: octets(&self.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (octets(&self.x)?, octets(&self.y)?);
                (x.len() == 32 && y.len() == 32).then(|| Material::P256([&[4], &x[..], &y].concat()))?
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(octets(&self.x).filter(|key| key.len() == 32)?),
            ("oct", _) => hmac_key(&octets(&self.k)?)?,
            _ => return None,
        };
        let key = Key { id: self.kid, material };
        let for_us = self.purpose.is_none_or(|purpose| purpose == "sig")
            && self.alg.is_none_or(|alg| alg == key.algorithm().name());
        for_us.then_some(key)
    }
}

fn hmac_key(secret: &[u8]) -> Option<Material> {
    (secret.len() >= SECRET_OCTETS_MIN).then(|| Material::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret)))
}

/// ```text
/// SubjectPublicKeyInfo  ::=  SEQUENCE  { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
/// ```
fn public_key(info: &[u8]) -> Option<Material> {
    let (fields, _) = der(info, SEQUENCE)?;
    let (algorithm, rest) = der(fields, SEQUENCE)?;
    let (bits, _) = der(rest, BIT_STRING)?;
    let key = bits.strip_prefix(&[0])?;
    let (oid, parameters) = der(algorithm, OBJECT_IDENTIFIER)?;
    match oid {
        RSA => {
            let (numbers, _) = der(key, SEQUENCE)?;
            let mut numbers = elements(numbers).filter(|(tag, _)| *tag == INTEGER);
            let mut next = || Some(unsigned(numbers.next()?.1).to_vec());
            Some(Material::Rsa { n: next()?, e: next()? })
        }
        EC if der(parameters, OBJECT_IDENTIFIER)?.0 == P256 && key.len() == 65 => {
            Some(Material::P256(key.to_vec()))
        }
        ED25519 if key.len() == 32 => Some(Material::Ed25519(key.to_vec())),
        _ => None,
    }
}

/// Without the zero that keeps a number positive.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// RFC 7518 §3.2.
const SECRET_OCTETS_MIN: usize = 32;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// 1.2.840.113549.1.1.1.
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// 1.2.840.10045.2.1.
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
/// 1.2.840.10045.3.1.7.
const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// 1.3.101.112.
const ED25519: &[u8] = b"\x2b\x65\x70";
