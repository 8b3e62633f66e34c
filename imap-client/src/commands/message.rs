//! SEARCH, STORE, COPY, MOVE, EXPUNGE, and [`Messages`]: which messages.

use std::num::NonZeroU32;

use imap_proto::command::{Command, CopyMove, FlagAction, Search, Store, StoreData, UidExpunge};
use imap_proto::response::{Code, Response};
use imap_proto::types::{
    Flag, MailboxName, NumberRanges, NumberSet, SearchKey, SeqNum, SequenceSet, SetEnd, SetRanges,
    SystemFlag, Uid, UidValidity,
};

use super::fetch::Message;
use super::wire;
use crate::{Connection, Error, Result};

/// Which messages of the selected mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Messages {
    /// By UID: what does not exist is passed over.
    Uids(SequenceSet),
    /// By sequence number.
    SeqNums(SequenceSet),
}

impl Messages {
    /// All of them.
    pub fn all() -> Self {
        Self::Uids(SequenceSet::from((SetEnd::Number(NonZeroU32::MIN), SetEnd::Star)))
    }

    /// One, by UID.
    pub fn uid(uid: Uid) -> Self {
        let end = SetEnd::Number(NonZeroU32::MIN.saturating_add(uid.get() - 1));
        Self::Uids(SequenceSet::from((end, end)))
    }

    /// Those with these UIDs; `None` where the set is empty, for which there is no command.
    pub fn uids(uids: &NumberSet) -> Option<Self> {
        ranges(uids).map(Self::Uids)
    }

    /// Those with these sequence numbers; `None` where the set is empty.
    pub fn seq_nums(seq_nums: &NumberSet) -> Option<Self> {
        ranges(seq_nums).map(Self::SeqNums)
    }

    pub(super) fn parts(self) -> (bool, SequenceSet) {
        match self {
            Self::Uids(set) => (true, set),
            Self::SeqNums(set) => (false, set),
        }
    }
}

fn ranges(numbers: &NumberSet) -> Option<SequenceSet> {
    let end = |number| NonZeroU32::new(number).map(SetEnd::Number);
    let ranges: SetRanges = numbers
        .ranges()
        .iter()
        .filter_map(|(first, last)| Some((end((*first).max(1))?, end(*last)?)))
        .collect();
    (!ranges.is_empty()).then_some(SequenceSet::Ranges(ranges))
}

/// Where copied messages are now (RFC 4315, COPYUID): the n-th of one is the n-th of the other, in the order of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What the new UIDs are valid under.
    pub uid_validity: UidValidity,
    /// The UIDs in the selected mailbox.
    pub from: NumberRanges,
    /// The UIDs in the target.
    pub to: NumberRanges,
}

impl Connection {
    /// SEARCH: the sequence numbers of the messages that match, in the order of the server.
    pub async fn search(&self, key: SearchKey) -> Result<Vec<SeqNum>> {
        let found = self.search_numbers(false, key).await?;
        Ok(found.into_iter().filter_map(SeqNum::new).collect())
    }

    /// UID SEARCH: the UIDs of the messages that match, in the order of the server.
    pub async fn uid_search(&self, key: SearchKey) -> Result<Vec<Uid>> {
        let found = self.search_numbers(true, key).await?;
        Ok(found.into_iter().filter_map(Uid::new).collect())
    }

