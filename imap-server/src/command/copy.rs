//! COPY and MOVE, by number and by UID (RFC 9051 §6.4.7, §6.4.8; UIDPLUS RFC 4315 §3).

use std::sync::Arc;

use imap_proto::command::CopyMove;
use imap_proto::response::{Code, Kind};
use imap_proto::types::{Flag, NumberSet, SystemFlag, Uid};
use imap_store::StoreError;
use imap_store::account::{
    Account, Copied, FlagChange, Mailbox, MailboxId, NewMessage, Rights, Snapshot, Who,
};

use super::error::into_target;
use super::place::Found;
use super::{Ctx, Done, Halt, Refusal, blocking};
use crate::session::flags::is_old;

/// Octets of a message that are read at once on their way to another account.
const PIECE_OCTETS: u64 = 256 << 10;

/// COPY: all or nothing. Refuses with TRYCREATE where the target is missing, and with EXPUNGEISSUED where one of
/// the numbers means a message that is gone (RFC 2180 §4.4).
pub(super) async fn copy(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    let transfer = Transfer::prepare(ctx, cmd).await?;
    let messages_max = ctx.services.limits.messages_across_max;
    if transfer.uids.is_empty() {
        return Ok(Done::text("Nothing to copy"));
    }
    Ok(match transfer.copy(messages_max).await? {
        Some(copied) => Done::code(copy_uid(copied), "Copied"),
        None => Done::text("Nothing to copy"),
    })
}

/// MOVE: as COPY, and the messages leave their mailbox in the same change. COPYUID comes before EXPUNGE, since
/// after it a client has forgotten the UIDs (RFC 6851 §4.3).
///
/// Into another account it is first the copy, then the expunge: a stop in between leaves both.
pub(super) async fn move_messages(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    if ctx.view()?.read_only() {
        return Err(Refusal::read_only().into());
    }
    let transfer = Transfer::prepare(ctx, cmd).await?;
    let messages_max = ctx.services.limits.messages_across_max;
    if transfer.uids.is_empty() {
        return Ok(Done::text("Nothing to move"));
    }
    let Some(moved) = transfer.move_over(messages_max).await? else {
        return Ok(Done::text("Nothing to move"));
    };
    ctx.status(None, Kind::Ok, Some(&copy_uid(moved)), "Moved");
    Ok(Done::text("Moved"))
}

/// What a COPY or MOVE is about.
struct Transfer {
    account: Account,
    snapshot: Arc<Snapshot>,
    source: MailboxId,
    uids: NumberSet,
    /// One that is gone is no reason to refuse.
    skips_missing: bool,
    /// Whose \Seen is copied.
    who: Who,
    /// In the source.
    rights: Rights,
    target_account: Account,
    target: MailboxId,
}

