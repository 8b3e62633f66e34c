//! Two or three sessions do things to one mailbox, at random or in every order; each has a client that believes what it is told. In the end its belief
//! must be the mailbox, and EXPUNGE must never have come where the standard forbids it (RFC 9051 §7.5.1).

use std::collections::BTreeSet;

use super::script::Script;
use super::stage::{Connection, Stage};

const RUNS: u64 = 150;
const STEPS: u32 = 40;

#[test]
fn what_a_session_was_told_is_the_mailbox() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for seed in 1..=RUNS {
        runtime.block_on(run(seed));
    }
}

/// What one of the sessions may do to a mailbox of a few messages.
const SMALL_STEPS: [(&str, &[u8]); 6] = [
    ("APPEND INBOX {3+}", b"new\r\n"),
    ("STORE 1 +FLAGS (\\Deleted)", b""),
    ("EXPUNGE", b""),
    ("MOVE 1 Archive", b""),
    ("FETCH 1 BODY[TEXT]<0.1>", b""),
    ("NOOP", b""),
];

/// Every order in which two sessions can do three of these things.
#[test]
fn every_order_of_three_steps_is_told_rightly() {
    every_order(2, 3);
}

/// Every order in which three sessions can do two of them: what one does, the others hear of in two ways.
#[test]
fn every_order_of_two_steps_of_three_sessions_is_told_rightly() {
    every_order(3, 2);
}

/// Of four steps, with up to four messages.
#[test]
#[ignore = "takes a minute"]
fn every_order_of_four_steps_is_told_rightly() {
    every_order(2, 4);
}

/// Of three sessions.
#[test]
#[ignore = "takes a minute"]
fn every_order_of_three_steps_of_three_sessions_is_told_rightly() {
    every_order(3, 3);
}

/// Of four steps of three sessions.
#[test]
#[ignore = "takes ten minutes"]
fn every_order_of_four_steps_of_three_sessions_is_told_rightly() {
    every_order(3, 4);
}

fn every_order(sessions: u32, length: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let moves = u64::from(sessions) * SMALL_STEPS.len() as u64;
    for order in 0..moves.pow(length) {
        // Which of them begins makes no difference.
        if order % u64::from(sessions) == 0 {
            runtime.block_on(run_small(order, sessions, length));
        }
    }
}

async fn run_small(order: u64, sessions: u32, length: u32) {
    let mut clients = clients(sessions, 2, order).await;
    let (steps, sessions) = (SMALL_STEPS.len() as u64, u64::from(sessions));
    let mut left = order;
    let mut appended = 0;
    for _ in 0..length {
        let who = left % sessions;
        let step = left / sessions % steps;
        left /= sessions * steps;
        let (command, behind) = SMALL_STEPS[step as usize];
        appended += u32::from(command.starts_with("APPEND"));
        let client = &mut clients[who as usize];
        let needs_message = command.contains(" 1 ");
        if appended > 2 || needs_message && client.messages.is_empty() {
            return;
        }
        client.command(command, behind).await;
    }
    for client in &mut clients {
        client.command("NOOP", b"").await;
        client.check().await;
    }
}

async fn clients(sessions: u32, count: usize, seed: u64) -> Vec<Client> {
    let script = format!("store: user alice, INBOX with {count} messages\n");
    let mut stage = Stage::build(&Script::parse(&script).expect("a script")).await;
    let mut clients = Vec::new();
    for number in 1..=sessions as usize {
        stage.connect(number, "logged in as alice, INBOX selected").await;
        let session = stage.connections.remove(&number).expect("it was made above");
        let mut client =
            Client { session, messages: vec![None; count], may_expunge: true, log: Vec::new(), seed };
        client.command("FETCH 1:* FLAGS", b"").await;
        clients.push(client);
    }
    clients
}

async fn run(seed: u64) {
    let mut clients = clients(2, 4, seed).await;
    let mut chance = Chance(seed);
    for _ in 0..STEPS {
        let who = chance.below(2) as usize;
        step(&mut clients[who], &mut chance).await;
    }
    for client in &mut clients {
        client.command("NOOP", b"").await;
        client.check().await;
    }
}

