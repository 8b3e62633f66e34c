//! What opening makes of damage, torn tails and files that are not ours.

use super::*;

/// Flips a bit in the change whose payload is 300 times 4.
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
    copy.write_at(&mut [io::IoSlice::new(&octets)], 0).expect("written");
    let (log, recovery, seen) = open_sim(&disk);
    assert_eq!(seen.len(), 1);
    assert!(matches!(commit(&log, 1, 2, b"goes into the third"), Outcome::Woken(_)));
    let foreign: Vec<_> = recovery.foreign.iter().map(|path| path.display().to_string()).collect();
    assert_eq!(foreign, ["log/1.seg", "log/notes.txt", "log/x.torn", "log/0000000002.seg"]);
    assert!(disk.open(&segment(2)).is_ok() && disk.open(&segment(3)).is_ok());
}
