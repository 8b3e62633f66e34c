//! The fold: what a [`Change`] makes of a state. Pure and total: no clock, no chance, no configuration, and
//! no change that it cannot take, so that replay always gives what the live store had.
//!
//! A change that names what is not there (only damage can bring that) raises the seq and does nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_proto::types::{Keyword, MailboxName, NumberSet};

use super::change::{Append, Change, FlagMask, FlagsChange, NewKeywords, NewMailbox, Transfer};
use super::graves;
use super::history::History;
use super::leap;
use super::mailbox::{Mailbox, MailboxPage};
use super::names::NameKey;
use super::page::{Entry, Page, PageSum, ranges_within};
use super::snapshot::{Flags, MailboxId, MessageNumber, Snapshot};
use super::table::TableRow;
use super::tree::{Edit, Tree};
use crate::User;
use crate::log::Seq;

/// The state behind `change`.
pub(crate) fn apply(state: &Snapshot, change: &Change) -> Snapshot {
    let mut next = state.clone();
    next.seq = match change {
        Change::Leap { from, at, .. } => leap::seq_behind(state.seq, *from, *at),
        _ => Seq(state.seq.0 + 1),
    };
    next.take(change);
    next
}

impl Snapshot {
    fn take(&mut self, change: &Change) {
        match change {
            Change::Append(append) => {
                self.take_append(append);
            }
            Change::Depart(departure) => self.take_departure(departure),
            Change::Arrive { token, append } => self.take_arrival(*token, append),
            Change::Departed { number, mailbox, uids } => self.take_departed(*number, *mailbox, uids),
            Change::ForgetArrival(token) => self.take_forgotten(*token),
            Change::Flags(flags) => self.take_flags(flags),
            Change::Seen(seen) => {
                seen.flags.iter().for_each(|flags| self.take_flags(flags));
                self.change_mailbox(seen.mailbox, |mailbox, seq| {
                    mailbox.put_seen(&seen.user, &seen.uids, seen.is_seen, seq);
                });
            }
            Change::SetSeenMode { mailbox, mode } => {
                self.change_mailbox(*mailbox, |mailbox, seq| mailbox.set_seen_mode(*mode, seq));
            }
            Change::Expunge { mailbox, uids, at, purge_to } => {
                self.take_expunge(*mailbox, uids, Some(*at));
                self.take_purge(*purge_to);
            }
            Change::Copy(transfer) => self.take_transfer(transfer),
            Change::Move(transfer) => self.take_move(transfer),
            Change::CreateMailboxes(created) => created.iter().for_each(|new| self.take_create(new)),
            Change::DeleteMailbox { mailbox, at, purge_to } => {
                self.take_delete(*mailbox, *at);
                self.take_purge(*purge_to);
            }
            Change::Purge { up_to } => self.take_purge(*up_to),
            Change::Undelete(undelete) => self.take_undelete(undelete),
            Change::Rename { from, to, created } => {
                created.iter().for_each(|new| self.take_create(new));
                self.take_rename(from, to);
            }
            Change::RenameInbox { created, saved_at } => {
                created.iter().for_each(|new| self.take_create(new));
                if let Some(new) = created.last() {
                    self.take_rename_inbox(new.id, *saved_at);
                }
            }
            Change::Subscribe { name, on } => self.take_subscribe(name, *on),
            Change::Recent { mailbox, up_to } => self.change_mailbox(*mailbox, |mailbox, _| {
                mailbox.recent = mailbox.recent.max(*up_to);
            }),
            Change::ReserveAccount { account } => {
                self.next_account = self.next_account.max(account.0.saturating_add(1));
            }
            Change::CreateUser { name, account, credentials } => {
                self.next_account = self.next_account.max(account.0.saturating_add(1));
                let user = User { name: name.clone(), account: *account, credentials: credentials.clone() };
                Arc::make_mut(&mut self.users).insert(name.clone(), Arc::new(user));
            }
            Change::SetCredentials { name, credentials } => {
                if let Some(user) = Arc::make_mut(&mut self.users).get_mut(name) {
                    Arc::make_mut(user).credentials.clone_from(credentials);
                }
            }
            Change::DeleteUser { name } => {
                if let Some(user) = Arc::make_mut(&mut self.users).remove(name) {
                    self.take_dropped(user.account);
                    self.take_no_grants(user.account);
                }
            }
            Change::CreateShared { name, account } => {
                self.next_account = self.next_account.max(account.0.saturating_add(1));
                Arc::make_mut(&mut self.shared).insert(name.clone(), *account);
            }
            Change::DeleteShared { name } => {
                if let Some(account) = Arc::make_mut(&mut self.shared).remove(name) {
                    self.take_dropped(account);
                    self.take_no_grants(account);
                }
            }
            Change::SetMetadata { mailbox, values } => self.take_metadata(*mailbox, values),
            Change::SetQuota(quota) => self.quota = *quota,
            Change::Grant { identifier, account, on } => self.take_grant(identifier, *account, *on),
            Change::ForgetIdentifier { identifier } => self.take_forget(identifier),
            Change::Leap { epoch, at, .. } => self.take_leap(*epoch, *at),
            Change::Epoch { epoch, losses } => self.take_epoch(*epoch, losses),
            Change::Replaced { segments } => self.take_replaced(segments),
            Change::SetAcl { mailbox, identifier, is_negative, rights } => {
                self.change_mailbox(*mailbox, |mailbox, _| {
                    Arc::make_mut(&mut mailbox.acl).set(identifier, *is_negative, *rights);
                });
            }
        }
    }

