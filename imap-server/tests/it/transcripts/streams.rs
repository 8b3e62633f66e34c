//! Bodies that are larger than what is read or sent at once.

use std::time::Duration;

use base64::Engine;
use imap_server::session::{Next, Output};

use super::script::Script;
use super::stage::Stage;

#[test]
fn a_large_body_comes_back_as_it_went_in() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        let session = stage.connections.get_mut(&1).expect("it was made above");

        let mut message = b"Subject: large\r\n\r\n".to_vec();
        (0_u32..60_000).for_each(|line| message.extend_from_slice(format!("line {line}\r\n").as_bytes()));
        let command = format!("a1 APPEND INBOX {{{}+}}\r\n", message.len());
        session.feed(command.as_bytes()).await;
        for piece in message.chunks(10_000) {
            session.feed(piece).await;
        }
        session.feed(b"\r\n").await;
        let sent = session.take_sent();
        assert!(sent.ends_with(b"Kept\r\n"), "{}", String::from_utf8_lossy(&sent));

        session.feed(b"a2 FETCH 1 (BODY[] UID BODY[]<300000.290000>)\r\n").await;
        let expected = [
            format!("* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[] {{{}}}\r\n", message.len()).as_bytes(),
            &message,
            b" UID 1 BODY[]<300000> {290000}\r\n",
            &message[300_000..590_000],
            b")\r\na2 OK Fetched\r\n",
        ]
        .concat();
        assert!(session.take_sent() == expected);
    });
}

/// BINARY of a part that is too large to be decoded in memory: whole, a piece over a border, and its size.
#[test]
fn a_large_part_is_decoded_in_pieces() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        let session = stage.connections.get_mut(&1).expect("it was made above");
        let content: Vec<u8> = (0..700_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let encoded = base64::engine::general_purpose::STANDARD.encode(&content);
        let mut message = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec();
        for line in encoded.as_bytes().chunks(76) {
            message.extend_from_slice(line);
            message.extend_from_slice(b"\r\n");
        }
        session.feed(format!("a1 APPEND INBOX {{{}+}}\r\n", message.len()).as_bytes()).await;
        session.feed(&message).await;
        session.feed(b"\r\n").await;
        session.take_sent();
        session.feed(b"a2 FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1]<350000.300000> BINARY.PEEK[1] BINARY.PEEK[1]<700000.9>)\r\n").await;
        let expected = [
            &b"* 1 FETCH (BINARY.SIZE[1] 700001 BINARY[1]<350000> ~{300000}\r\n"[..],
            &content[350_000..650_000],
            b" BINARY[1] ~{700001}\r\n",
            &content,
            b" BINARY[1]<700000> ~{1}\r\n",
            &content[700_000..],
            b")\r\na2 OK Fetched\r\n",
        ]
        .concat();
        let sent = session.take_sent();
        assert_eq!(sent.len(), expected.len());
        assert!(sent == expected);
    });
}

/// A header that is too large to be filtered in memory: its fields, some of them, all but some, and a piece of these. What
/// is gathered before it is sent is bounded.
#[test]
fn a_large_header_is_filtered_in_pieces() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        let connection = stage.connections.get_mut(&1).expect("it was made above");
        let fields: Vec<String> = (0..100_000)
            .map(|n| format!("X-{}: {n} {}\r\n\tfolded\r\n", ["Odd", "Even", "Other"][n % 3], "x".repeat(80)))
            .collect();
        let of = |kept: fn(usize) -> bool| -> String {
            let kept = fields.iter().enumerate().filter(|(n, _)| kept(*n)).map(|(_, field)| field.as_str());
            kept.chain(["\r\n"]).collect()
        };
        let message = of(|_| true) + "text\r\n";
        assert!(message.len() > 10_000_000);
        connection.feed(format!("a1 APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len()).as_bytes()).await;
        connection.take_sent();
        let command = "a2 FETCH 1 (BODY.PEEK[HEADER.FIELDS (x-odd \"\")] BODY.PEEK[HEADER.FIELDS.NOT (X-ODD X-OTHER)] \
                       BODY.PEEK[HEADER.FIELDS.NOT (X-ODD)]<4000000.1000000> BODY.PEEK[HEADER.FIELDS (X-NONE)] \
                       BODY.PEEK[HEADER])\r\n";
        let now = std::time::Instant::now();
        connection.session.receive(now, command.as_bytes());
        let mut out = Pieces::default();
        let Ok(_) = connection.session.advance(now, &mut out).await;
        let (odd, even, header) = (of(|n| n % 3 == 0), of(|n| n % 3 == 1), of(|_| true));
        let slice = &of(|n| n % 3 != 0)[4_000_000..5_000_000];
        let expected = [
            format!("* 1 FETCH (BODY[HEADER.FIELDS (x-odd \"\")] {{{}}}\r\n{odd}", odd.len()),
            format!(" BODY[HEADER.FIELDS.NOT (X-ODD X-OTHER)] {{{}}}\r\n{even}", even.len()),
            format!(" BODY[HEADER.FIELDS.NOT (X-ODD)]<4000000> {{{}}}\r\n{slice}", slice.len()),
            format!(" BODY[HEADER.FIELDS (X-NONE)] {{2}}\r\n\r\n BODY[HEADER] {{{}}}\r\n{header})\r\n", header.len()),
            "a2 OK Fetched\r\n".to_owned(),
        ]
        .concat();
        assert_eq!(out.all.len(), expected.len());
        assert!(out.all == expected.as_bytes());
        assert!(out.largest < 1 << 20, "{} octets at once", out.largest);
    });
}

