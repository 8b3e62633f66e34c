//! What the grammar has and this server does not do (yet): such a command is answered with BAD, as one that is not
//! known. A line goes from here when its extension works wholly; then its capability is announced.

use imap_proto::command::{Command, StatusItem};
use imap_proto::types::SearchKey;

/// What a command asks for that is not done here; `None`: all of it is.
pub(crate) fn missing(command: &Command) -> Option<&'static str> {
    match command {
        Command::Search(search) if search.options.is_some() => Some("RETURN"),
        Command::Search(search) => missing_key(&search.key),
        Command::Status(status) => status.items.iter().copied().find_map(missing_status_item),
        _ => None,
    }
}

fn missing_status_item(item: StatusItem) -> Option<&'static str> {
    match item {
        StatusItem::Messages
        | StatusItem::Recent
        | StatusItem::UidNext
        | StatusItem::UidValidity
        | StatusItem::Unseen
        | StatusItem::Deleted
        | StatusItem::Size => None,
        StatusItem::HighestModSeq
        | StatusItem::MailboxId
        | StatusItem::AppendLimit
        | StatusItem::DeletedStorage => Some(item.as_str()),
    }
}

/// The first key that is not done. An explicit stack is not needed: the parser bounds the depth.
fn missing_key(key: &SearchKey) -> Option<&'static str> {
    match key {
        SearchKey::Not(key) => missing_key(key),
        SearchKey::Or(one, other) => missing_key(one).or_else(|| missing_key(other)),
        SearchKey::And(keys) => keys.iter().find_map(missing_key),
        SearchKey::Older(_) => Some("OLDER"),
        SearchKey::Younger(_) => Some("YOUNGER"),
        SearchKey::ModSeq { .. } => Some("MODSEQ"),
        SearchKey::SavedBefore(_)
        | SearchKey::SavedOn(_)
        | SearchKey::SavedSince(_)
        | SearchKey::SaveDateSupported => Some("SAVEDATE"),
        SearchKey::EmailId(_) | SearchKey::ThreadId(_) => Some("OBJECTID"),
        SearchKey::Fuzzy(_) => Some("FUZZY"),
        SearchKey::Filter(_) => Some("FILTER"),
        SearchKey::Annotation(_) => Some("ANNOTATION"),
        SearchKey::UidAfter(_) | SearchKey::UidBefore(_) => Some("MESSAGELIMIT"),
        SearchKey::GmailRaw(_)
        | SearchKey::GmailLabel(_)
        | SearchKey::GmailMessageId(_)
        | SearchKey::GmailThreadId(_) => Some("X-GM-EXT-1"),
        SearchKey::All
        | SearchKey::Flag(_)
        | SearchKey::Recent
        | SearchKey::Keyword(_)
        | SearchKey::SequenceSet(_)
        | SearchKey::Uid(_)
        | SearchKey::Before(_)
        | SearchKey::On(_)
        | SearchKey::Since(_)
        | SearchKey::SentBefore(_)
        | SearchKey::SentOn(_)
        | SearchKey::SentSince(_)
        | SearchKey::Larger(_)
        | SearchKey::Smaller(_)
        | SearchKey::Header(..)
        | SearchKey::Body(_)
        | SearchKey::Text(_) => None,
    }
}
