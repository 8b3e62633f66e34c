//! How flags are told: keywords first, and to clients of before IMAP4 only what they can bear.

use imap_proto::response::{Code, Kind, Response, write_status};
use imap_proto::types::{Flag, SystemFlag};
use imap_proto::{Dialect, Level};
use imap_store::account::{Flags, Mailbox, Rights};

/// Keywords that a client of IMAP2 or IMAP2bis is shown: its tables have room for thirty (RFC 1176 speaks of them).
const OLD_KEYWORDS_MAX: usize = 30;
/// Octets of a status line to such a client.
const OLD_LINE_OCTETS_MAX: usize = 800;

/// Whether the client showed nothing yet that IMAP2bis does not have.
pub(crate) fn is_old(dialect: Dialect) -> bool {
    dialect.level < Level::Imap4
}

/// How many of a mailbox's keywords the client is shown.
pub(super) fn keywords_shown(dialect: Dialect, mailbox: &Mailbox) -> usize {
    let count = mailbox.keywords().len();
    if is_old(dialect) { count.min(OLD_KEYWORDS_MAX) } else { count }
}

/// Whether a client of before IMAP4 is not told one of these.
pub(super) fn has_hidden(flags: &Flags) -> bool {
    let is_late = |&keyword: &u16| usize::from(keyword) >= OLD_KEYWORDS_MAX;
    flags.has(SystemFlag::Draft) || flags.keywords().iter().any(is_late)
}

/// The flags of a mailbox's messages, ready to be written without an allocation a message.
pub(crate) struct FlagNames {
    keywords: Vec<Flag>,
    /// The flags of RFC 1176 alone, or those of IMAP4 too.
    system: &'static [(SystemFlag, Flag)],
    /// `\Recent` is told.
    tells_recent: bool,
}

impl FlagNames {
    /// The names that a client of `dialect` is told.
    pub(crate) fn new(mailbox: &Mailbox, dialect: Dialect) -> Self {
        let keywords = mailbox.keywords().iter().take(keywords_shown(dialect, mailbox));
        Self {
            keywords: keywords.cloned().map(Flag::Keyword).collect(),
            system: if is_old(dialect) { &SYSTEM_FLAGS[..4] } else { &SYSTEM_FLAGS },
            tells_recent: dialect.level != Level::Rev2,
        }
    }

    /// Keywords first: a client of 1988 overruns its array at a keyword behind a system flag.
    pub(crate) fn of<'f>(&'f self, flags: &'f Flags, recent: bool) -> impl Iterator<Item = &'f Flag> + 'f {
        let keywords = flags.keywords().iter().filter_map(|&number| self.keywords.get(usize::from(number)));
        let system = self.system.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, flag)| flag);
        keywords.chain(system).chain((recent && self.tells_recent).then_some(&Flag::Recent))
    }

    /// Every flag that the client can be told of a message, but `\Recent`.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Flag> {
        self.keywords.iter().chain(self.system.iter().map(|(_, flag)| flag))
    }
}

const SYSTEM_FLAGS: [(SystemFlag, Flag); 5] = [
    (SystemFlag::Answered, Flag::System(SystemFlag::Answered)),
    (SystemFlag::Flagged, Flag::System(SystemFlag::Flagged)),
    (SystemFlag::Deleted, Flag::System(SystemFlag::Deleted)),
    (SystemFlag::Seen, Flag::System(SystemFlag::Seen)),
    (SystemFlag::Draft, Flag::System(SystemFlag::Draft)),
];

/// FLAGS of a mailbox, keywords first. \Draft stands here for all: it hurts nobody.
pub(crate) fn write_flags(out: &mut Vec<u8>, dialect: Dialect, mailbox: &Mailbox) {
    Response::Flags(all_flags(dialect, mailbox)).write(out, dialect);
}

/// PERMANENTFLAGS of a mailbox: those that the user's rights let change. To old clients it is text to be shown, in a
/// line of bounded length.
pub(crate) fn write_permanent_flags(out: &mut Vec<u8>, dialect: Dialect, mailbox: &Mailbox, rights: Rights) {
    let mut flags = all_flags(dialect, mailbox);
    flags.retain(|flag| {
        rights.has(match flag {
            Flag::System(SystemFlag::Seen) => Rights::SEEN,
            Flag::System(SystemFlag::Deleted) => Rights::DELETE_MESSAGES,
            _ => Rights::WRITE,
        })
    });
    if rights.has(Rights::WRITE) {
        if is_old(dialect) {
            let mut octets = 0;
            flags.retain(|flag| {
                octets += 1 + if let Flag::Keyword(keyword) = flag { keyword.as_str().len() } else { 10 };
                octets <= OLD_LINE_OCTETS_MAX || !matches!(flag, Flag::Keyword(_))
            });
        }
        if mailbox.takes_keywords() {
            flags.push(Flag::Wildcard);
        }
    }
    write_status(out, None, Kind::Ok, Some(&Code::PermanentFlags(flags)), "Flags that are kept");
}

fn all_flags(dialect: Dialect, mailbox: &Mailbox) -> Vec<Flag> {
    let mut flags = FlagNames::new(mailbox, dialect).keywords;
    flags.extend(SYSTEM_FLAGS.iter().map(|(_, flag)| flag.clone()));
    flags
}
