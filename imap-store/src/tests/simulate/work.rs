//! What is done: each operation as it changes the model, and as it is asked of the store.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::Chance;
use super::world::{Box, Grave, Label, Message, PEOPLE, Person, World, guest, text_of};
use crate::account::{AclChange, FlagChange, NewMessage, Quota, Rights, SeenMode};
use crate::{Across, StoreError};

/// One operation, with all that was drawn for it.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Append { who: usize, to: &'static str, flags: &'static str, labels: Vec<Label>, is_guest: bool },
    Flags { who: usize, of: &'static str, uids: NumberSet, mode: u8, flags: &'static str },
    Expunge { who: usize, of: &'static str, uids: NumberSet, is_guest: bool },
    Transfer { who: usize, from: &'static str, uids: NumberSet, to: &'static str, moves: bool },
    Across { who: usize, from: &'static str, uids: NumberSet, to: &'static str, moves: bool },
    Undelete { who: usize, to: &'static str, every: usize },
    Create { who: usize, name: &'static str },
    Delete { who: usize, name: &'static str },
    Rename { who: usize, from: &'static str, to: &'static str },
    Acl { who: usize, of: &'static str, rights: &'static str },
    GuestSeen { who: usize, of: &'static str, uids: NumberSet, on: bool },
    SeenMode { who: usize, of: &'static str, is_shared: bool },
    Quota { who: usize, quota: Quota },
    Metadata { who: usize, of: Option<&'static str>, entry: &'static str, value: Option<usize> },
    Purge { who: usize },
}

/// Mailboxes that everybody has, and names that come and go.
const BOXES: [&str; 7] = ["INBOX", "Trash", "Archive", "A", "A/B", "A/B/C", "D"];
const NAMES: [&str; 6] = ["A", "A/B", "A/B/C", "D", "D/B", "D/B/C"];
const FLAGS: [&str; 6] = ["", "\\Seen", "\\Flagged k1", "k2", "\\Deleted", "\\Seen k1 k2"];
const RIGHTS: [&str; 8] = ["", "l", "lr", "lrs", "lrsi", "lrwite", "lrswite", "lrswipkxtea"];

/// How long, and how much, graveyards keep; and what time it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: i64,
    pub(super) seconds: i64,
    pub(super) octets_max: u64,
}

/// Why the store has to refuse.
pub(super) type Refusal = &'static str;

fn pick<T: Copy>(chance: &mut Chance, of: &[T]) -> T {
    of[chance.below(of.len() as u64) as usize]
}

/// Mostly one of those that are always there.
fn mailbox_name(chance: &mut Chance) -> &'static str {
    let some = if chance.below(3) == 0 { &BOXES[..] } else { &BOXES[..2] };
    pick(chance, some)
}

impl Op {
    /// Draws one that mostly has something to do.
    pub(super) fn draw(chance: &mut Chance, world: &World, labels: &mut Label) -> Self {
        let who = chance.below(2) as usize;
        let is_guest = chance.below(6) == 0;
        let of = mailbox_name(chance);
        let other = mailbox_name(chance);
        let person = &world.0[who];
        let uids = |chance: &mut Chance, odds: u64| -> NumberSet {
            let messages = person.boxes.get(of).into_iter().flat_map(|it| it.messages.keys());
            messages.filter(|_| chance.below(odds) == 0).copied().collect()
        };
        match chance.below(42) {
            0..=11 => {
                let count = [1, 1, 1, 3][chance.below(4) as usize];
                let flags = pick(chance, &FLAGS);
                let first = *labels + 1;
                *labels += count;
                Self::Append { who, to: of, flags, labels: (first..=*labels).collect(), is_guest }
            }
            12..=15 => {
                let (mode, flags) = (chance.below(3) as u8, pick(chance, &FLAGS));
                Self::Flags { who, of, uids: uids(chance, 3), mode, flags }
            }
            16 | 17 => Self::Flags { who, of, uids: uids(chance, 3), mode: 1, flags: "\\Deleted" },
            18..=20 => Self::Expunge { who, of, uids: uids(chance, 1), is_guest },
            21..=24 => Self::Transfer {
                who,
                from: of,
                uids: uids(chance, 4),
                to: other,
                moves: chance.below(2) == 0,
            },
            25 => Self::Undelete { who, to: of, every: 1 + chance.below(3) as usize },
            26 => Self::Create { who, name: pick(chance, &NAMES) },
            27 => Self::Delete { who, name: pick(chance, &NAMES) },
            28 => Self::Rename { who, from: pick(chance, &NAMES), to: pick(chance, &NAMES) },
            29 | 30 => Self::Acl { who, of, rights: pick(chance, &RIGHTS) },
            31..=33 => Self::GuestSeen { who, of, uids: uids(chance, 2), on: chance.below(3) > 0 },
            34 => Self::SeenMode { who, of, is_shared: chance.below(2) == 0 },
            35 => Self::Quota { who, quota: quota(chance, person) },
            36..=38 => {
                let value = [None, Some(3), Some(100), Some(9_000)][chance.below(4) as usize];
                let of = Some(of).filter(|_| chance.below(3) > 0);
                Self::Metadata { who, of, entry: pick(chance, &["/shared/comment", "/private/x"]), value }
            }
            39 | 40 => {
                Self::Across { who, from: of, uids: uids(chance, 3), to: other, moves: chance.below(3) > 0 }
            }
            _ => Self::Purge { who },
        }
    }

    /// What it makes of the model, or how it is refused.
    pub(super) fn apply(&self, world: &World, times: Times) -> Result<World, Refusal> {
        let mut world = world.clone();
        let person = &mut world.0[self.who()];
        match self {
            Self::Append { to, flags, labels, is_guest, .. } => {
                let rights = person.rights(to, *is_guest, Rights::INSERT)?;
                person
                    .require(labels.len() as u64, labels.iter().map(|it| text_of(*it).len() as u64).sum())?;
                let it = person.boxes.get_mut(*to).expect("it has rights");
                let (mut flags, mut is_seen) = (allowed(rights, flags), false);
                if *is_guest && !it.is_seen_shared {
                    is_seen = flags.remove("\\Seen");
                }
                labels.iter().for_each(|&label| it.push(Message { label, flags: flags.clone(), is_seen }));
            }
            Self::Flags { of, uids, mode, flags, .. } => {
                let it = person.boxes.get_mut(*of).ok_or("NonExistent")?;
                let asked = allowed(Rights::ALL, flags);
                for (_, message) in it.messages.iter_mut().filter(|(uid, _)| uids.contains(**uid)) {
                    match mode {
                        0 => message.flags.clone_from(&asked),
                        1 => message.flags.extend(asked.iter().cloned()),
                        _ => message.flags.retain(|flag| !asked.contains(flag)),
                    }
                }
            }
            Self::Expunge { of, uids, is_guest, .. } => {
                person.rights(of, *is_guest, Rights::READ.with(Rights::EXPUNGE))?;
                let it = person.boxes.get_mut(*of).expect("it has rights");
                let goes = |uid: u32, it: &Message| uids.contains(uid) && it.flags.contains("\\Deleted");
                let gone: Vec<Message> = it
                    .messages
                    .iter()
                    .filter(|(uid, it)| goes(**uid, it))
                    .map(|(_, it)| it.clone())
                    .collect();
                it.messages.retain(|uid, message| !goes(*uid, message));
                if !gone.is_empty() {
                    person.bury(gone, times);
                }
            }
            Self::Transfer { from, uids, to, moves, .. } => person.transfer(from, uids, to, *moves)?,
            Self::Across { who, from, uids, to, moves } => {
                let source = person.boxes.get_mut(*from).ok_or("NonExistent")?;
                let taken = source.messages.iter().filter(|(uid, _)| uids.contains(**uid));
                let taken: Vec<Message> = taken.map(|(_, it)| it.clone()).collect();
                if *moves {
                    source.messages.retain(|uid, _| !uids.contains(*uid));
                }
                let other = &mut world.0[1 - who];
                if !other.boxes.contains_key(*to) {
                    return Err("NonExistent");
                }
                let octets = taken.iter().map(|it| text_of(it.label).len() as u64).sum();
                other.require(taken.len() as u64, octets)?;
                let target = other.boxes.get_mut(*to).expect("looked up before");
                taken.into_iter().for_each(|it| target.push(Message { is_seen: false, ..it }));
            }
            Self::Undelete { to, every, .. } => {
                if !person.boxes.contains_key(*to) {
                    return Err("NonExistent");
                }
                let (back, stay): (Vec<_>, Vec<_>) =
                    person.graves.iter().cloned().enumerate().partition(|(at, _)| at % every == 0);
                person.require(back.len() as u64, back.iter().map(|(_, it)| it.octets).sum())?;
                person.graves = stay.into_iter().map(|(_, it)| it).collect();
                let it = person.boxes.get_mut(*to).expect("looked up before");
                for (_, Grave { label, flags, .. }) in back {
                    it.push(Message { label, flags, is_seen: false });
                }
            }
            Self::Create { name, .. } => person.create(name)?,
            Self::Delete { name, .. } => {
                let gone = person.boxes.remove(*name).ok_or("NonExistent")?;
                person.bury(gone.messages.into_values().collect(), times);
            }
            Self::Rename { from, to, .. } => person.rename(from, to)?,
            Self::Acl { of, rights, .. } => {
                person.boxes.get_mut(*of).ok_or("NonExistent")?.rights = self::rights(rights);
            }
            Self::GuestSeen { of, uids, on, .. } => {
                let rights = person.rights(of, true, Rights::READ)?;
                if !rights.has(Rights::SEEN) {
                    return Err("NoPerm");
                }
                let it = person.boxes.get_mut(*of).expect("it has rights");
                for (_, message) in it.messages.iter_mut().filter(|(uid, _)| uids.contains(**uid)) {
                    match (it.is_seen_shared, on) {
                        (false, on) => message.is_seen = *on,
                        (true, true) => drop(message.flags.insert("\\Seen".to_owned())),
                        (true, false) => drop(message.flags.remove("\\Seen")),
                    }
                }
            }
            Self::SeenMode { of, is_shared, .. } => {
                person.boxes.get_mut(*of).ok_or("NonExistent")?.is_seen_shared = *is_shared;
            }
            Self::Quota { quota, .. } => person.quota = *quota,
            Self::Metadata { of, entry, value, .. } => {
                let entries = match of {
                    Some(of) => &mut person.boxes.get_mut(*of).ok_or("NonExistent")?.metadata,
                    None => &mut person.metadata,
                };
                match value {
                    Some(octets) => drop(entries.insert((*entry).to_owned(), vec![b'v'; *octets])),
                    None => drop(entries.remove(*entry)),
                }
            }
            Self::Purge { .. } => person.purge(times, 0),
        }
        Ok(world)
    }

    fn who(&self) -> usize {
        match self {
            Self::Append { who, .. }
            | Self::Flags { who, .. }
            | Self::Expunge { who, .. }
            | Self::Transfer { who, .. }
            | Self::Across { who, .. }
            | Self::Undelete { who, .. }
            | Self::Create { who, .. }
            | Self::Delete { who, .. }
            | Self::Rename { who, .. }
            | Self::Acl { who, .. }
            | Self::GuestSeen { who, .. }
            | Self::SeenMode { who, .. }
            | Self::Quota { who, .. }
            | Self::Metadata { who, .. }
            | Self::Purge { who } => *who,
        }
    }

    /// Whether it is one change that is asked for by nothing that others of a batch change.
    pub(super) fn can_be_batched(&self) -> bool {
        let is_named = matches!(self, Self::Create { .. } | Self::Delete { .. } | Self::Rename { .. });
        !is_named && !matches!(self, Self::Acl { .. } | Self::Undelete { .. } | Self::Across { .. })
    }

    /// Brings in the octets that it needs.
    pub(super) async fn prepare(&self, accounts: &[Account; 2]) -> Result<Vec<NewMessage>, StoreError> {
        let Self::Append { who, labels, flags, .. } = self else { return Ok(Vec::new()) };
        let mut messages = Vec::new();
        for &label in labels {
            let mut upload = accounts[*who].upload();
            upload.write(text_of(label).as_bytes()).await?;
            let uploaded = upload.finish().await?;
            messages.push(NewMessage { uploaded, flags: super::flags(flags), internal_date: None });
        }
        Ok(messages)
    }

    /// Asks the store for it.
    pub(super) async fn perform(
        &self,
        store: &Store,
        accounts: &[Account; 2],
        messages: Vec<NewMessage>,
    ) -> Result<(), StoreError> {
        let owner = &accounts[self.who()];
        let as_guest = owner.as_user(guest(self.who()));
        let account = |is_guest: bool| if is_guest { &as_guest } else { owner };
        let id = |named: &str| {
            let found = owner.snapshot().mailbox_named(&name(named)).map(|it| it.id());
            found.ok_or(StoreError::NonExistent { what: "mailbox" })
        };
        match self {
            Self::Append { to, is_guest, .. } => account(*is_guest).append(id(to)?, messages).await.map(drop),
            Self::Flags { of, uids, mode, flags, .. } => {
                let flags = super::flags(flags);
                let change = match mode {
                    0 => FlagChange::Replace(flags),
                    1 => FlagChange::Add(flags),
                    _ => FlagChange::Remove(flags),
                };
                owner.store_flags(id(of)?, uids.clone(), change, None).await.map(drop)
            }
            Self::Expunge { of, uids, is_guest, .. } => {
                account(*is_guest).expunge(id(of)?, Some(uids.clone())).await.map(drop)
            }
            Self::Transfer { from, uids, to, moves: true, .. } => {
                owner.move_messages(id(from)?, uids.clone(), id(to)?).await.map(drop)
            }
            Self::Transfer { from, uids, to, .. } => {
                owner.copy(id(from)?, uids.clone(), id(to)?).await.map(drop)
            }
            Self::Across { who, from, uids, to, moves } => {
                let other = &accounts[1 - who];
                let target = other.snapshot().mailbox_named(&name(to)).map(|it| it.id());
                let across = Across {
                    source: owner.clone(),
                    mailbox: id(from)?,
                    uids: uids.clone(),
                    skips_missing: true,
                    target: other.clone(),
                    target_mailbox: target.ok_or(StoreError::NonExistent { what: "mailbox" })?,
                };
                match moves {
                    true => store.move_across(&across).map(drop),
                    false => store.copy_across(&across).map(drop),
                }
            }
            Self::Undelete { to, every, .. } => {
                let graves = owner.snapshot().graves().map(|it| it.id).step_by(*every).collect();
                owner.undelete(graves, id(to)?).await.map(drop)
            }
            Self::Create { name, .. } => owner.create(super::name(name), None).await.map(drop),
            Self::Delete { name, .. } => owner.delete(super::name(name)).await,
            Self::Rename { from, to, .. } => owner.rename(name(from), name(to)).await,
            Self::Acl { of, rights, .. } => {
                let change = AclChange::Replace(self::rights(rights));
                store.set_acl(owner, id(of)?, PEOPLE[1 - self.who()], change).await.map(drop)
            }
            Self::GuestSeen { of, uids, on, .. } => {
                let seen = flags("\\Seen");
                let change = if *on { FlagChange::Add(seen) } else { FlagChange::Remove(seen) };
                as_guest.store_flags(id(of)?, uids.clone(), change, None).await.map(drop)
            }
            Self::SeenMode { of, is_shared, .. } => {
                let mode = if *is_shared { SeenMode::Shared } else { SeenMode::PerUser };
                owner.set_seen_mode(id(of)?, mode).await
            }
            Self::Quota { quota, .. } => owner.set_quota(*quota).await,
            Self::Metadata { of, entry, value, .. } => {
                let of = of.map(id).transpose()?;
                let value = value.map(|octets| vec![b'v'; octets]);
                owner.set_metadata(of, vec![((*entry).to_owned(), value)]).await
            }
            Self::Purge { .. } => owner.purge().await,
        }
    }
}

/// Limits that are near what there is, or none.
fn quota(chance: &mut Chance, person: &Person) -> Quota {
    let (messages, octets) = person.usage();
    let mut near = |used: u64, more: u64| Some(used + chance.below(more)).filter(|_| chance.below(3) == 0);
    Quota {
        storage_octets: near(octets, 20_000),
        messages: near(messages, 6),
        mailboxes: near(person.boxes.len() as u64, 3),
    }
}

fn rights(letters: &str) -> Rights {
    Rights::parse(letters.as_bytes()).expect("letters of rights")
}

/// The flags that somebody with these rights may set.
fn allowed(rights: Rights, flags: &str) -> BTreeSet<String> {
    let wanted = |flag: &&str| match *flag {
        "\\Seen" => rights.has(Rights::SEEN),
        "\\Deleted" => rights.has(Rights::DELETE_MESSAGES),
        _ => rights.has(Rights::WRITE),
    };
    flags.split_whitespace().filter(wanted).map(str::to_owned).collect()
}

impl Box {
    fn push(&mut self, message: Message) {
        self.messages.insert(self.uid_next, message);
        self.uid_next += 1;
    }
}

impl Person {
    /// Messages and octets.
    fn usage(&self) -> (u64, u64) {
        let all = || self.boxes.values().flat_map(|it| it.messages.values());
        (all().count() as u64, all().map(|it| text_of(it.label).len() as u64).sum())
    }

    fn require(&self, messages: u64, octets: u64) -> Result<(), Refusal> {
        let used = self.usage();
        let is_over = |limit: Option<u64>, used: u64, more: u64| {
            more > 0 && limit.is_some_and(|limit| used + more > limit)
        };
        let is_full = is_over(self.quota.storage_octets, used.1, octets)
            || is_over(self.quota.messages, used.0, messages);
        if is_full { Err("OverQuota") } else { Ok(()) }
    }

    fn rights(&self, of: &str, is_guest: bool, wanted: Rights) -> Result<Rights, Refusal> {
        let rights = self.boxes.get(of).ok_or("NonExistent")?.rights;
        let rights = if is_guest { rights } else { Rights::ALL };
        match rights.has(wanted) {
            true => Ok(rights),
            false if rights.has(Rights::LOOKUP) => Err("NoPerm"),
            false => Err("NonExistent"),
        }
    }

    fn transfer(&mut self, from: &str, uids: &NumberSet, to: &str, moves: bool) -> Result<(), Refusal> {
        let source = self.boxes.get(from).ok_or("NonExistent")?;
        let target = self.boxes.get(to).ok_or("NonExistent")?;
        let carries_seen = !source.is_seen_shared && !target.is_seen_shared;
        let taken = source.messages.iter().filter(|(uid, _)| uids.contains(**uid));
        let taken: BTreeMap<u32, Message> = taken.map(|(uid, it)| (*uid, it.clone())).collect();
        if !moves {
            let octets = taken.values().map(|it| text_of(it.label).len() as u64).sum();
            self.require(taken.len() as u64, octets)?;
        }
        if moves {
            let source = self.boxes.get_mut(from).expect("looked up before");
            source.messages.retain(|uid, _| !taken.contains_key(uid));
        }
        let target = self.boxes.get_mut(to).expect("looked up before");
        for message in taken.into_values() {
            target.push(Message { is_seen: message.is_seen && carries_seen, ..message });
        }
        Ok(())
    }

    /// A new mailbox has the rights of the nearest above it, and shares its \Seen as that does.
    fn new_box(&self, name: &str) -> Box {
        let above = name.match_indices('/').rev().find_map(|(at, _)| self.boxes.get(&name[..at]));
        let (rights, is_seen_shared) =
            above.map_or((Rights::NONE, false), |it| (it.rights, it.is_seen_shared));
        Box { rights, is_seen_shared, ..Box::default() }
    }

    /// Those above a name that are missing, from the top down.
    fn missing_above(&self, name: &str) -> Vec<String> {
        let above = name.match_indices('/').map(|(at, _)| name[..at].to_owned());
        above.filter(|it| !self.boxes.contains_key(it)).collect()
    }

    pub(super) fn create(&mut self, name: &str) -> Result<(), Refusal> {
        if self.boxes.contains_key(name) {
            return Err("AlreadyExists");
        }
        let mut new = self.missing_above(name);
        new.push(name.to_owned());
        self.make(new)
    }

    fn make(&mut self, new: Vec<String>) -> Result<(), Refusal> {
        let count = (self.boxes.len() + new.len()) as u64;
        if !new.is_empty() && self.quota.mailboxes.is_some_and(|limit| count > limit) {
            return Err("OverQuota");
        }
        for name in new {
            let new = self.new_box(&name);
            self.boxes.insert(name, new);
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Refusal> {
        if !self.boxes.contains_key(from) {
            return Err("NonExistent");
        }
        if self.boxes.contains_key(to) {
            return Err("AlreadyExists");
        }
        let below = |name: &str, top: &str| name.strip_prefix(top).is_some_and(|it| it.starts_with('/'));
        if below(to, from) {
            return Err("Cannot");
        }
        let tree: Vec<String> =
            self.boxes.keys().filter(|it| *it == from || below(it, from)).cloned().collect();
        let renamed = |name: &str| format!("{to}{}", &name[from.len()..]);
        if tree.iter().any(|name| self.boxes.contains_key(&renamed(name))) {
            return Err("AlreadyExists");
        }
        self.make(self.missing_above(to))?;
        for name in tree {
            let it = self.boxes.remove(&name).expect("listed before");
            self.boxes.insert(renamed(&name), it);
        }
        Ok(())
    }

    /// Whether another mailbox is below one.
    pub(super) fn has_children(&self, name: &str) -> bool {
        self.boxes.keys().any(|it| it.strip_prefix(name).is_some_and(|it| it.starts_with('/')))
    }

    fn bury(&mut self, gone: Vec<Message>, times: Times) {
        let graves: Vec<Grave> = gone.into_iter().map(|it| Grave::of(it, times.now)).collect();
        let octets = graves.iter().map(|it| it.octets).sum();
        self.purge(times, octets);
        // What comes in may be too much by itself.
        if times.seconds > 0 && (octets <= times.octets_max || !self.graves.is_empty()) {
            self.graves.extend(graves);
        }
    }

    /// From the oldest on, when so many octets come in.
    fn purge(&mut self, times: Times, incoming: u64) {
        let mut octets = incoming + self.graves.iter().map(|it| it.octets).sum::<u64>();
        while let Some(oldest) = self.graves.first()
            && (oldest.buried_at <= times.now - times.seconds || octets > times.octets_max)
        {
            octets -= oldest.octets;
            self.graves.remove(0);
        }
    }
}

impl Grave {
    fn of(message: Message, now: i64) -> Self {
        let Message { label, mut flags, .. } = message;
        flags.remove("\\Deleted");
        Self { label, flags, octets: text_of(label).len() as u64, buried_at: now }
    }
}
