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
    /// Whether what belongs to `level` is served.
    pub(crate) fn serves(&self, level: Level) -> bool {
        level
            <= match self.ceiling {
                None => Level::Rev2,
                Some(Ceiling::Imap2) => Level::Silent,
                Some(Ceiling::Imap2bis) => Level::Imap2bis,
            }
    }
}
