//! A certificate is ordered from an ACME directory of our own, which really looks at what the server shows.

mod directory;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use self::directory::MockDirectory;
use crate::support::{Imap, Running, cli_ok, start, tcp};
use crate::tls::{Authority, Client, authority};

const NAME: &str = "mail.example.org";
const PATIENCE: Duration = Duration::from_secs(60);

fn start_with(dir: &Path, directory: &MockDirectory, challenge: &str) -> Running {
    fs::write(dir.join("ca.pem"), directory.authority_pem()).expect("written");
    let config = format!(
        "[acme]\ndirectory = '{}'\nagree-to-terms = true\nnames = ['{NAME}']\nca = '{}/ca.pem'\n{challenge}\n\
         [imap]\nlisten = []\n[imaps]\nlisten = '127.0.0.1:0'\n",
        directory.url(),
        dir.display()
    );
    let file = dir.join("restante.toml");
    fs::write(&file, config).expect("written");
    let server = start(&dir.join("data"), &["--config", file.to_str().expect("text")]);
    directory.tls_server_is_at(server.address("imaps"));
    server
}

/// Waits until the server shows a certificate of the directory's.
fn wait_for_certificate(server: &Running, authority: &Authority) {
    let began = Instant::now();
    loop {
        let mut stream = Client::trusting(authority).connect(tcp(server.address("imaps")), NAME);
        if stream.write_all(b"").and_then(|()| stream.read(&mut [0; 16])).is_ok() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "no certificate came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn a_certificate_comes(challenge: &str, directory: &MockDirectory) {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let server = start_with(dir.path(), directory, challenge);
    wait_for_certificate(&server, directory.authority());
    drop(Imap::greeted(Client::trusting(directory.authority()).connect(tcp(server.address("imaps")), NAME)));
    assert!(cli_ok(&data, &["certificate", "list"], "").contains(NAME));
    for file in ["account.json", "certificate.pem"] {
        let mode = fs::metadata(data.join("acme").join(file)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(server.terminate().2);
    // It is kept, and not ordered again.
    let again = start_with(dir.path(), directory, challenge);
    drop(Imap::greeted(Client::trusting(directory.authority()).connect(tcp(again.address("imaps")), NAME)));
    assert_eq!(directory.orders(), 1);
}

#[test]
fn by_http_01() {
    // A port that is free now; what the outside would see as port 80.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("bound");
    let directory = MockDirectory::start(authority(), Some(free));
    a_certificate_comes(&format!("challenge = 'http-01'\nhttp-listen = ['{free}']"), &directory);
}

#[test]
fn by_tls_alpn_01() {
    let directory = MockDirectory::start(authority(), None);
    a_certificate_comes("challenge = 'tls-alpn-01'", &directory);
}

#[test]
fn without_a_directory_the_old_certificate_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let directory = MockDirectory::start(authority(), None);
    directory.refuse_everything();
    let server = start_with(dir.path(), &directory, "challenge = 'tls-alpn-01'");
    directory.wait_until_asked();
    // The self-signed one still serves.
    server.connect_tls(&dir.path().join("data")).ok("NOOP");
    let (_, log, _) = server.terminate();
    assert!(log.contains("no certificate was issued") || log.contains("self-signed"), "{log}");
}
