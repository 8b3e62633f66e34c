//! The admin API and the command line over it.

use std::os::unix::fs::PermissionsExt;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::{FREE_PORTS, Imap, add_user, cli_fails, cli_ok, start, tcp};

#[test]
fn users_are_made_listed_changed_and_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path();
    let server = start(data, &FREE_PORTS);
    add_user(data, "alice", "one");
    add_user(data, "alice@example.org", "two");
    assert_eq!(cli_ok(data, &["user", "list"], ""), "alice\nalice@example.org\n");
    assert!(
        cli_ok(data, &["user", "list", "--json"], "").starts_with("[{\"name\":\"alice\",\"account_id\":")
    );

    // A name with a domain is another user, with another password.
    let (_, tagged) = server.connect().command("LOGIN alice two").expect("an answer");
    assert!(tagged.starts_with("NO"), "{tagged}");
    server.connect().login("alice@example.org", "two").ok("NOOP");

    cli_ok(data, &["user", "passwd", "alice", "--password-stdin"], "three\n");
    let (_, tagged) = server.connect().command("LOGIN alice one").expect("an answer");
    assert!(tagged.starts_with("NO"), "the old password still works: {tagged}");
    server.connect().login("alice", "three").ok("NOOP");

    cli_ok(data, &["user", "delete", "alice"], "");
    let (_, tagged) = server.connect().command("LOGIN alice three").expect("an answer");
    assert!(tagged.starts_with("NO"), "a removed user gets in: {tagged}");
    assert_eq!(cli_ok(data, &["user", "list"], ""), "alice@example.org\n");

    let (_, log, _) = server.terminate();
    assert!(log.contains("audit") && log.contains("delete user"), "{log}");
    assert!(!log.contains("three"), "a password stands in the log");
}

#[test]
fn sessions_of_a_changed_user_end_and_no_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path();
    let server = start(data, &FREE_PORTS);
    add_user(data, "alice", "one");
    add_user(data, "bob", "pw");
    let mut bob = server.connect().login("bob", "pw");
    let mut stranger = server.connect();
    bob.ok("SELECT INBOX");

    for (change, stdin) in
        [(&["user", "passwd", "alice", "--password-stdin"][..], "two"), (&["user", "delete", "alice"], "")]
    {
        let password = if stdin.is_empty() { "two" } else { "one" };
        // One waits, one idles, one is in the middle of a message.
        let mut waiting = server.connect().login("alice", password);
        let mut idling = server.connect_tls(data).login("alice", password);
        idling.ok("SELECT INBOX");
        idling.send(b"i IDLE\r\n").expect("sent");
        assert!(idling.read().expect("an answer").line().starts_with('+'));
        let mut sending = server.connect().login("alice", password);
        sending.send(b"a APPEND INBOX {1000}\r\n").expect("sent");
        assert!(sending.read().expect("an answer").line().starts_with('+'));
        cli_ok(data, change, stdin);
        let last =
            [waiting.read(), idling.read(), sending.read()].map(|line| line.expect("a goodbye").line());
        assert!(last.iter().all(|line| line.starts_with("* BYE ") && line.contains("changed")), "{last:?}");
        assert!(waiting.read().is_none() && idling.read().is_none() && sending.read().is_none());
    }
    bob.ok("NOOP");
    stranger.ok("NOOP");
    // A refused change ends nothing.
    cli_fails(data, &["user", "passwd", "bob", "--password-stdin"], "\n");
    bob.ok("NOOP");
}

#[test]
fn a_user_has_a_bounded_number_of_sessions() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("restante.toml");
    let limits = "[imap]\nlisten = [\"127.0.0.1:0\"]\nallow-cleartext = true\n[imaps]\nlisten = []\n[limits]\nconnections-per-user-max = 2\n";
    std::fs::write(&file, limits).expect("written");
    let data = dir.path().join("data");
    let server = start(&data, &["--config", file.to_str().expect("text")]);
    add_user(&data, "alice", "one");
    let first = server.connect().login("alice", "one");
    let _second = server.connect().login("alice", "one");
    let mut third = server.connect();
    let (_, tagged) = third.command("LOGIN alice one").expect("an answer");
    assert!(tagged.starts_with("NO [UNAVAILABLE]"), "{tagged}");
    // Its end is known to the server when it closes.
    let mut first = first;
    first.ok("LOGOUT");
    assert!(first.read().is_none());
    third.ok("LOGIN alice one");
}

