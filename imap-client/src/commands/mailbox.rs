//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

use imap_proto::command::{Command, Create, OneMailbox, Rename, Subscription};
use imap_proto::types::MailboxName;

use super::wire;
use crate::{Connection, Result};

impl Connection {
    /// CREATE (RFC 9051 §6.3.4).
    pub async fn create(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Create(Create::new(wire(mailbox)))).await.map(drop)
    }

    /// DELETE: the mailbox and all messages in it (RFC 9051 §6.3.5).
    pub async fn delete(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Delete(OneMailbox { mailbox: wire(mailbox) })).await.map(drop)
    }

    /// RENAME (RFC 9051 §6.3.6). Of INBOX it moves the messages and leaves an empty INBOX.
    pub async fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<()> {
        self.run(Command::Rename(Rename { from: wire(from), to: wire(to) })).await.map(drop)
    }

    /// SUBSCRIBE (RFC 9051 §6.3.7).
    pub async fn subscribe(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Subscribe(subscription(mailbox))).await.map(drop)
    }

    /// UNSUBSCRIBE (RFC 9051 §6.3.8).
    pub async fn unsubscribe(&self, mailbox: &MailboxName) -> Result<()> {
        self.run(Command::Unsubscribe(subscription(mailbox))).await.map(drop)
    }
}

fn subscription(mailbox: &MailboxName) -> Subscription {
    Subscription { mailbox: wire(mailbox), bulletin_board: false }
}
