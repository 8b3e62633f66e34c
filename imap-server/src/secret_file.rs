//! `DATA/secret`: random octets that are the same after every restart and that nobody else can read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imap_auth::Secret;

use crate::durable_file;

/// Where it is.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("secret")
}

/// Reads the secret, or makes it at the first start. A file of another length is damage: an error, since a new
/// secret would show which users are made up. Who removes the file gets a new one.
pub(crate) fn read_or_make(data: &Path) -> io::Result<Secret> {
    let path = path(data);
    match fs::read(&path) {
        Ok(octets) if octets.len() == OCTETS => return Ok(Secret::new(octets)),
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it has to have 32 octets")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut octets = [0; OCTETS];
    getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
    let secret = Secret::new(octets);
    durable_file::replace(&path, 0o600, secret.expose())?;
    Ok(secret)
}

const OCTETS: usize = 32;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn made_once_and_private() {
        let data = tempfile::tempdir().expect("a directory");
        // What a crash left.
        fs::write(data.path().join("secret.new"), "half").expect("written");
        let made = read_or_make(data.path()).expect("made");
        assert_eq!(made.expose().len(), 32);
        assert_ne!(made.expose(), [0; 32]);
        let mode = fs::metadata(path(data.path())).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = read_or_make(data.path()).expect("read");
        assert_eq!(read.expose(), made.expose());
    }

    #[test]
    fn a_damaged_one_is_not_replaced() {
        let data = tempfile::tempdir().expect("a directory");
        fs::write(path(data.path()), "short").expect("written");
        assert!(read_or_make(data.path()).is_err());
        assert_eq!(fs::read(path(data.path())).expect("there"), b"short");
    }
}
