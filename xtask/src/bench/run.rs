//! The course of a bench: servers are filled, then each row runs on each of them in turn, round after round.

use std::collections::BTreeMap;
use std::fs;

use super::BenchArgs;
use super::report::{Figure, Report};
use super::rows::{Bench, ROWS, Sizes};
use crate::load::process;
use crate::load::server::{Kind, Server};
use crate::load::{Failure, while_doing};

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let sizes = Sizes::new(args.messages, args.octets, args.idle, args.quick);
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    let asked = |name: &str| args.filters.is_empty() || args.filters.iter().any(|part| name.contains(part));
    let mut kinds = vec![Kind::Restante];
    for name in args.beside.iter().filter(|name| !name.is_empty()) {
        kinds.push(match name.as_str() {
            "dovecot-mdbox" => Kind::Dovecot("mdbox"),
            "dovecot-maildir" => Kind::Dovecot("maildir"),
            _ => return Err(format!("{name}: known are dovecot-mdbox and dovecot-maildir")),
        });
    }
    let dir = crate::root().join(&args.dir);
    let _ = fs::remove_dir_all(&dir);
    let mut benches = Vec::new();
    for kind in kinds {
        eprintln!("{}: {} messages ...", kind.name(), sizes.messages);
        let server = Server::start(kind, &dir.join(kind.name()))?;
        benches.push(Bench::fill(server, sizes)?);
    }
    let mut report = Report::new(sizes, rounds);
    for round in 0..rounds {
        for row in ROWS.iter().filter(|row| asked(row.name) && (round == 0 || !row.is_once)) {
            for bench in &mut benches {
                let before = process::usage(bench.pid());
                let name = bench.kind().name();
                let value = (row.run)(bench).map_err(|error| format!("{} on {name}: {error}", row.name))?;
                let after = process::usage(bench.pid());
                let figure = Figure {
                    value,
                    cpu_seconds: (after.cpu_seconds - before.cpu_seconds).max(0.0),
                    written_octets: after.written_octets.saturating_sub(before.written_octets),
                };
                eprintln!("{round} {name:16} {:45} {}", row.name, row.unit.text(value));
                report.add(row, &name, figure);
            }
        }
    }
    let mut memory = BTreeMap::new();
    for bench in benches {
        memory.insert(bench.kind().name(), process::usage(bench.pid()).own_kib);
        bench.stop()?;
    }
    println!("{}", report.table(&memory));
    if let Some(file) = &args.json {
        fs::write(file, report.json(&memory)).map_err(while_doing("the JSON file"))?;
    }
    fs::remove_dir_all(&dir).map_err(while_doing("cleaning up"))
}
