//! [`Client`]: the command line's side of the admin API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use imap_auth::Secret;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::service_fn;

use super::generated::access_client::AccessClient;
use super::generated::kick_sessions_request::Target;
use super::generated::mailboxes_client::MailboxesClient;
use super::generated::server_client::ServerClient;
use super::generated::users_client::UsersClient;
use super::generated::{
    CreateApplicationPasswordRequest, CreateUserRequest, DeleteUserRequest, GetStatusRequest, GetUserRequest,
    ImportHashRequest, KickSessionsRequest, LiftBanRequest, ListBansRequest, ListCertificatesRequest,
    ListMailboxesRequest, ListSessionsRequest, ListUsersRequest, ReloadRequest,
    RevokeApplicationPasswordRequest, SetPasswordRequest, UpdateUserRequest,
};
use super::socket::{SocketError, check_length};
use super::{
    BanInfo, CertificateRow, MailboxInfo, SessionRow, StatusInfo, UserDetailInfo, UserInfo, convert,
};

/// How long an answer may take; hashing a password on a loaded machine takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Entries of a page.
const PAGE: i32 = 1_000;

/// A connection to a running server.
pub struct Client {
    pub(super) channel: Channel,
}

/// Why an administrative request was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The socket's path cannot be one.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Nobody answers on the socket.
    #[error("no server answers on {socket}: {reason}")]
    NoServer {
        /// The socket.
        socket: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The server refused.
    #[error("{reason}")]
    Refused {
        /// Its words.
        reason: String,
    },
    /// The server failed, or stopped in the middle.
    #[error("the server could not do it: {reason}")]
    Failed {
        /// Its words.
        reason: String,
    },
}

