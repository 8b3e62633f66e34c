//! Names of mailboxes: [`WireMailbox`] is what stood on the wire, [`MailboxName`] is what it means.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::modified_utf7;

/// A mailbox argument as it came, before it is known in which form it is written.
///
/// Kept apart from [`MailboxName`] since a bad name is refused with `NO [CANNOT]`, not with BAD.
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
        let bad = |reason| Err(BadMailboxName { reason });
        if name.is_empty() {
            return bad("A mailbox name is not empty");
        }
        if name.len() > Self::MAX_OCTETS {
            return bad("The mailbox name is too long");
        }
        if name.split(Self::DELIMITER).any(str::is_empty) {
            return bad("A level of the mailbox name is empty");
        }
        if name.chars().any(is_control) {
            return bad("A mailbox name has no control characters");
        }
        if name.contains(['%', '*']) {
            return bad("A mailbox name has no % and no *");
        }
        Ok(Self(with_canonical_inbox(name).into()))
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
        match form {
            NameForm::ModifiedUtf7 => modified_utf7::encode(&self.0),
            NameForm::Utf8 => self.0.as_bytes().to_vec(),
        }
    }
}

impl WireMailbox {
    /// What the argument means in a session that writes names in `form`.
    ///
    /// Strict: modified UTF-7 that does not encode back to the same octets is refused. In the UTF-7
    /// form, raw UTF-8 (which many clients send) is refused too. A trailing `/` is taken off: clients
    /// write it to say that the name will have children (RFC 9051 §6.3.4).
    pub fn decode(&self, form: NameForm) -> Result<MailboxName, BadMailboxName> {
        let octets = self.0.strip_suffix(b"/").unwrap_or(&self.0);
        match form {
            NameForm::ModifiedUtf7 => match modified_utf7::decode(octets) {
                Some(name) => MailboxName::new(&name),
                None => Err(BadMailboxName { reason: "The mailbox name is not modified UTF-7" }),
            },
            NameForm::Utf8 => match std::str::from_utf8(octets) {
                Ok(name) => MailboxName::new(name),
                Err(_) => Err(BadMailboxName { reason: "The mailbox name is not UTF-8" }),
            },
        }
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Controls, and the two separators that act as line ends (RFC 5198 §2).
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn with_canonical_inbox(name: &str) -> Cow<'_, str> {
    let first = name.split(MailboxName::DELIMITER).next().unwrap_or(name);
    if first.eq_ignore_ascii_case("INBOX") {
        Cow::Owned(format!("INBOX{}", &name[first.len()..]))
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(name: &str, form: NameForm) -> Option<String> {
        WireMailbox(Bytes::copy_from_slice(name.as_bytes())).decode(form).ok().map(|name| name.to_string())
    }

    #[test]
    fn inbox_is_spelled_one_way() {
        for (given, kept) in [
            ("inbox", "INBOX"),
            ("InBox/Sub", "INBOX/Sub"),
            ("INBOX/inbox", "INBOX/inbox"),
            ("inboxes", "inboxes"),
            ("a/inbox", "a/inbox"),
        ] {
            assert_eq!(MailboxName::new(given).expect("a good name").as_str(), kept);
        }
    }

    #[test]
    fn bad_names_are_refused() {
        for bad in
            ["", "/", "/a", "a/", "a//b", "a\r", "a\u{85}", "a%", "*", "a\u{2028}b", &"x".repeat(1_001)]
        {
            assert!(MailboxName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_trailing_delimiter_is_taken_off() {
        assert_eq!(decoded("a/b/", NameForm::ModifiedUtf7).as_deref(), Some("a/b"));
        assert_eq!(decoded("a//", NameForm::Utf8), None);
        assert_eq!(decoded("/", NameForm::Utf8), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_name(text in "([iI]nbox|[ -~]{1,4}|\\PC{1,4})(/(\\PC{1,4}|&))*") {
            if let Ok(name) = MailboxName::new(&text) {
                for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
                    let wire = WireMailbox(name.encode(form).into());
                    prop_assert_eq!(wire.decode(form), Ok(name.clone()));
                }
            }
        }

        #[test]
        fn no_octets_decode_to_a_bad_name(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
                if let Ok(name) = WireMailbox(octets.clone().into()).decode(form) {
                    prop_assert_eq!(MailboxName::new(name.as_str()), Ok(name));
                }
            }
        }
    }

    #[test]
    fn an_ampersand_is_itself_in_utf8_only() {
        assert_eq!(decoded("R&D", NameForm::Utf8).as_deref(), Some("R&D"));
        assert_eq!(decoded("R&D", NameForm::ModifiedUtf7), None);
        assert_eq!(decoded("R&-D", NameForm::ModifiedUtf7).as_deref(), Some("R&D"));
        assert_eq!(decoded("Entw\u{fc}rfe", NameForm::ModifiedUtf7), None);
    }
}
