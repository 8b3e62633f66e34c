//! Compaction: what nobody names goes, all else stays as it is, and the log alone still rebuilds everything.

use std::path::{Path, PathBuf};

use imap_proto::types::SeqNum;

use super::*;
use crate::account::FlagChange;
use crate::files::Disk;
use crate::log::{Log, LogOptions};
use crate::sim::{Faults, SimDisk};
use crate::{CompactReport, OpenReport, StoreError};

fn open_with(disk: &SimDisk) -> (Store, OpenReport) {
    let options = Options { durability: Durability::Sync, undelete_seconds: 0, ..options() };
    Store::on_disk(Arc::new(disk.clone()), options).expect("opens")
}

fn open(disk: &SimDisk) -> Store {
    open_with(disk).0
}

fn alice_again(store: &Store) -> Account {
    store.account(store.user("alice").expect("alice is there").account).expect("loads")
}

fn compact(store: &Store) -> CompactReport {
    let report = store.compact(false, &|_| {}).expect("compacts");
    assert!(report.findings.is_empty(), "{report:?}");
    report
}

async fn expunge(account: &Account, uids: NumberSet) {
    let inbox = mailbox(account, "INBOX").id();
    let change = FlagChange::Add(flags("\\Deleted"));
    account.store_flags(inbox, uids.clone(), change, None).await.expect("stored");
    account.expunge(inbox, Some(uids)).await.expect("expunged");
}

/// Some thirty messages, small and in chunks, in several segments; most of them go again.
async fn fill(account: &Account) {
    for at in 0..30 {
        let octets = if at % 3 == 0 { 400_000 } else { 40_000 };
        append(account, "INBOX", &format!("{at} {}", "x".repeat(octets)), "k \\Seen").await;
    }
    expunge(account, set((1..=30).filter(|uid| ![14, 29, 30].contains(uid)))).await;
}

fn texts(account: &Account) -> Vec<(u32, String)> {
    let snapshot = account.snapshot();
    let inbox = mailbox(account, "INBOX");
    let text = |message: crate::account::MessageRef| {
        let octets = account.read(&snapshot, &message, 0..u64::MAX).expect("readable");
        (message.uid.get(), String::from_utf8(octets.to_vec()).expect("ASCII"))
    };
    inbox.iter_from(SeqNum::MIN).map(text).collect()
}

fn segments(disk: &SimDisk) -> Vec<PathBuf> {
    let mut files = disk.list(Path::new("/log")).expect("listed");
    files.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    files.sort();
    files
}

#[tokio::test]
async fn room_comes_back_and_the_log_alone_rebuilds_the_same_state() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    fill(&account).await;
    let expected = texts(&account);
    let before = segments(&disk).len();
    let report = compact(&store);
    assert!(report.removed >= 1 && report.rewritten >= 1, "{report:?}");
    assert!(report.octets_after < report.octets_before / 2, "{report:?}");
    assert!(segments(&disk).len() < before);
    assert_eq!(texts(&account), expected);
    assert!(store.check().expect("readable").is_sound());
    let hash = account.snapshot().state_hash();
    // There is no index: everything comes from the log.
    for disk in [disk.killed(), disk.power_cut(1)] {
        let (again, report) = open_with(&disk);
        assert!(report.findings.is_empty(), "{report:?}");
        assert_eq!(alice_again(&again).snapshot().state_hash(), hash);
        assert_eq!(texts(&alice_again(&again)), expected);
        assert!(again.check().expect("readable").is_sound());
        // Work goes on, and is compacted again.
        let account = alice_again(&again);
        fill(&account).await;
        compact(&again);
        expunge(&account, set([14, 29])).await;
        compact(&again);
        let (hash, expected) = (account.snapshot().state_hash(), texts(&account));
        again.close();
        let (again, report) = open_with(&disk);
        assert!(report.findings.is_empty(), "{report:?}");
        assert_eq!(alice_again(&again).snapshot().state_hash(), hash);
        assert_eq!(texts(&alice_again(&again)), expected);
    }
}

#[tokio::test]
async fn an_image_takes_the_place_of_the_changes_before_it() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    for _ in 0..20 {
        append(&account, "INBOX", "x", "").await;
    }
    let inbox = mailbox(&account, "INBOX").id();
    for at in 0..800 {
        let change = if at % 2 == 0 { FlagChange::Add(flags("a")) } else { FlagChange::Remove(flags("a")) };
        account.store_flags(inbox, set(1..=20), change, None).await.expect("stored");
    }
    assert_eq!(compact(&store).images, 1);
    append(&account, "INBOX", "behind the image", "").await;
    let hash = account.snapshot().state_hash();
    let (again, report) = open_with(&disk.power_cut(2));
    assert!(report.findings.is_empty(), "{report:?}");
    assert!(report.changes_replayed < 300, "{report:?}");
    assert_eq!(alice_again(&again).snapshot().state_hash(), hash);
}

