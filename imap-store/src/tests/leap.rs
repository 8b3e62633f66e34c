//! After changes were lost that somebody saw: no number means two things.

use imap_proto::types::{ModSeq, SeqNum};

use super::*;
use crate::OpenReport;
use crate::account::FlagChange;
use crate::sim::SimDisk;

fn open(disk: &SimDisk, durability: Durability) -> (Store, OpenReport) {
    let options = Options { durability, ..options() };
    Store::on_disk(Arc::new(disk.clone()), options).expect("opens")
}

fn alice_again(store: &Store) -> Account {
    store.account(store.user("alice").expect("alice is there").account).expect("loads")
}

/// What a client remembers of a mailbox.
struct Seen {
    validity: u32,
    uid_next: u32,
    mod_seq: ModSeq,
    seq: u64,
}

fn seen(account: &Account) -> Seen {
    let inbox = mailbox(account, "INBOX");
    Seen {
        validity: inbox.uid_validity().get(),
        uid_next: inbox.uid_next().expect("some are left").get(),
        mod_seq: inbox.highest_mod_seq(),
        seq: account.snapshot().seq().0,
    }
}

/// A client that has seen what was lost is told all it needs, and nothing that it saw is given out again.
fn check(account: &Account, seen: &Seen) {
    let inbox = mailbox(account, "INBOX");
    assert_eq!(inbox.uid_validity().get(), seen.validity);
    assert!(inbox.uid_next().expect("some are left").get() >= seen.uid_next);
    assert!(inbox.highest_mod_seq() > seen.mod_seq && account.snapshot().seq().0 > seen.seq);
    let there: NumberSet = inbox.iter_from(SeqNum::MIN).map(|it| it.uid.get()).collect();
    assert_eq!(inbox.changed_since(seen.mod_seq), there, "every message counts as changed");
    let gone = inbox.vanished_since(seen.mod_seq, &set(1..seen.uid_next));
    assert_eq!(gone, set(1..seen.uid_next).difference(&there));
}

#[tokio::test]
async fn an_unclean_stop_in_a_lazy_durability_makes_all_accounts_leap_once() {
    for seed in 0..12 {
        let disk = SimDisk::new(seed);
        let (store, _) = open(&disk, Durability::None);
        let account = alice(&store).await;
        for _ in 0..4 {
            append(&account, "INBOX", "x", "").await;
        }
        account.core().log().sync().expect("synced");
        for _ in 0..5 {
            append(&account, "INBOX", "later", "").await;
        }
        let inbox = mailbox(&account, "INBOX").id();
        account.store_flags(inbox, set([1]), FlagChange::Add(flags("a")), None).await.expect("stored");
        let before = seen(&account);
        let cut = disk.power_cut(seed);
        // The next durability does not matter; a crash while leaping does not either.
        let durability = if seed % 2 == 0 { Durability::Sync } else { Durability::None };
        for _ in 0..2 {
            let disk = cut.killed();
            let (store, report) = open(&disk, durability);
            assert!(report.findings.iter().any(|it| it.contains("may be lost")), "{report:?}");
            let account = alice_again(&store);
            check(&account, &before);
            let uid = append(&account, "INBOX", "new", "").await;
            assert!(uid >= before.uid_next);
            let user = store.create_user("bob", Vec::new()).await.expect("new");
            assert!(user.account.0 > 1 << 20);
            let hash = account.snapshot().state_hash();
            store.close();
            let (store, report) = open(&disk, durability);
            assert!(report.findings.is_empty(), "no second leap: {report:?}");
            assert_eq!(alice_again(&store).snapshot().state_hash(), hash);
        }
    }
}

/// A leap that is lost with all that came behind it, as when a backup is restored a second time: the next one leads beyond
/// what clients have seen since.
#[tokio::test]
async fn a_later_leap_from_the_same_state_leads_beyond_an_earlier_one() {
    let disk = SimDisk::new(1);
    let (store, _) = open(&disk, Durability::None);
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    account.core().log().sync().expect("synced");
    let left = disk.power_cut(1);
    let mut before = seen(&account);
    for seconds in [0, 60, 3_600, 86_400] {
        let options = Options { clock: Clock::fixed(NOW + seconds), ..options() };
        let store = Store::on_disk(Arc::new(left.killed()), options).expect("opens").0;
        let account = alice_again(&store);
        check(&account, &before);
        for _ in 0..50 {
            append(&account, "INBOX", "new", "").await;
        }
        before = seen(&account);
    }
}

#[tokio::test]
async fn a_crash_between_the_loss_and_the_leap_changes_nothing() {
    let disk = SimDisk::new(3);
    let (store, _) = open(&disk, Durability::None);
    let account = alice(&store).await;
    account.core().log().sync().expect("synced");
    append(&account, "INBOX", "x", "").await;
    let before = seen(&account);
    let mut disk = disk.power_cut(1);
    for at in 0..60 {
        disk.set_faults(crate::sim::Faults { cut_power: Some(at), ..Default::default() });
        let options = Options { durability: Durability::Sync, ..options() };
        let opened = Store::on_disk(Arc::new(disk.clone()), options);
        let leapt = opened.is_ok_and(|(store, _)| store.account(account.id()).is_ok());
        disk = disk.power_cut(at);
        if leapt {
            break;
        }
        assert!(at < 59, "it leaps at some time");
    }
    let (store, _) = open(&disk, Durability::Sync);
    check(&alice_again(&store), &before);
}

