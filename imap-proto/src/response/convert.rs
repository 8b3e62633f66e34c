//! CONVERTED and CONVERSION (RFC 5259).

use bytes::Bytes;

use super::fetch::{FetchAttribute, FetchAttributes, read_fetch, write_attributes};
use super::text::{write_astring, write_list};
use super::uid_batches::{read_tag_correlator, write_tag_correlator};
use crate::Dialect;
use crate::types::SeqNum;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* n CONVERTED (TAG "t") (...)`.
///
/// The items look as those of a FETCH do; where a conversion failed, an item's value is
/// `(ERROR "text" CODE ...)`: see [`ConvertError::of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// Which message.
    pub seq_num: SeqNum,
    /// The command that it answers.
    pub tag: Bytes,
    /// What came of it, in the order of the server.
    pub attributes: FetchAttributes,
}

/// Why an item could not be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// For a person.
    pub text: Bytes,
    /// TEMPFAIL, BADPARAMETERS or MISSINGPARAMETERS with what follows, verbatim.
    pub code: Bytes,
}

/// `* CONVERSION from to (parameters)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The MIME type that can be converted.
    pub from: Bytes,
    /// The MIME type that it becomes.
    pub to: Bytes,
    /// Names of the parameters that are understood.
    pub parameters: Vec<Bytes>,
}

impl Converted {
    /// ```abnf
    /// message-data   =/ nz-number SP "CONVERTED" SP convert-correlator
    ///                    SP convert-msg-attrs
    /// convert-correlator = "(" "TAG" SP tag-string ")"
    /// convert-msg-attrs = "(" convert-msg-att *(SP convert-msg-att) ")"
    /// ```
    ///
    /// From RFC 5259 §10.
    pub(super) fn read(seq_num: SeqNum, reader: &mut Reader<'_>) -> Option<Self> {
        let tag = read_tag_correlator(reader)?;
        Some(Self { seq_num, tag, attributes: read_fetch(reader) })
    }

    /// From `CONVERTED` on.
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"CONVERTED ");
        write_tag_correlator(out, &self.tag, dialect);
        out.extend_from_slice(b" (");
        write_attributes(out, dialect, &self.attributes);
        out.push(b')');
    }
}

impl ConvertError {
    /// What an item tells instead of a value; `None` where it is no error.
    ///
    /// ```abnf
    /// converterror-phrase = "(" "ERROR" SP
    ///      convert-err-descript SP convert-error-code ")"
    /// ```
    pub fn of(attribute: &FetchAttribute) -> Option<Self> {
        let FetchAttribute::Other(_, value) = attribute else { return None };
        let mut reader = Reader::new(value);
        if !reader.eat_spaced(b'(') || !reader.atom()?.eq_ignore_ascii_case(b"ERROR") {
            return None;
        }
        let text = reader.string()?;
        reader.skip_spaces();
        let rest = reader.rest();
        let length = rest.strip_suffix(b")")?.len();
        Some(Self { text, code: rest.slice(..length) })
    }
}

impl Conversion {
    /// ```abnf
    /// conversion-data = "CONVERSION" SP quoted-from-mime-type SP
    ///                   quoted-to-mime-type
    ///                   [SP "(" transcoding-param-name
    ///                    *(SP transcoding-param-name) ")"]
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (from, to) = (reader.string()?, reader.string()?);
        let parameters = if reader.is_at_end() { Vec::new() } else { reader.list(Reader::astring)? };
        Some(Self { from, to, parameters })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"CONVERSION ");
        write::string(out, &self.from, dialect);
        out.push(b' ');
        write::string(out, &self.to, dialect);
        if !self.parameters.is_empty() {
            out.push(b' ');
            write_list(out, &self.parameters, |out, name| write_astring(out, name, dialect));
        }
    }
}
