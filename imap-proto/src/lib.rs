//! IMAP on the wire: types, parsers and writers, both directions, no I/O.
//!
//! A client finds responses in what the socket brings, and reads them:
//!
//! ```
//! use imap_proto::response::{FetchAttribute, Response};
//! use imap_proto::wire::{ResponseEvent, ResponseFramer};
//!
//! let mut framer = ResponseFramer::new(1 << 20, 1 << 16);
//! framer.receive(b"* 12 FETCH (UID 447 BODY[1] {5}\r\nHel");
//! assert_eq!(framer.poll(), None); // The literal is not complete.
//! framer.receive(b"lo)\r\n");
//! let Some(ResponseEvent::Response(frame)) = framer.poll() else { panic!("a whole response") };
//! let Ok(Response::Fetch { seq_num, attributes }) = Response::parse(&frame) else { panic!("a FETCH") };
//! assert_eq!(seq_num.get(), 12);
//! let [FetchAttribute::Uid(uid), FetchAttribute::Section { data, .. }] = &attributes[..] else {
//!     panic!("two attributes");
//! };
//! assert_eq!((uid.get(), data.as_deref()), (447, Some(b"Hello".as_slice())));
//! ```
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
