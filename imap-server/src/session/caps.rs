//! What CAPABILITY says: one place, from the state and the listener (RFC 9051 §6.1.1).
//!
//! A name is announced as soon as it works wholly, not before.

use bytes::Bytes;
use imap_proto::Level;
use imap_proto::response::{Capability, Code};

use super::state::{Connection, State};
use crate::Services;

/// Always announced. LITERAL+ includes LITERAL-, and RFC 7888 forbids to announce both.
const ALWAYS: &[&str] = &["IMAP4", "IMAP4rev1", "IMAP4rev2", "LITERAL+", "ENABLE", "ID"];
/// Before login.
const BEFORE_LOGIN: &[&str] = &["SASL-IR"];
/// After login.
const AFTER_LOGIN: &[&str] = &[
    "NAMESPACE",
    "UIDPLUS",
    "MOVE",
    "IDLE",
    "UNSELECT",
    "CHILDREN",
    "STATUS=SIZE",
    "MULTIAPPEND",
    "BINARY",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "CONDSTORE",
    "QRESYNC",
];

/// The capabilities of a session as it stands.
pub(crate) fn capabilities(services: &Services, connection: &Connection, state: &State) -> Vec<Capability> {
    let mut names = all(services, connection, state);
    names.retain(|name| !connection.policy.dialect.hides(&name.0));
    names
}

fn all(services: &Services, connection: &Connection, state: &State) -> Vec<Capability> {
    let mut names: Vec<Capability> = ALWAYS.iter().copied().map(known).collect();
    if state.login().is_some() {
        names.extend(AFTER_LOGIN.iter().copied().map(known));
        return names;
    }
    names.extend(BEFORE_LOGIN.iter().copied().map(known));
    if connection.starttls_offered() {
        names.push(known("STARTTLS"));
    }
    let channel = connection.channel();
    if !services.authenticator.login_command_offered(&channel) {
        names.push(known("LOGINDISABLED"));
    }
    let mechanisms = services.authenticator.mechanisms(&channel);
    names.extend(mechanisms.iter().map(|mechanism| Capability(Bytes::from(format!("AUTH={mechanism}")))));
    names
}

/// The capabilities as the code of a greeting or of a login; `None` for a listener that knows nothing of them.
pub(crate) fn code(services: &Services, connection: &Connection, state: &State) -> Option<Code> {
    let is_known = connection.policy.dialect.serves(Level::Imap4);
    is_known.then(|| Code::Capability(capabilities(services, connection, state)))
}

/// Whether a capability is announced in some state or other.
pub(crate) fn is_known(name: &str) -> bool {
    let by_connection = ["STARTTLS", "LOGINDISABLED"];
    [ALWAYS, BEFORE_LOGIN, AFTER_LOGIN, &by_connection].iter().any(|names| names.contains(&name))
}

fn known(name: &'static str) -> Capability {
    Capability(Bytes::from_static(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use imap_proto::command::REGISTRY;

    use super::*;
    use crate::command::served::is_served;

    /// A name that brings commands is announced when they are served, and only then.
    #[test]
    fn what_is_announced_is_served() {
        for spec in REGISTRY {
            let Some(name) = spec.capability else { continue };
            assert_eq!(is_served(spec), is_known(name), "{} is announced by {name}", spec.name);
        }
        let is_served = |name: &str| imap_proto::command::lookup(name.as_bytes()).is_some_and(is_served);
        for name in ["FETCH", "UID MOVE", "IDLE", "STARTTLS", "APPEND", "LSUB", "PARTIAL", "FIND MAILBOXES"] {
            assert!(is_served(name), "{name}");
        }
        for name in ["SORT", "UID THREAD", "GETQUOTA", "NOTIFY"] {
            assert!(!is_served(name), "{name}");
        }
    }
}
