//! [`Store`]: what an embedder sees. Accounts, users, opening and closing; no engine word in it.

mod options;
mod people;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;

use crate::account::{
    self, Account, Core, Dirt, Limits, MetadataLimits, Retention, Snapshot, Summaries, SummaryWriter, Who,
};
use crate::accounts::{Accounts, Slot, locked};
use crate::check::{self, CheckReport};
use crate::checkpoint::{self, DIRTY_OCTETS_MAX};
use crate::clock::Clock;
use crate::compact::Compactor;
use crate::files::{self, Disk, RealDisk};
use crate::index::Index;
use crate::log::{AccountId, Backup, Log, restore};
use crate::memory_disk::MemoryDisk;
use crate::open::{self, Opened, is_lazy};
use crate::transfer::{self, Departing};
use crate::{OpenError, StoreError};

use options::log_options;
pub use options::{Durability, OpenReport, Options};
pub use people::User;

/// A mail store. Cheap to clone. The last clone closes it when it is dropped (blocking), if nobody called
/// [`Store::close`].
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    options: Options,
    accounts: Arc<Accounts>,
    /// Account 0: the users.
    directory: Account,
    makes: Makes,
    checkpointer: Mutex<Option<Checkpointer>>,
    /// Held while an ACL and what account 0 says of it change: one after the other.
    sharing: tokio::sync::Mutex<()>,
    departing: Departing,
    compactor: Mutex<Option<Compactor>>,
    /// Compaction, a backup and a check exclude each other.
    maintenance: Mutex<()>,
    _lock: Option<files::Lock>,
}

/// What every account is made with.
#[derive(Debug, Clone)]
struct Makes {
    clock: Clock,
    limits: Limits,
    summary_dir: Option<PathBuf>,
    summary_writer: SummaryWriter,
}

#[derive(Debug)]
struct Checkpointer {
    thread: JoinHandle<()>,
    is_stopped: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

/// Account 0.
const DIRECTORY: AccountId = AccountId(0);
/// About what a change of a user takes in the queue, besides the credentials.
const USER_CHANGE_OCTETS: usize = 512;

impl Store {
    /// Opens the store in `dir`, making it when missing. Blocking; takes the lock for as long as the store lives.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, OpenReport), OpenError> {
        Self::open_through(Arc::new(RealDisk), dir, options)
    }

    /// The same; the files of the log are read and written through a disk of the caller's: for tests with faults.
    pub fn open_through(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, OpenReport), OpenError> {
        let summary_dir = dir.join("summary");
        for dir in [dir, &summary_dir] {
            RealDisk.create_dir(dir).map_err(|error| OpenError::Io { file: dir.to_owned(), error })?;
        }
        let lock = files::lock(dir)?;
        let opened = open::open(dir, &disk, &log_options(dir, &options), options.cache_octets)?;
        Self::start(dir, options, opened, Some(summary_dir), Some(lock))
    }

    /// A store in memory that lives until its last clone is dropped: for tests.
    pub fn in_memory(options: Options) -> Result<Self, OpenError> {
        Ok(Self::on_disk(Arc::new(MemoryDisk::default()), options)?.0)
    }

    /// A store whose log lies on a disk of the caller's, and everything else in memory: for tests and
    /// simulation. Segments have 1 MiB.
    pub fn on_disk(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, OpenReport), OpenError> {
        let options = Options { segment_octets: 1 << 20, ..options };
        let dir = PathBuf::from("/");
        let opened = open::open_all(&disk, &log_options(&dir, &options), Index::in_memory(), Vec::new())?;
        Self::start(&dir, options, opened, None, None)
    }

