//! THREADID and EMAILID: which messages get the same, and that what was told stays.

use super::*;

async fn mail(account: &Account, to: &str, header: &str) -> (String, String) {
    let text = format!("{}\r\n\r\nbody\r\n", header.replace('\n', "\r\n"));
    let uid = append(account, to, &text, "").await;
    ids(account, to, uid)
}

fn ids(account: &Account, to: &str, of: u32) -> (String, String) {
    let snapshot = account.snapshot();
    let message = mailbox(account, to).get(uid(of)).expect("there");
    let (email, thread) = account.object_ids(&snapshot, message.number).expect("there");
    (email.to_string(), thread.to_string())
}

#[tokio::test]
async fn answers_are_in_the_thread_of_what_they_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = Store::open(dir.path(), options()).expect("opens").0;
    let account = alice(&open).await;
    let (email, thread) = mail(&account, "INBOX", "Subject: plan\nMessage-ID: <1@x>").await;
    let (other, answer) =
        mail(&account, "Sent", "Subject: Re: Plan\nMessage-ID: <2@x>\nReferences: <1@x>").await;
    assert_eq!(answer, thread);
    assert_ne!(email, other);
    // The subject is another one: another thread, which RFC 8621 §3 asks for.
    let (_, forked) = mail(&account, "INBOX", "Subject: lunch\nMessage-ID: <3@x>\nIn-Reply-To: <2@x>").await;
    assert_ne!(forked, thread);
    // Both refer to what never came.
    let (_, orphan) = mail(&account, "INBOX", "Subject: q\nMessage-ID: <5@x>\nIn-Reply-To: <4@x>").await;
    let (_, sibling) = mail(&account, "INBOX", "Subject: Re: q\nMessage-ID: <6@x>\nReferences: <4@x>").await;
    assert_eq!(orphan, sibling);
    let (_, late) = mail(&account, "INBOX", "Subject: q\nMessage-ID: <4@x>").await;
    assert_eq!(late, orphan, "the one they answer comes last");
    // One that joins two threads takes one of both, and they stay two.
    let both = mail(&account, "INBOX", "Subject: q\nMessage-ID: <7@x>\nReferences: <9@x>").await.1;
    let joined = mail(&account, "INBOX", "Subject: q\nMessage-ID: <8@x>\nReferences: <4@x> <7@x>").await.1;
    assert!(joined == both || joined == orphan);
    assert_ne!(both, orphan);
    let (lonely, alone) = mail(&account, "INBOX", "From: nobody").await;
    assert_eq!(alone, lonely.replace('M', "T"));

    // A copy is the same message.
    let (inbox, trash) = (mailbox(&account, "INBOX").id(), mailbox(&account, "Trash").id());
    account.copy(inbox, set([2]), trash).await.expect("copied");
    assert_eq!(ids(&account, "Trash", 1).1, forked);

    let hash = account.snapshot().state_hash();
    drop(account);
    drop(open);
    for damaged in [false, true] {
        if damaged {
            std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
        }
        let open = Store::open(dir.path(), options()).expect("opens").0;
        let account = open.account(open.user("alice").expect("there").account).expect("opens");
        assert!(damaged || account.snapshot().state_hash() == hash);
        assert_eq!(ids(&account, "INBOX", 1), (email.clone(), thread.clone()));
        let again = mail(&account, "INBOX", "Subject: plan\nMessage-ID: <99@x>\nReferences: <2@x>").await;
        assert_eq!(again.1, thread, "found after opening again");
    }
}

#[tokio::test]
async fn messages_of_one_append_and_of_many_tasks_find_each_other() {
    let store = store();
    let account = alice(&store).await;
    let inbox = mailbox(&account, "INBOX").id();
    let text = |at: u32| format!("Subject: s\r\nMessage-ID: <{at}@x>\r\nReferences: <0@x>\r\n\r\n");
    let both = vec![message(&account, &text(0), "").await, message(&account, &text(1), "").await];
    account.append(inbox, both).await.expect("appended");
    let mut tasks = Vec::new();
    for at in 2..40 {
        let (account, text) = (account.clone(), text(at));
        tasks.push(tokio::spawn(async move { append(&account, "INBOX", &text, "").await }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let threads: std::collections::BTreeSet<_> = (1..=40).map(|uid| ids(&account, "INBOX", uid).1).collect();
    assert_eq!(threads.len(), 1);
    assert_eq!(
        (1..=40).map(|uid| ids(&account, "INBOX", uid).0).collect::<std::collections::BTreeSet<_>>().len(),
        40
    );
}
