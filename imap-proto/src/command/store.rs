//! STORE (RFC 9051 §6.4.6), with UNCHANGEDSINCE (RFC 7162), annotations (RFC 5257) and Gmail's labels too.

use bytes::Bytes;

use super::annotation::{EntryValues, att_annotate, write_annotations};
use super::search::{gmail_label, write_gmail_label};
use super::{Body, CommandWriter, Form};
use crate::parse::{
    Parsed, Span, arg, flag, flag_list, list, mod_seq, no_case, parens, sequence_set, sp, spaced,
};
use crate::types::{Flag, ModSeq, SequenceSet};
use crate::wire::write;

/// STORE set [(UNCHANGEDSINCE n)] action data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// Only those whose modification sequence is not higher (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
    /// What to do with the data.
    pub action: FlagAction,
    /// `.SILENT`: what has become of it is not told.
    pub silent: bool,
    /// What is stored.
    pub data: StoreData,
}

/// What STORE stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreData {
    /// FLAGS, bare or in parentheses.
    Flags(Vec<Flag>),
    /// ANNOTATION (RFC 5257), at least one entry; the action is [`FlagAction::Replace`] and it is never silent.
    Annotations(Vec<EntryValues>),
    /// X-GM-LABELS
    GmailLabels(Vec<Bytes>),
}

/// What STORE does with its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagAction {
    /// FLAGS: these and no others.
    Replace,
    /// +FLAGS
    Add,
    /// -FLAGS
    Remove,
}

