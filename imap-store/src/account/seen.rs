//! \Seen of each user in a mailbox of somebody else.
//!
//! The owner's \Seen stands on the message, with all other flags. In a mailbox where everybody has their own,
//! each other user has an [`Overlay`]: which UIDs they have seen, and the MODSEQ at which that last changed. It is
//! laid over the mailbox by [`Mailbox::seen_by`]. What one user sees changes nothing for anybody else: not the
//! flags, not a MODSEQ, not HIGHESTMODSEQ.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_proto::types::{NumberSet, SystemFlag};

use super::change::{Change, Transfer};
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision, existing};
use super::mailbox::Mailbox;
use super::page::{Entry, Row};
use super::rights::{Access, Rights, Who};
use super::snapshot::{Diff, Flags, MailboxId, Snapshot};
use super::tree::Edit;

/// Whose \Seen counts for users other than the owner.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum SeenMode {
    /// Everybody has their own; a message is unseen until they see it.
    #[default]
    PerUser,
    /// One for all: what one has seen, all have.
    Shared,
}

/// UIDs of one page: 512.
const PAGE_BITS: u32 = 9;

/// What one user has seen of a mailbox. Only UIDs that are there are in it.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// The seq of the last change.
    mod_seq: u64,
    /// How many messages are seen.
    seen: u32,
    /// By the UID's higher bits. No page is empty.
    pages: BTreeMap<u32, Arc<Vec<Run>>>,
    pub(super) row: Row,
}

/// UIDs from `first` to `last` that were last changed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    is_seen: bool,
    mod_seq: u64,
}

impl Run {
    fn seen(&self) -> u32 {
        if self.is_seen { self.last - self.first + 1 } else { 0 }
    }
}

/// The ranges of a set, cut at the borders of pages.
fn by_page(uids: &NumberSet) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
    uids.ranges().iter().flat_map(|&(first, last)| {
        (first >> PAGE_BITS..=last >> PAGE_BITS).map(move |page| {
            let (from, to) = (page << PAGE_BITS, page << PAGE_BITS | ((1 << PAGE_BITS) - 1));
            (page, first.max(from), last.min(to))
        })
    })
}

impl Overlay {
    fn run(&self, uid: u32) -> Option<&Run> {
        let runs = self.pages.get(&(uid >> PAGE_BITS))?;
        runs.get(runs.partition_point(|run| run.last < uid)).filter(|run| run.first <= uid)
    }

    pub(super) fn is_seen(&self, uid: u32) -> bool {
        self.run(uid).is_some_and(|run| run.is_seen)
    }

    /// When the user's \Seen of a message last changed; 0: never.
    pub(super) fn mod_seq_of(&self, uid: u32) -> u64 {
        self.run(uid).map_or(0, |run| run.mod_seq)
    }

    pub(super) fn mod_seq(&self) -> u64 {
        self.mod_seq
    }

    pub(super) fn seen(&self) -> u32 {
        self.seen
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.pages.values().flat_map(|runs| runs.iter())
    }

    /// The UIDs that are seen.
    pub(super) fn seen_uids(&self) -> NumberSet {
        let mut uids = NumberSet::new();
        self.runs().filter(|run| run.is_seen).for_each(|run| uids.insert_range(run.first, run.last));
        uids
    }

    /// How many of `first..=last` are seen.
    pub(super) fn seen_within(&self, first: u32, last: u32) -> u32 {
        let pages = self.pages.range(first >> PAGE_BITS..=last >> PAGE_BITS);
        let runs = pages.flat_map(|(_, runs)| runs.iter()).filter(|run| run.is_seen);
        let within = runs.map(|run| (run.first.max(first), run.last.min(last)));
        within.filter(|(from, to)| from <= to).map(|(from, to)| to - from + 1).sum()
    }

    /// The UIDs that changed after a seq.
    pub(super) fn changed_since(&self, seq: u64, out: &mut NumberSet) {
        let changed = self.runs().filter(|run| run.mod_seq > seq);
        changed.for_each(|run| out.insert_range(run.first, run.last));
    }

    /// With other UIDs seen or unseen; all of them are in the mailbox.
    fn with(&self, uids: &NumberSet, is_seen: bool, mod_seq: u64) -> Self {
        let mut next = self.edited(uids, |first, last| Some(Run { first, last, is_seen, mod_seq }));
        next.mod_seq = mod_seq;
        next
    }

