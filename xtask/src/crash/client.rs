//! [`Client`]: works at random in mailboxes that are its alone, and knows what must be in them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::picture::{Mailbox, Message, Picture, octets, read_messages};
use crate::load::random::Random;
use crate::load::{Answer, Connection, Failure, Server};

/// More messages are not let into a mailbox: all of them are read after each kill.
const MESSAGES_MAX: usize = 40;
const MAILBOXES_MAX: usize = 6;
/// So many commands in a row are refused before a client gives up: a log that is broken takes no more changes.
const REFUSALS_MAX: usize = 200;
const BEHIND_A_REFUSAL: Duration = Duration::from_millis(10);
const FLAGS: &[&str] = &["\\Seen", "\\Flagged", "\\Answered", "$Label1", "Work"];

/// One client over all kills.
pub(super) struct Client {
    pub(super) user: String,
    /// Its mailboxes begin with it.
    prefix: String,
    random: Random,
    /// What was acknowledged.
    known: Picture,
    /// What is there instead if the command in flight was carried out.
    in_flight: Option<Picture>,
    next_name: u64,
    next_id: u64,
    /// Whether NO is an answer: where the disk is full, or fails.
    may_be_refused: bool,
    /// Commands that were answered OK.
    pub(super) answered: u64,
    /// Those that were answered NO, which have changed nothing.
    pub(super) refused: u64,
}

/// What ends a run of commands.
enum End {
    /// The server has gone in the middle of one.
    Gone,
    /// It said NO, and may.
    Refused,
    Wrong(Failure),
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

impl Client {
    pub(super) fn new(number: usize, user: String, seed: u64, may_be_refused: bool) -> Self {
        Self {
            user,
            prefix: format!("c{number}-"),
            random: Random::new(seed.wrapping_mul(0x1_0001).wrapping_add(number as u64)),
            known: Picture::default(),
            in_flight: None,
            next_name: 0,
            next_id: (number as u64 + 1) << 40,
            may_be_refused,
            answered: 0,
            refused: 0,
        }
    }

    /// Works until the server is gone, or will not have it. An answer that is not OK is an error, but where trouble was
    /// made and the server says that it is unavailable.
    pub(super) fn work(&mut self, server: &Server) -> Result<(), Failure> {
        let Ok(mut connection) = server.login(&self.user) else { return Ok(()) };
        let mut in_a_row = 0;
        loop {
            match self.step(&mut connection) {
                Ok(()) => in_a_row = 0,
                Err(End::Refused) if in_a_row < REFUSALS_MAX => {
                    in_a_row += 1;
                    std::thread::sleep(BEHIND_A_REFUSAL);
                }
                Err(End::Refused) => return Ok(()),
                Err(End::Gone) => return Ok(()),
                Err(End::Wrong(reason)) => return Err(format!("{}: {reason}", self.prefix)),
            }
        }
    }

