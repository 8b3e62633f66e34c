//! The verbs for the mail store and for expunged messages.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use imap_store::Store;
use serde::Serialize;

use super::Failure;
use super::manage::{answer, answer_list, connect};
use crate::admin::store_client::{CheckInfo, RestoreWanted};

/// The mail store: its state, checks, room, backups.
#[derive(Debug, Subcommand)]
pub(super) enum StoreVerb {
    /// How large it is.
    Status,
    /// Read everything and compare it; name every message that cannot be served. Ends with a failure when something is
    /// wrong.
    Check,
    /// Give back the room of what nobody needs any more. It is done by itself from time to time.
    Compact {
        /// Drop what nothing names although something in the store is damaged. Check first, and have a backup.
        #[arg(long)]
        despite_damage: bool,
    },
    /// Copy the store, at work, into a directory on the server's machine. What is there already is not copied again.
    Backup {
        /// The directory.
        dir: PathBuf,
    },
    /// Restore from a backup: with --user, mail into the running server; without, a whole store into a data directory
    /// that has none, while no server runs on it.
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup's directory.
    dir: PathBuf,
    /// Whose mail. A user who is missing is made again, with all mail where it was.
    #[arg(long)]
    user: Option<String>,
    /// Only this mailbox.
    #[arg(long, requires = "user")]
    mailbox: Option<String>,
    /// Only this message of it.
    #[arg(long, requires = "mailbox")]
    uid: Option<u32>,
    /// Below which name mailboxes are made [default: Restored/ and today's date].
    #[arg(long, requires = "user")]
    into: Option<String>,
}

/// Expunged messages.
#[derive(Debug, Subcommand)]
pub(super) enum MessageVerb {
    /// The messages of a user that were expunged and can be had back.
    ListDeleted {
        /// The user.
        user: String,
    },
    /// Put expunged messages into a mailbox.
    Undelete {
        /// The user.
        user: String,
        /// The messages, by what `list-deleted` calls them.
        #[arg(required = true)]
        ids: Vec<u64>,
        /// Into which mailbox.
        #[arg(long, default_value = "INBOX")]
        mailbox: String,
    },
}

impl StoreVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        match self {
            Self::Status => {
                let status = connect(data).await?.store_status().await?;
                let text = || {
                    let (octets, users) = (status.log_octets, status.users);
                    format!("{}: {octets} octets, {users} users", status.directory)
                };
                answer(json, &status, text)
            }
            Self::Check => check(data, json).await,
            Self::Compact { despite_damage } => {
                let mut line = Line::new(json);
                let client = connect(data).await?;
                let progress = |at: &crate::admin::store_client::CompactInfo| {
                    line.show(&format!(
                        "{} rewritten, {} removed of {} segments",
                        at.rewritten, at.removed, at.segments
                    ));
                };
                let done = client.compact_store(despite_damage, progress).await?;
                line.end();
                let text = || {
                    let mut text = format!(
                        "{} octets before, {} now; {} of {} segments rewritten, {} removed",
                        done.octets_before, done.octets_after, done.rewritten, done.segments, done.removed
                    );
                    done.findings.iter().for_each(|finding| text += &format!("\n{finding}"));
                    text
                };
                answer(json, &done, text)
            }
            Self::Backup { dir } => {
                let mut line = Line::new(json);
                let client = connect(data).await?;
                let done = client
                    .back_up_store(&dir, |at| {
                        line.show(&format!(
                            "{} of {} segments, {} octets",
                            at.segments, at.segments_total, at.octets
                        ));
                    })
                    .await?;
                line.end();
                let text = || {
                    format!(
                        "{} segments, of which {} were copied ({} octets)",
                        done.segments, done.copied, done.octets
                    )
                };
                answer(json, &done, text)
            }
            Self::Restore(args) => args.run(data, json).await,
        }
    }
}