    /// The same, with the checkpoint in an engine of the caller's, which may hold one already: it is believed or
    /// not, as one on a disk is.
    #[cfg(test)]
    pub(crate) fn on_disk_behind(
        disk: Arc<dyn Disk>,
        options: Options,
        engine: &Arc<crate::engine::MemorySnapshots>,
    ) -> Result<(Self, OpenReport), OpenError> {
        let options = Options { segment_octets: 1 << 20, ..options };
        let dir = PathBuf::from("/");
        let opened = open::open_kept(&disk, &log_options(&dir, &options), engine)?;
        Self::start(&dir, options, opened, None, None)
    }

    fn start(
        dir: &Path,
        options: Options,
        opened: Opened,
        summary_dir: Option<PathBuf>,
        lock: Option<files::Lock>,
    ) -> Result<(Self, OpenReport), OpenError> {
        let no_thread = |error| OpenError::Io { file: dir.to_owned(), error };
        let Opened { log, index, accounts, saved_to, mut report, losses, may_have_lost } = opened;
        let (wake, due) = sync_channel(1);
        let dirt = Arc::new(Dirt::new(DIRTY_OCTETS_MAX, wake.clone(), options.commit_times.clone()));
        let makes = Makes {
            clock: options.clock.clone(),
            limits: Limits {
                message_octets_max: options.message_octets_max,
                retention: Retention {
                    seconds: options.undelete_seconds.into(),
                    octets_max: options.undelete_octets_max,
                },
                metadata: MetadataLimits {
                    entries: options.metadata_entries_max,
                    value_octets: options.metadata_value_octets_max,
                    account_octets: options.metadata_octets_max,
                },
            },
            summary_dir,
            summary_writer: SummaryWriter::start().map_err(no_thread)?,
        };
        let mut slots = BTreeMap::new();
        for (id, replay) in accounts {
            let core = Core::new(id, Arc::new(replay.state), log.clone(), dirt.clone());
            if replay.is_dirty {
                core.set_dirty();
            }
            slots.insert(id, Arc::new(Slot::loaded(makes.account(Arc::new(core)), replay.saved)));
        }
        let is_lazy = is_lazy(options.durability);
        let accounts =
            Arc::new(Accounts::new(index, log, dirt, is_lazy, options.state_octets_max, slots, saved_to));
        let directory = accounts
            .account(DIRECTORY, || false, |core| makes.account(core))
            .map_err(|error| no_thread(std::io::Error::other(error)))?;
        let no_epoch = |error| no_thread(std::io::Error::other(error));
        if raise_epoch(&directory, &losses, may_have_lost, options.clock.now()).map_err(no_epoch)? {
            let what =
                "changes that were shown may be lost: all accounts go ahead with their UIDs and MODSEQs";
            report.findings.push(what.to_owned());
        }
        let is_stopped = Arc::new(AtomicBool::new(false));
        let thread = {
            let (accounts, is_stopped) = (Arc::downgrade(&accounts), is_stopped.clone());
            std::thread::Builder::new()
                .name("checkpoint".to_owned())
                .spawn(move || checkpoint::run(&accounts, &due, &is_stopped))
                .map_err(no_thread)?
        };
        if report.changes_replayed > 0 {
            // What took time to replay is not to be replayed again.
            let _ = wake.try_send(());
        }
        let checkpointer = Mutex::new(Some(Checkpointer { thread, is_stopped, wake }));
        let dir = dir.to_owned();
        let sharing = tokio::sync::Mutex::default();
        let (compactor, maintenance) = (Mutex::default(), Mutex::default());
        let inner = Inner {
            dir,
            options,
            accounts,
            directory,
            makes,
            checkpointer,
            sharing,
            departing: Departing::default(),
            compactor,
            maintenance,
            _lock: lock,
        };
        let store = Self { inner: Arc::new(inner) };
        if store.options().compacts_by_itself {
            let weak = Arc::downgrade(&store.inner);
            let relief = Arc::clone(store.log().relief());
            let started = Compactor::start(move || Some(Self { inner: weak.upgrade()? }), relief);
            let no_thread = |error| OpenError::Io { file: store.inner.dir.clone(), error };
            *locked(&store.inner.compactor) = Some(started.map_err(no_thread)?);
        }
        Ok((store, report))
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Its settings.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// An account; loads it when it is not loaded yet (blocking then). After a loss of changes that somebody
    /// may have seen, it first goes far ahead with its UIDs and MODSEQs; [`StoreError::Unavailable`] when that
    /// cannot be written. Messages that were on their way into another account are first let go, or kept.
    pub fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        let directory = self.inner.directory.snapshot();
        if id == DIRECTORY || id.0 >= directory.next_account() {
            return Err(StoreError::NonExistent { what: "account" });
        }
        self.inner.account(id, || directory.owner(id).is_some())
    }

