//! What the grammar has and this server does not do (yet): such a command is answered with BAD, as one that is not
//! known. A line goes from here when its extension works wholly; then its capability is announced.

use imap_proto::command::{
    Command, Fetch, FetchItem, ListReturn, SearchReturn, Select, Spec, StatusItem, Store, StoreData,
};
use imap_proto::types::SearchKey;

use crate::session::caps;

/// Whether commands of that name are done: the base protocol, what was before it, and what is announced.
pub(crate) fn is_served(spec: &Spec) -> bool {
    spec.capability.is_none_or(caps::is_known)
}

/// Whether a command is about bulletin boards: RFC 2061 advises new servers against them, so they are an option.
pub(crate) fn is_of_boards(command: &Command) -> bool {
    match command {
        Command::BulletinBoard(_) | Command::FindBulletinBoards(_) | Command::FindAllBulletinBoards(_) => {
            true
        }
        Command::Subscribe(cmd) | Command::Unsubscribe(cmd) => cmd.bulletin_board,
        _ => false,
    }
}

/// What a command asks for that is not done here; `None`: all of it is.
pub(crate) fn missing(command: &Command) -> Option<&'static str> {
    if !is_served(command.spec()) {
        return Some("This command");
    }
    match command {
        Command::Search(search) => {
            let options = search.options.iter().flatten();
            options.copied().find_map(missing_return).or_else(|| missing_key(&search.key))
        }
        Command::Status(status) => status.items.iter().copied().find_map(missing_status_item),
        Command::Select(select) | Command::Examine(select) => missing_parameter(select),
        Command::List(list) => list.returns.iter().flatten().find_map(missing_list_return),
        Command::Fetch(fetch) => missing_of_fetch(fetch),
        Command::Store(store) => missing_of_store(store),
        // Without a literal there is nothing in it but URLs.
        Command::Append(_) => Some("CATENATE"),
        _ => None,
    }
}

fn missing_parameter(select: &Select) -> Option<&'static str> {
    select.annotate.then_some("ANNOTATE")
}

fn missing_list_return(option: &ListReturn) -> Option<&'static str> {
    match option {
        ListReturn::Subscribed | ListReturn::Children | ListReturn::SpecialUse => None,
        ListReturn::Status(items) => items.iter().copied().find_map(missing_status_item),
        ListReturn::MyRights => Some("MYRIGHTS"),
        ListReturn::Metadata(_) => Some("METADATA"),
    }
}

fn missing_of_fetch(fetch: &Fetch) -> Option<&'static str> {
    if fetch.modifiers.partial.is_some() {
        return Some("PARTIAL");
    }
    fetch.items.iter().find_map(missing_item)
}

fn missing_item(item: &FetchItem) -> Option<&'static str> {
    match item {
        FetchItem::EmailId => Some("EMAILID"),
        FetchItem::ThreadId => Some("THREADID"),
        FetchItem::SaveDate => Some("SAVEDATE"),
        FetchItem::Preview { .. } => Some("PREVIEW"),
        FetchItem::Annotation(_) => Some("ANNOTATION"),
        FetchItem::GmailMessageId => Some("X-GM-MSGID"),
        FetchItem::GmailThreadId => Some("X-GM-THRID"),
        FetchItem::GmailLabels => Some("X-GM-LABELS"),
        FetchItem::Envelope
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::Uid
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::Rfc822
        | FetchItem::Rfc822Header
        | FetchItem::Rfc822Text
        | FetchItem::Section { .. }
        | FetchItem::Binary { .. }
        | FetchItem::BinarySize { .. }
        | FetchItem::ModSeq
        | FetchItem::Rfc822Peek
        | FetchItem::Rfc822TextPeek
        | FetchItem::Rfc822HeaderLines { .. } => None,
    }
}

fn missing_of_store(store: &Store) -> Option<&'static str> {
    match &store.data {
        StoreData::Flags(_) => None,
        StoreData::Annotations(_) => Some("ANNOTATION"),
        StoreData::GmailLabels(_) => Some("X-GM-LABELS"),
    }
}

fn missing_return(option: SearchReturn) -> Option<&'static str> {
    match option {
        SearchReturn::Min
        | SearchReturn::Max
        | SearchReturn::All
        | SearchReturn::Count
        | SearchReturn::Save => None,
        SearchReturn::Partial(_) => Some("PARTIAL"),
        SearchReturn::Context => Some("CONTEXT"),
        SearchReturn::Update => Some("UPDATE"),
        SearchReturn::Relevancy => Some("RELEVANCY"),
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
        | StatusItem::Size
        | StatusItem::HighestModSeq => None,
        StatusItem::MailboxId | StatusItem::AppendLimit | StatusItem::DeletedStorage => Some(item.as_str()),
    }
}

/// The first key that is not done. An explicit stack is not needed: the parser bounds the depth.
fn missing_key(key: &SearchKey) -> Option<&'static str> {
    match key {
        SearchKey::Not(key) => missing_key(key),
        SearchKey::Or(one, other) => missing_key(one).or_else(|| missing_key(other)),
        SearchKey::And(keys) => keys.iter().find_map(missing_key),
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
        | SearchKey::Text(_)
        | SearchKey::Older(_)
        | SearchKey::Younger(_)
        | SearchKey::ModSeq { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use imap_proto::Dialect;

    use super::*;

    fn missing_in(line: &str) -> Option<&'static str> {
        let frame = Bytes::from(format!("a {line}"));
        let (_, command) =
            Command::parse(&frame, Dialect::SILENT).unwrap_or_else(|bad| panic!("{line}: {bad:?}"));
        missing(&command)
    }

    /// A line goes from here as its extension is served.
    #[test]
    fn what_is_not_announced_is_not_served() {
        for line in [
            "SEARCH RETURN (UPDATE) ALL",
            "SEARCH NOT OR (SEEN FILTER x) ALL",
            "SEARCH FUZZY ALL",
            "STORE 1 +X-GM-LABELS (x)",
            "APPEND x CATENATE (URL u)",
            "SELECT x (ANNOTATE)",
            "STATUS x (MAILBOXID)",
            "LIST \"\" * RETURN (MYRIGHTS)",
            "FETCH 1 EMAILID",
            "UID FETCH 1 FLAGS (PARTIAL 1:2)",
            "SORT (DATE) UTF-8 ALL",
            "LANGUAGE",
        ] {
            assert!(missing_in(line).is_some(), "{line}");
        }
        for line in [
            "SEARCH RETURN (MIN SAVE) NOT SEEN MODSEQ 1",
            "LIST (SUBSCRIBED) \"\" (a b) RETURN (STATUS (HIGHESTMODSEQ))",
            "FETCH 1 (FLAGS BODY[1.2] BODY[0] MODSEQ) (CHANGEDSINCE 1)",
            "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()",
            "SELECT x (QRESYNC (1 1))",
            "CREATE x (USE (\\Sent))",
            "FIND MAILBOXES *",
            "PARTIAL 1 RFC822 1 2",
            "SUBSCRIBE BBOARD x",
            "FIND BBOARDS *",
            "BBOARD x",
        ] {
            assert_eq!(missing_in(line), None, "{line}");
        }
    }
}
