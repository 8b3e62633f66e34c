//! [`Interest`]: which untagged responses belong to a command.
//!
//! A server runs the commands of a connection one after another, so a response belongs to the oldest command that may
//! cause such a one. What no command in flight can have caused is news.

use bytes::Bytes;
use imap_proto::command::{Command, FetchItem};
use imap_proto::response::{Code, FetchAttribute, Response};

use super::Request;

/// What a command in flight waits for, beside its tagged reply.
pub(super) enum Interest {
    Nothing,
    Capability,
    Enabled,
    List,
    Lsub,
    Namespace,
    Id,
    /// Of the mailbox in that wire form.
    Status(Bytes),
    /// SELECT and EXAMINE.
    Selection,
    Search,
    /// FETCH of more than flags: only answers that hold some of it.
    Contents,
    /// FETCH or STORE of flags.
    Flags,
    Expunge,
    /// COPY, MOVE: COPYUID may come untagged, and MOVE expunges.
    CopyMove,
}

impl Interest {
    pub(super) fn of(request: &Request) -> Self {
        match &request.command {
            Command::Capability => Self::Capability,
            Command::Enable(_) => Self::Enabled,
            Command::List(_) => Self::List,
            Command::Lsub(_) => Self::Lsub,
            Command::Namespace => Self::Namespace,
            Command::Id(_) => Self::Id,
            Command::Status(status) => Self::Status(status.mailbox.0.clone()),
            Command::Select(_) | Command::Examine(_) => Self::Selection,
            Command::Search(_) => Self::Search,
            Command::Fetch(fetch) if fetch.items.iter().any(is_content) => Self::Contents,
            Command::Fetch(_) => Self::Flags,
            Command::Store(store) if !store.silent => Self::Flags,
            Command::Expunge | Command::UidExpunge(_) => Self::Expunge,
            Command::Copy(_) | Command::Move(_) => Self::CopyMove,
            _ => Self::Nothing,
        }
    }

    /// Whether it asked for more than flags, so that a streamed literal may be its own.
    pub(super) fn takes_streams(&self) -> bool {
        matches!(self, Self::Contents)
    }

    /// `oldest`: no command before it is in flight.
    pub(super) fn takes(&self, response: &Response, oldest: bool) -> bool {
        match self {
            Self::Nothing => false,
            Self::Capability => matches!(response, Response::Capability(_)),
            Self::Enabled => matches!(response, Response::Enabled(_)),
            Self::List => matches!(response, Response::List(_)),
            Self::Lsub => matches!(response, Response::Lsub(_)),
            Self::Namespace => matches!(response, Response::Namespace { .. }),
            Self::Id => matches!(response, Response::Id(_)),
            Self::Status(name) => {
                matches!(response, Response::StatusData(data) if same_mailbox(&data.name, name))
            }
            Self::Selection => oldest && tells_selection(response),
            Self::Search => matches!(response, Response::Search(_)),
            Self::Contents => fetched(response).is_some_and(|told| told.iter().any(is_content_attribute)),
            Self::Flags => fetched(response).is_some_and(|told| !told.iter().any(is_content_attribute)),
            Self::Expunge => oldest && matches!(response, Response::Expunge(_)),
            Self::CopyMove => {
                matches!(response, Response::Status { tag: None, code: Some(Code::CopyUid(..)), .. })
            }
        }
    }
}

/// Servers may answer with another spelling of INBOX than they were asked with.
fn same_mailbox(one: &[u8], other: &[u8]) -> bool {
    one == other || (one.eq_ignore_ascii_case(b"INBOX") && other.eq_ignore_ascii_case(b"INBOX"))
}

fn fetched(response: &Response) -> Option<&[FetchAttribute]> {
    match response {
        Response::Fetch { attributes, .. } => Some(attributes),
        _ => None,
    }
}

fn tells_selection(response: &Response) -> bool {
    match response {
        Response::Flags(_) | Response::Exists(_) | Response::Recent(_) => true,
        Response::Status { tag: None, code: Some(code), .. } => matches!(
            code,
            Code::PermanentFlags(_)
                | Code::UidNext(_)
                | Code::UidValidity(_)
                | Code::Unseen(_)
                | Code::HighestModSeq(_)
                | Code::ReadOnly
                | Code::ReadWrite
        ),
        _ => false,
    }
}

fn is_content(item: &FetchItem) -> bool {
    !matches!(item, FetchItem::Flags | FetchItem::Uid)
}

/// What a server never tells unasked.
fn is_content_attribute(attribute: &FetchAttribute) -> bool {
    !matches!(attribute, FetchAttribute::Flags(_) | FetchAttribute::Uid(_) | FetchAttribute::ModSeq(_))
}
