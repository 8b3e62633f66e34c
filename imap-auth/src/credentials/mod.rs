//! [`Credentials`]: what is kept of a password, never the password.

mod scram;

use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Serialize};

pub(crate) use self::scram::ScramKeys;
use crate::scram::ScramHash;
use crate::{BadPassword, Secret, prepare_password};

/// What is kept for one user: an argon2id hash for mechanisms that show the password, and keys for each SCRAM.
#[derive(Clone)]
pub struct Credentials {
    /// argon2id in PHC form; its parameters are within the bounds below.
    hash: PasswordHash,
    /// One set a hash at the most. None in records of before SCRAM: to SCRAM such a user is unknown until the
    /// password is set again.
    scram: Vec<ScramKeys>,
}

/// What a hash costs; a test takes a low one.
#[derive(Debug, Clone, Copy)]
pub struct HashCost {
    /// KiB of memory, 8..=1,048,576.
    pub memory_kib: u32,
    /// Passes, 1..=64.
    pub passes: u32,
}

impl Default for HashCost {
    /// 19 MiB and two passes: OWASP's and the argon2 crate's advice.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// The record is damaged, or of a newer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential record cannot be read: {reason}")]
pub struct BadRecord {
    /// Why, for the operator.
    pub reason: String,
}

/// The record on disk. A reader of an older version meets a higher `version` and refuses the record, so a new
/// field that may be ignored keeps the number.
#[derive(Serialize, Deserialize)]
struct Record {
    /// 1.
    version: u32,
    /// A PHC string: `$argon2id$v=19$m=..,t=..,p=..$salt$hash`.
    argon2id: String,
    /// Keys in the form of RFC 5803 §3, one string a hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scram: Vec<String>,
}

impl Credentials {
    /// Makes the record of a password. Takes as long as a login: not for an async thread.
    ///
    /// An error where the password cannot be prepared ([`prepare_password`]), the cost is out of its range, or
    /// the system has no random numbers.
    pub fn from_password(password: &Secret, cost: HashCost) -> Result<Self, BadPassword> {
        let prepared = prepare_password(password)?;
        let hash = hasher(cost)?
            .hash_password_with_salt(prepared.expose(), &random_salt()?)
            .map_err(|_| BadPassword { reason: "the password cannot be hashed at that cost" })?;
        let scram = ScramHash::ALL.map(|hash| ScramKeys::from_prepared(&prepared, hash));
        Ok(Self { hash, scram: scram.into_iter().collect::<Result<_, _>>()? })
    }

    /// A record of that cost whose password nobody knows: what an unknown user is verified against.
    pub(crate) fn decoy(cost: HashCost) -> Result<Self, BadPassword> {
        let mut password = [0; 32];
        getrandom::fill(&mut password).map_err(|_| NO_RANDOM_NUMBERS)?;
        let cheap = HashCost { memory_kib: MEMORY_KIB_MIN, passes: 1 };
        let mut hash = hasher(cheap)?
            .hash_password_with_salt(&password, &random_salt()?)
            .map_err(|_| BadPassword { reason: "the decoy cannot be hashed" })?;
        // Only its cost counts; that it was made at another one just makes it match nothing at all.
        hash.params = hasher(cost)?
            .params()
            .try_into()
            .map_err(|_| BadPassword { reason: "the hash cost is out of range" })?;
        Ok(Self { hash, scram: Vec::new() })
    }

    /// Whether it is the password. As slow as making it, in constant time otherwise: not for an async thread.
    pub fn verify(&self, password: &Secret) -> bool {
        let Ok(prepared) = prepare_password(password) else { return false };
        // The parameters of the record count, not those of the hasher.
        Argon2::default().verify_password(prepared.expose(), &self.hash).is_ok()
    }

    /// The keys for SCRAM with that hash.
    pub(crate) fn scram(&self, hash: ScramHash) -> Option<&ScramKeys> {
        self.scram.iter().find(|keys| keys.hash == hash)
    }

    /// The record as it is stored: JSON with a version.
    pub fn to_bytes(&self) -> Vec<u8> {
        let scram = self.scram.iter().map(ScramKeys::to_text).collect();
        let record = Record { version: VERSION, argon2id: self.hash.to_string(), scram };
        serde_json::to_vec(&record).expect("a number and a string are always JSON")
    }

