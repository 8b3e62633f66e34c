//! The scanner: octets in any pieces, the tree of parts out.
//!
//! ```text
//!            empty line, boundary, end                    boundary of an open multipart
//!   Header ───────────────────────────> Body ───────────────────────────────────────> Header (of the next part)
//!      ^                                 │  \__ closing boundary: epilogue, still Body
//!      └── message/rfc822: its own ──────┘
//! ```
//!
//! Every message has one reading, for ever: what is broken is read by these rules, and nothing is guessed from
//! contents.
//! - A line ends at LF; a CR before it belongs to the line end. A header ends at the empty line, at a boundary of
//!   an open multipart or at the end.
//! - A boundary line is `--`, the boundary, maybe `--`, white space, and nothing else. (RFC 2046 §5.1.1 lets
//!   a prefix suffice; but senders number their boundaries, `x_1` and `x_10`, and text behind a boundary
//!   is not seen in practice.) The innermost open multipart that knows it takes it, and all inside end there.
//!   The line end before it belongs to it. Behind the closing one, the multipart knows its boundary no more.
//! - Lines of a part are the line ends in it, as Dovecot counts: text before a boundary without a line end of
//!   its own adds none. (RFC 9051 §7.5.2 only says "size in text lines".)
//! - A multipart without a boundary, and one nested deeper than [`DEPTH_MAX`], is text/plain: somebody can read
//!   it. An attached message in base64 or quoted-printable is shown as an empty one, since its octets are none.

use bytes::Bytes;
use imap_proto::types::{BodyStructure, Content, Envelope};
use memchr::{memchr, memchr_iter, memmem};

use super::content::ContentFields;
use super::header::{field_name, is_empty_line, is_kept};
use super::{Summary, envelope};

/// Multiparts and attached messages may nest that deep.
const DEPTH_MAX: usize = 50;
/// Parts in a message. What follows the last one belongs to none.
const PARTS_MAX: usize = 10_000;
/// With more parts, or more octets of kept fields, it takes a while to write the summary.
const LARGE_PARTS: usize = 100;
const LARGE_OCTETS: usize = 16 << 10;
/// Octets of wanted fields in one header; all fields behind are not seen.
const HEADER_OCTETS_MAX: usize = 1 << 20;
/// Octets of wanted fields in all headers of a message together.
const HEADERS_OCTETS_MAX: usize = 2 << 20;
/// Addresses in one field of an attached message, and in all attached messages together: an address
/// of two octets takes some hundred in memory.
const ATTACHED_ADDRESSES_MAX: (usize, usize) = (1_000, 50_000);
/// A longer line is no boundary. (RFC 2046 allows 70 octets for one.)
const BOUNDARY_LINE_MAX: usize = 1_024;
/// A longer boundary parameter is none.
const BOUNDARY_MAX: usize = 900;

/// Reads a message once, in pieces, with bounded memory: the wanted header fields, the tree, and one line.
#[derive(Debug)]
pub struct Scanner {
    /// Octets and line ends seen.
    here: Mark,
    /// The last octet seen.
    last: u8,
    /// Where the present line began.
    line_start: Mark,
    /// The present line as far as it was seen, where it is not yet known what it is.
    line: Vec<u8>,
    /// In a body: nothing of the present line was passed over yet.
    at_line_start: bool,
    /// The header being read; `None` in a body.
    header: Option<Header>,
    /// Octets of wanted fields that may still be kept.
    budget: usize,
    /// Addresses of attached messages that may still be kept.
    addresses: usize,
    /// Outside in; the last is the one whose body is being read.
    open: Vec<Entity>,
    /// How many of `open` wait for their boundary.
    boundaries: usize,
    parts: Vec<Part>,
    top: TopHeader,
    structure: Option<BodyStructure>,
}

