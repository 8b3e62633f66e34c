//! The driver: the one task of a connection. A dull loop between the socket, the session and the callers.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{broadcast, mpsc, watch};

use super::connect::BoxStream;
use super::connection::{Connection, Ending, News, Shared};
use crate::capabilities::Capabilities;
use crate::session::{CommandId, Output, Reply, Request, Session};
use crate::{Error, Event, Result};

/// A command on its way to the driver.
pub(super) struct Submission {
    pub(super) request: Request,
    /// Dropped by a caller who does not wait any more: what comes is read and dropped.
    pub(super) replies: mpsc::Sender<Reply>,
    /// What the caller adds: the octets of an upload, the lines of an exchange. Its end ends an IDLE.
    pub(super) feed: Option<mpsc::Receiver<Bytes>>,
}

pub(super) struct Driver {
    session: Session,
    submissions: mpsc::Receiver<Submission>,
    /// `None` once every handle is gone.
    open: bool,
    /// Came during an IDLE, and ends it.
    waiting: Option<Submission>,
    callers: HashMap<CommandId, mpsc::Sender<Reply>>,
    feed: Option<mpsc::Receiver<Bytes>>,
    /// Fed as the socket takes it.
    leftover: Bytes,
    /// A caller that is slow: nothing is read until it has taken this.
    held: Option<(mpsc::Sender<Reply>, Reply)>,
    news: News,
    deadline: Duration,
    distrust: watch::Receiver<bool>,
    bye: Option<String>,
}

impl Driver {
    /// Starts the task of a connection, and gives the first handle.
    pub(super) fn spawn(
        stream: BoxStream,
        session: Session,
        shared: Shared,
        capabilities: Capabilities,
    ) -> Connection {
        let (submit, submissions) = mpsc::channel(SUBMISSIONS_MAX);
        let (events, first_receiver) = broadcast::channel(EVENTS_MAX);
        let ending = Arc::new(Ending::default());
        let (news, known) = News::new(capabilities, events);
        let driver = Self {
            session,
            submissions,
            open: true,
            waiting: None,
            callers: HashMap::new(),
            feed: None,
            leftover: Bytes::new(),
            held: None,
            news,
            deadline: shared.deadline,
            distrust: shared.distrust.subscribe(),
            bye: None,
        };
        let connection = Connection::new(submit, shared, known, first_receiver, Arc::clone(&ending));
        tokio::spawn(async move { driver.run(stream, &ending).await });
        connection
    }

    async fn run(mut self, stream: BoxStream, ending: &Ending) {
        let (reader, mut writer) = tokio::io::split(stream);
        let error = match self.serve(reader, &mut writer).await {
            Ok(()) => Error::Closed { reason: "it was given up".into() },
            Err(error) => error,
        };
        tracing::debug!(%error, "an IMAP connection ends");
        // Before the callers see their channels close.
        ending.set(match self.bye.take() {
            Some(reason) => Error::Closed { reason },
            None => error,
        });
        // The server may be gone already; there is nobody to tell.
        let _ = tokio::time::timeout(SHUTDOWN_MAX, writer.shutdown()).await;
    }

    /// Until every handle is gone and nothing is left to do, or an error.
    async fn serve(
        &mut self,
        mut reader: ReadHalf<BoxStream>,
        writer: &mut WriteHalf<BoxStream>,
    ) -> Result<()> {
        let mut buffer = vec![0; READ_OCTETS];
        let mut unflushed = false;
        loop {
            // Before a command that was taken since is started: nobody who is distrusted gets one.
            if *self.distrust.borrow() {
                return Err(Error::Closed { reason: "the server did not prove who it is".into() });
            }
            self.dispatch()?;
            self.start_waiting()?;
            if !self.open && self.is_done() {
                return Ok(());
            }
            self.feed_leftover()?;
            let out = self.session.output();
            let (has_output, has_room) = (!out.is_empty(), out.len() < OUTPUT_OCTETS_MAX);
            let takes_command = self.waiting.is_none() && (self.session.may_start() || self.session.idles());
            tokio::select! {
                written = write_some(writer, out), if has_output || unflushed => {
                    let octets = written?;
                    self.session.written(octets);
                    unflushed = octets > 0;
                }
                taken = hand_over(&mut self.held), if self.held.is_some() => {
                    if !taken {
                        tracing::trace!("a caller went; its replies are dropped");
                    }
                }
                read = reader.read(&mut buffer), if self.held.is_none() => {
                    match read? {
                        0 => return Err(Error::Closed { reason: "the server closed it".into() }),
                        octets => self.session.receive(&buffer[..octets]),
                    }
                }
                submission = self.submissions.recv(), if self.open && takes_command => {
                    self.open = submission.is_some();
                    self.waiting = submission;
                }
                food = next_food(&mut self.feed), if has_room && self.feed.is_some() && self.session.hungry() => {
                    self.fed(food)?;
                }
                Ok(()) = self.distrust.changed() => {}
                () = tokio::time::sleep(self.deadline), if !self.open => return Ok(()),
            }
        }
    }

