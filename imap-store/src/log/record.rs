//! One record: a header of 28 octets and a payload, under one crc. `docs/STORAGE.md` has the fields.

use bytes::Bytes;

use super::pieces::Piece;
use super::{AccountId, BodyId, Position, Seq};

/// What a record is. A number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A body that is whole: [`BodyHead`], then its octets.
    Body = 1,
    /// A piece of a long body.
    Chunk = 2,
    /// What closes a long body: [`ChunkList`].
    ChunkList = 3,
    /// An account's change.
    Change = 4,
    /// What closes an account's image: [`ChunkList`] of its octets.
    Image = 5,
    /// In the place of records that compaction dropped: how many (4 octets).
    Gone = 6,
}

/// The table's mark of a record that recovery could not read.
pub(super) const KIND_LOST: u8 = 0;

/// Octets before a record's payload.
pub(super) const RECORD_HEADER_OCTETS: usize = 28;

/// The only key there is: none, the payload is clear.
const KEY_CLEAR: u8 = 0;

/// What is queued: the parts of a record's payload, and so its kind.
#[derive(Debug)]
pub(super) enum Content {
    Body(BodyHead, Vec<u8>),
    Chunk(Piece),
    ChunkList(Vec<u8>),
    Change(Vec<u8>),
    Image(Vec<u8>),
}

impl Content {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Body(..) => Kind::Body,
            Self::Chunk(_) => Kind::Chunk,
            Self::ChunkList(_) => Kind::ChunkList,
            Self::Change(_) => Kind::Change,
            Self::Image(_) => Kind::Image,
        }
    }

    /// The payload's beginning that is not in [`Content::octets`].
    pub(super) fn head(&self) -> &[u8] {
        match self {
            Self::Body(head, _) => &head.0,
            _ => &[],
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Chunk(piece) => piece.octets(),
            Self::Body(_, octets) | Self::ChunkList(octets) | Self::Change(octets) | Self::Image(octets) => {
                octets
            }
        }
    }

    /// Octets of the whole record.
    pub(super) fn record_octets(&self) -> usize {
        RECORD_HEADER_OCTETS + self.head().len() + self.octets().len()
    }
}

/// The header of a record, its crc seeded with `seed`.
pub(super) fn encode_header(
    seed: u32,
    account: AccountId,
    seq: Seq,
    content: &Content,
) -> [u8; RECORD_HEADER_OCTETS] {
    header_of(seed, account, seq, content.kind(), [content.head(), content.octets()])
}

fn header_of(
    seed: u32,
    account: AccountId,
    seq: Seq,
    kind: Kind,
    payload: [&[u8]; 2],
) -> [u8; RECORD_HEADER_OCTETS] {
    let length = u32::try_from(payload[0].len() + payload[1].len());
    let length = length.expect("the queue takes no record over 1 GiB");
    let mut header = [0; RECORD_HEADER_OCTETS];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[8] = kind as u8;
    header[9] = KEY_CLEAR;
    header[12..20].copy_from_slice(&account.0.to_le_bytes());
    header[20..].copy_from_slice(&seq.0.to_le_bytes());
    let crc = payload.iter().fold(crc_of_header(seed, &header), |crc, it| crc32c::crc32c_append(crc, it));
    header[4..8].copy_from_slice(&crc.to_le_bytes());
    header
}

/// A record in the place of `count` others that were dropped.
pub(super) fn encode_gone(seed: u32, count: u32) -> Vec<u8> {
    let payload = count.to_le_bytes();
    [&header_of(seed, AccountId(0), Seq(0), Kind::Gone, [&payload, &[]])[..], &payload].concat()
}

/// How many records it stands for.
pub(super) fn decode_gone(payload: &[u8]) -> u32 {
    payload.try_into().map_or(1, u32::from_le_bytes)
}

/// The length of the payload that a header names; `None` when there is no whole header. Unchecked.
pub(super) fn payload_octets(octets: &[u8]) -> Option<usize> {
    (octets.len() >= RECORD_HEADER_OCTETS).then(|| le_u32(octets, 0) as usize)
}

/// The kind of a record, if its header is there; not checked.
pub(super) fn kind_of(octets: &[u8]) -> Option<u8> {
    octets.get(8).copied()
}

/// A record whose crc was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// May be none of [`Kind`], when a later program wrote it.
    pub(super) kind: u8,
    pub(super) account: AccountId,
    pub(super) seq: Seq,
    pub(super) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at the beginning of `octets`; `None` when it is cut short or its crc is wrong.
    pub(super) fn decode(seed: u32, octets: &'a [u8]) -> Option<Self> {
        let length = payload_octets(octets)?;
        let (header, rest) = octets.split_at(RECORD_HEADER_OCTETS);
        let payload = rest.get(..length)?;
        let crc = crc32c::crc32c_append(crc_of_header(seed, header), payload);
        if crc != le_u32(header, 4) || header[9] != KEY_CLEAR {
            return None;
        }
        Some(Self {
            kind: header[8],
            account: AccountId(le_u64(header, 12)),
            seq: Seq(le_u64(header, 20)),
            payload,
        })
    }
}

/// The crc of everything in the header but the crc.
fn crc_of_header(seed: u32, header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(seed, &header[..4]), &header[8..RECORD_HEADER_OCTETS])
}

/// What stands before the octets of a body: their BLAKE3, and when it came (milliseconds since 1970, UTC).
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyHead([u8; BODY_HEAD_OCTETS]);

