//! What each operation does.

use imap_proto::types::{ModSeq, SeqNum};

use super::*;
use crate::StoreError;
use crate::account::{Counters, FlagChange, SpecialUse};

fn names(account: &Account) -> Vec<String> {
    let snapshot = account.snapshot();
    let text = |(name, mailbox): (&MailboxName, Option<&Arc<Mailbox>>)| match mailbox {
        Some(_) => name.as_str().to_owned(),
        None => format!("({})", name.as_str()),
    };
    snapshot.names().map(text).collect()
}

#[tokio::test]
async fn a_new_account_has_the_mailboxes_that_clients_look_for() {
    let store = store();
    let account = alice(&store).await;
    assert_eq!(names(&account), ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]);
    let snapshot = account.snapshot();
    assert_eq!(snapshot.subscriptions().count(), 6);
    assert_eq!(mailbox(&account, "Trash").special_use(), Some(SpecialUse::Trash));
    let inbox = mailbox(&account, "INBOX");
    assert_eq!(inbox.uid_validity().get(), NOW as u32);
    assert_eq!(inbox.uid_next(), Some(uid(1)));
    assert!(inbox.highest_mod_seq().get() >= 1);
    assert_eq!(inbox.counters(), Counters::default());
}

#[tokio::test]
async fn users_come_and_go() {
    let store = store();
    let account = alice(&store).await;
    let taken = store.create_user("alice", Vec::new()).await;
    assert!(matches!(taken, Err(StoreError::AlreadyExists { what: "user" })));
    store.set_credentials("alice", b"new".to_vec()).await.expect("alice is there");
    assert_eq!(store.user("alice").expect("alice is there").credentials, b"new");
    assert!(matches!(store.set_credentials("bob", Vec::new()).await, Err(StoreError::NonExistent { .. })));
    store.delete_user("alice").await.expect("alice is there");
    assert_eq!(store.user("alice"), None);
    let again = store.create_user("alice", Vec::new()).await.expect("alice is new again");
    assert_ne!(again.account, account.id());
    assert!(matches!(store.account(AccountId(99)), Err(StoreError::NonExistent { .. })));
    assert!(matches!(store.account(AccountId(0)), Err(StoreError::NonExistent { .. })));
}

use crate::log::AccountId;

#[tokio::test]
async fn append_gives_uids_and_keeps_octets() {
    let store = store();
    let account = alice(&store).await;
    let text = "Subject: one\r\n\r\nbody\r\n";
    let messages =
        vec![message(&account, text, "\\Seen Work").await, message(&account, "x", "\\Recent work").await];
    let inbox = mailbox(&account, "INBOX").id();
    let appended = account.append(inbox, messages).await.expect("appended");
    assert_eq!(appended.uids, set([1, 2]));
    let inbox = mailbox(&account, "INBOX");
    let expected = Counters { messages: 2, unseen: 1, deleted: 0, octets: text.len() as u64 + 1 };
    assert_eq!(inbox.counters(), expected);
    assert_eq!(listing(&inbox), ["1 2 (Work \\Seen)", "2 2 (Work)"]);
    let first = inbox.at(SeqNum::MIN).expect("a message");
    let snapshot = account.snapshot();
    assert_eq!(account.read(&snapshot, &first, 0..1 << 30).expect("readable"), text);
    assert_eq!(account.read(&snapshot, &first, 9..12).expect("readable"), "one");
    assert_eq!(first.internal_date.seconds(), NOW);
    let summary = account.summary(&snapshot, &first).expect("made on arrival");
    assert_eq!(summary.envelope().subject.as_deref(), Some(&b"one"[..]));
}

#[tokio::test]
async fn store_changes_only_what_is_different() {
    let store = store();
    let account = alice(&store).await;
    for with in ["\\Seen", "", "a"] {
        append(&account, "INBOX", "x", with).await;
    }
    let inbox = mailbox(&account, "INBOX").id();
    let store_flags = |uids, change| account.store_flags(inbox, uids, change, None);
    let seq = account.snapshot().seq();
    let stored = store_flags(set([1]), FlagChange::Add(flags("\\Seen"))).await.expect("stored");
    assert!(stored.changed.is_empty() && stored.modified.is_empty());
    let stored =
        store_flags(set([1, 2, 9]), FlagChange::Remove(flags("\\Flagged nix"))).await.expect("stored");
    assert!(stored.changed.is_empty());
    assert_eq!(account.snapshot().seq(), seq, "no change, no seq");

    let stored = store_flags(set([1, 2, 3, 9]), FlagChange::Add(flags("\\Seen B"))).await.expect("stored");
    assert_eq!(stored.changed, set([1, 2, 3]));
    assert_eq!(
        listing(&mailbox(&account, "INBOX")),
        ["1 5 (B \\Seen)", "2 5 (B \\Seen)", "3 5 (a B \\Seen)"]
    );
    store_flags(set([3]), FlagChange::Replace(flags("A \\Deleted"))).await.expect("stored");
    let since = Some(ModSeq::new(5).expect("63 bits"));
    let remove = FlagChange::Remove(flags("b"));
    let stored = account.store_flags(inbox, set([1, 3]), remove, since).await.expect("stored");
    assert_eq!((stored.changed, stored.modified), (set([1]), set([3])));
    let after = mailbox(&account, "INBOX");
    assert_eq!(listing(&after), ["1 7 (\\Seen)", "2 5 (B \\Seen)", "3 6 (a \\Deleted)"]);
    assert_eq!(after.changed_since(ModSeq::new(5).expect("63 bits")), set([1, 3]));
    assert_eq!(after.counters().unseen, 1);
    assert_eq!(after.first_unseen(), SeqNum::new(3));
}

