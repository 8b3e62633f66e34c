//! ENVELOPE: the listing fields of a message's header (RFC 9051 §7.5.2).

use super::{AddressList, Octets};
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write::nstring;

/// The header fields that a client lists messages by. Every value is the octets of the field, unfolded,
/// not decoded; `None` is NIL.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Date, as written.
    pub date: Option<Octets>,
    /// Subject, as written (RFC 2047 words are not decoded).
    pub subject: Option<Octets>,
    /// From. Empty is NIL.
    pub from: AddressList,
    /// Sender, or From where it is missing or empty.
    pub sender: AddressList,
    /// Reply-To, or From where it is missing or empty.
    pub reply_to: AddressList,
    /// To. Empty is NIL.
    pub to: AddressList,
    /// Cc. Empty is NIL.
    pub cc: AddressList,
    /// Bcc. Empty is NIL.
    pub bcc: AddressList,
    /// In-Reply-To, as written.
    pub in_reply_to: Option<Octets>,
    /// Message-ID, as written.
    pub message_id: Option<Octets>,
}

impl Envelope {
    /// Reads `(date subject (from) ...)`. Forgiving: NIL and any kind of string are taken everywhere, an
    /// empty string is an empty list of addresses, and what stands behind the last field is skipped.
    /// `None` when a field is missing.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.eat_spaced(b'(') {
            return None;
        }
        let date = reader.nstring()?;
        let subject = reader.nstring()?;
        let start = *reader;
        let from = AddressList::read(reader)?;
        let from_octets = reader.passed(&start);
        let from_or_other = |reader: &mut Reader<'_>| {
            // The same octets mean the same, so the list is shared. NIL could go on behind what is the same.
            if !from.is_empty() && reader.eat_all(from_octets) {
                Some(from.clone())
            } else {
                AddressList::read(reader)
            }
        };
        let sender = from_or_other(reader)?;
        let reply_to = from_or_other(reader)?;
        let envelope = Self {
            date,
            subject,
            from,
            sender,
            reply_to,
            to: AddressList::read(reader)?,
            cc: AddressList::read(reader)?,
            bcc: AddressList::read(reader)?,
            in_reply_to: reader.nstring()?,
            message_id: reader.nstring()?,
        };
        while !reader.eat_spaced(b')') {
            reader.skip_value(0).ok()?;
        }
        Some(envelope)
    }

    /// Writes `(date subject (from) ...)` as the dialect wants it; an empty address list is NIL.
    pub fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.push(b'(');
        for field in [&self.date, &self.subject] {
            nstring(out, field.as_deref(), dialect);
            out.push(b' ');
        }
        for list in [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc] {
            list.write(out, dialect);
            out.push(b' ');
        }
        nstring(out, self.in_reply_to.as_deref(), dialect);
        out.push(b' ');
        nstring(out, self.message_id.as_deref(), dialect);
        out.push(b')');
    }
}
