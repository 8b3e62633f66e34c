//! `ci`: everything a change must pass, step by step; the last line sums up tests and steps.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use crate::{codegen, extensions, licences, tidy};

/// Runs every step, also after one failed, and prints `N passed, N failed` as the last line: tests count one each, and
/// so does every step that is no test run. With `python`, the tests with real mail programs are run too.
pub(super) fn run(python: Option<&Path>) -> Result<(), String> {
    let mut sums = Sums::default();
    step(&mut sums, "format", || cargo(&["fmt", "--all", "--check"], &[]));
    step(&mut sums, "tidy", tidy::run);
    step(&mut sums, "licences", licences::run);
    step(&mut sums, "generated code", || extensions::run(true).and_then(|()| codegen::run(true)));
    step(&mut sums, "lints", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], &[])
    });
    for features in ["client", "server", "ldap", "oauth"] {
        step(&mut sums, &format!("imap-auth with {features} only"), || {
            let only =
                ["clippy", "--quiet", "-p", "imap-auth", "--no-default-features", "--features", features];
            cargo(&[&only[..], &["--", "-D", "warnings"]].concat(), &[])
        });
    }
    step(&mut sums, "docs", || {
        cargo(&["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
    });
    let nextest = Command::new(env!("CARGO"))
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let cargo = Path::new(env!("CARGO"));
    if nextest {
        let arguments = ["nextest", "run", "--workspace", "--no-fail-fast"];
        tests(&mut sums, "tests", Runner::Nextest, cargo, &arguments);
        let arguments = ["test", "--doc", "--workspace", "--no-fail-fast"];
        tests(&mut sums, "doc tests", Runner::Libtest, cargo, &arguments);
    } else {
        tests(&mut sums, "tests", Runner::Libtest, cargo, &["test", "--workspace", "--no-fail-fast"]);
    }
    // As the README has it: there must be one that is run where none is named.
    step(&mut sums, "binary", || {
        self::cargo(&["run", "--quiet", "--package", "imap-server", "--", "serve", "--help"], &[])
    });
    for chore in [&["bench", "--quick", "--beside", ""][..], &["crash", "--kills", "3", "--clients", "8"]] {
        step(&mut sums, chore[0], || smoke(chore));
    }
    if let Some(python) = python {
        tests(&mut sums, "real clients", Runner::Plain, python, &["imap-server/tests/real-clients/run.py"]);
    }
    for failure in &sums.failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed", sums.passed, sums.failed);
    if sums.failed == 0 { Ok(()) } else { Err("not everything passed".into()) }
}

/// Who runs tests, and so how the results are told. Each reads its own lines only: a failed test's output, which the
/// runner repeats, may hold another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    /// `test result: ...`, once a binary.
    Libtest,
    /// `Summary [...] ...`, once.
    Nextest,
    /// `N passed, N failed`, once.
    Plain,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

impl Sums {
    fn fail(&mut self, what: String) {
        self.failed += 1;
        self.failures.push(what);
    }
}

fn step(sums: &mut Sums, name: &str, chore: impl FnOnce() -> Result<(), String>) {
    println!("== {name}");
    let began = Instant::now();
    match chore() {
        Ok(()) => sums.passed += 1,
        Err(failure) => {
            println!("{failure}");
            sums.fail(name.to_owned());
        }
    }
    println!("== {name}: {:.1} s", began.elapsed().as_secs_f32());
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(crate::root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}

/// A chore with the load generator on what was built for the tests: shows that it works, and nothing of how fast.
fn smoke(chore: &[&str]) -> Result<(), String> {
    let run = ["run", "--quiet", "--package", "xtask", "--features", "load", "--"];
    let binary = crate::root().join("target/debug/restante");
    let binary = binary.to_str().ok_or("the workspace lies where no text leads")?;
    let dir = format!("target/smoke/{}", chore[0]);
    cargo(&[&run[..], chore, &["--dir", &dir]].concat(), &[("RESTANTE_BINARY", binary)])
}

/// A test run: what its own summary lines say is added to the sums.
fn tests(sums: &mut Sums, name: &str, runner: Runner, program: &Path, arguments: &[&str]) {
    println!("== {name}");
    let began = Instant::now();
    let (passed, failed, success) = match counted(runner, program, arguments) {
        Ok(counted) => counted,
        Err(failure) => return sums.fail(format!("{name}: {failure}")),
    };
    sums.passed += passed;
    sums.failed += failed;
    if failed > 0 {
        sums.failures.push(format!("{name}: {failed} tests"));
    } else if !success {
        // It did not compile, or a test process died without a word.
        sums.fail(name.to_owned());
    }
    println!("== {name}: {:.1} s", began.elapsed().as_secs_f32());
}

/// Runs a program, shows its output as it comes, and returns the tests passed, failed, and whether the run succeeded.
fn counted(runner: Runner, program: &Path, arguments: &[&str]) -> Result<(u64, u64, bool), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("CARGO_TERM_COLOR", "never")
        .current_dir(crate::root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let (lines, received) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|out| forward(out, lines.clone())),
        child.stderr.take().map(|err| forward(err, lines)),
    ];
    let (mut passed, mut failed) = (0, 0);
    for line in received {
        let _ = writeln!(std::io::stdout(), "{line}");
        if let Some((good, bad)) = runner.summary(&line) {
            passed += good;
            failed += bad;
        }
    }
    for reader in readers.into_iter().flatten() {
        reader.join().map_err(|_| "a reader of its output died")?;
    }
    let status = child.wait().map_err(|error| format!("{}: {error}", program.display()))?;
    Ok((passed, failed, status.success()))
}

