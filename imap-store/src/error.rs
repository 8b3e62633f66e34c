//! The store's errors, by whose fault.

use std::path::PathBuf;

use crate::account::QuotaResource;

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the store; nothing was touched. The text names it (from the lock file).
    #[error("the store in {dir} is in use by {holder}")]
    InUse {
        /// The store's directory.
        dir: PathBuf,
        /// `process 4711`, or what else the lock file tells.
        holder: String,
    },
    /// The directory is of a newer format than this program knows; nothing was touched.
    #[error("{dir} has format {found}, this program knows up to {known}")]
    NewerFormat {
        /// The store's directory.
        dir: PathBuf,
        /// The format on disk.
        found: u32,
        /// The newest that we read.
        known: u32,
    },
    /// A file that is needed cannot be read as what it should be; the operator must act (restore, check).
    #[error("{file} is damaged: {what}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The disk refused.
    #[error("{file}: {error}")]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
}

/// Why the store did not do what was asked. Where nothing else is said, nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such user, mailbox, or account. The user must name another.
    #[error("there is no such {what}")]
    NonExistent {
        /// `mailbox`, `user`, ...
        what: &'static str,
    },
    /// The name is taken.
    #[error("the {what} exists already")]
    AlreadyExists {
        /// `mailbox`, `user`, ...
        what: &'static str,
    },
    /// The mailbox's ACL does not let the user do that (RFC 4314). Who may not even know of the mailbox is told
    /// [`StoreError::NonExistent`].
    #[error("you have no right to do that")]
    NoPerm,
    /// What was asked cannot be done by anybody (delete INBOX, rename below itself, ...).
    #[error("{reason}")]
    Cannot {
        /// Why, for a person.
        reason: &'static str,
    },
    /// A message that was named is gone; the client was not told yet.
    #[error("some of these messages are gone")]
    Expunged,
    /// The mailbox has children and cannot go (DELETE of a name that is \NonExistent already).
    #[error("the mailbox has children")]
    HasChildren,
    /// A bound of the store was reached (keywords of a mailbox, UIDs, mailboxes).
    #[error("{what}")]
    Limit {
        /// Which, for a person.
        what: &'static str,
    },
    /// The account may not hold so much; nothing was changed. Something must go first.
    #[error("the account may hold {limit} {resource}, and holds {used}")]
    OverQuota {
        /// Of what.
        resource: QuotaResource,
        /// How much of it there is.
        used: u64,
        /// How much there may be.
        limit: u64,
    },
    /// An annotation is larger than the store takes.
    #[error("the annotation is larger than {max_octets} octets")]
    MetadataTooBig {
        /// The bound.
        max_octets: u64,
    },
    /// The mailbox, or the account, has as many annotations as it may.
    #[error("there are too many annotations")]
    MetadataTooMany,
    /// The message is larger than the store takes.
    #[error("the message is larger than {max_octets} octets")]
    TooBig {
        /// The bound.
        max_octets: u64,
    },
    /// A checksum did not match. The message cannot be served until it is repaired; all others can.
    #[error("the stored data of {what} is damaged")]
    Damaged {
        /// Which, for a person and the log.
        what: String,
    },
    /// There is no room, or the store is closing: nothing was changed, trying again later may work.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// Why, for the operator.
        reason: String,
    },
    /// A write or sync failed: whether the change is kept is unknown. The session must end without an
    /// answer; the log takes no more writes until it is opened again.
    #[error("the outcome is unknown: {reason}")]
    InDoubt {
        /// Why, for the operator.
        reason: String,
    },
}
