//! [`Samples`]: what the server holds in the course of a soak, and whether it grows.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One look at a process and its directory.
#[derive(Debug, Clone, Copy)]
struct Sample {
    minute: f64,
    resident_kib: u64,
    open_files: usize,
    data_kib: u64,
}

pub(super) struct Samples {
    pid: u32,
    data: PathBuf,
    begin: Instant,
    taken: Vec<Sample>,
}

impl Samples {
    /// None yet.
    pub(super) fn of(pid: u32, data: &Path) -> Self {
        Self { pid, data: data.to_owned(), begin: Instant::now(), taken: Vec::new() }
    }

    /// Takes one when the last was taken that long ago, and says whether it did.
    pub(super) fn take_if_due(&mut self, every: Duration) -> bool {
        let minute = self.begin.elapsed().as_secs_f64() / 60.0;
        let is_due = self.taken.last().is_none_or(|last| minute - last.minute >= every.as_secs_f64() / 60.0);
        if is_due {
            let open_files = fs::read_dir(format!("/proc/{}/fd", self.pid)).map_or(0, Iterator::count);
            let (resident_kib, data_kib) = (resident_kib(self.pid), octets_in(&self.data) / 1024);
            self.taken.push(Sample { minute, resident_kib, open_files, data_kib });
        }
        is_due
    }

    /// The last one, for a person.
    pub(super) fn last(&self) -> String {
        self.taken.last().map_or_else(String::new, |it| {
            format!(
                "{:.1} min: {} KiB resident, {} open files, {} KiB on disk",
                it.minute, it.resident_kib, it.open_files, it.data_kib
            )
        })
    }

    /// How memory and disk grow over the last two thirds.
    pub(super) fn slope(&self) -> String {
        let late = &self.taken[self.taken.len() / 3..];
        let slope_of = |value: fn(&Sample) -> u64| {
            slope(&late.iter().map(|it| (it.minute, value(it) as f64)).collect::<Vec<_>>())
        };
        format!(
            "over the last two thirds resident memory grows by {:.1} KiB a minute, the disk by {:.1} KiB",
            slope_of(|it| it.resident_kib),
            slope_of(|it| it.data_kib)
        )
    }
}

/// Of the line with the least squares; 0 where there is none.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|it| it.0), mean(|it| it.1));
    let above: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let below: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What the files of a directory take, holes left out; those that go meanwhile take nothing.
fn octets_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let octets = entries.filter_map(|entry| {
        let about = entry.metadata().ok()?;
        Some(if about.is_dir() { octets_in(&entry.path()) } else { about.blocks() * 512 })
    });
    octets.sum()
}

#[test]
fn the_slope_is_that_of_the_line_through_the_points() {
    assert_eq!(slope(&[(1.0, 5.0), (2.0, 7.0), (3.0, 9.0)]), 2.0);
    assert_eq!(slope(&[(1.0, 5.0), (2.0, 8.0), (3.0, 5.0)]), 0.0);
    assert_eq!(slope(&[(1.0, 5.0)]), 0.0);
}