    /// The annotations of the store as a whole, of which everybody sees those below `/shared` (RFC 5464 §3).
    pub fn metadata(&self) -> BTreeMap<String, Vec<u8>> {
        let directory = self.inner.directory.snapshot();
        let program = Who { user: String::new(), groups: Vec::new(), is_owner: true };
        let entries = directory.metadata().entries(&program).into_iter();
        entries.map(|(entry, value)| (entry.to_owned(), value.to_vec())).collect()
    }

    /// Sets annotations of the store as a whole, all or none; a value of `None` removes one. For operators: what a
    /// user sets for themselves belongs into their account ([`Account::set_metadata`]).
    pub async fn set_metadata(&self, values: Vec<(String, Option<Vec<u8>>)>) -> Result<(), StoreError> {
        self.inner.directory.set_metadata(None, values).await
    }

    /// Drops expunged messages that are past the retention, in all accounts; returns in how many there were some.
    /// Blocking. For accounts where nothing happens, as every expunge does so too: a server calls it once a day.
    /// Accounts that have none are only looked at.
    pub fn purge(&self) -> Result<u64, StoreError> {
        let mut purged = 0;
        for id in self.inner.directory.snapshot().owned_accounts() {
            if self.inner.makes.limits.retention.is_due(&*self.inner.accounts.snapshot(id)?, self.now()) {
                self.account(id)?.purge_blocking()?;
                purged += 1;
            }
        }
        Ok(purged)
    }

    /// Drops expunged messages before their time, in all accounts, those that were expunged first, until they had about
    /// `octets`; returns how many octets they had. Blocking. Their room comes back when the log is compacted next
    /// ([`Store::compact`]).
    ///
    /// The store does both by itself when the disk is nearly full; it is for an operator who cannot wait.
    pub fn purge_oldest(&self, octets: u64) -> Result<u64, StoreError> {
        let mut oldest = Vec::new();
        for (account, state) in self.all_snapshots()? {
            oldest
                .extend(state.graves().map(|grave| (grave.buried_at, account, grave.id, grave.size_octets)));
        }
        oldest.sort_unstable();
        let (mut purged, mut up_to) = (0u64, BTreeMap::new());
        for (_, account, grave, size_octets) in oldest {
            if purged >= octets {
                break;
            }
            purged = purged.saturating_add(size_octets);
            // They were numbered as they came, so the last that goes is the highest.
            up_to.insert(account, grave);
        }
        for (account, grave) in up_to {
            self.account(account)?.purge_to_blocking(grave)?;
        }
        Ok(purged)
    }

    fn now(&self) -> i64 {
        self.inner.makes.clock.now()
    }

