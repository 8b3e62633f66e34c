//! Commands: one file a family, with its types, its parser and its writer; the registry is here.
//!
//! The parser runs once over a whole frame (see [`crate::wire`]); the server parses and the client writes
//! the same types, so `parse(write(x)) == x`.
//!
//! A new command is a file beside this one with an `impl Body`, and a line in the table of `commands!`.

mod acl;
mod annotation;
mod append;
mod auth;
mod cancel_update;
mod compress;
mod convert;
mod create;
mod enable;
mod esearch;
mod fetch;
mod id;
mod language;
mod list;
mod lookup;
mod mailbox;
mod mailbox_filter;
mod message;
mod metadata;
mod notify;
mod quota;
mod search;
mod search_return;
mod select;
mod sort;
mod status;
mod store;
mod tag;
#[cfg(test)]
mod tests;
mod uid_batches;
mod urlauth;
mod writer;

use bytes::Bytes;

pub use acl::{AclEntry, RightsAction, SetAcl};
pub use annotation::{AnnotationQuery, EntryValues};
pub use append::{
    Append, AppendLiteral, AppendMessage, AppendOptions, AppendParser, AppendPiece, AppendWriter, Replace,
};
pub use auth::{Authenticate, Login};
pub use cancel_update::CancelUpdate;
pub use compress::Compress;
pub use convert::{Conversions, Convert, ConvertItem};
pub use create::Create;
pub use enable::Enable;
pub use esearch::Esearch;
pub use fetch::{Fetch, FetchItem, FetchModifiers, Partial, PartialFetch, Section, SectionText};
pub(crate) use fetch::{section, section_binary};
pub use id::Id;
pub use language::Preferences;
pub use list::{Find, List, ListReturn, ListSelect, PlainList};
pub use lookup::lookup;
pub use mailbox::{OneMailbox, Rename, Subscription};
pub use mailbox_filter::MailboxFilter;
pub use message::{CopyMove, UidExpunge};
pub use metadata::{GetMetadata, MetadataDepth, SetMetadata};
pub use notify::{EventGroup, Notify, NotifyEvent};
pub use quota::{GetQuota, SetQuota};
pub use search::Search;
pub use search_return::SearchReturn;
pub use select::{Qresync, Select};
pub use sort::{Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm};
pub(crate) use status::status_att;
pub use status::{Status, StatusItem};
pub use store::{FlagAction, Store, StoreData};
pub use tag::Tag;
use tag::tag;
pub use uid_batches::UidBatches;
pub use urlauth::{GenUrlAuth, ResetKey, UrlFetch, UrlFetchItem};
use writer::CommandWriter;
pub use writer::Literals;

