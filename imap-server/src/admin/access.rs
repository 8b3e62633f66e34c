//! The RPCs of `Access`: who is in, and who must stay outside.

use tonic::{Request, Response, Status};
use tracing::info;

use super::convert;
use super::generated::access_server::Access;
use super::generated::kick_sessions_request::Target;
use super::generated::{
    KickSessionsRequest, KickSessionsResponse, LiftBanRequest, LiftBanResponse, ListBansRequest,
    ListBansResponse, ListSessionsRequest, ListSessionsResponse,
};
use super::service::{Admin, caller};

#[tonic::async_trait]
impl Access for Admin {
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let ListSessionsRequest { user } = request.into_inner();
        let all = self.logins.list();
        let meant = all.iter().filter(|(_, info)| user.is_empty() || *info.user == *user);
        let sessions = meant.map(|(id, info)| convert::session(*id, info)).collect();
        Ok(Response::new(ListSessionsResponse { sessions }))
    }

    async fn kick_sessions(
        &self,
        request: Request<KickSessionsRequest>,
    ) -> Result<Response<KickSessionsResponse>, Status> {
        let caller = caller(&request);
        let target = request.into_inner().target;
        let ended = match &target {
            Some(Target::Id(id)) => self.logins.kick(|session, _| session == *id),
            Some(Target::User(user)) => self.logins.kick(|_, info| *info.user == **user),
            None => return Err(Status::invalid_argument("neither a session nor a user is named")),
        };
        info!(target: "audit", %caller, action = "kick sessions", ?target, ended, "done");
        match u32::try_from(ended).unwrap_or(u32::MAX) {
            0 => Err(Status::not_found("there is no such session")),
            sessions => Ok(Response::new(KickSessionsResponse { sessions })),
        }
    }

    async fn list_bans(&self, _: Request<ListBansRequest>) -> Result<Response<ListBansResponse>, Status> {
        let bans = self.throttle.iter().flat_map(imap_auth::Throttle::bans);
        Ok(Response::new(ListBansResponse { bans: bans.map(convert::ban).collect() }))
    }

    async fn lift_ban(&self, request: Request<LiftBanRequest>) -> Result<Response<LiftBanResponse>, Status> {
        let caller = caller(&request);
        let LiftBanRequest { target } = request.into_inner();
        let lifted = self.throttle.as_ref().is_some_and(|throttle| throttle.lift(&target));
        info!(target: "audit", %caller, action = "lift ban", of = ?target, lifted, "done");
        if lifted {
            return Ok(Response::new(LiftBanResponse {}));
        }
        Err(Status::not_found("there are no failures of that address or user"))
    }
}
