//! [`ROWS`]: every kind of work that is measured, and [`Bench`], a filled server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::logins;
use crate::load::mail::Mail;
use crate::load::process;
use crate::load::random::Random;
use crate::load::server::{KEYS_USER, Kind, Server, USER};
use crate::load::{Connection, Failure};

/// What a figure is; for the first two more is better, for the others less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    PerSecond,
    MegabytesPerSecond,
    Milliseconds,
    Kibibytes,
}

/// One kind of work.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// How much better than the other server we mean to be.
    pub(super) target: f64,
    /// The second time would be another kind of work.
    pub(super) is_once: bool,
    pub(super) run: fn(&mut Bench) -> Result<f64, Failure>,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// In the large mailbox.
    pub(super) messages: usize,
    /// Of each of them, on average.
    pub(super) octets: usize,
    idle: usize,
    /// Copied, moved and expunged.
    some: usize,
    /// At once, where a row opens many.
    connections_max: usize,
    /// How long work lasts that has no end of its own.
    lasts: Duration,
}

impl Sizes {
    pub(super) fn new(messages: usize, octets: usize, idle: usize, quick: bool) -> Self {
        if quick {
            return Self {
                messages: 300,
                octets: 2_000,
                idle: 20,
                some: 100,
                connections_max: 20,
                lasts: Duration::from_millis(100),
            };
        }
        Self {
            messages,
            octets,
            idle,
            some: 10_000.min(messages),
            connections_max: 1_000,
            lasts: Duration::from_secs(3),
        }
    }
}

/// A server with a large mailbox `Large` of user `ann`, and mail of 20 KB to append.
pub(super) struct Bench {
    server: Option<Server>,
    sizes: Sizes,
    mail: Vec<Vec<u8>>,
    large_octets: u64,
    rounds: usize,
}

/// Users with nothing in their mailboxes: some rows want connections that share none.
const OTHERS: [&str; 8] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
const BATCH: usize = 100;
const SEED: u64 = 1988;