impl Transfer {
    async fn prepare(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Self, Halt> {
        let (target_account, target) = target(ctx, cmd).await?;
        let view = ctx.view()?;
        let places = view.places(cmd.uid, &cmd.set).ok_or_else(no_such_number)?;
        let (uids, account) = (view.uids_at(&places), view.account().clone());
        let (snapshot, source) = (Arc::clone(view.snapshot()), view.id());
        let (who, rights) = (view.who().clone(), view.flag_rights());
        Ok(Self {
            account,
            snapshot,
            source,
            uids,
            skips_missing: cmd.uid,
            who,
            rights,
            target_account,
            target,
        })
    }

    fn is_within_account(&self) -> bool {
        self.account.id() == self.target_account.id()
    }

    async fn copy(self, messages_max: usize) -> Result<Option<Copied>, Halt> {
        if !self.is_within_account() {
            return self.copy_across(messages_max).await;
        }
        let Self { account, source, uids, target, .. } = self;
        let copied = match self.skips_missing {
            true => account.copy(source, uids, target).await,
            false => account.copy_all(source, uids, target).await,
        };
        copied.map_err(into_target)
    }

    async fn move_over(self, messages_max: usize) -> Result<Option<Copied>, Halt> {
        if !self.is_within_account() {
            return self.move_across(messages_max).await;
        }
        let Self { account, source, uids, target, .. } = self;
        let moved = match self.skips_missing {
            true => account.move_messages(source, uids, target).await,
            false => account.move_all(source, uids, target).await,
        };
        moved.map_err(into_target)
    }

    /// The mailbox as it is now, and the messages of it that are meant.
    fn there(&self) -> Result<(Arc<Mailbox>, NumberSet), Halt> {
        let snapshot = self.account.snapshot();
        let mailbox = snapshot.mailbox(self.source).ok_or_else(Refusal::no_mailbox)?.seen_by(&self.who);
        let there = mailbox.existing(&self.uids);
        if !self.skips_missing && there != self.uids {
            return Err(StoreError::Expunged.into());
        }
        Ok((mailbox, there))
    }

    /// Octet by octet into the log of the other account, with flags and date.
    async fn copy_across(self, messages_max: usize) -> Result<Option<Copied>, Halt> {
        let (mailbox, uids) = self.there()?;
        if uids.is_empty() {
            return Ok(None);
        }
        if uids.len() > messages_max as u64 {
            let text = format!("At most {messages_max} messages are copied to another account at once");
            return Err(Refusal::no(Code::Limit, text).into());
        }
        let mut messages = Vec::new();
        for message in uids.iter().filter_map(Uid::new).filter_map(|uid| mailbox.get(uid)) {
            let mut upload = self.target_account.upload();
            let mut at = 0;
            while at < message.size_octets {
                let (account, snapshot) = (self.account.clone(), Arc::clone(&self.snapshot));
                let range = at..message.size_octets.min(at + PIECE_OCTETS);
                at = range.end;
                let known = message.clone();
                upload.write(&blocking(move || account.read(&snapshot, &known, range)).await??).await?;
            }
            let flags = mailbox.wire_flags(&message.flags);
            let internal_date = Some(message.internal_date);
            messages.push(NewMessage { uploaded: upload.finish().await?, flags, internal_date });
        }
        let appended = self.target_account.append(self.target, messages).await.map_err(into_target)?;
        Ok(Some(Copied { uid_validity: appended.uid_validity, source: uids, target: appended.uids }))
    }

    async fn move_across(self, messages_max: usize) -> Result<Option<Copied>, Halt> {
        let (account, source) = (self.account.clone(), self.source);
        if !self.rights.has(Rights::DELETE_MESSAGES.with(Rights::EXPUNGE)) {
            return Err(Refusal::no_permission().into());
        }
        let Some(copied) = self.copy_across(messages_max).await? else { return Ok(None) };
        let deleted = FlagChange::Add(vec![Flag::System(SystemFlag::Deleted)]);
        account.store_flags(source, copied.source.clone(), deleted, None).await?;
        account.expunge(source, Some(copied.source.clone())).await?;
        Ok(Some(copied))
    }
}

/// Where a COPY or MOVE goes; made where the listener does so for clients of IMAP2.
async fn target(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<(Account, MailboxId), Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let spot = ctx.spot(&name).await?.ok_or_else(Refusal::try_create)?;
    let creates = is_old(ctx.connection.dialect) && ctx.connection.policy.dialect.copy_creates;
    if creates && spot.account.snapshot().mailbox_named(&spot.within).is_none() {
        let id = spot.account.create(spot.within, None).await?;
        return Ok((spot.account, id));
    }
    let Found { account, mailbox, .. } = spot.find(Rights::INSERT, Refusal::try_create)?;
    Ok((account, mailbox.id()))
}

fn copy_uid(copied: Copied) -> Code {
    Code::CopyUid(copied.uid_validity, copied.source.into(), copied.target.into())
}

/// A sequence number over the number of messages (RFC 9051 §9, `seq-number`).
pub(super) fn no_such_number() -> Refusal {
    Refusal::bad("There is no message with that number")
}
