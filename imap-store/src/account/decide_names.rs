//! What is decided about mailboxes and their names. Pure, like [`super::decide`].

use imap_proto::types::MailboxName;
use unicode_normalization::UnicodeNormalization;

use super::apply::has_children;
use super::change::{Change, NewMailbox};
use super::decide::{Decided, Decision, uid_validity_after};
use super::graves::Retention;
use super::names::{NameKey, is_reserved};
use super::quota::Usage;
use super::rights::{Access, Rights};
use super::snapshot::{MailboxId, Snapshot, SpecialUse};
use crate::StoreError;

/// Mailboxes that an account can have.
const MAILBOXES_MAX: usize = 100_000;
/// Names that can be subscribed.
const SUBSCRIPTIONS_MAX: usize = 100_000;

/// What a new account has, all of it subscribed.
const DEFAULT_MAILBOXES: [(&str, Option<SpecialUse>); 6] = [
    ("INBOX", None),
    ("Drafts", Some(SpecialUse::Drafts)),
    ("Sent", Some(SpecialUse::Sent)),
    ("Junk", Some(SpecialUse::Junk)),
    ("Trash", Some(SpecialUse::Trash)),
    ("Archive", Some(SpecialUse::Archive)),
];

/// The first change of an account: a person's gets all of the defaults, another one INBOX only, the root of what
/// it shares. None when it has an INBOX already.
pub(super) fn set_up(state: &Snapshot, is_personal: bool, now: i64) -> Decided<()> {
    if state.mailbox_named(&MailboxName::inbox()).is_some() {
        return Ok(Decision::nothing(()));
    }
    let mut new = NewMailboxes::new(state, now);
    for (name, special_use) in DEFAULT_MAILBOXES.into_iter().take(if is_personal { usize::MAX } else { 1 }) {
        let name = MailboxName::new(name).expect("the defaults are good names");
        new.add(name, special_use, true)?;
    }
    Ok(Decision::change(Change::CreateMailboxes(new.created), ()))
}

pub(super) fn create(
    state: &Snapshot,
    access: &Access,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
    now: i64,
) -> Decided<MailboxId> {
    refuse_reserved(name)?;
    may_create(state, access, name)?;
    refuse_look_alike(state, name, None)?;
    if name_of_mailbox(state, name) {
        return Err(StoreError::AlreadyExists { what: "mailbox" });
    }
    let mut new = NewMailboxes::new(state, now);
    new.add_parents(name)?;
    let id = new.add(name.clone(), special_use, false)?;
    new.require_room()?;
    Ok(Decision::change(Change::CreateMailboxes(new.created), id))
}

pub(super) fn delete(
    state: &Snapshot,
    access: &Access,
    name: &MailboxName,
    retention: Retention,
    now: i64,
) -> Decided<()> {
    if let Some(mailbox) = state.mailbox_named(name) {
        access.require(mailbox, Rights::DELETE)?;
    } else {
        access.require_to_know()?;
    }
    if *name == MailboxName::inbox() {
        return Err(StoreError::Cannot { reason: "INBOX cannot be deleted" });
    }
    match state.names.get(&NameKey(name.clone())) {
        Some(&Some(mailbox)) => {
            let counters = state.mailbox(mailbox).map(|it| it.counters()).unwrap_or_default();
            let purge_to = retention.purge_to(state, now, counters.octets, counters.messages);
            Ok(Decision::change(Change::DeleteMailbox { mailbox, at: now, purge_to }, ()))
        }
        Some(None) if has_children(&state.names, name) => Err(StoreError::HasChildren),
        _ => Err(StoreError::NonExistent { what: "mailbox" }),
    }
}

pub(super) fn rename(
    state: &Snapshot,
    access: &Access,
    from: &MailboxName,
    to: &MailboxName,
    now: i64,
) -> Decided<()> {
    refuse_reserved(to)?;
    let source = state.mailbox_named(from).ok_or(StoreError::NonExistent { what: "mailbox" })?;
    access.require(source, Rights::DELETE)?;
    if *from == MailboxName::inbox() {
        // It makes a mailbox of all that is in INBOX: that is the owner's business.
        access.require_owner()?;
        // It is about to be empty of what leaves, or to have it for good.
        if state.departures().any(|departure| departure.mailbox == source.id()) {
            let reason = "messages of INBOX are on their way into another account".to_owned();
            return Err(StoreError::Unavailable { reason });
        }
    }
    may_create(state, access, to)?;
    refuse_look_alike(state, to, Some(from))?;
    if *to == MailboxName::inbox() || name_of_mailbox(state, to) {
        return Err(StoreError::AlreadyExists { what: "mailbox" });
    }
    let mut new = NewMailboxes::new(state, now);
    new.add_parents(to)?;
    if *from == MailboxName::inbox() {
        new.add(to.clone(), None, false)?;
        new.require_room()?;
        let change = Change::RenameInbox { created: new.created, saved_at: now };
        return Ok(Decision::change(change, ()));
    }
    if to.is_below(from) {
        return Err(StoreError::Cannot { reason: "a mailbox cannot be renamed to a name below itself" });
    }
    check_renamed_tree(state, from, to)?;
    new.require_room()?;
    let change = Change::Rename { from: from.clone(), to: to.clone(), created: new.created };
    Ok(Decision::change(change, ()))
}

