//! Annotations: whose they are, that they are set together, and how many there may be.

use super::sharing::{give, who};
use super::*;
use crate::StoreError;
use crate::account::Who;

fn set_to(entry: &str, value: &str) -> (String, Option<Vec<u8>>) {
    (entry.to_owned(), Some(value.as_bytes().to_vec()))
}

fn owner() -> Who {
    Who { is_owner: true, ..who("alice") }
}

#[tokio::test]
async fn private_entries_are_each_users_own_and_shared_ones_everybodys() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = Store::open(dir.path(), options()).expect("opens").0;
    let account = alice(&open).await;
    let (alice, bob, eve) =
        (account.as_user(owner()), account.as_user(who("bob")), account.as_user(who("eve")));
    give(&open, &account, "INBOX", "bob", "lrw").await;
    give(&open, &account, "INBOX", "eve", "lp").await;
    give(&open, &account, "Drafts", "eve", "lk").await;
    let (inbox, drafts) = (mailbox(&account, "INBOX").id(), mailbox(&account, "Drafts").id());
    let before = mailbox(&account, "INBOX");

    for (user, value) in [(&alice, "a"), (&bob, "b"), (&eve, "e")] {
        user.set_metadata(Some(inbox), vec![set_to("/Private/Comment", value)]).await.expect("set");
    }
    bob.set_metadata(Some(inbox), vec![set_to("/shared/comment", "all")]).await.expect("bob has w");
    let shared = vec![set_to("/shared/comment", "eve")];
    assert!(matches!(eve.set_metadata(Some(inbox), shared.clone()).await, Err(StoreError::NoPerm)));
    let private = vec![set_to("/private/comment", "eve")];
    assert!(matches!(eve.set_metadata(Some(drafts), private.clone()).await, Err(StoreError::NoPerm)));
    let unseen = bob.set_metadata(Some(drafts), private.clone()).await;
    assert!(matches!(unseen, Err(StoreError::NonExistent { .. })));
    assert!(matches!(bob.set_metadata(None, private).await, Err(StoreError::NoPerm)));

    let now = mailbox(&account, "INBOX");
    for (user, value) in [(owner(), "a"), (who("bob"), "b"), (who("eve"), "e")] {
        let seen = now.metadata().entries(&user);
        assert_eq!(seen["/private/comment"], value.as_bytes());
        assert_eq!(seen["/shared/comment"], b"all");
        assert_eq!(now.metadata().get(&user, "/PRIVATE/comment"), Some(value.as_bytes()));
        let changed = now.metadata().changed_since(before.metadata(), &user);
        assert_eq!(changed, ["/private/comment", "/shared/comment"]);
    }
    assert!(now.metadata().entries(&who("zoe")).len() == 1);
    assert_eq!(now.highest_mod_seq(), before.highest_mod_seq());

    alice.set_metadata(None, vec![set_to("/private/vendor/x", "server")]).await.expect("set");
    open.set_metadata(vec![set_to("/shared/admin", "mailto:root")]).await.expect("set");
    let hash = account.snapshot().state_hash();
    drop((account, alice, bob, eve));
    drop(open);
    for damaged in [false, true] {
        if damaged {
            std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
        }
        let open = Store::open(dir.path(), options()).expect("opens").0;
        let account = open.account(open.user("alice").expect("there").account).expect("opens");
        assert_eq!(account.snapshot().state_hash(), hash);
        assert_eq!(open.metadata()["/shared/admin"], b"mailto:root");
        assert_eq!(account.snapshot().metadata().get(&owner(), "/private/vendor/x"), Some(&b"server"[..]));
        account.set_metadata(Some(inbox), vec![("/shared/none".to_owned(), None)]).await.expect("nothing");
        open.checkpoint().expect("saved");
    }
}

#[tokio::test]
async fn entries_are_set_together_and_bounded() {
    let few = Options {
        metadata_entries_max: 2,
        metadata_value_octets_max: 10,
        metadata_octets_max: 90,
        ..options()
    };
    let store = Store::in_memory(few).expect("memory has room");
    let account = alice(&store).await;
    let inbox = Some(mailbox(&account, "INBOX").id());
    let entries = || mailbox(&account, "INBOX").metadata().entries(&owner()).len();

    let big = vec![set_to("/shared/a", "1"), set_to("/shared/b", "12345678901")];
    let refused = account.set_metadata(inbox, big).await;
    assert!(matches!(refused, Err(StoreError::MetadataTooBig { max_octets: 10 })));
    let bad = vec![set_to("/shared/a", "1"), set_to("/other", "1")];
    assert!(matches!(account.set_metadata(inbox, bad).await, Err(StoreError::Cannot { .. })));
    assert_eq!(entries(), 0, "all or none");

    let two = vec![set_to("/shared/a", "1"), set_to("/shared/b", "1"), set_to("/private/a", "1")];
    account.set_metadata(inbox, two).await.expect("two of each are allowed");
    let third = vec![set_to("/shared/c", "1")];
    assert!(matches!(account.set_metadata(inbox, third).await, Err(StoreError::MetadataTooMany)));
    let swapped = vec![("/shared/b".to_owned(), None), set_to("/shared/c", "1")];
    account.set_metadata(inbox, swapped).await.expect("one goes, one comes");
    assert_eq!(entries(), 3);

    let drafts = Some(mailbox(&account, "Drafts").id());
    let much =
        vec![set_to("/shared/aaaaaaaaaaaa", "1234567890"), set_to("/shared/bbbbbbbbbbbb", "1234567890")];
    let refused = account.set_metadata(drafts, much).await;
    assert!(matches!(refused, Err(StoreError::MetadataTooMany)), "the account is full");
    account.delete(name("Drafts")).await.expect("deleted");
}
