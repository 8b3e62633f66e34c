//! An account in the checkpoint: its rows, written and read.
//!
//! ```text
//! P | account u64 | row u64    half a page of messages, or a page of the message table; never overwritten
//! A | account u64              everything else, and which rows are its pages
//! ```
//!
//! Pages go first, under new numbers; the account's row goes last and makes them count. What no row names
//! any more is removed with it. Numbers are big endian.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use imap_proto::types::UidValidity;

use super::change::{
    decode_keywords, decode_seen_mode, decode_special_use, encode_keywords, encode_seen_mode,
    encode_special_use, mailbox, name,
};
use super::codec::{Decoder, Encoder, Malformed};
use super::files::Files;
use super::graves::GravePage;
use super::history::History;
use super::mailbox::{Mailbox, MailboxPage};
use super::metadata::Metadata;
use super::names::NameKey;
use super::page::{Cold, Hot, Page};
use super::quota::Quota;
use super::rights::Acl;
use super::seen::Overlay;
use super::sharing::{decode_sharing, encode_sharing};
use super::snapshot::{MailboxId, Snapshot};
use super::table::{Table, TablePage};
use super::transfer::{decode_transfers, encode_transfers};
use super::tree::Tree;
use crate::engine::{Rows, Snapshots, Write, put_value};
use crate::log::{AccountId, Seq};
use crate::{StoreError, User};

const VERSION: u8 = 10;
/// The oldest that is read: without departures and arrivals.
const VERSION_OLDEST: u8 = 9;

/// What the checkpoint has of an account, besides its contents.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// Rows of pages with the parts that each has.
    pages: HashMap<u64, u16>,
    /// Parts of the account's row.
    parts: u16,
    last_row: u64,
}

/// Pages that were put into a batch and count as saved once it is durable.
#[derive(Default)]
pub(crate) struct Unsaved {
    hot: Vec<(Arc<Hot>, u64)>,
    cold: Vec<(Arc<Cold>, u64)>,
    table: Vec<(Arc<TablePage>, u64)>,
    graves: Vec<(Arc<GravePage>, u64)>,
    overlays: Vec<(Arc<Overlay>, u64)>,
    metadata: Vec<(Arc<Metadata>, u64)>,
    parts: Vec<(u64, u16)>,
}

impl Saved {
    /// Adds the rows of pages that are nowhere yet to a batch.
    pub(crate) fn put_pages(&mut self, id: AccountId, state: &Snapshot, batch: &mut Vec<Write>) -> Unsaved {
        let mut unsaved = Unsaved::default();
        for page in state.mailboxes().flat_map(|mailbox| mailbox.messages.leaves()) {
            if page.hot.row.get().is_none() {
                let row = self.put_page(id, &page.hot.encode(), batch, &mut unsaved);
                unsaved.hot.push((page.hot.clone(), row));
            }
            if page.cold.row.get().is_none() {
                let row = self.put_page(id, &page.cold.encode(), batch, &mut unsaved);
                unsaved.cold.push((page.cold.clone(), row));
            }
        }
        for page in state.messages.leaves().filter(|page| page.row.get().is_none()) {
            let row = self.put_page(id, &page.encode(), batch, &mut unsaved);
            unsaved.table.push((page.clone(), row));
        }
        for page in state.graves.leaves().filter(|page| page.row.get().is_none()) {
            let row = self.put_page(id, &page.encode(), batch, &mut unsaved);
            unsaved.graves.push((page.clone(), row));
        }
        let overlays = state.mailboxes().flat_map(|mailbox| mailbox.overlays.values());
        for overlay in overlays.filter(|overlay| overlay.row.get().is_none()) {
            let row = self.put_page(id, &overlay.encode(), batch, &mut unsaved);
            unsaved.overlays.push((overlay.clone(), row));
        }
        let metadata = state.mailboxes().map(|mailbox| &mailbox.metadata).chain([&state.metadata]);
        for metadata in metadata.filter(|it| !it.is_empty() && it.row.get().is_none()) {
            let row = self.put_page(id, &metadata.encode(), batch, &mut unsaved);
            unsaved.metadata.push((metadata.clone(), row));
        }
        unsaved
    }

