//! How long a message is on its way from its commit to who waits in IDLE: `cargo bench -p imap-server --bench idle`.
//!
//! The real server in a process of its own, durable, over loopback. One client appends; the others wait in IDLE on the same
//! mailbox. The commit is somewhere between the last octet of the APPEND and its tagged OK, so both are told: from the
//! octet on is more than what is meant, from the OK on is less (0 where EXISTS was there first).

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const ROUNDS: usize = 500;
const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "secret";

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path());
    println!(
        "{ROUNDS} messages each; from the last octet of APPEND, and from its OK, to EXISTS at every client"
    );
    for watchers in [1, 10, 100] {
        let (mut from_octet, mut from_ok) = measure(&server, watchers);
        println!("{watchers:>4} waiting: {}   behind OK: {}", told(&mut from_octet), told(&mut from_ok));
    }
}

/// Appends, and looks when each of so many clients is told.
fn measure(server: &Server, watchers: usize) -> (Vec<Duration>, Vec<Duration>) {
    let waiting: Vec<Receiver<Instant>> = (0..watchers).map(|_| watch(server)).collect();
    let mut writer = server.client();
    let message = b"Subject: news\r\n\r\nHello.\r\n";
    let command = format!("a APPEND INBOX {{{}+}}\r\n", message.len());
    let octets = [command.as_bytes(), message, b"\r\n"].concat();
    let (mut from_octet, mut from_ok) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let sent = Instant::now();
        writer.send(&octets);
        writer.wait_for("a OK");
        let answered = Instant::now();
        for seen in &waiting {
            let seen = seen.recv_timeout(PATIENCE).expect("everybody is told");
            from_octet.push(seen - sent);
            from_ok.push(seen.saturating_duration_since(answered));
        }
    }
    (from_octet, from_ok)
}

/// A client in IDLE; gives the moments at which EXISTS came.
fn watch(server: &Server) -> Receiver<Instant> {
    let mut client = server.client();
    client.send(b"i IDLE\r\n");
    client.wait_for("+ ");
    let (seen, moments) = channel();
    std::thread::spawn(move || {
        while let Some(line) = client.line() {
            if line.contains(" EXISTS") && seen.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    moments
}

fn told(durations: &mut [Duration]) -> String {
    durations.sort_unstable();
    let at = |share: usize| durations[(durations.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(50), at(99), at(100))
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(data: &std::path::Path) -> Self {
        let restante = || Command::new(env!("CARGO_BIN_EXE_restante"));
        let mut child = restante()
            .args(["serve", "--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0", "--allow-cleartext", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let ready = stdout.lines().map_while(Result::ok).find(|line| line.starts_with("ready "));
        let ready = ready.expect("it gets ready");
        let address = ready.split_whitespace().find_map(|part| part.strip_prefix("imap=")).expect("told");
        let server = Self { child, address: address.to_owned() };
        let mut adding = restante()
            .arg("--data")
            .arg(data)
            .args(["user", "add", "ann", "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        adding.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()).expect("it reads");
        assert!(adding.wait().expect("it ends").success(), "the user is made");
        server
    }

    /// Logged in, with INBOX open.
    fn client(&self) -> Client {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_nodelay(true).expect("settable");
        let mut client = Client(BufReader::new(stream));
        client.send(format!("l LOGIN ann {PASSWORD}\r\ns SELECT INBOX\r\n").as_bytes());
        client.wait_for("s OK");
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).expect("it is taken");
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then_some(line)
    }

    fn wait_for(&mut self, start: &str) {
        while !self.line().expect("an answer").starts_with(start) {}
    }
}
