//! FETCH as a stream of messages, large bodies as streams of octets.

use bytes::Bytes;
use imap_proto::command::{Command, Fetch, FetchItem, FetchModifiers};
use imap_proto::response::{FetchAttribute, FetchAttributes, Response, StreamedFetch, StreamedItem};
use imap_proto::types::{DateTime, Envelope, Flag, ModSeq, SeqNum, Uid};

use super::message::Messages;
use crate::net::Replies;
use crate::session::Reply;
use crate::{Connection, Error, Result};

/// A message, or what FETCH told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Which message.
    pub seq_num: SeqNum,
    /// In the order of the server. A body that was streamed is not among them.
    pub attributes: FetchAttributes,
}

impl Message {
    /// UID.
    pub fn uid(&self) -> Option<Uid> {
        self.find(|attribute| match attribute {
            FetchAttribute::Uid(uid) => Some(*uid),
            _ => None,
        })
    }

    /// FLAGS.
    pub fn flags(&self) -> Option<&[Flag]> {
        self.find(|attribute| match attribute {
            FetchAttribute::Flags(flags) => Some(flags.as_slice()),
            _ => None,
        })
    }

    /// MODSEQ.
    pub fn mod_seq(&self) -> Option<ModSeq> {
        self.find(|attribute| match attribute {
            FetchAttribute::ModSeq(mod_seq) => Some(*mod_seq),
            _ => None,
        })
    }

    /// RFC822.SIZE in octets.
    pub fn size_octets(&self) -> Option<u64> {
        self.find(|attribute| match attribute {
            FetchAttribute::Rfc822Size(size) => Some(*size),
            _ => None,
        })
    }

    /// INTERNALDATE.
    pub fn internal_date(&self) -> Option<DateTime> {
        self.find(|attribute| match attribute {
            FetchAttribute::InternalDate(date) => Some(*date),
            _ => None,
        })
    }

    /// ENVELOPE.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.find(|attribute| match attribute {
            FetchAttribute::Envelope(envelope) => Some(&**envelope),
            _ => None,
        })
    }

    /// The first body, part or header that came whole; `None` also where it was streamed.
    pub fn body(&self) -> Option<&Bytes> {
        self.find(|attribute| match attribute {
            FetchAttribute::Section { data, .. }
            | FetchAttribute::Binary { data, .. }
            | FetchAttribute::Rfc822(_, data) => data.as_ref(),
            _ => None,
        })
    }

    fn find<'a, T>(&'a self, get: impl Fn(&'a FetchAttribute) -> Option<T>) -> Option<T> {
        self.attributes.iter().find_map(get)
    }
}

/// The messages of a FETCH, as they come.
///
/// While it is not read, nothing else is read from the connection either once a small buffer is full: read it to its
/// end or drop it, which drains the rest.
pub struct FetchStream {
    /// `None` when it has ended.
    replies: Option<Replies>,
    /// A message of which something was streamed already.
    partial: Option<Message>,
    /// A body has begun that was not read to its end.
    in_body: bool,
    /// Why nothing more comes: a body that was cut short never looks complete.
    failed: Option<Error>,
}

/// What a FETCH brings.
pub enum FetchEvent<'a> {
    /// A message. What was streamed of it came before.
    Message(Message),
    /// A body of a message that is too large to be held: its octets come now, the rest of the message after it.
    Body(Body<'a>),
}

/// A body that comes in pieces. What is not read when it is dropped is passed over.
pub struct Body<'a> {
    /// Which message.
    pub seq_num: SeqNum,
    /// Its UID, if the server told it before the body; most do.
    pub uid: Option<Uid>,
    /// Which of the items asked for.
    pub item: StreamedItem,
    /// How many octets it has.
    pub size_octets: u64,
    stream: &'a mut FetchStream,
}

impl Connection {
    /// FETCH: what of which messages (RFC 9051 §6.4.5). With UIDs the answers have the UID too.
    pub async fn fetch(
        &self,
        messages: Messages,
        items: impl IntoIterator<Item = FetchItem>,
    ) -> Result<FetchStream> {
        let (uid, set) = messages.parts();
        let items: Vec<_> = items.into_iter().collect();
        if items.is_empty() {
            return Err(Error::Argument { what: "a FETCH of no item" });
        }
        let replies = self
            .send(Command::Fetch(Fetch { uid, set, items, modifiers: FetchModifiers::default() }))
            .await?;
        Ok(FetchStream { replies: Some(replies), partial: None, in_body: false, failed: None })
    }
}

