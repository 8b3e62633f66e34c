//! [`FetchWriter`]: FETCH responses without building them first.

use super::{Annotation, FetchAttribute};
use crate::Dialect;
use crate::command::{Partial, Section, SectionText};
use crate::response::status::write_object_id;
use crate::response::text::{is_atom, write_astring, write_list};
use crate::types::{BodyStructure, DateTime, Envelope, Flag, ModSeq, ObjectId, SeqNum, Uid};
use crate::wire::write;

/// Writes one FETCH response straight into a buffer, item by item, without building it first.
pub struct FetchWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
    /// Nothing stands between the item and the parenthesis yet.
    first: bool,
}

impl<'a> FetchWriter<'a> {
    /// Writes `* n FETCH (`.
    pub fn begin(out: &'a mut Vec<u8>, dialect: Dialect, seq_num: SeqNum) -> Self {
        out.extend_from_slice(b"* ");
        write::number(out, u64::from(seq_num.get()));
        out.extend_from_slice(b" FETCH (");
        Self { out, dialect, first: true }
    }
    /// Writes `* uid UIDFETCH (`, for sessions that have enabled UIDONLY (RFC 9586).
    pub fn begin_uid(out: &'a mut Vec<u8>, dialect: Dialect, uid: Uid) -> Self {
        out.extend_from_slice(b"* ");
        write::number(out, u64::from(uid.get()));
        out.extend_from_slice(b" UIDFETCH (");
        Self { out, dialect, first: true }
    }
    /// Goes on with a response that [`Self::begin`] started in an earlier buffer and at least one item of
    /// which was written: large literals are sent in pieces.
    pub fn resume(out: &'a mut Vec<u8>, dialect: Dialect) -> Self {
        Self { out, dialect, first: false }
    }
    /// FLAGS: keywords and flags in the order given.
    pub fn flags<'f>(&mut self, flags: impl IntoIterator<Item = &'f Flag>) {
        self.name(b"FLAGS ");
        write::flag_list(self.out, flags);
    }
    /// UID
    pub fn uid(&mut self, uid: Uid) {
        self.number(b"UID ", u64::from(uid.get()));
    }
    /// MODSEQ
    pub fn mod_seq(&mut self, mod_seq: ModSeq) {
        self.number(b"MODSEQ (", mod_seq.get());
        self.out.push(b')');
    }
    /// INTERNALDATE
    pub fn internal_date(&mut self, date: DateTime) {
        self.name(b"INTERNALDATE ");
        date.write(self.out);
    }
    /// RFC822.SIZE
    pub fn rfc822_size(&mut self, size_octets: u64) {
        self.number(b"RFC822.SIZE ", size_octets);
    }
    /// ENVELOPE
    pub fn envelope(&mut self, envelope: &Envelope) {
        self.name(b"ENVELOPE ");
        envelope.write(self.out, self.dialect);
    }
    /// BODY, without extension data
    pub fn body(&mut self, structure: &BodyStructure) {
        self.name(b"BODY ");
        structure.write_body(self.out, self.dialect);
    }
    /// BODYSTRUCTURE
    pub fn body_structure(&mut self, structure: &BodyStructure) {
        self.name(b"BODYSTRUCTURE ");
        structure.write_body_structure(self.out, self.dialect);
    }
    /// EMAILID (RFC 8474)
    pub fn email_id(&mut self, id: &ObjectId) {
        self.name(b"EMAILID ");
        write_object_id(self.out, id);
    }
    /// THREADID (RFC 8474)
    pub fn thread_id(&mut self, id: Option<&ObjectId>) {
        self.name(b"THREADID ");
        match id {
            Some(id) => write_object_id(self.out, id),
            None => self.out.extend_from_slice(b"NIL"),
        }
    }
    /// SAVEDATE (RFC 8514)
    pub fn save_date(&mut self, date: Option<DateTime>) {
        self.name(b"SAVEDATE ");
        match date {
            Some(date) => date.write(self.out),
            None => self.out.extend_from_slice(b"NIL"),
        }
    }
    /// PREVIEW, in UTF-8 (RFC 8970)
    pub fn preview(&mut self, text: Option<&[u8]>) {
        self.name(b"PREVIEW ");
        write::nstring(self.out, text, self.dialect);
    }
    /// ANNOTATION (RFC 5257)
    pub fn annotation(&mut self, annotation: &Annotation) {
        self.name(b"ANNOTATION ");
        annotation.write(self.out, self.dialect);
    }
    /// X-GM-MSGID
    pub fn gm_msg_id(&mut self, id: u64) {
        self.number(b"X-GM-MSGID ", id);
    }
    /// X-GM-THRID
    pub fn gm_thr_id(&mut self, id: u64) {
        self.number(b"X-GM-THRID ", id);
    }
    /// X-GM-LABELS. System labels (`\Inbox`) stand in quotes with their backslash escaped, as Gmail has them.
    pub fn gm_labels(&mut self, labels: &[impl AsRef<[u8]>]) {
        self.name(b"X-GM-LABELS ");
        let dialect = self.dialect;
        write_list(self.out, labels, |out, label| match label.as_ref() {
            [b'\\', name @ ..] if is_atom(name) => {
                out.extend_from_slice(b"\"\\\\");
                out.extend_from_slice(name);
                out.push(b'"');
            }
            label => write_astring(out, label, dialect),
        });
    }
    /// An item whose value is rendered already, e.g. `ENVELOPE` and a row of the summary.
    pub fn rendered(&mut self, name: &str, value: &[u8]) {
        self.name(name.as_bytes());
        self.out.push(b' ');
        self.out.extend_from_slice(value);
    }
    /// An item of any name with NIL for a value, e.g. `BINARY[7]` where there is no such part.
    pub fn nil(&mut self, name: &str) {
        self.rendered(name, b"NIL");
    }
    /// An item of any name with a number for a value, e.g. `BINARY.SIZE[2]`.
    pub fn named_number(&mut self, name: &str, number: u64) {
        self.name(name.as_bytes());
        self.out.push(b' ');
        write::number(self.out, number);
    }
    /// Writes ` BODY[section]<origin> `, or the like, and the head of a literal of `size_octets`; whoever
    /// calls appends exactly that many octets to [`Self::buffer`] (or streams them behind it).
    ///
    /// Header names stand as the client spelled them, in quotes only where they need it. Of `partial` only
    /// the start is told (RFC 9051 §7.5.2).
    pub fn section_literal(&mut self, section: &Section, partial: Option<Partial>, size_octets: u64) {
        self.section_name(section, partial.map(|partial| partial.start));
        write::literal_head(self.out, size_octets);
    }
    /// Writes ` BODY[section] NIL`: the message has no such part.
    pub fn section_nil(&mut self, section: &Section, partial: Option<Partial>) {
        self.section_name(section, partial.map(|partial| partial.start));
        self.out.extend_from_slice(b"NIL");
    }
    /// Any item name (`RFC822.TEXT`, `BINARY[1]<0>`) with the head of a literal; `binary` makes it `~{n}`.
    pub fn named_literal(&mut self, name: &str, size_octets: u64, binary: bool) {
        self.name(name.as_bytes());
        self.out.push(b' ');
        if binary {
            self.out.push(b'~');
        }
        write::literal_head(self.out, size_octets);
    }
    /// The buffer, to append a literal's octets.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }
    /// Writes `)` CRLF.
    pub fn end(self) {
        self.out.extend_from_slice(b")\r\n");
    }

    /// Writes the space between two items and then `name`.
    fn name(&mut self, name: &[u8]) {
        if !self.first {
            self.out.push(b' ');
        }
        self.first = false;
        self.out.extend_from_slice(name);
    }

    fn number(&mut self, name: &[u8], number: u64) {
        self.name(name);
        write::number(self.out, number);
    }

    fn section_name(&mut self, section: &Section, origin: Option<u64>) {
        self.name(b"BODY[");
        write_section(self.out, section, self.dialect);
        self.out.push(b']');
        write_origin(self.out, origin);
        self.out.push(b' ');
    }

    fn binary_name(&mut self, name: &[u8], part: &[u32], origin: Option<u64>) {
        self.name(name);
        self.out.push(b'[');
        write_part(self.out, part);
        self.out.push(b']');
        write_origin(self.out, origin);
        self.out.push(b' ');
    }

    fn attribute(&mut self, attribute: &FetchAttribute) {
        match attribute {
            FetchAttribute::Flags(flags) => self.flags(flags),
            FetchAttribute::Uid(uid) => self.uid(*uid),
            FetchAttribute::ModSeq(mod_seq) => self.mod_seq(*mod_seq),
            FetchAttribute::InternalDate(date) => self.internal_date(*date),
            FetchAttribute::Rfc822Size(size) => self.rfc822_size(*size),
            FetchAttribute::Envelope(envelope) => self.envelope(envelope),
            FetchAttribute::Body(structure) => self.body(structure),
            FetchAttribute::BodyStructure(structure) => self.body_structure(structure),
            FetchAttribute::Rfc822(name, data) => {
                self.name(name.as_bytes());
                self.out.push(b' ');
                write_data(self.out, data.as_deref());
            }
            FetchAttribute::Section { section, origin, data } => {
                self.section_name(section, *origin);
                write_data(self.out, data.as_deref());
            }
            FetchAttribute::Binary { part, origin, data } => {
                self.binary_name(b"BINARY", part, *origin);
                if data.as_ref().is_some_and(|data| data.contains(&0)) {
                    self.out.push(b'~');
                }
                write_data(self.out, data.as_deref());
            }
            FetchAttribute::BinarySize(part, size) => {
                self.binary_name(b"BINARY.SIZE", part, None);
                write::number(self.out, *size);
            }
            FetchAttribute::EmailId(id) => self.email_id(id),
            FetchAttribute::ThreadId(id) => self.thread_id(id.as_ref()),
            FetchAttribute::SaveDate(date) => self.save_date(*date),
            FetchAttribute::Preview(text) => self.preview(text.as_deref()),
            FetchAttribute::Annotation(annotation) => self.annotation(annotation),
            FetchAttribute::GmMsgId(id) => self.gm_msg_id(*id),
            FetchAttribute::GmThrId(id) => self.gm_thr_id(*id),
            FetchAttribute::GmLabels(labels) => self.gm_labels(labels),
            FetchAttribute::BodyPartStructure(part, structure) => {
                self.binary_name(b"BODYPARTSTRUCTURE", part, None);
                structure.write_body(self.out, self.dialect);
            }
            FetchAttribute::AvailableConversions(part, types) => {
                self.binary_name(b"AVAILABLECONVERSIONS", part, None);
                let dialect = self.dialect;
                self.out.push(b'(');
                write_list(self.out, types, |out, media_type| write::string(out, media_type, dialect));
                self.out.push(b')');
            }
            FetchAttribute::Other(name, value) => {
                self.name(name);
                if !value.is_empty() {
                    self.out.push(b' ');
                    self.out.extend_from_slice(value);
                }
            }
        }
    }
}

