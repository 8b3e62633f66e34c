//! The admin API: gRPC over a Unix socket that only the server's own user can open.
//!
//! `service` answers, `convert` stands between the generated types and ours (no other module names them), [`client`] is
//! the command line's side. The file's mode is the authentication: whoever can open the socket is the operator.

pub mod client;
mod convert;
mod service;
pub mod sharing;
mod socket;

#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated")]
mod generated {
    include!("generated/restante.admin.v1.rs");

    /// For reflection.
    pub(super) const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
}

#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated")]
mod generated_mailbox {
    include!("generated/restante.mailbox.v1.rs");
}

pub use service::{Admin, serve};
pub use socket::{SocketError, bind};

use serde::Serialize;

/// A user, as the API tells of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    /// The name.
    pub name: String,
    /// The account's number in the store.
    pub account_id: u64,
}

/// A mailbox, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailboxInfo {
    /// The full name in UTF-8.
    pub name: String,
    /// Its identity.
    pub id: u64,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT; 0 when the UIDs are used up.
    pub uid_next: u32,
    /// Messages.
    pub messages: u32,
    /// Messages without \Seen.
    pub unseen: u32,
    /// Octets of all messages.
    pub size_octets: u64,
    /// HIGHESTMODSEQ.
    pub highest_modseq: u64,
}

/// The server, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusInfo {
    /// Of the program.
    pub version: String,
    /// RFC 3339.
    pub started_at: String,
    /// Open IMAP connections.
    pub connections: u32,
    /// What it listens on.
    pub listeners: Vec<ListenerInfo>,
}

/// A listener, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerInfo {
    /// `imap`, `imaps`, `admin`.
    pub kind: String,
    /// ADDRESS:PORT or a socket's path.
    pub address: String,
}