    async fn search_numbers(&self, uid: bool, key: SearchKey) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        let charset = has_8_bit(&key).then(|| "UTF-8".to_owned());
        self.run_with(Command::Search(Search { uid, options: None, charset, key }), |response| {
            if let Response::Search(told) = response {
                // Some servers answer in several lines.
                found.extend(told.numbers);
            }
        })
        .await?;
        Ok(found)
    }

    /// STORE: changes flags, and gives the messages with the flags that they have now.
    pub async fn store(
        &self,
        messages: Messages,
        action: FlagAction,
        flags: impl IntoIterator<Item = Flag>,
    ) -> Result<Vec<Message>> {
        let mut changed = Vec::new();
        self.run_with(store(messages, action, false, flags), |response| {
            if let Response::Fetch { seq_num, attributes } = response {
                changed.push(Message { seq_num, attributes });
            }
        })
        .await?;
        Ok(changed)
    }

    /// STORE .SILENT: changes flags and does not want to hear of it.
    pub async fn store_silent(
        &self,
        messages: Messages,
        action: FlagAction,
        flags: impl IntoIterator<Item = Flag>,
    ) -> Result<()> {
        self.run(store(messages, action, true, flags)).await.map(drop)
    }

    /// COPY: all or nothing (RFC 9051 §6.4.7). `None` where the server does not say where they are now.
    pub async fn copy(&self, messages: Messages, to: &MailboxName) -> Result<Option<Copied>> {
        let (uid, set) = messages.parts();
        self.copy_or_move(Command::Copy(CopyMove { uid, set, mailbox: wire(to) })).await
    }

    /// MOVE (RFC 9051 §6.4.8).
    ///
    /// Where the server has none: COPY, then \Deleted and UID EXPUNGE, which needs UIDs and UIDPLUS, since a plain
    /// EXPUNGE would take other messages along. If that is cut short the messages are in both mailboxes, never in none.
    pub async fn move_to(&self, messages: Messages, to: &MailboxName) -> Result<Option<Copied>> {
        let capabilities = self.capabilities();
        if capabilities.has("MOVE") || capabilities.has("IMAP4rev2") {
            let (uid, set) = messages.parts();
            return self.copy_or_move(Command::Move(CopyMove { uid, set, mailbox: wire(to) })).await;
        }
        let (true, Messages::Uids(set)) = (capabilities.has("UIDPLUS"), messages) else {
            return Err(Error::Unsupported { what: "MOVE" });
        };
        let copied = self.copy(Messages::Uids(set.clone()), to).await?;
        let deleted = [Flag::System(SystemFlag::Deleted)];
        self.store_silent(Messages::Uids(set.clone()), FlagAction::Add, deleted).await?;
        self.uid_expunge(set).await?;
        Ok(copied)
    }

    async fn copy_or_move(&self, command: Command) -> Result<Option<Copied>> {
        let mut copied = None;
        let mut take = |code| {
            if let Some(Code::CopyUid(uid_validity, from, to)) = code {
                copied = Some(Copied { uid_validity, from, to });
            }
        };
        let code = self
            .run_with(command, |response| {
                if let Response::Status { code, .. } = response {
                    take(code);
                }
            })
            .await?;
        take(code);
        Ok(copied)
    }

    /// EXPUNGE: removes all that is \Deleted for good; gives the sequence numbers in the order of the server, each as it
    /// was after those before it were gone (RFC 9051 §7.5.1).
    pub async fn expunge(&self) -> Result<Vec<SeqNum>> {
        self.run_expunge(Command::Expunge).await
    }

    /// UID EXPUNGE: of what is \Deleted, removes these only.
    pub async fn uid_expunge(&self, set: SequenceSet) -> Result<Vec<SeqNum>> {
        let capabilities = self.capabilities();
        if !capabilities.has("UIDPLUS") && !capabilities.has("IMAP4rev2") {
            return Err(Error::Unsupported { what: "UIDPLUS" });
        }
        self.run_expunge(Command::UidExpunge(UidExpunge { set })).await
    }

    async fn run_expunge(&self, command: Command) -> Result<Vec<SeqNum>> {
        let mut expunged = Vec::new();
        self.run_with(command, |response| {
            if let Response::Expunge(seq_num) = response {
                expunged.push(seq_num);
            }
        })
        .await?;
        Ok(expunged)
    }
}

fn store(
    messages: Messages,
    action: FlagAction,
    silent: bool,
    flags: impl IntoIterator<Item = Flag>,
) -> Command {
    let (uid, set) = messages.parts();
    let data = StoreData::Flags(flags.into_iter().collect());
    Command::Store(Store { uid, set, unchanged_since: None, action, silent, data })
}

/// Whether a string of the key needs a charset to be named. An explicit stack: keys nest as deep as a caller likes.
fn has_8_bit(key: &SearchKey) -> bool {
    let mut keys = vec![key];
    while let Some(key) = keys.pop() {
        let found = match key {
            SearchKey::Header(name, value) => !name.is_ascii() || !value.is_ascii(),
            SearchKey::Body(text) | SearchKey::Text(text) => !text.is_ascii(),
            SearchKey::Not(key) => {
                keys.push(key);
                false
            }
            SearchKey::Or(one, other) => {
                keys.extend([&**one, &**other]);
                false
            }
            SearchKey::And(all) => {
                keys.extend(all);
                false
            }
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_is_named_only_where_it_is_needed() {
        let subject = |text: &str| SearchKey::Header("Subject".into(), text.to_owned().into());
        let deep = |key| SearchKey::Or(Box::new(SearchKey::All), Box::new(SearchKey::Not(Box::new(key))));
        for (key, expected) in [
            (SearchKey::All, false),
            (subject("plain"), false),
            (subject("caf\u{e9}"), true),
            (deep(SearchKey::And(vec![SearchKey::Recent, subject("caf\u{e9}")])), true),
            (deep(SearchKey::Body("x".into())), false),
        ] {
            assert_eq!(has_8_bit(&key), expected, "{key:?}");
        }
    }

    #[test]
    fn an_empty_set_is_no_set() {
        assert_eq!(Messages::uids(&NumberSet::new()), None);
        let number = |number| SetEnd::Number(NonZeroU32::new(number).expect("not 0"));
        let uid = Uid::new(7).expect("not 0");
        assert_eq!(Messages::uid(uid), Messages::Uids(SequenceSet::from((number(7), number(7)))));
    }
}
