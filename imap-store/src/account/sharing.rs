//! What is shared: accounts that are no person's, in which accounts somebody has rights, and under which names
//! others see all that.
//!
//! Account 0 keeps, for each identifier, the accounts that may name it in an ACL. It is told first and forgets
//! last, so it never says too little; and nobody has to walk ten thousand accounts for one LIST. That it forgets
//! is never waited for: the answer is that of the ACL, the one change that counts, and a check tidies up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imap_proto::types::MailboxName;

use super::change::Change;
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision};
use super::mailbox::Mailbox;
use super::names::{OTHER_USERS, SHARED_FOLDERS};
use super::rights::Who;
use super::snapshot::Snapshot;
use crate::StoreError;
use crate::log::AccountId;

/// Whose an account is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A user's, by name.
    User(String),
    /// No person's: a shared account, by name.
    Shared(String),
}

/// What a mailbox name means to a user (RFC 2342): where it lies, and which name it has there.
///
/// ```text
/// Other Users/bob/Lists/rust        bob's Lists/rust
/// Shared Folders/support            INBOX of the shared account `support`
/// Shared Folders/support/2026       INBOX/2026 there
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the user's own account.
    Own(MailboxName),
    /// In another account. It may not be there, or the user may have no right to know of it.
    Others(Owner, MailboxName),
    /// Above all of these: it is no mailbox and never will be one.
    Above,
}

impl Place {
    /// What lies below it is other users'.
    pub const OTHER_USERS: &str = OTHER_USERS;
    /// What lies below it is no person's.
    pub const SHARED_FOLDERS: &str = SHARED_FOLDERS;

    /// Where a name leads.
    pub fn of(name: &MailboxName) -> Self {
        let mut components = name.as_str().splitn(3, MailboxName::DELIMITER);
        let root = components.next().unwrap_or_default();
        if root != OTHER_USERS && root != SHARED_FOLDERS {
            return Self::Own(name.clone());
        }
        let (Some(owner), rest) = (components.next(), components.next()) else { return Self::Above };
        let (owner, within) = if root == SHARED_FOLDERS {
            let within = rest.map_or_else(|| INBOX.to_owned(), |rest| format!("{INBOX}/{rest}"));
            (Owner::Shared(owner.to_owned()), Some(within))
        } else {
            (Owner::User(owner.to_owned()), rest.map(str::to_owned))
        };
        match within.and_then(|within| MailboxName::new(&within).ok()) {
            Some(within) => Self::Others(owner, within),
            None => Self::Above,
        }
    }

    /// The name under which others see a mailbox of an account; `None` where there is none: a shared account's
    /// mailbox that is not below its INBOX, or a name that would be too long.
    pub fn name(owner: &Owner, within: &MailboxName) -> Option<MailboxName> {
        let name = match owner {
            Owner::User(user) => format!("{OTHER_USERS}/{user}/{}", within.as_str()),
            Owner::Shared(account) => {
                let rest = within.as_str().strip_prefix(INBOX)?;
                if !rest.is_empty() && !rest.starts_with(MailboxName::DELIMITER) {
                    return None;
                }
                format!("{SHARED_FOLDERS}/{account}{rest}")
            }
        };
        let name = MailboxName::new(&name).ok()?;
        // A user whose name has a delimiter in it cannot be found again.
        (Self::of(&name) == Self::Others(owner.clone(), within.clone())).then_some(name)
    }
}

const INBOX: &str = "INBOX";

impl Snapshot {
    /// The accounts that are no person's (account 0).
    pub(crate) fn shared(&self) -> &BTreeMap<String, AccountId> {
        &self.shared
    }

    /// Whose an account is (account 0).
    pub(crate) fn owner(&self, id: AccountId) -> Option<Owner> {
        let shared = self.shared.iter().find(|(_, account)| **account == id);
        let user = || self.users.values().find(|user| user.account == id);
        shared
            .map(|(name, _)| Owner::Shared(name.clone()))
            .or_else(|| user().map(|user| Owner::User(user.name.clone())))
    }

    /// Every account that is somebody's (account 0), but account 0 itself.
    pub(crate) fn owned_accounts(&self) -> BTreeSet<AccountId> {
        self.users.values().map(|user| user.account).chain(self.shared.values().copied()).collect()
    }

