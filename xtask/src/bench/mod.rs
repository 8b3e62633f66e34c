//! `bench`: our server beside Dovecot, the same mail, the same work, in turn; medians, spread and ratio.
//!
//! It runs in the release profile with the feature `load`; without it this chore builds the server and runs itself again.

#[cfg(feature = "load")]
mod logins;
#[cfg(feature = "load")]
mod report;
#[cfg(feature = "load")]
mod rows;
#[cfg(feature = "load")]
mod run;

use std::path::PathBuf;

use clap::Args;

/// What is measured, and how much of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// Only rows whose name contains one of these.
    filters: Vec<String>,
    /// Small and short: shows that everything runs, not how fast.
    #[arg(long)]
    quick: bool,
    /// Messages in the large mailbox.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Octets of a message in the large mailbox, on average; elsewhere they have 20,000.
    #[arg(long, default_value_t = 4_000)]
    octets: usize,
    /// How often each row is measured on each server, in turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Idle connections over TLS for the rows about them.
    #[arg(long, default_value_t = 1_000)]
    idle: usize,
    /// Servers beside ours: dovecot-mdbox, dovecot-maildir; none: `--beside ""`.
    #[arg(long, value_delimiter = ',', default_value = "dovecot-mdbox")]
    beside: Vec<String>,
    /// Where the servers keep their mail: a real disk, with room for twice the mail.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Everything again for each of these numbers of messages: how the work grows.
    #[arg(long, value_delimiter = ',')]
    scale: Vec<usize>,
    /// Count the syncs of each row by strace. The times of such a run say nothing.
    #[arg(long)]
    syncs: bool,
    /// Write the figures there too, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Runs the rows that `args` asks for.
#[cfg(feature = "load")]
pub(crate) fn run(args: &BenchArgs) -> Result<(), String> {
    run::run(args)
}

/// Builds what it takes, and runs it.
#[cfg(not(feature = "load"))]
pub(crate) fn run(_args: &BenchArgs) -> Result<(), String> {
    crate::in_release("load", &["imap-server"])
}
