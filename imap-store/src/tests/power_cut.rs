//! The power goes on a real file system: ext4 on an image, which is copied while a process that fills a store on it is
//! stopped. What only the page cache has is not in the copy.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use imap_proto::types::SeqNum;
use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::blocking::block_on;

const CHILD_DIR: &str = "RESTANTE_TEST_STORE";
const PEOPLE: [&str; 2] = ["alice", "bob"];
const CUTS: usize = 4;

/// An image, and where it is mounted; unmounted when dropped.
struct Image {
    file: PathBuf,
    mount: PathBuf,
}

impl Image {
    /// Mounts what is in `file`; what kept it from that.
    fn mounted(file: PathBuf) -> Result<Self, String> {
        let mount = file.with_extension("mount");
        std::fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(&mount))?;
        Ok(Self { file, mount })
    }

    fn new(dir: &Path) -> Result<Self, String> {
        let file = dir.join("disk");
        run(Command::new("truncate").args(["-s", "384M"]).arg(&file))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&file))?;
        Self::mounted(file)
    }

    /// Another disk, with what this one holds now.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.file.with_file_name(name);
        run(Command::new("cp").arg("--sparse=always").arg(&self.file).arg(&copy)).expect("copied");
        copy
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // It stays mounted if somebody is still at work there, and the directory cannot be removed then.
        let _ = run(Command::new("umount").arg(&self.mount));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end())),
    }
}

fn durable() -> Options {
    Options { durability: Durability::Sync, segment_octets: 4 << 20, ..options() }
}

/// Of 100 octets to some chunks.
fn text_of(label: u32) -> String {
    let octets = match label % 20 {
        0 => 700_000,
        1..=8 => 20_000,
        _ => 100,
    };
    format!("Subject: {label}\r\n\r\n{}", "x".repeat(octets))
}

/// Not a test of its own: what the other one stops. It appends to a store and says what was acknowledged.
#[test]
#[ignore = "the child of another test"]
fn appends_until_stopped() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let store = Store::open(Path::new(&dir), durable()).expect("opens").0;
    let accounts = PEOPLE.map(|name| {
        let user = block_on(store.create_user(name, Vec::new())).expect("new");
        store.account(user.account).expect("loads")
    });
    let work = |who: usize, first: u32| {
        let account = &accounts[who];
        for label in (first..).step_by(4) {
            let uid = block_on(append(account, "INBOX", &text_of(label), ""));
            println!("\nacknowledged {who} {uid} {label}");
            if label % 7 == 0 {
                let change = crate::account::FlagChange::Add(flags("\\Flagged"));
                let inbox = mailbox(account, "INBOX").id();
                block_on(account.store_flags(inbox, set([uid]), change, None)).expect("stored");
                println!("\nflagged {who} {uid} {label}");
            }
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|at| drop(scope.spawn(move || work(at as usize % 2, at)))));
}

/// What a child was told: whose message, its UID, its label, and whether it has a flag.
type Told = (usize, u32, u32, bool);

fn read(line: &str) -> Option<Told> {
    let (what, rest) = line.split_once(' ')?;
    let mut numbers = rest.split(' ').map(|it| it.parse::<u32>().ok());
    let (who, uid, label) = (numbers.next()??, numbers.next()??, numbers.next()??);
    matches!(what, "acknowledged" | "flagged").then_some((who as usize, uid, label, what == "flagged"))
}

#[test]
fn power_cut_of_a_file_system_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = match Image::new(dir.path()) {
        Ok(disk) => disk,
        Err(reason) => return println!("skipped: no image can be mounted here: {reason}"),
    };
    let mut child = Command::new(std::env::current_exe().expect("our own program"))
        .args(["--exact", "tests::power_cut::appends_until_stopped", "--ignored", "--nocapture"])
        .env(CHILD_DIR, disk.mount.join("store"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let told: Mutex<Vec<Told>> = Mutex::default();
    let so_far = || told.lock().expect("pushed only").clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for line in lines.map_while(Result::ok) {
                told.lock().expect("pushed only").extend(read(&line));
            }
        });
        let mut child = Stopped(&mut child);
        let mut seen = 0;
        for cut in 0..CUTS {
            // Each cut falls somewhere else in what the store does.
            while so_far().len() < seen + 25 + 10 * cut {
                assert!(child.0.try_wait().expect("a child").is_none(), "the store failed");
                std::thread::park_timeout(Duration::from_millis(3));
            }
            let acknowledged = so_far();
            seen = acknowledged.len();
            child.signal(Signal::STOP);
            let copy = disk.copy(&format!("cut{cut}"));
            child.signal(Signal::CONT);
            compare(copy, &acknowledged);
        }
    });
    child.wait().expect("gone");
}

/// A child that is killed when this is dropped, so that nobody waits for it for ever.
struct Stopped<'a>(&'a mut Child);

impl Stopped<'_> {
    fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(self.0), signal).expect("it is there");
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
    }
}

/// Opens what a cut left: all that was acknowledged is there, to its octets.
fn compare(copy: PathBuf, acknowledged: &[Told]) {
    let disk = Image::mounted(copy).expect("mounted as the other was");
    let (store, report) = Store::open(&disk.mount.join("store"), durable()).expect("opens");
    let is_leap = |line: &&String| line.contains("go ahead");
    assert_eq!(report.findings.iter().find(is_leap), None, "nothing is lost: {report:?}");
    let accounts = PEOPLE.map(|name| store.account(store.user(name).expect("made").account).expect("loads"));
    for &(who, uid, label, is_flagged) in acknowledged {
        let snapshot = accounts[who].snapshot();
        let inbox = snapshot.mailbox_named(&MailboxName::inbox()).expect("all have one");
        let message = inbox.get(super::uid(uid));
        let message = message.unwrap_or_else(|| panic!("{label} has gone: {} of {who}", inbox.len()));
        let octets = accounts[who].read(&snapshot, &message, 0..u64::MAX).expect("readable");
        assert!(octets == text_of(label).as_bytes(), "{label} has other octets");
        assert!(!is_flagged || message.flags.has(SystemFlag::Flagged), "{label} has lost its flag");
    }
    for account in &accounts {
        assert!(mailbox(account, "INBOX").iter_from(SeqNum::MIN).count() > 0);
    }
    let found = store.check().expect("readable");
    assert!(found.is_sound(), "{found:?}");
    store.close();
    std::fs::remove_file(&disk.file).expect("the mount keeps it");
}
