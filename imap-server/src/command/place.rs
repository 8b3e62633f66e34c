//! Where mailbox names lead, and what the session's user may do there: the one place that knows of namespaces
//! (RFC 2342) and of rights (RFC 4314).
//!
//! Changes ask the ACL once more in the commit itself; what is asked for here is who may read, and who may know. A
//! mailbox of which a user may not know is, in everything that is said of it, one that is not there.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use imap_proto::types::{MailboxName, WireMailbox};
use imap_store::StoreError;
use imap_store::account::{Account, Mailbox, Owner, Place, Rights, Snapshot, Who};
use imap_store::log::AccountId;

use super::{Ctx, Halt, Refusal, blocking};
use crate::session::state::Login;

/// An account, and a name in it.
pub(super) struct Spot {
    /// Where the user may do what the ACLs allow.
    pub(super) account: Account,
    /// The name there.
    pub(super) within: MailboxName,
    who: Who,
}

/// A mailbox that is there, and of which the user may know.
pub(super) struct Found {
    pub(super) account: Account,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) rights: Rights,
    /// Whose eyes look at it.
    pub(super) who: Who,
}

impl Spot {
    /// The mailbox there, where the user has all of `wanted`; `missing` where there is none, or the user may not know
    /// of it.
    pub(super) fn find(self, wanted: Rights, missing: fn() -> Refusal) -> Result<Found, Refusal> {
        let snapshot = self.account.snapshot();
        let mailbox = snapshot.mailbox_named(&self.within).ok_or_else(missing)?;
        let rights = mailbox.rights(&self.who);
        if !rights.has(wanted) {
            return Err(if rights.has(Rights::LOOKUP) { Refusal::no_permission() } else { missing() });
        }
        Ok(Found { mailbox: mailbox.seen_by(&self.who), rights, account: self.account, who: self.who })
    }
}

