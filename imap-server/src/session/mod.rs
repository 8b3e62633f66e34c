//! One IMAP session without its socket: octets in, octets and requests out. No sockets, timers or tasks.
//!
//! The driver in `net/conn.rs` is a loop over [`Session`]: read and [`Session::receive`], [`Session::advance`], do what
//! [`Next`] says; and while it waits, call [`Session::news`] when [`Session::watch`] tells of a change and
//! [`Session::timed_out`] at [`Session::deadline`]. Tests are the same loop with a `Vec<u8>`.

pub(crate) mod caps;
pub(crate) mod evidence;
pub(crate) mod flags;
pub(crate) mod machine;
pub mod options;
pub(crate) mod outbox;
pub(crate) mod state;
pub(crate) mod view;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_auth::{ChannelBindings, ClientCertificate};
use imap_proto::Dialect;
use imap_proto::response::{Code, Kind, write_status};
use imap_proto::wire::{Expect, Framer};
use imap_store::account::Watch;
use tokio_util::sync::CancellationToken;

use crate::command::Ctx;
use crate::{ListenerPolicy, Services};
use outbox::{Adapter, Gone, Outbox};
use state::{Connection, Doing, Enabled, State, framer_limits};

/// Where a session's output goes: the socket, or a test's buffer.
pub trait Output: Send {
    /// Why it could not be sent (the connection is over).
    type Error: Send;
    /// Sends all of `octets` and leaves it empty with its memory kept; waits while the peer does not read.
    fn send(&mut self, octets: &mut Vec<u8>) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Comes back once it is seen that the peer is gone, while nothing is sent. Where that cannot be seen, never.
    fn gone(&mut self) -> impl Future<Output = Self::Error> + Send {
        std::future::pending()
    }
    /// Lets that much time pass; an error once it is seen that the peer is gone. Where no time passes, at once.
    fn pause(&mut self, _time: Duration) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What the driver does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read from the socket (and watch, and mind the deadline).
    Read,
    /// Let others have their turn, then go on with [`Session::advance`]: there may be more in what was received.
    Yield,
    /// The OK of STARTTLS is out: do the handshake, then call [`Session::tls_started`].
    StartTls,
    /// Everything is out: close.
    Close,
}

/// What is known of a connection when it begins.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address.
    pub address: Option<SocketAddr>,
    /// TLS is on from the start.
    pub tls: bool,
}

/// What is known of a TLS connection after its handshake.
#[derive(Debug, Clone, Default)]
pub struct Secured {
    /// What a login can be bound to.
    pub bindings: ChannelBindings,
    /// `TLS1.3`, for the audit log.
    pub version: &'static str,
    /// The client's certificate (DER), verified against the listener's CA.
    pub client_certificate: Option<ClientCertificate>,
}

/// One session.
pub struct Session {
    services: Services,
    connection: Connection,
    state: State,
    doing: Doing,
    /// Written and not yet sent: empty between two calls.
    buffer: Vec<u8>,
}

/// Inside AUTHENTICATE a person may have to look up a code.
const SASL_EXTRA: Duration = Duration::from_secs(2 * 60);
/// What an idle connection may keep of its output buffer.
const KEPT_OCTETS: usize = 1 << 10;

impl Session {
    /// A session that has not greeted yet.
    pub fn new(services: Services, policy: Arc<ListenerPolicy>, peer: Peer, now: Instant) -> Self {
        let framer = Framer::new(framer_limits(&services.limits, false));
        let connection = Connection {
            framer,
            policy,
            tls_version: None,
            client_certificate: None,
            peer,
            bindings: ChannelBindings::default(),
            dialect: Dialect::SILENT,
            uid_used: false,
            enabled: Enabled::default(),
            bad_commands: 0,
            failed_logins: 0,
            login_began: services.logins.now(),
            connected_at: now,
            last_octet_at: now,
        };
        Self {
            services,
            connection,
            state: State::NotAuthenticated,
            doing: Doing::Commands,
            buffer: Vec::new(),
        }
    }

