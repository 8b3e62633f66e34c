//! What `bench` and `crash` share: servers as child processes, connections, mail, and what the system says of a process.
//!
//! A load generator must not be what is measured: connections are plain threads over blocking sockets, which send octets
//! made beforehand and look for nothing but the tagged line of the answer.

pub(crate) mod connection;
pub(crate) mod corpus;
pub(crate) mod mail;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod server;
pub(crate) mod syncs;

pub(crate) use connection::{Answer, Connection};
pub(crate) use server::Server;

/// What went wrong, for a person.
pub(crate) type Failure = String;

/// Says what was being done when the system refused.
pub(crate) fn while_doing<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Failure + '_ {
    move |error| format!("{what}: {error}")
}