pub(super) const ROWS: &[Row] = &[
    row("envelope, structure, size, date: first time", Unit::PerSecond, 13.0, true, structure),
    row("envelope, structure, size, date: again", Unit::PerSecond, 5.0, false, structure),
    row("append 20 KB, 1 connection", Unit::PerSecond, 2.5, false, |bench| bench.append(&OTHERS[..1], 1)),
    row("append 20 KB, 8 connections, 8 users", Unit::PerSecond, 4.0, false, |bench| {
        bench.append(&OTHERS, 1)
    }),
    row("append 20 KB, 8 connections, 1 mailbox", Unit::PerSecond, 7.0, false, |bench| {
        bench.append(&["u0"; 8], 1)
    }),
    row("multiappend of 50", Unit::PerSecond, 2.0, false, |bench| bench.append(&OTHERS[..1], 50)),
    row("select, new connection", Unit::Milliseconds, 12.0, false, select),
    row("select, first after start", Unit::Milliseconds, 2.0, false, first_select),
    row("uid fetch 1:* (flags)", Unit::PerSecond, 2.0, false, |bench| {
        bench.fetch_all("UID FETCH 1:* (FLAGS)")
    }),
    row("header fields of all", Unit::PerSecond, 2.0, false, |bench| {
        bench.fetch_all("FETCH 1:* BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID)]")
    }),
    row("bodies of all, 1 connection", Unit::MegabytesPerSecond, 2.0, false, |bench| bench.bodies(1, false)),
    row("bodies of all, 4 connections", Unit::MegabytesPerSecond, 2.0, false, |bench| bench.bodies(4, false)),
    row("bodies of all, TLS", Unit::MegabytesPerSecond, 4.0, false, |bench| bench.bodies(1, true)),
    row("a random body, median", Unit::Milliseconds, 1.9, false, |bench| bench.random_body(50)),
    row("a random body, 99 of 100", Unit::Milliseconds, 1.3, false, |bench| bench.random_body(99)),
    row("store 1:* +flags", Unit::PerSecond, 3.0, false, store_all),
    row("one store, median", Unit::Milliseconds, 1.0, false, store_one),
    row("search unseen", Unit::Milliseconds, 4.0, false, |bench| bench.in_large("SEARCH UNSEEN")),
    row("search subject", Unit::Milliseconds, 5.8, false, |bench| bench.in_large("SEARCH SUBJECT lantern")),
    row("search from", Unit::Milliseconds, 6.7, false, |bench| bench.in_large("SEARCH FROM lindqvist")),
    row("search body, no index", Unit::Milliseconds, 4.0, false, |bench| {
        bench.in_large("SEARCH BODY zebrafish")
    }),
    row("copy of 10,000", Unit::Milliseconds, 2.9, false, copy),
    row("move of 10,000", Unit::Milliseconds, 3.0, false, move_some),
    row("expunge of 10,000", Unit::Milliseconds, 2.9, false, expunge),
    row("qresync select after 100 changes", Unit::Milliseconds, 7.4, false, qresync),
    row("changedsince after 100 changes", Unit::Milliseconds, 3.6, false, changed_since),
    row("mixed work, 1 connection", Unit::PerSecond, 4.0, false, |bench| bench.mixed(1)),
    row("mixed work, 20 connections", Unit::PerSecond, 4.0, false, |bench| bench.mixed(20)),
    row("mixed work, 100 connections", Unit::PerSecond, 4.0, false, |bench| bench.mixed(100)),
    row("mixed work, 1,000 connections", Unit::PerSecond, 4.0, false, |bench| bench.mixed(1_000)),
    row("an idle TLS connection, memory", Unit::Kibibytes, 35.0, false, idle_memory),
    row("all idle on one mailbox see a message", Unit::Milliseconds, 55.0, false, idle_news),
    row("logins, first of each user", Unit::PerSecond, 1.0, false, logins::first),
    row("logins, LOGIN command", Unit::PerSecond, 30.0, false, logins::command),
    row("logins, PLAIN", Unit::PerSecond, 30.0, false, logins::plain),
    row("logins, PLAIN over TLS", Unit::PerSecond, 16.0, false, logins::plain_tls),
    row("logins, SCRAM-SHA-256", Unit::PerSecond, 2.0, false, logins::scram),
    row("logins, SCRAM-SHA-256 over TLS", Unit::PerSecond, 2.0, false, logins::scram_tls),
    row("TLS handshakes", Unit::PerSecond, 1.7, false, logins::handshakes),
    row("TLS handshakes, resumed", Unit::PerSecond, 1.7, false, logins::resumed),
];

const fn row(
    name: &'static str,
    unit: Unit,
    target: f64,
    is_once: bool,
    run: fn(&mut Bench) -> Result<f64, Failure>,
) -> Row {
    Row { name, unit, target, is_once, run }
}

impl Bench {
    /// Makes the users and the large mailbox.
    pub(super) fn fill(server: Server, sizes: Sizes) -> Result<Self, Failure> {
        for user in [USER, KEYS_USER].into_iter().chain(OTHERS) {
            server.add_user(user)?;
        }
        // Dovecot looks at the clock of its users' file, which counts seconds.
        std::thread::sleep(Duration::from_secs(1));
        for user in [USER].into_iter().chain(OTHERS) {
            // One of the servers makes it for every user.
            let _ = server.login(user)?.command("CREATE Sent").map_err(|error| error.to_string())?;
        }
        let mut connection = server.login(USER)?;
        connection.ok("CREATE Large")?;
        let mut made = Mail::new(SEED, sizes.octets);
        let (mut left, mut large_octets) = (sizes.messages, 0);
        while left > 0 {
            let batch = made.messages(BATCH.min(left));
            left -= batch.len();
            large_octets += batch.iter().map(|message| message.len() as u64).sum::<u64>();
            answered(connection.append("Large", &batch))?;
        }
        let mail = Mail::new(SEED + 1, 20_000).messages(200);
        Ok(Self { server: Some(server), sizes, mail, large_octets, rounds: 0 })
    }

    pub(super) fn pid(&self) -> u32 {
        self.server().pid()
    }

    pub(super) fn kind(&self) -> Kind {
        self.server().kind
    }

