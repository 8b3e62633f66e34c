//! The prepared keys: what each asks of a message, and what asking costs.

use imap_proto::types::{Date, Keyword, ModSeq, NumberSet, SearchKey, SeqNum, SequenceSet, SystemFlag};

use crate::StoreError;
use crate::account::{Flags, MessageRef};
use crate::message::first;

use super::charset::Charset;
use super::fold::Needle;
use super::text::Opened;
use super::{BadCharset, Context, Source, date};

/// What of a session's state keys ask for.
pub(super) struct View<'a> {
    pub(super) recent: &'a NumberSet,
    pub(super) saved: &'a NumberSet,
    pub(super) keywords: &'a [Keyword],
    pub(super) now: i64,
    /// The highest sequence number and UID; `None`: the mailbox is empty. Asked for by sets only.
    pub(super) highest: Option<(u32, u32)>,
}

impl<'a> View<'a> {
    /// To look at messages with.
    pub(super) fn of(context: Context<'a>) -> Self {
        let Context { mailbox, recent, saved, now } = context;
        Self { recent, saved, keywords: mailbox.keywords(), now, highest: None }
    }

    /// To prepare a search with: finding what `*` means takes a look into the mailbox.
    pub(super) fn with_highest(context: Context<'a>) -> Self {
        let mailbox = context.mailbox;
        let last = SeqNum::new(mailbox.len()).and_then(|last| mailbox.at(last));
        let highest = last.map(|last| (last.seq_num.get(), last.uid.get()));
        Self { highest, ..Self::of(context) }
    }
}

/// What must be opened to answer, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// Nothing.
    Flags,
    /// The summary.
    Summary,
    /// Perhaps the header.
    Header,
    /// The bodies.
    Body,
}

/// A [`SearchKey`] with its strings decoded and folded, and its sets resolved.
#[derive(Debug)]
pub(super) enum Key {
    All,
    Flag(SystemFlag),
    Recent,
    Keyword(Keyword),
    SeqNum(NumberSet),
    Uid(NumberSet),
    Internal(When, Date),
    Sent(When, Date),
    /// The internal date is at this second or before it.
    NotAfter(i64),
    /// The modification sequence is at least this.
    ModSeq(ModSeq),
    Larger(u64),
    Smaller(u64),
    Header(Vec<u8>, Needle),
    Body(Needle),
    Text(Needle),
    Not(Box<Key>),
    Any(Vec<Key>),
    Every(Vec<Key>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Before,
    On,
    Since,
}

impl When {
    fn holds(self, date: Date, day: Date) -> bool {
        match self {
            Self::Before => date < day,
            Self::On => date == day,
            Self::Since => date >= day,
        }
    }
}

impl Key {
    pub(super) fn prepare(key: &SearchKey, charset: Charset, view: &View<'_>) -> Result<Self, BadCharset> {
        let needle = |octets: &[u8]| charset.decode(octets).map(|text| Needle::new(&text));
        let prepare = |key: &SearchKey| Self::prepare(key, charset, view);
        Ok(match key {
            SearchKey::All => Self::All,
            SearchKey::Flag(flag) => Self::Flag(*flag),
            SearchKey::Recent => Self::Recent,
            SearchKey::Keyword(keyword) => Self::Keyword(keyword.clone()),
            // `$` is kept as UIDs, whatever it is used as.
            SearchKey::SequenceSet(SequenceSet::Saved) => Self::Uid(view.saved.clone()),
            SearchKey::SequenceSet(set) => {
                Self::SeqNum(set.resolve(view.highest.map(|(seq_num, _)| seq_num), view.saved))
            }
            SearchKey::Uid(set) => Self::Uid(set.resolve(view.highest.map(|(_, uid)| uid), view.saved)),
            SearchKey::Before(day) => Self::Internal(When::Before, *day),
            SearchKey::On(day) => Self::Internal(When::On, *day),
            SearchKey::Since(day) => Self::Internal(When::Since, *day),
            SearchKey::SentBefore(day) => Self::Sent(When::Before, *day),
            SearchKey::SentOn(day) => Self::Sent(When::On, *day),
            SearchKey::SentSince(day) => Self::Sent(When::Since, *day),
            SearchKey::Older(seconds) => Self::NotAfter(view.now - i64::from(seconds.get())),
            // YOUNGER is within: the second itself belongs to it (RFC 5032 §3).
            SearchKey::Younger(seconds) => {
                Self::Not(Box::new(Self::NotAfter(view.now - i64::from(seconds.get()) - 1)))
            }
            // One number a message: the entry is ignored (RFC 7162 §3.1.5).
            SearchKey::ModSeq { since, .. } => Self::ModSeq(*since),
            SearchKey::Larger(octets) => Self::Larger(*octets),
            SearchKey::Smaller(octets) => Self::Smaller(*octets),
            SearchKey::Header(name, text) => Self::Header(name.to_vec(), needle(text)?),
            SearchKey::Body(text) => Self::Body(needle(text)?),
            SearchKey::Text(text) => Self::Text(needle(text)?),
            SearchKey::Not(key) => Self::Not(Box::new(prepare(key)?)),
            SearchKey::Or(one, other) => Self::Any(cheap_first([&**one, other].map(prepare).into_iter())?),
            // The keys of extensions that are not done yet: whoever asks has refused them.
            SearchKey::SavedBefore(_)
            | SearchKey::SavedOn(_)
            | SearchKey::SavedSince(_)
            | SearchKey::SaveDateSupported
            | SearchKey::EmailId(_)
            | SearchKey::ThreadId(_)
            | SearchKey::Fuzzy(_)
            | SearchKey::Filter(_)
            | SearchKey::Annotation(_)
            | SearchKey::UidAfter(_)
            | SearchKey::UidBefore(_)
            | SearchKey::GmailRaw(_)
            | SearchKey::GmailLabel(_)
            | SearchKey::GmailMessageId(_)
            | SearchKey::GmailThreadId(_) => Self::Any(Vec::new()),
            SearchKey::And(keys) => Self::Every(cheap_first(keys.iter().map(prepare))?),
        })
    }