    /// Puts a changed copy in the place of a mailbox.
    pub(super) fn change_mailbox(&mut self, id: MailboxId, change: impl FnOnce(&mut Mailbox, u64)) {
        let Some(mailbox) = self.mailbox(id) else { return };
        let mut mailbox = Mailbox::clone(mailbox);
        change(&mut mailbox, self.seq.0);
        self.put_mailbox(id, Some(mailbox));
    }

    fn put_mailbox(&mut self, id: MailboxId, mailbox: Option<Mailbox>) {
        let mailbox = mailbox.map(Arc::new);
        self.mailboxes = self.mailboxes.edit(
            |sum| sum.keys.contains(id.0),
            |page| page.with(id, mailbox.clone()).map_or(Edit::Remove, Edit::Replace),
        );
    }

    /// False where it does not fit.
    pub(super) fn take_append(&mut self, append: &Append) -> bool {
        let is_next = |mailbox: &Arc<Mailbox>| mailbox.uid_next <= u64::from(append.first_uid);
        if !self.mailbox(append.mailbox).is_some_and(is_next) || append.first_number < self.next_message {
            return false;
        }
        let numbers = append.first_number..;
        let rows = numbers.zip(&append.messages);
        let rows = rows
            .map(|(number, it)| TableRow { number, body: it.body, holders: 1, key: it.key, ids: it.ids })
            .collect();
        self.messages = self.messages.with_new(rows);
        self.next_message = append.first_number.saturating_add(append.messages.len() as u64);
        self.change_mailbox(append.mailbox, |mailbox, seq| {
            let uids = append.first_uid..=u32::MAX;
            let numbers = append.first_number..;
            let entries =
                append.messages.iter().zip(uids.zip(numbers)).map(|(message, (uid, number))| Entry {
                    uid,
                    mod_seq: seq,
                    flags: message.flags.clone(),
                    number: MessageNumber(number),
                    size_octets: message.size_octets,
                    internal_date: message.internal_date,
                    saved_at: append.saved_at,
                });
            mailbox.add_keywords(&append.keywords);
            mailbox.push(entries.collect(), seq);
            if let Some((user, uids)) = &append.seen_by {
                mailbox.put_seen(user, uids, true, seq);
            }
        });
        true
    }

    fn take_flags(&mut self, change: &FlagsChange) {
        self.change_mailbox(change.mailbox, |mailbox, seq| {
            mailbox.add_keywords(&change.keywords);
            mailbox.highest_mod_seq = seq;
            mailbox.messages =
                mailbox.messages.edit(touched_by(&change.uids), |page| {
                    Edit::Replace(page.with_flags(&change.uids, seq, |old| {
                        change.mode.apply(old, &change.flags, change.mask)
                    }))
                });
        });
    }

