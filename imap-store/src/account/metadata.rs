//! Annotations of mailboxes and of an account as a whole (RFC 5464).
//!
//! An entry below `/shared` is everybody's, one below `/private` is that of the user who set it. Names have no
//! case (RFC 5464 §3.2): they are kept in lower case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::Change;
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision, existing};
use super::page::Row;
use super::rights::{Access, Rights, Who};
use super::snapshot::{MailboxId, Snapshot};
use crate::StoreError;

/// Octets of an entry's name.
const NAME_OCTETS_MAX: usize = 1_024;

/// The annotations of a mailbox or an account.
#[derive(Debug, Default)]
pub struct Metadata {
    values: BTreeMap<Key, Arc<[u8]>>,
    /// Of names and values.
    octets: u64,
    pub(super) row: Row,
}

/// Whose entry (empty: the owner's, or, below `/shared`, everybody's), and its name.
type Key = (String, String);

/// How much may be annotated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetadataLimits {
    /// Entries that a mailbox, or the account as a whole, has of one user, and of `/shared`.
    pub(crate) entries: u32,
    /// Octets of one value.
    pub(crate) value_octets: u32,
    /// Octets of all names and values in an account.
    pub(crate) account_octets: u64,
}

/// One entry as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataValue {
    pub(crate) user: String,
    pub(crate) entry: String,
    /// `None`: gone.
    pub(crate) value: Option<Vec<u8>>,
}

impl Metadata {
    /// The value of an entry, as a user sees it; the name in any case.
    pub fn get(&self, who: &Who, entry: &str) -> Option<&[u8]> {
        let entry = entry.to_ascii_lowercase();
        let user = holder(Some(who), &entry).to_owned();
        self.values.get(&(user, entry)).map(|value| &**value)
    }

    /// All entries that a user sees, with their values, by name.
    pub fn entries(&self, who: &Who) -> BTreeMap<&str, &[u8]> {
        let seen = self.values.iter().filter(|((user, entry), _)| *user == holder(Some(who), entry));
        seen.map(|((_, entry), value)| (&**entry, &**value)).collect()
    }

    /// The names of entries that a user sees otherwise than in `old`: set, changed, or gone.
    pub fn changed_since(&self, old: &Self, who: &Who) -> Vec<String> {
        let (was, is) = (old.entries(who), self.entries(who));
        let gone = was.keys().filter(|entry| !is.contains_key(*entry)).copied();
        let changed = is.iter().filter(|(entry, value)| was.get(*entry) != Some(*value));
        let mut names: Vec<_> = changed.map(|(entry, _)| *entry).chain(gone).map(str::to_owned).collect();
        names.sort();
        names
    }

    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn with(&self, values: &[MetadataValue]) -> Self {
        let mut next = self.values.clone();
        for it in values {
            let key = (it.user.clone(), it.entry.clone());
            match &it.value {
                Some(value) => drop(next.insert(key, value.as_slice().into())),
                None => drop(next.remove(&key)),
            }
        }
        Self::of(next)
    }

    /// Whether a user has entries of their own.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.values.keys().any(|(it, _)| it == user)
    }

    pub(super) fn without_user(&self, user: &str) -> Self {
        Self::of(
            self.values
                .iter()
                .filter(|((it, _), _)| it != user)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        )
    }

    fn of(values: BTreeMap<Key, Arc<[u8]>>) -> Self {
        let octets = values.iter().map(|((user, entry), value)| user.len() + entry.len() + value.len());
        Self { octets: octets.map(|octets| octets as u64).sum(), values, row: Row::default() }
    }

    fn count_of(&self, user: &str, entry: &str) -> usize {
        let same = |it: &&Key| it.0 == user && is_shared(&it.1) == is_shared(entry);
        self.values.keys().filter(same).count()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.number(self.values.len() as u64);
        for ((user, entry), value) in &self.values {
            out.octets(user.as_bytes());
            out.octets(entry.as_bytes());
            out.octets(value);
        }
        out.finish()
    }

    pub(super) fn decode(row: u64, octets: &[u8]) -> Result<Self, Malformed> {
        let mut input = Decoder::new(octets);
        let mut values = BTreeMap::new();
        for _ in 0..input.count()? {
            let key = (input.text()?.to_owned(), input.text()?.to_owned());
            values.insert(key, input.octets()?.into());
        }
        input.end()?;
        Ok(Self { row: Row::new(row), ..Self::of(values) })
    }

    pub(super) fn describe(&self, tell: &mut impl FnMut(std::fmt::Arguments<'_>)) {
        self.values.iter().for_each(|it| tell(format_args!("{it:?}")));
    }
}

fn is_shared(entry: &str) -> bool {
    entry.starts_with("/shared/")
}

/// Under whose name an entry of a user stands.
fn holder<'a>(who: Option<&'a Who>, entry: &str) -> &'a str {
    match who {
        Some(who) if !who.is_owner && !is_shared(entry) => &who.user,
        _ => "",
    }
}

