//! The log as a whole: on a real directory, and on the simulated disk with its faults.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use proptest::prelude::*;

use super::*;
use crate::files::DiskFile;
use crate::memory_disk::MemoryDisk;
use crate::sim::{Faults, SimDisk};

/// What became of a change.
#[derive(Debug)]
pub(super) enum Outcome {
    Woken(Position),
    Failed(StoreError),
}

/// A waiter that sends what became of its change.
pub(super) struct Tell {
    pub(super) sender: Sender<(u64, u64, Outcome)>,
    pub(super) account: u64,
    pub(super) seq: u64,
    pub(super) position: Option<Position>,
}

impl Waiter for Tell {
    fn committed(&mut self, position: Position) {
        self.position = Some(position);
    }
    fn wake(self: Box<Self>) {
        let position = self.position.expect("committed comes first");
        let _ = self.sender.send((self.account, self.seq, Outcome::Woken(position)));
    }
    fn failed(self: Box<Self>, error: StoreError) {
        let _ = self.sender.send((self.account, self.seq, Outcome::Failed(error)));
    }
}

fn options(dir: &Path) -> LogOptions {
    LogOptions {
        dir: dir.to_owned(),
        segment_octets: 1 << 20,
        queue_octets_max: 8 << 20,
        open_segments_max: 64,
        durability: Durability::Sync,
    }
}

/// Opens and returns what was replayed: account, seq, payload.
fn open(dir: &Path) -> Opening {
    open_on(Arc::new(RealDisk), options(dir)).expect("opens")
}

type Opening = (Log, Recovery, Vec<(u64, u64, Vec<u8>)>);

fn open_on(disk: Arc<dyn Disk>, options: LogOptions) -> Result<Opening, OpenError> {
    let mut seen = Vec::new();
    let (log, mut recovery) = Log::open_on(disk, options, None, &mut |change| {
        seen.push((change.account.0, change.seq.0, change.payload.to_vec()));
        Ok(())
    })?;
    recovery.name_missing(&|_| false);
    Ok((log, recovery, seen))
}

fn open_sim(disk: &SimDisk) -> Opening {
    open_on(Arc::new(disk.clone()), options(Path::new("log"))).expect("opens")
}

fn enqueue(log: &Log, account: u64, seq: u64, payload: &[u8]) -> Receiver<(u64, u64, Outcome)> {
    let (sender, receiver) = channel();
    let waiter = Box::new(Tell { sender, account, seq, position: None });
    let queued = log.enqueue(log.epoch(), AccountId(account), Seq(seq), payload.to_vec(), waiter);
    assert!(queued.is_ok(), "queued");
    receiver
}

fn commit(log: &Log, account: u64, seq: u64, payload: &[u8]) -> Outcome {
    enqueue(log, account, seq, payload).recv().expect("answered").2
}

#[test]
fn changes_come_back_in_order_after_close() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, recovery, seen) = open(dir.path());
    assert!(seen.is_empty() && !recovery.unclean);
    for seq in 1..=50 {
        assert!(matches!(commit(&log, 7, seq, &[seq as u8; 100]), Outcome::Woken(_)));
    }
    log.close();
    let (_log, recovery, seen) = open(dir.path());
    assert!(!recovery.unclean, "{recovery:?}");
    assert_eq!(recovery.damage, Vec::<String>::new());
    let expected: Vec<_> = (1..=50_u64).map(|seq| (7, seq, vec![seq as u8; 100])).collect();
    assert_eq!(seen, expected);
}

pub(super) use crate::blocking::block_on;

/// Octets that differ everywhere.
fn pattern(octets: usize) -> Vec<u8> {
    (0..octets as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn upload(log: &Log, octets: &[u8]) -> Result<Finished, StoreError> {
    block_on(async {
        let mut upload = log.upload(AccountId(1));
        for piece in octets.chunks(100_000) {
            upload.write(piece).await?;
        }
        upload.finish().await
    })
}

#[test]
fn bodies_of_all_sizes_are_read_in_ranges_before_and_after_opening_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, ..) = open(dir.path());
    let sizes = [0, 1, 4096, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1, 10 << 20];
    let bodies: Vec<_> = sizes
        .iter()
        .map(|&size| {
            let octets = pattern(size);
            let finished = upload(&log, &octets).expect("taken");
            assert_eq!(finished.size_octets, size as u64);
            (finished.body, octets)
        })
        .collect();
    assert!(matches!(commit(&log, 1, 1, b"names them"), Outcome::Woken(_)));
    let check = |log: &Log| {
        for (body, octets) in &bodies {
            let size = octets.len() as u64;
            let chunk = CHUNK_OCTETS as u64;
            for range in [0..size, 0..1, 5..chunk, chunk - 1..chunk + 1, size / 3..size / 2, size..size + 9] {
                let expected = &octets[range.start.min(size) as usize..range.end.min(size) as usize];
                assert!(log.read(*body, range.clone()).expect("read") == expected, "{size} {range:?}");
            }
        }
    };
    check(&log);
    drop(log);
    let (log, recovery, _) = open(dir.path());
    assert!(!recovery.unclean && recovery.damage.is_empty(), "{recovery:?}");
    check(&log);
}

