//! What accounts do when the disk fails under the log.

use super::sharing::{give, rights, who};
use super::*;
use crate::StoreError;
use crate::account::AclChange;
use crate::sim::{Faults, SimDisk};

fn open(disk: &SimDisk) -> Store {
    let options = Options { durability: Durability::Sync, ..options() };
    Store::on_disk(Arc::new(disk.clone()), options).expect("opens").0
}

fn alice_again(store: &Store) -> Account {
    store.account(store.user("alice").expect("alice is there").account).expect("loads")
}

async fn try_append(account: &Account, octets: usize) -> Result<u32, StoreError> {
    let mut upload = account.upload();
    upload.write(&vec![b'x'; octets]).await?;
    let message = NewMessage { uploaded: upload.finish().await?, flags: Vec::new(), internal_date: None };
    let appended = account.append(mailbox(account, "INBOX").id(), vec![message]).await?;
    Ok(appended.uids.iter().next().expect("one UID"))
}

#[tokio::test]
async fn a_full_disk_refuses_without_a_trace_and_works_again_with_room() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    disk.set_faults(Faults { room_octets: Some(6 << 20), ..Faults::default() });
    let mut kept = 0;
    let refusal = loop {
        match try_append(&account, 200_000).await {
            Ok(uid) => kept = uid,
            Err(refusal) => break refusal,
        }
        assert!(kept < 100, "the disk is full at some time");
    };
    assert!(matches!(refusal, StoreError::Unavailable { .. }), "{refusal}");
    assert_eq!(mailbox(&account, "INBOX").len(), kept);
    disk.set_faults(Faults::default());
    // The UID that was refused is given to the next.
    assert_eq!(try_append(&account, 10).await.expect("there is room"), kept + 1);
    let again = open(&disk.killed());
    assert_eq!(alice_again(&again).snapshot().state_hash(), account.snapshot().state_hash());
}

#[tokio::test]
async fn a_failed_sync_leaves_the_view_at_what_is_known() {
    for at in 0..6 {
        let disk = SimDisk::new(at);
        let store = open(&disk);
        let account = alice(&store).await;
        let mut kept = try_append(&account, 10).await.expect("appended");
        disk.set_faults(Faults { fail_sync: Some(at), ..Faults::default() });
        let error = loop {
            match try_append(&account, 10).await {
                Ok(uid) => kept = uid,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::InDoubt { .. }), "{error}");
        assert_eq!(mailbox(&account, "INBOX").len(), kept);
        // Also what would change nothing is refused or answered, and never waits for ever.
        let _ = account.subscribe(name("INBOX")).await;
        assert!(matches!(account.subscribe(name("x")).await, Err(StoreError::Unavailable { .. })));
        let again = open(&disk.power_cut(at));
        let inbox = mailbox(&alice_again(&again), "INBOX");
        assert!((kept..=kept + 1).contains(&inbox.len()), "{} of {kept}", inbox.len());
    }
}

/// SETACL is told by its ACL: whatever fails behind that in account 0, OK means that it counts, NO that it does not.
/// Account 0 may say too much then, never too little, and a check mends it.
#[tokio::test]
async fn an_acl_is_refused_without_a_trace_or_taken_whole() {
    let (mut stale, mut refused) = (0, 0);
    let cases = (0..3).flat_map(|at| (0..8).flat_map(move |seed| [(at, seed, true), (at, seed, false)]));
    for (at, seed, gives) in cases {
        let disk = SimDisk::new(seed);
        let store = open(&disk);
        let account = alice(&store).await;
        let (old, new) = if gives { ("", "lr") } else { ("lr", "") };
        if !gives {
            give(&store, &account, "Archive", "bob", old).await;
        }
        let archive = mailbox(&account, "Archive").id();
        let change = AclChange::Replace(rights(new));
        disk.set_faults(Faults { fail_write: Some(at), ..Faults::default() });
        let set = store.set_acl(&account, archive, "bob", change).await;
        let shown = mailbox(&account, "Archive").rights(&who("bob"));
        assert_eq!(shown, rights(if set.is_ok() { new } else { old }), "{set:?}");
        refused += u32::from(set.is_err());

        let again = open(&disk.power_cut(seed));
        let kept = mailbox(&alice_again(&again), "Archive").rights(&who("bob"));
        if set.is_ok() {
            assert_eq!(kept, rights(new));
        }
        let found = again.accounts_shared_with(&who("bob")).len();
        assert!(kept.is_empty() || found == 1, "LIST finds what is shared");
        stale += u32::from(kept.is_empty() && found == 1);
        let report = tokio::task::spawn_blocking(move || {
            let report = again.check().expect("readable");
            (report, again.accounts_shared_with(&who("bob")).len())
        });
        let (report, found) = report.await.expect("no panic");
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(found == 1, !kept.is_empty(), "a check makes both agree");
    }
    assert!(stale > 0 && refused > 0, "{stale} times too much, {refused} refused");
}

/// On a disk of `room` octets, appends until it is refused; returns how many there are.
async fn fill(account: &Account, octets: usize) -> u32 {
    loop {
        if let Err(refusal) = try_append(account, octets).await {
            assert!(matches!(refusal, StoreError::Unavailable { .. }), "{refusal}");
            return mailbox(account, "INBOX").len();
        }
        assert!(mailbox(account, "INBOX").len() < 10_000, "the disk is full at some time");
    }
}

