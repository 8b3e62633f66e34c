//! [`RowReader`]: rows read one after the other, without disturbing others who read.

use std::fs::File;

use bytes::Bytes;

use super::Summaries;
use super::file::Block;
use crate::log::BodyId;

/// How many places of rows are noted at once.
const PLACES: usize = 512;

/// Reads rows of one account, best in the order of their messages: it has a file and a piece of it for itself, and
/// asks the account only now and then where rows lie.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    /// The file, and its generation.
    file: Option<(u64, File)>,
    block: Block,
    /// Numbers and offsets of the rows that are next in this file, ascending.
    places: Vec<(u64, u64)>,
    /// Where in them the row is that was read last.
    at: usize,
}

impl RowReader {
    /// The row of a message, if it is there, whole, and of this body (one may be left over from a message that
    /// a crash took back). Blocking.
    pub(crate) fn row(&mut self, summaries: &Summaries, number: u64, body: BodyId) -> Option<Bytes> {
        if let Some(offset) = self.noted(number)
            && let Some(row) = self.read(number, body, offset)
        {
            return Some(row);
        }
        // Not noted, or written anew since.
        match self.look_up(summaries, number)? {
            Place::Pending(found, row) => (found == body).then_some(row),
            Place::File(offset) => self.read(number, body, offset),
        }
    }

    fn noted(&mut self, number: u64) -> Option<u64> {
        let behind = self.at + 1;
        let at = match self.places.get(behind) {
            Some(&(next, _)) if next == number => behind,
            _ => self.places.binary_search_by_key(&number, |&(number, _)| number).ok()?,
        };
        self.at = at;
        Some(self.places[at].1)
    }

    fn read(&mut self, number: u64, body: BodyId, offset: u64) -> Option<Bytes> {
        let (_, file) = self.file.as_ref()?;
        let (header, row) = self.block.row(file, offset)?;
        (header.number == number && header.body == body).then_some(row)
    }

    /// Asks the account, and notes what comes behind.
    fn look_up(&mut self, summaries: &Summaries, number: u64) -> Option<Place> {
        let mut rows = summaries.shared.rows();
        if let Some((body, row)) = rows.pending.get(&number) {
            return Some(Place::Pending(*body, row.clone()));
        }
        let path = summaries.shared.path.as_ref()?;
        self.places.clear();
        self.places.extend_from_slice(rows.index(path).from(number, PLACES));
        self.at = 0;
        let &(_, offset) = self.places.first()?;
        if self.file.as_ref().is_none_or(|(generation, _)| *generation != rows.generation) {
            // As long as the rows are ours no other file comes in its place.
            self.file = File::open(path).ok().map(|file| (rows.generation, file));
            self.block.clear();
        }
        Some(Place::File(offset))
    }
}

/// Where a row is.
enum Place {
    /// Not written yet.
    Pending(BodyId, Bytes),
    /// In the file, at this offset.
    File(u64),
}
