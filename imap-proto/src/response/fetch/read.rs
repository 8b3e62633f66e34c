//! Reads FETCH responses, forgiving: no item can hide another one, and none is lost.

use bytes::Bytes;

use super::{Annotation, FetchAttribute, FetchAttributes, StreamedItem};
use crate::command::section_binary;
use crate::parse::{self, Word};
use crate::response::flags::read_flags;
use crate::response::status::read_object_id;
use crate::types::{BodyStructure, Envelope, ModSeq, Uid};
use crate::wire::read::Reader;

/// The item whose literal is streamed behind the frame, and how many parentheses are open before it.
pub(super) type Streamed = (StreamedItem, usize);

/// `"(" (msg-att-dynamic / msg-att-static) *(SP (msg-att-dynamic / msg-att-static)) ")"`, up to the end.
pub(in crate::response) fn read_fetch(reader: &mut Reader<'_>) -> FetchAttributes {
    reader.eat_spaced(b'(');
    let mut attributes = FetchAttributes::new();
    read_items(reader, &mut attributes);
    attributes
}

/// Adds the items up to the `)` of the response, to the head of a streamed literal, or to the end of the frame.
pub(super) fn read_items(reader: &mut Reader<'_>, attributes: &mut FetchAttributes) -> Option<Streamed> {
    if reader.is_long() {
        // Room for all that describes a message; UID and FLAGS lie in place.
        attributes.reserve_exact(8);
    }
    let mut brackets_end = true;
    while !reader.is_at_end() && !reader.eat(b')') {
        let name = take_name(reader, &mut brackets_end);
        if reader.is_at_streamed_literal() {
            return Some((StreamedItem::from_name(reader.own(name.octets)), 0));
        }
        let value_start = *reader;
        let known = attributes.len();
        // Behind a list some servers forget the space.
        if read_known(&name, reader, attributes).is_some()
            && (reader.is_at_delimiter() || reader.passed(&value_start).ends_with(b")"))
        {
            continue;
        }
        attributes.truncate(known);
        *reader = value_start;
        reader.skip_spaces();
        let start = reader.at();
        let name = reader.own(name.octets);
        if let Err(open_lists) = reader.skip_value(0) {
            if reader.is_at_streamed_literal() {
                return Some((StreamedItem::Other(name), open_lists));
            }
            attributes.push(FetchAttribute::Other(name, take_unbalanced(reader, start)));
            return None;
        }
        attributes.push(FetchAttribute::Other(name, reader.since(start)));
    }
    None
}

/// The name of an item.
struct Name<'a> {
    /// With what stands in its brackets; empty where something else than a name stands.
    octets: &'a [u8],
    has_brackets: bool,
}

/// All that is left, from `start` on, without the `)` of the response.
fn take_unbalanced(reader: &mut Reader<'_>, start: usize) -> Bytes {
    reader.skip(usize::MAX);
    let value = reader.since(start);
    let length = value.strip_suffix(b")").map_or(value.len(), <[u8]>::len);
    value.slice(..length)
}

/// A `[` without an end is an octet like any other, and after it so is every `[` of the response: to look
/// for the end again and again would take time in the square of what was sent.
fn take_name<'a>(reader: &mut Reader<'a>, brackets_end: &mut bool) -> Name<'a> {
    let start = *reader;
    let octets = reader.pass_until(|octet| NAME_ENDS[usize::from(octet)]);
    if reader.peek() != Some(b'[') {
        return Name { octets, has_brackets: false };
    }
    if *brackets_end {
        let mut behind = *reader;
        *brackets_end = skip_brackets(&mut behind).is_some();
        if *brackets_end {
            *reader = behind;
        }
    }
    reader.pass_until(|octet| octet != b'[' && NAME_ENDS[usize::from(octet)]);
    Name { octets: reader.passed(&start), has_brackets: true }
}

/// Where a name ends, or its brackets begin. Before a literal, too, some servers forget the space.
static NAME_ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let octets = b" ()\"\r\n[{";
    let mut index = 0;
    while index < octets.len() {
        ends[octets[index] as usize] = true;
        index += 1;
    }
    ends
};

/// Up to and including `]`. Header names may be strings of any kind (`header-fld-name = astring`).
fn skip_brackets(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        reader.pass_until(|octet| matches!(octet, b' ' | b'(' | b'"' | b'{' | b']'));
        match reader.peek()? {
            b']' => {
                reader.eat(b']');
                return Some(());
            }
            b'"' => drop(reader.quoted()?),
            b'{' => drop(reader.literal_or_octet()?),
            octet => drop(reader.eat(octet)),
        }
    }
}

