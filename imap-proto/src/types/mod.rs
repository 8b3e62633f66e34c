//! The vocabulary of IMAP, one concept a file. Values that cannot be wrong are public fields; all else is
//! built by one checked constructor.
//!
//! Text is kept as [`bytes::Bytes`]: slices of the frame it was parsed from, so parsing copies nothing and
//! every value owns what it needs. Whoever keeps a small value for long copies it. What is short mostly (the
//! strings of envelopes and body structures, tags, keywords, names of header fields) is [`Octets`], which holds it in place.

mod address;
mod body_structure;
mod date;
mod envelope;
mod flag;
mod mailbox_name;
mod modified_utf7;
mod number;
mod number_ranges;
mod object_id;
mod octets;
mod partial_range;
mod quota_resource;
mod search_key;
mod secret;
mod set;

pub use address::{Address, AddressList};
pub use body_structure::{BodyStructure, Content, Disposition, Extension, Parameters};
pub use date::{Date, DateTime};
pub(crate) use date::{MONTHS, days_since_epoch, write_date};
pub use envelope::Envelope;
pub use flag::{Flag, Flags, Keyword, SystemFlag};
pub use mailbox_name::{BadMailboxName, MailboxName, NameForm, WireMailbox};
pub use number::{ModSeq, SeqNum, Uid, UidValidity};
pub use number_ranges::NumberRanges;
pub use object_id::ObjectId;
pub(crate) use object_id::is_id_char;
pub use octets::Octets;
pub use partial_range::PartialRange;
pub use quota_resource::QuotaResource;
pub use search_key::{AnnotationKey, AnnotationValue, EntryScope, ModSeqEntry, SearchKey};
pub use secret::Secret;
pub use set::{NumberSet, SequenceSet, SetEnd, SetRanges};
