//! An async IMAP client: typed commands, any number of callers on one connection, messages as streams.
//!
//! [`ClientBuilder`] makes a [`Connection`], whose methods are the commands. The protocol runs in a core without I/O
//! (`session/`); one task a connection (`net/`) stands between it and the socket.
//!
//! ```
//! use imap_client::{ClientBuilder, Error, Secret, Security};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! // A server of one command, at the other end of a pipe instead of a network.
//! let (ours, mut theirs) = tokio::io::duplex(1024);
//! tokio::spawn(async move {
//!     theirs.write_all(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n").await?;
//!     let mut line = [0; 1024];
//!     let read = theirs.read(&mut line).await?;
//!     assert_eq!(&line[..read], b"a1 AUTHENTICATE PLAIN AGFsaWNlAHNlc2FtZQ==\r\n");
//!     theirs.write_all(b"a1 OK [CAPABILITY IMAP4rev1 MOVE] logged in\r\n").await?;
//!     // The connection is closed by the client.
//!     theirs.read(&mut line).await
//! });
//!
//! let connection = ClientBuilder::new("localhost", 143, Security::None)
//!     .allow_clear_text_passwords()
//!     .connect_over(ours)
//!     .await?;
//! connection.login("alice", &Secret::new("sesame")).await?;
//! assert!(connection.capabilities().has("MOVE"));
//! # Ok(())
//! # }
//! ```

mod capabilities;
mod commands;
mod error;
mod event;
mod net;
mod session;

pub use capabilities::Capabilities;
pub use commands::append::Appended;
pub use commands::fetch::{Body, FetchEvent, FetchStream, Message};
pub use commands::idle::Idle;
pub use commands::list::{ListEntry, MailboxStatus};
pub use commands::message::{Copied, Messages};
pub use commands::select::Selected;
pub use error::{Error, Result};
pub use event::Event;
pub use imap_auth::Secret;
pub use imap_auth::client::{ClientCredentials, UserPassword};
pub use net::{ClientBuilder, Connection, Events, Security, TlsRoots};
