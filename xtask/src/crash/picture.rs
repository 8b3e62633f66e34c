//! [`Picture`]: the mailboxes of one client, as it must find them, and as it finds them.

use std::collections::{BTreeMap, BTreeSet};

use crate::load::random::Random;
use crate::load::{Connection, Failure};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// `None`: the server has chosen it, and nobody was told.
    pub(super) uid: Option<u32>,
    /// Its octets follow from it.
    pub(super) id: u64,
    pub(super) flags: BTreeSet<String>,
}

/// One mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// `None`: as for UIDs.
    pub(super) validity: Option<u32>,
    /// In the order of their UIDs.
    pub(super) messages: Vec<Message>,
    /// No message that comes has a UID of this or below.
    pub(super) uid_floor: u32,
}

/// Mailboxes by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Picture(pub(super) BTreeMap<String, Mailbox>);

impl Picture {
    /// What the server has below `prefix`, every octet of every message looked at.
    pub(super) fn read(connection: &mut Connection, prefix: &str) -> Result<Self, Failure> {
        let listed = text(connection.ok(&format!("LIST \"\" {prefix}*"))?);
        let names: Vec<String> = listed
            .lines()
            .filter(|line| line.starts_with("* LIST") && !line.contains("\\NonExistent"))
            .filter_map(|line| Some(line.rsplit_once(' ')?.1.trim_matches('"').to_owned()))
            .collect();
        let mut found = BTreeMap::new();
        for name in names {
            let opening = text(connection.ok(&format!("EXAMINE {name}"))?);
            let number =
                |code: &str| opening.split_once(code)?.1.split_once(']')?.0.trim().parse::<u32>().ok();
            let validity = number("[UIDVALIDITY");
            let next = number("[UIDNEXT").ok_or("no UIDNEXT")?;
            let fetched = connection.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])")?;
            let messages = read_messages(&fetched).map_err(|reason| format!("{name}: {reason}"))?;
            found.insert(name, Mailbox { validity, messages, uid_floor: next - 1 });
        }
        Ok(Self(found))
    }

    /// Whether `found` is this, where the unknown numbers are taken as they come: the first difference.
    pub(super) fn differs(&self, found: &Self) -> Option<String> {
        let (expected, there): (BTreeSet<_>, BTreeSet<_>) =
            (self.0.keys().collect(), found.0.keys().collect());
        if expected != there {
            return Some(format!("mailboxes {expected:?}, found {there:?}"));
        }
        self.0.iter().find_map(|(name, mailbox)| {
            mailbox.differs(&found.0[name]).map(|difference| format!("{name}: {difference}"))
        })
    }
}

impl Mailbox {
    fn differs(&self, found: &Self) -> Option<String> {
        if self.validity.is_some() && self.validity != found.validity {
            return Some(format!("UIDVALIDITY {:?}, found {:?}", self.validity, found.validity));
        }
        if found.uid_floor < self.uid_floor {
            return Some(format!(
                "UIDs up to {} were given, UIDNEXT is {}",
                self.uid_floor,
                found.uid_floor + 1
            ));
        }
        if self.messages.len() != found.messages.len() {
            let ids = |mailbox: &Self| mailbox.messages.iter().map(|it| (it.uid, it.id)).collect::<Vec<_>>();
            return Some(format!("messages {:?}, found {:?}", ids(self), ids(found)));
        }
        self.messages.iter().zip(&found.messages).find_map(|(expected, there)| {
            let is_same_uid = match expected.uid {
                Some(_) => expected.uid == there.uid,
                None => there.uid > Some(self.uid_floor),
            };
            let is_same = is_same_uid && expected.id == there.id && expected.flags == there.flags;
            (!is_same).then(|| format!("{expected:?}, found {there:?} (UIDs above {})", self.uid_floor))
        })
    }
}

