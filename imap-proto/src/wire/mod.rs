//! Octets to frames and back: lines, literals, limits. Sync, no I/O, no clock.
//!
//! [`Framer`] is the server's side; [`ResponseFramer`] the client's. [`write`](mod@write) has the primitives
//! of every writer (atoms, strings by dialect, literals, numbers).

mod framer;
pub(crate) mod read;
mod response_framer;
pub mod write;

pub use framer::{Event, Expect, Framer, Limits, LiteralHead};
pub use response_framer::{ResponseEvent, ResponseFramer};
