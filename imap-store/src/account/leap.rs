//! The leap: what makes sure that no number means two things after changes were lost that somebody saw.
//!
//! Whoever saw them may hold UIDs, ids and MODSEQs that the account would give out again. So it goes far
//! ahead with all of them: every UID that is not there counts as expunged, every message as changed. UIDVALIDITY
//! stays.
//!
//! How far depends on the time, too: another loss may take the leap itself back, or a backup be restored a second time, and
//! the leap that comes then must lead beyond all that was given out behind the first. So it does as long as ids were given
//! out more slowly, on average, than two a second, an account leapt no more than once in six days, and the clock was not set
//! back.

use std::sync::Arc;

use imap_proto::types::NumberSet;

use super::change::Change;
use super::decide::{Decided, Decision};
use super::history::History;
use super::mailbox::Mailbox;
use super::snapshot::Snapshot;
use super::tree::Edit;
use crate::log::Seq;

/// By how much the seq goes ahead at least.
const LEAP_SEQS: u64 = 1 << 32;
/// By how much UIDNEXT and the other counters go ahead at least.
const LEAP_IDS: u32 = 1 << 20;
/// A leap leads to this seq for each second since 1970, if that is further: under 2^53 for a thousand years.
const SEQS_A_SECOND: u64 = 1 << 18;
/// The same of ids, for each second since 2020: UIDs last until 2088.
const IDS_A_SECOND: u64 = 2;
const SECONDS_TO_2020: i64 = 1_577_836_800;

/// A leap, unless the account has leapt for that epoch of the store. `now` is in seconds since 1970.
pub(crate) fn leap(state: &Snapshot, epoch: u64, now: i64) -> Decided<()> {
    if state.leapt >= epoch {
        return Ok(Decision::nothing(()));
    }
    Ok(Decision::change(Change::Leap { from: state.seq, epoch, at: now }, ()))
}

/// Account 0: the store's epoch rises, since changes were lost; `losses` tells them apart from those to come.
pub(crate) fn raise_epoch(state: &Snapshot, losses: &[u64]) -> Decided<()> {
    Ok(Decision::change(Change::Epoch { epoch: state.epoch + 1, losses: losses.to_vec() }, ()))
}

/// The seq behind a leap that was decided at `from`.
pub(super) fn seq_behind(state: Seq, from: Seq, at: i64) -> Seq {
    let seconds = u64::try_from(at).unwrap_or(0);
    Seq(state.max(from).0.saturating_add(LEAP_SEQS).max(seconds.saturating_mul(SEQS_A_SECOND)))
}

/// A counter of ids behind a leap at that time.
fn id_behind(id: u64, at: i64) -> u64 {
    let seconds = u64::try_from(at.saturating_sub(SECONDS_TO_2020)).unwrap_or(0);
    id.saturating_add(LEAP_IDS.into()).max(seconds.saturating_mul(IDS_A_SECOND))
}

impl Snapshot {
    /// The last epoch that the account has leapt for.
    pub(crate) fn leapt(&self) -> u64 {
        self.leapt
    }

    /// The store's epoch (account 0).
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a loss was known when the store's epoch last rose (account 0).
    pub(crate) fn knows_loss(&self, loss: u64) -> bool {
        self.losses.contains(&loss)
    }

    pub(super) fn take_leap(&mut self, epoch: u64, at: i64) {
        self.leapt = self.leapt.max(epoch);
        let ids: Vec<_> = self.mailboxes().map(|mailbox| mailbox.id()).collect();
        for id in ids {
            self.change_mailbox(id, |mailbox, seq| mailbox.leap(seq, at));
        }
        for counter in
            [&mut self.next_mailbox, &mut self.next_message, &mut self.next_grave, &mut self.next_account]
        {
            *counter = id_behind(*counter, at);
        }
        self.last_uid_validity = self.last_uid_validity.saturating_add(LEAP_IDS);
    }

    pub(super) fn take_epoch(&mut self, epoch: u64, losses: &[u64]) {
        self.epoch = self.epoch.max(epoch);
        Arc::make_mut(&mut self.losses).extend(losses);
    }
}

impl Mailbox {
    fn leap(&mut self, seq: u64, at: i64) {
        self.uid_next = id_behind(self.uid_next, at).min(1 << 32);
        // Appends and expunges may be lost, too: whoever asks is told every UID that is not there.
        self.history = Arc::new(History::forgotten_at(seq));
        let all = NumberSet::from_range(1, u32::MAX);
        let touch = |page: &super::page::Page| Edit::Replace(page.with_flags(&all, seq, Clone::clone));
        self.messages = self.messages.edit(|_| true, touch);
        self.highest_mod_seq = seq;
    }
}
