//! SORT and THREAD (RFC 5256), with RETURN (ESORT, RFC 5267) and the keys of RFC 5957, 6203 and 5257.

use bytes::Bytes;

use super::search::{annotation_value, annotation_value_name, search_criteria, write_keys};
use super::search_return::{SearchReturn, search_return_opts, write_return_opts};
use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, astring, atom, label, list1, no_case, sp};
use crate::types::{AnnotationValue, SearchKey};

/// SORT [RETURN (options)] (criteria) charset keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The answer names UIDs.
    pub uid: bool,
    /// What the answer shall have; `None` where there is no RETURN.
    pub options: Option<Vec<SearchReturn>>,
    /// What it is sorted by, the most important first; at least one.
    pub criteria: Vec<SortCriterion>,
    /// The charset of the strings in upper case.
    pub charset: String,
    /// Which messages: all must match.
    pub key: SearchKey,
}

/// One thing to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortCriterion {
    /// REVERSE: the highest first.
    pub reverse: bool,
    /// What is compared.
    pub key: SortKey,
}

/// What of two messages is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// ARRIVAL: the internal date
    Arrival,
    /// CC: the mailbox of the first Cc
    Cc,
    /// DATE: when it was sent
    Date,
    /// FROM: the mailbox of the first From
    From,
    /// SIZE
    Size,
    /// SUBJECT: the base subject
    Subject,
    /// TO: the mailbox of the first To
    To,
    /// DISPLAYFROM: the name of the first From (RFC 5957)
    DisplayFrom,
    /// DISPLAYTO: the name of the first To (RFC 5957)
    DisplayTo,
    /// RELEVANCY: how well it matches (RFC 6203)
    Relevancy,
    /// ANNOTATION (RFC 5257)
    Annotation {
        /// The entry.
        entry: Bytes,
        /// Which value; never [`AnnotationValue::Any`].
        value: AnnotationValue,
    },
}

/// THREAD algorithm charset keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The answer names UIDs.
    pub uid: bool,
    /// How messages become threads.
    pub algorithm: ThreadAlgorithm,
    /// The charset of the strings in upper case.
    pub charset: String,
    /// Which messages: all must match.
    pub key: SearchKey,
}

/// How messages become threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// ORDEREDSUBJECT: by base subject
    OrderedSubject,
    /// REFERENCES: by References and base subject
    References,
    /// REFS: by References alone, the thread with the newest message last (not in an RFC)
    Refs,
}

