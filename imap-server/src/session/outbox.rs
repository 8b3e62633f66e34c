//! [`Outbox`]: what a session has written and not yet sent, and the way to the socket.
//!
//! Handlers see this and not the driver's type, so that there is one copy of each of them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::Output;

/// The peer is gone: the connection is over, and nothing more can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Octets on their way out, sent in pieces so that a long answer needs little memory.
pub(crate) struct Outbox<'a> {
    /// What is written and not yet sent.
    pub(crate) buffer: Vec<u8>,
    sink: &'a mut (dyn Sink + 'a),
    piece_octets: usize,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(buffer: Vec<u8>, sink: &'a mut (dyn Sink + 'a), piece_octets: usize) -> Self {
        Self { buffer, sink, piece_octets }
    }

    /// Octets that are gathered before they are sent.
    pub(crate) fn piece_octets(&self) -> usize {
        self.piece_octets
    }

    /// Sends what is written, and waits while the peer does not read.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.sink.send(&mut self.buffer).await
    }

    /// Whether a piece is full.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= self.piece_octets
    }

    /// Sends a piece that is full: between the lines of a long answer.
    pub(crate) async fn flush_if_full(&mut self) -> Result<(), Gone> {
        if self.is_full() { self.flush().await } else { Ok(()) }
    }

    /// Comes back once it is seen that the peer is gone.
    pub(crate) async fn gone(&mut self) -> Gone {
        self.sink.gone().await
    }

    /// Lets time pass before an answer, as long as somebody is there who waits for it.
    pub(crate) async fn pause(&mut self, time: Duration) -> Result<(), Gone> {
        if time.is_zero() { Ok(()) } else { self.sink.pause(time).await }
    }
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<(), Gone>> + Send + 'a>>;

/// [`Output`] behind a pointer.
pub(super) trait Sink: Send {
    fn send<'a>(&'a mut self, octets: &'a mut Vec<u8>) -> Sent<'a>;
    fn gone(&mut self) -> Pin<Box<dyn Future<Output = Gone> + Send + '_>>;
    fn pause(&mut self, time: Duration) -> Sent<'_>;
}

/// A driver's [`Output`] as a [`Sink`]: keeps the error for the driver.
pub(super) struct Adapter<'o, O: Output> {
    pub(super) output: &'o mut O,
    pub(super) error: Option<O::Error>,
}

impl<O: Output> Sink for Adapter<'_, O> {
    fn send<'a>(&'a mut self, octets: &'a mut Vec<u8>) -> Sent<'a> {
        Box::pin(async move {
            self.output.send(octets).await.map_err(|error| {
                self.error = Some(error);
                Gone
            })
        })
    }

    fn gone(&mut self) -> Pin<Box<dyn Future<Output = Gone> + Send + '_>> {
        Box::pin(async move {
            self.error = Some(self.output.gone().await);
            Gone
        })
    }

    fn pause(&mut self, time: Duration) -> Sent<'_> {
        Box::pin(async move {
            self.output.pause(time).await.map_err(|error| {
                self.error = Some(error);
                Gone
            })
        })
    }
}
