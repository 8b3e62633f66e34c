//! `restante serve`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::{Failure, print};
use crate::config::{Config, Overrides};
use crate::demo;
use crate::server::Server;

/// The flags of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Make a user and sample mail, and print the lines to try it with.
    #[arg(long)]
    demo: bool,
    /// The configuration, a TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where IMAP listens (STARTTLS); port 0 takes a free one, `none` turns it off.
    #[arg(long, value_name = "ADDR|none")]
    imap: Option<At<SocketAddr>>,
    /// Where IMAP over TLS listens.
    #[arg(long, value_name = "ADDR|none")]
    imaps: Option<At<SocketAddr>>,
    /// Where LMTP listens. Delivery is not there yet: told as `lmtp=none`.
    #[arg(long, value_name = "ADDR|none")]
    lmtp: Option<At<SocketAddr>>,
    /// The Unix socket of the admin API [default: admin.sock in the data directory].
    #[arg(long, value_name = "SOCKET|none")]
    admin: Option<At<PathBuf>>,
    /// Take passwords without TLS; on loopback addresses only.
    #[arg(long)]
    allow_cleartext: bool,
}

/// A place to listen at, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct At<T>(Option<T>);

impl FromStr for At<SocketAddr> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let mut found = text.to_socket_addrs().map_err(|error| format!("ADDRESS:PORT or `none`: {error}"))?;
        found.next().map(|address| Self(Some(address))).ok_or_else(|| "no such address".into())
    }
}

impl FromStr for At<PathBuf> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self((text != "none").then(|| text.into())))
    }
}

impl ServeArgs {
    pub(super) async fn run(self, data: Option<PathBuf>) -> Result<(), Failure> {
        let is_demo = self.demo;
        start_log(if is_demo { "warn" } else { "info" });
        if self.lmtp.as_ref().is_some_and(|lmtp| lmtp.0.is_some()) {
            warn!("--lmtp: delivery is not there yet, nothing listens for it");
        }
        let mut config = Config::load(
            self.config.as_deref(),
            Overrides {
                data,
                imap: self.imap.map(|at| at.0),
                imaps: self.imaps.map(|at| at.0),
                admin: self.admin.map(|at| at.0),
                allow_cleartext: self.allow_cleartext || is_demo,
            },
        )?;
        if is_demo {
            config.store.segment_octets = config.store.segment_octets.min(demo::SEGMENT_OCTETS);
        }
        let data = config.data.clone();
        // Before anything answers: a signal that comes while the store opens is not lost.
        let mut signals = Signals::new()?;
        let server = Server::start(config).await?;
        if is_demo {
            match demo::prepare(server.store(), server.users(), &data).await {
                Ok(prepared) => print(&demo::text(&server, &data, &prepared)),
                Err(failure) => {
                    server.stop().await;
                    return Err(failure);
                }
            }
        }
        print(&server.ready_line());
        signals.wait_for_the_end(&server, is_demo).await;
        tokio::select! {
            () = server.stop() => Ok(()),
            () = signals.wait_for_another() => Err("stopped in a hurry: sessions got no goodbye".into()),
        }
    }
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGINT or SIGTERM. SIGHUP reloads meanwhile, or ends a demo: its terminal is gone.
    async fn wait_for_the_end(&mut self, server: &Server, hangup_ends: bool) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => break,
                _ = self.terminate.recv() => break,
                _ = self.hangup.recv() => {
                    if hangup_ends {
                        break;
                    }
                    server.reload();
                }
            }
        }
        info!("stopping");
    }

    /// Waits for somebody who has no patience.
    async fn wait_for_another(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The log goes to the standard error; a panic of a task is a line of it too.
fn start_log(default: &str) {
    let filter = EnvFilter::try_from_env("RESTANTE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .try_init();
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let backtrace = std::backtrace::Backtrace::capture();
            error!(%panic, %backtrace, "a bug: a task ended in a panic");
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_an_address_or_none() {
        assert_eq!("none".parse(), Ok(At::<SocketAddr>(None)));
        assert_eq!("127.0.0.1:0".parse(), Ok(At(Some(SocketAddr::from(([127, 0, 0, 1], 0))))));
        for wrong in ["143", "127.0.0.1", ""] {
            assert!(wrong.parse::<At<SocketAddr>>().is_err(), "{wrong}");
        }
        assert_eq!("none".parse(), Ok(At::<PathBuf>(None)));
    }
}
