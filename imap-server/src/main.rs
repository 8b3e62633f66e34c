//! The `restante` command.

use std::process::ExitCode;

use clap::Parser as _;
use imap_server::cli::Args;

/// glibc's keeps what was freed: each password's hash of 19 MiB is made in whichever of its heaps, and what small pieces
/// lie behind it pin it there, so that a server of many logins grew by hundreds of MiB.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match Args::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("restante: {failure}");
            ExitCode::FAILURE
        }
    }
}
