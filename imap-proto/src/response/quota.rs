//! QUOTA and QUOTAROOT (RFC 9208 §4.2).

use bytes::Bytes;

use super::text::{write_list, write_word};
use crate::Dialect;
use crate::types::QuotaResource;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* QUOTA root (resource usage limit ...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The name of the quota root.
    pub root: Bytes,
    /// What is limited, in the order of the server.
    pub usages: Vec<QuotaUsage>,
}

/// How much of a resource is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What is counted.
    pub resource: QuotaResource,
    /// How much of it there is.
    pub usage: u64,
    /// How much of it there may be.
    pub limit: u64,
}

/// `* QUOTAROOT mailbox root ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRoot {
    /// The mailbox's name in the octets of the wire.
    pub mailbox: Bytes,
    /// The quota roots that it counts against.
    pub roots: Vec<Bytes>,
}

impl Quota {
    /// ```abnf
    /// quota-list =       "(" quota-resource *(SP quota-resource) ")"
    /// quota-resource =   resource-name SP resource-usage SP resource-limit
    /// quota-response =   "QUOTA" SP quota-root-name SP quota-list
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let root = reader.astring()?;
        let usages = reader.list(|reader| {
            let resource = QuotaResource::from_name(reader.atom()?);
            Some(QuotaUsage { resource, usage: reader.number()?, limit: reader.number()? })
        })?;
        Some(Self { root, usages })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"QUOTA ");
        write::string(out, &self.root, dialect);
        out.push(b' ');
        write_list(out, &self.usages, |out, usage| {
            write_word(out, usage.resource.name());
            out.push(b' ');
            write::number(out, usage.usage);
            out.push(b' ');
            write::number(out, usage.limit);
        });
    }
}

impl QuotaRoot {
    /// ```abnf
    /// quotaroot-response =  "QUOTAROOT" SP mailbox *(SP quota-root-name)
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { mailbox: reader.astring()?, roots: reader.astrings()? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"QUOTAROOT ");
        write::string(out, &self.mailbox, dialect);
        for root in &self.roots {
            out.push(b' ');
            write::string(out, root, dialect);
        }
    }
}
