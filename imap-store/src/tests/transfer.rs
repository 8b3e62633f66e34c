//! COPY and MOVE into another account: never lost, never left double, whenever it ends.

use std::path::Path;

use imap_proto::types::SeqNum;

use super::sharing::{give, who};
use super::*;
use crate::account::{FlagChange, Quota};
use crate::files::Disk;
use crate::sim::{Faults, SimDisk};
use crate::{Across, StoreError};

fn open(disk: &SimDisk) -> Store {
    let options = Options { durability: Durability::Sync, ..options() };
    Store::on_disk(Arc::new(disk.clone()), options).expect("opens").0
}

async fn two(store: &Store) -> (Account, Account) {
    let bob = store.create_user("bob", Vec::new()).await.expect("bob is new");
    (alice(store).await, store.account(bob.account).expect("bob has an account"))
}

fn again(store: &Store, user: &str) -> Account {
    store.account(store.user(user).expect("the user is there").account).expect("loads")
}

/// From INBOX to INBOX.
fn across(source: &Account, uids: &[u32], target: &Account) -> Across {
    Across {
        source: source.clone(),
        mailbox: mailbox(source, "INBOX").id(),
        uids: set(uids.iter().copied()),
        skips_missing: true,
        target: target.clone(),
        target_mailbox: mailbox(target, "INBOX").id(),
    }
}

/// Subject and flags of every message of INBOX.
fn contents(account: &Account) -> Vec<String> {
    let snapshot = account.snapshot();
    let inbox = mailbox(account, "INBOX");
    let describe = |message: crate::account::MessageRef| {
        let octets = account.read(&snapshot, &message, 0..100).expect("readable");
        let first = octets.split(|&octet| octet == b'\r').next().unwrap_or_default();
        let flags: Vec<String> = inbox.wire_flags(&message.flags).iter().map(flag_text).collect();
        format!("{} ({})", String::from_utf8_lossy(first), flags.join(" "))
    };
    inbox.iter_from(SeqNum::MIN).map(describe).collect()
}

fn object_ids(account: &Account) -> Vec<(String, String)> {
    let snapshot = account.snapshot();
    let ids = |message: crate::account::MessageRef| {
        let (email, thread) = account.object_ids(&snapshot, message.number).expect("there");
        (email.to_string(), thread.to_string())
    };
    mailbox(account, "INBOX").iter_from(SeqNum::MIN).map(ids).collect()
}

fn is_settled(account: &Account) -> bool {
    let state = account.snapshot();
    state.departures().next().is_none() && state.arrivals().next().is_none()
}

/// Two small messages and one in chunks.
async fn three(account: &Account) {
    append(account, "INBOX", "one\r\n", "\\Flagged k").await;
    append(account, "INBOX", &format!("two\r\n{}", "x".repeat(600_000)), "\\Seen").await;
    append(account, "INBOX", "three\r\n", "").await;
}

#[tokio::test]
async fn moved_messages_are_what_they_were() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path(), options()).expect("opens").0;
    let (alice, bob) = two(&store).await;
    three(&alice).await;
    append(&bob, "INBOX", "zero\r\n", "").await;
    let called = object_ids(&alice);
    let copied = store.copy_across(&across(&alice, &[2], &bob)).expect("copied").expect("some");
    assert_eq!((copied.source, copied.target), (set([2]), set([2])));
    let moved = store.move_across(&across(&alice, &[1, 2, 9], &bob)).expect("moved").expect("some");
    assert_eq!((moved.source, moved.target), (set([1, 2]), set([3, 4])));
    assert_eq!(contents(&alice), ["three ()"]);
    assert_eq!(contents(&bob), ["zero ()", "two (\\Seen)", "one (k \\Flagged)", "two (\\Seen)"]);
    assert_eq!(object_ids(&bob)[1..], [called[1].clone(), called[0].clone(), called[1].clone()]);
    assert_eq!(alice.snapshot().graves().count(), 0, "they are not deleted");
    // Nothing came to pass, and that is no error.
    assert_eq!(store.move_across(&across(&alice, &[1, 2], &bob)).expect("nothing to do"), None);
    // And back: it is the first message still.
    store.move_across(&across(&bob, &[3], &alice)).expect("moved").expect("some");
    assert_eq!(object_ids(&alice), [called[2].clone(), called[0].clone()]);
    assert!(matches!(store.move_across(&across(&alice, &[3], &alice)), Err(StoreError::Cannot { .. })));

    let all = Across { skips_missing: false, ..across(&alice, &[3, 9], &bob) };
    assert!(matches!(store.move_across(&all), Err(StoreError::Expunged)));
    assert!(matches!(store.copy_across(&all), Err(StoreError::Expunged)));
    // The tokens are forgotten in a change that nobody waits for.
    bob.subscribe(name("x")).await.expect("subscribed");
    alice.subscribe(name("x")).await.expect("subscribed");
    assert!(is_settled(&alice) && is_settled(&bob));
    let hashes = |store: &Store| ["alice", "bob"].map(|user| again(store, user).snapshot().state_hash());
    let before = hashes(&store);
    drop((alice, bob, store));
    for has_index in [true, false] {
        if !has_index {
            std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
        }
        let store = Store::open(dir.path(), options()).expect("opens").0;
        assert_eq!(hashes(&store), before);
        assert!(store.check().expect("readable").is_sound());
    }
}