    /// Without UIDs, which are in the mailbox no more.
    fn without(&self, uids: &NumberSet) -> Self {
        self.edited(uids, |_, _| None)
    }

    fn edited(&self, uids: &NumberSet, put: impl Fn(u32, u32) -> Option<Run>) -> Self {
        let mut next =
            Self { mod_seq: self.mod_seq, seen: self.seen, pages: self.pages.clone(), row: Row::default() };
        for (page, first, last) in by_page(uids) {
            let old = next.pages.get(&page).cloned().unwrap_or_default();
            let new = edited_runs(&old, first, last, put(first, last));
            let seen = |runs: &[Run]| runs.iter().map(Run::seen).sum::<u32>();
            next.seen = next.seen - seen(&old) + seen(&new);
            if new.is_empty() {
                next.pages.remove(&page);
            } else {
                next.pages.insert(page, Arc::new(new));
            }
        }
        next
    }

    /// The UIDs where two overlays differ.
    fn difference(&self, other: &Self) -> NumberSet {
        let mut uids = NumberSet::new();
        for page in self.pages.keys().chain(other.pages.keys()) {
            match (self.pages.get(page), other.pages.get(page)) {
                (Some(a), Some(b)) if Arc::ptr_eq(a, b) => {}
                (a, b) => {
                    let runs = |it: Option<&Arc<Vec<Run>>>| it.map_or_else(Vec::new, |runs| runs.to_vec());
                    let (a, b) = (runs(a), runs(b));
                    let only = |these: &[Run], those: &[Run], uids: &mut NumberSet| {
                        let only = these.iter().filter(|run| !those.contains(run));
                        only.for_each(|run| uids.insert_range(run.first, run.last));
                    };
                    only(&a, &b, &mut uids);
                    only(&b, &a, &mut uids);
                }
            }
        }
        uids
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.mod_seq);
        out.number(self.runs().count() as u64);
        let (mut end, mut seq) = (0, 0);
        for run in self.runs() {
            out.number((run.first - end).into());
            out.number((run.last - run.first).into());
            out.octet(u8::from(run.is_seen));
            out.signed(run.mod_seq.wrapping_sub(seq) as i64);
            (end, seq) = (run.last, run.mod_seq);
        }
        out.finish()
    }

    pub(super) fn decode(row: u64, octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let mut overlay = Self { mod_seq: input.number()?, row: Row::new(row), ..Self::default() };
        let mut pages: BTreeMap<u32, Vec<Run>> = BTreeMap::new();
        let (mut end, mut seq) = (0u32, 0u64);
        for _ in 0..input.count()? {
            let first = end.checked_add(input.number_u32()?).filter(|&it| it > end).ok_or(Malformed)?;
            let last = first.checked_add(input.number_u32()?).ok_or(Malformed)?;
            let is_seen = input.flag()?;
            seq = seq.wrapping_add(input.signed()? as u64);
            if first >> PAGE_BITS != last >> PAGE_BITS {
                return Err(Malformed);
            }
            let run = Run { first, last, is_seen, mod_seq: seq };
            overlay.seen += run.seen();
            pages.entry(first >> PAGE_BITS).or_default().push(run);
            end = last;
        }
        input.end()?;
        overlay.pages = pages.into_iter().map(|(page, runs)| (page, Arc::new(runs))).collect();
        Ok(overlay)
    }

    pub(super) fn describe(&self, tell: &mut impl FnMut(std::fmt::Arguments<'_>)) {
        tell(format_args!("{} {}", self.mod_seq, self.seen));
        self.runs().for_each(|run| tell(format_args!("{run:?}")));
    }
}

/// These runs with another one in the place of `first..=last`; neighbours that are alike are one.
fn edited_runs(runs: &[Run], first: u32, last: u32, put: Option<Run>) -> Vec<Run> {
    let before = runs.iter().filter(|run| run.first < first);
    let before = before.map(|run| Run { last: run.last.min(first - 1), ..*run });
    let behind = runs.iter().filter(|run| run.last > last);
    let behind = behind.map(|run| Run { first: run.first.max(last + 1), ..*run });
    let mut edited: Vec<Run> = Vec::with_capacity(runs.len() + 2);
    for run in before.chain(put).chain(behind) {
        match edited.last_mut() {
            Some(it)
                if it.last + 1 == run.first && (it.is_seen, it.mod_seq) == (run.is_seen, run.mod_seq) =>
            {
                it.last = run.last;
            }
            _ => edited.push(run),
        }
    }
    edited
}

