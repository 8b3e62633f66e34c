//! LIST, LSUB, NAMESPACE, STATUS.

use bytes::Bytes;
use imap_proto::command::{Command, List, PlainList, Status, StatusItem};
use imap_proto::response::{ListData, NameAttribute, Response, StatusValue};
use imap_proto::types::{MailboxName, NameForm, WireMailbox};

use super::wire;
use crate::{Connection, Result};

/// A mailbox as LIST tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// In the order of the server.
    pub attributes: Vec<NameAttribute>,
    /// What separates the levels of the name; `None`: it has no levels.
    pub delimiter: Option<u8>,
    /// The name; `None` where the server's octets are no name that we can give back to it.
    pub name: Option<MailboxName>,
    /// The octets of the server, as they came.
    pub wire_name: Bytes,
}

impl ListEntry {
    fn new(data: ListData) -> Self {
        // Small and kept: copied out of the read buffer.
        let wire_name = Bytes::copy_from_slice(&data.name);
        let name = WireMailbox(wire_name.clone()).decode(NameForm::ModifiedUtf7).ok();
        Self { attributes: data.attributes, delimiter: data.delimiter, name, wire_name }
    }

    /// Whether the mailbox can be selected.
    pub fn is_selectable(&self) -> bool {
        !self
            .attributes
            .iter()
            .any(|attribute| matches!(attribute, NameAttribute::NoSelect | NameAttribute::NonExistent))
    }
}

/// What STATUS told of a mailbox: only what was asked for and the server knows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MailboxStatus {
    items: Vec<(StatusItem, u64)>,
}

impl MailboxStatus {
    /// The value of an item, if the server told it.
    pub fn get(&self, item: StatusItem) -> Option<u64> {
        self.items.iter().find(|(told, _)| *told == item).map(|(_, value)| *value)
    }
}

impl Connection {
    /// LIST: the mailboxes whose name matches; in the pattern `*` stands for anything and `%` for anything within one
    /// level (RFC 9051 §6.3.9). Both arguments are in UTF-8.
    pub async fn list(&self, reference: &str, pattern: &str) -> Result<Vec<ListEntry>> {
        let mut entries = Vec::new();
        self.run_with(Command::List(List::new(encode(reference), encode(pattern))), |response| {
            if let Response::List(data) = response {
                entries.push(ListEntry::new(data));
            }
        })
        .await?;
        Ok(entries)
    }

    /// LSUB: the subscribed names that match.
    pub async fn list_subscribed(&self, reference: &str, pattern: &str) -> Result<Vec<ListEntry>> {
        let mut entries = Vec::new();
        self.run_with(
            Command::Lsub(PlainList { reference: encode(reference), pattern: encode(pattern) }),
            |response| {
                if let Response::Lsub(data) = response {
                    entries.push(ListEntry::new(data));
                }
            },
        )
        .await?;
        Ok(entries)
    }

    /// STATUS of a mailbox that need not be selected (RFC 9051 §6.3.11).
    pub async fn status(&self, mailbox: &MailboxName, items: &[StatusItem]) -> Result<MailboxStatus> {
        let mut status = MailboxStatus::default();
        let command = Command::Status(Status { mailbox: wire(mailbox), items: items.to_vec() });
        self.run_with(command, |response| {
            if let Response::StatusData(data) = response {
                let number = |(item, value): (StatusItem, StatusValue)| Some((item, value.number()?));
                status.items = data.items.into_iter().filter_map(number).collect();
            }
        })
        .await?;
        Ok(status)
    }
}

/// A pattern in modified UTF-7, `*` and `%` as they are: no mailbox name has these, so the pieces between them are
/// encoded as names are.
fn encode(pattern: &str) -> Bytes {
    let mut encoded = Vec::new();
    for piece in pattern.split_inclusive(['*', '%', '/']) {
        let (name, sign) = match piece.char_indices().next_back() {
            Some((at, '*' | '%' | '/')) => piece.split_at(at),
            _ => (piece, ""),
        };
        match MailboxName::new(name) {
            // INBOX is a name whatever its case, but a pattern says what it says.
            Ok(_) if name.is_ascii() && !name.contains('&') => encoded.extend_from_slice(name.as_bytes()),
            Ok(valid) => encoded.extend_from_slice(&valid.encode(NameForm::ModifiedUtf7)),
            Err(_) => encoded.extend_from_slice(name.as_bytes()),
        }
        encoded.extend_from_slice(sign.as_bytes());
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_encoded_between_their_signs() {
        for (pattern, expected) in [
            ("", ""),
            ("*", "*"),
            ("inbox/%", "inbox/%"),
            ("Entw\u{fc}rfe/*", "Entw&APw-rfe/*"),
            ("a&b%", "a&-b%"),
            ("\u{53f0}\u{5317}%\u{65e5}", "&U,BTFw-%&ZeU-"),
        ] {
            assert_eq!(encode(pattern), expected, "{pattern}");
        }
    }
}
