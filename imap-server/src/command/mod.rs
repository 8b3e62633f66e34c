//! The commands: one file a family, with its handlers; dispatch is here.
//!
//! A handler writes its own data and returns how it ended; state check, news of other sessions, tag and kind are
//! added here, once.

pub(crate) mod append;
mod audit;
pub(crate) mod auth;
mod basic;
mod copy;
mod error;
mod expunge;
mod fetch;
mod find;
mod glob;
mod list;
pub(crate) mod literal;
mod mailbox;
mod place;
mod search;
mod select;
pub(crate) mod served;
mod status;
mod store;

use std::borrow::Cow;

use bytes::Bytes;
use imap_auth::Exchange;
use imap_proto::command::{BadCommand, Command, Tag};
use imap_proto::response::{Code, Kind, Response, write_status};
use imap_proto::types::{MailboxName, WireMailbox};
use imap_proto::wire::Expect;
use imap_proto::{Dialect, Level};
use imap_store::account::Account;

use crate::session::evidence;
use crate::session::flags::is_old;
use crate::session::outbox::{Gone, Outbox};
use crate::session::state::{Connection, Doing, Login, State};
use crate::session::view::{News, Style, View};
use crate::{SearchThreads, Services};
pub(crate) use error::{Halt, Refusal};
pub(crate) use search::has_mod_seq;

/// Octets of a line with a response code.
const STATUS_OCTETS_MAX: usize = 900;

/// What a handler works with.
pub(crate) struct Ctx<'a> {
    pub(crate) services: &'a Services,
    pub(crate) connection: &'a mut Connection,
    pub(crate) state: &'a mut State,
    pub(crate) out: Outbox<'a>,
}

/// How a command ended well.
pub(crate) enum Done {
    /// A tagged OK, now.
    Reply(Option<Code>, Cow<'static, str>),
    /// A SASL exchange goes on.
    Authenticating(Box<Exchange>),
    /// IDLE goes on.
    Idling,
    /// A tagged OK, then the handshake.
    StartTls,
    /// A tagged OK, then the end.
    LoggedOut,
}

impl Done {
    /// A tagged OK with a text.
    pub(crate) fn text(text: &'static str) -> Self {
        Self::Reply(None, Cow::Borrowed(text))
    }

    /// A tagged OK with a response code and a text.
    pub(crate) fn code(code: Code, text: &'static str) -> Self {
        Self::Reply(Some(code), Cow::Borrowed(text))
    }
}

impl Ctx<'_> {
    /// Who is logged in.
    fn login(&self) -> Result<&Login, Halt> {
        self.state.login().ok_or_else(|| Refusal::bad("Log in first").into())
    }

    /// The own mail of who is logged in.
    fn own_account(&self) -> Result<Account, Halt> {
        self.login()?.account.clone().ok_or_else(|| Refusal::no_permission().into())
    }

    /// The view of the selected mailbox.
    fn view(&self) -> Result<&View, Halt> {
        self.state.view().ok_or_else(|| Refusal::bad("Select a mailbox first").into())
    }

    /// The same, to change it.
    fn view_mut(&mut self) -> Result<&mut View, Halt> {
        match self.state {
            State::Selected(_, view) => Ok(view),
            State::NotAuthenticated | State::Authenticated(_) => {
                Err(Refusal::bad("Select a mailbox first").into())
            }
        }
    }

    /// What a mailbox argument means.
    fn mailbox_name(&self, mailbox: &WireMailbox) -> Result<MailboxName, Halt> {
        mailbox
            .decode(self.connection.dialect.name_form())
            .map_err(|bad| Refusal::no(Some(Code::Cannot), bad.reason).into())
    }

    /// Writes an untagged response.
    fn untagged(&mut self, response: &Response) {
        response.write(&mut self.out.buffer, self.connection.dialect);
    }

    /// Whether bulletin boards are served: by default where there are mailboxes that are no person's.
    fn has_boards(&self) -> bool {
        let decided = self.connection.policy.dialect.bboards;
        decided.unwrap_or_else(|| !self.services.store.shared_accounts().is_empty())
    }

    /// The client showed that it knows this dialect: what was hidden from it is told with the next news.
    pub(crate) fn rise(&mut self, level: Level) {
        let was_old = is_old(self.connection.dialect);
        let level = level.min(self.connection.policy.dialect.highest());
        self.connection.dialect.level = self.connection.dialect.level.max(level);
        if let Some(login) = self.state.login() {
            login.place.speaks(level);
        }
        if was_old
            && !is_old(self.connection.dialect)
            && let State::Selected(_, view) = &mut *self.state
        {
            view.show_hidden(&mut self.out.buffer, self.connection.dialect);
        }
    }

