//! The command line: [`Args`]. `serve` runs a server; every other verb speaks the admin API to a running one.

mod access;
mod manage;
mod serve;
mod store;

use std::path::PathBuf;
use std::time::Duration;

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
    ///
    /// Without a configuration file (docs/restante.toml has every key) it listens on loopback addresses and unprivileged
    /// ports; flags win over the file. Once everything answers, one line `ready imap=ADDR imaps=ADDR lmtp=ADDR
    /// admin=PATH` is printed. The log goes to the standard error; RESTANTE_LOG says how much of it: `warn`, `info`,
    /// `debug`. SIGTERM and Ctrl-C stop the server, SIGHUP reads the certificate again.
    Serve(serve::ServeArgs),
    /// Users and their passwords.
    #[command(subcommand)]
    User(manage::UserVerb),
    /// Mailboxes of a user.
    #[command(subcommand)]
    Mailbox(manage::MailboxVerb),
    /// Passwords of single programs, which can be revoked alone.
    #[command(subcommand)]
    AppPassword(access::AppPasswordVerb),
    /// Sessions that are logged in.
    #[command(subcommand)]
    Session(access::SessionVerb),
    /// Addresses that are banned after too many failures.
    #[command(subcommand)]
    Ban(access::BanVerb),
    /// TLS certificates.
    #[command(subcommand)]
    Certificate(access::CertificateVerb),
    /// Read certificates again, as SIGHUP does.
    Reload,
    /// The mail store: its state, checks, room, backups.
    #[command(subcommand)]
    Store(store::StoreVerb),
    /// Expunged messages.
    #[command(subcommand)]
    Message(store::MessageVerb),
    /// How the running server is.
    Status,
}

/// How long threads may still work when the command is done.
const LAST_WORK: Duration = Duration::from_secs(5);

/// What went wrong, in one sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Args {
    /// Does what was asked.
    pub fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(self.run_async());
        // Work on other threads that nobody waits for any more must not keep the process.
        runtime.shutdown_timeout(LAST_WORK);
        done
    }

    async fn run_async(self) -> Result<(), Failure> {
        let data = self.data;
        let known_data = data.clone().unwrap_or_else(|| DEFAULT_DATA.into());
        match self.verb {
            Verb::Serve(verb) => verb.run(data).await,
            Verb::User(verb) => verb.run(&known_data, self.json).await,
            Verb::Mailbox(verb) => verb.run(&known_data, self.json).await,
            Verb::AppPassword(verb) => verb.run(&known_data, self.json).await,
            Verb::Session(verb) => verb.run(&known_data, self.json).await,
            Verb::Ban(verb) => verb.run(&known_data, self.json).await,
            Verb::Certificate(verb) => verb.run(&known_data, self.json).await,
            Verb::Reload => access::reload(&known_data, self.json).await,
            Verb::Store(verb) => verb.run(&known_data, self.json).await,
            Verb::Message(verb) => verb.run(&known_data, self.json).await,
            Verb::Status => manage::status(&known_data, self.json).await,
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
