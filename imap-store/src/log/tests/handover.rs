//! The hand-over between committers, who wants a sync, whoever closes the log, the writer and the syncing thread: the
//! real queue and the real desk, on loom's lock and condition variable, in the orders in which the threads can come.
//!
//! Those whose work is files ([`Writer`], [`Play::sync`]) are played: what they do at the desk is what `writer.rs` does.
//! Loom's clocks stand still, so nothing here depends on the writer looking by itself after a time. With LOOM_LOCATION=1
//! it says where each thread stood when none could go on.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread;

use crate::StoreError;
use crate::log::queue::{Pending, Queue, State, SyncAsked};
use crate::log::record::{BodyHead, Content};
use crate::log::segment::GROUPS_AT;
use crate::log::turn::Work;
use crate::log::{AccountId, Position, Seq, Waiter, queue, turn};

use self::desk::Desk;

#[path = "../desk.rs"]
#[expect(clippy::duplicate_mod, reason = "it is compiled once more on purpose, with loom's lock")]
mod desk;

/// Who comes, beside the writer, the syncing thread and whoever closes the log.
#[derive(Debug, Clone, Copy)]
struct Cast {
    /// Each queues a body, if it has one, and then a change.
    committers: &'static [bool],
    wants_sync: bool,
    /// Whether what is queued is written while a sync is under way, however little it is.
    writes_ahead: bool,
    fails: Option<Fails>,
    /// Whether the log is closed at any time, or when everybody is told. Closing wakes the writer: where it may come at
    /// any time it hides that somebody else forgot to.
    closes_early: bool,
}

/// What fails: so many of them go well before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    Write(usize),
    /// A write, of which nothing is on the disk.
    NoRoom(usize),
    Sync(usize),
}

/// What became of a change, or of a wish for a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    InDoubt,
    Refused,
}

/// Who is told: a change, or who wanted a sync.
type Told = (Option<Seq>, Fate);

/// What the threads share. What loom does not know is touched within a single step of a thread.
struct Play {
    cast: Cast,
    desk: Desk,
    /// What the syncing thread is to sync; `None`: nothing more.
    to_sync: Post<Option<BTreeSet<Seq>>>,
    told: std::sync::Mutex<Vec<Told>>,
    queued: std::sync::Mutex<Vec<Seq>>,
    /// What is on the disk for good.
    synced: std::sync::Mutex<BTreeSet<Seq>>,
}

/// A channel. Loom's own prints a line for all that is received.
struct Post<T> {
    letters: Mutex<VecDeque<T>>,
    came: Condvar,
}

impl<T> Post<T> {
    fn new() -> Self {
        Self { letters: Mutex::new(VecDeque::new()), came: Condvar::new() }
    }

    fn put(&self, letter: T) {
        self.letters.lock().expect("nobody panics with it").push_back(letter);
        self.came.notify_one();
    }

    fn take(&self) -> T {
        let mut letters = self.letters.lock().expect("nobody panics with it");
        loop {
            match letters.pop_front() {
                Some(letter) => return letter,
                None => letters = self.came.wait(letters).expect("nobody panics with it"),
            }
        }
    }
}

/// Says what became of a change.
struct Tell {
    play: Arc<Play>,
    seq: Seq,
}

impl Waiter for Tell {
    /// Not before the sync that covers it and its body.
    fn committed(&mut self, _position: Position) {
        let synced = self.play.synced.lock().expect("nobody panics with it");
        assert!(synced.contains(&self.seq), "told before its sync");
        let has_body = self.play.cast.committers[committer(self.seq)];
        assert!(!has_body || synced.contains(&body_of(self.seq)), "a change without its body");
    }
    fn wake(self: Box<Self>) {
        self.play.tell(Some(self.seq), Fate::Done);
    }
    fn failed(self: Box<Self>, error: StoreError) {
        let is_in_doubt = matches!(error, StoreError::InDoubt { .. });
        self.play.tell(Some(self.seq), if is_in_doubt { Fate::InDoubt } else { Fate::Refused });
    }
}

