//! What bad input gets: BAD or BYE with a reason, bounded memory, and everybody else's session goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::support::{FREE_PORTS, Imap, Running, add_user, start, tcp};

/// How much more memory than before one misbehaving connection may cost, in KiB.
const MEMORY_MAX: u64 = 40 * 1024;
/// How long a NOOP of another session may take meanwhile, on a busy machine with a debug build.
const NOOP_MAX: Duration = Duration::from_secs(5);
/// How long a stop may take while a client does not read: the five seconds that a command under way has, and some more.
const STOP_MAX: Duration = Duration::from_secs(15);

/// A server, and a session that minds its own business.
struct Scene {
    server: Running,
    bystander: Imap<TcpStream>,
    memory: u64,
    _dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let server = start(dir.path(), &FREE_PORTS);
        add_user(dir.path(), "ann", "pw");
        let mut bystander = server.connect().login("ann", "pw");
        for text in ["one", "two", "three"] {
            assert_eq!(bystander.append("INBOX", text.as_bytes()), Some(true));
        }
        bystander.ok("SELECT INBOX");
        let memory = resident_kib(&server);
        Self { server, bystander, memory, _dir: dir }
    }

    fn logged_in(&self) -> Imap<TcpStream> {
        self.server.connect().login("ann", "pw")
    }

    /// The other session is answered, and memory has not grown beyond its bound.
    fn is_undisturbed(&mut self) {
        let begin = Instant::now();
        self.bystander.ok("NOOP");
        assert!(begin.elapsed() < NOOP_MAX, "a NOOP took {:?}", begin.elapsed());
        let grown = resident_kib(&self.server).saturating_sub(self.memory);
        assert!(grown < MEMORY_MAX, "{grown} KiB more than before");
    }

    /// What one says who sends these octets on a socket of his, while the other session goes on undisturbed.
    fn said_meanwhile(&mut self, socket: TcpStream, octets: &[u8]) -> Vec<String> {
        std::thread::scope(|scope| {
            let saying = scope.spawn(|| said_on(socket, octets));
            while !saying.is_finished() {
                self.is_undisturbed();
            }
            saying.join().expect("it only sends and reads")
        })
    }

    /// The end: a new session can be had, and the server stops as it should.
    fn ends_well(mut self) {
        self.is_undisturbed();
        self.logged_in().ok("LOGOUT");
        let (_, log, success) = self.server.terminate();
        assert!(success && !log.contains("panicked"), "{log}");
    }
}

