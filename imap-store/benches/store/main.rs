//! What the store does in a second: `cargo bench -p imap-store`. `docs/BENCHMARKS.md` has what came out.
//!
//! The figures are of whole operations on a real disk (the temporary directory's, or `RESTANTE_BENCH_DIR`), so
//! each is taken a few times and the median told. Words behind `--` choose: `cargo bench -p imap-store -- open`.

mod plain_log;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use imap_proto::Dialect;
use imap_proto::types::{Flag, NumberSet, SeqNum, SystemFlag};
use imap_store::account::{Account, FlagChange, MailboxId, NewMessage};
use imap_store::log::{AccountId, Log, LogOptions, Position, Seq, Waiter};
use imap_store::message::Scanner;
use imap_store::{Durability, Options, Store, StoreError};
use tokio::runtime::Runtime;

use self::plain_log::PlainLog;

/// As in the server. Messages are freed on other threads than they are made on, which the system's allocator does under
/// locks that all wait for.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long throughput is measured.
const SPAN: Duration = Duration::from_secs(2);
/// Messages in the large mailbox.
const MANY: u32 = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benches too, without this argument.
    if !arguments.iter().any(|it| it == "--bench") {
        return;
    }
    let chosen: Vec<&String> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    if let Some(at) = arguments.iter().position(|it| it == "--fill-and-die") {
        fill_and_die(Path::new(&arguments[at + 2]), &arguments[at + 1]);
    }
    let runs: [(&str, fn()); 8] = [
        ("append", appends),
        ("store", store_all),
        ("diff", diff),
        ("scan", scan),
        ("open", open),
        ("envelope", envelopes),
        ("million", || large(&MILLION)),
        ("accounts", || large(&ACCOUNTS)),
    ];
    for (name, run) in runs {
        if chosen.is_empty() || chosen.iter().any(|it| *it == name) {
            run();
        }
    }
}

fn tell(what: &str, figure: &str) {
    println!("{what:<58} {figure}");
}

/// The median time of so many runs.
fn median(runs: usize, mut run: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..runs).map(|_| run()).collect();
    times.sort();
    times[runs / 2]
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let result = run();
    (begin.elapsed(), result)
}

fn ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

