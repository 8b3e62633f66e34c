//! `crash`: the real server is killed in the middle of real work, started again, and compared with what it had acknowledged.
//!
//! It runs in the release profile with the feature `load`; without it this chore builds the server and runs itself again.

#[cfg(feature = "load")]
mod client;
#[cfg(feature = "load")]
mod disk;
#[cfg(feature = "load")]
mod people;
#[cfg(feature = "load")]
mod picture;
#[cfg(feature = "load")]
mod run;
#[cfg(feature = "load")]
mod trouble;

use std::path::PathBuf;

use clap::Args;

/// How often, by how many, and how it ends.
#[derive(Debug, Clone, Args)]
pub(crate) struct CrashArgs {
    /// How often the server is killed.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Connections that work meanwhile, over four users.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Chooses the work and the moments; threads still run as they like.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cut the power instead, as far as a file system on an image goes: what was not synced is lost too. Needs root.
    #[arg(long)]
    power: bool,
    /// Now and then fill the disk, which is small, and give its room back. Needs root.
    #[arg(long, conflicts_with = "power")]
    disk_full: bool,
    /// Let reads, writes and syncs of the log fail, by a build of the server that can be told to.
    #[arg(long, conflicts_with_all = ["power", "disk_full"])]
    io_errors: bool,
    /// Where the server keeps its mail.
    #[arg(long, default_value = "target/crash")]
    dir: PathBuf,
}

/// Runs the kills that `args` asks for; the first difference is the error.
#[cfg(feature = "load")]
pub(crate) fn run(args: &CrashArgs) -> Result<(), String> {
    run::run(args)
}

/// Builds what it takes, and runs it.
#[cfg(not(feature = "load"))]
pub(crate) fn run(args: &CrashArgs) -> Result<(), String> {
    if args.io_errors {
        let faulty = ["-p", "imap-server", "--features", "faults", "--bin", "restante-faults"];
        crate::cargo([&["build", "--quiet", "--release"], &faulty[..]].concat())?;
    }
    crate::in_release("load", &["imap-server"])
}