#[tokio::test]
async fn damage_makes_all_accounts_leap_once() {
    let disk = SimDisk::new(1);
    let (store, _) = open(&disk, Durability::Sync);
    let account = alice(&store).await;
    for at in 0..20 {
        append(&account, "INBOX", &format!("message {at}"), &format!("keyword-{at}")).await;
    }
    let before = seen(&account);
    store.close();
    let hurt = |needle: &[u8]| {
        disk.damage(std::path::Path::new("/log/0000000001.seg"), |octets| {
            let at = octets.windows(needle.len()).position(|it| it == needle).expect("there");
            octets[at] ^= 1;
        })
    };
    // One in the middle, which leaves a gap; and the last one, which leaves none.
    for keyword in ["keyword-7", "keyword-19"] {
        assert!(hurt(keyword.as_bytes()));
        let (store, report) = open(&disk, Durability::Sync);
        assert!(report.findings.iter().any(|it| it.contains("may be lost")), "{report:?}");
        let account = alice_again(&store);
        check(&account, &before);
        store.close();
        for _ in 0..2 {
            let (store, report) = open(&disk, Durability::Sync);
            assert!(report.findings.iter().any(|it| it.contains("damaged")), "{report:?}");
            assert!(!report.findings.iter().any(|it| it.contains("may be lost")), "{report:?}");
            assert_eq!(alice_again(&store).snapshot().state_hash(), account.snapshot().state_hash());
        }
    }
}

/// What came to accounts later than the leap did: quota, ACLs, what others have seen, annotations, threads.
#[tokio::test]
async fn all_but_the_numbers_stays() {
    let disk = SimDisk::new(1);
    let (store, _) = open(&disk, Durability::None);
    let account = alice(&store).await;
    store.create_user("bob", Vec::new()).await.expect("new");
    for text in ["Subject: one\r\nMessage-ID: <1@x>\r\n\r\n", "Subject: Re: one\r\nReferences: <1@x>\r\n\r\n"]
    {
        append(&account, "INBOX", text, "k").await;
    }
    let inbox = mailbox(&account, "INBOX").id();
    sharing::give(&store, &account, "INBOX", "bob", "lrs").await;
    let bob = sharing::who("bob");
    let seen = FlagChange::Add(flags("\\Seen"));
    account.as_user(bob.clone()).store_flags(inbox, set([2]), seen, None).await.expect("stored");
    let quota = crate::account::Quota { messages: Some(7), ..Default::default() };
    account.set_quota(quota).await.expect("set");
    for mailbox in [Some(inbox), None] {
        let value = vec![("/shared/comment".to_owned(), Some(b"why".to_vec()))];
        account.set_metadata(mailbox, value).await.expect("set");
    }
    let picture = |store: &Store, account: &Account| {
        let (snapshot, inbox) = (account.snapshot(), mailbox(account, "INBOX"));
        let of_bob = inbox.seen_by(&bob);
        let messages: Vec<_> = inbox.iter_from(SeqNum::MIN).collect();
        let ids: Vec<_> = messages.iter().map(|it| account.object_ids(&snapshot, it.number)).collect();
        let seen: Vec<_> = of_bob.iter_from(SeqNum::MIN).map(|it| it.flags).collect();
        let shared = store.accounts_shared_with(&bob);
        let entries = [snapshot.metadata(), inbox.metadata()]
            .map(|it| it.get(&bob, "/shared/comment").map(<[u8]>::to_vec));
        (
            snapshot.quota(),
            snapshot.usage(),
            inbox.acl().clone(),
            of_bob.counters(),
            ids,
            seen,
            shared,
            entries,
        )
    };
    let before = picture(&store, &account);
    let seq = account.snapshot().seq();
    let disk = disk.killed();
    for is_second in [false, true] {
        let (store, report) = open(&disk, Durability::None);
        assert_eq!(report.findings.iter().any(|it| it.contains("may be lost")), !is_second, "{report:?}");
        let account = alice_again(&store);
        assert!(account.snapshot().seq().0 >= seq.0 + (1 << 32));
        assert_eq!(picture(&store, &account), before);
        assert_eq!(before.4[0].as_ref().map(|it| &it.1), before.4[1].as_ref().map(|it| &it.1), "a thread");
        // What is new counts against the quota, and joins the thread.
        if !is_second {
            append(&account, "Trash", "Subject: Re: one\r\nReferences: <1@x>\r\n\r\n", "").await;
            let (snapshot, trash) = (account.snapshot(), mailbox(&account, "Trash"));
            let new = trash.at(SeqNum::MIN).expect("one").number;
            let thread = account.object_ids(&snapshot, new).expect("there").1;
            assert_eq!(Some(&thread), before.4[0].as_ref().map(|it| &it.1));
            account
                .store_flags(
                    trash.id(),
                    NumberSet::from_range(1, u32::MAX),
                    FlagChange::Add(flags("\\Deleted")),
                    None,
                )
                .await
                .expect("stored");
            account.expunge(trash.id(), None).await.expect("expunged");
        }
        store.close();
    }
}
