//! Memory while one large message passes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::filled::{Bench, answered};
use super::opening;
use crate::load::{Connection, Failure, Server, process};

const MAILBOX: &str = "Huge";
/// Between two looks at the server.
const EVERY: Duration = Duration::from_millis(4);

/// Kibibytes more at the most while it is appended.
pub(super) fn appended(bench: &mut Bench) -> Result<f64, Failure> {
    // What was freed by rows before would take it in unseen.
    opening::restart(bench, Server::stop)?;
    let message = huge(bench.sizes.huge_octets);
    let mut connection = bench.server().login("u0")?;
    // It may be there from the round before.
    let _ = connection.command(&format!("CREATE {MAILBOX}")).map_err(|error| error.to_string())?;
    let more = at_the_most(bench, || answered(connection.append(MAILBOX, &[&message])))?;
    emptied(&mut connection)?;
    Ok(more)
}

/// The same while it is fetched.
pub(super) fn fetched(bench: &mut Bench) -> Result<f64, Failure> {
    // What was freed by rows before would take it in unseen.
    opening::restart(bench, Server::stop)?;
    let message = huge(bench.sizes.huge_octets);
    let mut connection = bench.server().login("u0")?;
    let _ = connection.command(&format!("CREATE {MAILBOX}")).map_err(|error| error.to_string())?;
    answered(connection.append(MAILBOX, &[&message]))?;
    connection.ok(&format!("SELECT {MAILBOX}"))?;
    let more = at_the_most(bench, || connection.drain("FETCH 1 BODY.PEEK[]").map(drop))?;
    emptied(&mut connection)?;
    Ok(more)
}

fn emptied(connection: &mut Connection) -> Result<(), Failure> {
    connection.ok(&format!("SELECT {MAILBOX}"))?;
    connection.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
    connection.ok("EXPUNGE").map(drop)
}

/// How much more memory the server has at the most during `work` than before it.
fn at_the_most(bench: &Bench, work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let (pid, is_over) = (bench.pid(), AtomicBool::new(false));
    let before = process::usage(pid).own_kib;
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = before;
            while !is_over.load(Ordering::Acquire) {
                most = most.max(process::usage(pid).own_kib);
                std::thread::sleep(EVERY);
            }
            most
        });
        let worked = work();
        is_over.store(true, Ordering::Release);
        let most = looking.join().expect("it does not panic");
        worked.map(|()| (most - before) as f64)
    })
}

/// A message with one attachment of about so many octets.
fn huge(octets: usize) -> Vec<u8> {
    let mut text = b"Subject: huge\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let line = format!("{}\r\n", "QUJD".repeat(19));
    while text.len() < octets {
        text.extend_from_slice(line.as_bytes());
    }
    text
}