use crate::parse::{NO_NUL, Parsed, Span, end, is_argument_next, length_of, run, sp};
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

        /// What reads the arguments of each line of [`REGISTRY`], SP before them included.
        static PARSERS: &[for<'a> fn(Span<'a>) -> Parsed<'a, Command>] = &[
            $( |input| Ok((input, Command::$bare)), )*
            $( |input| parse_body(input, Form::Plain, Command::$variant), )*
            $(
                |input| parse_body(input, Form::Plain, Command::$both),
                |input| parse_body(input, Form::Uid, Command::$both),
            )*
        ];

        impl Command {
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
        /// UNAUTHENTICATE (RFC 8437)
        "UNAUTHENTICATE" => Unauthenticate, Authenticated, Some("UNAUTHENTICATE");
        /// GETJMAPACCESS (RFC 9698)
        "GETJMAPACCESS" => GetJmapAccess, Authenticated, Some("JMAPACCESS");
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
        "SELECT" => Select(Select), Authenticated, None;
        /// EXAMINE
        "EXAMINE" => Examine(Select), Authenticated, None;
        /// CREATE
        "CREATE" => Create(Create), Authenticated, None;
        /// DELETE
        "DELETE" => Delete(OneMailbox), Authenticated, None;
        /// RENAME
        "RENAME" => Rename(Rename), Authenticated, None;
        /// SUBSCRIBE
        "SUBSCRIBE" => Subscribe(Subscription), Authenticated, None;
        /// UNSUBSCRIBE
        "UNSUBSCRIBE" => Unsubscribe(Subscription), Authenticated, None;
        /// LIST
        "LIST" => List(List), Authenticated, None;
        /// LSUB (RFC 3501)
        "LSUB" => Lsub(PlainList), Authenticated, None;
        /// RLIST (RFC 2193)
        "RLIST" => Rlist(PlainList), Authenticated, Some("MAILBOX-REFERRALS");
        /// RLSUB (RFC 2193)
        "RLSUB" => Rlsub(PlainList), Authenticated, Some("MAILBOX-REFERRALS");
        /// XLIST: LIST with special uses, before RFC 6154
        "XLIST" => Xlist(PlainList), Authenticated, Some("XLIST");
        /// FIND MAILBOXES (RFC 1176): the subscribed mailboxes
        "FIND MAILBOXES" => FindMailboxes(Find), Authenticated, None;
        /// FIND ALL.MAILBOXES (IMAP2bis): all mailboxes
        "FIND ALL.MAILBOXES" => FindAllMailboxes(Find), Authenticated, None;
        /// FIND BBOARDS (RFC 1176): the subscribed bulletin boards
        "FIND BBOARDS" => FindBulletinBoards(Find), Authenticated, None;
        /// FIND ALL.BBOARDS (IMAP2bis): all bulletin boards
        "FIND ALL.BBOARDS" => FindAllBulletinBoards(Find), Authenticated, None;
        /// BBOARD (RFC 1176): EXAMINE of a bulletin board
        "BBOARD" => BulletinBoard(OneMailbox), Authenticated, None;
        /// STATUS
        "STATUS" => Status(Status), Authenticated, None;
        /// APPEND up to its first literal that is a message, for clients: [`Command::write`] ends with `{n}` CRLF,
        /// and the octets follow. [`Command::parse`] gives it only where all is taken from URLs; else a
        /// server reads it with [`AppendParser`] and streams the octets.
        "APPEND" => Append(Append), Authenticated, None;
        /// PARTIAL (RFC 1730)
        "PARTIAL" => Partial(PartialFetch), Selected, None;
        /// UID EXPUNGE
        "UID EXPUNGE" => UidExpunge(UidExpunge), Selected, Some("UIDPLUS");
        /// ESEARCH (RFC 7377)
        "ESEARCH" => Esearch(Esearch), Authenticated, Some("MULTISEARCH");
        /// CANCELUPDATE (RFC 5267)
        "CANCELUPDATE" => CancelUpdate(CancelUpdate), Selected, Some("CONTEXT=SEARCH");
        /// NOTIFY (RFC 5465)
        "NOTIFY" => Notify(Notify), Authenticated, Some("NOTIFY");
        /// COMPRESS (RFC 4978)
        "COMPRESS" => Compress(Compress), Any, Some("COMPRESS=DEFLATE");
        /// UIDBATCHES (RFC 10022)
        "UIDBATCHES" => UidBatches(UidBatches), Selected, Some("UIDBATCHES");
        /// SETACL (RFC 4314)
        "SETACL" => SetAcl(SetAcl), Authenticated, Some("ACL");
        /// DELETEACL (RFC 4314)
        "DELETEACL" => DeleteAcl(AclEntry), Authenticated, Some("ACL");
        /// GETACL (RFC 4314)
        "GETACL" => GetAcl(OneMailbox), Authenticated, Some("ACL");
        /// LISTRIGHTS (RFC 4314)
        "LISTRIGHTS" => ListRights(AclEntry), Authenticated, Some("ACL");
        /// MYRIGHTS (RFC 4314)
        "MYRIGHTS" => MyRights(OneMailbox), Authenticated, Some("ACL");
        /// GETQUOTA (RFC 9208)
        "GETQUOTA" => GetQuota(GetQuota), Authenticated, Some("QUOTA");
        /// GETQUOTAROOT (RFC 9208)
        "GETQUOTAROOT" => GetQuotaRoot(OneMailbox), Authenticated, Some("QUOTA");
        /// SETQUOTA (RFC 9208)
        "SETQUOTA" => SetQuota(SetQuota), Authenticated, Some("QUOTASET");
        /// GETMETADATA (RFC 5464)
        "GETMETADATA" => GetMetadata(GetMetadata), Authenticated, Some("METADATA");
        /// SETMETADATA (RFC 5464)
        "SETMETADATA" => SetMetadata(SetMetadata), Authenticated, Some("METADATA");
        /// LANGUAGE (RFC 5255)
        "LANGUAGE" => Language(Preferences), Any, Some("LANGUAGE");
        /// COMPARATOR (RFC 5255)
        "COMPARATOR" => Comparator(Preferences), Authenticated, Some("I18NLEVEL=2");
        /// CONVERSIONS (RFC 5259)
        "CONVERSIONS" => Conversions(Conversions), Authenticated, Some("CONVERT");
        /// GENURLAUTH (RFC 4467)
        "GENURLAUTH" => GenUrlAuth(GenUrlAuth), Authenticated, Some("URLAUTH");
        /// RESETKEY (RFC 4467)
        "RESETKEY" => ResetKey(ResetKey), Authenticated, Some("URLAUTH");
        /// URLFETCH (RFC 4467)
        "URLFETCH" => UrlFetch(UrlFetch), Authenticated, Some("URLAUTH");
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
        /// SORT, UID SORT (RFC 5256)
        "SORT" | "UID SORT" => Sort(Sort), Selected, Some("SORT");
        /// THREAD, UID THREAD (RFC 5256)
        "THREAD" | "UID THREAD" => Thread(Thread), Selected, Some("THREAD");
        /// REPLACE, UID REPLACE (RFC 8508), as far as APPEND is.
        "REPLACE" | "UID REPLACE" => Replace(Replace), Selected, Some("REPLACE");
        /// CONVERT, UID CONVERT (RFC 5259)
        "CONVERT" | "UID CONVERT" => Convert(Convert), Selected, Some("CONVERT");
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
    /// The capability that announces it; `None` for the base protocol and what was before it. Where several do, the
    /// one that the others need, or what they begin with (`THREAD` for `THREAD=REFERENCES`).
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
        let line = command_name(rest).and_then(|(rest, name)| match lookup::line(name.octets()) {
            Some(line) => Ok((rest, line)),
            None => name.fail(UNKNOWN),
        });
        let (rest, line) = match line {
            Ok(found) => found,
            Err(error) => return Err(bad(Some(tag), None, error)),
        };
        let spec = &REGISTRY[line];
        let parsed = PARSERS[line](rest);
        let behind = parsed.as_ref().ok().and_then(|(rest, _)| end(*rest).err());
        let error = match behind {
            Some(error) => error,
            None => match parsed {
                Ok((_, command)) => return Ok((tag, command)),
                Err(error) => error,
            },
        };
        // No parser takes NUL for anything, so whatever was expected: this is what is wrong.
        let error = no_nul(rest).err().unwrap_or(error);
        Err(bad(Some(tag), Some(spec.name), error))
    }

    /// The registry's line of this command.
    pub fn spec(&self) -> &'static Spec {
        lookup(self.name().as_bytes()).expect("the table makes a line for every variant")
    }

    /// Writes tag and command for a client, CRLF included. Strings that cannot be quoted are literals;
    /// `literals` (or `true` for LITERAL+) says which of them the server reads at once. The returned offsets
    /// into `out` are where the client has to wait for `+`, each behind the head of a synchronizing literal.
    ///
    /// [`Command::Append`] and [`Command::Replace`] mostly end with the head of a literal; the octets and what comes
    /// behind are the caller's (see [`AppendWriter`]).
    pub fn write(&self, tag: &Tag, literals: impl Into<Literals>, out: &mut Vec<u8>) -> Vec<usize> {
        out.extend_from_slice(tag.as_bytes());
        let mut writer = CommandWriter::new(out, literals.into());
        writer.sp();
        writer.raw(self.name());
        self.write_arguments(&mut writer);
        let is_unfinished = match self {
            Self::Append(append) => append::is_unfinished(&append.pieces),
            Self::Replace(replace) => append::is_unfinished(&replace.pieces),
            _ => false,
        };
        if !is_unfinished {
            writer.raw("\r\n");
        }
        writer.into_waits()
    }
}

