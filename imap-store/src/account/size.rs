//! What a state takes in memory, about: accounts are given back by it. Costs a look at each mailbox, not at
//! each message.

use super::snapshot::Snapshot;
use super::tree::Sum;

/// A message in a mailbox: its columns in both halves of a page, and its share of the page and the tree.
const MESSAGE_OCTETS: u64 = 50;
/// A message in the table.
const TABLE_ROW_OCTETS: u64 = 38;
/// A grave, with its own allocation.
const GRAVE_OCTETS: u64 = 120;
/// A mailbox without its messages: itself, names in the state's maps, keywords.
const MAILBOX_OCTETS: u64 = 600;
/// A name that has no mailbox, or a subscription.
const NAME_OCTETS: u64 = 100;
/// What an account takes that has nothing.
const ACCOUNT_OCTETS: u64 = 2_000;

impl Snapshot {
    /// About how many octets it takes in memory.
    pub(crate) fn octets(&self) -> u64 {
        let mailboxes: u64 = self
            .mailboxes()
            .map(|it| MAILBOX_OCTETS + it.history().octets() + u64::from(it.len()) * MESSAGE_OCTETS)
            .sum();
        let messages = self.messages.sum().map_or(0, |sum| u64::from(sum.count));
        let graves = self.graves.sum().map_or(0, |sum| u64::from(sum.count()));
        let names = (self.names.len() + self.subscriptions.len()) as u64;
        ACCOUNT_OCTETS + mailboxes + messages * TABLE_ROW_OCTETS + graves * GRAVE_OCTETS + names * NAME_OCTETS
    }
}
