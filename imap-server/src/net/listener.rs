//! [`Listeners`]: sockets that accept, with the limits of the [`Gate`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imap_auth::Network;
use rustix::net::{RecvFlags, recv, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::conn::{self, Caller, Setting};
use super::gate::{Full, Gate};
use super::tls::{Acceptor, Certificates};
use crate::config::{ClientCa, ListenerConfig, Protocol, TlsMode};
use crate::{ListenerPolicy, Services, metrics};

/// Keeps NATs open and finds peers that are gone.
const KEEPALIVE: Duration = Duration::from_secs(5 * 60);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4_096;
/// Connections that are being told at one time that there is no room; more are just closed.
const REFUSALS_AT_ONCE: usize = 64;
/// What clients name in ALPN (RFC 8314 has none; IANA does).
const ALPN: &[u8] = b"imap";
/// Connections that are let in one after the other; then those who are inside have their turn. In a flood, their tasks
/// would otherwise stand behind a hundred newcomers in the scheduler's queue.
const ADMITTED_AT_ONCE: u32 = 8;
/// How long the accept loop rests when the system has no room for another connection.
const REST: Duration = Duration::from_millis(100);

/// A bound listener that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    protocol: Protocol,
    tls: TlsMode,
    policy: Arc<ListenerPolicy>,
    client_ca: Option<ClientCa>,
    trusted_proxies: Arc<[Network]>,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The system's reason.
    pub error: io::Error,
}

impl Listener {
    /// Binds every address of a listener. Default addresses that this machine does not have are passed over.
    pub fn bind(config: &ListenerConfig) -> Result<Vec<Self>, BindError> {
        let mut bound = Vec::new();
        let policy = Arc::new(ListenerPolicy::of(config));
        let (protocol, tls) = (config.protocol, config.tls);
        for address in &config.listen.addresses {
            match bind(*address) {
                Ok((socket, address)) => {
                    bound.push(Self {
                        socket,
                        address,
                        protocol,
                        tls,
                        policy: Arc::clone(&policy),
                        client_ca: config.client_ca.clone(),
                        trusted_proxies: config.trusted_proxies.as_slice().into(),
                    });
                }
                Err(error) if config.listen.is_default && !bound.is_empty() && no_such_address(&error) => {
                    info!(%address, %error, "passed over");
                }
                Err(error) => return Err(BindError { address: *address, error }),
            }
        }
        Ok(bound)
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it speaks, in the words of the ready line: `imap`, or `imaps` where TLS comes first.
    pub fn kind(&self) -> &'static str {
        match (self.protocol, self.tls) {
            (Protocol::Imap, TlsMode::Implicit) => "imaps",
            (Protocol::Imap, TlsMode::Starttls | TlsMode::None) => "imap",
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for connections of the former process in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listening = socket.listen(BACKLOG)?;
    let address = listening.local_addr()?;
    Ok((listening, address))
}

fn no_such_address(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    error.kind() == io::ErrorKind::AddrNotAvailable || code == Some(rustix::io::Errno::AFNOSUPPORT)
}

/// All listeners of a server and the connections that came through them.
pub struct Listeners {
    services: Services,
    certificates: Certificates,
    handshakes: Arc<Semaphore>,
    gate: Gate,
    stop: CancellationToken,
    tasks: TaskTracker,
    refusals: Arc<Semaphore>,
}

impl Listeners {
    /// Without listeners yet. `stop` ends them and every session.
    pub fn new(services: Services, certificates: Certificates, stop: CancellationToken) -> Self {
        let limits = &services.limits;
        Self {
            gate: Gate::new(limits),
            handshakes: Arc::new(Semaphore::new(limits.handshakes_max.max(1))),
            services,
            certificates,
            stop,
            tasks: TaskTracker::new(),
            refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE)),
        }
    }

