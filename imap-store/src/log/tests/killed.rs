//! A process that is killed, ours and the whole of another.

use super::*;

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
    use io::{BufRead, BufReader};
    let dir = tempfile::tempdir().expect("a directory");
    let mut last = 0;
    for rounds in [40, 1, 25] {
        let mut child = std::process::Command::new(std::env::current_exe().expect("our own program"))
            .args(["--exact", "log::tests::killed::commits_until_killed", "--ignored", "--nocapture"])
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
