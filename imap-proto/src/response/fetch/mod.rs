//! FETCH (RFC 9051 §7.5.2): [`FetchAttribute`] and [`StreamedFetch`] for clients, [`FetchWriter`] for servers.

mod annotation;
mod read;
mod streamed;
mod write;

use bytes::Bytes;
use smallvec::SmallVec;

pub use self::annotation::{Annotation, AnnotationEntry};
pub(super) use self::read::read_fetch;
pub use self::streamed::{FetchedMessage, StreamedFetch, StreamedItem};
pub use self::write::FetchWriter;
pub(super) use self::write::{write_attributes, write_fetch, write_uid_fetch};
use crate::command::Section;
use crate::types::{BodyStructure, DateTime, Envelope, Flags, ModSeq, ObjectId, Uid};

/// The items of one FETCH response. One or two, as UID and FLAGS, need no memory of their own.
pub type FetchAttributes = SmallVec<[FetchAttribute; 2]>;

/// One item of a FETCH response.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchAttribute {
    /// FLAGS (...)
    Flags(Flags),
    /// UID n
    Uid(Uid),
    /// MODSEQ (n)
    ModSeq(ModSeq),
    /// INTERNALDATE "..."
    InternalDate(DateTime),
    /// RFC822.SIZE n
    Rfc822Size(u64),
    /// ENVELOPE (...)
    Envelope(Box<Envelope>),
    /// BODY (...), without extension data
    Body(Box<BodyStructure>),
    /// BODYSTRUCTURE (...)
    BodyStructure(Box<BodyStructure>),
    /// RFC822, RFC822.HEADER or RFC822.TEXT with its data
    Rfc822(&'static str, Option<Bytes>),
    /// `BODY[section]<origin>` data
    Section {
        /// Which octets.
        section: Section,
        /// From which octet on, where a part was asked for.
        origin: Option<u64>,
        /// The octets; `None` is NIL.
        data: Option<Bytes>,
    },
    /// `BINARY[part]<origin>` data
    Binary {
        /// The part.
        part: Vec<u32>,
        /// From which octet on.
        origin: Option<u64>,
        /// The decoded octets; `None` is NIL.
        data: Option<Bytes>,
    },
    /// `BINARY.SIZE[part]` n
    BinarySize(Vec<u32>, u64),
    /// EMAILID (id) (RFC 8474)
    EmailId(ObjectId),
    /// THREADID (id), `None` where the server has no threads (RFC 8474)
    ThreadId(Option<ObjectId>),
    /// SAVEDATE "...", `None` where the mailbox does not keep it (RFC 8514)
    SaveDate(Option<DateTime>),
    /// PREVIEW text in UTF-8, `None` where there is none yet (RFC 8970)
    Preview(Option<Bytes>),
    /// ANNOTATION (...) (RFC 5257)
    Annotation(Annotation),
    /// X-GM-MSGID n (Gmail)
    GmMsgId(u64),
    /// X-GM-THRID n (Gmail)
    GmThrId(u64),
    /// X-GM-LABELS (...), in the octets of the wire (Gmail)
    GmLabels(Vec<Bytes>),
    /// `BODYPARTSTRUCTURE[part]` (...) of a CONVERTED (RFC 5259)
    BodyPartStructure(Vec<u32>, Box<BodyStructure>),
    /// `AVAILABLECONVERSIONS[part]` ((...)): MIME types that a part can become (RFC 5259)
    AvailableConversions(Vec<u32>, Vec<Bytes>),
    /// An item that we do not know or could not read: its name and its value, verbatim.
    Other(Bytes, Bytes),
}
