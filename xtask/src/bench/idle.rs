//! Connections over TLS that wait in IDLE: what they cost, when they see what is new, and how they all come back.

use std::time::Instant;

use super::filled::{Bench, answered, each, milliseconds};
use super::opening;
use crate::load::{Connection, Failure, Server, process};

/// The user of those who share a mailbox.
const SHARED: &str = "u7";
/// Threads that connect, or that wait for news: each does so for many connections.
const THREADS: usize = 16;

/// Kibibytes that each more connection costs a server that is fresh.
pub(super) fn memory(bench: &mut Bench) -> Result<f64, Failure> {
    opening::restart(bench, Server::stop)?;
    // The first ones also pay for what all have together.
    let first = bench.sizes.idle / 10;
    let few = idlers(bench.server(), first, shared)?;
    let before = process::usage(bench.pid()).own_kib;
    let more = idlers(bench.server(), bench.sizes.idle - first, shared)?;
    let after = process::usage(bench.pid()).own_kib;
    drop(few);
    Ok(after.saturating_sub(before) as f64 / more.len() as f64)
}

/// Until the last of those who wait on one mailbox knows of the message.
pub(super) fn news(bench: &mut Bench) -> Result<f64, Failure> {
    let idle = idlers(bench.server(), bench.sizes.idle, shared)?;
    let mut sender = bench.server().login(SHARED)?;
    let began = Instant::now();
    answered(sender.append("Sent", &bench.mail[..1]))?;
    by_shares(idle, told)?;
    Ok(milliseconds(began.elapsed()))
}

/// Until each of those who wait on mailboxes of their own knows of the message that came there.
pub(super) fn own_news(bench: &mut Bench) -> Result<f64, Failure> {
    let (server, count) = (bench.server(), bench.sizes.owned());
    bench.make_owned(count)?;
    let idle = idlers(server, count, owned)?;
    let users = (0..count).step_by(A_USER);
    let senders = users.map(|number| server.login(&owned(number).0)).collect::<Result<Vec<_>, _>>()?;
    let message = &bench.mail[..1];
    let began = Instant::now();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            each(senders, |user, sender| {
                let mut numbers = (user * A_USER..count).take(A_USER);
                numbers.try_for_each(|number| answered(sender.append(&owned(number).1, message))).map(|()| 0)
            })
        });
        by_shares(idle, told)?;
        sending.join().expect("senders do not panic")
    })?;
    Ok(milliseconds(began.elapsed()))
}

/// Until all who were idle when the server was restarted are so again, each in a mailbox of its own.
pub(super) fn storm(bench: &mut Bench) -> Result<f64, Failure> {
    let count = bench.sizes.idle;
    bench.make_owned(count)?;
    let idle = idlers(bench.server(), count, owned)?;
    opening::restart(bench, Server::stop)?;
    drop(idle);
    let began = Instant::now();
    let again = idlers(bench.server(), count, owned)?;
    let took = began.elapsed();
    drop(again);
    Ok(milliseconds(took))
}

/// Mailboxes of a user on which somebody waits.
const A_USER: usize = 20;

/// The user, and the mailbox.
type Place = (String, String);

fn shared(_: usize) -> Place {
    (SHARED.to_owned(), "Sent".to_owned())
}

/// Where the connection of that number is alone.
pub(super) fn owned(number: usize) -> Place {
    (format!("own{}", number / A_USER), format!("Own{}", number % A_USER))
}

/// So many connections, each in IDLE where `place` says.
fn idlers(server: &Server, count: usize, place: fn(usize) -> Place) -> Result<Vec<Connection>, Failure> {
    let connect = |number: usize| {
        let (user, mailbox) = place(number);
        let mut connection = server.login_tls(&user)?;
        connection.ok(&format!("SELECT {mailbox}"))?;
        connection.send("IDLE").map_err(|error| error.to_string())?;
        while !connection.line().map_err(|error| format!("IDLE: {error}"))?.starts_with('+') {}
        Ok::<_, Failure>(connection)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                scope.spawn(move || {
                    (first..count).step_by(THREADS).map(connect).collect::<Result<Vec<_>, Failure>>()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for thread in threads {
            all.extend(thread.join().expect("clients do not panic")?);
        }
        Ok(all)
    })
}

/// Reads up to the news of a message.
fn told(connection: &mut Connection) -> Result<(), Failure> {
    while !connection.line().map_err(|error| format!("in IDLE: {error}"))?.ends_with("EXISTS") {}
    Ok(())
}

/// Does `work` for every connection, on a few threads.
fn by_shares(
    mut connections: Vec<Connection>,
    work: impl Fn(&mut Connection) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let share = connections.len().div_ceil(THREADS).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .chunks_mut(share)
            .map(|share| {
                let work = &work;
                scope.spawn(move || share.iter_mut().try_for_each(work))
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("nobody panics"))
    })
}