    /// Saves a checkpoint now, instead of when one is due. Blocking.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.accounts.checkpoint()
    }

    /// Octets of the log's files. Blocking.
    pub fn octets_on_disk(&self) -> Result<u64, StoreError> {
        self.log().octets_on_disk()
    }

    /// Copies everything that was published before the call into the directory `to`, made when missing. Blocking;
    /// the store goes on meanwhile. Taken again into the same directory, only what is new is copied.
    ///
    /// What lies there is the log alone: [`Store::restore`] makes a store of it.
    pub fn backup(&self, to: &Path) -> Result<Backup, StoreError> {
        self.backup_with(to, &mut |_, _| {})
    }

    /// The same; `each` is told after each segment what was done, and how many there are.
    pub fn backup_with(&self, to: &Path, each: &mut dyn FnMut(Backup, u64)) -> Result<Backup, StoreError> {
        self.backup_on(&RealDisk, to, each)
    }

    /// The same, on another disk.
    pub(crate) fn backup_on(
        &self,
        disk: &dyn Disk,
        to: &Path,
        each: &mut dyn FnMut(Backup, u64),
    ) -> Result<Backup, StoreError> {
        let _alone = self.maintenance();
        self.log().backup(disk, to, each)
    }

    /// Makes a store in `to` of a backup in `from`; returns how many segments it has. Blocking. It is another
    /// store than the one that was backed up, and what came later is missing: so its accounts go ahead with their
    /// UIDs and MODSEQs when they are first opened. UIDVALIDITY stays.
    ///
    /// [`OpenError::Damaged`] when there is a store in `to` already, or the backup is not whole. After any error
    /// what was begun in `to` is to be removed.
    pub fn restore(from: &Path, to: &Path) -> Result<u64, OpenError> {
        restore(&RealDisk, from, &to.join("log"))
    }

    /// Reads everything in the store and compares it: every checksum and hash, whether what is served is what
    /// the log says, whether every message has its octets. Blocking, and long; others go on meanwhile.
    ///
    /// Names every message that cannot be served. An index that does not agree with a sound log is made again at
    /// the next start, a bad summary when its message is next listed. Takes the memory of all accounts at once.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        let _alone = self.maintenance();
        check::check(self)
    }

    /// Nobody else compacts, checks or backs up as long as it is held.
    pub(crate) fn maintenance(&self) -> MutexGuard<'_, ()> {
        locked(&self.inner.maintenance)
    }

    /// The same, if nobody does so now.
    pub(crate) fn try_maintenance(&self) -> Option<MutexGuard<'_, ()>> {
        match self.inner.maintenance.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The accounts that messages are leaving.
    pub(crate) fn departing(&self) -> &Departing {
        &self.inner.departing
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.inner.accounts
    }

    /// Account 0.
    pub(crate) fn directory(&self) -> &Account {
        &self.inner.directory
    }

    /// What account 0 has published.
    pub(crate) fn directory_state(&self) -> Arc<Snapshot> {
        self.inner.directory.snapshot()
    }

    /// The published state of account 0 and of every user's account. Blocking.
    pub(crate) fn all_snapshots(&self) -> Result<Vec<(AccountId, Arc<Snapshot>)>, StoreError> {
        let directory = self.inner.directory.snapshot();
        // Leaps leave wide gaps between the numbers.
        let ids = directory.owned_accounts();
        let mut all = vec![(DIRECTORY, directory)];
        for id in ids {
            all.push((id, self.inner.accounts.snapshot(id)?));
        }
        Ok(all)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.inner.accounts.log
    }

    pub(crate) fn condemn_index(&self) {
        self.inner.accounts.index.condemn();
    }

    /// How many accounts are loaded, account 0 with them, and how many have a place in memory, once every thread of
    /// ours has let go of what it was done with before the call.
    #[cfg(test)]
    pub(crate) fn loaded(&self) -> (usize, usize) {
        // The thread that answers lets go of an account only behind its answer: one more change is answered behind
        // them all. The writer of summaries holds accounts whose rows wait.
        let name = imap_proto::types::MailboxName::inbox();
        for is_on in [true, false] {
            let fence = async {
                match is_on {
                    true => self.inner.directory.subscribe(name.clone()).await,
                    false => self.inner.directory.unsubscribe(name.clone()).await,
                }
            };
            crate::blocking::block_on(fence).expect("the log takes it");
        }
        self.inner.makes.summary_writer.flush();
        // Nor does a checkpoint hold any.
        let _alone = locked(&self.inner.accounts.saving);
        self.inner.accounts.tidy();
        (self.inner.accounts.loaded(), self.inner.accounts.slot_count())
    }

    /// Waits until the summaries that wait are in their files, and files that are to be written anew are.
    #[cfg(test)]
    pub(crate) fn flush_summaries(&self) {
        self.inner.makes.summary_writer.flush();
        self.inner.accounts.tidy();
        self.inner.makes.summary_writer.flush();
    }

    /// How many rows the index has.
    #[cfg(test)]
    pub(crate) fn index_rows(&self) -> usize {
        let mut rows = 0;
        self.inner.accounts.index.engine.scan(b"", &mut |_, _| rows += 1).expect("the engine reads");
        rows
    }

    /// Writes what is queued, closes the log, saves a checkpoint. Blocking. Later commits are refused;
    /// reads go on.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn account(&self, id: AccountId, must_exist: impl FnOnce() -> bool) -> Result<Account, StoreError> {
        let account = self.unsettled(id, must_exist)?;
        let is_there = |id| self.directory.snapshot().owner(id).is_some();
        let open = |id| is_there(id).then(|| self.unsettled(id, || true)).transpose();
        let state_of = |id| is_there(id).then(|| self.accounts.snapshot(id)).transpose();
        transfer::settle_all(&account, &self.departing, open, state_of)?;
        Ok(account)
    }

    /// An account that may have messages on their way into another one.
    fn unsettled(&self, id: AccountId, must_exist: impl FnOnce() -> bool) -> Result<Account, StoreError> {
        let account = self.accounts.account(id, must_exist, |core| self.makes.account(core))?;
        leap(&account, self.directory.snapshot().epoch(), self.makes.clock.now())?;
        Ok(account)
    }

    fn close(&self) {
        let compactor = locked(&self.compactor).take();
        if let Some(compactor) = compactor {
            compactor.stop();
        }
        let mut checkpointer = self.checkpointer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Checkpointer { thread, is_stopped, wake }) = checkpointer.take() else { return };
        is_stopped.store(true, Ordering::Release);
        let _ = wake.try_send(());
        // A checkpoint that panicked has said so itself.
        let _ = thread.join();
        self.accounts.log.close();
        self.makes.summary_writer.flush();
        if let Err(error) = self.accounts.checkpoint() {
            tracing::error!(%error, "the last checkpoint was not saved");
        }
    }
}

