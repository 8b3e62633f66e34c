//! ENABLE (RFC 9051 §6.3.1, RFC 5161).

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, atom, spaced};

/// ENABLE names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enable {
    /// The names in upper case, at least one; unknown ones are there too.
    pub capabilities: Vec<String>,
}

impl Body for Enable {
    /// ```abnf
    /// enable          = "ENABLE" 1*(SP capability)
    /// capability      = ("AUTH=" auth-type) / atom
    /// ```
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, names) = spaced(input, atom)?;
        Ok((rest, Self { capabilities: names.into_iter().map(Span::to_upper).collect() }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.spaced(&self.capabilities, |out, name| out.raw(name));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn enable() {
        check(
            "t2 enable CONDSTORE x-good-idea",
            expect![[r#"t2 Enable(Enable { capabilities: ["CONDSTORE", "X-GOOD-IDEA"] })"#]],
        );
        check("t1 ENABLE", expect!["BAD t1 ENABLE: expected SP at octet 9"]);
        check("t1 ENABLE ", expect!["BAD t1 ENABLE: expected atom at octet 10"]);
    }
}
