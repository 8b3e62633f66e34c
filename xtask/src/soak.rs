//! `soak`: many sessions on the same mailboxes through real sockets, each picture compared with the store.

use std::process::Command;

/// Runs `sessions` sessions for some seconds. The seed fixes what each would do next, not how they meet.
pub(super) fn run(seconds: u64, sessions: u64, seed: u64) -> Result<(), String> {
    let name = "every_session_has_the_picture_that_the_store_has";
    let status = Command::new(env!("CARGO"))
        .args(["test", "-p", "imap-server", "--test", "it", name, "--", "--nocapture"])
        .env("RESTANTE_SOAK", format!("{seconds} {sessions} {seed}"))
        .current_dir(super::root())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("a session was told what is not so, or the server failed".to_owned()),
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
}
