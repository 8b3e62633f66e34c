//! Sessions that do random things to the same mailboxes through real sockets. Each keeps a picture of its mailbox that is
//! made of nothing but what it was told; every second all stop, and each picture must be what the store holds.
//!
//! `cargo xtask soak` runs it for longer: `RESTANTE_SOAK` holds seconds, sessions and the seed.

mod client;
mod gate;
mod picture;
mod steps;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{FREE_PORTS, Running, add_user, start};
use client::Client;
use gate::Gate;

/// How long all work between two comparisons.
const ROUND: Duration = Duration::from_secs(1);
const MAILBOXES: [&str; 3] = ["INBOX", "Archive", "Trash"];

/// What all sessions share.
struct Soak {
    server: Running,
    gate: Gate,
    round_ends: std::sync::Mutex<Instant>,
    over: AtomicBool,
    commands: AtomicU64,
    refused: AtomicU64,
    reconnects: AtomicU64,
}

#[test]
fn every_session_has_the_picture_that_the_store_has() {
    let (seconds, sessions, seed) = wanted();
    let dir = tempfile::tempdir().expect("a directory");
    let server = start(dir.path(), &FREE_PORTS);
    add_user(dir.path(), "sue", "pw");
    let soak = Soak {
        server,
        gate: Gate::new(sessions),
        round_ends: std::sync::Mutex::new(Instant::now() + ROUND),
        over: AtomicBool::new(false),
        commands: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        reconnects: AtomicU64::new(0),
    };
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let rss_at_start = resident_kib(soak.server.pid());
    println!("seed {seed}, {sessions} sessions, {seconds} s; resident at the start: {rss_at_start} KiB");
    std::thread::scope(|scope| {
        for number in 0..sessions {
            let soak = &soak;
            scope.spawn(move || {
                // However this thread ends, the others do not wait for it.
                let _leaves = soak.gate.leave_at_the_end();
                soak.run_session(number, seed, end);
            });
        }
    });
    println!(
        "{} commands, {} refused, {} reconnects in {} s; resident at the end: {} KiB",
        soak.commands.load(Ordering::Relaxed),
        soak.refused.load(Ordering::Relaxed),
        soak.reconnects.load(Ordering::Relaxed),
        begin.elapsed().as_secs(),
        resident_kib(soak.server.pid()),
    );
    let (_, log, success) = soak.server.terminate();
    assert!(success && !log.contains("panicked"), "{log}");
}

impl Soak {
    fn run_session(&self, number: usize, seed: u64, end: Instant) {
        let mut client = Client::connect(self, number, seed);
        let mut rounds = 0;
        while !self.over.load(Ordering::Relaxed) {
            while Instant::now() < *self.round_ends.lock().expect("no holder panics") {
                client.step();
            }
            // Nothing moves from here.
            if !self.gate.wait() {
                return;
            }
            client.command("NOOP");
            client.compare();
            rounds += 1;
            if number == 0 {
                *self.round_ends.lock().expect("no holder panics") = Instant::now() + ROUND;
                self.over.store(Instant::now() >= end, Ordering::Relaxed);
                if rounds % 60 == 0 {
                    println!("{rounds} rounds; resident: {} KiB", resident_kib(self.server.pid()));
                }
            }
            if !self.gate.wait() {
                return;
            }
        }
    }
}

/// Seconds, sessions, seed.
fn wanted() -> (u64, usize, u64) {
    let Ok(text) = std::env::var("RESTANTE_SOAK") else { return (20, 16, 1988) };
    let mut words = text.split(' ').map(|word| word.parse::<u64>().expect("three numbers"));
    let mut next = || words.next().expect("three numbers");
    (next(), usize::try_from(next()).expect("some sessions"), next())
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