/// Who reads ahead reads the same: in every order, of segments that are sealed and of the one that grows meanwhile, also
/// where something else lies between, and with less memory than a body has.
#[test]
fn bodies_that_are_read_ahead_are_those_that_are_read_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, ..) = open(dir.path());
    let mut bodies = Vec::new();
    let mut ahead = Ahead::default();
    ahead.want(64 << 10);
    for round in 0..120_u64 {
        let octets = pattern(((round * 7_919) % 30_000) as usize + 1)[..].to_vec();
        bodies.push((upload(&log, &octets).expect("taken").body, octets));
        if round % 3 == 0 {
            assert!(matches!(commit(&log, 1, round / 3 + 1, &[7; 300]), Outcome::Woken(_)));
            for (body, octets) in bodies.iter().rev().take(5).rev() {
                assert!(log.read_ahead(*body, 0..u64::MAX, &mut ahead).expect("read") == octets[..]);
            }
        }
    }
    let octets = pattern(3 * CHUNK_OCTETS + 5);
    bodies.push((upload(&log, &octets).expect("taken").body, octets));
    assert!(matches!(commit(&log, 1, 41, b"names them"), Outcome::Woken(_)));
    let check = |log: &Log| {
        assert!(bodies.last().expect("there are").0.segment > bodies[0].0.segment);
        let orders: [Box<dyn Fn(usize) -> usize>; 3] =
            [Box::new(|at| at), Box::new(|at| bodies.len() - 1 - at), Box::new(|at| at * 47 % bodies.len())];
        for order in orders {
            for wanted in [0, 1_000, 20_000, 64 << 10] {
                let mut ahead = Ahead::default();
                ahead.want(wanted);
                for (body, octets) in (0..bodies.len()).map(|at| &bodies[order(at)]) {
                    let read = log.read_ahead(*body, 1..octets.len() as u64, &mut ahead).expect("read");
                    assert!(read == octets[1..], "{body:?} {wanted}");
                }
            }
        }
    };
    check(&log);
    drop(log);
    check(&open(dir.path()).0);
}

/// Small bodies are there at once where the disk is memory; on a disk that cannot tell, in a segment that is not open, and
/// where there is none, nothing is waited for.
#[test]
fn bodies_are_read_at_once_where_that_is_possible() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let (log, ..) = open_on(disk.clone(), options(Path::new("log"))).expect("opens");
    let mut bodies = Vec::new();
    for size in [0, 1, 20_000, 60_000, 70_000, CHUNK_OCTETS + 1, 2_000_000, 5] {
        bodies.push((upload(&log, &pattern(size)).expect("taken").body, size));
    }
    assert!(matches!(commit(&log, 1, 1, b"names them"), Outcome::Woken(_)));
    assert!(bodies[7].0.segment > bodies[0].0.segment, "both kinds of segment");
    for (body, size) in &bodies {
        let mut ahead = Ahead::default();
        assert_eq!(log.read_now(*body, &mut ahead), *size <= 60_000, "{size}");
        assert!(log.read_ahead(*body, 0..*size as u64, &mut ahead).expect("read") == pattern(*size)[..]);
    }
    let nowhere = BodyId { segment: 1, record: 99 };
    assert!(!log.read_now(nowhere, &mut Ahead::default()));
    log.close();
    let (log, ..) = open_on(disk, options(Path::new("log"))).expect("opens");
    assert!(!log.read_now(bodies[0].0, &mut Ahead::default()), "its segment would have to be opened");
    log.read(bodies[0].0, 0..1).expect("read");
    assert!(log.read_now(bodies[0].0, &mut Ahead::default()));

    let (log, ..) = open_sim(&SimDisk::new(3));
    let body = upload(&log, b"text").expect("taken").body;
    assert!(matches!(commit(&log, 1, 1, b"names it"), Outcome::Woken(_)));
    assert!(!log.read_now(body, &mut Ahead::default()));
}

/// What is damaged is told, and what lies around it is read.
#[test]
fn damage_among_what_is_read_ahead_hits_one_body() {
    let disk = SimDisk::new(3);
    let (log, ..) = open_sim(&disk);
    let bodies: Vec<_> = (0..8).map(|_| upload(&log, &pattern(3_000)).expect("taken").body).collect();
    assert!(matches!(commit(&log, 1, 1, b"names them"), Outcome::Woken(_)));
    let segment = disk.list(Path::new("log")).expect("listed").into_iter();
    let segment = segment.filter(|path| path.extension().is_some_and(|it| it == "seg")).min().expect("there");
    let file = disk.open(&segment).expect("opened");
    let mut octets = vec![0; file.len().expect("its length") as usize];
    crate::files::read_full(&*file, &mut octets, 0).expect("read");
    let begin = &pattern(3_000)[..100];
    let places: Vec<_> = memchr::memmem::find_iter(&octets, begin).collect();
    assert_eq!(places.len(), 8);
    let at = places[4] as u64 + 1_000;
    let flipped = [octets[at as usize] ^ 1];
    file.write_at(&mut [std::io::IoSlice::new(&flipped)], at).expect("written");
    let mut ahead = Ahead::default();
    ahead.want(64 << 10);
    for (place, body) in bodies.iter().enumerate() {
        let read = log.read_ahead(*body, 0..3_000, &mut ahead);
        assert_eq!(read.is_ok(), place != 4, "{place}: {read:?}");
    }
}

/// A copy of the directory as a process that was killed leaves it.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(dir).expect("listed") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
    }
    copy
}

