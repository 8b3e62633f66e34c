//! Starts: behind a clean stop, and behind a kill.

use std::time::{Duration, Instant};

use super::filled::{Bench, milliseconds, timed};
use crate::load::random::Random;
use crate::load::server::USER;
use crate::load::{Failure, Server};

/// Changes that a kill leaves behind the last checkpoint, at least.
const CHANGES: usize = 1_000;

/// From the start of the process until the large mailbox is open, without the login between.
pub(super) fn after_stop(bench: &mut Bench) -> Result<f64, Failure> {
    let started = restart(bench, Server::stop)?;
    Ok(milliseconds(started + select(bench)?))
}

/// The same behind a kill and some changes.
pub(super) fn after_kill(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let mut random = Random::new(bench.fresh() as u64);
    for _ in 0..CHANGES.min(bench.sizes.messages) {
        let (number, sign) = (1 + random.below(bench.sizes.messages), *random.choose(&['+', '-']));
        connection.ok(&format!("STORE {number} {sign}FLAGS.SILENT (\\Draft)"))?;
    }
    let started = restart(bench, |server| {
        server.kill();
        Ok(())
    })?;
    Ok(milliseconds(started + select(bench)?))
}

/// The first SELECT of the large mailbox of a server that was just started.
pub(super) fn first_select(bench: &mut Bench) -> Result<f64, Failure> {
    restart(bench, Server::stop)?;
    select(bench).map(milliseconds)
}

/// Ends the server and starts it again; how long the start took.
pub(super) fn restart(
    bench: &mut Bench,
    end: impl FnOnce(Server) -> Result<(), Failure>,
) -> Result<Duration, Failure> {
    let server = bench.server.take().expect("it is there");
    let (kind, home) = (server.kind, server.home.clone());
    end(server)?;
    let began = Instant::now();
    bench.server = Some(Server::start(kind, &home)?);
    Ok(began.elapsed())
}

fn select(bench: &Bench) -> Result<Duration, Failure> {
    let mut connection = bench.server().login(USER)?;
    timed(|| connection.drain("SELECT Large"))
}