    /// Takes messages out of a mailbox: into the graveyard, or, without a time, to where they already are.
    pub(super) fn take_expunge(&mut self, id: MailboxId, uids: &NumberSet, buried_at: Option<i64>) {
        let Some(before) = self.mailbox(id).cloned() else { return };
        let mut holders = BTreeMap::new();
        self.change_mailbox(id, |mailbox, seq| {
            mailbox.messages.visit(touched_by(uids), |page| count_holders(page, uids, -1, &mut holders));
            mailbox.messages = mailbox
                .messages
                .edit(touched_by(uids), |page| page.without(uids).map_or(Edit::Remove, Edit::Replace));
            mailbox.history = Arc::new(mailbox.history.with(seq, uids));
            mailbox.drop_seen(uids);
            mailbox.highest_mod_seq = seq;
        });
        match buried_at {
            Some(at) => self.take_burial(&before, graves::entries_of(&before, uids), at),
            None => self.messages = self.messages.with_holders(&holders),
        }
    }

    fn take_transfer(&mut self, transfer: &Transfer) {
        let (Some(source), Some(target)) = (self.mailbox(transfer.source), self.mailbox(transfer.target))
        else {
            return;
        };
        if target.uid_next > u64::from(transfer.first_uid) {
            return;
        }
        let mut target = Mailbox::clone(target);
        target.add_keywords(&transfer.keywords);
        let flag_map = FlagMap::new(source, &target);
        let mut holders = BTreeMap::new();
        let mut entries = Vec::new();
        source.messages.visit(touched_by(&transfer.uids), |page| {
            count_holders(page, &transfer.uids, 1, &mut holders);
            let marks = page.marks(&transfer.uids);
            entries.extend(page.entries().zip(marks).filter(|(_, wanted)| *wanted).map(|(it, _)| it));
        });
        let uids = transfer.first_uid..=u32::MAX;
        let pairs: Vec<(u32, Entry)> = entries
            .into_iter()
            .zip(uids)
            .map(|(entry, uid)| {
                let flags = transfer.mask.keep(&source.flags_for_all(&target, transfer, &entry));
                let flags = flag_map.map(&flags);
                let (mod_seq, saved_at) = (self.seq.0, transfer.saved_at);
                (entry.uid, Entry { uid, mod_seq, saved_at, flags, ..entry })
            })
            .collect();
        target.push(pairs.iter().map(|(_, entry)| entry.clone()).collect(), self.seq.0);
        target.carry_seen(source, transfer, &pairs, self.seq.0);
        self.messages = self.messages.with_holders(&holders);
        self.put_mailbox(transfer.target, Some(target));
    }

    fn take_move(&mut self, transfer: &Transfer) {
        let is_next = |mailbox: &Arc<Mailbox>| mailbox.uid_next <= u64::from(transfer.first_uid);
        if self.mailbox(transfer.target).is_some_and(is_next) {
            self.take_transfer(transfer);
            self.take_expunge(transfer.source, &transfer.uids, None);
        }
    }

    fn take_create(&mut self, new: &NewMailbox) {
        if new.id.0 < self.next_mailbox || matches!(self.names.get(&NameKey(new.name.clone())), Some(Some(_)))
        {
            return;
        }
        self.next_mailbox = new.id.0.saturating_add(1);
        self.last_uid_validity = self.last_uid_validity.max(new.uid_validity.get());
        let above = self.nearest_above(&new.name).cloned();
        let mailbox = Arc::new(Mailbox {
            id: new.id,
            name: Arc::new(new.name.clone()),
            uid_validity: new.uid_validity,
            uid_next: 1,
            highest_mod_seq: self.seq.0,
            special_use: new.special_use,
            acl: above.as_ref().map(|it| it.acl.clone()).unwrap_or_default(),
            seen_mode: above.map(|it| it.seen_mode).unwrap_or_default(),
            metadata: Arc::default(),
            overlays: Arc::default(),
            eyes: None,
            keywords: Arc::default(),
            recent: 1,
            history: Arc::default(),
            messages: Tree::default(),
        });
        self.mailboxes = self.mailboxes.replace_last(|last| MailboxPage::with_new(last, mailbox));
        Arc::make_mut(&mut self.names).insert(NameKey(new.name.clone()), Some(new.id));
        if new.subscribed {
            self.take_subscribe(&new.name, true);
        }
    }

