//! FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5).
//!
//! The answer is rendered and sent in pieces: [`render`] writes, [`section`] finds the octets, [`ahead`] sends one piece
//! while the next is written.

mod ahead;
mod render;
mod section;
mod stream;

use std::num::NonZeroU32;
use std::sync::Arc;

use imap_proto::command::{Fetch, FetchItem, FetchModifiers, Partial, PartialFetch};
use imap_proto::response::{Code, Response, Vanished};
use imap_proto::types::{Flag, NumberSet, SequenceSet, SetEnd, SystemFlag, Uid};
use imap_store::account::{FlagChange, Mailbox};

use super::copy::no_such_number;
use super::{Ctx, Done, Halt, Refusal};
use crate::session::flags::is_old;
use crate::session::state::State;
use render::{Flagged, Plan, Renderer};

/// FETCH: what was asked for, of the messages as this session knows them, also of those that were expunged elsewhere.
///
/// Sets \Seen where the items say so (not after EXAMINE), in one change for all, and then tells FLAGS. A message
/// that cannot be read is left out; the others are served, and the tagged NO names it.
pub(super) async fn fetch(ctx: &mut Ctx<'_>, cmd: &Fetch) -> Result<Done, Halt> {
    let places = wanted(ctx, cmd)?;
    serve(ctx, cmd, places, None).await
}

/// PARTIAL (RFC 1730 §6.4.6): octets of one item, counted from 1, and told under the item's plain name.
pub(super) async fn partial(ctx: &mut Ctx<'_>, cmd: &PartialFetch) -> Result<Done, Halt> {
    let start = cmd.start.checked_sub(1).ok_or_else(|| Refusal::bad("Octets are counted from 1"))?;
    let number = NonZeroU32::new(cmd.seq_num.get()).map(SetEnd::Number).ok_or_else(no_such_number)?;
    let set = SequenceSet::from((number, number));
    let modifiers = FetchModifiers::default();
    let fetch = Fetch { uid: false, set, items: vec![cmd.item.clone()], modifiers };
    let places = wanted(ctx, &fetch)?;
    serve(ctx, &fetch, places, Some(Partial { start, count: cmd.count })).await
}

/// The places of a command's messages. With CHANGEDSINCE only of those that changed, and VANISHED is told here
/// (RFC 7162 §3.1.4.1, §3.2.6).
fn wanted(ctx: &mut Ctx<'_>, cmd: &Fetch) -> Result<NumberSet, Halt> {
    let view = ctx.view()?;
    let places = view.places(cmd.uid, &cmd.set).ok_or_else(no_such_number)?;
    let Some(since) = cmd.modifiers.changed_since else {
        // RFC 7162 §3.2.6.
        let alone = cmd.modifiers.vanished.then(|| Refusal::bad("VANISHED needs CHANGEDSINCE"));
        return alone.map_or(Ok(places), |refusal| Err(refusal.into()));
    };
    let changed = view.changed_since(since);
    let uids = view.uids_at(&places).intersection(&changed);
    let changed_places = view.places_of(&uids);
    if cmd.modifiers.vanished {
        if !ctx.connection.enabled.qresync {
            return Err(Refusal::bad("VANISHED needs ENABLE QRESYNC").into());
        }
        let last = view.mailbox().uid_next().map_or(u32::MAX, |next| next.get() - 1);
        let asked = cmd.set.resolve(Some(last.max(1)), view.saved());
        let uids = view.mailbox().vanished_since(since, &asked);
        if !uids.is_empty() {
            ctx.untagged(&Response::Vanished(Vanished { earlier: true, uids }));
        }
    }
    Ok(changed_places)
}

