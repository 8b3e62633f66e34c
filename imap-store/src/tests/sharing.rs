//! Rights in others' mailboxes, shared accounts, and that both are found again.

use super::*;
use crate::StoreError;
use crate::account::{AclChange, FlagChange, Owner, Rights, SeenMode, Who};

pub(super) fn rights(letters: &str) -> Rights {
    Rights::parse(letters.as_bytes()).expect("letters of rights")
}

pub(super) fn who(user: &str) -> Who {
    Who { user: user.to_owned(), groups: Vec::new(), is_owner: false }
}

/// Gives exactly these rights.
pub(super) async fn give(store: &Store, account: &Account, named: &str, identifier: &str, letters: &str) {
    let change = AclChange::Replace(rights(letters));
    let set = store.set_acl(account, mailbox(account, named).id(), identifier, change).await;
    assert_eq!(set.expect("set"), rights(letters));
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Done,
    NoPerm,
    Missing,
}

fn outcome<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(StoreError::NoPerm) => Outcome::NoPerm,
        Err(StoreError::NonExistent { what: "mailbox" }) => Outcome::Missing,
        Err(other) => panic!("{other:?}"),
    }
}

/// Each operation with exactly what RFC 4314 §4 asks for, with all but one letter of it, and without `l` besides.
#[tokio::test]
async fn every_operation_asks_for_its_rights() {
    let wanted = [("append", "i"), ("copy", "r"), ("copy to", "i"), ("expunge", "re"), ("move", "rte")];
    let wanted = wanted.into_iter().chain([("delete", "x"), ("rename", "x"), ("create", "k"), ("acl", "a")]);
    for (operation, letters) in wanted.chain([("seen", "rs"), ("deleted", "rt"), ("flagged", "rw")]) {
        let missing = letters.chars().map(|gone| letters.replace(gone, ""));
        for given in missing.chain([letters.to_owned()]) {
            for lookup in ["", "l"] {
                let expected = match (given == letters, lookup, operation) {
                    (true, ..) => Outcome::Done,
                    // Whether there is anything above, nobody is told; who changes flags has `r`, and so knows.
                    (_, _, "create") | (_, "l", _) => Outcome::NoPerm,
                    (_, _, "seen" | "deleted" | "flagged") if given == "r" => Outcome::NoPerm,
                    _ => Outcome::Missing,
                };
                let found = attempt(operation, &format!("{given}{lookup}")).await;
                assert_eq!(found, expected, "{operation} with {given}{lookup}");
            }
        }
    }
}

async fn attempt(operation: &str, letters: &str) -> Outcome {
    let store = store();
    let account = alice(&store).await;
    account.create(name("box"), None).await.expect("created");
    append(&account, "box", "x", "\\Deleted").await;
    let (id, open) = (mailbox(&account, "box").id(), mailbox(&account, "Drafts").id());
    give(&store, &account, "Drafts", "bob", "lrswipkxtea").await;
    give(&store, &account, "box", "bob", letters).await;
    let bob = account.as_user(who("bob"));
    let all = set([1]);
    let flag = |flag| FlagChange::Add(flags(flag));
    match operation {
        "append" => outcome(bob.append(id, vec![message(&bob, "y", "").await]).await),
        "copy" => outcome(bob.copy(id, all, open).await),
        "copy to" => {
            append(&account, "Drafts", "x", "").await;
            outcome(bob.copy(open, all, id).await)
        }
        "expunge" => outcome(bob.expunge(id, None).await),
        "move" => outcome(bob.move_messages(id, all, open).await),
        "delete" => outcome(bob.delete(name("box")).await),
        "rename" => outcome(bob.rename(name("box"), name("Drafts/box")).await),
        "create" => outcome(bob.create(name("box/a/b"), None).await),
        "acl" => outcome(store.set_acl(&bob, id, "eve", AclChange::Add(rights("lr"))).await),
        "seen" => outcome(bob.store_flags(id, all, flag("\\Seen"), None).await),
        "deleted" => outcome(bob.store_flags(id, all, flag("\\Deleted"), None).await),
        "flagged" => outcome(bob.store_flags(id, all, flag("\\Flagged k"), None).await),
        other => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn flags_without_a_right_are_left_out() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "\\Flagged \\Deleted k").await;
    give(&store, &account, "INBOX", "bob", "lrt").await;
    give(&store, &account, "Drafts", "bob", "lrwi").await;
    let bob = account.as_user(who("bob"));
    let (inbox, drafts) = (mailbox(&account, "INBOX").id(), mailbox(&account, "Drafts").id());

    bob.copy(inbox, set([1]), drafts).await.expect("copied");
    let new = message(&bob, "y", "\\Deleted \\Answered new").await;
    bob.append(drafts, vec![new]).await.expect("appended");
    let listed = listing(&mailbox(&account, "Drafts"));
    assert!(listed[0].ends_with("(k \\Flagged)") && listed[1].ends_with("(new \\Answered)"), "{listed:?}");

    // Exactly \Answered, as far as it may: \Deleted goes, the others stay.
    let exactly = FlagChange::Replace(Vec::new());
    bob.store_flags(inbox, set([1]), exactly, None).await.expect("\\Deleted may be changed");
    assert!(listing(&mailbox(&account, "INBOX"))[0].ends_with("(k \\Flagged)"));
    let both = FlagChange::Add(flags("\\Deleted other"));
    bob.store_flags(inbox, set([1]), both, None).await.expect("one of both may be changed");
    assert!(listing(&mailbox(&account, "INBOX"))[0].ends_with("(k \\Flagged \\Deleted)"));
    assert_eq!(mailbox(&account, "INBOX").keywords().len(), 1, "no keyword by whom may set none");
}