#[tokio::test]
async fn everybody_keeps_their_own_seen() {
    let store = store();
    let (alice, bob) = two(&store).await;
    append(&alice, "INBOX", "one\r\n", "\\Seen").await;
    append(&alice, "INBOX", "two\r\n", "").await;
    give(&store, &alice, "INBOX", "bob", "lrste").await;
    let guest = alice.as_user(who("bob"));
    let seen = FlagChange::Add(flags("\\Seen"));
    guest.store_flags(mailbox(&alice, "INBOX").id(), set([2]), seen, None).await.expect("stored");
    store.move_across(&across(&guest, &[1, 2], &bob)).expect("moved").expect("some");
    assert_eq!(contents(&bob), ["one ()", "two (\\Seen)"], "as bob saw them");
}

#[tokio::test]
async fn a_refusal_leaves_the_source_whole() {
    let store = store();
    let (alice, bob) = two(&store).await;
    three(&alice).await;
    let before = contents(&alice);
    let refused = |what: Across| {
        let error = store.move_across(&what).expect_err("refused");
        assert_eq!(contents(&alice), before);
        assert!(is_settled(&alice) && contents(&bob).is_empty());
        error
    };
    // What the target refuses at once.
    let quota = Quota { messages: Some(2), ..Quota::default() };
    bob.set_quota(quota).await.expect("set");
    let error = refused(across(&alice, &[1, 2, 3], &bob));
    assert!(matches!(error, StoreError::OverQuota { .. }), "{error}");
    bob.set_quota(Quota::default()).await.expect("set");
    give(&store, &bob, "INBOX", "alice", "lr").await;
    let guest = bob.as_user(who("alice"));
    assert!(matches!(refused(across(&alice, &[1], &guest)), StoreError::NoPerm));
    let gone = bob.create(name("gone"), None).await.expect("created");
    bob.delete(name("gone")).await.expect("deleted");
    let what = Across { target_mailbox: gone, ..across(&alice, &[1], &bob) };
    assert!(matches!(refused(what), StoreError::NonExistent { what: "mailbox" }));
    // What the source refuses.
    give(&store, &alice, "INBOX", "bob", "lrt").await;
    let guest = alice.as_user(who("bob"));
    assert!(matches!(refused(across(&guest, &[1], &bob)), StoreError::NoPerm));
    store.copy_across(&across(&guest, &[1], &bob)).expect("copied").expect("some");
}

/// What the target refuses only in its commit, when the messages have set out already.
#[tokio::test]
async fn who_is_refused_on_arrival_goes_back() {
    let store = store();
    let (alice, bob) = two(&store).await;
    three(&alice).await;
    let before = contents(&alice);
    let inbox = mailbox(&alice, "INBOX").id();
    let departed = alice.depart(inbox, &set([1, 3]), true, bob.id()).await;
    let (number, passengers) = departed.expect("may leave").expect("some");
    assert_eq!((number, passengers.len()), (alice.snapshot().seq().0, 2));

    // Nobody takes what is on its way.
    let drafts = mailbox(&alice, "Drafts").id();
    let moved = alice.move_messages(inbox, set([1, 2, 3]), drafts).await.expect("moved").expect("some");
    assert_eq!(moved.source, set([2]));
    assert!(matches!(alice.move_all(inbox, set([1]), drafts).await, Err(StoreError::Expunged)));
    assert_eq!(alice.move_messages(inbox, set([1]), drafts).await.expect("none is there"), None);
    let deleted = FlagChange::Add(flags("\\Deleted"));
    alice.store_flags(inbox, set([1]), deleted, None).await.expect("stored");
    assert!(alice.expunge(inbox, None).await.expect("nothing goes").is_empty());
    assert_eq!(alice.depart(inbox, &set([1]), true, bob.id()).await.expect("none is there"), None);
    let renamed = alice.rename(name("INBOX"), name("old")).await;
    assert!(matches!(renamed, Err(StoreError::Unavailable { .. })));
    // A copy takes nothing away.
    alice.copy_all(inbox, set([1]), drafts).await.expect("copied").expect("some");

    // It never arrives, and nobody is at work on it: whoever opens the account next has it whole.
    let alice = again(&store, "alice");
    assert!(is_settled(&alice));
    assert_eq!(contents(&alice), ["one (k \\Flagged \\Deleted)", &before[2]]);
    alice.rename(name("INBOX"), name("old")).await.expect("renamed");
    assert_eq!(again(&store, "bob").snapshot().seq(), bob.snapshot().seq());
}