#[test]
fn killed_log_opens_with_all_that_was_answered() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, ..) = open(dir.path());
    for seq in 1..=20 {
        assert!(matches!(commit(&log, 7, seq, &[seq as u8; 100]), Outcome::Woken(_)));
    }
    let copy = killed(dir.path());
    for round in 0..3 {
        let (log, recovery, seen) = open(copy.path());
        assert_eq!((recovery.torn_octets, seen.len()), (0, 20 + round));
        assert_eq!(recovery.unclean, round == 0);
        assert!(matches!(commit(&log, 7, 21 + round as u64, b"more"), Outcome::Woken(_)));
    }
}

/// Not a test of its own: what [`killed_process_loses_nothing_that_it_acknowledged`] kills. It commits to the
/// log that the environment names and prints each number that is acknowledged.
#[test]
#[ignore = "the child of another test"]
fn commits_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let (log, _, seen) = open(Path::new(&dir));
    for seq in seen.len() as u64 + 1.. {
        let body = upload(&log, &pattern(seq as usize * 777 % 50_000)).expect("taken").body;
        if matches!(commit(&log, 1, seq, &naming(body, seq as usize * 777 % 50_000)), Outcome::Woken(_)) {
            println!("\nacknowledged {seq}");
        }
    }
}

const CHILD_DIR: &str = "RESTANTE_TEST_LOG";

#[test]
fn killed_process_loses_nothing_that_it_acknowledged() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().expect("a directory");
    let mut last = 0;
    for rounds in [40, 1, 25] {
        let mut child = std::process::Command::new(std::env::current_exe().expect("our own program"))
            .args(["--exact", "log::tests::commits_until_killed", "--ignored", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut acknowledged = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        last = acknowledged.nth(rounds).expect("so many");
        child.kill().expect("killed");
        last = acknowledged.last().unwrap_or(last);
        child.wait().expect("gone");
    }
    let (log, recovery, seen) = open(dir.path());
    assert!(recovery.unclean && recovery.damage.is_empty(), "{recovery:?}");
    assert!(last > 60 && seen.len() as u64 >= last, "{last} acknowledged, {} there", seen.len());
    assert!(seen.iter().zip(1..).all(|(change, seq)| change.1 == seq));
    check_bodies(&log, &seen);
}

/// The path of a segment in the simulated log.
fn segment(number: u64) -> PathBuf {
    segment::Name::first(number).path(Path::new("log"))
}

#[test]
fn many_threads_share_syncs_and_every_account_keeps_its_order() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let before = disk.counts().syncs;
    thread::scope(|scope| {
        for account in 1..=8 {
            let log = &log;
            scope.spawn(move || {
                let waiting: Vec<_> = (1..=200).map(|seq| enqueue(log, account, seq, &[1; 50])).collect();
                let positions: Vec<_> = waiting
                    .iter()
                    .map(|receiver| match receiver.recv().expect("answered").2 {
                        Outcome::Woken(position) => position,
                        Outcome::Failed(error) => panic!("{error}"),
                    })
                    .collect();
                assert!(positions.is_sorted(), "log order is account order");
            });
        }
    });
    let syncs = disk.counts().syncs - before;
    assert!(syncs < 1000, "{syncs} syncs for 1600 changes");
    let (_log, recovery, seen) = open_sim(&disk.killed());
    assert_eq!((seen.len(), recovery.changes), (1600, 1600));
    for account in 1..=8 {
        let seqs: Vec<u64> =
            seen.iter().filter(|change| change.0 == account).map(|change| change.1).collect();
        assert_eq!(seqs, (1..=200).collect::<Vec<u64>>());
    }
}

#[test]
fn segments_follow_each_other_and_old_ones_are_read() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let bodies: Vec<_> = (0..40)
        .map(|n| {
            let octets = pattern(100_000 + n);
            (upload(&log, &octets).expect("taken").body, octets)
        })
        .collect();
    assert!(matches!(commit(&log, 1, 1, b"all"), Outcome::Woken(_)));
    assert!(bodies.last().expect("some").0.segment >= 4, "segments are of 1 MiB");
    for (body, octets) in &bodies {
        assert!(log.read(*body, 0..u64::MAX).expect("read") == octets);
    }
    drop(log);
    let (log, recovery, seen) = open_sim(&disk);
    assert!(!recovery.unclean && recovery.damage.is_empty() && seen.len() == 1, "{recovery:?}");
    for (body, octets) in &bodies {
        assert!(log.read(*body, 0..u64::MAX).expect("read") == octets);
    }
}

#[test]
fn replay_begins_where_the_checkpoint_says() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    for seq in 1..=5 {
        commit(&log, 1, seq, b"before");
    }
    let from = log.published();
    for seq in 6..=9 {
        commit(&log, 1, seq, b"behind");
    }
    log.close();
    let mut seqs = Vec::new();
    let (_log, recovery) =
        Log::open_on(Arc::new(disk), options(Path::new("log")), Some(from), &mut |change| {
            seqs.push(change.seq.0);
            Ok(())
        })
        .expect("opens");
    assert_eq!((seqs, recovery.changes), (vec![6, 7, 8, 9], 4));
}