    /// The nearest mailbox above a name: a new one gets its ACL (RFC 4314 §4, CREATE) and whose \Seen counts.
    pub(super) fn nearest_above(&self, name: &MailboxName) -> Option<&Arc<Mailbox>> {
        let mut parents = std::iter::successors(name.parent(), MailboxName::parent);
        parents.find_map(|parent| self.mailbox_named(&parent))
    }

    fn take_delete(&mut self, id: MailboxId, at: i64) {
        let Some(mailbox) = self.mailbox(id).cloned() else { return };
        self.take_burial(&mailbox, mailbox.entries().collect(), at);
        self.put_mailbox(id, None);
        let names = Arc::make_mut(&mut self.names);
        names.insert(NameKey(mailbox.name().clone()), None);
        drop_childless(names, mailbox.name());
    }

    fn take_rename(&mut self, from: &MailboxName, to: &MailboxName) {
        let names = Arc::make_mut(&mut self.names);
        let tree: Vec<_> = names
            .range(NameKey(from.clone())..)
            .take_while(|(name, _)| name.0 == *from || name.0.is_below(from))
            .map(|(name, &id)| (name.clone(), id))
            .collect();
        let mut renamed = Vec::new();
        for (name, id) in tree {
            let rest = name.0.as_str().strip_prefix(from.as_str()).unwrap_or_default();
            let Ok(new) = MailboxName::new(&format!("{}{rest}", to.as_str())) else { continue };
            names.remove(&name);
            // A name that only holds its children takes nothing away from a mailbox of that name.
            let place = names.entry(NameKey(new.clone())).or_insert(None);
            *place = id.or(*place);
            renamed.extend(id.map(|id| (id, new)));
        }
        drop_childless(names, from);
        for (id, name) in renamed {
            self.change_mailbox(id, |mailbox, _| mailbox.name = Arc::new(name));
        }
    }

    fn take_rename_inbox(&mut self, target: MailboxId, saved_at: i64) {
        let Some(inbox) = self.mailbox_named(&MailboxName::inbox()).cloned() else { return };
        let mut uids = NumberSet::new();
        inbox.entries().for_each(|entry| uids.insert(entry.uid));
        if !uids.is_empty() {
            let keywords = NewKeywords { first: None, names: inbox.keywords.to_vec() };
            let (source, first_uid, mask, user) = (inbox.id, 1, FlagMask::ALL, None);
            let transfer = Transfer { source, target, keywords, uids, first_uid, saved_at, mask, user };
            self.take_move(&transfer);
        }
    }

    fn take_subscribe(&mut self, name: &MailboxName, on: bool) {
        let subscriptions = Arc::make_mut(&mut self.subscriptions);
        let name = NameKey(name.clone());
        if on {
            subscriptions.insert(name);
        } else {
            subscriptions.remove(&name);
        }
    }
}

/// Takes away `name`, and the names above it, as long as they have neither a mailbox nor anything below.
fn drop_childless(names: &mut BTreeMap<NameKey, Option<MailboxId>>, name: &MailboxName) {
    let mut name = Some(name.clone());
    while let Some(at) = name {
        let key = NameKey(at.clone());
        if matches!(names.get(&key), Some(Some(_))) || has_children(names, &at) {
            return;
        }
        names.remove(&key);
        name = at.parent();
    }
}

/// Whether anything lies below a name.
pub(super) fn has_children(names: &BTreeMap<NameKey, Option<MailboxId>>, name: &MailboxName) -> bool {
    let key = NameKey(name.clone());
    let mut behind = names.range((std::ops::Bound::Excluded(key), std::ops::Bound::Unbounded));
    behind.next().is_some_and(|(next, _)| next.0.is_below(name))
}

