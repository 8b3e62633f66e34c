//! [`Picture`]: what a client believes of its mailbox, from nothing but what it was told.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Response;

pub(super) type Flags = BTreeSet<String>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) uid: Option<u32>,
    pub(super) flags: Option<Flags>,
}

#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) messages: Vec<Message>,
    /// The names in the last `* FLAGS`.
    pub(super) named: Flags,
    pub(super) uid_validity: u32,
    /// What QRESYNC would be given (RFC 7162 §6): it moves with tagged answers only.
    pub(super) mod_seq: u64,
    mod_seq_seen: u64,
    /// While SELECT with QRESYNC is answered: what was known, by UID.
    resync: Option<BTreeMap<u32, Flags>>,
    told_exists: usize,
}

impl Picture {
    /// Nothing is known of the mailbox that is opened now; or, with `resync`, only what it keeps by UID.
    pub(super) fn begin(&mut self, resync: bool) {
        let known = std::mem::take(&mut self.messages);
        self.resync = resync.then(|| {
            known.into_iter().map(|it| (it.uid.expect("known"), it.flags.expect("known"))).collect()
        });
        (self.named, self.told_exists, self.mod_seq_seen) = (Flags::new(), 0, 0);
    }

    /// SELECT was answered.
    pub(super) fn opened(&mut self) -> Result<(), String> {
        let Some(known) = self.resync.take() else { return Ok(()) };
        if known.len() > self.told_exists {
            return Err(format!("{} are known, but only {} are there", known.len(), self.told_exists));
        }
        self.messages =
            known.into_iter().map(|(uid, flags)| Message { uid: Some(uid), flags: Some(flags) }).collect();
        self.messages.resize(self.told_exists, Message::default());
        Ok(())
    }

    /// One untagged response; `may_expunge`: whether EXPUNGE is allowed now.
    pub(super) fn told(&mut self, response: &Response, may_expunge: bool) -> Result<(), String> {
        let line = response.line();
        let rest = line.strip_prefix("* ").ok_or("neither tagged nor untagged")?;
        if let Some(names) = rest.strip_prefix("FLAGS (") {
            self.named = words(names);
        } else if let Some(uids) = rest.strip_prefix("VANISHED (EARLIER) ") {
            let known = self.resync.as_mut().ok_or("VANISHED (EARLIER) that nobody asked for")?;
            set(uids)?.for_each(|uid| drop(known.remove(&uid)));
        } else if let Some(uids) = rest.strip_prefix("VANISHED ") {
            if !may_expunge {
                return Err("VANISHED must wait".into());
            }
            set(uids)?.try_for_each(|uid| self.vanished(uid))?;
        } else if let Some(number) = code(rest, "HIGHESTMODSEQ") {
            self.mod_seq = number;
        } else if let Some(number) = code(rest, "UIDVALIDITY") {
            self.uid_validity = u32::try_from(number).map_err(|_| "too large")?;
        } else if let Some((number, what)) = rest.split_once(' ')
            && let Ok(number) = number.parse::<usize>()
        {
            self.numbered(number, what, may_expunge)?;
        }
        Ok(())
    }

    /// The tagged answer.
    pub(super) fn tagged(&mut self, answer: &str) {
        self.mod_seq = code(answer, "HIGHESTMODSEQ").unwrap_or(self.mod_seq.max(self.mod_seq_seen));
        self.mod_seq_seen = 0;
    }

    fn numbered(&mut self, number: usize, what: &str, may_expunge: bool) -> Result<(), String> {
        match what.split(' ').next() {
            Some("EXISTS") if self.resync.is_some() => self.told_exists = number,
            Some("EXISTS") if number < self.messages.len() => return Err("EXISTS fell".into()),
            Some("EXISTS") => self.messages.resize(number, Message::default()),
            Some("EXPUNGE") if !may_expunge => return Err("EXPUNGE must wait".into()),
            Some("EXPUNGE") if !(1..=self.messages.len()).contains(&number) => {
                return Err("no such message".into());
            }
            Some("EXPUNGE") => drop(self.messages.remove(number - 1)),
            Some("FETCH") => self.fetched(number, what)?,
            _ => {}
        }
        Ok(())
    }

    fn fetched(&mut self, number: usize, what: &str) -> Result<(), String> {
        let uid = value(what, "UID ");
        let flags = what.split_once("FLAGS (").map(|(_, rest)| words(rest));
        if let Some(mod_seq) = value(what, "MODSEQ (") {
            self.mod_seq_seen = self.mod_seq_seen.max(mod_seq);
        }
        if let Some(name) = flags.iter().flatten().find(|name| !self.named.contains(*name)) {
            return Err(format!("{name} stood in no FLAGS before"));
        }
        let uid = uid.map(|uid| u32::try_from(uid).expect("32 bits"));
        if let Some(known) = &mut self.resync {
            let (Some(uid), Some(flags)) = (uid, flags) else { return Err("no UID or no FLAGS".into()) };
            known.insert(uid, flags);
            return Ok(());
        }
        let message = number.checked_sub(1).and_then(|at| self.messages.get_mut(at));
        let message = message.ok_or("no such message")?;
        if let (Some(old), Some(new)) = (message.uid, uid)
            && old != new
        {
            return Err(format!("number {number} had UID {old}, now {new}"));
        }
        message.uid = uid.or(message.uid);
        message.flags = flags.or(message.flags.take());
        Ok(())
    }

    fn vanished(&mut self, uid: u32) -> Result<(), String> {
        let known = self.messages.iter().position(|it| it.uid == Some(uid));
        // One of those that were only counted: it stands between lower and higher UIDs.
        let lower =
            self.messages.iter().rposition(|it| it.uid.is_some_and(|it| it < uid)).map_or(0, |at| at + 1);
        let counted = self.messages.get(lower).is_some_and(|it| it.uid.is_none()).then_some(lower);
        let at = known.or(counted);
        self.messages.remove(at.ok_or("VANISHED names a message that is not there")?);
        Ok(())
    }
}

/// Words up to the parenthesis; `\Recent` is every session's own.
fn words(text: &str) -> Flags {
    let inner = text.split_once(')').map_or(text, |(inner, _)| inner);
    inner.split(' ').filter(|it| !it.is_empty() && *it != "\\Recent").map(str::to_owned).collect()
}

/// The number behind `name` in a response code.
pub(super) fn code(text: &str, name: &str) -> Option<u64> {
    value(text.split_once(' ')?.1.strip_prefix('[')?.split_once(']')?.0.strip_prefix(name)?, " ")
}

/// The number behind `name`.
fn value(text: &str, name: &str) -> Option<u64> {
    let rest = text.split_once(name)?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn set(text: &str) -> Result<impl Iterator<Item = u32>, String> {
    let mut ranges = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let number = |it: &str| it.parse::<u32>().map_err(|_| format!("no set: {text}"));
        ranges.push(number(first)?..=number(last)?);
    }
    Ok(ranges.into_iter().flatten())
}
