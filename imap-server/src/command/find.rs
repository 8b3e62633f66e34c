//! FIND in its four forms (RFC 1176, IMAP2bis).

use bytes::Bytes;
use imap_proto::command::Find;
use imap_proto::response::Response;
use imap_proto::types::{MailboxName, NameForm, WireMailbox};
use imap_store::account::{Place, Rights};

use super::glob::Pattern;
use super::place::Names;
use super::{Ctx, Done, Halt};

/// Octets of a name that is told: such a client reads a line into a buffer of fixed size.
const NAME_OCTETS_MAX: usize = 800;

/// FIND MAILBOXES: the subscribed mailboxes. A user who has subscribed nothing is told all of them but INBOX, which
/// such a client adds by itself.
pub(super) async fn mailboxes(ctx: &mut Ctx<'_>, cmd: &Find) -> Result<Done, Halt> {
    let names = ctx.names().await?;
    let has_subscriptions = names.subscriptions().next().is_some();
    let is_told = |name: &MailboxName| {
        if has_subscriptions { names.is_subscribed(name) } else { *name != MailboxName::inbox() }
    };
    tell(ctx, &names, cmd, |name| is_told(name).then(|| name.clone()), Response::Mailbox).await?;
    Ok(Done::text("FIND MAILBOXES completed"))
}

/// FIND ALL.MAILBOXES: every mailbox that can be selected.
pub(super) async fn all_mailboxes(ctx: &mut Ctx<'_>, cmd: &Find) -> Result<Done, Halt> {
    let names = ctx.names().await?;
    tell(ctx, &names, cmd, |name| Some(name.clone()), Response::Mailbox).await?;
    Ok(Done::text("FIND ALL.MAILBOXES completed"))
}

/// FIND BBOARDS: the subscribed mailboxes that are no person's, without the name of their namespace.
pub(super) async fn bulletin_boards(ctx: &mut Ctx<'_>, cmd: &Find) -> Result<Done, Halt> {
    let names = ctx.names().await?;
    let is_told = |name: &MailboxName| names.is_subscribed(name).then(|| board(name)).flatten();
    tell(ctx, &names, cmd, is_told, Response::Bboard).await?;
    Ok(Done::text("FIND BBOARDS completed"))
}

/// FIND ALL.BBOARDS: all of these.
pub(super) async fn all_bulletin_boards(ctx: &mut Ctx<'_>, cmd: &Find) -> Result<Done, Halt> {
    let names = ctx.names().await?;
    tell(ctx, &names, cmd, board, Response::Bboard).await?;
    Ok(Done::text("FIND ALL.BBOARDS completed"))
}

/// The name of a mailbox as a bulletin board.
fn board(name: &MailboxName) -> Option<MailboxName> {
    let below = name.as_str().strip_prefix(Place::SHARED_FOLDERS)?.strip_prefix('/')?;
    MailboxName::new(below).ok()
}

/// The name of the mailbox that a bulletin board is, in the form of the wire.
pub(super) fn mailbox_of_board(board: &WireMailbox) -> WireMailbox {
    WireMailbox([Place::SHARED_FOLDERS.as_bytes(), b"/", &board.0].concat().into())
}

/// Tells the mailboxes that can be opened, by the names that `told_as` gives them.
async fn tell(
    ctx: &mut Ctx<'_>,
    names: &Names,
    cmd: &Find,
    told_as: impl Fn(&MailboxName) -> Option<MailboxName>,
    response: fn(Bytes) -> Response,
) -> Result<(), Halt> {
    let pattern = Pattern::of_find(&cmd.pattern);
    for (name, listed) in names.iter() {
        let Some(name) = told_as(name) else { continue };
        let octets = name.encode(NameForm::ModifiedUtf7);
        let can_be_opened = listed.is_some_and(|listed| listed.rights.has(Rights::READ));
        if can_be_opened && stands_bare(&octets) && pattern.matches(&octets) {
            ctx.untagged(&response(octets.into()));
            ctx.out.flush_if_full().await?;
        }
    }
    Ok(())
}

/// Whether a name can run to the end of the line: neither quotes nor literals are read there.
fn stands_bare(name: &[u8]) -> bool {
    let is_text = name.iter().all(|octet| matches!(octet, b' '..=b'~'));
    let looks_like_string = matches!(name.first(), Some(b'"' | b'{')) || name.last() == Some(&b'}');
    is_text && !looks_like_string && name.trim_ascii() == name && name.len() <= NAME_OCTETS_MAX
}
