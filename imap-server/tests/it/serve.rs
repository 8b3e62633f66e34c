//! `restante serve` as scripts and people use it.

use std::path::Path;

use crate::support::{FREE_PORTS, Imap, add_user, cli_ok, start, start_with_files, tcp, tls, try_start};

fn data() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn a_user_made_by_the_command_line_logs_in_by_every_door() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    // The line end that `echo` adds is no part of the password.
    add_user(dir.path(), "alice", "correct horse\n");

    let mut plain = server.connect().login("alice", "\"correct horse\"");
    plain.ok("SELECT INBOX");
    let mut encrypted = server.connect_tls(dir.path()).login("alice", "\"correct horse\"");
    encrypted.ok("SELECT INBOX");

    let mut clear = server.connect();
    clear.ok("STARTTLS");
    let mut upgraded = Resumed::over(dir.path(), clear);
    upgraded.0.ok("LOGIN alice \"correct horse\"");
    upgraded.0.ok("LOGOUT");

    let (_, refused) = server.connect().command("LOGIN alice wrong").expect("an answer");
    assert!(refused.starts_with("NO [AUTHENTICATIONFAILED]"), "{refused}");
}

/// A session whose greeting was read before TLS began.
struct Resumed(Imap<crate::support::Tls>);

impl Resumed {
    fn over(data: &Path, clear: Imap<std::net::TcpStream>) -> Self {
        let mut stream = tls(data, clear.into_stream());
        // There is no second greeting after STARTTLS: a NOOP's answer stands in for it.
        std::io::Write::write_all(&mut stream, b"first NOOP\r\n").expect("sent");
        Self(Imap::greeted(stream))
    }
}

#[test]
fn octets_behind_starttls_end_the_connection() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    let mut client = server.connect();
    client.send(b"a STARTTLS\r\nb NOOP\r\n").expect("sent");
    assert!(client.read().expect("an answer").line().starts_with("a OK"));
    // At once: nothing of a handshake has been sent.
    assert!(client.read().is_none(), "the server waits for a handshake");

    let mut client = server.connect();
    client.send(b"a STARTTLS\r\nb NOOP\r\n").expect("sent");
    assert!(client.read().expect("an answer").line().starts_with("a OK"));
    // As for a client whose clear text somebody added to: it goes on with the handshake.
    let upgraded = Imap::try_greeted(tls(dir.path(), client.into_stream()));
    assert!(upgraded.is_none(), "what stood behind STARTTLS was obeyed");
}

#[test]
fn passwords_in_clear_text_need_the_operators_word() {
    let dir = data();
    let server = start(dir.path(), &["--imap", "127.0.0.1:0", "--imaps", "none"]);
    add_user(dir.path(), "alice", "secret");
    let (_, refused) = server.connect().command("LOGIN alice secret").expect("an answer");
    assert!(refused.starts_with("NO"), "{refused}");

    let other = data();
    let Err(log) = try_start(other.path(), &["--imap", "0.0.0.0:0", "--allow-cleartext"]) else {
        panic!("it took passwords from everywhere")
    };
    assert!(log.contains("loopback") && log.contains("0.0.0.0:0"), "{log}");
}

#[test]
fn the_ready_line_is_all_that_a_script_reads_and_stopping_is_clean() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    assert_eq!(server.text, "");
    assert_eq!(server.told("lmtp"), "none");
    assert!(server.address("imap").port() != 0);
    assert!(server.told("admin").ends_with("admin.sock"));
    let mut idle = server.connect();
    let (rest, log, success) = server.terminate();
    assert!(success, "{log}");
    assert_eq!(rest, "");
    let bye = idle.read().expect("a goodbye").line();
    assert!(bye.starts_with("* BYE"), "{bye}");
    assert!(idle.read().is_none());
    for left in ["server.json", "admin.sock"] {
        assert!(!dir.path().join(left).exists(), "{left} is still there");
    }
}

#[test]
fn a_second_server_is_refused_and_the_holder_named() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    let Err(log) = try_start(dir.path(), &FREE_PORTS) else { panic!("two servers on one store") };
    assert!(log.contains(&server.pid().to_string()), "the holder is not named: {log}");
    // The first is undisturbed, and still found.
    cli_ok(dir.path(), &["status"], "");
}

#[test]
fn a_taken_address_is_named() {
    let dir = data();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let Err(log) = try_start(dir.path(), &["--imap", &address, "--imaps", "none"]) else {
        panic!("it listens where another does")
    };
    assert!(log.contains(&address), "{log}");
    // Nothing of the failed start is in the way.
    start(dir.path(), &FREE_PORTS);
}

