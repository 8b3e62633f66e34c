//! STORE and UID STORE (RFC 9051 §6.4.6).

use std::sync::Arc;

use imap_proto::command::{FlagAction, Store, StoreData};
use imap_proto::response::{Code, FetchWriter};
use imap_proto::types::{Flag, NumberSet, Uid};
use imap_store::account::FlagChange;

use super::copy::no_such_number;
use super::{Ctx, Done, Halt, Refusal};
use crate::session::flags::{FlagNames, is_old};
use crate::session::state::State;
use crate::session::view::Style;

/// STORE: changes flags of the messages that are still there, and tells the new ones unless `.SILENT`.
///
/// `\Recent` and flags that nobody knows are left out. Refuses with READ-ONLY after EXAMINE.
pub(super) async fn store(ctx: &mut Ctx<'_>, cmd: &Store) -> Result<Done, Halt> {
    let StoreData::Flags(_) = cmd.data else {
        return Err(Refusal::bad("Only flags are stored").into());
    };
    let view = ctx.view()?;
    if view.read_only() {
        return Err(Refusal::read_only().into());
    }
    let places = view.places(cmd.uid, &cmd.set).ok_or_else(no_such_number)?;
    let uids = view.uids_at(&places);
    if uids.is_empty() {
        return Ok(Done::text("Nothing to store"));
    }
    let (id, account) = (view.id(), view.account().clone());
    let change = change(ctx, cmd)?;
    let modified = account.store_flags(id, uids.clone(), change, cmd.unchanged_since).await?.modified;
    let passed = uids.difference(&modified);
    if cmd.silent {
        note_silent(ctx, cmd, passed.clone())?;
        tell_mod_seqs(ctx, &passed).await?;
        answer(ctx, cmd, modified.clone()).await?;
    } else {
        answer(ctx, cmd, uids.clone()).await?;
    }
    if cmd.unchanged_since.is_none() {
        return Ok(Done::text("Stored"));
    }
    let failed = failed(ctx, cmd, &places, &modified)?;
    if failed.is_empty() {
        return Ok(Done::text("Stored"));
    }
    Ok(Done::code(Code::Modified(failed), "Some of them had changed"))
}

/// What MODIFIED names: UIDs, or numbers, among which are also those of messages that are gone by now.
fn failed(ctx: &Ctx<'_>, cmd: &Store, places: &NumberSet, modified: &NumberSet) -> Result<NumberSet, Halt> {
    if cmd.uid {
        return Ok(modified.clone());
    }
    let view = ctx.view()?;
    let uids = view.uids_at(places);
    let there = view.published().map(|(_, now)| now.existing(&uids)).unwrap_or_default();
    Ok(view.places_of(&modified.union(&uids.difference(&there))))
}

/// A client that wants modification sequences is told those of a silent STORE (RFC 7162 §3.1.3).
async fn tell_mod_seqs(ctx: &mut Ctx<'_>, uids: &NumberSet) -> Result<(), Halt> {
    let style = ctx.style();
    let State::Selected(_, view) = &mut *ctx.state else { return Ok(()) };
    let Some((_, now)) = view.published().filter(|_| style.with_mod_seq) else { return Ok(()) };
    let (mut known, mut now) = (view.mailbox().finder(), now.finder());
    for message in uids.iter().filter_map(Uid::new).filter_map(|uid| now.get(uid)) {
        let Some(place) = known.place(message.uid) else { continue };
        let mut writer = FetchWriter::begin(&mut ctx.out.buffer, style.dialect, place);
        writer.uid(message.uid);
        writer.mod_seq(message.mod_seq);
        writer.end();
        ctx.out.flush_if_full().await?;
    }
    Ok(())
}

/// The flags of the command.
fn flags(cmd: &Store) -> &[Flag] {
    match &cmd.data {
        StoreData::Flags(flags) => flags,
        StoreData::Annotations(_) | StoreData::GmailLabels(_) => &[],
    }
}