#[test]
fn mailboxes_and_status_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path();
    let server = start(data, &FREE_PORTS);
    add_user(data, "bob", "pw");
    let mut client = server.connect().login("bob", "pw");
    assert_eq!(client.append("INBOX", b"Subject: one\r\n\r\nbody\r\n"), Some(true));
    let text = cli_ok(data, &["mailbox", "list", "bob", "--json"], "");
    assert!(text.starts_with("[{\"name\":\"INBOX\""), "{text}");
    assert!(text.contains("\"messages\":1") && text.contains("\"name\":\"Archive\""), "{text}");
    let status = cli_ok(data, &["status", "--json"], "");
    assert!(status.contains("\"connections\":1"), "{status}");
    assert!(status.contains(server.told("imaps")), "{status}");
}

#[test]
fn refusals_are_one_clear_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path();
    let said = cli_fails(data, &["user", "list"], "");
    assert!(said.contains("no server runs on"), "{said}");

    let server = start(data, &FREE_PORTS);
    add_user(data, "carol", "pw");
    for (arguments, stdin, expected) in [
        (&["user", "add", "carol", "--password-stdin"][..], "pw", "exists already"),
        (&["user", "add", "a/b", "--password-stdin"], "pw", "user name cannot be used"),
        (&["user", "add", "dora", "--password-stdin"], "\n", "it is empty"),
        (&["user", "delete", "nobody"], "", "no such user"),
        (&["user", "passwd", "nobody", "--password-stdin"], "pw", "no such user"),
        (&["mailbox", "list", "nobody"], "", "no such user"),
    ] {
        let said = cli_fails(data, arguments, stdin);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    server.kill();
    let said = cli_fails(data, &["user", "list"], "");
    assert!(said.contains("is gone"), "{said}");
}

#[test]
fn without_a_socket_the_command_line_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = start(dir.path(), &["--imap", "127.0.0.1:0", "--imaps", "none", "--admin", "none"]);
    assert_eq!(server.told("admin"), "none");
    let said = cli_fails(dir.path(), &["status"], "");
    assert!(said.contains("--admin none"), "{said}");
}

#[test]
fn a_socket_path_that_is_too_long_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let long = dir.path().join("x".repeat(108));
    let log = crate::support::try_start(
        dir.path(),
        &["--imap", "127.0.0.1:0", "--imaps", "none", "--admin", long.to_str().expect("text")],
    )
    .err()
    .expect("it cannot bind that");
    assert!(log.contains("107 at the most"), "{log}");
}

#[test]
fn the_socket_is_private_healthy_and_describes_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = start(dir.path(), &FREE_PORTS);
    let socket = std::path::PathBuf::from(server.told("admin"));
    let mode = std::fs::metadata(&socket).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        let channel = channel(socket).await;
        let request = HealthCheckRequest { service: "restante.admin.v1.Users".into() };
        let health = HealthClient::new(channel.clone()).check(request).await.expect("an answer");
        assert_eq!(health.into_inner().status, 1, "serving");

        let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = v1::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
        let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
        let mut answers =
            client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
        let answer = format!("{:?}", answers.message().await.expect("an answer"));
        assert!(answer.contains("restante.admin.v1.Mailboxes"), "{answer}");

        let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
        let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
        let mut answers =
            client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
        let answer = format!("{:?}", answers.message().await.expect("an answer"));
        assert!(answer.contains("restante.admin.v1.Mailboxes"), "{answer}");
    });
}

async fn channel(socket: std::path::PathBuf) -> Channel {
    Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { tokio::net::UnixStream::connect(socket).await.map(TokioIo::new) }
        }))
        .await
        .expect("it answers")
}