/// Adds the item of that name. `None` when it is not known or its value is not as it should be.
fn read_known<'a>(name: &Name<'a>, reader: &mut Reader<'a>, attributes: &mut FetchAttributes) -> Option<()> {
    if name.has_brackets {
        attributes.push(read_bracketed(&reader.own(name.octets), reader)?);
        return Some(());
    }
    // The two that there are most of, and as they are spelled mostly.
    attributes.push(match name.octets {
        octets if octets == b"UID" => FetchAttribute::Uid(Uid::new(reader.number32()?)?),
        octets if octets == b"FLAGS" => FetchAttribute::Flags(read_flags(reader)?),
        octets => read_named(octets, reader)?,
    });
    Some(())
}

fn read_named<'a>(name: &'a [u8], reader: &mut Reader<'a>) -> Option<FetchAttribute> {
    Some(match Word::of(name).octets() {
        b"FLAGS" => FetchAttribute::Flags(read_flags(reader)?),
        b"UID" => FetchAttribute::Uid(Uid::new(reader.number32()?)?),
        b"MODSEQ" => FetchAttribute::ModSeq(read_mod_seq(reader)?),
        b"INTERNALDATE" => {
            reader.skip_spaces();
            FetchAttribute::InternalDate(reader.strict(parse::date_time)?)
        }
        b"RFC822.SIZE" => FetchAttribute::Rfc822Size(reader.number()?),
        b"ENVELOPE" => FetchAttribute::Envelope(Box::new(Envelope::read(reader)?)),
        b"BODY" => FetchAttribute::Body(Box::new(BodyStructure::read(reader)?)),
        b"BODYSTRUCTURE" => FetchAttribute::BodyStructure(Box::new(BodyStructure::read(reader)?)),
        b"EMAILID" => FetchAttribute::EmailId(read_object_id(reader)?),
        b"THREADID" if reader.nil() => FetchAttribute::ThreadId(None),
        b"THREADID" => FetchAttribute::ThreadId(Some(read_object_id(reader)?)),
        b"SAVEDATE" if reader.nil() => FetchAttribute::SaveDate(None),
        b"SAVEDATE" => {
            reader.skip_spaces();
            FetchAttribute::SaveDate(Some(reader.strict(parse::date_time)?))
        }
        b"PREVIEW" => FetchAttribute::Preview(reader.nstring()?),
        b"ANNOTATION" => FetchAttribute::Annotation(Annotation::read(reader)?),
        b"X-GM-MSGID" => FetchAttribute::GmMsgId(reader.number()?),
        b"X-GM-THRID" => FetchAttribute::GmThrId(reader.number()?),
        b"X-GM-LABELS" => FetchAttribute::GmLabels(reader.list(Reader::astring)?),
        _ => StreamedItem::from_name(reader.own(name)).into_attribute(reader.nstring()?)?,
    })
}

/// `BODY[...]<n>`, `BINARY[...]<n>` and `BINARY.SIZE[...]`; and those of RFC 5259.
fn read_bracketed(name: &Bytes, reader: &mut Reader<'_>) -> Option<FetchAttribute> {
    let mut inside = Reader::new(name);
    let base = inside.take_until(|octet| octet == b'[');
    let attribute = match base.to_ascii_uppercase().as_slice() {
        b"BINARY.SIZE" => FetchAttribute::BinarySize(inside.strict(section_binary)?, reader.number()?),
        b"BODYPARTSTRUCTURE" => {
            let part = inside.strict(section_binary)?;
            FetchAttribute::BodyPartStructure(part, Box::new(BodyStructure::read(reader)?))
        }
        b"AVAILABLECONVERSIONS" => {
            let part = inside.strict(section_binary)?;
            FetchAttribute::AvailableConversions(part, read_conversions(reader)?)
        }
        _ => return StreamedItem::from_name(name.clone()).into_attribute(reader.nstring()?),
    };
    inside.peek().is_none().then_some(attribute)
}

/// ```abnf
/// mimetype-list = "(" "(" [quoted-to-mime-type
///                          *(SP quoted-to-mime-type)] ")" ")"
/// ```
///
/// From RFC 5259 §10.
fn read_conversions(reader: &mut Reader<'_>) -> Option<Vec<Bytes>> {
    if !reader.eat_spaced(b'(') {
        return None;
    }
    reader.skip_spaces();
    let types = (reader.peek() == Some(b'(')).then(|| reader.list(Reader::string))??;
    reader.eat_spaced(b')').then_some(types)
}

/// `"MODSEQ" SP "(" permsg-modsequence ")"` (RFC 7162 §7)
fn read_mod_seq(reader: &mut Reader<'_>) -> Option<ModSeq> {
    let is_list = reader.eat_spaced(b'(');
    let mod_seq = ModSeq::new(reader.number()?)?;
    (!is_list || reader.eat_spaced(b')')).then_some(mod_seq)
}

/// `["<" number ">"]` at the end of a name. The outer `None`: something else stands there.
pub(super) fn read_origin(reader: &mut Reader<'_>) -> Option<Option<u64>> {
    if !reader.eat(b'<') {
        return reader.peek().is_none().then_some(None);
    }
    let origin = reader.number()?;
    let is_whole = reader.eat(b'>') && reader.peek().is_none();
    is_whole.then_some(Some(origin))
}
