//! A client of QRESYNC that keeps what it is told, goes and comes back as it likes, while another session changes the
//! mailbox: what it knows after coming back must be the mailbox. It minds HIGHESTMODSEQ by the letter of RFC 7162 §6.

use std::collections::{BTreeMap, BTreeSet};

use super::script::Script;
use super::stage::{Connection, Stage};

const RUNS: u64 = 80;
const STEPS: u32 = 40;

#[test]
fn whoever_comes_back_misses_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let returns: u32 = (1..=RUNS).map(|seed| runtime.block_on(run(seed))).sum();
    assert!(returns > 200, "only {returns} returns were tried");
}

async fn run(seed: u64) -> u32 {
    let script = "store: user alice, INBOX with 5 messages\n";
    let mut stage = Stage::build(&Script::parse(script).expect("a script")).await;
    stage.connect(1, "logged in as alice, INBOX selected").await;
    let mut other = stage.connections.remove(&1).expect("it was made above");
    let mut client = Client { seed, ..Client::default() };
    let mut session = None;
    let mut chance = Chance(seed);
    let mut returns = 0;
    for _ in 0..STEPS {
        let Some(here) = &mut session else {
            let mut fresh = connect(&mut stage).await;
            client.come_back(&mut fresh).await;
            session = Some(fresh);
            returns += 1;
            continue;
        };
        match chance.below(12) {
            0..=4 => disturb(&mut other, &mut chance).await,
            5 => session = None,
            _ => client.work(here, &mut chance).await,
        }
    }
    let mut fresh = connect(&mut stage).await;
    client.come_back(&mut fresh).await;
    returns + 1
}

async fn connect(stage: &mut Stage) -> Connection {
    stage.connect(2, "logged in as alice").await;
    stage.connections.remove(&2).expect("it was made above")
}

/// What another session does.
async fn disturb(other: &mut Connection, chance: &mut Chance) {
    let uid = 1 + chance.below(9);
    let command = match chance.below(6) {
        0 => "APPEND INBOX {3+}\r\nnew".to_owned(),
        1 => "EXPUNGE".to_owned(),
        2 => format!("UID MOVE {uid} Archive"),
        3 => format!("UID STORE {uid} +FLAGS (\\Deleted)"),
        4 => format!("UID STORE {uid}:* +FLAGS (\\Flagged)"),
        _ => format!("UID STORE {uid} -FLAGS (\\Flagged \\Seen)"),
    };
    other.feed(format!("o {command}\r\n").as_bytes()).await;
    other.take_sent();
}

/// What it keeps over connections, and what it was told on this one.
#[derive(Default)]
struct Client {
    uid_validity: u64,
    highest: u64,
    messages: BTreeMap<u32, BTreeSet<String>>,
    /// UIDs by sequence number; `None`: not told.
    places: Vec<Option<u32>>,
    /// Since the last tagged reply.
    mod_seq_seen: u64,
    highest_told: Option<u64>,
    log: Vec<String>,
    seed: u64,
}

impl Client {
    async fn come_back(&mut self, session: &mut Connection) {
        self.log.push("--- comes back".to_owned());
        self.command(session, "ENABLE QRESYNC").await;
        self.places = Vec::new();
        let select = match self.uid_validity {
            0 => "SELECT INBOX".to_owned(),
            validity => format!("SELECT INBOX (QRESYNC ({validity} {}))", self.highest),
        };
        self.command(session, &select).await;
        let known = self.messages.clone();
        self.messages.clear();
        let before = (self.highest, self.places.clone());
        self.command(session, "UID FETCH 1:* (FLAGS)").await;
        assert_eq!(before.0, self.highest, "nothing changed since SELECT: {}", self.told());
        for uid in known.keys() {
            assert!(self.messages.contains_key(uid), "{uid} is gone, and it was not told:\n{}", self.told());
        }
        // What it never had a UID of, it does not know.
        for (uid, flags) in self.messages.iter().filter(|(uid, _)| known.contains_key(uid)) {
            assert_eq!(known.get(uid), Some(flags), "flags of {uid}:\n{}", self.told());
        }
    }

