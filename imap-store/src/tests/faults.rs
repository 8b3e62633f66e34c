//! What accounts do when the disk fails under the log.

use super::*;
use crate::StoreError;
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