    /// Compares what the server has with what was acknowledged, and goes on from there.
    pub(super) fn compare(&mut self, server: &Server) -> Result<(), Failure> {
        let mut connection = server.login(&self.user)?;
        let found = Picture::read(&mut connection, &self.prefix)?;
        if let Some(difference) = self.known.differs(&found) {
            let after = self.in_flight.as_ref().map(|after| after.differs(&found));
            if !matches!(after, Some(None)) {
                return Err(format!(
                    "{} of {}: {difference}; with the command in flight: {after:?}",
                    self.prefix, self.user
                ));
            }
        }
        self.known = found;
        self.in_flight = None;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<(), End> {
        let names: Vec<String> = self.known.0.keys().cloned().collect();
        if names.is_empty() {
            return self.create(connection);
        }
        let name = self.random.choose(&names).clone();
        match self.random.below(15) {
            0 if names.len() < MAILBOXES_MAX => self.create(connection),
            1 if names.len() > 2 => self.delete(connection, &name),
            2 => self.rename(connection, &name),
            3 | 4 => self.store(connection, &name),
            5 | 6 => self.transfer(connection, &name, &names, "COPY"),
            7 | 8 => self.transfer(connection, &name, &names, "MOVE"),
            9 => self.expunge(connection, &name),
            10 => self.append(connection, &name, 5),
            11 => self.read(connection, &name),
            _ => self.append(connection, &name, 1),
        }
    }

    /// Sends a command that leads to `after`; what it tells of numbers is put in by `told`.
    fn commit(
        &mut self,
        mut after: Picture,
        send: impl FnOnce(&mut Self) -> std::io::Result<Answer>,
        told: impl FnOnce(&mut Picture, &Answer),
    ) -> Result<(), End> {
        self.in_flight = Some(after.clone());
        let answer = send(self)?;
        if !answer.is_ok() {
            // Where it was refused, what there was before is still there.
            self.in_flight = None;
            return Err(self.not_ok(answer));
        }
        told(&mut after, &answer);
        self.known = after;
        self.in_flight = None;
        self.answered += 1;
        Ok(())
    }

    fn not_ok(&mut self, answer: Answer) -> End {
        // A message that could not be read is told as corrupt.
        let codes = ["NO [UNAVAILABLE]", "NO [CORRUPTION]"];
        if self.may_be_refused && codes.iter().any(|code| answer.tagged.starts_with(code)) {
            self.refused += 1;
            return End::Refused;
        }
        End::Wrong(answer.tagged)
    }

    fn fresh_name(&mut self) -> String {
        self.next_name += 1;
        format!("{}m{}", self.prefix, self.next_name)
    }

    fn create(&mut self, connection: &mut Connection) -> Result<(), End> {
        let name = self.fresh_name();
        let mut after = self.known.clone();
        after.0.insert(name.clone(), Mailbox::default());
        self.commit(after, |_| connection.command(&format!("CREATE {name}")), |_, _| {})
    }

    fn delete(&mut self, connection: &mut Connection, name: &str) -> Result<(), End> {
        let mut after = self.known.clone();
        after.0.remove(name);
        self.commit(after, |_| connection.command(&format!("DELETE {name}")), |_, _| {})
    }

    fn rename(&mut self, connection: &mut Connection, name: &str) -> Result<(), End> {
        let to = self.fresh_name();
        let mut after = self.known.clone();
        let mailbox = after.0.remove(name).expect("it is known");
        after.0.insert(to.clone(), mailbox);
        self.commit(after, |_| connection.command(&format!("RENAME {name} {to}")), |_, _| {})
    }

    fn append(&mut self, connection: &mut Connection, name: &str, count: u64) -> Result<(), End> {
        if self.known.0[name].messages.len() >= MESSAGES_MAX {
            return self.expunge(connection, name);
        }
        let ids: Vec<u64> = (self.next_id..self.next_id + count).collect();
        self.next_id += count;
        let bodies: Vec<Vec<u8>> = ids.iter().map(|&id| octets(id)).collect();
        let mut after = self.known.clone();
        let mailbox = after.0.get_mut(name).expect("it is known");
        let made = ids.iter().map(|&id| Message { uid: None, id, flags: BTreeSet::new() });
        mailbox.messages.extend(made);
        let name = name.to_owned();
        self.commit(
            after,
            |_| connection.append(&name, &bodies),
            |after, answer| {
                let mailbox = after.0.get_mut(&name).expect("it is known");
                give_uids(mailbox, &code(&answer.tagged, "APPENDUID"), 1);
            },
        )
    }

    /// Some of the UIDs of a mailbox, as a set, and their places.
    fn some(&mut self, name: &str) -> Option<(String, Vec<usize>)> {
        let messages = &self.known.0[name].messages;
        let known: Vec<usize> = (0..messages.len()).filter(|&at| messages[at].uid.is_some()).collect();
        let places: Vec<usize> = known.into_iter().filter(|_| self.random.below(3) == 0).collect();
        let uids = places.iter().filter_map(|&at| messages[at].uid).map(|uid| uid.to_string());
        let set = uids.collect::<Vec<_>>().join(",");
        (!set.is_empty()).then_some((set, places))
    }

    fn select(&mut self, connection: &mut Connection, name: &str) -> Result<(), End> {
        let answer = connection.command(&format!("SELECT {name}"))?;
        if answer.is_ok() { Ok(()) } else { Err(self.not_ok(answer)) }
    }

    /// Fetches messages, whose octets must be what was sent.
    fn read(&mut self, connection: &mut Connection, name: &str) -> Result<(), End> {
        self.select(connection, name)?;
        let Some((set, _)) = self.some(name) else { return Ok(()) };
        let answer = connection.command(&format!("UID FETCH {set} (FLAGS BODY.PEEK[])"))?;
        if !answer.is_ok() {
            return Err(self.not_ok(answer));
        }
        read_messages(&answer.data).map(drop).map_err(End::Wrong)
    }

    fn store(&mut self, connection: &mut Connection, name: &str) -> Result<(), End> {
        self.select(connection, name)?;
        let Some((set, places)) = self.some(name) else { return Ok(()) };
        let flag = *self.random.choose(FLAGS);
        let is_added = self.random.below(2) == 0;
        let mut after = self.known.clone();
        for at in places {
            let flags = &mut after.0.get_mut(name).expect("it is known").messages[at].flags;
            if is_added {
                flags.insert(flag.to_owned())
            } else {
                flags.remove(flag)
            };
        }
        let sign = if is_added { '+' } else { '-' };
        let command = format!("UID STORE {set} {sign}FLAGS.SILENT ({flag})");
        self.commit(after, |_| connection.command(&command), |_, _| {})
    }

    fn expunge(&mut self, connection: &mut Connection, name: &str) -> Result<(), End> {
        self.select(connection, name)?;
        let Some((set, places)) = self.some(name) else { return Ok(()) };
        let mut marked = self.known.clone();
        for &at in &places {
            let message = &mut marked.0.get_mut(name).expect("it is known").messages[at];
            message.flags.insert("\\Deleted".to_owned());
        }
        let mut after = marked.clone();
        let command = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
        self.commit(marked, |_| connection.command(&command), |_, _| {})?;
        remove(after.0.get_mut(name).expect("it is known"), &places);
        self.commit(after, |_| connection.command(&format!("UID EXPUNGE {set}")), |_, _| {})
    }

    fn transfer(
        &mut self,
        connection: &mut Connection,
        from: &str,
        names: &[String],
        verb: &str,
    ) -> Result<(), End> {
        let to = self.random.choose(names).clone();
        if to == from || self.known.0[&to].messages.len() >= MESSAGES_MAX {
            return Ok(());
        }
        self.select(connection, from)?;
        let Some((set, places)) = self.some(from) else { return Ok(()) };
        let mut after = self.known.clone();
        let source = after.0.get_mut(from).expect("it is known");
        let taken: Vec<Message> =
            places.iter().map(|&at| Message { uid: None, ..source.messages[at].clone() }).collect();
        if verb == "MOVE" {
            remove(source, &places);
        }
        after.0.get_mut(&to).expect("it is known").messages.extend(taken);
        self.commit(
            after,
            |_| connection.command(&format!("UID {verb} {set} {to}")),
            |after, answer| {
                // MOVE tells it in an untagged OK.
                let all = format!("{} {}", String::from_utf8_lossy(&answer.data), answer.tagged);
                give_uids(after.0.get_mut(&to).expect("it is known"), &code(&all, "COPYUID"), 2);
            },
        )
    }
}

/// Takes out the messages at `places`, which ascend.
fn remove(mailbox: &mut Mailbox, places: &[usize]) {
    let mut at = 0;
    mailbox.messages.retain(|_| {
        at += 1;
        places.binary_search(&(at - 1)).is_err()
    });
}

/// The words of a response code behind its name.
fn code(text: &str, name: &str) -> Vec<String> {
    let inner = text.split_once(&format!("[{name} ")).and_then(|(_, rest)| rest.split_once(']'));
    inner.map_or(Vec::new(), |(inner, _)| inner.split(' ').map(str::to_owned).collect())
}

/// Gives the messages without UIDs those of the code, whose words are UIDVALIDITY and sets: the one at `place` counts.
fn give_uids(mailbox: &mut Mailbox, words: &[String], place: usize) {
    if let Some(validity) = words.first().and_then(|word| word.parse().ok()) {
        mailbox.validity = Some(validity);
    }
    let set = words.get(place).map_or("", String::as_str);
    let mut uids = set.split(',').filter_map(|range| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        Some((from.parse::<u32>().ok()?)..=(to.parse::<u32>().ok()?))
    });
    let mut uids = uids.by_ref().flatten();
    for message in mailbox.messages.iter_mut().filter(|message| message.uid.is_none()) {
        message.uid = uids.next();
        mailbox.uid_floor = mailbox.uid_floor.max(message.uid.unwrap_or(0));
    }
}
