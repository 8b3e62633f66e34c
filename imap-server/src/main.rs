//! The `restante` command.

use std::process::ExitCode;

use clap::Parser as _;
use imap_server::cli::Args;

fn main() -> ExitCode {
    match Args::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("restante: {failure}");
            ExitCode::FAILURE
        }
    }
}