/// Whether pages with this sum may hold one of `uids`.
fn touched_by(uids: &NumberSet) -> impl Fn(&PageSum) -> bool + '_ {
    |sum| !ranges_within(uids, sum.first_uid, sum.last_uid).is_empty()
}

fn count_holders(page: &Page, uids: &NumberSet, by: i64, holders: &mut BTreeMap<u64, i64>) {
    let marks = page.marks(uids);
    for (&number, _) in page.numbers().iter().zip(marks).filter(|(_, marked)| *marked) {
        *holders.entry(number).or_insert(0) += by;
    }
}

impl Mailbox {
    /// Gives keywords their numbers. Those of changes that are lost get names that say so, since messages
    /// may have them.
    pub(super) fn add_keywords(&mut self, new: &NewKeywords) {
        if new.names.is_empty() {
            return;
        }
        let first = new.first.map_or(self.keywords.len(), usize::from);
        let keywords = Arc::make_mut(&mut self.keywords);
        while keywords.len() < first {
            let name = format!("lost-keyword-{}", keywords.len());
            keywords.push(Keyword::new(&name).expect("letters and digits are a keyword"));
        }
        let behind = keywords.len() - first;
        keywords.extend(new.names.iter().skip(behind).cloned());
    }

    /// Adds messages with UIDs above all that were there.
    pub(super) fn push(&mut self, entries: Vec<Entry>, seq: u64) {
        let Some(last) = entries.last() else { return };
        self.uid_next = u64::from(last.uid) + 1;
        self.highest_mod_seq = seq;
        self.messages = self.messages.replace_last(|last| Page::behind(last, entries));
    }

    /// What is kept of expunges.
    pub(super) fn history(&self) -> &History {
        &self.history
    }
}

/// How the keywords of one mailbox are numbered in another one.
pub(super) struct FlagMap(Vec<Option<u16>>);

impl FlagMap {
    pub(super) fn new(source: &Mailbox, target: &Mailbox) -> Self {
        Self(source.keywords.iter().map(|keyword| target.keyword_number(keyword)).collect())
    }

    pub(super) fn map(&self, flags: &Flags) -> Flags {
        let number = |&at: &u16| self.0.get(usize::from(at)).copied().flatten();
        Flags::new(flags.system(), flags.keywords().iter().filter_map(number).collect())
    }
}

#[cfg(test)]
mod tests {
    use imap_proto::types::UidValidity;
    use proptest::prelude::*;

    use super::super::change::FlagMode;
    use super::*;
    use crate::account::change::SeenChange;
    use crate::account::change::Undelete;
    use crate::account::metadata::MetadataValue;
    use crate::account::quota::Quota;
    use crate::account::rights::Rights;
    use crate::account::seen::SeenMode;
    use crate::account::threads::{GlobalId, Ids};
    use crate::account::transfer::{Departure, Token};
    use crate::log::AccountId;

    fn name() -> impl Strategy<Value = MailboxName> {
        prop::sample::select(vec!["INBOX", "a", "a/b", "a/b/c", "b"])
            .prop_map(|name| MailboxName::new(name).expect("a good name"))
    }

    fn uids() -> impl Strategy<Value = NumberSet> {
        prop::collection::vec(1u32..20, 0..6).prop_map(|uids| uids.into_iter().collect())
    }

    fn created() -> impl Strategy<Value = Vec<NewMailbox>> {
        let one = (0u64..6, name(), 1u32..9).prop_map(|(id, name, validity)| NewMailbox {
            id: MailboxId(id),
            name,
            uid_validity: UidValidity::new(validity).expect("not 0"),
            special_use: None,
            subscribed: false,
        });
        prop::collection::vec(one, 0..3)
    }

    fn keywords() -> impl Strategy<Value = NewKeywords> {
        let names = prop::collection::vec("[a-c]", 0..2);
        (prop::option::of(0u16..9), names).prop_map(|(first, names)| NewKeywords {
            first,
            names: names.iter().filter_map(|name| Keyword::new(name)).collect(),
        })
    }

