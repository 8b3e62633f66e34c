//! [`Mailbox`]: one mailbox at one seq, and how it is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_proto::types::{
    Flag, Keyword, MailboxName, ModSeq, NumberSet, SeqNum, SystemFlag, Uid, UidValidity,
};

use super::decide::KEYWORDS_MAX;
use super::history::History;
use super::metadata::Metadata;
use super::page::{Entry, Page, PageSum, ranges_within};
use super::quota::MailboxSum;
use super::rights::{Acl, Rights, Who};
use super::seen::{Overlay, SeenMode};
use super::snapshot::{Counters, Diff, Flags, MailboxId, MessageRef, SpecialUse};
use super::tree::{KeySum, Leaf, Tree, Walk};

/// One mailbox at one seq. Shared, persistent: two states share the pages that did not change.
#[derive(Debug, Clone)]
pub struct Mailbox {
    pub(super) id: MailboxId,
    pub(super) name: Arc<MailboxName>,
    pub(super) uid_validity: UidValidity,
    /// 2^32 when the UIDs are used up.
    pub(super) uid_next: u64,
    pub(super) highest_mod_seq: u64,
    pub(super) special_use: Option<SpecialUse>,
    pub(super) acl: Arc<Acl>,
    pub(super) metadata: Arc<Metadata>,
    pub(super) seen_mode: SeenMode,
    /// What others than the owner have seen, by user.
    pub(super) overlays: Arc<BTreeMap<String, Arc<Overlay>>>,
    /// Whose eyes look at it; in no state, only in views.
    pub(super) eyes: Option<Arc<Overlay>>,
    pub(super) keywords: Arc<Vec<Keyword>>,
    pub(super) recent: u32,
    pub(super) history: Arc<History>,
    pub(super) messages: Tree<Page>,
}

impl Mailbox {
    /// Its identity.
    pub fn id(&self) -> MailboxId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &MailboxName {
        &self.name
    }

    /// UIDVALIDITY.
    pub fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// UIDNEXT; `None` when the UIDs are used up.
    pub fn uid_next(&self) -> Option<Uid> {
        u32::try_from(self.uid_next).ok().and_then(Uid::new)
    }

    /// The seq of the last change in it, at least 1.
    pub fn highest_mod_seq(&self) -> ModSeq {
        mod_seq(self.eyes.as_ref().map_or(0, |eyes| eyes.mod_seq()).max(self.highest_mod_seq))
    }

    /// What it is for.
    pub fn special_use(&self) -> Option<SpecialUse> {
        self.special_use
    }

    /// Who may do what with it, besides the owner of the account.
    pub fn acl(&self) -> &Acl {
        &self.acl
    }

    /// Its annotations.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What somebody may do with it. Nearly free where the ACL is empty.
    pub fn rights(&self, who: &Who) -> Rights {
        self.acl.rights(who)
    }

    /// The counters.
    pub fn counters(&self) -> Counters {
        self.messages.sum().map_or_else(Counters::default, |sum| Counters {
            messages: sum.count,
            unseen: self.eyes.as_ref().map_or(sum.unseen, |eyes| sum.count.saturating_sub(eyes.seen())),
            deleted: sum.deleted,
            octets: sum.octets,
        })
    }

    /// The keywords that were ever used in it, in the order of their numbers.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// Whether a keyword more can be used in it.
    pub fn takes_keywords(&self) -> bool {
        self.keywords.len() < KEYWORDS_MAX
    }

    /// UIDs below it were told to a session as \Recent already. (Of the last *published* state.)
    pub fn recent_watermark(&self) -> u32 {
        self.recent
    }

