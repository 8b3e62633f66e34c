//! What is decided about messages: from a state and what is asked to a [`Change`] and an answer.
//!
//! Pure, so that a decision may be taken again on a newer head. Times come in from the caller.

use imap_proto::types::{DateTime, Flag, Keyword, ModSeq, NumberSet, SystemFlag, UidValidity};

use super::change::{
    Append, AppendedMessage, Change, FlagMask, FlagMode, FlagsChange, NewKeywords, SeenChange, Transfer,
};
use super::graves::{self, Retention};
use super::mailbox::Mailbox;
use super::ops::{Appended, Copied, FlagChange, Stored};
use super::page::ranges_within;
use super::quota::{Usage, usage_of};
use super::rights::{Access, Rights};
use super::snapshot::{Flags, MailboxId, Snapshot};
use super::threads::{Ids, Keys, ThreadIndex};
use super::tree::Leaf;
use crate::StoreError;
use crate::log::BodyId;

/// Keywords that a mailbox can ever have.
pub(super) const KEYWORDS_MAX: usize = 1_000;

/// What came of looking at a state: a change or none, and the answer once that is published.
#[derive(Debug)]
pub(crate) struct Decision<T> {
    pub(crate) change: Option<Change>,
    pub(crate) answer: T,
}

impl<T> Decision<T> {
    pub(super) fn change(change: Change, answer: T) -> Self {
        Self { change: Some(change), answer }
    }
    pub(super) fn nothing(answer: T) -> Self {
        Self { change: None, answer }
    }
}

pub(super) type Decided<T> = Result<Decision<T>, StoreError>;

/// A message to append, as far as a decision needs it.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) body: BodyId,
    pub(super) size_octets: u64,
    pub(super) flags: Vec<Flag>,
    pub(super) internal_date: DateTime,
    pub(super) keys: Keys,
    /// What it is called already.
    pub(super) ids: Option<Ids>,
}

/// The numbers that the messages got, besides the answer for the client.
pub(super) type FirstNumber = u64;

pub(super) fn append(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    messages: &[Incoming],
    threads: &mut ThreadIndex,
    now: i64,
) -> Decided<(Appended, FirstNumber)> {
    let target = existing(state, mailbox)?;
    let mask = FlagMask::of(access.require(target, Rights::INSERT)?);
    let (first_uid, uids) = take_uids(target, messages.len())?;
    let answer = Appended { uid_validity: target.uid_validity(), uids };
    if messages.is_empty() {
        return Ok(Decision::nothing((answer, state.next_message)));
    }
    state.require_room(Usage {
        messages: messages.len() as u64,
        storage_octets: messages.iter().fold(0u64, |sum, it| sum.saturating_add(it.size_octets)),
        mailboxes: 0,
    })?;
    let mut resolver = Resolver::new(target);
    let own_seen = target.own_seen_of(access);
    let mut seen = NumberSet::new();
    let messages = messages
        .iter()
        .zip((first_uid..=u32::MAX).zip(state.next_message..))
        .map(|(message, (uid, number))| {
            let mut flags = resolver.flags(&allowed(mask, &message.flags))?;
            if own_seen.is_some() && flags.has(SystemFlag::Seen) {
                seen.insert(uid);
                flags = flags.with_seen(false);
            }
            Ok(AppendedMessage {
                body: message.body,
                size_octets: message.size_octets,
                flags,
                internal_date: message.internal_date,
                key: message.keys.own,
                ids: threads.ids_of(number, &message.keys, message.ids),
            })
        })
        .collect::<Result<_, StoreError>>()?;
    let change = Append {
        mailbox,
        keywords: resolver.into_new(),
        first_uid,
        first_number: state.next_message,
        saved_at: now,
        messages,
        seen_by: own_seen.filter(|_| !seen.is_empty()).map(|user| (user.to_owned(), seen)),
    };
    Ok(Decision::change(Change::Append(change), (answer, state.next_message)))
}