fn directory() -> tempfile::TempDir {
    match std::env::var_os("RESTANTE_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
    .expect("a directory")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A mail of about that many octets.
fn mail(number: u32, octets: usize) -> Vec<u8> {
    let mut mail = format!(
        "Received: from mx.example.org by mail.example.net with ESMTPS id {number:08x};\r\n\
         \tMon, 7 Jul 2025 12:{:02}:{:02} +0200\r\n\
         Date: Mon, 7 Jul 2025 12:00:00 +0200\r\n\
         From: =?utf-8?Q?J=C3=BCrgen?= Sender <sender{}@example.org>\r\n\
         To: Reader <reader@example.net>, other@example.com\r\n\
         Subject: Number {number} of the messages to measure with\r\n\
         Message-ID: <{number}@example.org>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_{number}\"\r\n\r\n\
         --=_{number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        number / 60 % 60,
        number % 60,
        number % 97,
    );
    let line = "The quick brown fox jumps over the lazy dog, and nobody ever asks the dog.\r\n";
    let close = format!(
        "\r\n--=_{number}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>short</p>\r\n--=_{number}--\r\n"
    );
    while mail.len() + close.len() + line.len() < octets {
        mail.push_str(line);
    }
    mail.push_str(&close);
    mail.into_bytes()
}

async fn account(store: &Store, name: &str) -> Account {
    let user = store.create_user(name, Vec::new()).await.expect("new");
    store.account(user.account).expect("loads")
}

fn inbox(account: &Account) -> MailboxId {
    let inbox = imap_proto::types::MailboxName::inbox();
    account.snapshot().mailbox_named(&inbox).expect("all have one").id()
}

async fn message(account: &Account, octets: &[u8]) -> NewMessage {
    let mut upload = account.upload();
    upload.expect(octets.len() as u64);
    upload.write(octets).await.expect("there is room");
    NewMessage {
        uploaded: upload.finish().await.expect("there is room"),
        flags: Vec::new(),
        internal_date: None,
    }
}

/// Fills INBOX with messages of that size, a few hundred a change.
async fn fill(account: &Account, octets: usize) {
    let inbox = inbox(account);
    for from in (0..MANY).step_by(250) {
        let mut messages = Vec::new();
        for number in from..from + 250 {
            messages.push(message(account, &mail(number, octets)).await);
        }
        account.append(inbox, messages).await.expect("appended");
    }
}

/// Against the plainest log, and against our own without accounts and bodies.
fn appends() {
    for writers in [1, 8, 64] {
        let ways: [&dyn Fn() -> f64; 4] =
            [&|| plain_rate(writers), &|| log_rate(writers, false), &|| log_rate(writers, true), &|| {
                append_rate(writers, false)
            }];
        // Turn by turn, since other work on the machine comes and goes.
        let mut rates = ways.map(|_| Vec::new());
        for _ in 0..3 {
            ways.iter().zip(&mut rates).for_each(|(way, rates)| rates.push(way()));
        }
        let [plain, bare, working, own] = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        let share = |of: f64| own / of * 100.0;
        tell(&format!("plain log, 20 KB, {writers} threads"), &format!("{plain:.0} a second"));
        tell("our log alone", &format!("{bare:.0} a second"));
        tell("the same, hashed and scanned", &format!("{working:.0} a second"));
        tell(
            &format!("durable append, 20 KB, {writers} writers"),
            &format!(
                "{own:.0} a second, {:.0} % of the plain log, {:.0} % of ours alone, {:.0} % of hashed and scanned",
                share(plain),
                share(bare),
                share(working)
            ),
        );
    }
    let one = append_rate(8, true);
    tell("durable append, 20 KB, 8 writers on one mailbox", &format!("{one:.0} a second"));
}

/// How often a second so many threads can do that.
fn rate_of(threads: usize, append: impl Fn(usize, u64) + Sync) -> f64 {
    let done = AtomicU64::new(0);
    let (time, ()) = timed(|| {
        let end = Instant::now() + SPAN;
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (append, done) = (&append, &done);
                scope.spawn(move || {
                    let mut count = 0;
                    while Instant::now() < end {
                        count += 1;
                        append(thread, count);
                    }
                    done.fetch_add(count, Ordering::Relaxed);
                });
            }
        });
    });
    done.into_inner() as f64 / time.as_secs_f64()
}

fn plain_rate(threads: usize) -> f64 {
    let dir = directory();
    let log = PlainLog::create(&dir.path().join("log"));
    let mail = mail(1, 20_000);
    rate_of(threads, |_, _| log.append(mail.clone()))
}