    fn put_page(
        &mut self,
        id: AccountId,
        octets: &[u8],
        batch: &mut Vec<Write>,
        unsaved: &mut Unsaved,
    ) -> u64 {
        self.last_row += 1;
        let parts = put_value(batch, &page_key(id, self.last_row), octets, 0);
        unsaved.parts.push((self.last_row, parts));
        self.last_row
    }

    /// The batch of [`Self::put_pages`] is durable.
    pub(crate) fn pages_are_saved(&mut self, unsaved: Unsaved) {
        unsaved.hot.iter().for_each(|(page, row)| page.row.set(*row));
        unsaved.cold.iter().for_each(|(page, row)| page.row.set(*row));
        unsaved.table.iter().for_each(|(page, row)| page.row.set(*row));
        unsaved.graves.iter().for_each(|(page, row)| page.row.set(*row));
        unsaved.overlays.iter().for_each(|(overlay, row)| overlay.row.set(*row));
        unsaved.metadata.iter().for_each(|(metadata, row)| metadata.row.set(*row));
        self.pages.extend(unsaved.parts);
    }

    /// Adds the account's row, and the removal of pages that it does not name.
    pub(crate) fn put_root(&mut self, id: AccountId, state: &Snapshot, batch: &mut Vec<Write>) -> Rooted {
        let mut named = BTreeSet::new();
        let root = encode_root(state, self.last_row, &mut Naming::Saved(&mut named));
        let parts = put_value(batch, &account_key(id), &root, self.parts);
        let gone: Vec<u64> = self.pages.keys().copied().filter(|row| !named.contains(row)).collect();
        for row in &gone {
            let key = page_key(id, *row);
            let keys = (0..self.pages[row]).map(|part| [&key[..], &part.to_be_bytes()].concat());
            batch.extend(keys.map(Write::Delete));
        }
        Rooted { parts, gone }
    }

    /// The batch of [`Self::put_root`] is durable.
    pub(crate) fn root_is_saved(&mut self, rooted: Rooted) {
        self.parts = rooted.parts;
        for row in rooted.gone {
            self.pages.remove(&row);
        }
    }
}

/// What is to be remembered once an account's row is durable.
#[derive(Debug)]
pub(crate) struct Rooted {
    parts: u16,
    gone: Vec<u64>,
}

/// Reads an account; `None` when the checkpoint has none of that number. Blocking.
pub(crate) fn load(engine: &dyn Snapshots, id: AccountId) -> Result<Option<(Snapshot, Saved)>, StoreError> {
    let roots = Rows::read(engine, &account_key(id))?;
    let [(_, root, parts)] = &roots.values[..] else {
        return if roots.values.is_empty() && roots.damaged.is_empty() { Ok(None) } else { Err(damaged(id)) };
    };
    let pages = Rows::read(engine, &page_key(id, 0)[..9])?;
    if !roots.damaged.is_empty() || !pages.damaged.is_empty() {
        return Err(damaged(id));
    }
    let mut saved = Saved { parts: *parts, ..Saved::default() };
    let mut octets = HashMap::new();
    for (key, value, parts) in pages.values {
        let row = key.get(9..).and_then(|row| row.try_into().ok()).map(u64::from_be_bytes);
        let row = row.ok_or_else(|| damaged(id))?;
        saved.pages.insert(row, parts);
        octets.insert(row, value);
    }
    let pages = Pages { octets, are_saved: true };
    let (state, last_row) = decode_root(root, &pages).map_err(|Malformed| damaged(id))?;
    // Rows above it were written by a checkpoint that did not come to its end.
    saved.last_row = saved.pages.keys().copied().fold(last_row, u64::max);
    Ok(Some((state, saved)))
}

