//! Why a command did not end well: [`Refusal`] is said, [`Halt`] is everything.

use std::borrow::Cow;

use imap_proto::response::{Code, Kind, MetadataLimit};
use imap_store::StoreError;

use crate::session::outbox::Gone;

/// A tagged NO or BAD.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// NO or BAD.
    pub(crate) kind: Kind,
    /// For the client's program.
    pub(crate) code: Option<Code>,
    /// For a person.
    pub(crate) text: Cow<'static, str>,
}

/// Why a command ended without OK.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It was refused, and that is said.
    Refused(Refusal),
    /// Whether it was done is unknown: BYE without a tagged answer (RFC 9051 §7.1.5).
    InDoubt(String),
    /// A literal was announced and its octets cannot be had: nothing more can be said on this connection.
    Broken(String),
    /// The peer is gone.
    Gone,
}

impl Refusal {
    /// The request is refused.
    pub(crate) fn no(code: impl Into<Option<Code>>, text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::No, code: code.into(), text: text.into() }
    }

    /// The request makes no sense.
    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Bad, code: None, text: text.into() }
    }

    /// The mailbox that something should go into is not there (RFC 9051 §6.3.12).
    pub(crate) fn try_create() -> Self {
        Self::no(Code::TryCreate, "There is no such mailbox")
    }

    /// There is no such mailbox.
    pub(crate) fn no_mailbox() -> Self {
        Self::no(Code::NonExistent, "There is no such mailbox")
    }

    /// A right is missing, and the user may know it.
    pub(crate) fn no_permission() -> Self {
        Self::no(Code::NoPerm, "You may not do that")
    }

    /// The mailbox was opened by EXAMINE.
    pub(crate) fn read_only() -> Self {
        Self::no(Code::ReadOnly, "The mailbox is open read-only")
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Gone> for Halt {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        let code = match error {
            StoreError::InDoubt { reason } => return Self::InDoubt(reason),
            StoreError::NonExistent { .. } => Code::NonExistent,
            StoreError::AlreadyExists { .. } => Code::AlreadyExists,
            StoreError::NoPerm => return Refusal::no_permission().into(),
            StoreError::Cannot { .. } => Code::Cannot,
            StoreError::HasChildren => Code::HasChildren,
            StoreError::Expunged => Code::ExpungeIssued,
            StoreError::Limit { .. } => Code::Limit,
            StoreError::OverQuota { .. } => Code::OverQuota,
            StoreError::TooBig { .. } => Code::TooBig,
            StoreError::MetadataTooBig { max_octets } => Code::Metadata(MetadataLimit::MaxSize(max_octets)),
            StoreError::MetadataTooMany => Code::Metadata(MetadataLimit::TooMany),
            StoreError::Damaged { what } => {
                tracing::error!(what, "stored data is damaged");
                Code::Corruption
            }
            StoreError::Unavailable { reason } => {
                // The store has said so once, and louder: this is for each command that is refused.
                tracing::debug!(reason, "the store is unavailable");
                return Refusal::no(Code::Unavailable, "The mail store is unavailable, try again later")
                    .into();
            }
            _ => Code::ServerBug,
        };
        Refusal::no(code, capitalized(text)).into()
    }
}

/// For COPY, MOVE and APPEND: a missing target is TRYCREATE.
pub(super) fn into_target(error: StoreError) -> Halt {
    match error {
        StoreError::NonExistent { what: "mailbox" } => Refusal::try_create().into(),
        error => error.into(),
    }
}

fn capitalized(text: String) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: StoreError) -> Option<Code> {
        match Halt::from(error) {
            Halt::Refused(Refusal { kind: Kind::No, code, text }) => {
                assert!(!text.is_empty() && text.is_ascii());
                code
            }
            other => panic!("{other:?}"),
        }
    }

    /// RFC 5530 §3.
    #[test]
    fn each_error_of_the_store_has_its_code() {
        let what = || "a message".to_owned();
        assert_eq!(code(StoreError::NonExistent { what: "mailbox" }), Some(Code::NonExistent));
        assert_eq!(code(StoreError::AlreadyExists { what: "mailbox" }), Some(Code::AlreadyExists));
        assert_eq!(code(StoreError::NoPerm), Some(Code::NoPerm));
        assert_eq!(code(StoreError::HasChildren), Some(Code::HasChildren));
        assert_eq!(code(StoreError::Expunged), Some(Code::ExpungeIssued));
        assert_eq!(code(StoreError::Damaged { what: what() }), Some(Code::Corruption));
        assert_eq!(code(StoreError::Unavailable { reason: "a disk".into() }), Some(Code::Unavailable));
        let resource = imap_store::account::QuotaResource::Storage;
        assert_eq!(code(StoreError::OverQuota { resource, used: 9, limit: 9 }), Some(Code::OverQuota));
        let Halt::InDoubt(_) = Halt::from(StoreError::InDoubt { reason: "a disk".into() }) else {
            panic!("whether it is kept is not known, so that neither OK nor NO is true");
        };
        let Halt::Refused(refusal) = into_target(StoreError::NonExistent { what: "mailbox" }) else {
            panic!("it is refused");
        };
        assert_eq!(refusal.code, Some(Code::TryCreate));
    }
}
