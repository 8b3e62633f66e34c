//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8).

use imap_proto::command::{Create, OneMailbox, Rename, Subscription};
use imap_proto::response::{Code, NameAttribute};
use imap_store::account::SpecialUse;

use super::{Ctx, Done, Halt, Refusal, list};

/// CREATE: makes a mailbox, and its missing parents as real mailboxes too.
pub(super) async fn create(ctx: &mut Ctx<'_>, cmd: &Create) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let special_use = special_use(&cmd.special_use)?;
    ctx.account()?.create(name.clone(), special_use).await?;
    if cmd.mailbox.0 != name.encode(ctx.connection.dialect.name_form()) {
        list::tell_name(ctx, &name, &cmd.mailbox);
    }
    Ok(Done::text("Created"))
}

/// What a new mailbox is for (RFC 6154 §3). A mailbox has one use here, and of the uses that are views of others
/// (\All, \Flagged) none is kept.
fn special_use(asked: &[NameAttribute]) -> Result<Option<SpecialUse>, Refusal> {
    let refused = || Refusal::no(Code::UseAttr, "A mailbox cannot be for that");
    let mut asked: Vec<&NameAttribute> = asked.iter().collect();
    asked.dedup();
    match asked[..] {
        [] => Ok(None),
        [NameAttribute::Archive] => Ok(Some(SpecialUse::Archive)),
        [NameAttribute::Drafts] => Ok(Some(SpecialUse::Drafts)),
        [NameAttribute::Junk] => Ok(Some(SpecialUse::Junk)),
        [NameAttribute::Sent] => Ok(Some(SpecialUse::Sent)),
        [NameAttribute::Trash] => Ok(Some(SpecialUse::Trash)),
        _ => Err(refused()),
    }
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
