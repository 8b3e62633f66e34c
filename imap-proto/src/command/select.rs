//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3) with the parameters of CONDSTORE, QRESYNC and ANNOTATE.

use super::{Body, CommandWriter, Form};
use crate::parse::{
    Parsed, Span, arg, is_list_next, label, list1, mailbox, mod_seq, number_set, nz_number, parens,
};
use crate::types::{ModSeq, NumberSet, UidValidity, WireMailbox};
use crate::wire::write;

/// SELECT mailbox [(parameters)].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// CONDSTORE: the client wants modification sequences (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// QRESYNC: what the client knows of the mailbox (RFC 7162 §3.2.5).
    pub qresync: Option<Box<Qresync>>,
    /// ANNOTATE: the client wants to hear of annotations (RFC 5257 §4.1).
    pub annotate: bool,
}

/// What a client knew of a mailbox when it saw it last (RFC 7162 §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qresync {
    /// What its UIDs are valid under.
    pub uid_validity: UidValidity,
    /// The highest modification sequence it has seen.
    pub mod_seq: ModSeq,
    /// The UIDs it has, if it says so: never empty.
    pub known_uids: Option<NumberSet>,
    /// Sequence numbers and the UIDs that these messages had: the same number of both, never none.
    pub matches: Option<(NumberSet, NumberSet)>,
}

impl Select {
    /// Without parameters.
    pub fn new(mailbox: WireMailbox) -> Self {
        Self { mailbox, condstore: false, qresync: None, annotate: false }
    }
}

impl Body for Select {
    /// ```abnf
    /// select          = "SELECT" SP mailbox [select-params]
    /// examine         = "EXAMINE" SP mailbox [select-params]
    /// select-params   = SP "(" select-param *(SP select-param) ")"
    /// select-param    =/ condstore-param
    /// condstore-param = "CONDSTORE"
    /// select-param    =/ "ANNOTATE"
    /// ```
    ///
    /// From RFC 4466 §3, RFC 7162 §7 and RFC 5257 §5.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mailbox) = mailbox(input)?;
        let mut select = Self::new(mailbox);
        if !is_list_next(rest) {
            return Ok((rest, select));
        }
        let (rest, _) = arg(rest, |input| list1(input, |input| select.parameter(input)))?;
        Ok((rest, select))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        let mut before = " (";
        if self.condstore {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw("CONDSTORE");
        }
        if let Some(qresync) = &self.qresync {
            out.raw(std::mem::replace(&mut before, " "));
            qresync.write(out);
        }
        if self.annotate {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw("ANNOTATE");
        }
        if before == " " {
            out.raw(")");
        }
    }
}

impl Select {
    fn parameter<'a>(&mut self, input: Span<'a>) -> Parsed<'a, ()> {
        let (rest, name) = label("SELECT parameter")(input)?;
        match name.to_word().octets() {
            b"CONDSTORE" => self.condstore = true,
            b"ANNOTATE" => self.annotate = true,
            b"QRESYNC" if self.qresync.is_none() => {
                let (rest, qresync) = arg(rest, |input| parens(input, qresync))?;
                self.qresync = Some(Box::new(qresync));
                return Ok((rest, ()));
            }
            _ => return input.fail("SELECT parameter"),
        }
        Ok((rest, ()))
    }
}

/// ```abnf
/// select-param        =/  "QRESYNC" SP "(" uidvalidity SP
///                       mod-sequence-value [SP known-uids]
///                       [SP seq-match-data] ")"
/// seq-match-data      = "(" known-sequence-set SP known-uid-set ")"
/// ```
///
/// From RFC 7162 §7, what stands in the parentheses.
fn qresync(input: Span<'_>) -> Parsed<'_, Qresync> {
    let (rest, uid_validity) = nz_number(input)?;
    let (rest, mod_seq) = arg(rest, mod_seq)?;
    let mut qresync = Qresync { uid_validity: uid_validity.into(), mod_seq, known_uids: None, matches: None };
    let mut rest = rest;
    if matches!(rest.octets(), [b' ', b'0'..=b'9', ..]) {
        let (behind, known_uids) = arg(rest, number_set)?;
        (rest, qresync.known_uids) = (behind, Some(known_uids));
    }
    if is_list_next(rest) {
        let (behind, matches) = arg(rest, |input| parens(input, seq_match_data))?;
        (rest, qresync.matches) = (behind, Some(matches));
    }
    Ok((rest, qresync))
}

/// Both sets name the same number of messages.
fn seq_match_data(input: Span<'_>) -> Parsed<'_, (NumberSet, NumberSet)> {
    let (rest, seq_nums) = number_set(input)?;
    let (behind, uids) = arg(rest, number_set)?;
    if seq_nums.len() != uids.len() {
        return rest.fail("as many UIDs as sequence numbers");
    }
    Ok((behind, (seq_nums, uids)))
}

impl Qresync {
    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw("QRESYNC (");
        write::number(out.out(), u64::from(self.uid_validity.get()));
        out.sp();
        write::number(out.out(), self.mod_seq.get());
        if let Some(uids) = &self.known_uids {
            out.sp();
            write::number_set(out.out(), uids);
        }
        if let Some((seq_nums, uids)) = &self.matches {
            out.raw(" (");
            write::number_set(out.out(), seq_nums);
            out.sp();
            write::number_set(out.out(), uids);
            out.raw(")");
        }
        out.raw(")");
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn select() {
        check(
            "A142 select inbox",
            expect![[
                r#"A142 Select(Select { mailbox: WireMailbox(b"inbox"), condstore: false, qresync: None, annotate: false })"#
            ]],
        );
        check(
            "a SELECT x (condstore ANNOTATE)",
            expect![[
                r#"a Select(Select { mailbox: WireMailbox(b"x"), condstore: true, qresync: None, annotate: true })"#
            ]],
        );
        check(
            "A03 EXAMINE INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541 (1,3,5 7,9,12)))",
            expect![[
                r#"A03 Examine(Select { mailbox: WireMailbox(b"INBOX"), condstore: false, qresync: Some(Qresync { uid_validity: UidValidity(67890007), mod_seq: ModSeq(90060115194045000), known_uids: Some(NumberSet { ranges: [(41, 211), (214, 541)] }), matches: Some((NumberSet { ranges: [(1, 1), (3, 3), (5, 5)] }, NumberSet { ranges: [(7, 7), (9, 9), (12, 12)] })) }), annotate: false })"#
            ]],
        );
        check("a SELECT x (FOO)", expect!["BAD a SELECT: expected SELECT parameter at octet 12"]);
        check("a SELECT x ()", expect!["BAD a SELECT: expected at least one item at octet 12"]);
        check("a SELECT x (QRESYNC (1 2 * ))", expect!["BAD a SELECT: expected ) at octet 24"]);
        check(
            "a SELECT x (QRESYNC (1 2 (1:2 5)))",
            expect!["BAD a SELECT: expected as many UIDs as sequence numbers at octet 29"],
        );
    }
}
