//! COMPRESS (RFC 4978).

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, atom};

/// COMPRESS algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compress {
    /// The algorithm in upper case; DEFLATE is the only one that there is.
    pub algorithm: String,
}

impl Body for Compress {
    /// ```abnf
    /// compress    = "COMPRESS" SP algorithm
    /// algorithm   = "DEFLATE"
    /// ```
    ///
    /// From RFC 4978 §5. Another algorithm is for the server to refuse.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        atom(input).map(|(rest, name)| (rest, Self { algorithm: name.to_upper() }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(&self.algorithm);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn compress() {
        check("d COMPRESS deflate", expect![[r#"d Compress(Compress { algorithm: "DEFLATE" })"#]]);
        check("d COMPRESS", expect!["BAD d COMPRESS: expected SP at octet 10"]);
    }
}