pub(super) fn store_flags(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    uids: &NumberSet,
    change: &FlagChange,
    unchanged_since: Option<ModSeq>,
) -> Decided<Stored> {
    let target = existing(state, mailbox)?;
    let mask = FlagMask::of(access.require(target, Rights::READ)?);
    let mut resolver = Resolver::new(target);
    let (mode, flags) = match change {
        FlagChange::Replace(flags) => (FlagMode::Replace, resolver.flags(&may_change(mask, flags)?)?),
        FlagChange::Add(flags) => (FlagMode::Add, resolver.flags(&may_change(mask, flags)?)?),
        FlagChange::Remove(flags) => (FlagMode::Remove, resolver.known_flags(&may_change(mask, flags)?)),
        FlagChange::ReplaceAmong { flags, among } => {
            let these = resolver.known_flags(among);
            (FlagMode::ReplaceAmong(these), resolver.flags(&may_change(mask, flags)?)?)
        }
    };
    let own_seen = target.own_seen_of(access);
    let seen_to = own_seen.and_then(|_| mode.seen_after(&flags, mask));
    // A \Seen of one's own is nobody else's flag.
    let mask = if own_seen.is_some() { mask.without_seen() } else { mask };
    let flags = mask.keep(&flags);
    let overlay = own_seen.and_then(|user| target.overlay(user));
    let mut stored = Stored { changed: NumberSet::new(), modified: NumberSet::new() };
    let mut seen = NumberSet::new();
    target.messages.visit(
        |sum| !ranges_within(uids, sum.first_uid, sum.last_uid).is_empty(),
        |page| {
            // Decided once for each different set of flags on the page, not for each message.
            let changes: Vec<bool> =
                page.dictionary().iter().map(|old| mode.apply(old, &flags, mask) != *old).collect();
            let marks = page.marks(uids);
            for at in (0..page.len()).filter(|&at| marks[at]) {
                let uid = page.uids()[at];
                let own_mod_seq = || overlay.map_or(0, |overlay| overlay.mod_seq_of(uid));
                if unchanged_since.is_some_and(|since| page.mod_seq(at).max(own_mod_seq()) > since.get()) {
                    stored.modified.insert(uid);
                    continue;
                }
                if changes[usize::from(page.flags_index(at))] {
                    stored.changed.insert(uid);
                }
                if seen_to.is_some_and(|to| to != overlay.is_some_and(|overlay| overlay.is_seen(uid))) {
                    seen.insert(uid);
                }
            }
        },
    );
    if stored.changed.is_empty() && seen.is_empty() {
        return Ok(Decision::nothing(stored));
    }
    let (keywords, uids) = (resolver.into_new(), stored.changed.clone());
    let for_all = FlagsChange { mailbox, keywords, mode, mask, flags, uids };
    let change = match (own_seen, seen_to) {
        (Some(user), Some(is_seen)) if !seen.is_empty() => {
            let flags = Some(for_all).filter(|_| !stored.changed.is_empty());
            stored.changed = stored.changed.union(&seen);
            Change::Seen(SeenChange { mailbox, user: user.to_owned(), is_seen, uids: seen, flags })
        }
        _ => Change::Flags(for_all),
    };
    Ok(Decision::change(change, stored))
}

pub(super) fn expunge(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    uids: Option<&NumberSet>,
    retention: Retention,
    now: i64,
) -> Decided<NumberSet> {
    let source = existing(state, mailbox)?;
    access.require(source, Rights::READ.with(Rights::EXPUNGE))?;
    let deleted = source.deleted();
    let gone = match uids {
        None => deleted,
        Some(uids) => intersection(&deleted, uids),
    };
    let gone = state.staying(mailbox, gone);
    if gone.is_empty() {
        return Ok(Decision::nothing(gone));
    }
    let entries = graves::entries_of(source, &gone);
    let octets = entries.iter().fold(0u64, |sum, entry| sum.saturating_add(entry.size_octets));
    let purge_to = retention.purge_to(state, now, octets, entries.len() as u32);
    Ok(Decision::change(Change::Expunge { mailbox, uids: gone.clone(), at: now, purge_to }, gone))
}