    /// Hands out what the session found, until a caller is slow.
    fn dispatch(&mut self) -> Result<()> {
        while self.held.is_none() {
            match self.session.poll()? {
                None => break,
                Some(Output::Reply(id, reply)) => self.reply(id, reply),
                Some(Output::Event(event)) => {
                    if let Event::Bye(text) = &event {
                        self.bye = Some(text.clone());
                    }
                    self.news.tell(event);
                }
                Some(Output::Capabilities(names)) => self.news.capabilities(Capabilities::new(names)),
                Some(Output::Greeting(_)) => {}
            }
        }
        Ok(())
    }

    fn reply(&mut self, id: CommandId, reply: Reply) {
        let caller = match &reply {
            Reply::Done(_) => self.callers.remove(&id),
            _ => self.callers.get(&id).cloned(),
        };
        let Some(caller) = caller else { return };
        if let Err(mpsc::error::TrySendError::Full(reply)) = caller.try_send(reply) {
            self.held = Some((caller, reply));
        }
    }

    /// Starts the command that waits, if it may now; while an IDLE is in its way, ends that.
    fn start_waiting(&mut self) -> Result<()> {
        if self.waiting.is_some() && self.session.idles() {
            self.session.feed_ends()?;
        }
        if !self.session.may_start() {
            return Ok(());
        }
        let Some(submission) = self.waiting.take() else { return Ok(()) };
        if submission.replies.is_closed() {
            // Given up before it began.
            return Ok(());
        }
        let id = self.session.start(submission.request);
        self.callers.insert(id, submission.replies);
        self.feed = submission.feed;
        self.leftover = Bytes::new();
        Ok(())
    }

    fn fed(&mut self, food: Option<Bytes>) -> Result<()> {
        match food {
            Some(octets) => {
                self.leftover = octets;
                self.feed_piece()
            }
            None => {
                self.feed = None;
                self.session.feed_ends()
            }
        }
    }

    fn feed_leftover(&mut self) -> Result<()> {
        while !self.leftover.is_empty() && self.session.output().len() < OUTPUT_OCTETS_MAX {
            self.feed_piece()?;
        }
        Ok(())
    }

    /// One piece of what the caller gave, so that an upload is not copied whole. Lines are far smaller.
    fn feed_piece(&mut self) -> Result<()> {
        let piece = self.leftover.split_to(self.leftover.len().min(OUTPUT_OCTETS_MAX));
        self.session.feed(&piece)
    }

    /// Nothing is left to do for anybody who still waits.
    fn is_done(&self) -> bool {
        let nobody_waits = self.callers.values().all(mpsc::Sender::is_closed);
        self.waiting.is_none()
            && self.held.is_none()
            && self.session.output().is_empty()
            && (self.session.is_idle() || (nobody_waits && self.leftover.is_empty()))
    }
}

/// Waits until the caller takes what is held for it; whether it did. Dropping the future loses nothing.
async fn hand_over(held: &mut Option<(mpsc::Sender<Reply>, Reply)>) -> bool {
    let Some((caller, _)) = held else { return false };
    let permit = caller.clone().reserve_owned().await;
    let Some((_, reply)) = held.take() else { return false };
    permit.map(|permit| permit.send(reply)).is_ok()
}

/// Writes what the socket takes now, or flushes where nothing is left to write.
async fn write_some(writer: &mut WriteHalf<BoxStream>, out: &[u8]) -> io::Result<usize> {
    if out.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(out).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        octets => Ok(octets),
    }
}

async fn next_food(feed: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match feed {
        Some(feed) => feed.recv().await,
        None => None,
    }
}

/// Commands that may wait for the driver.
const SUBMISSIONS_MAX: usize = 32;
/// Events that a slow receiver may be behind.
const EVENTS_MAX: usize = 1_024;
const READ_OCTETS: usize = 32 * 1024;
/// Above that, uploads wait for the socket.
const OUTPUT_OCTETS_MAX: usize = 64 * 1024;
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);