fn append_rate(writers: usize, one_mailbox: bool) -> f64 {
    let dir = directory();
    let store = Store::open(dir.path(), Options::default()).expect("opens").0;
    let runtime = runtime();
    let octets: Arc<Vec<u8>> = Arc::new(mail(1, 20_000));
    let (done, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (time, ()) = runtime.block_on(async {
        let mut accounts = Vec::new();
        for at in 0..writers {
            let name = if one_mailbox { 0 } else { at };
            match accounts.get(name) {
                Some(same) => accounts.push(Account::clone(same)),
                None => accounts.push(account(&store, &name.to_string()).await),
            }
        }
        let begin = Instant::now();
        let tasks: Vec<_> = accounts
            .into_iter()
            .map(|account| {
                let (done, is_over, octets) = (done.clone(), is_over.clone(), octets.clone());
                tokio::spawn(async move {
                    let inbox = inbox(&account);
                    while !is_over.load(Ordering::Relaxed) {
                        let message = message(&account, &octets).await;
                        account.append(inbox, vec![message]).await.expect("appended");
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        tokio::time::sleep(SPAN).await;
        is_over.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.expect("no panic");
        }
        (begin.elapsed(), ())
    });
    done.load(Ordering::Relaxed) as f64 / time.as_secs_f64()
}

/// A waiter that tells a thread.
struct Tell(std::sync::mpsc::SyncSender<()>);

impl Waiter for Tell {
    fn committed(&mut self, _: Position) {}
    fn is_quick(&self) -> bool {
        true
    }
    fn wake(self: Box<Self>) {
        let _ = self.0.send(());
    }
    fn failed(self: Box<Self>, _: StoreError) {}
}

/// Records of that size, each waited for, in our log, without accounts or bodies; `works`: with what every message costs
/// before it can be logged.
fn log_rate(threads: usize, works: bool) -> f64 {
    let dir = directory();
    let options = LogOptions {
        dir: dir.path().join("log"),
        segment_octets: 256 << 20,
        queue_octets_max: 16 << 20,
        ahead_octets: 128 << 10,
        open_segments_max: 64,
        durability: Durability::Sync,
    };
    let (log, _) = Log::open(options, None, &mut |_| Ok(())).expect("opens");
    let mail = mail(1, 20_000);
    rate_of(threads, |thread, seq| {
        if works {
            let mut scanner = Scanner::new();
            scanner.feed(&mail);
            black_box((scanner.finish(), blake3::hash(&mail)));
        }
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let (account, waiter) = (AccountId(thread as u64), Box::new(Tell(sender)));
        assert!(log.enqueue(log.epoch(), account, Seq(seq), mail.clone(), waiter).is_ok());
        receiver.recv().expect("written");
    })
}

/// A store in memory with the large mailbox.
fn in_memory(runtime: &Runtime) -> (Store, Account) {
    let options = Options { durability: Durability::None, ..Options::default() };
    let store = Store::in_memory(options).expect("memory has room");
    let account = runtime.block_on(async {
        let account = account(&store, "alice").await;
        fill(&account, 700).await;
        account
    });
    (store, account)
}

fn store_all() {
    let runtime = runtime();
    let (_store, account) = in_memory(&runtime);
    let inbox = inbox(&account);
    let mut on = false;
    let time = median(9, || {
        on = !on;
        let flags = vec![Flag::System(SystemFlag::Seen)];
        let change = if on { FlagChange::Add(flags) } else { FlagChange::Remove(flags) };
        let all = NumberSet::from_range(1, MANY);
        timed(|| runtime.block_on(account.store_flags(inbox, all, change, None)).expect("stored")).0
    });
    let rate = f64::from(MANY) / time.as_secs_f64() / 1e6;
    tell("STORE 1:* of 100,000, no disk", &format!("{}, {rate:.1} M/s", ms(time)));
}

fn diff() {
    let runtime = runtime();
    let (_store, account) = in_memory(&runtime);
    let id = inbox(&account);
    let old = account.snapshot();
    for at in 0..10 {
        let change = FlagChange::Add(vec![Flag::System(SystemFlag::Flagged)]);
        let uids = NumberSet::from_iter([at * 9_973 + 1]);
        runtime.block_on(account.store_flags(id, uids, change, None)).expect("stored");
    }
    let new = account.snapshot();
    let (old, new) = (old.mailbox(id).expect("there"), new.mailbox(id).expect("there"));
    let time = median(9, || timed(|| (0..1_000).for_each(|_| drop(black_box(new.diff(old))))).0) / 1_000;
    tell("diff of 100,000 after 10 changes", &format!("{:.1} us", time.as_secs_f64() * 1e6));
}

fn scan_rate(mail: &[u8], times: u32) -> (f64, f64) {
    let time = median(7, || {
        timed(|| {
            for _ in 0..times {
                let mut scanner = Scanner::new();
                mail.chunks(64 << 10).for_each(|piece| scanner.feed(piece));
                black_box(scanner.finish());
            }
        })
        .0
    });
    let each = time.as_secs_f64() / f64::from(times);
    (mail.len() as f64 / each / 1e6, 1.0 / each)
}

fn scan() {
    let mut large =
        b"Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
            .to_vec();
    while large.len() < 32 << 20 {
        large.extend_from_slice(&[b'A'; 76]);
        large.extend_from_slice(b"\r\n");
    }
    large.extend_from_slice(b"--b--\r\n");
    tell("scanner, an attachment of 32 MB", &format!("{:.0} MB/s", scan_rate(&large, 1).0));
    let (octets, mails) = scan_rate(&mail(1, 5_000), 5_000);
    tell("scanner, mails of 5 KB", &format!("{octets:.0} MB/s, {mails:.0} a second"));
}

/// A store on the disk with the large mailbox, as a clean stop and as a kill leave it.
struct Stored {
    _dirs: [tempfile::TempDir; 2],
    clean: PathBuf,
    killed: PathBuf,
}

impl Stored {
    fn new() -> Self {
        let dirs = [directory(), directory()];
        let (clean, killed) = (dirs[0].path().to_owned(), dirs[1].path().to_owned());
        let runtime = runtime();
        let store = Store::open(&clean, Options::default()).expect("opens").0;
        runtime.block_on(async { fill(&account(&store, "alice").await, 2_000).await });
        store.checkpoint().expect("saved");
        let account = store.account(store.user("alice").expect("there").account).expect("loaded");
        let id = inbox(&account);
        for uid in 1..=1_000 {
            let change = FlagChange::Add(vec![Flag::System(SystemFlag::Seen)]);
            let uids = NumberSet::from_iter([uid * 97]);
            runtime.block_on(account.store_flags(id, uids, change, None)).expect("stored");
        }
        copy(&clean, &killed);
        drop(account);
        store.close();
        Self { _dirs: dirs, clean, killed }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                std::fs::copy(entry.path(), &target).expect("copied");
                // As the store had it: all that it told of was on the disk.
                std::fs::File::open(target).and_then(|file| file.sync_all()).expect("synced");
            }
        }
    }
}

/// Opening, and the mailbox in hand.
fn open_once(dir: &Path) -> (Duration, u64) {
    let (time, (store, report)) = timed(|| {
        let (store, report) = Store::open(dir, Options::default()).expect("opens");
        let account = store.account(store.user("alice").expect("there").account).expect("loads");
        let snapshot = account.snapshot();
        assert_eq!(snapshot.mailbox(inbox(&account)).expect("there").len(), MANY);
        (store, report)
    });
    drop(store);
    (time, report.changes_replayed)
}

fn open() {
    let stored = Stored::new();
    tell("open 100,000, clean stop", &ms(median(5, || open_once(&stored.clean).0)));
    let scratch = directory();
    let killed = |without_index: bool| {
        let dir = scratch.path().join("store");
        let _ = std::fs::remove_dir_all(&dir);
        copy(&stored.killed, &dir);
        if without_index {
            std::fs::remove_dir_all(dir.join("index")).expect("removed");
        }
        open_once(&dir)
    };
    let replayed = killed(false).1;
    let time = median(3, || killed(false).0);
    tell(&format!("open 100,000, killed, {replayed} changes behind"), &ms(time));
    let replayed = killed(true).1;
    tell(&format!("open 100,000, no index, {replayed} changes"), &ms(median(3, || killed(true).0)));
}

fn envelopes() {
    let stored = Stored::new();
    let store = Store::open(&stored.clean, Options::default()).expect("opens").0;
    let account = store.account(store.user("alice").expect("there").account).expect("loads");
    let snapshot = account.snapshot();
    let mailbox = snapshot.mailbox(inbox(&account)).expect("there");
    let list = || {
        let mut out = Vec::new();
        let mut octets = 0;
        for message in mailbox.iter_from(SeqNum::MIN) {
            let summary = account.summary(&snapshot, &message).expect("there");
            summary.write_envelope(&mut out, Dialect::IMAP4);
            summary.write_body_structure(&mut out, Dialect::IMAP4);
            octets += out.len();
            out.clear();
        }
        octets
    };
    let rate = |time: Duration| format!("{:.0} k/s", f64::from(MANY) / time.as_secs_f64() / 1e3);
    tell("ENVELOPE + BODYSTRUCTURE of 100,000, each asked for by itself, first time", &rate(timed(list).0));
    tell(
        "ENVELOPE + BODYSTRUCTURE of 100,000, each asked for by itself, again",
        &rate(median(5, || timed(list).0)),
    );
    drop((store, account));
    std::fs::remove_dir_all(stored.clean.join("summary")).expect("removed");
    let store = Store::open(&stored.clean, Options::default()).expect("opens").0;
    let account = store.account(store.user("alice").expect("there").account).expect("loads");
    let again = || {
        for message in mailbox.iter_from(SeqNum::MIN) {
            black_box(account.summary(&snapshot, &message).expect("made again"));
        }
    };
    tell("summaries of 100,000 made again from the bodies", &rate(timed(again).0));
}

/// A large store: so many accounts with so many messages each.
struct Large {
    name: &'static str,
    accounts: u32,
    messages: u32,
}

const MILLION: Large = Large { name: "million", accounts: 1, messages: 1_000_000 };
const ACCOUNTS: Large = Large { name: "accounts", accounts: 10_000, messages: 100 };
/// Octets of each of their messages.
const LARGE_MESSAGE_OCTETS: usize = 2_000;

/// In a process of its own: fills a store, changes some flags behind the last checkpoint, and dies as if killed.
fn fill_and_die(dir: &Path, name: &str) -> ! {
    let large = [MILLION, ACCOUNTS].into_iter().find(|it| it.name == name).expect("one of them");
    let store = Store::open(dir, Options::default()).expect("opens").0;
    let runtime = runtime();
    let next = AtomicU64::new(0);
    let fill_some = async || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed) as u32;
            if at >= large.accounts {
                return;
            }
            let account = account(&store, &format!("user{at}")).await;
            let inbox = inbox(&account);
            for from in (0..large.messages).step_by(250) {
                let mut messages = Vec::new();
                for number in from..large.messages.min(from + 250) {
                    messages.push(message(&account, &mail(number, LARGE_MESSAGE_OCTETS)).await);
                }
                account.append(inbox, messages).await.expect("appended");
            }
        }
    };
    runtime.block_on(async { tokio::join!(fill_some(), fill_some(), fill_some(), fill_some()) });
    store.checkpoint().expect("saved");
    for round in 0..1_000 {
        let user = store.user(&format!("user{}", round % large.accounts)).expect("there");
        let account = store.account(user.account).expect("loads");
        let change = FlagChange::Add(vec![Flag::System(SystemFlag::Seen)]);
        let uids = NumberSet::from_iter([(round * 97) % large.messages + 1]);
        runtime.block_on(account.store_flags(inbox(&account), uids, change, None)).expect("stored");
    }
    std::process::abort();
}

