//! What an account may hold.

use super::*;
use crate::StoreError;
use crate::account::{Quota, QuotaResource, Usage};

fn over<T: std::fmt::Debug>(result: Result<T, StoreError>) -> QuotaResource {
    match result {
        Err(StoreError::OverQuota { resource, .. }) => resource,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_over_the_quota_is_refused_and_what_adds_nothing_goes() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "0123456789", "\\Deleted").await;
    append(&account, "INBOX", "0123456789", "").await;
    let (inbox, trash) = (mailbox(&account, "INBOX").id(), mailbox(&account, "Trash").id());
    assert_eq!(account.snapshot().usage(), Usage { storage_octets: 20, messages: 2, mailboxes: 6 });

    let octets = Quota { storage_octets: Some(25), ..Quota::default() };
    account.set_quota(octets).await.expect("set");
    assert_eq!(over(account.copy(inbox, set([1]), trash).await), QuotaResource::Storage);
    let seven = [message(&account, "123", "").await, message(&account, "1234", "").await];
    assert_eq!(over(account.append(inbox, seven.to_vec()).await), QuotaResource::Storage);
    append(&account, "INBOX", "12345", "").await;

    let messages = Quota { messages: Some(2), ..Quota::default() };
    account.set_quota(messages).await.expect("set below what there is");
    let empty = message(&account, "", "").await;
    assert_eq!(over(account.append(inbox, vec![empty]).await), QuotaResource::Message);
    assert_eq!(over(account.copy(inbox, set([1, 2]), trash).await), QuotaResource::Message);
    account.move_messages(inbox, set([2]), trash).await.expect("a move adds nothing").expect("moved");
    account.expunge(inbox, None).await.expect("an expunge is always possible");
    assert_eq!(account.snapshot().usage().messages, 2);
    let grave = account.snapshot().graves().next().expect("buried").id;
    assert_eq!(over(account.undelete(vec![grave], inbox).await), QuotaResource::Message);

    let mailboxes = Quota { mailboxes: Some(8), ..Quota::default() };
    account.set_quota(mailboxes).await.expect("set");
    assert_eq!(over(account.create(name("a/b/c"), None).await), QuotaResource::Mailbox);
    account.create(name("a/b"), None).await.expect("two more");
    assert_eq!(over(account.rename(name("a/b"), name("x/y")).await), QuotaResource::Mailbox);
    assert_eq!(over(account.rename(name("INBOX"), name("old")).await), QuotaResource::Mailbox);
    account.rename(name("a/b"), name("x")).await.expect("a rename adds nothing");
    assert_eq!(account.snapshot().quota(), mailboxes);

    let alice = crate::account::Who { is_owner: true, ..sharing::who("alice") };
    let own = account.as_user(alice).set_quota(Quota::default()).await;
    assert!(matches!(own, Err(StoreError::NoPerm)), "nobody gives more to themselves");
}

#[tokio::test]
async fn many_at_once_do_not_pass_the_quota_together() {
    let store = store();
    let account = alice(&store).await;
    account.set_quota(Quota { messages: Some(10), ..Quota::default() }).await.expect("set");
    let inbox = mailbox(&account, "INBOX").id();
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let account = account.clone();
            tokio::spawn(async move {
                let new = message(&account, "x", "").await;
                account.append(inbox, vec![new]).await.is_ok()
            })
        })
        .collect();
    let mut appended = 0;
    for task in tasks {
        appended += u32::from(task.await.expect("no panic"));
    }
    assert_eq!((appended, mailbox(&account, "INBOX").len()), (10, 10));
}