#[tokio::test]
async fn who_frees_room_has_some_when_nobody_else_has_any() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    let inbox = mailbox(&account, "INBOX").id();
    let room = Some(24 << 20);
    disk.set_faults(Faults { room_octets: room, ..Faults::default() });
    for octets in [200_000, 5_000, 10] {
        fill(&account, octets).await;
    }
    let count = mailbox(&account, "INBOX").len();
    assert!(count > 50, "{count}");
    // Nothing comes in, by no way; reading goes on.
    let refused =
        |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::Unavailable { .. })));
    refused(account.copy(inbox, set([1]), mailbox(&account, "Trash").id()).await.map(drop));
    refused(account.create(name("new"), None).await.map(drop));
    refused(store.create_user("bob", Vec::new()).await.map(drop));
    let snapshot = account.snapshot();
    let first = mailbox(&account, "INBOX").get(uid(1)).expect("there");
    assert_eq!(account.read(&snapshot, &first, 0..u64::MAX).expect("readable").len(), 200_000);
    // It is told once more after a restart, which a full disk does not hinder.
    drop((account, snapshot, store));
    let disk = disk.killed();
    disk.set_faults(Faults { room_octets: room, ..Faults::default() });
    let store = open(&disk);
    let account = alice_again(&store);
    assert_eq!(fill(&account, 10).await, count);

    // Flags, moves and expunges go on, more often than one segment has room for.
    let change = crate::account::FlagChange::Add(flags("\\Deleted"));
    account.store_flags(inbox, set(1..=count), change, None).await.expect("stored");
    for uid in 1..=200.min(count) {
        assert_eq!(account.expunge(inbox, Some(set([uid]))).await.expect("expunged"), set([uid]));
    }
    // They lie in the graveyard, and take as much room as before.
    assert!(try_append(&account, 10).await.is_err());
    store.purge_oldest(u64::MAX).expect("purged");
    store.compact(false, &|_| {}).expect("compacted");
    try_append(&account, 200_000).await.expect("there is room again");
    assert!(store.check().expect("readable").is_sound());
    let again = open(&disk.killed());
    assert_eq!(alice_again(&again).snapshot().state_hash(), account.snapshot().state_hash());
}

#[tokio::test]
async fn a_full_disk_that_is_emptied_comes_back_by_itself() {
    let disk = SimDisk::new(1);
    let options = Options { durability: Durability::Sync, compacts_by_itself: true, ..options() };
    let store = Store::on_disk(Arc::new(disk.clone()), options).expect("opens").0;
    let account = alice(&store).await;
    disk.set_faults(Faults { room_octets: Some(24 << 20), ..Faults::default() });
    let count = fill(&account, 200_000).await;
    let inbox = mailbox(&account, "INBOX").id();
    let change = crate::account::FlagChange::Add(flags("\\Deleted"));
    // As a client does: it tries again and again. Compaction takes of what is kept back for flags while it makes room.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let is_refused = |result: Result<(), StoreError>| {
        let Err(refusal) = result else { return false };
        assert!(matches!(refusal, StoreError::Unavailable { .. }), "{refusal}");
        assert!(std::time::Instant::now() < end, "no room was made");
        true
    };
    while is_refused(account.store_flags(inbox, set(1..=count / 2), change.clone(), None).await.map(drop)) {
        tokio::task::yield_now().await;
    }
    account.expunge(inbox, None).await.expect("expunged");
    while is_refused(try_append(&account, 200_000).await.map(drop)) {
        tokio::task::yield_now().await;
    }
    let left = account.snapshot().graves().count() as u32;
    assert!(left > 0 && left < count / 2, "no more of them went than had to: {left} of {}", count / 2);
    // As long as there is something to be had, who brings something in waits for it and is not refused.
    for _ in 0..20 {
        try_append(&account, 200_000).await.expect("room is made in time");
    }
    assert_eq!(mailbox(&account, "INBOX").len(), count - count / 2 + 21);
    assert!(store.check().expect("readable").is_sound());
}

#[tokio::test]
async fn the_oldest_graves_of_all_accounts_go_first() {
    let now = Arc::new(std::sync::atomic::AtomicI64::new(NOW));
    let clock = Clock::new({
        let now = now.clone();
        move || now.load(std::sync::atomic::Ordering::Relaxed)
    });
    let store = Store::in_memory(Options { clock, ..options() }).expect("memory has room");
    let bob = store.create_user("bob", Vec::new()).await.expect("bob is new");
    let accounts = [alice(&store).await, store.account(bob.account).expect("bob has an account")];
    // In turn, a second apart.
    for at in 0..6 {
        now.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let account = &accounts[at % 2];
        let uid = append(account, "INBOX", &"x".repeat(1_000), "\\Deleted").await;
        account.expunge(mailbox(account, "INBOX").id(), Some(set([uid]))).await.expect("expunged");
    }
    let left = || accounts.each_ref().map(|account| account.snapshot().graves().count());
    assert_eq!(store.purge_oldest(0).expect("purged"), 0);
    assert_eq!(left(), [3, 3]);
    assert_eq!(store.purge_oldest(2_500).expect("purged"), 3_000);
    assert_eq!(left(), [1, 2]);
    assert_eq!(store.purge_oldest(u64::MAX).expect("purged"), 3_000);
    assert_eq!(left(), [0, 0]);
}
