//! [`Dialect`]: how a session writes, as data in one place.

use crate::types::NameForm;

/// The language that a session has shown to speak; it only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Has shown nothing yet: served as IMAP2 (RFC 1176).
    Silent,
    /// Has used a command of the IMAP2bis drafts.
    Imap2bis,
    /// Has used something of RFC 1730 or newer. Nothing tells RFC 1730 from RFC 3501.
    Imap4,
    /// Has enabled IMAP4rev2 (RFC 9051).
    Rev2,
}

/// How strings and names are written to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The language.
    pub level: Level,
    /// UTF8=ACCEPT is enabled (RFC 9755).
    pub utf8_accept: bool,
}

impl Dialect {
    /// A client that has said nothing yet.
    pub const SILENT: Self = Self { level: Level::Silent, utf8_accept: false };
    /// A client of IMAP4 or IMAP4rev1.
    pub const IMAP4: Self = Self { level: Level::Imap4, utf8_accept: false };

    /// Whether UTF-8 may stand in quoted strings.
    pub fn quotes_utf8(self) -> bool {
        self.utf8_accept || self.level == Level::Rev2
    }

    /// How mailbox names are written.
    pub fn name_form(self) -> NameForm {
        if self.quotes_utf8() { NameForm::Utf8 } else { NameForm::ModifiedUtf7 }
    }
}
