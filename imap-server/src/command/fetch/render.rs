//! [`Renderer`]: writes the FETCH responses of a command piece by piece, so that neither a long answer nor a
//! large body is ever whole in memory.

use std::sync::Arc;

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::command::{Fetch, FetchItem, Partial};
use imap_proto::response::{Code, FetchWriter};
use imap_proto::types::{NumberSet, SeqNum};
use imap_store::StoreError;
use imap_store::account::{Account, Mailbox, MessageRef, Snapshot, SummaryReader};
use imap_store::message::Summary;

use super::super::Halt;
use super::Failed;
use super::section::{Failure, Octets, Opened, binary_size, cut, octets};
use super::stream::{READ_OCTETS, Stream};
use crate::session::flags::FlagNames;
use crate::session::view::Told;

/// Of so many messages at the most the summaries are written where sessions are served: it takes no longer than to go to
/// another thread.
const AT_HAND_MAX: usize = 32;

/// What a FETCH asks for.
pub(super) struct Plan {
    items: Vec<FetchItem>,
    /// The same with FLAGS: for messages that became \Seen by this.
    items_with_flags: Vec<FetchItem>,
    dialect: Dialect,
    recent: NumberSet,
    /// What is left of every octet item: the command PARTIAL, whose answer does not tell it.
    pub(super) slice: Option<Partial>,
    /// INTERNALDATE is told in the form of RFC 1176.
    pub(super) old_dates: bool,
}

/// What is to be known of flags.
pub(super) struct Flagged {
    /// The messages that became \Seen by this FETCH: their answer has FLAGS, asked for or not.
    pub(super) seen: NumberSet,
    /// What the client knows beyond its view: FETCH must not take that back.
    pub(super) told: Told,
}

/// The answer to a FETCH, on its way.
pub(super) struct Renderer {
    plan: Arc<Plan>,
    summaries: SummaryReader,
    mailbox: Arc<Mailbox>,
    names: FlagNames,
    flagged: Flagged,
    /// What is left, first place first.
    ranges: std::vec::IntoIter<(u32, u32)>,
    range: Option<(u32, u32)>,
    current: Option<Current>,
    failed: Vec<Failed>,
}

/// The message that is being written.
struct Current {
    message: MessageRef,
    summary: Option<Summary>,
    with_flags: bool,
    /// The next item.
    item: usize,
    /// What is left of the item's literal.
    stream: Stream,
    /// Where the message begins in the buffer, as long as nothing of it was sent.
    begin: Option<usize>,
}

impl Plan {
    /// `with_mod_seq`: MODSEQ stands beside FLAGS (CONDSTORE).
    pub(super) fn new(cmd: &Fetch, dialect: Dialect, recent: NumberSet, with_mod_seq: bool) -> Self {
        let mut items = cmd.items.clone();
        let wants_mod_seq =
            cmd.modifiers.changed_since.is_some() || with_mod_seq && items.contains(&FetchItem::Flags);
        if wants_mod_seq && !items.contains(&FetchItem::ModSeq) {
            items.insert(0, FetchItem::ModSeq);
        }
        if cmd.uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        let mut items_with_flags = items.clone();
        if !items.contains(&FetchItem::Flags) {
            items_with_flags.insert(usize::from(items[0] == FetchItem::Uid), FetchItem::Flags);
        }
        if with_mod_seq && !items_with_flags.contains(&FetchItem::ModSeq) {
            items_with_flags.insert(usize::from(items[0] == FetchItem::Uid), FetchItem::ModSeq);
        }
        Self { items, items_with_flags, dialect, recent, slice: None, old_dates: false }
    }

    /// Whether everything stands in the mailbox's pages: nothing is opened, nothing blocks.
    fn is_cheap(&self) -> bool {
        self.items.iter().all(|item| {
            use FetchItem::{Flags, InternalDate, ModSeq, Rfc822Size, Uid};
            matches!(item, Flags | InternalDate | ModSeq | Rfc822Size | Uid)
        })
    }

    /// Whether it takes no more of a message than its summary, and what stands in the mailbox's pages.
    fn is_of_summaries(&self) -> bool {
        self.items.iter().all(|item| {
            use FetchItem::{Body, BodyStructure, Envelope, Flags, InternalDate, ModSeq, Rfc822Size, Uid};
            matches!(item, Body | BodyStructure | Envelope | Flags | InternalDate | ModSeq | Rfc822Size | Uid)
        })
    }