    fn mask() -> impl Strategy<Value = FlagMask> {
        (0..1u16 << 11).prop_map(|bits| {
            let letters: Vec<u8> =
                (0..11).filter(|at| bits >> at & 1 == 1).map(|at| b"lrswipkxtea"[at]).collect();
            FlagMask::of(Rights::parse(&letters).expect("letters of rights"))
        })
    }

    fn rights() -> impl Strategy<Value = Rights> {
        prop::sample::select(vec!["", "lr", "a", "te"])
            .prop_map(|letters| Rights::parse(letters.as_bytes()).expect("letters of rights"))
    }

    fn transfer() -> impl Strategy<Value = Transfer> {
        let first = prop_oneof![1u32..30, u32::MAX - 3..=u32::MAX];
        (0u64..6, 0u64..6, keywords(), uids(), first, mask()).prop_map(
            |(source, target, keywords, uids, first_uid, mask)| {
                let (source, target) = (MailboxId(source), MailboxId(target));
                Transfer { source, target, keywords, uids, first_uid, saved_at: 0, mask, user: None }
            },
        )
    }

    fn append() -> impl Strategy<Value = Append> {
        let first = prop_oneof![1u32..30, u32::MAX - 3..=u32::MAX];
        (0u64..6, keywords(), first, 0u64..40, 0usize..5, prop::option::of(("[a-c]", uids()))).prop_map(
            |(mailbox, keywords, first_uid, first_number, count, seen_by)| {
                let ids = Ids {
                    email: GlobalId { account: first_number % 2, number: first_number },
                    thread: GlobalId { account: 0, number: first_number / 2 },
                };
                let message = super::super::change::AppendedMessage {
                    body: crate::log::BodyId { segment: 1, record: 2 },
                    size_octets: 3,
                    flags: Flags::new(4, vec![0, 7]),
                    internal_date: imap_proto::types::DateTime::new(0, 0).expect("1970"),
                    key: 1 << 63,
                    ids,
                };
                let messages = vec![message; count];
                Append {
                    mailbox: MailboxId(mailbox),
                    keywords,
                    first_uid,
                    first_number,
                    saved_at: -1,
                    messages,
                    seen_by,
                }
            },
        )
    }

    fn token() -> impl Strategy<Value = Token> {
        (0u64..3, 0u64..9).prop_map(|(account, number)| Token { account: AccountId(account), number })
    }

