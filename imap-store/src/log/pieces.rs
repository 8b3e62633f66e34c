//! The buffers of an upload's chunks. They go round, into the queue and back when they are written: were each new memory,
//! what the writer's thread frees would lie unused beside it, and a long upload would take more than twice as much.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::upload::CHUNK_OCTETS;

/// Those of one upload that are not in use.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty one with room for a chunk.
    pub(super) fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_OCTETS))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chunk's octets on their way into the log. Dropped, it gives the buffer back.
#[derive(Debug)]
pub(super) struct Piece {
    octets: Vec<u8>,
    home: Arc<Buffers>,
}

impl Piece {
    pub(super) fn new(octets: Vec<u8>, home: &Arc<Buffers>) -> Self {
        Self { octets, home: Arc::clone(home) }
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut octets = std::mem::take(&mut self.octets);
        octets.clear();
        self.home.lock().push(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_written_is_the_next_one() {
        let buffers = Arc::new(Buffers::default());
        let mut octets = buffers.take();
        octets.extend_from_slice(b"x");
        let at = octets.as_ptr();
        let piece = Piece::new(octets, &buffers);
        let other = buffers.take();
        assert_ne!(other.as_ptr(), at, "it is on its way");
        assert_eq!(piece.octets(), b"x");
        drop(piece);
        let again = buffers.take();
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
    }
}