/// Messages of many sizes that lie one behind the other come in their order, in pieces of bounded size. While a client
/// takes none of them, no thread waits for it: of the one that there is, another client has the use.
#[test]
fn many_bodies_go_out_while_the_next_are_read() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        let connection = stage.connections.get_mut(&1).expect("it was made above");
        let mut expected = Vec::new();
        for uid in 1..=200_usize {
            let text = format!("Subject: {uid}\r\n\r\n{}", "line\r\n".repeat(uid * 7_919 % 3_000));
            connection.feed(format!("a APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()).as_bytes()).await;
            let head = format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n", text.len());
            expected.extend_from_slice(&[head.as_bytes(), text.as_bytes(), b")\r\n"].concat());
        }
        expected.extend_from_slice(b"a OK Fetched\r\n");
        connection.feed(b"a NOOP\r\n").await;
        connection.take_sent();

        let mut connection = stage.connections.remove(&1).expect("it was made above");
        let now = std::time::Instant::now();
        connection.session.receive(now, b"a FETCH 1:* (UID BODY.PEEK[])\r\n");
        let (opened, is_open) = tokio::sync::watch::channel(false);
        let mut slow = Slow { pieces: Pieces::default(), is_open };
        let fetch = async {
            let Ok(_) = connection.session.advance(now, &mut slow).await;
        };
        let other = async {
            stage.connect(2, "logged in as alice, INBOX selected").await;
            let other = stage.connections.get_mut(&2).expect("it was made above");
            for number in 1..=200 {
                other.feed(format!("b FETCH {number} BODY.PEEK[TEXT]\r\n").as_bytes()).await;
                assert!(other.take_sent().ends_with(b"b OK Fetched\r\n"));
            }
            opened.send(true).expect("somebody waits");
        };
        tokio::join!(fetch, other);
        assert_eq!(slow.pieces.all.len(), expected.len());
        assert!(slow.pieces.all == expected);
        assert!(slow.pieces.largest < 400 << 10, "{} octets at once", slow.pieces.largest);
    });
}

/// A client that names messages by number is told all that its conditional STORE left alone, however long that line gets.
#[test]
fn a_long_modified_is_told() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice, INBOX with 600 messages").expect("a script");
        let mut stage = Stage::build(&script).await;
        for number in 1..=2 {
            stage.connect(number, "logged in as alice, INBOX selected").await;
        }
        let odd: Vec<String> = (1..=600).step_by(2).map(|number| number.to_string()).collect();
        let odd = odd.join(",");
        let other = stage.connections.get_mut(&2).expect("it was made above");
        other.feed(format!("b1 STORE {odd} +FLAGS.SILENT (\\Flagged)\r\n").as_bytes()).await;
        let session = stage.connections.get_mut(&1).expect("it was made above");
        session.feed(b"a1 STORE 1:600 (UNCHANGEDSINCE 601) +FLAGS.SILENT (\\Deleted)\r\n").await;
        let sent = String::from_utf8(session.take_sent()).expect("ASCII");
        let told = format!("a1 OK [MODIFIED {odd}] ");
        assert!(sent.lines().last().is_some_and(|line| line.starts_with(&told)), "{sent}");
    });
}

/// A mailbox that has all the keywords that it can have says so: no `\*`, and LIMIT.
#[test]
fn a_mailbox_full_of_keywords_takes_no_more() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice, INBOX with 1 message").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        let session = stage.connections.get_mut(&1).expect("it was made above");
        let keywords: Vec<String> = (0..1_000).map(|number| format!("k{number}")).collect();
        let store = |flags: &str| format!("a UID STORE 1 +FLAGS.SILENT ({flags})\r\n");
        session.feed(store(&keywords[1..].join(" ")).as_bytes()).await;
        let sent = String::from_utf8(session.take_sent()).expect("ASCII");
        assert!(sent.contains(" \\*)] ") && sent.ends_with("a OK Stored\r\n"), "{sent}");
        session.feed(store("k0").as_bytes()).await;
        let sent = String::from_utf8(session.take_sent()).expect("ASCII");
        assert!(!sent.contains("\\*") && sent.ends_with("a OK Stored\r\n"), "{sent}");
        session.feed(store("one-more").as_bytes()).await;
        assert!(session.take_sent().starts_with(b"a NO [LIMIT] "));
        session.feed(store("k0").as_bytes()).await;
        assert!(session.take_sent().ends_with(b"a OK Stored\r\n"));
    });
}

