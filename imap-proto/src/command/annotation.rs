//! Annotations of messages (ANNOTATE-EXPERIMENT-1, RFC 5257), as FETCH, STORE, APPEND and SORT name them.

use bytes::Bytes;

use super::CommandWriter;
use crate::parse::{Parsed, Span, arg, astring, list_mailbox, list1, no_case, nstring, parens};

/// One entry with the values to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryValues {
    /// The entry: `/comment`.
    pub entry: Bytes,
    /// Names of values (`value.priv`) and what they become, at least one; `None` removes it.
    pub values: Vec<(Bytes, Option<Bytes>)>,
}

/// What FETCH asks of annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationQuery {
    /// Entries, in which `*` and `%` are wildcards; at least one.
    pub entries: Vec<Bytes>,
    /// Names of values (`value.priv`), at least one.
    pub attributes: Vec<Bytes>,
}

/// ```abnf
/// att-annotate      = "ANNOTATION" SP
///                          "(" entry-att *(SP entry-att) ")"
/// entry-att         = entry SP "(" att-value *(SP att-value) ")"
/// att-value         = attrib SP value
/// value             = nstring / literal8
/// ```
///
/// From RFC 5257 §5.
pub(super) fn att_annotate(input: Span<'_>) -> Parsed<'_, Vec<EntryValues>> {
    let (rest, ()) = no_case("ANNOTATION ")(input)?;
    list1(rest, |input| {
        let (rest, entry) = astring(input)?;
        let (rest, values) = arg(rest, |input| list1(input, att_value))?;
        Ok((rest, EntryValues { entry, values }))
    })
}

fn att_value(input: Span<'_>) -> Parsed<'_, (Bytes, Option<Bytes>)> {
    let (rest, name) = astring(input)?;
    let (rest, value) = arg(rest, nstring)?;
    Ok((rest, (name, value)))
}

/// Writes what [`att_annotate`] reads.
pub(super) fn write_annotations(out: &mut CommandWriter<'_>, annotations: &[EntryValues]) {
    out.raw("ANNOTATION ");
    out.list(annotations, |out, annotation| {
        out.string(&annotation.entry);
        out.sp();
        out.list(&annotation.values, |out, (name, value)| {
            out.string(name);
            out.sp();
            out.nstring(value.as_ref());
        });
    });
}

/// ```abnf
/// fetch-att         =/ "ANNOTATION" SP "(" entries SP attribs ")"
///                     ; modifies original IMAP fetch-att
/// entries           = entry-match /
///                     "(" entry-match *(SP entry-match) ")"
/// attribs           = attrib / "(" attrib *(SP attrib) ")"
/// ```
///
/// From RFC 5257 §5, what stands behind the first SP.
pub(super) fn annotation_query(input: Span<'_>) -> Parsed<'_, AnnotationQuery> {
    parens(input, |input| {
        let (rest, entries) = one_or_list(input, list_mailbox)?;
        let (rest, attributes) = arg(rest, |input| one_or_list(input, astring))?;
        Ok((rest, AnnotationQuery { entries, attributes }))
    })
}

/// `item / "(" item *(SP item) ")"`.
pub(super) fn one_or_list<'a, T>(
    input: Span<'a>,
    item: impl Fn(Span<'a>) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    if input.first() == Some(b'(') {
        return list1(input, item);
    }
    item(input).map(|(rest, item)| (rest, vec![item]))
}

impl AnnotationQuery {
    /// Writes what [`annotation_query`] reads.
    pub(super) fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw("(");
        out.list(&self.entries, |out, entry| out.string(entry));
        out.sp();
        out.list(&self.attributes, |out, name| out.string(name));
        out.raw(")");
    }
}