fn forward(from: impl Read + Send + 'static, lines: mpsc::Sender<String>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    })
}

impl Runner {
    /// What a summary line says of passed and failed tests.
    fn summary(self, line: &str) -> Option<(u64, u64)> {
        match self {
            Self::Libtest => Some(counts(line.strip_prefix("test result:")?)),
            Self::Nextest => Some(counts(line.trim_start().strip_prefix("Summary [")?.split_once(':')?.1)),
            Self::Plain => {
                let (passed, rest) = line.split_once(" passed, ")?;
                Some((passed.parse().ok()?, rest.strip_suffix(" failed")?.parse().ok()?))
            }
        }
    }
}

/// The numbers before `passed`, and before `failed` and its relatives.
fn counts(text: &str) -> (u64, u64) {
    let words: Vec<&str> =
        text.split([' ', ',', ';', '.', '(', ')']).filter(|part| !part.is_empty()).collect();
    let count = |word: &str| -> u64 {
        words.windows(2).filter(|pair| pair[1] == word).filter_map(|pair| pair[0].parse::<u64>().ok()).sum()
    };
    // `2 timed out` and `1 exec failed` read as the words 2, timed, out and 1, exec, failed.
    (count("passed"), count("failed") + count("timed") + count("exec"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_every_runner_are_read() {
        let cases = [
            (
                Runner::Libtest,
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
                (12, 0),
            ),
            (
                Runner::Libtest,
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
                (3, 2),
            ),
            (
                Runner::Nextest,
                "     Summary [   1.234s] 40 tests run: 40 passed (1 slow), 2 skipped",
                (40, 0),
            ),
            (
                Runner::Nextest,
                "     Summary [   9.000s] 10 tests run: 7 passed, 2 failed, 1 timed out, 0 skipped",
                (7, 3),
            ),
            (Runner::Plain, "31 passed, 2 failed", (31, 2)),
        ];
        for (runner, line, expected) in cases {
            assert_eq!(runner.summary(line), Some(expected), "{line}");
            for other in [Runner::Libtest, Runner::Nextest, Runner::Plain] {
                assert!(other == runner || other.summary(line).is_none(), "{other:?} reads {line}");
            }
        }
    }

    #[test]
    fn a_test_result_inside_a_failed_tests_output_does_not_count() {
        assert_eq!(Runner::Nextest.summary("    test result: FAILED. 0 passed; 1 failed; 0 ignored"), None);
        assert_eq!(Runner::Libtest.summary("    test result: FAILED. 0 passed; 1 failed; 0 ignored"), None);
        assert_eq!(Runner::Plain.summary("test a passed, 1 failed"), None);
    }
}
