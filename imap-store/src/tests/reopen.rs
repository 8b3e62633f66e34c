//! What is there after the store was opened again.

use std::path::Path;

use super::*;
use crate::OpenReport;
use crate::account::FlagChange;

fn open(dir: &Path) -> (Store, OpenReport) {
    Store::open(dir, options()).expect("the store opens")
}

fn alice_again(store: &Store) -> Account {
    store.account(store.user("alice").expect("alice is there").account).expect("loads")
}

async fn fill(account: &Account) {
    for at in 0..300 {
        append(
            account,
            "INBOX",
            &format!("Subject: {at}\r\n\r\n{at}"),
            if at % 3 == 0 { "k \\Seen" } else { "" },
        )
        .await;
    }
    let inbox = mailbox(account, "INBOX").id();
    account
        .store_flags(inbox, set(10..=200), FlagChange::Add(flags("\\Deleted")), None)
        .await
        .expect("stored");
    account.expunge(inbox, Some(set(50..=150))).await.expect("expunged");
    account.create(name("a/b"), None).await.expect("made");
    account.copy(inbox, set(1..=20), mailbox(account, "a/b").id()).await.expect("copied");
    account.delete(name("a")).await.expect("deleted");
    account.subscribe(name("x/y")).await.expect("subscribed");
    account.claim_recent(inbox, 7);
}

fn check_bodies(account: &Account) {
    let snapshot = account.snapshot();
    let inbox = mailbox(account, "INBOX");
    for message in inbox.iter_from(imap_proto::types::SeqNum::MIN) {
        let at = message.uid.get() - 1;
        let text = format!("Subject: {at}\r\n\r\n{at}");
        assert_eq!(account.read(&snapshot, &message, 0..999).expect("readable"), text);
        let summary = account.summary(&snapshot, &message).expect("there or made again");
        assert_eq!(summary.envelope().subject.as_deref(), Some(at.to_string().as_bytes()));
    }
}

#[tokio::test]
async fn a_closed_store_comes_back_without_replay() {
    let dir = tempfile::tempdir().expect("a directory");
    let before = {
        let (store, report) = open(dir.path());
        assert!(report.findings.is_empty(), "{report:?}");
        let account = alice(&store).await;
        fill(&account).await;
        store.close();
        account.snapshot().state_hash()
    };
    let summary_octets = std::fs::metadata(dir.path().join("summary/1.sum")).expect("there").len();
    assert!(summary_octets > 300 * 32);
    for _ in 0..2 {
        let (store, report) = open(dir.path());
        assert_eq!(report.changes_replayed, 0);
        assert!(report.findings.is_empty(), "{report:?}");
        let account = alice_again(&store);
        assert_eq!(account.snapshot().state_hash(), before);
        check_bodies(&account);
    }
    // Reading made no summary again: each was written once, before the store was closed.
    let rows = std::fs::metadata(dir.path().join("summary/1.sum")).expect("there").len();
    assert_eq!(rows, summary_octets);
}

#[tokio::test]
async fn without_its_index_a_store_is_rebuilt_from_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let before = {
        let (store, _) = open(dir.path());
        let account = alice(&store).await;
        fill(&account).await;
        store.close();
        account.snapshot().state_hash()
    };
    std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
    std::fs::remove_dir_all(dir.path().join("summary")).expect("removed");
    let (store, report) = open(dir.path());
    assert!(report.changes_replayed > 300);
    let account = alice_again(&store);
    assert_eq!(account.snapshot().state_hash(), before);
    check_bodies(&account);
    drop((store, account));
    let (store, report) = open(dir.path());
    assert_eq!(report.changes_replayed, 0, "the rebuilt index was kept");
    assert_eq!(alice_again(&store).snapshot().state_hash(), before);
}

/// The directory as it is in the middle of work, as a crash would leave it.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else if entry.file_name() != "lock" {
            // A file made ahead may go while we look.
            let _ = std::fs::copy(entry.path(), target);
        }
    }
}

#[tokio::test]
async fn after_a_crash_what_was_answered_is_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let synced = || Options { durability: Durability::Sync, ..options() };
    let (store, _) = Store::open(&dir.path().join("live"), synced()).expect("opens");
    let account = alice(&store).await;
    for round in 0..4 {
        for at in 0..40 {
            append(&account, "INBOX", &format!("{round} {at}"), "").await;
        }
        let inbox = mailbox(&account, "INBOX");
        let delete = FlagChange::Add(flags("\\Deleted"));
        account.store_flags(inbox.id(), set([round * 40 + 3]), delete, None).await.expect("stored");
        account.expunge(inbox.id(), None).await.expect("expunged");
        if round % 2 == 1 {
            store.checkpoint().expect("saved");
        }
        let copy = dir.path().join(format!("copy{round}"));
        copy_dir(&dir.path().join("live"), &copy);
        let (crashed, report) = Store::open(&copy, synced()).expect("opens");
        assert!(report.findings.iter().all(|it| !it.contains("lost")), "{report:?}");
        let again = alice_again(&crashed);
        assert_eq!(again.snapshot().state_hash(), account.snapshot().state_hash());
    }
}

#[tokio::test]
async fn a_checkpoint_writes_only_the_pages_that_changed_and_drops_the_old_ones() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = open(dir.path());
    let account = alice(&store).await;
    fill(&account).await;
    store.checkpoint().expect("saved");
    let inbox = mailbox(&account, "INBOX").id();
    for round in 0..20 {
        let change = if round % 2 == 0 {
            FlagChange::Add(flags("\\Flagged"))
        } else {
            FlagChange::Remove(flags("\\Flagged"))
        };
        account.store_flags(inbox, set(1..=300), change, None).await.expect("stored");
        store.checkpoint().expect("saved");
    }
    let before = account.snapshot().state_hash();
    assert!(store.index_rows() < 40, "{} rows for some 200 messages", store.index_rows());
    drop((account, store));
    let (store, report) = open(dir.path());
    assert_eq!(report.changes_replayed, 0);
    assert_eq!(alice_again(&store).snapshot().state_hash(), before);
}

#[tokio::test]
async fn damage_in_the_index_is_mended_from_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let before = {
        let (store, _) = open(dir.path());
        let account = alice(&store).await;
        fill(&account).await;
        store.close();
        account.snapshot().state_hash()
    };
    for damage in ["empty", "noise", "missing"] {
        // Each rebuild makes a new generation.
        let mut generations = std::fs::read_dir(dir.path().join("index")).expect("listed").flatten();
        let db = generations.next().expect("a generation").path().join("db");
        let len = std::fs::metadata(&db).expect("there").len();
        match damage {
            "empty" => std::fs::write(&db, b"").expect("written"),
            "noise" => std::fs::write(&db, vec![0x5a; len as usize]).expect("written"),
            _ => std::fs::remove_file(dir.path().join("index.manifest")).expect("removed"),
        }
        let (store, report) = open(dir.path());
        assert!(!report.findings.is_empty(), "{damage}");
        assert_eq!(alice_again(&store).snapshot().state_hash(), before, "{damage}");
        store.close();
    }
}

#[tokio::test]
async fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = open(dir.path());
    assert!(matches!(Store::open(dir.path(), options()), Err(crate::OpenError::InUse { .. })));
    drop(store);
    open(dir.path());
}
