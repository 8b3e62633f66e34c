//! What a check finds, and what it leaves alone.

use super::*;
use crate::log::CHUNK_OCTETS;
use crate::sim::SimDisk;

fn open(disk: &SimDisk) -> Store {
    let options = Options { durability: Durability::Sync, ..options() };
    Store::on_disk(Arc::new(disk.clone()), options).expect("opens").0
}

/// A store with small and long messages, copies, and a grave; also some in a segment that is sealed.
async fn fill(store: &Store) -> Account {
    let account = alice(store).await;
    for at in 0..8 {
        append(&account, "INBOX", &format!("small message {at}"), &format!("keyword-{at}")).await;
        let long = format!("begins {at} {}", "x".repeat(CHUNK_OCTETS));
        append(&account, "INBOX", &long, "").await;
    }
    let (inbox, trash) = (mailbox(&account, "INBOX").id(), mailbox(&account, "Trash").id());
    account.copy(inbox, set([1, 3]), trash).await.expect("copied");
    append(&account, "Junk", "to be expunged", "\\Deleted").await;
    account.expunge(mailbox(&account, "Junk").id(), None).await.expect("expunged");
    account
}

fn hurt(disk: &SimDisk, needle: &str) {
    let hurt = (1..9).any(|segment| {
        let mut found = false;
        disk.damage(std::path::Path::new(&format!("/log/{segment:010}.seg")), |octets| {
            let at = octets.windows(needle.len()).position(|it| it == needle.as_bytes());
            found = at.is_some();
            if let Some(at) = at {
                octets[at] ^= 1;
            }
        });
        found
    });
    assert!(hurt, "{needle} stands in the log");
}

#[tokio::test]
async fn a_sound_store_is_sound_while_it_is_written_and_after() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = fill(&store).await;
    let report = store.check().expect("readable");
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.messages, 16 + 2 + 1);
    store.close();
    drop((store, account));
    let store = open(&disk);
    let report = store.check().expect("readable");
    assert!(report.is_sound() && report.records > 40, "{report:?}");
}

#[tokio::test]
async fn every_affected_message_is_named_and_no_other() {
    for (needle, expected) in [
        ("small message 0", vec!["INBOX 1", "Trash 1"]),
        ("begins 0", vec!["INBOX 2"]),
        ("small message 5", vec!["INBOX 11"]),
        ("to be expunged", vec!["(expunged) 1"]),
    ] {
        let disk = SimDisk::new(1);
        let store = open(&disk);
        let account = fill(&store).await;
        hurt(&disk, needle);
        let report = store.check().expect("readable");
        assert_eq!(report.findings.len(), 1, "{report:?}");
        let affected = report.affected.iter().map(|it| {
            assert_eq!((it.account, it.user.as_deref()), (account.id(), Some("alice")));
            format!("{} {}", it.mailbox.as_deref().unwrap_or("(expunged)"), it.uid)
        });
        assert_eq!(affected.collect::<Vec<_>>(), expected);
        assert!(!report.index_condemned);
    }
}

#[tokio::test]
async fn an_index_that_holds_what_the_log_lost_is_kept() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let _account = fill(&store).await;
    hurt(&disk, "keyword-3");
    let report = store.check().expect("readable");
    assert!(report.affected.is_empty() && !report.index_condemned, "{report:?}");
    assert!(report.findings.iter().any(|it| it.contains("which is kept")), "{report:?}");
}

/// Damage of account 0 took what LIST goes by; the ACLs still have it.
#[tokio::test]
async fn what_account_0_lost_of_shared_mailboxes_is_mended() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = fill(&store).await;
    store.create_user("bob", Vec::new()).await.expect("new");
    sharing::give(&store, &account, "Archive", "bob", "lr").await;
    let bob = sharing::who("bob");
    assert_eq!(store.accounts_shared_with(&bob).len(), 1);
    store.close();
    // The Grant: its kind, and the identifier.
    hurt(&disk, "\u{1c}\u{3}bob");
    let store = open(&disk);
    assert!(store.accounts_shared_with(&bob).is_empty(), "there is no other index than the log");
    let account = store.account(account.id()).expect("loads");
    assert_eq!(mailbox(&account, "Archive").rights(&bob), sharing::rights("lr"));
    let mends = |report: crate::CheckReport| report.findings.iter().any(|it| it.contains("it is mended"));
    assert!(mends(store.check().expect("readable")));
    assert_eq!(store.accounts_shared_with(&bob).len(), 1);
    assert!(!mends(store.check().expect("readable")), "once is enough");
}