impl Mailbox {
    /// Whose \Seen counts for others than the owner.
    pub fn seen_mode(&self) -> SeenMode {
        self.seen_mode
    }

    /// The mailbox as a user sees it: where each has their own \Seen, with that of the user in flags, counters,
    /// MODSEQs, HIGHESTMODSEQ, and in what changed between two such views of the same user. For the owner, and
    /// where one \Seen counts for all, it is the mailbox itself. Costs a few pointers.
    pub fn seen_by(self: &Arc<Self>, who: &Who) -> Arc<Self> {
        match self.own_seen(who) {
            None => self.clone(),
            Some(user) => {
                let eyes = self.overlays.get(user).cloned().unwrap_or_default();
                Arc::new(Self { eyes: Some(eyes), ..Self::clone(self) })
            }
        }
    }

    /// The user, if they have a \Seen of their own here.
    fn own_seen<'a>(&self, who: &'a Who) -> Option<&'a str> {
        (!who.is_owner && self.seen_mode == SeenMode::PerUser).then_some(&who.user)
    }

    /// The user, if what is done on their behalf means a \Seen of their own.
    pub(super) fn own_seen_of<'a>(&self, access: &'a Access) -> Option<&'a str> {
        match access {
            Access::Whole => None,
            Access::Of(who) => self.own_seen(who),
        }
    }

    pub(super) fn overlay(&self, user: &str) -> Option<&Arc<Overlay>> {
        self.overlays.get(user)
    }

    /// Whether it shows each message's \Seen as a user has it, and not as the pages do.
    pub(super) fn has_eyes(&self) -> bool {
        self.eyes.is_some()
    }

    /// Flags as the view shows them.
    pub(super) fn flags_in_view(&self, uid: u32, flags: Flags) -> Flags {
        match &self.eyes {
            None => flags,
            Some(eyes) => flags.with_seen(eyes.is_seen(uid)),
        }
    }

    pub(super) fn mod_seq_in_view(&self, uid: u32, mod_seq: u64) -> u64 {
        self.eyes.as_ref().map_or(mod_seq, |eyes| eyes.mod_seq_of(uid).max(mod_seq))
    }

    /// Adds what is different for the user of two views.
    pub(super) fn add_seen_changes(&self, old: &Self, diff: &mut Diff) {
        let none = Arc::<Overlay>::default();
        if self.eyes.is_none() && old.eyes.is_none() {
            return;
        }
        let eyes = |it: &Self| it.eyes.clone().unwrap_or_else(|| none.clone());
        let (was, is) = (eyes(old), eyes(self));
        if Arc::ptr_eq(&was, &is) {
            return;
        }
        // Of those that came or went, that is told already.
        let differing = was.difference(&is);
        let in_both = old.existing(&self.existing(&differing));
        diff.changed = diff.changed.union(&in_both);
    }

    pub(super) fn put_seen(&mut self, user: &str, uids: &NumberSet, is_seen: bool, seq: u64) {
        let uids = self.existing(uids);
        if !uids.is_empty() {
            let overlays = Arc::make_mut(&mut self.overlays);
            let overlay = overlays.entry(user.to_owned()).or_default();
            *overlay = Arc::new(overlay.with(&uids, is_seen, seq));
        }
    }

    /// Messages are gone.
    pub(super) fn drop_seen(&mut self, uids: &NumberSet) {
        if self.overlays.is_empty() {
            return;
        }
        for overlay in Arc::make_mut(&mut self.overlays).values_mut() {
            if by_page(uids).any(|(page, ..)| overlay.pages.contains_key(&page)) {
                *overlay = Arc::new(overlay.without(uids));
            }
        }
    }

    /// Another mode. What everybody sees may be other, so every message counts as changed.
    pub(super) fn set_seen_mode(&mut self, mode: SeenMode, seq: u64) {
        self.seen_mode = mode;
        self.highest_mod_seq = seq;
        let all = NumberSet::from_range(1, u32::MAX);
        let touch = |page: &super::page::Page| Edit::Replace(page.with_flags(&all, seq, Clone::clone));
        self.messages = self.messages.edit(|_| true, touch);
    }

    /// What is wrong with the counters of overlays.
    pub(super) fn check_seen(&self) -> Option<String> {
        let bad = self.overlays.iter().find(|(_, overlay)| {
            let seen = overlay.seen_uids();
            seen.len() != u64::from(overlay.seen) || self.existing(&seen) != seen
        });
        bad.map(|(user, _)| format!("what {user} has seen of {} does not agree with it", self.name.as_str()))
    }
}

