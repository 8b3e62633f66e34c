//! One client connection without its socket: octets in, replies and octets out. No tokio, no clock.
//!
//! Commands are written one behind the other without a wait for replies (pipelining, RFC 9051 §5.5). Only where the
//! server has to say `+` first, or where a command changes the connection itself, the next one waits:
//!
//! ```text
//!            start                 last octet written
//!   idle ──────────────> writing ─────────────────────> in flight ──> tagged reply
//!    ^                    │   ^                              │
//!    │                    v   │ +                            │ exclusive: AUTHENTICATE, STARTTLS, IDLE, ...
//!    │                  waiting                              v
//!    └───────────────────────────────────────────────── next may start
//! ```
//!
//! The driver (`net/driver.rs`) reads, calls [`Session::receive`] and [`Session::poll`], and writes what
//! [`Session::output`] has.

mod interest;
mod request;
mod script;

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use imap_proto::command::Tag;
use imap_proto::response::{Capability, Code, Kind, Response, StreamedFetch};
use imap_proto::wire::{ResponseEvent, ResponseFramer};

use self::interest::Interest;
pub(crate) use self::request::Request;
use self::script::Script;
use crate::event::Event;
use crate::{Error, Result};

/// Names a command of this connection, in the order of their start.
pub(crate) type CommandId = u64;

/// One client connection without its socket.
pub(crate) struct Session {
    framer: ResponseFramer,
    greeted: bool,
    next_id: CommandId,
    /// In the order of their start.
    in_flight: VecDeque<InFlight>,
    /// What is still to be written of the last command in flight.
    script: Script,
    /// A FETCH whose body comes in chunks.
    streamed: Option<Streamed>,
    out: BytesMut,
    /// Found, not yet polled.
    found: VecDeque<Output>,
}

/// A FETCH in the middle of its streamed literals.
struct Streamed {
    /// `None`: a response that cannot be read.
    fetch: Option<StreamedFetch>,
    /// Whose it is; `None`: it is dropped.
    taker: Option<CommandId>,
}

struct InFlight {
    id: CommandId,
    tag: Tag,
    interest: Interest,
    exclusive: bool,
}

/// What the driver has to do next.
#[derive(Debug)]
pub(crate) enum Output {
    /// The server greets.
    Greeting(Greeting),
    /// Something for a command's caller.
    Reply(CommandId, Reply),
    /// Something that nobody asked for, or that everybody has to know.
    Event(Event),
    /// The server told its capabilities.
    Capabilities(Vec<Capability>),
}

/// What the server says first.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// OK, PREAUTH or BYE.
    pub(crate) kind: Kind,
    /// For a person.
    pub(crate) text: Bytes,
}

/// What a command's caller gets.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A response that belongs to the command.
    Data(Response),
    /// A FETCH up to a literal that is streamed, from the last one on if there was one.
    StreamStart { fetch: Box<StreamedFetch>, size_octets: u64 },
    /// The next octets of that literal.
    Chunk(Bytes),
    /// The literal is complete. The next [`Reply::StreamStart`] of the message follows, or what is left of it as
    /// [`Reply::Data`].
    StreamEnd,
    /// `+`, in an exchange of lines.
    Continue(Bytes),
    /// The tagged reply: nothing more comes.
    Done(Tagged),
}

/// A tagged reply.
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) kind: Kind,
    pub(crate) code: Option<Code>,
    pub(crate) text: Bytes,
}

impl Tagged {
    /// The code of an OK; NO and BAD are errors.
    pub(crate) fn into_result(self) -> Result<Option<Code>> {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        match self.kind {
            Kind::Ok => Ok(self.code),
            Kind::No => Err(Error::Refused { code: self.code, text }),
            _ => Err(Error::Bad { code: self.code, text }),
        }
    }
}

impl Session {
    /// At the start of a connection. Literals over `inline_octets_max` are streamed, a response of more than
    /// `line_octets_max` octets without them ends the connection.
    pub(crate) fn new(line_octets_max: usize, inline_octets_max: u64) -> Self {
        Self {
            framer: ResponseFramer::new(line_octets_max, inline_octets_max),
            greeted: false,
            next_id: 1,
            in_flight: VecDeque::new(),
            script: Script::default(),
            streamed: None,
            out: BytesMut::new(),
            found: VecDeque::new(),
        }
    }

