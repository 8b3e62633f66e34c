//! The course of a bench: servers are filled, then each row runs on each of them in turn, round after round.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::BenchArgs;
use super::report::{Figure, Report, scale_table};
use super::rows::{Bench, ROWS, Row, Sizes};
use crate::load::process;
use crate::load::server::{Kind, Server};
use crate::load::syncs::SyncCount;
use crate::load::{Failure, while_doing};

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let kinds = kinds(&args.beside)?;
    let sizes = |messages| Sizes::new(messages, args.octets, args.idle, args.quick);
    if args.scale.is_empty() {
        let report = measure(args, &kinds, sizes(args.messages))?;
        println!("{}", report.table());
        return match &args.json {
            Some(file) => write_json(file, &report.json()),
            None => Ok(()),
        };
    }
    let mut reports = Vec::new();
    for &messages in &args.scale {
        reports.push(measure(args, &kinds, sizes(messages))?);
    }
    println!("{}", scale_table(&reports));
    let Some(file) = &args.json else { return Ok(()) };
    write_json(file, &reports.iter().map(Report::json).collect())
}

fn write_json(file: &Path, told: &serde_json::Value) -> Result<(), Failure> {
    fs::write(file, format!("{told:#}\n")).map_err(while_doing("the JSON file"))
}

fn kinds(beside: &[String]) -> Result<Vec<Kind>, Failure> {
    let mut kinds = vec![Kind::Restante];
    for name in beside.iter().filter(|name| !name.is_empty()) {
        kinds.push(match name.as_str() {
            "dovecot-mdbox" => Kind::Dovecot("mdbox"),
            "dovecot-maildir" => Kind::Dovecot("maildir"),
            _ => return Err(format!("{name}: known are dovecot-mdbox and dovecot-maildir")),
        });
    }
    Ok(kinds)
}

/// Runs the rows that were asked for on servers of their own, filled afresh.
fn measure(args: &BenchArgs, kinds: &[Kind], sizes: Sizes) -> Result<Report, Failure> {
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    let asked = |name: &str| args.filters.is_empty() || args.filters.iter().any(|part| name.contains(part));
    let dir = crate::root().join(&args.dir);
    let _ = fs::remove_dir_all(&dir);
    let mut benches = Vec::new();
    for &kind in kinds {
        eprintln!("{}: {} messages ...", kind.name(), sizes.messages);
        let server = Server::start(kind, &dir.join(kind.name()))?;
        benches.push(Bench::fill(server, sizes)?);
    }
    let mut report = Report::new(sizes, rounds);
    let mut peaks = BTreeMap::new();
    for round in 0..rounds {
        for row in ROWS.iter().filter(|row| asked(row.name) && (round == 0 || !row.is_once)) {
            for bench in &mut benches {
                let name = bench.kind().name();
                let (figure, own_kib) = match figure(row, bench, args.syncs) {
                    // What another server cannot do is a figure too, and no reason to throw away all others.
                    Err(reason) if bench.kind() != Kind::Restante => {
                        eprintln!("{round} {reason}");
                        continue;
                    }
                    measured => measured?,
                };
                eprintln!("{round} {name:16} {:45} {}", row.name, row.unit.text(figure.value));
                let peak = peaks.entry(name.clone()).or_insert(0);
                *peak = own_kib.max(*peak);
                report.add(row, &name, figure);
            }
        }
    }
    report.peak_kib = peaks;
    benches.into_iter().try_for_each(Bench::stop)?;
    fs::remove_dir_all(&dir).map_err(while_doing("cleaning up"))?;
    Ok(report)
}

/// One measurement, and the memory that the server has behind it.
fn figure(row: &Row, bench: &mut Bench, with_syncs: bool) -> Result<(Figure, u64), Failure> {
    let count = if with_syncs { Some(SyncCount::start(bench.pid())?) } else { None };
    let before = process::usage(bench.pid());
    let value =
        (row.run)(bench).map_err(|error| format!("{} on {}: {error}", row.name, bench.kind().name()))?;
    let after = process::usage(bench.pid());
    let syncs = count.map(SyncCount::end).transpose()?;
    let figure = Figure {
        value,
        cpu_seconds: (after.cpu_seconds - before.cpu_seconds).max(0.0),
        written_octets: after.written_octets.saturating_sub(before.written_octets),
        syncs,
    };
    Ok((figure, after.own_kib))
}