#[tokio::test]
async fn keywords_of_a_mailbox_are_bounded() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    let inbox = mailbox(&account, "INBOX").id();
    let many: Vec<String> = (0..1_000).map(|at| format!("k{at}")).collect();
    let add = FlagChange::Add(flags(&many.join(" ")));
    account.store_flags(inbox, set([1]), add, None).await.expect("a thousand are allowed");
    let one_more = account.store_flags(inbox, set([1]), FlagChange::Add(flags("more")), None).await;
    assert!(matches!(one_more, Err(StoreError::Limit { .. })));
    assert_eq!(mailbox(&account, "INBOX").keywords().len(), 1_000);
}

#[tokio::test]
async fn expunge_takes_deleted_ones_and_an_old_view_still_reads_them() {
    let store = store();
    let account = alice(&store).await;
    for with in ["\\Deleted", "", "\\Deleted"] {
        append(&account, "INBOX", "body", with).await;
    }
    let old = account.snapshot();
    let inbox = mailbox(&account, "INBOX");
    assert_eq!(account.expunge(inbox.id(), Some(set([2, 3]))).await.expect("done"), set([3]));
    assert_eq!(account.expunge(inbox.id(), None).await.expect("done"), set([1]));
    assert_eq!(account.expunge(inbox.id(), None).await.expect("done"), set([]));
    let now = mailbox(&account, "INBOX");
    assert_eq!(listing(&now), ["2 3 ()"]);
    assert_eq!(now.highest_mod_seq().get(), 6);
    assert_eq!(now.uid_next(), Some(uid(4)));
    let diff = now.diff(&inbox);
    assert_eq!((diff.expunged, diff.appended, diff.changed), (set([1, 3]), set([]), set([])));
    let gone = inbox.get(uid(3)).expect("in the old view");
    assert_eq!(account.read(&old, &gone, 0..9).expect("still readable"), "body");
    let options = Options { undelete_seconds: 0, ..options() };
    let store = Store::in_memory(options).expect("memory has room");
    let account = alice(&store).await;
    append(&account, "INBOX", "body", "\\Deleted").await;
    let gone = mailbox(&account, "INBOX").get(uid(1)).expect("there");
    account.expunge(mailbox(&account, "INBOX").id(), None).await.expect("done");
    assert!(account.read(&account.snapshot(), &gone, 0..9).is_err(), "nothing is kept for undelete");
    let since = |seq| now.vanished_since(ModSeq::new(seq).expect("63 bits"), &set(1..=3));
    assert_eq!(since(5), set([1]));
    assert_eq!(since(0), set([1, 3]));
}

#[tokio::test]
async fn copy_and_move_pair_uids_and_bring_keywords() {
    let store = store();
    let account = alice(&store).await;
    for with in ["one \\Seen", "two", "three"] {
        append(&account, "INBOX", with, with).await;
    }
    append(&account, "Trash", "t", "THREE").await;
    let (inbox, trash) = (mailbox(&account, "INBOX").id(), mailbox(&account, "Trash").id());
    let copied = account.copy(inbox, set([3, 1, 7]), trash).await.expect("done").expect("two are there");
    assert_eq!((copied.source, copied.target), (set([1, 3]), set([2, 3])));
    assert_eq!(listing(&mailbox(&account, "Trash")), ["1 5 (THREE)", "2 6 (one \\Seen)", "3 6 (THREE)"]);
    let copies = mailbox(&account, "Trash");
    let original = mailbox(&account, "INBOX").get(uid(1)).expect("there");
    assert_eq!(copies.get(uid(2)).expect("there").number, original.number);

    let moved = account.move_messages(inbox, set([1, 2]), trash).await.expect("done").expect("there");
    assert_eq!((moved.source, moved.target), (set([1, 2]), set([4, 5])));
    assert_eq!(listing(&mailbox(&account, "INBOX")), ["3 4 (three)"]);
    assert_eq!(account.copy(inbox, set([1]), trash).await.expect("done"), None);

    // Into itself: new UIDs, and MOVE takes the old ones away.
    account.copy(inbox, set([3]), inbox).await.expect("done").expect("there");
    account.move_messages(inbox, set([3]), inbox).await.expect("done").expect("there");
    assert_eq!(listing(&mailbox(&account, "INBOX")), ["4 8 (three)", "5 9 (three)"]);
    let snapshot = account.snapshot();
    let copy = mailbox(&account, "INBOX").get(uid(5)).expect("there");
    assert_eq!(account.read(&snapshot, &copy, 0..9).expect("readable"), "three");
}

