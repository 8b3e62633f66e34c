//! [`FileStamp`]: whether a file is still the one that was read.

use std::path::Path;
use std::time::SystemTime;

/// Another one after every change of a file, also where an editor put a new file in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileStamp(Option<(SystemTime, u64, u64)>);

impl FileStamp {
    /// Of the file as it is now; all missing files are alike. Asks the file system.
    pub(crate) fn of(path: &Path) -> Self {
        let stamp =
            std::fs::metadata(path).and_then(|found| Ok((found.modified()?, found.len(), inode(&found))));
        Self(stamp.ok())
    }
}

#[cfg(unix)]
fn inode(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}
