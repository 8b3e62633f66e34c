//! The driver: one [`Session`] over one socket. A dull loop that decides nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_store::account::Watch;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::gate::Place;
use super::listener::has_gone;
use super::proxy::{self, Told};
use super::stream::Stream;
use super::tls::{Accepted, Acceptor};
use crate::session::{Next, Peer, Secured, Session};
use crate::{ListenerPolicy, Services, metrics};

/// How long a peer may take to take our last octets.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);

/// What every connection of a listener has in common.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) services: Services,
    pub(super) policy: Arc<ListenerPolicy>,
    pub(super) acceptor: Acceptor,
    /// Room for handshakes, of all listeners.
    pub(super) handshakes: Arc<Semaphore>,
    /// TLS from the first octet.
    pub(super) implicit_tls: bool,
    pub(super) stop: CancellationToken,
}

/// A connection that was let in.
pub(super) struct Caller {
    pub(super) socket: TcpStream,
    pub(super) address: SocketAddr,
    /// It is a trusted proxy, which tells first whose connection it is.
    pub(super) is_proxy: bool,
    pub(super) place: Place,
}

/// Serves one connection to its end. Errors are the peer's or the network's, and only worth a line for debugging.
pub(super) async fn serve(setting: Setting, caller: Caller) {
    let address = caller.address;
    if let Err(error) = serve_caller(setting, caller).await {
        debug!(%address, %error, "connection lost");
    }
}

/// Comes back some time after a connection was to end: a command that is under way may finish until then.
async fn long_after(end: &CancellationToken) {
    end.cancelled().await;
    sleep(GOODBYE).await;
}

async fn serve_caller(setting: Setting, caller: Caller) -> io::Result<()> {
    let Caller { mut socket, mut address, is_proxy, mut place } = caller;
    let told = if is_proxy { Box::pin(ask_proxy(&setting, &mut socket)).await? } else { Told::default() };
    if let Some(client) = told.client {
        address = client;
        if let Err(full) = place.is_of(client.ip()) {
            warn!(%address, reason = full.reason(), "connection refused");
            refuse(setting, socket, full.reason()).await;
            return Ok(());
        }
    }
    if let Some(wait) = place.wait
        && !is_there_after(wait, &setting, &socket).await
    {
        return Ok(());
    }
    let Some((stream, secured)) = open(&setting, socket).await? else { return Ok(()) };
    let secured = secured.or_else(|| told.tls.map(|version| Secured { version, ..Secured::default() }));
    let peer = Peer { address: Some(address), tls: secured.is_some() };
    Connection::new(setting, stream, secured, peer, place).run().await
}

/// Lets somebody wait; whether they and the server are still there.
async fn is_there_after(wait: Duration, setting: &Setting, socket: &TcpStream) -> bool {
    tokio::select! {
        () = setting.stop.cancelled() => false,
        () = sleep(wait) => !has_gone(socket),
    }
}

async fn ask_proxy(setting: &Setting, socket: &mut TcpStream) -> io::Result<Told> {
    tokio::select! {
        () = setting.stop.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
        told = timeout(setting.services.limits.handshake_timeout, proxy::read(socket)) => told?,
    }
}

/// Turns a connection away with a greeting that says why.
pub(super) async fn refuse(setting: Setting, socket: TcpStream, reason: &'static str) {
    use crate::session::Output as _;
    let goodbye = async {
        let Some((mut stream, _)) = open(&setting, socket).await? else { return Ok(()) };
        stream.send(&mut format!("* BYE [UNAVAILABLE] {reason}\r\n").into_bytes()).await?;
        stream.close(GOODBYE).await;
        io::Result::Ok(())
    };
    let _ = timeout(GOODBYE, goodbye).await;
}

/// The stream of a new socket: after the handshake where TLS comes first. `None`: it was an ACME server's, and is done.
async fn open(setting: &Setting, socket: TcpStream) -> io::Result<Option<(Stream, Option<Secured>)>> {
    let limits = &setting.services.limits;
    if !setting.implicit_tls {
        return Ok(Some((Stream::plain(socket, limits.send_timeout), None)));
    }
    let secured = Box::pin(handshake(setting, socket)).await?;
    Ok(secured.map(|(stream, secured)| (stream, Some(secured))))
}

/// A handshake, bounded in time, one of a bounded number.
async fn handshake(setting: &Setting, socket: TcpStream) -> io::Result<Option<(Stream, Secured)>> {
    let limits = &setting.services.limits;
    let accepting = timeout(limits.handshake_timeout, async {
        let _turn = setting.handshakes.acquire().await;
        setting.acceptor.accept(socket).await
    });
    let accepted = tokio::select! {
        () = setting.stop.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
        accepted = accepting => accepted.map_err(io::Error::from).and_then(|accepted| accepted),
    };
    let accepted = accepted.inspect_err(|_| metrics::handshake("failed"))?;
    match accepted {
        Accepted::Client(stream, secured) => {
            metrics::handshake(secured.version);
            Ok(Some((Stream::tls(stream, limits.send_timeout), secured)))
        }
        Accepted::Challenge(stream) => {
            Stream::tls(stream, limits.send_timeout).close(GOODBYE).await;
            Ok(None)
        }
    }
}

