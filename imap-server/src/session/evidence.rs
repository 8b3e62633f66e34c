//! What a command tells of the client that sends it: the lowest dialect that knows it.
//!
//! A client says nowhere which protocol it speaks, so it is served as IMAP2 until it uses something newer.

use imap_proto::Level;
use imap_proto::command::{Command, Fetch, FetchItem, ListReturn, Search, SectionText, StatusItem, Store};
use imap_proto::types::{SearchKey, SequenceSet, SetEnd};

use crate::command::has_mod_seq;

/// The dialect that a command shows.
pub(crate) fn level(command: &Command) -> Level {
    match command {
        Command::Noop | Command::Logout | Command::Login(_) => Level::Silent,
        Command::Select(select) | Command::Examine(select)
            if select.condstore || select.qresync.is_some() || select.annotate =>
        {
            Level::Imap4
        }
        Command::Create(create) if !create.special_use.is_empty() => Level::Imap4,
        Command::Select(_) => Level::Silent,
        Command::Check | Command::Expunge => Level::Silent,
        Command::Copy(copy) => of_set(copy.uid, &copy.set),
        Command::Fetch(fetch) => of_fetch(fetch),
        Command::Store(store) => of_store(store),
        Command::Search(search) => of_search(search),
        Command::Examine(_)
        | Command::Create(_)
        | Command::Delete(_)
        | Command::Rename(_)
        | Command::Append(_) => Level::Imap2bis,
        Command::Subscribe(_) | Command::Unsubscribe(_) => Level::Imap2bis,
        Command::FindMailboxes(_) | Command::FindBulletinBoards(_) | Command::BulletinBoard(_) => {
            Level::Silent
        }
        Command::FindAllMailboxes(_) | Command::FindAllBulletinBoards(_) => Level::Imap2bis,
        Command::Partial(_) => Level::Imap2bis,
        // All that came with IMAP4 or later.
        _ => Level::Imap4,
    }
}

/// The dialect that a listener must serve for the command: the one that it shows, but for `.SILENT`, which fetchmail sends
/// to every server, also to one that refused CAPABILITY.
pub(crate) fn needed(command: &Command) -> Level {
    match command {
        Command::Store(store) if store.unchanged_since.is_none() => of_set(store.uid, &store.set),
        command => level(command),
    }
}

/// Whether the command speaks of UIDs: its client wants them in every FETCH line.
pub(crate) fn uses_uids(command: &Command) -> bool {
    match command {
        Command::Fetch(fetch) => fetch.uid,
        Command::Store(store) => store.uid,
        Command::Search(search) => search.uid,
        Command::Copy(copy) | Command::Move(copy) => copy.uid,
        Command::UidExpunge(_) => true,
        _ => false,
    }
}

/// Whether the command shows that its client wants modification sequences (RFC 7162 §3.1). SELECT and ENABLE see to it
/// themselves.
pub(crate) fn wants_mod_seqs(command: &Command) -> bool {
    match command {
        Command::Status(status) => status.items.contains(&StatusItem::HighestModSeq),
        Command::Fetch(fetch) => {
            fetch.modifiers.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq)
        }
        Command::Search(search) => has_mod_seq(&search.key),
        Command::Store(store) => store.unchanged_since.is_some(),
        Command::List(list) => list.returns.iter().flatten().any(|option| match option {
            ListReturn::Status(items) => items.contains(&StatusItem::HighestModSeq),
            _ => false,
        }),
        _ => false,
    }
}

fn of_set(uid: bool, set: &SequenceSet) -> Level {
    let has_star = match set {
        SequenceSet::Saved => true,
        SequenceSet::Ranges(ranges) => {
            ranges.iter().any(|&(first, last)| first == SetEnd::Star || last == SetEnd::Star)
        }
    };
    if uid || has_star { Level::Imap4 } else { Level::Silent }
}

fn of_fetch(fetch: &Fetch) -> Level {
    let items = fetch.items.iter().map(|item| match item {
        FetchItem::Envelope
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::Rfc822
        | FetchItem::Rfc822Header
        | FetchItem::Rfc822Text => Level::Silent,
        FetchItem::Body => Level::Imap2bis,
        // Part 0 is of 1993, and tells nothing either.
        FetchItem::Section { section, partial: None, .. } if section.part.last() == Some(&0) => {
            Level::Imap2bis
        }
        FetchItem::Section { section, partial: None, peek: false }
            if section.text.is_none() && !section.part.is_empty() =>
        {
            Level::Imap2bis
        }
        FetchItem::Section { section, .. } if matches!(section.text, Some(SectionText::Header)) => {
            Level::Imap4
        }
        FetchItem::Uid
        | FetchItem::BodyStructure
        | FetchItem::Section { .. }
        | FetchItem::Binary { .. }
        | FetchItem::BinarySize { .. }
        | FetchItem::ModSeq
        | FetchItem::EmailId
        | FetchItem::ThreadId
        | FetchItem::SaveDate
        | FetchItem::Preview { .. }
        | FetchItem::Annotation(_)
        | FetchItem::GmailMessageId
        | FetchItem::GmailThreadId
        | FetchItem::GmailLabels => Level::Imap4,
        // The obsolete items tell nothing.
        FetchItem::Rfc822Peek | FetchItem::Rfc822TextPeek | FetchItem::Rfc822HeaderLines { .. } => {
            Level::Silent
        }
    });
    let modifiers = &fetch.modifiers;
    let is_modified = modifiers.changed_since.is_some() || modifiers.vanished || modifiers.partial.is_some();
    let least = if is_modified { Level::Imap4 } else { of_set(fetch.uid, &fetch.set) };
    items.fold(least, Level::max)
}

fn of_store(store: &Store) -> Level {
    if store.silent || store.unchanged_since.is_some() { Level::Imap4 } else { of_set(store.uid, &store.set) }
}

fn of_search(search: &Search) -> Level {
    if search.uid || search.options.is_some() || search.charset.is_some() || !is_old(&search.key) {
        Level::Imap4
    } else {
        Level::Silent
    }
}

/// Whether RFC 1176 knows the key.
fn is_old(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().all(is_old),
        SearchKey::Not(key) => {
            matches!(**key, SearchKey::Flag(_) | SearchKey::Keyword(_) | SearchKey::Recent)
        }
        SearchKey::All
        | SearchKey::Flag(_)
        | SearchKey::Recent
        | SearchKey::Keyword(_)
        | SearchKey::Before(_)
        | SearchKey::On(_)
        | SearchKey::Since(_)
        | SearchKey::Body(_)
        | SearchKey::Text(_) => true,
        SearchKey::Header(name, _) => {
            [&b"From"[..], b"To", b"Cc", b"Bcc", b"Subject"].iter().any(|old| name.eq_ignore_ascii_case(old))
        }
        _ => false,
    }
}
