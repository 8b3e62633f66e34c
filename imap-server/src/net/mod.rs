//! Sockets, TLS, timers and tasks: the only place that has them.
//!
//! [`Listeners`] accepts, [`tls`] encrypts, `conn` drives one [`Session`](crate::session::Session) over one socket.

pub(crate) mod acme;
mod conn;
mod gate;
mod listener;
mod proxy;
mod stream;
pub mod tls;

pub use gate::Gate;
pub use listener::{BindError, Listener, Listeners, raise_open_files};