/// Where one part lies, in octets from the start of the message. Parts stand in the order of a walk of the
/// tree, outside in; the message itself is the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Its section number (`1.2.3`), empty for the message itself. An attached message's own header and
    /// body are the part `n` with [`Part::message`] set; its parts go on from `n`. A message that is no
    /// multipart has its body as part 1, whose header is the message's.
    pub number: Vec<u32>,
    /// Its MIME header, with the empty line: start, length.
    pub header: (u64, u64),
    /// Its body in its transfer encoding: start, length.
    pub body: (u64, u64),
    /// For a message/rfc822 or message/global part that holds a message: the header of that message, with
    /// the empty line, and its text, both start and length.
    pub message: Option<((u64, u64), (u64, u64))>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mark {
    octets: u64,
    lines: u64,
    /// Octets of the line end just before, 0..=2.
    line_end: u8,
}

/// What the summary keeps of the message's own header.
#[derive(Debug, Default)]
struct TopHeader {
    kept: Vec<u8>,
    complete: bool,
}

/// A header being read.
#[derive(Debug)]
struct Header {
    start: u64,
    owner: Owner,
    /// The part's number, or what the numbers of the message's parts begin with.
    number: Vec<u32>,
    in_digest: bool,
    /// The wanted fields.
    kept: Vec<u8>,
    /// Where in `kept` the last field begins.
    field_start: usize,
    /// The present field is wanted.
    wanted: bool,
    /// A bound was reached: nothing more is kept.
    full: bool,
}

/// Whose header or body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The message itself.
    Message,
    /// The message that the part with that index holds.
    Attached(usize),
    /// A part of a multipart.
    Part,
}

/// A part or message whose header was read and whose end was not.
#[derive(Debug)]
struct Entity {
    owner: Owner,
    /// Its index in the parts, if it has an entry of its own.
    part: Option<usize>,
    /// What its parts' numbers begin with.
    number: Vec<u32>,
    start: Mark,
    fields: ContentFields,
    /// Of an attached message.
    envelope: Option<Box<Envelope>>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Leaf,
    /// An attached message that cannot be looked into.
    Sealed,
    Multipart {
        /// `None` behind the closing one.
        boundary: Option<Bytes>,
        parts: Vec<BodyStructure>,
        /// How many began.
        count: u32,
    },
    /// Holds one message, which is the next of `open`.
    Message {
        inner: Option<(Box<Envelope>, Box<BodyStructure>)>,
    },
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// At the start of a message.
    pub fn new() -> Self {
        Self {
            here: Mark::default(),
            last: 0,
            line_start: Mark::default(),
            line: Vec::new(),
            at_line_start: true,
            header: Some(Header::new(0, Owner::Message, Vec::new(), false)),
            budget: HEADERS_OCTETS_MAX,
            addresses: ATTACHED_ADDRESSES_MAX.1,
            open: Vec::new(),
            boundaries: 0,
            parts: Vec::new(),
            top: TopHeader::default(),
            structure: None,
        }
    }