#[test]
fn full_disk_refuses_and_takes_writes_again_once_there_is_room() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    disk.set_faults(Faults { room_octets: Some(5 << 19), ..Faults::default() });
    let mut acknowledged = 0;
    let error = loop {
        match commit(&log, 1, acknowledged + 1, &[7; 50_000]) {
            Outcome::Woken(_) => acknowledged += 1,
            Outcome::Failed(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!((log.epoch(), log.refusal().is_none()), (2, true));
    // Whether a smaller change would fit now depends on how far the next segment was when the room ran out.
    disk.set_faults(Faults::default());
    assert!(matches!(commit(&log, 1, acknowledged + 1, b"x"), Outcome::Woken(_)));
    let (_log, recovery, seen) = open_sim(&disk.power_cut(1));
    assert!(recovery.damage.is_empty(), "{recovery:?}");
    assert_eq!(seen.len() as u64, acknowledged + 1);
}

#[test]
fn change_of_a_past_epoch_comes_back() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let (sender, receiver) = channel();
    let waiter = Box::new(Tell { sender, account: 1, seq: 1, position: None });
    assert!(log.enqueue(log.epoch() - 1, AccountId(1), Seq(1), vec![1], waiter).is_err());
    assert!(receiver.recv().is_err(), "nobody told the waiter anything");
}

#[test]
fn failed_sync_is_in_doubt_and_poisons_the_log_but_reads_go_on() {
    for fault in [
        Faults { fail_sync: Some(0), ..Faults::default() },
        Faults { fail_write: Some(0), ..Faults::default() },
    ] {
        let disk = SimDisk::new(1);
        let (log, ..) = open_sim(&disk);
        let body = upload(&log, b"body").expect("taken").body;
        assert!(matches!(commit(&log, 1, 1, b"kept"), Outcome::Woken(_)));
        disk.set_faults(fault);
        let outcome = commit(&log, 1, 2, b"in doubt");
        assert!(matches!(outcome, Outcome::Failed(StoreError::InDoubt { .. })), "{outcome:?}");
        assert!(matches!(log.refusal(), Some(StoreError::Unavailable { .. })));
        assert!(matches!(upload(&log, b"more"), Err(StoreError::Unavailable { .. })));
        assert!(matches!(block_on(log.room(1)), Err(StoreError::Unavailable { .. })));
        assert_eq!(log.read(body, 0..9).expect("reads go on"), &b"body"[..]);
        drop(log);
        let (_log, recovery, seen) = open_sim(&disk.power_cut(5));
        assert!(recovery.unclean && recovery.damage.is_empty(), "{recovery:?}");
        assert_eq!(seen[0].2, b"kept");
        assert!(seen.len() <= 2 && seen.iter().skip(1).all(|change| change.2 == b"in doubt"));
    }
}

/// Flips a bit in the change whose payload is 300 times 4.
/// A disk that has no room for whatever is written, or only says so when it is synced, as long as it is told to.
#[derive(Debug)]
struct Full {
    disk: SimDisk,
    writes: Arc<AtomicBool>,
    syncs: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FullFile(Arc<dyn DiskFile>, Arc<AtomicBool>, Arc<AtomicBool>);

impl Full {
    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FullFile(file, self.writes.clone(), self.syncs.clone()))
    }
}

fn room(is_full: &AtomicBool) -> std::io::Result<()> {
    if is_full.load(Ordering::SeqCst) { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Disk for Full {
    fn create(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.create(path)?))
    }
    fn open(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.open(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, dir: &Path) -> std::io::Result<Vec<PathBuf>> {
        self.disk.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> std::io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> std::io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn random(&self) -> std::io::Result<[u8; 16]> {
        self.disk.random()
    }
}

impl DiskFile for FullFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, slices: &mut [std::io::IoSlice<'_>], offset: u64) -> std::io::Result<()> {
        if room(&self.1).is_err() {
            // Some of it is written all the same.
            self.0.write_at(&mut slices[..1], offset)?;
        }
        room(&self.1)?;
        self.0.write_at(slices, offset)
    }
    fn set_len(&self, octets: u64) -> std::io::Result<()> {
        self.0.set_len(octets)
    }
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn sync(&self) -> std::io::Result<()> {
        room(&self.2)?;
        self.0.sync()
    }
}

#[test]
fn a_write_or_sync_without_room_is_in_doubt_and_the_log_opens_again_with_room() {
    for at_sync in [false, true] {
        let disk = SimDisk::new(1);
        let full = Full { disk: disk.clone(), writes: Arc::default(), syncs: Arc::default() };
        let is_full = if at_sync { full.syncs.clone() } else { full.writes.clone() };
        let (log, _, _) = open_on(Arc::new(full), options(Path::new("log"))).expect("opens");
        let body = upload(&log, b"the body").expect("queued").body;
        for seq in 1..=4 {
            assert!(matches!(commit(&log, 1, seq, &[seq as u8; 5_000]), Outcome::Woken(_)));
        }
        is_full.store(true, Ordering::SeqCst);
        let epoch = log.epoch();
        let outcome = commit(&log, 1, 5, b"in doubt");
        assert!(matches!(outcome, Outcome::Failed(StoreError::InDoubt { .. })), "{outcome:?}");
        assert!(matches!(log.refusal(), Some(StoreError::Unavailable { .. })));
        assert_eq!(&log.read(body, 0..99).expect("reads go on")[..], b"the body");
        // As long as there is no room, every attempt to go on fails.
        thread::park_timeout(2 * writer::REOPEN_AFTER);
        assert!(log.refusal().is_some());
        is_full.store(false, Ordering::SeqCst);
        while log.refusal().is_some() {
            thread::yield_now();
        }
        assert!(log.epoch() > epoch, "what rested on it is decided again");
        for seq in 5..=7 {
            assert!(matches!(commit(&log, 1, seq, b"again"), Outcome::Woken(_)));
        }
        assert_eq!(&log.read(body, 0..99).expect("readable")[..], b"the body");
        for disk in [disk.killed(), disk.power_cut(1), disk.power_cut(2)] {
            let (log, recovery, seen) = open_sim(&disk);
            assert!(recovery.damage.is_empty(), "{recovery:?}");
            assert_eq!(seen.len(), 7);
            assert!(seen[4..].iter().all(|(_, _, payload)| payload == b"again"));
            assert_eq!(&log.read(body, 0..99).expect("readable")[..], b"the body");
        }
    }
}

fn flip_fourth_change(disk: &SimDisk) {
    assert!(disk.damage(&segment(1), |octets| {
        let at = octets.windows(300).position(|payload| payload == [4; 300]).expect("there");
        octets[at + 100] ^= 1;
    }));
}

#[test]
fn damage_before_the_tail_is_named_and_what_is_behind_it_kept() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let mut positions = Vec::new();
    for seq in 1..=9 {
        match commit(&log, 1, seq, &[seq as u8; 300]) {
            Outcome::Woken(position) => positions.push(position),
            Outcome::Failed(error) => panic!("{error}"),
        }
    }
    let disk = disk.killed();
    drop(log);
    flip_fourth_change(&disk);
    for round in 0..2 {
        let (log, recovery, seen) = open_sim(&disk);
        let seqs: Vec<u64> = seen.iter().map(|change| change.1).collect();
        assert_eq!(seqs, [1, 2, 3, 5, 6, 7, 8, 9]);
        assert_eq!(recovery.torn_octets, 0);
        assert_eq!(recovery.damage.len(), usize::from(round == 0), "{recovery:?}");
        assert!(matches!(log.shared().reader.record(positions[3]), Err(StoreError::Damaged { .. })));
        assert!(log.shared().reader.record(positions[4]).is_ok());
    }
}

