//! [`Imported`]: hashes of other servers, as Dovecot writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::Digest;
use subtle::ConstantTimeEq;

use super::{BadRecord, ScramKeys};
use crate::Secret;
use crate::scram::ScramHash;

/// A hash that this crate only checks, and never makes.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Imported {
    /// `$6$[rounds=N$]salt$hash`.
    Sha512Crypt(String),
    /// `$2y$cost$...`: bcrypt.
    Bcrypt(String),
    /// SHA-1 of password and salt.
    SaltedSha1 { digest: [u8; 20], salt: Vec<u8> },
}

impl Imported {
    /// `scheme` in upper case. Refuses a hash that is damaged, or would take minutes to check.
    pub(super) fn parse(scheme: &str, hash: &str) -> Result<Self, BadRecord> {
        let damaged = || BadRecord::new(format!("this is no hash of {scheme}"));
        match scheme {
            "SHA512-CRYPT" => check_sha512_crypt(hash).ok_or_else(damaged),
            "BLF-CRYPT" => check_bcrypt(hash).ok_or_else(damaged),
            "SSHA" => salted_sha1(hash).ok_or_else(damaged),
            // The scheme is no secret, but a line without one could be taken for it.
            _ => Err(BadRecord::new(
                "the scheme is not known; known are ARGON2ID, SHA512-CRYPT, BLF-CRYPT, SSHA, SCRAM-SHA-256",
            )),
        }
    }

    /// `{SCHEME}HASH`.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Sha512Crypt(hash) => format!("{{SHA512-CRYPT}}{hash}"),
            Self::Bcrypt(hash) => format!("{{BLF-CRYPT}}{hash}"),
            Self::SaltedSha1 { digest, salt } => {
                format!("{{SSHA}}{}", STANDARD.encode([&digest[..], salt].concat()))
            }
        }
    }

    /// Reads that.
    pub(super) fn from_text(text: &str) -> Result<Self, BadRecord> {
        let parts = text.strip_prefix('{').and_then(|text| text.split_once('}'));
        let (scheme, hash) = parts.ok_or_else(|| BadRecord::new("its imported hash is damaged"))?;
        Self::parse(scheme, hash)
    }

    /// Whether it is the password. Slow, as the scheme wants it.
    pub(super) fn verify(&self, password: &Secret) -> bool {
        match self {
            Self::Sha512Crypt(hash) => sha512_crypt_fits(hash, password),
            Self::Bcrypt(hash) => bcrypt::verify(password.expose(), hash).unwrap_or(false),
            Self::SaltedSha1 { digest, salt } => {
                let found = Sha1::new().chain_update(password.expose()).chain_update(salt).finalize();
                found.ct_eq(digest).into()
            }
        }
    }
}

/// Dovecot's SCRAM-SHA-256: `ITERATIONS,SALT,STORED,SERVER`, the last three in base64.
pub(super) fn scram_sha256(hash: &str) -> Result<ScramKeys, BadRecord> {
    let parts: Vec<&str> = hash.split(',').collect();
    let parts = <[&str; 4]>::try_from(parts).ok();
    parts
        .and_then(|parts| ScramKeys::from_parts(ScramHash::Sha256, parts))
        .ok_or_else(|| BadRecord::new("this is no hash of SCRAM-SHA-256"))
}

fn check_sha512_crypt(hash: &str) -> Option<Imported> {
    let mut parts = hash.strip_prefix("$6$")?.split('$');
    let mut salt = parts.next()?;
    if let Some(rounds) = salt.strip_prefix("rounds=") {
        let _ =
            rounds.parse::<u32>().ok().filter(|rounds| (1_000..=SHA_CRYPT_ROUNDS_MAX).contains(rounds))?;
        salt = parts.next()?;
    }
    let digest = parts.next()?;
    let known =
        |text: &str| text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'/'));
    let good = (1..=16).contains(&salt.len()) && digest.len() == 86 && known(salt) && known(digest);
    (good && parts.next().is_none()).then(|| Imported::Sha512Crypt(hash.to_owned()))
}

fn check_bcrypt(hash: &str) -> Option<Imported> {
    let parsed: bcrypt::HashParts = hash.parse().ok()?;
    (4..=BCRYPT_COST_MAX).contains(&parsed.get_cost()).then(|| Imported::Bcrypt(hash.to_owned()))
}

fn salted_sha1(hash: &str) -> Option<Imported> {
    let octets = STANDARD.decode(hash).ok()?;
    let (digest, salt) = octets.split_first_chunk()?;
    let good = (1..=SALT_OCTETS_MAX).contains(&salt.len());
    good.then(|| Imported::SaltedSha1 { digest: *digest, salt: salt.to_vec() })
}

fn sha512_crypt_fits(hash: &str, password: &Secret) -> bool {
    use sha_crypt::{PasswordVerifier, ShaCrypt};
    ShaCrypt::SHA512.verify_password(password.expose(), hash).is_ok()
}

/// A second or so.
const SHA_CRYPT_ROUNDS_MAX: u32 = 1_000_000;
/// Five seconds or so.
const BCRYPT_COST_MAX: u32 = 16;
const SALT_OCTETS_MAX: usize = 256;
