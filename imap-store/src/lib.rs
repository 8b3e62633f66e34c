//! The mail store: a log of changes per account, its fold, checkpoints, views, MIME structure and search.
//!
//! The truth is an append-only [`log`] of changes, ordered per account. What a mailbox holds is what comes of
//! applying them; checkpoints, summaries and whatever else lies on the disk can be lost and is made again.
//! Readers take a [`Snapshot`](account::Snapshot), which never changes; writers call the operations of an
//! [`Account`](account::Account), which answer once what they did is on the disk and in view.
//!
//! ```
//! use imap_proto::types::{MailboxName, SeqNum};
//! use imap_store::account::NewMessage;
//! use imap_store::{Options, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let (store, report) = Store::open(dir, Options::default())?;
//! assert!(report.findings.is_empty());
//! let user = store.create_user("alice", b"an opaque credential record".to_vec()).await?;
//! let account = store.account(user.account)?;
//!
//! let mut upload = account.upload();
//! upload.write(b"Subject: hello\r\n\r\nHello, world.\r\n").await?;
//! let uploaded = upload.finish().await?;
//! let inbox = account.snapshot().mailbox_named(&MailboxName::inbox()).expect("all have one").id();
//! let message = NewMessage { uploaded, flags: Vec::new(), internal_date: None };
//! let appended = account.append(inbox, vec![message]).await?;
//! assert_eq!(appended.uids.ranges(), [(1, 1)]);
//!
//! // It is durable and in view. Reading octets blocks: a server does it on a thread for that.
//! let snapshot = account.snapshot();
//! let inbox = snapshot.mailbox(inbox).expect("still there");
//! let first = inbox.at(SeqNum::MIN).expect("one message");
//! assert_eq!(account.read(&snapshot, &first, 9..14)?, &b"hello"[..]);
//! store.close();
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })
//! # }
//! ```

pub mod account;
mod accounts;
mod blocking;
mod check;
mod checkpoint;
mod clock;
mod compact;
pub mod engine;
mod error;
pub mod files;
mod fold;
mod index;
pub mod log;
mod memory_disk;
pub mod message;
mod open;
mod restore;
pub mod search;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod store;
#[cfg(test)]
mod tests;
mod timed;
mod transfer;

pub use check::{Affected, CheckReport};
pub use clock::Clock;
pub use compact::CompactReport;
pub use error::{OpenError, StoreError};
pub use restore::{RestoreError, RestoreFrom, Restored};
pub use store::{Durability, OpenReport, Options, Store, User};
pub use timed::CommitTimes;
pub use transfer::Across;
