//! Whether an announced literal is taken: decided before its `+`, so that what will be refused is never sent.

use std::borrow::Cow;

use imap_proto::command::{Append, Tag, peek};
use imap_proto::response::{Code, Kind};
use imap_proto::wire::LiteralHead;

use super::append::{self, Appending};
use super::{Ctx, Halt, Refusal, served};

/// What becomes of a literal.
pub(crate) enum Decision {
    /// It is an argument and goes into the frame.
    Argument,
    /// It is a message and goes into the store.
    Message(Box<Appending>),
    /// It is not taken, and with it the command ends.
    Refuse {
        /// `None`: none was found.
        tag: Option<Tag>,
        /// NO or BAD.
        kind: Kind,
        /// For the client's program.
        code: Option<Code>,
        /// For a person.
        text: Cow<'static, str>,
    },
}

fn login_command_offered(ctx: &Ctx<'_>) -> bool {
    ctx.services.authenticator.login_command_offered(&ctx.connection.channel())
}

/// Decides on the literal of a command that is not under way yet.
pub(crate) async fn decide(ctx: &mut Ctx<'_>, head: &LiteralHead) -> Decision {
    let (tag, spec) = peek(&head.frame);
    let refused = match spec {
        None => Err(Refusal::bad("That is no command")),
        Some(spec) if !served::is_served(spec) => Err(Refusal::bad("This command is not served")),
        Some(spec) => match ctx.state.forbids(spec.valid_in) {
            Some(reason) => Err(Refusal::bad(reason)),
            // A password without TLS is refused before it is sent.
            None if spec.name == "LOGIN" && !ctx.connection.passwords_allowed() => {
                Err(Refusal::no(Code::PrivacyRequired, "A password is taken over TLS only"))
            }
            None if spec.name == "LOGIN" && !login_command_offered(ctx) => {
                Err(Refusal::no(None, "The LOGIN command is not taken here"))
            }
            None => Ok(()),
        },
    };
    if let Err(refusal) = refused {
        return refuse(tag, refusal);
    }
    if let Some((tag, mailbox, message)) = Append::parse_head(head) {
        return match append::begin(ctx, tag.clone(), &mailbox, message).await {
            Ok(appending) => Decision::Message(Box::new(appending)),
            Err(Halt::Refused(refusal)) => refuse(Some(tag), refusal),
            Err(_) => refuse(Some(tag), Refusal::no(Code::Unavailable, "The mail store is unavailable")),
        };
    }
    Decision::Argument
}

/// The decision to refuse.
pub(super) fn refuse(tag: Option<Tag>, refusal: Refusal) -> Decision {
    Decision::Refuse { tag, kind: refusal.kind, code: refusal.code, text: refusal.text }
}
