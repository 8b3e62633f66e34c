//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 9051 §6.4.4), with RETURN (ESEARCH, RFC 4731), `$` (SEARCHRES, RFC 5182),
//! OLDER and YOUNGER (WITHIN, RFC 5032) and MODSEQ (RFC 7162 §3.1.5).

mod hunt;

use std::sync::Arc;

use bytes::Bytes;
use imap_proto::Level;
use imap_proto::command::{Search, SearchReturn, Tag};
use imap_proto::response::{Code, Esearch, EsearchItem, Response};
use imap_proto::types::{NumberRanges, NumberSet, SearchKey, SequenceSet};
use imap_proto::wire::write;
use imap_store::search::{Context, Query, charsets, decode_words};

use super::{Ctx, Done, Halt, Refusal};
use crate::session::flags::is_old;
use hunt::{Found, Hunt};

/// SEARCH: the messages that match, in the form that RETURN asks for; without it (and not in IMAP4rev2) in one line
/// of numbers, which is there also when nothing matches.
///
/// With SAVE the result becomes `$`; where the search is refused with NO, `$` is empty then (RFC 9051 §6.4.4.1).
pub(super) async fn search(ctx: &mut Ctx<'_>, tag: &Tag, cmd: &Search) -> Result<Done, Halt> {
    let returns = returns(ctx, cmd);
    let saves = returns.as_ref().is_some_and(|options| options.contains(&SearchReturn::Save));
    let found = match find(ctx, cmd).await {
        Ok(found) => found,
        Err(halt) => {
            if saves {
                ctx.view_mut()?.save(NumberSet::new());
            }
            return Err(halt);
        }
    };
    let Some(options) = returns else {
        write_found(ctx, cmd.uid, &found).await?;
        return Ok(Done::text("Searched"));
    };
    if saves {
        let places = saved(&options, &found.places);
        let view = ctx.view_mut()?;
        let uids = view.uids_at(&places);
        view.save(uids);
    }
    if options != [SearchReturn::Save] {
        let esearch = Response::Esearch(esearch(ctx, tag, cmd.uid, &options, &found)?);
        ctx.untagged(&esearch);
    }
    Ok(Done::text("Searched"))
}

/// What is to be returned; `None`: the numbers, as before ESEARCH.
fn returns(ctx: &Ctx<'_>, cmd: &Search) -> Option<Vec<SearchReturn>> {
    match &cmd.options {
        None if ctx.connection.dialect.level < Level::Rev2 => None,
        None => Some(vec![SearchReturn::All]),
        // RETURN () means RETURN (ALL) (RFC 4731 §3.1).
        Some(options) if options.is_empty() => Some(vec![SearchReturn::All]),
        Some(options) => Some(options.clone()),
    }
}

/// Whether a search speaks of sequence numbers: then no EXPUNGE may come in its answer (RFC 9051 §7.5.1).
pub(super) fn has_numbers(key: &SearchKey) -> bool {
    match key {
        SearchKey::SequenceSet(SequenceSet::Ranges(_)) => true,
        SearchKey::Not(key) | SearchKey::Fuzzy(key) => has_numbers(key),
        SearchKey::Or(one, other) => has_numbers(one) || has_numbers(other),
        SearchKey::And(keys) => keys.iter().any(has_numbers),
        _ => false,
    }
}

/// Whether a search speaks of modification sequences.
pub(crate) fn has_mod_seq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq { .. } => true,
        SearchKey::Not(key) | SearchKey::Fuzzy(key) => has_mod_seq(key),
        SearchKey::Or(one, other) => has_mod_seq(one) || has_mod_seq(other),
        SearchKey::And(keys) => keys.iter().any(has_mod_seq),
        _ => false,
    }
}

/// The key with its BODY and TEXT strings decoded that are encoded words: before CHARSET, that was how clients searched
/// beyond ASCII (IMAP2bis).
fn with_words_decoded(key: &SearchKey) -> SearchKey {
    let decoded = |text: &Bytes| decode_words(text).map_or_else(|| text.clone(), Bytes::from);
    match key {
        SearchKey::Body(text) => SearchKey::Body(decoded(text)),
        SearchKey::Text(text) => SearchKey::Text(decoded(text)),
        SearchKey::And(keys) => SearchKey::And(keys.iter().map(with_words_decoded).collect()),
        key => key.clone(),
    }
}

