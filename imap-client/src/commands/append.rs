//! APPEND: uploads a message.

use bytes::{Bytes, BytesMut};
use imap_proto::command::{Append, AppendMessage, Command};
use imap_proto::response::Code;
use imap_proto::types::{DateTime, Flag, MailboxName, NumberSet, UidValidity};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

use super::wire;
use crate::session::Request;
use crate::{Connection, Error, Result};

/// Where an appended message is (RFC 4315, APPENDUID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// What the UID is valid under.
    pub uid_validity: UidValidity,
    /// The UID of the message; a set, since the wire has one.
    pub uids: NumberSet,
}

impl Connection {
    /// APPEND of a message that is in memory (RFC 9051 §6.3.12). `None` where the server does not say which UID it has.
    ///
    /// Without LITERAL+, and of more than 1 MiB, the server is asked before the octets go out; a NO then costs no upload.
    pub async fn append(
        &self,
        mailbox: &MailboxName,
        flags: &[Flag],
        internal_date: Option<DateTime>,
        message: impl Into<Bytes>,
    ) -> Result<Option<Appended>> {
        let message = message.into();
        let size_octets = message.len() as u64;
        let append = append(mailbox, flags, internal_date, size_octets);
        let (octets, feed) = mpsc::channel(1);
        // It holds one, so the whole message is handed over already, and dropping this future cuts nothing short.
        octets
            .try_send(message)
            .map_err(|_| Error::Argument { what: "the message cannot be handed over" })?;
        self.upload(append, size_octets, feed).await
    }

    /// APPEND of a message of `size_octets` octets that comes from somewhere, held in small pieces only.
    ///
    /// If the reader ends early, fails, or this future is dropped in the middle, the connection is closed, as IMAP has no
    /// way to take back a message that was begun; the mailbox stays as it was.
    pub async fn append_from(
        &self,
        mailbox: &MailboxName,
        flags: &[Flag],
        internal_date: Option<DateTime>,
        size_octets: u64,
        message: impl AsyncRead + Unpin,
    ) -> Result<Option<Appended>> {
        let append = append(mailbox, flags, internal_date, size_octets);
        let (octets, feed) = mpsc::channel(1);
        let answer = self.upload(append, size_octets, feed);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            // A NO comes before the octets are through.
            answered = &mut answer => return answered,
            copied = copy(message.take(size_octets), octets) => copied?,
        }
        answer.await
    }

    async fn upload(
        &self,
        append: Append,
        size_octets: u64,
        feed: mpsc::Receiver<Bytes>,
    ) -> Result<Option<Appended>> {
        let literal_plus = self.capabilities().sends_message_unasked(size_octets);
        let request = Request { command: Command::Append(append), literal_plus };
        let code = self.submit(request, Some(feed)).await?.done().await?;
        Ok(match code {
            Some(Code::AppendUid(uid_validity, uids)) => Some(Appended { uid_validity, uids: uids.to_set() }),
            _ => None,
        })
    }
}

fn append(
    mailbox: &MailboxName,
    flags: &[Flag],
    internal_date: Option<DateTime>,
    size_octets: u64,
) -> Append {
    let message = AppendMessage { flags: flags.to_vec(), internal_date, size_octets, binary: false };
    Append::new(wire(mailbox), message)
}

async fn copy(mut message: impl AsyncRead + Unpin, octets: mpsc::Sender<Bytes>) -> Result<()> {
    loop {
        let mut piece = BytesMut::with_capacity(PIECE_OCTETS);
        if message.read_buf(&mut piece).await? == 0 {
            return Ok(());
        }
        if octets.send(piece.freeze()).await.is_err() {
            // The command is answered already, or the connection is gone: its reply tells.
            return Ok(());
        }
    }
}

const PIECE_OCTETS: usize = 32 * 1024;
