//! SELECT, EXAMINE, CLOSE, UNSELECT.

use imap_proto::command::{Command, Select};
use imap_proto::response::{Code, Response};
use imap_proto::types::{Flag, MailboxName, ModSeq, UidValidity};

use super::wire;
use crate::{Connection, Error, Result};

/// What the server told of a mailbox as it was selected.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Selected {
    /// How many messages it has.
    pub exists: u32,
    /// How many of them are \Recent; `None` from a server of IMAP4rev2.
    pub recent: Option<u32>,
    /// What its UIDs are valid under; `None` from a server without UIDs.
    pub uid_validity: Option<UidValidity>,
    /// The next message gets this UID or a higher one.
    pub uid_next: Option<u32>,
    /// The sequence number of the first message that is not \Seen; not told by all.
    pub first_unseen: Option<u32>,
    /// The flags in use.
    pub flags: Vec<Flag>,
    /// The flags that can be changed for good; `None`: all of them (RFC 9051 §7.1).
    pub permanent_flags: Option<Vec<Flag>>,
    /// The highest MODSEQ of its messages (RFC 7162).
    pub highest_mod_seq: Option<ModSeq>,
    /// It cannot be changed: by EXAMINE, or since the user may not.
    pub read_only: bool,
}

impl Selected {
    fn take(&mut self, response: Response) {
        match response {
            Response::Exists(count) => self.exists = count,
            Response::Recent(count) => self.recent = Some(count),
            Response::Flags(flags) => self.flags = flags,
            Response::Status { code: Some(code), .. } => self.take_code(code),
            _ => {}
        }
    }

    fn take_code(&mut self, code: Code) {
        match code {
            Code::UidValidity(uid_validity) => self.uid_validity = Some(uid_validity),
            Code::UidNext(uid_next) => self.uid_next = Some(uid_next),
            Code::Unseen(seq_num) => self.first_unseen = Some(seq_num),
            Code::PermanentFlags(flags) => self.permanent_flags = Some(flags),
            Code::HighestModSeq(mod_seq) => self.highest_mod_seq = ModSeq::new(mod_seq),
            Code::ReadOnly => self.read_only = true,
            Code::ReadWrite => self.read_only = false,
            _ => {}
        }
    }
}

impl Connection {
    /// SELECT: opens a mailbox to read and change (RFC 9051 §6.3.2). Where it fails, none is selected.
    pub async fn select(&self, mailbox: &MailboxName) -> Result<Selected> {
        self.open(Command::Select(Select::new(wire(mailbox))), Selected::default()).await
    }

    /// EXAMINE: opens a mailbox to read only (RFC 9051 §6.3.3).
    pub async fn examine(&self, mailbox: &MailboxName) -> Result<Selected> {
        self.open(
            Command::Examine(Select::new(wire(mailbox))),
            Selected { read_only: true, ..Selected::default() },
        )
        .await
    }

    async fn open(&self, command: Command, mut selected: Selected) -> Result<Selected> {
        let code = self.run_with(command, |response| selected.take(response)).await?;
        if let Some(code) = code {
            selected.take_code(code);
        }
        Ok(selected)
    }

    /// CLOSE: expunges what is \Deleted, without telling which, and selects nothing (RFC 9051 §6.4.1).
    pub async fn close(&self) -> Result<()> {
        self.run(Command::Close).await.map(drop)
    }

    /// UNSELECT: selects nothing and expunges nothing (RFC 9051 §6.4.2).
    pub async fn unselect(&self) -> Result<()> {
        let capabilities = self.capabilities();
        if !capabilities.has("UNSELECT") && !capabilities.has("IMAP4rev2") {
            return Err(Error::Unsupported { what: "UNSELECT" });
        }
        self.run(Command::Unselect).await.map(drop)
    }
}