    /// The accounts of others that may name this user in an ACL (account 0).
    pub(crate) fn shared_with(&self, who: &Who) -> Vec<(AccountId, Owner)> {
        let granted = who.identifiers().filter_map(|identifier| self.grants.get(&identifier));
        let mut ids: BTreeSet<AccountId> = granted.flatten().copied().collect();
        if ids.is_empty() {
            return Vec::new();
        }
        if let Some(own) = self.users.get(&who.user) {
            ids.remove(&own.account);
        }
        let shared = self.shared.iter().map(|(name, &id)| (id, Owner::Shared(name.clone())));
        let users = self.users.values().map(|user| (user.account, user));
        let mut found: Vec<_> = shared.filter(|(id, _)| ids.contains(id)).collect();
        let users = users.filter(|(id, _)| ids.contains(id));
        found.extend(users.map(|(id, user)| (id, Owner::User(user.name.clone()))));
        found.sort_by(|(_, a), (_, b)| a.cmp(b));
        found
    }

    /// The accounts that may name an identifier in an ACL (account 0).
    pub(crate) fn granted_to(&self, identifier: &str) -> Vec<AccountId> {
        self.grants.get(identifier).into_iter().flatten().copied().collect()
    }

    /// Whether an identifier has rights in a mailbox of this account.
    pub(crate) fn is_granted(&self, identifier: &str) -> bool {
        self.mailboxes().any(|mailbox| mailbox.acl().grantees().any(|it| it == identifier))
    }

    /// Who has rights in mailboxes of this account.
    pub(crate) fn grantees(&self) -> BTreeSet<&str> {
        self.mailboxes().flat_map(|mailbox| mailbox.acl().grantees()).collect()
    }

    /// Whom an account may name in an ACL (account 0).
    pub(crate) fn granted_by(&self, account: AccountId) -> impl Iterator<Item = &str> {
        let grants = self.grants.iter().filter(move |(_, accounts)| accounts.contains(&account));
        grants.map(|(identifier, _)| &**identifier)
    }

    pub(super) fn take_grant(&mut self, identifier: &str, account: AccountId, on: bool) {
        let grants = Arc::make_mut(&mut self.grants);
        if on {
            grants.entry(identifier.to_owned()).or_default().insert(account);
        } else if let Some(accounts) = grants.get_mut(identifier) {
            accounts.remove(&account);
            if accounts.is_empty() {
                grants.remove(identifier);
            }
        }
    }

    /// An account is gone, and what it shared.
    pub(super) fn take_no_grants(&mut self, account: AccountId) {
        Arc::make_mut(&mut self.grants).retain(|_, accounts| {
            accounts.remove(&account);
            !accounts.is_empty()
        });
    }

    pub(super) fn take_forget(&mut self, identifier: &str) {
        let named = self.mailboxes().filter(|mailbox| mailbox.knows(identifier));
        let named: Vec<_> = named.map(|mailbox| mailbox.id()).collect();
        for id in named {
            self.change_mailbox(id, |mailbox, _| {
                Arc::make_mut(&mut mailbox.acl).forget(identifier);
                Arc::make_mut(&mut mailbox.overlays).remove(identifier);
                if mailbox.metadata.knows(identifier) {
                    mailbox.metadata = Arc::new(mailbox.metadata.without_user(identifier));
                }
            });
        }
    }
}

impl Mailbox {
    fn knows(&self, identifier: &str) -> bool {
        let has_seen = self.overlays.contains_key(identifier);
        has_seen || self.acl.names(identifier) || self.metadata.knows(identifier)
    }
}

/// Takes an identifier out of all ACLs, and what such a user has seen.
pub(super) fn forget(state: &Snapshot, identifier: &str) -> Decided<()> {
    if !state.mailboxes().any(|mailbox| mailbox.knows(identifier)) {
        return Ok(Decision::nothing(()));
    }
    Ok(Decision::change(Change::ForgetIdentifier { identifier: identifier.to_owned() }, ()))
}

/// Who has rights in mailboxes of an account, what is on its way into the log included.
pub(crate) fn grantees(state: &Snapshot) -> Decided<BTreeSet<String>> {
    Ok(Decision::nothing(state.grantees().into_iter().map(str::to_owned).collect()))
}