#[tokio::test]
async fn one_message_goes_to_one_account() {
    let store = store();
    let (alice, bob) = two(&store).await;
    let carol = store.create_user("carol", Vec::new()).await.expect("carol is new");
    let carol = store.account(carol.account).expect("carol has an account");
    for round in 0..20 {
        let uid = append(&alice, "INBOX", &format!("{round}\r\n"), "").await;
        let to = |target: &Account| {
            let (store, what) = (store.clone(), across(&alice, &[uid], target));
            std::thread::spawn(move || store.move_across(&what).expect("moved or gone").is_some())
        };
        let moves = [to(&bob), to(&carol)].map(|it| it.join().expect("no panic"));
        assert_eq!(moves.iter().filter(|&&moved| moved).count(), 1);
        assert_eq!(contents(&alice).len(), 0);
        assert_eq!(contents(&bob).len() + contents(&carol).len(), round + 1);
    }
}

/// Where all messages are, whoever is opened first.
fn census(disk: &SimDisk, first: &str, second: &str) -> Vec<String> {
    let store = open(disk);
    let [first, second] = [first, second].map(|user| again(&store, user));
    let all = [contents(&first), contents(&second)].concat();
    let first =
        again(&store, store.users().iter().find(|it| it.account == first.id()).map_or("", |it| &it.name));
    assert!(
        first.snapshot().departures().next().is_none() && second.snapshot().departures().next().is_none()
    );
    assert!(store.check().expect("readable").is_sound());
    all
}

#[tokio::test]
async fn the_power_may_go_at_any_time() {
    let mut outcomes = std::collections::BTreeMap::new();
    for cut in 0.. {
        let disk = SimDisk::new(cut);
        let store = open(&disk);
        let (alice, bob) = two(&store).await;
        three(&alice).await;
        let mut expected = contents(&alice);
        expected.sort();
        disk.set_faults(Faults { cut_power: Some(cut), ..Faults::default() });
        let outcome = store.move_across(&across(&alice, &[1, 2], &bob));
        disk.set_faults(Faults::default());
        let (mut disks, mut counts) = (vec![disk.killed()], Vec::new());
        disks.extend((0..3).map(|seed| disk.power_cut(seed)));
        let orders = [("alice", "bob"), ("bob", "alice")];
        for (disk, (first, second)) in disks.iter().zip(orders.into_iter().cycle()) {
            let mut found = census(&disk.killed(), first, second);
            found.sort();
            assert_eq!(found, expected, "cut {cut}, {first} first");
            let store = open(disk);
            counts.push(contents(&again(&store, "alice")).len());
            assert!(outcome.is_err() || counts.last() == Some(&1), "an answer was given");
            // It works again, and so does what was begun.
            store
                .move_across(&across(&again(&store, "alice"), &[1, 2, 3], &again(&store, "bob")))
                .expect("moved");
            assert_eq!(contents(&again(&store, "alice")).len(), 0);
        }
        *outcomes.entry(counts[0]).or_insert(0) += 1;
        if outcome.is_ok() {
            break;
        }
    }
    assert!(outcomes[&3] >= 2 && outcomes[&1] >= 2, "cut on both sides of the arrival: {outcomes:?}");
}

/// Each step by hand, with an image of both accounts behind it: the log alone knows what is open.
#[tokio::test]
async fn images_know_what_is_on_its_way() {
    for has_arrived in [false, true] {
        let disk = SimDisk::new(7);
        let options = Options { durability: Durability::Sync, undelete_seconds: 0, ..options() };
        let store = Store::on_disk(Arc::new(disk.clone()), options).expect("opens").0;
        let (alice, bob) = two(&store).await;
        three(&alice).await;
        let inbox = mailbox(&alice, "INBOX").id();
        let departed = alice.depart(inbox, &set([1]), true, bob.id()).await;
        let (number, passengers) = departed.expect("may leave").expect("some");
        if has_arrived {
            let arriving = message(&bob, "one\r\n", "\\Flagged k").await;
            let arriving = vec![(arriving, passengers[0].ids)];
            let to = mailbox(&bob, "INBOX").id();
            bob.arrive(to, alice.id(), arriving, Some(number)).await.expect("arrived");
        }
        // Enough changes that images are due, and that segments go.
        for at in 0..400 {
            for account in [&alice, &bob] {
                let name = name(&format!("box {}", at % 3));
                account.subscribe(name.clone()).await.expect("subscribed");
                account.unsubscribe(name).await.expect("unsubscribed");
            }
        }
        assert!(alice.snapshot().departures().next().is_some());
        let report = store.compact(false, &|_| {}).expect("compacts");
        assert!(report.images >= 2 && report.removed + report.rewritten > 0, "{report:?}");
        let state_hashes = [&alice, &bob].map(|account| account.snapshot().state_hash());
        let log = disk.list(Path::new("/log")).expect("listed");
        let store = open(&disk.killed());
        let all = store.all_snapshots().expect("readable");
        assert_eq!([2, 1].map(|at| all[at].1.state_hash()), state_hashes, "{log:?}");
        assert!(store.check().expect("readable").is_sound());
        let (bob, alice) = (again(&store, "bob"), again(&store, "alice"));
        assert_eq!(contents(&bob).len(), usize::from(has_arrived));
        assert_eq!(contents(&alice).len(), 3 - usize::from(has_arrived));
        let bob = again(&store, "bob");
        bob.subscribe(name("x")).await.expect("subscribed");
        assert!(is_settled(&alice) && is_settled(&bob));
    }
}
