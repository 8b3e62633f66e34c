//! What a message is made of: the octet-exact MIME scanner, ENVELOPE, BODYSTRUCTURE, and the summary that
//! keeps them.
//!
//! Nothing here is decoded on the way in: sizes, lines and offsets are of the octets as stored.

mod scan;
mod summary;

pub use scan::{Part, Scanner};
pub use summary::Summary;