    /// How many messages.
    pub fn len(&self) -> u32 {
        self.counters().messages
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message at a place. Logarithmic.
    pub fn at(&self, seq_num: SeqNum) -> Option<MessageRef> {
        self.iter_from(seq_num).next()
    }

    /// The message with a UID. Logarithmic.
    pub fn get(&self, uid: Uid) -> Option<MessageRef> {
        let (page, before) = self.messages.find(uid.get().into())?;
        let at = page.uids().binary_search(&uid.get()).ok()?;
        Some(self.message(page, at, before))
    }

    /// Looks messages up by their UIDs, one after the other: where these ascend, most cost a step.
    pub fn finder(&self) -> Finder<'_> {
        Finder { mailbox: self, page: None, next: 0 }
    }

    /// The place of the first message with this UID or a higher one: `len() + 1` when there is none.
    pub fn lower_bound(&self, uid: Uid) -> u32 {
        match self.messages.find(uid.get().into()) {
            Some((page, before)) => before + page.uids().partition_point(|&it| it < uid.get()) as u32 + 1,
            None => self.len() + 1,
        }
    }

    /// The messages from a place on, ascending. Starting costs a logarithm, each step little.
    pub fn iter_from(&self, first: SeqNum) -> impl Iterator<Item = MessageRef> + '_ {
        let place = first.get() - 1;
        let (leaves, mut before) = self.messages.leaves_from(place);
        let mut skip = (place - before.min(place)) as usize;
        leaves.flat_map(move |page| {
            let from = std::mem::take(&mut skip);
            let page_before = before;
            before += page.len() as u32;
            (from..page.len()).map(move |at| self.message(page, at, page_before))
        })
    }

    /// The places of those of the `count` messages from `first` on for whose flags `matches` holds. It is asked once for all
    /// messages of a page that have the same ones, so each of them costs next to nothing.
    pub fn places_where(&self, first: SeqNum, count: u32, matches: impl Fn(&Flags) -> bool) -> NumberSet {
        let mut found = NumberSet::new();
        if self.has_eyes() {
            let messages = self.iter_from(first).take(count as usize).filter(|it| matches(&it.flags));
            messages.for_each(|it| found.insert(it.seq_num.get()));
            return found;
        }
        let (from, end) = (first.get() - 1, (first.get() - 1).saturating_add(count));
        let (leaves, mut before) = self.messages.leaves_from(from);
        for page in leaves {
            if before >= end {
                break;
            }
            let len = page.len() as u32;
            let wanted = from.max(before) - before..end.min(before + len) - before;
            let verdicts: Vec<bool> = page.dictionary().iter().map(&matches).collect();
            let is_match = |at: &u32| verdicts[usize::from(page.flags_index(*at as usize))];
            match verdicts[..] {
                [true] => found.insert_range(before + wanted.start + 1, before + wanted.end),
                [false] => {}
                _ => wanted.filter(is_match).for_each(|at| found.insert(before + at + 1)),
            }
            before += len;
        }
        found
    }

    /// The UIDs of `wanted` that are there. Costs what both have in common.
    pub fn existing(&self, wanted: &NumberSet) -> NumberSet {
        let mut found = NumberSet::new();
        let mut walk = self.messages.walk();
        while let Some(sum) = walk.sum() {
            let ranges = ranges_within(wanted, sum.first_uid, sum.last_uid);
            match (ranges, walk.leaf()) {
                ([], _) => walk.skip(),
                (&[(first, last)], _) if sum.is_dense() && first <= sum.first_uid && last >= sum.last_uid => {
                    found.insert_range(sum.first_uid, sum.last_uid);
                    walk.skip();
                }
                (_, None) => walk.enter(),
                (ranges, Some(page)) => {
                    for &(first, last) in ranges {
                        page.uids()[page.range(first, last)].iter().for_each(|&uid| found.insert(uid));
                    }
                    walk.skip();
                }
            }
        }
        found
    }

    /// UIDs of the places in `wanted`.
    pub fn uids_at(&self, wanted: &NumberSet) -> NumberSet {
        let mut found = NumberSet::new();
        let mut walk = self.messages.walk();
        let mut before = 0u32;
        while let Some(sum) = walk.sum() {
            let (first_place, last_place) = (before + 1, before + sum.count);
            let ranges = ranges_within(wanted, first_place, last_place);
            match (ranges, walk.leaf()) {
                ([], _) => {
                    before = last_place;
                    walk.skip();
                }
                (&[(first, last)], _) if sum.is_dense() => {
                    let from = first.max(first_place) - first_place;
                    let to = last.min(last_place) - first_place;
                    found.insert_range(sum.first_uid + from, sum.first_uid + to);
                    before = last_place;
                    walk.skip();
                }
                (_, None) => walk.enter(),
                (ranges, Some(page)) => {
                    for &(first, last) in ranges {
                        let from = (first.max(first_place) - first_place) as usize;
                        let to = (last.min(last_place) - first_place) as usize;
                        page.uids()[from..=to].iter().for_each(|&uid| found.insert(uid));
                    }
                    before = last_place;
                    walk.skip();
                }
            }
        }
        found
    }

    /// The UIDs whose MODSEQ is above `since` (CHANGEDSINCE, RFC 7162 §3.1.4). Opens only pages that have some.
    pub fn changed_since(&self, since: ModSeq) -> NumberSet {
        let mut found = NumberSet::new();
        self.messages.visit(
            |sum| sum.mod_seq_max > since.get(),
            |page| {
                let changed = (0..page.len()).filter(|&at| page.mod_seq(at) > since.get());
                changed.for_each(|at| found.insert(page.uids()[at]));
            },
        );
        if let Some(eyes) = &self.eyes {
            eyes.changed_since(since.get(), &mut found);
        }
        found
    }

    /// The UIDs that were expunged after `since`, of those in `known` (VANISHED (EARLIER), RFC 7162 §3.2.5.2).
    ///
    /// When it is no longer known what went so long ago: every UID of `known` that is not there. `known` is
    /// cut off at UIDNEXT.
    pub fn vanished_since(&self, since: ModSeq, known: &NumberSet) -> NumberSet {
        let below = u32::try_from(self.uid_next - 1).unwrap_or(u32::MAX);
        let gone = self.history.since(since.get());
        let mut vanished = NumberSet::new();
        for &(first, last) in ranges_within(known, 1, below) {
            let last = last.min(below);
            match &gone {
                Some(gone) => {
                    for &(from, to) in ranges_within(gone, first, last) {
                        vanished.insert_range(from.max(first), to.min(last));
                    }
                }
                None => self.insert_missing(first, last, &mut vanished),
            }
        }
        vanished
    }

    fn insert_missing(&self, first: u32, last: u32, out: &mut NumberSet) {
        let mut wanted = NumberSet::new();
        wanted.insert_range(first, last);
        let mut next = u64::from(first);
        for &(from, to) in self.existing(&wanted).ranges() {
            insert_gap(out, next, from.into());
            next = u64::from(to) + 1;
        }
        insert_gap(out, next, u64::from(last) + 1);
    }

    /// The UIDs of messages with \Deleted. Opens only pages that have some.
    pub fn deleted(&self) -> NumberSet {
        let mut found = NumberSet::new();
        self.messages.visit(
            |sum| sum.deleted > 0,
            |page| {
                let deleted = (0..page.len()).filter(|&at| page.flags(at).has(SystemFlag::Deleted));
                deleted.for_each(|at| found.insert(page.uids()[at]));
            },
        );
        found
    }

    /// The place of the first message without \Seen (`* OK [UNSEEN n]`). Opens one page.
    pub fn first_unseen(&self) -> Option<SeqNum> {
        let mut walk = self.messages.walk();
        let mut before = 0;
        while let Some(sum) = walk.sum() {
            match walk.leaf() {
                _ if self.unseen_of(sum) == 0 => {
                    before += sum.count;
                    walk.skip();
                }
                None => walk.enter(),
                Some(page) => {
                    let is_unseen = |&at: &usize| !self.is_seen(page, at);
                    let at = (0..page.len()).find(is_unseen)?;
                    return SeqNum::new(before + at as u32 + 1);
                }
            }
        }
        None
    }

    fn unseen_of(&self, sum: &PageSum) -> u32 {
        match &self.eyes {
            None => sum.unseen,
            Some(eyes) => sum.count.saturating_sub(eyes.seen_within(sum.first_uid, sum.last_uid)),
        }
    }

    fn is_seen(&self, page: &Page, at: usize) -> bool {
        match &self.eyes {
            None => page.flags(at).has(SystemFlag::Seen),
            Some(eyes) => eyes.is_seen(page.uids()[at]),
        }
    }

    fn message(&self, page: &Page, at: usize, before: u32) -> MessageRef {
        let entry = page.entry(at);
        MessageRef {
            seq_num: SeqNum::new(before + at as u32 + 1).expect("places count from 1"),
            uid: Uid::new(entry.uid).expect("pages hold no UID 0"),
            mod_seq: mod_seq(self.mod_seq_in_view(entry.uid, entry.mod_seq)),
            flags: self.flags_in_view(entry.uid, entry.flags),
            size_octets: entry.size_octets,
            internal_date: entry.internal_date,
            saved_at: entry.saved_at,
            number: entry.number,
        }
    }

    /// What changed from `old` to `self`. Pages that both share are skipped by pointer.
    pub fn diff(&self, old: &Self) -> Diff {
        let mut diff = self.diff_messages(old);
        self.add_seen_changes(old, &mut diff);
        diff
    }

    fn diff_messages(&self, old: &Self) -> Diff {
        let mut diff = Diff::default();
        let (mut a, mut b) = (Cursor::new(old), Cursor::new(self));
        loop {
            let (Some((a_first, a_last)), Some((b_first, b_last))) = (a.range(), b.range()) else {
                a.take_all(&mut diff.expunged);
                b.take_all(&mut diff.appended);
                return diff;
            };
            if a.is_at_start() && b.is_at_start() && a.walk.same(&b.walk) {
                a.walk.skip();
                b.walk.skip();
            } else if a_last < b_first {
                a.take(&mut diff.expunged);
            } else if b_last < a_first {
                b.take(&mut diff.appended);
            } else {
                match (a.walk.leaf(), b.walk.leaf()) {
                    (Some(old), Some(new)) => diff_pages(old, &mut a, new, &mut b, &mut diff),
                    // Down on the side that has more below it; on both when they are alike.
                    (old, new) => {
                        let (wide_a, wide_b) = (a.count(), b.count());
                        if old.is_none() && (new.is_some() || wide_a >= wide_b / 2) {
                            a.walk.enter();
                        }
                        if new.is_none() && (old.is_some() || wide_b >= wide_a / 2) {
                            b.walk.enter();
                        }
                    }
                }
            }
        }
    }

    /// The flags of a message as the wire knows them: keywords first, then system flags.
    pub fn wire_flags(&self, flags: &Flags) -> Vec<Flag> {
        let keywords = flags.keywords().iter().filter_map(|&at| self.keywords.get(usize::from(at)));
        let system = SYSTEM.into_iter().filter(|&flag| flags.has(flag));
        keywords.cloned().map(Flag::Keyword).chain(system.map(Flag::System)).collect()
    }

    /// The number of a keyword, in any case.
    pub fn keyword_number(&self, keyword: &Keyword) -> Option<u16> {
        let at = self.keywords.iter().position(|known| known == keyword)?;
        u16::try_from(at).ok()
    }

    /// Tells everything in it, page borders aside.
    pub(super) fn describe(&self, tell: &mut impl FnMut(std::fmt::Arguments<'_>)) {
        let Self { id, name, uid_validity, uid_next, highest_mod_seq, special_use, .. } = self;
        let Self {
            keywords, recent, history, acl, seen_mode, metadata, overlays, eyes: _, messages: _, ..
        } = self;
        tell(format_args!("{id:?} {name:?} {uid_validity} {uid_next} {highest_mod_seq} {special_use:?}"));
        tell(format_args!("{keywords:?} {recent} {history:?} {acl:?} {seen_mode:?}"));
        metadata.describe(tell);
        for (user, overlay) in &**overlays {
            tell(format_args!("{user:?}"));
            overlay.describe(tell);
        }
        self.entries().for_each(|entry| tell(format_args!("{entry:?}")));
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.messages.leaves().flat_map(|page| page.entries())
    }
}

