//! BODY and BODYSTRUCTURE: the MIME tree of a message (RFC 9051 §7.5.2).

use smallvec::SmallVec;

use super::{Envelope, Octets};
use crate::parse::decimal;
use crate::wire::read::Reader;
use crate::wire::write;
use crate::{Dialect, Level};

/// One part of the MIME tree.
///
/// The same value is written as BODY (without extension data) and as BODYSTRUCTURE (with it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyStructure {
    /// A part that has parts. Written with one empty text/plain part where `parts` is empty, since the
    /// grammar knows no multipart without one.
    Multipart {
        /// The parts in order.
        parts: Vec<BodyStructure>,
        /// `MIXED`, `ALTERNATIVE`, ... as written in the message.
        subtype: Octets,
        /// Content-Type's parameters, attribute and value.
        parameters: Parameters,
        /// What BODYSTRUCTURE says beyond BODY; `None` where it says nothing.
        extension: Option<Box<Extension>>,
    },
    /// A leaf, or an attached message.
    Single {
        /// `TEXT`, `IMAGE`, ... as written in the message.
        media_type: Octets,
        /// `PLAIN`, `PNG`, ... as written in the message.
        subtype: Octets,
        /// Content-Type's parameters, attribute and value.
        parameters: Parameters,
        /// Content-ID.
        id: Option<Octets>,
        /// Content-Description.
        description: Option<Octets>,
        /// Content-Transfer-Encoding, `7BIT` where there is none.
        encoding: Octets,
        /// Octets of the body in its transfer encoding.
        size_octets: u64,
        /// What its type brings along.
        content: Content,
        /// What BODYSTRUCTURE says beyond BODY; `None` where it says nothing.
        extension: Option<Box<Extension>>,
    },
}

/// The parameters of a part or of its disposition, attribute and value, in the order of the message. Most have one,
/// which needs no memory of its own.
pub type Parameters = SmallVec<[(Octets, Octets); 1]>;

/// What a leaf has beyond the basic fields, by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Neither text nor a message.
    Basic,
    /// `text/*`.
    Text {
        /// Lines of the body in its transfer encoding.
        lines: u64,
    },
    /// `message/rfc822` or `message/global`.
    Message {
        /// The envelope of the attached message.
        envelope: Box<Envelope>,
        /// The structure of the attached message.
        structure: Box<BodyStructure>,
        /// Lines of the attached message in its transfer encoding.
        lines: u64,
    },
}

/// The extension data of a part: everything that BODY leaves out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Content-MD5; multiparts have none.
    pub md5: Option<Octets>,
    /// Content-Disposition and its parameters.
    pub disposition: Option<Disposition>,
    /// Content-Language. Empty is NIL.
    pub language: Vec<Octets>,
    /// Content-Location.
    pub location: Option<Octets>,
}

impl From<Extension> for Option<Box<Extension>> {
    /// `None` for what says nothing.
    fn from(extension: Extension) -> Self {
        (extension != Extension::default()).then(|| Box::new(extension))
    }
}

/// Content-Disposition (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment`, ...
    pub kind: Octets,
    /// Its parameters, attribute and value.
    pub parameters: Parameters,
}

/// A tree that is deeper is not read: it comes from no honest server.
const DEPTH_MAX: usize = 64;

impl BodyStructure {
    /// Reads the value of BODY or BODYSTRUCTURE. Forgiving: NIL and atoms are taken for strings, any of the
    /// extension data may be missing, and what stands behind it is skipped. `None` when it cannot be read
    /// or nests more than 64 deep.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        read_part(reader, DEPTH_MAX)
    }

    /// What stands where the grammar wants a part and there is none.
    fn empty_text() -> Self {
        Self::Single {
            media_type: b"TEXT".into(),
            subtype: b"PLAIN".into(),
            parameters: Parameters::new(),
            id: None,
            description: None,
            encoding: b"7BIT".into(),
            size_octets: 0,
            content: Content::Text { lines: 0 },
            extension: None,
        }
    }

    /// Writes the value of BODY: no extension data.
    pub fn write_body(&self, out: &mut Vec<u8>, dialect: Dialect) {
        Writer { out, dialect, extensible: false }.part(self);
    }

    /// Writes the value of BODYSTRUCTURE: with extension data.
    pub fn write_body_structure(&self, out: &mut Vec<u8>, dialect: Dialect) {
        Writer { out, dialect, extensible: true }.part(self);
    }
}

