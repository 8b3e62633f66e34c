//! A disk without room.

use std::sync::atomic::{AtomicBool, Ordering};

use super::hooked::{Call, HookedDisk};
use super::*;

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
fn a_write_or_sync_without_room_is_in_doubt_and_the_log_opens_again_with_room() {
    for at_sync in [false, true] {
        let disk = SimDisk::new(1);
        let is_full = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_full);
        let full = HookedDisk::new(&disk, move |call| match call {
            Call::Sync if !at_sync => Ok(()),
            Call::Write if at_sync => Ok(()),
            _ if told.load(Ordering::SeqCst) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        });
        let (log, _, _) = open_on(full, options(Path::new("log"))).expect("opens");
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
fn killed_log_whose_segment_has_grown_says_how_much_room_its_table_needs() {
    let disk = SimDisk::new(1);
    let (log, ..) = open_sim(&disk);
    assert!(matches!(commit(&log, 1, 1, &vec![7; 2 << 20]), Outcome::Woken(_)));
    let disk = disk.killed();
    disk.set_room(Some(0));
    let error = open_on(Arc::new(disk.clone()), options(Path::new("log"))).expect_err("no room");
    assert!(error.to_string().contains("53 octets of room are needed"), "{error}");
    disk.set_room(None);
    assert_eq!(open_sim(&disk).2.len(), 1);
}

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
