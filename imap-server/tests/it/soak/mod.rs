//! Sessions that do random things to the same mailboxes through real sockets. Each keeps a picture of its mailbox that is
//! made of nothing but what it was told; every second all stop, and each picture must be what the store holds. At the end
//! the store's own check must find nothing.
//!
//! `cargo xtask soak` runs it for longer: `RESTANTE_SOAK` is its [`Plan`].

mod client;
mod gate;
mod memory;
mod picture;
mod plan;
mod steps;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{FREE_PORTS, Running, add_user, cli_ok, start};
use client::Client;
use gate::Gate;
use memory::Samples;
use plan::Plan;

/// How long all work between two comparisons.
const ROUND: Duration = Duration::from_secs(1);
const MAILBOXES: [&str; 3] = ["INBOX", "Archive", "Trash"];

/// What all sessions share.
struct Soak {
    server: Running,
    plan: Plan,
    gate: Gate,
    round_ends: std::sync::Mutex<Instant>,
    over: AtomicBool,
    commands: AtomicU64,
    refused: AtomicU64,
    reconnects: AtomicU64,
}

#[test]
fn every_session_has_the_picture_that_the_store_has() {
    let plan = Plan::wanted();
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("restante.toml");
    std::fs::write(&config, plan.configuration()).expect("written");
    let flags = [&FREE_PORTS[..], &["--config", config.to_str().expect("text")]].concat();
    let data = dir.path().join("data");
    let server = start(&data, &flags);
    add_user(&data, "sue", "pw");
    let soak = Soak {
        server,
        gate: Gate::new(plan.sessions),
        round_ends: std::sync::Mutex::new(Instant::now() + ROUND),
        over: AtomicBool::new(false),
        commands: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        reconnects: AtomicU64::new(0),
        plan,
    };
    println!("{:?}", soak.plan);
    soak.run(&data);
    let checked = cli_ok(&data, &["store", "check"], "");
    println!("{}", checked.trim_end());
    let (_, log, success) = soak.server.terminate();
    assert!(success && !log.contains("panicked"), "{log}");
}

impl Soak {
    fn run(&self, data: &Path) {
        let begin = Instant::now();
        let end = begin + Duration::from_secs(self.plan.seconds);
        let mut samples = Samples::of(self.server.pid(), data);
        std::thread::scope(|scope| {
            let sessions: Vec<_> = (0..self.plan.sessions)
                .map(|number| {
                    scope.spawn(move || {
                        // However this thread ends, the others do not wait for it.
                        let _leaves = self.gate.leave_at_the_end();
                        self.run_session(number, end);
                    })
                })
                .collect();
            while sessions.iter().any(|session| !session.is_finished()) {
                if samples.take_if_due(self.plan.sample_every()) {
                    println!("{}; {} commands", samples.last(), self.commands.load(Ordering::Relaxed));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        println!(
            "{} commands, {} refused, {} reconnects in {} s; {}",
            self.commands.load(Ordering::Relaxed),
            self.refused.load(Ordering::Relaxed),
            self.reconnects.load(Ordering::Relaxed),
            begin.elapsed().as_secs(),
            samples.slope(),
        );
    }

    fn run_session(&self, number: usize, end: Instant) {
        let mut client = Client::connect(self, number, self.plan.seed);
        while !self.over.load(Ordering::Relaxed) {
            while Instant::now() < *self.round_ends.lock().expect("no holder panics") {
                client.step();
                std::thread::sleep(self.plan.pace);
            }
            // Nothing moves from here.
            if !self.gate.wait() {
                return;
            }
            client.command("NOOP");
            client.compare();
            if number == 0 {
                *self.round_ends.lock().expect("no holder panics") = Instant::now() + ROUND;
                self.over.store(Instant::now() >= end, Ordering::Relaxed);
            }
            if !self.gate.wait() {
                return;
            }
        }
    }
}
