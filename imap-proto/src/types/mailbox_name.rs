//! Names of mailboxes: [`WireMailbox`] is what stood on the wire, [`MailboxName`] is what it means.

use bytes::Bytes;

/// A mailbox argument as it came, before it is known in which form it is written.
///
/// Kept apart from [`MailboxName`] since a bad name is refused with NO [CANNOT], not with BAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireMailbox(pub Bytes);

/// How mailbox names are written in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameForm {
    /// Modified UTF-7 (RFC 3501 §5.1.3): every session that has not enabled something newer.
    ModifiedUtf7,
    /// UTF-8 (RFC 9051 §5.1, RFC 9755 §3).
    Utf8,
}

/// A mailbox's full name in UTF-8, hierarchy separated by `/`.
///
/// 1..=[`MailboxName::MAX_OCTETS`] octets; no component is empty; no control characters, no `%`, no `*`.
/// A first component that is INBOX in any case is spelled `INBOX`. Kept in the normal form that was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Box<str>);

/// Why a name is none: the text is for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadMailboxName {
    /// What is wrong with it, in English.
    pub reason: &'static str,
}

impl MailboxName {
    /// Longer names are refused.
    pub const MAX_OCTETS: usize = 1_000;
    /// What stands between two levels of the hierarchy.
    pub const DELIMITER: char = '/';

    /// INBOX itself.
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// Checks and canonicalises a name that is UTF-8 already.
    pub fn new(name: &str) -> Result<Self, BadMailboxName> {
        let _ = name;
        todo!()
    }

    /// The name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one level up; `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// Whether `self` lies below `ancestor`, at any depth.
    pub fn is_below(&self, ancestor: &Self) -> bool {
        self.0.strip_prefix(&*ancestor.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The octets that stand for the name on the wire, before quoting.
    pub fn encode(&self, form: NameForm) -> Vec<u8> {
        let _ = form;
        todo!()
    }
}

impl WireMailbox {
    /// What the argument means in a session that writes names in `form`.
    ///
    /// Strict: modified UTF-7 that does not encode back to the same octets is refused. In the UTF-7
    /// form, raw UTF-8 (which many clients send) is refused too. A trailing `/` is taken off: clients
    /// write it to say that the name will have children (RFC 9051 §6.3.4).
    pub fn decode(&self, form: NameForm) -> Result<MailboxName, BadMailboxName> {
        let _ = form;
        todo!()
    }
}
