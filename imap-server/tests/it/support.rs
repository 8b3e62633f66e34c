//! The real binary as a child process, and a plain IMAP client that knows lines and literals and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How long the peer may be silent before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The flags of most tests: every listener on a free port.
pub(crate) const FREE_PORTS: [&str; 5] =
    ["--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0", "--allow-cleartext"];

/// A running server.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<String>>,
    /// What was printed before the ready line.
    pub(crate) text: String,
    /// The ready line.
    pub(crate) ready: String,
}

/// The binary of this build, or the one that `RESTANTE_BINARY` names: a release build for a soak, a script that runs it
/// under a tool.
fn restante() -> Command {
    Command::new(std::env::var_os("RESTANTE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_restante").into()))
}

/// Starts a server on `data` and waits until it is ready; fails with its log when it does not get there.
pub(crate) fn start(data: &Path, flags: &[&str]) -> Running {
    match try_start(data, flags) {
        Ok(running) => running,
        Err(log) => panic!("the server did not start:\n{log}"),
    }
}

/// The same; the log is the error.
pub(crate) fn try_start(data: &Path, flags: &[&str]) -> Result<Running, String> {
    spawn(restante(), data, flags)
}

/// The same with that many open files at the most.
pub(crate) fn start_with_files(data: &Path, files: u32, flags: &[&str]) -> Running {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh"]);
    shell.arg(files.to_string()).arg(env!("CARGO_BIN_EXE_restante"));
    spawn(shell, data, flags).unwrap_or_else(|log| panic!("the server did not start:\n{log}"))
}

fn spawn(mut command: Command, data: &Path, flags: &[&str]) -> Result<Running, String> {
    let mut child = command
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut stderr = child.stderr.take().expect("piped");
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        let _ = stderr.read_to_string(&mut log);
        log
    });
    let mut running = Running { child, stdout, stderr: Some(log), text: String::new(), ready: String::new() };
    loop {
        let mut line = String::new();
        if running.stdout.read_line(&mut line).expect("text") == 0 {
            let (_, log, success) = running.ended();
            assert!(!success, "it ended well without having been ready");
            return Err(log);
        }
        if line.starts_with("ready ") {
            running.ready = line;
            return Ok(running);
        }
        running.text += &line;
    }
}

impl Running {
    /// What the ready line says of one listener.
    pub(crate) fn told(&self, listener: &str) -> &str {
        let prefix = format!("{listener}=");
        self.ready.split_whitespace().find_map(|part| part.strip_prefix(&prefix)).expect("told")
    }

    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.told(listener).parse().expect("an address")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection in clear text, greeted.
    pub(crate) fn connect(&self) -> Imap<TcpStream> {
        Imap::greeted(tcp(self.address("imap")))
    }

    /// A connection with TLS from the first octet, greeted. Trusts only what the server made.
    pub(crate) fn connect_tls(&self, data: &Path) -> Imap<Tls> {
        Imap::greeted(tls(data, tcp(self.address("imaps"))))
    }

    /// Sends SIGTERM and waits; what else stood on the standard output, the log, and whether it ended well.
    pub(crate) fn terminate(self) -> (String, String, bool) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process");
        kill_process(pid, Signal::TERM).expect("it is ours");
        self.ended()
    }

    /// Waits for its end.
    fn ended(mut self) -> (String, String, bool) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        let success = self.child.wait().expect("it ended").success();
        let log = self.stderr.take().map(|log| log.join().expect("read")).unwrap_or_default();
        (rest, log, success)
    }

    /// Kills it as a power cut would, as far as a process goes.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a verb of the command line.
pub(crate) fn cli(data: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut child = restante()
        .arg("--data")
        .arg(data)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // A verb that fails early does not read: that is no failure of the test.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    child.wait_with_output().expect("it ended")
}

