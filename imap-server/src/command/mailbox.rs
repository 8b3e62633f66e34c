//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8).

use imap_proto::command::{Create, OneMailbox, Rename, Subscription};

use super::{Ctx, Done, Halt};

/// CREATE: makes a mailbox, and its missing parents as real mailboxes too.
pub(super) async fn create(ctx: &mut Ctx<'_>, cmd: &Create) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    ctx.account()?.create(name, None).await?;
    Ok(Done::text("Created"))
}

/// DELETE: removes a mailbox and its messages; children stay, and so does the subscription.
pub(super) async fn delete(ctx: &mut Ctx<'_>, cmd: &OneMailbox) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    ctx.account()?.delete(name).await?;
    Ok(Done::text("Deleted"))
}

/// RENAME: a mailbox and all below it; of INBOX the messages move.
pub(super) async fn rename(ctx: &mut Ctx<'_>, cmd: &Rename) -> Result<Done, Halt> {
    let (from, to) = (ctx.mailbox_name(&cmd.from)?, ctx.mailbox_name(&cmd.to)?);
    ctx.account()?.rename(from, to).await?;
    Ok(Done::text("Renamed"))
}

/// SUBSCRIBE: a name, whether it has a mailbox or not.
pub(super) async fn subscribe(ctx: &mut Ctx<'_>, cmd: &Subscription) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    ctx.account()?.subscribe(name).await?;
    Ok(Done::text("Subscribed"))
}

/// UNSUBSCRIBE. A name that is not subscribed is no error: the client has what it wants.
pub(super) async fn unsubscribe(ctx: &mut Ctx<'_>, cmd: &Subscription) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    ctx.account()?.unsubscribe(name).await?;
    Ok(Done::text("Unsubscribed"))
}