/// The name as it is kept. Refuses what is none (RFC 5464 §3.2).
fn checked_name(entry: &str) -> Result<String, StoreError> {
    let entry = entry.to_ascii_lowercase();
    let is_good = (entry.starts_with("/private/") || is_shared(&entry))
        && entry.len() <= NAME_OCTETS_MAX
        && entry.bytes().all(|it| (b' '..0x7f).contains(&it) && !b"*%".contains(&it))
        && entry.split('/').skip(1).all(|component| !component.is_empty());
    if is_good { Ok(entry) } else { Err(StoreError::Cannot { reason: "that is no name of an entry" }) }
}

/// Sets entries, all or none; `None` removes one.
///
/// RFC 5464 §3.3 asks for `l` and one of `rswip`. What everybody sees asks for `w` besides.
pub(super) fn set(
    state: &Snapshot,
    access: &Access,
    mailbox: Option<MailboxId>,
    values: &[(String, Option<Vec<u8>>)],
    limits: MetadataLimits,
) -> Decided<()> {
    let (old, rights) = match mailbox {
        Some(mailbox) => {
            let target = existing(state, mailbox)?;
            (target.metadata(), access.require(target, Rights::LOOKUP)?)
        }
        None => {
            access.require_owner()?;
            (state.metadata(), Rights::ALL)
        }
    };
    if !rights.has_any(RIGHTS) {
        return Err(StoreError::NoPerm);
    }
    let who = match access {
        Access::Whole => None,
        Access::Of(who) => Some(&**who),
    };
    let mut changed = Vec::new();
    for (entry, value) in values {
        let entry = checked_name(entry)?;
        if is_shared(&entry) && !rights.has(Rights::WRITE) {
            return Err(StoreError::NoPerm);
        }
        if value.as_ref().is_some_and(|value| value.len() > limits.value_octets as usize) {
            return Err(StoreError::MetadataTooBig { max_octets: limits.value_octets.into() });
        }
        let user = holder(who, &entry).to_owned();
        changed.push(MetadataValue { user, entry, value: value.clone() });
    }
    let new = old.with(&changed);
    if new.values == old.values {
        return Ok(Decision::nothing(()));
    }
    let octets = state.metadata_octets() + new.octets - old.octets;
    let is_more = new.octets > old.octets;
    let too_many = |it: &MetadataValue| new.count_of(&it.user, &it.entry) > limits.entries as usize;
    let adds = new.values.len() > old.values.len();
    if is_more && octets > limits.account_octets || adds && changed.iter().any(too_many) {
        return Err(StoreError::MetadataTooMany);
    }
    Ok(Decision::change(Change::SetMetadata { mailbox, values: changed }, ()))
}

/// One of these is needed besides `l` (RFC 5464 §3.3).
const RIGHTS: Rights =
    Rights::READ.with(Rights::SEEN).with(Rights::WRITE).with(Rights::INSERT).with(Rights::POST);

impl Snapshot {
    /// The annotations of the account as a whole (the mailbox with the empty name).
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_octets(&self) -> u64 {
        self.metadata.octets() + self.mailboxes.sum().map_or(0, |sum| sum.metadata_octets)
    }

    pub(super) fn take_metadata(&mut self, mailbox: Option<MailboxId>, values: &[MetadataValue]) {
        match mailbox {
            None => self.metadata = Arc::new(self.metadata.with(values)),
            Some(id) => self.change_mailbox(id, |mailbox, _| {
                mailbox.metadata = Arc::new(mailbox.metadata.with(values));
            }),
        }
    }
}

pub(super) fn encode_values(values: &[MetadataValue], out: &mut Encoder) {
    out.number(values.len() as u64);
    for it in values {
        out.octets(it.user.as_bytes());
        out.octets(it.entry.as_bytes());
        out.octet(u8::from(it.value.is_some()));
        it.value.iter().for_each(|value| out.octets(value));
    }
}

pub(super) fn decode_values(input: &mut Decoder<'_>) -> Result<Vec<MetadataValue>, Malformed> {
    (0..input.count()?)
        .map(|_| {
            Ok(MetadataValue {
                user: input.text()?.to_owned(),
                entry: input.text()?.to_owned(),
                value: if input.flag()? { Some(input.octets()?.to_vec()) } else { None },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries() {
        assert_eq!(checked_name("/Shared/Comment").expect("good"), "/shared/comment");
        assert_eq!(checked_name("/private/vendor/x/y z").expect("good"), "/private/vendor/x/y z");
        for bad in [
            "",
            "/",
            "/shared",
            "/private/",
            "/other/x",
            "/shared//x",
            "/shared/x/",
            "/shared/a*",
            "/shared/\u{e9}",
        ] {
            assert!(checked_name(bad).is_err(), "{bad}");
        }
    }
}
