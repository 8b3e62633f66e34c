//! [`RowReader`]: rows read one after the other, without disturbing others who read.

use std::fs::File;
use std::sync::TryLockError;

use bytes::Bytes;

use super::Summaries;
use super::file::{BLOCK_OCTETS_MAX, Block};
use crate::files::open_now;
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

    /// The rows of a few messages, if they are there, not long, and nothing has to be waited for.
    pub(crate) fn rows_now(&mut self, summaries: &Summaries, wanted: &[(u64, BodyId)]) -> Option<Vec<Bytes>> {
        let places = self.look_up_now(summaries, wanted)?;
        let offsets = || places.iter().filter_map(Place::offset);
        if let (Some(first), Some(last), Some((_, file))) = (offsets().min(), offsets().max(), &self.file) {
            self.block.read_now(file, first, last - first)?;
        }
        let mut rows = Vec::with_capacity(wanted.len());
        let mut octets = 0;
        for (place, &(number, body)) in places.into_iter().zip(wanted) {
            let row = match place {
                Place::Pending(found, row) => (found == body).then_some(row),
                Place::File(offset) => {
                    let (header, row) = self.block.held_row(offset)?;
                    (header.number == number && header.body == body).then_some(row)
                }
            }?;
            octets += row.len();
            rows.push(row);
        }
        (octets <= BLOCK_OCTETS_MAX).then_some(rows)
    }

    /// Where rows are, if that is known without waiting; the file is open then.
    fn look_up_now(&mut self, summaries: &Summaries, wanted: &[(u64, BodyId)]) -> Option<Vec<Place>> {
        let rows = match summaries.shared.rows.try_lock() {
            Ok(rows) => rows,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody may be reading the file meanwhile.
            Err(TryLockError::WouldBlock) => return None,
        };
        let place_of = |&(number, _): &(u64, BodyId)| match rows.pending.get(&number) {
            Some((body, row)) => Some(Place::Pending(*body, row.clone())),
            None => rows.index.as_ref()?.from(number, 1).first().map(|&(_, offset)| Place::File(offset)),
        };
        let places: Vec<Place> = wanted.iter().map(place_of).collect::<Option<_>>()?;
        let is_open = self.file.as_ref().is_some_and(|(generation, _)| *generation == rows.generation);
        if !is_open && places.iter().any(|place| place.offset().is_some()) {
            self.file = Some((rows.generation, open_now(summaries.shared.path.as_ref()?)?));
            self.block.clear();
        }
        Some(places)
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

impl Place {
    fn offset(&self) -> Option<u64> {
        match self {
            Self::Pending(..) => None,
            Self::File(offset) => Some(*offset),
        }
    }
}
