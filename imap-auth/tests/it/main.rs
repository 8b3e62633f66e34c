//! What needs other programs or several parts together.

#[cfg(all(feature = "client", feature = "oauth"))]
mod fuzz_corpus;
#[cfg(feature = "ldap")]
mod ldap;
#[cfg(feature = "ldap")]
mod slapd;