#[test]
fn shared_accounts_are_seen_by_whom_their_acl_names() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = start(dir.path(), &FREE_PORTS);
    add_user(dir.path(), "alice", "secret");
    cli_ok(dir.path(), &["mailbox", "share", "news"], "");
    assert_eq!(cli_ok(dir.path(), &["mailbox", "shared"], ""), "news\n");
    let mut alice = server.connect().login("alice", "secret");
    let (_, refused) = alice.command("STATUS \"Shared Folders/news\" (MESSAGES)").expect("an answer");
    assert!(refused.starts_with("NO [NONEXISTENT]"), "{refused}");

    let acl = cli_ok(dir.path(), &["mailbox", "acl", "--shared", "news", "INBOX", "anyone", "lr"], "");
    assert_eq!(acl, "anyone lr\n");
    alice.ok("STATUS \"Shared Folders/news\" (MESSAGES)");
    let said = cli_fails(dir.path(), &["mailbox", "acl", "alice", "INBOX", "bob", "lz"], "");
    assert!(said.contains("no right"), "{said}");

    cli_ok(dir.path(), &["mailbox", "acl", "--shared", "news", "INBOX", "anyone", "-lr"], "");
    let (_, refused) = alice.command("STATUS \"Shared Folders/news\" (MESSAGES)").expect("an answer");
    assert!(refused.starts_with("NO [NONEXISTENT]"), "{refused}");
    cli_ok(dir.path(), &["mailbox", "unshare", "news"], "");
}

#[test]
fn who_may_come_in_is_managed_while_the_server_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path();
    let server = start(data, &FREE_PORTS);
    add_user(data, "ann", "secret");
    add_user(data, "boss", "sesame");

    // A disabled user's sessions end, and the user stays outside until enabled.
    let mut session = server.connect().login("ann", "secret");
    cli_ok(data, &["user", "disable", "ann"], "");
    assert!(session.read().expect("a goodbye").line().starts_with("* BYE"));
    let (_, refused) = server.connect().command("LOGIN ann secret").expect("an answer");
    assert!(refused.starts_with("NO [AUTHENTICATIONFAILED]"), "{refused}");
    cli_ok(data, &["user", "enable", "ann"], "");

    // An application password is shown once, works, and is revoked alone.
    let password = cli_ok(data, &["app-password", "add", "ann", "phone"], "");
    let mut phone = server.connect().login("ann", password.trim());
    let listed = cli_ok(data, &["app-password", "list", "ann", "--json"], "");
    assert!(listed.contains("phone") && !listed.contains(password.trim()), "{listed}");
    let sessions = cli_ok(data, &["session", "list", "ann", "--json"], "");
    for word in [
        "\"user\":\"ann\"",
        "127.0.0.1:",
        "\"listener\":\"imap\"",
        "\"mechanism\":\"login\"",
        "\"dialect\":\"imap2\"",
    ] {
        assert!(sessions.contains(word), "{word}: {sessions}");
    }
    phone.ok("ENABLE IMAP4REV2");
    assert!(cli_ok(data, &["session", "list", "ann"], "").contains("  imap4rev2  "));
    cli_ok(data, &["app-password", "revoke", "ann", "phone"], "");
    assert!(phone.read().expect("a goodbye").line().starts_with("* BYE"));
    let (_, refused) =
        server.connect().command(&format!("LOGIN ann {}", password.trim())).expect("an answer");
    assert!(refused.starts_with("NO"), "{refused}");

    // Kicked, and welcome again.
    let mut session = server.connect().login("ann", "secret");
    assert!(cli_ok(data, &["session", "kick", "ann"], "").contains("1 session"));
    assert!(session.read().expect("a goodbye").line().starts_with("* BYE"));
    cli_fails(data, &["session", "kick", "ann", "--user"], "");

    // An administrator acts as a user, and nobody else does.
    let as_ann = "AUTHENTICATE PLAIN YW5uAGJvc3MAc2VzYW1l"; // ann NUL boss NUL sesame
    let (_, refused) = server.connect().command(as_ann).expect("an answer");
    assert!(refused.starts_with("NO [AUTHORIZATIONFAILED]"), "{refused}");
    cli_ok(data, &["user", "role", "boss", "admin"], "");
    server.connect().ok(as_ann);

    // A hash of another server's is taken by the first login, and is ours from then on.
    cli_fails(data, &["user", "import", "old"], "{MD5}abc");
    cli_ok(data, &["user", "import", "old"], SSHA_OF_PASS);
    server.connect().login("old", "pass");

    assert!(cli_ok(data, &["certificate", "list"], "").contains("localhost"));
    cli_ok(data, &["reload"], "");
    assert_eq!(cli_ok(data, &["ban", "list"], ""), "");
    cli_fails(data, &["ban", "lift", "192.0.2.1"], "");
    let (_, log, _) = server.terminate();
    for line in ["acting=\"boss\"", "application_password=\"phone\"", "create application password"] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(!log.contains(password.trim()));
}

