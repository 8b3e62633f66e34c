//! [`DialectOptions`]: what an operator decided about old and new dialects on one listener.

use imap_proto::Level;
use serde::Deserialize;

/// What is different on one listener from what every client gets. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DialectOptions {
    /// The newest dialect that is served; `None`: every one.
    #[serde(rename = "dialect-ceiling")]
    pub ceiling: Option<Ceiling>,
    /// COPY makes a mailbox that is missing, as RFC 1176 says; for clients of IMAP2 and IMAP2bis only.
    pub copy_creates: bool,
    /// INTERNALDATE is told in the form of RFC 1176 to clients of IMAP2 and IMAP2bis.
    pub old_dates: bool,
    /// BBOARD and its kin are served, over the mailboxes that are no person's; `None`: where there are any.
    pub bboards: Option<bool>,
    /// Capabilities that are not announced, and that ENABLE does not know, in any case: the way round a faulty client.
    /// IMAP4rev1 is announced all the same.
    #[serde(rename = "hide-capabilities")]
    pub hidden: Vec<String>,
}

/// A dialect above which everything is refused as unknown, CAPABILITY too, so that programs that know several step
/// down to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ceiling {
    /// RFC 1176.
    Imap2,
    /// The drafts of 1992 and 1993.
    Imap2bis,
}

impl DialectOptions {
    /// Whether a capability is hidden. QRESYNC goes with CONDSTORE, which is a part of it (RFC 7162 §3.2.3).
    pub(crate) fn hides(&self, name: &[u8]) -> bool {
        let hidden = |name: &[u8]| self.hidden.iter().any(|it| it.as_bytes().eq_ignore_ascii_case(name));
        let with_it = name.eq_ignore_ascii_case(b"QRESYNC") && hidden(b"CONDSTORE");
        (hidden(name) || with_it) && !name.eq_ignore_ascii_case(b"IMAP4rev1")
    }

    /// The newest dialect that is served.
    pub(crate) fn highest(&self) -> Level {
        match self.ceiling {
            None => Level::Rev2,
            Some(Ceiling::Imap2) => Level::Silent,
            Some(Ceiling::Imap2bis) => Level::Imap2bis,
        }
    }

    /// Whether what belongs to `level` is served.
    pub(crate) fn serves(&self, level: Level) -> bool {
        level <= self.highest()
    }
}