/// Raises the store's epoch if something was lost that it has not risen for; account 0 leaps itself.
fn raise_epoch(
    directory: &Account,
    losses: &[u64],
    may_have_lost: bool,
    now: i64,
) -> Result<bool, StoreError> {
    let core = directory.core();
    let state = core.snapshot();
    let new: Vec<u64> = losses.iter().copied().filter(|&loss| !state.knows_loss(loss)).collect();
    let is_due = may_have_lost || !new.is_empty();
    if is_due {
        core.commit_blocking(USER_CHANGE_OCTETS + 10 * new.len(), |state| account::raise_epoch(state, &new))?;
    }
    leap(directory, core.snapshot().epoch(), now)?;
    Ok(is_due)
}

/// Sees to it that an account has leapt for the store's epoch, before anybody sees it.
fn leap(account: &Account, epoch: u64, now: i64) -> Result<(), StoreError> {
    if account.core().snapshot().leapt() >= epoch {
        return Ok(());
    }
    account.core().commit_blocking(USER_CHANGE_OCTETS, |state| account::leap(state, epoch, now))
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Makes {
    fn account(&self, core: Arc<Core>) -> Account {
        let path = self.summary_dir.as_ref().map(|dir| dir.join(format!("{}.sum", core.id().0)));
        let summaries = Summaries::new(path, self.summary_writer.clone());
        Account::new(core, summaries, self.clock.clone(), self.limits)
    }
}