/// What a STORE changes. The flags that a client of before IMAP4 is not shown stay as they are when it names all that
/// it wants.
fn change(ctx: &Ctx<'_>, cmd: &Store) -> Result<FlagChange, Halt> {
    let kept = |flag: &&Flag| matches!(flag, Flag::System(_) | Flag::Keyword(_));
    let flags: Vec<Flag> = flags(cmd).iter().filter(kept).cloned().collect();
    Ok(match cmd.action {
        FlagAction::Replace if is_old(ctx.connection.dialect) => {
            let view = ctx.view()?;
            let now = view.published().map_or_else(|| view.mailbox().clone(), |(_, now)| now);
            let shown = FlagNames::new(&now, ctx.connection.dialect);
            FlagChange::ReplaceAmong { flags, among: shown.all().cloned().collect() }
        }
        FlagAction::Replace => FlagChange::Replace(flags),
        FlagAction::Add => FlagChange::Add(flags),
        FlagAction::Remove => FlagChange::Remove(flags),
    })
}

/// Tells the flags of every message of the set that is still there, changed or not.
async fn answer(ctx: &mut Ctx<'_>, cmd: &Store, uids: NumberSet) -> Result<(), Halt> {
    let style = Style { with_uid: cmd.uid || ctx.style().with_uid, ..ctx.style() };
    let State::Selected(_, view) = &mut *ctx.state else { return Ok(()) };
    let Some((_, now)) = view.published() else { return Ok(()) };
    view.tell_keywords(&mut ctx.out.buffer, style.dialect, &now);
    let names = FlagNames::new(&now, style.dialect);
    let known = Arc::clone(view.mailbox());
    let (mut places, mut messages) = (known.finder(), now.finder());
    for message in uids.iter().filter_map(Uid::new).filter_map(|uid| messages.get(uid)) {
        let Some(place) = places.place(message.uid) else { continue };
        view.write_fetch_flags(&mut ctx.out.buffer, style, &names, &message, place);
        ctx.out.flush_if_full().await?;
    }
    view.note_told(uids, &now);
    Ok(())
}

/// After `.SILENT` the client takes its flags for granted: whatever differs from that is told as news.
fn note_silent(ctx: &mut Ctx<'_>, cmd: &Store, uids: NumberSet) -> Result<(), Halt> {
    let view = ctx.view_mut()?;
    let Some((_, now)) = view.published() else { return Ok(()) };
    let (mut known, mut messages) = (view.mailbox().finder(), now.finder());
    let mut as_expected = |uid: u32| {
        let message = known.get(Uid::new(uid)?)?;
        let before = view.told().flags(&message).unwrap_or(message.flags);
        let after = messages.get(message.uid)?.flags;
        Some(expected(cmd, &now.wire_flags(&before), &now.wire_flags(&after)))
    };
    let (known, unsure): (Vec<u32>, Vec<u32>) = uids.iter().partition(|&uid| as_expected(uid) == Some(true));
    view.note_told(known.into_iter().collect(), &now);
    view.note_unsure(&unsure.into_iter().collect());
    Ok(())
}

/// Whether `after` is what the command makes of the flags that the client knows.
fn expected(cmd: &Store, before: &[Flag], after: &[Flag]) -> bool {
    let asked = |flag: &Flag| flags(cmd).contains(flag);
    let kept = |flag: &&Flag| matches!(flag, Flag::System(_) | Flag::Keyword(_));
    let all_asked_are = flags(cmd).iter().filter(kept).all(|flag| after.contains(flag));
    match cmd.action {
        FlagAction::Replace => all_asked_are && after.iter().all(asked),
        FlagAction::Add => {
            all_asked_are
                && before.iter().all(|flag| after.contains(flag))
                && after.iter().all(|flag| asked(flag) || before.contains(flag))
        }
        FlagAction::Remove => {
            !after.iter().any(asked)
                && after.iter().all(|flag| before.contains(flag))
                && before.iter().all(|flag| asked(flag) || after.contains(flag))
        }
    }
}
