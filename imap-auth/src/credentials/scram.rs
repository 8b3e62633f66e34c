//! [`ScramKeys`]: what a server keeps of a password for SCRAM (RFC 5802 §3), one set a hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::scram::ScramHash;
use crate::{BadPassword, Secret};

/// Salt, iterations and the two keys. Who has them can pass for the server, and try passwords; the password is
/// not among them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScramKeys {
    pub(crate) hash: ScramHash,
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) stored_key: Vec<u8>,
    pub(crate) server_key: Vec<u8>,
}

impl ScramKeys {
    /// The keys of a prepared password, with a new salt. Takes some milliseconds.
    pub(super) fn from_prepared(password: &Secret, hash: ScramHash) -> Result<Self, BadPassword> {
        let mut salt = [0; SALT_OCTETS];
        getrandom::fill(&mut salt).map_err(|_| super::NO_RANDOM_NUMBERS)?;
        Ok(Self::derive(password, hash, &salt, ITERATIONS))
    }

    /// ```text
    /// SaltedPassword  := Hi(Normalize(password), salt, i)
    /// ClientKey       := HMAC(SaltedPassword, "Client Key")
    /// StoredKey       := H(ClientKey)
    /// ServerKey       := HMAC(SaltedPassword, "Server Key")
    /// ```
    fn derive(password: &Secret, hash: ScramHash, salt: &[u8], iterations: u32) -> Self {
        let keys = match hash {
            ScramHash::Sha1 => derive::<Sha1>,
            ScramHash::Sha256 => derive::<Sha256>,
            ScramHash::Sha512 => derive::<Sha512>,
        };
        let (stored_key, server_key) = keys(password.expose(), salt, iterations, hash.octets());
        Self { hash, iterations, salt: salt.to_owned(), stored_key, server_key }
    }

    /// What an unknown user is answered with: the same salt each time, as that of a real user is, and keys that
    /// nobody has a password for. Nobody without `server_secret` can tell it from a real one.
    pub(crate) fn fake(hash: ScramHash, server_secret: &Secret, name: &str) -> Self {
        let pseudo_random = |what: &str, octets: usize| {
            let mut mac = Hmac::<Sha512>::new_from_slice(server_secret.expose())
                .expect("HMAC takes keys of any length");
            for part in [what.as_bytes(), hash.name().as_bytes(), name.as_bytes()] {
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part);
            }
            mac.finalize().into_bytes()[..octets].to_vec()
        };
        Self {
            hash,
            iterations: ITERATIONS,
            salt: pseudo_random("salt", SALT_OCTETS),
            stored_key: pseudo_random("stored key", hash.octets()),
            server_key: pseudo_random("server key", hash.octets()),
        }
    }

    /// Whether they are of that (prepared) password. Takes some milliseconds.
    pub(super) fn verify(&self, prepared: &Secret) -> bool {
        let derived = Self::derive(prepared, self.hash, &self.salt, self.iterations);
        derived.stored_key.ct_eq(&self.stored_key).into()
    }

    /// `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`, as RFC 5803 §3 writes it.
    pub(super) fn to_text(&self) -> String {
        let [salt, stored, server] =
            [&self.salt, &self.stored_key, &self.server_key].map(|octets| STANDARD.encode(octets));
        format!("{}${}:{salt}${stored}:{server}", self.hash.name(), self.iterations)
    }

    /// Reads that; `None` where it is damaged or its parameters are out of range.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let (name, info, keys) = (parts.next()?, parts.next()?, parts.next()?);
        let (iterations, salt) = info.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        if parts.next().is_some() {
            return None;
        }
        Self::from_parts(ScramHash::named(name)?, [iterations, salt, stored, server])
    }

    /// Iterations in decimal; salt, StoredKey and ServerKey in base64.
    pub(super) fn from_parts(hash: ScramHash, parts: [&str; 4]) -> Option<Self> {
        let [iterations, salt, stored, server] = parts;
        let iterations = iterations.parse().ok().filter(|count| (1..=ITERATIONS_MAX).contains(count))?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| (1..=SALT_OCTETS_MAX).contains(&salt.len()))?;
        let key = |text: &str| STANDARD.decode(text).ok().filter(|key| key.len() == hash.octets());
        Some(Self { hash, iterations, salt, stored_key: key(stored)?, server_key: key(server)? })
    }
}