fn damaged(id: AccountId) -> StoreError {
    StoreError::Damaged { what: format!("account {} in the index", id.0) }
}

fn account_key(id: AccountId) -> Vec<u8> {
    [&b"A"[..], &id.0.to_be_bytes()].concat()
}

fn page_key(id: AccountId, row: u64) -> Vec<u8> {
    [&b"P"[..], &id.0.to_be_bytes(), &row.to_be_bytes()].concat()
}

/// How the pages that a root names get their numbers.
pub(super) enum Naming<'a> {
    /// They have them: they are in the checkpoint. All that are named are collected.
    Saved(&'a mut BTreeSet<u64>),
    /// They get the next one, and are handed over at once: an image has its pages before its root.
    InOrder(u64, &'a mut dyn FnMut(Vec<u8>)),
}

impl Naming<'_> {
    fn name(&mut self, row: Option<u64>, encode: impl FnOnce() -> Vec<u8>) -> u64 {
        match self {
            Self::Saved(named) => {
                let row = row.expect("pages are saved before the row that names them");
                named.insert(row);
                row
            }
            Self::InOrder(last, page) => {
                page(encode());
                *last += 1;
                *last
            }
        }
    }
}

/// Everything of an account but its pages, which are named by their numbers.
pub(super) fn encode_root(state: &Snapshot, last_row: u64, naming: &mut Naming<'_>) -> Vec<u8> {
    let mut out = Encoder::new();
    out.octet(VERSION);
    out.number(state.seq.0);
    out.number(state.next_mailbox);
    out.number(state.next_message);
    out.number(state.next_grave);
    out.number(state.next_account);
    out.number(state.last_uid_validity.into());
    out.number(state.leapt);
    out.number(state.epoch);
    out.number(state.losses.len() as u64);
    state.losses.iter().for_each(|&loss| out.number(loss));
    out.number(last_row);
    // Names with a mailbox stand in the mailbox.
    let bare: Vec<_> = state.names.iter().filter(|(_, id)| id.is_none()).map(|(name, _)| name).collect();
    out.number(bare.len() as u64);
    bare.iter().for_each(|name| out.octets(name.0.as_str().as_bytes()));
    out.number(state.subscriptions.len() as u64);
    state.subscriptions.iter().for_each(|name| out.octets(name.0.as_str().as_bytes()));
    out.number(state.users.len() as u64);
    for user in state.users.values() {
        out.octets(user.name.as_bytes());
        out.number(user.account.0);
        out.octets(&user.credentials);
    }
    state.quota.encode(&mut out);
    encode_metadata(&state.metadata, naming, &mut out);
    encode_sharing(state, &mut out);
    let mut rows = RowList::new(naming);
    state.messages.leaves().for_each(|page| rows.push(page.row.get(), || page.encode()));
    rows.encode(&mut out);
    let mut rows = RowList::new(naming);
    state.graves.leaves().for_each(|page| rows.push(page.row.get(), || page.encode()));
    rows.encode(&mut out);
    let mailboxes: Vec<_> = state.mailboxes().collect();
    out.number(mailboxes.len() as u64);
    mailboxes.iter().for_each(|mailbox| encode_mailbox(mailbox, naming, &mut out));
    state.files.encode(&mut out);
    encode_transfers(state, &mut out);
    out.finish()
}

