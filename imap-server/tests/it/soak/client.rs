//! [`Client`]: one session, its picture, and the comparison of both with the store.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use super::picture::{Message, Picture};
use super::{MAILBOXES, Soak};
use crate::support::{Imap, Response};

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing that came after the drafts of 1993: no UIDs.
    Old,
    Rev1,
    Condstore,
    Qresync,
    Rev2,
}

pub(super) struct Client<'a> {
    pub(super) soak: &'a Soak,
    pub(super) kind: Kind,
    pub(super) number: usize,
    pub(super) picture: Picture,
    pub(super) mailbox: usize,
    pub(super) appended: u32,
    pub(super) chance: u64,
    pub(super) imap: Imap<TcpStream>,
    pub(super) tags: u32,
    /// The last that was said, for the report of a failure.
    log: VecDeque<String>,
}

impl<'a> Client<'a> {
    pub(super) fn connect(soak: &'a Soak, number: usize, seed: u64) -> Self {
        let kind = [Kind::Rev1, Kind::Qresync, Kind::Old, Kind::Rev2, Kind::Condstore][number % 5];
        let mut client = Self {
            soak,
            kind,
            number,
            picture: Picture::default(),
            mailbox: number % 2,
            appended: 0,
            chance: seed.wrapping_mul(1_000_003).wrapping_add(number as u64),
            imap: soak.server.connect(),
            tags: 0,
            log: VecDeque::new(),
        };
        client.log_in();
        client.select(client.mailbox, false);
        client
    }

    pub(super) fn log_in(&mut self) {
        self.command("LOGIN sue pw");
        match self.kind {
            Kind::Old | Kind::Rev1 => {}
            Kind::Condstore => drop(self.command("ENABLE CONDSTORE")),
            Kind::Qresync => drop(self.command("ENABLE QRESYNC")),
            Kind::Rev2 => drop(self.command("ENABLE IMAP4rev2 CONDSTORE")),
        }
    }

    /// Opens a mailbox and learns all of it; `resync`: only what became new.
    pub(super) fn select(&mut self, mailbox: usize, resync: bool) {
        self.mailbox = mailbox;
        let mut line = format!("SELECT {}", MAILBOXES[mailbox]);
        if resync {
            line += &format!(" (QRESYNC ({} {}", self.picture.uid_validity, self.picture.mod_seq);
            let uids: Vec<String> = self.picture.messages.iter().map(|it| known(it).to_string()).collect();
            if !uids.is_empty() && self.below(2) == 0 {
                line += &format!(" {}", uids.join(","));
                if self.below(2) == 0 {
                    line += &format!(" ({} {})", uids.len(), uids[uids.len() - 1]);
                }
            }
            line += "))";
        }
        self.picture.begin(resync);
        let answer = self.command(&line);
        assert!(answer.starts_with("OK"), "{}", self.told(&answer));
        if let Err(why) = self.picture.opened() {
            panic!("{}", self.told(&why));
        }
        self.learn();
    }

    /// Asks for what it was only told the number of.
    pub(super) fn learn(&mut self) {
        let is_new = |it: &Message| it.flags.is_none() || self.kind != Kind::Old && it.uid.is_none();
        let Some(first) = self.picture.messages.iter().position(is_new) else { return };
        let last = self.picture.messages.len();
        let items = if self.kind == Kind::Old { "FLAGS" } else { "(UID FLAGS)" };
        self.command(&format!("FETCH {}:{last} {items}", first + 1));
    }

    /// Sends a command and believes what comes; its tagged answer.
    pub(super) fn command(&mut self, line: &str) -> String {
        self.command_with(line, b"")
    }

    /// The same with octets behind the line: messages in non-synchronizing literals.
    pub(super) fn command_with(&mut self, line: &str, behind: &[u8]) -> String {
        let tag = self.begin(line);
        self.imap.send(&[tag.as_bytes(), b" ", line.as_bytes(), b"\r\n", behind].concat());
        let by_number = ["FETCH", "STORE", "SEARCH"].iter().any(|name| line.starts_with(name));
        self.answer(&tag, !by_number)
    }

