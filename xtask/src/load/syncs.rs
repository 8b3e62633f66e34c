//! [`SyncCount`]: how often a server has the disk confirm, counted by strace.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::process::family;
use super::{Failure, while_doing};

/// Traces a process and its descendants, which slows them: times taken beside it say nothing.
pub(crate) struct SyncCount {
    strace: Child,
    told: tempfile::NamedTempFile,
}

impl SyncCount {
    /// Returns when every process is traced.
    pub(crate) fn start(pid: u32) -> Result<Self, Failure> {
        let told = tempfile::NamedTempFile::new().map_err(while_doing("a file for strace"))?;
        let processes = family(pid);
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "trace=fsync,fdatasync,msync,sync_file_range", "-o"]).arg(told.path());
        for process in &processes {
            command.args(["-p", &process.to_string()]);
        }
        let mut strace =
            command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(while_doing("strace"))?;
        let mut lines = BufReader::new(strace.stderr.take().expect("piped")).lines();
        for _ in &processes {
            let line = lines.next().transpose().map_err(while_doing("strace"))?;
            if !line.as_ref().is_some_and(|line| line.contains("attached")) {
                return Err(format!("strace does not trace: {}", line.unwrap_or_default()));
            }
        }
        // What it says later is not read, and must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { strace, told })
    }

    /// Lets the processes go; how often they synced.
    pub(crate) fn end(mut self) -> Result<u64, Failure> {
        let pid = Pid::from_raw(self.strace.id().cast_signed()).expect("a process");
        kill_process(pid, Signal::INT).map_err(while_doing("ending strace"))?;
        self.strace.wait().map_err(while_doing("ending strace"))?;
        let told = fs::read_to_string(self.told.path()).map_err(while_doing("what strace told"))?;
        // A call that another process's interrupts is told in two lines.
        let calls = told.lines().filter(|line| line.contains("sync") && !line.contains("resumed>"));
        Ok(calls.count() as u64)
    }
}
