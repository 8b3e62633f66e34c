//! IDLE: waits for news, and yields to commands by itself.

use std::time::Duration;

use bytes::Bytes;
use imap_proto::command::Command;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::net::{Events, Replies};
use crate::session::Reply;
use crate::{Connection, Event, Result};

/// A connection that waits for news of the selected mailbox, until it is stopped or dropped.
///
/// Other commands may be sent all the while: the IDLE ends for them and begins anew. It is also renewed before servers
/// take the connection for dead. Where the server has no IDLE, it is asked with NOOP once a minute.
pub struct Idle {
    connection: Connection,
    events: Events,
    waiting: Waiting,
}

/// How the connection waits now.
enum Waiting {
    /// Not at all: the next call begins.
    No,
    /// In an IDLE; dropping `stop` ends it.
    Idle { replies: Replies, stop: mpsc::Sender<Bytes>, renew: Instant },
    /// NOOP at that time.
    Poll(Instant),
}

impl Connection {
    /// Begins to wait for news. Events from now on are not missed, also between the calls of [`Idle::next`].
    pub async fn idle(&self) -> Result<Idle> {
        let mut idle = Idle { connection: self.clone(), events: self.events(), waiting: Waiting::No };
        idle.begin().await?;
        Ok(idle)
    }
}

impl Idle {
    /// The next event. An error when the server refuses, or the connection has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            match &mut self.waiting {
                Waiting::No => self.begin().await?,
                Waiting::Idle { replies, renew, .. } => {
                    tokio::select! {
                        biased;
                        Some(event) = self.events.next() => return Ok(event),
                        reply = replies.next_without_deadline() => {
                            if let Reply::Done(tagged) = reply? {
                                // It made room for a command.
                                self.waiting = Waiting::No;
                                tagged.into_result()?;
                            }
                        }
                        () = sleep_until(*renew) => self.end().await?,
                    }
                }
                Waiting::Poll(at) => {
                    tokio::select! {
                        biased;
                        Some(event) = self.events.next() => return Ok(event),
                        () = sleep_until(*at) => {
                            *at = Instant::now() + POLL;
                            self.connection.noop().await?;
                        }
                    }
                }
            }
        }
    }

    /// Ends it, and waits until the server has agreed.
    pub async fn stop(mut self) -> Result<()> {
        self.end().await
    }

    async fn begin(&mut self) -> Result<()> {
        if !self.connection.capabilities().has("IDLE") && !self.connection.capabilities().has("IMAP4rev2") {
            self.waiting = Waiting::Poll(Instant::now() + POLL);
            return Ok(());
        }
        let (stop, feed) = mpsc::channel(1);
        let replies = self.connection.submit(self.connection.request(Command::Idle), Some(feed)).await?;
        self.waiting = Waiting::Idle { replies, stop, renew: Instant::now() + RENEW };
        Ok(())
    }

    async fn end(&mut self) -> Result<()> {
        if let Waiting::Idle { mut replies, stop, .. } = std::mem::replace(&mut self.waiting, Waiting::No) {
            drop(stop);
            replies.done().await?;
        }
        Ok(())
    }
}

/// Servers close after 30 minutes (RFC 2177); some routers forget sooner.
const RENEW: Duration = Duration::from_secs(24 * 60);
const POLL: Duration = Duration::from_secs(60);
