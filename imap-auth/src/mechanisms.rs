//! [`Mechanisms`]: a set of mechanisms by name, as a listener's policy.

use std::fmt;

use crate::exchange::MECHANISMS;

/// A set of mechanisms that this crate has as a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mechanisms(u32);

/// No mechanism of that name is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no mechanism {name:?}; known are {}", known())]
pub struct UnknownMechanism {
    /// The name.
    pub name: String,
}

impl Mechanisms {
    /// Every one. Some are offered only where more is configured: EXTERNAL, OAUTHBEARER, XOAUTH2, ANONYMOUS.
    pub fn all() -> Self {
        Self((1 << MECHANISMS.len()) - 1)
    }

    /// None, and no LOGIN command either.
    pub fn none() -> Self {
        Self(0)
    }

    /// Those of these names, in any case.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownMechanism> {
        names.into_iter().try_fold(Self::none(), |set, name| Ok(Self(set.0 | bit(name)?)))
    }

    /// Without these.
    pub fn without<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownMechanism> {
        Ok(Self(self.0 & !Self::named(names)?.0))
    }

    /// Whether one is among them.
    pub fn contains(self, name: &str) -> bool {
        bit(name).is_ok_and(|bit| self.0 & bit != 0)
    }

    /// Their names, strongest first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        MECHANISMS.iter().map(|spec| spec.name).filter(move |name| self.contains(name))
    }
}

impl Default for Mechanisms {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Debug for Mechanisms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn bit(name: &str) -> Result<u32, UnknownMechanism> {
    let position = MECHANISMS.iter().position(|spec| spec.name.eq_ignore_ascii_case(name));
    position.map(|position| 1 << position).ok_or_else(|| UnknownMechanism { name: name.to_owned() })
}

fn known() -> String {
    MECHANISMS.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let some = Mechanisms::named(["plain", "SCRAM-SHA-256"]).expect("known");
        assert_eq!(some.names().collect::<Vec<_>>(), ["SCRAM-SHA-256", "PLAIN"]);
        assert!(some.contains("PLAIN") && !some.contains("LOGIN") && !some.contains("NTLM"));
        assert_eq!(some.without(["PLAIN"]), Mechanisms::named(["SCRAM-SHA-256"]));
        let error = Mechanisms::named(["CRAM-MD5"]).expect_err("not ours").to_string();
        assert!(
            error.starts_with("there is no mechanism \"CRAM-MD5\"; known are SCRAM-SHA-512-PLUS, "),
            "{error}"
        );
        assert_eq!(Mechanisms::none().names().count(), 0);
    }
}