fn change(committer: usize) -> Seq {
    Seq(committer as u64 * 2 + 1)
}

fn committer(change: Seq) -> usize {
    (change.0 / 2) as usize
}

fn body_of(change: Seq) -> Seq {
    Seq(change.0 - 1)
}

impl Play {
    fn new(cast: Cast) -> Self {
        let ahead_octets = if cast.writes_ahead { 1 } else { usize::MAX };
        Self {
            cast,
            desk: Desk::new(Queue::new(1, Position::default(), 1 << 20, ahead_octets)),
            to_sync: Post::new(),
            told: std::sync::Mutex::default(),
            queued: std::sync::Mutex::default(),
            synced: std::sync::Mutex::default(),
        }
    }

    /// As `Upload::try_queue` and `Log::enqueue` do.
    fn commit(self: Arc<Self>, at: usize) {
        let seq = change(at);
        let mut epoch = None;
        if self.cast.committers[at] {
            let content = Content::Body(BodyHead::new(&blake3::hash(b"x"), 0), b"x".to_vec());
            epoch = self.queue(Pending::new(Position::default(), AccountId(1), body_of(seq), content), None);
            if epoch.is_none() {
                return self.tell(Some(seq), Fate::Refused);
            }
        }
        let content = Content::Change(b"x".to_vec());
        let mut pending = Pending::new(Position::default(), AccountId(1), seq, content);
        pending.waiter = Some(Box::new(Tell { play: Arc::clone(&self), seq }));
        if self.queue(pending, epoch).is_none() {
            self.tell(Some(seq), Fate::Refused);
        }
    }

    /// In which epoch; `None` when it is refused.
    fn queue(&self, pending: Pending, epoch: Option<u64>) -> Option<u64> {
        let mut queue = self.desk.lock();
        let now = queue.epoch;
        if queue.state != State::Open || epoch.is_some_and(|epoch| epoch != now) {
            return None;
        }
        self.queued.lock().expect("nobody panics with it").push(pending.seq);
        queue.push(pending);
        self.desk.wake_writer(queue);
        Some(now)
    }

    /// The writer says when it answers: the answer itself comes through a channel that loom does not know.
    fn want_sync(&self) -> Option<std::sync::mpsc::Receiver<Result<(), StoreError>>> {
        let asked = self.desk.ask_sync();
        if asked.is_err() {
            self.tell(None, Fate::Refused);
        }
        asked.ok()
    }

    /// The syncing thread.
    fn sync(&self) {
        let mut syncs = 0;
        while let Some(seqs) = self.to_sync.take() {
            if self.cast.fails == Some(Fails::Sync(syncs)) {
                self.desk.sync_ended(Err(io::Error::other("broken")));
            } else {
                self.synced.lock().expect("nobody panics with it").extend(seqs);
                self.desk.sync_ended(Ok(()));
            }
            syncs += 1;
        }
    }

    /// Who is told last closes the log, unless it was closed before.
    fn tell(&self, name: Option<Seq>, fate: Fate) {
        let mut told = self.told.lock().expect("nobody panics with it");
        told.push((name, fate));
        let all = self.cast.committers.len() + usize::from(self.cast.wants_sync);
        let closes = !self.cast.closes_early && told.len() == all;
        drop(told);
        if closes {
            self.desk.close();
        }
    }

    /// Everybody was told, once; those that went well in the order of the queue.
    fn judge(&self) {
        let told = self.told.lock().expect("nobody panics with it");
        let names: BTreeSet<Option<Seq>> = told.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), told.len(), "told twice");
        let queued = self.queued.lock().expect("nobody panics with it");
        let is_done = |seq: &Seq| told.contains(&(Some(*seq), Fate::Done));
        let all = self.cast.committers.len() + usize::from(self.cast.wants_sync);
        assert_eq!(told.len(), all, "{told:?}");
        let expected: Vec<Seq> = queued.iter().copied().filter(is_done).collect();
        let done: Vec<Seq> = told.iter().filter_map(|(name, _)| *name).filter(is_done).collect();
        assert_eq!(done, expected, "in the order of the queue");
        if self.cast.fails.is_none() && !self.cast.closes_early {
            assert!(told.iter().all(|(_, fate)| *fate == Fate::Done), "{told:?}");
        }
    }
}