impl FetchStream {
    /// The next message or body; `None` at the end. After an error nothing more comes.
    pub async fn next(&mut self) -> Option<Result<FetchEvent<'_>>> {
        match self.advance().await {
            Ok(None) => None,
            Ok(Some(Found::Message(message))) => Some(Ok(FetchEvent::Message(message))),
            Ok(Some(Found::Body { seq_num, uid, item, size_octets })) => {
                Some(Ok(FetchEvent::Body(Body { seq_num, uid, item, size_octets, stream: self })))
            }
            Err(error) => Some(Err(self.fail(error))),
        }
    }

    /// The next message, with its large bodies passed over; `None` at the end.
    pub async fn next_message(&mut self) -> Option<Result<Message>> {
        loop {
            match self.next().await? {
                Ok(FetchEvent::Message(message)) => return Some(Ok(message)),
                Ok(FetchEvent::Body(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// All messages that are left, with large bodies passed over.
    pub async fn collect(mut self) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        while let Some(message) = self.next_message().await {
            messages.push(message?);
        }
        Ok(messages)
    }

    fn fail(&mut self, error: Error) -> Error {
        self.replies = None;
        self.failed = Some(error.clone());
        error
    }

    async fn advance(&mut self) -> Result<Option<Found>> {
        if self.failed.is_some() {
            return Ok(None);
        }
        while self.in_body {
            self.chunk().await?;
        }
        loop {
            let Some(replies) = &mut self.replies else { return Ok(None) };
            match replies.next().await? {
                Reply::Data(Response::Fetch { seq_num, attributes }) => {
                    return Ok(Some(Found::Message(self.complete(seq_num, attributes))));
                }
                Reply::StreamStart { fetch, size_octets } => {
                    if let Some(seq_num) = fetch.message.seq_num() {
                        return Ok(Some(self.begin_body(seq_num, *fetch, size_octets)));
                    }
                }
                Reply::Done(tagged) => {
                    self.replies = None;
                    tagged.into_result()?;
                }
                Reply::Data(_) | Reply::Chunk(_) | Reply::StreamEnd | Reply::Continue(_) => {}
            }
        }
    }

    fn complete(&mut self, seq_num: SeqNum, attributes: FetchAttributes) -> Message {
        match self.partial.take() {
            Some(mut message) if message.seq_num == seq_num => {
                message.attributes.extend(attributes);
                message
            }
            _ => Message { seq_num, attributes },
        }
    }

    fn begin_body(&mut self, seq_num: SeqNum, fetch: StreamedFetch, size_octets: u64) -> Found {
        let message = self.complete(seq_num, fetch.before);
        let uid = message.uid();
        self.partial = Some(message);
        self.in_body = true;
        Found::Body { seq_num, uid, item: fetch.item, size_octets }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while self.in_body {
            let next = match (&mut self.replies, &self.failed) {
                (Some(replies), _) => replies.next().await?,
                (None, Some(error)) => return Err(error.clone()),
                (None, None) => {
                    self.in_body = false;
                    return Ok(None);
                }
            };
            match next {
                Reply::Chunk(octets) => return Ok(Some(octets)),
                Reply::StreamEnd => self.in_body = false,
                Reply::Done(_) => return Err(Error::protocol("a FETCH ended in the middle of a body")),
                Reply::Data(_) | Reply::StreamStart { .. } | Reply::Continue(_) => {}
            }
        }
        Ok(None)
    }
}

impl Body<'_> {
    /// The next octets, never empty; `None` at the end. Dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self.stream.chunk().await {
            Ok(chunk) => Ok(chunk),
            Err(error) => Err(self.stream.fail(error)),
        }
    }
}

/// What [`FetchStream::advance`] found; a body does not borrow yet.
enum Found {
    Message(Message),
    Body { seq_num: SeqNum, uid: Option<Uid>, item: StreamedItem, size_octets: u64 },
}
