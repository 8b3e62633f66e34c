//! Generated work on a disk that fails, from one seed: `cargo xtask sim`.
//!
//! Whatever happens, the store is as a simple model has it: what was acknowledged is there (in durability `sync`),
//! what was refused is not, and of what nobody knows the outcome either all or nothing. After a crash in another
//! durability it is as it was at some time before. A UID means one message for ever, UIDNEXT and MODSEQs never go
//! back, and a check finds nothing wrong.
//!
//! A seed fixes the work and the faults. It does not fix how fast the store's threads are: which records the log's
//! writer takes together into a group, and when the next segment is made, so at which write exactly a fault falls.

mod ends;
mod steps;
mod work;
mod world;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::*;
use crate::account::Quota;
use crate::blocking::block_on;
use crate::engine::MemorySnapshots;
use crate::sim::{Faults, SimDisk};
use crate::{OpenError, OpenReport, StoreError};
use work::Times;
use world::{Eyes, Label, PEOPLE, Seen, World};

/// What is drawn, all from the seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// What goes wrong in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Nothing: no error is taken.
    None,
    /// The disk is full from time to time, and then has room again.
    Full,
    /// A read fails once.
    Read,
    /// A write or a sync fails, or the power goes.
    Write,
}

/// A store that is open.
struct Open {
    store: Store,
    accounts: [Account; 2],
}

/// One seed's course.
struct Course {
    chance: Chance,
    disk: SimDisk,
    index: Arc<MemorySnapshots>,
    options: Options,
    clock: Arc<AtomicI64>,
    eyes: Eyes,
    labels: Label,
    trouble: Trouble,
    /// What is published.
    world: World,
    /// What a crash may leave, in the order in which it came.
    possible: Vec<World>,
    /// The first of them that may be left of a crash that loses nothing.
    acknowledged: usize,
    /// A write failed: nothing more is taken.
    is_poisoned: bool,
    /// It was while messages went from one account to the other: they are in both until these are next opened.
    is_unsettled: bool,
    /// Restores below these names came in more than one change: a crash may leave some of them.
    loose: Vec<(usize, String)>,
    backup: Option<World>,
    restores: u32,
}

const BACKUP: &str = "/backup";

