//! `bench`: our server beside Dovecot, the same mail, the same work, in turn; medians, spread and ratio.
//!
//! It runs in the release profile with the feature `load`; without it this chore builds the server and runs itself again.

#[cfg(feature = "load")]
mod changes;
#[cfg(feature = "load")]
mod filled;
#[cfg(feature = "load")]
mod idle;
#[cfg(feature = "load")]
mod logins;
#[cfg(feature = "load")]
mod memory;
#[cfg(feature = "load")]
mod opening;
#[cfg(feature = "load")]
mod reads;
#[cfg(feature = "load")]
mod report;
#[cfg(feature = "load")]
mod rows;
#[cfg(feature = "load")]
mod run;
#[cfg(feature = "load")]
mod together;

use std::path::PathBuf;

use clap::Args;

/// What is measured, and how much of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// Only rows whose name contains one of these; `store` alone: the benches of imap-store, which need no server.
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
    /// Idle connections over TLS for the rows about them; `max`: what the limit of open files allows.
    #[arg(long, default_value = "1000", value_parser = idle)]
    idle: Idle,
    /// Servers beside ours: dovecot-mdbox (or mdbox), dovecot-maildir (or maildir); none: `--beside ""`.
    #[arg(long, value_delimiter = ',', default_value = "dovecot-mdbox")]
    beside: Vec<String>,
    /// Where the servers keep their mail: a real disk, with room for twice the mail.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Everything again for each of these numbers of messages: how the work grows.
    #[arg(long, value_delimiter = ',')]
    scale: Vec<usize>,
    /// Work of so many connections, for each of these numbers.
    #[arg(long, value_delimiter = ',')]
    connections: Vec<usize>,
    /// Real mail (`cargo xtask corpus`) again and again, or made up.
    #[arg(long, value_enum, default_value_t = Source::Generated)]
    mail: Source,
    /// Count the syncs of each row by strace. The times of such a run say nothing.
    #[arg(long)]
    syncs: bool,
    /// Write the figures there too, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Where the mail comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Source {
    /// Looks like that of people.
    Generated,
    /// That of the corpus, each time with a Message-ID of its own.
    Corpus,
}

/// `None`: as many as may be. A name of its own, since the parser would take an `Option` for a flag that may be missing.
type Idle = Option<usize>;

fn idle(text: &str) -> Result<Idle, String> {
    match text {
        "max" => Ok(None),
        number => number.parse().map(Some).map_err(|_| "it is a number, or `max`".to_owned()),
    }
}

/// Runs what `args` asks for.
pub(crate) fn run(args: &BenchArgs) -> Result<(), String> {
    if args.filters == ["store"] { store() } else { rows(args) }
}

/// The store through its own interface, beside a bare log.
fn store() -> Result<(), String> {
    let status = std::process::Command::new(env!("CARGO"))
        .args(["bench", "-p", "imap-store"])
        .current_dir(crate::root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("a bench of the store failed".to_owned()) }
}

#[cfg(feature = "load")]
fn rows(args: &BenchArgs) -> Result<(), String> {
    run::run(args)
}

/// Builds what it takes, and runs it.
#[cfg(not(feature = "load"))]
fn rows(_args: &BenchArgs) -> Result<(), String> {
    crate::in_release("load", &["imap-server"])
}
