//! What becomes of the framer's events: the state machine's transitions.
//!
//! ```text
//!                 .-- APPEND's literal --> Appending ---- rest of the command --.
//!                 |                                                             v
//! Commands -------+-- AUTHENTICATE ------> Authenticating -- done, refused --> Commands
//!                 |-- IDLE --------------> Idling --------- any line --------> Commands
//!                 |-- STARTTLS ----------> StartingTls ---- tls_started -----> Commands
//!                 '-- LOGOUT, too many errors, doubt -----> Closing
//! ```

use imap_proto::Level;
use imap_proto::command::{Tag, peek};
use imap_proto::response::{Code, Kind, write_status};
use imap_proto::wire::{Event, Expect};

use super::Next;
use super::outbox::Gone;
use super::state::Doing;
use super::view::News;
use crate::command::literal::{self, Decision};
use crate::command::{self, Ctx, append, auth};

/// Handles events until there is no more, or the driver has to do something.
pub(super) async fn advance(doing: &mut Doing, ctx: &mut Ctx<'_>) -> Result<Next, Gone> {
    let mut events = 0;
    loop {
        match doing {
            Doing::Closing => {
                ctx.out.flush().await?;
                return Ok(Next::Close);
            }
            Doing::StartingTls => {
                ctx.out.flush().await?;
                // Octets that came before the handshake could be anybody's.
                if ctx.connection.framer.has_buffered() {
                    *doing = Doing::Closing;
                    return Ok(Next::Close);
                }
                return Ok(Next::StartTls);
            }
            Doing::Commands | Doing::Appending(_) | Doing::Authenticating(..) | Doing::Idling(_) => {}
        }
        ctx.out.flush_if_full().await?;
        if events == TURN_EVENTS {
            return Ok(Next::Yield);
        }
        events += 1;
        let Some(event) = ctx.connection.framer.poll() else {
            ctx.out.flush().await?;
            return Ok(Next::Read);
        };
        let now = std::mem::replace(doing, Doing::Closing);
        *doing = step(now, ctx, event).await?;
    }
}

/// After so many events others have their turn: one read may bring thousands of commands.
const TURN_EVENTS: u32 = 32;

/// One transition.
async fn step(doing: Doing, ctx: &mut Ctx<'_>, event: Event) -> Result<Doing, Gone> {
    match (doing, event) {
        (_, Event::Hopeless) => Ok(bye(ctx, Some(&Code::TooBig), "That is too large to be skipped")),
        (Doing::Commands, Event::Literal(head)) => {
            let decision = literal::decide(ctx, &head).await;
            if !head.synchronizing && !matches!(decision, Decision::Refuse { .. }) {
                ctx.rise(Level::Imap4);
            }
            Ok(apply(ctx, decision, head.synchronizing))
        }
        (Doing::Commands, Event::Command(frame)) => run(ctx, &frame).await,
        (Doing::Commands, Event::TooLong { start, what }) => {
            let (tag, _) = peek(&start);
            Ok(bad(ctx, tag.as_ref(), &format!("The {what} is over the limit")))
        }
        (Doing::Appending(appending), event) => append::go_on(ctx, appending, event).await,
        (Doing::Authenticating(tag, exchange), Event::Line(line)) => {
            auth::go_on(ctx, tag, exchange, &line).await
        }
        (Doing::Authenticating(tag, exchange), _) => {
            auth::over_limit(ctx, &exchange);
            ctx.connection.framer.expect(Expect::Command);
            Ok(bad(ctx, Some(&tag), "The response is over the limit"))
        }
        (Doing::Idling(tag), Event::Line(line)) if line.eq_ignore_ascii_case(b"DONE") => {
            ctx.connection.framer.expect(Expect::Command);
            command::conclude(ctx, tag, "IDLE", Ok(command::Done::text("Idled")), News::All).await
        }
        (Doing::Idling(tag), _) => {
            ctx.connection.framer.expect(Expect::Command);
            Ok(bad(ctx, Some(&tag), "IDLE ends with DONE and nothing else"))
        }
        (Doing::Commands, Event::Chunk(_) | Event::StreamEnd | Event::Line(_))
        | (Doing::StartingTls | Doing::Closing, _) => {
            debug_assert!(false, "an event that this state cannot have");
            Ok(bye(ctx, Some(&Code::ServerBug), "The server lost its way"))
        }
    }
}

/// Parses and runs a whole command.
async fn run(ctx: &mut Ctx<'_>, frame: &bytes::Bytes) -> Result<Doing, Gone> {
    match command::parse(frame, ctx.connection.dialect, &ctx.services.search_threads).await {
        Err(_) => Ok(bye(ctx, Some(&Code::ServerBug), "The server lost its way")),
        Ok(Ok((tag, command))) => command::dispatch(ctx, tag, &command).await,
        Ok(Err(bad_command)) => {
            let name = bad_command.name.unwrap_or("command");
            if name == "AUTHENTICATE" {
                auth::unreadable(ctx);
            }
            let text = format!("Error in {name}: {}", bad_command.message(frame));
            Ok(bad(ctx, bad_command.tag.as_ref(), &text))
        }
    }
}

/// Does what was decided about an announced literal.
pub(crate) fn apply(ctx: &mut Ctx<'_>, decision: Decision, synchronizing: bool) -> Doing {
    let doing = match decision {
        Decision::Argument => {
            if !ctx.connection.framer.accept_argument() {
                // The framer tells why in its next event.
                return Doing::Commands;
            }
            Doing::Commands
        }
        Decision::Message(appending) => {
            ctx.connection.framer.accept_stream();
            Doing::Appending(appending)
        }
        Decision::Refuse { tag, kind, code, text } => {
            ctx.connection.framer.refuse_literal();
            if kind == Kind::Bad {
                return bad(ctx, tag.as_ref(), &text);
            }
            write_status(&mut ctx.out.buffer, tag.as_ref(), kind, code.as_ref(), &text);
            return Doing::Commands;
        }
    };
    if synchronizing {
        ctx.out.buffer.extend_from_slice(b"+ go ahead\r\n");
    }
    doing
}

/// BAD for what could not be read, and BYE after too many of them.
pub(crate) fn bad(ctx: &mut Ctx<'_>, tag: Option<&Tag>, text: &str) -> Doing {
    write_status(&mut ctx.out.buffer, tag, Kind::Bad, None, text);
    ctx.connection.bad_commands += 1;
    if ctx.connection.bad_commands >= ctx.services.limits.bad_commands_max {
        return bye(ctx, None, "Too many commands that could not be read");
    }
    Doing::Commands
}

/// The end, said.
pub(crate) fn bye(ctx: &mut Ctx<'_>, code: Option<&Code>, text: &str) -> Doing {
    write_status(&mut ctx.out.buffer, None, Kind::Bye, code, text);
    Doing::Closing
}