#[tokio::test]
async fn new_mailboxes_have_the_acl_of_the_one_above() {
    let store = store();
    let account = alice(&store).await;
    give(&store, &account, "Archive", "bob", "lrk").await;
    let archive = mailbox(&account, "Archive").id();
    account.set_seen_mode(archive, SeenMode::Shared).await.expect("set");
    let bob = account.as_user(who("bob"));
    bob.create(name("Archive/a/b"), None).await.expect("created");
    for named in ["Archive/a", "Archive/a/b"] {
        assert_eq!(mailbox(&account, named).rights(&who("bob")), rights("lrk"));
        assert_eq!(mailbox(&account, named).seen_mode(), SeenMode::Shared, "and whose \\Seen counts");
    }
    account.rename(name("Archive/a"), name("a")).await.expect("renamed");
    assert_eq!(mailbox(&account, "a/b").rights(&who("bob")), rights("lrk"), "RENAME changes no ACL");
    account.delete(name("a/b")).await.expect("deleted");
    account.delete(name("a")).await.expect("deleted");
    account.create(name("a"), None).await.expect("created");
    assert!(mailbox(&account, "a").acl().is_empty(), "DELETE takes the ACL along");
    assert!(matches!(bob.create(name("top"), None).await, Err(StoreError::NoPerm)));
    assert!(matches!(bob.subscribe(name("Archive")).await, Err(StoreError::NoPerm)));
}

#[tokio::test]
async fn what_is_shared_is_found_and_a_name_that_comes_back_has_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = Store::open(dir.path(), options()).expect("opens").0;
    let account = alice(&open).await;
    open.create_user("bob", Vec::new()).await.expect("bob is new");
    let support = open.create_shared_account("support").await.expect("new");
    assert!(matches!(open.create_shared_account("support").await, Err(StoreError::AlreadyExists { .. })));
    assert!(matches!(open.create_shared_account("a/b").await, Err(StoreError::Cannot { .. })));
    for reserved in ["anyone", "-bob", "$staff"] {
        assert!(matches!(open.create_user(reserved, Vec::new()).await, Err(StoreError::Cannot { .. })));
    }
    let support = open.account(support).expect("opens");
    assert_eq!(support.snapshot().names().count(), 1, "a shared account has an INBOX only");
    assert!(open.accounts_shared_with(&who("bob")).is_empty());

    give(&open, &support, "INBOX", "$staff", "lrs").await;
    give(&open, &account, "Archive", "bob", "lr").await;
    give(&open, &account, "Drafts", "-bob", "r").await;
    let found = |store: &Store, who: &Who| {
        let found = store.accounts_shared_with(who).into_iter();
        found.map(|(_, owner)| owner).collect::<Vec<_>>()
    };
    let staff = Who { groups: vec!["staff".to_owned()], ..who("bob") };
    let (of_alice, of_support) = (Owner::User("alice".to_owned()), Owner::Shared("support".to_owned()));
    assert_eq!(found(&open, &who("bob")), std::slice::from_ref(&of_alice));
    assert_eq!(found(&open, &staff), [of_alice, of_support.clone()]);
    assert!(found(&open, &who("eve")).is_empty());

    let hashes = |store: &Store, account: &Account| {
        let directory = store.all_snapshots().expect("readable")[0].1.state_hash();
        (directory, account.snapshot().state_hash())
    };
    let before = hashes(&open, &account);
    drop((support, account));
    drop(open);
    for damaged in [false, true] {
        if damaged {
            std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
        }
        let open = Store::open(dir.path(), options()).expect("opens").0;
        let account = open.account(open.user("alice").expect("there").account).expect("opens");
        assert_eq!(hashes(&open, &account), before);
        assert_eq!(found(&open, &staff).len(), 2);
        let report = open.check().expect("checked");
        assert!(report.findings.is_empty(), "{report:?}");
    }

    let open = Store::open(dir.path(), options()).expect("opens").0;
    let account = open.account(open.user("alice").expect("there").account).expect("opens");
    open.delete_user("bob").await.expect("deleted");
    open.create_user("bob", Vec::new()).await.expect("a new bob");
    assert!(found(&open, &who("bob")).is_empty());
    assert!(mailbox(&account, "Archive").acl().is_empty() && mailbox(&account, "Drafts").acl().is_empty());
    open.delete_shared_account("support").await.expect("deleted");
    assert!(found(&open, &staff).is_empty() && open.shared_accounts().is_empty());
}
