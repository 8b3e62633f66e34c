//! [`Credentials`]: what is kept of a password, never the password.

mod application;
mod argon;
mod imported;
mod record;
mod scram;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;

pub(crate) use self::application::LAST_USED_STEP;
pub use self::application::{ApplicationPassword, ApplicationPasswordError, Network};
use self::imported::Imported;
pub use self::record::BadRecord;
pub(crate) use self::scram::ScramKeys;
use crate::scram::ScramHash;
use crate::{BadPassword, Secret, UserAttributes, prepare_password};

/// What is kept for one user: an argon2id hash for mechanisms that show the password, keys for each SCRAM, application
/// passwords, and what the user is and may do.
#[derive(Clone)]
pub struct Credentials {
    /// argon2id in PHC form; its parameters are within the bounds below. None where there is no password, or one of
    /// another server's whose hash was imported.
    hash: Option<PasswordHash>,
    /// Another server's hash. It goes when the password is seen for the first time ([`Self::needs_upgrade`]).
    imported: Option<Imported>,
    /// One set a hash at the most. To a SCRAM whose keys are missing such a user is unknown until the password is
    /// set, or seen, again.
    scram: Vec<ScramKeys>,
    application_passwords: Vec<ApplicationPassword>,
    attributes: UserAttributes,
    /// The [`crate::Directory::name`] of the directory that knows the user, where that is another one than keeps this.
    directory: Option<String>,
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

impl Credentials {
    /// No password fits: for users whose passwords only their directory can check, and for such as come with a
    /// certificate or a token.
    pub fn none() -> Self {
        Self {
            hash: None,
            imported: None,
            scram: Vec::new(),
            application_passwords: Vec::new(),
            attributes: UserAttributes::default(),
            directory: None,
        }
    }

    /// The same for the account of somebody whom another directory knows, which has that name.
    pub fn of_directory(directory: impl Into<String>) -> Self {
        Self { directory: Some(directory.into()), ..Self::none() }
    }

    /// The directory that decides about the user, where it is not the one that keeps this record: then there is no
    /// more here than application passwords, and what the user may not do.
    pub fn directory(&self) -> Option<&str> {
        self.directory.as_deref()
    }

    /// Makes the record of a password. Takes as long as a login: not for an async thread.
    ///
    /// An error where the password cannot be prepared ([`prepare_password`]), the cost is out of its range, or
    /// the system has no random numbers.
    pub fn from_password(password: &Secret, cost: HashCost) -> Result<Self, BadPassword> {
        Self::none().with_password(password, cost)
    }

    /// The record with another password; application passwords and attributes stay, and no other directory decides about
    /// the user any more. As slow as
    /// [`Self::from_password`], with its errors.
    pub fn with_password(&self, password: &Secret, cost: HashCost) -> Result<Self, BadPassword> {
        let prepared = prepare_password(password)?;
        let hash = argon::hash(&params(cost)?, prepared.expose(), &random_octets::<16>()?)
            .ok_or(BadPassword { reason: "the password cannot be hashed at that cost" })?;
        let scram = ScramHash::ALL.map(|hash| ScramKeys::from_prepared(&prepared, hash));
        let scram = scram.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { hash: Some(hash), imported: None, scram, directory: None, ..self.clone() })
    }

    /// Another server's hash, in Dovecot's way of writing: `{SCHEME}hash` with the schemes ARGON2ID, SHA512-CRYPT,
    /// BLF-CRYPT, SSHA and SCRAM-SHA-256, in any case.
    ///
    /// A user gets in with it by mechanisms that show the password (and by SCRAM with SHA-256 where those are the
    /// keys); seen for the first time, the password gets all that [`Self::from_password`] makes.
    pub fn import(text: &str) -> Result<Self, BadRecord> {
        let (scheme, hash) = text
            .strip_prefix('{')
            .and_then(|text| text.split_once('}'))
            .ok_or_else(|| BadRecord::new("a hash is written {SCHEME}HASH"))?;
        let mut credentials = Self::none();
        match scheme.to_ascii_uppercase().as_str() {
            "ARGON2ID" => credentials.hash = Some(record::read_argon2id(hash)?),
            "SCRAM-SHA-256" => credentials.scram.push(imported::scram_sha256(hash)?),
            scheme => credentials.imported = Some(Imported::parse(scheme, hash)?),
        }
        Ok(credentials)
    }

