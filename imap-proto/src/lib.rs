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
//!
//! A proxy does both. What it reads from one side it writes to the other: to the server as a client does, to the
//! client in the dialect of its session:
//!
//! ```
//! use imap_proto::Dialect;
//! use imap_proto::command::Command;
//! use imap_proto::response::Response;
//! use imap_proto::wire::{Event, Framer, Limits, ResponseEvent, ResponseFramer};
//!
//! let mut from_client = Framer::new(Limits {
//!     line_octets_max: 65_536,
//!     literal_octets_max: 65_536,
//!     literals_max: 64,
//!     dropped_octets_max: 1 << 20,
//! });
//! from_client.receive(b"c7 list {0}\r\n");
//! let Some(Event::Literal(head)) = from_client.poll() else { panic!("a literal is announced") };
//! assert!(head.synchronizing, "the client waits for `+`");
//! assert!(from_client.accept_argument());
//! from_client.receive(b" %\r\n");
//! let Some(Event::Command(frame)) = from_client.poll() else { panic!("now the command is whole") };
//! let (tag, command) = Command::parse(&frame, Dialect::SILENT).expect("it follows the grammar");
//!
//! let mut to_server = Vec::new();
//! let waits = command.write(&tag, true, &mut to_server);
//! assert_eq!(to_server, b"c7 LIST \"\" \"%\"\r\n");
//! assert!(waits.is_empty(), "no literal that the server must ask for");
//!
//! let mut from_server = ResponseFramer::new(1 << 20, 1 << 16);
//! from_server.receive(b"* LIST () \"/\" \"5\\\" disks\"\r\nc7 OK Done\r\n");
//! let mut to_client = Vec::new();
//! while let Some(ResponseEvent::Response(frame)) = from_server.poll() {
//!     let response = Response::parse(&frame).expect("a response");
//!     response.write(&mut to_client, Dialect::SILENT);
//! }
//! // The oldest clients know no backslash in quotes.
//! assert_eq!(to_client, b"* LIST () \"/\" {8}\r\n5\" disks\r\nc7 OK Done\r\n");
//! ```
//!
//! # Where the grammar is
//!
//! Each command, response and option has its types, parser and writer in one file. Of the commands (`command/`):
//!
//! | grammar | RFC | file |
//! | --- | --- | --- |
//! | SELECT, EXAMINE; CONDSTORE, QRESYNC, ANNOTATE | 9051, 7162, 5257 | `select` |
//! | CREATE; USE | 9051, 6154 | `create` |
//! | LIST, its options, STATUS, SPECIAL-USE, MYRIGHTS, METADATA; LSUB, RLIST, RLSUB, XLIST, FIND | 9051, 5258, 5819, 6154, 8440, 9590, 2193, 1176 | `list` |
//! | DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, BBOARD, GETACL, MYRIGHTS, GETQUOTAROOT | 9051, 4314, 9208, 1176 | `mailbox` |
//! | STATUS | 9051, 7162, 7889, 8438, 8474, 9208 | `status` |
//! | APPEND, MULTIAPPEND, CATENATE, UTF8, REPLACE | 9051, 3502, 4469, 6855, 8508 | `append` |
//! | FETCH, its items and modifiers; PARTIAL of IMAP4 | 9051, 7162, 9394, 8474, 8514, 8970, 5257, 1730 | `fetch` |
//! | STORE; UNCHANGEDSINCE, annotations, labels | 9051, 7162, 5257 | `store` |
//! | SEARCH and every search key | 9051, 3501, 5032, 5257, 5466, 6203, 7162, 8474, 8514, 9738 | `search` |
//! | RETURN of SEARCH, SORT and ESEARCH | 4731, 5182, 5267, 6203, 9394 | `search_return` |
//! | SORT, THREAD | 5256, 5957, 5267, 6203 | `sort` |
//! | ESEARCH, NOTIFY and the mailboxes they name | 7377, 5465 | `esearch`, `notify`, `mailbox_filter` |
//! | CANCELUPDATE, UIDBATCHES | 5267, 10022 | `cancel_update`, `uid_batches` |
//! | COPY, MOVE, UID EXPUNGE | 9051 | `message` |
//! | SETACL, DELETEACL, LISTRIGHTS | 4314 | `acl` |
//! | GETQUOTA, SETQUOTA | 9208 | `quota` |
//! | GETMETADATA, SETMETADATA | 5464 | `metadata` |
//! | GENURLAUTH, RESETKEY, URLFETCH | 4467, 5524 | `urlauth` |
//! | LANGUAGE, COMPARATOR | 5255 | `language` |
//! | CONVERT, CONVERSIONS | 5259 | `convert` |
//! | LOGIN, AUTHENTICATE, ENABLE, ID, COMPRESS | 9051, 4959, 5161, 2971, 4978 | `auth`, `enable`, `id`, `compress` |
//! | UNAUTHENTICATE, GETJMAPACCESS and all else without arguments | 8437, 9698 | the table in `command/mod.rs` |
//!
//! Of the responses (`response/`):
//!
//! | grammar | RFC | file |
//! | --- | --- | --- |
//! | OK, NO, BAD, BYE, PREAUTH, `+`; numbers with a word; MAILBOX, BBOARD | 9051, 1176 | `response/mod.rs` |
//! | response codes | 9051, 5530 and the extensions | `code` |
//! | CAPABILITY, ENABLED; the names that are known | 9051 | `capability`, `known_capability` |
//! | FLAGS, PERMANENTFLAGS | 9051 | `flags` |
//! | LIST, LSUB, XLIST with extended data | 9051, 5258, 6154 | `list` |
//! | NAMESPACE | 9051, 5255 | `namespace` |
//! | STATUS | 9051, 7162, 7889, 8474, 9208 | `status` |
//! | SEARCH, SORT; THREAD; ESEARCH | 3501, 5256, 4731, 5267, 6203, 7377, 9394 | `search`, `thread`, `esearch` |
//! | FETCH, UIDFETCH, STORE of RFC 1176, their items | 9051, 9586, 8474, 8514, 8970, 5257 | `fetch` |
//! | VANISHED | 7162 | `vanished` |
//! | ID | 2971 | `id` |
//! | ACL, LISTRIGHTS, MYRIGHTS | 4314 | `acl` |
//! | QUOTA, QUOTAROOT | 9208 | `quota` |
//! | METADATA | 5464 | `metadata` |
//! | LANGUAGE, COMPARATOR | 5255 | `language` |
//! | GENURLAUTH, URLFETCH | 4467, 5524 | `url` |
//! | CONVERTED, CONVERSION | 5259 | `convert` |
//! | UIDBATCHES | 10022 | `uid_batches` |
//! | JMAPACCESS | 9698 | `response/mod.rs` |
//!
//! What is the same in all (strings, numbers, sets, dates, flags) is in `parse/`; octets and literals in `wire/`.

pub mod command;
mod dialect;
mod error;
mod parse;
pub mod response;
pub mod types;
pub mod wire;

pub use dialect::{Dialect, Level};
pub use error::ParseError;