/// What [`ParseError::rule`] is where the command's name is in no line of [`REGISTRY`].
const UNKNOWN: &str = "known command";

impl BadCommand {
    /// What was wrong, for the person who reads the BAD. `frame` is what was parsed; of it at most
    /// 40 octets of a name that is not known are told, and none that is not printable.
    pub fn message(&self, frame: &[u8]) -> String {
        if self.error.rule != UNKNOWN {
            return self.error.to_string();
        }
        let rest = frame.get(self.error.at..).unwrap_or_default();
        let word = |from: usize| from + length_of(&rest[from..], |octet| octet.is_ascii_graphic());
        let first = word(0);
        let name = if is_first_word(&rest[..first]) && rest.len() > first {
            &rest[..word(first + 1)]
        } else {
            &rest[..first]
        };
        let (shown, more) = match name.get(..UNKNOWN_OCTETS_MAX) {
            Some(start) => (start, "..."),
            None => (name, ""),
        };
        format!("unknown command {}{more}", String::from_utf8_lossy(shown))
    }
}

/// Octets of an unknown command's name that are told.
const UNKNOWN_OCTETS_MAX: usize = 40;

/// Tag and name of a frame that may be incomplete or wrong: for answers to what cannot be parsed, and for
/// the decision on a literal. `UID` and `FIND` are taken with their second word.
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

