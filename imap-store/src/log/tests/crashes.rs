//! Whatever is done, and wherever the power goes: what was acknowledged is there.

use proptest::prelude::*;

use super::*;

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
