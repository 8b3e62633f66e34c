//! Sockets, TLS, tasks and timers: the only place that has them.

mod connect;
mod connection;
mod driver;
mod events;
mod tls;

pub use connect::{ClientBuilder, Security};
pub use connection::Connection;
pub(crate) use connection::Replies;
pub use events::Events;
pub use tls::TlsRoots;
