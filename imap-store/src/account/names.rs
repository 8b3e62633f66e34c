//! The order of names in LIST.

use std::cmp::Ordering;

use imap_proto::types::MailboxName;

/// A name, ordered as LIST shows names: INBOX and what is below it first, then component by component,
/// parents before their children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameKey(pub(super) MailboxName);

impl NameKey {
    fn components(&self) -> std::str::Split<'_, char> {
        self.0.as_str().split(MailboxName::DELIMITER)
    }

    fn is_outside_inbox(&self) -> bool {
        self.components().next() != Some("INBOX")
    }
}

impl Ord for NameKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.is_outside_inbox()
            .cmp(&other.is_outside_inbox())
            .then_with(|| self.components().cmp(other.components()))
    }
}

impl PartialOrd for NameKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What lies below it is other users' (RFC 2342).
pub(super) const OTHER_USERS: &str = "Other Users";
/// What lies below it is no person's (RFC 2342).
pub(super) const SHARED_FOLDERS: &str = "Shared Folders";

/// Whether a name lies where other users' and shared mailboxes are.
pub(super) fn is_reserved(name: &MailboxName) -> bool {
    let first = name.as_str().split(MailboxName::DELIMITER).next();
    matches!(first, Some(OTHER_USERS | SHARED_FOLDERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NameKey {
        NameKey(MailboxName::new(name).expect("a good name"))
    }

    #[test]
    fn parents_stand_directly_before_their_children() {
        let mut names = ["b", "a-b", "a/c", "a", "INBOX/x", "Archive", "INBOX", "a/c/d", "INBOXES"].map(key);
        names.sort();
        let names: Vec<_> = names.iter().map(|key| key.0.as_str()).collect();
        assert_eq!(names, ["INBOX", "INBOX/x", "Archive", "INBOXES", "a", "a/c", "a/c/d", "a-b", "b"]);
    }
}