/// The arguments of a command: what the file of a family gives the table.
pub(crate) trait Body: Sized {
    /// Reads the arguments; SP before them and the end of the frame behind them are not its business.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self>;

    /// Writes what [`Self::parse`] reads.
    fn write(&self, out: &mut CommandWriter<'_>);

    /// The command without any argument, where it may stand so. [`Self::write`] writes nothing for it.
    fn bare() -> Option<Self> {
        None
    }

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
    if !is_argument_next(input)
        && end(input).is_ok()
        && let Some(bare) = B::bare()
    {
        return Ok((input, variant(bare)));
    }
    let (rest, ()) = sp(input)?;
    B::parse(rest, form).map(|(rest, body)| (rest, variant(body)))
}

fn write_body<B: Body>(out: &mut CommandWriter<'_>, body: &B) {
    out.sp();
    let begin = out.out().len();
    body.write(out);
    if out.out().len() == begin {
        out.out().truncate(begin - 1);
    }
}

/// `SP` and the name of a command, which is two words where the first is `UID` or `FIND`.
#[inline]
fn command_name(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    let (input, ()) = sp(input)?;
    let (rest, first) = command_word(input)?;
    if !is_first_word(first.octets()) {
        return Ok((rest, first));
    }
    let (rest, second) = command_word(sp(rest)?.0)?;
    Ok(input.split(first.octets().len() + 1 + second.octets().len())).map(|(_, name)| (rest, name))
}

/// Whether the name of a command goes on behind that word.
#[inline]
fn is_first_word(word: &[u8]) -> bool {
    match word.len() {
        3 => word.eq_ignore_ascii_case(b"UID"),
        4 => word.eq_ignore_ascii_case(b"FIND"),
        _ => false,
    }
}

#[inline]
fn command_word(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    run(crate::parse::is_atom_char, "command")(input)
}

/// Where a NUL is that no `literal8` can hold.
fn no_nul(input: Span<'_>) -> Parsed<'_, ()> {
    let octets = input.octets();
    match memchr::memchr(0, octets) {
        Some(nul) if memchr::memmem::find(octets, b"~{").is_none() => input.skip(nul).fail(NO_NUL),
        _ => Ok((input, ())),
    }
}

fn error_of(error: nom::Err<ParseError>) -> ParseError {
    match error {
        nom::Err::Error(error) | nom::Err::Failure(error) => error,
        nom::Err::Incomplete(_) => ParseError { rule: "more", at: 0 },
    }
}
