//! The record as it is stored: JSON with a version.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Params, Version};
use serde::{Deserialize, Serialize};

use super::application::ApplicationRecord;
use super::imported::Imported;
use super::{ApplicationPassword, Credentials, LANES_MAX, MEMORY_KIB_MAX, PASSES_MAX, ScramKeys};
use crate::UserAttributes;

/// The record is damaged, or of a newer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential record cannot be read: {reason}")]
pub struct BadRecord {
    /// Why, for the operator.
    pub reason: String,
}

impl BadRecord {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The record on disk. A reader of an older version meets a higher `version` and refuses the record, so a new
/// field that may be ignored keeps the number.
#[derive(Serialize, Deserialize)]
struct Record {
    /// 1, or 2 where there is more than `argon2id` and `scram`: who knows nothing of it must not let the user in.
    version: u32,
    /// A PHC string: `$argon2id$v=19$m=..,t=..,p=..$salt$hash`. Always there in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<String>,
    /// Another server's hash: `{SCHEME}HASH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    imported: Option<String>,
    /// Keys in the form of RFC 5803 §3, one string a hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scram: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    application_passwords: Vec<ApplicationRecord>,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    admin: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
}

impl Credentials {
    /// The record as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let UserAttributes { disabled, expires, admin, groups } = self.attributes.clone();
        let plain = self.hash.is_some()
            && self.imported.is_none()
            && self.application_passwords.is_empty()
            && self.directory.is_none()
            && self.attributes == UserAttributes::default();
        let record = Record {
            version: if plain { VERSION_PLAIN } else { VERSION },
            argon2id: self.hash.as_ref().map(ToString::to_string),
            imported: self.imported.as_ref().map(Imported::to_text),
            scram: self.scram.iter().map(ScramKeys::to_text).collect(),
            application_passwords: self.application_passwords.iter().map(ApplicationRecord::from).collect(),
            disabled,
            expires: expires.map(seconds),
            admin,
            groups,
            directory: self.directory.clone(),
        };
        serde_json::to_vec(&record).expect("numbers, strings and lists are always JSON")
    }

    /// Reads such a record. Refuses one whose hash would take more than 1 GiB or 64 passes: a damaged record
    /// must not stop the server.
    pub fn from_bytes(record: &[u8]) -> Result<Self, BadRecord> {
        if record.len() > RECORD_OCTETS_MAX {
            return Err(BadRecord::new("it is too long"));
        }
        // The error of serde_json could quote the record, so it is not shown.
        let record: Record =
            serde_json::from_slice(record).map_err(|_| BadRecord::new("it is not the JSON expected"))?;
        match record.version {
            VERSION_PLAIN if record.argon2id.is_none() => {
                return Err(BadRecord::new("it is not the JSON expected"));
            }
            VERSION_PLAIN | VERSION => {}
            other => return Err(BadRecord::new(format!("its version is {other}, not {VERSION}"))),
        }
        let scram = record.scram.iter().map(|text| ScramKeys::from_text(text));
        let scram =
            scram.collect::<Option<_>>().ok_or_else(|| BadRecord::new("its SCRAM keys are damaged"))?;
        let passwords = record.application_passwords.iter().map(ApplicationPassword::from_record);
        let passwords = passwords
            .collect::<Option<_>>()
            .ok_or_else(|| BadRecord::new("its application passwords are damaged"))?;
        Ok(Self {
            hash: record.argon2id.as_deref().map(read_argon2id).transpose()?,
            imported: record.imported.as_deref().map(Imported::from_text).transpose()?,
            scram,
            application_passwords: passwords,
            attributes: UserAttributes {
                disabled: record.disabled,
                expires: record.expires.map(time),
                admin: record.admin,
                groups: record.groups,
            },
            directory: record.directory,
        })
    }
}

/// A PHC string of argon2id within the bounds.
pub(super) fn read_argon2id(text: &str) -> Result<PasswordHash, BadRecord> {
    let hash = PasswordHash::new(text).map_err(|_| BadRecord::new("the hash is no PHC string"))?;
    if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
        return Err(BadRecord::new("the hash is not argon2id of version 19"));
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(BadRecord::new("the hash is not complete"));
    }
    let params =
        Params::try_from(&hash).map_err(|_| BadRecord::new("the parameters of the hash are wrong"))?;
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > LANES_MAX {
        return Err(BadRecord::new("the hash would cost too much"));
    }
    Ok(hash)
}

/// Whole seconds since 1970; a time before is 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The time so many seconds after 1970; one that no clock shows is the last that it does.
pub(super) fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.min(SECONDS_MAX))
}

fn is_false(value: &bool) -> bool {
    !value
}

const VERSION_PLAIN: u32 = 1;
const VERSION: u32 = 2;
const RECORD_OCTETS_MAX: usize = 64 * 1024;
/// The end of the year 9999.
const SECONDS_MAX: u64 = 253_402_300_799;
