//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 9051 §6.4.4), with RETURN (ESEARCH, RFC 4731), `$` (SEARCHRES, RFC 5182),
//! OLDER and YOUNGER (WITHIN, RFC 5032) and MODSEQ (RFC 7162 §3.1.5).

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imap_proto::Level;
use imap_proto::command::{Search, SearchReturn, Tag};
use imap_proto::response::{Code, Esearch, EsearchItem, Response};
use imap_proto::types::{ModSeq, NumberRanges, NumberSet, SearchKey, SeqNum, SequenceSet};
use imap_proto::wire::write;
use imap_store::StoreError;
use imap_store::account::{Account, Mailbox, MessageRef, Snapshot};
use imap_store::message::Summary;
use imap_store::search::{Context, Query, Source, charsets, decode_words};

use super::{Ctx, Done, Halt, Refusal, blocking};
use crate::session::flags::is_old;

/// How long one piece of a search may hold a thread: then it can be dropped.
const PIECE_TIME: Duration = Duration::from_millis(50);

/// SEARCH: the messages that match, in the form that RETURN asks for; without it (and not in IMAP4rev2) in one line
/// of numbers, which is there also when nothing matches.
///
/// With SAVE the result becomes `$`; where the search is refused with NO, `$` is empty then (RFC 9051 §6.4.4.1).
pub(super) async fn search(ctx: &mut Ctx<'_>, tag: &Tag, cmd: &Search) -> Result<Done, Halt> {
    let returns = returns(ctx, cmd);
    let saves = returns.as_ref().is_some_and(|options| options.contains(&SearchReturn::Save));
    let hunt = Hunt::new(ctx, cmd);
    let found = match hunt {
        Ok(hunt) => find(hunt, cmd).await,
        Err(halt) => Err(halt),
    };
    let found = match found {
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
        let min = asked(SearchReturn::Min).then_some(ends.first);
        let max = asked(SearchReturn::Max).then_some(ends.last);
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
        out.flush_if_full().await?;
    }
    if let Some(mod_seqs) = &found.mod_seqs {
        out.buffer.extend_from_slice(b" (MODSEQ ");
        write::number(&mut out.buffer, mod_seqs.highest.get());
        out.buffer.push(b')');
    }
    out.buffer.extend_from_slice(b"\r\n");
    Ok(())
}

async fn find(mut hunt: Hunt, cmd: &Search) -> Result<Found, Halt> {
    while !hunt.is_done() {
        hunt = blocking(move || hunt.go_on()).await??;
    }
    if !has_mod_seq(&cmd.key) {
        hunt.found.mod_seqs = None;
    }
    Ok(hunt.found)
}

/// What a search found.
#[derive(Default)]
struct Found {
    /// Sequence numbers in the view.
    places: NumberSet,
    /// `None` when nothing was found, or nobody asked for it.
    mod_seqs: Option<ModSeqs>,
}

/// Modification sequences of what was found.
struct ModSeqs {
    first: ModSeq,
    last: ModSeq,
    highest: ModSeq,
}

impl Found {
    fn add(&mut self, message: &MessageRef) {
        self.places.insert(message.seq_num.get());
        let mod_seq = message.mod_seq;
        match &mut self.mod_seqs {
            Some(mod_seqs) => {
                mod_seqs.last = mod_seq;
                mod_seqs.highest = mod_seqs.highest.max(mod_seq);
            }
            none => *none = Some(ModSeqs { first: mod_seq, last: mod_seq, highest: mod_seq }),
        }
    }
}

/// A search under way.
struct Hunt {
    query: Query,
    mailbox: Arc<Mailbox>,
    recent: NumberSet,
    saved: NumberSet,
    now: i64,
    opener: Opener,
    next: u32,
    found: Found,
}

impl Hunt {
    fn new(ctx: &Ctx<'_>, cmd: &Search) -> Result<Self, Halt> {
        let view = ctx.view()?;
        let account = ctx.account()?;
        let now = account.now();
        let context = Context { mailbox: view.mailbox(), recent: view.recent(), saved: view.saved(), now };
        let decoded = is_old(ctx.connection.dialect).then(|| with_words_decoded(&cmd.key));
        let query = Query::prepare(decoded.as_ref().unwrap_or(&cmd.key), cmd.charset.as_deref(), context)
            .map_err(|_| {
                let known = charsets().iter().map(|name| Bytes::from_static(name.as_bytes())).collect();
                Refusal::no(Code::BadCharset(known), "That charset is not known, or the string is not in it")
            })?;
        Ok(Self {
            query,
            mailbox: Arc::clone(view.mailbox()),
            recent: view.recent().clone(),
            saved: view.saved().clone(),
            now,
            opener: Opener { account, snapshot: Arc::clone(view.snapshot()) },
            next: 1,
            found: Found::default(),
        })
    }

    fn is_done(&self) -> bool {
        self.next > self.mailbox.len()
    }

    /// Looks at some more messages. Blocking.
    fn go_on(mut self) -> Result<Self, StoreError> {
        let began = Instant::now();
        let mailbox = Arc::clone(&self.mailbox);
        let Some(first) = SeqNum::new(self.next) else { return Ok(self) };
        for message in mailbox.iter_from(first) {
            let Self { query, recent, saved, now, opener, .. } = &mut self;
            let context = Context { mailbox: &mailbox, recent, saved, now: *now };
            if query.matches(&message, context, opener)? {
                self.found.add(&message);
            }
            self.next = message.seq_num.get() + 1;
            if self.next.is_multiple_of(64) && began.elapsed() > PIECE_TIME {
                return Ok(self);
            }
        }
        self.next = mailbox.len() + 1;
        Ok(self)
    }
}

/// Opens what a search asks for.
struct Opener {
    account: Account,
    snapshot: Arc<Snapshot>,
}

impl Source for Opener {
    fn summary(&mut self, message: &MessageRef) -> Result<Arc<Summary>, StoreError> {
        self.account.summary(&self.snapshot, message)
    }

    fn read(&mut self, message: &MessageRef, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.account.read(&self.snapshot, message, range)
    }
}
