//! Lists of flags, as FLAGS, PERMANENTFLAGS and FETCH have them (RFC 9051 §7.3.5).

use crate::types::{Flag, SystemFlag};

/// `flag-list = "(" [flag *(SP flag)] ")"`, in the order given.
pub(super) fn write_flags<'f>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'f Flag>) {
    out.push(b'(');
    let mut first = true;
    for flag in flags {
        if !first {
            out.push(b' ');
        }
        first = false;
        write_flag(out, flag);
    }
    out.push(b')');
}

fn write_flag(out: &mut Vec<u8>, flag: &Flag) {
    match flag {
        Flag::System(flag) => out.extend_from_slice(system_flag_name(*flag).as_bytes()),
        Flag::Recent => out.extend_from_slice(b"\\Recent"),
        Flag::Wildcard => out.extend_from_slice(b"\\*"),
        Flag::Keyword(keyword) => out.extend_from_slice(keyword.as_str().as_bytes()),
        Flag::Extension(name) => {
            out.push(b'\\');
            out.extend_from_slice(name.as_str().as_bytes());
        }
    }
}

fn system_flag_name(flag: SystemFlag) -> &'static str {
    match flag {
        SystemFlag::Answered => "\\Answered",
        SystemFlag::Flagged => "\\Flagged",
        SystemFlag::Deleted => "\\Deleted",
        SystemFlag::Seen => "\\Seen",
        SystemFlag::Draft => "\\Draft",
    }
}