    pub(super) fn stop(mut self) -> Result<(), Failure> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("it is there but in the middle of a restart")
    }

    /// How long work lasts that has no end of its own.
    pub(super) fn lasts(&self) -> Duration {
        self.sizes.lasts
    }

    /// A number that no row of this server had yet, for names of mailboxes and users.
    pub(super) fn fresh(&mut self) -> usize {
        self.rounds += 1;
        self.rounds
    }

    fn large(&self) -> Result<Connection, Failure> {
        let mut connection = self.server().login(USER)?;
        connection.ok("SELECT Large")?;
        Ok(connection)
    }

    /// Messages a second of one FETCH over the large mailbox.
    fn fetch_all(&mut self, command: &str) -> Result<f64, Failure> {
        let mut connection = self.large()?;
        let took = timed(|| connection.drain(command))?;
        Ok(self.sizes.messages as f64 / took.as_secs_f64())
    }

    /// Milliseconds of a command in the large mailbox.
    fn in_large(&mut self, command: &str) -> Result<f64, Failure> {
        let mut connection = self.large()?;
        Ok(milliseconds(timed(|| connection.drain(command))?))
    }

    /// Messages a second, each connection as fast as it is answered, `batch` in one command.
    fn append(&mut self, users: &[&str], batch: usize) -> Result<f64, Failure> {
        let mailbox = format!("Append{}", self.fresh());
        let mut connections = Vec::new();
        for user in users {
            let mut connection = self.server().login(user)?;
            // The second connection of a user finds it made.
            let _ = connection.command(&format!("CREATE {mailbox}")).map_err(|error| error.to_string())?;
            connections.push(connection);
        }
        let (mail, lasts) = (&self.mail, self.sizes.lasts);
        let began = Instant::now();
        let done = each(connections, |place, connection| {
            let mut done = 0;
            while began.elapsed() < lasts {
                let first = (place * 31 + done * batch) % (mail.len() - batch);
                answered(connection.append(&mailbox, &mail[first..first + batch]))?;
                done += 1;
            }
            Ok(done * batch)
        })?;
        let took = began.elapsed();
        for user in users.iter().collect::<std::collections::BTreeSet<_>>() {
            self.server().login(user)?.ok(&format!("DELETE {mailbox}"))?;
        }
        Ok(done as f64 / took.as_secs_f64())
    }

    /// Megabytes a second of message text.
    fn bodies(&mut self, connections: usize, with_tls: bool) -> Result<f64, Failure> {
        let mut open = Vec::new();
        for _ in 0..connections {
            let mut connection =
                if with_tls { self.server().login_tls(USER)? } else { self.server().login(USER)? };
            connection.ok("SELECT Large")?;
            open.push(connection);
        }
        let began = Instant::now();
        each(open, |_, connection| {
            let octets = connection.drain("FETCH 1:* BODY.PEEK[]")?;
            if octets < self.large_octets { Err(format!("only {octets} octets came")) } else { Ok(0) }
        })?;
        let octets = self.large_octets * connections as u64;
        Ok(octets as f64 / 1e6 / began.elapsed().as_secs_f64())
    }

    /// Milliseconds that `percent` of the fetches of one body stay below.
    fn random_body(&mut self, percent: usize) -> Result<f64, Failure> {
        let mut connection = self.large()?;
        let mut random = Random::new(SEED);
        let mut times = Vec::new();
        for _ in 0..self.sizes.some.min(2_000) {
            let number = 1 + random.below(self.sizes.messages);
            times.push(timed(|| connection.drain(&format!("FETCH {number} BODY.PEEK[]")))?);
        }
        Ok(percentile(times, percent))
    }

    /// Commands a second of what mail programs do, at random, with eight users.
    fn mixed(&mut self, connections_max: usize) -> Result<f64, Failure> {
        let mut connections = Vec::new();
        for place in 0..connections_max.min(self.sizes.connections_max) {
            let mut connection = self.server().login(OTHERS[place % OTHERS.len()])?;
            if place < OTHERS.len() {
                answered(connection.append("INBOX", &self.mail[..10]))?;
            }
            connection.ok("SELECT INBOX")?;
            connections.push(connection);
        }
        let (mail, lasts) = (&self.mail, self.sizes.lasts);
        let began = Instant::now();
        let done = each(connections, |place, connection| {
            let mut random = Random::new(SEED + place as u64);
            let mut done = 0;
            while began.elapsed() < lasts {
                let number = 1 + random.below(10);
                match random.below(10) {
                    0 => drop(answered(connection.append("INBOX", &[random.choose(mail)]))?),
                    1 | 2 => drop(connection.drain(&format!("FETCH {number} BODY.PEEK[]"))?),
                    3 | 4 => drop(connection.drain("FETCH 1:10 (UID FLAGS ENVELOPE)")?),
                    5 => drop(connection.drain(&format!("STORE {number} +FLAGS.SILENT (\\Seen)"))?),
                    6 => drop(connection.drain(&format!("STORE {number} -FLAGS.SILENT (\\Seen)"))?),
                    7 => drop(connection.drain("STATUS Sent (MESSAGES UNSEEN UIDNEXT)")?),
                    8 => drop(connection.drain("SEARCH UNSEEN")?),
                    _ => drop(connection.drain("NOOP")?),
                }
                done += 1;
            }
            Ok(done)
        })?;
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }
}

