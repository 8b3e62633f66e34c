//! [`View`]: what one session has been told of its mailbox, and how it is told the rest.
//!
//! A view is the state of the mailbox that the client knows. Telling the client is the difference to the
//! published state; what is told is a new view. Nothing is copied per session.

use std::sync::Arc;

use imap_proto::response::{FetchWriter, Response, Vanished};
use imap_proto::types::{MailboxName, ModSeq, NumberSet, SeqNum, SequenceSet, Uid};
use imap_proto::{Dialect, Level};
use imap_store::account::{
    Account, Flags, Mailbox, MailboxId, MessageRef, Rights, SeenMode, Snapshot, Watch, Who,
};
use imap_store::log::AccountId;

use super::flags::{FlagNames, has_hidden, is_old, keywords_shown, write_flags, write_permanent_flags};
use super::outbox::{Gone, Outbox};

/// One session's view of the selected mailbox.
pub(crate) struct View {
    account: Account,
    id: MailboxId,
    read_only: bool,
    rights: Rights,
    /// Whose eyes look at it: in the accounts of others, \Seen is each user's own.
    who: Who,
    /// The account as it was when the client was told last; `None` while it waits in IDLE.
    snapshot: Option<Arc<Snapshot>>,
    mailbox: Arc<Mailbox>,
    /// UIDs that are \Recent to this session, in ranges that may reach over UIDs which are not there.
    recent: NumberSet,
    /// Keywords that stood in the last FLAGS line.
    keywords_told: usize,
    /// What the client knows beyond [`Self::mailbox`]; empty but from a change of its own to the next news.
    told: Told,
    /// Messages of which is not known what the client believes: they are told with the next news.
    unsure: NumberSet,
    /// Messages whose flags were told with some hidden: they are told again when the client shows a newer dialect.
    cut_short: NumberSet,
    /// What `$` means: UIDs, also of messages that are gone (RFC 9051 §6.4.4.1).
    saved: NumberSet,
    /// The name that the client knows it by; `None`: it is gone, and the client was told.
    name: Option<MailboxName>,
    /// Something waits for a command that may tell an EXPUNGE.
    is_held: bool,
    /// The client was told a HIGHESTMODSEQ below MODSEQs that it has seen.
    is_behind: bool,
}

/// Flags that the client knows although its view is older: those that `uids` have in the mailbox beside them, the newest
/// last.
#[derive(Clone, Default)]
pub(crate) struct Told(Vec<Arc<(NumberSet, Arc<Mailbox>)>>);

impl Told {
    /// The flags of a message as the client knows them, where it is of the view.
    pub(crate) fn flags(&self, message: &MessageRef) -> Option<Flags> {
        self.message(message).map(|message| message.flags)
    }

    /// The whole message in the state of which the client knows its flags.
    pub(crate) fn message(&self, message: &MessageRef) -> Option<MessageRef> {
        let newest = self.0.iter().rev().find(|told| told.0.contains(message.uid.get()))?;
        newest.1.get(message.uid)
    }

    /// The keywords of the newest state that the client knows something of; keywords keep their numbers.
    pub(crate) fn names(&self, view: &Mailbox, dialect: Dialect) -> FlagNames {
        FlagNames::new(self.0.last().map_or(view, |told| &told.1), dialect)
    }
}

/// What may be told, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing.
    None,
    /// No EXPUNGE: the next command may count on its sequence numbers (RFC 9051 §7.5.1).
    NoExpunge,
    /// Everything.
    All,
    /// Everything, EXISTS first: MOVE inside one mailbox (RFC 6851 §3.3).
    AllExistsFirst,
}

/// How FETCH lines are written that nobody asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) dialect: Dialect,
    pub(crate) with_uid: bool,
    /// MODSEQ too (CONDSTORE).
    pub(crate) with_mod_seq: bool,
    /// VANISHED in place of EXPUNGE (QRESYNC).
    pub(crate) vanished: bool,
}

/// Entries of [`Told`]; each keeps a state of the mailbox alive.
const TOLD_MAX: usize = 64;