/// Octets of the process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn disk_octets(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("listed").map(|entry| entry.expect("listed"));
    let octets = |entry: std::fs::DirEntry| match entry.metadata().expect("there") {
        it if it.is_dir() => disk_octets(&entry.path()),
        it => it.len(),
    };
    entries.map(octets).sum()
}

fn large(large: &Large) {
    let dir = directory();
    let program = std::env::current_exe().expect("known");
    let mut child = std::process::Command::new(program);
    let child = child.args(["--bench", "--fill-and-die", large.name]).arg(dir.path());
    let _ = child.stderr(std::process::Stdio::null()).status().expect("starts");
    let what = format!("{} accounts with {} messages", large.accounts, large.messages);
    let octets = u64::from(large.accounts) * u64::from(large.messages) * LARGE_MESSAGE_OCTETS as u64;
    for part in ["log", "index", "summary"] {
        let share = disk_octets(&dir.path().join(part)) as f64 / octets as f64;
        tell(&format!("{what}: {part} on disk"), &format!("{:.1} % of the messages", share * 100.0));
    }
    for stop in ["killed", "clean stop"] {
        let before = resident();
        let (time, (store, report)) = timed(|| Store::open(dir.path(), Options::default()).expect("opens"));
        let replayed = report.changes_replayed;
        tell(&format!("{what}: open, {stop}, {replayed} changes behind"), &ms(time));
        let opened = resident();
        tell(&format!("{what}: memory for that"), &format!("{:.1} MB", (opened - before) as f64 / 1e6));
        let user = store.user("user0").expect("there");
        let (time, account) = timed(|| store.account(user.account).expect("loads"));
        let more = (resident() - opened) as f64 / 1e6;
        tell(&format!("{what}: the first account"), &format!("{}, {more:.1} MB", ms(time)));
        let snapshot = account.snapshot();
        assert_eq!(snapshot.mailbox(inbox(&account)).expect("there").len(), large.messages);
        if large.accounts > 1 {
            let (time, ()) = timed(|| {
                for user in store.users() {
                    drop(store.account(user.account).expect("loads"));
                }
            });
            let more = (resident() - opened) as f64 / 1e6;
            tell(&format!("{what}: all of them in turn"), &format!("{}, {more:.1} MB", ms(time)));
        }
        store.close();
    }
}
