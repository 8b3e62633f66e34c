//! Work of many connections at once: APPEND, and everything that mail programs do.

use std::time::Instant;

use super::filled::{Bench, OTHERS, SEED, answered, each};
use crate::load::Failure;
use crate::load::random::Random;

/// Messages a second, each connection as fast as it is answered, `batch` in one command.
pub(super) fn append(bench: &mut Bench, users: &[&str], batch: usize) -> Result<f64, Failure> {
    let mailbox = format!("Append{}", bench.fresh());
    let mut connections = Vec::new();
    for user in users {
        let mut connection = bench.server().login(user)?;
        // The second connection of a user finds it made.
        let _ = connection.command(&format!("CREATE {mailbox}")).map_err(|error| error.to_string())?;
        connections.push(connection);
    }
    let (mail, lasts) = (&bench.mail, bench.sizes.lasts);
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
        bench.server().login(user)?.ok(&format!("DELETE {mailbox}"))?;
    }
    Ok(done as f64 / took.as_secs_f64())
}

/// Commands a second of what mail programs do, at random, with eight users.
pub(super) fn mixed(bench: &mut Bench, connections_max: usize) -> Result<f64, Failure> {
    let mut connections = Vec::new();
    for place in 0..bench.at_most(connections_max) {
        let mut connection = bench.server().login(OTHERS[place % OTHERS.len()])?;
        if place < OTHERS.len() {
            answered(connection.append("INBOX", &bench.mail[..10]))?;
        }
        connection.ok("SELECT INBOX")?;
        connections.push(connection);
    }
    let (mail, lasts) = (&bench.mail, bench.sizes.lasts);
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
