//! [`Event`]: what the server says without being asked.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::response::{Code, FetchAttributes, Kind, Response, StatusData};
use imap_proto::types::{Flag, SeqNum};

/// News of the connection and of the selected mailbox.
///
/// [`Event::Exists`], [`Event::Recent`] and [`Event::Expunged`] are told in the order in which the server told
/// them, also those that are the answer to a command: who keeps a list by sequence number sees every change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The mailbox has that many messages.
    Exists(u32),
    /// That many of them are \Recent.
    Recent(u32),
    /// That message is gone; all behind it move up by one.
    Expunged(SeqNum),
    /// A message's flags changed, by somebody else or by a rule of the server.
    Fetch {
        /// Which message.
        seq_num: SeqNum,
        /// FLAGS, and perhaps UID and MODSEQ.
        attributes: FetchAttributes,
    },
    /// The flags that are in use in the mailbox.
    Flags(Vec<Flag>),
    /// The state of a mailbox that was not asked for.
    Status(StatusData),
    /// A text that a person has to see (RFC 9051 §7.1, ALERT).
    Alert(String),
    /// The server is about to close, with its reason.
    Bye(String),
    /// So many events were lost since this receiver was too slow: look at the mailbox again.
    Lagged(u64),
    /// Any other response that nobody asked for.
    Other(Bytes),
}

impl Event {
    /// What everybody has to know of a response, whoever asked for it.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        match response {
            Response::Exists(count) => Some(Self::Exists(*count)),
            Response::Recent(count) => Some(Self::Recent(*count)),
            Response::Expunge(seq_num) => Some(Self::Expunged(*seq_num)),
            Response::Status { tag: None, kind: Kind::Bye, text, .. } => Some(Self::Bye(lossy(text))),
            Response::Status { tag: None, code: Some(Code::Alert), text, .. } => {
                Some(Self::Alert(lossy(text)))
            }
            _ => None,
        }
    }

    /// A response that no command asked for and that is not in [`Self::of`].
    pub(crate) fn of_unasked(response: Response) -> Option<Self> {
        match response {
            Response::Fetch { seq_num, attributes } => Some(Self::Fetch { seq_num, attributes }),
            Response::Flags(flags) => Some(Self::Flags(flags)),
            Response::StatusData(data) => Some(Self::Status(data)),
            Response::Other(octets) => Some(Self::Other(octets)),
            Response::Continue { .. }
            | Response::Status { .. }
            | Response::Capability(_)
            | Response::Enabled(_)
            | Response::List(_)
            | Response::Lsub(_)
            | Response::Namespace { .. }
            | Response::Search(_)
            | Response::Exists(_)
            | Response::Recent(_)
            | Response::Expunge(_)
            | Response::Id(_) => None,
            extension => Some(Self::Other(line(&extension))),
        }
    }
}

/// The response as a server would write it, without its CRLF.
fn line(response: &Response) -> Bytes {
    let mut octets = Vec::new();
    response.write(&mut octets, Dialect::IMAP4);
    octets.truncate(octets.len() - 2);
    octets.into()
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