/// [`BodyStructure::empty_text`] as it is written.
const EMPTY_TEXT_PART: &[u8] = br#"("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0)"#;

/// Writes the tree. Whether a part has lines or a nested message is decided by its type alone, as clients
/// do, so that what is written follows the grammar whatever the value holds.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
    /// BODYSTRUCTURE, not BODY.
    extensible: bool,
}

impl Writer<'_> {
    /// `body = "(" (body-type-1part / body-type-mpart) ")"`
    fn part(&mut self, part: &BodyStructure) {
        self.out.push(b'(');
        match part {
            BodyStructure::Multipart { parts, subtype, parameters, extension } => {
                self.multipart(parts, subtype, parameters, extension.as_deref());
            }
            BodyStructure::Single { .. } => self.single(part),
        }
        self.out.push(b')');
    }

    /// `body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]`
    fn multipart(
        &mut self,
        parts: &[BodyStructure],
        subtype: &[u8],
        parameters: &[(Octets, Octets)],
        extension: Option<&Extension>,
    ) {
        for part in parts {
            self.part(part);
        }
        if parts.is_empty() {
            self.out.extend_from_slice(EMPTY_TEXT_PART);
        }
        self.space();
        self.string(subtype);
        if self.extensible {
            self.space();
            self.parameters(parameters);
            self.extension_tail(extension);
        }
    }

    /// `body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]`
    fn single(&mut self, part: &BodyStructure) {
        let BodyStructure::Single {
            media_type,
            subtype,
            parameters,
            id,
            description,
            encoding,
            size_octets,
            content,
            extension,
        } = part
        else {
            return;
        };
        self.string(media_type);
        self.space();
        self.string(subtype);
        self.space();
        self.parameters(parameters);
        for field in [id, description] {
            self.space();
            self.nstring(field.as_deref());
        }
        self.space();
        self.string(if encoding.is_empty() { b"7BIT" } else { encoding });
        self.space();
        write::number(self.out, *size_octets);
        self.content(media_type, subtype, content);
        if self.extensible {
            self.space();
            self.nstring(extension.as_ref().and_then(|extension| extension.md5.as_deref()));
            self.extension_tail(extension.as_deref());
        }
    }

    /// Envelope, structure and lines of a message, lines of a text.
    ///
    /// message/global has them in IMAP4rev2 only: older clients look for them behind message/rfc822 and
    /// would take them for extension data (RFC 9051 §7.5.2 against RFC 3501 §7.4.2).
    fn content(&mut self, media_type: &[u8], subtype: &[u8], content: &Content) {
        if media_type.eq_ignore_ascii_case(b"TEXT") {
            self.space();
            let lines = if let Content::Text { lines } = content { *lines } else { 0 };
            write::number(self.out, lines);
        } else if is_nested_message(media_type, subtype, self.dialect.level >= Level::Rev2) {
            self.space();
            self.nested_message(content);
        }
    }

    /// `envelope SP body SP body-fld-lines`
    fn nested_message(&mut self, content: &Content) {
        if let Content::Message { envelope, structure, lines } = content {
            envelope.write(self.out, self.dialect);
            self.space();
            self.part(structure);
            self.space();
            write::number(self.out, *lines);
        } else {
            Envelope::default().write(self.out, self.dialect);
            self.space();
            self.out.extend_from_slice(EMPTY_TEXT_PART);
            self.out.extend_from_slice(b" 0");
        }
    }

    /// ` body-fld-dsp SP body-fld-lang SP body-fld-loc`
    fn extension_tail(&mut self, extension: Option<&Extension>) {
        let Some(extension) = extension else {
            self.out.extend_from_slice(b" NIL NIL NIL");
            return;
        };
        self.space();
        match &extension.disposition {
            None => self.nil(),
            Some(disposition) => {
                self.out.push(b'(');
                self.string(&disposition.kind);
                self.space();
                self.parameters(&disposition.parameters);
                self.out.push(b')');
            }
        }
        self.space();
        self.languages(&extension.language);
        self.space();
        self.nstring(extension.location.as_deref());
    }

    /// `body-fld-lang = nstring / "(" string *(SP string) ")"`
    fn languages(&mut self, languages: &[Octets]) {
        match languages {
            [] => self.nil(),
            [language] => self.string(language),
            [first, others @ ..] => {
                self.out.push(b'(');
                self.string(first);
                for language in others {
                    self.space();
                    self.string(language);
                }
                self.out.push(b')');
            }
        }
    }

    /// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`
    fn parameters(&mut self, parameters: &[(Octets, Octets)]) {
        if parameters.is_empty() {
            return self.nil();
        }
        let mut before = b'(';
        for (attribute, value) in parameters {
            self.out.push(before);
            self.string(attribute);
            self.space();
            self.string(value);
            before = b' ';
        }
        self.out.push(b')');
    }

    fn string(&mut self, octets: &[u8]) {
        write::string(self.out, octets, self.dialect);
    }

    fn nstring(&mut self, octets: Option<&[u8]>) {
        write::nstring(self.out, octets, self.dialect);
    }

    fn nil(&mut self) {
        self.out.extend_from_slice(b"NIL");
    }

    fn space(&mut self) {
        self.out.push(b' ');
    }
}

