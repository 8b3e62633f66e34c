//! Users, accounts that are no person's, and who may do what in whose: what account 0 keeps.

use std::collections::BTreeSet;

use super::{Store, USER_CHANGE_OCTETS};
use crate::StoreError;
use crate::account::{Account, AclChange, MailboxId, Owner, Rights, Who, sharing, users};
use crate::blocking::block_on;
use crate::log::AccountId;

/// A user of the store (account 0 keeps them).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name, as compared: prepared and case kept.
    pub name: String,
    /// The account with the mail.
    pub account: AccountId,
    /// The credential record, opaque to the store.
    pub credentials: Vec<u8>,
}

impl Store {
    /// A user by name. Never blocks.
    pub fn user(&self, name: &str) -> Option<User> {
        self.inner.directory.snapshot().users().get(name).map(|user| User::clone(user))
    }

    /// All users by name.
    pub fn users(&self) -> Vec<User> {
        self.inner.directory.snapshot().users().values().map(|user| User::clone(user)).collect()
    }

    /// Makes a user and an account with INBOX, Drafts, Sent, Junk, Trash, Archive, subscribed.
    ///
    /// The user is there only once the account is whole.
    pub async fn create_user(&self, name: &str, credentials: Vec<u8>) -> Result<User, StoreError> {
        let directory = self.inner.directory.core();
        let id = directory.commit(USER_CHANGE_OCTETS, |state| users::reserve(state, name)).await?;
        self.inner.account(id, || false)?.set_up(true).await?;
        let octets = USER_CHANGE_OCTETS + credentials.len();
        directory.commit(octets, |state| users::create(state, name, id, &credentials)).await?;
        Ok(User { name: name.to_owned(), account: id, credentials })
    }

    /// Sets a user's credential record.
    pub async fn set_credentials(&self, name: &str, credentials: Vec<u8>) -> Result<(), StoreError> {
        let octets = USER_CHANGE_OCTETS + credentials.len();
        let decide = |state: &_| users::set_credentials(state, name, &credentials);
        self.inner.directory.core().commit(octets, decide).await
    }

    /// Removes a user; the account's mail stays in the log until compaction. Whoever gets the name later has
    /// none of the rights that were given to it.
    pub async fn delete_user(&self, name: &str) -> Result<(), StoreError> {
        self.forget_identifier(name).await?;
        let decide = |state: &_| users::delete(state, name);
        self.inner.directory.core().commit(USER_CHANGE_OCTETS, decide).await
    }

    /// Makes an account that is no person's, with an INBOX, which is what `Shared Folders/` and the name stand
    /// for ([`Place`](crate::account::Place)). Nobody but the program itself may do anything there before an ACL says so.
    ///
    /// The name is one component of a mailbox name.
    pub async fn create_shared_account(&self, name: &str) -> Result<AccountId, StoreError> {
        let directory = self.inner.directory.core();
        let id = directory.commit(USER_CHANGE_OCTETS, |state| sharing::reserve(state, name)).await?;
        self.inner.account(id, || false)?.set_up(false).await?;
        directory.commit(USER_CHANGE_OCTETS, |state| sharing::create(state, name, id)).await?;
        Ok(id)
    }

    /// Removes such an account; its mail stays in the log until compaction.
    pub async fn delete_shared_account(&self, name: &str) -> Result<(), StoreError> {
        let directory = self.inner.directory.core();
        directory.commit(USER_CHANGE_OCTETS, |state| sharing::delete(state, name)).await
    }

    /// The accounts that are no person's, by name. Never blocks.
    pub fn shared_accounts(&self) -> Vec<(String, AccountId)> {
        self.inner.directory.snapshot().shared().iter().map(|(name, &id)| (name.clone(), id)).collect()
    }

    /// Whose an account is; `None` once it was deleted. Never blocks.
    pub fn owner(&self, id: AccountId) -> Option<Owner> {
        self.inner.directory.snapshot().owner(id)
    }

