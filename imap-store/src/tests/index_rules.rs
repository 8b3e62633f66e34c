//! What is never believed of an index, each rule with its damage: it is discarded, and made again from the log.

use std::path::Path;

use super::reopen::copy_dir;
use super::*;
use crate::OpenReport;

fn synced() -> Options {
    Options { durability: Durability::Sync, ..options() }
}

fn open(dir: &Path) -> (Store, OpenReport) {
    Store::open(dir, synced()).expect("the store opens")
}

fn alice_hash(store: &Store) -> [u8; 32] {
    store.account(store.user("alice").expect("there").account).expect("loads").snapshot().state_hash()
}

/// A closed store with some mail; the state's hash.
async fn filled(dir: &Path) -> [u8; 32] {
    let (store, _) = open(dir);
    let account = alice(&store).await;
    for at in 0..40 {
        append(&account, "INBOX", &format!("Subject: {at}\r\n\r\n"), "k").await;
    }
    store.close();
    account.snapshot().state_hash()
}

/// More mail; the state's hash.
async fn more(dir: &Path) -> [u8; 32] {
    let (store, _) = open(dir);
    let account = store.account(store.user("alice").expect("there").account).expect("loads");
    for at in 0..10 {
        append(&account, "INBOX", &format!("Subject: more {at}\r\n\r\n"), "").await;
    }
    store.close();
    account.snapshot().state_hash()
}

fn generation(dir: &Path) -> std::path::PathBuf {
    let mut generations = std::fs::read_dir(dir.join("index")).expect("listed").flatten();
    generations.next().expect("a generation").path()
}

/// It was discarded, with a word of why, and the next opening has a whole one.
fn discards(dir: &Path, hash: [u8; 32], why: &str) {
    let (store, report) = open(dir);
    let told = report.findings.iter().find(|it| it.contains("the index is made again")).expect("it is told");
    assert!(told.contains(why), "{told}");
    assert!(report.changes_replayed >= 40);
    assert_eq!(alice_hash(&store), hash);
    drop(store);
    let (store, report) = open(dir);
    assert_eq!((report.changes_replayed, report.findings), (0, Vec::new()));
    assert_eq!(alice_hash(&store), hash);
}

#[tokio::test]
async fn what_is_missing_empty_or_noise_is_made_again() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("no manifest", |dir| std::fs::remove_file(dir.join("index.manifest")).expect("removed")),
        ("a manifest of a newer format", |dir| {
            std::fs::write(dir.join("index.manifest"), "restante index 9\ngeneration 1\n").expect("written");
        }),
        ("another generation than is there", |dir| {
            std::fs::write(dir.join("index.manifest"), "restante index 1\ngeneration 77\n").expect("written");
        }),
        ("no database", |dir| std::fs::remove_file(generation(dir).join("db")).expect("removed")),
        ("an empty database", |dir| std::fs::write(generation(dir).join("db"), b"").expect("written")),
        ("noise", |dir| {
            let db = generation(dir).join("db");
            let len = std::fs::metadata(&db).expect("there").len();
            std::fs::write(&db, vec![0x5a; len as usize]).expect("written");
        }),
    ];
    for (name, damage) in damages {
        let dir = tempfile::tempdir().expect("a directory");
        let hash = filled(dir.path()).await;
        damage(dir.path());
        println!("{name}");
        discards(dir.path(), hash, "");
    }
}

/// Octets anywhere in sled's file: it may fail, panic, come up empty or serve them; what is served is never wrong.
#[tokio::test]
async fn no_damage_in_the_database_changes_what_is_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let hash = filled(&dir.path().join("sound")).await;
    for round in 0..24u64 {
        let damaged = dir.path().join(format!("damaged{round}"));
        copy_dir(&dir.path().join("sound"), &damaged);
        let db = generation(&damaged).join("db");
        let mut octets = std::fs::read(&db).expect("there");
        let used = octets.iter().rposition(|&octet| octet != 0).expect("it is not empty") as u64;
        for at in 0..=round * 4 {
            let place = (at * 7_919 + round * 104_729) % used;
            octets[place as usize] ^= 1 << (round % 8);
        }
        if round % 3 == 0 {
            octets.truncate(octets.len() / 2);
        }
        std::fs::write(&db, octets).expect("written");
        let (store, _) = open(&damaged);
        let account = store.account(store.user("alice").expect("there").account);
        match account {
            Ok(account) => assert_eq!(account.snapshot().state_hash(), hash, "round {round}"),
            Err(error) => {
                // Found only now: the account says so, and the next opening mends it.
                assert!(matches!(error, crate::StoreError::Damaged { .. }), "round {round}: {error}");
                drop(store);
                assert_eq!(alice_hash(&open(&damaged).0), hash, "round {round}, again");
            }
        }
    }
}

