//! Expunged messages: kept for a while, bounded, and had back.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::account::Snapshot;

/// Octets of each message.
const OCTETS: usize = 100;

struct Fixture {
    store: Store,
    account: Account,
    now: Arc<AtomicI64>,
}

async fn fixture(octets_max: u64) -> Fixture {
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = now.clone();
    let options = Options {
        undelete_seconds: 1_000,
        undelete_octets_max: octets_max,
        clock: Clock::new(move || clock.load(Ordering::Relaxed)),
        ..options()
    };
    let store = Store::in_memory(options).expect("memory has room");
    let account = alice(&store).await;
    Fixture { store, account, now }
}

fn text(at: u32) -> String {
    format!("{at:0OCTETS$}")
}

async fn bury(account: &Account, texts: std::ops::Range<u32>) {
    for at in texts {
        append(account, "INBOX", &text(at), "\\Deleted \\Seen Work").await;
    }
    account.expunge(mailbox(account, "INBOX").id(), None).await.expect("expunged");
}

fn graves(snapshot: &Snapshot) -> Vec<u64> {
    snapshot.graves().map(|grave| grave.id).collect()
}

#[tokio::test]
async fn an_expunged_message_comes_back_with_its_flags_and_a_new_uid() {
    let Fixture { account, store: _store, .. } = fixture(1 << 20).await;
    bury(&account, 1..4).await;
    append(&account, "Trash", "x", "Other").await;
    let snapshot = account.snapshot();
    let grave = snapshot.graves().nth(1).expect("three lie there");
    assert_eq!((grave.uid, grave.buried_at), (uid(2), NOW));
    assert_eq!(grave.mailbox, mailbox(&account, "INBOX").id());
    assert_eq!(snapshot.graves_octets(), 3 * OCTETS as u64);
    let trash = mailbox(&account, "Trash").id();
    let wanted = vec![3, 2, 99];
    let back = account.undelete(wanted.clone(), trash).await.expect("done").expect("two are there");
    assert_eq!(back.uids, set([2, 3]));
    let seq = account.snapshot().seq().0;
    let expected = [
        format!("1 {} (Other)", seq - 1),
        format!("2 {seq} (Work \\Seen)"),
        format!("3 {seq} (Work \\Seen)"),
    ];
    assert_eq!(listing(&mailbox(&account, "Trash")), expected);
    let snapshot = account.snapshot();
    let message = mailbox(&account, "Trash").get(uid(2)).expect("there");
    assert_eq!(account.read(&snapshot, &message, 0..999).expect("readable"), text(2));
    assert_eq!(graves(&snapshot), [1]);
    assert_eq!(account.undelete(wanted, trash).await.expect("done"), None, "no second time");
    assert_eq!(account.snapshot().seq().0, seq);
}

#[tokio::test]
async fn a_move_buries_nothing_and_a_deleted_mailbox_all() {
    let Fixture { account, store: _store, .. } = fixture(1 << 20).await;
    account.create(name("a"), None).await.expect("made");
    append(&account, "INBOX", "x", "k").await;
    let (inbox, a) = (mailbox(&account, "INBOX").id(), mailbox(&account, "a").id());
    account.copy(inbox, set([1]), a).await.expect("copied");
    account.move_messages(inbox, set([1]), a).await.expect("moved");
    assert!(graves(&account.snapshot()).is_empty());
    account.delete(name("a")).await.expect("deleted");
    assert_eq!(graves(&account.snapshot()), [1, 2]);
    let back = account.undelete(vec![1, 2], inbox).await.expect("done").expect("there");
    assert_eq!(back.uids, set([2, 3]));
}

#[tokio::test]
async fn what_is_past_the_retention_or_over_the_bound_goes_from_the_oldest_on() {
    let Fixture { account, now, store } = fixture(5 * OCTETS as u64).await;
    bury(&account, 1..5).await;
    assert_eq!(store.purge().expect("nothing to do"), 0);
    now.fetch_add(600, Ordering::Relaxed);
    bury(&account, 5..8).await;
    assert_eq!(graves(&account.snapshot()), [3, 4, 5, 6, 7], "five fit");
    now.fetch_add(500, Ordering::Relaxed);
    assert_eq!(store.purge().expect("purged"), 1);
    assert_eq!(graves(&account.snapshot()), [5, 6, 7], "the first are past the retention");
    let before = account.snapshot().seq();
    account.purge().await.expect("nothing to do");
    assert_eq!(account.snapshot().seq(), before);
    bury(&account, 8..20).await;
    assert!(graves(&account.snapshot()).is_empty(), "more than can be kept at once");
    bury(&account, 20..21).await;
    assert_eq!(account.snapshot().graves_octets(), OCTETS as u64);
}

#[tokio::test]
async fn the_graveyard_is_there_after_opening_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut before = None;
    for without_index in [false, false, true] {
        if without_index {
            std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
        }
        let store = Store::open(dir.path(), options()).expect("opens").0;
        let account = match store.user("alice") {
            Some(user) => store.account(user.account).expect("loads"),
            None => alice(&store).await,
        };
        if let Some(before) = before {
            assert_eq!(account.snapshot().state_hash(), before);
        }
        bury(&account, 0..150).await;
        account.undelete(vec![3], mailbox(&account, "Trash").id()).await.expect("done");
        before = Some(account.snapshot().state_hash());
    }
}