#[test]
fn torn_tail_is_cut_and_kept_aside() {
    let disk = SimDisk::new(1);
    // Nothing is synced, so all of it is a tail.
    let unsynced = LogOptions { durability: Durability::None, ..options(Path::new("log")) };
    let (log, ..) = open_on(Arc::new(disk.clone()), unsynced).expect("opens");
    for seq in 1..=9 {
        assert!(matches!(commit(&log, 1, seq, &[seq as u8; 300]), Outcome::Woken(_)));
    }
    let published = log.published();
    let disk = disk.killed();
    drop(log);
    flip_fourth_change(&disk);
    let (log, recovery, seen) = open_sim(&disk);
    assert_eq!(seen.iter().map(|change| change.1).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(log.published() < published, "a checkpoint of then is newer than the log");
    assert!(recovery.unclean && recovery.damage.is_empty(), "{recovery:?}");
    assert!(recovery.torn_octets > 5 * 4096, "{recovery:?}");
    let aside = disk.open(Path::new("log/0000000001.torn")).expect("kept aside");
    assert_eq!(aside.len().expect("a length"), recovery.torn_octets);
    drop(log);
    // Told again until something was written: whoever must act on it may have been stopped before.
    let (log, recovery, seen) = open_sim(&disk);
    assert_eq!((recovery.torn_octets, recovery.unclean, seen.len()), (0, true, 3));
    commit(&log, 1, 4, b"x");
    drop(log);
    let (_log, recovery, seen) = open_sim(&disk);
    assert_eq!((recovery.torn_octets, recovery.unclean, seen.len()), (0, false, 4));
}

#[test]
fn newer_format_is_refused_with_both_versions() {
    let disk = SimDisk::new(1);
    commit(&open_sim(&disk).0, 1, 1, b"x");
    let newer = |octets: &mut Vec<u8>| {
        octets[8] = 9;
        octets[4096 + 8] = 9;
    };
    assert!(disk.damage(&segment(1), newer));
    let error = open_on(Arc::new(disk), options(Path::new("log"))).expect_err("refused");
    assert!(matches!(error, OpenError::NewerFormat { found: 9, known: 1, .. }), "{error}");
}

#[test]
fn one_header_is_enough_and_foreign_files_are_left_alone() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    commit(&log, 1, 1, b"x");
    drop(log);
    assert!(disk.damage(&segment(1), |octets| octets[..4096].fill(0xFF)));
    for name in ["log/notes.txt", "log/1.seg", "log/x.torn"] {
        disk.create(Path::new(name)).expect("made");
    }
    // A segment of another store.
    let other = SimDisk::new(2);
    let log = open_sim(&other).0;
    for seq in 1..=25 {
        commit(&log, 1, seq, &[0; 50_000]);
    }
    let theirs = other.open(&segment(2)).expect("there");
    let mut octets = vec![0; theirs.len().expect("a length") as usize];
    theirs.read_at(&mut octets, 0).expect("read");
    let copy = disk.create(&segment(2)).expect("made");
    copy.write_at(&mut [std::io::IoSlice::new(&octets)], 0).expect("written");
    let (log, recovery, seen) = open_sim(&disk);
    assert_eq!(seen.len(), 1);
    assert!(matches!(commit(&log, 1, 2, b"goes into the third"), Outcome::Woken(_)));
    let foreign: Vec<_> = recovery.foreign.iter().map(|path| path.display().to_string()).collect();
    assert_eq!(foreign, ["log/1.seg", "log/notes.txt", "log/x.torn", "log/0000000002.seg"]);
    assert!(disk.open(&segment(2)).is_ok() && disk.open(&segment(3)).is_ok());
}