#[tokio::test]
async fn mailboxes_are_made_with_their_parents() {
    let store = store();
    let account = alice(&store).await;
    account.create(name("a/b/c"), None).await.expect("made");
    assert_eq!(names(&account)[6..], ["a", "a/b", "a/b/c"]);
    let validities: Vec<u32> = ["Archive", "a", "a/b", "a/b/c"]
        .iter()
        .map(|it| mailbox(&account, it).uid_validity().get())
        .collect();
    let base = NOW as u32;
    assert_eq!(validities, [base + 5, base + 6, base + 7, base + 8]);
    for (taken, is_there) in
        [("inbox", true), ("a/b", true), ("Other Users/bob", false), ("Shared Folders", false)]
    {
        let refused = account.create(name(taken), None).await;
        let as_expected = match refused {
            Err(StoreError::AlreadyExists { .. }) => is_there,
            Err(StoreError::Cannot { .. }) => !is_there,
            _ => false,
        };
        assert!(as_expected, "{taken}");
    }
}

#[tokio::test]
async fn a_deleted_parent_keeps_its_name_until_its_last_child_goes() {
    let store = store();
    let account = alice(&store).await;
    account.create(name("a/b/c"), None).await.expect("made");
    let old = mailbox(&account, "a/b").uid_validity();
    account.delete(name("a/b")).await.expect("deleted");
    account.delete(name("a")).await.expect("deleted");
    assert_eq!(names(&account)[6..], ["(a)", "(a/b)", "a/b/c"]);
    assert!(matches!(account.delete(name("a/b")).await, Err(StoreError::HasChildren)));
    account.create(name("a/b"), None).await.expect("the name is free");
    assert!(mailbox(&account, "a/b").uid_validity() > old);
    account.delete(name("a/b")).await.expect("deleted");
    account.delete(name("a/b/c")).await.expect("deleted");
    assert_eq!(names(&account).len(), 6);
    assert!(matches!(account.delete(name("a")).await, Err(StoreError::NonExistent { .. })));
    assert!(matches!(account.delete(name("INBOX")).await, Err(StoreError::Cannot { .. })));
}

#[tokio::test]
async fn rename_takes_the_whole_tree() {
    let store = store();
    let account = alice(&store).await;
    account.create(name("a/b/c"), None).await.expect("made");
    append(&account, "a/b/c", "x", "").await;
    let id = mailbox(&account, "a/b/c").id();
    account.delete(name("a/b")).await.expect("deleted");
    account.rename(name("a"), name("new/x")).await.expect("renamed");
    assert_eq!(names(&account)[6..], ["new", "new/x", "(new/x/b)", "new/x/b/c"]);
    assert_eq!(mailbox(&account, "new/x/b/c").id(), id);
    assert_eq!(listing(&mailbox(&account, "new/x/b/c")).len(), 1);
    let refused = |from: &'static str, to: &'static str| account.rename(name(from), name(to));
    assert!(matches!(refused("new", "new/x/y").await, Err(StoreError::Cannot { .. })));
    assert!(matches!(refused("new", "Trash").await, Err(StoreError::AlreadyExists { .. })));
    assert!(matches!(refused("new", "INBOX").await, Err(StoreError::AlreadyExists { .. })));
    assert!(matches!(refused("nix", "y").await, Err(StoreError::NonExistent { .. })));
    assert!(matches!(refused("new", "Shared Folders/y").await, Err(StoreError::Cannot { .. })));
    let long = MailboxName::new(&"l".repeat(995)).expect("a good name");
    assert!(matches!(account.rename(name("new"), long).await, Err(StoreError::Cannot { .. })));
}

#[tokio::test]
async fn rename_of_inbox_moves_its_messages() {
    let store = store();
    let account = alice(&store).await;
    account.create(name("INBOX/kept"), None).await.expect("made");
    append(&account, "INBOX", "x", "k \\Seen").await;
    let validity = mailbox(&account, "INBOX").uid_validity();
    account.rename(name("INBOX"), name("old/mail")).await.expect("renamed");
    assert_eq!(names(&account)[..2], ["INBOX", "INBOX/kept"]);
    assert_eq!(listing(&mailbox(&account, "old/mail")), ["1 4 (k \\Seen)"]);
    let inbox = mailbox(&account, "INBOX");
    assert!(inbox.is_empty());
    assert_eq!((inbox.uid_validity(), inbox.uid_next()), (validity, Some(uid(2))));
}

