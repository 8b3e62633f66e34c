//! [`Summary`]: what listings need of a message, computed once when it arrives.
//!
//! ```text
//! version | marks | lengths of the five | ENVELOPE | BODYSTRUCTURE | kept fields | structure | parts
//! ```
//!
//! ENVELOPE and BODYSTRUCTURE are as IMAP4 writes them. Most messages look the same in every dialect; for the others
//! the marks say which dialects have them written anew. Version and marks are one octet, lengths are numbers of
//! [`super::row`]. Another version is none: the row is made again from the body.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use imap_proto::types::{BodyStructure, Content, Envelope, Parameters};
use imap_proto::{Dialect, Level};

use super::header::is_kept;
use super::row::{Reader, write_number, write_parts, write_structure};
use super::{Part, envelope};

/// Rises whenever the row or the reading of messages changes.
const VERSION: u8 = 1;

/// Addresses in one field of ENVELOPE.
const ADDRESSES_MAX: usize = 10_000;

/// The header was over the scanner's bounds: fields are missing.
const INCOMPLETE: u8 = 1;
/// Silent and Imap2bis are written otherwise.
const OLD_DIFFERS: u8 = 2;
/// Rev2, and where UTF-8 is quoted, are written otherwise.
const NEW_DIFFERS: u8 = 4;

/// Everything that FETCH and SEARCH need of a message without opening its body.
///
/// It stands on the row of the summary file: what a listing writes is copied out of it, all else is decoded
/// when it is first asked for.
#[derive(Debug, Clone)]
pub struct Summary {
    row: Bytes,
    marks: u8,
    /// Where ENVELOPE, BODYSTRUCTURE, kept fields, structure and parts end; the first begins at `start`.
    start: usize,
    ends: [usize; 5],
    structure: OnceLock<BodyStructure>,
    parts: OnceLock<Vec<Part>>,
}

impl PartialEq for Summary {
    fn eq(&self, other: &Self) -> bool {
        self.row == other.row
    }
}

impl Summary {
    /// Makes the row.
    pub(super) fn build(headers: &[u8], complete: bool, structure: &BodyStructure, parts: &[Part]) -> Self {
        let envelope = envelope::parse(headers, ADDRESSES_MAX);
        let mut marks = if complete { 0 } else { INCOMPLETE };
        let rendered = render(&envelope, structure, Dialect::IMAP4);
        let old = render(&envelope, structure, Dialect::SILENT);
        let new = render(&envelope, structure, Dialect { level: Level::Rev2, utf8_accept: true });
        marks |= if old == rendered { 0 } else { OLD_DIFFERS };
        marks |= if new == rendered { 0 } else { NEW_DIFFERS };
        let (mut structure_row, mut parts_row) = (Vec::new(), Vec::new());
        write_structure(&mut structure_row, structure);
        write_parts(&mut parts_row, parts);
        let sections = [&rendered.0[..], &rendered.1, headers, &structure_row, &parts_row];
        let mut row = Vec::with_capacity(sections.iter().map(|section| section.len() + 5).sum());
        row.extend_from_slice(&[VERSION, marks]);
        sections.iter().for_each(|section| write_number(&mut row, section.len() as u64));
        sections.iter().for_each(|section| row.extend_from_slice(section));
        Self::from_bytes(row.into()).expect("a row that was just written is whole")
    }

    /// Writes the value of ENVELOPE.
    pub fn write_envelope(&self, out: &mut Vec<u8>, dialect: Dialect) {
        if self.is_rendered_for(dialect) {
            out.extend_from_slice(&self.row[self.section(0)]);
        } else {
            self.envelope().write(out, dialect);
        }
    }

    /// Writes the value of BODY.
    pub fn write_body(&self, out: &mut Vec<u8>, dialect: Dialect) {
        self.structure().write_body(out, dialect);
    }

    /// Writes the value of BODYSTRUCTURE.
    pub fn write_body_structure(&self, out: &mut Vec<u8>, dialect: Dialect) {
        if self.is_rendered_for(dialect) {
            out.extend_from_slice(&self.row[self.section(1)]);
        } else {
            self.structure().write_body_structure(out, dialect);
        }
    }

    /// The envelope, decoded.
    pub fn envelope(&self) -> Envelope {
        envelope::parse(self.headers(), ADDRESSES_MAX)
    }

