//! What every session shares: [`Services`], and the bounds: [`Limits`].

use std::sync::Arc;
use std::time::Duration;

use imap_auth::{Authenticator, Mechanisms};
use imap_store::Store;

use crate::config::{ListenerConfig, TlsMode};
use crate::session::options::DialectOptions;
use crate::users::Users;
use crate::{Logins, SearchThreads};

/// Every bound of the server, in one place.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections_max: usize,
    /// Connections of one address that are not logged in.
    pub connections_per_address_max: usize,
    /// Connections that an address may leave without a login, and a fifth of it anew each second; then each new one
    /// waits a second for its greeting. 0: any number.
    pub left_per_address_max: u32,
    /// Connections of one user.
    pub connections_per_user_max: usize,
    /// Octets of a command line before login.
    pub line_octets_before_login_max: usize,
    /// Octets of a command line after login.
    pub line_octets_max: usize,
    /// Octets of an argument literal.
    pub literal_octets_max: u64,
    /// Argument literals in one command.
    pub literals_max: usize,
    /// Octets of a message (APPENDLIMIT).
    pub message_octets_max: u64,
    /// Octets of a refused non-synchronizing literal that are read and dropped.
    pub dropped_octets_max: u64,
    /// Commands that could not be read, after which the connection ends.
    pub bad_commands_max: u32,
    /// Failed logins on one connection, after which it ends.
    pub failed_logins_max: u32,
    /// TLS handshakes under way at one time; more wait for their turn.
    pub handshakes_max: usize,
    /// A TLS handshake, its turn included; the header of a proxy.
    pub handshake_timeout: Duration,
    /// From connecting to being logged in.
    pub login_timeout: Duration,
    /// Without a command, logged in.
    pub idle_timeout: Duration,
    /// Inside IDLE.
    pub idle_command_timeout: Duration,
    /// In the middle of a command, without an octet.
    pub receive_timeout: Duration,
    /// Without the client taking any of our octets.
    pub send_timeout: Duration,
    /// Messages that one COPY or MOVE takes into another account.
    pub messages_across_max: usize,
    /// Threads that look into messages for SEARCH, of all sessions together.
    pub search_threads: usize,
    /// Octets of output that are gathered before they are handed to the socket.
    pub output_piece_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 19_000,
            connections_per_address_max: 50,
            left_per_address_max: 50,
            connections_per_user_max: 200,
            line_octets_before_login_max: 64 << 10,
            line_octets_max: 1 << 20,
            literal_octets_max: 64 << 10,
            literals_max: 1_000,
            message_octets_max: 128 << 20,
            dropped_octets_max: 128 << 20,
            bad_commands_max: 50,
            failed_logins_max: 5,
            handshakes_max: 1_000,
            handshake_timeout: Duration::from_secs(30),
            login_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30 * 60),
            idle_command_timeout: Duration::from_secs(60 * 60),
            receive_timeout: Duration::from_secs(5 * 60),
            send_timeout: Duration::from_secs(10 * 60),
            messages_across_max: 10_000,
            search_threads: std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)),
            output_piece_octets: 64 << 10,
        }
    }
}

/// What an operator decided for one listener.
#[derive(Debug, Clone, Default)]
pub struct ListenerPolicy {
    /// The listener's name, for the audit.
    pub name: Arc<str>,
    /// STARTTLS is offered while TLS is off.
    pub starttls: bool,
    /// Passwords are taken without TLS.
    pub allow_cleartext: bool,
    /// The mechanisms that are taken, as far as the connection allows.
    pub mechanisms: Mechanisms,
    /// Which dialects are served, and how.
    pub dialect: DialectOptions,
}

impl ListenerPolicy {
    /// What the configuration says of a listener.
    pub fn of(config: &ListenerConfig) -> Self {
        Self {
            name: config.name.as_str().into(),
            starttls: config.tls == TlsMode::Starttls,
            allow_cleartext: config.allow_cleartext,
            mechanisms: config.mechanisms,
            dialect: config.dialect.clone(),
        }
    }
}

/// What every session shares.
#[derive(Clone)]
pub struct Services {
    /// The mail.
    pub store: Store,
    /// Who gets in.
    pub authenticator: Authenticator,
    /// Makes accounts for users of other directories; `None`: there are none.
    pub users: Option<Users>,
    /// Who is in.
    pub logins: Logins,
    /// Lends threads to searches.
    pub search_threads: SearchThreads,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// The host's name for greetings.
    pub host_name: Arc<str>,
}
