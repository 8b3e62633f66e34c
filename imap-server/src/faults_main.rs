//! The `restante` command with a disk that can be told to fail: for `cargo xtask crash --io-errors`, never installed.

use std::process::ExitCode;

use clap::Parser as _;
use imap_server::cli::Args;

fn main() -> ExitCode {
    match Args::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("restante-faults: {failure}");
            ExitCode::FAILURE
        }
    }
}
