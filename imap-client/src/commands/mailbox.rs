//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

use imap_proto::command::{Command, OneMailbox, Rename};
use imap_proto::types::MailboxName;

use super::wire;
use crate::{Connection, Result};

impl Connection {
    /// CREATE (RFC 9051 §6.3.4).
    pub async fn create(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Create(one(mailbox))).await.map(drop)
    }

    /// DELETE: the mailbox and all messages in it (RFC 9051 §6.3.5).
    pub async fn delete(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Delete(one(mailbox))).await.map(drop)
    }

    /// RENAME (RFC 9051 §6.3.6). Of INBOX it moves the messages and leaves an empty INBOX.
    pub async fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<()> {
        self.run(Command::Rename(Rename { from: wire(from), to: wire(to) })).await.map(drop)
    }

    /// SUBSCRIBE (RFC 9051 §6.3.7).
    pub async fn subscribe(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Subscribe(one(mailbox))).await.map(drop)
    }

    /// UNSUBSCRIBE (RFC 9051 §6.3.8).
    pub async fn unsubscribe(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Unsubscribe(one(mailbox))).await.map(drop)
    }
}

pub(super) fn one(mailbox: &MailboxName) -> OneMailbox {
    OneMailbox { mailbox: wire(mailbox) }
}