async fn serve(
    ctx: &mut Ctx<'_>,
    cmd: &Fetch,
    places: NumberSet,
    slice: Option<Partial>,
) -> Result<Done, Halt> {
    let view = ctx.view()?;
    let account = view.account().clone();
    let (snapshot, mailbox) = (view.snapshot(), Arc::clone(view.mailbox()));
    let recent = view.recent().clone();
    let sets_seen = !view.read_only() && cmd.items.iter().any(sets_seen);
    let seen = if sets_seen { mark_seen(ctx, &mailbox, &places).await? } else { NumberSet::new() };
    let told = ctx.view()?.told().clone();
    if cmd.items.contains(&FetchItem::Flags) || !seen.is_empty() {
        let dialect = ctx.connection.dialect;
        ctx.view_mut()?.note_shown(dialect, &places);
    }
    let with_mod_seq = ctx.connection.enabled.condstore;
    let mut plan = Plan::new(cmd, ctx.connection.dialect, recent, with_mod_seq);
    plan.slice = slice;
    plan.old_dates = ctx.connection.policy.dialect.old_dates && is_old(ctx.connection.dialect);
    let plan = Arc::new(plan);
    let mut renderer = Renderer::new(plan, account, snapshot, mailbox, places, Flagged { seen, told });
    if renderer.is_at_hand() {
        let piece = ctx.out.piece_octets();
        while !renderer.is_done() {
            renderer.fill(&mut ctx.out.buffer, piece)?;
            ctx.out.flush_if_full().await?;
        }
    } else {
        renderer = ahead::send(&mut ctx.out, renderer).await?;
    }
    finish(ctx, renderer.into_failed())
}

/// Whether an item sets \Seen (RFC 3501 §6.4.5).
fn sets_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
        FetchItem::Section { peek, .. } | FetchItem::Binary { peek, .. } => !peek,
        FetchItem::Envelope
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::Uid
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::Rfc822Header
        | FetchItem::BinarySize { .. }
        | FetchItem::ModSeq
        | FetchItem::EmailId
        | FetchItem::ThreadId
        | FetchItem::SaveDate
        | FetchItem::Preview { .. }
        | FetchItem::Annotation(_)
        | FetchItem::Rfc822Peek
        | FetchItem::Rfc822TextPeek
        | FetchItem::Rfc822HeaderLines { .. }
        | FetchItem::GmailMessageId
        | FetchItem::GmailThreadId
        | FetchItem::GmailLabels => false,
    }
}

/// Sets \Seen of those messages that have it not, in one change; returns them. Where that cannot be kept, reading goes
/// on without.
async fn mark_seen(ctx: &mut Ctx<'_>, mailbox: &Mailbox, places: &NumberSet) -> Result<NumberSet, Halt> {
    let mut uids = NumberSet::new();
    for &(first, last) in places.ranges() {
        let messages = render::messages(mailbox, first, last);
        let unseen = messages.filter(|message| !message.flags.has(SystemFlag::Seen));
        unseen.for_each(|message| uids.insert(message.uid.get()));
    }
    if uids.is_empty() {
        return Ok(uids);
    }
    let change = FlagChange::Add(vec![Flag::System(SystemFlag::Seen)]);
    let account = ctx.view()?.account().clone();
    match account.store_flags(mailbox.id(), uids.clone(), change, None).await.map_err(Halt::from) {
        Err(halt @ (Halt::InDoubt(_) | Halt::Broken(_) | Halt::Gone)) => return Err(halt),
        Err(Halt::Refused(_)) => return Ok(NumberSet::new()),
        Ok(_) => {}
    }
    let dialect = ctx.connection.dialect;
    let State::Selected(_, view) = &mut *ctx.state else { return Ok(NumberSet::new()) };
    let Some((_, now)) = view.published() else { return Ok(NumberSet::new()) };
    view.tell_keywords(&mut ctx.out.buffer, dialect, &now);
    view.note_told(uids.clone(), &now);
    Ok(uids)
}

/// Says what could not be read. Of such a message the new flags were not told either.
fn finish(ctx: &mut Ctx<'_>, failed: Vec<Failed>) -> Result<Done, Halt> {
    let Some((first, code)) = failed.first() else { return Ok(Done::text("Fetched")) };
    let text = match failed.len() {
        1 => format!("The message with UID {first} could not be read"),
        count => format!("{count} messages could not be read, the first has UID {first}"),
    };
    let uids = failed.iter().map(|(uid, _)| uid.get()).collect();
    ctx.view_mut()?.note_unsure(&uids);
    Err(Refusal::no(code.clone(), text).into())
}

/// A message that could not be served, and why.
type Failed = (Uid, Code);