#[test]
fn waiting_upload_goes_on_when_the_queue_empties_and_dropped_one_leaves_nothing() {
    let disk = SimDisk::new(1);
    let small = LogOptions { queue_octets_max: 600_000, ..options(Path::new("log")) };
    let (log, ..) = open_on(Arc::new(disk.clone()), small).expect("opens");
    let octets = pattern(3 << 20);
    let bodies: Vec<BodyId> = thread::scope(|scope| {
        let uploads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| upload(&log, &octets).expect("taken").body)).collect();
        uploads.into_iter().map(|upload| upload.join().expect("ends")).collect()
    });
    let mut dropped = log.upload(AccountId(1));
    block_on(dropped.write(&octets)).expect("taken");
    drop(dropped);
    assert!(matches!(commit(&log, 1, 1, b"x"), Outcome::Woken(_)));
    for body in bodies {
        assert!(log.read(body, 0..u64::MAX).expect("read") == octets);
    }
}

#[test]
fn log_that_is_only_read_writes_nothing_and_opens_on_a_full_disk() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    assert!(matches!(commit(&log, 1, 1, b"x"), Outcome::Woken(_)));
    drop(log);
    for _ in 0..3 {
        disk.set_faults(Faults { room_octets: Some(0), ..Faults::default() });
        let (log, recovery, seen) = open_sim(&disk);
        assert!(!recovery.unclean && seen.len() == 1, "{recovery:?}");
        assert!(matches!(commit(&log, 1, 2, b"no room"), Outcome::Failed(StoreError::Unavailable { .. })));
        drop(log);
        assert_eq!(disk.list(Path::new("log")).expect("listed"), [segment(1)]);
    }
}

/// What a kill leaves is sealed where it lies: a disk without any room opens, and nothing is copied.
#[test]
fn killed_log_opens_on_a_full_disk_in_the_room_that_it_has() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    for seq in 1..=20 {
        assert!(matches!(commit(&log, 1, seq, &[7; 20_000]), Outcome::Woken(_)));
    }
    let disk = disk.killed();
    let before = disk.counts().writes;
    disk.set_faults(Faults { room_octets: Some(0), ..Faults::default() });
    let (again, recovery, seen) = open_sim(&disk);
    assert!(recovery.unclean && recovery.damage.is_empty(), "{recovery:?}");
    assert_eq!((seen.len(), disk.counts().writes - before), (20, 1), "a table is written, and no more");
    drop(again);
    assert_eq!(open_sim(&disk.power_cut(1)).2.len(), 20);
}

/// A sync failed, so reads may show what the disk has lost: only a copy can be believed, and needs its room.
#[test]
fn what_a_failed_sync_lost_is_copied_or_opening_says_how_much_room_it_needs() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    for seq in 1..=5 {
        assert!(matches!(commit(&log, 1, seq, &[7; 20_000]), Outcome::Woken(_)));
    }
    disk.set_faults(Faults { fail_sync: Some(0), ..Faults::default() });
    assert!(matches!(commit(&log, 1, 6, b"in doubt"), Outcome::Failed(StoreError::InDoubt { .. })));
    let disk = disk.killed();
    disk.set_faults(Faults { room_octets: Some(0), ..Faults::default() });
    let refused = open_on(Arc::new(disk.clone()), options(Path::new("log")));
    let Err(OpenError::Io { error, .. }) = refused else { panic!("it opened without room") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("octets of room are needed"), "{error}");
    disk.set_faults(Faults::default());
    let (_log, recovery, seen) = open_sim(&disk);
    assert_eq!((recovery.damage, seen.len()), (Vec::new(), 6), "the page cache had it");
    for seed in 0..10 {
        assert_eq!(open_sim(&disk.power_cut(seed)).2.len(), 6, "and what was shown stays");
    }
}

/// The power goes at each step of an opening, behind a kill or behind another cut: nothing acknowledged is lost, and
/// nothing counts as damaged.
#[test]
fn power_cut_while_opening_loses_nothing() {
    for seed in 0..12 {
        let disk = SimDisk::new(seed);
        let (log, ..) = open_sim(&disk);
        for seq in 1..=6 {
            assert!(matches!(commit(&log, 1, seq, &pattern(seq as usize * 3_000)), Outcome::Woken(_)));
        }
        // A body that no change names yet, and that no sync covers.
        upload(&log, &pattern(30_000)).expect("queued");
        let left = match seed % 2 {
            0 => disk.killed(),
            _ => disk.power_cut(seed),
        };
        drop(log);
        for at in 0..12 {
            let disk = left.killed();
            disk.set_faults(Faults { cut_power: Some(at), ..Faults::default() });
            drop(open_on(Arc::new(disk.clone()), options(Path::new("log"))));
            let (_log, recovery, seen) = open_sim(&disk.power_cut(seed * 100 + at));
            assert_eq!((recovery.damage, seen.len()), (Vec::new(), 6), "{seed}, cut at {at}");
            assert!(!recovery.may_have_lost);
        }
    }
}