#[test]
fn after_kill_9_nothing_is_in_the_way() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    add_user(dir.path(), "alice", "secret");
    server.kill();
    assert!(dir.path().join("server.json").exists(), "the test means a stale file");
    let server = start(dir.path(), &FREE_PORTS);
    server.connect().login("alice", "secret").ok("SELECT INBOX");
    assert!(cli_ok(dir.path(), &["user", "list"], "").contains("alice"));
}

#[test]
fn a_configuration_file_is_read_and_a_wrong_key_named() {
    let dir = data();
    let file = dir.path().join("restante.toml");
    let limits = "[imap]\nlisten = [\"127.0.0.1:0\"]\n[imaps]\nlisten = []\n[limits]\nconnections-per-address-max = 1\n";
    std::fs::write(&file, limits).expect("written");
    let path = file.to_str().expect("text");
    let server = start(&dir.path().join("data"), &["--config", path]);
    assert_eq!(server.told("imaps"), "none");
    let first = server.connect();
    let refused = server.connect();
    assert!(refused.greeting.starts_with("* BYE [UNAVAILABLE]"), "{}", refused.greeting);
    drop(first);

    std::fs::write(&file, "[limits]\nconections-max = 1\n").expect("written");
    let Err(log) = try_start(&dir.path().join("other"), &["--config", path]) else { panic!("it took it") };
    assert!(log.contains("conections-max"), "{log}");
}

#[test]
fn an_address_that_leaves_without_logins_waits_for_its_greetings() {
    let dir = data();
    let file = dir.path().join("restante.toml");
    std::fs::write(&file, "[limits]\nleft-per-address-max = 2\n").expect("written");
    let data = dir.path().join("data");
    let server = start(&data, &[&["--config", file.to_str().expect("text")][..], &FREE_PORTS].concat());
    add_user(&data, "alice", "secret");
    // Who logs in may come as often as they like.
    for _ in 0..5 {
        server.connect().login("alice", "secret").ok("LOGOUT");
    }
    for _ in 0..4 {
        server.connect().ok("LOGOUT");
    }
    let began = std::time::Instant::now();
    server.connect().login("alice", "secret").ok("NOOP");
    assert!(began.elapsed() >= std::time::Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn the_demo_tells_its_password_once_and_keeps_its_mail() {
    let dir = data();
    let flags = ["--demo", "--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0"];
    let server = start(dir.path(), &flags);
    let password = server
        .text
        .lines()
        .find_map(|line| line.trim().strip_prefix("password  "))
        .and_then(|rest| rest.split_whitespace().next())
        .expect("told")
        .to_owned();
    let mut client = server.connect_tls(dir.path()).login("demo", &password);
    let listed: String = client.ok("LIST \"\" *").iter().map(|line| line.line() + "\n").collect();
    for name in ["Projects/Garden/Fence", "Reisen/Z&APw-rich"] {
        assert!(listed.contains(name), "{name} is missing:\n{listed}");
    }
    let messages = client.ok("SELECT INBOX");
    assert!(messages.iter().any(|line| line.line() == "* 3 EXISTS"), "{messages:?}");
    drop(client);
    assert!(server.terminate().2);

    let server = start(dir.path(), &flags);
    assert!(!server.text.contains(&password));
    assert!(server.text.contains("user passwd demo"), "{}", server.text);
    let mut client = server.connect().login("demo", &password);
    let messages = client.ok("SELECT INBOX");
    assert!(messages.iter().any(|line| line.line() == "* 3 EXISTS"), "{messages:?}");
}

#[test]
fn a_stranger_with_rubbish_disturbs_nobody() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    let mut client = server.connect();
    for address in [server.address("imap"), server.address("imaps")] {
        let mut stranger = tcp(address);
        std::io::Write::write_all(&mut stranger, &[0xff; 4096]).expect("sent");
    }
    client.ok("NOOP");
}

#[test]
fn running_out_of_files_turns_callers_away_and_ends_nothing() {
    let dir = data();
    let server = start_with_files(dir.path(), 72, &FREE_PORTS);
    let mut inside = server.connect();
    // More than there are files; each is told so, or waits for its turn.
    let crowd: Vec<_> = (0..100).map(|_| tcp(server.address("imap"))).collect();
    inside.ok("NOOP");
    drop(crowd);
    // Those who come later find room, once the crowd's places are given back.
    let came_in = (0..200).any(|_| {
        let client = Imap::try_greeted(tcp(server.address("imap")));
        let welcome = client.is_some_and(|client| client.greeting.starts_with("* OK"));
        if !welcome {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        welcome
    });
    assert!(came_in, "the accept loop does not come back");
    inside.ok("NOOP");
}

#[test]
fn who_neither_logs_in_nor_reads_is_let_go() {
    let dir = data();
    let file = dir.path().join("restante.toml");
    let impatient = "[imap]\nlisten = [\"127.0.0.1:0\"]\nallow-cleartext = true\n[imaps]\nlisten = []\n[limits]\nlogin-seconds = 1\nsend-seconds = 1\n";
    std::fs::write(&file, impatient).expect("written");
    let data = dir.path().join("data");
    let server = start(&data, &["--config", file.to_str().expect("text")]);
    let bye = server.connect().read().expect("a goodbye").line();
    assert!(bye.starts_with("* BYE"), "{bye}");

    add_user(&data, "alice", "secret");
    let mut client = server.connect().login("alice", "secret");
    // More than the system's own buffers on both sides take.
    let message = [&b"Subject: large\r\n\r\n"[..], &b"0123456789abcdef\r\n".repeat(1 << 20)].concat();
    assert_eq!(client.append("INBOX", &message), Some(true));
    client.ok("SELECT INBOX");
    client.send(b"x FETCH 1 BODY.PEEK[]\r\n").expect("sent");
    let gone = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        cli_ok(&data, &["status", "--json"], "").contains("\"connections\":0")
    });
    assert!(gone, "a client that does not read keeps its place");
}

