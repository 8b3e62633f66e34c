//! `abuse`: what other users feel of somebody who wants to harm the server, or whose program is broken.
//!
//! It runs in the release profile with the feature `load`; without it this chore builds the server and runs itself again.

#[cfg(feature = "load")]
mod attacks;
#[cfg(feature = "load")]
mod run;
#[cfg(feature = "load")]
mod victims;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Which attacks, and how long each.
#[derive(Debug, Clone, Args)]
pub(crate) struct AbuseArgs {
    /// Only attacks whose name contains one of these.
    filters: Vec<String>,
    /// How long each lasts.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Where the server keeps its mail.
    #[arg(long, default_value = "target/abuse")]
    dir: PathBuf,
    /// Be the attacker of that name: the chore starts itself so, niced, in a process of its own.
    #[arg(long, hide = true, requires_all = ["imap", "imaps"])]
    attacker: Option<String>,
    #[arg(long, hide = true)]
    imap: Option<SocketAddr>,
    #[arg(long, hide = true)]
    imaps: Option<SocketAddr>,
}

/// Runs the attacks that `args` asks for; an error when others waited too long for one, or the server failed.
#[cfg(feature = "load")]
pub(crate) fn run(args: &AbuseArgs) -> Result<(), String> {
    match (&args.attacker, args.imap, args.imaps) {
        (Some(name), Some(imap), Some(imaps)) => attacks::run(name, imap, imaps, args.seconds),
        _ => run::run(args),
    }
}

/// Builds what it takes, and runs it.
#[cfg(not(feature = "load"))]
pub(crate) fn run(_args: &AbuseArgs) -> Result<(), String> {
    crate::in_release("load", &["imap-server"])
}
