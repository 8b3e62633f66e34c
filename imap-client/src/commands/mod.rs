//! The typed commands of [`crate::Connection`], one file a family.

pub(crate) mod append;
pub(crate) mod fetch;
pub(crate) mod idle;
pub(crate) mod list;
mod login;
mod mailbox;
pub(crate) mod message;
pub(crate) mod select;
mod session;

use imap_proto::types::{MailboxName, NameForm, WireMailbox};

/// The name as a session that has enabled nothing writes it.
fn wire(name: &MailboxName) -> WireMailbox {
    WireMailbox(name.encode(NameForm::ModifiedUtf7).into())
}