#[test]
fn a_banned_address_is_told_and_let_in_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    // Loopback is never banned: a proxy tells of clients elsewhere.
    let config = "[imap]\nlisten = '127.0.0.1:0'\nallow-cleartext = true\ntrusted-proxies = ['127.0.0.0/8']\n\
                  [imaps]\nlisten = []\n[throttle]\nfailures-per-address-max = 2\n";
    let file = dir.path().join("restante.toml");
    std::fs::write(&file, config).expect("written");
    let server = start(&data, &["--config", file.to_str().expect("text")]);
    add_user(&data, "ann", "secret");
    let login = |address: &str, password: &str| {
        let mut socket = tcp(server.address("imap"));
        let header = format!("PROXY TCP4 {address} 198.51.100.1 56324 143\r\n");
        std::io::Write::write_all(&mut socket, header.as_bytes()).expect("sent");
        Imap::greeted(socket).command(&format!("LOGIN ann {password}")).expect("an answer").1
    };
    for _ in 0..3 {
        let refused = login("192.0.2.7", "guess");
        assert!(refused.starts_with("NO [AUTHENTICATIONFAILED]"), "{refused}");
    }
    let refused = login("192.0.2.7", "secret");
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    assert!(login("192.0.2.8", "secret").starts_with("OK"));
    let bans = cli_ok(&data, &["ban", "list"], "");
    assert!(bans.contains("192.0.2.7") && !bans.contains("192.0.2.8"), "{bans}");
    cli_ok(&data, &["ban", "lift", "192.0.2.7"], "");
    assert_eq!(cli_ok(&data, &["ban", "list"], ""), "");
    assert!(login("192.0.2.7", "secret").starts_with("OK"));
}

#[test]
fn users_of_a_file_get_an_account_at_their_first_login() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let users = dir.path().join("users");
    std::fs::write(&users, format!("old:{SSHA_OF_PASS}:\n")).expect("written");
    let config = format!(
        "[imap]\nlisten = '127.0.0.1:0'\nallow-cleartext = true\n[imaps]\nlisten = []\n\
         [[directory]]\nkind = 'internal'\n[[directory]]\nkind = 'passwd-file'\nname = 'old'\nfile = '{}'\n",
        users.display()
    );
    let file = dir.path().join("restante.toml");
    std::fs::write(&file, config).expect("written");
    let server = start(&data, &["--config", file.to_str().expect("text")]);
    for _ in 0..2 {
        server.connect().login("old", "pass").ok("SELECT INBOX");
    }
    assert!(cli_ok(&data, &["user", "list"], "").contains("old"));
    // Application passwords are kept here. Whether the user may come in is decided by the file, and here too.
    let phone = cli_ok(&data, &["app-password", "add", "old", "phone"], "");
    let phone = phone.trim();
    let answers = || {
        ["pass", phone].map(|password| {
            server.connect().command(&format!("LOGIN old {password}")).expect("an answer").1[..3]
                .trim()
                .to_owned()
        })
    };
    assert_eq!(answers(), ["OK", "OK"]);
    cli_ok(&data, &["user", "disable", "old"], "");
    assert_eq!(answers(), ["NO", "NO"]);
    cli_ok(&data, &["user", "enable", "old"], "");
    assert_eq!(answers(), ["OK", "OK"]);
    std::fs::write(&users, "").expect("written");
    let gone = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        answers() == ["NO", "NO"]
    });
    assert!(gone, "the file is read again");
    let (_, refused) = server.connect().command("LOGIN typed-password wrong").expect("an answer");
    assert!(refused.starts_with("NO [AUTHENTICATIONFAILED]"), "{refused}");
    let (_, log, _) = server.terminate();
    assert!(log.contains("unknown:") && !log.contains("typed-password"), "{log}");
}

const SSHA_OF_PASS: &str = "{SSHA}EfVjnyJSUVXLC0NXPuQhKDjHjYdzYWx0";