/// Writes a whole FETCH response.
pub(in crate::response) fn write_fetch(
    out: &mut Vec<u8>,
    dialect: Dialect,
    seq_num: SeqNum,
    attributes: &[FetchAttribute],
) {
    FetchWriter::begin(out, dialect, seq_num);
    write_attributes(out, dialect, attributes);
    out.extend_from_slice(b")\r\n");
}

/// Writes a whole UIDFETCH response.
pub(in crate::response) fn write_uid_fetch(
    out: &mut Vec<u8>,
    dialect: Dialect,
    uid: Uid,
    attributes: &[FetchAttribute],
) {
    FetchWriter::begin_uid(out, dialect, uid);
    write_attributes(out, dialect, attributes);
    out.extend_from_slice(b")\r\n");
}

/// Writes what stands in the parentheses of a FETCH.
pub(in crate::response) fn write_attributes(
    out: &mut Vec<u8>,
    dialect: Dialect,
    attributes: &[FetchAttribute],
) {
    let mut writer = FetchWriter { out, dialect, first: true };
    for attribute in attributes {
        writer.attribute(attribute);
    }
}

/// Octets of a message as `nstring`: always a literal, since a client may want to stream them.
fn write_data(out: &mut Vec<u8>, data: Option<&[u8]>) {
    match data {
        Some(octets) => write::literal(out, octets),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `section-spec = section-msgtext / (section-part ["." section-text])`, without the brackets.
fn write_section(out: &mut Vec<u8>, section: &Section, dialect: Dialect) {
    write_part(out, &section.part);
    let Some(text) = &section.text else { return };
    if !section.part.is_empty() {
        out.push(b'.');
    }
    match text {
        SectionText::Header => out.extend_from_slice(b"HEADER"),
        SectionText::Text => out.extend_from_slice(b"TEXT"),
        SectionText::Mime => out.extend_from_slice(b"MIME"),
        SectionText::HeaderFields { not, names } => {
            out.extend_from_slice(if *not { b"HEADER.FIELDS.NOT " } else { b"HEADER.FIELDS " });
            let mut before = b'(';
            for name in names {
                out.push(before);
                write_astring(out, name, dialect);
                before = b' ';
            }
            out.push(b')');
        }
    }
}

/// `section-part = nz-number *("." nz-number)`
fn write_part(out: &mut Vec<u8>, part: &[u32]) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        write::number(out, u64::from(*number));
    }
}

/// `["<" number ">"]`
fn write_origin(out: &mut Vec<u8>, origin: Option<u64>) {
    if let Some(origin) = origin {
        out.push(b'<');
        write::number(out, origin);
        out.push(b'>');
    }
}
