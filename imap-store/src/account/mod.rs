//! One account: its changes, their fold, and the operations that decide them.

mod ops;
mod snapshot;

pub use ops::{Account, Appended, Copied, FlagChange, NewMessage, Stored, Upload, Uploaded};
pub use snapshot::{
    Counters, Diff, Flags, Mailbox, MailboxId, MessageNumber, MessageRef, Snapshot, SpecialUse,
};
