//! APPEND (RFC 9051 §6.3.12), several messages at once too (RFC 3502): streamed into the store as they come.

use imap_proto::Level;
use imap_proto::command::{Append, AppendMessage, Tag};
use imap_proto::response::Code;
use imap_proto::types::WireMailbox;
use imap_proto::wire::{Event, LiteralHead};
use imap_store::account::{Account, MailboxId, NewMessage, Rights, Upload};

use super::error::into_target;
use super::literal::{self, Decision};
use super::place::Found;
use super::{Ctx, Done, Halt, Refusal, conclude};
use crate::session::machine::{apply, bad};
use crate::session::outbox::Gone;
use crate::session::state::Doing;
use crate::session::view::News;

/// An APPEND whose messages are on their way.
pub(crate) struct Appending {
    tag: Tag,
    account: Account,
    mailbox: MailboxId,
    messages: Vec<NewMessage>,
    current: Option<Incoming>,
    /// Why it will be refused: what still comes is dropped.
    failure: Option<Halt>,
}

/// The message whose octets come now.
struct Incoming {
    head: AppendMessage,
    upload: Upload,
}

/// Decides on the first message before its octets come: the mailbox is there (else TRYCREATE), the size is in
/// bounds (else TOOBIG).
pub(super) async fn begin(
    ctx: &mut Ctx<'_>,
    tag: Tag,
    mailbox: &WireMailbox,
    message: AppendMessage,
) -> Result<Appending, Halt> {
    if !ctx.connection.policy.dialect.serves(Level::Imap2bis) {
        return Err(Refusal::bad("That is not known here").into());
    }
    ctx.mailbox_name(mailbox)?;
    check_size(ctx, &message)?;
    let Found { account, mailbox, .. } = ctx.find(mailbox, Rights::INSERT, Refusal::try_create).await?;
    let mailbox = mailbox.id();
    let current = Some(Incoming::new(&account, message));
    Ok(Appending { tag, account, mailbox, messages: Vec::new(), current, failure: None })
}

impl Incoming {
    fn new(account: &Account, head: AppendMessage) -> Self {
        let mut upload = account.upload();
        upload.expect(head.size_octets);
        Self { head, upload }
    }
}

fn check_size(ctx: &Ctx<'_>, message: &AppendMessage) -> Result<(), Refusal> {
    let max = ctx.services.limits.message_octets_max;
    if message.size_octets > max {
        return Err(Refusal::no(Code::TooBig, format!("The message is larger than {max} octets")));
    }
    if message.size_octets == 0 {
        // RFC 3502 §6.3.11: an empty literal calls the whole command off.
        return Err(Refusal::no(None, "An empty message is not kept"));
    }
    Ok(())
}

/// Takes what comes next of an APPEND.
pub(crate) async fn go_on(
    ctx: &mut Ctx<'_>,
    mut appending: Box<Appending>,
    event: Event,
) -> Result<Doing, Gone> {
    match event {
        Event::Chunk(octets) => {
            appending.take(&octets).await;
            Ok(Doing::Appending(appending))
        }
        Event::StreamEnd => {
            appending.finish_message().await;
            Ok(Doing::Appending(appending))
        }
        Event::Literal(head) => {
            let decision = next_message(ctx, appending, &head);
            Ok(apply(ctx, decision, head.synchronizing))
        }
        Event::Command(rest) => end(ctx, *appending, &rest).await,
        Event::TooLong { what, .. } => {
            Ok(bad(ctx, Some(&appending.tag), &format!("The {what} is over the limit")))
        }
        Event::Line(_) | Event::Hopeless => Ok(bad(ctx, Some(&appending.tag), "APPEND ends otherwise")),
    }
}

impl Appending {
    async fn take(&mut self, octets: &[u8]) {
        let Some(current) = &mut self.current else { return };
        if !current.head.binary && memchr::memchr(0, octets).is_some() {
            self.fail(Refusal::no(None, "A NUL octet is taken in a literal8 only").into());
            return;
        }
        if let Err(error) = current.upload.write(octets).await {
            self.fail(error.into());
        }
    }

    async fn finish_message(&mut self) {
        let Some(Incoming { head, upload }) = self.current.take() else { return };
        match upload.finish().await {
            Ok(uploaded) => self.messages.push(NewMessage {
                uploaded,
                flags: head.flags,
                internal_date: head.internal_date,
            }),
            Err(error) => self.fail(error.into()),
        }
    }

    fn fail(&mut self, halt: Halt) {
        self.current = None;
        self.messages.clear();
        self.failure.get_or_insert(halt);
    }
}

/// Decides on one more message.
fn next_message(ctx: &Ctx<'_>, mut appending: Box<Appending>, head: &LiteralHead) -> Decision {
    let tag = Some(appending.tag.clone());
    if let Some(failure) = appending.failure.take() {
        let refusal = match failure {
            Halt::Refused(refusal) => refusal,
            _ => Refusal::no(Code::Unavailable, "The message could not be kept"),
        };
        return literal::refuse(tag, refusal);
    }
    let Some(message) = Append::parse_next(head) else {
        return literal::refuse(tag, Refusal::bad("Error in APPEND: expected another message or the end"));
    };
    let checked = check_size(ctx, &message).and_then(|()| {
        let room = appending.messages.len() < ctx.services.limits.literals_max;
        room.then_some(()).ok_or_else(|| Refusal::no(Code::Limit, "Too many messages in one command"))
    });
    if let Err(refusal) = checked {
        return literal::refuse(tag, refusal);
    }
    appending.current = Some(Incoming::new(&appending.account, message));
    Decision::Message(appending)
}

/// All messages are there: keeps them, all or none.
async fn end(ctx: &mut Ctx<'_>, appending: Appending, rest: &bytes::Bytes) -> Result<Doing, Gone> {
    let Appending { tag, account, mailbox, messages, failure, .. } = appending;
    if failure.is_none() && !Append::parse_end(rest) {
        return Ok(bad(ctx, Some(&tag), "Error in APPEND: expected end of line"));
    }
    ctx.rise(Level::Imap2bis);
    let result =
        match failure {
            Some(halt) => Err(halt),
            None => account.append(mailbox, messages).await.map_err(into_target).map(|appended| {
                Done::code(Code::AppendUid(appended.uid_validity, appended.uids.into()), "Kept")
            }),
        };
    conclude(ctx, tag, "APPEND", result, News::All).await
}

/// APPEND whose message is no literal.
pub(super) fn without_literal() -> Result<Done, Halt> {
    Err(Refusal::bad("Error in APPEND: expected a literal").into())
}
