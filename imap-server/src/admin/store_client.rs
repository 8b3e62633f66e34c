//! [`Client`]'s part for the mail store.

use std::path::Path;

use serde::Serialize;
use tonic::Streaming;

use super::client::{Client, ClientError};
use super::generated as wire;
use super::generated::mail_store_client::MailStoreClient;

/// The store, as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreInfo {
    /// Its directory.
    pub directory: String,
    /// Octets of the log's files.
    pub log_octets: u64,
    /// Users.
    pub users: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckInfo {
    /// Records of the log that were read.
    pub records: u64,
    /// Messages whose octets were looked for.
    pub messages: u64,
    /// One line each.
    pub findings: Vec<String>,
    /// Every message that cannot be served.
    pub affected: Vec<AffectedInfo>,
    /// The index is made again at the next start.
    pub index_condemned: bool,
}

/// A message that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AffectedInfo {
    /// Its account.
    pub account_id: u64,
    /// The account's user, or nothing.
    pub user: String,
    /// Its mailbox; nothing when it was expunged.
    pub mailbox: String,
    /// Its UID.
    pub uid: u32,
    /// Why.
    pub why: String,
}

/// How far a compaction is, or what it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CompactInfo {
    /// Segments that were looked at.
    pub segments: u64,
    /// Images that were written.
    pub images: u64,
    /// Segments that were written anew.
    pub rewritten: u64,
    /// Segments that are gone.
    pub removed: u64,
    /// Octets of the log before.
    pub octets_before: u64,
    /// And after.
    pub octets_after: u64,
    /// One line each: damage, and what has to stay.
    pub findings: Vec<String>,
}

/// How far a backup is, or what it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BackupInfo {
    /// Segments that the backup has.
    pub segments: u64,
    /// How many there will be, about.
    pub segments_total: u64,
    /// Segments that were copied.
    pub copied: u64,
    /// Octets that were copied.
    pub octets: u64,
}

/// How far a restore is, or what it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RestoreInfo {
    /// Mailboxes.
    pub mailboxes: u64,
    /// Messages.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Messages that are damaged in the backup and were left out.
    pub damaged: Vec<String>,
    /// The user was missing, and was made again.
    pub made_user: bool,
}

/// An expunged message that can be had back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletedInfo {
    /// By which it is undeleted.
    pub id: u64,
    /// The mailbox that it was in; nothing when that is gone.
    pub mailbox: String,
    /// Its UID there.
    pub uid: u32,
    /// RFC 3339.
    pub expunged_at: String,
    /// Octets.
    pub size_octets: u64,
    /// RFC 3339.
    pub internal_date: String,
}

/// What is asked of a backup.
#[derive(Debug, Clone)]
pub struct RestoreWanted {
    /// The user.
    pub user: String,
    /// A mailbox, or nothing for all.
    pub mailbox: String,
    /// A message of it, or 0 for all.
    pub uid: u32,
    /// Below which name it goes.
    pub into: String,
}

