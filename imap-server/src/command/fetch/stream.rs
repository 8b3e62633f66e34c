//! [`Stream`]: what is left of a literal whose octets are written in pieces.

use std::ops::Range;

use bytes::Bytes;
use imap_store::StoreError;
use imap_store::message::{HeaderFilter, TransferDecoder};

use super::section::{Made, Making};

/// How much of a body is read at once.
pub(super) const READ_OCTETS: u64 = 256 << 10;

/// The octets of a literal that are still to be written.
pub(super) enum Stream {
    /// These of the message as it is stored.
    Stored(Range<u64>),
    /// These, made of stored ones.
    Made(Box<Work>),
}

/// Stored octets that others are being made of.
pub(super) struct Work {
    maker: Maker,
    stored: Range<u64>,
    /// Made octets that are passed over before the first that is written.
    skipped: u64,
    /// Octets that are still to be written.
    left: u64,
}

/// Makes octets of others that come in pieces.
pub(super) enum Maker {
    Decoder(TransferDecoder),
    Filter(HeaderFilter),
}

impl Maker {
    /// At the beginning. A part whose encoding is not known stands as it is: whoever asks has looked.
    pub(super) fn new(how: &Making) -> Self {
        match how {
            Making::Decode(encoding) => {
                Self::Decoder(TransferDecoder::new(encoding).unwrap_or(TransferDecoder::Identity))
            }
            Making::Filter { not, names } => Self::Filter(HeaderFilter::new(names.clone(), *not)),
        }
    }

    /// Appends to `made` what `octets` bring.
    pub(super) fn feed(&mut self, octets: &[u8], made: &mut Vec<u8>) {
        match self {
            Self::Decoder(decoder) => decoder.feed(octets, made),
            Self::Filter(filter) => filter.feed(octets, made),
        }
    }

    /// Appends to `made` what is still owed when all is there.
    pub(super) fn finish(&mut self, made: &mut Vec<u8>) {
        match self {
            Self::Decoder(decoder) => decoder.finish(made),
            Self::Filter(filter) => filter.finish(made),
        }
    }
}

impl Stream {
    /// Nothing.
    pub(super) const EMPTY: Self = Self::Stored(0..0);

    /// What is asked for of what is made.
    pub(super) fn made(made: Made) -> Self {
        let Made { how, stored, wanted } = made;
        let left = wanted.end - wanted.start;
        Self::Made(Box::new(Work { maker: Maker::new(&how), stored, skipped: wanted.start, left }))
    }

    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Stored(range) => range.is_empty(),
            Self::Made(work) => work.left == 0,
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
            Self::Made(work) => work.write_more(out, read),
        }
    }
}

impl Work {
    fn write_more(
        &mut self,
        out: &mut Vec<u8>,
        read: impl Fn(u64, u64) -> Result<Bytes, StoreError>,
    ) -> Result<(), StoreError> {
        let mut piece = Vec::new();
        if self.stored.is_empty() {
            self.maker.finish(&mut piece);
            if piece.is_empty() {
                return Err(StoreError::Damaged { what: "a part that was longer a moment ago".to_owned() });
            }
        } else {
            let end = self.stored.end.min(self.stored.start + READ_OCTETS);
            self.maker.feed(&read(self.stored.start, end)?, &mut piece);
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