    /// A record of that cost whose password nobody knows: what an unknown user is verified against.
    pub(crate) fn decoy(cost: HashCost) -> Result<Self, BadPassword> {
        let password = random_octets::<32>()?;
        let cheap = HashCost { memory_kib: MEMORY_KIB_MIN, passes: 1 };
        let mut hash = argon::hash(&params(cheap)?, &password, &random_octets::<16>()?)
            .ok_or(BadPassword { reason: "the decoy cannot be hashed" })?;
        // Only its cost counts; that it was made at another one just makes it match nothing at all.
        hash.params = (&params(cost)?)
            .try_into()
            .map_err(|_| BadPassword { reason: "the hash cost is out of range" })?;
        Ok(Self { hash: Some(hash), ..Self::none() })
    }

    /// Whether it is the user's own password, not an application's. As slow as making it, in constant time otherwise:
    /// not for an async thread.
    pub fn verify(&self, password: &Secret) -> bool {
        let Ok(prepared) = prepare_password(password) else { return false };
        if let Some(hash) = &self.hash {
            // The parameters of the record count, not those of the hasher.
            return argon::fits(hash, prepared.expose());
        }
        if let Some(imported) = &self.imported {
            // The other server may have prepared passwords, or may not have.
            return imported.verify(&prepared) || imported.verify(password);
        }
        self.scram.first().is_some_and(|keys| keys.verify(&prepared))
    }

    /// Whether a wrong password costs what an argon2id hash does.
    pub(crate) fn costs_a_hash(&self) -> bool {
        self.hash.is_some()
    }

    /// Whether the record should be made anew when the password is seen: its hash is another server's, cheaper than
    /// `cost`, or keys for a SCRAM are missing.
    pub fn needs_upgrade(&self, cost: HashCost) -> bool {
        let cheaper = match self.hash.as_ref().map(Params::try_from) {
            Some(Ok(found)) => found.m_cost() < cost.memory_kib || found.t_cost() < cost.passes,
            Some(Err(_)) => true,
            None => self.imported.is_some() || !self.scram.is_empty(),
        };
        cheaper || (self.hash.is_some() && self.scram.len() < ScramHash::ALL.len())
    }

    /// Whether there is a password at all, beside those of applications.
    pub fn has_password(&self) -> bool {
        self.hash.is_some() || self.imported.is_some() || !self.scram.is_empty()
    }

    /// What the user is and may do.
    pub fn attributes(&self) -> &UserAttributes {
        &self.attributes
    }

    /// Sets that.
    pub fn set_attributes(&mut self, attributes: UserAttributes) {
        self.attributes = attributes;
    }

    /// The keys for SCRAM with that hash.
    pub(crate) fn scram(&self, hash: ScramHash) -> Option<&ScramKeys> {
        self.scram.iter().find(|keys| keys.hash == hash)
    }

    /// What the user's own password is checked against, as text: another when it is set again.
    pub(crate) fn verifier(&self) -> String {
        let scram = self.scram.first().map(ScramKeys::to_text).unwrap_or_default();
        match (&self.hash, &self.imported) {
            (Some(hash), _) => hash.to_string(),
            (None, Some(imported)) => imported.to_text(),
            (None, None) => scram,
        }
    }
}

fn params(cost: HashCost) -> Result<Params, BadPassword> {
    let out_of_range = BadPassword { reason: "the hash cost is out of range" };
    if cost.memory_kib > MEMORY_KIB_MAX || cost.passes > PASSES_MAX {
        return Err(out_of_range);
    }
    Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| out_of_range)
}

fn random_octets<const N: usize>() -> Result<[u8; N], BadPassword> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|_| NO_RANDOM_NUMBERS)?;
    Ok(octets)
}

const NO_RANDOM_NUMBERS: BadPassword = BadPassword { reason: "the system has no random numbers" };
const MEMORY_KIB_MIN: u32 = 8;
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

#[cfg(test)]
mod tests;
