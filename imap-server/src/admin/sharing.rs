//! The RPCs of `restante.mailbox.v1`, and the command line's side of them: access control lists and shared accounts.

use imap_proto::types::MailboxName;
use imap_store::StoreError;
use imap_store::account::{Account, AclChange, MailboxId, Rights, Snapshot};
use serde::Serialize;
use tonic::{Request, Response, Status};

use super::client::{Client, ClientError};
use super::convert;
use super::generated_mailbox as wire;
use super::generated_mailbox::mailbox::Account as WireAccount;
use super::generated_mailbox::sharing_client::SharingClient;
use super::generated_mailbox::sharing_server::Sharing;
use super::service::{Admin, audited, caller};

/// Whose mailbox.
#[derive(Debug, Clone)]
pub enum Owned {
    /// A user's, by name.
    User(String),
    /// A shared account's, by name.
    Shared(String),
}

/// One entry of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AclInfo {
    /// A user, `anyone`, or `$` and a group; with `-` where the rights are taken away.
    pub identifier: String,
    /// Letters of RFC 4314.
    pub rights: String,
}

/// A shared account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedInfo {
    /// Its name.
    pub name: String,
    /// Its number in the store.
    pub account_id: u64,
}

#[tonic::async_trait]
impl Sharing for Admin {
    async fn get_acl(&self, request: Request<wire::GetAclRequest>) -> Result<Response<wire::Acl>, Status> {
        let (account, mailbox) = self.mailbox(request.into_inner().mailbox).await?;
        Ok(Response::new(acl(&account.snapshot(), mailbox)))
    }

    async fn set_acl(&self, request: Request<wire::SetAclRequest>) -> Result<Response<wire::Acl>, Status> {
        let caller = caller(&request);
        let wire::SetAclRequest { mailbox, identifier, rights } = request.into_inner();
        let (account, mailbox) = self.mailbox(mailbox).await?;
        let change =
            change(&rights).ok_or_else(|| Status::invalid_argument("one of the letters is no right"))?;
        let set = self.store.set_acl(&account, mailbox, &identifier, change).await;
        audited(&caller, "set acl", &identifier, set.map_err(Into::into))?;
        Ok(Response::new(acl(&account.snapshot(), mailbox)))
    }

    async fn create_shared_account(
        &self,
        request: Request<wire::CreateSharedAccountRequest>,
    ) -> Result<Response<wire::SharedAccount>, Status> {
        let caller = caller(&request);
        let name = request.into_inner().name;
        let made = self.store.create_shared_account(&name).await;
        let id = audited(&caller, "create shared account", &name, made.map_err(Into::into))?;
        Ok(Response::new(wire::SharedAccount { name, account_id: id.0 }))
    }

    async fn delete_shared_account(
        &self,
        request: Request<wire::DeleteSharedAccountRequest>,
    ) -> Result<Response<wire::DeleteSharedAccountResponse>, Status> {
        let caller = caller(&request);
        let name = request.into_inner().name;
        let deleted = self.store.delete_shared_account(&name).await;
        audited(&caller, "delete shared account", &name, deleted.map_err(Into::into))?;
        Ok(Response::new(wire::DeleteSharedAccountResponse {}))
    }

    async fn list_shared_accounts(
        &self,
        _: Request<wire::ListSharedAccountsRequest>,
    ) -> Result<Response<wire::ListSharedAccountsResponse>, Status> {
        let told =
            |(name, id): (String, imap_store::log::AccountId)| wire::SharedAccount { name, account_id: id.0 };
        let accounts = self.store.shared_accounts().into_iter().map(told).collect();
        Ok(Response::new(wire::ListSharedAccountsResponse { accounts }))
    }
}

impl Admin {
    async fn mailbox(&self, asked: Option<wire::Mailbox>) -> Result<(Account, MailboxId), Status> {
        let missing = |what| convert::store_failure(&StoreError::NonExistent { what });
        let asked = asked.ok_or_else(|| Status::invalid_argument("the mailbox is missing"))?;
        let name = MailboxName::new(&asked.name).map_err(|bad| Status::invalid_argument(bad.to_string()))?;
        let id = match asked.account {
            Some(WireAccount::User(user)) => {
                self.users.find(&user).map_err(|error| convert::failure(&error))?.account
            }
            Some(WireAccount::Shared(shared)) => {
                let accounts = self.store.shared_accounts();
                let found = accounts.into_iter().find(|(name, _)| *name == shared);
                found.ok_or_else(|| missing("shared account"))?.1
            }
            None => return Err(Status::invalid_argument("the account is missing")),
        };
        let store = self.store.clone();
        let account = tokio::task::spawn_blocking(move || store.account(id))
            .await
            .map_err(|_| Status::internal("the account could not be loaded"))?
            .map_err(|error| convert::store_failure(&error))?;
        let mailbox = account.snapshot().mailbox_named(&name).map(|mailbox| mailbox.id());
        Ok((account, mailbox.ok_or_else(|| missing("mailbox"))?))
    }
}