/// The writer without its files.
struct Writer {
    play: Arc<Play>,
    writes: usize,
    /// All that was ever written: a sync covers it, whoever it was written for.
    file: BTreeSet<Seq>,
    written: Vec<Pending>,
    syncing: Vec<Pending>,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.play.desk.next_work(|_| Some(Duration::from_secs(1))) {
                Work::Group(group) => self.commit(group),
                Work::Synced(synced) => self.synced(synced),
                Work::Idle => unreachable!("loom's clocks stand still"),
                Work::Sync(asked) => self.sync_asked(asked),
                Work::Close => break,
            }
        }
        let is_done = self.written.is_empty() && self.syncing.is_empty();
        assert!(is_done && !self.play.desk.lock().is_syncing, "closed too early");
        self.play.to_sync.put(None);
    }

    fn is_poisoned(&self) -> bool {
        matches!(self.play.desk.lock().state, State::Poisoned(_))
    }

    fn commit(&mut self, group: Vec<Pending>) {
        if self.is_poisoned() {
            return refuse(group);
        }
        let writes = self.writes;
        self.writes += 1;
        match self.play.cast.fails {
            Some(Fails::Write(after)) if after == writes => self.poison(group),
            Some(Fails::NoRoom(after)) if after == writes => self.refuse(group),
            _ => {
                self.play.desk.lock().written(&group, GROUPS_AT);
                self.file.extend(group.iter().map(|pending| pending.seq));
                self.written.extend(group);
                if self.syncing.is_empty() {
                    self.settle();
                }
            }
        }
    }

    fn settle(&mut self) {
        if !queue::needs_sync(&self.written) {
            return self.written.clear();
        }
        self.play.to_sync.put(Some(self.file.clone()));
        self.play.desk.lock().is_syncing = true;
        self.syncing = std::mem::take(&mut self.written);
    }

    fn synced(&mut self, synced: io::Result<()>) {
        match self.end_sync(synced) {
            Ok(()) => self.settle(),
            Err(_) => self.poison(Vec::new()),
        }
    }

    fn end_sync(&mut self, synced: io::Result<()>) -> io::Result<()> {
        synced.map(|()| publish(std::mem::take(&mut self.syncing)))
    }

    fn sync_asked(&self, asked: Vec<SyncAsked>) {
        let refusal = self.is_poisoned().then(|| unavailable("broken"));
        let fate = if refusal.is_some() { Fate::Refused } else { Fate::Done };
        for asked in asked {
            asked.send(refusal.clone().map_or(Ok(()), Err)).expect("it is waited for");
            self.play.tell(None, fate);
        }
    }

    /// Nothing of it was written; the writer syncs the rest itself.
    fn refuse(&mut self, group: Vec<Pending>) {
        if !self.syncing.is_empty() {
            let synced = self.play.desk.wait_synced();
            if self.end_sync(synced).is_err() {
                return self.poison(group);
            }
        }
        self.play.synced.lock().expect("nobody panics with it").extend(&self.file);
        publish(std::mem::take(&mut self.written));
        let behind = self.empty_queue();
        refuse(group.into_iter().chain(behind));
    }

    fn poison(&mut self, group: Vec<Pending>) {
        let is_syncing = self.play.desk.lock().is_syncing;
        if is_syncing {
            let synced = self.play.desk.wait_synced();
            let _ = self.end_sync(synced);
        }
        self.play.desk.lock().state = State::Poisoned("broken".to_owned());
        let behind = self.empty_queue();
        let doubtful = self.syncing.drain(..).chain(self.written.drain(..)).chain(group);
        fail(doubtful, &StoreError::InDoubt { reason: "broken".to_owned() });
        refuse(behind);
    }

    fn empty_queue(&self) -> VecDeque<Pending> {
        self.play.desk.lock().refuse_all(Position { segment: 1, record: 0 }, GROUPS_AT, false)
    }
}

