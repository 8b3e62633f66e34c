//! [`Events`]: a receiver of news.

use tokio::sync::broadcast;

use crate::Event;

/// Receives the events of a connection from the moment it was made.
///
/// A receiver that does not keep up loses the oldest events and is told so ([`Event::Lagged`]); it never holds up the
/// connection.
#[derive(Debug)]
pub struct Events(pub(super) broadcast::Receiver<Event>);

impl Events {
    /// The next event; `None` when the connection has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(Event::Lagged(count)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