fn encode_mailbox(mailbox: &Mailbox, naming: &mut Naming<'_>, out: &mut Encoder) {
    out.number(mailbox.id.0);
    out.octets(mailbox.name.as_str().as_bytes());
    out.number(mailbox.uid_validity.get().into());
    out.number(mailbox.uid_next);
    out.number(mailbox.highest_mod_seq);
    encode_special_use(mailbox.special_use, out);
    encode_keywords(&mailbox.keywords, out);
    out.number(mailbox.recent.into());
    mailbox.acl.encode(out);
    mailbox.history().encode(out);
    let mut rows = RowList::new(naming);
    for page in mailbox.messages.leaves() {
        rows.push(page.hot.row.get(), || page.hot.encode());
        rows.push(page.cold.row.get(), || page.cold.encode());
    }
    rows.encode(out);
    encode_metadata(&mailbox.metadata, naming, out);
    encode_seen_mode(mailbox.seen_mode, out);
    out.number(mailbox.overlays.len() as u64);
    for (user, overlay) in &*mailbox.overlays {
        out.octets(user.as_bytes());
        out.number(naming.name(overlay.row.get(), || overlay.encode()));
    }
}

/// The row of annotations; 0: there are none.
fn encode_metadata(metadata: &Metadata, naming: &mut Naming<'_>, out: &mut Encoder) {
    let mut row = || naming.name(metadata.row.get(), || metadata.encode());
    out.number(if metadata.is_empty() { 0 } else { row() });
}

fn decode_metadata(input: &mut Decoder<'_>, pages: &Pages) -> Result<Arc<Metadata>, Malformed> {
    match input.number()? {
        0 => Ok(Arc::default()),
        row => {
            let (row, octets) = pages.get(row)?;
            Ok(Arc::new(Metadata::decode(row, octets)?))
        }
    }
}

/// Row numbers, as differences.
struct RowList<'a, 'b> {
    naming: &'a mut Naming<'b>,
    rows: Vec<u64>,
}

impl<'a, 'b> RowList<'a, 'b> {
    fn new(naming: &'a mut Naming<'b>) -> Self {
        Self { naming, rows: Vec::new() }
    }

    fn push(&mut self, row: Option<u64>, encode: impl FnOnce() -> Vec<u8>) {
        self.rows.push(self.naming.name(row, encode));
    }

    fn encode(self, out: &mut Encoder) {
        out.number(self.rows.len() as u64);
        let mut before = 0;
        for row in self.rows {
            out.signed(row.wrapping_sub(before) as i64);
            before = row;
        }
    }
}

fn decode_rows(input: &mut Decoder<'_>) -> Result<Vec<u64>, Malformed> {
    let mut before = 0u64;
    (0..input.count()?)
        .map(|_| {
            before = before.wrapping_add(input.signed()? as u64);
            Ok(before)
        })
        .collect()
}

/// What a root's row numbers stand for.
pub(super) struct Pages {
    pub(super) octets: HashMap<u64, Vec<u8>>,
    /// The numbers are the checkpoint's: the pages need not be saved again.
    pub(super) are_saved: bool,
}

impl Pages {
    /// A page, and the number under which it is saved (0: nowhere).
    fn get(&self, row: u64) -> Result<(u64, &[u8]), Malformed> {
        let octets = self.octets.get(&row).ok_or(Malformed)?;
        Ok((if self.are_saved { row } else { 0 }, octets))
    }
}

