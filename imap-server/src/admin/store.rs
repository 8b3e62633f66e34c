//! The RPCs of `MailStore`: work on the store as a whole. What takes long runs on a thread of its own and tells how
//! far it is in a stream; it goes on to its end when nobody listens any more.

use std::path::PathBuf;

use imap_proto::types::{MailboxName, Uid};
use imap_store::account::{Account, Grave, Snapshot};
use imap_store::{CheckReport, CompactReport, RestoreError, RestoreFrom, Restored, StoreError};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::convert;
use super::generated::mail_store_server::MailStore;
use super::generated::{
    AffectedMessage, BackUpStoreProgress, BackUpStoreRequest, CheckStoreReport, CheckStoreRequest,
    CompactStoreProgress, CompactStoreRequest, DeletedMessage, GetStoreStatusRequest,
    ListDeletedMessagesRequest, ListDeletedMessagesResponse, RestoreMailProgress, RestoreMailRequest,
    StoreStatus, UndeleteMessagesRequest, UndeleteMessagesResponse,
};
use super::service::{Admin, bad_token, caller, page_entries};

/// Messages of a stream that may wait; more are left out, but for the last one.
const WAITING_MAX: usize = 16;

type Progress<T> = ReceiverStream<Result<T, Status>>;

/// Runs `work` on a thread. It gets a way to tell how far it is; what it returns ends the stream.
fn stream<T: Send + 'static>(
    caller: String,
    action: &'static str,
    work: impl FnOnce(&dyn Fn(T)) -> Result<T, Status> + Send + 'static,
) -> Response<Progress<T>> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let outcome = work(&|progress| drop(sender.try_send(Ok(progress))));
        match &outcome {
            Ok(_) => info!(target: "audit", %caller, action, "done"),
            Err(status) => warn!(target: "audit", %caller, action, error = status.message(), "refused"),
        }
        let _ = sender.blocking_send(outcome);
    });
    Response::new(ReceiverStream::new(receiver))
}

#[tonic::async_trait]
impl MailStore for Admin {
    type CheckStoreStream = Progress<CheckStoreReport>;
    type CompactStoreStream = Progress<CompactStoreProgress>;
    type BackUpStoreStream = Progress<BackUpStoreProgress>;
    type RestoreMailStream = Progress<RestoreMailProgress>;

    async fn get_store_status(
        &self,
        _: Request<GetStoreStatusRequest>,
    ) -> Result<Response<StoreStatus>, Status> {
        let store = self.store.clone();
        let octets = blocking(move || store.octets_on_disk()).await?;
        Ok(Response::new(StoreStatus {
            directory: self.store.dir().display().to_string(),
            log_octets: octets,
            users: self.store.users().len() as u64,
        }))
    }

    async fn check_store(
        &self,
        request: Request<CheckStoreRequest>,
    ) -> Result<Response<Self::CheckStoreStream>, Status> {
        let store = self.store.clone();
        Ok(stream(caller(&request), "check store", move |_| {
            store.check().map(report).map_err(|error| convert::store_failure(&error))
        }))
    }

    async fn compact_store(
        &self,
        request: Request<CompactStoreRequest>,
    ) -> Result<Response<Self::CompactStoreStream>, Status> {
        let store = self.store.clone();
        let despite_damage = request.get_ref().despite_damage;
        Ok(stream(caller(&request), "compact store", move |tell| {
            let compacted = store.compact(despite_damage, &|report| tell(compacted(false, report)));
            let report = compacted.map_err(|error| convert::store_failure(&error))?;
            Ok(self::compacted(true, &report))
        }))
    }

    async fn back_up_store(
        &self,
        request: Request<BackUpStoreRequest>,
    ) -> Result<Response<Self::BackUpStoreStream>, Status> {
        let store = self.store.clone();
        let to = absolute(&request.get_ref().directory)?;
        Ok(stream(caller(&request), "back up store", move |tell| {
            let mut total = 0;
            let progress = |done, backup: imap_store::log::Backup, segments_total| BackUpStoreProgress {
                done,
                segments: backup.segments,
                segments_total,
                copied: backup.copied,
                octets: backup.octets,
            };
            let backup = store.backup_with(&to, &mut |backup, of| {
                total = of;
                tell(progress(false, backup, of));
            });
            let backup = backup.map_err(|error| convert::store_failure(&error))?;
            Ok(progress(true, backup, total))
        }))
    }

    async fn restore_mail(
        &self,
        request: Request<RestoreMailRequest>,
    ) -> Result<Response<Self::RestoreMailStream>, Status> {
        let store = self.store.clone();
        let caller = caller(&request);
        let RestoreMailRequest { directory, user, mailbox, uid, into } = request.into_inner();
        let from = absolute(&directory)?;
        let mailbox = if mailbox.is_empty() { None } else { Some(mailbox_name(&mailbox)?) };
        if uid != 0 && mailbox.is_none() {
            return Err(Status::invalid_argument("a uid needs its mailbox"));
        }
        let wanted = RestoreFrom { user, mailbox, uid: Uid::new(uid), into: mailbox_name(&into)? };
        Ok(stream(caller, "restore mail", move |tell| {
            let restored = store.restore_mail(&from, &wanted, &mut |done| tell(restored(false, done)));
            let restored = restored.map_err(|error| match error {
                RestoreError::NotThere(_) => Status::not_found(error.to_string()),
                RestoreError::Store(error) => convert::store_failure(&error),
                _ => Status::failed_precondition(error.to_string()),
            })?;
            Ok(self::restored(true, &restored))
        }))
    }