    async fn work(&mut self, session: &mut Connection, chance: &mut Chance) {
        let number = 1 + chance.below(self.places.len().max(1) as u32);
        let uid = 1 + chance.below(9);
        if self.places.is_empty() {
            return self.command(session, "NOOP").await;
        }
        let command = match chance.below(10) {
            0 => "NOOP".to_owned(),
            1 => "EXPUNGE".to_owned(),
            2 => format!("STORE {number} +FLAGS (\\Seen)"),
            3 => format!("STORE {number} (UNCHANGEDSINCE {}) +FLAGS (\\Flagged)", self.highest),
            4 => format!("UID STORE {uid} +FLAGS (\\Deleted)"),
            5 => format!("FETCH {number} (UID BODY[TEXT]<0.1>)"),
            6 => format!("FETCH 1:* (FLAGS UID) (CHANGEDSINCE {})", self.highest),
            7 => format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {} VANISHED)", self.highest),
            8 => "SEARCH RETURN (ALL) MODSEQ 1".to_owned(),
            _ => format!("MOVE {number} Archive"),
        };
        self.command(session, &command).await;
    }

    async fn command(&mut self, session: &mut Connection, command: &str) {
        self.log.push(format!("C: {command}"));
        session.feed(format!("t {command}\r\n").as_bytes()).await;
        while let Some(line) = session.next_line() {
            self.log.push(format!("S: {line}"));
            self.believe(&line);
        }
        match self.highest_told.take() {
            Some(highest) => self.highest = highest,
            None => self.highest = self.highest.max(self.mod_seq_seen),
        }
        self.mod_seq_seen = 0;
    }

    fn believe(&mut self, line: &str) {
        let number_behind = |word: &str| {
            let rest = line.split_once(word)?.1;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse::<u64>().ok()
        };
        assert!(
            !line.starts_with("t BAD") && !line.contains("EXPUNGE") || line.contains("["),
            "{}",
            self.told()
        );
        if let Some(validity) = number_behind("[UIDVALIDITY ") {
            self.uid_validity = validity;
        }
        if let Some(highest) = number_behind("[HIGHESTMODSEQ ") {
            self.highest_told = Some(highest);
        }
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["*", count, "EXISTS"] => {
                let count: usize = count.parse().expect("a number");
                assert!(count >= self.places.len(), "EXISTS fell:\n{}", self.told());
                self.places.resize(count, None);
            }
            ["*", "VANISHED", "(EARLIER)", uids] => self.forget(uids, false),
            ["*", "VANISHED", uids] => self.forget(uids, true),
            ["*", place, "FETCH", ..] => self.take(place, line, number_behind("UID ")),
            _ => {}
        }
    }

    fn take(&mut self, place: &str, line: &str, uid: Option<u64>) {
        let place: usize = place.parse().expect("a number");
        assert!((1..=self.places.len()).contains(&place), "no such message:\n{}", self.told());
        if let Some(mod_seq) = line.split_once("MODSEQ (").and_then(|(_, rest)| rest.split_once(')')) {
            self.mod_seq_seen = self.mod_seq_seen.max(mod_seq.0.parse().expect("a number"));
        }
        let known = &mut self.places[place - 1];
        if let Some(uid) = uid {
            let uid = u32::try_from(uid).expect("a UID");
            assert!(known.is_none_or(|known| known == uid), "another UID at {place}:\n{}", self.told());
            self.places[place - 1] = Some(uid);
        }
        let Some(uid) = self.places[place - 1] else { return };
        if let Some((flags, _)) = line.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')')) {
            let flags = flags.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent");
            self.messages.insert(uid, flags.map(str::to_owned).collect());
        }
    }

    fn forget(&mut self, uids: &str, counts: bool) {
        for range in uids.split(',') {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let (first, last): (u32, u32) = (first.parse().expect("a UID"), last.parse().expect("a UID"));
            for uid in first..=last {
                self.messages.remove(&uid);
                let place = self.places.iter().position(|known| *known == Some(uid));
                match place {
                    Some(place) => drop(self.places.remove(place)),
                    None if counts => drop(self.places.pop()),
                    None => {}
                }
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
