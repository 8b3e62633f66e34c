//! What is written while the disk syncs what came before.

use super::hooked::{Call, HookedDisk};
use super::*;

/// Holds syncs back, and counts what is done.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy)]
struct GateState {
    is_closed: bool,
    /// The sync that waits now, or the next one, fails.
    fails: bool,
    write_fails: bool,
    waiting: u32,
    writes: u32,
    syncs: u32,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().expect("nobody panics with it")
    }

    fn set(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&GateState) -> bool) {
        drop(self.changed.wait_while(self.state(), |state| !until(state)).expect("nobody panics with it"));
    }

    fn pass(&self, call: Call) -> io::Result<()> {
        let mut state = self.state();
        let fails = match call {
            Call::Write => state.write_fails,
            Call::Sync => {
                state.waiting += 1;
                self.changed.notify_all();
                state = self.changed.wait_while(state, |it| it.is_closed).expect("nobody panics with it");
                state.waiting -= 1;
                std::mem::take(&mut state.fails)
            }
        };
        match call {
            Call::Write => state.writes += 1,
            Call::Sync => state.syncs += 1,
        }
        self.changed.notify_all();
        if fails { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }
}

type Told = Receiver<(u64, u64, Outcome)>;

/// A log that writes ahead whatever it can, with a change that waits for its sync at the gate.
fn with_a_sync_under_way(disk: &SimDisk) -> (Log, Arc<Gate>, Told) {
    let gate = Arc::new(Gate::default());
    let at = Arc::clone(&gate);
    let options = LogOptions { ahead_octets: 1, ..options(Path::new("log")) };
    let (log, ..) = open_on(HookedDisk::new(disk, move |call| at.pass(call)), options).expect("opens");
    assert!(matches!(commit(&log, 1, 1, b"before"), Outcome::Woken(_)));
    gate.set(|state| state.is_closed = true);
    let first = enqueue(&log, 1, 2, b"first");
    gate.wait(|state| state.waiting == 1);
    (log, gate, first)
}

fn outcome(told: &Told) -> Outcome {
    told.recv().expect("told").2
}

fn payloads(disk: &SimDisk) -> Vec<Vec<u8>> {
    let (_log, recovery, seen) = open_sim(disk);
    assert!(recovery.damage.is_empty(), "{recovery:?}");
    seen.into_iter().map(|(_, _, payload)| payload).collect()
}

#[test]
fn what_comes_during_a_sync_is_written_and_goes_with_the_next() {
    let disk = SimDisk::new(1);
    let (log, gate, first) = with_a_sync_under_way(&disk);
    let before = *gate.state();
    let second = enqueue(&log, 1, 3, b"second");
    gate.wait(|state| state.writes == before.writes + 1);
    let third = enqueue(&log, 2, 1, b"third");
    gate.wait(|state| state.writes == before.writes + 2);
    assert!(first.try_recv().is_err() && second.try_recv().is_err(), "nobody is told before the disk has it");
    gate.set(|state| state.is_closed = false);
    for told in [&first, &second, &third] {
        assert!(matches!(outcome(told), Outcome::Woken(_)));
    }
    assert_eq!(gate.state().syncs, before.syncs + 2, "both shared one");
    for disk in [disk.killed(), disk.power_cut(1), disk.power_cut(2)] {
        assert_eq!(payloads(&disk), [&b"before"[..], b"first", b"second", b"third"]);
    }
}

#[test]
fn a_failed_sync_leaves_what_was_written_behind_it_in_doubt_too() {
    let disk = SimDisk::new(1);
    let (log, gate, first) = with_a_sync_under_way(&disk);
    let before = *gate.state();
    let second = enqueue(&log, 1, 3, b"second");
    gate.wait(|state| state.writes == before.writes + 1);
    gate.set(|state| (state.is_closed, state.fails) = (false, true));
    for told in [&first, &second] {
        assert!(matches!(outcome(told), Outcome::Failed(StoreError::InDoubt { .. })));
    }
    assert!(matches!(log.refusal(), Some(StoreError::Unavailable { .. })));
    drop(log);
    let whole = [&b"before"[..], b"first", b"second"];
    let left = payloads(&disk.power_cut(1));
    assert!(!left.is_empty() && left.iter().zip(whole).all(|(left, sent)| left == sent), "{left:?}");
}

#[test]
fn what_is_being_synced_when_a_write_fails_is_not_in_doubt() {
    let disk = SimDisk::new(1);
    let (log, gate, first) = with_a_sync_under_way(&disk);
    let before = *gate.state();
    gate.set(|state| state.write_fails = true);
    let second = enqueue(&log, 1, 3, b"second");
    gate.wait(|state| state.writes == before.writes + 1);
    gate.set(|state| state.is_closed = false);
    assert!(matches!(outcome(&first), Outcome::Woken(_)));
    assert!(matches!(outcome(&second), Outcome::Failed(StoreError::InDoubt { .. })));
    drop(log);
    assert_eq!(payloads(&disk.power_cut(1))[..2], [&b"before"[..], b"first"]);
}

#[test]
fn who_finds_no_room_during_a_sync_is_refused_once_that_is_over() {
    let disk = SimDisk::new(1);
    let (log, gate, first) = with_a_sync_under_way(&disk);
    let (before, epoch) = (*gate.state(), log.epoch());
    // The preparer may make the next segment, which is no concern of this test.
    disk.set_room(Some(disk.octets_used()));
    // More than the segment's zeros: the file would have to grow.
    let second = enqueue(&log, 1, 3, &vec![2; 2 << 20]);
    gate.wait(|state| state.writes > before.writes);
    assert_eq!(log.epoch(), epoch, "nothing falls back to a state that lacks what is being synced");
    gate.set(|state| state.is_closed = false);
    assert!(matches!(outcome(&first), Outcome::Woken(_)));
    assert!(matches!(outcome(&second), Outcome::Failed(StoreError::Unavailable { .. })));
    assert!(log.refusal().is_none() && log.epoch() > epoch);
    disk.set_room(None);
    assert!(matches!(commit(&log, 1, 3, b"again"), Outcome::Woken(_)));
    for disk in [disk.killed(), disk.power_cut(1), disk.power_cut(2)] {
        assert_eq!(payloads(&disk), [&b"before"[..], b"first", b"again"]);
    }
}
