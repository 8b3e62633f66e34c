//! Sessions share the threads: one that has much to do leaves the others their turn.

use tokio::task::yield_now;

use super::script::Script;
use super::stage::Stage;

#[test]
fn commands_that_came_together_are_not_answered_in_one_go() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let script = Script::parse("store: user alice").expect("a script");
        let mut stage = Stage::build(&script).await;
        stage.connect(1, "logged in as alice, INBOX selected").await;
        let session = stage.connections.get_mut(&1).expect("it was made above");

        let flood = "a1 NOOP\r\n".repeat(20_000);
        let mut turns = 0;
        tokio::select! {
            biased;
            () = session.feed(flood.as_bytes()) => {}
            () = async {
                loop {
                    turns += 1;
                    yield_now().await;
                }
            } => {}
        }
        assert_eq!(session.take_sent().split(|&octet| octet == b'\n').count(), 20_001);
        assert!(turns >= 600, "others had {turns} turns");
    });
}

#[tokio::test]
async fn a_long_command_is_parsed_aside_and_answered_as_ever() {
    let script = Script::parse("store: user alice, INBOX with 5 messages").expect("a script");
    let mut stage = Stage::build(&script).await;
    stage.connect(1, "logged in as alice, INBOX selected").await;
    let session = stage.connections.get_mut(&1).expect("it was made above");
    let set: Vec<String> = (1..20_000).map(|uid| (2 * uid).to_string()).collect();
    let set = set.join(",");
    session.feed(format!("a1 UID FETCH {set} FLAGS\r\na2 UID FETCH {set},x FLAGS\r\n").as_bytes()).await;
    let sent = String::from_utf8_lossy(&session.take_sent()).into_owned();
    let lines: Vec<&str> = sent.lines().collect();
    let [two, four, done, refused] = lines[..] else { panic!("{sent}") };
    assert!(two.starts_with("* 2 FETCH (UID 2") && four.starts_with("* 4 FETCH (UID 4"), "{sent}");
    assert!(done.starts_with("a1 OK") && refused.starts_with("a2 BAD"), "{sent}");
}
