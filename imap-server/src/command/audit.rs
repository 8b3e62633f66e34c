//! The audit log's lines of logins (tracing target `audit`): who, how, from where, over what. Never a secret.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use imap_auth::{Identity, prepare_user_name};

use super::Ctx;
use crate::metrics;
use crate::session::state::Connection;

/// Who wants in, and how.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// As the client says, empty where it said nothing; any characters, so it is written quoted and escaped.
    pub(super) user: &'a str,
    /// The mechanism, or `login` for the command.
    pub(super) mechanism: &'a str,
}

/// Somebody is in: the user whose mail it is, and who proved to be somebody where that is an administrator.
pub(super) fn entered(connection: &Connection, mechanism: &str, identity: &Identity) {
    metrics::login(mechanism, "ok");
    let Place { address, tls, listener } = Place::of(connection);
    let user = &identity.user;
    let acting = identity.acts_as_another().then_some(identity.authenticated.as_str());
    let application_password = identity.application_password.as_deref();
    tracing::info!(
        target: "audit", ?user, ?mechanism, address, tls, listener = &*listener, acting, application_password, "login"
    );
}

/// Somebody is not.
pub(super) fn refused(ctx: &Ctx<'_>, attempt: Attempt<'_>, reason: &str) {
    metrics::login(attempt.mechanism, "refused");
    let Place { address, tls, listener } = Place::of(ctx.connection);
    let (user, mechanism) = (shown(ctx, attempt.user), attempt.mechanism);
    tracing::warn!(target: "audit", ?user, ?mechanism, address, tls, listener = &*listener, reason, "login refused");
}

/// The name of a user who has an account here; of others a hash under a key of this process, since passwords are typed
/// as user names now and then. The same name has the same hash until the server is started again.
fn shown(ctx: &Ctx<'_>, claimed: &str) -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let is_known =
        prepare_user_name(claimed.as_bytes()).is_ok_and(|name| ctx.services.store.user(&name).is_some());
    if claimed.is_empty() || is_known {
        return claimed.to_owned();
    }
    format!("unknown:{:016x}", KEY.hash_one(claimed))
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
