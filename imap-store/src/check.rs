//! [`Store::check`]: everything in the store, read and compared.

use std::collections::{BTreeMap, BTreeSet};

use imap_proto::types::{SeqNum, Uid};

use crate::account::{Change, Snapshot, apply, image};
use crate::log::{AccountId, Checked, Position};
use crate::{Store, StoreError};

/// What [`Store::check`] found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Records of the log that were read.
    pub records: u64,
    /// Messages whose octets were looked for, in mailboxes and in graveyards.
    pub messages: u64,
    /// One line each: what is damaged in the log, what does not agree.
    pub findings: Vec<String>,
    /// Every message that cannot be served.
    pub affected: Vec<Affected>,
    /// The index did not agree with the log, and is made again at the next start.
    pub index_condemned: bool,
}

/// A message that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// The account.
    pub account: AccountId,
    /// Its user, if it has one.
    pub user: Option<String>,
    /// The mailbox's name; `None`: it was expunged, and lies in the graveyard.
    pub mailbox: Option<String>,
    /// Its UID there.
    pub uid: Uid,
    /// Why, for a person.
    pub why: String,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.affected.is_empty()
    }
}

/// A state as it is served, and what the log makes of it.
struct Compared {
    served: std::sync::Arc<Snapshot>,
    folded: Snapshot,
}

/// The work, from account to account.
#[derive(Default)]
struct Check {
    report: CheckReport,
    bad: BTreeSet<Position>,
    bad_segments: BTreeSet<u64>,
    /// A change may be missing: the log is not the measure of the states.
    is_log_whole: bool,
}

/// Reads the whole log, folds all accounts anew, and compares. Blocking; takes the memory of all accounts.
pub(crate) fn check(store: &Store) -> Result<CheckReport, StoreError> {
    let mut check = Check { is_log_whole: true, ..Check::default() };
    let mut accounts = BTreeMap::new();
    for (id, served) in store.all_snapshots()? {
        accounts.insert(id, Compared { served, folded: Snapshot::default() });
    }
    check.images(store, &mut accounts);
    store.log().check(&mut |checked| check.take(checked, &mut accounts));
    for (id, compared) in &accounts {
        check.compare(*id, compared);
        check.holders(*id, &compared.served);
        check.counters(*id, &compared.served);
        check.messages(store, *id, &compared.served);
        check.summaries(store, *id, &compared.served);
        check.grants(store, *id);
    }
    if check.report.index_condemned {
        store.condemn_index();
    }
    Ok(check.report)
}

impl Check {
    /// Folding begins with the newest image of each account: the changes before it may be gone.
    fn images(&mut self, store: &Store, accounts: &mut BTreeMap<AccountId, Compared>) {
        let log = store.log();
        let segments = log.sealed_segments().unwrap_or_default();
        for segment in segments.into_iter().chain(log.active_segment()) {
            // One that cannot be read is found when all of it is.
            for (account, seq, position) in log.images(segment).unwrap_or_default() {
                let Some(account) = accounts.get_mut(&account) else { continue };
                if seq > account.served.seq() || seq < account.folded.seq() {
                    continue;
                }
                // Of an old image compaction may have dropped a part. If one that is needed is damaged, records are
                // found bad, or changes before the first are missing.
                if let Some(state) = log.image(position).and_then(|octets| image::decode(&octets).ok()) {
                    account.folded = state;
                }
            }
        }
    }

    fn take(&mut self, checked: Checked, accounts: &mut BTreeMap<AccountId, Compared>) {
        self.report.records += 1;
        match checked {
            Checked::Sound => {}
            Checked::Change(replayed) => {
                // An account that was made since.
                let Some(account) = accounts.get_mut(&replayed.account) else { return };
                if replayed.seq > account.served.seq() || replayed.seq <= account.folded.seq() {
                    return;
                }
                match Change::decode(&replayed.payload) {
                    Ok(change) if change.seq_before(replayed.seq) == account.folded.seq() => {
                        account.folded = apply(&account.folded, &change);
                    }
                    Ok(change) => {
                        let (id, seq) = (replayed.account.0, replayed.seq.0);
                        self.find(format!("account {id}: changes before {seq} are missing"));
                        account.folded.skip_to(change.seq_before(replayed.seq));
                        account.folded = apply(&account.folded, &change);
                        self.is_log_whole = false;
                    }
                    Err(_) => {
                        self.find(format!("account {}: a change that nobody knows", replayed.account.0));
                        self.is_log_whole = false;
                    }
                }
            }
            Checked::Bad(position, why) => {
                self.find(format!("segment {}, record {}: {why}", position.segment, position.record));
                self.bad.insert(position);
            }
            Checked::BadSegment(segment, why) => {
                self.find(format!("segment {segment}: {why}"));
                self.bad_segments.insert(segment);
                self.is_log_whole = false;
            }
        }
    }