    /// Writes a line with a response code. One that would overrun the buffers of old clients goes without its code,
    /// unless the client has used UIDs: then it is not old, and the code is a list of them. MODIFIED is
    /// never left out: the client would believe that all was stored.
    fn status(&mut self, tag: Option<&Tag>, kind: Kind, code: Option<&Code>, text: &str) {
        let out = &mut self.out.buffer;
        let begin = out.len();
        write_status(out, tag, kind, code, text);
        let may_go = !self.connection.uid_used && !matches!(code, Some(Code::Modified(_)));
        if out.len() - begin > STATUS_OCTETS_MAX && may_go {
            out.truncate(begin);
            write_status(out, tag, kind, None, text);
        }
    }

    /// The code of a tagged reply, with the HIGHESTMODSEQ that is due: in a line of its own where there is another code.
    fn with_highest(&mut self, code: Option<Code>) -> Option<Code> {
        if !self.connection.enabled.condstore {
            return code;
        }
        let State::Selected(_, view) = &mut *self.state else { return code };
        let Some(highest) = view.highest_to_tell() else { return code };
        let highest = Code::HighestModSeq(highest.get());
        if !matches!(code, None | Some(Code::HighestModSeq(_))) {
            write_status(&mut self.out.buffer, None, Kind::Ok, Some(&highest), "That much is told");
            return code;
        }
        Some(highest)
    }

    /// The client wants modification sequences: from the first time that it shows so, it is told them, and of the selected
    /// mailbox at once the highest (RFC 7162 §3.1).
    fn enable_condstore(&mut self) {
        if std::mem::replace(&mut self.connection.enabled.condstore, true) {
            return;
        }
        if let Some(view) = self.state.view() {
            let highest = Code::HighestModSeq(view.mailbox().highest_mod_seq().get());
            let text = "The highest modification sequence";
            write_status(&mut self.out.buffer, None, Kind::Ok, Some(&highest), text);
        }
    }

    /// How FETCH lines are written that nobody asked for.
    fn style(&self) -> Style {
        let dialect = self.connection.dialect;
        let enabled = self.connection.enabled;
        Style {
            dialect,
            with_uid: self.connection.uid_used || enabled.condstore || dialect.level == Level::Rev2,
            with_mod_seq: enabled.condstore,
            vanished: enabled.qresync,
        }
    }

    /// Tells what other sessions did to the selected mailbox, as far as `news` allows.
    pub(crate) async fn tell_news(&mut self, news: News) -> Result<(), Gone> {
        let style = self.style();
        if style.dialect.level == Level::Rev2 && news != News::None {
            list::tell_new_name(self);
        }
        match self.state {
            State::Selected(_, view) => view.catch_up(&mut self.out, style, news).await,
            State::NotAuthenticated | State::Authenticated(_) => Ok(()),
        }
    }

    /// Tells a client in IDLE all news, and lets go of what its view needs for commands only.
    pub(crate) async fn tell_idler(&mut self) -> Result<(), Gone> {
        self.tell_news(News::All).await?;
        if let State::Selected(_, view) = self.state {
            view.rest();
        }
        Ok(())
    }
}

/// Parses a command: a long one on a thread that gives way to others, so that nobody waits for a list of a hundred thousand
/// numbers.
pub(crate) async fn parse(
    frame: &Bytes,
    dialect: Dialect,
    threads: &SearchThreads,
) -> Result<Result<(Tag, Command), BadCommand>, Halt> {
    if frame.len() <= PARSED_HERE_OCTETS {
        return Ok(Command::parse(frame, dialect));
    }
    let frame = frame.clone();
    finished(threads.run(true, move || Command::parse(&frame, dialect)).await)
}

/// This takes some ten microseconds.
const PARSED_HERE_OCTETS: usize = 16 << 10;