    /// Whether it takes no more of a message than its octets, all of them.
    fn is_whole(&self) -> bool {
        self.items.iter().all(|item| {
            use FetchItem::{Flags, InternalDate, ModSeq, Rfc822, Rfc822Peek, Rfc822Size, Section, Uid};
            match item {
                Section { section, .. } => section.part.is_empty() && section.text.is_none(),
                _ => matches!(item, Flags | InternalDate | ModSeq | Rfc822 | Rfc822Peek | Rfc822Size | Uid),
            }
        })
    }

    fn items(&self, with_flags: bool) -> &[FetchItem] {
        if with_flags { &self.items_with_flags } else { &self.items }
    }
}

/// The messages at `first..=last`.
pub(super) fn messages(mailbox: &Mailbox, first: u32, last: u32) -> impl Iterator<Item = MessageRef> + '_ {
    let count = (last - first).saturating_add(1) as usize;
    mailbox.iter_from(SeqNum::new(first).unwrap_or(SeqNum::MIN)).take(count)
}

impl Renderer {
    pub(super) fn new(
        plan: Arc<Plan>,
        account: Account,
        snapshot: Arc<Snapshot>,
        mailbox: Arc<Mailbox>,
        places: NumberSet,
        flagged: Flagged,
    ) -> Self {
        let names = flagged.told.names(&mailbox, plan.dialect);
        let mut ranges = places.ranges().to_vec().into_iter();
        let range = ranges.next();
        let summaries = account.summaries(&snapshot);
        let (current, failed) = (None, Vec::new());
        Self { plan, summaries, mailbox, names, flagged, ranges, range, current, failed }
    }

    /// Whether everything is written.
    pub(super) fn is_done(&self) -> bool {
        self.range.is_none() && self.current.is_none()
    }

    /// Whether rendering blocks for nothing: what it takes is in memory already, or one message or a few summaries that
    /// the system has in memory, and that are read here.
    pub(super) fn is_at_hand(&mut self) -> bool {
        if self.plan.is_cheap() {
            return true;
        }
        if self.plan.is_of_summaries() {
            let few = self.few();
            return few.is_some_and(|few| self.summaries.summaries_now(&few));
        }
        let (Some((first, last)), []) = (self.range, self.ranges.as_slice()) else { return false };
        let message = SeqNum::new(first).and_then(|place| self.mailbox.at(place));
        let Some(message) = message.filter(|_| first == last && self.plan.is_whole()) else { return false };
        self.summaries.read_now(&message)
    }

    /// The messages, if they are few.
    fn few(&self) -> Option<Vec<MessageRef>> {
        let ranges = self.range.iter().chain(self.ranges.as_slice());
        let mut few = Vec::new();
        for &(first, last) in ranges {
            if few.len() + (last - first) as usize >= AT_HAND_MAX {
                return None;
            }
            few.extend(messages(&self.mailbox, first, last));
        }
        Some(few)
    }

    /// Which messages could not be served.
    pub(super) fn into_failed(self) -> Vec<Failed> {
        self.failed
    }