fn structure(bench: &mut Bench) -> Result<f64, Failure> {
    bench.fetch_all("FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)")
}

fn select(bench: &mut Bench) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let mut connection = bench.server().login(USER)?;
        times.push(timed(|| connection.drain("SELECT Large"))?);
    }
    Ok(percentile(times, 50))
}

fn first_select(bench: &mut Bench) -> Result<f64, Failure> {
    let server = bench.server.take().expect("it is there");
    let (kind, home) = (server.kind, server.home.clone());
    server.stop()?;
    let server = bench.server.insert(Server::start(kind, &home)?);
    let mut connection = server.login(USER)?;
    Ok(milliseconds(timed(|| connection.drain("SELECT Large"))?))
}

fn store_all(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let took = timed(|| connection.drain("STORE 1:* +FLAGS (\\Flagged)"))?;
    connection.drain("STORE 1:* -FLAGS.SILENT (\\Flagged)")?;
    Ok(bench.sizes.messages as f64 / took.as_secs_f64())
}

fn store_one(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let mut times = Vec::new();
    for number in 1..=bench.sizes.some.min(200) {
        times.push(timed(|| connection.drain(&format!("STORE {number} +FLAGS (\\Answered)")))?);
    }
    connection.drain("STORE 1:* -FLAGS.SILENT (\\Answered)")?;
    Ok(percentile(times, 50))
}

/// Fills a fresh mailbox by COPY; gives its name and how long it took.
fn copied(bench: &mut Bench, connection: &mut Connection) -> Result<(String, Duration), Failure> {
    let name = format!("Copy{}", bench.fresh());
    connection.ok(&format!("CREATE {name}"))?;
    let took = timed(|| connection.drain(&format!("COPY 1:{} {name}", bench.sizes.some)))?;
    Ok((name, took))
}

fn copy(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let (name, took) = copied(bench, &mut connection)?;
    connection.ok(&format!("DELETE {name}"))?;
    Ok(milliseconds(took))
}

fn move_some(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let (from, _) = copied(bench, &mut connection)?;
    let to = format!("Move{}", bench.fresh());
    connection.ok(&format!("CREATE {to}"))?;
    connection.ok(&format!("SELECT {from}"))?;
    let took = timed(|| connection.drain(&format!("MOVE 1:* {to}")))?;
    connection.ok("UNSELECT")?;
    connection.ok(&format!("DELETE {from}"))?;
    connection.ok(&format!("DELETE {to}"))?;
    Ok(milliseconds(took))
}

