//! The RPCs of `restante.admin.v1`. Every change stands in the audit log (target `audit`); no password ever does.

use std::time::{Duration, SystemTime};

use imap_auth::{Credentials, Secret, Throttle};
use imap_store::{Store, StoreError};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::generated::access_server::AccessServer;
use super::generated::mail_store_server::MailStoreServer;
use super::generated::mailboxes_server::{Mailboxes, MailboxesServer};
use super::generated::server_server::{Server, ServerServer};
use super::generated::users_server::{Users as UsersRpc, UsersServer};
use super::generated::{
    CreateApplicationPasswordRequest, CreateApplicationPasswordResponse, CreateUserRequest,
    DeleteUserRequest, DeleteUserResponse, GetStatusRequest, GetUserRequest, ImportHashRequest,
    ListCertificatesRequest, ListCertificatesResponse, ListMailboxesRequest, ListMailboxesResponse,
    ListUsersRequest, ListUsersResponse, ReloadRequest, ReloadResponse, RevokeApplicationPasswordRequest,
    RevokeApplicationPasswordResponse, ServerStatus, SetPasswordRequest, SetPasswordResponse,
    UpdateUserRequest, User, UserDetail,
};
use super::generated_mailbox::sharing_server::SharingServer;
use super::{ListenerInfo, convert, generated};
use crate::Logins;
use crate::net::Gate;
use crate::net::tls::Certificates;
use crate::users::{UserError, Users};

/// Entries of a page when nobody says.
const PAGE_DEFAULT: usize = 100;
/// Entries of a page at the most.
const PAGE_MAX: usize = 1_000;
/// Octets of a request at the most; the largest is a name and a password.
const REQUEST_OCTETS_MAX: usize = 64 << 10;
/// Requests that one connection may have under way.
const REQUESTS_AT_ONCE: usize = 32;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the RPCs work on. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    /// The mail.
    pub store: Store,
    /// Makes and changes users.
    pub users: Users,
    /// Counts the connections.
    pub gate: Gate,
    /// Who is in.
    pub logins: Logins,
    /// Who is refused; `None`: nobody.
    pub throttle: Option<Throttle>,
    /// The TLS certificates.
    pub certificates: Certificates,
    /// When the server began to serve.
    pub started_at: SystemTime,
    /// What it listens on.
    pub listeners: Vec<ListenerInfo>,
}

