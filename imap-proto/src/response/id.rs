//! ID (RFC 2971 §3.2).

use bytes::Bytes;

use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// `id_params_list = "(" #(string SPACE nstring) ")" / nil`
pub(super) fn write_id(out: &mut Vec<u8>, fields: &[(Bytes, Option<Bytes>)], dialect: Dialect) {
    out.extend_from_slice(b"ID ");
    if fields.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    let mut before = b'(';
    for (field, value) in fields {
        out.push(before);
        write::string(out, field, dialect);
        out.push(b' ');
        write::nstring(out, value.as_deref(), dialect);
        before = b' ';
    }
    out.push(b')');
}

/// NIL and `()` are no field at all.
pub(super) fn read_id(reader: &mut Reader<'_>) -> Option<Vec<(Bytes, Option<Bytes>)>> {
    reader.list(|reader| Some((reader.string()?, reader.nstring()?)))
}
