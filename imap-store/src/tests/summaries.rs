//! The summary files: rows written behind, made again, written anew without garbage.

use std::path::{Path, PathBuf};

use imap_proto::types::SeqNum;

use super::*;
use crate::account::FlagChange;

fn open(dir: &Path) -> Store {
    let options = Options { undelete_seconds: 0, ..options() };
    Store::open(dir, options).expect("the store opens").0
}

fn file(dir: &Path) -> PathBuf {
    dir.join("summary/1.sum")
}

fn octets(dir: &Path) -> u64 {
    std::fs::metadata(file(dir)).map_or(0, |it| it.len())
}

async fn fill(account: &Account, count: u32) {
    let inbox = mailbox(account, "INBOX").id();
    for from in (0..count).step_by(500) {
        let mut messages = Vec::new();
        for at in from..count.min(from + 500) {
            messages.push(message(account, &format!("Subject: {at}\r\n\r\n{at}"), "").await);
        }
        account.append(inbox, messages).await.expect("appended");
    }
}

/// Lists all; every subject is the message's own.
fn list(account: &Account) {
    let snapshot = account.snapshot();
    for it in mailbox(account, "INBOX").iter_from(SeqNum::MIN) {
        let summary = account.summary(&snapshot, &it).expect("there or made again");
        let subject = (it.uid.get() - 1).to_string();
        assert_eq!(summary.envelope().subject.as_deref(), Some(subject.as_bytes()));
    }
}

async fn expunge(account: &Account, uids: NumberSet) {
    let inbox = mailbox(account, "INBOX").id();
    let change = FlagChange::Add(flags("\\Deleted"));
    account.store_flags(inbox, uids.clone(), change, None).await.expect("stored");
    account.expunge(inbox, Some(uids)).await.expect("expunged");
}

#[tokio::test]
async fn no_row_is_lost_however_fast_they_come() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 10_000).await;
    store.flush_summaries();
    let written = octets(dir.path());
    list(&account);
    store.flush_summaries();
    assert_eq!(octets(dir.path()), written, "a row was missing and made again");
    // The file is gone: all are made again, once.
    std::fs::remove_file(file(dir.path())).expect("removed");
    drop((account, store));
    let store = open(dir.path());
    let account = store.account(store.user("alice").expect("there").account).expect("loads");
    list(&account);
    store.flush_summaries();
    assert_eq!(octets(dir.path()), written);
    list(&account);
    store.flush_summaries();
    assert_eq!(octets(dir.path()), written);
}

#[tokio::test]
async fn a_file_that_is_mostly_garbage_is_written_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 300).await;
    store.flush_summaries();
    let before = octets(dir.path());
    expunge(&account, set(1..=140)).await;
    store.flush_summaries();
    assert_eq!(octets(dir.path()), before, "less than half is garbage");
    expunge(&account, set(141..=280)).await;
    store.flush_summaries();
    let after = octets(dir.path());
    assert!(after < before / 10, "{after} of {before} for 20 of 300 messages");
    list(&account);
    fill_one_more(&account).await;
    store.flush_summaries();
    assert!(octets(dir.path()) > after);
    // What is there now is what the next process finds.
    drop((account, store));
    let written = octets(dir.path());
    let store = open(dir.path());
    let account = store.account(store.user("alice").expect("there").account).expect("loads");
    list(&account);
    store.flush_summaries();
    assert_eq!(octets(dir.path()), written);
    assert!(store.check().expect("reads").is_sound());
}

/// A listing under way goes on in the file that it has, and in the one that is put in its place, and finds
/// what was not written when it began.
#[tokio::test]
async fn who_reads_while_the_file_changes_reads_no_wrong_row() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 2_000).await;
    store.flush_summaries();
    let (before, inbox) = (account.snapshot(), mailbox(&account, "INBOX"));
    let mut reader = account.summaries(&before);
    let mut read = |first: u32, count: usize| {
        for it in inbox.iter_from(SeqNum::new(first).expect("not 0")).take(count) {
            let summary = reader.summary(&it).expect("there or made again");
            let subject = (it.uid.get() - 1).to_string();
            assert_eq!(summary.envelope().subject.as_deref(), Some(subject.as_bytes()), "from {first}");
        }
    };
    read(1, 10);
    expunge(&account, set(1..=1_400)).await;
    store.flush_summaries();
    fill_one_more(&account).await;
    // Those that are noted, in the old file; those behind, in the new one; and back.
    read(11, 400);
    read(1_401, 600);
    read(1_500, 10);
    let (after, inbox) = (account.snapshot(), mailbox(&account, "INBOX"));
    let mut reader = account.summaries(&after);
    for it in inbox.iter_from(SeqNum::MIN) {
        let expected = if it.uid.get() == 2_001 { 300 } else { it.uid.get() - 1 };
        let summary = reader.summary(&it).expect("there or made again");
        assert_eq!(summary.envelope().subject.as_deref(), Some(expected.to_string().as_bytes()));
    }
}