    fn find(&mut self, what: String) {
        self.report.findings.push(what);
    }

    /// What is served is the fold of the log.
    fn compare(&mut self, id: AccountId, compared: &Compared) {
        if compared.served.state_hash() == compared.folded.state_hash() {
            return;
        }
        // Damaged changes may have been the account's last ones, which leaves no gap.
        if self.is_log_whole && self.bad.is_empty() {
            self.find(format!("account {}: the index does not agree with the log", id.0));
            self.report.index_condemned = true;
        } else {
            let what = "changes that the log lost are still in the index, which is kept";
            self.find(format!("account {}: {what}", id.0));
        }
    }

    /// The message table counts what mailboxes and graves name.
    fn holders(&mut self, id: AccountId, state: &Snapshot) {
        let mut named: BTreeMap<u64, u32> = BTreeMap::new();
        for (_, mailbox) in state.names() {
            for message in mailbox.into_iter().flat_map(|it| it.iter_from(SeqNum::MIN)) {
                *named.entry(message.number.0).or_insert(0) += 1;
            }
        }
        state.graves().for_each(|grave| *named.entry(grave.number.0).or_insert(0) += 1);
        if !state.holders().eq(named) {
            self.find(format!("account {}: the table of messages does not agree with the mailboxes", id.0));
        }
    }

    /// What is counted and kept is what there is.
    fn counters(&mut self, id: AccountId, state: &Snapshot) {
        for wrong in state.wrong_counters() {
            self.find(format!("account {}: {wrong}", id.0));
        }
    }

    /// What is wrong with them costs a listing some time, and no message.
    fn summaries(&mut self, store: &Store, id: AccountId, state: &Snapshot) {
        // Account 0 has none.
        let Ok(account) = store.account(id) else { return };
        for what in account.check_summaries(state) {
            self.find(format!("account {}: {what}", id.0));
        }
    }

    /// What account 0 keeps for LIST is derived from the ACLs of all others.
    fn grants(&mut self, store: &Store, id: AccountId) {
        if id == AccountId(0) {
            return;
        }
        match store.mend_grants(id) {
            Ok(lost) => lost.into_iter().for_each(|name| {
                let what = "and account 0 had lost that: it is mended";
                self.find(format!("account {}: {name} has rights there, {what}", id.0));
            }),
            Err(error) => {
                self.find(format!("account {}: who has rights there was not compared: {error}", id.0))
            }
        }
    }

    fn messages(&mut self, store: &Store, id: AccountId, state: &Snapshot) {
        let user = store.users().into_iter().find(|user| user.account == id).map(|user| user.name);
        let mut found = Vec::new();
        for (name, mailbox) in state.names() {
            for message in mailbox.into_iter().flat_map(|it| it.iter_from(SeqNum::MIN)) {
                found.push((Some(name.as_str()), message.uid, message.number, message.size_octets));
            }
        }
        found.extend(state.graves().map(|grave| (None, grave.uid, grave.number, grave.size_octets)));
        for (mailbox, uid, number, size_octets) in found {
            self.report.messages += 1;
            let is_bad = |at: Position| self.bad.contains(&at) || self.bad_segments.contains(&at.segment);
            let sound = match state.body(number) {
                Some(body) => store.log().check_body(body, size_octets, is_bad),
                None => Err("nothing says where its octets lie".to_owned()),
            };
            if let Err(why) = sound {
                let (user, mailbox) = (user.clone(), mailbox.map(str::to_owned));
                self.report.affected.push(Affected { account: id, user, mailbox, uid, why });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Seq;

    #[test]
    fn an_index_is_condemned_only_by_a_whole_log() {
        let mut served = Snapshot::default();
        served.skip_to(Seq(7));
        let compared = Compared { served: served.into(), folded: Snapshot::default() };
        for (is_log_whole, bad, condemned) in
            [(true, None, true), (false, None, false), (true, Some(Position::default()), false)]
        {
            let mut check = Check { is_log_whole, bad: bad.into_iter().collect(), ..Check::default() };
            check.compare(AccountId(1), &compared);
            assert_eq!(check.report.index_condemned, condemned);
            assert_eq!(check.report.findings.len(), 1);
        }
    }
}