    /// Changes of every kind about messages and names, whether they make sense or not.
    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            append().prop_map(Change::Append),
            (0u64..6, uids(), any::<i64>(), 0u64..9).prop_map(|(id, uids, at, purge_to)| {
                Change::Expunge { mailbox: MailboxId(id), uids, at, purge_to }
            }),
            (0u64..20).prop_map(|up_to| Change::Purge { up_to }),
            (prop::collection::vec(0u64..20, 0..6), 0u64..6, keywords(), 1u32..60).prop_map(
                |(graves, target, keywords, first_uid)| {
                    let target = MailboxId(target);
                    Change::Undelete(Undelete { graves, target, keywords, first_uid, saved_at: 5 })
                }
            ),
            (0u64..6, keywords(), uids(), any::<bool>(), mask()).prop_map(
                |(id, keywords, uids, all, mask)| {
                    let among = FlagMode::ReplaceAmong(Flags::new(3, vec![0, 1]));
                    let mode = if all { FlagMode::Replace } else { among };
                    let flags = Flags::new(1, vec![3]);
                    Change::Flags(FlagsChange { mailbox: MailboxId(id), keywords, mode, mask, flags, uids })
                }
            ),
            (0u64..6, "[a-c]", any::<bool>(), uids()).prop_map(|(id, user, is_seen, uids)| {
                let mailbox = MailboxId(id);
                Change::Seen(SeenChange { mailbox, user, is_seen, uids, flags: None })
            }),
            (0u64..6, any::<bool>()).prop_map(|(id, shared)| {
                let mode = if shared { SeenMode::Shared } else { SeenMode::PerUser };
                Change::SetSeenMode { mailbox: MailboxId(id), mode }
            }),
            transfer().prop_map(Change::Copy),
            transfer().prop_map(Change::Move),
            created().prop_map(Change::CreateMailboxes),
            (0u64..6, 0u64..9).prop_map(|(id, purge_to)| {
                Change::DeleteMailbox { mailbox: MailboxId(id), at: 2, purge_to }
            }),
            (name(), name(), created()).prop_map(|(from, to, created)| Change::Rename { from, to, created }),
            created().prop_map(|created| Change::RenameInbox { created, saved_at: 1 }),
            (name(), any::<bool>()).prop_map(|(name, on)| Change::Subscribe { name, on }),
            "[a-c]".prop_map(|identifier| Change::ForgetIdentifier { identifier }),
            ("[a-c]", 0u64..3, any::<bool>()).prop_map(|(identifier, account, on)| {
                Change::Grant { identifier, account: AccountId(account), on }
            }),
            ("[a-c]", 0u64..3)
                .prop_map(|(name, account)| { Change::CreateShared { name, account: AccountId(account) } }),
            "[a-c]".prop_map(|name| Change::DeleteShared { name }),
            (prop::option::of(0u64..6), "[a-c]?", "/private/[ab]", prop::option::of(any::<Vec<u8>>()))
                .prop_map(|(id, user, entry, value)| {
                    let values = vec![MetadataValue { user, entry, value }];
                    Change::SetMetadata { mailbox: id.map(MailboxId), values }
                }),
            (prop::option::of(any::<u64>()), prop::option::of(0u64..3)).prop_map(
                |(storage_octets, mailboxes)| {
                    Change::SetQuota(Quota { storage_octets, messages: None, mailboxes })
                }
            ),
            (0u64..6, "[a-c$]{1,3}", any::<bool>(), rights()).prop_map(
                |(id, identifier, is_negative, rights)| {
                    Change::SetAcl { mailbox: MailboxId(id), identifier, is_negative, rights }
                }
            ),
            (0u64..9, 0u64..3, 0u64..6, uids()).prop_map(|(number, target, id, uids)| {
                let (target, mailbox) = (AccountId(target), MailboxId(id));
                Change::Depart(Departure { number, target, mailbox, uids })
            }),
            (0u64..9, 0u64..6, uids())
                .prop_map(|(number, id, uids)| { Change::Departed { number, mailbox: MailboxId(id), uids } }),
            (token(), append()).prop_map(|(token, append)| Change::Arrive { token, append }),
            token().prop_map(Change::ForgetArrival),
            (0u64..6, any::<u32>()).prop_map(|(id, up_to)| Change::Recent { mailbox: MailboxId(id), up_to }),
        ]
    }

    proptest! {
        #[test]
        fn every_change_can_be_taken_and_comes_back_from_its_octets(
            changes in prop::collection::vec(change(), 0..40)
        ) {
            let mut state = Snapshot::default();
            for (at, change) in changes.iter().enumerate() {
                prop_assert_eq!(Change::decode(&change.encode()), Ok(change.clone()));
                state = apply(&state, change);
                prop_assert_eq!(state.seq(), Seq(at as u64 + 1));
                let graves: Vec<_> = state.graves().collect();
                prop_assert!(graves.is_sorted_by(|a, b| a.id < b.id));
                prop_assert!(graves.iter().all(|grave| state.body(grave.number).is_some()));
                prop_assert_eq!(state.check_usage(), None);
                for mailbox in state.mailboxes() {
                    let uids: Vec<u32> = mailbox.entries().map(|entry| entry.uid).collect();
                    prop_assert!(uids.is_sorted_by(|a, b| a < b));
                    prop_assert_eq!(mailbox.check_seen(), None);
                    prop_assert!(uids.last().is_none_or(|&last| u64::from(last) < mailbox.uid_next));
                    for entry in mailbox.entries() {
                        prop_assert!(state.body(entry.number).is_some());
                    }
                }
            }
        }

        #[test]
        fn any_octets_are_a_change_or_refused(octets: Vec<u8>) {
            let _ = Change::decode(&octets);
        }
    }
}
