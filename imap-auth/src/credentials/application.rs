//! [`ApplicationPassword`]: a password of one program's own, which can be revoked alone.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::record::{seconds, time};
use super::{Credentials, random_octets};
use crate::{Channel, Secret};

/// A password of one program's own: made here of 120 random bits, so that a fast hash keeps it, and shown once.
///
/// It works with the mechanisms that show it (PLAIN, LOGIN, the LOGIN command). SCRAM has room for one password a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationPassword {
    /// What the user calls it, 1..=64 octets without control characters.
    pub name: String,
    /// When it was made.
    pub created: SystemTime,
    /// When it was used last, give or take an hour.
    pub last_used: Option<SystemTime>,
    /// From then on it fits nothing.
    pub expires: Option<SystemTime>,
    /// The protocols that it is for ([`Channel::protocol`]); empty: all.
    pub protocols: Vec<String>,
    /// The networks that it may come from; empty: all.
    pub networks: Vec<Network>,
    salt: [u8; 16],
    digest: [u8; 32],
}

/// No application password could be made of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ApplicationPasswordError {
    /// Why, for a person.
    pub reason: &'static str,
}

impl Credentials {
    /// Makes an application password, and gives it: four letters or digits six times, with hyphens between.
    ///
    /// An error where the name is taken or cannot be one, the user has 32, or the system has no random numbers.
    pub fn add_application_password(&mut self, name: &str) -> Result<Secret, ApplicationPasswordError> {
        let refused = |reason| Err(ApplicationPasswordError { reason });
        if name.is_empty() || name.len() > NAME_OCTETS_MAX || name.chars().any(char::is_control) {
            return refused("the name has to have 1 to 64 octets and no control characters");
        }
        if self.application_passwords.iter().any(|password| password.name == name) {
            return refused("there is an application password of that name");
        }
        if self.application_passwords.len() >= PASSWORDS_MAX {
            return refused("there are 32 application passwords already");
        }
        let no_random_numbers = |_| ApplicationPasswordError { reason: "the system has no random numbers" };
        let salt = random_octets().map_err(no_random_numbers)?;
        // 256 is a multiple of 32, so every character is as likely.
        let random = random_octets::<PASSWORD_CHARACTERS>().map_err(no_random_numbers)?;
        let password: Vec<u8> = random.iter().map(|octet| ALPHABET[usize::from(octet % 32)]).collect();
        let digest = digest(&salt, &password);
        self.application_passwords.push(ApplicationPassword {
            name: name.to_owned(),
            created: SystemTime::now(),
            last_used: None,
            expires: None,
            protocols: Vec::new(),
            networks: Vec::new(),
            salt,
            digest,
        });
        Ok(Secret::new(password.chunks(4).collect::<Vec<_>>().join(&b'-')))
    }

    /// Takes an application password away; whether it was there.
    pub fn revoke_application_password(&mut self, name: &str) -> bool {
        let before = self.application_passwords.len();
        self.application_passwords.retain(|password| password.name != name);
        self.application_passwords.len() < before
    }

    /// The application passwords, in the order in which they were made.
    pub fn application_passwords(&self) -> &[ApplicationPassword] {
        &self.application_passwords
    }

    /// One of them, to change when it expires or where it may be used.
    pub fn application_password_mut(&mut self, name: &str) -> Option<&mut ApplicationPassword> {
        self.application_passwords.iter_mut().find(|password| password.name == name)
    }

    /// Whether it is one of the application passwords, wherever that may be used. Fast, and in constant time.
    pub fn is_application_password(&self, password: &Secret) -> bool {
        normalized(password.expose()).is_some_and(|typed| {
            // Counted: that one fits must not be seen from the time that the others take.
            self.application_passwords.iter().filter(|one| one.fits(&typed)).count() > 0
        })
    }

