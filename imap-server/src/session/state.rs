//! The states of a session (RFC 9051 §3), and what it is doing in them.

use std::sync::Arc;
use std::time::Instant;

use imap_auth::{Channel, ChannelBindings, ClientCertificate, Exchange};
use imap_proto::Dialect;
use imap_proto::command::{Tag, ValidIn};
use imap_proto::wire::{self, Framer};
use imap_store::account::{Account, Who};

use super::Peer;
use super::view::View;
use crate::command::append::Appending;
use crate::{Limits, ListenerPolicy, Moment, logins};

/// What the client may use.
///
/// ```text
/// NotAuthenticated --LOGIN, AUTHENTICATE--> Authenticated --SELECT, EXAMINE--> Selected
///                                                  ^----CLOSE, UNSELECT, failed SELECT----'
/// ```
pub(crate) enum State {
    /// Nobody is logged in.
    NotAuthenticated,
    /// Somebody is.
    Authenticated(Login),
    /// And has a mailbox open.
    Selected(Login, Box<View>),
}

/// Who is logged in.
#[derive(Clone)]
pub(crate) struct Login {
    /// The name, as the directory spells it.
    pub(crate) user: Arc<str>,
    /// The user's own mail; `None`: it is nobody in particular, who has none.
    pub(crate) account: Option<Account>,
    /// Who that is in ACLs, in the own account.
    pub(crate) who: Who,
    /// Its place among the user's sessions.
    pub(crate) place: Arc<logins::Login>,
}

/// What the octets that come next are.
pub(crate) enum Doing {
    /// Commands.
    Commands,
    /// The messages of an APPEND.
    Appending(Box<Appending>),
    /// Responses of a SASL exchange.
    Authenticating(Tag, Box<Exchange>),
    /// The line `DONE`.
    Idling(Tag),
    /// The TLS handshake: the driver's affair.
    StartingTls,
    /// Nothing: the last line is written.
    Closing,
}

/// What is known of the connection beside its state.
pub(crate) struct Connection {
    pub(crate) framer: Framer,
    pub(crate) policy: Arc<ListenerPolicy>,
    pub(crate) peer: Peer,
    /// What the TLS connection has for mechanisms with `-PLUS`; empty once somebody is logged in.
    pub(crate) bindings: ChannelBindings,
    /// The client's certificate; none once somebody is logged in.
    pub(crate) client_certificate: Option<ClientCertificate>,
    /// The TLS version, once there is one.
    pub(crate) tls_version: Option<&'static str>,
    pub(crate) dialect: Dialect,
    /// A UID command was used: unasked FETCH lines hold the UID from now on.
    pub(crate) uid_used: bool,
    pub(crate) enabled: Enabled,
    pub(crate) bad_commands: u32,
    pub(crate) failed_logins: u32,
    /// When the login that is under way began.
    pub(crate) login_began: Moment,
    pub(crate) connected_at: Instant,
    pub(crate) last_octet_at: Instant,
}

/// What the client turned on, beside the dialect.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Enabled {
    /// It wants MODSEQ in every FETCH (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    /// It wants VANISHED in place of EXPUNGE (RFC 7162 §3.2.3); `condstore` is on then too.
    pub(crate) qresync: bool,
}

impl State {
    /// Who is logged in.
    pub(crate) fn login(&self) -> Option<&Login> {
        match self {
            Self::NotAuthenticated => None,
            Self::Authenticated(login) | Self::Selected(login, _) => Some(login),
        }
    }

    /// The view of the selected mailbox.
    pub(crate) fn view(&self) -> Option<&View> {
        match self {
            Self::Selected(_, view) => Some(view),
            Self::NotAuthenticated | Self::Authenticated(_) => None,
        }
    }

    /// Leaves the selected mailbox, if there is one; whether there was.
    pub(crate) fn unselect(&mut self) -> bool {
        let Self::Selected(login, _) = self else { return false };
        *self = Self::Authenticated(login.clone());
        true
    }

    /// Why a command may not be used now; `None`: it may.
    pub(crate) fn forbids(&self, valid_in: ValidIn) -> Option<&'static str> {
        match (valid_in, self) {
            (ValidIn::Any, _)
            | (ValidIn::NotAuthenticated, Self::NotAuthenticated)
            | (ValidIn::Authenticated, Self::Authenticated(_) | Self::Selected(..))
            | (ValidIn::Selected, Self::Selected(..)) => None,
            (ValidIn::NotAuthenticated, _) => Some("You are logged in already"),
            (_, Self::NotAuthenticated) => Some("Log in first"),
            (ValidIn::Selected, Self::Authenticated(_)) => Some("Select a mailbox first"),
        }
    }
}

impl Connection {
    /// What a mechanism may do on this connection.
    pub(crate) fn channel(&self) -> Channel {
        Channel {
            passwords_allowed: self.passwords_allowed(),
            peer: self.peer.address.map(|address| address.ip()),
            bindings: self.bindings.clone(),
            client_certificate: self.client_certificate.clone(),
            mechanisms: self.policy.mechanisms,
            protocol: "imap",
        }
    }

    /// TLS is on, or the operator takes passwords without it on this listener.
    pub(crate) fn passwords_allowed(&self) -> bool {
        self.peer.tls || self.policy.allow_cleartext
    }

    /// STARTTLS makes sense and is offered.
    pub(crate) fn starttls_offered(&self) -> bool {
        self.policy.starttls && !self.peer.tls
    }
}

/// The framer's bounds before and after login.
pub(crate) fn framer_limits(limits: &Limits, logged_in: bool) -> wire::Limits {
    wire::Limits {
        line_octets_max: if logged_in { limits.line_octets_max } else { limits.line_octets_before_login_max },
        literal_octets_max: limits.literal_octets_max,
        literals_max: limits.literals_max,
        // Nobody who is not logged in has a reason to send much.
        dropped_octets_max: if logged_in { limits.dropped_octets_max } else { limits.literal_octets_max },
    }
}