    /// Reads such a record. Refuses one whose hash would take more than 1 GiB or 64 passes: a damaged record
    /// must not stop the server.
    pub fn from_bytes(record: &[u8]) -> Result<Self, BadRecord> {
        let bad = |reason: &str| BadRecord { reason: reason.to_owned() };
        if record.len() > RECORD_OCTETS_MAX {
            return Err(bad("it is too long"));
        }
        // The error of serde_json could quote the record, so it is not shown.
        let record: Record =
            serde_json::from_slice(record).map_err(|_| bad("it is not the JSON expected"))?;
        if record.version != VERSION {
            return Err(BadRecord { reason: format!("its version is {}, not {VERSION}", record.version) });
        }
        let hash = PasswordHash::new(&record.argon2id).map_err(|_| bad("the hash is no PHC string"))?;
        if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
            return Err(bad("the hash is not argon2id of version 19"));
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(bad("the hash is not complete"));
        }
        let params = Params::try_from(&hash).map_err(|_| bad("the parameters of the hash are wrong"))?;
        if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > LANES_MAX {
            return Err(bad("the hash would cost too much"));
        }
        let scram = record.scram.iter().map(|text| ScramKeys::from_text(text));
        let scram = scram.collect::<Option<_>>().ok_or_else(|| bad("its SCRAM keys are damaged"))?;
        Ok(Self { hash, scram })
    }
}

fn hasher(cost: HashCost) -> Result<Argon2<'static>, BadPassword> {
    let out_of_range = BadPassword { reason: "the hash cost is out of range" };
    if cost.memory_kib > MEMORY_KIB_MAX || cost.passes > PASSES_MAX {
        return Err(out_of_range);
    }
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| out_of_range)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn random_salt() -> Result<[u8; 16], BadPassword> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| NO_RANDOM_NUMBERS)?;
    Ok(salt)
}

