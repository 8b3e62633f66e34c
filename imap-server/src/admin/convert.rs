//! Between the generated types and ours, and from our errors to status codes. Generated types stop here and in
//! `service` and `client`.

use std::time::SystemTime;

use imap_auth::{ApplicationPassword, Ban, Credentials};
use imap_store::account::Mailbox;
use imap_store::{StoreError, User};
use tonic::{Code, Status};

use super::generated as wire;
use super::{
    ApplicationPasswordInfo, BanInfo, CertificateRow, ListenerInfo, MailboxInfo, SessionRow, StatusInfo,
    UserDetailInfo, UserInfo,
};
use crate::SessionInfo;
use crate::net::tls::CertificateInfo;
use crate::users::UserError;

pub(super) fn user(user: &User) -> wire::User {
    wire::User { name: user.name.clone(), account_id: user.account.0 }
}

pub(super) fn user_detail(user: &User, credentials: &Credentials) -> wire::UserDetail {
    let attributes = credentials.attributes();
    let password = |one: &ApplicationPassword| wire::ApplicationPassword {
        name: one.name.clone(),
        created: Some(one.created.into()),
        last_used: one.last_used.map(Into::into),
        expires: one.expires.map(Into::into),
        protocols: one.protocols.clone(),
        networks: one.networks.iter().map(ToString::to_string).collect(),
    };
    wire::UserDetail {
        user: Some(self::user(user)),
        disabled: attributes.disabled,
        admin: attributes.admin,
        expires: attributes.expires.map(Into::into),
        has_password: credentials.has_password(),
        application_passwords: credentials.application_passwords().iter().map(password).collect(),
    }
}

pub(super) fn session(id: u64, info: &SessionInfo) -> wire::Session {
    wire::Session {
        id,
        user: info.user.to_string(),
        authenticated: info.authenticated.to_string(),
        address: info.address.map(|address| address.to_string()).unwrap_or_default(),
        listener: info.listener.to_string(),
        mechanism: info.mechanism.to_owned(),
        tls: info.tls.unwrap_or_default().to_owned(),
        since: Some(info.since.into()),
        dialect: info.speaks.name().to_owned(),
    }
}

pub(super) fn ban(ban: Ban) -> wire::Ban {
    wire::Ban { address: ban.address, remaining_seconds: ban.remaining.as_secs() }
}

pub(super) fn certificate(info: CertificateInfo) -> wire::Certificate {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    wire::Certificate {
        names: info.names,
        not_before: at(info.not_before),
        not_after: at(info.not_after),
        issuer: info.issuer,
        file: info.file.display().to_string(),
    }
}

pub(super) fn user_detail_info(detail: wire::UserDetail) -> UserDetailInfo {
    let password = |one: wire::ApplicationPassword| ApplicationPasswordInfo {
        name: one.name,
        created: time(one.created).unwrap_or_default(),
        last_used: time(one.last_used),
        protocols: one.protocols,
        networks: one.networks,
    };
    UserDetailInfo {
        name: detail.user.map(|user| user.name).unwrap_or_default(),
        disabled: detail.disabled,
        admin: detail.admin,
        expires: time(detail.expires),
        has_password: detail.has_password,
        application_passwords: detail.application_passwords.into_iter().map(password).collect(),
    }
}

pub(super) fn session_row(session: wire::Session) -> SessionRow {
    SessionRow {
        id: session.id,
        user: session.user,
        authenticated: session.authenticated,
        address: session.address,
        listener: session.listener,
        mechanism: session.mechanism,
        tls: session.tls,
        since: time(session.since).unwrap_or_default(),
        dialect: session.dialect,
    }
}

pub(super) fn ban_info(ban: wire::Ban) -> BanInfo {
    BanInfo { address: ban.address, remaining_seconds: ban.remaining_seconds }
}

pub(super) fn certificate_row(certificate: wire::Certificate) -> CertificateRow {
    CertificateRow {
        names: certificate.names,
        not_before: time(certificate.not_before).unwrap_or_default(),
        not_after: time(certificate.not_after).unwrap_or_default(),
        issuer: certificate.issuer,
        file: certificate.file,
    }
}

/// RFC 3339, to the second.
fn time(at: Option<prost_types::Timestamp>) -> Option<String> {
    let at = jiff::Timestamp::new(at.as_ref()?.seconds, 0).ok()?;
    Some(format!("{at:.0}"))
}

