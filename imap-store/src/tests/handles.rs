//! How many files the store holds open.

use imap_proto::types::SeqNum;

use super::*;

/// Files below `dir` that this process has open.
fn open_files(dir: &std::path::Path, kind: &str) -> usize {
    let handles = std::fs::read_dir("/proc/self/fd").expect("Linux").flatten();
    let targets = handles.filter_map(|handle| std::fs::read_link(handle.path()).ok());
    targets.filter(|it| it.starts_with(dir) && it.extension().is_some_and(|it| it == kind)).count()
}

#[tokio::test]
async fn a_store_of_many_segments_and_accounts_keeps_few_files_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { open_segments_max: 3, ..options() };
    let (store, _) = Store::open(dir.path(), options).expect("opens");
    let text = format!("Subject: large\r\n\r\n{}", "x".repeat(200_000));
    let mut accounts = Vec::new();
    for at in 0..12 {
        let user = store.create_user(&format!("user{at}"), Vec::new()).await.expect("new");
        let account = store.account(user.account).expect("loads");
        for _ in 0..6 {
            append(&account, "INBOX", &text, "").await;
        }
        accounts.push(account);
    }
    store.flush_summaries();
    let segments = std::fs::read_dir(dir.path().join("log")).expect("listed").count();
    assert!(segments > 8, "{segments}");
    for account in accounts.iter().chain(accounts.iter().rev()) {
        let snapshot = account.snapshot();
        for it in mailbox(account, "INBOX").iter_from(SeqNum::MIN) {
            assert_eq!(account.read(&snapshot, &it, 0..1_000_000).expect("readable"), text);
            account.summary(&snapshot, &it).expect("there");
        }
        // The three, and the one that is written.
        assert!(open_files(dir.path(), "seg") <= 4);
        assert_eq!(open_files(dir.path(), "sum"), 0);
    }
}
