//! ACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3.6 to §3.8, RFC 2086).

use bytes::Bytes;

use super::text::write_astring;
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* ACL mailbox identifier rights ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// The mailbox's name in the octets of the wire.
    pub mailbox: Bytes,
    /// Identifiers with their rights; `-` before an identifier takes rights away.
    pub entries: Vec<(Bytes, Bytes)>,
}

/// `* LISTRIGHTS mailbox identifier required optional ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRights {
    /// The mailbox's name in the octets of the wire.
    pub mailbox: Bytes,
    /// Who may be given them.
    pub identifier: Bytes,
    /// Rights that the identifier always has.
    pub required: Bytes,
    /// Rights that can be given; those of one string only together.
    pub optional: Vec<Bytes>,
}

/// `* MYRIGHTS mailbox rights`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyRights {
    /// The mailbox's name in the octets of the wire.
    pub mailbox: Bytes,
    /// One letter or digit a right.
    pub rights: Bytes,
}

impl Acl {
    /// ```abnf
    /// acl-data        = "ACL" SP mailbox *(SP identifier SP
    ///                     rights)
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mailbox = reader.astring()?;
        let mut entries = Vec::new();
        while !reader.is_at_end() {
            entries.push((reader.astring()?, reader.astring()?));
        }
        Some(Self { mailbox, entries })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"ACL ");
        write::string(out, &self.mailbox, dialect);
        for (identifier, rights) in &self.entries {
            out.push(b' ');
            write_astring(out, identifier, dialect);
            out.push(b' ');
            write_astring(out, rights, dialect);
        }
    }
}

impl ListRights {
    /// ```abnf
    /// listrights-data = "LISTRIGHTS" SP mailbox SP identifier
    ///                         SP rights *(SP rights)
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            mailbox: reader.astring()?,
            identifier: reader.astring()?,
            required: reader.astring()?,
            optional: reader.astrings()?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"LISTRIGHTS ");
        write::string(out, &self.mailbox, dialect);
        for octets in [&self.identifier, &self.required].into_iter().chain(&self.optional) {
            out.push(b' ');
            write_astring(out, octets, dialect);
        }
    }
}

impl MyRights {
    /// ```abnf
    /// myrights-data   = "MYRIGHTS" SP mailbox SP rights
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { mailbox: reader.astring()?, rights: reader.astring()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"MYRIGHTS ");
        write::string(out, &self.mailbox, dialect);
        out.push(b' ');
        write_astring(out, &self.rights, dialect);
    }
}