/// Serves the API until `stop`.
pub async fn serve(
    admin: Admin,
    listener: UnixListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<UsersServer<Admin>>().await;
    reporter.set_serving::<MailboxesServer<Admin>>().await;
    reporter.set_serving::<SharingServer<Admin>>().await;
    reporter.set_serving::<ServerServer<Admin>>().await;
    reporter.set_serving::<AccessServer<Admin>>().await;
    reporter.set_serving::<MailStoreServer<Admin>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(generated::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Python's client still asks for v1alpha.
    let reflection_v1 = reflection().build_v1().expect("the committed descriptors are whole");
    let reflection_v1alpha = reflection().build_v1alpha().expect("the committed descriptors are whole");
    tonic::transport::Server::builder()
        .timeout(PATIENCE)
        .concurrency_limit_per_connection(REQUESTS_AT_ONCE)
        .add_service(UsersServer::new(admin.clone()).max_decoding_message_size(REQUEST_OCTETS_MAX))
        .add_service(MailboxesServer::new(admin.clone()).max_decoding_message_size(REQUEST_OCTETS_MAX))
        .add_service(SharingServer::new(admin.clone()).max_decoding_message_size(REQUEST_OCTETS_MAX))
        .add_service(AccessServer::new(admin.clone()).max_decoding_message_size(REQUEST_OCTETS_MAX))
        .add_service(MailStoreServer::new(admin.clone()).max_decoding_message_size(REQUEST_OCTETS_MAX))
        .add_service(ServerServer::new(admin).max_decoding_message_size(REQUEST_OCTETS_MAX))
        .add_service(health)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
        .await
}

#[tonic::async_trait]
impl UsersRpc for Admin {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<User>, Status> {
        let caller = caller(&request);
        let CreateUserRequest { name, password } = request.into_inner();
        let made = self.users.create(&name, Secret::new(password)).await;
        let made = audited(&caller, "create user", &name, made)?;
        Ok(Response::new(convert::user(&made)))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let ListUsersRequest { page_size, page_token } = request.into_inner();
        let entries = page_entries(page_size)?;
        let after = user_token(&page_token)?;
        let mut users = self.store.users();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        let mut rest = users.iter().filter(|user| after.is_none_or(|after| user.name.as_str() > after));
        let page: Vec<User> = rest.by_ref().take(entries).map(convert::user).collect();
        let next_page_token = match (rest.next(), page.last()) {
            (Some(_), Some(last)) => format!("{USER_TOKEN}{}", last.name),
            _ => String::new(),
        };
        Ok(Response::new(ListUsersResponse { users: page, next_page_token }))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let caller = caller(&request);
        let DeleteUserRequest { name } = request.into_inner();
        audited(&caller, "delete user", &name, self.users.delete(&name).await)?;
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn set_password(
        &self,
        request: Request<SetPasswordRequest>,
    ) -> Result<Response<SetPasswordResponse>, Status> {
        let caller = caller(&request);
        let SetPasswordRequest { name, password } = request.into_inner();
        let set = self.users.set_password(&name, Secret::new(password)).await;
        audited(&caller, "set password", &name, set)?;
        Ok(Response::new(SetPasswordResponse {}))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<UserDetail>, Status> {
        self.detail(&request.into_inner().name)
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UserDetail>, Status> {
        let caller = caller(&request);
        let UpdateUserRequest { name, disabled, admin } = request.into_inner();
        let change = |old: &Credentials| {
            let mut fresh = old.clone();
            let mut attributes = old.attributes().clone();
            attributes.disabled = disabled.unwrap_or(attributes.disabled);
            attributes.admin = admin.unwrap_or(attributes.admin);
            fresh.set_attributes(attributes);
            Ok((fresh, ()))
        };
        let action = match (disabled, admin) {
            (Some(true), _) => "disable user",
            (Some(false), _) => "enable user",
            (None, Some(true)) => "make administrator",
            (None, _) => "make no administrator",
        };
        audited(&caller, action, &name, self.users.update(&name, true, change).await)?;
        self.detail(&name)
    }

    async fn import_hash(&self, request: Request<ImportHashRequest>) -> Result<Response<UserDetail>, Status> {
        let caller = caller(&request);
        let ImportHashRequest { name, hash } = request.into_inner();
        audited(&caller, "import hash", &name, self.users.import_hash(&name, &hash).await)?;
        self.detail(&name)
    }

    async fn create_application_password(
        &self,
        request: Request<CreateApplicationPasswordRequest>,
    ) -> Result<Response<CreateApplicationPasswordResponse>, Status> {
        let caller = caller(&request);
        let CreateApplicationPasswordRequest { user, name, protocols, networks } = request.into_inner();
        let refused = |error: imap_auth::ApplicationPasswordError| UserError::BadCredential {
            reason: error.to_string(),
        };
        let make = |old: &Credentials| {
            let mut fresh = old.clone();
            let password = fresh.add_application_password(&name).map_err(refused)?;
            let networks = networks.iter().map(|network| network.parse().map_err(refused));
            let networks = networks.collect::<Result<_, _>>()?;
            if let Some(made) = fresh.application_password_mut(&name) {
                (made.protocols, made.networks) = (protocols, networks);
            }
            Ok((fresh, password))
        };
        let made = self.users.update(&user, false, make).await;
        let (_, password) = audited(&caller, "create application password", &user, made)?;
        let password = String::from_utf8_lossy(password.expose()).into_owned();
        Ok(Response::new(CreateApplicationPasswordResponse { password }))
    }

    async fn revoke_application_password(
        &self,
        request: Request<RevokeApplicationPasswordRequest>,
    ) -> Result<Response<RevokeApplicationPasswordResponse>, Status> {
        let caller = caller(&request);
        let RevokeApplicationPasswordRequest { user, name } = request.into_inner();
        let revoke = |old: &Credentials| {
            let mut fresh = old.clone();
            if !fresh.revoke_application_password(&name) {
                return Err(StoreError::NonExistent { what: "application password" }.into());
            }
            Ok((fresh, ()))
        };
        let revoked = self.users.update(&user, true, revoke).await;
        audited(&caller, "revoke application password", &user, revoked)?;
        Ok(Response::new(RevokeApplicationPasswordResponse {}))
    }
}

impl Admin {
    fn detail(&self, name: &str) -> Result<Response<UserDetail>, Status> {
        let user = self.users.find(name).map_err(|error| convert::failure(&error))?;
        let credentials = self.users.credentials(&user).map_err(|error| convert::failure(&error))?;
        Ok(Response::new(convert::user_detail(&user, &credentials)))
    }
}

#[tonic::async_trait]
impl Mailboxes for Admin {
    async fn list_mailboxes(
        &self,
        request: Request<ListMailboxesRequest>,
    ) -> Result<Response<ListMailboxesResponse>, Status> {
        let ListMailboxesRequest { user, page_size, page_token } = request.into_inner();
        let entries = page_entries(page_size)?;
        let behind = mailbox_token(&page_token)?;
        let user = self.users.find(&user).map_err(|error| convert::failure(&error))?;
        let store = self.store.clone();
        // An account that is not in memory is loaded from disk.
        let account = tokio::task::spawn_blocking(move || store.account(user.account))
            .await
            .map_err(|_| Status::internal("the account could not be loaded"))?
            .map_err(|error| convert::store_failure(&error))?;
        let snapshot = account.snapshot();
        let all: Vec<_> = snapshot.names().filter_map(|(_, mailbox)| mailbox).collect();
        let first = behind.map_or(0, |(id, place)| {
            all.iter().position(|mailbox| mailbox.id().0 == id).map_or(place, |found| found + 1)
        });
        let page: Vec<_> =
            all.iter().skip(first).take(entries).map(|mailbox| convert::mailbox(mailbox)).collect();
        let end = first.saturating_add(page.len());
        let next_page_token = match page.last() {
            Some(last) if end < all.len() => format!("{MAILBOX_TOKEN}{}:{end}", last.id),
            _ => String::new(),
        };
        Ok(Response::new(ListMailboxesResponse { mailboxes: page, next_page_token }))
    }
}

#[tonic::async_trait]
impl Server for Admin {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<ServerStatus>, Status> {
        Ok(Response::new(convert::status(self.started_at, self.gate.connections(), &self.listeners)))
    }

    async fn reload(&self, request: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        let caller = caller(&request);
        let certificates = self.certificates.clone();
        let reloaded = tokio::task::spawn_blocking(move || certificates.reload()).await;
        let reloaded = reloaded.map_err(|_| Status::internal("reading the certificates ended in a panic"))?;
        info!(target: "audit", %caller, action = "reload", failed = reloaded.is_err(), "done");
        reloaded.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(ReloadResponse {}))
    }

    async fn list_certificates(
        &self,
        _: Request<ListCertificatesRequest>,
    ) -> Result<Response<ListCertificatesResponse>, Status> {
        let certificates = self.certificates.list().into_iter().map(convert::certificate).collect();
        Ok(Response::new(ListCertificatesResponse { certificates }))
    }
}

const USER_TOKEN: &str = "users-after:";
const MAILBOX_TOKEN: &str = "mailboxes-after:";

/// How many entries a page of the asked size has.
pub(super) fn page_entries(page_size: i32) -> Result<usize, Status> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(PAGE_DEFAULT),
        Ok(entries) => Ok(entries.min(PAGE_MAX)),
        Err(_) => Err(Status::invalid_argument("page_size is negative")),
    }
}

/// The name behind which a page of users begins.
fn user_token(token: &str) -> Result<Option<&str>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    token.strip_prefix(USER_TOKEN).map(Some).ok_or_else(bad_token)
}

