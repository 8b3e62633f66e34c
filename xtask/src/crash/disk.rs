//! [`Image`]: a file system on an image, whose power can be cut: what was not synced is not in the image.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::load::{Failure, while_doing};

/// An ext4 file system in a file, mounted; unmounted when it is dropped.
pub(super) struct Image {
    file: PathBuf,
    mount: PathBuf,
}

impl Image {
    /// A fresh one.
    pub(super) fn make(dir: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir.join("mount")).map_err(while_doing("a folder"))?;
        let image = Self { file: dir.join("image"), mount: dir.join("mount") };
        run(Command::new("truncate").args(["-s", "4G"]).arg(&image.file))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image.file))?;
        image.mounted()
    }

    /// Where it is mounted.
    pub(super) fn dir(&self) -> &Path {
        &self.mount
    }

    /// Copies what the disk holds now: with every process on it stopped, that is what a power cut leaves.
    pub(super) fn cut(&self) -> Result<PathBuf, Failure> {
        let copy = self.file.with_extension("cut");
        run(Command::new("cp").arg("--sparse=always").arg(&self.file).arg(&copy))?;
        Ok(copy)
    }

    /// Goes on with what a cut left.
    pub(super) fn replaced(self, copy: &Path) -> Result<Self, Failure> {
        let (file, mount) = (self.file.clone(), self.mount.clone());
        drop(self);
        std::fs::rename(copy, &file).map_err(while_doing("the image"))?;
        Self { file, mount }.mounted()
    }

    fn mounted(self) -> Result<Self, Failure> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.file).arg(&self.mount))?;
        Ok(self)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Err(failure) = run(Command::new("umount").arg(&self.mount)) {
            eprintln!("{failure}");
        }
    }
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
}