/// The octets of a message: all from its id, so that nothing has to be remembered.
pub(super) fn octets(id: u64) -> Vec<u8> {
    let mut random = Random::new(id);
    let lines = match random.below(20) {
        0 => 5_000,
        1..=4 => 300,
        _ => 5,
    };
    let mut text = format!("Subject: {id}\r\nMessage-ID: <{id}@crash>\r\n\r\n");
    for _ in 0..lines {
        text += &format!("{:016x} {:016x} {:016x}\r\n", random.next(), random.next(), random.next());
    }
    text.into_bytes()
}

/// The messages of a FETCH answer with UID, FLAGS and one literal each, which must be what [`octets`] makes.
pub(super) fn read_messages(mut data: &[u8]) -> Result<Vec<Message>, Failure> {
    let mut messages = Vec::new();
    while let Some(end) = memchr::memmem::find(data, b"\r\n") {
        let line = std::str::from_utf8(&data[..end]).map_err(|_| "a line is no text")?;
        data = &data[end + 2..];
        let Some(octets_there) =
            line.strip_suffix('}').and_then(|line| line.rsplit_once('{')?.1.parse().ok())
        else {
            continue;
        };
        let (literal, rest) = data.split_at_checked(octets_there).ok_or("a literal is cut")?;
        let end = memchr::memmem::find(rest, b"\r\n").ok_or("a response is cut")?;
        // Items stand before the literal or behind it.
        let items = format!("{line} {}", String::from_utf8_lossy(&rest[..end]));
        data = &rest[end + 2..];
        let uid = items
            .split_once("UID ")
            .and_then(|(_, rest)| rest.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok());
        let flags = items.split_once("FLAGS (").and_then(|(_, rest)| Some(rest.split_once(')')?.0));
        let flags = flags.ok_or_else(|| format!("no FLAGS in {items}"))?.split_whitespace();
        let subject =
            literal.strip_prefix(b"Subject: ").and_then(|rest| rest.split(|it| *it == b'\r').next());
        let id = subject.and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
        let id: u64 = id.ok_or_else(|| format!("{uid:?} is no message of ours"))?;
        if literal != octets(id) {
            return Err(format!("the octets of message {id} have changed"));
        }
        let flags = flags.filter(|flag| *flag != "\\Recent").map(str::to_owned).collect();
        messages.push(Message { uid, id, flags });
    }
    Ok(messages)
}

pub(super) fn text(data: Vec<u8>) -> String {
    String::from_utf8_lossy(&data).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_is_read_and_a_changed_octet_is_found() {
        let body = octets(7);
        let mut answer =
            format!("* 1 FETCH (UID 9 FLAGS (\\Seen \\Recent) BODY[] {{{}}}\r\n", body.len()).into_bytes();
        answer.extend_from_slice(&body);
        answer.extend_from_slice(b")\r\n");
        let flags = BTreeSet::from(["\\Seen".to_owned()]);
        assert_eq!(read_messages(&answer), Ok(vec![Message { uid: Some(9), id: 7, flags }]));
        let at = answer.len() - 10;
        answer[at] ^= 1;
        assert_eq!(read_messages(&answer), Err("the octets of message 7 have changed".to_owned()));
    }

    #[test]
    fn unknown_uids_have_to_be_above_all_that_were_given() {
        let message = |uid, id| Message { uid, id, flags: BTreeSet::new() };
        let mailbox = |messages, uid_floor| Mailbox { validity: Some(1), messages, uid_floor };
        let expected = mailbox(vec![message(Some(3), 1), message(None, 2)], 5);
        assert_eq!(expected.differs(&mailbox(vec![message(Some(3), 1), message(Some(6), 2)], 6)), None);
        assert!(expected.differs(&mailbox(vec![message(Some(3), 1), message(Some(5), 2)], 6)).is_some());
        assert!(expected.differs(&mailbox(vec![message(Some(3), 1)], 6)).is_some());
        assert!(mailbox(vec![], 5).differs(&mailbox(vec![], 4)).is_some());
    }
}
