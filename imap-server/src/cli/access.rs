//! The verbs of who gets in: application passwords, sessions, bans, certificates.

use std::path::Path;

use clap::Subcommand;
use serde::Serialize;

use super::Failure;
use super::manage::{answer, answer_list, connect};

/// Passwords of single programs, which can be revoked alone.
#[derive(Debug, Subcommand)]
pub(super) enum AppPasswordVerb {
    /// Make one; it is shown now and never again.
    Add {
        /// The user.
        user: String,
        /// What it is called: the program or device.
        name: String,
        /// Only for this protocol (`imap`); may be given several times.
        #[arg(long, value_name = "PROTOCOL")]
        protocol: Vec<String>,
        /// Only from this network (192.0.2.0/24); may be given several times.
        #[arg(long, value_name = "NETWORK")]
        network: Vec<String>,
    },
    /// Those of a user.
    List {
        /// The user.
        user: String,
    },
    /// Take one away; the user's sessions end.
    Revoke {
        /// The user.
        user: String,
        /// Its name.
        name: String,
    },
}

/// Sessions that are logged in.
#[derive(Debug, Subcommand)]
pub(super) enum SessionVerb {
    /// Who is in, from where, how.
    List {
        /// Only of this user.
        #[arg(default_value = "")]
        user: String,
    },
    /// End one session by its number, or all of a user.
    Kick {
        /// A number as listed, or a user's name.
        #[arg(value_name = "NUMBER|USER")]
        target: String,
        /// TARGET is a user, also where it looks like a number.
        #[arg(long)]
        user: bool,
    },
}

/// Addresses that are banned after too many failures.
#[derive(Debug, Subcommand)]
pub(super) enum BanVerb {
    /// Who is banned, and for how long.
    List,
    /// Forget the failures of an address, a network as listed, or a user.
    Lift {
        /// The address, network or user.
        target: String,
    },
}

/// TLS certificates.
#[derive(Debug, Subcommand)]
pub(super) enum CertificateVerb {
    /// Names, expiry and file of each.
    List,
}

impl AppPasswordVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let client = connect(data).await?;
        match self {
            Self::Add { user, name, protocol, network } => {
                let password = client.create_application_password(&user, &name, protocol, network).await?;
                answer(json, &Made { password: &password }, || password.clone())
            }
            Self::List { user } => {
                let passwords = client.user(&user).await?.application_passwords;
                let rows = passwords.iter().map(|one| {
                    let used = one.last_used.as_deref().unwrap_or("never");
                    let bound = [one.protocols.join(","), one.networks.join(",")].join(" ");
                    format!("{}  made {}  used {used}  {}", one.name, one.created, bound.trim())
                });
                answer_list(json, &passwords, || rows.collect::<Vec<_>>().join("\n"))
            }
            Self::Revoke { user, name } => {
                client.revoke_application_password(&user, &name).await?;
                answer(json, &Revoked { revoked: &name }, || format!("application password {name} revoked"))
            }
        }
    }
}

impl SessionVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let client = connect(data).await?;
        match self {
            Self::List { user } => {
                let sessions = client.sessions(&user).await?;
                let rows = sessions.iter().map(|one| {
                    let tls = if one.tls.is_empty() { "no TLS" } else { &one.tls };
                    let acting = if one.authenticated == one.user {
                        String::new()
                    } else {
                        format!("  (by {})", one.authenticated)
                    };
                    format!(
                        "{:>6}  {}{acting}  {}  {}  {}  {tls}  {}  since {}",
                        one.id, one.user, one.address, one.listener, one.mechanism, one.dialect, one.since
                    )
                });
                answer_list(json, &sessions, || rows.collect::<Vec<_>>().join("\n"))
            }
            Self::Kick { target, user } => {
                let number = target.parse::<u64>().ok().filter(|_| !user);
                let ended = client.kick(number.ok_or(target.as_str())).await?;
                answer(json, &Ended { sessions: ended }, || format!("{ended} sessions ended"))
            }
        }
    }
}

impl BanVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let client = connect(data).await?;
        match self {
            Self::List => {
                let bans = client.bans().await?;
                let rows =
                    bans.iter().map(|ban| format!("{}  {} more seconds", ban.address, ban.remaining_seconds));
                answer_list(json, &bans, || rows.collect::<Vec<_>>().join("\n"))
            }
            Self::Lift { target } => {
                client.lift_ban(&target).await?;
                answer(json, &Lifted { lifted: &target }, || format!("failures of {target} forgotten"))
            }
        }
    }
}

impl CertificateVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let Self::List = self;
        let certificates = connect(data).await?.certificates().await?;
        let rows = certificates.iter().map(|one| {
            format!("{}  until {}  by {}  {}", one.names.join(","), one.not_after, one.issuer, one.file)
        });
        answer_list(json, &certificates, || rows.collect::<Vec<_>>().join("\n"))
    }
}

/// `restante reload`.
pub(super) async fn reload(data: &Path, json: bool) -> Result<(), Failure> {
    connect(data).await?.reload().await?;
    answer(json, &Reloaded { reloaded: true }, || "certificates read again".to_owned())
}

#[derive(Serialize)]
struct Made<'a> {
    password: &'a str,
}

#[derive(Serialize)]
struct Revoked<'a> {
    revoked: &'a str,
}

#[derive(Serialize)]
struct Ended {
    sessions: u32,
}

#[derive(Serialize)]
struct Lifted<'a> {
    lifted: &'a str,
}

#[derive(Serialize)]
struct Reloaded {
    reloaded: bool,
}