fn derive<D: EagerHash + Digest>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    octets: usize,
) -> (Vec<u8>, Vec<u8>) {
    let mut salted = Zeroizing::new(vec![0; octets]);
    pbkdf2::pbkdf2_hmac::<D>(password, salt, iterations, &mut salted);
    let client_key = Zeroizing::new(keyed::<D>(&salted, b"Client Key"));
    (D::digest(&*client_key).to_vec(), keyed::<D>(&salted, b"Server Key"))
}

fn keyed<D: EagerHash>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// RFC 7677 §4 asks for 4,096 at least, and for as many as phones bear: every login costs the client as much.
const ITERATIONS: u32 = 10_000;
/// More in a record is damage: the client would compute for minutes.
const ITERATIONS_MAX: u32 = 1_000_000;
const SALT_OCTETS: usize = 16;
const SALT_OCTETS_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The server's two sums of RFC 5802 §3, for the example of an RFC: whether the proof is right, and `v=`.
    fn check<D: EagerHash + Digest>(keys: &ScramKeys, message: &str, proof: &str) -> (bool, String) {
        let proof = STANDARD.decode(proof).expect("base64");
        let signature = keyed::<D>(&keys.stored_key, message.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let verifier = STANDARD.encode(keyed::<D>(&keys.server_key, message.as_bytes()));
        (D::digest(&client_key).to_vec() == keys.stored_key, verifier)
    }

    fn pencil(hash: ScramHash, salt: &str) -> ScramKeys {
        let salt = STANDARD.decode(salt).expect("base64");
        ScramKeys::derive(&Secret::new("pencil"), hash, &salt, 4_096)
    }

    #[test]
    fn rfc_5802_section_5() {
        let keys = pencil(ScramHash::Sha1, "QSXCR+Q6sek8bf92");
        let message = "n=user,r=fyko+d2lbbFgONRv9qkxdawL,\
                       r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,\
                       c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
        let found = check::<Sha1>(&keys, message, "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
        assert_eq!(found, (true, "rmF9pqV8S7suAoZWja4dJRkFsKQ=".into()));
    }

    #[test]
    fn rfc_7677_section_3() {
        let keys = pencil(ScramHash::Sha256, "W22ZaJ0SNY7soEsUEjb6gQ==");
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
                       r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                       c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let found = check::<Sha256>(&keys, message, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assert_eq!(found, (true, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".into()));
    }

    #[test]
    fn text_and_back() {
        for hash in ScramHash::ALL {
            let keys = ScramKeys::from_prepared(&Secret::new("sesame"), hash).expect("random numbers");
            assert!(ScramKeys::from_text(&keys.to_text()) == Some(keys.clone()), "{}", keys.to_text());
            assert!(keys.verify(&Secret::new("sesame")));
            assert!(!keys.verify(&Secret::new("Sesame")));
        }
    }

    #[test]
    fn damaged_text() {
        let good = pencil(ScramHash::Sha1, "QSXCR+Q6sek8bf92").to_text();
        assert!(good.starts_with("SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$"), "{good}");
        let damaged = [
            String::new(),
            good.replace("SHA-1", "SHA-2"),
            good.replace("SHA-1", "SHA-256"),
            good.replace("4096", "0"),
            good.replace("4096", "1000001"),
            good.replace("QSXCR+Q6sek8bf92", ""),
            good.replace("QSXCR+Q6sek8bf92", "!"),
            format!("{good}$"),
            good[..good.len() - 4].to_owned(),
        ];
        for text in damaged {
            assert!(ScramKeys::from_text(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn fakes_are_constant_and_differ() {
        let secret = Secret::new("of the server");
        let salt = |hash, secret: &Secret, name: &str| ScramKeys::fake(hash, secret, name).salt;
        let mallory = salt(ScramHash::Sha256, &secret, "mallory");
        assert_eq!(mallory, salt(ScramHash::Sha256, &secret, "mallory"));
        assert_ne!(mallory, salt(ScramHash::Sha256, &secret, "mallori"));
        assert_ne!(mallory, salt(ScramHash::Sha1, &secret, "mallory"));
        assert_ne!(mallory, salt(ScramHash::Sha256, &Secret::new("another"), "mallory"));
        let real = ScramKeys::from_prepared(&Secret::new("x"), ScramHash::Sha256).expect("random numbers");
        let fake = ScramKeys::fake(ScramHash::Sha256, &secret, "mallory");
        assert_eq!(
            (real.iterations, real.salt.len(), real.stored_key.len()),
            (fake.iterations, fake.salt.len(), fake.stored_key.len())
        );
    }
}