const SYSTEM: [SystemFlag; 5] =
    [SystemFlag::Answered, SystemFlag::Flagged, SystemFlag::Deleted, SystemFlag::Seen, SystemFlag::Draft];

fn insert_gap(out: &mut NumberSet, from: u64, before: u64) {
    if let (Ok(first), Ok(last)) = (u32::try_from(from), u32::try_from(before.saturating_sub(1)))
        && first <= last
    {
        out.insert_range(first, last);
    }
}

fn mod_seq(seq: u64) -> ModSeq {
    ModSeq::new(seq).unwrap_or(ModSeq::MAX)
}

/// A place between two messages of a mailbox, for [`Mailbox::diff`].
struct Cursor<'a> {
    walk: Walk<'a, Page>,
    /// How many messages of the page that is next are behind us already.
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(mailbox: &'a Mailbox) -> Self {
        Self { walk: mailbox.messages.walk(), at: 0 }
    }

    fn is_at_start(&self) -> bool {
        self.at == 0
    }

    fn count(&self) -> u32 {
        self.walk.sum().map_or(0, |sum| sum.count)
    }

    /// The lowest and the highest UID of what is next.
    fn range(&self) -> Option<(u32, u32)> {
        let sum = self.walk.sum()?;
        let first = match self.walk.leaf() {
            Some(page) => page.uids()[self.at],
            None => sum.first_uid,
        };
        Some((first, sum.last_uid))
    }

    /// Puts the UIDs of what is next into a set and goes over it.
    fn take(&mut self, out: &mut NumberSet) {
        match (self.walk.leaf(), self.walk.sum()) {
            (Some(page), _) => {
                page.uids()[self.at..].iter().for_each(|&uid| out.insert(uid));
                self.at = 0;
                self.walk.skip();
            }
            (None, Some(sum)) if sum.is_dense() => {
                out.insert_range(sum.first_uid, sum.last_uid);
                self.walk.skip();
            }
            _ => self.walk.enter(),
        }
    }

    fn take_all(&mut self, out: &mut NumberSet) {
        while self.walk.sum().is_some() {
            self.take(out);
        }
    }

    fn step(&mut self, page: &Page) {
        self.at += 1;
        if self.at == page.len() {
            self.at = 0;
            self.walk.skip();
        }
    }
}