pub(super) fn mailbox(mailbox: &Mailbox) -> wire::Mailbox {
    let counters = mailbox.counters();
    wire::Mailbox {
        name: mailbox.name().as_str().to_owned(),
        id: mailbox.id().0,
        uid_validity: mailbox.uid_validity().get(),
        uid_next: mailbox.uid_next().map_or(0, |uid| uid.get()),
        messages: counters.messages,
        unseen: counters.unseen,
        size_octets: counters.octets,
        highest_modseq: mailbox.highest_mod_seq().get(),
    }
}

pub(super) fn status(
    started_at: SystemTime,
    connections: usize,
    listeners: &[ListenerInfo],
) -> wire::ServerStatus {
    let listener =
        |info: &ListenerInfo| wire::Listener { kind: info.kind.clone(), address: info.address.clone() };
    wire::ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: Some(started_at.into()),
        connections: u32::try_from(connections).unwrap_or(u32::MAX),
        listeners: listeners.iter().map(listener).collect(),
    }
}

pub(super) fn user_info(user: wire::User) -> UserInfo {
    UserInfo { name: user.name, account_id: user.account_id }
}

pub(super) fn mailbox_info(mailbox: wire::Mailbox) -> MailboxInfo {
    MailboxInfo {
        name: mailbox.name,
        id: mailbox.id,
        uid_validity: mailbox.uid_validity,
        uid_next: mailbox.uid_next,
        messages: mailbox.messages,
        unseen: mailbox.unseen,
        size_octets: mailbox.size_octets,
        highest_modseq: mailbox.highest_modseq,
    }
}

pub(super) fn status_info(status: wire::ServerStatus) -> StatusInfo {
    let started_at = status
        .started_at
        .and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok())
        .map(|at| format!("{at:.0}"))
        .unwrap_or_default();
    let listener = |listener: wire::Listener| ListenerInfo { kind: listener.kind, address: listener.address };
    StatusInfo {
        version: status.version,
        started_at,
        connections: status.connections,
        listeners: status.listeners.into_iter().map(listener).collect(),
    }
}

/// The status code of a failure: whose fault it is, and whether trying again may help.
pub(super) fn failure(error: &UserError) -> Status {
    let code = match error {
        UserError::BadName { .. } | UserError::BadPassword { .. } | UserError::BadCredential { .. } => {
            Code::InvalidArgument
        }
        UserError::Store(error) => code(error),
    };
    Status::new(code, error.to_string())
}

/// The same for an error of the store alone.
pub(super) fn store_failure(error: &StoreError) -> Status {
    Status::new(code(error), error.to_string())
}

fn code(error: &StoreError) -> Code {
    match error {
        StoreError::NonExistent { .. } => Code::NotFound,
        StoreError::AlreadyExists { .. } => Code::AlreadyExists,
        StoreError::NoPerm => Code::PermissionDenied,
        StoreError::Cannot { .. } | StoreError::HasChildren => Code::FailedPrecondition,
        StoreError::Limit { .. } | StoreError::OverQuota { .. } | StoreError::TooBig { .. } => {
            Code::ResourceExhausted
        }
        StoreError::Damaged { .. } => Code::DataLoss,
        StoreError::Unavailable { .. } => Code::Unavailable,
        // Whether it was done is not known: exactly what this code says.
        StoreError::InDoubt { .. } => Code::Unknown,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whose_fault_it_is() {
        let cases = [
            (UserError::BadName { reason: "it is empty" }, Code::InvalidArgument),
            (StoreError::NonExistent { what: "user" }.into(), Code::NotFound),
            (StoreError::AlreadyExists { what: "user" }.into(), Code::AlreadyExists),
            (StoreError::Unavailable { reason: "closing".into() }.into(), Code::Unavailable),
            (StoreError::InDoubt { reason: "fsync failed".into() }.into(), Code::Unknown),
        ];
        for (error, expected) in cases {
            assert_eq!(failure(&error).code(), expected, "{error}");
        }
    }

    #[test]
    fn a_status_survives_the_wire() {
        let listeners = [ListenerInfo { kind: "imap".into(), address: "127.0.0.1:1143".into() }];
        let info = status_info(status(SystemTime::UNIX_EPOCH, 3, &listeners));
        assert_eq!(info.started_at, "1970-01-01T00:00:00Z");
        assert_eq!((info.connections, info.listeners), (3, listeners.to_vec()));
    }
}
