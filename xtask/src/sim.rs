//! `sim`: the store under generated work on a disk that fails, from seeds.

use std::process::Command;

/// The store's own code is optimized, with its assertions on: a seed takes a fraction of the time.
const OPTIMIZED: [&str; 2] =
    ["profile.dev.package.imap-store.opt-level=1", "profile.dev.package.imap-proto.opt-level=1"];

/// Runs the simulation for seeds from `from` up to, not with, `to`, so many at once, each to its end. A seed fixes work
/// and faults; the store's threads still run as they like, so one that failed may have to be run some times before it
/// fails again.
pub(super) fn run(from: u64, to: u64, jobs: u64) -> Result<(), String> {
    let name = "generated_work_on_a_failing_disk_keeps_every_promise";
    let status = Command::new(env!("CARGO"))
        .args(OPTIMIZED.iter().flat_map(|setting| ["--config", setting]))
        .args(["test", "-p", "imap-store", "--lib", name, "--", "--nocapture"])
        .env("RESTANTE_SIM_SEEDS", format!("{from}..{to}"))
        .env("RESTANTE_SIM_JOBS", jobs.to_string())
        .current_dir(super::root())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            Err("the seeds named above failed: run one alone with `cargo xtask sim --seed N`".to_owned())
        }
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
}
