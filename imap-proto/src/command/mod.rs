//! Commands: one file a family, with its types, its parser and its writer; the registry is here.
//!
//! The parser runs once over a whole frame (see [`crate::wire`]); the server parses and the client writes
//! the same types, so `parse(write(x)) == x`.
//!
//! A new command is a file beside this one with an `impl Body`, and a line in the table of `commands!`.

mod append;
mod auth;
mod enable;
mod fetch;
mod id;
mod list;
mod mailbox;
mod message;
mod search;
mod search_return;
mod status;
mod store;
mod tag;
#[cfg(test)]
mod tests;
mod writer;

use bytes::Bytes;

pub use append::{Append, AppendMessage};
pub use auth::{Authenticate, Login};
pub use enable::Enable;
pub use fetch::{Fetch, FetchItem, Partial, Section, SectionText};
pub(crate) use fetch::{section, section_binary};
pub use id::Id;
pub use list::List;
pub use mailbox::{OneMailbox, Rename};
pub use message::{CopyMove, UidExpunge};
pub use search::Search;
pub use search_return::SearchReturn;
pub(crate) use status::status_att;
pub use status::{Status, StatusItem};
pub use store::{FlagAction, Store};
pub use tag::Tag;
use tag::tag;
use writer::CommandWriter;
pub use writer::Literals;

use crate::parse::{Parsed, Span, end, run, sp};
use crate::{Dialect, ParseError};