    /// Adds octets. How a message is cut into pieces makes no difference.
    pub fn feed(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            let taken = if self.header.is_some() {
                self.feed_header(rest)
            } else if self.boundaries == 0 {
                self.pass(rest);
                rest.len()
            } else if self.at_line_start {
                self.feed_line_start(rest)
            } else {
                self.feed_body(rest)
            };
            rest = &rest[taken..];
        }
    }

    /// Whether [`Self::finish`] will take more than a moment.
    pub(crate) fn is_large(&self) -> bool {
        let open = self.header.as_ref().map_or(0, |header| header.kept.len() + self.line.len());
        self.parts.len() > LARGE_PARTS || self.top.kept.len() + open > LARGE_OCTETS
    }

    /// The message is complete.
    pub fn finish(mut self) -> Summary {
        let line = std::mem::take(&mut self.line);
        if self.header.is_some() {
            if !line.is_empty() {
                self.header_line(&line);
            }
        } else if let Some(found) = self.find_boundary(&line) {
            self.boundary(found);
        }
        if self.header.is_some() {
            self.end_header(self.here);
            // A header that ended here may have been that of a part which holds a message.
            if self.header.is_some() {
                self.end_header(self.here);
            }
        }
        self.close_down_to(0, self.here);
        let structure = self.structure.take().expect("the outermost entity was closed and delivered");
        Summary::build(&self.top.kept, self.top.complete, &structure, &self.parts)
    }

    /// Passes over octets that are decided.
    fn pass(&mut self, octets: &[u8]) {
        let Some(&last) = octets.last() else { return };
        self.here.octets += octets.len() as u64;
        self.here.lines += memchr_iter(b'\n', octets).count() as u64;
        self.at_line_start = last == b'\n';
        self.here.line_end = 0;
        if self.at_line_start {
            let before = if octets.len() > 1 { octets[octets.len() - 2] } else { self.last };
            self.here.line_end = 1 + u8::from(before == b'\r');
        }
        self.last = last;
    }

    /// In a body, in mid-line: goes to the next line that may be a boundary.
    fn feed_body(&mut self, octets: &[u8]) -> usize {
        let taken = match memmem::find(octets, b"\n--") {
            Some(at) => at + 1,
            None if octets.ends_with(b"\n-") => octets.len() - 1,
            None => octets.len(),
        };
        self.pass(&octets[..taken]);
        taken
    }

    /// In a body, at the start of a line: keeps it as long as it may be a boundary.
    fn feed_line_start(&mut self, octets: &[u8]) -> usize {
        if self.line.is_empty() {
            self.line_start = self.here;
        }
        if self.line.len() < 2 && octets[0] != b'-' {
            self.line.clear();
            self.at_line_start = false;
            return 0;
        }
        let wanted = if self.line.len() < 2 { 1 } else { BOUNDARY_LINE_MAX - self.line.len() + 1 };
        let piece = &octets[..wanted.min(octets.len())];
        let piece = &piece[..memchr(b'\n', piece).map_or(piece.len(), |at| at + 1)];
        self.line.extend_from_slice(piece);
        self.pass(piece);
        let ended = piece.ends_with(b"\n");
        self.at_line_start = true;
        if ended {
            let line = std::mem::take(&mut self.line);
            if let Some(found) = self.find_boundary(&line) {
                self.boundary(found);
            }
            self.line = line;
            self.line.clear();
        } else if self.line.len() > BOUNDARY_LINE_MAX {
            self.line.clear();
            self.at_line_start = false;
        }
        piece.len()
    }

    /// In a header: takes one line, or what there is of it.
    fn feed_header(&mut self, octets: &[u8]) -> usize {
        if self.line.is_empty() {
            self.line_start = self.here;
        }
        let end = memchr(b'\n', octets).map(|at| at + 1);
        let piece = &octets[..end.unwrap_or(octets.len())];
        self.pass(piece);
        if end.is_some() && self.line.is_empty() {
            self.header_line(piece);
            return piece.len();
        }
        // One octet more than may be kept is enough to see that a line is too long.
        let room = (HEADER_OCTETS_MAX + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            self.header_line(&line);
            if line.capacity() <= BOUNDARY_LINE_MAX {
                self.line = line;
                self.line.clear();
            }
        }
        piece.len()
    }

    /// One whole line of a header (cut where it is too long), or the unterminated last one.
    fn header_line(&mut self, line: &[u8]) {
        if let Some(found) = self.find_boundary(line) {
            self.boundary(found);
        } else if is_empty_line(line) {
            self.end_header(self.here);
        } else if let Some(header) = &mut self.header {
            header.add(line, self.budget);
        }
    }

    /// The open multipart whose boundary the line is, and whether it closes it.
    fn find_boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let line = line.strip_prefix(b"--")?;
        if self.boundaries == 0 || line.len() > BOUNDARY_LINE_MAX {
            return None;
        }
        let line = line.trim_ascii_end();
        let closing = line.strip_suffix(b"--");
        self.open.iter().enumerate().rev().find_map(|(index, entity)| {
            let Kind::Multipart { boundary: Some(boundary), .. } = &entity.kind else { return None };
            if line == boundary {
                Some((index, false))
            } else {
                (closing == Some(boundary)).then_some((index, true))
            }
        })
    }

    /// The line that began at `line_start` is a boundary of the multipart at `index`.
    fn boundary(&mut self, (index, closing): (usize, bool)) {
        let mut end = self.line_start;
        let body_start = match (&self.header, self.open.last()) {
            (Some(header), _) => header.start,
            (None, Some(entity)) => entity.start.octets,
            (None, None) => 0,
        };
        // The line end before a boundary is its own, unless it ended the header or the boundary before.
        let line_end = u64::from(end.line_end);
        if line_end > 0 && end.octets - line_end >= body_start {
            end.octets -= line_end;
            end.lines -= 1;
        }
        if self.header.is_some() {
            self.end_header(end);
            if self.header.is_some() {
                self.end_header(end);
            }
        }
        self.close_down_to(index + 1, end);
        self.begin_part(index, closing);
    }

    /// Behind a boundary line of the multipart at `index`, which is the innermost now.
    fn begin_part(&mut self, index: usize, closing: bool) {
        let full = self.parts.len() >= PARTS_MAX;
        let start = self.here.octets;
        let entity = &mut self.open[index];
        let in_digest = entity.fields.is_sub("digest");
        let Kind::Multipart { boundary, count, .. } = &mut entity.kind else { return };
        if closing {
            *boundary = None;
            self.boundaries -= 1;
        } else if !full {
            *count += 1;
            let number = [&entity.number[..], &[*count]].concat();
            self.header = Some(Header::new(start, Owner::Part, number, in_digest));
        }
    }

    /// The header ends, and what it is of begins, at `end`. A part that holds a message has the header of
    /// that message begin there.
    fn end_header(&mut self, end: Mark) {
        let Some(header) = self.header.take() else { return };
        self.budget -= header.kept.len();
        let mut fields = ContentFields::parse(&header.kept, header.in_digest);
        let kind = self.kind(&mut fields);
        let place = (header.start, end.octets - header.start);
        let body = (end.octets, 0);
        match header.owner {
            Owner::Message => self.parts.push(Part { header: place, body, ..Part::default() }),
            Owner::Attached(part) => self.parts[part].message = Some((place, body)),
            Owner::Part => {}
        }
        let is_multipart = matches!(kind, Kind::Multipart { .. });
        let mut number = header.number;
        if header.owner != Owner::Part && !is_multipart {
            number.push(1);
        }
        let part = (header.owner == Owner::Part || !is_multipart).then_some(self.parts.len());
        if part.is_some() {
            self.parts.push(Part { number: number.clone(), header: place, body, message: None });
        }
        self.boundaries += usize::from(is_multipart);
        if let (Some(part), Kind::Message { .. }) = (part, &kind) {
            self.header = Some(Header::new(end.octets, Owner::Attached(part), number.clone(), false));
        }
        let envelope =
            matches!(header.owner, Owner::Attached(_)).then(|| self.attached_envelope(&header.kept));
        if header.owner == Owner::Message {
            self.top = TopHeader { kept: header.kept, complete: !header.full };
        }
        self.open.push(Entity { owner: header.owner, part, number, start: end, fields, envelope, kind });
    }

    fn attached_envelope(&mut self, header: &[u8]) -> Box<Envelope> {
        let envelope = envelope::parse(header, self.addresses.min(ATTACHED_ADDRESSES_MAX.0));
        let Envelope { from, sender, reply_to, to, cc, bcc, .. } = &envelope;
        let addresses: usize = [from, sender, reply_to, to, cc, bcc].iter().map(|list| list.len()).sum();
        self.addresses = self.addresses.saturating_sub(addresses);
        Box::new(envelope)
    }

    /// What the body is read as; a type that cannot be taken at its word is changed.
    fn kind(&self, fields: &mut ContentFields) -> Kind {
        let deep = self.open.len() >= DEPTH_MAX || self.parts.len() >= PARTS_MAX;
        if fields.is("multipart") {
            let boundary = fields
                .parameter("boundary")
                .map(|boundary| Bytes::copy_from_slice(boundary.trim_ascii_end()));
            match boundary.filter(|boundary| !deep && (1..=BOUNDARY_MAX).contains(&boundary.len())) {
                Some(boundary) => Kind::Multipart { boundary: Some(boundary), parts: Vec::new(), count: 0 },
                None => {
                    fields.become_text_plain();
                    Kind::Leaf
                }
            }
        } else if fields.is("message") && (fields.is_sub("rfc822") || fields.is_sub("global")) {
            if deep || !fields.is_identity() { Kind::Sealed } else { Kind::Message { inner: None } }
        } else {
            Kind::Leaf
        }
    }

    /// Ends all entities from `index` inwards.
    fn close_down_to(&mut self, index: usize, end: Mark) {
        while self.open.len() > index {
            let Some(entity) = self.open.pop() else { return };
            self.close(entity, end);
        }
    }

    fn close(&mut self, entity: Entity, end: Mark) {
        let size_octets = end.octets - entity.start.octets;
        let lines = end.lines - entity.start.lines;
        match entity.owner {
            Owner::Message => self.parts[0].body.1 = size_octets,
            Owner::Attached(part) => {
                if let Some((_, text)) = &mut self.parts[part].message {
                    text.1 = size_octets;
                }
            }
            Owner::Part => {}
        }
        if let Some(part) = entity.part {
            self.parts[part].body.1 = size_octets;
        }
        if matches!(entity.kind, Kind::Multipart { boundary: Some(_), .. }) {
            self.boundaries -= 1;
        }
        let structure = structure(entity.fields, entity.kind, size_octets, lines);
        match (self.open.last_mut().map(|outer| &mut outer.kind), entity.envelope) {
            (Some(Kind::Multipart { parts, .. }), _) => parts.push(structure),
            (Some(Kind::Message { inner }), Some(envelope)) => *inner = Some((envelope, Box::new(structure))),
            _ => self.structure = Some(structure),
        }
    }
}

