//! NAMESPACE (RFC 9051 §7.3.3, RFC 2342).

use bytes::Bytes;

use super::list::{read_delimiter, write_delimiter};
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// Prefix and delimiter.
type Descriptor = (Bytes, Option<u8>);

/// `"NAMESPACE" SP namespace SP namespace SP namespace`; a list without an element is NIL.
pub(super) fn write_namespace(out: &mut Vec<u8>, spaces: &[Vec<Descriptor>; 3], dialect: Dialect) {
    out.extend_from_slice(b"NAMESPACE");
    for space in spaces {
        out.push(b' ');
        if space.is_empty() {
            out.extend_from_slice(b"NIL");
            continue;
        }
        out.push(b'(');
        for (prefix, delimiter) in space {
            out.push(b'(');
            write::string(out, prefix, dialect);
            out.push(b' ');
            write_delimiter(out, *delimiter);
            out.push(b')');
        }
        out.push(b')');
    }
}

/// The three lists; extensions behind a delimiter are skipped (`namespace-response-extensions`).
pub(super) fn read_namespace(reader: &mut Reader<'_>) -> Option<[Vec<Descriptor>; 3]> {
    Some([reader.list(read_descriptor)?, reader.list(read_descriptor)?, reader.list(read_descriptor)?])
}

/// `namespace-descr = "(" string SP (DQUOTE QUOTED-CHAR DQUOTE / nil) [namespace-response-extensions] ")"`
fn read_descriptor(reader: &mut Reader<'_>) -> Option<Descriptor> {
    if !reader.eat_spaced(b'(') {
        return None;
    }
    let descriptor = (reader.string()?, read_delimiter(reader)?);
    while !reader.eat_spaced(b')') {
        reader.skip_value(0).ok()?;
    }
    Some(descriptor)
}