    /// The application password that it is, if it may be used on that channel at `now`. Fast; every one is compared,
    /// in constant time.
    pub(crate) fn match_application(
        &self,
        password: &Secret,
        channel: &Channel,
        now: SystemTime,
    ) -> Option<&ApplicationPassword> {
        let typed = normalized(password.expose())?;
        let fitting = self.application_passwords.iter().filter(|candidate| candidate.fits(&typed));
        // Collected first: that one fits must not be seen from the time that the others take.
        let fitting: Vec<_> = fitting.collect();
        fitting.into_iter().find(|found| found.usable(channel, now))
    }
}

impl ApplicationPassword {
    fn fits(&self, typed: &[u8]) -> bool {
        digest(&self.salt, typed).ct_eq(&self.digest).into()
    }

    fn usable(&self, channel: &Channel, now: SystemTime) -> bool {
        let within = |network: &Network| channel.peer.is_some_and(|peer| network.contains(peer));
        self.expires.is_none_or(|end| now < end)
            && (self.protocols.is_empty() || self.protocols.iter().any(|name| name == channel.protocol))
            && (self.networks.is_empty() || self.networks.iter().any(within))
    }

    pub(super) fn from_record(record: &ApplicationRecord) -> Option<Self> {
        let networks = record.networks.iter().map(|network| network.parse().ok());
        Some(Self {
            name: record.name.clone(),
            created: time(record.created),
            last_used: record.last_used.map(time),
            expires: record.expires.map(time),
            protocols: record.protocols.clone(),
            networks: networks.collect::<Option<_>>()?,
            salt: STANDARD.decode(&record.salt).ok()?.try_into().ok()?,
            digest: STANDARD.decode(&record.sha256).ok()?.try_into().ok()?,
        })
    }
}

/// An application password in the record. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
pub(super) struct ApplicationRecord {
    name: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    protocols: Vec<String>,
    /// `ADDRESS/BITS`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<String>,
    /// 16 octets in base64.
    salt: String,
    /// SHA-256 of salt and password (without hyphens), in base64.
    sha256: String,
}

impl From<&ApplicationPassword> for ApplicationRecord {
    fn from(password: &ApplicationPassword) -> Self {
        Self {
            name: password.name.clone(),
            created: seconds(password.created),
            last_used: password.last_used.map(seconds),
            expires: password.expires.map(seconds),
            protocols: password.protocols.clone(),
            networks: password.networks.iter().map(ToString::to_string).collect(),
            salt: STANDARD.encode(password.salt),
            sha256: STANDARD.encode(password.digest),
        }
    }
}

/// A network in CIDR notation: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether the address is in it. An IPv4 address in IPv6 clothes is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |network: u128, address: u128, width: u8| {
            let shift = u32::from(width - self.bits);
            // A shift by the whole width is none in Rust's terms.
            network.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same(u32::from(network).into(), u32::from(address).into(), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => same(network.into(), address.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ApplicationPasswordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = ApplicationPasswordError { reason: "a network is written ADDRESS/BITS" };
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| bad)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| bad)?;
        if bits > width { Err(bad) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn digest(salt: &[u8], password: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(password).finalize().into()
}

/// As people copy it: with or without hyphens or spaces, in any case. `None` where it can be no such password.
fn normalized(typed: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let characters = typed.iter().filter(|octet| !matches!(octet, b'-' | b' '));
    let characters: Vec<u8> = characters.map(u8::to_ascii_lowercase).take(PASSWORD_CHARACTERS + 1).collect();
    (characters.len() == PASSWORD_CHARACTERS).then(|| characters.into())
}

/// The last use is kept to the hour, so that a login is no write.
pub(crate) const LAST_USED_STEP: Duration = Duration::from_secs(3_600);
/// No letter that is easily taken for another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// Five bits each.
const PASSWORD_CHARACTERS: usize = 24;
const NAME_OCTETS_MAX: usize = 64;
const PASSWORDS_MAX: usize = 32;