#[test]
fn sync_makes_what_was_published_lasting() {
    let disk = SimDisk::new(1);
    let lazy = LogOptions { durability: Durability::None, ..options(Path::new("log")) };
    let (log, ..) = open_on(Arc::new(disk.clone()), lazy).expect("opens");
    for seq in 1..=5 {
        assert!(matches!(commit(&log, 1, seq, b"x"), Outcome::Woken(_)));
    }
    log.sync().expect("synced");
    for seed in 0..20 {
        assert_eq!(open_sim(&disk.power_cut(seed)).2.len(), 5);
    }
    log.close();
    assert!(matches!(log.sync(), Err(StoreError::Unavailable { .. })));
}

#[test]
fn segment_whose_seal_failed_is_not_taken_for_a_sealed_one() {
    for at in 0..8 {
        let disk = SimDisk::new(at);
        let lazy = LogOptions { durability: Durability::None, ..options(Path::new("log")) };
        let (log, ..) = open_on(Arc::new(disk.clone()), lazy).expect("opens");
        disk.set_faults(Faults { fail_sync: Some(at), ..Faults::default() });
        let mut seq = 1;
        while seq < 60 && matches!(commit(&log, 1, seq, &[7; 50_000]), Outcome::Woken(_)) {
            seq += 1;
        }
        let disk = disk.killed();
        drop(log);
        let kept = open_sim(&disk).2.len();
        let (_log, recovery, seen) = open_sim(&disk.power_cut(at));
        assert_eq!((recovery.damage, seen.len()), (Vec::new(), kept), "{at}");
    }
}

/// Found by the simulation: a power cut while a segment was being sealed kept the table and lost records that it
/// named, so that a torn tail was read as damage.
#[test]
fn power_cut_while_sealing_leaves_a_torn_tail_and_no_damage() {
    for at in 0..80 {
        let disk = SimDisk::new(at);
        let lazy = LogOptions { durability: Durability::None, ..options(Path::new("log")) };
        let (log, ..) = open_on(Arc::new(disk.clone()), lazy).expect("opens");
        disk.set_faults(Faults { cut_power: Some(at), ..Faults::default() });
        let mut seq = 1;
        while seq < 60 && matches!(commit(&log, 1, seq, &[7; 50_000]), Outcome::Woken(_)) {
            seq += 1;
        }
        for seed in 0..5 {
            let (_log, recovery, seen) = open_sim(&disk.power_cut(seed));
            assert_eq!(recovery.damage, Vec::<String>::new(), "cut before {at}, {seed}");
            let in_order: Vec<_> = (1..=seen.len() as u64).collect();
            assert_eq!(seen.iter().map(|change| change.1).collect::<Vec<_>>(), in_order);
        }
    }
}

#[test]
fn interval_syncs_by_itself() {
    let disk = SimDisk::new(1);
    let lazy = LogOptions { durability: Durability::Interval(0), ..options(Path::new("log")) };
    let (log, ..) = open_on(Arc::new(disk.clone()), lazy).expect("opens");
    assert!(matches!(commit(&log, 1, 1, b"x"), Outcome::Woken(_)));
    while open_sim(&disk.power_cut(0)).2.is_empty() {
        thread::yield_now();
    }
}

#[test]
fn upload_that_lost_chunks_to_a_refusal_does_not_finish() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let mut begun = log.upload(AccountId(1));
    block_on(begun.write(&pattern(600_000))).expect("taken");
    let finished = upload(&log, b"whole").expect("taken");
    disk.set_faults(Faults { room_octets: Some(0), ..Faults::default() });
    while matches!(commit(&log, 1, 1, &[0; 50_000]), Outcome::Woken(_)) {}
    disk.set_faults(Faults::default());
    assert!(matches!(block_on(begun.finish()), Err(StoreError::Unavailable { .. })));
    let (sender, _receiver) = channel();
    let waiter = Box::new(Tell { sender, account: 1, seq: 1, position: None });
    assert!(log.enqueue(finished.epoch, AccountId(1), Seq(1), vec![1], waiter).is_err());
    assert!(upload(&log, &pattern(600_000)).is_ok());
}

/// A waiter that panics wherever it is told to.
struct Panics {
    committed: bool,
}

impl Waiter for Panics {
    fn committed(&mut self, _: Position) {
        assert!(!self.committed, "as the test asks");
    }
    fn wake(self: Box<Self>) {
        panic!("as the test asks");
    }
    fn failed(self: Box<Self>, _: StoreError) {}
}

#[test]
fn panicking_waiter_lets_nobody_wait_for_ever() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let waiter = Box::new(Panics { committed: false });
    assert!(log.enqueue(log.epoch(), AccountId(1), Seq(1), vec![1], waiter).is_ok());
    assert!(matches!(commit(&log, 1, 2, b"x"), Outcome::Woken(_)), "others are answered");
    let waiter = Box::new(Panics { committed: true });
    assert!(log.enqueue(log.epoch(), AccountId(1), Seq(3), vec![1], waiter).is_ok());
    let (sender, receiver) = channel();
    let waiter = Box::new(Tell { sender, account: 1, seq: 4, position: None });
    // Either it is refused, or it goes down with the writer: nothing is left that could answer.
    drop(log.enqueue(log.epoch(), AccountId(1), Seq(4), vec![1], waiter).err());
    assert!(!matches!(receiver.recv(), Ok((_, _, Outcome::Woken(_)))));
    while log.refusal().is_none() {
        thread::yield_now();
    }
    assert!(block_on(log.room(1)).is_err());
}

