//! Chores of the workspace: `cargo xtask NAME`.
//!
//! Every chore is a subcommand here, so that continuous integration and a person at a terminal run the very same thing.

mod abuse;
mod bench;
mod ci;
mod codegen;
mod corpus;
mod crash;
mod extensions;
mod licences;
#[cfg(feature = "load")]
mod load;
mod sim;
mod soak;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the Restante workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything a change must pass: format, lints, docs, licences, generated code, tidy, tests.
    Ci {
        /// Run the tests with real mail programs too, with this Python, which has the packages that they need.
        #[arg(long, value_name = "PYTHON")]
        python: Option<PathBuf>,
    },
    /// The invariants of the code that a program can check.
    Tidy,
    /// Write the gRPC code of the admin API from its .proto file, and docs/EXTENSIONS.md from the grammar.
    Codegen {
        /// Write nothing; fail when what is committed is stale.
        #[arg(long)]
        check: bool,
    },
    /// The store under generated work on a disk that fails; each seed gives one course of events.
    Sim {
        /// One seed.
        #[arg(long, conflicts_with = "seeds")]
        seed: Option<u64>,
        /// Seeds from A up to, not with, B.
        #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..200")]
        seeds: (u64, u64),
        /// So many seeds at once.
        #[arg(long, default_value_t = 2)]
        jobs: u64,
    },
    /// Fetch real mail for tests and benches into target/corpus (20 MB, once).
    Corpus,
    /// Many sessions on the same mailboxes through real sockets, each compared with the store.
    Soak(soak::SoakArgs),
    /// Our server beside Dovecot: the same mail, the same work, in turn.
    Bench(bench::BenchArgs),
    /// The server killed in the middle of work, again and again: nothing acknowledged may be lost.
    Crash(crash::CrashArgs),
    /// What other users feel of attackers and of broken programs.
    Abuse(abuse::AbuseArgs),
    /// The licences of all dependencies against the allow-list, and crates that must not be there.
    Licences,
}

fn main() -> ExitCode {
    let result = match Args::parse().chore {
        Chore::Ci { python } => ci::run(python.as_deref()),
        Chore::Tidy => tidy::run(),
        Chore::Codegen { check } => extensions::run(check).and_then(|()| codegen::run(check)),
        Chore::Sim { seed: Some(seed), .. } => sim::run(seed, seed + 1, 1),
        Chore::Sim { seed: None, seeds: (from, to), jobs } => sim::run(from, to, jobs),
        Chore::Corpus => corpus::run(),
        Chore::Soak(args) => soak::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Crash(args) => crash::run(&args),
        Chore::Abuse(args) => abuse::run(&args),
        Chore::Licences => licences::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Reads `A..B`.
fn seeds(text: &str) -> Result<(u64, u64), String> {
    let bounds = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    bounds
        .filter(|(from, to)| from < to)
        .ok_or_else(|| "it is two numbers, the smaller first: 0..200".to_owned())
}

/// Builds `packages` and runs this very command again, both in the release profile, with a feature of xtask on.
#[cfg(not(feature = "load"))]
fn in_release(feature: &str, packages: &[&str]) -> Result<(), String> {
    let mut build = vec!["build", "--quiet", "--release"];
    packages.iter().for_each(|package| build.extend(["-p", package]));
    cargo(build)?;
    let again =
        ["run", "--quiet", "--release", "-p", "xtask", "--features", feature, "--"].map(str::to_owned);
    cargo(again.into_iter().chain(std::env::args().skip(1)))
}

#[cfg(not(feature = "load"))]
fn cargo<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<(), String> {
    let status = std::process::Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("it failed".to_owned()) }
}

/// The workspace's root: the folder above this crate.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}