/// Refuses where one of the messages is gone.
pub(super) fn refuse_missing(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    uids: &NumberSet,
) -> Result<(), StoreError> {
    let source = existing(state, mailbox)?;
    access.require(source, Rights::READ)?;
    if source.existing(uids) == *uids { Ok(()) } else { Err(StoreError::Expunged) }
}

pub(super) fn copy(
    state: &Snapshot,
    access: &Access,
    source: MailboxId,
    uids: &NumberSet,
    target: MailboxId,
    now: i64,
) -> Decided<Option<Copied>> {
    let mailbox = existing(state, source)?;
    access.require(mailbox, Rights::READ)?;
    let decision = transfer(state, access, source, uids, target, now, Change::Copy)?;
    state.require_room(usage_of(state, mailbox, &mailbox.existing(uids)))?;
    Ok(decision)
}

/// Goes in spite of a quota: nothing is added. Needs what COPY, STORE and EXPUNGE need (RFC 6851 §4.2).
pub(super) fn move_messages(
    state: &Snapshot,
    access: &Access,
    source: MailboxId,
    uids: &NumberSet,
    target: MailboxId,
    now: i64,
) -> Decided<Option<Copied>> {
    let wanted = Rights::READ.with(Rights::DELETE_MESSAGES).with(Rights::EXPUNGE);
    let mailbox = existing(state, source)?;
    access.require(mailbox, wanted)?;
    let staying = state.staying(source, mailbox.existing(uids));
    transfer(state, access, source, &staying, target, now, Change::Move)
}

fn transfer(
    state: &Snapshot,
    access: &Access,
    source_id: MailboxId,
    uids: &NumberSet,
    target_id: MailboxId,
    now: i64,
    kind: fn(Transfer) -> Change,
) -> Decided<Option<Copied>> {
    let source = existing(state, source_id)?;
    let target = existing(state, target_id)?;
    let mask = FlagMask::of(access.require(target, Rights::INSERT)?);
    let uids = source.existing(uids);
    if uids.is_empty() {
        return Ok(Decision::nothing(None));
    }
    let (first_uid, taken) = take_uids(target, uids.len() as usize)?;
    let keywords = match mask {
        mask if mask.allows_keywords() => keywords_to_add(source, &uids, target)?,
        _ => NewKeywords::default(),
    };
    let user = source.own_seen_of(access).or_else(|| target.own_seen_of(access)).map(str::to_owned);
    let answer = Copied { uid_validity: target.uid_validity(), source: uids.clone(), target: taken };
    let transfer = Transfer {
        source: source_id,
        target: target_id,
        keywords,
        uids,
        first_uid,
        saved_at: now,
        mask,
        user,
    };
    Ok(Decision::change(kind(transfer), Some(answer)))
}

/// The keywords of these messages that the target does not have yet.
fn keywords_to_add(source: &Mailbox, uids: &NumberSet, target: &Mailbox) -> Result<NewKeywords, StoreError> {
    let mut used = vec![false; source.keywords().len()];
    source.messages.visit(
        |sum| !ranges_within(uids, sum.first_uid, sum.last_uid).is_empty(),
        |page| {
            if page.dictionary().iter().all(|flags| flags.keywords().is_empty()) {
                return;
            }
            let marks = page.marks(uids);
            for at in (0..page.len()).filter(|&at| marks[at]) {
                for &keyword in page.flags(at).keywords() {
                    if let Some(used) = used.get_mut(usize::from(keyword)) {
                        *used = true;
                    }
                }
            }
        },
    );
    let used = source.keywords().iter().zip(used).filter(|(_, used)| *used);
    let mut resolver = Resolver::new(target);
    for (keyword, _) in used {
        resolver.number(keyword)?;
    }
    Ok(resolver.into_new())
}

