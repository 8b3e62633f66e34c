//! The commands of every session: CAPABILITY, NOOP, LOGOUT, ENABLE, ID, IDLE.

use bytes::Bytes;
use imap_proto::Level;
use imap_proto::command::{Enable, Id};
use imap_proto::response::{Kind, Response, write_status};

use super::{Ctx, Done, Halt};
use crate::session::caps;

/// CAPABILITY (RFC 9051 §6.1.1).
pub(super) async fn capability(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    let capabilities = caps::capabilities(ctx.services, ctx.connection, ctx.state);
    ctx.untagged(&Response::Capability(capabilities));
    Ok(Done::text("That is what I can do"))
}

/// NOOP (RFC 9051 §6.1.2): the dispatcher tells the news.
pub(super) async fn noop(_: &mut Ctx<'_>) -> Result<Done, Halt> {
    Ok(Done::text("Nothing done"))
}

/// LOGOUT (RFC 9051 §6.1.3).
pub(super) async fn logout(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    write_status(&mut ctx.out.buffer, None, Kind::Bye, None, "Until next time");
    Ok(Done::LoggedOut)
}

/// ENABLE (RFC 9051 §6.3.1, RFC 5161): always answers with what is newly on, and passes over what it does not know.
/// QRESYNC turns CONDSTORE on too (RFC 7162 §3.2.3).
pub(super) async fn enable(ctx: &mut Ctx<'_>, cmd: &Enable) -> Result<Done, Halt> {
    let options = &ctx.connection.policy.dialect;
    let asks =
        |name: &str| cmd.capabilities.iter().any(|asked| asked == name) && !options.hides(name.as_bytes());
    let before = ctx.connection.enabled;
    let qresync = asks("QRESYNC") && !before.qresync;
    let condstore = (asks("CONDSTORE") || qresync) && !before.condstore;
    let rev2 = asks("IMAP4REV2") && ctx.connection.dialect.level < Level::Rev2;
    let newly_on = [("CONDSTORE", condstore), ("QRESYNC", qresync), ("IMAP4rev2", rev2)];
    let names = newly_on.iter().filter(|(_, on)| *on).map(|(name, _)| Bytes::from_static(name.as_bytes()));
    ctx.untagged(&Response::Enabled(names.collect()));
    if condstore {
        ctx.enable_condstore();
    }
    ctx.connection.enabled.qresync |= qresync;
    if rev2 {
        ctx.rise(Level::Rev2);
    }
    Ok(Done::text("Enabled"))
}

/// ID (RFC 2971): what a client says of itself decides nothing.
pub(super) async fn id(ctx: &mut Ctx<'_>, _: &Id) -> Result<Done, Halt> {
    let field = |name: &'static str, value: &'static str| {
        (Bytes::from_static(name.as_bytes()), Some(Bytes::from_static(value.as_bytes())))
    };
    let fields = vec![field("name", "Restante"), field("version", env!("CARGO_PKG_VERSION"))];
    ctx.untagged(&Response::Id(fields));
    Ok(Done::text("Pleased to meet you"))
}

/// IDLE (RFC 2177): news is told at once until `DONE`.
pub(super) async fn idle(_: &mut Ctx<'_>) -> Result<Done, Halt> {
    Ok(Done::Idling)
}
