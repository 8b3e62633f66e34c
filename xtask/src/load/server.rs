//! [`Server`]: a mail server as a child process, in a folder of its own, on ports of its own.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustls::ClientConfig;

use super::connection::trusting;
use super::{Connection, Failure, while_doing};

/// The password of every user.
pub(crate) const PASSWORD: &str = "pass";
/// The user with the mail.
pub(crate) const USER: &str = "ann";
/// Who logs in by SCRAM: with Dovecot a user has a hash or such keys, and with us both.
pub(crate) const KEYS_USER: &str = "keys";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours, release build: every OK is durable. No limit is in the way.
    Restante,
    /// The same with the limits that it has when nobody sets any.
    RestanteByDefault,
    /// Dovecot of the system, in one of its formats.
    Dovecot(&'static str),
}

impl Kind {
    /// For tables.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Restante | Self::RestanteByDefault => "restante".into(),
            Self::Dovecot(format) => format!("dovecot-{format}"),
        }
    }
}

/// A server that answers; killed when it is dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) home: PathBuf,
    pub(crate) imap: SocketAddr,
    pub(crate) imaps: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
    child: Child,
    /// Kept open: a server that finds its output closed may end.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts one in `home` (made when missing); what is there already is served again.
    pub(crate) fn start(kind: Kind, home: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(home).map_err(while_doing("the server's folder"))?;
        match kind {
            Kind::Restante => Self::start_ours(home, "", None),
            Kind::RestanteByDefault => start_restante(home, kind, LISTENERS, None),
            Kind::Dovecot(format) => start_dovecot(home, format),
        }
    }

    /// Ours with more settings, and on a disk that fails: a seed, and one operation of how many.
    pub(crate) fn start_ours(
        home: &Path,
        settings: &str,
        faults: Option<(u64, u64)>,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(home).map_err(while_doing("the server's folder"))?;
        start_restante(home, Kind::Restante, &format!("{LISTENERS}{NO_LIMITS}{settings}"), faults)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A user with [`PASSWORD`].
    pub(crate) fn add_user(&self, name: &str) -> Result<(), Failure> {
        match self.kind {
            Kind::Restante | Kind::RestanteByDefault => {
                cli(&self.home.join("data"), &["user", "add", name, "--password-stdin"], PASSWORD)
            }
            Kind::Dovecot(_) => {
                let hash = fs::read_to_string(self.home.join("hash")).map_err(while_doing("the hash"))?;
                let keys = if name == KEYS_USER { scram_keys()? } else { format!("{{ARGON2ID}}{hash}") };
                let users = fs::File::options().create(true).append(true).open(self.home.join("users"));
                let written =
                    users.and_then(|mut users| users.write_all(format!("{name}:{keys}\n").as_bytes()));
                written.map_err(while_doing("a user"))
            }
        }
    }

    /// A connection in clear text, logged in.
    pub(crate) fn login(&self, user: &str) -> Result<Connection, Failure> {
        Connection::clear(self.imap)?.login(user, PASSWORD)
    }

    /// A connection over TLS, logged in.
    pub(crate) fn login_tls(&self, user: &str) -> Result<Connection, Failure> {
        Connection::tls(self.imaps, &self.tls)?.login(user, PASSWORD)
    }

    /// Stops it as an operator would, and waits.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process");
        kill_process(pid, Signal::TERM).map_err(while_doing("stopping a server"))?;
        let status = self.child.wait().map_err(while_doing("stopping a server"))?;
        if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", self.kind.name())) }
    }

    /// Ends it without a warning, and waits.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The release build of our server, or what `RESTANTE_BINARY` names.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os("RESTANTE_BINARY").map(PathBuf::from);
    named.unwrap_or_else(|| crate::root().join("target/release/restante"))
}

/// Runs a verb of our command line against the server that serves `data`.
pub(crate) fn cli(data: &Path, arguments: &[&str], stdin: &str) -> Result<(), Failure> {
    let what = arguments.join(" ");
    let mut child = Command::new(binary())
        .arg("--data")
        .arg(data)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(while_doing(&what))?;
    // A verb that fails early does not read.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().map_err(while_doing(&what))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
}

const LISTENERS: &str = r#"
[imap]
listen = ["127.0.0.1:0"]
allow-cleartext = true
[imaps]
listen = ["127.0.0.1:0"]
"#;
/// A bench comes from one address and is one user.
const NO_LIMITS: &str = r#"
[limits]
connections-per-address-max = 100000
left-per-address-max = 0
connections-per-user-max = 100000
connections-max = 100000
"#;