/// The same, and it must go well; returns what it printed.
pub(crate) fn cli_ok(data: &Path, arguments: &[&str], stdin: &str) -> String {
    let output = cli(data, arguments, stdin);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The same, and it must fail, in one line; returns that line.
pub(crate) fn cli_fails(data: &Path, arguments: &[&str], stdin: &str) -> String {
    let output = cli(data, arguments, stdin);
    assert!(!output.status.success(), "{arguments:?} went well");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    said
}

pub(crate) fn add_user(data: &Path, name: &str, password: &str) {
    cli_ok(data, &["user", "add", name, "--password-stdin"], password);
}

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

pub(crate) fn tcp(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("settable");
    socket.set_write_timeout(Some(PATIENCE)).expect("settable");
    socket.set_nodelay(true).expect("settable");
    socket
}

pub(crate) fn tls(data: &Path, socket: TcpStream) -> Tls {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(data.join("tls/cert.pem")).expect("made by the server");
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a valid configuration");
    StreamOwned::new(connection, socket)
}

/// A client that sends lines and reads responses.
pub(crate) struct Imap<S: Read + Write> {
    stream: BufReader<S>,
    tags: u32,
    /// The greeting.
    pub(crate) greeting: String,
}

impl Imap<TcpStream> {
    /// The socket once more, for a thread that sends while this one reads.
    pub(crate) fn clone_stream(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("cloned")
    }
}

/// One response: its octets without the last CRLF, literals where they stood, and the literals by themselves.
#[derive(Debug, Default, Clone)]
pub(crate) struct Response {
    pub(crate) text: Vec<u8>,
    pub(crate) literals: Vec<Vec<u8>>,
}

impl Response {
    pub(crate) fn line(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

impl<S: Read + Write> Imap<S> {
    pub(crate) fn greeted(stream: S) -> Self {
        Self::try_greeted(stream).expect("a greeting")
    }

    /// `None` when the connection ends without a word.
    pub(crate) fn try_greeted(stream: S) -> Option<Self> {
        let mut client = Self { stream: BufReader::new(stream), tags: 0, greeting: String::new() };
        client.greeting = client.read()?.line();
        Some(client)
    }

    /// After STARTTLS, where nobody greets.
    pub(crate) fn upgraded(stream: S) -> Self {
        Self { stream: BufReader::new(stream), tags: 0, greeting: String::new() }
    }

    /// Logged in.
    pub(crate) fn login(mut self, user: &str, password: &str) -> Self {
        self.ok(&format!("LOGIN {user} {password}"));
        self
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    /// Sends a command and reads up to its tagged response: the untagged ones, and the tagged one without its tag.
    /// `None` when the connection ended before.
    pub(crate) fn command(&mut self, line: &str) -> Option<(Vec<Response>, String)> {
        let tag = self.next_tag();
        self.send(format!("{tag} {line}\r\n").as_bytes())?;
        self.answer(&tag)
    }

    /// The same, and it must be OK.
    pub(crate) fn ok(&mut self, line: &str) -> Vec<Response> {
        let (untagged, tagged) = self.command(line).expect("an answer");
        assert!(tagged.starts_with("OK"), "{line}: {tagged}");
        untagged
    }

    /// Appends a message; whether it was answered OK. `None` when the connection ended before that.
    pub(crate) fn append(&mut self, mailbox: &str, message: &[u8]) -> Option<bool> {
        let tag = self.next_tag();
        self.send(format!("{tag} APPEND {mailbox} {{{}}}\r\n", message.len()).as_bytes())?;
        if !self.read()?.text.starts_with(b"+") {
            return Some(false);
        }
        self.send(message)?;
        self.send(b"\r\n")?;
        Some(self.answer(&tag)?.1.starts_with("OK"))
    }

    /// One response; `None` at the end of the connection.
    pub(crate) fn read(&mut self) -> Option<Response> {
        let mut response = Response::default();
        loop {
            let mut line = Vec::new();
            self.stream.read_until(b'\n', &mut line).ok()?;
            let line = line.strip_suffix(b"\r\n")?;
            response.text.extend_from_slice(line);
            let Some(octets) = literal_octets(line) else { return Some(response) };
            let mut literal = vec![0; octets];
            self.stream.read_exact(&mut literal).ok()?;
            response.text.extend_from_slice(b"\r\n");
            response.text.extend_from_slice(&literal);
            response.literals.push(literal);
        }
    }

    pub(crate) fn send(&mut self, octets: &[u8]) -> Option<()> {
        let stream = self.stream.get_mut();
        stream.write_all(octets).and_then(|()| stream.flush()).ok()
    }

    fn answer(&mut self, tag: &str) -> Option<(Vec<Response>, String)> {
        let mut untagged = Vec::new();
        loop {
            let response = self.read()?;
            match response.line().strip_prefix(&format!("{tag} ")) {
                Some(tagged) => return Some((untagged, tagged.to_owned())),
                None => untagged.push(response),
            }
        }
    }

    fn next_tag(&mut self) -> String {
        self.tags += 1;
        format!("t{}", self.tags)
    }
}

fn literal_octets(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let at = inner.iter().rposition(|octet| *octet == b'{')?;
    std::str::from_utf8(&inner[at + 1..]).ok()?.parse().ok()
}