impl View {
    /// A view of the mailbox as it is now; `None` when it is not there. Takes the \Recent messages unless
    /// `read_only`, or for a client of IMAP4rev2, which is not told of them.
    pub(crate) fn open(
        account: &Account,
        id: MailboxId,
        (who, rights): (Who, Rights),
        read_only: bool,
        dialect: Dialect,
    ) -> Option<Self> {
        let snapshot = account.snapshot();
        let mailbox = snapshot.mailbox(id)?.seen_by(&who);
        let name = Some(mailbox.name().clone());
        let keywords_told = keywords_shown(dialect, &mailbox);
        let recent = NumberSet::new();
        let account = account.clone();
        let mut view = Self {
            account,
            id,
            read_only,
            rights,
            who,
            snapshot: Some(snapshot),
            mailbox,
            recent,
            keywords_told,
            told: Told::default(),
            unsure: NumberSet::new(),
            cut_short: NumberSet::new(),
            saved: NumberSet::new(),
            name,
            is_held: false,
            is_behind: false,
        };
        view.claim_recent(dialect);
        Some(view)
    }

    /// The mailbox as the client knows it.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The account as it was then: with it, messages can be read that were expunged elsewhere.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.clone().unwrap_or_else(|| self.account.snapshot())
    }

    /// The client waits for news: it is told of its mailbox only, and holds nothing of what others in the account were.
    pub(crate) fn rest(&mut self) {
        self.snapshot = None;
    }

    /// Tells when there may be news.
    pub(crate) fn watch(&self) -> Watch {
        self.account.watch(self.id)
    }

    /// The account that it is in, for what the session's user does there.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Whether it is that mailbox.
    pub(crate) fn is_of(&self, account: AccountId, id: MailboxId) -> bool {
        self.account.id() == account && self.id == id
    }

    /// Which mailbox.
    pub(crate) fn id(&self) -> MailboxId {
        self.id
    }

    /// Opened by EXAMINE.
    pub(crate) fn read_only(&self) -> bool {
        self.read_only
    }

    /// Whether the client is told READ-WRITE: it may change something that others see too (RFC 4314 §5.2).
    pub(crate) fn may_change(&self) -> bool {
        let mut shared =
            Rights::INSERT.with(Rights::EXPUNGE).with(Rights::WRITE).with(Rights::DELETE_MESSAGES);
        if self.mailbox.seen_mode() == SeenMode::Shared {
            shared = shared.with(Rights::SEEN);
        }
        !self.read_only && self.rights.has_any(shared)
    }

    /// The rights to flags that the user has here.
    pub(crate) fn flag_rights(&self) -> Rights {
        if self.read_only { Rights::NONE } else { self.rights }
    }

    /// The UIDs that are \Recent, in ranges that may reach over UIDs which are not there.
    pub(crate) fn recent(&self) -> &NumberSet {
        &self.recent
    }

    /// How many messages are \Recent.
    pub(crate) fn recent_count(&self) -> u32 {
        let in_range = |&(first, last): &(u32, u32)| {
            let places = places_of_uids(&self.mailbox, first, last);
            places.map_or(0, |(first, last)| last - first + 1)
        };
        self.recent.ranges().iter().map(in_range).sum()
    }

    /// The mailbox as it is now; `None` when it was deleted.
    pub(crate) fn published(&self) -> Option<(Arc<Snapshot>, Arc<Mailbox>)> {
        let snapshot = self.account.snapshot();
        let mailbox = snapshot.mailbox(self.id)?.seen_by(&self.who);
        Some((snapshot, mailbox))
    }

    /// The sequence numbers that a command's set means; `None` when one of them is not there
    /// (RFC 9051 §9, `seq-number`). UIDs that are not there mean nothing.
    pub(crate) fn places(&self, uid: bool, set: &SequenceSet) -> Option<NumberSet> {
        let count = self.mailbox.len();
        if !uid && *set != SequenceSet::Saved {
            let numbers = set.resolve((count > 0).then_some(count), &NumberSet::new());
            let highest = numbers.ranges().last().map_or(0, |&(_, last)| last);
            let names_nothing = numbers.is_empty() || highest > count;
            return (!names_nothing).then_some(numbers);
        }
        let last = SeqNum::new(count).and_then(|last| self.mailbox.at(last));
        let uids = set.resolve(last.map(|last| last.uid.get()), &self.saved);
        Some(self.places_of(&uids))
    }

    /// The places of those UIDs that are there.
    pub(crate) fn places_of(&self, uids: &NumberSet) -> NumberSet {
        let mut places = NumberSet::new();
        // Of a long list few may be there; to look for each of them would take long.
        let is_long = uids.ranges().len() > self.mailbox.len() as usize;
        let there = is_long.then(|| self.mailbox.existing(uids));
        for &(first, last) in there.as_ref().unwrap_or(uids).ranges() {
            if let Some((first, last)) = places_of_uids(&self.mailbox, first, last) {
                places.insert_range(first, last);
            }
        }
        places
    }

    /// The UIDs whose modification sequence is above `since`, as the client knows them.
    pub(crate) fn changed_since(&self, since: ModSeq) -> NumberSet {
        let told = self.told.0.iter().map(|told| told.1.changed_since(since).intersection(&told.0));
        told.fold(self.mailbox.changed_since(since), |all, more| all.union(&more))
    }

    /// The UIDs at these places.
    pub(crate) fn uids_at(&self, places: &NumberSet) -> NumberSet {
        self.mailbox.uids_at(places)
    }

    /// What `$` means: UIDs.
    pub(crate) fn saved(&self) -> &NumberSet {
        &self.saved
    }

    /// Keeps the result of a search: UIDs.
    pub(crate) fn save(&mut self, uids: NumberSet) {
        self.saved = uids;
    }

    /// The client showed a dialect that can be told everything: tells keywords that were hidden, and notes the
    /// messages whose flags were.
    pub(crate) fn show_hidden(&mut self, out: &mut Vec<u8>, dialect: Dialect) {
        let mailbox = Arc::clone(&self.mailbox);
        self.tell_keywords(out, dialect, &mailbox);
        let cut_short = std::mem::take(&mut self.cut_short);
        self.note_unsure(&cut_short);
    }

    /// Notes that the flags of these messages were told to a client of `dialect`, as the client knows them.
    pub(crate) fn note_shown(&mut self, dialect: Dialect, places: &NumberSet) {
        if !is_old(dialect) {
            return;
        }
        for &(first, last) in places.ranges() {
            let messages = self.mailbox.iter_from(SeqNum::new(first).unwrap_or(SeqNum::MIN));
            for message in messages.take_while(|message| message.seq_num.get() <= last) {
                if has_hidden(&self.told.flags(&message).unwrap_or(message.flags)) {
                    self.cut_short.insert(message.uid.get());
                }
            }
        }
    }

    /// What the client knows beyond [`Self::mailbox`].
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Notes that the client knows the flags that `uids` have in `mailbox`.
    pub(crate) fn note_told(&mut self, uids: NumberSet, mailbox: &Arc<Mailbox>) {
        if self.told.0.len() == TOLD_MAX {
            let oldest = self.told.0.remove(0);
            self.note_unsure(&oldest.0);
        }
        self.told.0.push(Arc::new((uids, Arc::clone(mailbox))));
    }

    /// Notes that it is not known what the client believes of `uids`.
    pub(crate) fn note_unsure(&mut self, uids: &NumberSet) {
        uids.ranges().iter().for_each(|&(first, last)| self.unsure.insert_range(first, last));
    }

    /// Tells keywords that were not in the last FLAGS line, and has to be called before any of them is written.
    pub(crate) fn tell_keywords(&mut self, out: &mut Vec<u8>, dialect: Dialect, mailbox: &Mailbox) {
        let shown = keywords_shown(dialect, mailbox);
        if shown > self.keywords_told {
            self.keywords_told = shown;
            write_flags(out, dialect, mailbox);
            write_permanent_flags(out, dialect, mailbox, self.flag_rights());
        }
    }

    /// What became of the mailbox's name since the client was told last: the name before, and the one now, `None` where
    /// the mailbox was deleted. Both as its account knows them.
    pub(crate) fn take_new_name(&mut self) -> Option<(MailboxName, Option<MailboxName>)> {
        let snapshot = self.account.snapshot();
        let now = snapshot.mailbox(self.id).map(|mailbox| mailbox.name());
        if now == self.name.as_ref() {
            return None;
        }
        let before = std::mem::replace(&mut self.name, now.cloned())?;
        Some((before, now.cloned()))
    }

    /// Tells the client what is different by now, as far as `news` allows. With an EXPUNGE that must wait,
    /// all waits: EXISTS and numbers of FETCH would be counted without it.
    pub(crate) async fn catch_up(
        &mut self,
        out: &mut Outbox<'_>,
        style: Style,
        news: News,
    ) -> Result<(), Gone> {
        if news == News::None {
            return Ok(());
        }
        // A deleted mailbox stays as it was last seen (RFC 2180 §3.3).
        let Some((snapshot, mailbox)) = self.published() else { return Ok(()) };
        if Arc::ptr_eq(&mailbox, &self.mailbox) && self.unsure.is_empty() {
            self.snapshot = Some(snapshot);
            self.told = Told::default();
            self.is_held = false;
            return Ok(());
        }
        let diff = mailbox.diff(&self.mailbox);
        self.is_held = news == News::NoExpunge && !diff.expunged.is_empty();
        if self.is_held {
            return Ok(());
        }
        let old = std::mem::replace(&mut self.mailbox, mailbox);
        self.snapshot = Some(snapshot);
        let (told, unsure) = (std::mem::take(&mut self.told), std::mem::take(&mut self.unsure));
        if !diff.appended.is_empty() {
            self.claim_recent(style.dialect);
        }

        let mailbox = Arc::clone(&self.mailbox);
        self.tell_keywords(&mut out.buffer, style.dialect, &mailbox);
        if news == News::AllExistsFirst && !diff.appended.is_empty() {
            let gone = u32::try_from(diff.expunged.len()).unwrap_or(u32::MAX);
            self.write_size(&mut out.buffer, style.dialect, mailbox.len().saturating_add(gone));
        }
        if style.vanished {
            write_vanished(out, style.dialect, &diff.expunged);
        } else {
            write_expunges(out, style.dialect, &old, &diff.expunged).await?;
        }
        if news != News::AllExistsFirst && !diff.appended.is_empty() {
            self.write_size(&mut out.buffer, style.dialect, mailbox.len());
        }
        let names = FlagNames::new(&mailbox, style.dialect);
        // Most of what a STORE of many has changed was told in its answer, as it is now.
        let mut may_differ = diff.changed;
        for (uids, _) in told.0.iter().map(|told| &**told).filter(|told| Arc::ptr_eq(&told.1, &mailbox)) {
            may_differ = may_differ.difference(uids);
        }
        let may_differ = if unsure.is_empty() { may_differ } else { may_differ.union(&unsure) };
        let (mut before, mut now) = (old.finder(), mailbox.finder());
        for message in may_differ.iter().filter_map(Uid::new).filter_map(|uid| now.get(uid)) {
            let known = before.get(message.uid).map(|before| told.message(&before).unwrap_or(before));
            let is_known = known.is_some_and(|known| {
                known.flags == message.flags && (!style.with_mod_seq || known.mod_seq == message.mod_seq)
            });
            if !is_known || unsure.contains(message.uid.get()) {
                self.write_fetch_flags(&mut out.buffer, style, &names, &message, message.seq_num);
                out.flush_if_full().await?;
            }
        }
        Ok(())
    }

    /// The HIGHESTMODSEQ that a client of CONDSTORE has to be told before the tagged reply: a lower one than what it has
    /// seen while an EXPUNGE waits, since it keeps that number, and would never learn of the EXPUNGE otherwise
    /// (RFC 7162 §6); and the right one once that is over.
    pub(crate) fn highest_to_tell(&mut self) -> Option<ModSeq> {
        let has_seen_more = !self.told.0.is_empty() || !self.unsure.is_empty();
        let is_behind = self.is_held && (has_seen_more || self.is_behind);
        let tells = is_behind || self.is_behind && !self.is_held;
        self.is_behind = is_behind;
        tells.then(|| self.mailbox.highest_mod_seq())
    }

    /// Writes EXISTS and RECENT as the client knows them.
    pub(crate) fn write_sizes(&self, out: &mut Vec<u8>, dialect: Dialect) {
        self.write_size(out, dialect, self.mailbox.len());
    }

    fn write_size(&self, out: &mut Vec<u8>, dialect: Dialect, exists: u32) {
        Response::Exists(exists).write(out, dialect);
        if dialect.level != Level::Rev2 {
            Response::Recent(self.recent_count()).write(out, dialect);
        }
    }

    /// Writes a FETCH with the flags of a message, and its UID and MODSEQ where the client wants them.
    pub(crate) fn write_fetch_flags(
        &mut self,
        out: &mut Vec<u8>,
        style: Style,
        names: &FlagNames,
        message: &MessageRef,
        place: SeqNum,
    ) {
        let mut writer = FetchWriter::begin(out, style.dialect, place);
        if style.with_uid {
            writer.uid(message.uid);
        }
        writer.flags(names.of(&message.flags, self.recent.contains(message.uid.get())));
        if style.with_mod_seq {
            writer.mod_seq(message.mod_seq);
        }
        writer.end();
        if is_old(style.dialect) && has_hidden(&message.flags) {
            self.cut_short.insert(message.uid.get());
        }
    }

    /// Takes the messages that no session was told of as \Recent; a read-only view sees them and takes none.
    /// So does a client of IMAP4rev2, which is not told of them: another client's RECENT still means new.
    fn claim_recent(&mut self, dialect: Dialect) {
        let uid_next = self.mailbox.uid_next().map_or(u32::MAX, Uid::get);
        let from = if !self.may_change() || dialect.level == Level::Rev2 {
            self.account.recent_watermark(self.id)
        } else {
            self.account.claim_recent(self.id, uid_next)
        };
        if from.max(1) < uid_next {
            self.recent.insert_range(from.max(1), uid_next - 1);
        }
    }
}

