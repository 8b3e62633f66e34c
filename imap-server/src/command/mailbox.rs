//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8).

use imap_proto::command::{Create, OneMailbox, Rename, Subscription};
use imap_proto::response::{Code, NameAttribute};
use imap_proto::types::MailboxName;
use imap_store::account::{Place, Rights, SpecialUse};

use super::find::mailbox_of_board;
use super::{Ctx, Done, Halt, Refusal, list};

/// CREATE: makes a mailbox, and its missing parents as real mailboxes too.
pub(super) async fn create(ctx: &mut Ctx<'_>, cmd: &Create) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let special_use = special_use(&cmd.special_use)?;
    let spot = ctx.spot(&name).await?.ok_or_else(|| nowhere(&name))?;
    spot.account.create(spot.within, special_use).await?;
    if cmd.mailbox.0 != name.encode(ctx.connection.dialect.name_form()) {
        list::tell_name(ctx, &cmd.mailbox).await?;
    }
    Ok(Done::text("Created"))
}

/// No mailbox can be made or renamed to there: above the namespaces nobody can, and in the account of somebody who is
/// not there one may as little as in that of somebody who is.
fn nowhere(name: &MailboxName) -> Refusal {
    match Place::of(name) {
        Place::Above => Refusal::no(Code::Cannot, "That name stands above the mailboxes of others"),
        Place::Own(_) | Place::Others(..) => Refusal::no_permission(),
    }
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
    let spot = ctx.spot(&name).await?.ok_or_else(Refusal::no_mailbox)?;
    spot.account.delete(spot.within).await?;
    Ok(Done::text("Deleted"))
}

/// RENAME: a mailbox and all below it; of INBOX the messages move.
pub(super) async fn rename(ctx: &mut Ctx<'_>, cmd: &Rename) -> Result<Done, Halt> {
    let (from, to) = (ctx.mailbox_name(&cmd.from)?, ctx.mailbox_name(&cmd.to)?);
    let source = ctx.spot(&from).await?.ok_or_else(Refusal::no_mailbox)?;
    let target = ctx.spot(&to).await?.ok_or_else(|| nowhere(&to));
    let account = source.account.clone();
    let within = source.within.clone();
    // Who may not know of it is told nothing else of it.
    source.find(Rights::NONE.with(Rights::DELETE), Refusal::no_mailbox)?;
    let target = target?;
    if target.account.id() != account.id() {
        return Err(Refusal::no(Code::Cannot, "A mailbox cannot be renamed into another account").into());
    }
    account.rename(within, target.within).await?;
    Ok(Done::text("Renamed"))
}

/// SUBSCRIBE: a name, whether it has a mailbox or not.
pub(super) async fn subscribe(ctx: &mut Ctx<'_>, cmd: &Subscription) -> Result<Done, Halt> {
    let name = subscription(ctx, cmd)?;
    ctx.own_account()?.subscribe(name).await?;
    Ok(Done::text("Subscribed"))
}

/// UNSUBSCRIBE. A name that is not subscribed is no error: the client has what it wants.
pub(super) async fn unsubscribe(ctx: &mut Ctx<'_>, cmd: &Subscription) -> Result<Done, Halt> {
    let name = subscription(ctx, cmd)?;
    ctx.own_account()?.unsubscribe(name).await?;
    Ok(Done::text("Unsubscribed"))
}

/// The name that is meant; behind BBOARD it is one in the namespace of the mailboxes that are no person's.
fn subscription(ctx: &Ctx<'_>, cmd: &Subscription) -> Result<MailboxName, Halt> {
    if cmd.bulletin_board {
        return ctx.mailbox_name(&mailbox_of_board(&cmd.mailbox));
    }
    ctx.mailbox_name(&cmd.mailbox)
}