    /// Counts the connections.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Begins to accept.
    pub fn start(&self, listener: Listener) {
        let setting = Setting {
            services: self.services.clone(),
            policy: listener.policy,
            acceptor: Acceptor::new(self.certificates.clone(), listener.client_ca, Some(ALPN)),
            handshakes: self.handshakes.clone(),
            implicit_tls: listener.tls == TlsMode::Implicit,
            stop: self.stop.clone(),
        };
        let door = Door {
            setting,
            trusted_proxies: listener.trusted_proxies,
            gate: self.gate.clone(),
            tasks: self.tasks.clone(),
            refusals: self.refusals.clone(),
        };
        self.tasks.spawn(door.accept(listener.socket));
    }

    /// Waits until every session has ended after `stop`, at most `patience`; returns how many had not.
    pub async fn drained(&self, patience: Duration) -> usize {
        self.tasks.close();
        let _ = tokio::time::timeout(patience, self.tasks.wait()).await;
        self.tasks.len()
    }
}

struct Door {
    setting: Setting,
    trusted_proxies: Arc<[Network]>,
    gate: Gate,
    tasks: TaskTracker,
    refusals: Arc<Semaphore>,
}

impl Door {
    async fn accept(self, listener: TcpListener) {
        let mut admitted = 0;
        loop {
            if admitted == ADMITTED_AT_ONCE {
                admitted = 0;
                yield_now().await;
            }
            let accepted = tokio::select! {
                () = self.setting.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, _)) if has_gone(&socket) => metrics::connection("gone"),
                Ok((socket, address)) => {
                    admitted += 1;
                    self.admit(socket, address);
                }
                // The one who called has gone already: the next one has nothing to do with that.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // No more files, no memory: those who are inside leave room sooner or later.
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    fn admit(&self, socket: TcpStream, address: SocketAddr) {
        if let Err(error) = set_options(&socket) {
            warn!(%address, %error, "cannot set the options of a socket");
        }
        let setting = self.setting.clone();
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(address.ip()));
        let entered = if is_proxy { self.gate.enter_proxied() } else { self.gate.enter(address.ip()) };
        match entered {
            // A panic in a session is caught at its task: it ends that connection and nothing else.
            Ok(place) => {
                metrics::connection("admitted");
                let caller = Caller { socket, address, is_proxy, place };
                self.tasks.spawn(conn::serve(setting, caller));
            }
            // What a proxy passes on is an answer to nobody yet: it is just closed.
            Err(full) if is_proxy => warn!(%address, reason = full.reason(), "connection refused"),
            Err(Full::Flood) => metrics::connection("flood"),
            Err(full) => {
                metrics::connection("refused");
                warn!(%address, reason = full.reason(), "connection refused");
                if let Ok(permit) = self.refusals.clone().try_acquire_owned() {
                    self.tasks.spawn(async move {
                        conn::refuse(setting, socket, full.reason()).await;
                        drop(permit);
                    });
                }
            }
        }
    }
}

/// Whether the peer has left already without a word. In a flood most have by the time when it is their turn, and whoever
/// waits behind them waits for what each of them costs.
pub(super) fn has_gone(socket: &TcpStream) -> bool {
    let mut octet = [0; 1];
    matches!(recv(socket, &mut octet[..], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((_, 0)))
}

fn set_options(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(socket, Duration::from_secs(60))?;
    Ok(())
}

/// Raises the soft limit of open files to the hard one and returns it; `None`: there is no limit.
pub fn raise_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => info!(limit = limit.maximum, before = limit.current, "open files"),
        Err(error) => warn!(limit = limit.current, %error, "cannot raise the limit of open files"),
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn who_left_without_a_word_is_gone_and_nobody_else() {
        let (listener, address) = bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let mut open = TcpStream::connect(address).await.expect("it listens");
        let (waiting, _) = listener.accept().await.expect("it called");
        assert!(!has_gone(&waiting), "it waits for the greeting");
        open.write_all(b"a LOGOUT\r\n").await.expect("sent");
        open.shutdown().await.expect("it says no more");
        waiting.readable().await.expect("readable");
        assert!(!has_gone(&waiting), "it is to be answered");
        drop(TcpStream::connect(address).await.expect("it listens"));
        let (left, _) = listener.accept().await.expect("it called");
        left.readable().await.expect("readable");
        assert!(has_gone(&left));
    }
}