    /// Behind STARTTLS, which has no second greeting.
    pub(crate) fn without_greeting(mut self) -> Self {
        self.greeted = true;
        self
    }

    /// Octets from the socket; [`Self::poll`] until it gives `None` before the next.
    pub(crate) fn receive(&mut self, octets: &[u8]) {
        self.framer.receive(octets);
    }

    /// What is next; `None` until more octets come. After an error the connection cannot go on.
    pub(crate) fn poll(&mut self) -> Result<Option<Output>> {
        loop {
            if let Some(output) = self.found.pop_front() {
                return Ok(Some(output));
            }
            let Some(event) = self.framer.poll() else { return Ok(None) };
            self.framed(event)?;
        }
    }

    /// Whether octets came that no event has told: behind STARTTLS's OK they are an attack.
    pub(crate) fn has_buffered(&self) -> bool {
        self.framer.has_buffered() || !self.found.is_empty()
    }

    /// What has to be written.
    pub(crate) fn output(&self) -> &[u8] {
        &self.out
    }

    /// The socket took that many octets of [`Self::output`].
    pub(crate) fn written(&mut self, octets: usize) {
        self.out.advance(octets);
    }

    /// Whether the next command may start now.
    pub(crate) fn may_start(&self) -> bool {
        self.script.is_empty() && !self.in_flight.back().is_some_and(|command| command.exclusive)
    }

    /// Writes a command, as far as the server lets us. Only while [`Self::may_start`].
    pub(crate) fn start(&mut self, request: Request) -> CommandId {
        assert!(self.may_start(), "the driver asks before it starts a command");
        let id = self.next_id;
        self.next_id += 1;
        let tag = Tag::new(format!("a{id}")).expect("a letter and digits are a tag");
        self.script = request.script(&tag);
        self.in_flight.push_back(InFlight {
            id,
            tag,
            interest: Interest::of(&request),
            exclusive: request.is_exclusive(),
        });
        self.script.advance(&mut self.out);
        id
    }

    /// Whether the last command waits for octets of its caller: an upload, or the next line of an exchange.
    pub(crate) fn hungry(&self) -> bool {
        self.script.wants_feed()
    }

    /// Octets from the caller of a [`Self::hungry`] command: of an upload as many as are left at the most, or a
    /// line without its CRLF.
    pub(crate) fn feed(&mut self, octets: &[u8]) -> Result<()> {
        self.script.feed(octets, &mut self.out)
    }

    /// The caller gave up. Ends IDLE, cancels AUTHENTICATE. An upload that is not complete cannot be taken back, so
    /// it is an error, and the connection has to end.
    pub(crate) fn feed_ends(&mut self) -> Result<()> {
        self.script.feed_ends(&mut self.out)
    }

    /// Whether an IDLE is under way, which [`Self::feed_ends`] would end.
    pub(crate) fn idles(&self) -> bool {
        self.script.idles()
    }

