//! The admin API: gRPC over a Unix socket that only the server's own user can open.
//!
//! `service` answers, `convert` stands between the generated types and ours (no other module names them), [`client`] is
//! the command line's side. The file's mode is the authentication: whoever can open the socket is the operator.

mod access;
pub mod client;
mod convert;
mod service;
pub mod sharing;
mod socket;
mod store;
pub mod store_client;

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

/// What a user is and may do, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserDetailInfo {
    /// The name.
    pub name: String,
    /// The user gets in by no way.
    pub disabled: bool,
    /// May act as any other user.
    pub admin: bool,
    /// RFC 3339: the end of the user's time.
    pub expires: Option<String>,
    /// There is a password beside those of applications.
    pub has_password: bool,
    /// Passwords of single programs.
    pub application_passwords: Vec<ApplicationPasswordInfo>,
}

/// A password of one program's own, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplicationPasswordInfo {
    /// What the user calls it.
    pub name: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339, give or take an hour.
    pub last_used: Option<String>,
    /// Empty: all.
    pub protocols: Vec<String>,
    /// Empty: all.
    pub networks: Vec<String>,
}

/// A session that is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// Of this run of the server.
    pub id: u64,
    /// Whose mail is open.
    pub user: String,
    /// Who proved to be somebody.
    pub authenticated: String,
    /// ADDRESS:PORT.
    pub address: String,
    /// The listener's name.
    pub listener: String,
    /// `login` is the LOGIN command.
    pub mechanism: String,
    /// The TLS version; empty: none.
    pub tls: String,
    /// RFC 3339.
    pub since: String,
    /// What the client has shown to speak so far.
    pub dialect: String,
}

/// A banned address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BanInfo {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    pub address: String,
    /// How long it still lasts.
    pub remaining_seconds: u64,
}

/// A TLS certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateRow {
    /// That it is shown for.
    pub names: Vec<String>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// The issuer's name.
    pub issuer: String,
    /// The file.
    pub file: String,
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
