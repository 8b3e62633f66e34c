//! STATUS (RFC 9051 §6.3.11, RFC 3501 §6.3.10).

use bytes::Bytes;
use imap_proto::command::{Status, StatusItem};
use imap_proto::response::{Response, StatusData};
use imap_proto::types::{MailboxName, Uid};
use imap_store::account::{Mailbox, Rights};

use super::place::Listed;
use super::{Ctx, Done, Halt, Refusal};
use crate::session::view::News;

/// STATUS: the numbers of one mailbox. Changes nothing. For the selected one the client is told the news first,
/// so that both speak of the same state.
pub(super) async fn status(ctx: &mut Ctx<'_>, cmd: &Status) -> Result<Done, Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let found = ctx.find(&cmd.mailbox, Rights::READ, Refusal::no_mailbox).await?;
    let listed = Listed { account: found.account.id(), mailbox: found.mailbox, rights: found.rights };
    if ctx.state.view().is_some_and(|view| view.is_of(listed.account, listed.mailbox.id())) {
        ctx.tell_news(News::All).await?;
    }
    tell(ctx, &name, &listed, &cmd.items);
    Ok(Done::text("Status told"))
}

/// Writes the numbers of a mailbox; of the selected one as its session knows it.
pub(super) fn tell(ctx: &mut Ctx<'_>, name: &MailboxName, listed: &Listed, items: &[StatusItem]) {
    let values = |mailbox: &Mailbox, recent: u32| {
        items.iter().map(|&item| (item, value(mailbox, recent, item).into())).collect()
    };
    let Listed { account, mailbox, .. } = listed;
    let items = match ctx.state.view().filter(|view| view.is_of(*account, mailbox.id())) {
        Some(view) => values(view.mailbox(), view.recent_count()),
        None => values(mailbox, recent_count(mailbox)),
    };
    let name = Bytes::from(name.encode(ctx.connection.dialect.name_form()));
    ctx.untagged(&Response::StatusData(StatusData { name, items }));
}

fn value(mailbox: &Mailbox, recent: u32, item: StatusItem) -> u64 {
    let counters = mailbox.counters();
    match item {
        StatusItem::Messages => u64::from(counters.messages),
        StatusItem::Recent => u64::from(recent),
        StatusItem::UidNext => u64::from(mailbox.uid_next().map_or(u32::MAX, Uid::get)),
        StatusItem::UidValidity => u64::from(mailbox.uid_validity().get()),
        StatusItem::Unseen => u64::from(counters.unseen),
        StatusItem::Deleted => u64::from(counters.deleted),
        StatusItem::Size => counters.octets,
        StatusItem::HighestModSeq => mailbox.highest_mod_seq().get(),
        StatusItem::MailboxId | StatusItem::AppendLimit | StatusItem::DeletedStorage => {
            unreachable!("these are refused before")
        }
    }
}

/// Messages that no session was told of.
fn recent_count(mailbox: &Mailbox) -> u32 {
    let first = Uid::new(mailbox.recent_watermark()).unwrap_or(Uid::MIN);
    mailbox.len() + 1 - mailbox.lower_bound(first)
}