async fn check(data: &Path, json: bool) -> Result<(), Failure> {
    let found = connect(data).await?.check_store().await?;
    answer(json, &found, || check_text(&found))?;
    match found.findings.len() + found.affected.len() {
        0 => Ok(()),
        _ => Err("the store is not sound".into()),
    }
}

fn check_text(found: &CheckInfo) -> String {
    let mut text = format!("{} records and {} messages were read", found.records, found.messages);
    found.findings.iter().for_each(|finding| text += &format!("\n{finding}"));
    for it in &found.affected {
        let mailbox = if it.mailbox.is_empty() { "(expunged)" } else { &it.mailbox };
        let user = if it.user.is_empty() { format!("account {}", it.account_id) } else { it.user.clone() };
        text += &format!("\n{user} {mailbox} UID {}: {}", it.uid, it.why);
    }
    if found.index_condemned {
        text += "\nthe index is made again at the next start";
    }
    text
}

impl RestoreArgs {
    async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let Some(user) = self.user else { return restore_store(&self.dir, data, json).await };
        let today = || format!("Restored/{}", jiff::Zoned::now().date());
        let wanted = RestoreWanted {
            user,
            mailbox: self.mailbox.unwrap_or_default(),
            uid: self.uid.unwrap_or(0),
            into: self.into.unwrap_or_else(today),
        };
        let (into, mut line) = (wanted.into.clone(), Line::new(json));
        let client = connect(data).await?;
        let done = client
            .restore_mail(&self.dir, wanted, |at| {
                line.show(&format!("{} messages, {} octets", at.messages, at.octets))
            })
            .await?;
        line.end();
        let text = || {
            let place = if done.made_user { "for a new user".to_owned() } else { format!("below {into}") };
            let mut text =
                format!("{} messages in {} mailboxes restored {place}", done.messages, done.mailboxes);
            done.damaged.iter().for_each(|it| text += &format!("\nleft out: {it}"));
            text
        };
        answer(json, &done, text)
    }
}

#[derive(Serialize)]
struct RestoredStore {
    segments: u64,
}

/// No server is asked: there is none.
async fn restore_store(from: &Path, data: &Path, json: bool) -> Result<(), Failure> {
    let (from, to) = (from.to_owned(), data.join("store"));
    let restored = tokio::task::spawn_blocking(move || Store::restore(&from, &to)).await?;
    let done = RestoredStore { segments: restored? };
    let text = || format!("{} segments restored into {}", done.segments, data.display());
    answer(json, &done, text)
}

#[derive(Serialize)]
struct Undeleted {
    uids: Vec<u32>,
}

impl MessageVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let client = connect(data).await?;
        match self {
            Self::ListDeleted { user } => {
                let messages = client.deleted_messages(&user).await?;
                let table = || {
                    let mut text =
                        format!("{:>9} {:<20} {:>13}  MAILBOX AND UID", "ID", "EXPUNGED", "OCTETS");
                    for it in &messages {
                        let mailbox = if it.mailbox.is_empty() { "(gone)" } else { &it.mailbox };
                        let (id, at, octets, uid) = (it.id, &it.expunged_at, it.size_octets, it.uid);
                        text += &format!("\n{id:>9} {at:<20} {octets:>13}  {mailbox} {uid}");
                    }
                    text
                };
                answer_list(json, &messages, table)
            }
            Self::Undelete { user, ids, mailbox } => {
                let uids = client.undelete_messages(&user, ids, &mailbox).await?;
                let done = Undeleted { uids };
                answer(json, &done, || format!("{} messages are in {mailbox} again", done.uids.len()))
            }
        }
    }
}

/// One line on the standard error that is written over, if a person looks.
struct Line {
    is_shown: bool,
}

impl Line {
    fn new(json: bool) -> Self {
        Self { is_shown: !json && std::io::stderr().is_terminal() }
    }

    fn show(&mut self, text: &str) {
        if self.is_shown {
            eprint!("\r\x1b[K{text}");
            let _ = std::io::stderr().flush();
        }
    }

    fn end(&mut self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
        }
    }
}
