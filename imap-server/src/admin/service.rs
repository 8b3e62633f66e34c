//! The RPCs of `restante.admin.v1`. Every change stands in the audit log (target `audit`); no password ever does.

use std::time::{Duration, SystemTime};

use imap_auth::Secret;
use imap_store::Store;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::generated::mailboxes_server::{Mailboxes, MailboxesServer};
use super::generated::server_server::{Server, ServerServer};
use super::generated::users_server::{Users as UsersRpc, UsersServer};
use super::generated::{
    CreateUserRequest, DeleteUserRequest, DeleteUserResponse, GetStatusRequest, ListMailboxesRequest,
    ListMailboxesResponse, ListUsersRequest, ListUsersResponse, ServerStatus, SetPasswordRequest,
    SetPasswordResponse, User,
};
use super::generated_mailbox::sharing_server::SharingServer;
use super::{ListenerInfo, convert, generated};
use crate::net::Gate;
use crate::users::Users;

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
#[derive(Debug, Clone)]
pub struct Admin {
    /// The mail.
    pub store: Store,
    /// Makes and changes users.
    pub users: Users,
    /// Counts the connections.
    pub gate: Gate,
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
}

const USER_TOKEN: &str = "users-after:";
const MAILBOX_TOKEN: &str = "mailboxes-after:";

/// How many entries a page of the asked size has.
fn page_entries(page_size: i32) -> Result<usize, Status> {
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

fn bad_token() -> Status {
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
    outcome: Result<T, crate::users::UserError>,
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
