//! FIND MAILBOXES and FIND ALL.MAILBOXES (RFC 1176, IMAP2bis).

use imap_proto::command::Find;
use imap_proto::response::Response;
use imap_proto::types::{MailboxName, NameForm};

use super::glob::Pattern;
use super::{Ctx, Done, Halt};

/// Octets of a name that is told: such a client reads a line into a buffer of fixed size.
const NAME_OCTETS_MAX: usize = 800;

/// FIND MAILBOXES: the subscribed mailboxes. A user who has subscribed nothing is told all of them but INBOX, which
/// such a client adds by itself.
pub(super) async fn mailboxes(ctx: &mut Ctx<'_>, cmd: &Find) -> Result<Done, Halt> {
    let snapshot = ctx.account()?.snapshot();
    let has_subscriptions = snapshot.subscriptions().next().is_some();
    let is_told = |name: &MailboxName| {
        if has_subscriptions { snapshot.is_subscribed(name) } else { *name != MailboxName::inbox() }
    };
    tell(ctx, cmd, is_told).await?;
    Ok(Done::text("FIND MAILBOXES completed"))
}

/// FIND ALL.MAILBOXES: every mailbox that can be selected.
pub(super) async fn all_mailboxes(ctx: &mut Ctx<'_>, cmd: &Find) -> Result<Done, Halt> {
    tell(ctx, cmd, |_| true).await?;
    Ok(Done::text("FIND ALL.MAILBOXES completed"))
}

async fn tell(ctx: &mut Ctx<'_>, cmd: &Find, is_told: impl Fn(&MailboxName) -> bool) -> Result<(), Halt> {
    let pattern = Pattern::of_find(&cmd.pattern);
    let snapshot = ctx.account()?.snapshot();
    for (name, mailbox) in snapshot.names() {
        let octets = name.encode(NameForm::ModifiedUtf7);
        if mailbox.is_some() && is_told(name) && stands_bare(&octets) && pattern.matches(&octets) {
            ctx.untagged(&Response::Mailbox(octets.into()));
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