/// Patterns that take long keep nobody waiting but who sent them.
#[test]
fn many_long_patterns_are_compared_aside() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice, aaaaaaaaaaaaaaaaaaaaaaaa/b").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice").await;
        let session = stage.connections.get_mut(&1).expect("it was made above");
        let patterns = vec!["*a*a*a*c"; 2_000].join(" ");
        session.feed(format!("a LIST \"\" ({patterns} *a/b)\r\n").as_bytes()).await;
        let sent = String::from_utf8(session.take_sent()).expect("ASCII");
        let listed = "* LIST (\\HasNoChildren) \"/\" \"aaaaaaaaaaaaaaaaaaaaaaaa/b\"\r\na OK Listed\r\n";
        assert_eq!(sent, listed);
    });
}

/// What was sent, and the most that was sent at once.
#[derive(Default)]
struct Pieces {
    all: Vec<u8>,
    largest: usize,
}

impl Output for Pieces {
    type Error = std::convert::Infallible;

    async fn send(&mut self, octets: &mut Vec<u8>) -> Result<(), Self::Error> {
        self.largest = self.largest.max(octets.capacity());
        self.all.append(octets);
        Ok(())
    }
}

/// A client that takes nothing until it is told to.
struct Slow {
    pieces: Pieces,
    is_open: tokio::sync::watch::Receiver<bool>,
}

impl Output for Slow {
    type Error = std::convert::Infallible;

    async fn send(&mut self, octets: &mut Vec<u8>) -> Result<(), Self::Error> {
        self.is_open.wait_for(|is_open| *is_open).await.expect("it is told");
        self.pieces.send(octets).await
    }
}

/// A client that went away.
struct Gone;

impl Output for Gone {
    type Error = &'static str;

    async fn send(&mut self, octets: &mut Vec<u8>) -> Result<(), Self::Error> {
        octets.clear();
        Ok(())
    }

    async fn gone(&mut self) -> Self::Error {
        "gone"
    }
}

/// Somebody who does not wait for answers that come late.
struct Impatient(Vec<Duration>);

impl Output for Impatient {
    type Error = &'static str;

    async fn send(&mut self, octets: &mut Vec<u8>) -> Result<(), Self::Error> {
        octets.clear();
        Ok(())
    }

    async fn pause(&mut self, time: Duration) -> Result<(), Self::Error> {
        self.0.push(time);
        Err("gone")
    }
}

#[test]
fn the_answer_to_many_failures_waits_while_somebody_is_there() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice\nlimit: failed_logins_max 9").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "connected").await;
        let connection = stage.connections.get_mut(&1).expect("it was made above");
        let now = std::time::Instant::now();
        let mut client = Impatient(Vec::new());
        for _ in 0..3 {
            connection.session.receive(now, b"a1 LOGIN alice guess\r\n");
            assert_eq!(connection.session.advance(now, &mut client).await, Ok(Next::Read));
        }
        assert!(client.0.is_empty());
        connection.session.receive(now, b"a2 AUTHENTICATE PLAIN AGFsaWNlAGd1ZXNz\r\n");
        assert_eq!(connection.session.advance(now, &mut client).await, Err("gone"));
        assert_eq!(client.0, [Duration::from_secs(1)]);
    });
}

#[test]
fn a_search_is_given_up_when_the_client_goes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice, INBOX with 3 messages").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        // All threads are lent to others, so that it has to wait.
        let threads = stage.search_threads();
        let all = u32::try_from(threads.available_permits()).expect("a few");
        let lent = threads.clone().acquire_many_owned(all).await.expect("never closed");
        let connection = stage.connections.get_mut(&1).expect("it was made above");
        let now = std::time::Instant::now();
        connection.session.receive(now, b"a1 SEARCH BODY message\r\n");
        assert_eq!(connection.session.advance(now, &mut Gone).await, Err("gone"));
        // One that opens no message does not wait.
        stage.connect(2, "logged in as alice, INBOX selected").await;
        let connection = stage.connections.get_mut(&2).expect("it was made above");
        connection.session.receive(now, b"a1 SEARCH UNSEEN\r\n");
        let mut client = Impatient(Vec::new());
        assert_eq!(connection.session.advance(now, &mut client).await, Ok(Next::Read));
        drop(lent);
        assert_eq!(threads.available_permits(), all as usize);
    });
}
