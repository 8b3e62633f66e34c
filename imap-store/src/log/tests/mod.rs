//! The log as a whole: on a real directory, and on the simulated disk with its faults.

mod crashes;
mod damage;
mod during_syncs;
mod full;
mod handover;
mod hooked;
mod killed;
mod reading;
mod syncs;

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
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
        ahead_octets: 128 << 10,
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
fn change_of_a_past_epoch_comes_back() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    let (sender, receiver) = channel();
    let waiter = Box::new(Tell { sender, account: 1, seq: 1, position: None });
    assert!(log.enqueue(log.epoch() - 1, AccountId(1), Seq(1), vec![1], waiter).is_err());
    assert!(receiver.recv().is_err(), "nobody told the waiter anything");
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
