//! [`Connection`]: the handle of a connection, and what its commands are made of.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use imap_auth::ChannelBindings;
use imap_proto::command::Command;
use imap_proto::response::{Code, Response};
use tokio::sync::{broadcast, mpsc, watch};

use super::driver::Submission;
use super::events::Events;
use crate::capabilities::Capabilities;
use crate::session::{Reply, Request};
use crate::{Error, Event, Result};

/// A connection to a server. Cheap to clone; any number of callers may use it at once.
///
/// Commands are sent in the order in which their futures are first polled, without a wait for earlier replies. A
/// future that is dropped leaves its command to run its course; its replies are read and dropped. Commands by sequence
/// number mean what they say only while no message is expunged in between: use UIDs where others may expunge.
///
/// When the last clone and every stream of it is dropped, the connection is closed.
#[derive(Clone)]
pub struct Connection {
    submit: mpsc::Sender<Submission>,
    inner: Arc<Inner>,
}

struct Inner {
    shared: Shared,
    capabilities: watch::Receiver<Arc<Capabilities>>,
    events: broadcast::Receiver<Event>,
    ending: Arc<Ending>,
}

/// What every command has to know.
pub(super) struct Shared {
    pub(super) deadline: Duration,
    pub(super) passwords_allowed: bool,
    pub(super) preauthenticated: bool,
    /// What ties a login to the TLS connection.
    pub(super) bindings: ChannelBindings,
    /// Ends the connection: the server is not the one that was meant.
    pub(super) distrust: watch::Sender<bool>,
}

/// Why the connection ended, once it has.
#[derive(Default)]
pub(super) struct Ending(OnceLock<Error>);

impl Ending {
    pub(super) fn set(&self, error: Error) {
        // There is one driver, and it ends once.
        let _ = self.0.set(error);
    }

    fn get(&self) -> Error {
        let unknown = || Error::Closed { reason: "its task is gone".into() };
        self.0.get().cloned().unwrap_or_else(unknown)
    }
}

/// The driver's side of what all handles see.
pub(super) struct News {
    capabilities: watch::Sender<Arc<Capabilities>>,
    events: broadcast::Sender<Event>,
}

impl News {
    pub(super) fn new(
        capabilities: Capabilities,
        events: broadcast::Sender<Event>,
    ) -> (Self, watch::Receiver<Arc<Capabilities>>) {
        let (sender, receiver) = watch::channel(Arc::new(capabilities));
        (Self { capabilities: sender, events }, receiver)
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody may listen.
        let _ = self.events.send(event);
    }

    pub(super) fn capabilities(&self, capabilities: Capabilities) {
        self.capabilities.send_replace(Arc::new(capabilities));
    }
}

impl Connection {
    pub(super) fn new(
        submit: mpsc::Sender<Submission>,
        shared: Shared,
        capabilities: watch::Receiver<Arc<Capabilities>>,
        events: broadcast::Receiver<Event>,
        ending: Arc<Ending>,
    ) -> Self {
        Self { submit, inner: Arc::new(Inner { shared, capabilities, events, ending }) }
    }

    /// What the server said last that it can do.
    pub fn capabilities(&self) -> Arc<Capabilities> {
        self.inner.capabilities.borrow().clone()
    }

    /// The news of the connection from now on.
    pub fn events(&self) -> Events {
        Events(self.inner.events.resubscribe())
    }

    /// Whether the server let us in without a login (PREAUTH).
    pub fn is_preauthenticated(&self) -> bool {
        self.inner.shared.preauthenticated
    }

    pub(crate) fn passwords_allowed(&self) -> bool {
        self.inner.shared.passwords_allowed
    }

    /// What ties a login to the TLS connection; empty without TLS.
    pub(crate) fn bindings(&self) -> &ChannelBindings {
        &self.inner.shared.bindings
    }

    /// Ends the connection for everybody: the server did not prove to be the one that was meant.
    pub(crate) fn distrust(&self) {
        self.inner.shared.distrust.send_replace(true);
    }

    pub(crate) fn request(&self, command: Command) -> Request {
        Request { command, literal_plus: self.capabilities().literal_plus() }
    }

    /// Sends a command and gives its replies.
    pub(crate) async fn send(&self, command: Command) -> Result<Replies> {
        self.submit(self.request(command), None).await
    }

    /// Sends a command that nothing but its tagged reply is wanted of; gives the code of its OK.
    pub(crate) async fn run(&self, command: Command) -> Result<Option<Code>> {
        self.run_with(command, |_| ()).await
    }

    /// Sends a command, shows each of its responses, and gives the code of its OK.
    pub(crate) async fn run_with(
        &self,
        command: Command,
        mut show: impl FnMut(Response),
    ) -> Result<Option<Code>> {
        let mut replies = self.send(command).await?;
        loop {
            match replies.next().await? {
                Reply::Data(response) => show(response),
                Reply::Done(tagged) => return tagged.into_result(),
                Reply::StreamStart { .. } | Reply::Chunk(_) | Reply::StreamEnd | Reply::Continue(_) => {}
            }
        }
    }

    /// Sends a request whose caller has more to say.
    pub(crate) async fn submit(
        &self,
        request: Request,
        feed: Option<mpsc::Receiver<Bytes>>,
    ) -> Result<Replies> {
        let (replies, receiver) = mpsc::channel(REPLIES_MAX);
        let deadline = self.inner.shared.deadline;
        let sent = self.submit.send_timeout(Submission { request, replies, feed }, deadline).await;
        match sent {
            Ok(()) => Ok(Replies { receiver, inner: Arc::clone(&self.inner) }),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Error::Timeout),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(self.inner.ending.get()),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// The replies to one command.
pub(crate) struct Replies {
    receiver: mpsc::Receiver<Reply>,
    inner: Arc<Inner>,
}

impl Replies {
    /// The next reply, within the deadline. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Reply> {
        let deadline = self.inner.shared.deadline;
        tokio::time::timeout(deadline, self.next_without_deadline()).await.map_err(|_| Error::Timeout)?
    }

    /// The next reply, whenever it comes: for IDLE.
    pub(crate) async fn next_without_deadline(&mut self) -> Result<Reply> {
        self.receiver.recv().await.ok_or_else(|| self.inner.ending.get())
    }

    /// The tagged reply; what comes before it is passed over.
    pub(crate) async fn done(&mut self) -> Result<Option<Code>> {
        loop {
            if let Reply::Done(tagged) = self.next().await? {
                return tagged.into_result();
            }
        }
    }
}

/// Replies that a slow caller may be behind; beyond that nothing is read from the socket.
const REPLIES_MAX: usize = 16;
