//! SELECT, EXAMINE, CHECK, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 3501 §6.4.1).

use std::sync::Arc;

use imap_proto::Level;
use imap_proto::command::{OneMailbox, Qresync, Select};
use imap_proto::response::{Code, Kind, Response, Vanished, write_status};
use imap_proto::types::{NumberSet, SeqNum, Uid};
use imap_store::StoreError;
use imap_store::account::Rights;

use super::find::mailbox_of_board;
use super::place::Found;
use super::{Ctx, Done, Halt, Refusal, list};
use crate::session::flags::{FlagNames, write_flags, write_permanent_flags};
use crate::session::state::State;
use crate::session::view::{News, Style, View};

/// SELECT and EXAMINE: opens a mailbox, and leaves the one that was open also when that fails.
///
/// Takes the \Recent messages; EXAMINE (`read_only`) does not. Refuses with NONEXISTENT.
pub(super) async fn select(ctx: &mut Ctx<'_>, cmd: &Select, read_only: bool) -> Result<Done, Halt> {
    if cmd.qresync.is_some() && !ctx.connection.enabled.qresync {
        return Err(Refusal::bad("QRESYNC has to be enabled first").into());
    }
    if ctx.state.unselect() {
        write_status(&mut ctx.out.buffer, None, Kind::Ok, Some(&Code::Closed), "The other mailbox is closed");
    }
    let Found { account, mailbox, rights, who } =
        ctx.find(&cmd.mailbox, Rights::READ, Refusal::no_mailbox).await?;
    let view = View::open(&account, mailbox.id(), (who, rights), read_only, ctx.connection.dialect);
    let mut view = view.ok_or_else(Refusal::no_mailbox)?;
    write_opening(ctx, &view);
    list::tell_name(ctx, &cmd.mailbox).await?;
    ctx.connection.enabled.condstore |= cmd.condstore;
    if let Some(known) = &cmd.qresync {
        resynchronize(ctx, &mut view, known).await?;
    }
    let may_change = view.may_change();
    *ctx.state = State::Selected(ctx.login()?.clone(), Box::new(view));
    // The code comes first: clients of 1992 look at the first eleven octets only.
    Ok(if may_change {
        Done::code(Code::ReadWrite, "Opened")
    } else {
        Done::code(Code::ReadOnly, "Opened, nothing can be changed")
    })
}

/// BBOARD: EXAMINE of a mailbox that is no person's (RFC 1176).
pub(super) async fn bulletin_board(ctx: &mut Ctx<'_>, cmd: &OneMailbox) -> Result<Done, Halt> {
    let mailbox = mailbox_of_board(&cmd.mailbox);
    let examine = Select { mailbox, condstore: false, qresync: None, annotate: false };
    select(ctx, &examine, true).await
}

fn write_opening(ctx: &mut Ctx<'_>, view: &View) {
    let dialect = ctx.connection.dialect;
    let out = &mut ctx.out.buffer;
    let mailbox = view.mailbox();
    write_flags(out, dialect, mailbox);
    view.write_sizes(out, dialect);
    let mut ok = |code: Code, text: &str| write_status(out, None, Kind::Ok, Some(&code), text);
    if dialect.level != Level::Rev2
        && let Some(first) = mailbox.first_unseen()
    {
        ok(Code::Unseen(first.get()), "The first unseen message");
    }
    ok(Code::UidValidity(mailbox.uid_validity()), "UIDs are valid under this number");
    ok(Code::UidNext(mailbox.uid_next().map_or(u32::MAX, Uid::get)), "The next UID");
    write_permanent_flags(out, dialect, mailbox, view.flag_rights());
    let highest = Code::HighestModSeq(mailbox.highest_mod_seq().get());
    write_status(out, None, Kind::Ok, Some(&highest), "The highest modification sequence");
}

/// Tells what became of a mailbox since the client saw it last (RFC 7162 §3.2.5): nothing where the UIDs mean others now.
async fn resynchronize(ctx: &mut Ctx<'_>, view: &mut View, known: &Qresync) -> Result<(), Halt> {
    let mailbox = Arc::clone(view.mailbox());
    if mailbox.uid_validity() != known.uid_validity {
        return Ok(());
    }
    let uids = known.known_uids.clone().unwrap_or_else(|| NumberSet::from_range(1, u32::MAX));
    // Up to a number and UID that fit together, the client knows what is gone (RFC 7162 §3.2.5.2).
    let fits = |&(place, uid): &(u32, u32)| {
        SeqNum::new(place).and_then(|place| mailbox.at(place)).is_some_and(|it| it.uid.get() == uid)
    };
    let pairs = known.matches.iter().flat_map(|(places, uids)| places.iter().zip(uids.iter()));
    let known_up_to = pairs.filter(fits).map(|(_, uid)| uid).max().unwrap_or(0);
    let asked = uids.difference(&NumberSet::from_range(1, known_up_to));
    let vanished = mailbox.vanished_since(known.mod_seq, &asked);
    if !vanished.is_empty() {
        ctx.untagged(&Response::Vanished(Vanished { earlier: true, uids: vanished }));
    }
    let style = Style { with_uid: true, with_mod_seq: true, ..ctx.style() };
    let names = FlagNames::new(&mailbox, style.dialect);
    let changed = mailbox.changed_since(known.mod_seq).intersection(&uids);
    for message in changed.iter().filter_map(Uid::new).filter_map(|uid| mailbox.get(uid)) {
        view.write_fetch_flags(&mut ctx.out.buffer, style, &names, &message, message.seq_num);
        ctx.out.flush_if_full().await?;
    }
    Ok(())
}

/// CHECK: news, and the sizes in any case, as RFC 1176 promises.
pub(super) async fn check(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    let dialect = ctx.connection.dialect;
    ctx.tell_news(News::All).await?;
    let State::Selected(_, view) = &*ctx.state else {
        return Err(Refusal::bad("Select a mailbox first").into());
    };
    view.write_sizes(&mut ctx.out.buffer, dialect);
    Ok(Done::text("Checked"))
}

/// CLOSE: removes the messages that have \Deleted, without a word of them, and leaves the mailbox.
pub(super) async fn close(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    let view = ctx.view()?;
    let (id, read_only) = (view.id(), view.read_only());
    let exists = view.published().is_some();
    let account = view.account().clone();
    ctx.state.unselect();
    if !read_only && exists {
        match account.expunge(id, None).await {
            // Without the right to expunge it only closes (RFC 4314 §4).
            Ok(_) | Err(StoreError::NoPerm | StoreError::NonExistent { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Done::text("Closed"))
}

/// UNSELECT: leaves the mailbox as it is (RFC 3691).
pub(super) async fn unselect(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    ctx.state.unselect();
    Ok(Done::text("Left"))
}