/// Says in account 0 whether an account may name an identifier.
pub(crate) fn grant(state: &Snapshot, identifier: &str, account: AccountId, on: bool) -> Decided<()> {
    let is_on = state.grants.get(identifier).is_some_and(|accounts| accounts.contains(&account));
    if is_on == on {
        return Ok(Decision::nothing(()));
    }
    Ok(Decision::change(Change::Grant { identifier: identifier.to_owned(), account, on }, ()))
}

/// Takes the next account number, unless there is such a shared account already.
pub(crate) fn reserve(state: &Snapshot, name: &str) -> Decided<AccountId> {
    refuse_taken(state, name)?;
    let account = AccountId(state.next_account());
    Ok(Decision::change(Change::ReserveAccount { account }, account))
}

pub(crate) fn create(state: &Snapshot, name: &str, account: AccountId) -> Decided<()> {
    refuse_taken(state, name)?;
    Ok(Decision::change(Change::CreateShared { name: name.to_owned(), account }, ()))
}

pub(crate) fn delete(state: &Snapshot, name: &str) -> Decided<()> {
    if !state.shared.contains_key(name) {
        return Err(StoreError::NonExistent { what: "shared account" });
    }
    Ok(Decision::change(Change::DeleteShared { name: name.to_owned() }, ()))
}

fn refuse_taken(state: &Snapshot, name: &str) -> Result<(), StoreError> {
    if Place::name(&Owner::Shared(name.to_owned()), &MailboxName::inbox()).is_none() {
        return Err(StoreError::Cannot { reason: "that is not one component of a mailbox name" });
    }
    if state.shared.contains_key(name) {
        return Err(StoreError::AlreadyExists { what: "shared account" });
    }
    Ok(())
}

pub(super) fn encode_sharing(state: &Snapshot, out: &mut Encoder) {
    out.number(state.shared.len() as u64);
    for (name, account) in &*state.shared {
        out.octets(name.as_bytes());
        out.number(account.0);
    }
    out.number(state.grants.len() as u64);
    for (identifier, accounts) in &*state.grants {
        out.octets(identifier.as_bytes());
        out.number(accounts.len() as u64);
        accounts.iter().for_each(|account| out.number(account.0));
    }
}

pub(super) fn decode_sharing(input: &mut Decoder<'_>, state: &mut Snapshot) -> Result<(), Malformed> {
    let shared = Arc::make_mut(&mut state.shared);
    for _ in 0..input.count()? {
        let name = input.text()?.to_owned();
        shared.insert(name, AccountId(input.number()?));
    }
    let grants = Arc::make_mut(&mut state.grants);
    for _ in 0..input.count()? {
        let identifier = input.text()?.to_owned();
        let accounts = (0..input.count()?).map(|_| Ok(AccountId(input.number()?)));
        grants.insert(identifier, accounts.collect::<Result<_, _>>()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> MailboxName {
        MailboxName::new(name).expect("a good name")
    }

    #[test]
    fn names_lead_to_accounts_and_back() {
        let bob = Owner::User("bob".to_owned());
        let support = Owner::Shared("support".to_owned());
        for (wire, owner, within) in [
            ("Other Users/bob/INBOX", &bob, "INBOX"),
            ("Other Users/bob/Lists/rust", &bob, "Lists/rust"),
            ("Shared Folders/support", &support, "INBOX"),
            ("Shared Folders/support/2026/a", &support, "INBOX/2026/a"),
        ] {
            assert_eq!(Place::of(&name(wire)), Place::Others(owner.clone(), name(within)));
            assert_eq!(Place::name(owner, &name(within)), Some(name(wire)));
        }
        for above in ["Other Users", "Other Users/bob", "Shared Folders"] {
            assert_eq!(Place::of(&name(above)), Place::Above);
        }
        assert_eq!(Place::of(&name("INBOX/x")), Place::Own(name("INBOX/x")));
        assert_eq!(Place::name(&support, &name("Sent")), None);
        assert_eq!(Place::name(&Owner::User("a/b".to_owned()), &name("Sent")), None);
    }
}
