//! Mail out of a backup into a store that is running: an account, a mailbox, or one message.
//!
//! Nothing is overwritten: mail comes under new UIDs into mailboxes of its own, below a name that the operator
//! chooses; an account that is missing comes back as it was.

use std::path::Path;
use std::sync::Arc;

use imap_proto::types::{MailboxName, SeqNum, Uid};

use crate::account::{Account, Change, Mailbox, MessageRef, NewMessage, Snapshot, apply, image};
use crate::blocking::block_on;
use crate::files::{Disk, RealDisk};
use crate::log::{AccountId, BackupLog, Replay, Replayed, Seq};
use crate::{OpenError, Store, StoreError, User};

/// What is wanted of a backup.
#[derive(Debug, Clone)]
pub struct RestoreFrom {
    /// The user whose mail it is.
    pub user: String,
    /// The mailbox; `None`: all of them.
    pub mailbox: Option<MailboxName>,
    /// One message of it; `None`: all of them.
    pub uid: Option<Uid>,
    /// Below which name it goes. Of a user who is missing everything goes where it was.
    pub into: MailboxName,
}

/// What was restored so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Mailboxes.
    pub mailboxes: u64,
    /// Messages.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Messages whose octets are damaged in the backup, one line each; they were left out.
    pub damaged: Vec<String>,
    /// The user was missing, and was made again.
    pub made_user: bool,
}

/// Why mail was not restored. What was restored before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup cannot be read.
    #[error(transparent)]
    Backup(#[from] OpenError),
    /// The backup has no such user, mailbox or message.
    #[error("the backup has no such {0}")]
    NotThere(&'static str),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Brings mail out of the backup in `from` into this store, which may be at work. Blocking. `progress` is told
    /// after each batch. Flags, keywords and internal dates are as they were, UIDs are new.
    pub fn restore_mail(
        &self,
        from: &Path,
        wanted: &RestoreFrom,
        progress: &mut dyn FnMut(&Restored),
    ) -> Result<Restored, RestoreError> {
        self.restore_mail_on(&(Arc::new(RealDisk) as Arc<dyn Disk>), from, wanted, progress)
    }

    /// The same, from another disk.
    pub(crate) fn restore_mail_on(
        &self,
        disk: &Arc<dyn Disk>,
        from: &Path,
        wanted: &RestoreFrom,
        progress: &mut dyn FnMut(&Restored),
    ) -> Result<Restored, RestoreError> {
        let user = find_user(disk, from, &wanted.user)?;
        let (log, state) = fold(disk, from, user.account)?;
        let mut restored = Restored::default();
        let account = match self.user(&wanted.user) {
            Some(there) => self.account(there.account)?,
            None => {
                let made = block_on(self.create_user(&user.name, user.credentials.clone()))?;
                restored.made_user = true;
                self.account(made.account)?
            }
        };
        let mut work = Work { log: &log, account: &account, restored, progress };
        let mut found = false;
        for (name, mailbox) in state.names() {
            let Some(mailbox) = mailbox.filter(|_| wanted.mailbox.as_ref().is_none_or(|it| it == name))
            else {
                continue;
            };
            found = true;
            let target = work.target(name, wanted)?;
            work.mailbox(&state, mailbox, wanted.uid, target)?;
        }
        if !found {
            return Err(RestoreError::NotThere("mailbox"));
        }
        if wanted.uid.is_some() && work.restored.messages == 0 && work.restored.damaged.is_empty() {
            return Err(RestoreError::NotThere("message"));
        }
        Ok(work.restored)
    }
}

fn find_user(disk: &Arc<dyn Disk>, from: &Path, name: &str) -> Result<User, RestoreError> {
    let (_, directory) = fold(disk, from, AccountId(0))?;
    let user = directory.users().get(name).map(|user| User::clone(user));
    user.ok_or(RestoreError::NotThere("user"))
}

/// One account of a backup.
fn fold(
    disk: &Arc<dyn Disk>,
    from: &Path,
    account: AccountId,
) -> Result<(BackupLog, Snapshot), RestoreError> {
    let mut fold = Fold { account, state: Snapshot::default() };
    let log = BackupLog::open(disk.clone(), from, &mut fold)?;
    Ok((log, fold.state))
}

struct Fold {
    account: AccountId,
    state: Snapshot,
}

impl Replay for Fold {
    fn image(&mut self, account: AccountId, seq: Seq, octets: &[u8]) -> Result<bool, OpenError> {
        if account != self.account {
            return Ok(true);
        }
        let state = image::decode(octets).ok().filter(|state| state.seq() == seq);
        let is_good = state.is_some();
        self.state = state.unwrap_or_default();
        Ok(is_good)
    }

    fn change(&mut self, replayed: Replayed) -> Result<(), OpenError> {
        if replayed.account != self.account || replayed.seq <= self.state.seq() {
            return Ok(());
        }
        // What a newer program wrote cannot be folded, and damage leaves a gap: the rest is better than nothing.
        if let Ok(change) = Change::decode(&replayed.payload) {
            self.state.skip_to(change.seq_before(replayed.seq));
            self.state = apply(&self.state, &change);
        }
        Ok(())
    }
}

/// A restore on its way.
struct Work<'a> {
    log: &'a BackupLog,
    account: &'a Account,
    restored: Restored,
    progress: &'a mut dyn FnMut(&Restored),
}

