//! What `serve --demo` prints.

use std::fmt::Write;
use std::path::Path;

use super::{Prepared, USER};
use crate::server::{Server, TlsMade};

/// Stands for the password when it was told at an earlier start.
const PLACEHOLDER: &str = "PASSWORD";

/// The text for a server that runs, with lines to paste.
pub fn text(server: &Server, data: &Path, prepared: &Prepared) -> String {
    let port = |kind: &str| {
        let found = server.listeners().iter().find(|info| info.kind == kind);
        found.and_then(|info| info.address.rsplit_once(':')).map(|(_, port)| port.to_owned())
    };
    let (files, made) = server.tls_files();
    compose(&Facts {
        data: &data.display().to_string(),
        certificate: &files.certificate.display().to_string(),
        key: &files.key.display().to_string(),
        made,
        imap: port("imap").as_deref(),
        imaps: port("imaps").as_deref(),
        password: prepared.password.as_deref(),
        to_append: &prepared.to_append.display().to_string(),
        program: &std::env::args().next().unwrap_or_else(|| "restante".into()),
    })
}

/// Everything the text speaks of.
struct Facts<'a> {
    data: &'a str,
    certificate: &'a str,
    key: &'a str,
    made: TlsMade,
    /// The port.
    imap: Option<&'a str>,
    /// The port.
    imaps: Option<&'a str>,
    password: Option<&'a str>,
    to_append: &'a str,
    /// How this program was called.
    program: &'a str,
}

fn compose(facts: &Facts<'_>) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = introduce(&mut out, facts);
    let _ = warn(&mut out, facts);
    let _ = settings(&mut out, facts);
    let _ = lines_to_paste(&mut out, facts);
    out
}

fn introduce(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    writeln!(out, "\nRestante serves a demonstration from {}.\n", facts.data)?;
    writeln!(out, "  user      {USER}")?;
    match facts.password {
        Some(password) => {
            writeln!(out, "  password  {password}     (kept nowhere: this is the only time you see it)")
        }
        None => {
            writeln!(
                out,
                "  password  as it was told when the user was made; below it stands as {PLACEHOLDER}"
            )?;
            writeln!(out, "            a new one: {} user passwd {USER}", facts.command())
        }
    }
}

impl Facts<'_> {
    /// The command line for this server, up to the verb.
    fn command(&self) -> String {
        format!("{} --data {}", quoted(self.program), quoted(self.data))
    }
}

fn warn(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    writeln!(out, "\nMIND")?;
    if facts.made != TlsMade::Given {
        writeln!(out, "  The certificate is SELF-SIGNED: good for this machine, and for nothing else.")?;
        writeln!(out, "    {}", facts.certificate)?;
        writeln!(out, "    {}  (the key: only you can read it)", facts.key)?;
    }
    if facts.imap.is_some() {
        writeln!(
            out,
            "  Passwords are taken WITHOUT TLS on the plain port, which only this machine can reach."
        )?;
    }
    Ok(())
}

fn settings(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    writeln!(out, "\nA MAIL PROGRAM")?;
    if let Some(port) = facts.imaps {
        writeln!(out, "  server localhost, port {port}, SSL/TLS, normal password, user {USER}")?;
    }
    if let Some(port) = facts.imap {
        writeln!(out, "  server localhost, port {port}, STARTTLS, normal password, user {USER}")?;
    }
    Ok(())
}

fn lines_to_paste(out: &mut String, facts: &Facts<'_>) -> std::fmt::Result {
    let password = facts.password.unwrap_or(PLACEHOLDER);
    if let Some(port) = facts.imaps {
        let certificate = quoted(facts.certificate);
        let curl = format!("curl --cacert {certificate} --user {USER}:{password}");
        let url = format!("imaps://localhost:{port}");
        writeln!(out, "\nMAILBOXES, AND A MESSAGE, BY CURL (it checks the certificate)")?;
        writeln!(out, "  {curl} '{url}/'")?;
        writeln!(out, "  {curl} '{url}/INBOX;MAILINDEX=2'")?;
        writeln!(out, "  {curl} '{url}/Projects%2FGarden' -X 'FETCH 1 (FLAGS BODYSTRUCTURE)' -v")?;
        writeln!(out, "\nTWO SESSIONS: this one waits ...")?;
        writeln!(
            out,
            "  (printf 'a LOGIN {USER} {password}\\r\\nb SELECT INBOX\\r\\nc IDLE\\r\\n'; sleep 600) | openssl s_client -quiet -verify_return_error -CAfile {certificate} -connect localhost:{port}"
        )?;
        writeln!(out, "... and is told at once when this one, in another terminal, hands in a message:")?;
        writeln!(out, "  {curl} -T {} '{url}/INBOX'", quoted(facts.to_append))?;
    }
    if let Some(port) = facts.imap {
        writeln!(out, "\nA SESSION OF 1988 (IMAP2), ON THE SAME MAILBOX")?;
        writeln!(
            out,
            "  printf 'A1 LOGIN {USER} {password}\\r\\nA2 SELECT INBOX\\r\\nA3 FETCH 1:* FAST\\r\\nA4 FETCH 1 RFC822.HEADER\\r\\nA5 LOGOUT\\r\\n' | nc 127.0.0.1 {port}"
        )?;
    }
    writeln!(out, "\nTHE OPERATOR'S SIDE")?;
    let command = facts.command();
    writeln!(out, "  {command} mailbox list {USER}")?;
    writeln!(out, "  {command} status --json")?;
    writeln!(
        out,
        "  kill -9 {}     (and start again: whatever was answered OK is there)",
        std::process::id()
    )?;
    writeln!(out, "\nCtrl-C stops the server; the data stay.")
}

/// As a shell reads it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'_> = Facts {
        data: "./my data",
        certificate: "./my data/tls/cert.pem",
        key: "./my data/tls/key.pem",
        made: TlsMade::Now,
        imap: Some("1143"),
        imaps: Some("1993"),
        password: Some("abcd2345"),
        to_append: "./my data/demo-message.eml",
        program: "target/release/restante",
    };

    #[test]
    fn the_first_start_tells_the_password_and_the_warnings() {
        let text = compose(&FACTS);
        for expected in [
            "password  abcd2345",
            "SELF-SIGNED",
            "WITHOUT TLS",
            "curl --cacert './my data/tls/cert.pem' --user demo:abcd2345 'imaps://localhost:1993/'",
            "nc 127.0.0.1 1143",
            "-T './my data/demo-message.eml'",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.contains(" -k "));
    }

    #[test]
    fn a_later_start_says_how_to_set_a_new_password() {
        let text = compose(&Facts { password: None, imap: None, ..FACTS });
        assert!(text.contains("target/release/restante --data './my data' user passwd demo"), "{text}");
        assert!(!text.contains("WITHOUT TLS") && !text.contains(" nc "));
    }

    #[test]
    fn quoting_is_the_shells() {
        assert_eq!(quoted("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