/// Compares two pages message by message until one of them is at its end.
fn diff_pages(old: &Page, a: &mut Cursor<'_>, new: &Page, b: &mut Cursor<'_>, diff: &mut Diff) {
    loop {
        let (a_uid, b_uid) = (old.uids()[a.at], new.uids()[b.at]);
        if a_uid <= b_uid {
            if a_uid < b_uid {
                diff.expunged.insert(a_uid);
            } else if old.mod_seq(a.at) != new.mod_seq(b.at) || old.flags(a.at) != new.flags(b.at) {
                diff.changed.insert(a_uid);
            }
            a.step(old);
        }
        if b_uid <= a_uid {
            if b_uid < a_uid {
                diff.appended.insert(b_uid);
            }
            b.step(new);
        }
        if a.at == 0 && a_uid <= b_uid || b.at == 0 && b_uid <= a_uid {
            return;
        }
    }
}

/// Messages of a mailbox by their UIDs; see [`Mailbox::finder`].
#[derive(Debug)]
pub struct Finder<'m> {
    mailbox: &'m Mailbox,
    /// The page of the message that was found last, and how many messages stand before it.
    page: Option<(&'m Page, u32)>,
    /// In that page, behind that message.
    next: usize,
}

impl<'m> Finder<'m> {
    /// The message with a UID.
    pub fn get(&mut self, uid: Uid) -> Option<MessageRef> {
        let (page, at, before) = self.find(uid.get())?;
        Some(self.mailbox.message(page, at, before))
    }