#[tokio::test]
async fn what_a_session_still_sees_and_what_is_on_its_way_stays() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    let waiting = message(&account, &format!("waiting {}", "w".repeat(300_000)), "").await;
    for at in 0..8 {
        append(&account, "INBOX", &format!("{at} {}", "x".repeat(400_000)), "").await;
    }
    let old = account.snapshot();
    let seen: Vec<_> = mailbox(&account, "INBOX").iter_from(SeqNum::MIN).collect();
    expunge(&account, set(1..=8)).await;
    compact(&store);
    for message in &seen {
        assert_eq!(account.read(&old, message, 2..5).expect("still seen"), "xxx");
    }
    account.append(mailbox(&account, "INBOX").id(), vec![waiting]).await.expect("appended");
    assert!(texts(&account)[0].1.starts_with("waiting"));
    assert_eq!(compact(&store).removed, 0, "the old view holds them");
    drop((old, seen));
    assert!(compact(&store).removed > 0);
    assert!(texts(&account)[0].1.starts_with("waiting"));
}

/// Of the graveyard counts what is there now, not what was there when a session looked last.
#[tokio::test]
async fn an_idle_session_does_not_keep_what_is_purged_since() {
    let disk = SimDisk::new(1);
    let options = Options { durability: Durability::Sync, ..options() };
    let (store, _) = Store::on_disk(Arc::new(disk.clone()), options).expect("opens");
    let account = alice(&store).await;
    fill(&account).await;
    let idle = account.snapshot();
    assert_eq!(compact(&store).removed, 0, "what may be undeleted stays");
    assert!(store.purge_oldest(u64::MAX).expect("purged") > 0);
    assert!(compact(&store).removed > 0);
    let kept = texts(&account);
    assert_eq!(kept.len(), 3);
    drop(idle);
    assert_eq!(texts(&account), kept);
}

/// Behind such an image no change need follow that would show the gap.
#[tokio::test]
async fn a_damaged_image_that_was_all_of_an_account_is_named() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    for _ in 0..20 {
        append(&account, "INBOX", "x", "").await;
    }
    let inbox = mailbox(&account, "INBOX").id();
    for at in 0..800 {
        let change = if at % 2 == 0 { FlagChange::Add(flags("a")) } else { FlagChange::Remove(flags("a")) };
        account.store_flags(inbox, set(1..=20), change, None).await.expect("stored");
    }
    expunge(&account, set(1..=20)).await;
    account.purge().await.expect("purged");
    // Another's mail comes and goes, so that what lies before is in sealed segments, and is compacted.
    let bob = store.create_user("bob", b"secret".to_vec()).await.expect("bob is new");
    let bob = store.account(bob.account).expect("loads");
    for _ in 0..2 {
        fill_and_empty(&bob).await;
        compact(&store);
    }
    let id = account.id();
    let log = store.log();
    let sealed: Vec<u64> = log.sealed_segments().expect("there are some");
    let images = sealed.iter().flat_map(|&segment| log.images(segment).expect("readable"));
    let (.., position) =
        images.filter(|(whose, ..)| *whose == id).max_by_key(|(_, seq, _)| *seq).expect("alice has one");
    let image = log.image(position).expect("it is whole");
    drop((account, bob));
    store.close();
    drop(store);

    let (_, whole) = open_with(&disk.power_cut(1));
    assert!(whole.findings.is_empty(), "{whole:?}");
    // The record itself names neither account nor seq any more; of a chunk it is only known that it is bad.
    for part in [&blake3::hash(&image).as_bytes()[..], &image[..40]] {
        let disk = disk.power_cut(1);
        assert!(flip(&disk, part), "the image is in the log as it is");
        let options = LogOptions {
            dir: "/log".into(),
            segment_octets: 1 << 20,
            queue_octets_max: 1 << 20,
            ahead_octets: 128 << 10,
            open_segments_max: 9,
            durability: Durability::Sync,
        };
        let (log, _) = Log::open_on(Arc::new(disk), options, None, &mut |_| Ok(())).expect("opens");
        let folded = crate::fold::fold(&log, id);
        assert!(matches!(folded, Err(StoreError::Damaged { .. })), "not an older state, or an empty one");
    }
    assert!(flip(&disk, &image[..40]));
    let (_, report) = open_with(&disk.power_cut(1));
    let lost = format!("account {} ", id.0);
    assert!(report.findings.iter().any(|it| it.contains(&lost) && it.contains("lost")), "{report:?}");
}

