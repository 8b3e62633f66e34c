//! Changing: STORE, COPY, MOVE, EXPUNGE.

use std::time::Duration;

use super::filled::{Bench, milliseconds, percentile, timed};
use crate::load::{Connection, Failure};

pub(super) fn store_all(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let took = timed(|| connection.drain("STORE 1:* +FLAGS (\\Flagged)"))?;
    connection.drain("STORE 1:* -FLAGS.SILENT (\\Flagged)")?;
    Ok(bench.sizes.messages as f64 / took.as_secs_f64())
}

pub(super) fn store_one(bench: &mut Bench) -> Result<f64, Failure> {
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

pub(super) fn copy(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let (name, took) = copied(bench, &mut connection)?;
    connection.ok(&format!("DELETE {name}"))?;
    Ok(milliseconds(took))
}

pub(super) fn move_some(bench: &mut Bench) -> Result<f64, Failure> {
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

pub(super) fn expunge(bench: &mut Bench) -> Result<f64, Failure> {
    let mut connection = bench.large()?;
    let (name, _) = copied(bench, &mut connection)?;
    connection.ok(&format!("SELECT {name}"))?;
    connection.drain("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
    let took = timed(|| connection.drain("EXPUNGE"))?;
    connection.ok("UNSELECT")?;
    connection.ok(&format!("DELETE {name}"))?;
    Ok(milliseconds(took))
}