    /// The structure, decoded at the first call.
    pub fn structure(&self) -> &BodyStructure {
        self.structure.get_or_init(|| {
            Reader::new(&self.row[self.section(3)]).structure().unwrap_or_else(|| BodyStructure::Multipart {
                parts: Vec::new(),
                subtype: b"MIXED".into(),
                parameters: Parameters::new(),
                extension: Default::default(),
            })
        })
    }

    /// The structure of the part with that section number (`[]`: the message); `None` if there is none.
    pub fn structure_of(&self, number: &[u32]) -> Option<&BodyStructure> {
        let mut node = self.structure();
        // Whether `node` is what a message consists of: then, if it is no multipart, it is its own part 1.
        let mut is_message = true;
        for &index in number {
            if let BodyStructure::Single { content: Content::Message { structure, .. }, .. } = node
                && !is_message
            {
                (node, is_message) = (structure, true);
            }
            match node {
                BodyStructure::Multipart { parts, .. } => node = parts.get(index.checked_sub(1)? as usize)?,
                BodyStructure::Single { .. } if is_message && index == 1 => {}
                BodyStructure::Single { .. } => return None,
            }
            is_message = false;
        }
        Some(node)
    }

    /// Where the parts lie, the message itself (number `[]`) first, in the order of their numbers. Decoded
    /// at the first call. Never empty.
    pub fn parts(&self) -> &[Part] {
        self.parts.get_or_init(|| {
            let parts = Reader::new(&self.row[self.section(4)]).parts().filter(|parts| !parts.is_empty());
            parts.unwrap_or_else(|| vec![Part::default()])
        })
    }

    /// The part with that section number. `[]` is the message; `[1]` of a message without parts is its
    /// body (RFC 9051 §6.4.5.1), and so on in attached messages.
    pub fn part(&self, number: &[u32]) -> Option<&Part> {
        let parts = self.parts();
        parts.binary_search_by(|part| part.number[..].cmp(number)).ok().map(|index| &parts[index])
    }

    /// The listing header fields, verbatim, in order, line ends included, without the empty line: Date
    /// From Sender Reply-To To Cc Bcc Subject Message-ID and the like.
    pub fn headers(&self) -> &[u8] {
        &self.row[self.section(2)]
    }

    /// Whether all fields of that name are in [`Self::headers`], so that the header needs not be read:
    /// `name` is one of the listing fields, and the message's header was not over the scanner's bounds.
    pub fn keeps_header(&self, name: &[u8]) -> bool {
        self.marks & INCOMPLETE == 0 && is_kept(name)
    }

    /// The row for the summary file.
    pub fn to_bytes(&self) -> Bytes {
        self.row.clone()
    }

    /// Reads such a row; `None` when it is damaged or of another version: it is made again from the body.
    ///
    /// Only the lengths are checked: the file's checksum vouches for the octets. Should they be wrong
    /// all the same, the structure reads as an empty one.
    pub fn from_bytes(row: Bytes) -> Option<Self> {
        let (&version, &marks) = (row.first()?, row.get(1)?);
        if version != VERSION {
            return None;
        }
        let mut reader = Reader::new(&row[2..]);
        let mut lengths = [0; 5];
        for length in &mut lengths {
            *length = usize::try_from(reader.number()?).ok()?;
        }
        let start = 2 + reader.position();
        let mut end = start;
        let mut ends = [0; 5];
        for (slot, length) in ends.iter_mut().zip(lengths) {
            end = usize::checked_add(end, length)?;
            *slot = end;
        }
        let (structure, parts) = (OnceLock::new(), OnceLock::new());
        (end == row.len()).then(|| Self { row, marks, start, ends, structure, parts })
    }

    fn section(&self, index: usize) -> Range<usize> {
        if index == 0 { self.start..self.ends[0] } else { self.ends[index - 1]..self.ends[index] }
    }

    fn is_rendered_for(&self, dialect: Dialect) -> bool {
        let differs = if dialect.quotes_utf8() {
            NEW_DIFFERS
        } else if dialect.level < Level::Imap4 {
            OLD_DIFFERS
        } else {
            0
        };
        self.marks & differs == 0
    }
}

/// ENVELOPE and BODYSTRUCTURE.
fn render(envelope: &Envelope, structure: &BodyStructure, dialect: Dialect) -> (Vec<u8>, Vec<u8>) {
    let mut rendered = (Vec::new(), Vec::new());
    envelope.write(&mut rendered.0, dialect);
    structure.write_body_structure(&mut rendered.1, dialect);
    rendered
}