    /// Only its place.
    pub fn place(&mut self, uid: Uid) -> Option<SeqNum> {
        let (_, at, before) = self.find(uid.get())?;
        SeqNum::new(before + at as u32 + 1)
    }

    fn find(&mut self, uid: u32) -> Option<(&'m Page, usize, u32)> {
        let reaches =
            |page: &Page| matches!(page.uids(), [first, .., last] if (first..=last).contains(&&uid));
        if !self.page.is_some_and(|(page, _)| reaches(page)) {
            self.page = self.mailbox.messages.find(uid.into()).map(|(page, before)| (&**page, before));
            self.next = 0;
        }
        let (page, before) = self.page?;
        let at = if page.uids().get(self.next) == Some(&uid) {
            self.next
        } else {
            page.uids().binary_search(&uid).ok()?
        };
        self.next = at + 1;
        Some((page, at, before))
    }
}

/// Up to 64 mailboxes of an account, by id.
#[derive(Debug, Default)]
pub(super) struct MailboxPage(Vec<Arc<Mailbox>>);

impl Leaf for MailboxPage {
    type Sum = MailboxSum;
    const JOIN_BELOW: usize = 16;
    const MAX: usize = 64;

    fn sum(&self) -> MailboxSum {
        let (first, last) = (self.0[0].id.0, self.0[self.0.len() - 1].id.0);
        let keys = KeySum { first, last, count: self.0.len() as u32 };
        let sums = || self.0.iter().filter_map(|mailbox| mailbox.messages.sum());
        MailboxSum {
            keys,
            messages: sums().map(|sum| u64::from(sum.count)).sum(),
            metadata_octets: self.0.iter().map(|mailbox| mailbox.metadata.octets()).sum(),
            octets: sums().fold(0u64, |octets, sum| octets.saturating_add(sum.octets)),
        }
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn join(&self, next: &Self) -> Self {
        Self(self.0.iter().chain(&next.0).cloned().collect())
    }
}

impl MailboxPage {
    /// A tree of these, which are in the order of their ids.
    pub(super) fn tree(mailboxes: Vec<Arc<Mailbox>>) -> Tree<Self> {
        Tree::from_leaves(mailboxes.chunks(Self::MAX).map(|page| Arc::new(Self(page.to_vec()))))
    }

