//! [`Image`]: a file system on an image, whose power can be cut, where what was not synced is not in the image; and
//! that can be full.

use std::fs;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::load::{Failure, while_doing};

/// An ext4 file system in a file, mounted; unmounted when it is dropped.
pub(super) struct Image {
    file: PathBuf,
    mount: PathBuf,
}

impl Image {
    /// A fresh one of that size, as truncate(1) has it, in `file`, mounted on `mount`.
    pub(super) fn make(file: PathBuf, mount: PathBuf, size: &str) -> Result<Self, Failure> {
        fs::create_dir_all(&mount).map_err(while_doing("a folder"))?;
        let image = Self { file, mount };
        run(Command::new("truncate").args(["-s", size]).arg(&image.file))?;
        // Nothing is set aside for root, who is us.
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image.file))?;
        image.attach()?;
        Ok(image)
    }

    /// Takes all room but so many octets.
    pub(super) fn fill(&self, but_octets: u64) -> Result<(), Failure> {
        let ballast = fs::File::options().create(true).append(true).open(self.ballast());
        let ballast = ballast.map_err(while_doing("the ballast"))?;
        let found = rustix::fs::statvfs(&self.mount).map_err(while_doing("the room on the image"))?;
        let taken = (found.f_bavail * found.f_frsize).saturating_sub(but_octets);
        let at = ballast.metadata().map_err(while_doing("the ballast"))?.len();
        if taken == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(ballast.as_fd(), rustix::fs::FallocateFlags::empty(), at, taken) {
            // The server was quicker, or the file system needs some of it for itself.
            Ok(()) | Err(rustix::io::Errno::NOSPC) => Ok(()),
            Err(error) => Err(format!("the ballast: {error}")),
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub(super) fn give_back(&self) {
        // It may not be there.
        let _ = fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.mount.join("ballast")
    }

    /// Copies what the disk holds now: with every process on it stopped, that is what a power cut leaves.
    pub(super) fn cut(&self) -> Result<PathBuf, Failure> {
        let copy = self.file.with_extension("cut");
        run(Command::new("cp").arg("--sparse=always").arg(&self.file).arg(&copy))?;
        Ok(copy)
    }

    /// Goes on with what a cut left. Nobody may have a file open on it.
    pub(super) fn replace(&mut self, copy: &Path) -> Result<(), Failure> {
        run(Command::new("umount").arg(&self.mount))?;
        fs::rename(copy, &self.file).map_err(while_doing("the image"))?;
        self.attach()
    }

    fn attach(&self) -> Result<(), Failure> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.file).arg(&self.mount))
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
