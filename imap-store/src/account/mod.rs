//! One account: its changes, their fold, and the operations that decide them.
//!
//! ```text
//!   decide(head, asked) -> Change        pure; decide.rs, decide_names.rs, users.rs
//!   apply(state, Change) -> state        pure, total, the same live and in replay; apply.rs
//!   commit                               lock, decide, apply, queue, wait; commit.rs
//!   Snapshot, Mailbox, Page              what readers see, persistent; snapshot.rs, mailbox.rs, page.rs
//! ```

mod apply;
mod change;
mod codec;
mod commit;
mod decide;
mod decide_names;
mod files;
mod graves;
mod history;
pub(crate) mod image;
mod leap;
mod listing;
mod mailbox;
mod metadata;
mod names;
mod ops;
mod page;
mod quota;
mod rights;
pub(crate) mod rows;
mod seen;
pub(crate) mod sharing;
mod size;
mod snapshot;
mod summaries;
mod table;
mod threads;
pub(crate) mod transfer;
mod tree;
mod upload;
pub(crate) mod users;
mod watch;

pub use graves::Grave;
pub use listing::SummaryReader;
pub use mailbox::{Finder, Mailbox};
pub use metadata::Metadata;
pub(crate) use ops::Limits;
pub use ops::{Account, Appended, Copied, FlagChange, NewMessage, Stored};
pub use quota::{Quota, QuotaResource, Usage};
pub use rights::{Acl, AclChange, AclEntry, Rights, Who};
pub use seen::SeenMode;
pub use sharing::{Owner, Place};
pub use snapshot::{Counters, Diff, Flags, MailboxId, MessageNumber, MessageRef, Snapshot, SpecialUse};
pub use upload::{Upload, Uploaded};
pub use watch::Watch;

pub(crate) use apply::apply;
pub(crate) use change::Change;
pub(crate) use commit::{Core, Dirt};
pub(crate) use files::replace;
pub(crate) use graves::Retention;
pub(crate) use leap::{leap, raise_epoch};
pub(crate) use metadata::MetadataLimits;
pub(crate) use summaries::{Summaries, SummaryWriter};
pub(crate) use threads::Ids;