/// Runs one command and answers it.
pub(crate) async fn dispatch(ctx: &mut Ctx<'_>, tag: Tag, command: &Command) -> Result<Doing, Gone> {
    let spec = command.spec();
    let is_too_new = !ctx.connection.policy.dialect.serves(evidence::needed(command));
    let result = match (served::missing(command), ctx.state.forbids(spec.valid_in)) {
        _ if is_too_new => Err(Refusal::bad("That is not known here").into()),
        _ if served::is_of_boards(command) && !ctx.has_boards() => {
            Err(Refusal::bad("There are no bulletin boards here").into())
        }
        (Some(what), _) => Err(Refusal::bad(format!("{what} is not served")).into()),
        (None, forbidden) => {
            // Only what is known tells of the client.
            ctx.rise(evidence::level(command));
            ctx.connection.uid_used |= evidence::uses_uids(command);
            match forbidden {
                Some(reason) => Err(Refusal::bad(reason).into()),
                None => {
                    if evidence::wants_mod_seqs(command) {
                        ctx.enable_condstore();
                    }
                    run(ctx, &tag, command).await
                }
            }
        }
    };
    conclude(ctx, tag, spec.name, result, news_after(command)).await
}

/// The handler of a command. No `_` arm: the compiler names the line that is missing.
async fn run(ctx: &mut Ctx<'_>, tag: &Tag, command: &Command) -> Result<Done, Halt> {
    match command {
        Command::Capability => basic::capability(ctx).await,
        Command::Noop => basic::noop(ctx).await,
        Command::Logout => basic::logout(ctx).await,
        Command::StartTls => auth::start_tls(ctx).await,
        Command::Authenticate(cmd) => auth::authenticate(ctx, cmd).await,
        Command::Login(cmd) => auth::login(ctx, cmd).await,
        Command::Enable(cmd) => basic::enable(ctx, cmd).await,
        Command::Select(cmd) => select::select(ctx, cmd, false).await,
        Command::Examine(cmd) => select::select(ctx, cmd, true).await,
        Command::Create(cmd) => mailbox::create(ctx, cmd).await,
        Command::Delete(cmd) => mailbox::delete(ctx, cmd).await,
        Command::Rename(cmd) => mailbox::rename(ctx, cmd).await,
        Command::Subscribe(cmd) => mailbox::subscribe(ctx, cmd).await,
        Command::Unsubscribe(cmd) => mailbox::unsubscribe(ctx, cmd).await,
        Command::List(cmd) => list::list(ctx, cmd).await,
        Command::Lsub(cmd) => list::lsub(ctx, cmd).await,
        Command::Namespace => list::namespace(ctx).await,
        Command::Status(cmd) => status::status(ctx, cmd).await,
        Command::Append(_) => append::without_literal(),
        Command::Idle => basic::idle(ctx).await,
        Command::Id(cmd) => basic::id(ctx, cmd).await,
        Command::Check => select::check(ctx).await,
        Command::Close => select::close(ctx).await,
        Command::Unselect => select::unselect(ctx).await,
        Command::Expunge => expunge::expunge(ctx).await,
        Command::UidExpunge(cmd) => expunge::uid_expunge(ctx, cmd).await,
        Command::Search(cmd) => search::search(ctx, tag, cmd).await,
        Command::Fetch(cmd) => fetch::fetch(ctx, cmd).await,
        Command::Store(cmd) => store::store(ctx, cmd).await,
        Command::Copy(cmd) => copy::copy(ctx, cmd).await,
        Command::Move(cmd) => copy::move_messages(ctx, cmd).await,
        Command::FindMailboxes(cmd) => find::mailboxes(ctx, cmd).await,
        Command::FindAllMailboxes(cmd) => find::all_mailboxes(ctx, cmd).await,
        Command::FindBulletinBoards(cmd) => find::bulletin_boards(ctx, cmd).await,
        Command::FindAllBulletinBoards(cmd) => find::all_bulletin_boards(ctx, cmd).await,
        Command::BulletinBoard(cmd) => select::bulletin_board(ctx, cmd).await,
        Command::Partial(cmd) => fetch::partial(ctx, cmd).await,
        // Not done yet: `served` has refused these.
        Command::Unauthenticate
        | Command::GetJmapAccess
        | Command::Rlist(_)
        | Command::Rlsub(_)
        | Command::Xlist(_)
        | Command::Esearch(_)
        | Command::CancelUpdate(_)
        | Command::Notify(_)
        | Command::Compress(_)
        | Command::UidBatches(_)
        | Command::SetAcl(_)
        | Command::DeleteAcl(_)
        | Command::GetAcl(_)
        | Command::ListRights(_)
        | Command::MyRights(_)
        | Command::GetQuota(_)
        | Command::GetQuotaRoot(_)
        | Command::SetQuota(_)
        | Command::GetMetadata(_)
        | Command::SetMetadata(_)
        | Command::Language(_)
        | Command::Comparator(_)
        | Command::Conversions(_)
        | Command::GenUrlAuth(_)
        | Command::ResetKey(_)
        | Command::UrlFetch(_)
        | Command::Sort(_)
        | Command::Thread(_)
        | Command::Replace(_)
        | Command::Convert(_) => Err(Refusal::bad("This command is not served").into()),
    }
}