/// Every name below `from` must be a good one that is free below `to`.
fn check_renamed_tree(state: &Snapshot, from: &MailboxName, to: &MailboxName) -> Result<(), StoreError> {
    let tree = state.names.range(NameKey(from.clone())..).map(|(name, _)| &name.0);
    for name in tree.take_while(|name| *name == from || name.is_below(from)) {
        let rest = name.as_str().strip_prefix(from.as_str()).unwrap_or_default();
        let name = MailboxName::new(&format!("{}{rest}", to.as_str()))
            .map_err(|_| StoreError::Cannot { reason: "a name below the mailbox would be too long" })?;
        if name_of_mailbox(state, &name) {
            return Err(StoreError::AlreadyExists { what: "mailbox" });
        }
    }
    Ok(())
}

pub(super) fn subscribe(state: &Snapshot, access: &Access, name: &MailboxName, on: bool) -> Decided<()> {
    access.require_owner()?;
    if state.is_subscribed(name) == on {
        return Ok(Decision::nothing(()));
    }
    if on && state.subscriptions.len() >= SUBSCRIPTIONS_MAX {
        return Err(StoreError::Limit { what: "too many names are subscribed" });
    }
    Ok(Decision::change(Change::Subscribe { name: name.clone(), on }, ()))
}

/// Refuses who has no `k` in the nearest mailbox above a name; where there is none, all but the owner
/// (RFC 4314 §4). Whether there is one that they may not see, nobody is told.
fn may_create(state: &Snapshot, access: &Access, name: &MailboxName) -> Result<(), StoreError> {
    let parents = std::iter::successors(name.parent(), MailboxName::parent);
    match parents.filter_map(|parent| state.mailbox_named(&parent)).next() {
        Some(parent) if access.rights(parent).has(Rights::CREATE) => Ok(()),
        Some(_) => Err(StoreError::NoPerm),
        None => access.require_owner(),
    }
}

/// Refuses a name that differs from another one only in its normal form: people could not tell them apart (RFC 9051
/// §5.1, RFC 5198 §3). Names keep the form that they were given. `except` and what is below it is about to go.
fn refuse_look_alike(
    state: &Snapshot,
    name: &MailboxName,
    except: Option<&MailboxName>,
) -> Result<(), StoreError> {
    let normal = |name: &MailboxName| name.as_str().nfc().collect::<String>();
    let is_new = |name: &MailboxName| !state.names.contains_key(&NameKey(name.clone()));
    for name in std::iter::successors(Some(name.clone()), MailboxName::parent).filter(is_new) {
        let wanted = normal(&name);
        let is_same = |other: &MailboxName| {
            // What is ASCII is in every normal form already.
            (!other.as_str().is_ascii() || !name.as_str().is_ascii())
                && except.is_none_or(|except| other != except && !other.is_below(except))
                && normal(other) == wanted
        };
        if state.names.keys().any(|key| is_same(&key.0)) {
            return Err(StoreError::AlreadyExists { what: "mailbox" });
        }
    }
    Ok(())
}

fn refuse_reserved(name: &MailboxName) -> Result<(), StoreError> {
    if is_reserved(name) {
        return Err(StoreError::Cannot {
            reason: "names below `Other Users` and `Shared Folders` belong to others",
        });
    }
    Ok(())
}

/// Whether a mailbox has that name, and not only others below it.
fn name_of_mailbox(state: &Snapshot, name: &MailboxName) -> bool {
    matches!(state.names.get(&NameKey(name.clone())), Some(Some(_)))
}

/// Mailboxes in the making: each gets the next id and the next UIDVALIDITY.
struct NewMailboxes<'a> {
    state: &'a Snapshot,
    now: i64,
    created: Vec<NewMailbox>,
}

impl<'a> NewMailboxes<'a> {
    fn new(state: &'a Snapshot, now: i64) -> Self {
        Self { state, now, created: Vec::new() }
    }

    /// Adds those above `name` that are no names yet, from the top down. A name that was deleted and only
    /// holds its children stays one: who deleted it meant it.
    fn add_parents(&mut self, name: &MailboxName) -> Result<(), StoreError> {
        let names = &self.state.names;
        let parents = std::iter::successors(name.parent(), MailboxName::parent);
        let missing: Vec<_> = parents.filter(|name| !names.contains_key(&NameKey(name.clone()))).collect();
        for name in missing.into_iter().rev() {
            self.add(name, None, false)?;
        }
        Ok(())
    }

    /// Refuses more mailboxes than the account may have.
    fn require_room(&self) -> Result<(), StoreError> {
        self.state.require_room(Usage { mailboxes: self.created.len() as u64, ..Usage::default() })
    }

    fn add(
        &mut self,
        name: MailboxName,
        special_use: Option<SpecialUse>,
        subscribed: bool,
    ) -> Result<MailboxId, StoreError> {
        if self.state.names.len() + self.created.len() >= MAILBOXES_MAX {
            return Err(StoreError::Limit { what: "the account has as many mailboxes as it can" });
        }
        let id = MailboxId(self.state.next_mailbox + self.created.len() as u64);
        let last = self.created.last().map_or(self.state.last_uid_validity, |it| it.uid_validity.get());
        let uid_validity = uid_validity_after(last, self.now)?;
        self.created.push(NewMailbox { id, name, uid_validity, special_use, subscribed });
        Ok(id)
    }
}