fn publish(written: Vec<Pending>) {
    let waiters = written.into_iter().filter_map(|pending| Some((pending.position, pending.waiter?)));
    for (position, mut waiter) in waiters {
        waiter.committed(position);
        waiter.wake();
    }
}

fn refuse(group: impl IntoIterator<Item = Pending>) {
    fail(group, &unavailable("broken"));
}

fn fail(group: impl IntoIterator<Item = Pending>, error: &StoreError) {
    group.into_iter().filter_map(|pending| pending.waiter).for_each(|waiter| waiter.failed(error.clone()));
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned() }
}

fn play(cast: Cast) {
    let play = Arc::new(Play::new(cast));
    let writer = Writer {
        play: Arc::clone(&play),
        writes: 0,
        file: BTreeSet::new(),
        written: Vec::new(),
        syncing: Vec::new(),
    };
    let mut threads = Vec::new();
    for at in 0..cast.committers.len() {
        let committing = Arc::clone(&play);
        threads.push(thread::spawn(move || committing.commit(at)));
    }
    let syncing = Arc::clone(&play);
    threads.push(thread::spawn(move || syncing.sync()));
    if cast.closes_early {
        let closing = Arc::clone(&play);
        threads.push(thread::spawn(move || closing.desk.close()));
    }
    let wants_sync = Arc::clone(&play);
    let asking = cast.wants_sync.then(|| thread::spawn(move || wants_sync.want_sync()));
    writer.run();
    for thread in threads {
        thread.join().expect("it does not panic");
    }
    if let Some(answer) = asking.and_then(|asking| asking.join().expect("it does not panic")) {
        assert!(!matches!(answer.try_recv(), Err(TryRecvError::Empty)), "the sync is waited for");
    }
    play.judge();
}

fn play_all(casts: impl IntoIterator<Item = Cast>) {
    for cast in casts {
        let plays = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&plays);
        let mut orders = loom::model::Builder::new();
        orders.preemption_bound.get_or_insert(PREEMPTIONS_MAX);
        orders.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            play(cast);
        });
        let plays = plays.load(Ordering::Relaxed);
        println!("{plays} orders of {cast:?}");
        assert!(plays > 500, "{plays} orders of {cast:?}");
    }
}

const TWO: Cast = Cast {
    committers: &[true, false],
    wants_sync: false,
    writes_ahead: false,
    fails: None,
    closes_early: false,
};
const ONE_AND_CLOSING: Cast = Cast { committers: &[true], closes_early: true, ..TWO };

#[test]
fn committers_are_told_once_and_in_order_behind_their_sync() {
    play_all([TWO, Cast { writes_ahead: true, ..TWO }]);
    play_all([ONE_AND_CLOSING, Cast { writes_ahead: true, ..ONE_AND_CLOSING }]);
}

#[test]
fn who_wants_a_sync_while_others_commit_gets_an_answer() {
    play_all([
        Cast { committers: &[true], wants_sync: true, ..TWO },
        Cast { committers: &[], wants_sync: true, ..ONE_AND_CLOSING },
    ]);
}

#[test]
fn nobody_waits_for_ever_when_a_write_or_a_sync_fails() {
    // The second write comes while a sync is under way, in some orders.
    for fails in [Fails::Write(1), Fails::NoRoom(1), Fails::Sync(0)] {
        play_all([
            Cast { fails: Some(fails), writes_ahead: true, ..TWO },
            Cast { fails: Some(fails), writes_ahead: true, ..ONE_AND_CLOSING },
        ]);
    }
    play_all([Cast { fails: Some(Fails::Sync(0)), ..TWO }]);
}

/// How often in one order a thread is stopped that could go on; LOOM_MAX_PREEMPTIONS sets another number. With three
/// there are twelve times as many orders, a minute and a half of them. All that was broken on purpose to try these tests,
/// and makes somebody wait for ever, was found with two.
const PREEMPTIONS_MAX: usize = 2;
