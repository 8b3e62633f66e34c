//! [`Stream`]: what is left of a literal whose octets are written in pieces.

use std::ops::Range;

use bytes::Bytes;
use imap_store::StoreError;
use imap_store::message::TransferDecoder;

use super::section::Decoded;

/// How much of a body is read at once.
pub(super) const READ_OCTETS: u64 = 256 << 10;

/// The octets of a literal that are still to be written.
pub(super) enum Stream {
    /// These of the message as it is stored.
    Stored(Range<u64>),
    /// Those of a part with its transfer encoding undone.
    Decoded(Box<Decoding>),
}

/// A part that is being decoded.
pub(super) struct Decoding {
    decoder: TransferDecoder,
    stored: Range<u64>,
    /// Decoded octets that are passed over before the first that is written.
    skipped: u64,
    /// Octets that are still to be written.
    left: u64,
}

impl Stream {
    /// Nothing.
    pub(super) const EMPTY: Self = Self::Stored(0..0);

    /// What is asked for of a part. One whose encoding is not known stands as it is: whoever asks has looked.
    pub(super) fn decoded(part: Decoded) -> Self {
        let Decoded { encoding, stored, wanted } = part;
        let decoder = TransferDecoder::new(&encoding).unwrap_or(TransferDecoder::Identity);
        let left = wanted.end - wanted.start;
        Self::Decoded(Box::new(Decoding { decoder, stored, skipped: wanted.start, left }))
    }

    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Stored(range) => range.is_empty(),
            Self::Decoded(decoding) => decoding.left == 0,
        }
    }

    /// Reads some more and writes it.
    pub(super) fn write_more(
        &mut self,
        out: &mut Vec<u8>,
        read: impl Fn(u64, u64) -> Result<Bytes, StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Stored(range) => {
                let end = range.end.min(range.start + READ_OCTETS);
                out.extend_from_slice(&read(range.start, end)?);
                range.start = end;
                Ok(())
            }
            Self::Decoded(decoding) => decoding.write_more(out, read),
        }
    }
}

impl Decoding {
    fn write_more(
        &mut self,
        out: &mut Vec<u8>,
        read: impl Fn(u64, u64) -> Result<Bytes, StoreError>,
    ) -> Result<(), StoreError> {
        let mut piece = Vec::new();
        if self.stored.is_empty() {
            self.decoder.finish(&mut piece);
            if piece.is_empty() {
                return Err(StoreError::Damaged { what: "a part that was longer a moment ago".to_owned() });
            }
        } else {
            let end = self.stored.end.min(self.stored.start + READ_OCTETS);
            self.decoder.feed(&read(self.stored.start, end)?, &mut piece);
            self.stored.start = end;
        }
        let index = |octets: u64| usize::try_from(octets).unwrap_or(usize::MAX).min(piece.len());
        let skipped = index(self.skipped);
        self.skipped -= skipped as u64;
        let end = skipped + index(self.left).min(piece.len() - skipped);
        out.extend_from_slice(&piece[skipped..end]);
        self.left -= (end - skipped) as u64;
        Ok(())
    }
}
