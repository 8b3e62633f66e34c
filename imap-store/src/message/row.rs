//! How a structure and its parts stand in a row of the summary file.
//!
//! Numbers are LEB128 of at most 64 bits. Strings are their length and octets; an optional string has its
//! length plus 1, 0 is none. Reading is bounded by the octets that are there, and by depth.

use imap_proto::types::{
    Address, AddressList, BodyStructure, Content, Disposition, Envelope, Extension, Octets, Parameters,
};

use super::Part;

/// Deeper structures are damage: the scanner makes none.
const DEPTH_MAX: usize = 200;

const MULTIPART: u64 = 0;
const BASIC: u64 = 1;
const TEXT: u64 = 2;
const MESSAGE: u64 = 3;

/// Appends a number.
pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a structure.
pub(super) fn write_structure(out: &mut Vec<u8>, structure: &BodyStructure) {
    match structure {
        BodyStructure::Multipart { parts, subtype, parameters, extension } => {
            write_number(out, MULTIPART);
            write_number(out, parts.len() as u64);
            parts.iter().for_each(|part| write_structure(out, part));
            write_string(out, subtype);
            write_pairs(out, parameters);
            write_extension(out, extension.as_deref().unwrap_or(&Extension::default()));
        }
        BodyStructure::Single {
            media_type,
            subtype,
            parameters,
            id,
            description,
            encoding,
            size_octets,
            content,
            extension,
        } => {
            write_content(out, content);
            write_string(out, media_type);
            write_string(out, subtype);
            write_pairs(out, parameters);
            write_option(out, id.as_ref());
            write_option(out, description.as_ref());
            write_string(out, encoding);
            write_number(out, *size_octets);
            write_extension(out, extension.as_deref().unwrap_or(&Extension::default()));
        }
    }
}

fn write_content(out: &mut Vec<u8>, content: &Content) {
    match content {
        Content::Basic => write_number(out, BASIC),
        Content::Text { lines } => {
            write_number(out, TEXT);
            write_number(out, *lines);
        }
        Content::Message { envelope, structure, lines } => {
            write_number(out, MESSAGE);
            write_number(out, *lines);
            write_envelope(out, envelope);
            write_structure(out, structure);
        }
    }
}

fn write_envelope(out: &mut Vec<u8>, envelope: &Envelope) {
    for text in [&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id] {
        write_option(out, text.as_ref());
    }
    for list in
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc]
    {
        write_number(out, list.len() as u64);
        for address in list {
            for text in [&address.name, &address.route, &address.mailbox, &address.host] {
                write_option(out, text.as_ref());
            }
        }
    }
}

fn write_extension(out: &mut Vec<u8>, extension: &Extension) {
    write_option(out, extension.md5.as_ref());
    write_option(out, extension.location.as_ref());
    write_option(out, extension.disposition.as_ref().map(|disposition| &disposition.kind));
    if let Some(disposition) = &extension.disposition {
        write_pairs(out, &disposition.parameters);
    }
    write_number(out, extension.language.len() as u64);
    extension.language.iter().for_each(|language| write_string(out, language));
}

fn write_pairs(out: &mut Vec<u8>, pairs: &[(Octets, Octets)]) {
    write_number(out, pairs.len() as u64);
    for (attribute, value) in pairs {
        write_string(out, attribute);
        write_string(out, value);
    }
}

fn write_string(out: &mut Vec<u8>, octets: &[u8]) {
    write_number(out, octets.len() as u64);
    out.extend_from_slice(octets);
}

fn write_option(out: &mut Vec<u8>, octets: Option<&Octets>) {
    match octets {
        None => write_number(out, 0),
        Some(octets) => {
            write_number(out, octets.len() as u64 + 1);
            out.extend_from_slice(octets);
        }
    }
}

/// Appends the parts.
pub(super) fn write_parts(out: &mut Vec<u8>, parts: &[Part]) {
    write_number(out, parts.len() as u64);
    for part in parts {
        write_number(out, part.number.len() as u64);
        part.number.iter().for_each(|&number| write_number(out, number.into()));
        write_place(out, part.header);
        write_place(out, part.body);
        write_number(out, part.message.is_some().into());
        if let Some((header, text)) = part.message {
            write_place(out, header);
            write_place(out, text);
        }
    }
}

