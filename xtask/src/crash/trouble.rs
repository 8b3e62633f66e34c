//! [`Trouble`]: what goes wrong with the disk, beside the kills.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::CrashArgs;
use super::disk::Image;
use crate::load::random::Random;
use crate::load::{Failure, Server, while_doing};

pub(super) enum Trouble {
    /// Nothing.
    None,
    /// What was not synced is lost.
    PowerCut(Image),
    /// Now and then there is no room.
    FullDisk(Image),
    /// Reads, writes and syncs fail.
    IoErrors,
}

/// Of the image whose power is cut; it has holes.
const LARGE: &str = "4G";
/// Of the one that is to be full: about what all clients together may have.
const SMALL: &str = "160M";
/// Segments such that room comes back by compaction.
const SMALL_SEGMENTS: &str = "[store]\nsegment-octets = 8388608\n";
/// What a full disk still has.
const LEFT_OVER: &[u64] = &[0, 0, 4 << 10, 64 << 10, 1 << 20];
/// One operation of so many fails.
const ONE_IN: &[u64] = &[100, 1_000, 3_000, 10_000, 30_000];

impl Trouble {
    /// As `args` asks for, below `home`.
    pub(super) fn wanted(args: &CrashArgs, dir: &Path, home: &Path) -> Result<Self, Failure> {
        let image = |size| Image::make(dir.join("image"), home.join("data"), size);
        Ok(match args {
            CrashArgs { power: true, .. } => Self::PowerCut(image(LARGE)?),
            CrashArgs { disk_full: true, .. } => Self::FullDisk(image(SMALL)?),
            CrashArgs { io_errors: true, .. } => Self::IoErrors,
            _ => Self::None,
        })
    }

    /// For the last line.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::None => "kills",
            Self::PowerCut(_) => "power cuts",
            Self::FullDisk(_) => "kills on a disk that fills",
            Self::IoErrors => "kills on a disk that fails",
        }
    }

    /// Whether the server may refuse to change something.
    pub(super) fn may_refuse(&self) -> bool {
        matches!(self, Self::FullDisk(_) | Self::IoErrors)
    }

    /// A server without faults on what is there. One that says that it has no room gets some.
    pub(super) fn start(&self, home: &Path) -> Result<Server, Failure> {
        let Self::FullDisk(image) = self else { return Server::start_ours(home, "", None) };
        match Server::start_ours(home, SMALL_SEGMENTS, None) {
            Err(reason) if reason.contains("No space left on device") => {
                eprintln!("not started for want of room, which it gets now");
                image.give_back();
                Server::start_ours(home, SMALL_SEGMENTS, None)
            }
            started => started,
        }
    }

    /// One to work with: where the disk is to fail, it is another one.
    pub(super) fn troubled(&self, server: Server, random: &mut Random) -> Result<Server, Failure> {
        if !matches!(self, Self::IoErrors) {
            return Ok(server);
        }
        let home = server.home.clone();
        server.stop()?;
        Server::start_ours(&home, "", Some((random.next(), *random.choose(ONE_IN))))
    }

    /// What happens while clients work.
    pub(super) fn go_on(&self, random: &mut Random) -> Result<(), Failure> {
        let Self::FullDisk(image) = self else {
            sleep(random, 100, 1_500);
            return Ok(());
        };
        // It may have been full at the start; room for some, then for none, and then perhaps for all.
        sleep(random, 0, 500);
        image.give_back();
        sleep(random, 200, 1_200);
        image.fill(*random.choose(LEFT_OVER))?;
        sleep(random, 200, 1_700);
        if random.below(2) == 0 {
            image.give_back();
            sleep(random, 0, 1_500);
        }
        Ok(())
    }

    /// Kills the server; where the power is cut: what the disk held then.
    pub(super) fn end(&self, server: &Server) -> Result<Option<PathBuf>, Failure> {
        let pid = Pid::from_raw(server.pid().cast_signed()).expect("a process");
        let copy = match self {
            Self::PowerCut(image) => {
                // Nothing is acknowledged while the disk is copied.
                kill_process(pid, Signal::STOP).map_err(while_doing("stopping the server"))?;
                Some(image.cut()?)
            }
            _ => None,
        };
        kill_process(pid, Signal::KILL).map_err(while_doing("killing the server"))?;
        Ok(copy)
    }

    /// Behind the server's end.
    pub(super) fn settle(&mut self, copy: Option<PathBuf>) -> Result<(), Failure> {
        match (self, copy) {
            (Self::PowerCut(image), Some(copy)) => image.replace(&copy),
            _ => Ok(()),
        }
    }
}

/// For some milliseconds.
fn sleep(random: &mut Random, from: u64, below: u64) {
    std::thread::sleep(Duration::from_millis(from + random.next() % (below - from)));
}
