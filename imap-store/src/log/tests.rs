//! The log as a whole: on a real directory, and on the simulated disk with its faults.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

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
        durability: Durability::Sync,
    }
}

/// Opens and returns what was replayed: account, seq, payload.
fn open(dir: &Path) -> (Log, Recovery, Vec<(u64, u64, Vec<u8>)>) {
    let mut seen = Vec::new();
    let (log, recovery) = Log::open(options(dir), None, &mut |change| {
        seen.push((change.account.0, change.seq.0, change.payload.to_vec()));
        Ok(())
    })
    .expect("opens");
    (log, recovery, seen)
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

/// Runs a future that needs no runtime on this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => thread::park(),
        }
    }
}

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