impl Header {
    fn new(start: u64, owner: Owner, number: Vec<u32>, in_digest: bool) -> Self {
        let (kept, field_start, wanted, full) = (Vec::new(), 0, false, false);
        Self { start, owner, number, in_digest, kept, field_start, wanted, full }
    }

    /// Adds a line, which is not the empty one. A field that passes a bound is dropped whole.
    fn add(&mut self, line: &[u8], budget: usize) {
        if self.full {
            return;
        }
        if !matches!(line[0], b' ' | b'\t') {
            self.wanted = field_name(line).is_some_and(is_kept);
            self.field_start = self.kept.len();
        }
        if !self.wanted {
            return;
        }
        if self.kept.len() + line.len() > budget.min(HEADER_OCTETS_MAX) {
            self.kept.truncate(self.field_start);
            self.full = true;
            return;
        }
        self.kept.extend_from_slice(line);
    }
}

fn structure(fields: ContentFields, kind: Kind, size_octets: u64, lines: u64) -> BodyStructure {
    let ContentFields { media_type, subtype, parameters, id, description, encoding, mut extension } = fields;
    let content = match kind {
        Kind::Multipart { parts, .. } => {
            extension.md5 = None;
            return BodyStructure::Multipart { parts, subtype, parameters, extension: extension.into() };
        }
        Kind::Message { inner: Some((envelope, structure)) } => {
            Content::Message { envelope, structure, lines }
        }
        Kind::Message { inner: None } | Kind::Sealed => {
            let structure = structure_of_nothing();
            Content::Message { envelope: Box::default(), structure: Box::new(structure), lines }
        }
        Kind::Leaf if media_type.eq_ignore_ascii_case(b"text") => Content::Text { lines },
        Kind::Leaf => Content::Basic,
    };
    BodyStructure::Single {
        media_type,
        subtype,
        parameters,
        id,
        description,
        encoding,
        size_octets,
        content,
        extension: extension.into(),
    }
}

/// An empty text/plain.
fn structure_of_nothing() -> BodyStructure {
    structure(ContentFields::default(), Kind::Leaf, 0, 0)
}

#[cfg(test)]
mod tests;