    /// Whether no command waits for its reply.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    fn framed(&mut self, event: ResponseEvent) -> Result<()> {
        match event {
            ResponseEvent::Response(rest) if self.streamed.is_some() => self.stream_rest(&rest),
            ResponseEvent::Response(frame) => self.response(parse(&frame)?)?,
            ResponseEvent::StreamStart { frame, size_octets } => self.stream_start(&frame, size_octets),
            ResponseEvent::Chunk(octets) => self.stream(Reply::Chunk(octets)),
            ResponseEvent::StreamEnd => self.stream(Reply::StreamEnd),
            ResponseEvent::TooLong => return Err(Error::protocol("a line over the limit")),
        }
        Ok(())
    }

    fn response(&mut self, response: Response) -> Result<()> {
        match response {
            Response::Status { tag: None, kind, code, text } if !self.greeted => {
                self.greeting(kind, code, text)
            }
            Response::Status { tag: Some(tag), kind, code, text } => {
                self.tagged(&tag, Tagged { kind, code, text })
            }
            Response::Continue { text } => self.go_ahead(text),
            _ if !self.greeted => return Err(Error::protocol("no greeting")),
            Response::Status { tag: None, code: Some(Code::Capability(names)), .. } => {
                self.found.push_back(Output::Capabilities(names));
            }
            Response::Capability(names) => {
                self.found.push_back(Output::Capabilities(names.clone()));
                self.untagged(Response::Capability(names));
            }
            other => self.untagged(other),
        }
        Ok(())
    }

    fn greeting(&mut self, kind: Kind, code: Option<Code>, text: Bytes) {
        self.greeted = true;
        if let Some(Code::Capability(names)) = code {
            self.found.push_back(Output::Capabilities(names));
        }
        self.found.push_back(Output::Greeting(Greeting { kind, text }));
    }

    fn tagged(&mut self, tag: &Tag, tagged: Tagged) {
        let Some(place) = self.in_flight.iter().position(|command| command.tag == *tag) else {
            tracing::warn!("a tagged reply to no command of ours");
            return;
        };
        if place + 1 == self.in_flight.len() {
            self.script.answered();
        }
        if let Some(Code::Capability(names)) = &tagged.code {
            self.found.push_back(Output::Capabilities(names.clone()));
        }
        if let Some(command) = self.in_flight.remove(place) {
            self.found.push_back(Output::Reply(command.id, Reply::Done(tagged)));
        }
    }

    fn go_ahead(&mut self, text: Bytes) {
        if self.script.go_ahead(&mut self.out)
            && let Some(command) = self.in_flight.back()
        {
            self.found.push_back(Output::Reply(command.id, Reply::Continue(text)));
        }
    }

    fn untagged(&mut self, response: Response) {
        if let Some(event) = Event::of(&response) {
            self.found.push_back(Output::Event(event));
        }
        match self.taker(&response) {
            Some(id) => self.found.push_back(Output::Reply(id, Reply::Data(response))),
            None => {
                if let Some(event) = Event::of_unasked(response) {
                    self.found.push_back(Output::Event(event));
                }
            }
        }
    }

    /// The oldest command that such a response may belong to.
    fn taker(&self, response: &Response) -> Option<CommandId> {
        let mut commands = self.in_flight.iter().enumerate();
        let taker = commands.find(|(place, command)| command.interest.takes(response, *place == 0));
        taker.map(|(_, command)| command.id)
    }

    fn stream_start(&mut self, frame: &Bytes, size_octets: u64) {
        let (fetch, taker) = match self.streamed.take() {
            // A UIDFETCH comes only to who enabled UIDONLY, which this client does not.
            None => (
                StreamedFetch::parse_head(frame).filter(|fetch| fetch.message.seq_num().is_some()),
                self.stream_taker(),
            ),
            Some(Streamed { fetch, taker }) => (fetch.and_then(|fetch| fetch.parse_next(frame)), taker),
        };
        // What cannot be read is nobody's, and its octets are dropped.
        let taker = fetch.as_ref().and(taker);
        if let (Some(fetch), Some(id)) = (&fetch, taker) {
            let start = Reply::StreamStart { fetch: Box::new(fetch.clone()), size_octets };
            self.found.push_back(Output::Reply(id, start));
        }
        self.streamed = Some(Streamed { fetch, taker });
    }

    fn stream_taker(&self) -> Option<CommandId> {
        self.in_flight.iter().find(|command| command.interest.takes_streams()).map(|command| command.id)
    }

    fn stream(&mut self, reply: Reply) {
        if let Some(id) = self.streamed.as_ref().and_then(|streamed| streamed.taker) {
            self.found.push_back(Output::Reply(id, reply));
        }
    }

    fn stream_rest(&mut self, rest: &Bytes) {
        if let Some(Streamed { fetch: Some(fetch), taker: Some(id) }) = self.streamed.take() {
            let response = fetch.message.response(fetch.parse_rest(rest));
            self.found.push_back(Output::Reply(id, Reply::Data(response)));
        }
    }
}

fn parse(frame: &Bytes) -> Result<Response> {
    // The line itself may hold what is nobody's business, so only the rule is told.
    Response::parse(frame).map_err(|error| Error::protocol(error.to_string()))
}