impl Body for Store {
    /// ```abnf
    /// store           = "STORE" SP sequence-set [store-modifiers] SP
    ///                   store-att-flags
    /// store-modifiers =  SP "(" store-modifier *(SP store-modifier) ")"
    /// store-modifier  =/ "UNCHANGEDSINCE" SP mod-sequence-valzer
    /// ```
    ///
    /// From RFC 4466 §3 and RFC 7162 §7.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, set) = sequence_set(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, unchanged_since) = if rest.first() == Some(b'(') {
            let (rest, since) = parens(rest, unchanged_since)?;
            (sp(rest)?.0, Some(since))
        } else {
            (rest, None)
        };
        let (rest, (action, silent, data)) = store_att(rest)?;
        Ok((rest, Self { uid: form.is_uid(), set, unchanged_since, action, silent, data }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
        if let Some(since) = self.unchanged_since {
            out.raw(" (UNCHANGEDSINCE ");
            write::number(out.out(), since.get());
            out.raw(")");
        }
        out.sp();
        if let StoreData::Annotations(annotations) = &self.data {
            return write_annotations(out, annotations);
        }
        out.raw(match self.action {
            FlagAction::Replace => "",
            FlagAction::Add => "+",
            FlagAction::Remove => "-",
        });
        out.raw(if matches!(self.data, StoreData::GmailLabels(_)) { "X-GM-LABELS" } else { "FLAGS" });
        out.raw(if self.silent { ".SILENT " } else { " " });
        match &self.data {
            StoreData::Flags(flags) => write::flag_list(out.out(), flags),
            StoreData::GmailLabels(labels) => out.list(labels, |out, label| write_gmail_label(out, label)),
            StoreData::Annotations(_) => {}
        }
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

fn unchanged_since(input: Span<'_>) -> Parsed<'_, ModSeq> {
    let (rest, ()) = no_case("UNCHANGEDSINCE")(input)?;
    arg(rest, mod_seq)
}

/// ```abnf
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP
///                   (flag-list / (flag *(SP flag)))
/// store-att-flags   =/ att-annotate
/// ```
///
/// The last rule is from RFC 5257 §5. Gmail has `X-GM-LABELS` in place of `FLAGS`.
fn store_att(input: Span<'_>) -> Parsed<'_, (FlagAction, bool, StoreData)> {
    if matches!(input.first(), Some(b'A' | b'a')) {
        let (rest, annotations) = att_annotate(input)?;
        return Ok((rest, (FlagAction::Replace, false, StoreData::Annotations(annotations))));
    }
    let (rest, action) = match input.first() {
        Some(b'+') => (input.skip(1), FlagAction::Add),
        Some(b'-') => (input.skip(1), FlagAction::Remove),
        _ => (input, FlagAction::Replace),
    };
    if matches!(rest.first(), Some(b'X' | b'x'))
        && let Ok((rest, ())) = no_case("X-GM-LABELS")(rest)
    {
        let (rest, silent) = dot_silent(rest);
        let (rest, ()) = sp(rest)?;
        let is_list = rest.first() == Some(b'(');
        let (rest, labels) = if is_list { list(rest, gmail_label)? } else { spaced(rest, gmail_label)? };
        return Ok((rest, (action, silent, StoreData::GmailLabels(labels))));
    }
    let Ok((rest, ())) = no_case("FLAGS")(rest) else { return input.fail("FLAGS, +FLAGS or -FLAGS") };
    let (rest, silent) = dot_silent(rest);
    let (rest, ()) = sp(rest)?;
    let (rest, flags) = if rest.first() == Some(b'(') { flag_list(rest)? } else { spaced(rest, flag)? };
    Ok((rest, (action, silent, StoreData::Flags(flags))))
}

fn dot_silent(input: Span<'_>) -> (Span<'_>, bool) {
    if input.first() != Some(b'.') {
        return (input, false);
    }
    match no_case(".SILENT")(input) {
        Ok((rest, ())) => (rest, true),
        Err(_) => (input, false),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn store() {
        check(
            "A003 STORE 2:4 +FLAGS (\\Deleted)",
            expect![
                "A003 Store(Store { uid: false, set: Ranges([(Number(2), Number(4))]), unchanged_since: None, action: Add, silent: false, data: Flags([System(Deleted)]) })"
            ],
        );
        check(
            "a UID STORE * flags.silent ()",
            expect![
                "a Store(Store { uid: true, set: Ranges([(Star, Star)]), unchanged_since: None, action: Replace, silent: true, data: Flags([]) })"
            ],
        );
        check(
            "a store 8 -Flags \\Deleted \\sEEN $Junk \\Recent \\X",
            expect![[
                r#"a Store(Store { uid: false, set: Ranges([(Number(8), Number(8))]), unchanged_since: None, action: Remove, silent: false, data: Flags([System(Deleted), System(Seen), Keyword("$Junk"), Recent, Extension("X")]) })"#
            ]],
        );
        check(
            "d STORE 7,9 (UNCHANGEDSINCE 320162338) +flags.silent \\Deleted",
            expect![[
                r#"d Store(Store { uid: false, set: Ranges([(Number(7), Number(7)), (Number(9), Number(9))]), unchanged_since: Some(ModSeq(320162338)), action: Add, silent: true, data: Flags([System(Deleted)]) })"#
            ]],
        );
        check(
            "a STORE 1 ANNOTATION (/comment (value.priv \"x\" value.shared NIL))",
            expect![[
                r#"a Store(Store { uid: false, set: Ranges([(Number(1), Number(1))]), unchanged_since: None, action: Replace, silent: false, data: Annotations([EntryValues { entry: b"/comment", values: [(b"value.priv", Some(b"x")), (b"value.shared", None)] }]) })"#
            ]],
        );
        check(
            "a STORE 1 -X-GM-LABELS.SILENT (foo \\Inbox \"a b\")",
            expect![[
                r#"a Store(Store { uid: false, set: Ranges([(Number(1), Number(1))]), unchanged_since: None, action: Remove, silent: true, data: GmailLabels([b"foo", b"\\Inbox", b"a b"]) })"#
            ]],
        );
        check("a STORE 1 FLAG (x)", expect!["BAD a STORE: expected FLAGS, +FLAGS or -FLAGS at octet 10"]);
        check("a STORE 1 FLAGS (\\*)", expect!["BAD a STORE: expected flag at octet 17"]);
        check("a STORE 1 FLAGS", expect!["BAD a STORE: expected SP at octet 15"]);
    }
}
