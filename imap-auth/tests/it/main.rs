//! What needs other programs or several parts together.

#[cfg(feature = "ldap")]
mod ldap;
#[cfg(feature = "ldap")]
mod slapd;
