//! METADATA (RFC 5464): GETMETADATA, SETMETADATA.

use bytes::Bytes;

use super::annotation::one_or_list;
use super::{Body, CommandWriter, Form};
use crate::parse::{
    Parsed, Span, arg, astring, is_list_next, label, list1, mailbox, nstring, number64, run, sp,
};
use crate::types::WireMailbox;
use crate::wire::write;

/// GETMETADATA [(options)] mailbox entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetMetadata {
    /// The mailbox; the empty name is the server.
    pub mailbox: WireMailbox,
    /// MAXSIZE: values of more octets are left out.
    pub size_octets_max: Option<u64>,
    /// DEPTH: how far below each entry.
    pub depth: MetadataDepth,
    /// The entries, at least one.
    pub entries: Vec<Bytes>,
}

/// How far below an entry GETMETADATA goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum MetadataDepth {
    /// 0: the entry only.
    #[default]
    Zero,
    /// 1: the entry, and those directly below it.
    One,
    /// infinity: the entry, and all below it.
    Infinity,
}

/// SETMETADATA mailbox (entries and values).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMetadata {
    /// The mailbox; the empty name is the server.
    pub mailbox: WireMailbox,
    /// Entries and their new values, at least one; `None` removes the entry.
    pub values: Vec<(Bytes, Option<Bytes>)>,
}

impl Body for GetMetadata {
    /// ```abnf
    /// getmetadata       = "GETMETADATA" [SP getmetadata-options]
    ///                                   SP mailbox SP entries
    /// entries           = entry /
    ///                     "(" entry *(SP entry) ")"
    /// ```
    ///
    /// From RFC 5464 §5. The examples of RFC 5464 §4.2 have the options behind the mailbox: there they are taken too.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let mut command = Self {
            mailbox: WireMailbox(Bytes::new()),
            size_octets_max: None,
            depth: MetadataDepth::Zero,
            entries: Vec::new(),
        };
        let mut rest = input;
        if rest.first() == Some(b'(') {
            rest = sp(command.options(rest)?.0)?.0;
        }
        (rest, command.mailbox) = mailbox(rest)?;
        if is_list_next(rest)
            && let Ok((behind, ())) = command.options(rest.skip(1))
        {
            rest = behind;
        }
        (rest, command.entries) = arg(rest, |input| one_or_list(input, astring))?;
        Ok((rest, command))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        let mut before = "(";
        if let Some(max) = self.size_octets_max {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw("MAXSIZE ");
            write::number(out.out(), max);
        }
        if self.depth != MetadataDepth::Zero {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw(if self.depth == MetadataDepth::One { "DEPTH 1" } else { "DEPTH infinity" });
        }
        out.raw(if before == " " { ") " } else { "" });
        out.mailbox(&self.mailbox);
        out.sp();
        out.list(&self.entries, |out, entry| out.string(entry));
    }
}

impl GetMetadata {
    /// ```abnf
    /// getmetadata-options = "(" getmetadata-option
    ///                           *(SP getmetadata-option) ")"
    /// maxsize-opt       = "MAXSIZE" SP number
    /// scope-opt         =  "DEPTH" SP ("0" / "1" / "infinity")
    /// ```
    ///
    /// From RFC 5464 §5.
    fn options<'a>(&mut self, input: Span<'a>) -> Parsed<'a, ()> {
        let (rest, _) = list1(input, |input| {
            let (rest, name) = label("GETMETADATA option")(input)?;
            match name.to_word().octets() {
                b"MAXSIZE" => {
                    let (rest, max) = arg(rest, number64)?;
                    self.size_octets_max = Some(max);
                    Ok((rest, ()))
                }
                b"DEPTH" => {
                    let (rest, depth) = arg(rest, depth)?;
                    self.depth = depth;
                    Ok((rest, ()))
                }
                _ => input.fail("GETMETADATA option"),
            }
        })?;
        Ok((rest, ()))
    }
}

fn depth(input: Span<'_>) -> Parsed<'_, MetadataDepth> {
    let (rest, name) = run(|octet| octet.is_ascii_alphanumeric(), "depth")(input)?;
    let depth = match name.to_word().octets() {
        b"0" => MetadataDepth::Zero,
        b"1" => MetadataDepth::One,
        b"INFINITY" => MetadataDepth::Infinity,
        _ => return input.fail("0, 1 or infinity"),
    };
    Ok((rest, depth))
}

impl Body for SetMetadata {
    /// ```abnf
    /// setmetadata       = "SETMETADATA" SP mailbox
    ///                                   SP entry-values
    /// entry-values      = "(" entry-value *(SP entry-value) ")"
    /// entry-value       = entry SP value
    /// value             = nstring / literal8
    /// ```
    ///
    /// From RFC 5464 §5.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mailbox) = mailbox(input)?;
        let (rest, values) = arg(rest, |input| list1(input, entry_value))?;
        Ok((rest, Self { mailbox, values }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        out.sp();
        out.list(&self.values, |out, (entry, value)| {
            out.string(entry);
            out.sp();
            out.nstring(value.as_ref());
        });
    }
}

fn entry_value(input: Span<'_>) -> Parsed<'_, (Bytes, Option<Bytes>)> {
    let (rest, entry) = astring(input)?;
    let (rest, value) = arg(rest, nstring)?;
    Ok((rest, (entry, value)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn get() {
        check(
            "a GETMETADATA \"\" /shared/comment",
            expect![[
                r#"a GetMetadata(GetMetadata { mailbox: WireMailbox(b""), size_octets_max: None, depth: Zero, entries: [b"/shared/comment"] })"#
            ]],
        );
        check(
            "a GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX (/shared/comment /private/comment)",
            expect![[
                r#"a GetMetadata(GetMetadata { mailbox: WireMailbox(b"INBOX"), size_octets_max: Some(1024), depth: Infinity, entries: [b"/shared/comment", b"/private/comment"] })"#
            ]],
        );
        check(
            "a GETMETADATA \"INBOX\" (depth 1) (/shared/comment /private/comment)",
            expect![[
                r#"a GetMetadata(GetMetadata { mailbox: WireMailbox(b"INBOX"), size_octets_max: None, depth: One, entries: [b"/shared/comment", b"/private/comment"] })"#
            ]],
        );
        check(
            "a GETMETADATA (DEPTH 2) x /a",
            expect!["BAD a GETMETADATA: expected 0, 1 or infinity at octet 21"],
        );
        check("a GETMETADATA x ()", expect!["BAD a GETMETADATA: expected at least one item at octet 17"]);
    }

    #[test]
    fn set() {
        check(
            "a SETMETADATA INBOX (/private/comment {3}\r\nmy\n /shared/comment NIL)",
            expect![[
                r#"a SetMetadata(SetMetadata { mailbox: WireMailbox(b"INBOX"), values: [(b"/private/comment", Some(b"my\n")), (b"/shared/comment", None)] })"#
            ]],
        );
        check("a SETMETADATA INBOX (/a)", expect!["BAD a SETMETADATA: expected SP at octet 23"]);
    }
}