/// What one round of the crash property does.
#[derive(Debug, Clone)]
struct Round {
    /// Groups of changes queued at once: each change with a body of so many octets.
    batches: Vec<Vec<usize>>,
    cut_power: u64,
    seed: u64,
}

fn round() -> impl Strategy<Value = Round> {
    let octets = prop_oneof![9 => 0_usize..5000, 1 => 200_000_usize..600_000];
    let batches = proptest::collection::vec(proptest::collection::vec(octets, 1..5), 1..12);
    (batches, 0_u64..120, any::<u64>()).prop_map(|(batches, cut_power, seed)| Round {
        batches,
        cut_power,
        seed,
    })
}

/// The change that names a body.
fn naming(body: BodyId, size: usize) -> Vec<u8> {
    let mut payload = body.segment.to_le_bytes().to_vec();
    payload.extend_from_slice(&body.record.to_le_bytes());
    payload.extend_from_slice(&(size as u64).to_le_bytes());
    payload
}

fn check_bodies(log: &Log, seen: &[(u64, u64, Vec<u8>)]) {
    for (_, seq, payload) in seen {
        let body = BodyId { segment: record::le_u64(payload, 0), record: record::le_u32(payload, 8) };
        let size = record::le_u64(payload, 12) as usize;
        let octets = log.read(body, 0..u64::MAX);
        assert!(octets.as_ref().is_ok_and(|octets| *octets == pattern(size)), "{seq} {body:?}: {octets:?}");
    }
}

/// Queues the round's batches behind `seq` until the power goes; returns what was queued last and what was
/// acknowledged last.
fn play(log: &Log, round: &Round, mut seq: u64) -> (u64, u64) {
    let mut acknowledged = seq;
    for batch in &round.batches {
        let (sender, receiver) = channel();
        for &size in batch {
            let Ok(finished) = upload(log, &pattern(size)) else { continue };
            let waiter = Box::new(Tell { sender: sender.clone(), account: 1, seq: seq + 1, position: None });
            let payload = naming(finished.body, size);
            if log.enqueue(finished.epoch, AccountId(1), Seq(seq + 1), payload, waiter).is_ok() {
                seq += 1;
            }
        }
        drop(sender);
        let mut failed = false;
        for (_, seq, outcome) in receiver {
            match outcome {
                Outcome::Woken(_) => acknowledged = acknowledged.max(seq),
                Outcome::Failed(_) => failed = true,
            }
        }
        if failed {
            break;
        }
    }
    (seq, acknowledged)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is lost in a power cut, what was acknowledged is there, whole and in order, with its body.
    #[test]
    fn acknowledged_changes_survive_power_cuts(rounds in proptest::collection::vec(round(), 1..4)) {
        let mut disk = SimDisk::new(7);
        let mut kept = 0;
        for round in rounds {
            disk.set_faults(Faults { cut_power: Some(round.cut_power), ..Faults::default() });
            let opened = open_on(Arc::new(disk.clone()), options(Path::new("log")));
            let (queued, acknowledged) = match &opened {
                Ok((log, ..)) => play(log, &round, kept),
                Err(_) => (kept, kept),
            };
            drop(opened);
            disk = disk.power_cut(round.seed);
            let (log, recovery, seen) = open_sim(&disk);
            prop_assert_eq!(&recovery.damage, &Vec::<String>::new());
            let seqs: Vec<u64> = seen.iter().map(|change| change.1).collect();
            kept = seqs.len() as u64;
            prop_assert_eq!(seqs, (1..=kept).collect::<Vec<_>>());
            prop_assert!(acknowledged <= kept && kept <= queued, "{acknowledged} <= {kept} <= {queued}");
            check_bodies(&log, &seen);
            drop(log);
        }
    }

    /// Whatever is flipped or cut: the log opens, and shows nothing that was not written.
    #[test]
    fn damaged_segment_shows_nothing_else(
        sealed: bool,
        flips in proptest::collection::vec((0_usize..60_000, 1_u8..), 0..6),
        cut in proptest::option::of(0_usize..60_000),
    ) {
        let disk = SimDisk::new(7);
        let (log, ..) = open_sim(&disk);
        for seq in 1..=10 {
            commit(&log, 1, seq, &pattern(seq as usize * 100));
        }
        if sealed {
            log.close();
        }
        let disk = disk.killed();
        drop(log);
        disk.damage(&segment(1), |octets| {
            octets.truncate(cut.unwrap_or(octets.len()));
            for (at, bits) in flips {
                if let Some(octet) = octets.get_mut(at) {
                    *octet ^= bits;
                }
            }
        });
        // Bits of the format's number may be among those that flipped.
        let Ok((_log, _, seen)) = open_on(Arc::new(disk), options(Path::new("log"))) else { return Ok(()) };
        prop_assert!(seen.is_sorted_by(|one, next| one.1 < next.1), "{seen:?}");
        for (account, seq, payload) in seen {
            prop_assert_eq!(account, 1);
            prop_assert_eq!(payload, pattern(seq as usize * 100));
        }
    }
}