struct Connection {
    setting: Setting,
    session: Session,
    stream: Stream,
    place: Place,
    /// Cancelled when the server stops, or whoever is logged in must go.
    end: CancellationToken,
    news: News,
    /// Octets received since others last had their turn.
    taken: usize,
}

/// What a connection that sends without a break takes in before others have their turn.
const TURN_OCTETS: usize = 64 << 10;

/// The watch of a session that may be told of changes.
enum News {
    /// It may not, now.
    Off,
    /// Waiting for a change.
    On(Watch),
    /// The store is closed: nothing will come.
    Ended,
}

/// Why the driver woke up.
enum Woken {
    Received(usize),
    Changed,
    Deadline,
    End,
}

impl Connection {
    fn new(setting: Setting, stream: Stream, secured: Option<Secured>, peer: Peer, place: Place) -> Self {
        let mut session =
            Session::new(setting.services.clone(), setting.policy.clone(), peer, Instant::now());
        if let Some(secured) = secured {
            session.secured(secured);
        }
        let end = setting.stop.clone();
        Self { setting, session, stream, place, end, news: News::Off, taken: 0 }
    }

    // Futures that are needed only while a command runs are boxed, so that a waiting connection does not hold room for
    // the largest of them.
    async fn run(mut self) -> io::Result<()> {
        Box::pin(self.session.greet(&mut self.stream)).await?;
        loop {
            let next = tokio::select! {
                biased;
                next = Box::pin(self.session.advance(Instant::now(), &mut self.stream)) => next?,
                // A client that does not read, or a command that takes long: what it has of an answer is cut off.
                () = long_after(&self.end) => return Ok(()),
            };
            self.follow_login();
            match next {
                Next::Read => {}
                Next::Yield => {
                    yield_now().await;
                    continue;
                }
                Next::StartTls => {
                    self = Box::pin(self.start_tls()).await?;
                    continue;
                }
                Next::Close => break,
            }
            if !self.wait().await? {
                break;
            }
        }
        // Whoever sees the end may log in again: the session's place is free by then.
        drop(self.session);
        self.stream.close(GOODBYE).await;
        Ok(())
    }

    /// Waits for octets, telling news meanwhile; false when the connection is to be closed.
    async fn wait(&mut self) -> io::Result<bool> {
        self.follow_news();
        loop {
            match self.wake().await? {
                Woken::Received(0) => return Ok(false),
                Woken::Received(count) => {
                    self.taken += count;
                    if self.taken >= TURN_OCTETS {
                        self.taken = 0;
                        yield_now().await;
                    }
                    return Ok(true);
                }
                Woken::Changed => Box::pin(self.session.news(&mut self.stream)).await?,
                Woken::Deadline => {
                    Box::pin(self.session.timed_out(&mut self.stream)).await?;
                    return Ok(false);
                }
                Woken::End if self.setting.stop.is_cancelled() => {
                    Box::pin(self.session.shut_down(&mut self.stream)).await?;
                    return Ok(false);
                }
                Woken::End => {
                    Box::pin(self.session.revoked(&mut self.stream)).await?;
                    return Ok(false);
                }
            }
        }
    }

    async fn wake(&mut self) -> io::Result<Woken> {
        let deadline = self.session.deadline();
        let (session, stream) = (&mut self.session, &mut self.stream);
        tokio::select! {
            biased;
            () = self.end.cancelled() => Ok(Woken::End),
            read = stream.read(|octets| session.receive(Instant::now(), octets)) => read.map(Woken::Received),
            () = self.news.changed() => Ok(Woken::Changed),
            () = sleep_until(deadline.into()) => Ok(Woken::Deadline),
        }
    }

    /// Waits on the user's end instead of the server's, which that includes, once somebody is logged in.
    fn follow_login(&mut self) {
        if let Some(end) = self.session.end()
            && self.place.logged_in()
        {
            self.end = end.clone();
        }
    }

    /// Takes or drops the watch, as the session wants it. A new one tells of a change at once, so that nothing is missed
    /// that was published between the session's last look and now.
    fn follow_news(&mut self) {
        match (self.session.watch(), &self.news) {
            (None, _) => self.news = News::Off,
            (Some(_), News::On(_) | News::Ended) => {}
            (Some(fresh), News::Off) => self.news = News::On(fresh),
        }
    }

    /// The handshake after STARTTLS. What the client sent in clear text behind the command never comes here: the
    /// session ends the connection for it.
    async fn start_tls(self) -> io::Result<Self> {
        let Self { setting, mut session, stream, place, end, news, taken } = self;
        let socket = stream.into_plain().ok_or_else(|| io::Error::other("STARTTLS inside TLS"))?;
        let Some((stream, secured)) = handshake(&setting, socket).await? else {
            return Err(io::Error::other("an ACME server behind STARTTLS"));
        };
        session.tls_started(Instant::now());
        session.secured(secured);
        Ok(Self { setting, session, stream, place, end, news, taken })
    }
}

impl News {
    /// Comes back when there is a change; never when there is nothing to wait for. Nothing is lost when it is dropped.
    async fn changed(&mut self) {
        if let Self::On(watch) = self {
            if watch.changed().await {
                return;
            }
            *self = Self::Ended;
        }
        std::future::pending().await
    }
}
