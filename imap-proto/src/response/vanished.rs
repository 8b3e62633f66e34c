//! VANISHED (RFC 7162 §3.2.10).

use crate::parse;
use crate::types::NumberSet;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* VANISHED (EARLIER) uids`: messages that are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vanished {
    /// They went before this session looked: sequence numbers do not change by it, and UIDs may be told that
    /// the client never knew.
    pub earlier: bool,
    /// The UIDs; not empty.
    pub uids: NumberSet,
}

impl Vanished {
    /// ```abnf
    /// expunged-resp       =  "VANISHED" [SP "(EARLIER)"] SP known-uids
    /// ```
    ///
    /// From RFC 7162 §7.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.skip_spaces();
        let mut earlier = false;
        if reader.peek() == Some(b'(') {
            let words = reader.list(Reader::atom)?;
            earlier = words.iter().any(|word| word.eq_ignore_ascii_case(b"EARLIER"));
        }
        reader.skip_spaces();
        Some(Self { earlier, uids: reader.strict(parse::number_set)? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.earlier { b"VANISHED (EARLIER) " } else { b"VANISHED " });
        write::number_set(out, &self.uids);
    }
}
