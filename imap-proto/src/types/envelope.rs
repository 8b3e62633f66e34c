//! ENVELOPE: the listing fields of a message's header (RFC 9051 §7.5.2).

use super::Octets;
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
    pub from: Vec<Address>,
    /// Sender, or From where it is missing or empty.
    pub sender: Vec<Address>,
    /// Reply-To, or From where it is missing or empty.
    pub reply_to: Vec<Address>,
    /// To. Empty is NIL.
    pub to: Vec<Address>,
    /// Cc. Empty is NIL.
    pub cc: Vec<Address>,
    /// Bcc. Empty is NIL.
    pub bcc: Vec<Address>,
    /// In-Reply-To, as written.
    pub in_reply_to: Option<Octets>,
    /// Message-ID, as written.
    pub message_id: Option<Octets>,
}

/// One element of an address list (RFC 9051 §7.5.2).
///
/// A group is a start (`mailbox` is its name, `host` is `None`), its members, and an end (all `None`).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Address {
    /// The display name.
    pub name: Option<Octets>,
    /// The source route (at-domain-list), as good as extinct.
    pub route: Option<Octets>,
    /// The local part, or a group's name.
    pub mailbox: Option<Octets>,
    /// The domain; `None` marks the ends of a group.
    pub host: Option<Octets>,
}

impl Envelope {
    /// Reads `(date subject (from) ...)`. Forgiving: NIL and any kind of string are taken everywhere, an
    /// empty string is an empty list of addresses, and what stands behind the last field is skipped.
    /// `None` when a field is missing.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.eat_spaced(b'(') {
            return None;
        }
        let envelope = Self {
            date: reader.nstring()?,
            subject: reader.nstring()?,
            from: read_addresses(reader)?,
            sender: read_addresses(reader)?,
            reply_to: read_addresses(reader)?,
            to: read_addresses(reader)?,
            cc: read_addresses(reader)?,
            bcc: read_addresses(reader)?,
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
            write_addresses(out, list, dialect);
            out.push(b' ');
        }
        nstring(out, self.in_reply_to.as_deref(), dialect);
        out.push(b' ');
        nstring(out, self.message_id.as_deref(), dialect);
        out.push(b')');
    }
}

/// `"(" 1*address ")" / nil`: no space between two addresses.
fn write_addresses(out: &mut Vec<u8>, addresses: &[Address], dialect: Dialect) {
    if addresses.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in addresses {
        address.write(out, dialect);
    }
    out.push(b')');
}

impl Address {
    /// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`
    fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        for (before, field) in
            [(b'(', &self.name), (b' ', &self.route), (b' ', &self.mailbox), (b' ', &self.host)]
        {
            out.push(before);
            nstring(out, field.as_deref(), dialect);
        }
        out.push(b')');
    }
}

fn read_addresses(reader: &mut Reader<'_>) -> Option<Vec<Address>> {
    if reader.eat_nils(b" NIL") {
        return Some(Vec::new());
    }
    reader.skip_spaces();
    if reader.peek() == Some(b'"') {
        return reader.quoted().filter(|string| string.is_empty()).map(|_| Vec::new());
    }
    reader.list(Address::read)
}

impl Address {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.eat_spaced(b'(') {
            return None;
        }
        let address = Self {
            name: reader.nstring()?,
            route: reader.nstring()?,
            mailbox: reader.nstring()?,
            host: reader.nstring()?,
        };
        reader.eat_spaced(b')').then_some(address)
    }
}