impl Client {
    /// Connects to the server that listens on `socket`.
    pub async fn connect(socket: &Path) -> Result<Self, ClientError> {
        check_length(socket)?;
        // Asked first and by itself, since the channel's own error hides the system's words.
        UnixStream::connect(socket).await.map_err(|error| ClientError::NoServer {
            socket: socket.to_owned(),
            reason: error.to_string(),
        })?;
        let path = socket.to_owned();
        // The address is never looked up: every connection goes to the socket.
        let channel = Endpoint::from_static("http://localhost")
            .timeout(PATIENCE)
            .connect_with_connector(service_fn(move |_| {
                let path = path.clone();
                async move { UnixStream::connect(path).await.map(TokioIo::new) }
            }))
            .await
            .map_err(|error| ClientError::NoServer {
                socket: socket.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self { channel })
    }

    /// Makes a user.
    pub async fn create_user(&self, name: &str, password: &Secret) -> Result<UserInfo, ClientError> {
        let request = CreateUserRequest { name: name.to_owned(), password: text(password)? };
        let made = UsersClient::new(self.channel.clone()).create_user(request).await?;
        Ok(convert::user_info(made.into_inner()))
    }

    /// Every user by name.
    pub async fn users(&self) -> Result<Vec<UserInfo>, ClientError> {
        let mut users = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListUsersRequest { page_size: PAGE, page_token };
            let page = UsersClient::new(self.channel.clone()).list_users(request).await?.into_inner();
            users.extend(page.users.into_iter().map(convert::user_info));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(users);
            }
        }
    }

    /// Removes a user.
    pub async fn delete_user(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteUserRequest { name: name.to_owned() };
        UsersClient::new(self.channel.clone()).delete_user(request).await?;
        Ok(())
    }

    /// Sets a user's password.
    pub async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ClientError> {
        let request = SetPasswordRequest { name: name.to_owned(), password: text(password)? };
        UsersClient::new(self.channel.clone()).set_password(request).await?;
        Ok(())
    }

    /// Every mailbox of a user in LIST order.
    pub async fn mailboxes(&self, user: &str) -> Result<Vec<MailboxInfo>, ClientError> {
        let mut mailboxes = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListMailboxesRequest { user: user.to_owned(), page_size: PAGE, page_token };
            let page = MailboxesClient::new(self.channel.clone()).list_mailboxes(request).await?.into_inner();
            mailboxes.extend(page.mailboxes.into_iter().map(convert::mailbox_info));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(mailboxes);
            }
        }
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// What a user is and may do.
    pub async fn user(&self, name: &str) -> Result<UserDetailInfo, ClientError> {
        let request = GetUserRequest { name: name.to_owned() };
        let detail = UsersClient::new(self.channel.clone()).get_user(request).await?;
        Ok(convert::user_detail_info(detail.into_inner()))
    }

    /// Changes what is given.
    pub async fn update_user(
        &self,
        name: &str,
        disabled: Option<bool>,
        admin: Option<bool>,
    ) -> Result<UserDetailInfo, ClientError> {
        let request = UpdateUserRequest { name: name.to_owned(), disabled, admin };
        let detail = UsersClient::new(self.channel.clone()).update_user(request).await?;
        Ok(convert::user_detail_info(detail.into_inner()))
    }

    /// Takes another server's hash.
    pub async fn import_hash(&self, name: &str, hash: &Secret) -> Result<UserDetailInfo, ClientError> {
        let request = ImportHashRequest { name: name.to_owned(), hash: text(hash)? };
        let detail = UsersClient::new(self.channel.clone()).import_hash(request).await?;
        Ok(convert::user_detail_info(detail.into_inner()))
    }

    /// Makes a password of one program's own, and gives it.
    pub async fn create_application_password(
        &self,
        user: &str,
        name: &str,
        protocols: Vec<String>,
        networks: Vec<String>,
    ) -> Result<String, ClientError> {
        let (user, name) = (user.to_owned(), name.to_owned());
        let request = CreateApplicationPasswordRequest { user, name, protocols, networks };
        let made = UsersClient::new(self.channel.clone()).create_application_password(request).await?;
        Ok(made.into_inner().password)
    }

    /// Takes one away.
    pub async fn revoke_application_password(&self, user: &str, name: &str) -> Result<(), ClientError> {
        let request = RevokeApplicationPasswordRequest { user: user.to_owned(), name: name.to_owned() };
        UsersClient::new(self.channel.clone()).revoke_application_password(request).await?;
        Ok(())
    }

    /// The sessions that are logged in; of one user where `user` is not empty.
    pub async fn sessions(&self, user: &str) -> Result<Vec<SessionRow>, ClientError> {
        let request = ListSessionsRequest { user: user.to_owned() };
        let listed = AccessClient::new(self.channel.clone()).list_sessions(request).await?.into_inner();
        Ok(listed.sessions.into_iter().map(convert::session_row).collect())
    }

    /// Ends a session, or all of a user; how many there were.
    pub async fn kick(&self, target: Result<u64, &str>) -> Result<u32, ClientError> {
        let target = Some(target.map_or_else(|user| Target::User(user.to_owned()), Target::Id));
        let request = KickSessionsRequest { target };
        Ok(AccessClient::new(self.channel.clone()).kick_sessions(request).await?.into_inner().sessions)
    }

    /// The banned addresses.
    pub async fn bans(&self) -> Result<Vec<BanInfo>, ClientError> {
        let listed = AccessClient::new(self.channel.clone()).list_bans(ListBansRequest {}).await?;
        Ok(listed.into_inner().bans.into_iter().map(convert::ban_info).collect())
    }

    /// Forgets the failures of an address or a user.
    pub async fn lift_ban(&self, target: &str) -> Result<(), ClientError> {
        let request = LiftBanRequest { target: target.to_owned() };
        AccessClient::new(self.channel.clone()).lift_ban(request).await?;
        Ok(())
    }

    /// Reads certificates again.
    pub async fn reload(&self) -> Result<(), ClientError> {
        ServerClient::new(self.channel.clone()).reload(ReloadRequest {}).await?;
        Ok(())
    }

    /// The TLS certificates, the default one first.
    pub async fn certificates(&self) -> Result<Vec<CertificateRow>, ClientError> {
        let request = ListCertificatesRequest {};
        let listed = ServerClient::new(self.channel.clone()).list_certificates(request).await?;
        Ok(listed.into_inner().certificates.into_iter().map(convert::certificate_row).collect())
    }

    /// How the server is.
    pub async fn status(&self) -> Result<StatusInfo, ClientError> {
        let status = ServerClient::new(self.channel.clone()).get_status(GetStatusRequest {}).await?;
        Ok(convert::status_info(status.into_inner()))
    }
}

/// The password as the API carries it.
fn text(password: &Secret) -> Result<String, ClientError> {
    String::from_utf8(password.expose().to_vec())
        .map_err(|_| ClientError::Refused { reason: "the password cannot be used: it is not UTF-8".into() })
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        let reason = status.message().to_owned();
        match status.code() {
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::ResourceExhausted => Self::Refused { reason },
            _ => Self::Failed { reason },
        }
    }
}
