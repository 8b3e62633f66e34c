//! What a session may do next.

use std::time::Duration;

use super::MAILBOXES;
use super::client::{Client, Kind, known, message};
use super::picture::Flags;

/// Beyond so many messages a session rather throws away than adds.
const MANY: usize = 80;
const FLAGS: [&str; 6] = ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "work", "play"];

impl Client<'_> {
    pub(super) fn step(&mut self) {
        let count = self.picture.messages.len();
        if count > MANY {
            return self.thin_out();
        }
        let is_old = self.kind == Kind::Old;
        match self.below(22) {
            _ if count == 0 => self.append(),
            0..=2 => self.append(),
            3..=6 => self.store(),
            7 => self.store_silently(),
            8 => drop(self.command("EXPUNGE")),
            9 if !is_old => self.expunge_by_uid(),
            10 => self.copy("COPY"),
            11 if !is_old => self.copy("MOVE"),
            12 => self.select_another(),
            13 | 14 if !is_old => self.idle(),
            15 => self.search(),
            16 => self.read(),
            17 => self.learn(),
            18 if is_old => drop(self.command("CHECK")),
            18 => {
                let other = self.other();
                self.command(&format!("STATUS {other} (MESSAGES UNSEEN UIDNEXT)"));
            }
            19 if self.below(3) == 0 => self.reconnect(),
            _ => drop(self.command("NOOP")),
        }
    }

    fn append(&mut self) {
        let count = if self.kind != Kind::Old && self.below(4) == 0 { 2 } else { 1 };
        let mut octets = Vec::new();
        let mut line = format!("APPEND {}", MAILBOXES[self.mailbox]);
        for n in 0..count {
            self.appended += 1;
            let message = message(self.number, self.appended);
            let announced = format!(" (\\Seen) {{{}+}}", message.len());
            match n {
                0 => line += &announced,
                _ => octets.extend_from_slice(format!("{announced}\r\n").as_bytes()),
            }
            octets.extend_from_slice(&message);
        }
        octets.extend_from_slice(b"\r\n");
        self.command_with(&line, &octets);
    }

    /// A range of numbers.
    fn range(&mut self) -> (usize, usize) {
        let count = self.picture.messages.len();
        let first = 1 + self.below(count);
        (first, (first + self.below(4)).min(count))
    }

    fn store(&mut self) {
        let (first, last) = self.range();
        let flag = FLAGS[self.below(FLAGS.len())];
        let sign = ["+", "-", ""][self.below(3)];
        let by_uid = self.kind != Kind::Old && self.below(2) == 0;
        if by_uid && let Some((first, last)) = self.uids(first, last) {
            return drop(self.command(&format!("UID STORE {first}:{last} {sign}FLAGS ({flag})")));
        }
        self.command(&format!("STORE {first}:{last} {sign}FLAGS ({flag})"));
    }

    /// `.SILENT`: on OK the client knows by itself what became of the flags.
    fn store_silently(&mut self) {
        if self.kind == Kind::Old {
            return self.store();
        }
        self.learn();
        let count = self.picture.messages.len();
        if count == 0 {
            return;
        }
        let number = 1 + self.below(count);
        let flag = FLAGS[self.below(FLAGS.len())];
        let sign = ["+", "-"][self.below(2)];
        // The answer that taught may have counted more.
        let Some(before) = self.picture.messages[number - 1].flags.clone() else { return };
        // Flags that are told in the answer hold; else the change is made to those from before.
        self.picture.messages[number - 1].flags = None;
        let answer = self.command(&format!("STORE {number} {sign}FLAGS.SILENT ({flag})"));
        // No EXPUNGE comes with STORE, so the number is still the same message's.
        let now = &mut self.picture.messages[number - 1].flags;
        if now.is_none() {
            let mut flags: Flags = before;
            match sign {
                _ if !answer.starts_with("OK") => {}
                "+" => drop(flags.insert(flag.to_owned())),
                _ => drop(flags.remove(flag)),
            }
            *now = Some(flags);
        }
    }

    fn uids(&self, first: usize, last: usize) -> Option<(u32, u32)> {
        Some((self.picture.messages[first - 1].uid?, self.picture.messages[last - 1].uid?))
    }

    fn expunge_by_uid(&mut self) {
        let (first, last) = self.range();
        if let Some((first, last)) = self.uids(first, last) {
            self.command(&format!("UID EXPUNGE {first}:{last}"));
        }
    }

    fn copy(&mut self, verb: &str) {
        let (first, last) = self.range();
        let target = self.other();
        match self.uids(first, last) {
            Some((first, last)) if self.kind != Kind::Old && self.below(2) == 0 => {
                self.command(&format!("UID {verb} {first}:{last} {target}"))
            }
            _ => self.command(&format!("{verb} {first}:{last} {target}")),
        };
    }

    /// Another mailbox than the selected one.
    fn other(&mut self) -> &'static str {
        let step = 1 + self.below(MAILBOXES.len() - 1);
        MAILBOXES[(self.mailbox + step) % MAILBOXES.len()]
    }

    fn select_another(&mut self) {
        let mailbox = self.below(MAILBOXES.len());
        self.select(mailbox, false);
    }

    fn idle(&mut self) {
        let tag = self.begin("IDLE");
        self.imap.send(format!("{tag} IDLE\r\n").as_bytes());
        loop {
            let response = self.imap.read().unwrap_or_else(|| panic!("{}", self.told("no answer to IDLE")));
            if response.text.starts_with(b"+") {
                break;
            }
            self.believe(&response, true);
        }
        // Time for others to change something: what comes is read afterwards.
        let milliseconds = self.below(15);
        std::thread::sleep(Duration::from_millis(milliseconds as u64));
        self.imap.send(b"DONE\r\n");
        self.answer(&tag, true);
    }

    fn search(&mut self) {
        let uid = if self.kind != Kind::Old && self.below(2) == 0 { "UID " } else { "" };
        let key = ["ALL", "DELETED", "UNSEEN", "KEYWORD work", "SUBJECT 7"][self.below(5)];
        self.command(&format!("{uid}SEARCH {key}"));
    }

    /// Reads a whole message; one that others expunged meanwhile too.
    fn read(&mut self) {
        let (first, _) = self.range();
        match self.kind {
            Kind::Old => self.command(&format!("FETCH {first} RFC822")),
            _ => self.command(&format!("FETCH {first} (BODY.PEEK[])")),
        };
    }

    fn thin_out(&mut self) {
        self.command(&format!("STORE 1:{} +FLAGS (\\Deleted)", MANY / 2));
        self.command("EXPUNGE");
    }

    /// The connection breaks, and a new one goes on where it was, or from nothing.
    fn reconnect(&mut self) {
        let mut resync = self.kind == Kind::Qresync;
        if resync {
            self.learn();
            resync = self.picture.messages.iter().all(|it| it.uid.is_some() && it.flags.is_some());
            debug_assert!(!resync || self.picture.messages.iter().all(|it| known(it) > 0));
        }
        self.imap = self.soak.server.connect();
        self.soak.reconnects.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.log_in();
        self.select(self.mailbox, resync);
    }
}