/// What `$` becomes: with MIN or MAX alone only these (RFC 9051 §6.4.4.1).
fn saved(options: &[SearchReturn], found: &NumberSet) -> NumberSet {
    let ends_only = options
        .iter()
        .all(|option| matches!(option, SearchReturn::Save | SearchReturn::Min | SearchReturn::Max));
    let has_ends = options.contains(&SearchReturn::Min) || options.contains(&SearchReturn::Max);
    if !(ends_only && has_ends) {
        return found.clone();
    }
    let min = found.first().filter(|_| options.contains(&SearchReturn::Min));
    let max = found.last().filter(|_| options.contains(&SearchReturn::Max));
    min.into_iter().chain(max).collect()
}

/// The ESEARCH line.
fn esearch(
    ctx: &Ctx<'_>,
    tag: &Tag,
    uid: bool,
    options: &[SearchReturn],
    found: &Found,
) -> Result<Esearch, Halt> {
    let numbers = if uid { ctx.view()?.uids_at(&found.places) } else { found.places.clone() };
    let mut items = Vec::new();
    let asked = |option: SearchReturn| options.contains(&option);
    if let (true, Some(min)) = (asked(SearchReturn::Min), numbers.first()) {
        items.push(EsearchItem::Min(min));
    }
    if let (true, Some(max)) = (asked(SearchReturn::Max), numbers.last()) {
        items.push(EsearchItem::Max(max));
    }
    if let (true, Some(all)) = (asked(SearchReturn::All), NumberRanges::new(numbers.ranges().to_vec()))
        && !all.is_empty()
    {
        items.push(EsearchItem::All(all));
    }
    if asked(SearchReturn::Count) {
        items.push(EsearchItem::Count(u32::try_from(numbers.len()).unwrap_or(u32::MAX)));
    }
    if let Some(ends) = &found.mod_seqs {
        let all = asked(SearchReturn::All) || asked(SearchReturn::Count);
        let min = asked(SearchReturn::Min).then_some(ends.first.1);
        let max = asked(SearchReturn::Max).then_some(ends.last.1);
        // Only of what is told (RFC 4731 §3.2).
        let highest = if all { Some(ends.highest) } else { min.max(max) };
        items.extend(highest.map(EsearchItem::ModSeq));
    }
    Ok(Esearch { tag: Some(Bytes::copy_from_slice(tag.as_bytes())), uid, items, ..Esearch::default() })
}

/// The line of numbers.
async fn write_found(ctx: &mut Ctx<'_>, uid: bool, found: &Found) -> Result<(), Halt> {
    let numbers = if uid { ctx.view()?.uids_at(&found.places) } else { found.places.clone() };
    let out = &mut ctx.out;
    out.buffer.extend_from_slice(b"* SEARCH");
    for number in numbers.iter() {
        out.buffer.push(b' ');
        write::number(&mut out.buffer, u64::from(number));
        if out.is_full() {
            out.flush().await?;
        }
    }
    if let Some(mod_seqs) = &found.mod_seqs {
        out.buffer.extend_from_slice(b" (MODSEQ ");
        write::number(&mut out.buffer, mod_seqs.highest.get());
        out.buffer.push(b')');
    }
    out.buffer.extend_from_slice(b"\r\n");
    Ok(())
}

/// Searches; given up when the client goes.
async fn find(ctx: &mut Ctx<'_>, cmd: &Search) -> Result<Found, Halt> {
    let services = ctx.services;
    let hunt = prepare(ctx, cmd)?.run(&services.search_threads);
    let mut found = tokio::select! {
        found = hunt => found?,
        gone = ctx.out.gone() => return Err(gone.into()),
    };
    if !has_mod_seq(&cmd.key) {
        found.mod_seqs = None;
    }
    Ok(found)
}

fn prepare(ctx: &Ctx<'_>, cmd: &Search) -> Result<Hunt, Halt> {
    let view = ctx.view()?;
    let account = view.account().clone();
    let now = account.now();
    let context = Context { mailbox: view.mailbox(), recent: view.recent(), saved: view.saved(), now };
    let decoded = is_old(ctx.connection.dialect).then(|| with_words_decoded(&cmd.key));
    let key = decoded.as_ref().unwrap_or(&cmd.key);
    let query = Query::prepare(key, cmd.charset.as_deref(), context).map_err(|_| {
        let known = charsets().iter().map(|name| Bytes::from_static(name.as_bytes())).collect();
        Refusal::no(Code::BadCharset(known), "That charset is not known, or the string is not in it")
    })?;
    Ok(Hunt {
        query,
        mailbox: Arc::clone(view.mailbox()),
        snapshot: view.snapshot(),
        account,
        recent: view.recent().clone(),
        saved: view.saved().clone(),
        now,
    })
}
