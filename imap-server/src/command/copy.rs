//! COPY and MOVE, by number and by UID (RFC 9051 §6.4.7, §6.4.8; UIDPLUS RFC 4315 §3).

use imap_proto::command::CopyMove;
use imap_proto::response::{Code, Kind, write_status};
use imap_proto::types::NumberSet;
use imap_store::account::{Copied, MailboxId};

use super::error::into_target;
use super::{Ctx, Done, Halt, Refusal};

/// COPY: all or nothing. Refuses with TRYCREATE where the target is missing, and with EXPUNGEISSUED where one of
/// the numbers means a message that is gone (RFC 2180 §4.4).
pub(super) async fn copy(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    let (source, uids, target) = prepare(ctx, cmd)?;
    if uids.is_empty() {
        return Ok(Done::text("Nothing to copy"));
    }
    let copied = ctx.account()?.copy(source, uids, target).await.map_err(into_target)?;
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
    let (source, uids, target) = prepare(ctx, cmd)?;
    if uids.is_empty() {
        return Ok(Done::text("Nothing to move"));
    }
    let moved = ctx.account()?.move_messages(source, uids, target).await.map_err(into_target)?;
    let Some(moved) = moved else { return Ok(Done::text("Nothing to move")) };
    write_status(&mut ctx.out.buffer, None, Kind::Ok, Some(&copy_uid(moved)), "Moved");
    Ok(Done::text("Moved"))
}

/// Source, UIDs and target of a COPY or MOVE.
fn prepare(ctx: &Ctx<'_>, cmd: &CopyMove) -> Result<(MailboxId, NumberSet, MailboxId), Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let view = ctx.view()?;
    let places = view.places(cmd.uid, &cmd.set).ok_or_else(no_such_number)?;
    let uids = view.uids_at(&places);
    let snapshot = ctx.account()?.snapshot();
    let target = snapshot.mailbox_named(&name).ok_or_else(Refusal::try_create)?.id();
    let there = snapshot.mailbox(view.id()).map(|mailbox| mailbox.existing(&uids)).unwrap_or_default();
    if !cmd.uid && there != uids {
        return Err(Refusal::no(Code::ExpungeIssued, "Some of these messages are gone").into());
    }
    Ok((view.id(), there, target))
}

fn copy_uid(copied: Copied) -> Code {
    Code::CopyUid(copied.uid_validity, copied.source, copied.target)
}

/// A sequence number over the number of messages (RFC 9051 §9, `seq-number`).
pub(super) fn no_such_number() -> Refusal {
    Refusal::bad("There is no message with that number")
}
