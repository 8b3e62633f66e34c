//! kill -9 in the middle of appends: what was answered OK is there afterwards, octet by octet.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{FREE_PORTS, add_user, start};

const CONNECTIONS: usize = 4;
const ROUNDS: usize = 3;
/// The server is killed once that many appends of a round were answered.
const ANSWERED_BEFORE_KILL: usize = 60;

#[test]
fn an_acknowledged_append_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut acknowledged: HashSet<Vec<u8>> = HashSet::new();
    let mut sent: HashSet<Vec<u8>> = HashSet::new();
    let mut user_made = false;
    for round in 0..ROUNDS {
        let server = start(dir.path(), &FREE_PORTS);
        if !user_made {
            add_user(dir.path(), "kay", "pw");
            user_made = true;
        }
        let answered = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let mut client = server.connect().login("kay", "pw");
                let answered = answered.clone();
                std::thread::spawn(move || {
                    let (mut sent, mut acknowledged) = (Vec::new(), Vec::new());
                    for number in 0.. {
                        let message = message(round, connection, number);
                        sent.push(message.clone());
                        match client.append("INBOX", &message) {
                            Some(true) => {
                                acknowledged.push(message);
                                answered.fetch_add(1, Ordering::Relaxed);
                            }
                            Some(false) => panic!("an append was refused"),
                            None => break,
                        }
                    }
                    (sent, acknowledged)
                })
            })
            .collect();
        let began = Instant::now();
        while answered.load(Ordering::Relaxed) < ANSWERED_BEFORE_KILL {
            assert!(began.elapsed() < Duration::from_secs(60), "appends stand still");
            std::thread::yield_now();
        }
        server.kill();
        for writer in writers {
            let (more_sent, more_acknowledged) = writer.join().expect("no append was refused");
            sent.extend(more_sent);
            acknowledged.extend(more_acknowledged);
        }
    }

    let server = start(dir.path(), &FREE_PORTS);
    let mut client = server.connect().login("kay", "pw");
    client.ok("EXAMINE INBOX");
    let mut present: HashSet<Vec<u8>> = HashSet::new();
    for response in client.ok("UID FETCH 1:* BODY.PEEK[]") {
        let body = response.literals.into_iter().next().expect("a literal");
        assert!(sent.contains(&body), "a message that nobody sent");
        assert!(present.insert(body), "one message is there twice");
    }
    let lost = acknowledged.difference(&present).count();
    assert_eq!(lost, 0, "of {} acknowledged messages {lost} are lost", acknowledged.len());
    assert!(acknowledged.len() >= ROUNDS * ANSWERED_BEFORE_KILL);
}

/// A message that is like no other, of a few hundred octets to half a megabyte.
fn message(round: usize, connection: usize, number: usize) -> Vec<u8> {
    let mut text = format!("Subject: {round}/{connection}/{number}\r\n\r\n");
    let lines = match number % 7 {
        0 => 7_000,
        1 | 2 => 300,
        _ => 3,
    };
    for line in 0..lines {
        text += &format!("line {line} of message {number}, connection {connection}, round {round}\r\n");
    }
    text.into_bytes()
}