    /// Sends the greeting.
    pub async fn greet<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        let code = caps::code(&self.services, &self.connection, &self.state);
        let text = format!("{} ready", self.services.host_name);
        self.say(out, Kind::Ok, code, &text).await
    }

    /// Takes octets from the socket.
    pub fn receive(&mut self, now: Instant, octets: &[u8]) {
        self.connection.last_octet_at = now;
        self.connection.framer.receive(octets);
    }

    /// Handles what was received, as far as it goes.
    pub async fn advance<O: Output>(&mut self, now: Instant, out: &mut O) -> Result<Next, O::Error> {
        let next = self.with_ctx(out, async |doing, ctx| machine::advance(doing, ctx).await).await?;
        // The time that a command took is no time that the client was idle.
        self.connection.last_octet_at = self.connection.last_octet_at.max(now);
        Ok(next)
    }

    /// TLS is on now.
    pub fn tls_started(&mut self, now: Instant) {
        self.connection.last_octet_at = now;
        self.connection.peer.tls = true;
        // Such octets have ended the connection already; a driver that takes some meanwhile does no harm either.
        if self.connection.framer.has_buffered() {
            self.doing = Doing::Closing;
            return;
        }
        self.doing = Doing::Commands;
        self.connection.framer.expect(Expect::Command);
    }

    /// What is known of the TLS connection: after the handshake, before [`Self::greet`] where TLS comes first.
    pub fn secured(&mut self, secured: Secured) {
        self.connection.bindings = secured.bindings;
        self.connection.client_certificate = secured.client_certificate;
        self.connection.tls_version = Some(secured.version);
    }

    /// What to watch while waiting (IDLE): `None` when news has to wait for a command.
    pub fn watch(&self) -> Option<Watch> {
        match (&self.doing, &self.state) {
            (Doing::Idling(_), State::Selected(_, view)) => Some(view.watch()),
            _ => None,
        }
    }

    /// The watched mailbox changed: tells what may be told.
    pub async fn news<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        self.with_ctx(out, async |doing, ctx| {
            if matches!(doing, Doing::Idling(_)) {
                ctx.tell_idler().await?;
            }
            ctx.out.flush().await
        })
        .await
    }

    /// When [`Session::timed_out`] must be called if nothing else happens before.
    pub fn deadline(&self) -> Instant {
        let limits = &self.services.limits;
        let last = self.connection.last_octet_at;
        let in_mid_command =
            matches!(self.doing, Doing::Appending(_)) || self.connection.framer.has_buffered();
        let waiting = match self.doing {
            _ if in_mid_command => last + limits.receive_timeout,
            Doing::Idling(_) => last + limits.idle_command_timeout,
            _ => last + limits.idle_timeout,
        };
        if self.state.login().is_some() {
            return waiting;
        }
        let extra = if matches!(self.doing, Doing::Authenticating(..)) { SASL_EXTRA } else { Duration::ZERO };
        waiting.min(self.connection.connected_at + limits.login_timeout + extra)
    }

    /// The deadline is past: says BYE where that may be said. Close then.
    pub async fn timed_out<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        self.bye(out, None, "Nothing was heard of you for too long").await
    }

    /// The server stops: BYE where a line may stand. Close then.
    pub async fn shut_down<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        self.bye(out, Some(Code::Unavailable), "The server is going down, come back soon").await
    }

    /// Who is logged in.
    pub fn user(&self) -> Option<&str> {
        self.state.login().map(|login| &*login.user)
    }

    /// The user was removed or changed, or an administrator ended the session: BYE where a line may stand. Close then.
    pub async fn revoked<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        self.bye(
            out,
            None,
            "Your account or its password was changed, or an administrator ended your session",
        )
        .await
    }

    /// Cancelled when whoever is logged in must not stay: then [`Session::revoked`], or [`Session::shut_down`] where the
    /// server stops. `None` while nobody is logged in.
    pub fn end(&self) -> Option<&CancellationToken> {
        self.state.login().map(|login| login.place.end())
    }

    async fn bye<O: Output>(&mut self, out: &mut O, code: Option<Code>, text: &str) -> Result<(), O::Error> {
        let line_may_stand = !matches!(self.doing, Doing::StartingTls | Doing::Closing);
        self.doing = Doing::Closing;
        if line_may_stand { self.say(out, Kind::Bye, code, text).await } else { Ok(()) }
    }

    async fn say<O: Output>(
        &mut self,
        out: &mut O,
        kind: Kind,
        code: Option<Code>,
        text: &str,
    ) -> Result<(), O::Error> {
        self.with_ctx(out, async |_, ctx| {
            write_status(&mut ctx.out.buffer, None, kind, code.as_ref(), text);
            ctx.out.flush().await
        })
        .await
    }

    /// Runs `work` with an [`Outbox`] over the driver's output.
    async fn with_ctx<O: Output, T>(
        &mut self,
        out: &mut O,
        work: impl AsyncFnOnce(&mut Doing, &mut Ctx<'_>) -> Result<T, Gone>,
    ) -> Result<T, O::Error> {
        let mut sink = Adapter { output: out, error: None };
        let buffer = std::mem::take(&mut self.buffer);
        let mut ctx = Ctx {
            services: &self.services,
            connection: &mut self.connection,
            state: &mut self.state,
            out: Outbox::new(buffer, &mut sink, self.services.limits.output_piece_octets),
        };
        let result = work(&mut self.doing, &mut ctx).await;
        let mut buffer = std::mem::take(&mut ctx.out.buffer);
        drop(ctx);
        // It is not sent yet where there is more to do.
        if buffer.is_empty() && buffer.capacity() > KEPT_OCTETS {
            buffer = Vec::new();
        }
        self.buffer = buffer;
        self.connection.framer.shrink();
        match (result, sink.error) {
            (Ok(value), _) => Ok(value),
            (Err(Gone), Some(error)) => Err(error),
            (Err(Gone), None) => unreachable!("only a sink that failed says that the peer is gone"),
        }
    }
}
