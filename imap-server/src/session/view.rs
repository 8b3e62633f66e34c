//! [`View`]: what one session has been told of its mailbox, and how it is told the rest.
//!
//! A view is the state of the mailbox that the client knows. Telling the client is the difference to the
//! published state; what is told is a new view. Nothing is copied per session.

use std::sync::Arc;

use imap_proto::Dialect;
use imap_proto::response::{Code, FetchWriter, Kind, Response, write_status};
use imap_proto::types::{Flag, NumberSet, SeqNum, SequenceSet, SystemFlag, Uid};
use imap_store::account::{Account, Flags, Mailbox, MailboxId, MessageRef, Snapshot};

use super::outbox::{Gone, Outbox};

/// One session's view of the selected mailbox.
pub(crate) struct View {
    account: Account,
    id: MailboxId,
    read_only: bool,
    snapshot: Arc<Snapshot>,
    mailbox: Arc<Mailbox>,
    /// UIDs that are \Recent to this session, in ranges that may reach over UIDs which are not there.
    recent: NumberSet,
    /// Keywords that stood in the last FLAGS line.
    keywords_told: usize,
    /// What the client knows beyond [`Self::mailbox`]; empty but from a change of its own to the next news.
    told: Told,
    /// Messages of which is not known what the client believes: they are told with the next news.
    unsure: NumberSet,
}

/// Flags that the client knows although its view is older: those that `uids` have in the mailbox beside them, the newest
/// last.
#[derive(Clone, Default)]
pub(crate) struct Told(Vec<Arc<(NumberSet, Arc<Mailbox>)>>);

impl Told {
    /// The flags of a message as the client knows them, where it is of the view.
    pub(crate) fn flags(&self, message: &MessageRef) -> Option<Flags> {
        let newest = self.0.iter().rev().find(|told| told.0.contains(message.uid.get()))?;
        newest.1.get(message.uid).map(|message| message.flags)
    }

    /// The keywords of the newest state that the client knows something of; keywords keep their numbers.
    pub(crate) fn names(&self, view: &Mailbox) -> FlagNames {
        FlagNames::new(self.0.last().map_or(view, |told| &told.1))
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
}

/// Entries of [`Told`]; each keeps a state of the mailbox alive.
const TOLD_MAX: usize = 64;

impl View {
    /// A view of the mailbox as it is now; `None` when it is not there. Takes the \Recent messages unless
    /// `read_only`.
    pub(crate) fn open(account: &Account, id: MailboxId, read_only: bool) -> Option<Self> {
        let snapshot = account.snapshot();
        let mailbox = Arc::clone(snapshot.mailbox(id)?);
        let keywords_told = mailbox.keywords().len();
        let recent = NumberSet::new();
        let account = account.clone();
        let mut view = Self {
            account,
            id,
            read_only,
            snapshot,
            mailbox,
            recent,
            keywords_told,
            told: Told::default(),
            unsure: NumberSet::new(),
        };
        view.claim_recent();
        Some(view)
    }

    /// The mailbox as the client knows it.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The account as it was then: with it, messages can be read that were expunged elsewhere.
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Which mailbox.
    pub(crate) fn id(&self) -> MailboxId {
        self.id
    }

    /// Opened by EXAMINE.
    pub(crate) fn read_only(&self) -> bool {
        self.read_only
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
        let mailbox = Arc::clone(snapshot.mailbox(self.id)?);
        Some((snapshot, mailbox))
    }

    /// The sequence numbers that a command's set means; `None` when one of them is not there
    /// (RFC 9051 §9, `seq-number`). UIDs that are not there mean nothing.
    pub(crate) fn places(&self, uid: bool, set: &SequenceSet) -> Option<NumberSet> {
        let count = self.mailbox.len();
        if !uid {
            let numbers = set.resolve((count > 0).then_some(count), &NumberSet::new());
            let highest = numbers.ranges().last().map_or(0, |&(_, last)| last);
            let names_nothing = numbers.is_empty() || highest > count;
            return (!names_nothing).then_some(numbers);
        }
        let last = SeqNum::new(count).and_then(|last| self.mailbox.at(last));
        let uids = set.resolve(last.map(|last| last.uid.get()), &NumberSet::new());
        let mut places = NumberSet::new();
        for &(first, last) in uids.ranges() {
            if let Some((first, last)) = places_of_uids(&self.mailbox, first, last) {
                places.insert_range(first, last);
            }
        }
        Some(places)
    }

    /// The UIDs at these places.
    pub(crate) fn uids_at(&self, places: &NumberSet) -> NumberSet {
        self.mailbox.uids_at(places)
    }

