//! What account 0 knows of the log's files: which compaction wrote anew or removed, and whose mail it may drop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::Change;
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision};
use super::snapshot::Snapshot;
use crate::log::AccountId;

/// The files of the log that are not as they were first written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// By segment: how often its file was written anew, or `None` when it is gone, since nothing in it counted.
    pub(crate) replaced: BTreeMap<u64, Option<u32>>,
    /// Accounts whose user was deleted: nothing of them is kept.
    pub(crate) dropped: BTreeSet<AccountId>,
}

impl Files {
    /// Which writing of a segment's file counts; `None`: there is to be no file.
    pub(crate) fn generation(&self, segment: u64) -> Option<u32> {
        self.replaced.get(&segment).copied().unwrap_or(Some(0))
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        encode_replaced(&self.replaced, out);
        out.number(self.dropped.len() as u64);
        self.dropped.iter().for_each(|account| out.number(account.0));
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let replaced = decode_replaced(input)?;
        let dropped = (0..input.count()?).map(|_| Ok(AccountId(input.number()?)));
        Ok(Self { replaced, dropped: dropped.collect::<Result<_, _>>()? })
    }
}

/// Segments, each with its new generation, or 0 when it is gone.
pub(super) fn encode_replaced(replaced: &BTreeMap<u64, Option<u32>>, out: &mut Encoder) {
    out.number(replaced.len() as u64);
    for (segment, generation) in replaced {
        out.number(*segment);
        out.number(generation.unwrap_or(0).into());
    }
}

pub(super) fn decode_replaced(input: &mut Decoder<'_>) -> Result<BTreeMap<u64, Option<u32>>, Malformed> {
    let replaced = (0..input.count()?).map(|_| {
        let (segment, generation) = (input.number()?, input.number_u32()?);
        Ok((segment, Some(generation).filter(|&it| it > 0)))
    });
    replaced.collect()
}

/// Says that segments have new files, or none any more.
pub(crate) fn replace(replaced: &BTreeMap<u64, Option<u32>>) -> Decided<()> {
    Ok(Decision::change(Change::Replaced { segments: replaced.clone() }, ()))
}

impl Snapshot {
    /// What account 0 knows of the log's files.
    pub(crate) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    pub(super) fn take_replaced(&mut self, segments: &BTreeMap<u64, Option<u32>>) {
        Arc::make_mut(&mut self.files).replaced.extend(segments);
    }

    pub(super) fn take_dropped(&mut self, account: AccountId) {
        Arc::make_mut(&mut self.files).dropped.insert(account);
    }
}