/// Turns a bit within these octets wherever they stand in the log; false where they do not.
fn flip(disk: &SimDisk, part: &[u8]) -> bool {
    let mut is_found = false;
    for path in segments(disk) {
        disk.damage(&path, |octets| {
            if let Some(at) = octets.windows(part.len()).position(|it| it == part) {
                octets[at + 20] ^= 1;
                is_found = true;
            }
        });
    }
    is_found
}

async fn fill_and_empty(account: &Account) {
    for at in 0..10 {
        append(account, "INBOX", &format!("{at} {}", "x".repeat(400_000)), "").await;
    }
    let all: Vec<u32> = texts(account).into_iter().map(|(uid, _)| uid).collect();
    expunge(account, set(all)).await;
    account.purge().await.expect("purged");
}

/// A read that fails once is not damage: what it would have shown may be named, and is not dropped.
#[tokio::test]
async fn a_read_that_fails_costs_nothing() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    // Two images, of which the older one needs changes that are gone.
    for round in 0..2u8 {
        for at in 0..6 {
            append(&account, "INBOX", &format!("{at} {}", "x".repeat(400_000)), "k").await;
        }
        expunge(&account, set((6 * u32::from(round) + 1..).take(4))).await;
        for at in 0..4 {
            let value = Some(vec![b'0' + at + 4 * round; 9_000]);
            account.set_metadata(None, vec![("/shared/x".to_owned(), value)]).await.expect("set");
        }
        assert!(compact(&store).images >= 1);
    }
    expunge(&account, set([5])).await;
    let (hash, expected) = (account.snapshot().state_hash(), texts(&account));
    drop(account);
    store.close();
    let mut finished = false;
    for at in 0..2_000 {
        let disk = disk.killed();
        disk.set_faults(Faults { fail_read: Some(at), ..Faults::default() });
        let options = Options { durability: Durability::Sync, undelete_seconds: 0, ..options() };
        if let Ok((store, report)) = Store::on_disk(Arc::new(disk.clone()), options) {
            assert!(report.findings.is_empty(), "read {at}: {report:?}");
            assert_eq!(alice_again(&store).snapshot().state_hash(), hash, "read {at}");
            let _ = store.compact(false, &|_| {});
            finished = disk.replace_fail_read(None).is_some();
        }
        let again = open(&disk);
        assert_eq!(alice_again(&again).snapshot().state_hash(), hash, "read {at}");
        assert_eq!(texts(&alice_again(&again)), expected, "read {at}");
        if finished {
            break;
        }
    }
    assert!(finished, "more reads than were tried");
}

#[tokio::test]
async fn mail_of_a_deleted_user_goes() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    fill(&account).await;
    let bob = store.create_user("bob", Vec::new()).await.expect("new");
    let bob = store.account(bob.account).expect("loads");
    append(&bob, "INBOX", "kept", "").await;
    drop(account);
    store.delete_user("alice").await.expect("there");
    let report = compact(&store);
    assert!(report.octets_after < 4 << 20, "{report:?}");
    let (again, report) = open_with(&disk.killed());
    assert!(report.findings.is_empty(), "{report:?}");
    assert!(again.check().expect("readable").is_sound());
    assert_eq!(texts(&again.account(again.user("bob").expect("there").account).expect("loads")).len(), 1);
}

#[tokio::test]
async fn a_crash_at_any_step_loses_nothing() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    for at in 0..5 {
        append(&account, "INBOX", &format!("{at} {}", "x".repeat(500_000)), "").await;
    }
    expunge(&account, set([1, 2, 3])).await;
    drop(account);
    let hash = alice_again(&store).snapshot().state_hash();
    let expected = texts(&alice_again(&store));
    store.close();
    let mut finished = false;
    for step in 0.. {
        let cut = disk.killed();
        let store = open(&cut);
        cut.set_faults(Faults { cut_power: Some(step), ..Faults::default() });
        finished = store.compact(false, &|_| {}).is_ok();
        let crashed = if step % 2 == 0 { cut.power_cut(step) } else { cut.killed() };
        {
            let (again, report) = open_with(&crashed);
            assert!(report.findings.is_empty(), "step {step}: {report:?}");
            let account = alice_again(&again);
            assert_eq!(account.snapshot().state_hash(), hash, "step {step}");
            assert_eq!(texts(&account), expected, "step {step}");
            compact(&again);
            assert_eq!(texts(&account), expected, "step {step}");
            let numbers = segments(&crashed).len();
            let one_each: std::collections::BTreeSet<String> = segments(&crashed)
                .iter()
                .map(|path| path.file_stem().expect("a stem").to_string_lossy()[..10].to_owned())
                .collect();
            assert_eq!(one_each.len(), numbers, "step {step}: nothing is left over");
        }
        if finished {
            assert!(step > 10);
            break;
        }
    }
    assert!(finished);
}

