//! A client that sends nothing but commands of RFC 1176 is told nothing that a strict reader of RFC 1176 cannot read, while a
//! client of today does to the mailbox what such clients do.

use super::script::Script;
use super::stage::{Connection, Stage};

const RUNS: u64 = 60;
const STEPS: u32 = 40;
/// Octets of a status line.
const LINE_OCTETS_MAX: usize = 900;
const KEYWORDS_MAX: usize = 30;
const LETTER: &str = "message letter:\n| Subject: 50% \"off\" {today} \\ Grüße\n\
    | From: \"Bob (at home)\" <bob@example.org>, group: a@example.org, b@example.org;\n\
    | To: alice@example.org\n| Content-Type: multipart/mixed; boundary=b\n|\n| --b\n|\n| Hi {3}\n| --b\n\
    | Content-Type: message/rfc822\n|\n| Subject: in\n|\n| x\n| --b--\n";

#[test]
fn a_client_of_1988_can_read_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for seed in 1..=RUNS {
        runtime.block_on(run(seed));
    }
}

/// The reader must refuse what it is there to find.
#[test]
fn the_reader_is_strict() {
    let refused = [
        "* 1 FETCH (UID 1)\r\n",
        "* 1 FETCH (FLAGS (\\Draft))\r\n",
        "* 1 FETCH (FLAGS (later))\r\n",
        "* LIST () \"/\" INBOX\r\n",
        "* VANISHED 1\r\n",
        "* ESEARCH (TAG \"a\") ALL 1\r\n",
        "* 1 FETCH (ENVELOPE (\"a\\\"b\" NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "* 1 FETCH (RFC822.TEXT \"100%\")\r\n",
        "* 1 EXPUNGE\r\n",
        "* OK \r\n",
        "a OK done\n",
        "* STATUS INBOX (MESSAGES 1)\r\n",
    ];
    for line in refused {
        let mut client = Client { exists: 1, ..Client::default() };
        assert_eq!(client.read_line(&mut Reader(line.as_bytes())), None, "{line}");
    }
    let mut client = Client { exists: 1, may_expunge: true, ..Client::default() };
    for line in [
        "* FLAGS (later \\Seen \\Draft)\r\n",
        "* 1 FETCH (FLAGS (later \\Seen) RFC822.SIZE 3)\r\n",
        "* 1 FETCH (ENVELOPE (NIL {3}\r\n\"%\\ ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "* 1 EXPUNGE\r\n",
    ] {
        assert_eq!(client.read_line(&mut Reader(line.as_bytes())), Some(()), "{line}");
    }
}

async fn run(seed: u64) {
    let script = format!(
        "{LETTER}store: user alice, INBOX with letter\nstore: user alice, INBOX with 3 messages\n\
         store: user alice, INBOX 2 is \\Draft \\Seen Work\n"
    );
    let mut stage = Stage::build(&Script::parse(&script).expect("a script")).await;
    stage.connect(1, "connected").await;
    stage.connect(2, "logged in as alice, INBOX selected").await;
    let mut other = stage.connections.remove(&2).expect("it was made above");
    let mut session = stage.connections.remove(&1).expect("it was made above");
    let mut client = Client::default();
    client.read(&session.take_sent(), seed);
    let mut chance = Chance(seed);
    client.command(&mut session, "login alice secret", seed).await;
    client.command(&mut session, "select inbox", seed).await;
    for step in 0..STEPS {
        if chance.below(3) == 0 {
            disturb(&mut other, &mut chance, step).await;
        }
        let command = next_command(&mut chance, client.exists);
        client.command(&mut session, &command, seed).await;
    }
    client.command(&mut session, "logout", seed).await;
}

/// A command of RFC 1176.
fn next_command(chance: &mut Chance, exists: u32) -> String {
    let number = 1 + chance.below(exists.max(1));
    let of = |list: &[&str], chance: &mut Chance| list[chance.below(list.len() as u32) as usize].to_owned();
    let others =
        ["noop", "check", "expunge", "find mailboxes *", "bboard x", "copy 1 nowhere", "select inbox"];
    if exists == 0 {
        return of(&["noop", "check", "select inbox"], chance);
    }
    match chance.below(5) {
        0 => {
            let items = ["all", "fast", "flags", "envelope", "(flags internaldate)", "rfc822", "rfc822.text"];
            format!("fetch 1:{number} {}", of(&items, chance))
        }
        1 => {
            let values = ["flags \\Seen", "+Flags (\\Deleted)", "-flags \\Deleted", "flags (\\Flagged Mine)"];
            format!("store {number} {}", of(&values, chance))
        }
        2 => {
            let keys =
                ["all", "deleted since 1-oct-26", "unseen from bob", "keyword Work", "subject nothing"];
            format!("search {}", of(&keys, chance))
        }
        _ => of(&others, chance),
    }
}

/// What clients of today do to the mailbox.
async fn disturb(other: &mut Connection, chance: &mut Chance, step: u32) {
    let command = match chance.below(6) {
        0 | 1 => "o APPEND INBOX {3+}\r\nnew".to_owned(),
        2 => format!("o UID STORE 1:* +FLAGS (New{step} \\Draft)"),
        3 => "o UID STORE 2 FLAGS (\\Deleted)".to_owned(),
        4 => "o EXPUNGE".to_owned(),
        _ => format!("o UID STORE 1:* +FLAGS (K{step}A K{step}B K{step}C K{step}D K{step}E)"),
    };
    other.feed(format!("{command}\r\n").as_bytes()).await;
    let sent = other.take_sent();
    let answer = String::from_utf8_lossy(&sent);
    assert!(answer.lines().last().is_some_and(|line| line.starts_with("o OK")), "{command}: {answer}");
}

/// What a strict client knows.
#[derive(Default)]
struct Client {
    exists: u32,
    may_expunge: bool,
    flags: Vec<Vec<u8>>,
    log: String,
}

impl Client {
    async fn command(&mut self, session: &mut Connection, command: &str, seed: u64) {
        self.may_expunge = !["fetch", "store", "search"].iter().any(|name| command.starts_with(name));
        if command == "select inbox" {
            (self.exists, self.flags) = (0, Vec::new());
        }
        self.log.push_str(&format!("C: {command}\n"));
        session.feed(format!("a {command}\r\n").as_bytes()).await;
        self.read(&session.take_sent(), seed);
    }

    fn read(&mut self, sent: &[u8], seed: u64) {
        let mut reader = Reader(sent);
        while !reader.0.is_empty() {
            let rest = reader.0;
            let understood = self.read_line(&mut reader);
            let said = String::from_utf8_lossy(rest).into_owned();
            assert!(understood.is_some(), "seed {seed}\n{}cannot be read: {said}", self.log);
        }
        self.log.push_str(&String::from_utf8_lossy(sent));
    }

    /// One response of RFC 1176.
    fn read_line(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        if reader.eat(b"a ") {
            reader.word(&["OK", "NO", "BAD"])?;
            return reader.text();
        }
        reader.eat(b"* ").then_some(())?;
        if let Some(number) = reader.number() {
            reader.sp()?;
            self.read_numbered(number, reader)?;
            return reader.crlf();
        }
        match reader.word(&["OK", "NO", "BAD", "BYE", "FLAGS", "SEARCH", "MAILBOX"])? {
            "FLAGS" => {
                reader.sp()?;
                self.flags = reader.flags()?;
                let keywords = self.flags.iter().filter(|flag| !flag.starts_with(b"\\")).count();
                let first_system = self.flags.iter().position(|flag| flag.starts_with(b"\\"));
                let keywords_first = first_system.is_none_or(|at| at == keywords);
                (keywords <= KEYWORDS_MAX && keywords_first).then_some(())?;
            }
            "SEARCH" => {
                while reader.eat(b" ") {
                    reader.number().filter(|number| (1..=self.exists).contains(number))?;
                }
            }
            _ => return reader.text(),
        }
        reader.crlf()
    }

    fn read_numbered(&mut self, number: u32, reader: &mut Reader<'_>) -> Option<()> {
        let is_there = (1..=self.exists).contains(&number);
        match reader.word(&["EXISTS", "RECENT", "EXPUNGE", "FETCH"])? {
            "EXISTS" => {
                (number >= self.exists).then_some(())?;
                self.exists = number;
            }
            "EXPUNGE" => {
                (is_there && self.may_expunge).then_some(())?;
                self.exists -= 1;
            }
            "FETCH" => {
                is_there.then_some(())?;
                reader.eat(b" (").then_some(())?;
                self.read_item(reader)?;
                while reader.eat(b" ") {
                    self.read_item(reader)?;
                }
                reader.eat(b")").then_some(())?;
            }
            _ => (number <= self.exists).then_some(())?,
        }
        Some(())
    }

    fn read_item(&self, reader: &mut Reader<'_>) -> Option<()> {
        let names =
            ["ENVELOPE", "FLAGS", "INTERNALDATE", "RFC822.HEADER", "RFC822.SIZE", "RFC822.TEXT", "RFC822"];
        let name = reader.word(&names)?;
        reader.sp()?;
        match name {
            "ENVELOPE" => reader.envelope(),
            "RFC822.SIZE" => reader.number().map(drop),
            "FLAGS" => {
                let five = ["\\Recent", "\\Seen", "\\Answered", "\\Flagged", "\\Deleted"];
                let is_known = |flag: &Vec<u8>| {
                    five.iter().any(|known| known.as_bytes() == flag)
                        || !flag.starts_with(b"\\") && self.flags.contains(flag)
                };
                reader.flags()?.iter().all(is_known).then_some(())
            }
            _ => reader.nstring(),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn eat(&mut self, octets: &[u8]) -> bool {
        let rest = self.0.strip_prefix(octets);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn sp(&mut self) -> Option<()> {
        self.eat(b" ").then_some(())
    }

    fn crlf(&mut self) -> Option<()> {
        self.eat(b"\r\n").then_some(())
    }

    /// The octets up to the first that is not `wanted`.
    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.0.iter().position(|&octet| !wanted(octet)).unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at(len);
        self.0 = rest;
        run
    }

    fn word(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let run = self.run(|octet| !b" ()\r\n".contains(&octet));
        words.iter().copied().find(|word| word.as_bytes() == run)
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.0;
        let number = str::from_utf8(self.run(|octet| octet.is_ascii_digit())).ok()?.parse().ok();
        if number.is_none() {
            self.0 = start;
        }
        number
    }

    /// A space and at least one character, to the end of a line that is not too long.
    fn text(&mut self) -> Option<()> {
        self.sp()?;
        let text = self.run(|octet| matches!(octet, b' '..=b'~'));
        (!text.is_empty() && text.len() < LINE_OCTETS_MAX).then_some(())?;
        self.crlf()
    }

    fn flags(&mut self) -> Option<Vec<Vec<u8>>> {
        self.eat(b"(").then_some(())?;
        let list = self.run(|octet| !b")\r\n".contains(&octet));
        self.eat(b")").then_some(())?;
        let flags = list.split(|&octet| octet == b' ').filter(|flag| !flag.is_empty());
        Some(flags.map(<[u8]>::to_vec).collect())
    }

    fn nstring(&mut self) -> Option<()> {
        if self.eat(b"NIL") {
            return Some(());
        }
        if self.eat(b"\"") {
            self.run(|octet| matches!(octet, b' '..=b'~') && !b"\"%{\\".contains(&octet));
            return self.eat(b"\"").then_some(());
        }
        self.eat(b"{").then_some(())?;
        let len = self.number()? as usize;
        self.eat(b"}\r\n").then_some(())?;
        let (literal, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        (!literal.contains(&0)).then_some(())
    }

    /// Date, subject, six lists of addresses, In-Reply-To, Message-ID.
    fn envelope(&mut self) -> Option<()> {
        self.eat(b"(").then_some(())?;
        self.nstring()?;
        self.sp()?;
        self.nstring()?;
        for _ in 0..6 {
            self.sp()?;
            self.addresses()?;
        }
        for _ in 0..2 {
            self.sp()?;
            self.nstring()?;
        }
        self.eat(b")").then_some(())
    }

    fn addresses(&mut self) -> Option<()> {
        if self.eat(b"NIL") {
            return Some(());
        }
        self.eat(b"(").then_some(())?;
        while self.eat(b"(") {
            self.nstring()?;
            for _ in 0..3 {
                self.sp()?;
                self.nstring()?;
            }
            self.eat(b")").then_some(())?;
        }
        self.eat(b")").then_some(())
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }
}
