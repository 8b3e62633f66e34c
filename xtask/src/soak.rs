//! `soak`: many sessions on the same mailboxes through real sockets, each picture compared with the store.

use std::process::Command;

use clap::Args;

/// How long, by how many, and how fast.
#[derive(Debug, Clone, Args)]
pub(crate) struct SoakArgs {
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
    #[arg(long, default_value_t = 16)]
    sessions: u64,
    /// Fixes what each session would do next, not how they meet.
    #[arg(long, default_value_t = 1988)]
    seed: u64,
    /// Milliseconds that each session waits behind each step: leaves the machine to others.
    #[arg(long, default_value_t = 0)]
    pace: u64,
    /// Seconds that the server keeps expunged messages. By default they are kept for 30 days, and memory grows by them.
    #[arg(long, default_value_t = 60)]
    retention: u64,
}

/// Soaks the release build of the server.
pub(super) fn run(args: &SoakArgs) -> Result<(), String> {
    let SoakArgs { seconds, sessions, seed, pace, retention } = args;
    cargo(&mut Command::new(env!("CARGO")), &["build", "--release", "-p", "imap-server"])?;
    let plan = format!("seconds={seconds} sessions={sessions} seed={seed} pace={pace} retention={retention}");
    let mut command = Command::new(env!("CARGO"));
    command.env("RESTANTE_SOAK", plan).env("RESTANTE_BINARY", super::root().join("target/release/restante"));
    let name = "every_session_has_the_picture_that_the_store_has";
    cargo(&mut command, &["test", "-p", "imap-server", "--test", "it", name, "--", "--nocapture"])
        .map_err(|_| "a session was told what is not so, or the server failed".to_owned())
}

fn cargo(command: &mut Command, arguments: &[&str]) -> Result<(), String> {
    match command.args(arguments).current_dir(super::root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("it was not built".to_owned()),
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
}
