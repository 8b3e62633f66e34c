//! Backups taken while the store works, and stores made of them.

use std::path::Path;

use super::*;
use crate::{OpenError, StoreError};

fn open(dir: &Path) -> (Store, crate::OpenReport) {
    Store::open(dir, options()).expect("opens")
}

fn alice_again(store: &Store) -> Account {
    store.account(store.user("alice").expect("alice is there").account).expect("loads")
}

/// Flags, UIDs and octets of everything in INBOX, without MODSEQs, which leap.
fn contents(account: &Account) -> Vec<(u32, Vec<String>, Vec<u8>)> {
    let (snapshot, inbox) = (account.snapshot(), mailbox(account, "INBOX"));
    let messages = inbox.iter_from(imap_proto::types::SeqNum::MIN);
    messages
        .map(|it| {
            let flags = inbox.wire_flags(&it.flags).iter().map(flag_text).collect();
            let octets = account.read(&snapshot, &it, 0..u64::MAX).expect("readable");
            (it.uid.get(), flags, octets.to_vec())
        })
        .collect()
}

#[tokio::test]
async fn a_backup_of_a_working_store_is_restored_as_another_store_that_leapt() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let [work, backup, restored] = dirs.each_ref().map(|dir| dir.path());
    let (store, _) = open(work);
    let account = alice(&store).await;
    for at in 0..4 {
        append(&account, "INBOX", &format!("{at} {}", "x".repeat(400_000)), "k \\Seen").await;
    }
    let first = store.backup(backup).expect("backed up");
    assert_eq!(first.copied, first.segments);
    append(&account, "INBOX", "in the second backup", "").await;
    let second = store.backup(backup).expect("backed up");
    assert_eq!((second.copied, second.segments), (1, first.segments), "only what is new");
    assert_eq!(store.backup(backup).expect("backed up").copied, 0);
    let expected = contents(&account);
    let uid_next = mailbox(&account, "INBOX").uid_next().expect("some are left").get();
    append(&account, "INBOX", "too late", "").await;

    Store::restore(backup, restored).expect("restored");
    let again = Store::restore(backup, restored);
    assert!(matches!(again, Err(OpenError::Damaged { .. })), "never over another store");
    let (copy, report) = open(restored);
    assert!(report.findings.iter().any(|it| it.contains("may be lost")), "{report:?}");
    let from_copy = alice_again(&copy);
    assert_eq!(contents(&from_copy), expected);
    assert!(copy.check().expect("readable").is_sound());
    let validity = mailbox(&account, "INBOX").uid_validity();
    assert_eq!(mailbox(&from_copy, "INBOX").uid_validity(), validity);
    assert!(append(&from_copy, "INBOX", "goes on", "").await > uid_next, "no UID means two things");
    assert_ne!(copy.log().store_id(), store.log().store_id());
    let mixed = copy.backup(backup);
    assert!(matches!(mixed, Err(StoreError::Unavailable { .. })), "two branches never mix in one backup");
    copy.close();
    drop(copy);
    let (_copy, report) = open(restored);
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!(contents(&account).len(), expected.len() + 1);
}
