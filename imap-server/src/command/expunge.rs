//! EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The dispatcher tells what is gone.

use imap_proto::command::UidExpunge;
use imap_proto::response::Code;
use imap_proto::types::NumberSet;

use super::{Ctx, Done, Halt, Refusal};
use crate::session::view::News;

/// EXPUNGE: removes every message that has \Deleted.
pub(super) async fn expunge(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    remove(ctx, None).await
}

/// UID EXPUNGE: of these only those that have \Deleted.
pub(super) async fn uid_expunge(ctx: &mut Ctx<'_>, cmd: &UidExpunge) -> Result<Done, Halt> {
    let view = ctx.view()?;
    let uids = view.places(true, &cmd.set).map(|places| view.uids_at(&places)).unwrap_or_default();
    remove(ctx, Some(uids)).await
}

async fn remove(ctx: &mut Ctx<'_>, uids: Option<NumberSet>) -> Result<Done, Halt> {
    let view = ctx.view()?;
    if view.read_only() {
        return Err(Refusal::read_only().into());
    }
    let id = view.id();
    let account = view.account().clone();
    let gone = account.expunge(id, uids).await?;
    if gone.is_empty() {
        return Ok(Done::text("Expunged"));
    }
    removed(ctx, News::All, "Expunged").await
}

/// Ends a command that took messages out of the selected mailbox: a client of QRESYNC is told which, and the number that
/// holds once that is told (RFC 7162 §3.2.7, §3.2.9; RFC 6851 §4.4).
pub(super) async fn removed(ctx: &mut Ctx<'_>, news: News, text: &'static str) -> Result<Done, Halt> {
    if !ctx.connection.enabled.qresync {
        return Ok(Done::text(text));
    }
    ctx.tell_news(news).await?;
    let highest = ctx.view()?.mailbox().highest_mod_seq().get();
    Ok(Done::code(Code::HighestModSeq(highest), text))
}
