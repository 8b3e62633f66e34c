//! LANGUAGE and COMPARATOR (RFC 5255).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, astring, spaced};

/// `LANGUAGE [ranges]`, `COMPARATOR [names]`: what is wanted, the best first; empty asks what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Language ranges (RFC 4647), or collations, in which `*` is a wildcard (RFC 4790).
    pub names: Vec<Bytes>,
}

impl Body for Preferences {
    /// ```abnf
    /// language-cmd      = "LANGUAGE" *(SP lang-range-quoted)
    /// lang-range-quoted = astring
    /// comparator-cmd    = "COMPARATOR" *(SP comp-order-quoted)
    /// comp-order-quoted = astring
    /// ```
    ///
    /// From RFC 5255 §3.5 and §4.10.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        spaced(input, astring).map(|(rest, names)| (rest, Self { names }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.spaced(&self.names, |out, name| out.string(name));
    }

    fn bare() -> Option<Self> {
        Some(Self { names: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn preferences() {
        check("A001 LANGUAGE", expect!["A001 Language(Preferences { names: [] })"]);
        check(
            "A002 LANGUAGE DE \"fr-CA\"",
            expect![[r#"A002 Language(Preferences { names: [b"DE", b"fr-CA"] })"#]],
        );
        check(
            "A001 comparator \"cz;*\" i;basic",
            expect![[r#"A001 Comparator(Preferences { names: [b"cz;*", b"i;basic"] })"#]],
        );
        check("a LANGUAGE (", expect!["BAD a LANGUAGE: expected astring at octet 11"]);
    }
}