impl Mailbox {
    /// The flags of a message that is to come into `target`, as everybody has them there: where all share one
    /// \Seen and not here, it is that of whoever brings it.
    pub(super) fn flags_for_all(&self, target: &Self, transfer: &Transfer, entry: &Entry) -> Flags {
        match &transfer.user {
            Some(user) if (self.seen_mode, target.seen_mode) == (SeenMode::PerUser, SeenMode::Shared) => {
                let is_seen = self.overlays.get(user).is_some_and(|overlay| overlay.is_seen(entry.uid));
                entry.flags.clone().with_seen(is_seen)
            }
            _ => entry.flags.clone(),
        }
    }

    /// Messages came from `source`, each behind its UID there: who had seen them has seen them here.
    pub(super) fn carry_seen(
        &mut self,
        source: &Self,
        transfer: &Transfer,
        messages: &[(u32, Entry)],
        seq: u64,
    ) {
        if self.seen_mode == SeenMode::Shared {
            return;
        }
        if source.seen_mode == SeenMode::PerUser {
            for (user, overlay) in &*source.overlays {
                let is_allowed = transfer.user.as_ref() != Some(user) || transfer.mask.allows_seen();
                let seen = messages.iter().filter(|(old, _)| is_allowed && overlay.is_seen(*old));
                self.put_seen(user, &seen.map(|(_, new)| new.uid).collect(), true, seq);
            }
        } else if let Some(user) = &transfer.user {
            let seen = messages.iter().filter(|(_, new)| new.flags.has(SystemFlag::Seen));
            self.put_seen(user, &seen.map(|(_, new)| new.uid).collect(), true, seq);
        }
    }
}

/// Says whose \Seen counts.
pub(super) fn set_mode(state: &Snapshot, access: &Access, mailbox: MailboxId, mode: SeenMode) -> Decided<()> {
    let target = existing(state, mailbox)?;
    access.require(target, Rights::ADMINISTER)?;
    if target.seen_mode == mode {
        return Ok(Decision::nothing(()));
    }
    Ok(Decision::change(Change::SetSeenMode { mailbox, mode }, ()))
}

pub(super) const SEEN: u8 = SystemFlag::Seen as u8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_overlay_is_what_was_done_to_it(
            steps in prop::collection::vec((1u32..2_000, 0u32..900, 0u8..3), 0..20)
        ) {
            let mut overlay = Overlay::default();
            let mut model: BTreeMap<u32, (bool, u64)> = BTreeMap::new();
            for (at, (first, len, what)) in steps.into_iter().enumerate() {
                let (seq, uids) = (at as u64 + 1, NumberSet::from_range(first, first + len));
                let old = Overlay::decode(0, &overlay.encode());
                match what {
                    0 => {
                        overlay = overlay.without(&uids);
                        model.retain(|uid, _| !uids.contains(*uid));
                    }
                    what => {
                        overlay = overlay.with(&uids, what == 1, seq);
                        model.extend(uids.iter().map(|uid| (uid, (what == 1, seq))));
                    }
                }
                for uid in 1..3_000 {
                    let found = (overlay.is_seen(uid), overlay.mod_seq_of(uid));
                    prop_assert_eq!(found, model.get(&uid).copied().unwrap_or_default());
                }
                let seen = |from, to| model.range(from..=to).filter(|(_, it)| it.0).count() as u32;
                prop_assert_eq!(overlay.seen(), seen(0, u32::MAX));
                prop_assert_eq!(overlay.seen_within(300, 1_300), seen(300, 1_300));
                let old = old.expect("it comes back");
                let differing = old.difference(&overlay);
                for uid in 1..3_000 {
                    if (old.is_seen(uid), old.mod_seq_of(uid)) != (overlay.is_seen(uid), overlay.mod_seq_of(uid)) {
                        prop_assert!(differing.contains(uid));
                    }
                }
            }
            let back = Overlay::decode(0, &overlay.encode()).expect("it comes back");
            prop_assert_eq!(back.pages, overlay.pages);
        }

        #[test]
        fn any_octets_are_an_overlay_or_refused(octets: Vec<u8>) {
            let _ = Overlay::decode(0, &octets);
        }
    }
}
