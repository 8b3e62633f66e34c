//! NAMESPACE (RFC 9051 §7.3.3, RFC 2342).

use bytes::Bytes;

use super::list::write_delimiter;
use crate::Dialect;
use crate::wire::write;

/// `"NAMESPACE" SP namespace SP namespace SP namespace`; a list without an element is NIL.
pub(super) fn write_namespace(out: &mut Vec<u8>, spaces: &[Vec<(Bytes, Option<u8>)>; 3], dialect: Dialect) {
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
