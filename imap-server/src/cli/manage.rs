//! The verbs that speak to a running server.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use clap::Subcommand;
use imap_auth::Secret;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Failure, print};
use crate::admin::UserDetailInfo;
use crate::admin::client::Client;
use crate::admin::sharing::{AclInfo, Owned};
use crate::runfile::RunFile;

/// More octets than that are no password.
const PASSWORD_READ_MAX: u64 = 64 << 10;

/// Users and their passwords.
#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Make a user with an empty account.
    Add {
        /// `alice` or `alice@example.org`; these are two different users.
        name: String,
        /// Read the password from the standard input; one line end behind it does not count.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Every user by name.
    List,
    /// What a user is and may do.
    Show {
        /// The user.
        name: String,
    },
    /// Keep a user out; the user's sessions end.
    Disable {
        /// The user.
        name: String,
    },
    /// Let a user in again.
    Enable {
        /// The user.
        name: String,
    },
    /// Say what a user may do.
    Role {
        /// The user.
        name: String,
        /// `admin` may act as any other user (by the authorization identity of SASL); `user` may not.
        role: Role,
    },
    /// Take a hash as Dovecot writes it, for a new or a known user.
    ///
    /// `{ARGON2ID}`, `{SHA512-CRYPT}`, `{BLF-CRYPT}`, `{SSHA}` or `{SCRAM-SHA-256}`; read from the standard input where
    /// it does not stand here, so that it is not seen among the processes.
    Import {
        /// The user.
        name: String,
        /// The hash.
        hash: Option<String>,
    },
    /// Remove a user.
    Delete {
        /// The user.
        name: String,
    },
    /// Set a user's password.
    Passwd {
        /// The user.
        name: String,
        /// Read the password from the standard input; one line end behind it does not count.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// What a user may do beside reading their own mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// Nothing.
    User,
    /// Act as any other user.
    Admin,
}

/// Mailboxes of a user.
#[derive(Debug, Subcommand)]
pub(super) enum MailboxVerb {
    /// Every mailbox of a user.
    List {
        /// The user.
        user: String,
    },
    /// Who may do what with a mailbox (RFC 4314); with WHOM and RIGHTS, changes that.
    Acl {
        /// The user whose mailbox it is; with `--shared`, the shared account.
        owner: String,
        /// The mailbox, as its owner names it; INBOX is what others see as `Shared Folders/NAME` of a shared account.
        mailbox: String,
        /// A user, `anyone`, or `$` and a group; `-` before it takes the rights away.
        #[arg(requires = "rights", allow_hyphen_values = true)]
        whom: Option<String>,
        /// Letters of `lrswipkxtea`; `+w` adds, `-w` removes; an empty string removes the entry.
        #[arg(allow_hyphen_values = true)]
        rights: Option<String>,
        /// The owner is a shared account.
        #[arg(long)]
        shared: bool,
    },
    /// Every shared account: they are no person's.
    Shared,
    /// Make a shared account; whom `acl` allows sees it as `Shared Folders/NAME`.
    Share {
        /// Its name: one level of a mailbox name.
        name: String,
    },
    /// Remove a shared account and its mail.
    Unshare {
        /// Its name.
        name: String,
    },
}

impl UserVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let client = connect(data).await?;
        match self {
            Self::Add { name, password_stdin } => {
                let password = read_password(password_stdin)?;
                let made = client.create_user(&name, &password).await?;
                answer(json, &made, || format!("user {} made", made.name))
            }
            Self::List => {
                let users = client.users().await?;
                let names = || users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join("\n");
                answer_list(json, &users, names)
            }
            Self::Show { name } => {
                let user = client.user(&name).await?;
                answer(json, &user, || describe(&user))
            }
            Self::Disable { name } => {
                let user = client.update_user(&name, Some(true), None).await?;
                answer(json, &user, || format!("user {name} disabled"))
            }
            Self::Enable { name } => {
                let user = client.update_user(&name, Some(false), None).await?;
                answer(json, &user, || format!("user {name} enabled"))
            }
            Self::Role { name, role } => {
                let user = client.update_user(&name, None, Some(role == Role::Admin)).await?;
                answer(json, &user, || describe(&user))
            }
            Self::Import { name, hash } => {
                let hash = match hash {
                    Some(hash) => Secret::new(hash),
                    None => read_password(true)?,
                };
                let user = client.import_hash(&name, &hash).await?;
                answer(json, &user, || format!("hash of {name} imported"))
            }
            Self::Delete { name } => {
                client.delete_user(&name).await?;
                answer(json, &Named { name: &name }, || format!("user {name} deleted"))
            }
            Self::Passwd { name, password_stdin } => {
                let password = read_password(password_stdin)?;
                client.set_password(&name, &password).await?;
                answer(json, &Named { name: &name }, || format!("password of {name} set"))
            }
        }
    }
}

