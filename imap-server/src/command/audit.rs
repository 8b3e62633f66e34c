//! The audit log's lines of logins (tracing target `audit`): who, how, from where, over what. Never a secret.

use std::sync::Arc;

use crate::session::state::Connection;

/// Who wants in, and how.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// As the client says, empty where it said nothing; any characters, so it is written quoted and escaped.
    pub(super) user: &'a str,
    /// The mechanism, or `login` for the command.
    pub(super) mechanism: &'a str,
}

/// Somebody is in; `user` as the directory spells it.
pub(super) fn entered(connection: &Connection, attempt: Attempt<'_>, user: &str) {
    let Attempt { mechanism, .. } = attempt;
    let Place { address, tls, listener } = Place::of(connection);
    tracing::info!(target: "audit", ?user, ?mechanism, address, tls, %listener, "login");
}

/// Somebody is not.
pub(super) fn refused(connection: &Connection, attempt: Attempt<'_>, reason: &str) {
    let Attempt { user, mechanism } = attempt;
    let Place { address, tls, listener } = Place::of(connection);
    tracing::warn!(target: "audit", ?user, ?mechanism, address, tls, %listener, reason, "login refused");
}

struct Place {
    address: String,
    tls: &'static str,
    listener: Arc<str>,
}

impl Place {
    fn of(connection: &Connection) -> Self {
        let address = connection.peer.address.map_or_else(|| "none".into(), |address| address.to_string());
        let tls = connection.tls_version.unwrap_or("none");
        Self { address, tls, listener: connection.policy.name.clone() }
    }
}
