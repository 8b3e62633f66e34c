//! COPY and MOVE, by number and by UID (RFC 9051 §6.4.7, §6.4.8; UIDPLUS RFC 4315 §3).

use imap_proto::command::CopyMove;
use imap_proto::response::{Code, Kind};
use imap_proto::types::NumberSet;
use imap_store::account::{Copied, MailboxId};

use super::error::into_target;
use super::{Ctx, Done, Halt, Refusal};
use crate::session::flags::is_old;

/// COPY: all or nothing. Refuses with TRYCREATE where the target is missing, and with EXPUNGEISSUED where one of
/// the numbers means a message that is gone (RFC 2180 §4.4).
pub(super) async fn copy(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    let (source, uids, target) = prepare(ctx, cmd).await?;
    if uids.is_empty() {
        return Ok(Done::text("Nothing to copy"));
    }
    let account = ctx.account()?;
    let copied = match cmd.uid {
        true => account.copy(source, uids, target).await,
        false => account.copy_all(source, uids, target).await,
    };
    let copied = copied.map_err(into_target)?;
    Ok(match copied {
        Some(copied) => Done::code(copy_uid(copied), "Copied"),
        None => Done::text("Nothing to copy"),
    })
}

/// MOVE: as COPY, and the messages leave their mailbox in the same change. COPYUID comes before EXPUNGE, since
/// after it a client has forgotten the UIDs (RFC 6851 §4.3).
pub(super) async fn move_messages(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    if ctx.view()?.read_only() {
        return Err(Refusal::read_only().into());
    }
    let (source, uids, target) = prepare(ctx, cmd).await?;
    if uids.is_empty() {
        return Ok(Done::text("Nothing to move"));
    }
    let account = ctx.account()?;
    let moved = match cmd.uid {
        true => account.move_messages(source, uids, target).await,
        false => account.move_all(source, uids, target).await,
    };
    let Some(moved) = moved.map_err(into_target)? else { return Ok(Done::text("Nothing to move")) };
    ctx.status(None, Kind::Ok, Some(&copy_uid(moved)), "Moved");
    Ok(Done::text("Moved"))
}

/// Source, UIDs and target of a COPY or MOVE.
async fn prepare(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<(MailboxId, NumberSet, MailboxId), Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let view = ctx.view()?;
    let places = view.places(cmd.uid, &cmd.set).ok_or_else(no_such_number)?;
    let (source, uids) = (view.id(), view.uids_at(&places));
    let snapshot = ctx.account()?.snapshot();
    let target = match snapshot.mailbox_named(&name) {
        Some(target) => target.id(),
        None if is_old(ctx.connection.dialect) && ctx.connection.policy.dialect.copy_creates => {
            ctx.account()?.create(name, None).await?
        }
        None => return Err(Refusal::try_create().into()),
    };
    Ok((source, uids, target))
}

fn copy_uid(copied: Copied) -> Code {
    Code::CopyUid(copied.uid_validity, copied.source, copied.target)
}

/// A sequence number over the number of messages (RFC 9051 §9, `seq-number`).
pub(super) fn no_such_number() -> Refusal {
    Refusal::bad("There is no message with that number")
}
