//! What the system says of a process and its children: CPU time and memory; and of a disk.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// Sums over a process and all its descendants.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Seconds of CPU, of ended children too.
    pub(crate) cpu_seconds: f64,
    /// Resident now. Pages that processes share are counted in each: see `own_kib`.
    pub(crate) resident_kib: u64,
    /// Proportional share of resident pages, where the system tells; 0 otherwise.
    pub(crate) own_kib: u64,
}

/// What `pid` and its descendants have used until now.
pub(crate) fn usage(pid: u32) -> Usage {
    let mut sum = Usage::default();
    for pid in family(pid) {
        let Some(fields) = stat(pid) else { continue };
        // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), here counted from the third on.
        let ticks: u64 = fields[11..15].iter().map(|field| field.parse::<u64>().unwrap_or(0)).sum();
        sum.cpu_seconds += ticks as f64 / 100.0;
        sum.resident_kib += keyed(&format!("/proc/{pid}/status"), "VmRSS:");
        sum.own_kib += keyed(&format!("/proc/{pid}/smaps_rollup"), "Pss:");
    }
    sum
}

/// Octets that were written to the device below `dir` since the machine started, by whomever; 0 where it is on none.
///
/// What `/proc/<pid>/io` says of a process is no measure: with every page it counts the whole folio that it lies in, and
/// so up to 25 times as much for small writes into a file of zeros.
pub(crate) fn device_written_octets(dir: &Path) -> u64 {
    const SECTOR_OCTETS: u64 = 512;
    let sectors = || {
        let device = rustix::fs::stat(dir).ok()?.st_dev;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
        stat.split_whitespace().nth(6)?.parse::<u64>().ok()
    };
    sectors().unwrap_or(0) * SECTOR_OCTETS
}

/// A process and all its descendants.
pub(crate) fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return vec![root] };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids {
        if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut seen) = (vec![root], HashSet::from([root]));
    let mut at = 0;
    while let Some(&pid) = found.get(at) {
        at += 1;
        found.extend(children.get(&pid).into_iter().flatten().copied().filter(|&child| seen.insert(child)));
    }
    found
}

/// The fields of proc_pid_stat(5) behind the name, which may hold anything: the first is the state.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    let fields: Vec<String> = fields.split_whitespace().map(str::to_owned).collect();
    (fields.len() > 20).then_some(fields)
}

fn keyed(file: &str, key: &str) -> u64 {
    let Ok(text) = fs::read_to_string(file) else { return 0 };
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Seconds of CPU that this process has used, without those of its children.
pub(crate) fn own_cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Lets this process open as many files as it may; how many these are.
pub(crate) fn raise_open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where it stays as it is, that is the answer.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_has_memory_and_uses_time() {
        let pid = std::process::id();
        assert!(super::usage(pid).resident_kib > 500);
    }
}