impl Work<'_> {
    /// The mailbox into which one of the backup goes, made when it is missing.
    fn target(&mut self, name: &MailboxName, wanted: &RestoreFrom) -> Result<MailboxName, RestoreError> {
        let target = match self.restored.made_user {
            true => name.clone(),
            false => {
                let below = format!("{}{}{}", wanted.into.as_str(), MailboxName::DELIMITER, name.as_str());
                let too_long = |_| StoreError::Cannot { reason: "the mailbox's name would be too long" };
                MailboxName::new(&below).map_err(too_long)?
            }
        };
        if self.account.snapshot().mailbox_named(&target).is_none() {
            block_on(self.account.create(target.clone(), None))?;
        }
        self.restored.mailboxes += 1;
        Ok(target)
    }

    fn mailbox(
        &mut self,
        state: &Snapshot,
        from: &Mailbox,
        uid: Option<Uid>,
        target: MailboxName,
    ) -> Result<(), RestoreError> {
        let missing = StoreError::NonExistent { what: "mailbox" };
        let id = self.account.snapshot().mailbox_named(&target).ok_or(missing)?.id();
        let mut batch = Vec::new();
        let mut octets = 0;
        let messages = from.iter_from(SeqNum::MIN).filter(|message| uid.is_none_or(|uid| message.uid == uid));
        for message in messages {
            match self.message(state, from, &message) {
                Ok(new) => {
                    octets += message.size_octets;
                    batch.push(new);
                }
                Err(StoreError::Damaged { what }) => {
                    self.restored.damaged.push(format!(
                        "{} UID {}: {what}",
                        from.name().as_str(),
                        message.uid
                    ));
                }
                Err(error) => return Err(error.into()),
            }
            if batch.len() >= BATCH_MESSAGES || octets >= BATCH_OCTETS {
                self.append(id, &mut batch, &mut octets)?;
            }
        }
        self.append(id, &mut batch, &mut octets)
    }

    /// Brings one message into the log.
    fn message(
        &self,
        state: &Snapshot,
        from: &Mailbox,
        message: &MessageRef,
    ) -> Result<NewMessage, StoreError> {
        let nowhere = || StoreError::Damaged { what: "a message that nothing says the place of".to_owned() };
        let body = state.body(message.number).ok_or_else(nowhere)?;
        let mut upload = self.account.upload();
        let mut at = 0;
        while at < message.size_octets {
            let piece = self.log.read(body, at..at + PIECE_OCTETS)?;
            if piece.is_empty() {
                return Err(nowhere());
            }
            at += piece.len() as u64;
            block_on(upload.write(&piece))?;
        }
        let uploaded = block_on(upload.finish())?;
        let flags = from.wire_flags(&message.flags);
        Ok(NewMessage { uploaded, flags, internal_date: Some(message.internal_date) })
    }

    fn append(
        &mut self,
        mailbox: crate::account::MailboxId,
        batch: &mut Vec<NewMessage>,
        octets: &mut u64,
    ) -> Result<(), RestoreError> {
        let batch = std::mem::take(batch);
        if !batch.is_empty() {
            let count = batch.len() as u64;
            block_on(self.account.append(mailbox, batch))?;
            self.restored.messages += count;
            self.restored.octets += std::mem::take(octets);
            (self.progress)(&self.restored);
        }
        Ok(())
    }
}

const BATCH_MESSAGES: usize = 100;
const BATCH_OCTETS: u64 = 8 << 20;
const PIECE_OCTETS: u64 = 256 << 10;
