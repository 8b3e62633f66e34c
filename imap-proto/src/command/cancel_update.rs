//! CANCELUPDATE (CONTEXT, RFC 5267 §4.3.4).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, astring, spaced};

/// CANCELUPDATE tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelUpdate {
    /// The tags of the searches whose updates shall end, at least one.
    pub tags: Vec<Bytes>,
}

impl Body for CancelUpdate {
    /// ```abnf
    /// command-select      =/ "CANCELUPDATE" 1*(SP quoted)
    /// ```
    ///
    /// From RFC 5267 §5. A tag without quotes is taken too.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        spaced(input, astring).map(|(rest, tags)| (rest, Self { tags }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.spaced(&self.tags, |out, tag| out.string(tag));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn cancel_update() {
        check(
            "Z1 CANCELUPDATE \"B01\" \"B02\"",
            expect![[r#"Z1 CancelUpdate(CancelUpdate { tags: [b"B01", b"B02"] })"#]],
        );
        check("Z1 CANCELUPDATE", expect!["BAD Z1 CANCELUPDATE: expected SP at octet 15"]);
    }
}