fn write_place(out: &mut Vec<u8>, (start, length): (u64, u64)) {
    write_number(out, start);
    write_number(out, length);
}

/// Reads what was written; every method is `None` at the first thing that cannot be.
pub(super) struct Reader<'a> {
    row: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads a row, or a slice of one, from its start.
    pub(super) fn new(row: &'a [u8]) -> Self {
        Self { row, at: 0 }
    }

    /// How far it was read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next number.
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let octet = *self.row.get(self.at)?;
            self.at += 1;
            number |= u64::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number of things, each of which takes an octet at least: what is left bounds it.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.row.len() - self.at).then_some(count)
    }

    fn octets(&mut self, length: u64) -> Option<Octets> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        if end > self.row.len() {
            return None;
        }
        let octets = Octets::from(&self.row[self.at..end]);
        self.at = end;
        Some(octets)
    }

    fn string(&mut self) -> Option<Octets> {
        let length = self.number()?;
        self.octets(length)
    }

    fn option(&mut self) -> Option<Option<Octets>> {
        match self.number()? {
            0 => Some(None),
            length => self.octets(length - 1).map(Some),
        }
    }

    fn pairs(&mut self) -> Option<Parameters> {
        (0..self.count()?).map(|_| Some((self.string()?, self.string()?))).collect()
    }

    fn extension(&mut self) -> Option<Option<Box<Extension>>> {
        let md5 = self.option()?;
        let location = self.option()?;
        let disposition = match self.option()? {
            Some(kind) => Some(Disposition { kind, parameters: self.pairs()? }),
            None => None,
        };
        let language = (0..self.count()?).map(|_| self.string()).collect::<Option<_>>()?;
        Some(Extension { md5, disposition, language, location }.into())
    }

    fn envelope(&mut self) -> Option<Envelope> {
        Some(Envelope {
            date: self.option()?,
            subject: self.option()?,
            in_reply_to: self.option()?,
            message_id: self.option()?,
            from: self.addresses()?,
            sender: self.addresses()?,
            reply_to: self.addresses()?,
            to: self.addresses()?,
            cc: self.addresses()?,
            bcc: self.addresses()?,
        })
    }

    fn addresses(&mut self) -> Option<AddressList> {
        (0..self.count()?)
            .map(|_| {
                Some(Address {
                    name: self.option()?,
                    route: self.option()?,
                    mailbox: self.option()?,
                    host: self.option()?,
                })
            })
            .collect()
    }

    /// The structure that begins here.
    pub(super) fn structure(&mut self) -> Option<BodyStructure> {
        self.structure_at(0)
    }

    fn structure_at(&mut self, depth: usize) -> Option<BodyStructure> {
        if depth > DEPTH_MAX {
            return None;
        }
        let content = match self.number()? {
            MULTIPART => {
                let parts =
                    (0..self.count()?).map(|_| self.structure_at(depth + 1)).collect::<Option<_>>()?;
                return Some(BodyStructure::Multipart {
                    parts,
                    subtype: self.string()?,
                    parameters: self.pairs()?,
                    extension: self.extension()?,
                });
            }
            BASIC => Content::Basic,
            TEXT => Content::Text { lines: self.number()? },
            MESSAGE => Content::Message {
                lines: self.number()?,
                envelope: Box::new(self.envelope()?),
                structure: Box::new(self.structure_at(depth + 1)?),
            },
            _ => return None,
        };
        Some(BodyStructure::Single {
            content,
            media_type: self.string()?,
            subtype: self.string()?,
            parameters: self.pairs()?,
            id: self.option()?,
            description: self.option()?,
            encoding: self.string()?,
            size_octets: self.number()?,
            extension: self.extension()?,
        })
    }

    /// The parts that begin here.
    pub(super) fn parts(&mut self) -> Option<Vec<Part>> {
        (0..self.count()?).map(|_| self.part()).collect()
    }

    fn part(&mut self) -> Option<Part> {
        let number =
            (0..self.count()?).map(|_| u32::try_from(self.number()?).ok()).collect::<Option<Vec<u32>>>()?;
        let (header, body) = (self.place()?, self.place()?);
        let message = match self.number()? {
            0 => None,
            _ => Some((self.place()?, self.place()?)),
        };
        Some(Part { number, header, body, message })
    }

    fn place(&mut self) -> Option<(u64, u64)> {
        Some((self.number()?, self.number()?))
    }
}
