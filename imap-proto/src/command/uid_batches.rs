//! UIDBATCHES (RFC 10022).

use std::num::NonZeroU32;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, end, nz_number, octet};
use crate::wire::write;

/// `UIDBATCHES size [first:last]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UidBatches {
    /// How many messages a batch has.
    pub size: NonZeroU32,
    /// The batches wanted, from 1, the newest; as they were written. `None`: all.
    pub batches: Option<(NonZeroU32, NonZeroU32)>,
}

impl Body for UidBatches {
    /// ```abnf
    /// message-batches     = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]
    /// ```
    ///
    /// From RFC 10022.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, size) = nz_number(input)?;
        if end(rest).is_ok() {
            return Ok((rest, Self { size, batches: None }));
        }
        let (rest, first) = arg(rest, nz_number)?;
        let (rest, ()) = octet(b':', ":")(rest)?;
        let (rest, last) = nz_number(rest)?;
        Ok((rest, Self { size, batches: Some((first, last)) }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        write::number(out.out(), u64::from(self.size.get()));
        if let Some((first, last)) = self.batches {
            out.sp();
            write::number(out.out(), u64::from(first.get()));
            out.raw(":");
            write::number(out.out(), u64::from(last.get()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn uid_batches() {
        check("a UIDBATCHES 2000", expect!["a UidBatches(UidBatches { size: 2000, batches: None })"]);
        check(
            "a uidbatches 2000 10:20",
            expect!["a UidBatches(UidBatches { size: 2000, batches: Some((10, 20)) })"],
        );
        check("a UIDBATCHES 0", expect!["BAD a UIDBATCHES: expected number from 1 at octet 13"]);
        check("a UIDBATCHES 500 1", expect!["BAD a UIDBATCHES: expected : at octet 18"]);
    }
}