/// The mailbox behind which a page begins, and the place where it does when that mailbox is gone.
fn mailbox_token(token: &str) -> Result<Option<(u64, usize)>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (id, place) = token.strip_prefix(MAILBOX_TOKEN)?.split_once(':')?;
        Some((id.parse().ok()?, place.parse().ok()?))
    };
    read().map(Some).ok_or_else(bad_token)
}

pub(super) fn bad_token() -> Status {
    Status::invalid_argument("page_token is none of ours")
}

/// Who calls, by what the kernel says of the other end of the socket.
pub(super) fn caller<T>(request: &Request<T>) -> String {
    let credentials = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
    match credentials {
        None => "unknown".into(),
        Some(credentials) => match credentials.pid() {
            None => format!("uid {}", credentials.uid()),
            Some(pid) => format!("uid {} process {pid}", credentials.uid()),
        },
    }
}

/// Writes the line of the audit log for a change that was tried, and turns its error into a status.
pub(super) fn audited<T>(
    caller: &str,
    action: &'static str,
    name: &str,
    outcome: Result<T, UserError>,
) -> Result<T, Status> {
    match &outcome {
        Ok(_) => info!(target: "audit", %caller, action, user = ?name, "done"),
        Err(error) => warn!(target: "audit", %caller, action, user = ?name, %error, "refused"),
    }
    outcome.map_err(|error| convert::failure(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        assert_eq!(page_entries(0).expect("default"), PAGE_DEFAULT);
        assert_eq!(page_entries(7).expect("asked"), 7);
        assert_eq!(page_entries(i32::MAX).expect("bounded"), PAGE_MAX);
        assert!(page_entries(-1).is_err());
    }

    #[test]
    fn foreign_tokens_are_refused() {
        assert_eq!(user_token("").expect("first page"), None);
        assert_eq!(user_token("users-after:bob").expect("ours"), Some("bob"));
        assert_eq!(mailbox_token("mailboxes-after:5:9").expect("ours"), Some((5, 9)));
        for token in ["bob", "mailboxes-after:", "mailboxes-after:x:1", "users-after:bob"] {
            assert!(mailbox_token(token).is_err(), "{token}");
        }
    }
}
