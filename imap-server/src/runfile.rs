//! [`RunFile`]: `server.json` in the data directory, by which the command line finds the running server.
//!
//! It decides nothing: the store's lock says who owns the data, and a file that a killed server left is only a file.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable_file;

const NAME: &str = "server.json";

/// What is written down of a running server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// The server's process.
    pub(crate) pid: u32,
    /// The admin socket; relative to the data directory where it lies inside. `None`: it has none.
    pub(crate) admin: Option<PathBuf>,
}

/// Why the running server's socket is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FindError {
    /// No server runs here.
    #[error("no server runs on {data}: start one with `restante serve --data {data}`")]
    NoServer {
        /// The data directory.
        data: PathBuf,
    },
    /// The one that was here is gone without a goodbye.
    #[error(
        "no server runs on {data}: process {pid}, which did, is gone; start one with `restante serve --data {data}`"
    )]
    Gone {
        /// The data directory.
        data: PathBuf,
        /// The process that was.
        pid: u32,
    },
    /// The server has no admin API.
    #[error("the server on {data} (process {pid}) was started with `--admin none` and takes no orders")]
    NoAdmin {
        /// The data directory.
        data: PathBuf,
        /// The server.
        pid: u32,
    },
    /// The file cannot be read.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

impl RunFile {
    /// Of this process.
    pub(crate) fn new(data: &Path, admin: Option<&Path>) -> Self {
        let admin = admin.map(|path| match path.strip_prefix(data) {
            Ok(inside) => inside.to_owned(),
            Err(_) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        });
        Self { pid: std::process::id(), admin }
    }

    /// Writes it so that a reader sees the whole or nothing.
    pub(crate) fn write(&self, data: &Path) -> io::Result<()> {
        let told = serde_json::to_vec(self).map_err(io::Error::other)?;
        durable_file::replace(&data.join(NAME), 0o644, &told)
    }

    /// Takes it away; one that is missing is fine.
    pub(crate) fn remove(data: &Path) {
        let _ = std::fs::remove_file(data.join(NAME));
    }

    /// The admin socket of the server that runs on `data`.
    pub(crate) fn find(data: &Path) -> Result<PathBuf, FindError> {
        let file = data.join(NAME);
        let found: Self = match std::fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FindError::NoServer { data: data.to_owned() });
            }
            Err(error) => return Err(FindError::Io { file, error }),
            Ok(octets) => serde_json::from_slice(&octets)
                .map_err(|error| FindError::Io { file, error: error.into() })?,
        };
        if !is_alive(found.pid) {
            return Err(FindError::Gone { data: data.to_owned(), pid: found.pid });
        }
        match found.admin {
            Some(socket) => Ok(data.join(socket)),
            None => Err(FindError::NoAdmin { data: data.to_owned(), pid: found.pid }),
        }
    }
}

/// Whether there is such a process, whoever owns it.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_server_is_found_and_a_gone_one_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path();
        assert!(matches!(RunFile::find(data), Err(FindError::NoServer { .. })));

        RunFile::new(data, Some(&data.join("admin.sock"))).write(data).expect("written");
        assert_eq!(RunFile::find(data).expect("found"), data.join("admin.sock"));
        assert_eq!(RunFile::new(data, Some(&data.join("a"))).admin.as_deref(), Some(Path::new("a")));

        RunFile::new(data, None).write(data).expect("written");
        assert!(matches!(RunFile::find(data), Err(FindError::NoAdmin { .. })));

        // Above the highest number that Linux gives to a process.
        RunFile { pid: 1 << 23, admin: None }.write(data).expect("written");
        assert!(matches!(RunFile::find(data), Err(FindError::Gone { pid: 8_388_608, .. })));
    }
}
