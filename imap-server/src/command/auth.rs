//! STARTTLS, LOGIN and AUTHENTICATE (RFC 9051 §6.2; SASL-IR RFC 4959).

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imap_auth::{AuthError, ChannelBindings, Credentials, Exchange, Identity, Secret, Step};
use imap_proto::command::{Authenticate, Login as LoginCommand, Tag};
use imap_proto::response::Code;
use imap_proto::wire::Expect;
use imap_store::account::Who;
use imap_store::log::AccountId;

use super::audit::{self, Attempt};
use super::{Ctx, Done, Halt, Refusal, blocking, conclude};
use crate::directory::INTERNAL;
use crate::session::caps;
use crate::session::outbox::Gone;
use crate::session::state::{Doing, Login, State, framer_limits};
use crate::session::view::News;
use crate::{NoEntry, Services, SessionInfo, Speaks};

/// Counts the sessions of nobody in particular: no account has this number.
const NOBODY: AccountId = AccountId(u64::MAX);

/// STARTTLS: only where the listener offers it and TLS is off.
pub(super) async fn start_tls(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    if !ctx.connection.starttls_offered() {
        return Err(Refusal::bad("TLS cannot be started here").into());
    }
    Ok(Done::StartTls)
}

/// LOGIN. Refused with PRIVACYREQUIRED where passwords are not taken, right or wrong alike.
///
/// `LOGIN anonymous x` is what AUTHENTICATE ANONYMOUS is, for clients that know no SASL, where that is offered.
pub(super) async fn login(ctx: &mut Ctx<'_>, cmd: &LoginCommand) -> Result<Done, Halt> {
    let user = String::from_utf8_lossy(&cmd.user);
    let attempt = Attempt { user: &user, mechanism: "login" };
    if !ctx.connection.passwords_allowed() {
        return enter(ctx, attempt, Err(AuthError::PrivacyRequired)).await;
    }
    ctx.connection.login_began = ctx.services.logins.now();
    let password = Secret::new(cmd.password.expose());
    let channel = ctx.connection.channel();
    if cmd.user.eq_ignore_ascii_case(b"anonymous")
        && let Ok(exchange) = ctx.services.authenticator.start("ANONYMOUS", &channel)
    {
        let mut exchange = Box::new(exchange);
        let step = exchange.step(Some(&password)).await;
        return take_step(ctx, exchange, step).await;
    }
    let identity = ctx.services.authenticator.login(&cmd.user, &password, &channel).await;
    enter(ctx, attempt, identity).await
}

/// AUTHENTICATE: begins the exchange, with the initial response if there is one.
pub(super) async fn authenticate(ctx: &mut Ctx<'_>, cmd: &Authenticate) -> Result<Done, Halt> {
    ctx.connection.login_began = ctx.services.logins.now();
    let started = ctx.services.authenticator.start(&cmd.mechanism, &ctx.connection.channel());
    let mut exchange = match started {
        Ok(exchange) => Box::new(exchange),
        Err(error) => {
            let attempt = Attempt { user: "", mechanism: &cmd.mechanism };
            return enter(ctx, attempt, Err(error)).await;
        }
    };
    let response = match &cmd.initial_response {
        // "=" is the empty response (RFC 4959 §3).
        Some(response) if response.expose() == b"=" => Some(Secret::new(Vec::new())),
        Some(response) => match decode(response.expose()) {
            Ok(response) => Some(response),
            Err(error) => return enter(ctx, attempt(&exchange), Err(error)).await,
        },
        None if exchange.client_first() => {
            challenge(ctx, &[]);
            return Ok(Done::Authenticating(exchange));
        }
        None => None,
    };
    let step = exchange.step(response.as_ref()).await;
    take_step(ctx, exchange, step).await
}

/// One line of the client's in an exchange.
pub(crate) async fn go_on(
    ctx: &mut Ctx<'_>,
    tag: Tag,
    mut exchange: Box<Exchange>,
    line: &[u8],
) -> Result<Doing, Gone> {
    let response = if line == b"*" { Err(AuthError::Cancelled) } else { decode(line) };
    let result = match response {
        Ok(response) => {
            let step = exchange.step(Some(&response)).await;
            take_step(ctx, exchange, step).await
        }
        Err(error) => enter(ctx, attempt(&exchange), Err(error)).await,
    };
    if !matches!(result, Ok(Done::Authenticating(_))) {
        ctx.connection.framer.expect(Expect::Command);
    }
    conclude(ctx, tag, "AUTHENTICATE", result, News::None).await
}