    /// The place of a message in this view.
    pub(crate) fn place(&self, uid: Uid) -> Option<SeqNum> {
        self.mailbox.get(uid).map(|message| message.seq_num)
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
        if mailbox.keywords().len() > self.keywords_told {
            self.keywords_told = mailbox.keywords().len();
            write_flags(out, dialect, mailbox);
            write_permanent_flags(out, mailbox, self.read_only);
        }
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
        if Arc::ptr_eq(&mailbox, &self.mailbox) {
            self.snapshot = snapshot;
            self.told = Told::default();
            return Ok(());
        }
        let diff = mailbox.diff(&self.mailbox);
        if news == News::NoExpunge && !diff.expunged.is_empty() {
            return Ok(());
        }
        let old = std::mem::replace(&mut self.mailbox, mailbox);
        self.snapshot = snapshot;
        let (told, unsure) = (std::mem::take(&mut self.told), std::mem::take(&mut self.unsure));
        if !diff.appended.is_empty() {
            self.claim_recent();
        }

        let mailbox = Arc::clone(&self.mailbox);
        self.tell_keywords(&mut out.buffer, style.dialect, &mailbox);
        if news == News::AllExistsFirst && !diff.appended.is_empty() {
            let gone = u32::try_from(diff.expunged.len()).unwrap_or(u32::MAX);
            self.write_size(&mut out.buffer, style.dialect, mailbox.len().saturating_add(gone));
        }
        write_expunges(out, style.dialect, &old, &diff.expunged).await?;
        if news != News::AllExistsFirst && !diff.appended.is_empty() {
            self.write_size(&mut out.buffer, style.dialect, mailbox.len());
        }
        let names = FlagNames::new(&mailbox);
        for message in diff.changed.iter().filter_map(Uid::new).filter_map(|uid| mailbox.get(uid)) {
            let known = old.get(message.uid).map(|before| told.flags(&before).unwrap_or(before.flags));
            if known.as_ref() != Some(&message.flags) || unsure.contains(message.uid.get()) {
                self.write_fetch_flags(&mut out.buffer, style, &names, &message, message.seq_num);
                out.flush_if_full().await?;
            }
        }
        Ok(())
    }

    /// Writes EXISTS and RECENT as the client knows them.
    pub(crate) fn write_sizes(&self, out: &mut Vec<u8>, dialect: Dialect) {
        self.write_size(out, dialect, self.mailbox.len());
    }

    fn write_size(&self, out: &mut Vec<u8>, dialect: Dialect, exists: u32) {
        Response::Exists(exists).write(out, dialect);
        Response::Recent(self.recent_count()).write(out, dialect);
    }

    /// Writes a FETCH with the flags of a message, and its UID where the client wants it.
    pub(crate) fn write_fetch_flags(
        &self,
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
        writer.end();
    }

    /// Takes the messages that no session was told of as \Recent; a read-only view sees them and takes none.
    fn claim_recent(&mut self) {
        let uid_next = self.mailbox.uid_next().map_or(u32::MAX, Uid::get);
        let from = if self.read_only {
            self.account.recent_watermark(self.id)
        } else {
            self.account.claim_recent(self.id, uid_next)
        };
        if from.max(1) < uid_next {
            self.recent.insert_range(from.max(1), uid_next - 1);
        }
    }
}

/// The flags of a mailbox's messages, ready to be written without an allocation a message.
pub(crate) struct FlagNames {
    keywords: Vec<Flag>,
}

impl FlagNames {
    pub(crate) fn new(mailbox: &Mailbox) -> Self {
        Self { keywords: mailbox.keywords().iter().cloned().map(Flag::Keyword).collect() }
    }

    /// Keywords first: a client of 1988 overruns its array at a keyword behind a system flag.
    pub(crate) fn of<'f>(&'f self, flags: &'f Flags, recent: bool) -> impl Iterator<Item = &'f Flag> + 'f {
        let keywords = flags.keywords().iter().filter_map(|&number| self.keywords.get(usize::from(number)));
        let system = SYSTEM_FLAGS.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, flag)| flag);
        keywords.chain(system).chain(recent.then_some(&Flag::Recent))
    }
}

const SYSTEM_FLAGS: [(SystemFlag, Flag); 5] = [
    (SystemFlag::Answered, Flag::System(SystemFlag::Answered)),
    (SystemFlag::Flagged, Flag::System(SystemFlag::Flagged)),
    (SystemFlag::Deleted, Flag::System(SystemFlag::Deleted)),
    (SystemFlag::Seen, Flag::System(SystemFlag::Seen)),
    (SystemFlag::Draft, Flag::System(SystemFlag::Draft)),
];

/// FLAGS of a mailbox, keywords first.
pub(crate) fn write_flags(out: &mut Vec<u8>, dialect: Dialect, mailbox: &Mailbox) {
    Response::Flags(all_flags(mailbox)).write(out, dialect);
}

/// PERMANENTFLAGS of a mailbox: none where nothing can be changed.
pub(crate) fn write_permanent_flags(out: &mut Vec<u8>, mailbox: &Mailbox, read_only: bool) {
    let mut flags = Vec::new();
    if !read_only {
        flags = all_flags(mailbox);
        flags.push(Flag::Wildcard);
    }
    write_status(out, None, Kind::Ok, Some(&Code::PermanentFlags(flags)), "Flags that are kept");
}

fn all_flags(mailbox: &Mailbox) -> Vec<Flag> {
    let mut flags = FlagNames::new(mailbox).keywords;
    flags.extend(SYSTEM_FLAGS.iter().map(|(_, flag)| flag.clone()));
    flags
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
