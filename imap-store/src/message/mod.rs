//! What a message is made of: the octet-exact MIME scanner, ENVELOPE, BODYSTRUCTURE, and the summary that
//! keeps them.
//!
//! Nothing here is decoded on the way in: sizes, lines and offsets are of the octets as stored. The callers
//! are the account (a message on its way in is scanned), the server (listings and sections) and [`crate::search`].
//! Nothing here knows commands, files or accounts.

mod scan;
mod summary;
mod transfer;

pub use scan::{Part, Scanner};
pub use summary::Summary;
pub use transfer::decode_transfer;

/// The fields of `header` whose names are in `names` (with `not`: those whose names are not), verbatim with
/// their folding and in their order, and the empty line (RFC 9051 §6.4.5.1, HEADER.FIELDS).
///
/// Names are compared without regard to ASCII case. Lines that are no field belong to no name: only `not`
/// keeps them. The empty line is written even where `header` has none.
pub fn filter_header(header: &[u8], names: &[impl AsRef<[u8]>], not: bool) -> Vec<u8> {
    let _ = (header, names, not);
    todo!()
}