    pub(super) fn get(&self, id: MailboxId) -> Option<&Arc<Mailbox>> {
        self.0.binary_search_by_key(&id, |mailbox| mailbox.id).ok().map(|at| &self.0[at])
    }

    pub(super) fn mailboxes(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.0.iter()
    }

    /// With `change` made of one mailbox; `None` when it was the last one and is gone.
    pub(super) fn with(&self, id: MailboxId, change: Option<Arc<Mailbox>>) -> Option<Self> {
        let mut mailboxes = self.0.clone();
        if let Ok(at) = mailboxes.binary_search_by_key(&id, |mailbox| mailbox.id) {
            match change {
                Some(mailbox) => mailboxes[at] = mailbox,
                None => drop(mailboxes.remove(at)),
            }
        }
        (!mailboxes.is_empty()).then_some(Self(mailboxes))
    }

    /// Pages of these and one with a higher id.
    pub(super) fn with_new(last: Option<&Self>, mailbox: Arc<Mailbox>) -> Vec<Self> {
        match last {
            Some(page) if page.len() < Self::MAX => {
                vec![Self(page.0.iter().cloned().chain([mailbox]).collect())]
            }
            Some(page) => vec![Self(page.0.clone()), Self(vec![mailbox])],
            None => vec![Self(vec![mailbox])],
        }
    }
}
