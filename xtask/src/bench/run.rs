//! The course of a bench: servers are filled, then each row runs on each of them in turn, round after round.

use std::fs;
use std::path::Path;

use super::BenchArgs;
use super::filled::{Bench, Sizes};
use super::report::{Figure, Report, scale_table};
use super::rows::{CURVES, ROWS, Row};
use crate::load::process;
use crate::load::server::{Kind, Server};
use crate::load::syncs::SyncCount;
use crate::load::{Failure, while_doing};

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let open_files = process::raise_open_files();
    let idle = args.idle.unwrap_or_else(|| open_files.saturating_sub(FILES_OF_ANOTHER_KIND));
    let kinds = kinds(&args.beside)?;
    let sizes = |messages| Sizes::new(messages, args.octets, idle, args.quick);
    let mut reports = Vec::new();
    let sizes_wanted = if args.scale.is_empty() { &[args.messages][..] } else { &args.scale };
    for &messages in sizes_wanted {
        let mut benches = fill(args, &kinds, sizes(messages))?;
        if args.connections.is_empty() {
            let label = format!("{messages} messages");
            reports.push(measure(
                args,
                &mut benches,
                Report::new(label, sizes(messages), rounds(args)),
                ROWS,
            )?);
        }
        for &connections in &args.connections {
            benches.iter_mut().for_each(|bench| bench.connections = connections);
            let label = match sizes_wanted {
                [_] => format!("{connections} connections"),
                _ => format!("{connections} connections, {messages} messages"),
            };
            reports.push(measure(
                args,
                &mut benches,
                Report::new(label, sizes(messages), rounds(args)),
                CURVES,
            )?);
        }
        benches.into_iter().try_for_each(Bench::stop)?;
        fs::remove_dir_all(crate::root().join(&args.dir)).map_err(while_doing("cleaning up"))?;
    }
    let told = match &reports[..] {
        [report] => report.table(),
        _ => reports.iter().map(Report::table).chain([scale_table(&reports)]).collect::<Vec<_>>().join("\n"),
    };
    println!("{told}");
    let Some(file) = &args.json else { return Ok(()) };
    match &reports[..] {
        [report] => write_json(file, &report.json()),
        _ => write_json(file, &reports.iter().map(Report::json).collect()),
    }
}

/// Open files of the load, and of a server, that are no idle connections.
const FILES_OF_ANOTHER_KIND: usize = 600;

fn rounds(args: &BenchArgs) -> usize {
    if args.quick { 1 } else { args.rounds.max(1) }
}

fn write_json(file: &Path, told: &serde_json::Value) -> Result<(), Failure> {
    fs::write(file, format!("{told:#}\n")).map_err(while_doing("the JSON file"))
}

fn kinds(beside: &[String]) -> Result<Vec<Kind>, Failure> {
    let mut kinds = vec![Kind::Restante];
    for name in beside.iter().filter(|name| !name.is_empty()) {
        kinds.push(match name.as_str() {
            "dovecot-mdbox" | "mdbox" => Kind::Dovecot("mdbox"),
            "dovecot-maildir" | "maildir" => Kind::Dovecot("maildir"),
            _ => return Err(format!("{name}: known are dovecot-mdbox and dovecot-maildir")),
        });
    }
    Ok(kinds)
}

/// Servers of their own, filled afresh with the same mail.
fn fill(args: &BenchArgs, kinds: &[Kind], sizes: Sizes) -> Result<Vec<Bench>, Failure> {
    let dir = crate::root().join(&args.dir);
    let _ = fs::remove_dir_all(&dir);
    let filled = |&kind: &Kind| {
        eprintln!("{}: {} messages ...", kind.name(), sizes.messages);
        Bench::fill(Server::start(kind, &dir.join(kind.name()))?, sizes, args.mail)
    };
    kinds.iter().map(filled).collect()
}

/// Runs the rows that were asked for on each of the servers in turn.
fn measure(
    args: &BenchArgs,
    benches: &mut [Bench],
    mut report: Report,
    rows: &'static [Row],
) -> Result<Report, Failure> {
    let asked = |name: &str| args.filters.is_empty() || args.filters.iter().any(|part| name.contains(part));
    for round in 0..rounds(args) {
        for row in rows.iter().filter(|row| asked(row.name) && (round == 0 || !row.is_once)) {
            for bench in benches.iter_mut() {
                let name = bench.kind().name();
                let (figure, own_kib) = match figure(row, bench, args.syncs) {
                    // What another server cannot do is a figure too, and no reason to throw away all others.
                    Err(reason) if bench.kind() != Kind::Restante => {
                        eprintln!("{round} {reason}");
                        bench.is_left()?;
                        continue;
                    }
                    measured => measured?,
                };
                eprintln!(
                    "{round} {name:16} {:45} {:12} CPU {:.2} s, of the load {:.2} s",
                    row.name,
                    row.unit.text(figure.value),
                    figure.cpu_seconds,
                    figure.load_cpu_seconds
                );
                let peak = report.peak_kib.entry(name.clone()).or_insert(0);
                *peak = own_kib.max(*peak);
                report.add(row, &name, figure);
            }
        }
    }
    Ok(report)
}

/// One measurement, and the memory that the server has behind it.
fn figure(row: &Row, bench: &mut Bench, with_syncs: bool) -> Result<(Figure, u64), Failure> {
    let count = if with_syncs { Some(SyncCount::start(bench.pid())?) } else { None };
    let (before, load_before) = (process::usage(bench.pid()), process::own_cpu_seconds());
    let home = bench.server().home.clone();
    let written_before = process::device_written_octets(&home);
    let began = bench.pid();
    let value =
        (row.run)(bench).map_err(|error| format!("{} on {}: {error}", row.name, bench.kind().name()))?;
    let load_cpu_seconds = process::own_cpu_seconds() - load_before;
    let after = process::usage(bench.pid());
    // A row that starts the server anew knows of the new one alone.
    let before = if began == bench.pid() { before } else { process::Usage::default() };
    let syncs = count.map(SyncCount::end).transpose()?;
    let figure = Figure {
        value,
        load_cpu_seconds,
        cpu_seconds: (after.cpu_seconds - before.cpu_seconds).max(0.0),
        written_octets: process::device_written_octets(&home) - written_before,
        syncs,
    };
    Ok((figure, after.own_kib))
}