impl Course {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let durability = match chance.below(6) {
            0 => Durability::None,
            1 => Durability::Interval(1),
            _ => Durability::Sync,
        };
        let clock = Arc::new(AtomicI64::new(NOW));
        let now = clock.clone();
        let options = Options {
            durability,
            // One writes ahead whatever there is.
            ahead_octets: [1, 4096, 128 << 10][chance.below(3) as usize],
            // Without a graveyard there is something for compaction to drop.
            undelete_seconds: [0, 1_000_000][chance.below(2) as usize],
            undelete_octets_max: [20_000, 1 << 30][chance.below(2) as usize],
            clock: Clock::new(move || now.load(Ordering::Relaxed)),
            ..options()
        };
        Self {
            chance,
            disk: SimDisk::new(seed),
            index: Arc::default(),
            options,
            clock,
            eyes: Eyes::new(),
            labels: 0,
            trouble: Trouble::None,
            world: World::default(),
            possible: Vec::new(),
            acknowledged: 0,
            is_poisoned: false,
            is_unsettled: false,
            loose: Vec::new(),
            backup: None,
            restores: 0,
        }
    }

    fn is_lazy(&self) -> bool {
        self.options.durability != Durability::Sync
    }

    fn times(&self) -> Times {
        Times {
            now: self.clock.load(Ordering::Relaxed),
            seconds: self.options.undelete_seconds.into(),
            octets_max: self.options.undelete_octets_max,
        }
    }

    /// Until somebody comes and looks after what went wrong: so long that what one leap goes ahead is behind the next.
    fn wait(&self) {
        self.clock.fetch_add(7 * 86_400, Ordering::Relaxed);
    }

    fn open(&self) -> Result<(Open, OpenReport), OpenError> {
        let disk = Arc::new(self.disk.clone());
        let (store, report) = Store::on_disk_behind(disk, self.options.clone(), &self.index)?;
        let accounts = PEOPLE.map(|name| store.account(store.user(name).expect("made first").account));
        match accounts {
            [Ok(one), Ok(other)] => Ok((Open { store, accounts: [one, other] }, report)),
            [Err(error), _] | [_, Err(error)] => {
                let error = std::io::Error::other(error);
                Err(OpenError::Io { file: "/".into(), error })
            }
        }
    }

    /// Reads everything; no read fails meanwhile.
    fn look(&mut self, open: &Open) -> Seen {
        let fail_read = self.disk.replace_fail_read(None);
        let seen = self.eyes.look(&open.accounts);
        self.disk.replace_fail_read(fail_read);
        seen
    }

    /// What is published is what the model says.
    fn compare(&mut self, open: &Open, what: &dyn std::fmt::Debug) {
        let seen = self.look(open).world.shown(true);
        let model = self.world.shown(true);
        if self.is_unsettled {
            return;
        }
        assert!(seen == model, "after {what:?}:\n{}", model.difference(&seen));
    }

    fn begin(&mut self) {
        let store = Store::on_disk_behind(Arc::new(self.disk.clone()), self.options.clone(), &self.index);
        let store = store.expect("opens").0;
        let accounts = PEOPLE.map(|name| {
            let user = block_on(store.create_user(name, b"secret".to_vec())).expect("new");
            store.account(user.account).expect("loads")
        });
        for account in &accounts {
            block_on(account.set_quota(Quota::default())).expect("set");
        }
        let open = Open { store, accounts };
        self.world = self.look(&open).world;
        open.store.close();
    }

    fn draw_trouble(&mut self) -> Faults {
        let at = Some(self.chance.below(200));
        let (trouble, faults) = match self.chance.below(8) {
            0 => (Trouble::Write, Faults { fail_write: at, ..Faults::default() }),
            1 => (Trouble::Write, Faults { fail_sync: at, ..Faults::default() }),
            2 | 3 => (Trouble::Write, Faults { cut_power: at, ..Faults::default() }),
            4 => {
                let room = Some(self.disk.octets_used() + (4 << 20));
                (Trouble::Write, Faults { room_octets: room, cut_power: at, ..Faults::default() })
            }
            5 => {
                let room = Some(self.disk.octets_used());
                (Trouble::Full, Faults { room_octets: room, ..Faults::default() })
            }
            6 => (Trouble::Read, Faults { fail_read: at, ..Faults::default() }),
            _ => (Trouble::None, Faults::default()),
        };
        self.trouble = trouble;
        faults
    }

    /// Work until something fails for good, then a crash, then a look at what is left.
    fn round(&mut self) {
        let faults = self.draw_trouble();
        self.disk.set_faults(faults);
        (self.possible, self.acknowledged) = (vec![self.world.clone()], 0);
        (self.is_poisoned, self.is_unsettled, self.loose) = (false, false, Vec::new());
        let mut was_cut = false;
        match self.open() {
            Ok((open, report)) => {
                assert!(!has_leapt(&report), "all was closed properly: {report:?}");
                self.compare(&open, &"opening");
                for _ in 0..self.chance.below(40) {
                    if self.is_poisoned {
                        break;
                    }
                    self.step(&open);
                }
                if self.chance.below(4) > 0 {
                    // The crash comes before anything is closed.
                    was_cut = true;
                    self.index = Arc::new(self.index.copy());
                    self.disk = self.disk.power_cut(self.chance.below(1 << 30));
                }
            }
            Err(error) => {
                let is_taken = matches!(self.trouble, Trouble::Read | Trouble::Write);
                assert!(is_taken, "it opens, on a full disk too: {error}");
            }
        }
        self.index = Arc::new(self.index.copy());
        if self.chance.below(2) == 0 {
            was_cut = true;
            self.disk = self.disk.power_cut(self.chance.below(1 << 30));
        } else {
            self.disk = self.disk.killed();
        }
        self.verify(was_cut);
    }

    /// Opens without faults: what is there is what may be.
    fn verify(&mut self, was_cut: bool) {
        self.eyes.forget();
        self.wait();
        let (open, report) = self.open().expect("opens without faults");
        let has_leapt = has_leapt(&report);
        assert!(self.is_lazy() || !has_leapt, "nothing can be lost: {report:?}");
        let seen = self.look(&open);
        assert!(seen.unreadable.is_empty(), "{:?}", seen.unreadable);
        let from = if self.is_lazy() && was_cut { 0 } else { self.acknowledged };
        let shown = |world: &World| self.without_loose(world).shown(!has_leapt);
        let found = shown(&seen.world);
        let matched = self.possible[from..].iter().rev().find(|world| shown(world) == found);
        let last = || shown(self.possible.last().expect("there is one"));
        let matched = matched.unwrap_or_else(|| {
            panic!("{} are possible, none is:\n{}", self.possible.len() - from, last().difference(&found))
        });
        self.world = matched.clone();
        self.adopt_loose(&seen.world);
        self.world.leap_as(&seen.world);
        self.compare(&open, &"a crash");
        let report = open.store.check().expect("readable");
        assert!(report.is_sound(), "{report:?}");
        self.close_and_compare(open);
    }

    /// Closes; another opening behind the checkpoint, and one with nothing but the log, make the same of it.
    fn close_and_compare(&mut self, open: Open) {
        let hashes = hashes(&open);
        open.store.close();
        drop(open);
        for keeps_index in [true, false] {
            if !keeps_index {
                self.index = Arc::default();
            }
            let (open, report) = self.open().expect("opens");
            assert!(report.findings.is_empty(), "{report:?}");
            assert!(hashes == self::hashes(&open), "the same by another replay, index: {keeps_index}");
            open.store.close();
        }
    }
}