/// Whether a part of that type brings the envelope and structure of a message along.
fn is_nested_message(media_type: &[u8], subtype: &[u8], global_too: bool) -> bool {
    media_type.eq_ignore_ascii_case(b"MESSAGE")
        && (subtype.eq_ignore_ascii_case(b"RFC822") || global_too && subtype.eq_ignore_ascii_case(b"GLOBAL"))
}

fn read_part(reader: &mut Reader<'_>, depth_left: usize) -> Option<BodyStructure> {
    let depth_left = depth_left.checked_sub(1)?;
    if !reader.eat_spaced(b'(') {
        return None;
    }
    reader.skip_spaces();
    let part = if reader.peek() == Some(b'(') {
        read_multipart(reader, depth_left)?
    } else {
        read_single(reader, depth_left)?
    };
    // Extension data that is not known yet (`body-extension`).
    while !reader.eat_spaced(b')') {
        reader.skip_value(0).ok()?;
    }
    Some(part)
}

fn read_multipart(reader: &mut Reader<'_>, depth_left: usize) -> Option<BodyStructure> {
    let mut parts = Vec::with_capacity(2);
    while reader.peek() == Some(b'(') {
        parts.push(read_part(reader, depth_left)?);
        reader.skip_spaces();
    }
    Some(BodyStructure::Multipart {
        parts,
        subtype: reader.string()?,
        parameters: if is_at_list_end(reader) { Parameters::new() } else { read_parameters(reader)? },
        extension: read_extension(reader, false)?,
    })
}

/// A multipart without parts as some servers write it: what would be a type is its subtype, and its parameters follow.
fn read_empty_multipart(reader: &mut Reader<'_>, subtype: Octets) -> Option<BodyStructure> {
    let parameters = read_parameters(reader)?;
    Some(BodyStructure::Multipart {
        parts: Vec::new(),
        subtype,
        parameters,
        extension: read_extension(reader, false)?,
    })
}

fn read_single(reader: &mut Reader<'_>, depth_left: usize) -> Option<BodyStructure> {
    let media_type: Octets = reader.string()?;
    reader.skip_spaces();
    if reader.peek() == Some(b'(') {
        return read_empty_multipart(reader, media_type);
    }
    let subtype: Octets = reader.string()?;
    let parameters = read_parameters(reader)?;
    let id = reader.nstring()?;
    let description = reader.nstring()?;
    let encoding = reader.nstring()?.unwrap_or_else(|| Octets::from(b"7BIT"));
    let size_octets = read_count(reader)?;
    let content = read_content(reader, &media_type, &subtype, depth_left)?;
    Some(BodyStructure::Single {
        media_type,
        subtype,
        parameters,
        id,
        description,
        encoding,
        size_octets,
        content,
        extension: read_extension(reader, true)?,
    })
}