#[test]
fn every_exchange_that_comes_to_nothing_is_a_line_of_the_audit() {
    let dir = data();
    let server = start(dir.path(), &FREE_PORTS);
    add_user(dir.path(), "alice", "secret");
    let mut client = server.connect();
    let long = format!("AUTHENTICATE SCRAM-SHA-256\r\n{}", "A".repeat(200_000));
    for (lines, answer) in [
        ("AUTHENTICATE PLAIN !!!", "BAD"),
        ("AUTHENTICATE PLAIN AGFsaWNlAHdyb25n", "NO [AUTHENTICATIONFAILED]"),
        ("AUTHENTICATE PLAIN\r\n*", "BAD"),
        ("AUTHENTICATE LOGIN YWxpY2U=\r\nno base64", "BAD"),
        (&long, "BAD"),
        ("AUTHENTICATE SCRAM-SHA-256 biwsLA==", "BAD"),
    ] {
        let (_, told) = client.command(lines).expect("an answer");
        assert!(told.starts_with(answer), "{}: {told}", &lines[..20]);
    }
    let (_, log, _) = server.terminate();
    for (user, mechanism, reason) in [
        ("", "", "the command cannot be read"),
        ("alice", "PLAIN", "wrong password"),
        ("", "PLAIN", "cancelled"),
        ("alice", "LOGIN", "the response cannot be read: That is no base64"),
        ("", "SCRAM-SHA-256", "the response is over the limit"),
        ("", "SCRAM-SHA-256", "the response cannot be read: "),
    ] {
        let line = log.lines().find(|line| {
            line.contains("audit: login refused")
                && line.contains(&format!("user=\"{user}\" mechanism=\"{mechanism}\""))
                && line.contains(&format!("reason=\"{reason}"))
        });
        assert!(line.is_some(), "{user} {mechanism} {reason}: {log}");
    }
    assert_eq!(log.matches("audit: login refused").count(), 6, "{log}");
}

#[test]
fn metrics_tell_numbers_and_no_names() {
    let dir = data();
    // A port that is free now.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("bound");
    let file = dir.path().join("restante.toml");
    let config = format!(
        "[imap]\nlisten = '127.0.0.1:0'\nallow-cleartext = true\n[imaps]\nlisten = []\n[metrics]\nlisten = '{free}'\n"
    );
    std::fs::write(&file, config).expect("written");
    let server = start(dir.path(), &["--config", file.to_str().expect("text")]);
    add_user(dir.path(), "alice", "secret");
    drop(server.connect().login("alice", "secret"));
    let (_, refused) = server.connect().command("AUTHENTICATE MADE-UP").expect("an answer");
    assert!(refused.starts_with("NO"), "{refused}");
    let mut socket = tcp(free);
    std::io::Write::write_all(&mut socket, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut told = String::new();
    std::io::Read::read_to_string(&mut socket, &mut told).expect("text");
    for line in [
        "restante_logins_total{mechanism=\"login\",result=\"ok\"} 1",
        "restante_logins_total{mechanism=\"other\",result=\"refused\"} 1",
        "restante_commands_total{command=\"LOGIN\",result=\"ok\"} 1",
        "restante_received_octets_total",
        "restante_store_commit_seconds_bucket{le=\"0.01\"}",
        "restante_store_commit_seconds_count",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("alice") && !told.contains("MADE-UP"), "{told}");
}
