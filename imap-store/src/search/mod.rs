//! SEARCH, exact: any substring, any charset, over flags, dates, summaries and decoded bodies.
//!
//! What a string is compared with:
//! - Case is folded char by char (`fold.rs`); nothing else is normalised, so `ö` does not match `o`, nor
//!   an `o` with a combining mark. (Dovecot's default, i;unicode-casemap, decomposes too; clients type what they see.)
//! - Header fields are unfolded, encoded words (RFC 2047) decoded. HEADER, FROM, SUBJECT look at one field's value;
//!   TEXT at `Name: value` of every field, of the message's header and those of its parts.
//! - Bodies are the `text/*` parts, transfer encoding and charset undone, text/html as people see it (`html.rs`).
//!   Of an attached message its fields and its text parts count as body.
//!
//! Memory is bounded: bodies come in pieces, whatever their length.

mod ascii;
mod charset;
mod date;
mod fold;
mod html;
mod key;
mod subject;
mod text;
mod words;

use bytes::Bytes;
use imap_proto::types::{NumberSet, SearchKey, SeqNum};

use crate::StoreError;
use crate::account::{Flags, Mailbox, MessageRef};
use crate::message::Summary;

pub use charset::charsets;
#[cfg(test)]
pub(crate) use date::parse as day_of;
pub use subject::base_subject;

/// What a search must know of the session that asks.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The session's view of the mailbox.
    pub mailbox: &'a Mailbox,
    /// UIDs that are \Recent to the session.
    pub recent: &'a NumberSet,
    /// What `$` means: UIDs.
    pub saved: &'a NumberSet,
    /// Seconds since 1970, for OLDER and YOUNGER.
    pub now: i64,
}

/// A search, prepared: strings decoded and folded, sets resolved, cheap keys first.
#[derive(Debug)]
pub struct Query {
    key: key::Key,
}

/// The charset is not known; the answer names those in [`charsets`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the charset is not known, or the string is not in it")]
pub struct BadCharset;

/// Gives what costs something, when it is needed. Blocking.
pub trait Source {
    /// The message's summary.
    fn summary(&mut self, message: &MessageRef) -> Result<Summary, StoreError>;
    /// Octets of the message.
    fn read(&mut self, message: &MessageRef, range: std::ops::Range<u64>) -> Result<Bytes, StoreError>;
}

/// The text of a string that consists of encoded words (RFC 2047) and nothing else; `None`: it does not.
pub fn decode_words(octets: &[u8]) -> Option<String> {
    words::is_nothing_else(octets).then(|| words::decode(octets).into_owned())
}

impl Query {
    /// Prepares a search. `charset` is the command's, `None`: UTF-8 (of which US-ASCII is a part).
    pub fn prepare(key: &SearchKey, charset: Option<&str>, context: Context<'_>) -> Result<Self, BadCharset> {
        let charset = charset::Charset::named(charset)?;
        Ok(Self { key: key::Key::prepare(key, charset, &key::View::with_highest(context))? })
    }

    /// Whether no message has to be opened: neither summary nor body.
    pub fn is_cheap(&self) -> bool {
        self.key.cost() == key::Cost::Flags
    }

    /// The places of those of the `count` messages from `first` on that match, where the messages' flags decide and nothing
    /// else of them: that costs next to nothing. `None` where more has to be looked at, by [`Self::matches`].
    pub fn places_by_flags(&self, mailbox: &Mailbox, first: SeqNum, count: u32) -> Option<NumberSet> {
        let matches = |flags: &Flags| self.key.matches_flags(flags, mailbox.keywords());
        self.key.is_of_flags().then(|| mailbox.places_where(first, count, matches))
    }

    /// Whether a message matches. Blocking where the source is asked.
    pub fn matches(
        &self,
        message: &MessageRef,
        context: Context<'_>,
        source: &mut dyn Source,
    ) -> Result<bool, StoreError> {
        self.key.matches(message, &key::View::of(context), source)
    }
}

#[cfg(test)]
mod tests;