/// VANISHED for the messages that are gone; their UIDs were in the view, so the client knows each of them.
fn write_vanished(out: &mut Outbox<'_>, dialect: Dialect, expunged: &NumberSet) {
    if !expunged.is_empty() {
        let vanished = Vanished { earlier: false, uids: expunged.clone() };
        Response::Vanished(vanished).write(&mut out.buffer, dialect);
    }
}

/// EXPUNGE from the highest number down, so that none of them shifts another.
async fn write_expunges(
    out: &mut Outbox<'_>,
    dialect: Dialect,
    old: &Mailbox,
    expunged: &NumberSet,
) -> Result<(), Gone> {
    for &(first, last) in expunged.ranges().iter().rev() {
        let Some((first, last)) = places_of_uids(old, first, last) else { continue };
        for place in (first..=last).rev().filter_map(SeqNum::new) {
            Response::Expunge(place).write(&mut out.buffer, dialect);
            out.flush_if_full().await?;
        }
    }
    Ok(())
}

/// The first and last place of the messages whose UIDs are in `first..=last`.
fn places_of_uids(mailbox: &Mailbox, first: u32, last: u32) -> Option<(u32, u32)> {
    let behind = match last.checked_add(1).and_then(Uid::new) {
        Some(next) => mailbox.lower_bound(next),
        None => mailbox.len() + 1,
    };
    let first = mailbox.lower_bound(Uid::new(first)?);
    (first < behind).then(|| (first, behind - 1))
}