impl MailboxVerb {
    pub(super) async fn run(self, data: &Path, json: bool) -> Result<(), Failure> {
        let client = connect(data).await?;
        let user = match self {
            Self::List { user } => user,
            Self::Acl { owner, mailbox, whom, rights, shared } => {
                let owner = if shared { Owned::Shared(owner) } else { Owned::User(owner) };
                let acl = match (whom, rights) {
                    (Some(whom), Some(rights)) => client.set_acl(owner, &mailbox, &whom, &rights).await?,
                    _ => client.acl(owner, &mailbox).await?,
                };
                let line = |entry: &AclInfo| format!("{} {}", entry.identifier, entry.rights);
                return answer_list(json, &acl, || acl.iter().map(line).collect::<Vec<_>>().join("\n"));
            }
            Self::Shared => {
                let all = client.shared().await?;
                let names = || all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join("\n");
                return answer_list(json, &all, names);
            }
            Self::Share { name } => {
                let made = client.create_shared(&name).await?;
                return answer(json, &made, || format!("shared account {name} made"));
            }
            Self::Unshare { name } => {
                client.delete_shared(&name).await?;
                return answer(json, &Named { name: &name }, || format!("shared account {name} deleted"));
            }
        };
        let mailboxes = client.mailboxes(&user).await?;
        let table = || {
            let mut text = format!("{:>9} {:>9} {:>13}  NAME", "MESSAGES", "UNSEEN", "OCTETS");
            for mailbox in &mailboxes {
                text += &format!(
                    "\n{:>9} {:>9} {:>13}  {}",
                    mailbox.messages, mailbox.unseen, mailbox.size_octets, mailbox.name
                );
            }
            text
        };
        answer_list(json, &mailboxes, table)
    }
}

/// `restante status`.
pub(super) async fn status(data: &Path, json: bool) -> Result<(), Failure> {
    let status = connect(data).await?.status().await?;
    let text = || {
        let mut text = format!(
            "restante {}, serving since {}, {} connections",
            status.version, status.started_at, status.connections
        );
        for listener in &status.listeners {
            text += &format!("\n{:<6} {}", listener.kind, listener.address);
        }
        text
    };
    answer(json, &status, text)
}

fn describe(user: &UserDetailInfo) -> String {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let mut text = format!(
        "user      {}\ndisabled  {}\nadmin     {}\npassword  {}",
        user.name,
        yes(user.disabled),
        yes(user.admin),
        yes(user.has_password)
    );
    if let Some(expires) = &user.expires {
        text += &format!("\nexpires   {expires}");
    }
    for password in &user.application_passwords {
        text += &format!("\napp       {}", password.name);
    }
    text
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

pub(super) async fn connect(data: &Path) -> Result<Client, Failure> {
    Ok(Client::connect(&RunFile::find(data)?).await?)
}

pub(super) fn answer<T: Serialize>(
    json: bool,
    value: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    print(&if json { serde_json::to_string(value)? } else { text() });
    Ok(())
}

/// The same for a list: nothing at all is printed of an empty one for people.
pub(super) fn answer_list<T: Serialize>(
    json: bool,
    value: &[T],
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if value.is_empty() && !json {
        return Ok(());
    }
    answer(json, &value, text)
}

fn read_password(from_stdin: bool) -> Result<Secret, Failure> {
    if from_stdin {
        let mut octets = Zeroizing::new(Vec::new());
        std::io::stdin().lock().take(PASSWORD_READ_MAX).read_to_end(&mut octets)?;
        return Ok(Secret::new(without_line_end(&octets)));
    }
    if !std::io::stdin().is_terminal() {
        return Err("the password is asked for on a terminal; use --password-stdin in a script".into());
    }
    let first = ask("Password: ")?;
    let again = ask("The same again: ")?;
    if first.expose() != again.expose() {
        return Err("the two passwords are not the same".into());
    }
    Ok(first)
}

/// Takes one line end off, as `echo` and editors leave it.
fn without_line_end(octets: &[u8]) -> &[u8] {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    octets.strip_suffix(b"\r").unwrap_or(octets)
}

/// Asks on the terminal without showing what is typed.
fn ask(prompt: &str) -> Result<Secret, Failure> {
    let stdin = std::io::stdin();
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    let shown = tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let mut line = Zeroizing::new(Vec::new());
    let read = stdin.lock().take(PASSWORD_READ_MAX).read_until(b'\n', &mut line);
    tcsetattr(&stdin, OptionalActions::Now, &shown)?;
    eprintln!();
    read?;
    Ok(Secret::new(without_line_end(&line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_taken_off() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"secret", b"secret"),
            (b"secret\n", b"secret"),
            (b"secret\r\n", b"secret"),
            (b"secret\n\n", b"secret\n"),
            (b" secret \n", b" secret "),
            (b"", b""),
        ];
        for (given, kept) in cases {
            assert_eq!(without_line_end(given), kept, "{given:?}");
        }
    }
}