    /// A tag for a command that is written down as sent.
    pub(super) fn begin(&mut self, line: &str) -> String {
        self.tags += 1;
        self.note(format!("C: {line}"));
        self.soak.commands.fetch_add(1, Ordering::Relaxed);
        format!("t{}", self.tags)
    }

    /// Reads up to the tagged answer.
    pub(super) fn answer(&mut self, tag: &str, may_expunge: bool) -> String {
        loop {
            let Some(response) = self.imap.read() else {
                panic!("{}", self.told("the connection ended, or nothing came"))
            };
            let line = response.line();
            if let Some(answer) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                self.note(format!("S: {line}"));
                assert!(!answer.starts_with("BAD"), "{}", self.told("BAD"));
                self.soak.refused.fetch_add(u64::from(answer.starts_with("NO")), Ordering::Relaxed);
                self.picture.tagged(answer);
                return answer.to_owned();
            }
            self.believe(&response, may_expunge);
        }
    }

    pub(super) fn believe(&mut self, response: &Response, may_expunge: bool) {
        let line = response.line();
        self.note(format!("S: {}", line.chars().take(300).collect::<String>()));
        if let Err(why) = self.picture.told(response, may_expunge) {
            panic!("{}", self.told(&why));
        }
        if let Some(new) = ["VANISHED", "ESEARCH", " UID ", "(UID ", "MODSEQ ("]
            .iter()
            .find(|new| self.kind == Kind::Old && response.literals.is_empty() && line.contains(**new))
        {
            panic!("{}", self.told(&format!("{new} to an old client")));
        }
        for literal in &response.literals {
            assert!(is_whole(literal), "{}", self.told("a body that nobody sent"));
        }
    }

    /// Nothing moves now: the picture must be what the store holds, and what a new session sees.
    pub(super) fn compare(&mut self) {
        self.learn();
        let mut other = self.soak.server.connect().login("sue", "pw");
        other.ok(&format!("EXAMINE {}", MAILBOXES[self.mailbox]));
        let mut truth = Picture::default();
        let lines = [other.ok("UID FETCH 1:* (FLAGS)"), other.ok("NOOP")].concat();
        truth.messages.resize(lines.len(), Message::default());
        for response in &lines {
            truth.named.extend(response.line().split(['(', ')', ' ']).map(str::to_owned));
            if let Err(why) = truth.told(response, false) {
                panic!("{}", self.told(&format!("the new session: {why}")));
            }
        }
        other.ok("LOGOUT");
        let mut truth = truth.messages;
        if self.kind == Kind::Old {
            truth.iter_mut().for_each(|message| message.uid = None);
        }
        let believed = &self.picture.messages;
        if *believed != truth {
            let at = believed.iter().zip(&truth).position(|(left, right)| left != right);
            let at = at.unwrap_or(believed.len().min(truth.len()));
            panic!(
                "{}",
                self.told(&format!(
                    "{} believed, {} there; from {}: {:?} believed, {:?} there",
                    believed.len(),
                    truth.len(),
                    at + 1,
                    believed.get(at),
                    truth.get(at)
                ))
            );
        }
    }

    pub(super) fn told(&self, why: &str) -> String {
        let log: Vec<&str> = self.log.iter().map(String::as_str).collect();
        format!("session {} ({:?}): {why}\n{}", self.number, self.kind, log.join("\n"))
    }

    fn note(&mut self, line: String) {
        if self.log.len() == 120 {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.chance >> 33).expect("31 bits") % bound
    }
}

pub(super) fn known(message: &Message) -> u32 {
    message.uid.expect("all was learnt")
}

/// A message of which every octet follows from its first line.
pub(super) fn message(session: usize, number: u32) -> Vec<u8> {
    let lines = if number % 50 == 7 { 5_000 } else { number % 40 };
    let mut text = format!("Subject: {session} {number}\r\n\r\n");
    (0..lines).for_each(|line| text += &format!("line {line} of {number} by {session}\r\n"));
    text.into_bytes()
}

fn is_whole(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let mut words = text.lines().next().unwrap_or_default().split(' ').skip(1);
    let (session, number) = (words.next(), words.next());
    match (session.and_then(|it| it.parse().ok()), number.and_then(|it| it.parse().ok())) {
        (Some(session), Some(number)) => message(session, number) == octets,
        _ => false,
    }
}