fn start_restante(
    home: &Path,
    kind: Kind,
    settings: &str,
    faults: Option<(u64, u64)>,
) -> Result<Server, Failure> {
    let (data, config) = (home.join("data"), home.join("restante.toml"));
    fs::write(&config, settings).map_err(while_doing("a configuration"))?;
    let log = fs::File::options().create(true).append(true).open(home.join("restante.log"));
    let mut command = Command::new(binary());
    if let Some((seed, one_in)) = faults {
        command = Command::new(binary().with_file_name("restante-faults"));
        command.env("RESTANTE_FAULTS", format!("{seed},{one_in}"));
    }
    let mut child = command
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .arg("--data")
        .arg(&data)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.map_err(while_doing("a log"))?)
        .spawn()
        .map_err(while_doing("restante"))?;
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut ready = String::new();
    while !ready.starts_with("ready ") {
        ready.clear();
        if stdout.read_line(&mut ready).map_err(while_doing("restante"))? == 0 {
            let log = fs::read_to_string(home.join("restante.log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(10).collect();
            return Err(format!(
                "restante did not start:\n{}",
                last.into_iter().rev().collect::<Vec<_>>().join("\n")
            ));
        }
    }
    let address = |name: &str| {
        let told = ready.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        told.and_then(|told| told.parse().ok()).ok_or_else(|| format!("no {name} in: {ready}"))
    };
    let (imap, imaps) = (address("imap")?, address("imaps")?);
    let tls = trusting(&data.join("tls/cert.pem"))?;
    Ok(Server { kind, home: home.to_owned(), imap, imaps, tls, child, _stdout: Some(stdout) })
}

/// What an operator would set for speed and safety: changes synced, no limit in the way, everything in one folder.
const DOVECOT: &str = r#"
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
protocols = imap
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = dovecot
default_login_user = dovecot
default_internal_group = dovecot
default_client_limit = 20000
default_process_limit = 20000
default_vsz_limit = 0
mail_location = {format}:{home}/mail/%u
mail_fsync = always
mail_max_userip_connections = 0
first_valid_uid = 0
auth_cache_size = 16M
namespace inbox {
  inbox = yes
  separator = /
}
auth_mechanisms = plain login scram-sha-256
auth_cache_verify_password_with_worker = yes
passdb {
  driver = passwd-file
  args = username_format=%u {home}/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home={home}/home/%u
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 2
  inet_listener imap {
    address = 127.0.0.1
    port = {imap}
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }
}
service imap {
  service_count = 256
  process_min_avail = 4
}
service anvil {
  chroot =
}
"#;

fn start_dovecot(home: &Path, format: &'static str) -> Result<Server, Failure> {
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).map_err(while_doing("a folder"))?;
    for folder in ["home", "mail"] {
        let folder = home.join(folder);
        fs::create_dir_all(&folder).map_err(while_doing("a folder"))?;
        // Its mail processes do not run as root.
        chown(&folder, Some(65534), Some(65534)).map_err(while_doing("a folder's owner"))?;
    }
    certificate_and_hash(home)?;
    let users = fs::File::options().create(true).append(true).open(home.join("users"));
    users.map_err(while_doing("the file of users"))?;
    let (imap, imaps) = (free_port()?, free_port()?);
    let config = DOVECOT
        .replace("{home}", &home.display().to_string())
        .replace("{format}", format)
        .replace("{imaps}", &imaps.port().to_string())
        .replace("{imap}", &imap.port().to_string());
    let file = home.join("dovecot.conf");
    fs::write(&file, config).map_err(while_doing("a configuration"))?;
    let child = Command::new("dovecot")
        .args(["-F", "-c"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(while_doing("dovecot (Debian's dovecot-imapd)"))?;
    let tls = trusting(&home.join("cert.pem"))?;
    let kind = Kind::Dovecot(format);
    let server = Server { kind, home: home.to_owned(), imap, imaps, tls, child, _stdout: None };
    let began = Instant::now();
    while TcpStream::connect(imap).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(fs::read_to_string(home.join("dovecot.log")).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(server)
}

/// The certificate and the password's hash for Dovecot are such as our server made, so that both have the same kind of key,
/// and the same cost.
fn certificate_and_hash(home: &Path) -> Result<(), Failure> {
    if home.join("cert.pem").exists() {
        return Ok(());
    }
    let ours = home.join("certificate");
    fs::create_dir_all(&ours).map_err(while_doing("a folder"))?;
    let server = start_restante(&ours, Kind::Restante, LISTENERS, None)?;
    server.add_user(USER)?;
    server.stop()?;
    let hash = hash_in(&ours.join("data")).ok_or("no argon2id hash in the store")?;
    fs::write(home.join("hash"), hash).map_err(while_doing("the hash"))?;
    for name in ["cert.pem", "key.pem"] {
        fs::copy(ours.join("data/tls").join(name), home.join(name)).map_err(while_doing("a certificate"))?;
    }
    fs::remove_dir_all(&ours).map_err(while_doing("a folder"))
}

/// The first argon2id hash in the files of a folder.
fn hash_in(folder: &Path) -> Option<String> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(octets) = fs::read(&path) else { continue };
            if let Some(at) = memchr::memmem::find(&octets, b"$argon2id$") {
                let end = octets[at..].iter().position(|octet| *octet == b'"')?;
                return String::from_utf8(octets[at..at + end].to_vec()).ok();
            }
        }
    }
    None
}

/// [`PASSWORD`] as Dovecot keeps it for SCRAM.
fn scram_keys() -> Result<String, Failure> {
    let made = Command::new("doveadm")
        .args(["-c", "/dev/null", "pw", "-s", "SCRAM-SHA-256", "-p", PASSWORD])
        .output()
        .map_err(while_doing("doveadm"))?;
    if !made.status.success() {
        return Err(format!("doveadm pw: {}", String::from_utf8_lossy(&made.stderr).trim_end()));
    }
    Ok(String::from_utf8_lossy(&made.stdout).trim_end().to_owned())
}

fn free_port() -> Result<SocketAddr, Failure> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(while_doing("a port"))?;
    probe.local_addr().map_err(while_doing("a port"))
}