/// What may be told of other sessions before a command's tagged reply (RFC 9051 §7.5.1).
fn news_after(command: &Command) -> News {
    match command {
        Command::Fetch(fetch) if !fetch.uid => News::NoExpunge,
        Command::Partial(_) => News::NoExpunge,
        Command::Store(store) if !store.uid => News::NoExpunge,
        Command::Search(search) if !search.uid || search::has_numbers(&search.key) => News::NoExpunge,
        Command::Move(_) => News::AllExistsFirst,
        Command::Logout
        | Command::StartTls
        | Command::Select(_)
        | Command::Examine(_)
        | Command::BulletinBoard(_) => News::None,
        _ => News::All,
    }
}

/// Answers a command: news, then the tagged line; returns what comes next.
pub(crate) async fn conclude(
    ctx: &mut Ctx<'_>,
    tag: Tag,
    name: &'static str,
    result: Result<Done, Halt>,
    news: News,
) -> Result<Doing, Gone> {
    crate::metrics::command(name, if result.is_ok() { "ok" } else { "refused" });
    let doing = match result {
        Ok(Done::Reply(code, text)) => {
            ctx.tell_news(news).await?;
            let code = ctx.with_highest(code);
            ctx.status(Some(&tag), Kind::Ok, code.as_ref(), &text);
            Doing::Commands
        }
        Ok(Done::Authenticating(exchange)) => {
            ctx.connection.framer.expect(Expect::SaslLine);
            Doing::Authenticating(tag, exchange)
        }
        Ok(Done::Idling) => {
            // The client may send DONE as soon as it has the `+`, so that goes first.
            ctx.out.buffer.extend_from_slice(b"+ idling\r\n");
            ctx.connection.framer.expect(Expect::IdleLine);
            ctx.tell_idler().await?;
            Doing::Idling(tag)
        }
        Ok(Done::StartTls) => {
            write_status(&mut ctx.out.buffer, Some(&tag), Kind::Ok, None, "Begin TLS now");
            ctx.connection.framer.expect(Expect::Nothing);
            Doing::StartingTls
        }
        Ok(Done::LoggedOut) => {
            write_status(&mut ctx.out.buffer, Some(&tag), Kind::Ok, None, "Goodbye");
            Doing::Closing
        }
        Err(Halt::Refused(Refusal { kind, code, text })) => {
            let mut code = code;
            if kind == Kind::No {
                ctx.tell_news(news).await?;
                code = ctx.with_highest(code);
            }
            if code == Some(Code::TryCreate) && is_old(ctx.connection.dialect) {
                // IMAP2bis looks for it in an untagged line.
                write_status(&mut ctx.out.buffer, None, Kind::Ok, code.as_ref(), &text);
            }
            ctx.status(Some(&tag), kind, code.as_ref(), &text);
            Doing::Commands
        }
        Err(Halt::InDoubt(reason)) => {
            tracing::error!(command = name, reason, "the outcome of a change is unknown");
            crate::session::machine::bye(
                ctx,
                Some(&Code::Unavailable),
                "The server cannot tell whether that was kept",
            )
        }
        Err(Halt::Broken(reason)) => {
            tracing::error!(command = name, reason, "a literal could not be completed");
            Doing::Closing
        }
        Err(Halt::Gone) => return Err(Gone),
    };
    if ctx.connection.failed_logins >= ctx.services.limits.failed_logins_max {
        return Ok(crate::session::machine::bye(ctx, None, "Too many failed logins"));
    }
    Ok(doing)
}

/// Runs what blocks on a thread that may block. A panic there is a bug, told as such.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Halt> {
    finished(tokio::task::spawn_blocking(work).await)
}

/// What a blocking task brought.
fn finished<T>(task: Result<T, tokio::task::JoinError>) -> Result<T, Halt> {
    task.map_err(|error| {
        tracing::error!(%error, "a blocking task did not finish");
        Refusal::no(Some(Code::ServerBug), "The server has a bug; nothing was changed").into()
    })
}