#[tokio::test]
async fn subscriptions_need_no_mailbox() {
    let store = store();
    let account = alice(&store).await;
    let before = account.snapshot().seq();
    account.subscribe(name("Trash")).await.expect("subscribed already");
    account.unsubscribe(name("nix")).await.expect("not subscribed");
    assert_eq!(account.snapshot().seq(), before);
    account.subscribe(name("gone/away")).await.expect("subscribed");
    account.delete(name("Trash")).await.expect("deleted");
    let snapshot = account.snapshot();
    assert!(snapshot.is_subscribed(&name("gone/away")) && snapshot.is_subscribed(&name("Trash")));
    account.unsubscribe(name("Trash")).await.expect("unsubscribed");
    assert!(!account.snapshot().is_subscribed(&name("Trash")));
}

#[tokio::test]
async fn recent_messages_are_told_to_one_session() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    let inbox = mailbox(&account, "INBOX");
    assert_eq!(account.claim_recent(inbox.id(), 2), 1);
    assert_eq!(account.claim_recent(inbox.id(), 2), 2);
    append(&account, "INBOX", "x", "").await;
    assert_eq!(account.claim_recent(inbox.id(), 3), 2);
    // Found by an EXAMINE that came between a SELECT and the publishing of what that had claimed.
    assert_eq!(account.recent_watermark(inbox.id()), 3, "before it is published");
    // Raises no MODSEQ: the append was the last change of the mailbox.
    account.subscribe(name("x")).await.expect("subscribed");
    let after = mailbox(&account, "INBOX");
    assert_eq!(after.recent_watermark(), 3);
    assert_eq!(after.highest_mod_seq(), after.get(uid(2)).expect("there").mod_seq);
}

#[tokio::test]
async fn a_message_over_the_bound_is_refused() {
    let store = Store::in_memory(Options { message_octets_max: 10, ..options() }).expect("memory has room");
    let account = alice(&store).await;
    let mut upload = account.upload();
    upload.write(b"12345678").await.expect("fits");
    assert!(matches!(upload.write(b"90a").await, Err(StoreError::TooBig { max_octets: 10 })));
}

#[tokio::test]
async fn nothing_is_taken_once_the_store_is_closed() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    store.close();
    assert!(matches!(account.subscribe(name("x")).await, Err(StoreError::Unavailable { .. })));
    let snapshot = account.snapshot();
    let first = mailbox(&account, "INBOX").at(SeqNum::MIN).expect("there");
    assert_eq!(account.read(&snapshot, &first, 0..9).expect("reads go on"), "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_append_to_one_mailbox() {
    let store = store();
    let account = alice(&store).await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let account = account.clone();
            tokio::spawn(async move {
                let mut uids = Vec::new();
                for at in 0..50 {
                    uids.push((
                        append(&account, "INBOX", &format!("{task} {at}"), "").await,
                        format!("{task} {at}"),
                    ));
                    // What was answered is in view.
                    let last = uids[uids.len() - 1].0;
                    assert!(mailbox(&account, "INBOX").get(uid(last)).is_some());
                }
                uids
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        let uids = task.await.expect("no task fails");
        assert!(uids.is_sorted(), "UIDs ascend in the order of a task's appends");
        all.extend(uids);
    }
    all.sort();
    assert_eq!(all.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), (1..=400).collect::<Vec<_>>());
    let (snapshot, inbox) = (account.snapshot(), mailbox(&account, "INBOX"));
    for (at, text) in all {
        let message = inbox.get(uid(at)).expect("there");
        assert_eq!(account.read(&snapshot, &message, 0..99).expect("readable"), text);
    }
}

/// A summary that takes long is made on another thread, and is the same.
#[tokio::test]
async fn messages_of_many_parts_and_people_are_summarized() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(dir.path(), options()).expect("the store opens").0;
    let account = alice(&store).await;
    let parts = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(1_000);
    let parts = format!("Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n");
    let people = format!("To: {}\r\n\r\nx", "a@example.org, ".repeat(2_000));
    for octets in [parts, people.clone(), people.trim_end_matches(['x', '\r', '\n']).to_owned()] {
        let uploaded = message(&account, &octets, "").await.uploaded;
        let mut scanner = crate::message::Scanner::new();
        scanner.feed(octets.as_bytes());
        assert!(scanner.is_large());
        assert_eq!(**uploaded.summary(), scanner.finish());
    }
}
