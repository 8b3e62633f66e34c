//! IMAP on the wire: types, parsers and writers, both directions, every dialect from IMAP2 (RFC 1176) to
//! IMAP4rev2 (RFC 9051). No I/O, no clock, no task: octets go in, values come out, and the other way round.
//!
//! Octets become frames ([`wire`]), frames become [`command`]s and [`response`]s made of [`types`]. A server
//! feeds a [`wire::Framer`] and parses what it finds:
//!
//! ```
//! use imap_proto::Dialect;
//! use imap_proto::command::{Command, FetchItem};
//! use imap_proto::wire::{Event, Framer, Limits};
//!
//! let mut framer = Framer::new(Limits {
//!     line_octets_max: 65_536,
//!     literal_octets_max: 65_536,
//!     literals_max: 64,
//!     dropped_octets_max: 1 << 20,
//! });
//! framer.receive(b"a1 UID FETCH 1:* (FLAGS BODY.PEEK[HEADER])\r\n");
//! let Some(Event::Command(frame)) = framer.poll() else { panic!("a whole line is a command") };
//!
//! let (tag, command) = Command::parse(&frame, Dialect::IMAP4).expect("it follows the grammar");
//! let Command::Fetch(fetch) = command else { panic!("it is a FETCH") };
//! assert_eq!(tag.as_bytes(), b"a1");
//! assert!(fetch.uid);
//! assert_eq!(fetch.items[0], FetchItem::Flags);
//! ```
//!
//! A client writes with [`command::Command::write`], finds responses in what the socket brings, and reads them:
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

pub mod command;
mod dialect;
mod error;
mod parse;
pub mod response;
pub mod types;
pub mod wire;

pub use dialect::{Dialect, Level};
pub use error::ParseError;
