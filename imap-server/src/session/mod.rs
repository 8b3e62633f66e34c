//! One IMAP session without its socket: octets in, octets and requests out. No sockets, timers or tasks.
//!
//! The driver in `net/conn.rs` is a loop over [`Session`]: read and [`Session::receive`], [`Session::advance`], do what
//! [`Next`] says; and while it waits, call [`Session::news`] when [`Session::watch`] tells of a change and
//! [`Session::timed_out`] at [`Session::deadline`]. Tests are the same loop with a `Vec<u8>`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::{ListenerPolicy, Services};

/// Where a session's output goes: the socket, or a test's buffer.
pub trait Output: Send {
    /// Why it could not be sent (the connection is over).
    type Error: Send;
    /// Sends all of `octets` and leaves it empty with its memory kept; waits while the peer does not read.
    fn send(&mut self, octets: &mut Vec<u8>) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What the driver does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read from the socket (and watch, and mind the deadline).
    Read,
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

/// One session.
pub struct Session {}

impl Session {
    /// A session that has not greeted yet.
    pub fn new(services: Services, policy: Arc<ListenerPolicy>, peer: Peer, now: Instant) -> Self {
        let _ = (services, policy, peer, now);
        todo!()
    }
    /// Sends the greeting.
    pub async fn greet<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        let _ = out;
        todo!()
    }
    /// Takes octets from the socket.
    pub fn receive(&mut self, now: Instant, octets: &[u8]) {
        let _ = (now, octets);
        todo!()
    }
    /// Handles what was received, as far as it goes.
    pub async fn advance<O: Output>(&mut self, now: Instant, out: &mut O) -> Result<Next, O::Error> {
        let _ = (now, out);
        todo!()
    }
    /// TLS is on now.
    pub fn tls_started(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// What to watch while waiting (IDLE): `None` when news has to wait for a command.
    pub fn watch(&self) -> Option<tokio::sync::watch::Receiver<imap_store::log::Seq>> {
        todo!()
    }
    /// The watched account changed: tells what may be told.
    pub async fn news<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        let _ = out;
        todo!()
    }
    /// When [`Session::timed_out`] must be called if nothing else happens before.
    pub fn deadline(&self) -> Instant {
        todo!()
    }
    /// The deadline is past: says BYE where that may be said. Close then.
    pub async fn timed_out<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        let _ = out;
        todo!()
    }
    /// The server stops: BYE where a line may stand. Close then.
    pub async fn shut_down<O: Output>(&mut self, out: &mut O) -> Result<(), O::Error> {
        let _ = out;
        todo!()
    }
    /// Who is logged in.
    pub fn user(&self) -> Option<&str> {
        todo!()
    }
}