    async fn list_deleted_messages(
        &self,
        request: Request<ListDeletedMessagesRequest>,
    ) -> Result<Response<ListDeletedMessagesResponse>, Status> {
        let ListDeletedMessagesRequest { user, page_size, page_token } = request.into_inner();
        let entries = page_entries(page_size)?;
        let after: u64 = match page_token.as_str() {
            "" => 0,
            token => token.strip_prefix(TOKEN).and_then(|id| id.parse().ok()).ok_or_else(bad_token)?,
        };
        let snapshot = self.account(&user).await?.snapshot();
        let mut rest = snapshot.graves().filter(|grave| grave.id > after);
        let messages: Vec<_> = rest.by_ref().take(entries).map(|grave| deleted(&snapshot, grave)).collect();
        let next_page_token = match (rest.next(), messages.last()) {
            (Some(_), Some(last)) => format!("{TOKEN}{}", last.id),
            _ => String::new(),
        };
        Ok(Response::new(ListDeletedMessagesResponse { messages, next_page_token }))
    }

    async fn undelete_messages(
        &self,
        request: Request<UndeleteMessagesRequest>,
    ) -> Result<Response<UndeleteMessagesResponse>, Status> {
        let caller = caller(&request);
        let UndeleteMessagesRequest { user, ids, mailbox } = request.into_inner();
        let account = self.account(&user).await?;
        let snapshot = account.snapshot();
        let target = snapshot.mailbox_named(&mailbox_name(&mailbox)?);
        let target = target.ok_or_else(|| Status::not_found("there is no such mailbox"))?.id();
        let undeleted = account.undelete(ids, target).await;
        let undeleted = undeleted.map_err(|error| convert::store_failure(&error))?;
        let undeleted =
            undeleted.ok_or_else(|| Status::not_found("none of these messages is there any more"))?;
        info!(target: "audit", %caller, action = "undelete messages", ?user, "done");
        Ok(Response::new(UndeleteMessagesResponse { uids: undeleted.uids.iter().collect() }))
    }
}

const TOKEN: &str = "deleted-after:";

impl Admin {
    /// A user's account, loaded if it is not yet.
    async fn account(&self, user: &str) -> Result<Account, Status> {
        let user = self.users.find(user).map_err(|error| convert::failure(&error))?;
        let store = self.store.clone();
        blocking(move || store.account(user.account)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| Status::internal("the work ended in a panic"))?;
    done.map_err(|error| convert::store_failure(&error))
}

fn absolute(path: &str) -> Result<PathBuf, Status> {
    let path = PathBuf::from(path);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(Status::invalid_argument("the directory's path is not absolute"))
    }
}

fn mailbox_name(name: &str) -> Result<MailboxName, Status> {
    MailboxName::new(name).map_err(|_| Status::invalid_argument("it cannot be the name of a mailbox"))
}

fn report(report: CheckReport) -> CheckStoreReport {
    let affected = report.affected.into_iter().map(|it| AffectedMessage {
        account_id: it.account.0,
        user: it.user.unwrap_or_default(),
        mailbox: it.mailbox.unwrap_or_default(),
        uid: it.uid.get(),
        why: it.why,
    });
    CheckStoreReport {
        records: report.records,
        messages: report.messages,
        findings: report.findings,
        affected: affected.collect(),
        index_condemned: report.index_condemned,
    }
}

fn compacted(done: bool, report: &CompactReport) -> CompactStoreProgress {
    CompactStoreProgress {
        done,
        segments: report.segments,
        images: report.images,
        rewritten: report.rewritten,
        removed: report.removed,
        octets_before: report.octets_before,
        octets_after: report.octets_after,
        findings: report.findings.clone(),
    }
}

fn restored(done: bool, restored: &Restored) -> RestoreMailProgress {
    RestoreMailProgress {
        done,
        mailboxes: restored.mailboxes,
        messages: restored.messages,
        octets: restored.octets,
        damaged: if done { restored.damaged.clone() } else { Vec::new() },
        made_user: restored.made_user,
    }
}

fn deleted(snapshot: &Snapshot, grave: &Grave) -> DeletedMessage {
    let mailbox = snapshot.mailbox(grave.mailbox).map(|mailbox| mailbox.name().as_str().to_owned());
    DeletedMessage {
        id: grave.id,
        mailbox: mailbox.unwrap_or_default(),
        uid: grave.uid.get(),
        expunged_at: grave.buried_at,
        size_octets: grave.size_octets,
        internal_date: grave.internal_date.seconds(),
    }
}