    /// Writes on until `out` has at least `octets` octets or everything is written. Blocking unless it is
    /// [at hand](Self::is_at_hand).
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, octets: usize) -> Result<(), Halt> {
        if let Some(mut current) = self.current.take() {
            // The buffer was sent since: nothing of this message can be taken back.
            current.begin = None;
            self.write_message(current, out, octets)?;
        }
        let mailbox = Arc::clone(&self.mailbox);
        while let Some((first, last)) = self.range {
            for message in messages(&mailbox, first, last) {
                if self.current.is_some() || out.len() >= octets {
                    return Ok(());
                }
                let next = message.seq_num.get() + 1;
                self.range = if next <= last { Some((next, last)) } else { self.ranges.next() };
                let wanted = if self.range.is_some() { octets - out.len() } else { 0 };
                self.summaries.want(wanted);
                let with_flags = self.flagged.seen.contains(message.uid.get());
                let begin = Some(out.len());
                let current =
                    Current { message, summary: None, with_flags, item: 0, stream: Stream::EMPTY, begin };
                self.write_message(current, out, octets)?;
            }
            if self.range.is_some_and(|(_, end)| end == last) {
                self.range = self.ranges.next();
            }
        }
        Ok(())
    }

    /// Writes a message, or what is left of it; keeps it where `out` gets full before its end.
    fn write_message(&mut self, mut current: Current, out: &mut Vec<u8>, octets: usize) -> Result<(), Halt> {
        let plan = Arc::clone(&self.plan);
        let items = plan.items(current.with_flags);
        loop {
            while !current.stream.is_empty() {
                if out.len() >= octets {
                    self.current = Some(current);
                    return Ok(());
                }
                let Current { message, stream, .. } = &mut current;
                let written = stream.write_more(out, |start, end| self.read(message, start, end));
                written.map_err(|error| Halt::Broken(error.to_string()))?;
            }
            let Some(item) = items.get(current.item) else {
                FetchWriter::resume(out, plan.dialect).end();
                return Ok(());
            };
            if let Err(failure) = self.write_item(&mut current, item, out) {
                return self.give_up(current, failure, out);
            }
            current.item += 1;
        }
    }

    /// Takes back what was written of a message that cannot be served.
    fn give_up(&mut self, current: Current, failure: Failure, out: &mut Vec<u8>) -> Result<(), Halt> {
        let code = match failure {
            Failure::UnknownEncoding => Code::UnknownCte,
            Failure::Store(error) => match Halt::from(error) {
                Halt::Refused(refusal) => refusal.code.unwrap_or(Code::ServerBug),
                halt => return Err(halt),
            },
        };
        let Some(begin) = current.begin else {
            return Err(Halt::Broken(format!("the message with UID {} cannot be read", current.message.uid)));
        };
        out.truncate(begin);
        self.failed.push((current.message.uid, code));
        Ok(())
    }

    /// Writes one item; of a large literal only its beginning. What can fail comes before the first octet.
    fn write_item(
        &mut self,
        current: &mut Current,
        item: &FetchItem,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let dialect = self.plan.dialect;
        let begins = current.item == 0;
        let place = current.message.seq_num;
        let begin = |out| {
            if begins { FetchWriter::begin(out, dialect, place) } else { FetchWriter::resume(out, dialect) }
        };
        match item {
            FetchItem::Flags => {
                let recent = self.plan.recent.contains(current.message.uid.get());
                let told = self.flagged.told.flags(&current.message);
                begin(out).flags(self.names.of(told.as_ref().unwrap_or(&current.message.flags), recent));
            }
            FetchItem::Uid => begin(out).uid(current.message.uid),
            FetchItem::InternalDate if self.plan.old_dates => {
                let mut value = Vec::new();
                current.message.internal_date.write_old(&mut value);
                begin(out).rendered("INTERNALDATE", &value);
            }
            FetchItem::InternalDate => begin(out).internal_date(current.message.internal_date),
            FetchItem::Rfc822Size => begin(out).rfc822_size(current.message.size_octets),
            FetchItem::Envelope | FetchItem::Body | FetchItem::BodyStructure => {
                let mut value = Vec::new();
                let summary = self.summary(current)?;
                let name = match item {
                    FetchItem::Envelope => {
                        summary.write_envelope(&mut value, dialect);
                        "ENVELOPE"
                    }
                    FetchItem::Body => {
                        summary.write_body(&mut value, dialect);
                        "BODY"
                    }
                    _ => {
                        summary.write_body_structure(&mut value, dialect);
                        "BODYSTRUCTURE"
                    }
                };
                begin(out).rendered(name, &value);
            }
            FetchItem::BinarySize { part } => {
                let size = binary_size(&mut Reading { renderer: self, current }, part)?.unwrap_or(0);
                let name = format!("BINARY.SIZE[{}]", dotted(part));
                begin(out).rendered(&name, size.to_string().as_bytes());
            }
            FetchItem::ModSeq => {
                let told = self.flagged.told.message(&current.message);
                begin(out).mod_seq(told.map_or(current.message.mod_seq, |told| told.mod_seq));
            }
            // Not done yet: the command was refused.
            FetchItem::EmailId
            | FetchItem::ThreadId
            | FetchItem::SaveDate
            | FetchItem::Preview { .. }
            | FetchItem::Annotation(_)
            | FetchItem::GmailMessageId
            | FetchItem::GmailThreadId
            | FetchItem::GmailLabels => {}
            FetchItem::Rfc822
            | FetchItem::Rfc822Peek
            | FetchItem::Rfc822TextPeek
            | FetchItem::Rfc822HeaderLines { .. }
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text
            | FetchItem::Section { .. }
            | FetchItem::Binary { .. } => {
                let found = octets(&mut Reading { renderer: self, current }, item)?;
                let found = cut(found, self.plan.slice);
                let (first, total, rest) = match found {
                    Octets::Range(start, end) => {
                        let first_end = end.min(start + READ_OCTETS);
                        let first = self.read(&current.message, start, first_end)?;
                        (Some(first), end - start, Stream::Stored(first_end..end))
                    }
                    Octets::Ready(octets) => {
                        let total = octets.len() as u64;
                        (Some(octets), total, Stream::EMPTY)
                    }
                    Octets::Made(made) => {
                        let total = made.wanted.end - made.wanted.start;
                        (Some(Bytes::new()), total, Stream::made(made))
                    }
                    Octets::Missing => (None, 0, Stream::EMPTY),
                };
                write_literal(&mut begin(out), item, first.as_ref(), total);
                current.stream = rest;
            }
        }
        Ok(())
    }

    fn summary<'a>(&mut self, current: &'a mut Current) -> Result<&'a Summary, StoreError> {
        if current.summary.is_none() {
            current.summary = Some(self.summaries.summary(&current.message)?);
        }
        Ok(current.summary.as_ref().expect("it was just read"))
    }

    /// Exactly these octets: a body that is shorter than it should be is damaged.
    fn read(&self, message: &MessageRef, start: u64, end: u64) -> Result<Bytes, StoreError> {
        if start >= end {
            return Ok(Bytes::new());
        }
        let octets = self.summaries.read(message, start..end)?;
        if octets.len() as u64 != end - start {
            return Err(StoreError::Damaged { what: format!("the message with UID {}", message.uid) });
        }
        Ok(octets)
    }
}

