//! A group: what one write brings. A header of 40 octets, records, zeros up to the next block.

use std::io::IoSlice;
use std::ops::Range;

use super::queue::Pending;
use super::record::{RECORD_HEADER_OCTETS, encode_header, le_u32, le_u64};

/// Groups begin at multiples of this, so that no block is written again once it was synced.
pub(super) const BLOCK_OCTETS: u64 = 4096;

/// Octets before a group's first record.
pub(super) const GROUP_HEADER_OCTETS: usize = 40;

/// A group's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupHeader {
    /// Rises by one from group to group, over all segments.
    pub(super) number: u64,
    /// Octets of its records.
    pub(super) octets: u32,
    /// How many records.
    pub(super) records: u32,
    /// The index of the first of them in the segment.
    pub(super) first_record: u32,
    /// The log was closed with this group.
    pub(super) closed: bool,
    /// Compaction wrote it: [`Gone`](super::record::Kind::Gone) in it counts as the records in whose place it is.
    pub(super) compacted: bool,
    /// Where, in this file, what was not yet synced began when this group was written.
    pub(super) synced_to: u64,
}

impl GroupHeader {
    pub(super) fn encode(&self, seed: u32) -> [u8; GROUP_HEADER_OCTETS] {
        let mut header = [0; GROUP_HEADER_OCTETS];
        header[..4].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&self.number.to_le_bytes());
        header[16..20].copy_from_slice(&self.octets.to_le_bytes());
        header[20..24].copy_from_slice(&self.records.to_le_bytes());
        header[24..28].copy_from_slice(&self.first_record.to_le_bytes());
        header[28..32]
            .copy_from_slice(&(u32::from(self.closed) | u32::from(self.compacted) << 1).to_le_bytes());
        header[32..].copy_from_slice(&self.synced_to.to_le_bytes());
        let crc = crc32c::crc32c_append(seed, &header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        header
    }

    /// The header at the beginning of `octets`, if one is there.
    pub(super) fn decode(seed: u32, octets: &[u8]) -> Option<Self> {
        let header = octets.get(..GROUP_HEADER_OCTETS)?;
        if &header[..4] != MAGIC || crc32c::crc32c_append(seed, &header[8..]) != le_u32(header, 4) {
            return None;
        }
        Some(Self {
            number: le_u64(header, 8),
            octets: le_u32(header, 16),
            records: le_u32(header, 20),
            first_record: le_u32(header, 24),
            closed: le_u32(header, 28) & 1 != 0,
            compacted: le_u32(header, 28) & 2 != 0,
            synced_to: le_u64(header, 32),
        })
    }

    /// Whether so many records can stand here: what is read asks for memory by these numbers.
    pub(super) fn is_plausible(&self, at: u64) -> bool {
        let fit = |records: u32, octets: u64| u64::from(records) * RECORD_HEADER_OCTETS as u64 <= octets;
        self.compacted || fit(self.records, self.octets.into()) && fit(self.first_record, at)
    }

    /// Octets from the header to the next group.
    pub(super) fn span_octets(&self) -> u64 {
        (GROUP_HEADER_OCTETS as u64 + u64::from(self.octets)).next_multiple_of(BLOCK_OCTETS)
    }
}

/// A group ready to be written, borrowing the payloads that are worth it.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) header: GroupHeader,
    /// Where each record begins, from the group's beginning.
    pub(super) offsets: Vec<u32>,
    scratch: Vec<u8>,
    pieces: Vec<Piece<'a>>,
}

#[derive(Debug)]
enum Piece<'a> {
    Scratch(Range<usize>),
    Borrowed(&'a [u8]),
}

impl<'a> Group<'a> {
    /// Lays out `records` behind a header with the number, first record, closing mark and `synced_to` given.
    pub(super) fn new(seed: u32, header: GroupHeader, records: &'a [Pending]) -> Self {
        let mut group = Self {
            header,
            offsets: Vec::with_capacity(records.len()),
            scratch: vec![0; GROUP_HEADER_OCTETS],
            pieces: Vec::new(),
        };
        let mut copied_to = 0;
        let mut length = GROUP_HEADER_OCTETS;
        for pending in records {
            group.offsets.push(u32_of(length));
            let content = &pending.content;
            group.scratch.extend(encode_header(seed, pending.account, pending.seq, content));
            group.scratch.extend_from_slice(content.head());
            if content.octets().len() < COPIED_OCTETS_MAX {
                group.scratch.extend_from_slice(content.octets());
            } else {
                group.pieces.push(Piece::Scratch(copied_to..group.scratch.len()));
                copied_to = group.scratch.len();
                group.pieces.push(Piece::Borrowed(content.octets()));
            }
            length += content.record_octets();
        }
        group.header.octets = u32_of(length - GROUP_HEADER_OCTETS);
        group.header.records = u32_of(records.len());
        let span = usize::try_from(group.header.span_octets()).expect("a group fits in memory");
        group.scratch.resize(group.scratch.len() + span - length, 0);
        group.pieces.push(Piece::Scratch(copied_to..group.scratch.len()));
        group.scratch[..GROUP_HEADER_OCTETS].copy_from_slice(&group.header.encode(seed));
        group
    }

    /// What to write, header to padding.
    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Scratch(range) => IoSlice::new(&self.scratch[range.clone()]),
                Piece::Borrowed(octets) => IoSlice::new(octets),
            })
            .collect()
    }
}

fn u32_of(octets: usize) -> u32 {
    u32::try_from(octets).expect("groups end at 8 MiB and records at 1 GiB")
}

/// Payloads from here on are written from where they lie.
const COPIED_OCTETS_MAX: usize = 8192;

const MAGIC: &[u8; 4] = b"RGRP";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::record::{Content, Record};
    use crate::log::{AccountId, Position, Seq};

    fn header() -> GroupHeader {
        GroupHeader {
            number: 9,
            octets: 0,
            records: 0,
            first_record: 5,
            closed: true,
            compacted: true,
            synced_to: 8192,
        }
    }

    proptest! {
        #[test]
        fn group_comes_back(seed: u32, sizes in proptest::collection::vec(0_usize..20_000, 0..8)) {
            let records: Vec<Pending> = sizes
                .iter()
                .map(|&size| {
                    let content = Content::Change(vec![size as u8; size]);
                    Pending::new(Position::default(), AccountId(3), Seq(size as u64), content)
                })
                .collect();
            let group = Group::new(seed, header(), &records);
            let octets: Vec<u8> = group.slices().iter().flat_map(|slice| slice.to_vec()).collect();
            let back = GroupHeader::decode(seed, &octets).expect("a header");
            prop_assert_eq!(back, group.header);
            prop_assert_eq!(octets.len() as u64, back.span_octets());
            prop_assert_eq!(back.records as usize, sizes.len());
            for (size, &offset) in sizes.iter().zip(&group.offsets) {
                let record = Record::decode(seed, &octets[offset as usize..]).expect("whole");
                prop_assert_eq!((record.payload.len(), record.seq.0), (*size, *size as u64));
            }
        }

        #[test]
        fn flipped_bit_of_the_header_is_found(seed: u32, bit in 0..GROUP_HEADER_OCTETS * 8) {
            let mut octets = header().encode(seed);
            octets[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(GroupHeader::decode(seed, &octets), None);
        }
    }
}
