//! The course of a run: how long users wait when nobody attacks, then during each attack.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::AbuseArgs;
use super::attacks::{ATTACKS, Aim, BURN, MALLORY};
use super::victims::{Latency, Victims};
use crate::load::server::Kind;
use crate::load::{Failure, Server, process, while_doing};

/// How much longer than in calm 99 of 100 answers may take.
const SLOWER_MAX: f64 = 2.0;
/// Below that nobody notices a difference, and the clock of a busy machine is no finer.
const UNNOTICED: Duration = Duration::from_millis(10);

pub(super) fn run(args: &AbuseArgs) -> Result<(), Failure> {
    let dir = crate::root().join(&args.dir);
    let _ = fs::remove_dir_all(&dir);
    let server = Server::start(Kind::RestanteByDefault, &dir)?;
    server.add_user(MALLORY)?;
    let victims = Victims::new(&server)?;
    let lasts = Duration::from_secs(args.seconds);
    // The same load on the processors as an attacker brings.
    let calm = phase(&server, &victims, (BURN, server.imap), args.seconds)?;
    let closing = closing_port()?;
    println!("| attack | median | 99 of 100 | times calm | memory at most |");
    println!("| --- | --- | --- | --- | --- |");
    println!("| none, processors busy | {} | {:.0} MiB |", calm.latency.cells(), calm.memory_mib);
    let mut slow = Vec::new();
    for attack in ATTACKS {
        if !args.filters.is_empty() && !args.filters.iter().any(|part| attack.name.contains(part)) {
            continue;
        }
        let target = if attack.aim == Aim::ClosingPort { closing } else { server.imap };
        let felt = phase(&server, &victims, (attack.name, target), args.seconds)?;
        let ratio = felt.latency.most() / calm.latency.most();
        let cells = felt.latency.cells_beside(ratio);
        println!("| {} | {cells} | {:.0} MiB |", attack.name, felt.memory_mib);
        if attack.aim == Aim::Server && ratio > SLOWER_MAX && felt.latency.high > UNNOTICED {
            slow.push(attack.name);
        }
        // What it left behind is taken away before the next.
        std::thread::sleep(lasts.min(Duration::from_secs(2)));
    }
    server.stop()?;
    fs::remove_dir_all(&dir).map_err(while_doing("cleaning up"))?;
    if slow.is_empty() { Ok(()) } else { Err(format!("others waited too long: {}", slow.join(", "))) }
}

/// A port at which each connection is closed.
fn closing_port() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(while_doing("a port"))?;
    let address = listener.local_addr().map_err(while_doing("a port"))?;
    std::thread::spawn(move || listener.incoming().for_each(drop));
    Ok(address)
}

/// What the others felt during an attack.
struct Felt {
    latency: Latency,
    memory_mib: f64,
}

fn phase(
    server: &Server,
    victims: &Victims,
    attack: (&str, SocketAddr),
    seconds: u64,
) -> Result<Felt, Failure> {
    let mut attacker = attacker(server, attack, seconds)?;
    let is_over = AtomicBool::new(false);
    let (latency, memory_kib) = std::thread::scope(|scope| {
        let memory = scope.spawn(|| {
            let mut most = 0;
            while !is_over.load(Ordering::Acquire) {
                most = most.max(process::usage(server.pid()).resident_kib);
                std::thread::sleep(Duration::from_millis(100));
            }
            most
        });
        // It has begun by then.
        std::thread::sleep(Duration::from_millis(500));
        let ends = Instant::now() + Duration::from_secs(seconds).saturating_sub(Duration::from_secs(1));
        let latency = victims.work(server, ends);
        is_over.store(true, Ordering::Release);
        (latency, memory.join().expect("no panic"))
    });
    let _ = attacker.kill();
    let _ = attacker.wait();
    Ok(Felt { latency: latency?, memory_mib: memory_kib as f64 / 1024.0 })
}

/// An attacker gets what processor time others leave, as one on another machine would.
fn attacker(server: &Server, (attack, imap): (&str, SocketAddr), seconds: u64) -> Result<Child, Failure> {
    let this = std::env::current_exe().map_err(while_doing("the attacker"))?;
    Command::new("nice")
        .args(["-n", "19"])
        .arg(this)
        .args(["abuse", "--attacker", attack, "--seconds", &seconds.to_string()])
        .args(["--imap", &imap.to_string(), "--imaps", &server.imaps.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(while_doing("the attacker"))
}
