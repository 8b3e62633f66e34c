//! Accounts that are given back when memory is short, and loaded again.

use std::path::Path;

use super::*;
use crate::account::{FlagChange, MailboxId};
use crate::log::AccountId;

fn open(dir: &Path, state_octets_max: u64) -> Store {
    Store::open(dir, Options { state_octets_max, ..options() }).expect("the store opens").0
}

/// So many users, each with a few messages and a history; their accounts and state hashes.
async fn people(store: &Store, count: u32) -> Vec<(AccountId, [u8; 32])> {
    let mut people = Vec::new();
    for at in 0..count {
        let user = store.create_user(&format!("user{at}"), Vec::new()).await.expect("new");
        let account = store.account(user.account).expect("loads");
        for message in 0..=at % 4 {
            append(&account, "INBOX", &format!("Subject: {at} {message}\r\n\r\n{at}"), "\\Deleted k").await;
        }
        let inbox = mailbox(&account, "INBOX").id();
        account.expunge(inbox, Some(set([1]))).await.expect("expunged");
        people.push((user.account, account.snapshot().state_hash()));
    }
    people
}

#[tokio::test]
async fn what_nobody_holds_is_given_back_once_it_is_saved_and_comes_back_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 0);
    let people = people(&store, 40).await;
    store.checkpoint().expect("saved");
    assert_eq!(store.loaded(), (1, 1), "only account 0 is in use");
    for &(id, hash) in &people {
        let account = store.account(id).expect("loads");
        assert_eq!(account.snapshot().state_hash(), hash);
        // The summary file is not disturbed by those who had it before.
        let snapshot = account.snapshot();
        for message in mailbox(&account, "INBOX").iter_from(imap_proto::types::SeqNum::MIN) {
            assert!(account.summary(&snapshot, &message).is_ok());
        }
    }
    assert_eq!(store.loaded().0, 1);
}

#[tokio::test]
async fn what_is_held_watched_or_not_saved_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 0);
    let people = people(&store, 4).await;
    store.checkpoint().expect("saved");
    let held = store.account(people[0].0).expect("loads");
    let watch = store.account(people[1].0).expect("loads").watch(MailboxId(1));
    let dirty = store.account(people[2].0).expect("loads");
    let old = dirty.snapshot();
    append(&dirty, "INBOX", "x", "").await;
    let hash = dirty.snapshot().state_hash();
    drop(dirty);
    // The last one is not saved: the thread that saves was told, and may have done so by now or not.
    assert!((3..=4).contains(&store.loaded().0));
    store.checkpoint().expect("saved");
    assert_eq!(store.loaded(), (3, 3), "account 0, the held and the watched one");
    drop(watch);
    assert_eq!(store.loaded().0, 2);
    assert_eq!(held.snapshot().state_hash(), people[0].1);
    assert_eq!(old.state_hash(), people[2].1, "a view outlives its account");
    let again = store.account(people[2].0).expect("loads");
    assert_eq!(again.snapshot().state_hash(), hash);
}

#[tokio::test]
async fn with_enough_memory_all_stay_and_with_some_those_used_last() {
    let dir = tempfile::tempdir().expect("a directory");
    let roomy = open(dir.path(), 64 << 20);
    let people = people(&roomy, 20).await;
    roomy.checkpoint().expect("saved");
    assert_eq!(roomy.loaded().0, 21);
    let each = roomy.account(people[5].0).expect("loads").octets();
    drop(roomy);
    let store = open(dir.path(), 8 * each);
    assert_eq!(store.loaded().0, 1, "opening loads nobody");
    for &(id, _) in &people {
        store.account(id).expect("loads");
    }
    let before = store.loaded().0;
    assert!((4..=9).contains(&before), "{before} of 20 in the room of 8");
    // The ones used last are still there: asking for them loads nothing.
    for &(id, _) in people.iter().rev().take(3) {
        store.account(id).expect("loads");
    }
    assert_eq!(store.loaded().0, before);
}

/// Tasks that take, change and drop accounts while others do and checkpoints run: no change is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accounts_come_and_go_under_load() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 0);
    let people = people(&store, 6).await;
    let mut tasks = Vec::new();
    for task in 0..8u64 {
        let (store, ids) = (store.clone(), people.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        tasks.push(tokio::spawn(async move {
            for round in 0..30u64 {
                let id = ids[((task * 7 + round) % 6) as usize];
                let account = store.account(id).expect("loads");
                append(&account, "INBOX", &format!("{task} {round}"), "").await;
                drop(account);
                if round % 10 == task % 10 {
                    store.checkpoint().expect("saved");
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let mut hashes = Vec::new();
    let mut messages = 0;
    for (at, (id, _)) in people.iter().enumerate() {
        let account = store.account(*id).expect("loads");
        messages += mailbox(&account, "INBOX").len() - at as u32 % 4;
        hashes.push(account.snapshot().state_hash());
    }
    assert_eq!(messages, 8 * 30);
    let found = store.check().expect("reads");
    assert!(found.is_sound(), "{found:?}");
    drop(store);
    let store = open(dir.path(), 0);
    for ((id, _), hash) in people.iter().zip(hashes) {
        assert_eq!(store.account(*id).expect("loads").snapshot().state_hash(), hash);
    }
}

/// A change to flags that is queued when the last handle goes.
#[tokio::test]
async fn a_dropped_future_keeps_its_account_until_the_change_is_in() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    let (id, inbox) = (account.id(), mailbox(&account, "INBOX").id());
    store.checkpoint().expect("saved");
    let change = FlagChange::Add(flags("\\Seen"));
    let mut queued = Box::pin(account.store_flags(inbox, set([1]), change, None));
    let waker = std::task::Waker::noop();
    let _ = queued.as_mut().poll(&mut std::task::Context::from_waker(waker));
    drop(queued);
    drop(account);
    store.loaded();
    let again = store.account(id).expect("loads");
    again.subscribe(name("behind the change")).await.expect("subscribed");
    assert!(listing(&mailbox(&again, "INBOX"))[0].contains("\\Seen"));
}
