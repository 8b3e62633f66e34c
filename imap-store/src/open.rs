//! Opening: the checkpoint and the changes behind it, or, if the checkpoint cannot be believed, all changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::account::rows::{self, Saved};
use crate::account::{Change, Snapshot, apply, image};
use crate::files::Disk;
use crate::index::{Index, Meta};
use crate::log::{self, AccountId, Log, LogOptions, Position, Recovery, Replayed, Seq};
use crate::{Durability, OpenError, OpenReport};

/// What opening brought up.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) index: Index,
    pub(crate) accounts: BTreeMap<AccountId, Replay>,
    /// Up to where the checkpoint goes.
    pub(crate) saved_to: Position,
    pub(crate) report: OpenReport,
    /// What was lost: one number for each finding, the same whenever it is found again.
    pub(crate) losses: Vec<u64>,
    /// The end of the log may be missing without a trace.
    pub(crate) may_have_lost: bool,
}

/// An account that replay has touched.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) state: Snapshot,
    pub(crate) saved: Saved,
    /// Whether there is something that the checkpoint does not have.
    pub(crate) is_dirty: bool,
}

/// Opens the store in `dir`. Blocking.
pub(crate) fn open(
    dir: &Path,
    disk: &Arc<dyn Disk>,
    options: &LogOptions,
    cache_octets: u64,
) -> Result<Opened, OpenError> {
    let mut findings = Vec::new();
    let was_there = dir.join("index").exists();
    if let Some((index, meta)) = Index::open(dir, cache_octets) {
        match open_behind(disk, options, index, meta)? {
            Ok(opened) => return Ok(opened),
            Err(reason) => findings.push(format!("the index is made again from the log: {reason}")),
        }
    } else if was_there {
        findings.push("the index is made again from the log: it could not be read".to_owned());
    }
    let index = Index::create(dir, cache_octets)
        .map_err(|error| OpenError::Io { file: dir.join("index"), error: std::io::Error::other(error) })?;
    open_all(disk, options, index, findings)
}

/// Opens behind an engine in memory, which may hold a checkpoint. It is emptied where that cannot be believed.
#[cfg(test)]
pub(crate) fn open_kept(
    disk: &Arc<dyn Disk>,
    options: &LogOptions,
    engine: &Arc<crate::engine::MemorySnapshots>,
) -> Result<Opened, OpenError> {
    let mut findings = Vec::new();
    let index = Index::kept(engine);
    if let Some(meta) = index.meta() {
        match open_behind(disk, options, index, meta)? {
            Ok(opened) => return Ok(opened),
            Err(reason) => findings.push(format!("the index is made again from the log: {reason}")),
        }
    }
    engine.clear();
    open_all(disk, options, Index::kept(engine), findings)
}

/// Opens with nothing but the log.
pub(crate) fn open_all(
    disk: &Arc<dyn Disk>,
    options: &LogOptions,
    index: Index,
    mut findings: Vec<String>,
) -> Result<Opened, OpenError> {
    let mut all =
        All { dir: &options.dir, accounts: BTreeMap::new(), lost_images: Vec::new(), gaps: Vec::new() };
    let (log, mut recovery) = Log::open_with(disk.clone(), options.clone(), None, &mut all)?;
    all.name_lost();
    let All { mut accounts, mut gaps, .. } = all;
    // What is left of the mail of deleted users is not looked at, and compaction may have taken any of it.
    let dropped = accounts.get(&AccountId(0)).map(|it| it.state.files().dropped.clone()).unwrap_or_default();
    accounts.retain(|account, _| !dropped.contains(account));
    gaps.retain(|(account, _)| !dropped.contains(account));
    let mut gaps: Vec<String> = gaps.into_iter().map(|(_, gap)| gap).collect();
    settle_files(&log, accounts.get(&AccountId(0)), &mut recovery, &mut findings);
    let losses = losses(&recovery, &gaps);
    findings.append(&mut gaps);
    Ok(Opened {
        may_have_lost: recovery.may_have_lost,
        report: report(&recovery, findings),
        losses,
        log,
        index,
        accounts,
        saved_to: Position::default(),
    })
}

/// Compares the log's files with what account 0 says of them.
fn settle_files(log: &Log, directory: Option<&Replay>, recovery: &mut Recovery, findings: &mut Vec<String>) {
    let files = directory.map(|replay| replay.state.files().clone()).unwrap_or_default();
    recovery.name_missing(&|segment| files.generation(segment).is_none());
    findings.append(&mut log.settle_files(&files.replaced));
}

/// Takes all accounts from the log: images, and the changes behind them.
struct All<'a> {
    dir: &'a Path,
    accounts: BTreeMap<AccountId, Replay>,
    lost_images: Vec<(AccountId, Seq)>,
    gaps: Vec<(AccountId, String)>,
}

impl All<'_> {
    /// Names what was lost without a change behind it that would show the gap.
    fn name_lost(&mut self) {
        for (account, seq) in std::mem::take(&mut self.lost_images) {
            let replay = self.accounts.entry(account).or_default();
            if replay.state.seq() < seq {
                let first = replay.state.seq().0 + 1;
                let what =
                    format!("account {} has no changes {first} to {}: they are lost", account.0, seq.0);
                replay.state.skip_to(seq);
                replay.is_dirty = true;
                self.gaps.push((account, what));
            }
        }
        let Some(directory) = self.accounts.get(&AccountId(0)) else { return };
        let users = directory.state.users().values().map(|user| user.account);
        let absent: Vec<_> = users.filter(|account| !self.accounts.contains_key(account)).collect();
        for account in absent {
            self.accounts.entry(account).or_default().is_dirty = true;
            self.gaps.push((account, format!("account {} has nothing left: its mail is lost", account.0)));
        }
    }
}

