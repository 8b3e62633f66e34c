//! The index: the engine that holds the checkpoint, and how it is known whether that can be believed.
//!
//! ```text
//! index.manifest          which generation counts, and of which store; replaced whole
//! index/0000000007/       a generation: one sled database
//! key M                   in it: from where to replay, how far what it holds may reach
//! ```
//!
//! It may be thrown away at any time: the log gives everything back. So whatever is odd about it (missing,
//! empty, damaged, another store's, ahead of the log) has one answer: a new generation, filled by replay.
//! The manifest names a generation only once it has a whole checkpoint.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;
use crate::engine::{MemorySnapshots, Rows, SledSnapshots, Snapshots, Write, put_value};
use crate::log::Position;

const FORMAT: u32 = 1;
const META_KEY: &[u8] = b"M";

/// An engine with the place where it stands.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) engine: Box<dyn Snapshots>,
    generation: u64,
    /// The store's directory; `None` in memory.
    dir: Option<PathBuf>,
    /// Nothing names it in the manifest any more.
    is_condemned: AtomicBool,
}

/// What a checkpoint says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) store: [u8; 16],
    /// Every change before it is in the rows.
    pub(crate) replay_from: Position,
    /// No row has a change at or behind it.
    pub(crate) bound: Position,
    /// Rows may hold changes that were shown before they were synced.
    pub(crate) is_lazy: bool,
}

impl Index {
    /// An index in memory, empty.
    pub(crate) fn in_memory() -> Self {
        Self {
            engine: Box::new(MemorySnapshots::default()),
            generation: 0,
            dir: None,
            is_condemned: AtomicBool::new(false),
        }
    }

    /// An index in an engine that others keep.
    #[cfg(test)]
    pub(crate) fn kept(engine: &std::sync::Arc<MemorySnapshots>) -> Self {
        Self {
            engine: Box::new(engine.clone()),
            generation: 0,
            dir: None,
            is_condemned: AtomicBool::new(false),
        }
    }

    /// Opens what the manifest names; `None` when there is none that can be read. Blocking.
    pub(crate) fn open(dir: &Path, cache_octets: u64) -> Option<(Self, Meta)> {
        let generation = read_manifest(dir)?;
        let place = generation_dir(dir, generation);
        if !place.join("db").exists() {
            return None;
        }
        let engine = SledSnapshots::open(&place, cache_octets);
        let engine = engine.inspect_err(|error| tracing::warn!(%error, "the index is made again")).ok()?;
        let index = Self {
            engine: Box::new(engine),
            generation,
            dir: Some(dir.to_owned()),
            is_condemned: AtomicBool::new(false),
        };
        let meta = index.meta()?;
        Some((index, meta))
    }

    /// Makes the next generation, empty. Generations that are not named go. Blocking.
    pub(crate) fn create(dir: &Path, cache_octets: u64) -> Result<Self, StoreError> {
        let named = read_manifest(dir);
        let mut last = named.unwrap_or(0);
        for (generation, path) in generations(dir) {
            last = last.max(generation);
            if Some(generation) != named {
                let _ = fs::remove_dir_all(path);
            }
        }
        let generation = last + 1;
        let place = generation_dir(dir, generation);
        fs::create_dir_all(&place).map_err(|error| unavailable(&error))?;
        let engine = SledSnapshots::open(&place, cache_octets)?;
        Ok(Self {
            engine: Box::new(engine),
            generation,
            dir: Some(dir.to_owned()),
            is_condemned: AtomicBool::new(false),
        })
    }

    pub(crate) fn meta(&self) -> Option<Meta> {
        let rows = Rows::read(&*self.engine, META_KEY).ok()?;
        match &rows.values[..] {
            [(_, value, _)] if rows.damaged.is_empty() => Meta::decode(value),
            _ => None,
        }
    }

    /// Keeps what the checkpoint says about itself.
    pub(crate) fn put_meta(&self, meta: Meta) -> Result<(), StoreError> {
        let mut batch: Vec<Write> = Vec::new();
        put_value(&mut batch, META_KEY, &meta.encode(), 0);
        self.engine.apply(&batch)
    }

    /// The first whole checkpoint is in: from now on this generation counts. Older ones go.
    pub(crate) fn name_in_manifest(&self) -> std::io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        if self.is_condemned.load(Ordering::Acquire) {
            return Ok(());
        }
        if read_manifest(dir) == Some(self.generation) {
            return Ok(());
        }
        let text = format!("restante index {FORMAT}\ngeneration {}\n", self.generation);
        let (new, path) = (dir.join("index.manifest.new"), manifest_path(dir));
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()?;
        for (_, path) in generations(dir).into_iter().filter(|(it, _)| *it != self.generation) {
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }

    /// Something in it is damaged: the next opening makes it again, whatever checkpoints still come.
    pub(crate) fn condemn(&self) {
        self.is_condemned.store(true, Ordering::Release);
        if let Some(dir) = &self.dir {
            let _ = fs::remove_file(manifest_path(dir));
        }
    }
}

impl Meta {
    fn encode(&self) -> Vec<u8> {
        let mut out = self.store.to_vec();
        for position in [self.replay_from, self.bound] {
            out.extend_from_slice(&position.segment.to_le_bytes());
            out.extend_from_slice(&position.record.to_le_bytes());
        }
        out.push(u8::from(self.is_lazy));
        out
    }

    fn decode(octets: &[u8]) -> Option<Self> {
        let position = |at: usize| {
            Some(Position {
                segment: u64::from_le_bytes(octets.get(at..at + 8)?.try_into().ok()?),
                record: u32::from_le_bytes(octets.get(at + 8..at + 12)?.try_into().ok()?),
            })
        };
        Some(Self {
            store: octets.get(..16)?.try_into().ok()?,
            replay_from: position(16)?,
            bound: position(28)?,
            is_lazy: *octets.get(40)? != 0,
        })
    }
}

fn manifest_path(dir: &Path) -> PathBuf {
    dir.join("index.manifest")
}

fn generation_dir(dir: &Path, generation: u64) -> PathBuf {
    dir.join("index").join(format!("{generation:010}"))
}

fn generations(dir: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(dir.join("index")).into_iter().flatten().flatten();
    let number = |path: PathBuf| Some((path.file_name()?.to_str()?.parse().ok()?, path));
    entries.filter_map(|entry| number(entry.path())).collect()
}

fn read_manifest(dir: &Path) -> Option<u64> {
    let text = fs::read_to_string(manifest_path(dir)).ok()?;
    let (first, rest) = text.split_once('\n')?;
    let format: u32 = first.strip_prefix("restante index ")?.parse().ok()?;
    (format == FORMAT).then_some(())?;
    rest.strip_prefix("generation ")?.trim_end().parse().ok()
}

fn unavailable(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { reason: error.to_string() }
}
