//! Reading: FETCH of much and of little, SELECT, SEARCH, and what has changed.

use std::time::Instant;

use super::filled::{Bench, SEED, each, milliseconds, percentile, timed};
use crate::load::Failure;
use crate::load::random::Random;
use crate::load::server::USER;

/// Messages a second of one FETCH over the large mailbox.
pub(super) fn fetch_all(bench: &mut Bench, command: &str) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let took = timed(|| connection.drain(command))?;
    Ok(bench.sizes.messages as f64 / took.as_secs_f64())
}

pub(super) fn structure(bench: &mut Bench) -> Result<f64, Failure> {
    fetch_all(bench, "FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)")
}

/// Milliseconds of a command in the large mailbox.
pub(super) fn in_large(bench: &mut Bench, command: &str) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    Ok(milliseconds(timed(|| connection.drain(command))?))
}

/// Megabytes a second of message text.
pub(super) fn bodies(bench: &mut Bench, connections: usize, with_tls: bool) -> Result<f64, Failure> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection =
            if with_tls { bench.server().login_tls(USER)? } else { bench.server().login(USER)? };
        connection.ok("SELECT Large")?;
        open.push(connection);
    }
    let began = Instant::now();
    each(open, |_, connection| {
        let octets = connection.drain("FETCH 1:* BODY.PEEK[]")?;
        if octets < bench.large_octets { Err(format!("only {octets} octets came")) } else { Ok(0) }
    })?;
    let octets = bench.large_octets * connections as u64;
    Ok(octets as f64 / 1e6 / began.elapsed().as_secs_f64())
}

/// Milliseconds that `percent` of the fetches of one body stay below.
pub(super) fn random_body(bench: &mut Bench, percent: usize) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let mut random = Random::new(SEED);
    let mut times = Vec::new();
    for _ in 0..bench.sizes.some.min(2_000) {
        let number = 1 + random.below(bench.sizes.messages);
        times.push(timed(|| connection.drain(&format!("FETCH {number} BODY.PEEK[]")))?);
    }
    Ok(percentile(times, percent))
}

pub(super) fn select(bench: &mut Bench) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let mut connection = bench.server().login(USER)?;
        times.push(timed(|| connection.drain("SELECT Large"))?);
    }
    Ok(percentile(times, 50))
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

pub(super) fn qresync(bench: &mut Bench) -> Result<f64, Failure> {
    let (validity, mod_seq) = changed(bench)?;
    let mut connection = bench.server().login(USER)?;
    connection.ok("ENABLE QRESYNC")?;
    let command = format!("SELECT Large (QRESYNC ({validity} {mod_seq} 1:{}))", bench.sizes.messages);
    Ok(milliseconds(timed(|| connection.drain(&command))?))
}

pub(super) fn changed_since(bench: &mut Bench) -> Result<f64, Failure> {
    let (_, mod_seq) = changed(bench)?;
    in_large(bench, &format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {mod_seq})"))
}

/// Bodies a second of messages at random.
pub(super) fn random_bodies(bench: &mut Bench, connections: usize) -> Result<f64, Failure> {
    at_random(bench, connections, 1, |number| format!("FETCH {number} BODY.PEEK[]"))
}

/// Answers a second, each with the envelopes of a hundred messages that stand together.
pub(super) fn random_envelopes(bench: &mut Bench, connections: usize) -> Result<f64, Failure> {
    let command = |number: usize| format!("FETCH {number}:{} (UID FLAGS ENVELOPE)", number + 99);
    at_random(bench, connections, 100, command)
}

/// Answers a second of what `command` asks of the message of a number, and of those behind it that are so many with it.
fn at_random(
    bench: &mut Bench,
    connections: usize,
    together: usize,
    command: impl Fn(usize) -> String + Sync,
) -> Result<f64, Failure> {
    let open = (0..bench.at_most(connections)).map(|_| bench.large()).collect::<Result<Vec<_>, _>>()?;
    let (firsts, lasts) = (bench.sizes.messages + 1 - together, bench.sizes.lasts);
    let began = Instant::now();
    let done = each(open, |place, connection| {
        let mut random = Random::new(SEED + place as u64);
        let mut done = 0;
        while began.elapsed() < lasts {
            connection.drain(&command(1 + random.below(firsts)))?;
            done += 1;
        }
        Ok(done)
    })?;
    Ok(done as f64 / began.elapsed().as_secs_f64())
}
