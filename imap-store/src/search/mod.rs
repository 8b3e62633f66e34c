//! SEARCH, exact: any substring, any charset, over flags, dates, summaries and decoded bodies.

use bytes::Bytes;
use imap_proto::types::{NumberSet, SearchKey};

use crate::StoreError;
use crate::account::{Mailbox, MessageRef};
use crate::message::Summary;

/// What a search must know of the session that asks.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The session's view of the mailbox.
    pub mailbox: &'a Mailbox,
    /// UIDs that are \Recent to the session.
    pub recent: &'a NumberSet,
    /// What `$` means.
    pub saved: &'a NumberSet,
}

/// A search, prepared: strings decoded and folded, sets resolved, cheap keys first.
#[derive(Debug)]
pub struct Query {}

/// The charset is not known; the answer names those in [`charsets`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the charset is not known, or the string is not in it")]
pub struct BadCharset;

/// Gives what costs something, when it is needed. Blocking.
pub trait Source {
    /// The message's summary.
    fn summary(&mut self, message: &MessageRef) -> Result<std::sync::Arc<Summary>, StoreError>;
    /// Octets of the message.
    fn read(&mut self, message: &MessageRef, range: std::ops::Range<u64>) -> Result<Bytes, StoreError>;
}

impl Query {
    /// Prepares a search. `charset` is the command's, `None`: UTF-8 (of which US-ASCII is a part).
    pub fn prepare(key: &SearchKey, charset: Option<&str>, context: Context<'_>) -> Result<Self, BadCharset> {
        let _ = (key, charset, context);
        todo!()
    }
    /// Whether no message has to be opened: neither summary nor body.
    pub fn is_cheap(&self) -> bool {
        todo!()
    }
    /// Whether a message matches. Blocking where the source is asked.
    pub fn matches(
        &self,
        message: &MessageRef,
        context: Context<'_>,
        source: &mut dyn Source,
    ) -> Result<bool, StoreError> {
        let _ = (message, context, source);
        todo!()
    }
}

/// The charsets that SEARCH takes, for BADCHARSET.
pub fn charsets() -> &'static [&'static str] {
    &["US-ASCII", "UTF-8"]
}
