//! What is decided about users, in account 0. Pure, like [`super::decide`].

use super::change::Change;
use super::decide::{Decided, Decision};
use super::rights::is_reserved_user;
use super::snapshot::Snapshot;
use crate::StoreError;
use crate::log::AccountId;

/// Takes the next account number, unless the user is there already.
pub(crate) fn reserve(state: &Snapshot, name: &str) -> Decided<AccountId> {
    refuse_taken(state, name)?;
    let account = AccountId(state.next_account());
    Ok(Decision::change(Change::ReserveAccount { account }, account))
}

pub(crate) fn create(state: &Snapshot, name: &str, account: AccountId, credentials: &[u8]) -> Decided<()> {
    refuse_taken(state, name)?;
    let (name, credentials) = (name.to_owned(), credentials.to_vec());
    Ok(Decision::change(Change::CreateUser { name, account, credentials }, ()))
}

pub(crate) fn set_credentials(state: &Snapshot, name: &str, credentials: &[u8]) -> Decided<()> {
    refuse_missing(state, name)?;
    let (name, credentials) = (name.to_owned(), credentials.to_vec());
    Ok(Decision::change(Change::SetCredentials { name, credentials }, ()))
}

pub(crate) fn delete(state: &Snapshot, name: &str) -> Decided<()> {
    refuse_missing(state, name)?;
    Ok(Decision::change(Change::DeleteUser { name: name.to_owned() }, ()))
}

fn refuse_taken(state: &Snapshot, name: &str) -> Result<(), StoreError> {
    if is_reserved_user(name) {
        return Err(StoreError::Cannot { reason: "in an ACL that name would mean somebody else" });
    }
    if state.users().contains_key(name) {
        return Err(StoreError::AlreadyExists { what: "user" });
    }
    Ok(())
}

fn refuse_missing(state: &Snapshot, name: &str) -> Result<(), StoreError> {
    if state.users().contains_key(name) {
        return Ok(());
    }
    Err(StoreError::NonExistent { what: "user" })
}