pub(super) fn decode_root(root: &[u8], pages: &Pages) -> Result<(Snapshot, u64), Malformed> {
    let mut input = Decoder::new(root);
    let version = input.octet()?;
    if !(VERSION_OLDEST..=VERSION).contains(&version) {
        return Err(Malformed);
    }
    let mut state = Snapshot {
        seq: Seq(input.number()?),
        next_mailbox: input.number()?,
        next_message: input.number()?,
        next_grave: input.number()?,
        next_account: input.number()?,
        last_uid_validity: input.number_u32()?,
        leapt: input.number()?,
        epoch: input.number()?,
        ..Snapshot::default()
    };
    let losses = Arc::make_mut(&mut state.losses);
    for _ in 0..input.count()? {
        losses.insert(input.number()?);
    }
    let last_row = input.number()?;
    let mut names = BTreeMap::new();
    for _ in 0..input.count()? {
        names.insert(NameKey(name(&mut input)?), None);
    }
    let subscriptions = Arc::make_mut(&mut state.subscriptions);
    for _ in 0..input.count()? {
        subscriptions.insert(NameKey(name(&mut input)?));
    }
    let users = Arc::make_mut(&mut state.users);
    for _ in 0..input.count()? {
        let name = input.text()?.to_owned();
        let account = AccountId(input.number()?);
        let credentials = input.octets()?.to_vec();
        users.insert(name.clone(), Arc::new(User { name, account, credentials }));
    }
    state.quota = Quota::decode(&mut input)?;
    state.metadata = decode_metadata(&mut input, pages)?;
    decode_sharing(&mut input, &mut state)?;
    let mut table = Vec::new();
    for row in decode_rows(&mut input)? {
        let (row, octets) = pages.get(row)?;
        table.push(Arc::new(TablePage::decode(row, octets)?));
    }
    state.messages = Table::from_leaves(table);
    let mut graves = Vec::new();
    for row in decode_rows(&mut input)? {
        let (row, octets) = pages.get(row)?;
        graves.push(Arc::new(GravePage::decode(row, octets)?));
    }
    state.graves = Tree::from_leaves(graves);
    let mut mailboxes = Vec::new();
    let mut last = None;
    for _ in 0..input.count()? {
        let mailbox = decode_mailbox(&mut input, pages)?;
        if last >= Some(mailbox.id) {
            return Err(Malformed);
        }
        last = Some(mailbox.id);
        names.insert(NameKey(mailbox.name().clone()), Some(mailbox.id));
        mailboxes.push(Arc::new(mailbox));
    }
    state.mailboxes = MailboxPage::tree(mailboxes);
    state.files = Arc::new(Files::decode(&mut input)?);
    if version > VERSION_OLDEST {
        decode_transfers(&mut input, &mut state)?;
    }
    state.names = Arc::new(names);
    input.end()?;
    Ok((state, last_row))
}

fn decode_mailbox(input: &mut Decoder<'_>, pages: &Pages) -> Result<Mailbox, Malformed> {
    let id: MailboxId = mailbox(input)?;
    let name = Arc::new(name(input)?);
    let uid_validity = UidValidity::new(input.number_u32()?).ok_or(Malformed)?;
    let uid_next = input.number()?;
    if !(1..=1 << 32).contains(&uid_next) {
        return Err(Malformed);
    }
    let highest_mod_seq = input.number()?;
    let special_use = decode_special_use(input)?;
    let keywords = Arc::new(decode_keywords(input)?);
    let recent = input.number_u32()?;
    let acl = Arc::new(Acl::decode(input)?);
    let history = Arc::new(History::decode(input)?);
    let mut leaves = Vec::new();
    for pair in decode_rows(input)?.chunks(2) {
        let &[hot, cold] = pair else { return Err(Malformed) };
        let ((hot_row, hot), (cold_row, cold)) = (pages.get(hot)?, pages.get(cold)?);
        let (hot, cold) = (Hot::decode(hot_row, hot)?, Cold::decode(cold_row, cold)?);
        if hot.len() != cold.len() {
            return Err(Malformed);
        }
        leaves.push(Arc::new(Page { hot: Arc::new(hot), cold: Arc::new(cold) }));
    }
    let metadata = decode_metadata(input, pages)?;
    let seen_mode = decode_seen_mode(input)?;
    let mut overlays = BTreeMap::new();
    for _ in 0..input.count()? {
        let user = input.text()?.to_owned();
        let (row, octets) = pages.get(input.number()?)?;
        overlays.insert(user, Arc::new(Overlay::decode(row, octets)?));
    }
    Ok(Mailbox {
        id,
        name,
        uid_validity,
        uid_next,
        highest_mod_seq,
        special_use,
        keywords,
        recent,
        acl,
        metadata,
        seen_mode,
        overlays: Arc::new(overlays),
        eyes: None,
        history,
        messages: Tree::from_leaves(leaves),
    })
}
