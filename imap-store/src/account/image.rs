//! An image: an account's whole state at one seq, as octets in the log. Replay begins with it instead of with
//! the account's first change.
//!
//! It is made of what a checkpoint is made of ([`super::rows`]): the pages, each behind its length, then a 0,
//! then the root, which names the pages by their order from 1.

use std::collections::HashMap;

use super::codec::{Decoder, Encoder, Malformed};
use super::rows::{Naming, Pages, decode_root, encode_root};
use super::snapshot::Snapshot;

/// Hands over the octets of an image, piece by piece.
pub(crate) fn encode(state: &Snapshot, piece: &mut dyn FnMut(&[u8])) {
    let mut page = |octets: Vec<u8>| {
        let mut out = Encoder::new();
        out.octets(&octets);
        piece(&out.finish());
    };
    let root = encode_root(state, 0, &mut Naming::InOrder(0, &mut page));
    let mut out = Encoder::new();
    out.number(0);
    out.octets(&root);
    piece(&out.finish());
}

/// The state of an image.
pub(crate) fn decode(octets: &[u8]) -> Result<Snapshot, Malformed> {
    let mut input = Decoder::new(octets);
    let mut pages = HashMap::new();
    let root = loop {
        match input.octets()? {
            [] => break input.octets()?,
            page => pages.insert(pages.len() as u64 + 1, page.to_vec()),
        };
    };
    input.end()?;
    Ok(decode_root(root, &Pages { octets: pages, are_saved: false })?.0)
}