impl Ctx<'_> {
    /// Where a name leads; `None` where there is no such account, or no mailbox can be.
    pub(super) async fn spot(&mut self, name: &MailboxName) -> Result<Option<Spot>, Halt> {
        let login = self.login()?.clone();
        let (owner, within) = match Place::of(name) {
            Place::Own(within) => {
                let spot =
                    |account: &Account| Spot { account: account.clone(), within, who: login.who.clone() };
                return Ok(login.account.as_ref().map(spot));
            }
            Place::Above => return Ok(None),
            Place::Others(owner, within) => (owner, within),
        };
        let store = self.services.store.clone();
        let id = match &owner {
            Owner::User(user) => store.user(user).map(|user| user.account),
            Owner::Shared(shared) => {
                let accounts = store.shared_accounts();
                accounts.into_iter().find(|(name, _)| name == shared).map(|(_, id)| id)
            }
        };
        let Some(id) = id.filter(|&id| login.account.as_ref().is_none_or(|own| own.id() != id)) else {
            return Ok(None);
        };
        let who = login.as_guest();
        match blocking(move || store.account(id)).await? {
            Ok(account) => Ok(Some(Spot { account: account.as_user(who.clone()), within, who })),
            Err(StoreError::NonExistent { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The mailbox of a command's argument, where the user has all of `wanted`; else `missing`, or NOPERM to who may
    /// know of it.
    pub(super) async fn find(
        &mut self,
        mailbox: &WireMailbox,
        wanted: Rights,
        missing: fn() -> Refusal,
    ) -> Result<Found, Halt> {
        let name = self.mailbox_name(mailbox)?;
        let spot = self.spot(&name).await?.ok_or_else(missing)?;
        Ok(spot.find(wanted, missing)?)
    }

    /// Every name that the user may know of.
    pub(super) async fn names(&mut self) -> Result<Names, Halt> {
        let login = self.login()?.clone();
        let own = login.account.as_ref().map(|own| Own {
            account: own.id(),
            snapshot: own.snapshot(),
            who: login.who.clone(),
        });
        let guest = login.as_guest();
        let shared = self.services.store.accounts_shared_with(&guest);
        let mut others = BTreeMap::new();
        if !shared.is_empty() {
            let store = self.services.store.clone();
            others = blocking(move || others_names(&store, shared, &guest)).await??;
        }
        Ok(Names { own, others })
    }
}

impl Login {
    /// Who the user is in the accounts of others.
    fn as_guest(&self) -> Who {
        Who { is_owner: false, ..self.who.clone() }
    }
}

/// A mailbox in a list.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) account: AccountId,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) rights: Rights,
}

/// The names of a user: the own ones, and those in the accounts of others that the user may know of.
pub(super) struct Names {
    own: Option<Own>,
    /// `None`: it only holds those below it.
    others: BTreeMap<MailboxName, Option<Listed>>,
}

fn others_names(
    store: &imap_store::Store,
    accounts: Vec<(AccountId, Owner)>,
    who: &Who,
) -> Result<BTreeMap<MailboxName, Option<Listed>>, StoreError> {
    let mut names = BTreeMap::new();
    for (id, owner) in accounts {
        let snapshot = match store.account(id) {
            Ok(account) => account.snapshot(),
            // It was deleted a moment ago.
            Err(StoreError::NonExistent { .. }) => continue,
            Err(error) => return Err(error),
        };
        for (within, mailbox) in snapshot.names() {
            let Some(mailbox) = mailbox else { continue };
            let rights = mailbox.rights(who);
            if !rights.has(Rights::LOOKUP) {
                continue;
            }
            let Some(name) = Place::name(&owner, within) else { continue };
            for above in std::iter::successors(name.parent(), MailboxName::parent) {
                names.entry(above).or_insert(None);
            }
            names.insert(name, Some(Listed { account: id, mailbox: mailbox.seen_by(who), rights }));
        }
    }
    Ok(names)
}

/// The user's own names.
struct Own {
    account: AccountId,
    snapshot: Arc<Snapshot>,
    who: Who,
}

impl Own {
    fn listed(&self, mailbox: &Arc<Mailbox>) -> Listed {
        let rights = mailbox.rights(&self.who);
        Listed { account: self.account, mailbox: Arc::clone(mailbox), rights }
    }
}

impl Names {
    /// Whether the user has mail of their own.
    pub(super) fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// Whether there is a name below that one.
    pub(super) fn has_children(&self, name: &MailboxName) -> bool {
        self.others.keys().any(|other| other.is_below(name))
            || self.own.iter().any(|own| own.snapshot.names().any(|(other, _)| other.is_below(name)))
    }

    /// Every name with its mailbox, in the order of LIST: INBOX and what is below it first, then component by component,
    /// parents before their children. `None`: the name only holds its children.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&MailboxName, Option<Listed>)> {
        let own = self.own.iter().flat_map(|own| {
            own.snapshot.names().map(|(name, mailbox)| (name, mailbox.map(|mailbox| own.listed(mailbox))))
        });
        let mut own = own.peekable();
        let mut others: Vec<_> = self.others.iter().collect();
        others.sort_by(|(a, _), (b, _)| order(a, b));
        let mut others = others.into_iter().peekable();
        std::iter::from_fn(move || {
            let own_first = match (own.peek(), others.peek()) {
                (Some((own, _)), Some((other, _))) => order(own, other).is_lt(),
                (own, _) => own.is_some(),
            };
            if own_first { own.next() } else { others.next().map(|(name, listed)| (name, listed.clone())) }
        })
    }

    /// The mailbox of that name.
    pub(super) fn get(&self, name: &MailboxName) -> Option<Listed> {
        if let Some(listed) = self.others.get(name) {
            return listed.clone();
        }
        let own = self.own.as_ref()?;
        own.snapshot.mailbox_named(name).map(|mailbox| own.listed(mailbox))
    }

    /// Whether a name is in the tree, as a mailbox or above one.
    pub(super) fn contains(&self, name: &MailboxName) -> bool {
        self.others.contains_key(name) || self.own.as_ref().is_some_and(|own| own.snapshot.has_name(name))
    }

    /// The subscribed names; some may have no mailbox.
    pub(super) fn subscriptions(&self) -> impl Iterator<Item = &MailboxName> {
        self.own.iter().flat_map(|own| own.snapshot.subscriptions())
    }

    /// Whether a name is subscribed.
    pub(super) fn is_subscribed(&self, name: &MailboxName) -> bool {
        self.own.as_ref().is_some_and(|own| own.snapshot.is_subscribed(name))
    }

    /// What the names of others begin with, where there are any.
    pub(super) fn is_used(&self, root: &str) -> bool {
        self.others.keys().any(|name| name.as_str() == root)
    }
}

/// The order of names in LIST.
pub(super) fn order(a: &MailboxName, b: &MailboxName) -> Ordering {
    let inbox = MailboxName::inbox();
    let is_outside = |name: &MailboxName| *name != inbox && !name.is_below(&inbox);
    is_outside(a)
        .cmp(&is_outside(b))
        .then_with(|| a.as_str().split(MailboxName::DELIMITER).cmp(b.as_str().split(MailboxName::DELIMITER)))
}