/// A message nests where its envelope stands, whatever the type promises: servers differ on message/global
/// (RFC 9051 §7.5.2), and some leave it out of a message/rfc822 that they could not read.
fn read_content(
    reader: &mut Reader<'_>,
    media_type: &[u8],
    subtype: &[u8],
    depth_left: usize,
) -> Option<Content> {
    reader.skip_spaces();
    if media_type.eq_ignore_ascii_case(b"TEXT") {
        let lines = if is_at_list_end(reader) { 0 } else { read_count(reader)? };
        Some(Content::Text { lines })
    } else if is_nested_message(media_type, subtype, true) && reader.peek() == Some(b'(') {
        Some(Content::Message {
            envelope: Box::new(Envelope::read(reader)?),
            structure: Box::new(read_part(reader, depth_left)?),
            lines: if is_at_list_end(reader) { 0 } else { read_count(reader)? },
        })
    } else if is_nested_message(media_type, subtype, true)
        && let Some(lines) = read_lines_of_nothing(reader)
    {
        let structure = Box::new(BodyStructure::empty_text());
        Some(Content::Message { envelope: Box::default(), structure, lines })
    } else {
        Some(Content::Basic)
    }
}

/// `NIL NIL` and the lines of a message whose envelope and structure the server does not tell. Takes nothing where
/// something else stands: extension data has no number there.
fn read_lines_of_nothing(reader: &mut Reader<'_>) -> Option<u64> {
    let start = *reader;
    let lines = if reader.nil() && reader.nil() { reader.number() } else { None };
    if lines.is_none() {
        *reader = start;
    }
    lines
}

/// Content-MD5 where a part has it, disposition, languages and location, as far as they are there.
fn read_extension(reader: &mut Reader<'_>, has_md5: bool) -> Option<Option<Box<Extension>>> {
    if reader.eat_nils(if has_md5 { b" NIL NIL NIL NIL" } else { b" NIL NIL NIL" }) {
        return Some(None);
    }
    let extension = Extension {
        md5: if !has_md5 || is_at_list_end(reader) { None } else { reader.nstring()? },
        disposition: if is_at_list_end(reader) { None } else { read_disposition(reader)? },
        language: if is_at_list_end(reader) { Vec::new() } else { read_languages(reader)? },
        location: if is_at_list_end(reader) { None } else { reader.nstring()? },
    };
    Some(extension.into())
}

/// `body-fld-dsp`; a bare string is a disposition without parameters.
fn read_disposition(reader: &mut Reader<'_>) -> Option<Option<Disposition>> {
    if !reader.eat_spaced(b'(') {
        let kind: Option<Octets> = reader.nstring()?;
        return Some(kind.map(|kind| Disposition { kind, parameters: Parameters::new() }));
    }
    let kind = reader.string()?;
    let parameters = if is_at_list_end(reader) { Parameters::new() } else { read_parameters(reader)? };
    reader.eat_spaced(b')').then_some(Some(Disposition { kind, parameters }))
}

fn read_languages(reader: &mut Reader<'_>) -> Option<Vec<Octets>> {
    reader.skip_spaces();
    if reader.peek() == Some(b'(') {
        return reader.list(Reader::string);
    }
    Some(reader.nstring()?.into_iter().collect())
}

fn read_parameters(reader: &mut Reader<'_>) -> Option<Parameters> {
    let mut parameters = Parameters::new();
    if reader.eat_nils(b" NIL") {
        return Some(parameters);
    }
    reader.skip_spaces();
    if reader.peek() == Some(b'"') {
        // An empty string in place of NIL.
        reader.quoted().filter(|string| string.is_empty())?;
    } else {
        reader.each(|reader| {
            parameters.push((reader.string()?, reader.string()?));
            Some(())
        })?;
    }
    Some(parameters)
}

/// A number of octets or lines; NIL is 0. It may stand in quotes, and one that is below 0 is 0.
fn read_count(reader: &mut Reader<'_>) -> Option<u64> {
    if let Some(count) = reader.number() {
        return Some(count);
    }
    let text: Octets = reader.nstring()?.unwrap_or_else(|| b"0".into());
    let (digits, is_negative) = match text.strip_prefix(b"-") {
        Some(digits) => (digits, true),
        None => (&*text, false),
    };
    let count = digits.iter().all(u8::is_ascii_digit).then(|| decimal(digits))??;
    Some(if is_negative { 0 } else { count })
}

#[inline]
fn is_at_list_end(reader: &mut Reader<'_>) -> bool {
    reader.skip_spaces();
    reader.peek() == Some(b')')
}