/// A line of the client's in an exchange that is too long to be looked at.
pub(crate) fn over_limit(ctx: &Ctx<'_>, exchange: &Exchange) {
    audit::refused(ctx, attempt(exchange), "the response is over the limit");
}

/// An AUTHENTICATE that no exchange came of: no mechanism's name, or a response that is no base64.
pub(crate) fn unreadable(ctx: &Ctx<'_>) {
    audit::refused(ctx, Attempt { user: "", mechanism: "" }, "the command cannot be read");
}

fn attempt(exchange: &Exchange) -> Attempt<'_> {
    Attempt { user: exchange.claimed().unwrap_or_default(), mechanism: exchange.mechanism() }
}

async fn take_step(
    ctx: &mut Ctx<'_>,
    exchange: Box<Exchange>,
    step: Result<Step, AuthError>,
) -> Result<Done, Halt> {
    match step {
        Ok(Step::Challenge(octets)) => {
            challenge(ctx, &octets);
            Ok(Done::Authenticating(exchange))
        }
        Ok(Step::Done(identity)) => enter(ctx, attempt(&exchange), Ok(identity)).await,
        Err(error) => enter(ctx, attempt(&exchange), Err(error)).await,
    }
}

/// `+ ` and base64, which may be empty (RFC 9051 §7.6).
fn challenge(ctx: &mut Ctx<'_>, octets: &[u8]) {
    let out = &mut ctx.out.buffer;
    out.extend_from_slice(b"+ ");
    out.extend_from_slice(STANDARD.encode(octets).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn decode(line: &[u8]) -> Result<Secret, AuthError> {
    let octets = STANDARD.decode(line);
    octets.map(Secret::new).map_err(|_| AuthError::Malformed { reason: "That is no base64" })
}

fn privacy_required() -> Refusal {
    Refusal::no(Code::PrivacyRequired, "A password is taken over TLS only")
}

/// Opens the account of who got in, or says why nobody did; either is a line of the audit log.
async fn enter(
    ctx: &mut Ctx<'_>,
    attempt: Attempt<'_>,
    identity: Result<Identity, AuthError>,
) -> Result<Done, Halt> {
    let identity = match identity {
        Ok(identity) => identity,
        Err(error) => {
            audit::refused(ctx, attempt, &error.to_string());
            let delay =
                ctx.services.authenticator.answer_delay(&error, attempt.user, &ctx.connection.channel());
            ctx.out.pause(delay).await?;
            return Err(refuse(ctx, error).into());
        }
    };
    let opened = open(ctx, &identity).await;
    match &opened {
        Ok(_) => audit::entered(ctx.connection, attempt.mechanism, &identity),
        Err(_) => audit::refused(ctx, attempt, "the account is not to be had"),
    }
    opened
}

async fn open(ctx: &mut Ctx<'_>, identity: &Identity) -> Result<Done, Halt> {
    let info = SessionInfo {
        user: identity.user.as_str().into(),
        authenticated: identity.authenticated.as_str().into(),
        address: ctx.connection.peer.address,
        listener: ctx.connection.policy.name.clone(),
        mechanism: identity.mechanism,
        directory: identity.directory.as_str().into(),
        tls: ctx.connection.tls_version,
        since: SystemTime::now(),
        speaks: Speaks::new(ctx.connection.dialect.level),
    };
    let (name, logins, began) = (info.user.clone(), &ctx.services.logins, ctx.connection.login_began);
    let groups = identity.attributes.groups.clone();
    let mut who = Who { user: identity.user.clone(), groups, is_owner: true };
    let (place, account) = if identity.anonymous {
        // Nobody in particular has no mail, and sees what everybody may see.
        who.is_owner = false;
        (logins.enter(NOBODY, began, info).map_err(no_entry)?, None)
    } else {
        let user = account_of(ctx.services, identity).await?;
        may_enter(ctx.services, identity, &user).await?;
        let place = logins.enter(user.account, began, info).map_err(no_entry)?;
        let store = ctx.services.store.clone();
        let account = blocking(move || store.account(user.account)).await??;
        (place, Some(account.as_user(who.clone())))
    };
    let login = Login { user: name, account, who, place: Arc::new(place) };
    *ctx.state = State::Authenticated(login);
    // An idle connection holds no more than it needs.
    ctx.connection.bindings = ChannelBindings::default();
    ctx.connection.client_certificate = None;
    ctx.connection.framer.set_limits(framer_limits(&ctx.services.limits, true));
    Ok(Done::Reply(caps::code(ctx.services, ctx.connection, ctx.state), "Logged in".into()))
}

/// The account in the store. Somebody whom another directory knows gets one at the first login, on disk before the OK.
async fn account_of(services: &Services, identity: &Identity) -> Result<imap_store::User, Halt> {
    if let Some(user) = services.store.user(&identity.user) {
        return Ok(user);
    }
    let missing = || Refusal::no(Code::Unavailable, "Your mailbox was not found");
    if identity.anonymous || identity.directory == INTERNAL {
        return Err(missing().into());
    }
    let Some(users) = &services.users else { return Err(missing().into()) };
    match users.account_of(&identity.user, &identity.directory).await {
        Ok(user) => Ok(user),
        Err(error) => {
            tracing::error!(user = ?identity.user, %error, "the account of a directory's user cannot be made");
            Err(missing().into())
        }
    }
}

/// What the record of the account says of somebody whom another directory let in, and the other way round.
async fn may_enter(services: &Services, identity: &Identity, user: &imap_store::User) -> Result<(), Halt> {
    let is_ours = identity.directory == INTERNAL;
    if is_ours && identity.application_password.is_none() {
        return Ok(());
    }
    let record = Credentials::from_bytes(&user.credentials).map_err(|error| {
        tracing::error!(user = ?user.name, %error, "the record of an account cannot be read");
        Refusal::no(Code::Unavailable, "Logging in is not possible now, try again later")
    })?;
    let here = !record.attributes().disabled && !record.attributes().expired(SystemTime::now());
    // Its application passwords are kept here, the user is not.
    let there = match record.directory() {
        Some(_) if is_ours => services.authenticator.welcomes(&identity.user).await,
        _ => Ok(Some(true)),
    };
    match there {
        Ok(Some(true)) if here => Ok(()),
        Ok(_) => Err(Refusal::no(Code::AuthenticationFailed, "Wrong user name or password").into()),
        Err(_) => {
            Err(Refusal::no(Code::Unavailable, "Logging in is not possible now, try again later").into())
        }
    }
}

/// No wrong password, so no AUTHENTICATIONFAILED: clients ask for a new one on it.
fn no_entry(reason: NoEntry) -> Refusal {
    let text = match reason {
        NoEntry::TooMany => "You are logged in too many times, try again later",
        NoEntry::Changed => "Your account was changed just now, try again",
    };
    Refusal::no(Code::Unavailable, text)
}

fn refuse(ctx: &mut Ctx<'_>, error: AuthError) -> Refusal {
    match error {
        AuthError::Failed { .. } => {
            ctx.connection.failed_logins += 1;
            Refusal::no(Code::AuthenticationFailed, "Wrong user name or password")
        }
        AuthError::NotAuthorized => {
            ctx.connection.failed_logins += 1;
            let code = Code::AuthorizationFailed;
            Refusal::no(code, "You may not act as that user")
        }
        AuthError::PrivacyRequired => privacy_required(),
        AuthError::ChannelBinding { reason } => {
            ctx.connection.failed_logins += 1;
            tracing::warn!(reason, peer = ?ctx.connection.peer.address, "channel binding failed");
            Refusal::no(None, "Channel binding failed: somebody may sit in between")
        }
        AuthError::UnknownMechanism => Refusal::no(None, "This mechanism is not offered"),
        AuthError::Malformed { reason } => Refusal::bad(reason),
        AuthError::Expired => Refusal::no(Code::Expired, "Your time here is over"),
        AuthError::Cancelled => Refusal::bad("Cancelled, as you asked"),
        AuthError::Unavailable { reason } => {
            tracing::warn!(reason, "authentication is unavailable");
            Refusal::no(Code::Unavailable, "Logging in is not possible now, try again later")
        }
        _ => Refusal::no(Code::AuthenticationFailed, "Logging in failed"),
    }
}