#[tokio::test]
async fn damage_keeps_everything_until_it_is_accepted_and_a_damaged_live_record_for_ever() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    for at in 0..10 {
        append(&account, "INBOX", &format!("message {at} {}", "x".repeat(250_000)), "a-keyword").await;
    }
    expunge(&account, set([1, 3, 4, 5, 6, 7, 8, 9])).await;
    // Of the body that stays in the first segment.
    assert!(disk.damage(Path::new("/log/0000000001.seg"), |octets| {
        let at = octets.windows(9).position(|it| it == b"message 1").expect("there");
        octets[at] ^= 1;
    }));
    let report = store.compact(false, &|_| {}).expect("compacts");
    assert!(segments(&disk).iter().any(|path| path.ends_with("0000000001.seg")));
    assert!(report.findings.iter().any(|it| it.contains("segment 1 stays")), "{report:?}");
    let snapshot = account.snapshot();
    let read = |uid| {
        let message = mailbox(&account, "INBOX").get(super::uid(uid)).expect("there");
        account.read(&snapshot, &message, 0..9)
    };
    assert!(matches!(read(2), Err(StoreError::Damaged { .. })));
    assert_eq!(read(10).expect("others are served"), "message 9");
}

#[tokio::test]
async fn a_damaged_change_stops_compaction_unless_told_otherwise() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let account = alice(&store).await;
    for at in 0..10 {
        append(&account, "INBOX", &format!("{at} {}", "x".repeat(250_000)), &format!("keyword-{at}")).await;
    }
    expunge(&account, set(1..=9)).await;
    assert!(disk.damage(Path::new("/log/0000000001.seg"), |octets| {
        let at = octets.windows(9).position(|it| it == b"keyword-0").expect("there");
        octets[at] ^= 1;
    }));
    let before = segments(&disk);
    let report = store.compact(false, &|_| {}).expect("looks");
    assert!(report.findings.len() == 2 && report.removed == 0, "{report:?}");
    assert_eq!(segments(&disk), before);
    let report = store.compact(true, &|_| {}).expect("compacts");
    assert!(report.removed + report.rewritten > 0, "{report:?}");
    assert!(segments(&disk).iter().any(|path| path.ends_with("0000000001.seg")), "the damaged one stays");
}

#[tokio::test]
async fn an_incremental_backup_follows_compaction() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let [work, backup, restored] = dirs.each_ref().map(|dir| dir.path());
    let options = || Options { undelete_seconds: 0, ..options() };
    let (store, _) = Store::open(work, options()).expect("opens");
    let account = alice(&store).await;
    fill(&account).await;
    store.backup(backup).expect("backed up");
    let report = compact(&store);
    assert!(report.removed > 0 && report.rewritten > 0, "{report:?}");
    append(&account, "INBOX", "after", "").await;
    let done = store.backup(backup).expect("backed up");
    assert!(done.copied < done.segments || done.segments <= 3, "{done:?}");
    let expected = texts(&account);
    store.close();
    // The index and the summaries are not needed either.
    for derived in ["index", "summary"] {
        std::fs::remove_dir_all(work.join(derived)).expect("removed");
    }
    let hash = account.snapshot().state_hash();
    drop((store, account));
    let (store, report) = Store::open(work, options()).expect("opens");
    assert!(report.findings.iter().all(|it| it.contains("index is made again")), "{report:?}");
    assert_eq!(alice_again(&store).snapshot().state_hash(), hash);
    Store::restore(backup, restored).expect("restored");
    let (copy, _) = Store::open(restored, options()).expect("opens");
    assert_eq!(texts(&alice_again(&copy)), expected);
    let report = copy.check().expect("readable");
    assert!(report.is_sound(), "{report:?}");
}
