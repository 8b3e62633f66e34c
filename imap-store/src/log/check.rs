//! Reads every record of the log and says what is wrong.

use super::reader::Reader;
use super::record::{BODY_HEAD_OCTETS, ChunkList, KIND_LOST, Kind, Stored};
use super::segment::Entry;
use super::{BodyId, Log, Position, Replayed};
use crate::StoreError;

/// What was found, record by record in log order.
pub(crate) enum Checked {
    /// A sound record that is no change.
    Sound,
    /// A sound change.
    Change(Replayed),
    /// A record that cannot be read as what it was.
    Bad(Position, String),
    /// A whole segment that cannot be read.
    BadSegment(u64, String),
}

impl Log {
    /// Reads all that was published before the call. Blocking; whoever writes or reads is not disturbed.
    pub(crate) fn check(&self, each: &mut dyn FnMut(Checked)) {
        let end = self.published();
        for segment in 1..=end.segment {
            let entries = match self.shared().reader.entries(segment) {
                Ok(entries) => entries,
                // Behind the last record there may be no segment yet.
                Err(_) if segment == end.segment && end.record == 0 => continue,
                Err(error) => {
                    each(Checked::BadSegment(segment, error.to_string()));
                    continue;
                }
            };
            let dropped = |entry: &Entry| entry.kind == Kind::Gone as u8;
            for (record, entry) in entries.iter().enumerate().filter(|(_, entry)| !dropped(entry)) {
                let position = Position { segment, record: record as u32 };
                if position >= end {
                    break;
                }
                each(self.shared().reader.check(position, *entry));
            }
        }
    }

    /// Whether a body is there, and has that many octets; `is_bad` knows the records that cannot be read.
    pub(crate) fn check_body(
        &self,
        body: BodyId,
        size_octets: u64,
        is_bad: impl Fn(Position) -> bool,
    ) -> Result<(), String> {
        let position = Position::from(body);
        let refuse = |position: Position| {
            let Position { segment, record } = position;
            Err(format!("record {record} of segment {segment} is damaged"))
        };
        if is_bad(position) {
            return refuse(position);
        }
        let stored = self.shared().reader.record(position).map_err(|error| error.to_string())?;
        let size = match ChunkList::decode(&stored.payload).filter(|_| stored.kind == Kind::ChunkList as u8) {
            Some(list) => {
                if let Some(&bad) = list.chunks.iter().find(|&&chunk| is_bad(chunk.into())) {
                    return refuse(bad.into());
                }
                self.check_chunks(body, &stored, &list).map_err(|error| error.to_string())?;
                list.size_octets
            }
            None if stored.kind == Kind::Body as u8 => {
                (stored.payload.len().saturating_sub(BODY_HEAD_OCTETS)) as u64
            }
            None => return Err("there is another record in its place".to_owned()),
        };
        match size == size_octets {
            true => Ok(()),
            false => Err(format!("it has {size} octets, not {size_octets}")),
        }
    }

    /// Whether the chunks together are the body that came in.
    fn check_chunks(&self, body: BodyId, stored: &Stored, list: &ChunkList) -> Result<(), StoreError> {
        let mut hasher = blake3::Hasher::new();
        let step = u64::from(list.chunk_octets);
        for chunk in 0..list.chunks.len() as u64 {
            hasher.update(&self.read(body, chunk * step..(chunk + 1) * step)?);
        }
        if *hasher.finalize().as_bytes() == stored.payload[..32] {
            return Ok(());
        }
        Err(StoreError::Damaged { what: "a body in chunks: its hash does not match".to_owned() })
    }
}

impl Reader {
    fn check(&self, position: Position, entry: Entry) -> Checked {
        if entry.kind == KIND_LOST {
            return Checked::Bad(position, "it could not be read when its segment was sealed".to_owned());
        }
        let stored = match self.record(position) {
            Ok(stored) => stored,
            Err(error) => return Checked::Bad(position, error.to_string()),
        };
        if stored.kind != entry.kind {
            return Checked::Bad(position, "the table says another kind".to_owned());
        }
        let payload = &stored.payload;
        if stored.kind == Kind::Body as u8 {
            let is_whole = payload.len() >= BODY_HEAD_OCTETS
                && *blake3::hash(&payload[BODY_HEAD_OCTETS..]).as_bytes() == payload[..32];
            if !is_whole {
                return Checked::Bad(position, "the body's hash does not match".to_owned());
            }
        }
        if stored.kind == Kind::Change as u8 {
            let Stored { account, seq, payload, .. } = stored;
            return Checked::Change(Replayed { account, seq, payload, position });
        }
        Checked::Sound
    }
}