impl Client {
    fn mail_store(&self) -> MailStoreClient<tonic::transport::Channel> {
        MailStoreClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_OCTETS_MAX)
    }

    /// How large the store is.
    pub async fn store_status(&self) -> Result<StoreInfo, ClientError> {
        let status = self.mail_store().get_store_status(wire::GetStoreStatusRequest {}).await?.into_inner();
        let wire::StoreStatus { directory, log_octets, users } = status;
        Ok(StoreInfo { directory, log_octets, users })
    }

    /// Reads and compares everything.
    pub async fn check_store(&self) -> Result<CheckInfo, ClientError> {
        let answers = self.mail_store().check_store(wire::CheckStoreRequest {}).await?.into_inner();
        let report = last(answers, |_| {}).await?;
        let affected = report.affected.into_iter().map(|it| AffectedInfo {
            account_id: it.account_id,
            user: it.user,
            mailbox: it.mailbox,
            uid: it.uid,
            why: it.why,
        });
        Ok(CheckInfo {
            records: report.records,
            messages: report.messages,
            findings: report.findings,
            affected: affected.collect(),
            index_condemned: report.index_condemned,
        })
    }

    /// Compacts the store; `progress` is told how far it is.
    pub async fn compact_store(
        &self,
        despite_damage: bool,
        mut progress: impl FnMut(&CompactInfo),
    ) -> Result<CompactInfo, ClientError> {
        let request = wire::CompactStoreRequest { despite_damage };
        let answers = self.mail_store().compact_store(request).await?.into_inner();
        let info = |it: wire::CompactStoreProgress| CompactInfo {
            segments: it.segments,
            images: it.images,
            rewritten: it.rewritten,
            removed: it.removed,
            octets_before: it.octets_before,
            octets_after: it.octets_after,
            findings: it.findings,
        };
        last(answers, |it| progress(&info(it.clone()))).await.map(info)
    }

    /// Brings a backup up to date.
    pub async fn back_up_store(
        &self,
        to: &Path,
        mut progress: impl FnMut(&BackupInfo),
    ) -> Result<BackupInfo, ClientError> {
        let request = wire::BackUpStoreRequest { directory: text(to)? };
        let answers = self.mail_store().back_up_store(request).await?.into_inner();
        let info = |it: wire::BackUpStoreProgress| BackupInfo {
            segments: it.segments,
            segments_total: it.segments_total,
            copied: it.copied,
            octets: it.octets,
        };
        last(answers, |it| progress(&info(*it))).await.map(info)
    }

    /// Brings mail out of a backup.
    pub async fn restore_mail(
        &self,
        from: &Path,
        wanted: RestoreWanted,
        mut progress: impl FnMut(&RestoreInfo),
    ) -> Result<RestoreInfo, ClientError> {
        let RestoreWanted { user, mailbox, uid, into } = wanted;
        let request = wire::RestoreMailRequest { directory: text(from)?, user, mailbox, uid, into };
        let answers = self.mail_store().restore_mail(request).await?.into_inner();
        let info = |it: wire::RestoreMailProgress| RestoreInfo {
            mailboxes: it.mailboxes,
            messages: it.messages,
            octets: it.octets,
            damaged: it.damaged,
            made_user: it.made_user,
        };
        last(answers, |it| progress(&info(it.clone()))).await.map(info)
    }

    /// A user's expunged messages that can be had back.
    pub async fn deleted_messages(&self, user: &str) -> Result<Vec<DeletedInfo>, ClientError> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request =
                wire::ListDeletedMessagesRequest { user: user.into(), page_size: 1_000, page_token };
            let page = self.mail_store().list_deleted_messages(request).await?.into_inner();
            all.extend(page.messages.into_iter().map(|it| DeletedInfo {
                id: it.id,
                mailbox: it.mailbox,
                uid: it.uid,
                expunged_at: date(it.expunged_at),
                size_octets: it.size_octets,
                internal_date: date(it.internal_date),
            }));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Puts expunged messages into a mailbox; returns their UIDs there.
    pub async fn undelete_messages(
        &self,
        user: &str,
        ids: Vec<u64>,
        mailbox: &str,
    ) -> Result<Vec<u32>, ClientError> {
        let request = wire::UndeleteMessagesRequest { user: user.into(), ids, mailbox: mailbox.into() };
        Ok(self.mail_store().undelete_messages(request).await?.into_inner().uids)
    }
}

/// The last message of a stream; `each` is shown those before it.
async fn last<T>(mut answers: Streaming<T>, mut each: impl FnMut(&T)) -> Result<T, ClientError> {
    let mut last = None;
    while let Some(answer) = answers.message().await? {
        if let Some(before) = last.replace(answer) {
            each(&before);
        }
    }
    let broken = || ClientError::Failed { reason: "the server stopped before it was done".to_owned() };
    last.ok_or_else(broken)
}

/// A path as the API carries it; the server has another working directory.
fn text(path: &Path) -> Result<String, ClientError> {
    let refused = |reason: &str| ClientError::Refused { reason: reason.to_owned() };
    let path = std::path::absolute(path).map_err(|error| refused(&error.to_string()))?;
    path.into_os_string().into_string().map_err(|_| refused("the directory's path is not UTF-8"))
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default()
}

/// A check may name many messages.
const ANSWER_OCTETS_MAX: usize = 256 << 20;
