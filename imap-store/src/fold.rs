//! One account out of the log while the store runs, for when its rows in the index cannot be read.
//!
//! Nobody changes the account meanwhile, since it is not loaded: what was ever answered is in the log's files.

use crate::StoreError;
use crate::account::{Change, Snapshot, apply, image};
use crate::log::{AccountId, Log, Position, Seq};

/// The state of an account by its newest image and the changes behind it. Blocking: reads all changes of the log.
///
/// [`StoreError::Damaged`] where one of them cannot be read, or is missing: a state that lacks what was shown is worse
/// than none.
pub(crate) fn fold(log: &Log, account: AccountId) -> Result<Snapshot, StoreError> {
    let segments: Vec<u64> = log.sealed_segments()?.into_iter().chain(log.active_segment()).collect();
    let (newest, unreadable_to) = newest_image(log, &segments, account)?;
    // Up to there in the log the state is known to be whole.
    let (mut state, mut known_to) = newest.unwrap_or_default();
    let lost = |what: String| StoreError::Damaged { what: format!("account {}: {what}", account.0) };
    for &segment in &segments {
        let mut failed = Ok(());
        log.changes(segment, &mut |replayed| {
            if replayed.account != account || replayed.seq <= state.seq() || failed.is_err() {
                return;
            }
            match Change::decode(&replayed.payload) {
                Ok(change) if change.seq_before(replayed.seq) == state.seq() => {
                    state = apply(&state, &change);
                    known_to = known_to.max(replayed.position);
                }
                Ok(_) => failed = Err(lost(format!("changes before {} are missing", replayed.seq.0))),
                Err(_) => failed = Err(lost(format!("change {} is none that we know", replayed.seq.0))),
            }
        })?;
        failed?;
    }
    if state.seq() < unreadable_to {
        return Err(lost(format!("changes up to {} were in an image that is damaged", unreadable_to.0)));
    }
    for segment in segments.into_iter().filter(|&segment| segment >= known_to.segment) {
        if log.unreadable_images(segment)?.into_iter().any(|position| position > known_to) {
            return Err(lost("an image that cannot be read may be its newest".to_owned()));
        }
    }
    Ok(state)
}

/// The newest image that is whole, with its place, and what the newest that is not goes up to.
fn newest_image(
    log: &Log,
    segments: &[u64],
    account: AccountId,
) -> Result<(Option<(Snapshot, Position)>, Seq), StoreError> {
    let mut images: Vec<(Seq, Position)> = Vec::new();
    for &segment in segments {
        let all = log.images(segment)?.into_iter();
        images.extend(all.filter(|(whose, ..)| *whose == account).map(|(_, seq, position)| (seq, position)));
    }
    images.sort_unstable();
    let mut unreadable_to = Seq(0);
    for (seq, position) in images.into_iter().rev() {
        let state = log.image(position).and_then(|octets| image::decode(&octets).ok());
        match state.filter(|state| state.seq() == seq) {
            Some(state) => return Ok((Some((state, position)), unreadable_to)),
            None => unreadable_to = unreadable_to.max(seq),
        }
    }
    Ok((None, unreadable_to))
}
