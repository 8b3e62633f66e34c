//! The course of a run: work, a kill at a random moment, a start, a comparison; again and again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::CrashArgs;
use super::client::Client;
use super::disk::Image;
use crate::load::random::Random;
use crate::load::server::{Kind, PASSWORD, cli};
use crate::load::{Connection, Failure, Server, while_doing};

const USERS: usize = 4;

pub(super) fn run(args: &CrashArgs) -> Result<(), Failure> {
    let dir = crate::root().join(&args.dir);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).map_err(while_doing("a folder"))?;
    let mut image = if args.power { Some(Image::make(&dir)?) } else { None };
    let home = image.as_ref().map_or(dir.as_path(), Image::dir).join("server");
    let mut random = Random::new(args.seed);
    let mut clients: Vec<Client> = (0..args.clients)
        .map(|number| Client::new(number, format!("user{}", number % USERS), args.seed))
        .collect();
    let mut people = People::default();
    let mut server = Server::start(Kind::Restante, &home)?;
    (0..USERS).try_for_each(|number| server.add_user(&format!("user{number}")))?;
    let began = Instant::now();
    let (mut slowest_start, ends) = (Duration::ZERO, args.kills);
    for kill in 0..ends {
        let lasts = Duration::from_millis(100 + random.below(1_400) as u64);
        let work = Work { lasts, is_cut: image.is_some() };
        let copy = work_and_kill(server, &mut clients, &mut people, &work, image.as_ref())?;
        if let (Some(cut), Some(copy)) = (image.take(), copy) {
            image = Some(cut.replaced(&copy)?);
        }
        let starting = Instant::now();
        server = Server::start(Kind::Restante, &home)?;
        slowest_start = slowest_start.max(starting.elapsed());
        compare(&server, &mut clients, &mut people).map_err(|reason| format!("kill {kill}: {reason}"))?;
        if kill % 10 == 9 {
            let answered: u64 = clients.iter().map(|client| client.answered).sum();
            eprintln!("{} kills, {answered} changes acknowledged, {} s", kill + 1, began.elapsed().as_secs());
        }
    }
    server.stop()?;
    let answered: u64 = clients.iter().map(|client| client.answered).sum();
    let how = if args.power { "power cuts" } else { "kills" };
    println!(
        "{ends} {how} with seed {}: {answered} changes of {} clients and {} users acknowledged, none lost, none doubled; slowest start {:.2} s; {} s in all",
        args.seed,
        args.clients,
        people.acknowledged,
        slowest_start.as_secs_f64(),
        began.elapsed().as_secs(),
    );
    drop(image);
    fs::remove_dir_all(&dir).map_err(while_doing("cleaning up"))
}

struct Work {
    lasts: Duration,
    is_cut: bool,
}

/// Lets everybody work, and ends the server in the middle of it; gives what the disk held then, where the power was cut.
fn work_and_kill(
    server: Server,
    clients: &mut [Client],
    people: &mut People,
    work: &Work,
    image: Option<&Image>,
) -> Result<Option<std::path::PathBuf>, Failure> {
    let has_ended = AtomicBool::new(false);
    let (workers, killed) = std::thread::scope(|scope| {
        let server = &server;
        let threads: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || client.work(server))).collect();
        let makes = scope.spawn(|| people.work(&server.home.join("data"), &has_ended));
        std::thread::sleep(work.lasts);
        let killed = end(server.pid(), work.is_cut, image);
        has_ended.store(true, Ordering::Release);
        let workers: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        makes.join().expect("no panic");
        (workers, killed)
    });
    server.kill();
    workers.into_iter().collect::<Result<(), Failure>>()?;
    killed
}

fn end(pid: u32, is_cut: bool, image: Option<&Image>) -> Result<Option<std::path::PathBuf>, Failure> {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    let copy = match image.filter(|_| is_cut) {
        Some(image) => {
            // Nothing is acknowledged while the disk is copied.
            kill_process(pid, Signal::STOP).map_err(while_doing("stopping the server"))?;
            Some(image.cut()?)
        }
        None => None,
    };
    kill_process(pid, Signal::KILL).map_err(while_doing("killing the server"))?;
    Ok(copy)
}

fn compare(server: &Server, clients: &mut [Client], people: &mut People) -> Result<(), Failure> {
    people.compare(server)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || client.compare(server))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

/// Users that are made and given other passwords meanwhile.
#[derive(Default)]
struct People {
    acknowledged: u64,
    made: u64,
    /// The last one that was acknowledged, and the password that it must have; or the other if a change was in flight.
    last: Option<(String, String)>,
    in_flight: Option<String>,
}

impl People {
    fn work(&mut self, data: &Path, has_ended: &AtomicBool) {
        while !has_ended.load(Ordering::Acquire) {
            self.made += 1;
            let name = format!("person{}", self.made);
            if cli(data, &["user", "add", &name, "--password-stdin"], PASSWORD).is_err() {
                return;
            }
            self.acknowledged += 1;
            self.last = Some((name.clone(), PASSWORD.to_owned()));
            let other = format!("other{}", self.made);
            self.in_flight = Some(other.clone());
            if cli(data, &["user", "passwd", &name, "--password-stdin"], &other).is_err() {
                return;
            }
            self.last = Some((name, other));
            self.in_flight = None;
        }
    }

    fn compare(&mut self, server: &Server) -> Result<(), Failure> {
        let Some((name, password)) = self.last.take() else { return Ok(()) };
        let in_flight = self.in_flight.take();
        let passwords = [Some(password), in_flight];
        let can_log_in = |password: &String| {
            Connection::clear(server.imap).and_then(|it| it.login(&name, password)).is_ok()
        };
        if passwords.iter().flatten().any(can_log_in) {
            return Ok(());
        }
        Err(format!("{name} was made, and cannot log in"))
    }
}
