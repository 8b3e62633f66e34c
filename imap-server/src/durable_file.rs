//! Small files of the data directory: a crash or a power cut leaves the old one or the new one, never half of it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes or replaces `path`, on the disk when it returns. `mode` is the file's from the beginning. Blocking.
pub(crate) fn replace(path: &Path, mode: u32, octets: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    // What a crash left: it would keep its own mode.
    let _ = fs::remove_file(&unfinished);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => fs::File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn replaced_as_a_whole_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key.pem");
        // What a crash left.
        fs::write(dir.path().join("key.new"), "half").expect("written");
        for octets in [&b"one"[..], b"another"] {
            replace(&path, 0o600, octets).expect("replaced");
            assert_eq!(fs::read(&path).expect("there"), octets);
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }
}
