//! STORE (RFC 9051 §6.4.6).

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, flag, flag_list, no_case, sequence_set, sp, spaced};
use crate::types::{Flag, SequenceSet};
use crate::wire::write;

/// STORE set action flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// What to do with the flags.
    pub action: FlagAction,
    /// `.SILENT`: the new flags are not told.
    pub silent: bool,
    /// The flags, bare or in parentheses.
    pub flags: Vec<Flag>,
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
    /// store           = "STORE" SP sequence-set SP store-att-flags
    /// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP
    ///                   (flag-list / (flag *(SP flag)))
    /// ```
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, set) = sequence_set(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, action) = action(rest)?;
        let (rest, silent) = match no_case(".SILENT")(rest) {
            Ok((rest, ())) => (rest, true),
            Err(_) => (rest, false),
        };
        let (rest, ()) = sp(rest)?;
        let (rest, flags) = if rest.first() == Some(b'(') { flag_list(rest)? } else { spaced(rest, flag)? };
        Ok((rest, Self { uid: form.is_uid(), set, action, silent, flags }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
        out.raw(match self.action {
            FlagAction::Replace => " FLAGS",
            FlagAction::Add => " +FLAGS",
            FlagAction::Remove => " -FLAGS",
        });
        out.raw(if self.silent { ".SILENT " } else { " " });
        write::flag_list(out.out(), &self.flags);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

fn action(input: Span<'_>) -> Parsed<'_, FlagAction> {
    let (rest, action) = match input.first() {
        Some(b'+') => (input.skip(1), FlagAction::Add),
        Some(b'-') => (input.skip(1), FlagAction::Remove),
        _ => (input, FlagAction::Replace),
    };
    match no_case("FLAGS")(rest) {
        Ok((rest, ())) => Ok((rest, action)),
        Err(_) => input.fail("FLAGS, +FLAGS or -FLAGS"),
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
                "A003 Store(Store { uid: false, set: Ranges([(Number(2), Number(4))]), action: Add, silent: false, flags: [System(Deleted)] })"
            ],
        );
        check(
            "a UID STORE * flags.silent ()",
            expect![
                "a Store(Store { uid: true, set: Ranges([(Star, Star)]), action: Replace, silent: true, flags: [] })"
            ],
        );
        check(
            "a store 8 -Flags \\Deleted \\sEEN $Junk \\Recent \\X",
            expect![[
                r#"a Store(Store { uid: false, set: Ranges([(Number(8), Number(8))]), action: Remove, silent: false, flags: [System(Deleted), System(Seen), Keyword("$Junk"), Recent, Extension("X")] })"#
            ]],
        );
        check("a STORE 1 FLAG (x)", expect!["BAD a STORE: expected FLAGS, +FLAGS or -FLAGS at octet 10"]);
        check("a STORE 1 FLAGS (\\*)", expect!["BAD a STORE: expected flag at octet 17"]);
        check("a STORE 1 FLAGS", expect!["BAD a STORE: expected SP at octet 15"]);
    }
}