/// Writes an item's name, the head of its literal and the octets that are there already; `None` is NIL.
fn write_literal(writer: &mut FetchWriter<'_>, item: &FetchItem, first: Option<&Bytes>, total: u64) {
    let plain = |writer: &mut FetchWriter<'_>, name: &str, binary: bool| match first {
        Some(_) => writer.named_literal(name, total, binary),
        None => writer.rendered(name, b"NIL"),
    };
    match item {
        FetchItem::Section { section, partial, .. } => match first {
            Some(_) => writer.section_literal(section, *partial, total),
            None => writer.section_nil(section, *partial),
        },
        FetchItem::Binary { part, partial, .. } => {
            let origin = partial.map_or_else(String::new, |partial| format!("<{}>", partial.start));
            let has_nul =
                first.is_some_and(|first| (first.len() as u64) < total || memchr::memchr(0, first).is_some());
            plain(writer, &format!("BINARY[{}]{origin}", dotted(part)), has_nul);
        }
        FetchItem::Rfc822Header | FetchItem::Rfc822HeaderLines { .. } => {
            plain(writer, "RFC822.HEADER", false);
        }
        FetchItem::Rfc822Text | FetchItem::Rfc822TextPeek => plain(writer, "RFC822.TEXT", false),
        _ => plain(writer, "RFC822", false),
    }
    if let Some(first) = first {
        writer.buffer().extend_from_slice(first);
    }
}

fn dotted(part: &[u32]) -> String {
    part.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// The current message as [`super::section`] sees it.
struct Reading<'a> {
    renderer: &'a mut Renderer,
    current: &'a mut Current,
}

impl Opened for Reading<'_> {
    fn message(&self) -> &MessageRef {
        &self.current.message
    }

    fn summary(&mut self) -> Result<&Summary, StoreError> {
        self.renderer.summary(self.current)
    }

    fn read(&self, start: u64, end: u64) -> Result<Bytes, StoreError> {
        self.renderer.read(&self.current.message, start, end)
    }
}