    /// What it may have to open.
    pub(super) fn cost(&self) -> Cost {
        match self {
            Self::Sent(..) => Cost::Summary,
            Self::Header(..) => Cost::Header,
            Self::Body(_) | Self::Text(_) => Cost::Body,
            Self::Not(key) => key.cost(),
            Self::Any(keys) | Self::Every(keys) => keys.iter().map(Self::cost).max().unwrap_or(Cost::Flags),
            _ => Cost::Flags,
        }
    }

    /// Whether the flags of a message decide, and nothing else of it.
    pub(super) fn is_of_flags(&self) -> bool {
        match self {
            Self::All | Self::Flag(_) | Self::Keyword(_) => true,
            Self::Not(key) => key.is_of_flags(),
            Self::Any(keys) | Self::Every(keys) => keys.iter().all(Self::is_of_flags),
            _ => false,
        }
    }

    /// Whether it matches a message with these flags, where they [decide](Self::is_of_flags).
    pub(super) fn matches_flags(&self, flags: &Flags, known: &[Keyword]) -> bool {
        match self {
            Self::All => true,
            Self::Flag(flag) => flags.has(*flag),
            Self::Keyword(keyword) => {
                let number = known.iter().position(|known| known == keyword);
                number.is_some_and(|number| flags.keywords().iter().any(|&set| usize::from(set) == number))
            }
            Self::Not(key) => !key.matches_flags(flags, known),
            Self::Any(keys) => keys.iter().any(|key| key.matches_flags(flags, known)),
            Self::Every(keys) => keys.iter().all(|key| key.matches_flags(flags, known)),
            _ => false,
        }
    }

    pub(super) fn matches(
        &self,
        message: &MessageRef,
        view: &View<'_>,
        source: &mut dyn Source,
    ) -> Result<bool, StoreError> {
        Ok(match self {
            Self::All | Self::Flag(_) | Self::Keyword(_) => self.matches_flags(&message.flags, view.keywords),
            Self::Recent => view.recent.contains(message.uid.get()),
            Self::SeqNum(set) => set.contains(message.seq_num.get()),
            Self::Uid(set) => set.contains(message.uid.get()),
            Self::Internal(when, day) => when.holds(message.internal_date.local_date(), *day),
            Self::NotAfter(second) => message.internal_date.seconds() <= *second,
            Self::ModSeq(since) => message.mod_seq >= *since,
            Self::Larger(octets) => message.size_octets > *octets,
            Self::Smaller(octets) => message.size_octets < *octets,
            Self::Not(key) => !key.matches(message, view, source)?,
            Self::Any(keys) => {
                for key in keys {
                    if key.matches(message, view, source)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Every(keys) => {
                for key in keys {
                    if !key.matches(message, view, source)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Sent(..) | Self::Header(..) | Self::Body(_) | Self::Text(_) => {
                self.opens(message, source)?
            }
        })
    }

    /// The keys that look into a message.
    fn opens(&self, message: &MessageRef, source: &mut dyn Source) -> Result<bool, StoreError> {
        let summary = source.summary(message)?;
        let mut opened = Opened { message, summary: &summary, source };
        match self {
            // A message without a date that can be read was sent on no day (as in Cyrus).
            Self::Sent(when, day) => Ok(first(summary.headers(), "Date")
                .and_then(|value| date::parse(&value))
                .is_some_and(|date| when.holds(date, *day))),
            Self::Header(name, needle) => opened.has_in_field(name, needle),
            Self::Body(needle) | Self::Text(needle) if needle.is_empty() => Ok(true),
            Self::Body(needle) => opened.has_in_body(needle),
            Self::Text(needle) => Ok(opened.has_in_headers(needle)? || opened.has_in_body(needle)?),
            _ => Ok(false),
        }
    }
}

/// All keys, in the order of their cost.
fn cheap_first(keys: impl Iterator<Item = Result<Key, BadCharset>>) -> Result<Vec<Key>, BadCharset> {
    let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
    keys.sort_by_key(Key::cost);
    Ok(keys)
}
