//! Mail out of a backup into a running store.

use std::path::Path;

use imap_proto::types::SeqNum;

use super::*;
use crate::account::FlagChange;
use crate::{RestoreError, RestoreFrom};

fn contents(account: &Account, named: &str) -> Vec<(Vec<String>, String, i64)> {
    let (snapshot, mailbox) = (account.snapshot(), mailbox(account, named));
    let messages = mailbox.iter_from(SeqNum::MIN);
    messages
        .map(|it| {
            let octets = account.read(&snapshot, &it, 0..u64::MAX).expect("readable");
            let flags = mailbox.wire_flags(&it.flags).iter().map(flag_text).collect();
            (flags, String::from_utf8(octets.to_vec()).expect("ASCII"), it.internal_date.seconds())
        })
        .collect()
}

fn wanted(mailbox: Option<&str>, uid: Option<u32>) -> RestoreFrom {
    let (mailbox, uid) = (mailbox.map(name), uid.map(super::uid));
    RestoreFrom { user: "alice".into(), mailbox, uid, into: name("Restored/2026-11-23") }
}

async fn fill(dir: &Path, backup: &Path) -> (Store, Account) {
    let options = Options { undelete_seconds: 0, ..options() };
    let (store, _) = Store::open(dir, options).expect("opens");
    let account = alice(&store).await;
    append(&account, "INBOX", "one", "k \\Seen").await;
    append(&account, "INBOX", &format!("two {}", "x".repeat(600_000)), "").await;
    append(&account, "Trash", "three", "other").await;
    store.compact(false, &|_| {}).expect("compacts");
    store.backup(backup).expect("backed up");
    (store, account)
}

#[tokio::test]
async fn an_account_a_mailbox_and_a_message_come_back_beside_what_is_there() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [work, backup] = dirs.each_ref().map(|dir| dir.path());
    let (store, account) = fill(work, backup).await;
    let (inbox, trash) = (contents(&account, "INBOX"), contents(&account, "Trash"));
    let id = mailbox(&account, "INBOX").id();
    account.store_flags(id, set([1, 2]), FlagChange::Add(flags("\\Deleted")), None).await.expect("stored");
    account.expunge(id, None).await.expect("expunged");
    append(&account, "INBOX", "new", "").await;
    store.compact(false, &|_| {}).expect("compacts");
    let files = std::fs::read_dir(backup).expect("listed").count();

    let restore = |wanted: RestoreFrom| store.restore_mail(backup, &wanted, &mut |_| {});
    let one = restore(wanted(Some("INBOX"), Some(2))).expect("restored");
    assert_eq!((one.mailboxes, one.messages, one.octets), (1, 1, 600_004));
    assert_eq!(contents(&account, "Restored/2026-11-23/INBOX"), inbox[1..]);
    assert_eq!(restore(wanted(Some("Trash"), None)).expect("restored").messages, 1);
    assert_eq!(contents(&account, "Restored/2026-11-23/Trash"), trash);
    let all = restore(RestoreFrom { into: name("All"), ..wanted(None, None) }).expect("restored");
    assert_eq!((all.mailboxes, all.messages, all.made_user), (6, 3, false));
    assert_eq!(contents(&account, "All/INBOX"), inbox);
    assert_eq!(contents(&account, "INBOX").len(), 1, "nothing was overwritten");

    let refused = |wanted| matches!(restore(wanted), Err(RestoreError::NotThere(_)));
    assert!(refused(wanted(Some("nix"), None)) && refused(wanted(Some("INBOX"), Some(9))));
    assert!(refused(RestoreFrom { user: "bob".into(), ..wanted(None, None) }));
    assert_eq!(std::fs::read_dir(backup).expect("listed").count(), files, "the backup is only read");
    assert!(store.check().expect("readable").is_sound());
}

#[tokio::test]
async fn an_account_that_is_missing_comes_back_as_it_was() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [work, backup] = dirs.each_ref().map(|dir| dir.path());
    let (store, account) = fill(work, backup).await;
    let (inbox, trash) = (contents(&account, "INBOX"), contents(&account, "Trash"));
    drop(account);
    store.delete_user("alice").await.expect("there");
    let restored = store.restore_mail(backup, &wanted(None, None), &mut |_| {}).expect("restored");
    assert!(restored.made_user && restored.messages == 3);
    let user = store.user("alice").expect("there again");
    assert_eq!(user.credentials, b"secret");
    let account = store.account(user.account).expect("loads");
    assert_eq!((contents(&account, "INBOX"), contents(&account, "Trash")), (inbox, trash));
}
