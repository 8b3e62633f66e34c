//! The command line: [`Args`]. `serve` runs a server; every other verb speaks the admin API to a running one.

mod manage;
mod serve;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::DEFAULT_DATA;

/// A mail server: IMAP from 1988 to today, on one port.
///
/// Try it: `restante serve --demo` makes a data directory, a certificate, a user and some mail, and tells what to do
/// with them.
#[derive(Debug, Parser)]
#[command(name = "restante", version, propagate_version = true, arg_required_else_help = true)]
pub struct Args {
    /// The server's data directory [default: ./restante-data, or what the configuration says].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Users and their passwords.
    #[command(subcommand)]
    User(manage::UserVerb),
    /// Mailboxes of a user.
    #[command(subcommand)]
    Mailbox(manage::MailboxVerb),
    /// How the running server is.
    Status,
}

/// What went wrong, in one sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Args {
    /// Does what was asked.
    pub fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let data = self.data;
        let known_data = data.clone().unwrap_or_else(|| DEFAULT_DATA.into());
        match self.verb {
            Verb::Serve(verb) => runtime.block_on(verb.run(data)),
            Verb::User(verb) => runtime.block_on(verb.run(&known_data, self.json)),
            Verb::Mailbox(verb) => runtime.block_on(verb.run(&known_data, self.json)),
            Verb::Status => runtime.block_on(manage::status(&known_data, self.json)),
        }
    }
}

/// Writes a line to the standard output at once. A reader that is gone is no failure of ours.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_data_directory_may_stand_before_and_behind_the_verb() {
        for line in [["restante", "--data", "/d", "status"], ["restante", "status", "--data", "/d"]] {
            let args = Args::try_parse_from(line).expect("both are fine");
            assert_eq!(args.data, Some("/d".into()));
        }
    }
}