/// What letters, with `+` or `-` before them, do to an entry.
fn change(letters: &str) -> Option<AclChange> {
    let parse = |letters: &str| Rights::parse(letters.as_bytes());
    match letters.split_at_checked(1) {
        Some(("+", more)) => parse(more).map(AclChange::Add),
        Some(("-", less)) => parse(less).map(AclChange::Remove),
        _ => parse(letters).map(AclChange::Replace),
    }
}

fn acl(snapshot: &Snapshot, mailbox: MailboxId) -> wire::Acl {
    let entries =
        snapshot.mailbox(mailbox).map(|mailbox| mailbox.acl().entries().to_vec()).unwrap_or_default();
    let told = |entry: &imap_store::account::AclEntry| wire::AclEntry {
        identifier: format!("{}{}", if entry.is_negative() { "-" } else { "" }, entry.identifier()),
        rights: entry.rights().letters().collect(),
    };
    wire::Acl { entries: entries.iter().map(told).collect() }
}

impl Client {
    /// The ACL of a mailbox.
    pub async fn acl(&self, owner: Owned, mailbox: &str) -> Result<Vec<AclInfo>, ClientError> {
        let request = wire::GetAclRequest { mailbox: Some(wire_mailbox(owner, mailbox)) };
        Ok(infos(SharingClient::new(self.channel()).get_acl(request).await?.into_inner()))
    }

    /// Changes an entry; returns the ACL as it is then.
    pub async fn set_acl(
        &self,
        owner: Owned,
        mailbox: &str,
        identifier: &str,
        rights: &str,
    ) -> Result<Vec<AclInfo>, ClientError> {
        let (identifier, rights) = (identifier.to_owned(), rights.to_owned());
        let request = wire::SetAclRequest { mailbox: Some(wire_mailbox(owner, mailbox)), identifier, rights };
        Ok(infos(SharingClient::new(self.channel()).set_acl(request).await?.into_inner()))
    }

    /// Makes a shared account.
    pub async fn create_shared(&self, name: &str) -> Result<SharedInfo, ClientError> {
        let request = wire::CreateSharedAccountRequest { name: name.to_owned() };
        let made = SharingClient::new(self.channel()).create_shared_account(request).await?.into_inner();
        Ok(SharedInfo { name: made.name, account_id: made.account_id })
    }

    /// Removes one.
    pub async fn delete_shared(&self, name: &str) -> Result<(), ClientError> {
        let request = wire::DeleteSharedAccountRequest { name: name.to_owned() };
        SharingClient::new(self.channel()).delete_shared_account(request).await?;
        Ok(())
    }

    /// All of them.
    pub async fn shared(&self) -> Result<Vec<SharedInfo>, ClientError> {
        let request = wire::ListSharedAccountsRequest {};
        let listed = SharingClient::new(self.channel()).list_shared_accounts(request).await?.into_inner();
        let told = |it: wire::SharedAccount| SharedInfo { name: it.name, account_id: it.account_id };
        Ok(listed.accounts.into_iter().map(told).collect())
    }
}

fn wire_mailbox(owner: Owned, name: &str) -> wire::Mailbox {
    let account = match owner {
        Owned::User(user) => WireAccount::User(user),
        Owned::Shared(shared) => WireAccount::Shared(shared),
    };
    wire::Mailbox { account: Some(account), name: name.to_owned() }
}

fn infos(acl: wire::Acl) -> Vec<AclInfo> {
    let told = |entry: wire::AclEntry| AclInfo { identifier: entry.identifier, rights: entry.rights };
    acl.entries.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_replace_add_and_take_away() {
        let rights = |letters: &[u8]| Rights::parse(letters).expect("rights");
        assert_eq!(change("lr"), Some(AclChange::Replace(rights(b"lr"))));
        assert_eq!(change("+w"), Some(AclChange::Add(rights(b"w"))));
        assert_eq!(change("-lr"), Some(AclChange::Remove(rights(b"lr"))));
        assert_eq!(change(""), Some(AclChange::Replace(Rights::NONE)));
        assert_eq!(change("lz"), None);
    }
}
