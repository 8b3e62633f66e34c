//! NAMESPACE (RFC 9051 §7.3.3, RFC 2342), with TRANSLATION (RFC 5255 §3.4).

use bytes::Bytes;

use super::list::{read_delimiter, write_delimiter};
use super::text::write_list;
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// One namespace.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What its names begin with, in the octets of the wire.
    pub prefix: Bytes,
    /// What separates levels; `None` is NIL.
    pub delimiter: Option<u8>,
    /// Extensions with their values, each at least one; `TRANSLATION` has the prefix in the session's
    /// language (RFC 5255 §3.4).
    pub extensions: Vec<(Bytes, Vec<Bytes>)>,
}

/// ```abnf
/// namespace-response = "NAMESPACE" SP namespace
///                      SP namespace SP namespace
/// namespace         = nil / "(" 1*namespace-descr ")"
/// ```
pub(super) fn write_namespace(out: &mut Vec<u8>, spaces: &[Vec<Namespace>; 3], dialect: Dialect) {
    out.extend_from_slice(b"NAMESPACE");
    for space in spaces {
        out.push(b' ');
        if space.is_empty() {
            out.extend_from_slice(b"NIL");
            continue;
        }
        out.push(b'(');
        for descriptor in space {
            descriptor.write(out, dialect);
        }
        out.push(b')');
    }
}

/// The three lists: personal, other users', shared.
pub(super) fn read_namespace(reader: &mut Reader<'_>) -> Option<[Vec<Namespace>; 3]> {
    Some([reader.list(Namespace::read)?, reader.list(Namespace::read)?, reader.list(Namespace::read)?])
}

impl Namespace {
    /// ```abnf
    /// namespace-descr   = "(" string SP
    ///                     (DQUOTE QUOTED-CHAR DQUOTE / nil)
    ///                     [namespace-response-extensions] ")"
    /// namespace-response-extensions = *namespace-response-extension
    /// namespace-response-extension = SP string SP
    ///                   "(" string *(SP string) ")"
    /// ```
    ///
    /// What looks otherwise is skipped.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.eat_spaced(b'(') {
            return None;
        }
        let (prefix, delimiter) = (reader.string()?, read_delimiter(reader)?);
        let mut extensions = Vec::new();
        while !reader.eat_spaced(b')') {
            let start = *reader;
            match read_extension(reader) {
                Some(extension) => extensions.push(extension),
                None => {
                    *reader = start;
                    reader.skip_value(0).ok()?;
                }
            }
        }
        Some(Self { prefix, delimiter, extensions })
    }

    fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.push(b'(');
        write::string(out, &self.prefix, dialect);
        out.push(b' ');
        write_delimiter(out, self.delimiter);
        for (name, values) in &self.extensions {
            out.push(b' ');
            write::string(out, name, dialect);
            out.push(b' ');
            write_list(out, values, |out, value| write::string(out, value, dialect));
        }
        out.push(b')');
    }
}

fn read_extension(reader: &mut Reader<'_>) -> Option<(Bytes, Vec<Bytes>)> {
    let name = reader.astring()?;
    reader.skip_spaces();
    if reader.peek() != Some(b'(') {
        return None;
    }
    Some((name, reader.list(Reader::astring)?))
}