/// Numbers keywords in a mailbox, new ones too.
pub(super) struct Resolver<'a> {
    mailbox: &'a Mailbox,
    new: Vec<Keyword>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(mailbox: &'a Mailbox) -> Self {
        Self { mailbox, new: Vec::new() }
    }

    /// The keywords that the mailbox has not.
    pub(super) fn into_new(self) -> NewKeywords {
        NewKeywords { first: u16::try_from(self.mailbox.keywords().len()).ok(), names: self.new }
    }

    fn known_number(&self, keyword: &Keyword) -> Option<u16> {
        let known = || self.mailbox.keyword_number(keyword).map(usize::from);
        let new = || self.new.iter().position(|it| it == keyword);
        let number = known().or_else(|| Some(self.mailbox.keywords().len() + new()?))?;
        u16::try_from(number).ok()
    }

    fn number(&mut self, keyword: &Keyword) -> Result<u16, StoreError> {
        if let Some(number) = self.known_number(keyword) {
            return Ok(number);
        }
        let number = self.mailbox.keywords().len() + self.new.len();
        if number >= KEYWORDS_MAX {
            return Err(StoreError::Limit { what: "the mailbox has as many keywords as it can" });
        }
        self.new.push(keyword.clone());
        Ok(number as u16)
    }

    /// The flags meant; `\Recent` and unknown `\flags` are left out.
    pub(super) fn flags(&mut self, flags: &[Flag]) -> Result<Flags, StoreError> {
        let mut numbers = Vec::new();
        for flag in flags {
            if let Flag::Keyword(keyword) = flag {
                numbers.push(self.number(keyword)?);
            }
        }
        Ok(Flags::new(system_bits(flags), numbers))
    }

    /// The same, without keywords that the mailbox does not know: there is nothing to take away.
    fn known_flags(&self, flags: &[Flag]) -> Flags {
        let numbers = flags.iter().filter_map(|flag| match flag {
            Flag::Keyword(keyword) => self.known_number(keyword),
            _ => None,
        });
        Flags::new(system_bits(flags), numbers.collect())
    }
}

/// Those that may be set.
fn allowed(mask: FlagMask, flags: &[Flag]) -> Vec<Flag> {
    flags.iter().filter(|flag| mask.allows(flag)).cloned().collect()
}

/// Those that may be changed. Refused is only who may change none of them (RFC 4314 §4, STORE), or, where
/// none was named, none at all.
fn may_change(mask: FlagMask, flags: &[Flag]) -> Result<Vec<Flag>, StoreError> {
    let some = allowed(mask, flags);
    if mask.is_empty() || some.is_empty() && !flags.is_empty() { Err(StoreError::NoPerm) } else { Ok(some) }
}

fn system_bits(flags: &[Flag]) -> u8 {
    flags.iter().fold(0, |bits, flag| match flag {
        Flag::System(flag) => bits | *flag as u8,
        _ => bits,
    })
}

pub(super) fn existing(state: &Snapshot, id: MailboxId) -> Result<&Mailbox, StoreError> {
    state.mailbox(id).map(|it| &**it).ok_or(StoreError::NonExistent { what: "mailbox" })
}

/// The next `count` UIDs.
pub(super) fn take_uids(mailbox: &Mailbox, count: usize) -> Result<(u32, NumberSet), StoreError> {
    let mut uids = NumberSet::new();
    let used_up = StoreError::Limit { what: "the mailbox has no UIDs left" };
    let last = mailbox.uid_next + count as u64 - u64::from(count > 0);
    match (u32::try_from(mailbox.uid_next), u32::try_from(last)) {
        (Ok(first), Ok(last)) if count > 0 => {
            uids.insert_range(first, last);
            Ok((first, uids))
        }
        _ if count == 0 => Ok((0, uids)),
        _ => Err(used_up),
    }
}

/// What both have; costs the shorter of them by ranges.
fn intersection(a: &NumberSet, b: &NumberSet) -> NumberSet {
    let mut both = NumberSet::new();
    for &(first, last) in a.ranges() {
        for &(from, to) in ranges_within(b, first, last) {
            both.insert_range(from.max(first), to.min(last));
        }
    }
    both
}

pub(super) fn uid_validity_after(last: u32, now: i64) -> Result<UidValidity, StoreError> {
    let now = u32::try_from(now.max(1)).unwrap_or(u32::MAX);
    last.checked_add(1)
        .and_then(|next| UidValidity::new(next.max(now)))
        .ok_or(StoreError::Limit { what: "the account has no UIDVALIDITY left" })
}
