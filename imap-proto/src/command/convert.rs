//! CONVERT (RFC 5259): CONVERT, UID CONVERT, CONVERSIONS.

use bytes::Bytes;

use super::annotation::one_or_list;
use super::fetch::{
    Partial, Section, SectionText, optional_partial, section, section_binary, write_part, write_partial,
};
use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, astring, label, list1, nstring, parens, sequence_set};
use crate::types::SequenceSet;

/// CONVERT set (type [(parameters)]) items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convert {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// The media type to convert to; `None` for NIL: what the server thinks best.
    pub media_type: Option<Bytes>,
    /// How: names and values.
    pub parameters: Vec<(Bytes, Bytes)>,
    /// What of the messages, at least one.
    pub items: Vec<ConvertItem>,
}

/// What CONVERT gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConvertItem {
    /// UID
    Uid,
    /// `BODYPARTSTRUCTURE[part]`
    BodyPartStructure(Vec<u32>),
    /// `BINARY[part]<partial>`
    Binary(Vec<u32>, Option<Partial>),
    /// `BINARY.SIZE[part]`
    BinarySize(Vec<u32>),
    /// `BODY[HEADER]`, `BODY[part.HEADER]`
    Header(Vec<u32>),
    /// `BODY[part.MIME]`
    Mime(Vec<u32>),
    /// `AVAILABLECONVERSIONS[part]`
    AvailableConversions(Vec<u32>),
}

/// CONVERSIONS from to: which conversions there are; `*` is a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversions {
    /// The media type to convert from.
    pub from: Bytes,
    /// The media type to convert to.
    pub to: Bytes,
}