impl log::Replay for All<'_> {
    fn image(&mut self, account: AccountId, seq: Seq, octets: &[u8]) -> Result<bool, OpenError> {
        let Ok(state) = image::decode(octets) else { return Ok(false) };
        if state.seq() != seq {
            return Ok(false);
        }
        self.accounts.insert(account, Replay { state, saved: Saved::default(), is_dirty: true });
        Ok(true)
    }

    fn lost_image(&mut self, account: AccountId, seq: Seq) {
        self.lost_images.push((account, seq));
    }

    fn change(&mut self, replayed: Replayed) -> Result<(), OpenError> {
        let account = self.accounts.entry(replayed.account).or_default();
        if replayed.seq <= account.state.seq() {
            return Ok(());
        }
        let change = decode(&replayed, self.dir)?;
        let before = change.seq_before(replayed.seq);
        if before > account.state.seq() {
            let (id, first) = (replayed.account.0, account.state.seq().0 + 1);
            let gap = format!("account {id} has no changes {first} to {}: they are lost", before.0);
            self.gaps.push((replayed.account, gap));
            account.state.skip_to(before);
        }
        account.take(&replayed, &change);
        Ok(())
    }
}

/// Opens with the checkpoint; the inner error says why it cannot be believed.
fn open_behind(
    disk: &Arc<dyn Disk>,
    options: &LogOptions,
    index: Index,
    meta: Meta,
) -> Result<Result<Opened, String>, OpenError> {
    let mut accounts: BTreeMap<AccountId, Replay> = BTreeMap::new();
    let mut disbelief = None;
    // Account 0 says who has mail here; it is always wanted.
    match rows::load(&*index.engine, AccountId(0)) {
        Ok(loaded) => drop(accounts.insert(AccountId(0), Replay::of(loaded))),
        Err(error) => return Ok(Err(error.to_string())),
    }
    let opened = Log::open_on(disk.clone(), options.clone(), Some(meta.replay_from), &mut |replayed| {
        if disbelief.is_some() {
            return Ok(());
        }
        let account = match accounts.entry(replayed.account) {
            std::collections::btree_map::Entry::Occupied(account) => account.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                match rows::load(&*index.engine, replayed.account) {
                    Ok(loaded) => place.insert(Replay::of(loaded)),
                    Err(error) => {
                        disbelief = Some(error.to_string());
                        return Ok(());
                    }
                }
            }
        };
        let change = decode(&replayed, &options.dir)?;
        if change.seq_before(replayed.seq) > account.state.seq() {
            disbelief = Some(format!("changes of account {} are missing", replayed.account.0));
            return Ok(());
        }
        account.take(&replayed, &change);
        Ok(())
    })?;
    let (log, mut recovery) = opened;
    if meta.store != log.store_id() {
        disbelief = Some("it is another store's".to_owned());
    } else if meta.bound > log.published() || meta.is_lazy && recovery.unclean {
        disbelief = Some("it may be ahead of the log".to_owned());
    }
    if let Some(reason) = disbelief {
        log.close();
        return Ok(Err(reason));
    }
    let mut findings = Vec::new();
    settle_files(&log, accounts.get(&AccountId(0)), &mut recovery, &mut findings);
    let report = report(&recovery, findings);
    let (losses, may_have_lost) = (losses(&recovery, &[]), recovery.may_have_lost);
    Ok(Ok(Opened { log, index, accounts, saved_to: meta.replay_from, report, losses, may_have_lost }))
}

impl Replay {
    fn of(loaded: Option<(Snapshot, Saved)>) -> Self {
        let (state, saved) = loaded.unwrap_or_default();
        Self { state, saved, is_dirty: false }
    }

    /// Takes a change, unless the state has it already.
    fn take(&mut self, replayed: &Replayed, change: &Change) {
        if replayed.seq > self.state.seq() {
            self.state = apply(&self.state, change);
            self.is_dirty = true;
        }
    }
}

fn decode(replayed: &Replayed, dir: &Path) -> Result<Change, OpenError> {
    Change::decode(&replayed.payload).map_err(|_| OpenError::Damaged {
        file: dir.to_owned(),
        what: format!(
            "change {} of account {} is none that this program knows",
            replayed.seq.0, replayed.account.0
        ),
    })
}

/// A number for each finding about something lost, by which it is known again.
fn losses(recovery: &Recovery, gaps: &[String]) -> Vec<u64> {
    let number = |line: &String| {
        let hash = blake3::hash(line.as_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight octets"))
    };
    recovery.damage.iter().chain(gaps).map(number).collect()
}

fn report(recovery: &Recovery, mut findings: Vec<String>) -> OpenReport {
    if recovery.torn_octets > 0 {
        findings.push(format!("{} octets of a torn tail were cut and kept aside", recovery.torn_octets));
    }
    findings.extend(recovery.damage.iter().cloned());
    let foreign = recovery.foreign.iter();
    findings.extend(foreign.map(|path| format!("{} is not ours and was left alone", path.display())));
    OpenReport { changes_replayed: recovery.changes, findings }
}

/// Whether what is published may not be on the disk yet.
pub(crate) fn is_lazy(durability: Durability) -> bool {
    durability != Durability::Sync
}