async fn fill_one_more(account: &Account) {
    append(account, "INBOX", "Subject: 300\r\n\r\nx", "").await;
}

#[tokio::test]
async fn a_check_finds_damaged_rows_and_they_are_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 50).await;
    store.close();
    drop((account, store));
    let mut octets = std::fs::read(file(dir.path())).expect("there");
    // The last octet is in the summary of the last row; behind it comes what is none.
    *octets.last_mut().expect("rows") ^= 1;
    let stray = [b'x'; 40];
    octets.extend_from_slice(&stray);
    std::fs::write(file(dir.path()), octets).expect("written");
    let store = open(dir.path());
    let found = store.check().expect("reads");
    assert!(found.affected.is_empty());
    assert_eq!(
        found.findings,
        [
            "account 1: 1 summaries are damaged, and are made again when asked for",
            "account 1: the summaries end in 40 octets that are none"
        ]
    );
    let account = store.account(store.user("alice").expect("there").account).expect("loads");
    list(&account);
    store.flush_summaries();
    let found = store.check().expect("reads");
    assert!(found.is_sound(), "{found:?}");
}

/// A crash leaves any part of what was being written: that is no damage, and nothing behind it is lost.
#[tokio::test]
async fn a_row_that_a_crash_has_cut_short_is_no_finding() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 3).await;
    store.close();
    drop((account, store));
    let octets = std::fs::read(file(dir.path())).expect("there");
    for lost in [1, 20, 60] {
        std::fs::write(file(dir.path()), &octets[..octets.len() - lost]).expect("written");
        let store = open(dir.path());
        let found = store.check().expect("reads");
        assert!(found.is_sound(), "{lost}: {found:?}");
        let account = store.account(store.user("alice").expect("there").account).expect("loads");
        list(&account);
        store.close();
        assert_eq!(std::fs::read(file(dir.path())).expect("there"), octets, "{lost}: made again");
    }
}

#[tokio::test]
async fn a_few_are_read_at_once_where_nothing_has_to_be_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 200).await;
    store.flush_summaries();
    let (snapshot, inbox) = (account.snapshot(), mailbox(&account, "INBOX"));
    let few: Vec<_> = [3, 4, 9, 10, 30].into_iter().filter_map(|at| inbox.get(uid(at))).collect();
    let subjects = |reader: &mut crate::account::SummaryReader| -> Vec<String> {
        let summaries = few.iter().map(|it| reader.summary(it).expect("it is there"));
        summaries
            .map(|it| String::from_utf8_lossy(&it.envelope().subject.unwrap_or_default()).into())
            .collect()
    };

    let mut reader = account.summaries(&snapshot);
    assert!(reader.summaries_now(&few), "the rows are in the page cache, the file's name in the kernel's");
    std::fs::remove_file(file(dir.path())).expect("it is there");
    assert_eq!(subjects(&mut reader), ["2", "3", "8", "9", "29"], "from what was read");
    assert!(!account.summaries(&snapshot).summaries_now(&few), "the file is gone");
    assert_eq!(subjects(&mut account.summaries(&snapshot)), ["2", "3", "8", "9", "29"], "made again");

    fill(&account, 1).await;
    let (snapshot, inbox) = (account.snapshot(), mailbox(&account, "INBOX"));
    let newest: Vec<_> = inbox.get(uid(201)).into_iter().collect();
    assert!(account.summaries(&snapshot).summaries_now(&newest), "not written yet, or in the file");
}

#[tokio::test]
async fn nothing_is_read_at_once_while_nobody_knows_where_rows_lie() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let account = alice(&store).await;
    fill(&account, 3).await;
    drop((account, store));
    let store = open(dir.path());
    let user = store.user("alice").expect("alice");
    let account = store.account(user.account).expect("loads");
    let (snapshot, inbox) = (account.snapshot(), mailbox(&account, "INBOX"));
    let few: Vec<_> = inbox.get(uid(1)).into_iter().collect();
    let mut reader = account.summaries(&snapshot);
    assert!(!reader.summaries_now(&few), "the file would have to be read through");
    assert!(reader.summary(&few[0]).is_ok());
    assert!(reader.summaries_now(&few));
}
