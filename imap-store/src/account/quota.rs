//! Quota: how much an account may hold (RFC 9208). One root for each account.
//!
//! Usage is the sum that the tree of mailboxes keeps, so it can be asked for at any time and changes with what
//! it counts, in the same change. What lies in the graveyard does not count: it has a bound of its own.

use std::fmt;

use super::change::Change;
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision};
use super::mailbox::Mailbox;
use super::page::ranges_within;
use super::rights::Access;
use super::snapshot::Snapshot;
use super::tree::{KeySum, Sum};
use crate::StoreError;
use imap_proto::types::NumberSet;

/// What an account may hold; `None`: as much as there is room for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// STORAGE: octets of all messages (IMAP tells units of 1,024). A copy counts as much as its original.
    pub storage_octets: Option<u64>,
    /// MESSAGE: messages in all mailboxes; each copy counts.
    pub messages: Option<u64>,
    /// MAILBOX: mailboxes.
    pub mailboxes: Option<u64>,
}

/// What an account holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Octets of all messages.
    pub storage_octets: u64,
    /// Messages in all mailboxes.
    pub messages: u64,
    /// Mailboxes.
    pub mailboxes: u64,
}

/// What a quota counts (RFC 9208 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaResource {
    /// STORAGE, in octets here.
    Storage,
    /// MESSAGE
    Message,
    /// MAILBOX
    Mailbox,
}

impl fmt::Display for QuotaResource {
    /// For a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Storage => "octets",
            Self::Message => "messages",
            Self::Mailbox => "mailboxes",
        })
    }
}

impl Quota {
    pub(super) fn encode(&self, out: &mut Encoder) {
        for limit in [self.storage_octets, self.messages, self.mailboxes] {
            out.octet(u8::from(limit.is_some()));
            limit.into_iter().for_each(|limit| out.number(limit));
        }
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut limit = || Ok(if input.flag()? { Some(input.number()?) } else { None });
        Ok(Self { storage_octets: limit()?, messages: limit()?, mailboxes: limit()? })
    }
}

impl Snapshot {
    /// What the account may hold.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// What it holds. Costs nothing.
    pub fn usage(&self) -> Usage {
        self.mailboxes.sum().map_or_else(Usage::default, |sum| Usage {
            storage_octets: sum.octets,
            messages: sum.messages,
            mailboxes: sum.keys.count.into(),
        })
    }

    /// Refuses what would make the account hold more than it may. What nothing is added to may be over already.
    pub(super) fn require_room(&self, more: Usage) -> Result<(), StoreError> {
        let (quota, used) = (self.quota, self.usage());
        for (resource, limit, used, more) in [
            (QuotaResource::Storage, quota.storage_octets, used.storage_octets, more.storage_octets),
            (QuotaResource::Message, quota.messages, used.messages, more.messages),
            (QuotaResource::Mailbox, quota.mailboxes, used.mailboxes, more.mailboxes),
        ] {
            if let Some(limit) = limit
                && more > 0
                && used.saturating_add(more) > limit
            {
                return Err(StoreError::OverQuota { resource, used, limit });
            }
        }
        Ok(())
    }

    /// What is wrong with the sums.
    pub(super) fn check_usage(&self) -> Option<String> {
        let mut counted = Usage::default();
        for mailbox in self.mailboxes() {
            counted.mailboxes += 1;
            counted.messages += mailbox.entries().count() as u64;
            counted.storage_octets += mailbox.entries().map(|entry| entry.size_octets).sum::<u64>();
        }
        let kept = self.usage();
        (kept != counted).then(|| format!("{kept:?} is kept as what it holds, and it holds {counted:?}"))
    }
}

/// What messages of a mailbox take. Looks at them only where there is a limit.
pub(super) fn usage_of(state: &Snapshot, mailbox: &Mailbox, uids: &NumberSet) -> Usage {
    let mut usage = Usage { messages: uids.len(), ..Usage::default() };
    if state.quota.storage_octets.is_some() {
        mailbox.messages.visit(
            |sum| !ranges_within(uids, sum.first_uid, sum.last_uid).is_empty(),
            |page| {
                let marked = page.entries().zip(page.marks(uids)).filter(|(_, marked)| *marked);
                usage.storage_octets += marked.map(|(entry, _)| entry.size_octets).sum::<u64>();
            },
        );
    }
    usage
}

/// Sets what the account may hold. No user may, not even the owner.
pub(super) fn set(state: &Snapshot, access: &Access, quota: Quota) -> Decided<()> {
    if matches!(access, Access::Of(_)) {
        return Err(StoreError::NoPerm);
    }
    if state.quota == quota {
        return Ok(Decision::nothing(()));
    }
    Ok(Decision::change(Change::SetQuota(quota), ()))
}

/// Of mailboxes: their ids, and what is in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct MailboxSum {
    pub(super) keys: KeySum,
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) metadata_octets: u64,
}

impl Sum for MailboxSum {
    fn last_key(&self) -> u64 {
        self.keys.last_key()
    }
    fn count(&self) -> u32 {
        self.keys.count
    }
    fn add(&mut self, next: &Self) {
        self.keys.add(&next.keys);
        self.messages += next.messages;
        self.octets = self.octets.saturating_add(next.octets);
        self.metadata_octets = self.metadata_octets.saturating_add(next.metadata_octets);
    }
}
