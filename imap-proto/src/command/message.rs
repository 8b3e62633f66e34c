//! COPY, MOVE (RFC 9051 §6.4.7, §6.4.8) and UID EXPUNGE (§6.4.9).

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, mailbox, sequence_set, sp};
use crate::types::{SequenceSet, WireMailbox};

/// COPY or MOVE, by number or by UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMove {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// Where to.
    pub mailbox: WireMailbox,
}

/// UID EXPUNGE set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidExpunge {
    /// Which UIDs.
    pub set: SequenceSet,
}

impl Body for CopyMove {
    /// ```abnf
    /// copy            = "COPY" SP sequence-set SP mailbox
    /// move            = "MOVE" SP sequence-set SP mailbox
    /// ```
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, set) = sequence_set(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, mailbox) = mailbox(rest)?;
        Ok((rest, Self { uid: form.is_uid(), set, mailbox }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
        out.sp();
        out.mailbox(&self.mailbox);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

impl Body for UidExpunge {
    /// ```abnf
    /// uid-expunge     = "UID" SP "EXPUNGE" SP sequence-set
    /// ```
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        sequence_set(input).map(|(rest, set)| (rest, Self { set }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn copy_and_move() {
        check(
            "A003 COPY 2:4 MEETING",
            expect![[
                r#"A003 Copy(CopyMove { uid: false, set: Ranges([(Number(2), Number(4))]), mailbox: WireMailbox(b"MEETING") })"#
            ]],
        );
        check(
            "a uid move 42:69,* foo",
            expect![[
                r#"a Move(CopyMove { uid: true, set: Ranges([(Number(42), Number(69)), (Star, Star)]), mailbox: WireMailbox(b"foo") })"#
            ]],
        );
        check(
            "a COPY $ x",
            expect![[r#"a Copy(CopyMove { uid: false, set: Saved, mailbox: WireMailbox(b"x") })"#]],
        );
        check("a COPY 0 x", expect!["BAD a COPY: expected message set at octet 7"]);
        check("a COPY 1:4294967296 x", expect!["BAD a COPY: expected message set at octet 9"]);
        check("a COPY 1:3:5 x", expect!["BAD a COPY: expected SP at octet 10"]);
    }

    #[test]
    fn uid_expunge() {
        check(
            "A003 UID EXPUNGE 3000:3002",
            expect!["A003 UidExpunge(UidExpunge { set: Ranges([(Number(3000), Number(3002))]) })"],
        );
    }
}