impl Body for Sort {
    /// ```abnf
    /// sort            = ["UID" SP] "SORT" SP sort-criteria SP search-criteria
    /// extended-sort   = ["UID" SP] "SORT" search-return-opts
    ///                   SP sort-criteria SP search-criteria
    /// sort-criteria   = "(" sort-criterion *(SP sort-criterion) ")"
    /// ```
    ///
    /// From RFC 5256 §5 and RFC 5267 §5.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, options) = search_return_opts(input)?;
        let rest = if options.is_some() { sp(rest)?.0 } else { rest };
        let (rest, criteria) = list1(rest, sort_criterion)?;
        let (rest, (charset, key)) = arg(rest, search_criteria)?;
        Ok((rest, Self { uid: form.is_uid(), options, criteria, charset, key }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        write_return_opts(out, self.options.as_ref());
        out.list(&self.criteria, |out, criterion| criterion.write(out));
        out.sp();
        out.astring(self.charset.as_bytes());
        out.sp();
        write_keys(out, &self.key);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// ```abnf
/// sort-criterion  = ["REVERSE" SP] sort-key
/// sort-key        = "ARRIVAL" / "CC" / "DATE" / "FROM" / "SIZE" /
///                   "SUBJECT" / "TO"
/// sort-key        =/ "DISPLAYFROM" / "DISPLAYTO"
/// sort-key        =/ "RELEVANCY"
/// sort-key        =/ "ANNOTATION" SP entry SP att-sort
/// att-sort        = "value.priv" / "value.shared"
/// ```
///
/// From RFC 5256 §5, RFC 5957 §4, RFC 6203 §6 and RFC 5257 §5.
fn sort_criterion(input: Span<'_>) -> Parsed<'_, SortCriterion> {
    let (input, reverse) = match no_case("REVERSE ")(input) {
        Ok((rest, ())) => (rest, true),
        Err(_) => (input, false),
    };
    let (rest, name) = label("sort key")(input)?;
    let key = match name.to_word().octets() {
        b"ARRIVAL" => SortKey::Arrival,
        b"CC" => SortKey::Cc,
        b"DATE" => SortKey::Date,
        b"FROM" => SortKey::From,
        b"SIZE" => SortKey::Size,
        b"SUBJECT" => SortKey::Subject,
        b"TO" => SortKey::To,
        b"DISPLAYFROM" => SortKey::DisplayFrom,
        b"DISPLAYTO" => SortKey::DisplayTo,
        b"RELEVANCY" => SortKey::Relevancy,
        b"ANNOTATION" => {
            let (rest, entry) = arg(rest, astring)?;
            let (behind, value) = arg(rest, annotation_value)?;
            if value == AnnotationValue::Any {
                return rest.fail("value.priv or value.shared");
            }
            return Ok((behind, SortCriterion { reverse, key: SortKey::Annotation { entry, value } }));
        }
        _ => return input.fail("sort key"),
    };
    Ok((rest, SortCriterion { reverse, key }))
}

impl SortCriterion {
    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(if self.reverse { "REVERSE " } else { "" });
        let name = match &self.key {
            SortKey::Arrival => "ARRIVAL",
            SortKey::Cc => "CC",
            SortKey::Date => "DATE",
            SortKey::From => "FROM",
            SortKey::Size => "SIZE",
            SortKey::Subject => "SUBJECT",
            SortKey::To => "TO",
            SortKey::DisplayFrom => "DISPLAYFROM",
            SortKey::DisplayTo => "DISPLAYTO",
            SortKey::Relevancy => "RELEVANCY",
            SortKey::Annotation { entry, value } => {
                out.raw("ANNOTATION ");
                out.string(entry);
                out.sp();
                annotation_value_name(*value)
            }
        };
        out.raw(name);
    }
}

impl Body for Thread {
    /// ```abnf
    /// thread          = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
    /// thread-alg      = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext
    /// thread-alg-ext  = atom
    /// ```
    ///
    /// From RFC 5256 §5.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, name) = atom(input)?;
        let algorithm = match name.to_word().octets() {
            b"ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
            b"REFERENCES" => ThreadAlgorithm::References,
            b"REFS" => ThreadAlgorithm::Refs,
            _ => return input.fail("thread algorithm"),
        };
        let (rest, (charset, key)) = arg(rest, search_criteria)?;
        Ok((rest, Self { uid: form.is_uid(), algorithm, charset, key }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(match self.algorithm {
            ThreadAlgorithm::OrderedSubject => "ORDEREDSUBJECT ",
            ThreadAlgorithm::References => "REFERENCES ",
            ThreadAlgorithm::Refs => "REFS ",
        });
        out.astring(self.charset.as_bytes());
        out.sp();
        write_keys(out, &self.key);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn sort() {
        check(
            "A282 SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
            expect![[
                r#"A282 Sort(Sort { uid: false, options: None, criteria: [SortCriterion { reverse: false, key: Subject }, SortCriterion { reverse: true, key: Date }], charset: "UTF-8", key: All })"#
            ]],
        );
        check(
            "a uid sort return (partial -1:-10 count) (displayfrom annotation /comment value.priv) us-ascii unseen text x(",
            expect![[
                r#"a Sort(Sort { uid: true, options: Some([Partial(Last(1, 10)), Count]), criteria: [SortCriterion { reverse: false, key: DisplayFrom }, SortCriterion { reverse: false, key: Annotation { entry: b"/comment", value: Private } }], charset: "US-ASCII", key: And([Not(Flag(Seen)), Text(b"x(")]) })"#
            ]],
        );
        check("a SORT (FOO) UTF-8 ALL", expect!["BAD a SORT: expected sort key at octet 8"]);
        check("a SORT () UTF-8 ALL", expect!["BAD a SORT: expected at least one item at octet 8"]);
        check("a SORT (SIZE) UTF-8", expect!["BAD a SORT: expected SP at octet 19"]);
        check(
            "a SORT (ANNOTATION /c value) UTF-8 ALL",
            expect!["BAD a SORT: expected value.priv or value.shared at octet 21"],
        );
        check(
            "a SORT RETURN (ALL PARTIAL 1:2) (SIZE) UTF-8 ALL",
            expect!["BAD a SORT: expected one of PARTIAL or ALL at octet 14"],
        );
    }

    #[test]
    fn thread() {
        check(
            "A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000",
            expect![[
                r#"A283 Thread(Thread { uid: false, algorithm: OrderedSubject, charset: "UTF-8", key: Since(2000-03-05) })"#
            ]],
        );
        check(
            "a UID THREAD refs UTF-8 ALL",
            expect![[r#"a Thread(Thread { uid: true, algorithm: Refs, charset: "UTF-8", key: All })"#]],
        );
        check("a THREAD FOO UTF-8 ALL", expect!["BAD a THREAD: expected thread algorithm at octet 9"]);
    }
}
