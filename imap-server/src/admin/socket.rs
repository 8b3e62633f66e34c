//! The socket of the admin API: mode 0600 from its first moment, and no stale file ever in the way.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use tokio::net::UnixListener;

/// A Unix socket's path has room for that many octets and a final NUL (`sun_path` on Linux).
pub(super) const PATH_OCTETS_MAX: usize = 107;

/// Why the admin API has no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The system cannot take such a path.
    #[error(
        "the path of the admin socket has {octets} octets, and the system takes {PATH_OCTETS_MAX} at the most: name a shorter one with --admin ({path})"
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        octets: usize,
    },
    /// Somebody answers there.
    #[error("another server answers on the admin socket {path}")]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// Something lies there that is no socket; it is left alone.
    #[error("{path} is no socket: name another path with --admin")]
    Foreign {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot listen on the admin socket {path}: {error}")]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// Binds the socket; a file that a killed server left behind is removed.
///
/// The process's file mode mask is narrowed for the moment of binding, so that nobody else can connect before the mode
/// is set.
pub fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    check_length(path)?;
    let failed = |error| SocketError::Io { path: path.to_owned(), error };
    remove_stale(path)?;
    let before = rustix::process::umask(Mode::from_raw_mode(0o077));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound.map_err(failed)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

pub(super) fn check_length(path: &Path) -> Result<(), SocketError> {
    let octets = path.as_os_str().as_bytes().len();
    if octets <= PATH_OCTETS_MAX {
        return Ok(());
    }
    Err(SocketError::PathTooLong { path: path.to_owned(), octets })
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SocketError::Io { path: path.to_owned(), error }),
        Ok(found) => found,
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::Foreign { path: path.to_owned() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(SocketError::InUse { path: path.to_owned() }),
        Err(_) => {
            std::fs::remove_file(path).map_err(|error| SocketError::Io { path: path.to_owned(), error })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_owner_may_connect_and_a_stale_file_is_no_hindrance() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("admin.sock");
        let listener = bind(&path).expect("bound");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(bind(&path), Err(SocketError::InUse { .. })));
        // What kill -9 leaves: a file that nobody listens on.
        drop(listener);
        assert!(path.exists());
        bind(&path).expect("the stale file is replaced");
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("precious");
        std::fs::write(&path, "text").expect("written");
        assert!(matches!(bind(&path), Err(SocketError::Foreign { .. })));
        assert_eq!(std::fs::read(&path).expect("there"), b"text");
    }

    #[test]
    fn a_path_over_the_systems_bound_is_refused_by_name() {
        assert!(check_length(Path::new(&"a".repeat(107))).is_ok());
        let error = check_length(Path::new(&"a".repeat(108))).expect_err("too long");
        assert!(error.to_string().contains("108 octets"), "{error}");
    }
}