    /// The accounts of others in which somebody may have a right to something: all in which they have, and maybe
    /// some more. Never blocks, and looks at no account besides account 0, so it is cheap where little is shared.
    ///
    /// For LIST: open each with [`Store::account`] (blocking), and of
    /// [`Snapshot::names`](crate::account::Snapshot::names) show those where [`Mailbox::rights`](crate::account::Mailbox::rights)
    /// has `l`, under [`Place::name`](crate::account::Place::name). `who.is_owner` does not matter.
    pub fn accounts_shared_with(&self, who: &Who) -> Vec<(AccountId, Owner)> {
        self.inner.directory.snapshot().shared_with(who)
    }

    /// SETACL and DELETEACL: changes what an identifier may do with a mailbox of an account; returns what it may
    /// then. The identifier is the name of a user, `anyone`, or `$` and the name of a group; with `-` before it,
    /// the rights are taken away (RFC 4314 §2). An account from [`Account::as_user`] needs `a`. It raises no
    /// MODSEQ of the mailbox.
    pub async fn set_acl(
        &self,
        account: &Account,
        mailbox: MailboxId,
        identifier: &str,
        change: AclChange,
    ) -> Result<Rights, StoreError> {
        let _one_by_one = self.inner.sharing.lock().await;
        account.require_administer(mailbox)?;
        let id = account.id();
        // First account 0: it may say too much, never too little.
        if !identifier.starts_with('-') && !matches!(change, AclChange::Remove(_)) {
            self.grant(identifier, id, true).await?;
        }
        let rights = account.set_acl(mailbox, identifier, change).await?;
        if rights.is_empty() && !account.snapshot().is_granted(identifier) {
            self.ungrant(identifier, id).await;
        }
        Ok(rights)
    }

    async fn grant(&self, identifier: &str, account: AccountId, on: bool) -> Result<(), StoreError> {
        let decide = |state: &_| sharing::grant(state, identifier, account, on);
        self.inner.directory.core().commit(USER_CHANGE_OCTETS, decide).await
    }

    /// Lets account 0 forget a grant. What counts is done by then, in the ACL, and stays done: where this fails,
    /// account 0 says too much, which costs a LIST one more account, until a check mends it.
    async fn ungrant(&self, identifier: &str, account: AccountId) {
        if let Err(error) = self.grant(identifier, account, false).await {
            tracing::warn!(%error, account = account.0, "an account is still looked at for who has no rights there");
        }
    }

    /// Makes what account 0 says of an account's ACLs agree with them; returns to whom they give rights without its
    /// knowing. Damage in account 0 may have lost that, and LIST would not find the mailboxes. Where it says too
    /// much, nothing is amiss: a mailbox was deleted, or something went wrong behind an ACL. Blocking.
    pub(crate) fn mend_grants(&self, account: AccountId) -> Result<Vec<String>, StoreError> {
        let _one_by_one = block_on(self.inner.sharing.lock());
        let state = self.inner.accounts.snapshot(account)?;
        let grantees = state.grantees();
        let directory = self.directory_state();
        let granted: BTreeSet<&str> = directory.granted_by(account).collect();
        let lost: Vec<String> = grantees.difference(&granted).map(|&it| it.to_owned()).collect();
        for identifier in &lost {
            block_on(self.grant(identifier, account, true))?;
        }
        if granted.difference(&grantees).next().is_some() {
            // An ACL may be on its way whose asker has gone: it is in the account's head.
            if let Ok(head) = self.account(account)?.core().commit_blocking(0, sharing::grantees) {
                let over = granted.into_iter().filter(|&identifier| !head.contains(identifier));
                over.for_each(|identifier| block_on(self.ungrant(identifier, account)));
            }
        }
        Ok(lost)
    }

    /// Takes an identifier out of all ACLs.
    async fn forget_identifier(&self, identifier: &str) -> Result<(), StoreError> {
        let _one_by_one = self.inner.sharing.lock().await;
        for account in self.inner.directory.snapshot().granted_to(identifier) {
            match self.account(account) {
                Ok(account) => account.forget_identifier(identifier).await?,
                // Deleted while an ACL of it was set.
                Err(StoreError::NonExistent { .. }) => {}
                Err(error) => return Err(error),
            }
            self.ungrant(identifier, account).await;
        }
        Ok(())
    }
}
