//! Whoever waits for news of a mailbox.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::*;
use crate::account::{MailboxId, Watch};

/// Waits as long as it may take until news is there.
async fn is_told(watch: &mut Watch) -> bool {
    timeout(Duration::from_secs(60), watch.changed()).await.expect("it is told")
}

/// News comes a moment behind the answer to whoever made the change.
async fn hears_nothing(watch: &mut Watch) -> bool {
    sleep(Duration::from_millis(20)).await;
    timeout(Duration::ZERO, watch.changed()).await.is_err()
}

#[tokio::test]
async fn only_those_are_told_whose_mailbox_was_touched() {
    let store = store();
    let account = alice(&store).await;
    account.create(name("box"), None).await.expect("created");
    let mut watches = ["INBOX", "box"].map(|named| account.watch(mailbox(&account, named).id()));
    for watch in &mut watches {
        assert!(is_told(watch).await, "at once when it is new");
        assert!(hears_nothing(watch).await);
    }
    let [inbox, other] = &mut watches;
    append(&account, "box", "x", "").await;
    assert!(is_told(other).await);
    account.subscribe(name("box")).await.expect("subscribed");
    assert!(hears_nothing(inbox).await && hears_nothing(other).await);
    account
        .copy(mailbox(&account, "box").id(), set([1]), mailbox(&account, "INBOX").id())
        .await
        .expect("copied");
    assert!(is_told(inbox).await && hears_nothing(other).await);
}

#[tokio::test]
async fn a_new_name_and_the_end_are_told() {
    let store = store();
    let account = alice(&store).await;
    account.create(name("box"), None).await.expect("created");
    let mut watch = account.watch(mailbox(&account, "box").id());
    assert!(is_told(&mut watch).await && hears_nothing(&mut watch).await);
    account.rename(name("box"), name("case")).await.expect("renamed");
    assert!(is_told(&mut watch).await && hears_nothing(&mut watch).await);
    account.delete(name("case")).await.expect("deleted");
    assert!(is_told(&mut watch).await && hears_nothing(&mut watch).await);
    let mut nothing = account.watch(MailboxId(77));
    assert!(is_told(&mut nothing).await && hears_nothing(&mut nothing).await);
}