pub(super) const BODY_HEAD_OCTETS: usize = 40;

impl BodyHead {
    pub(super) fn new(hash: &blake3::Hash, arrived_ms: i64) -> Self {
        let mut octets = [0; BODY_HEAD_OCTETS];
        octets[..32].copy_from_slice(hash.as_bytes());
        octets[32..].copy_from_slice(&arrived_ms.to_le_bytes());
        Self(octets)
    }
}

/// What closes a long body: the head, its length, and where its chunks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChunkList {
    pub(super) size_octets: u64,
    /// Octets of every chunk but the last.
    pub(super) chunk_octets: u32,
    pub(super) chunks: Vec<BodyId>,
}

impl ChunkList {
    pub(super) fn encode(&self, head: &BodyHead) -> Vec<u8> {
        let mut octets = Vec::with_capacity(BODY_HEAD_OCTETS + 16 + 12 * self.chunks.len());
        octets.extend_from_slice(&head.0);
        octets.extend_from_slice(&self.size_octets.to_le_bytes());
        octets.extend_from_slice(&self.chunk_octets.to_le_bytes());
        let count = u32::try_from(self.chunks.len()).expect("a body of 2^32 chunks was stopped long before");
        octets.extend_from_slice(&count.to_le_bytes());
        for chunk in &self.chunks {
            octets.extend_from_slice(&chunk.segment.to_le_bytes());
            octets.extend_from_slice(&chunk.record.to_le_bytes());
        }
        octets
    }

    /// `None` when the octets contradict themselves.
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let fields = payload.get(BODY_HEAD_OCTETS..BODY_HEAD_OCTETS + 16)?;
        let (size_octets, chunk_octets, count) = (le_u64(fields, 0), le_u32(fields, 8), le_u32(fields, 12));
        let list = &payload[BODY_HEAD_OCTETS + 16..];
        let fits = chunk_octets > 0 && size_octets.div_ceil(chunk_octets.into()) == u64::from(count);
        if !fits || list.len() != count as usize * 12 {
            return None;
        }
        let chunks = list
            .chunks_exact(12)
            .map(|entry| BodyId { segment: le_u64(entry, 0), record: le_u32(entry, 8) })
            .collect();
        Some(Self { size_octets, chunk_octets, chunks })
    }
}

/// A record that was read from a file and checked; it owns its octets.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) kind: u8,
    pub(super) account: AccountId,
    pub(super) seq: Seq,
    pub(super) payload: Bytes,
}

impl Stored {
    pub(super) fn decode(seed: u32, octets: Bytes) -> Option<Self> {
        let Record { kind, account, seq, payload } = Record::decode(seed, &octets)?;
        let payload = octets.slice_ref(payload);
        Some(Self { kind, account, seq, payload })
    }
}

impl From<BodyId> for Position {
    fn from(body: BodyId) -> Self {
        Self { segment: body.segment, record: body.record }
    }
}

impl From<Position> for BodyId {
    fn from(position: Position) -> Self {
        Self { segment: position.segment, record: position.record }
    }
}

/// The little-endian number at `at`, which must be inside `octets`.
pub(super) fn le_u32(octets: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(octets[at..at + 4].try_into().expect("four octets"))
}

/// The little-endian number at `at`, which must be inside `octets`.
pub(super) fn le_u64(octets: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(octets[at..at + 8].try_into().expect("eight octets"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(seed: u32, account: u64, seq: u64, content: &Content) -> Vec<u8> {
        let mut octets = encode_header(seed, AccountId(account), Seq(seq), content).to_vec();
        octets.extend_from_slice(content.head());
        octets.extend_from_slice(content.octets());
        octets
    }

    proptest! {
        #[test]
        fn record_comes_back(seed: u32, account: u64, seq: u64, payload: Vec<u8>, behind: Vec<u8>) {
            let mut octets = encode(seed, account, seq, &Content::Change(payload.clone()));
            octets.extend_from_slice(&behind);
            let record = Record::decode(seed, &octets).expect("whole");
            prop_assert_eq!(record.payload, &payload[..]);
            prop_assert_eq!((record.kind, record.account, record.seq), (4, AccountId(account), Seq(seq)));
        }

        #[test]
        fn flipped_bit_or_other_seed_is_found(seed: u32, other: u32, payload: Vec<u8>, bit: usize) {
            let mut octets = encode(seed, 1, 2, &Content::Change(payload));
            prop_assert!(other == seed || Record::decode(other, &octets).is_none());
            let bit = bit % (octets.len() * 8);
            octets[bit / 8] ^= 1 << (bit % 8);
            // Octets 10 and 11 are reserved, and under the crc like the rest.
            prop_assert_eq!(Record::decode(seed, &octets), None);
        }

        #[test]
        fn chunk_list_comes_back(size in 1_u64..100_000, segment: u64) {
            let chunks = (0..size.div_ceil(1000)).map(|n| BodyId { segment, record: n as u32 }).collect();
            let list = ChunkList { size_octets: size, chunk_octets: 1000, chunks };
            let octets = list.encode(&BodyHead::new(&blake3::hash(b"x"), 7));
            prop_assert_eq!(ChunkList::decode(&octets), Some(list));
            prop_assert_eq!(ChunkList::decode(&octets[..octets.len() - 1]), None);
        }
    }
}