impl Body for Convert {
    /// ```abnf
    /// convert         = "CONVERT" SP sequence-set SP convert-params SP
    ///                   ( convert-att /
    ///                     "(" convert-att *(SP convert-att) ")" )
    /// ```
    ///
    /// From RFC 5259 §10.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, set) = sequence_set(input)?;
        let (rest, (media_type, parameters)) = arg(rest, |input| parens(input, convert_params))?;
        let (rest, items) = arg(rest, |input| one_or_list(input, convert_att))?;
        Ok((rest, Self { uid: form.is_uid(), set, media_type, parameters, items }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
        out.raw(" (");
        out.nstring(self.media_type.as_ref());
        if !self.parameters.is_empty() {
            out.sp();
            out.list(&self.parameters, |out, (name, value)| {
                out.string(name);
                out.sp();
                out.string(value);
            });
        }
        out.raw(") ");
        match &self.items[..] {
            [item] => item.write(out),
            items => out.list(items, |out, item| item.write(out)),
        }
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// A media type and parameters.
type Target = (Option<Bytes>, Vec<(Bytes, Bytes)>);

/// ```abnf
/// convert-params = "(" (quoted-to-mime-type / default-conversion)
///                  [SP "(" transcoding-params ")"] ")"
/// default-conversion = "NIL"
/// transcoding-params  = transcoding-param
///                       *(SP transcoding-param)
/// transcoding-param  = transcoding-param-name SP
///                      transcoding-param-value
/// transcoding-param-name = astring
/// transcoding-param-value = astring
/// ```
///
/// From RFC 5259 §10, what stands in the parentheses.
fn convert_params(input: Span<'_>) -> Parsed<'_, Target> {
    let (rest, media_type) = nstring(input)?;
    if rest.first() != Some(b' ') {
        return Ok((rest, (media_type, Vec::new())));
    }
    let (rest, parameters) = arg(rest, |input| {
        list1(input, |input| {
            let (rest, name) = astring(input)?;
            let (rest, value) = arg(rest, astring)?;
            Ok((rest, (name, value)))
        })
    })?;
    Ok((rest, (media_type, parameters)))
}

/// ```abnf
/// convert-att     = "UID" /
///                   "BODYPARTSTRUCTURE" section-convert /
///                   "BINARY" section-convert [partial] /
///                   "BINARY.SIZE" section-convert /
///                   "BODY[HEADER]" /
///                   "BODY[" section-part ".HEADER]" /
///                   "BODY[" section-part ".MIME]" /
///                   "AVAILABLECONVERSIONS" section-convert
/// section-convert = section-binary
/// ```
///
/// From RFC 5259 §10.
fn convert_att(input: Span<'_>) -> Parsed<'_, ConvertItem> {
    let (rest, name) = label("CONVERT item")(input)?;
    let of_part =
        |item: fn(Vec<u32>) -> ConvertItem| section_binary(rest).map(|(rest, part)| (rest, item(part)));
    match name.to_word().octets() {
        b"UID" => Ok((rest, ConvertItem::Uid)),
        b"BODYPARTSTRUCTURE" => of_part(ConvertItem::BodyPartStructure),
        b"AVAILABLECONVERSIONS" => of_part(ConvertItem::AvailableConversions),
        b"BINARY.SIZE" => of_part(ConvertItem::BinarySize),
        b"BINARY" => {
            let (rest, part) = section_binary(rest)?;
            let (rest, partial) = optional_partial(rest)?;
            Ok((rest, ConvertItem::Binary(part, partial)))
        }
        b"BODY" => match section(rest)? {
            (rest, Section { part, text: Some(SectionText::Header) }) => {
                Ok((rest, ConvertItem::Header(part)))
            }
            (rest, Section { part, text: Some(SectionText::Mime) }) => Ok((rest, ConvertItem::Mime(part))),
            _ => rest.fail("HEADER or MIME"),
        },
        _ => input.fail("CONVERT item"),
    }
}

impl ConvertItem {
    fn write(&self, out: &mut CommandWriter<'_>) {
        let (name, part, text) = match self {
            Self::Uid => return out.raw("UID"),
            Self::BodyPartStructure(part) => ("BODYPARTSTRUCTURE[", part, "]"),
            Self::Binary(part, _) => ("BINARY[", part, "]"),
            Self::BinarySize(part) => ("BINARY.SIZE[", part, "]"),
            Self::Header(part) if part.is_empty() => ("BODY[", part, "HEADER]"),
            Self::Header(part) => ("BODY[", part, ".HEADER]"),
            Self::Mime(part) => ("BODY[", part, ".MIME]"),
            Self::AvailableConversions(part) => ("AVAILABLECONVERSIONS[", part, "]"),
        };
        out.raw(name);
        write_part(out, part);
        out.raw(text);
        if let Self::Binary(_, partial) = self {
            write_partial(out, *partial);
        }
    }
}

impl Body for Conversions {
    /// ```abnf
    /// conversions-cmd = "CONVERSIONS" SP from-mime-type-req SP
    ///                   to-mime-type-req
    /// from-mime-type-req = astring
    /// to-mime-type-req = astring
    /// ```
    ///
    /// From RFC 5259 §10.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, from) = astring(input)?;
        let (rest, to) = arg(rest, astring)?;
        Ok((rest, Self { from, to }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.from);
        out.sp();
        out.string(&self.to);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn convert() {
        check(
            "e001 UID CONVERT 100 (\"IMAGE/JPEG\" (\"PIX-X\" \"128\" PIX-Y 96)) (UID BINARY[2]<0.5> BODY[1.MIME] body[header])",
            expect![[
                r#"e001 Convert(Convert { uid: true, set: Ranges([(Number(100), Number(100))]), media_type: Some(b"IMAGE/JPEG"), parameters: [(b"PIX-X", b"128"), (b"PIX-Y", b"96")], items: [Uid, Binary([2], Some(Partial { start: 0, count: 5 })), Mime([1]), Header([])] })"#
            ]],
        );
        check(
            "f001 CONVERT 2 (NIL) AVAILABLECONVERSIONS[2]",
            expect![[
                r#"f001 Convert(Convert { uid: false, set: Ranges([(Number(2), Number(2))]), media_type: None, parameters: [], items: [AvailableConversions([2])] })"#
            ]],
        );
        check("a CONVERT 2 (NIL) BODY[1]", expect!["BAD a CONVERT: expected HEADER or MIME at octet 22"]);
        check("a CONVERT 2 NIL UID", expect!["BAD a CONVERT: expected ( at octet 12"]);
    }

    #[test]
    fn conversions() {
        check(
            "b CONVERSIONS \"text/*\" \"*\"",
            expect![[r#"b Conversions(Conversions { from: b"text/*", to: b"*" })"#]],
        );
    }
}
