//! Plays the dialogues in `tests/transcripts/<family>/<case>.imap`, each in several ways, and wants the same octets
//! each time. [`script`] says what such a file may hold.
//!
//! `UPDATE=1` rewrites the lines of the server; a person reads the diff. `TRANSCRIPT=move` plays only the files with
//! that in their path.

mod idlers;
mod imap2;
mod pattern;
mod play;
mod qresync;
mod script;
mod stage;
mod streams;
mod turns;
mod views;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use play::Pieces;
use script::Script;

/// Random splits of every file are made of these.
const SEEDS: [u64; 3] = [1, 7, 1988];

#[test]
fn transcripts() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let update = std::env::var_os("UPDATE").is_some();
    let wanted = std::env::var("TRANSCRIPT").unwrap_or_default();
    let mut failures = String::new();
    let files = files();
    for file in files.iter().filter(|file| file.to_string_lossy().contains(&wanted)) {
        let text = std::fs::read_to_string(file).expect("a transcript is UTF-8");
        let script = Script::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if update {
            let new = runtime.block_on(play::update(&script));
            if new != text {
                std::fs::write(file, new).expect("the transcript can be written");
            }
            continue;
        }
        let splits = SEEDS.map(Pieces::Random);
        let ways = [Pieces::Lines, Pieces::Octets, Pieces::Pipelined].into_iter().chain(splits);
        for pieces in ways.filter(|pieces| *pieces != Pieces::Pipelined || script.can_be_pipelined()) {
            if let Err(failure) = runtime.block_on(play::play(&script, pieces)) {
                writeln!(failures, "{}, in {pieces:?}: {failure}", file.display()).expect("a String");
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(update || !wanted.is_empty() || files.len() >= 40, "only {} transcripts were found", files.len());
}

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let list = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).expect("the directory is there");
        entries.map(|entry| entry.expect("it can be listed").path()).collect()
    };
    let mut files: Vec<PathBuf> =
        list(&root).iter().filter(|path| path.is_dir()).flat_map(|family| list(family)).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "imap"));
    files.sort();
    files
}