const NO_RANDOM_NUMBERS: BadPassword = BadPassword { reason: "the system has no random numbers" };
const VERSION: u32 = 1;
const RECORD_OCTETS_MAX: usize = 64 * 1024;
const MEMORY_KIB_MIN: u32 = 8;
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: HashCost = HashCost { memory_kib: 64, passes: 1 };

    fn record(argon2id: &str) -> Vec<u8> {
        format!(r#"{{"version":1,"argon2id":"{argon2id}"}}"#).into_bytes()
    }

    #[test]
    fn a_record_verifies_its_password_only_also_when_read_back() {
        let made = Credentials::from_password(&Secret::new("sesame"), LOW).expect("a good password");
        let read = Credentials::from_bytes(&made.to_bytes()).expect("a good record");
        for credentials in [made, read] {
            assert!(credentials.verify(&Secret::new("sesame")));
            assert!(!credentials.verify(&Secret::new("Sesame")));
            assert!(!credentials.verify(&Secret::new("")));
        }
    }

    #[test]
    fn setting_and_checking_prepare_alike() {
        let made = Credentials::from_password(&Secret::new("I\u{ad}X\u{a0}"), LOW).expect("a good password");
        assert!(made.verify(&Secret::new("\u{2168} ")));
        let made = Credentials::from_password(&Secret::new("\u{1f511}"), LOW).expect("a good password");
        assert!(made.verify(&Secret::new("\u{1f511}")));
    }

    #[test]
    fn two_records_of_one_password_differ_and_hold_none() {
        let password = Secret::new("sesame");
        let records = [0, 1].map(|_| Credentials::from_password(&password, LOW).expect("good").to_bytes());
        assert_ne!(records[0], records[1]);
        assert!(!String::from_utf8_lossy(&records[0]).contains("sesame"));
    }

    #[test]
    fn the_default_cost_stands_in_the_record() {
        let bytes =
            Credentials::from_password(&Secret::new("x"), HashCost::default()).expect("good").to_bytes();
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        assert!(text.starts_with(r#"{"version":1,"argon2id":"$argon2id$v=19$m=19456,t=2,p=1$"#), "{text}");
    }

    #[test]
    fn a_record_of_before_scram_is_read_and_has_no_keys() {
        let new = Credentials::from_password(&Secret::new("sesame"), LOW).expect("a good password");
        assert!(ScramHash::ALL.iter().all(|hash| new.scram(*hash).is_some()));
        let old = Credentials::from_bytes(&record(&new.hash.to_string())).expect("an old record");
        assert!(old.verify(&Secret::new("sesame")));
        assert!(ScramHash::ALL.iter().all(|hash| old.scram(*hash).is_none()));
        // As it was read, it is written.
        assert_eq!(old.to_bytes(), record(&new.hash.to_string()));
        let again = Credentials::from_bytes(&new.to_bytes()).expect("a new record");
        assert!(again.scram == new.scram);
    }

    #[test]
    fn scram_keys_are_of_the_prepared_password() {
        let made = Credentials::from_password(&Secret::new("I\u{ad}X"), LOW).expect("a good password");
        for hash in ScramHash::ALL {
            assert!(made.scram(hash).expect("keys").verify(&Secret::new("IX")));
        }
    }

    #[test]
    fn damaged_scram_keys_are_refused() {
        let made = Credentials::from_password(&Secret::new("x"), LOW).expect("a good password");
        let text =
            String::from_utf8(made.to_bytes()).expect("JSON").replace("SCRAM-SHA-256$", "SCRAM-SHA-3$");
        let error = Credentials::from_bytes(text.as_bytes()).err().expect("damaged");
        assert_eq!(error.reason, "its SCRAM keys are damaged");
    }

    #[test]
    fn a_decoy_has_the_cost_and_no_password() {
        let decoy = Credentials::decoy(LOW).expect("a low cost is fine");
        assert!(String::from_utf8_lossy(&decoy.to_bytes()).contains("$m=64,t=1,p=1$"));
        assert!(!decoy.verify(&Secret::new("sesame")));
        assert!(Credentials::from_bytes(&decoy.to_bytes()).is_ok());
    }

    #[test]
    fn bad_records_are_refused() {
        let tail = "c2FsdHNhbHRzYWx0$qLml5cbqFAO6YxVHhrSBHP0UWdxrIxkNcM8aMX3blzU";
        let good = record(&format!("$argon2id$v=19$m=64,t=1,p=1${tail}"));
        assert!(Credentials::from_bytes(&good).is_ok());
        let cases: &[(Vec<u8>, &str)] = &[
            (b"".to_vec(), "it is not the JSON expected"),
            (b"\xff\0".to_vec(), "it is not the JSON expected"),
            (b"{}".to_vec(), "it is not the JSON expected"),
            (vec![b' '; 65_537], "it is too long"),
            (br#"{"version":2,"argon2id":""}"#.to_vec(), "its version is 2, not 1"),
            (record("sesame"), "the hash is no PHC string"),
            (record(&format!("$argon2i$v=19$m=64,t=1,p=1${tail}")), "the hash is not argon2id of version 19"),
            (
                record(&format!("$argon2id$v=16$m=64,t=1,p=1${tail}")),
                "the hash is not argon2id of version 19",
            ),
            (record("$argon2id$v=19$m=64,t=1,p=1"), "the hash is not complete"),
            (record(&format!("$argon2id$v=19$m=7,t=1,p=1${tail}")), "the parameters of the hash are wrong"),
            (record(&format!("$argon2id$v=19$m=1048577,t=1,p=1${tail}")), "the hash would cost too much"),
            (record(&format!("$argon2id$v=19$m=64,t=4294967295,p=1${tail}")), "the hash would cost too much"),
        ];
        for (bytes, reason) in cases {
            let error = Credentials::from_bytes(bytes).err().expect("a bad record");
            assert_eq!(error.reason, *reason, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_cost_out_of_range_is_refused() {
        for (memory_kib, passes) in [(7, 1), (64, 0), (1_048_577, 1), (64, 65)] {
            let made = Credentials::from_password(&Secret::new("x"), HashCost { memory_kib, passes });
            assert_eq!(made.err().map(|error| error.reason), Some("the hash cost is out of range"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_record_makes_it_panic(octets: Vec<u8>, text in ".*") {
            let _ = Credentials::from_bytes(&octets);
            let _ = Credentials::from_bytes(&record(&text));
        }
    }
}
