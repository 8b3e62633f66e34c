//! IMAP on the wire: types, parsers and writers, both directions, no I/O.
#![allow(clippy::todo)]

pub mod command;
mod dialect;
mod error;
mod parse;
pub mod response;
pub mod types;
pub mod wire;

pub use dialect::{Dialect, Level};
pub use error::ParseError;
