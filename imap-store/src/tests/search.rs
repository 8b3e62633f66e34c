//! Searches for which flags decide: as whole pages are looked at, and message by message.

use bytes::Bytes;
use imap_proto::types::{SearchKey, SeqNum};

use super::sharing::{give, who};
use super::*;
use crate::StoreError;
use crate::account::{FlagChange, MessageRef};
use crate::message::Summary;
use crate::search::{Context, Query, Source};

/// Nothing may be opened.
struct Closed;

impl Source for Closed {
    fn summary(&mut self, _: &MessageRef) -> Result<Summary, StoreError> {
        panic!("flags decide")
    }
    fn read(&mut self, _: &MessageRef, _: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        panic!("flags decide")
    }
}

fn one_by_one(query: &Query, mailbox: &Mailbox, first: u32, count: u32) -> NumberSet {
    let none = NumberSet::new();
    let context = Context { mailbox, recent: &none, saved: &none, now: NOW };
    let messages = mailbox.iter_from(SeqNum::new(first).expect("not 0")).take(count as usize);
    let found = messages.filter(|it| query.matches(it, context, &mut Closed).expect("nothing is opened"));
    found.map(|it| it.seq_num.get()).collect()
}

#[tokio::test]
async fn whole_pages_give_what_single_messages_give() {
    let store = store();
    let account = alice(&store).await;
    let inbox = mailbox(&account, "INBOX").id();
    for from in 0..5u32 {
        let mut messages = Vec::new();
        for at in from * 100..from * 100 + 100 {
            let with = match at % 7 {
                // Whole pages of one kind, and mixed ones.
                _ if at < 260 => "\\Seen",
                0 => "\\Seen k1",
                1 => "\\Flagged k2 k1",
                2 => "\\Seen \\Answered",
                _ => "",
            };
            messages.push(message(&account, "x", with).await);
        }
        account.append(inbox, messages).await.expect("appended");
    }
    let gone: NumberSet = (1..=500).filter(|uid| uid % 11 == 3).collect();
    let change = FlagChange::Add(flags("\\Deleted"));
    account.store_flags(inbox, gone.clone(), change, None).await.expect("stored");
    account.expunge(inbox, Some(gone)).await.expect("expunged");
    give(&store, &account, "INBOX", "anyone", "lrs").await;
    let seen = FlagChange::Add(flags("\\Seen"));
    let bob = account.as_user(who("bob"));
    bob.store_flags(inbox, (1..=500).filter(|uid| uid % 3 == 0).collect(), seen, None).await.expect("stored");

    let flag = SearchKey::Flag;
    let keyword = |name| SearchKey::Keyword(Keyword::new(name).expect("an atom"));
    let not = |key| SearchKey::Not(Box::new(key));
    let keys = [
        SearchKey::All,
        flag(SystemFlag::Seen),
        not(flag(SystemFlag::Seen)),
        keyword("k1"),
        keyword("unknown"),
        not(keyword("k2")),
        SearchKey::Or(Box::new(keyword("k2")), Box::new(flag(SystemFlag::Answered))),
        SearchKey::And(vec![
            not(flag(SystemFlag::Seen)),
            not(SearchKey::And(vec![keyword("k2"), keyword("k1")])),
        ]),
    ];
    let owners = mailbox(&account, "INBOX");
    let none = NumberSet::new();
    for mailbox in [owners.clone(), owners.seen_by(&who("bob"))] {
        for key in &keys {
            let context = Context { mailbox: &mailbox, recent: &none, saved: &none, now: NOW };
            let query = Query::prepare(key, None, context).expect("no charset");
            for (first, count) in
                [(1, 1000), (1, 0), (1, 1), (100, 57), (128, 129), (129, 128), (450, 1000), (700, 5)]
            {
                let found = query.places_by_flags(&mailbox, SeqNum::new(first).expect("not 0"), count);
                let found = found.expect("flags decide");
                assert_eq!(found, one_by_one(&query, &mailbox, first, count), "{key:?} {first} {count}");
            }
        }
        let larger = SearchKey::Or(Box::new(SearchKey::All), Box::new(SearchKey::Larger(1)));
        let context = Context { mailbox: &mailbox, recent: &none, saved: &none, now: NOW };
        let query = Query::prepare(&larger, None, context).expect("no charset");
        assert_eq!(query.places_by_flags(&mailbox, SeqNum::MIN, 10), None);
    }
}
