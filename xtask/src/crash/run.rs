//! The course of a run: work, a kill at a random moment, a start, a comparison; again and again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::CrashArgs;
use super::client::Client;
use super::people::People;
use super::trouble::Trouble;
use crate::load::random::Random;
use crate::load::server::cli;
use crate::load::{Failure, Server, while_doing};

const USERS: usize = 4;
/// Every so many kills the store checks itself.
const KILLS_A_CHECK: usize = 10;

pub(super) fn run(args: &CrashArgs) -> Result<(), Failure> {
    let dir = crate::root().join(&args.dir);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).map_err(while_doing("a folder"))?;
    let home = dir.join("server");
    let mut trouble = Trouble::wanted(args, &dir, &home)?;
    let mut random = Random::new(args.seed);
    let mut clients: Vec<Client> = (0..args.clients)
        .map(|number| Client::new(number, format!("user{}", number % USERS), args.seed, trouble.may_refuse()))
        .collect();
    let mut people = People::default();
    let mut server = trouble.start(&home)?;
    (0..USERS).try_for_each(|number| server.add_user(&format!("user{number}")))?;
    let began = Instant::now();
    let mut slowest_start = Duration::ZERO;
    for kill in 0..args.kills {
        let at = |reason| format!("kill {kill}: {reason}");
        server = trouble.troubled(server, &mut random)?;
        let copy = work_and_kill(server, &mut clients, &mut people, &trouble, &mut random).map_err(at)?;
        trouble.settle(copy)?;
        let starting = Instant::now();
        server = trouble.start(&home).map_err(at)?;
        slowest_start = slowest_start.max(starting.elapsed());
        compare(&server, &mut clients, &mut people).map_err(at)?;
        if kill % KILLS_A_CHECK == KILLS_A_CHECK - 1 {
            check(&home).map_err(at)?;
            let (answered, refused) = sums(&clients);
            let seconds = began.elapsed().as_secs();
            eprintln!("{} kills, {answered} changes acknowledged, {refused} refused, {seconds} s", kill + 1);
        }
    }
    check(&home)?;
    server.stop()?;
    let (answered, refused) = sums(&clients);
    println!(
        "{} {} with seed {}: {answered} changes of {} clients and {} users acknowledged, none lost, none doubled; {refused} refused; slowest start {:.2} s; {} s in all",
        args.kills,
        trouble.name(),
        args.seed,
        args.clients,
        people.acknowledged,
        slowest_start.as_secs_f64(),
        began.elapsed().as_secs(),
    );
    drop(trouble);
    fs::remove_dir_all(&dir).map_err(while_doing("cleaning up"))
}

/// Changes of all clients that were acknowledged, and that were refused.
fn sums(clients: &[Client]) -> (u64, u64) {
    (clients.iter().map(|client| client.answered).sum(), clients.iter().map(|client| client.refused).sum())
}

/// Lets everybody work, and ends the server in the middle of it; gives what the disk held then, where the power was cut.
fn work_and_kill(
    server: Server,
    clients: &mut [Client],
    people: &mut People,
    trouble: &Trouble,
    random: &mut Random,
) -> Result<Option<PathBuf>, Failure> {
    let has_ended = AtomicBool::new(false);
    let (workers, killed) = std::thread::scope(|scope| {
        let server = &server;
        let threads: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || client.work(server))).collect();
        let makes = scope.spawn(|| people.work(&server.home.join("data"), &has_ended));
        let went_on = trouble.go_on(random);
        let killed = trouble.end(server);
        has_ended.store(true, Ordering::Release);
        let workers: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        makes.join().expect("no panic");
        (workers, went_on.and(killed))
    });
    let log = server.home.join("restante.log");
    server.kill();
    workers.into_iter().collect::<Result<(), Failure>>()?;
    let told = fs::read_to_string(&log).unwrap_or_default();
    match told.lines().find(|line| line.contains("panicked")) {
        Some(line) => Err(format!("in {}: {line}", log.display())),
        None => killed,
    }
}

fn compare(server: &Server, clients: &mut [Client], people: &mut People) -> Result<(), Failure> {
    people.compare(server)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || client.compare(server))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

/// `restante store check`, which has to find nothing.
fn check(home: &Path) -> Result<(), Failure> {
    cli(&home.join("data"), &["store", "check"], "")
}
