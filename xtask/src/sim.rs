//! `sim`: the store under generated work on a disk that fails, from seeds.

use std::process::Command;

/// Runs the simulation for seeds from `from` up to, not with, `to`. A seed fixes work and faults; the store's threads
/// still run as they like, so one that failed may have to be run some times before it fails again.
pub(super) fn run(from: u64, to: u64) -> Result<(), String> {
    let name = "generated_work_on_a_failing_disk_keeps_every_promise";
    let status = Command::new(env!("CARGO"))
        .args(["test", "-p", "imap-store", "--lib", name, "--", "--nocapture"])
        .env("RESTANTE_SIM_SEEDS", format!("{from}..{to}"))
        .current_dir(super::root())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("the last seed above failed: run it alone with `cargo xtask sim --seed N`".to_owned()),
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
}
