//! A session in IDLE is told of its mailbox, and holds nothing of the others in the account.

use std::time::Duration;

use super::script::Script;
use super::stage::Stage;

#[tokio::test]
async fn who_waits_on_one_mailbox_does_not_hold_what_the_others_were() {
    let script = Script::parse("store: user alice").expect("a script");
    let mut stage = Stage::build(&script).await;
    stage.connect(1, "logged in as alice, INBOX selected").await;
    let account = stage.account("alice");
    let session = stage.connections.get_mut(&1).expect("it was made above");
    session.feed(b"a1 IDLE\r\n").await;
    assert!(String::from_utf8_lossy(&session.take_sent()).contains("+ idling"));

    let before = std::sync::Arc::downgrade(&account.snapshot());
    let elsewhere = imap_proto::types::MailboxName::new("elsewhere").expect("a name");
    account.create(elsewhere, None).await.expect("created");
    for _ in 0..1000 {
        if before.strong_count() == 0 {
            break;
        }
        // The log's threads may not have let go of it yet.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(before.strong_count(), 0);

    session.feed(b"DONE\r\na2 FETCH 1 FLAGS\r\n").await;
    let sent = String::from_utf8_lossy(&session.take_sent()).into_owned();
    assert!(sent.contains("a1 OK"), "{sent}");
}