fn hashes(open: &Open) -> Vec<[u8; 32]> {
    // Nobody waits for tokens of messages on their way to be forgotten.
    open.store.log().settle_queue().expect("written");
    let all = open.store.all_snapshots().expect("readable");
    all.into_iter().map(|(_, snapshot)| snapshot.state_hash()).collect()
}

fn has_leapt(report: &OpenReport) -> bool {
    report.findings.iter().any(|line| line.contains("go ahead with their UIDs"))
}

fn simulate(seed: u64) {
    let mut course = Course::new(seed);
    course.begin();
    let rounds = 5;
    let restores_at = course.chance.below(2 * rounds);
    for round in 0..rounds {
        course.round();
        if round == restores_at {
            course.restore_store();
        }
    }
    if course.chance.below(3) == 0 {
        course.rot();
    }
    if course.chance.below(2) == 0 {
        course.restore_store();
    }
}

/// A few seeds at every change; more by `cargo xtask sim`. Every seed runs; those that failed are told at the end.
#[test]
fn generated_work_on_a_failing_disk_keeps_every_promise() {
    let number = |name: &str| std::env::var(name).ok();
    let range = number("RESTANTE_SIM_SEEDS");
    let range = range.as_deref().and_then(|text| text.split_once(".."));
    let bounds = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let (from, to): (u64, u64) = bounds.unwrap_or((0, 6));
    let jobs = number("RESTANTE_SIM_JOBS").and_then(|jobs| jobs.parse().ok()).unwrap_or(2);
    let next = AtomicU64::new(from);
    let failed = std::sync::Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to {
                return;
            }
            let named = std::thread::Builder::new().name(format!("seed {seed}"));
            let ended = named.spawn(move || simulate(seed)).expect("a thread").join();
            if ended.is_err() {
                failed.lock().expect("pushed only").push(seed);
            } else if seed % 100 == 99 {
                println!("up to seed {seed}");
            }
        }
    };
    std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().expect("pushed only");
    assert!(failed.is_empty(), "these seeds failed: {failed:?}");
}