#[tokio::test]
async fn another_stores_index_is_not_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    let hash = filled(&ours).await;
    filled(&theirs).await;
    std::fs::remove_dir_all(ours.join("index")).expect("removed");
    copy_dir(&theirs.join("index"), &ours.join("index"));
    std::fs::copy(theirs.join("index.manifest"), ours.join("index.manifest")).expect("copied");
    discards(&ours, hash, "it is another store's");
}

#[tokio::test]
async fn an_index_ahead_of_the_log_is_not_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (live, old) = (dir.path().join("live"), dir.path().join("old"));
    let hash = filled(&live).await;
    copy_dir(&live.join("log"), &old.join("log"));
    more(&live).await;
    copy_dir(&live.join("index"), &old.join("index"));
    std::fs::copy(live.join("index.manifest"), old.join("index.manifest")).expect("copied");
    discards(&old, hash, "it may be ahead of the log");
}

#[tokio::test]
async fn an_index_behind_the_log_is_brought_up_by_replay() {
    let dir = tempfile::tempdir().expect("a directory");
    let (live, old) = (dir.path().join("live"), dir.path().join("old"));
    filled(&live).await;
    copy_dir(&live, &old);
    let hash = more(&live).await;
    std::fs::remove_dir_all(old.join("log")).expect("removed");
    copy_dir(&live.join("log"), &old.join("log"));
    let (store, report) = open(&old);
    assert!((10..40).contains(&report.changes_replayed), "{report:?}");
    assert_eq!(alice_hash(&store), hash);
}

/// What a store showed before it was synced may be in its index, and gone from its log.
#[tokio::test]
async fn after_a_crash_the_index_of_a_lazy_store_is_not_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (live, crashed) = (dir.path().join("live"), dir.path().join("crashed"));
    let (store, _) = Store::open(&live, options()).expect("opens");
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    store.checkpoint().expect("saved");
    copy_dir(&live, &crashed);
    let (_store, report) = Store::open(&crashed, options()).expect("opens");
    assert!(report.findings.iter().any(|it| it.contains("ahead of the log")), "{report:?}");
}

/// Rows that are damaged while the store runs: the account is made again from the log at once, and goes on; the index
/// at the next start.
#[tokio::test]
async fn rows_that_are_damaged_while_it_runs() {
    use crate::engine::{Snapshots, Write};
    for damage in ["a page", "a row is gone", "the account's row"] {
        let dir = tempfile::tempdir().expect("a directory");
        let hash = filled(dir.path()).await;
        let (store, report) = open(dir.path());
        assert_eq!(report.changes_replayed, 0, "{report:?}");
        let id = store.user("alice").expect("there").account;
        let engine: &dyn Snapshots = &*store.accounts().index.engine;
        let mut rows = Vec::new();
        let mut take = |key: &[u8], value: &[u8]| rows.push((key.to_vec(), value.to_vec()));
        for kind in [b'A', b'P'] {
            engine.scan(&[&[kind][..], &id.0.to_be_bytes()].concat(), &mut take).expect("readable");
        }
        let of_kind = |kind: u8| rows.iter().filter(move |(key, _)| key[0] == kind);
        let broken = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let mut value = value.clone();
            *value.last_mut().expect("not empty") ^= 1;
            Write::Put(key.clone(), value)
        };
        let writes: Vec<Write> = match damage {
            "a page" => of_kind(b'P').take(1).map(broken).collect(),
            "a row is gone" => of_kind(b'A').map(|(key, _)| Write::Delete(key.clone())).collect(),
            _ => of_kind(b'A').map(broken).collect(),
        };
        assert!(!writes.is_empty());
        engine.apply(&writes).expect("written");
        let account = store.account(id).expect("made again");
        assert_eq!(account.snapshot().state_hash(), hash, "{damage}");
        append(&account, "INBOX", "it goes on", "").await;
        let hash = account.snapshot().state_hash();
        drop(account);
        // It was saved anew, was given back, and comes from there.
        store.checkpoint().expect("saved");
        assert_eq!(store.loaded().0, 1);
        assert_eq!(alice_hash(&store), hash, "{damage}");
        store.close();
        drop(store);
        discards(dir.path(), hash, "could not be read");
    }
}