async fn step(client: &mut Client, chance: &mut Chance) {
    let count = client.messages.len() as u32;
    let flag = ["\\Seen", "\\Deleted", "\\Flagged", "work", "play"][chance.below(5) as usize];
    if count == 0 {
        return client.command("APPEND INBOX {3+}", b"new\r\n").await;
    }
    let n = 1 + chance.below(count);
    let sign = ["+", "-"][chance.below(2) as usize];
    match chance.below(13) {
        0 => client.command("APPEND INBOX {3+}", b"new\r\n").await,
        1 => client.command("EXPUNGE", b"").await,
        2 => client.command("NOOP", b"").await,
        3 => client.command(&format!("FETCH {n} (FLAGS)"), b"").await,
        4 => client.command(&format!("FETCH {n} BODY[TEXT]<0.1>"), b"").await,
        5 => client.command("SEARCH ALL", b"").await,
        6 => client.command(&format!("COPY {n} INBOX"), b"").await,
        7 => client.command(&format!("MOVE {n} Archive"), b"").await,
        8 => client.command(&format!("STORE 1:{n} {sign}FLAGS ({flag})"), b"").await,
        9 => client.command(&format!("UID STORE 1:{n} {sign}FLAGS ({flag})"), b"").await,
        10 => client.command("UID EXPUNGE 1:*", b"").await,
        _ => {
            client.command(&format!("STORE {n} {sign}FLAGS.SILENT ({flag})"), b"").await;
            let flags = client.messages.get_mut(n as usize - 1).and_then(Option::as_mut);
            match flags {
                Some(flags) if sign == "+" => drop(flags.insert(flag.to_owned())),
                Some(flags) => drop(flags.remove(flag)),
                None => {}
            }
        }
    }
}

/// A client that believes what it is told.
struct Client {
    session: Connection,
    /// The flags of each message, where they were told.
    messages: Vec<Option<BTreeSet<String>>>,
    may_expunge: bool,
    log: Vec<String>,
    seed: u64,
}

impl Client {
    async fn command(&mut self, command: &str, behind: &[u8]) {
        self.may_expunge = !["FETCH", "STORE", "SEARCH"].iter().any(|name| command.starts_with(name));
        self.log.push(format!("C: {command}"));
        self.session.feed(&[b"t ", command.as_bytes(), b"\r\n", behind].concat()).await;
        let mut answered = false;
        while let Some(line) = self.session.next_line() {
            self.log.push(format!("S: {line}"));
            assert!(!answered, "more after the tagged line:\n{}", self.told());
            answered = line.starts_with("t ");
            assert!(!line.starts_with("t BAD"), "{}", self.told());
            self.believe(&line);
        }
        assert!(answered, "no answer:\n{}", self.told());
    }

    fn believe(&mut self, line: &str) {
        let mut words = line.splitn(4, ' ');
        let (Some("*"), Some(Ok(number))) = (words.next(), words.next().map(str::parse::<usize>)) else {
            return;
        };
        match words.next() {
            Some("EXISTS") => {
                assert!(number >= self.messages.len(), "EXISTS fell:\n{}", self.told());
                self.messages.resize(number, None);
            }
            Some("EXPUNGE") => {
                assert!(self.may_expunge, "EXPUNGE must wait:\n{}", self.told());
                assert!((1..=self.messages.len()).contains(&number), "no such message:\n{}", self.told());
                self.messages.remove(number - 1);
            }
            Some("FETCH") => {
                assert!((1..=self.messages.len()).contains(&number), "no such message:\n{}", self.told());
                let Some((_, flags)) = line.split_once("FLAGS (") else { return };
                let flags = flags.split_once(')').expect("a list").0;
                let flags = flags.split(' ').filter(|flag| !flag.is_empty()).map(str::to_owned).collect();
                self.messages[number - 1] = Some(flags);
            }
            _ => {}
        }
    }

    /// Nothing is pending, so what is believed must be what is there.
    async fn check(&mut self) {
        let believed = std::mem::take(&mut self.messages);
        self.messages = vec![None; believed.len()];
        if !believed.is_empty() {
            self.command("UID FETCH 1:* (FLAGS)", b"").await;
        }
        for (place, (believed, is)) in believed.iter().zip(&self.messages).enumerate() {
            assert!(is.is_some(), "message {} is not there:\n{}", place + 1, self.told());
            if believed.is_some() {
                assert_eq!(believed, is, "message {}:\n{}", place + 1, self.told());
            }
        }
    }

    fn told(&self) -> String {
        format!("seed {}\n{}", self.seed, self.log.join("\n"))
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }
}