fn resident_kib(server: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Sends octets to a fresh connection as far as they are taken, and returns what was said after the greeting.
fn said_to(scene: &mut Scene, octets: &[u8]) -> Vec<String> {
    let socket = scene.server.connect().into_stream();
    scene.said_meanwhile(socket, octets)
}

fn said_on(mut socket: TcpStream, octets: &[u8]) -> Vec<String> {
    let mut writer = socket.try_clone().expect("cloned");
    let octets = octets.to_vec();
    let sending = std::thread::spawn(move || {
        // The server may have hung up long before the end.
        let _ = writer.write_all(&octets);
        let _ = writer.shutdown(Shutdown::Write);
    });
    let mut said = Vec::new();
    // A reset after BYE is an end too.
    let _ = socket.read_to_end(&mut said);
    sending.join().expect("it only sends");
    String::from_utf8_lossy(&said).lines().map(str::to_owned).collect()
}

fn bad_or_bye(said: &[String]) {
    let is_refusal = |line: &String| line.contains(" BAD ") || line.starts_with("* BYE ");
    assert!(!said.is_empty() && said.iter().all(is_refusal), "{said:?}");
}

fn ends_with_bye(said: &[String]) {
    let last = said.last().map_or("", String::as_str);
    assert!(last.starts_with("* BYE ") && last.len() > 8, "{said:?}");
}

#[test]
fn a_web_browser_is_told_bad_and_sent_away() {
    let mut scene = Scene::new();
    let mut request = "GET / HTTP/1.1\r\nHost: mail.example.org\r\n".to_owned();
    (0..100).for_each(|n| request += &format!("X-Header-{n}: value\r\n"));
    let said = said_to(&mut scene, format!("{request}\r\n").as_bytes());
    ends_with_bye(&said);
    let (_, before) = said.split_last().expect("a line at least");
    assert!(!before.is_empty() && before.iter().all(|line| line.contains(" BAD ")), "{said:?}");
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn noise_ends_with_bye() {
    let mut scene = Scene::new();
    let mut state = 88_u64;
    let noise: Vec<u8> = (0..4_000_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    ends_with_bye(&said_to(&mut scene, &noise));
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn a_line_without_end_is_dropped_and_costs_no_memory() {
    let mut scene = Scene::new();
    let line = vec![b'a'; 200 << 20];
    let said = said_to(&mut scene, &line);
    bad_or_bye(&said);
    scene.is_undisturbed();

    // So it is after the login, where lines may be longer.
    let client = scene.logged_in();
    let said = scene.said_meanwhile(client.into_stream(), &[b"a SEARCH SUBJECT ", &line[..]].concat());
    bad_or_bye(&said);
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn a_literal_without_end_is_refused_before_it_comes() {
    let mut scene = Scene::new();
    for command in [
        "a LOGIN {4294967295}",
        "a LOGIN {99999999999999999999999}",
        "a LOGIN {4294967295+}",
        "a LOGIN {99999999999999999999999+}",
    ] {
        let said = said_to(&mut scene, format!("{command}\r\n").as_bytes());
        assert!(!said.is_empty() && !said.iter().any(|line| line.starts_with('+')), "{command}: {said:?}");
    }
    for command in [
        "a APPEND INBOX {4294967295}",
        "a APPEND INBOX {9223372036854775807}",
        "a SEARCH SUBJECT {4294967295}",
    ] {
        let mut client = scene.logged_in();
        client.send(format!("{command}\r\n").as_bytes()).expect("sent");
        let answer = client.read().expect("an answer").line();
        assert!(answer.starts_with("a NO ") || answer.starts_with("a BAD "), "{command}: {answer}");
        client.ok("NOOP");
    }
    let literal = [b"a SEARCH SUBJECT {4294967295+}\r\n", &vec![b'x'; 100 << 20][..]].concat();
    let client = scene.logged_in();
    ends_with_bye(&scene.said_meanwhile(client.into_stream(), &literal));
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn ten_thousand_bad_commands_end_after_a_few() {
    let mut scene = Scene::new();
    for socket in [scene.server.connect().into_stream(), scene.logged_in().into_stream()] {
        let commands: String = (0..10_000).map(|n| format!("b{n} NONSENSE {n}\r\n")).collect();
        let said = scene.said_meanwhile(socket, commands.as_bytes());
        ends_with_bye(&said);
        assert!((10..200).contains(&said.len()), "{} lines", said.len());
    }
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn search_that_is_nested_ten_thousand_deep_is_bad() {
    let mut scene = Scene::new();
    let mut client = scene.logged_in();
    client.ok("SELECT INBOX");
    let deep = 10_000;
    for key in [
        format!("{}ALL{}", "(".repeat(deep), ")".repeat(deep)),
        format!("{}ALL", "NOT ".repeat(deep)),
        format!("{}ALL{}", "OR ".repeat(deep), " ALL".repeat(deep)),
        "(".repeat(deep),
    ] {
        let (_, answer) = client.command(&format!("SEARCH {key}")).expect("an answer");
        assert!(answer.starts_with("BAD "), "{}...: {answer}", &key[..12]);
    }
    // Parentheses of other commands, too.
    let (_, answer) = client.command(&format!("FETCH 1 {}", "(".repeat(deep))).expect("an answer");
    assert!(answer.starts_with("BAD "), "{answer}");
    client.ok("SEARCH ALL");
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn sets_of_four_billion_cost_what_the_mailbox_costs() {
    let mut scene = Scene::new();
    let mut client = scene.logged_in();
    client.ok("SELECT INBOX");
    let whole = "1:4294967295";
    let many = vec![whole; 5_000].join(",");
    let begin = Instant::now();
    assert_eq!(client.ok(&format!("UID FETCH {whole} FLAGS")).len(), 3);
    assert_eq!(client.ok(&format!("UID FETCH {many} FLAGS")).len(), 3);
    assert_eq!(client.ok(&format!("UID STORE {whole} +FLAGS (\\Seen)")).len(), 3);
    assert_eq!(client.ok(&format!("UID SEARCH UID {many}"))[0].line(), "* SEARCH 1 2 3");
    let (_, answer) = client.command(&format!("FETCH {whole} FLAGS")).expect("an answer");
    assert!(answer.starts_with("BAD ") || answer.starts_with("OK "), "{answer}");
    client.ok(&format!("UID COPY {whole} Archive"));
    client.ok(&format!("UID EXPUNGE {whole}"));
    let (_, answer) = client.command("FETCH 1:4294967296 FLAGS").expect("an answer");
    assert!(answer.starts_with("BAD "), "{answer}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn a_storm_of_selects_is_answered() {
    let mut scene = Scene::new();
    let mut client = scene.logged_in();
    let storm: String = (0..2_000)
        .map(|n| format!("s{n} {} {}\r\n", ["SELECT", "EXAMINE"][n % 2], ["INBOX", "Archive", "Sent"][n % 3]))
        .collect();
    let mut writer = client.clone_stream();
    let sending = std::thread::spawn(move || writer.write_all(storm.as_bytes()).expect("it is read"));
    let mut answered = 0;
    while answered < 2_000 {
        let line = client.read().expect("an answer").line();
        if line.starts_with(&format!("s{answered} OK")) {
            answered += 1;
        }
        if answered % 500 == 0 {
            scene.bystander.ok("NOOP");
        }
    }
    sending.join().expect("it was sent");
    client.ok("LOGOUT");
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn who_fetches_and_does_not_read_holds_only_his_own() {
    let mut scene = Scene::new();
    let large = vec![b'x'; 4 << 20];
    for _ in 0..5 {
        assert_eq!(scene.bystander.append("Archive", &large), Some(true));
    }
    scene.memory = resident_kib(&scene.server);
    let mut silent = scene.logged_in();
    silent.ok("SELECT Archive");
    // Nobody reads: 4 GB would come.
    let commands: String = (0..200).map(|n| format!("f{n} FETCH 1:5 BODY.PEEK[]\r\n")).collect();
    silent.send(commands.as_bytes()).expect("it is taken");
    for _ in 0..100 {
        scene.is_undisturbed();
        scene.bystander.ok("FETCH 1:3 (FLAGS BODY.PEEK[])");
    }
    drop(silent);
    scene.ends_well();
}

/// A header of 48 MB in half a million fields: what is asked of it costs no memory, and others are answered meanwhile.
#[test]
fn a_header_without_end_is_read_in_pieces() {
    let mut scene = Scene::new();
    let mut message = Vec::new();
    (0..500_000)
        .for_each(|n| message.extend_from_slice(format!("X-Field-{n}: {}\r\n", "x".repeat(80)).as_bytes()));
    message.extend_from_slice(b"\r\ntext\r\n");
    assert_eq!(scene.bystander.append("Archive", &message), Some(true));
    let mut client = scene.logged_in();
    client.ok("SELECT Archive");
    for item in [
        "BODY.PEEK[HEADER.FIELDS (X-FIELD-7 X-FIELD-499999)]",
        "BODY.PEEK[HEADER.FIELDS.NOT (X-FIELD-7)]",
        "BODY.PEEK[HEADER]",
        "(ENVELOPE BODYSTRUCTURE)",
    ] {
        // Nobody holds what comes: it is read as it comes, up to the tagged line.
        let mut stream = client.clone_stream();
        client.send(format!("h FETCH 1 {item}\r\n").as_bytes()).expect("it is taken");
        let (mut piece, mut last) = (vec![0; 1 << 16], Vec::new());
        while !last.ends_with(b"h OK Fetched\r\n") {
            let read = stream.read(&mut piece).expect("an answer");
            assert!(read > 0, "the connection ended");
            last.extend_from_slice(&piece[..read]);
            last.drain(..last.len().saturating_sub(64));
        }
        scene.is_undisturbed();
    }
    // Searched in part, but in bounds.
    client.ok("SEARCH HEADER X-FIELD-7 yyy");
    scene.is_undisturbed();
    scene.ends_well();
}

/// A stop does not wait until a client has read what it asked for, nor for the time that sending may take.
#[test]
fn a_stop_cuts_a_long_answer_to_who_does_not_read() {
    let mut scene = Scene::new();
    let large = vec![b'x'; 4 << 20];
    for _ in 0..5 {
        assert_eq!(scene.bystander.append("Archive", &large), Some(true));
    }
    let mut slow = scene.logged_in();
    slow.ok("SELECT Archive");
    let commands: String = (0..20).map(|n| format!("f{n} FETCH 1:5 BODY.PEEK[]\r\n")).collect();
    slow.send(commands.as_bytes()).expect("it is taken");
    // It has begun, and the rest of the 400 MB is not taken.
    slow.read().expect("the first line");
    let begin = Instant::now();
    let (_, log, success) = scene.server.terminate();
    assert!(success && !log.contains("panicked"), "{log}");
    assert!(begin.elapsed() < STOP_MAX, "stopping took {:?}", begin.elapsed());
    drop(slow);
}

#[test]
fn tls_on_the_clear_port_is_bad_and_clear_text_on_the_tls_port_ends() {
    let mut scene = Scene::new();
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    hello.extend((0..505).map(|n| (n * 7 % 251) as u8));
    hello.extend_from_slice(b"\r\n");
    let said = said_to(&mut scene, &hello);
    bad_or_bye(&said);

    // The other way round: no greeting can be sent there, the connection ends.
    let _ = said_on(tcp(scene.server.address("imaps")), b"a1 NOOP\r\n");
    scene.is_undisturbed();
    scene.ends_well();
}

#[test]
fn half_commands_do_nothing_and_hold_nothing() {
    let mut scene = Scene::new();
    for half in
        ["a1 LOG", "a1 LOGIN ann {2}\r\n", "a1 LOGIN ann {2+}\r\np", "a1 AUTHENTICATE PLAIN\r\nAGFu", "a1"]
    {
        let _ = said_to(&mut scene, half.as_bytes());
    }
    for half in [
        "a1 APPEND INBOX {10}\r\nhalf",
        "a1 APPEND INBOX {10+}\r\nhalf",
        "a1 APPEND INBOX {3+}\r\none {5+}\r\nha",
        "a1 STORE 1:* +FLAGS (\\Deleted)",
        "a1 EXPUNGE\r",
        "a1 IDLE\r\nDON",
        "a1 CREATE Ha",
    ] {
        let mut client = scene.logged_in();
        client.ok("SELECT INBOX");
        let _ = said_on(client.into_stream(), half.as_bytes());
    }
    // Nothing of it was done.
    assert_eq!(scene.bystander.ok("NOOP").len(), 0);
    assert_eq!(scene.bystander.ok("SEARCH UNDELETED")[0].line(), "* SEARCH 1 2 3");
    assert_eq!(scene.bystander.ok("LIST \"\" Ha*").len(), 0);

    // One that comes in pieces is one command.
    let mut slow = scene.logged_in();
    for piece in ["z1 EXA", "MINE IN", "BOX\r", "\n"] {
        slow.send(piece.as_bytes()).expect("sent");
        scene.bystander.ok("NOOP");
    }
    while !slow.read().expect("an answer").line().starts_with("z1 OK") {}
    scene.is_undisturbed();
    scene.ends_well();
}
