//! What a message is made of: the octet-exact MIME scanner, ENVELOPE, BODYSTRUCTURE, and the summary that
//! keeps them.
//!
//! Nothing here is decoded on the way in: sizes, lines and offsets are of the octets as stored. The callers
//! are the account (a message on its way in is scanned), the server (listings and sections) and [`crate::search`].
//! Nothing here knows commands, files or accounts.

mod address;
mod content;
mod envelope;
mod filter;
mod header;
mod row;
mod scan;
mod summary;
mod transfer;

pub(crate) use content::parameter;
pub use filter::{HeaderFilter, filter_header};
pub(crate) use header::{fields, fields_named, first, unfold};
pub use scan::{Part, Scanner};
pub use summary::Summary;
pub use transfer::{TransferDecoder, decode_transfer};