fn expunge(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let (name, _) = copied(bench, &mut connection)?;
    connection.ok(&format!("SELECT {name}"))?;
    connection.drain("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
    let took = timed(|| connection.drain("EXPUNGE"))?;
    connection.ok("UNSELECT")?;
    connection.ok(&format!("DELETE {name}"))?;
    Ok(milliseconds(took))
}

/// UIDVALIDITY and HIGHESTMODSEQ of the large mailbox before 100 messages change.
fn changed(bench: &mut Bench) -> Result<(u64, u64), Failure> {
    let mut connection = bench.server().login(USER)?;
    connection.ok("ENABLE QRESYNC")?;
    let opening = connection.ok("SELECT Large")?;
    let opening = String::from_utf8_lossy(&opening).into_owned();
    let number = |code: &str| {
        let told = opening.split_once(code).and_then(|(_, rest)| rest.split_once(']')?.0.trim().parse().ok());
        told.ok_or_else(|| format!("no {code} in SELECT"))
    };
    let known = (number("UIDVALIDITY")?, number("HIGHESTMODSEQ")?);
    let mut random = Random::new(bench.fresh() as u64);
    for _ in 0..100 {
        let (number, sign) = (1 + random.below(bench.sizes.messages), *random.choose(&['+', '-']));
        connection.ok(&format!("STORE {number} {sign}FLAGS.SILENT (\\Draft)"))?;
    }
    Ok(known)
}

fn qresync(bench: &mut Bench) -> Result<f64, Failure> {
    let (validity, mod_seq) = changed(bench)?;
    let mut connection = bench.server().login(USER)?;
    connection.ok("ENABLE QRESYNC")?;
    let command = format!("SELECT Large (QRESYNC ({validity} {mod_seq} 1:{}))", bench.sizes.messages);
    Ok(milliseconds(timed(|| connection.drain(&command))?))
}

fn changed_since(bench: &mut Bench) -> Result<f64, Failure> {
    let (_, mod_seq) = changed(bench)?;
    bench.in_large(&format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {mod_seq})"))
}

/// Connections over TLS that wait in IDLE, in one mailbox.
fn idlers(bench: &Bench) -> Result<Vec<Connection>, Failure> {
    let mut idle = Vec::new();
    for _ in 0..bench.sizes.idle {
        let mut connection = bench.server().login_tls("u7")?;
        connection.ok("SELECT Sent")?;
        connection.send("IDLE").map_err(|error| error.to_string())?;
        while !connection.line().map_err(|error| format!("IDLE: {error}"))?.starts_with('+') {}
        idle.push(connection);
    }
    Ok(idle)
}

fn idle_memory(bench: &mut Bench) -> Result<f64, Failure> {
    let before = process::usage(bench.pid()).own_kib;
    let idle = idlers(bench)?;
    let after = process::usage(bench.pid()).own_kib;
    Ok(after.saturating_sub(before) as f64 / idle.len() as f64)
}

/// Until the last of the idle connections knows of the message.
fn idle_news(bench: &mut Bench) -> Result<f64, Failure> {
    let mut idle = idlers(bench)?;
    let seen = AtomicUsize::new(0);
    let mut sender = bench.server().login("u7")?;
    let began = Instant::now();
    answered(sender.append("Sent", &bench.mail[..1]))?;
    let shares = idle.chunks_mut(bench.sizes.idle.div_ceil(4).max(1));
    std::thread::scope(|scope| {
        let readers = shares.map(|share| {
            let seen = &seen;
            scope.spawn(move || -> Result<(), Failure> {
                for connection in share {
                    while !connection.line().map_err(|error| error.to_string())?.ends_with("EXISTS") {}
                    seen.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        let readers: Vec<_> = readers.collect();
        readers.into_iter().try_for_each(|reader| reader.join().expect("readers do not panic"))
    })?;
    let took = began.elapsed();
    let seen = seen.into_inner();
    if seen == idle.len() { Ok(milliseconds(took)) } else { Err(format!("{seen} of {} saw it", idle.len())) }
}

/// Runs `work` on a thread for each connection; the sum of what they return.
fn each(
    connections: Vec<Connection>,
    work: impl Fn(usize, &mut Connection) -> Result<usize, Failure> + Sync,
) -> Result<usize, Failure> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(place, mut connection)| {
                let work = &work;
                scope.spawn(move || work(place, &mut connection))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("workers do not panic")).sum()
    })
}

/// An APPEND that must be OK.
fn answered(answer: std::io::Result<crate::load::Answer>) -> Result<(), Failure> {
    let answer = answer.map_err(|error| format!("APPEND: {error}"))?;
    if answer.is_ok() { Ok(()) } else { Err(format!("APPEND: {}", answer.tagged)) }
}

fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<Duration, Failure> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// In milliseconds.
fn percentile(mut times: Vec<Duration>, percent: usize) -> f64 {
    times.sort_unstable();
    milliseconds(times[(times.len() - 1) * percent / 100])
}