/// Makes [`Command`], [`REGISTRY`], the parser's dispatch and the writer from one table.
macro_rules! commands {
    (
        without arguments {
            $( $(#[$bare_doc:meta])*
            $bare_name:literal => $bare:ident, $bare_valid_in:ident, $bare_capability:expr; )*
        }
        with arguments {
            $( $(#[$doc:meta])*
            $name:literal => $variant:ident($body:ty), $valid_in:ident, $capability:expr; )*
        }
        also behind UID {
            $( $(#[$both_doc:meta])*
            $seq_name:literal | $uid_name:literal => $both:ident($both_body:ty), $both_valid_in:ident,
                $both_capability:expr; )*
        }
    ) => {
        /// A command without its tag.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Command {
            $( $(#[$bare_doc])* $bare, )*
            $( $(#[$doc])* $variant($body), )*
            $( $(#[$both_doc])* $both($both_body), )*
        }

        /// Every command, in the order of the table.
        pub const REGISTRY: &[Spec] = &[
            $( Spec { name: $bare_name, valid_in: ValidIn::$bare_valid_in, capability: $bare_capability }, )*
            $( Spec { name: $name, valid_in: ValidIn::$valid_in, capability: $capability }, )*
            $(
                Spec { name: $seq_name, valid_in: ValidIn::$both_valid_in, capability: $both_capability },
                Spec { name: $uid_name, valid_in: ValidIn::$both_valid_in, capability: $both_capability },
            )*
        ];

        impl Command {
            /// Reads what stands behind a name of the registry, SP before it included.
            fn parse_arguments<'a>(name: &'static str, input: Span<'a>) -> Parsed<'a, Self> {
                match name {
                    $( $bare_name => Ok((input, Self::$bare)), )*
                    $( $name => parse_body(input, Form::Plain, Self::$variant), )*
                    $(
                        $seq_name => parse_body(input, Form::Plain, Self::$both),
                        $uid_name => parse_body(input, Form::Uid, Self::$both),
                    )*
                    _ => input.fail("command"),
                }
            }

            /// The command's name as it is written.
            fn name(&self) -> &'static str {
                match self {
                    $( Self::$bare => $bare_name, )*
                    $( Self::$variant(_) => $name, )*
                    $( Self::$both(body) => match body.form() {
                        Form::Plain => $seq_name,
                        Form::Uid => $uid_name,
                    }, )*
                }
            }

            /// Writes what stands behind the name, SP before it included.
            fn write_arguments(&self, out: &mut CommandWriter<'_>) {
                match self {
                    $( Self::$bare => {} )*
                    $( Self::$variant(body) => write_body(out, body), )*
                    $( Self::$both(body) => write_body(out, body), )*
                }
            }
        }
    };
}

commands! {
    without arguments {
        /// CAPABILITY
        "CAPABILITY" => Capability, Any, None;
        /// NOOP
        "NOOP" => Noop, Any, None;
        /// LOGOUT
        "LOGOUT" => Logout, Any, None;
        /// STARTTLS
        "STARTTLS" => StartTls, NotAuthenticated, Some("STARTTLS");
        /// NAMESPACE
        "NAMESPACE" => Namespace, Authenticated, Some("NAMESPACE");
        /// IDLE
        "IDLE" => Idle, Authenticated, Some("IDLE");
        /// CHECK (RFC 3501)
        "CHECK" => Check, Selected, None;
        /// CLOSE
        "CLOSE" => Close, Selected, None;
        /// UNSELECT
        "UNSELECT" => Unselect, Selected, Some("UNSELECT");
        /// EXPUNGE
        "EXPUNGE" => Expunge, Selected, None;
    }
    with arguments {
        /// ID
        "ID" => Id(Id), Any, Some("ID");
        /// AUTHENTICATE
        "AUTHENTICATE" => Authenticate(Authenticate), NotAuthenticated, None;
        /// LOGIN
        "LOGIN" => Login(Login), NotAuthenticated, None;
        /// ENABLE
        "ENABLE" => Enable(Enable), Authenticated, Some("ENABLE");
        /// SELECT
        "SELECT" => Select(OneMailbox), Authenticated, None;
        /// EXAMINE
        "EXAMINE" => Examine(OneMailbox), Authenticated, None;
        /// CREATE
        "CREATE" => Create(OneMailbox), Authenticated, None;
        /// DELETE
        "DELETE" => Delete(OneMailbox), Authenticated, None;
        /// RENAME
        "RENAME" => Rename(Rename), Authenticated, None;
        /// SUBSCRIBE
        "SUBSCRIBE" => Subscribe(OneMailbox), Authenticated, None;
        /// UNSUBSCRIBE
        "UNSUBSCRIBE" => Unsubscribe(OneMailbox), Authenticated, None;
        /// LIST
        "LIST" => List(List), Authenticated, None;
        /// LSUB (RFC 3501)
        "LSUB" => Lsub(List), Authenticated, None;
        /// STATUS
        "STATUS" => Status(Status), Authenticated, None;
        /// APPEND up to the head of its first message, for clients: [`Command::write`] ends with `{n}` CRLF,
        /// and the octets follow. [`Command::parse`] never gives it, since a server reads the head with
        /// [`Append::parse_head`] and streams the octets.
        "APPEND" => Append(Append), Authenticated, None;
        /// UID EXPUNGE
        "UID EXPUNGE" => UidExpunge(UidExpunge), Selected, Some("UIDPLUS");
    }
    also behind UID {
        /// SEARCH, UID SEARCH
        "SEARCH" | "UID SEARCH" => Search(Search), Selected, None;
        /// FETCH, UID FETCH
        "FETCH" | "UID FETCH" => Fetch(Fetch), Selected, None;
        /// STORE, UID STORE
        "STORE" | "UID STORE" => Store(Store), Selected, None;
        /// COPY, UID COPY
        "COPY" | "UID COPY" => Copy(CopyMove), Selected, None;
        /// MOVE, UID MOVE
        "MOVE" | "UID MOVE" => Move(CopyMove), Selected, Some("MOVE");
    }
}

/// In which states of a session a command may be used (RFC 9051 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidIn {
    /// Every state.
    Any,
    /// Before login only.
    NotAuthenticated,
    /// After login.
    Authenticated,
    /// With a mailbox selected.
    Selected,
}

/// One line of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The name on the wire in upper case; `UID FETCH` and the like have their own lines.
    pub name: &'static str,
    /// When it may be used.
    pub valid_in: ValidIn,
    /// The capability that announces it; `None` for the base protocol.
    pub capability: Option<&'static str>,
}

/// Why a frame is no command, with what is needed for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCommand {
    /// The tag, where there was one; else the answer is an untagged BAD.
    pub tag: Option<Tag>,
    /// The command's name in upper case where the registry knows it.
    pub name: Option<&'static str>,
    /// What was wrong.
    pub error: ParseError,
}

impl Command {
    /// Parses a frame of the framer: tag and command.
    ///
    /// One grammar serves every dialect: what old clients write differently is read from all. `dialect` is
    /// there for extensions that change the grammar once enabled.
    pub fn parse(frame: &Bytes, dialect: Dialect) -> Result<(Tag, Self), BadCommand> {
        let _ = dialect;
        let bad = |tag, name, error| BadCommand { tag, name, error: error_of(error) };
        let (rest, tag) = tag(Span::new(frame)).map_err(|error| bad(None, None, error))?;
        let spec = command_name(rest).and_then(|(rest, name)| match lookup(name.octets()) {
            Some(spec) => Ok((rest, spec)),
            None => name.fail("command"),
        });
        let (rest, spec) = match spec {
            Ok(found) => found,
            Err(error) => return Err(bad(Some(tag), None, error)),
        };
        let parsed = no_nul(rest)
            .and_then(|(rest, ())| Self::parse_arguments(spec.name, rest))
            .and_then(|(rest, command)| end(rest).map(|_| command));
        match parsed {
            Ok(command) => Ok((tag, command)),
            Err(error) => Err(bad(Some(tag), Some(spec.name), error)),
        }
    }

    /// The registry's line of this command.
    pub fn spec(&self) -> &'static Spec {
        lookup(self.name().as_bytes()).expect("the table makes a line for every variant")
    }

    /// Writes tag and command for a client, CRLF included. Strings that cannot be quoted are literals;
    /// `literals` (or `true` for LITERAL+) says which of them the server reads at once. The returned offsets
    /// into `out` are where the client has to wait for `+`, each behind the head of a synchronizing literal.
    ///
    /// [`Command::Append`] ends with the head of its literal; the octets and the last CRLF are the caller's.
    pub fn write(&self, tag: &Tag, literals: impl Into<Literals>, out: &mut Vec<u8>) -> Vec<usize> {
        out.extend_from_slice(tag.as_bytes());
        let mut writer = CommandWriter::new(out, literals.into());
        writer.sp();
        writer.raw(self.name());
        self.write_arguments(&mut writer);
        if !matches!(self, Self::Append(_)) {
            writer.raw("\r\n");
        }
        writer.into_waits()
    }
}

/// Tag and name of a frame that may be incomplete or wrong: for answers to what cannot be parsed, and for
/// the decision on a literal. The name is upper case and in the registry (`UID FETCH` with its second word).
pub fn peek(frame: &[u8]) -> (Option<Tag>, Option<&'static Spec>) {
    let start = Bytes::copy_from_slice(&frame[..frame.len().min(PEEK_OCTETS_MAX)]);
    match tag(Span::new(&start)) {
        Ok((rest, tag)) => {
            let spec = command_name(rest).ok().and_then(|(_, name)| lookup(name.octets()));
            (Some(tag), spec)
        }
        Err(_) => (None, None),
    }
}

/// Tag and name end before that, with room to spare.
const PEEK_OCTETS_MAX: usize = Tag::MAX_OCTETS + 64;

/// The registry's line of a name in any case.
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    REGISTRY.iter().find(|spec| spec.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The arguments of a command: what the file of a family gives the table.
pub(crate) trait Body: Sized {
    /// Reads the arguments; SP before them and the end of the frame behind them are not its business.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self>;

    /// Writes what [`Self::parse`] reads.
    fn write(&self, out: &mut CommandWriter<'_>);

    /// Under which of its two names the command is written.
    fn form(&self) -> Form {
        Form::Plain
    }
}

/// Whether a command stands by itself or behind `UID` (RFC 9051 §6.4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Uid,
}

impl Form {
    fn of(uid: bool) -> Self {
        if uid { Self::Uid } else { Self::Plain }
    }

    fn is_uid(self) -> bool {
        self == Self::Uid
    }
}

fn parse_body<B: Body>(input: Span<'_>, form: Form, variant: fn(B) -> Command) -> Parsed<'_, Command> {
    let (rest, ()) = sp(input)?;
    B::parse(rest, form).map(|(rest, body)| (rest, variant(body)))
}

fn write_body<B: Body>(out: &mut CommandWriter<'_>, body: &B) {
    out.sp();
    body.write(out);
}

/// `SP` and the name of a command, which is two words where the first is `UID`.
fn command_name(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    let (input, ()) = sp(input)?;
    let (rest, first) = command_word(input)?;
    if !first.is("UID") {
        return Ok((rest, first));
    }
    let (rest, second) = command_word(sp(rest)?.0)?;
    Ok(input.split(first.octets().len() + 1 + second.octets().len())).map(|(_, name)| (rest, name))
}

fn command_word(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    run(crate::parse::is_atom_char, "command")(input)
}

/// NUL stands nowhere but in a `literal8` (RFC 9051 §9, note 3).
fn no_nul(input: Span<'_>) -> Parsed<'_, ()> {
    let octets = input.octets();
    match memchr::memchr(0, octets) {
        Some(nul) if memchr::memmem::find(octets, b"~{").is_none() => input.skip(nul).fail("no NUL"),
        _ => Ok((input, ())),
    }
}

fn error_of(error: nom::Err<ParseError>) -> ParseError {
    match error {
        nom::Err::Error(error) | nom::Err::Failure(error) => error,
        nom::Err::Incomplete(_) => ParseError { rule: "more", at: 0 },
    }
}
