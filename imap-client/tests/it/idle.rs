use imap_client::{Error, Event};

use crate::server::{both, connect};

#[tokio::test]
async fn news_come_until_it_is_stopped() {
    let (connection, mut server) = connect("IMAP4rev1 IDLE").await;
    let client = async {
        let mut idle = connection.idle().await?;
        let first = idle.next().await?;
        let second = idle.next().await?;
        idle.stop().await?;
        connection.noop().await?;
        Ok::<_, Error>((first, second))
    };
    let (first, second) = both(client, async {
        server.expect("a1 IDLE\r\n").await;
        server.send("+ idling\r\n* 4 EXISTS\r\n* 1 EXPUNGE\r\n").await;
        server.expect("DONE\r\n").await;
        server.send("a1 OK done\r\n").await;
        server.expect("a2 NOOP\r\n").await;
        server.send("a2 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert!(matches!((first, second), (Event::Exists(4), Event::Expunged(_))));
}

#[tokio::test]
async fn it_makes_room_for_commands_and_begins_anew() {
    let (connection, mut server) = connect("IMAP4rev1 IDLE").await;
    let client = async {
        let mut idle = connection.idle().await?;
        let noop = connection.noop();
        let (event, noop) = tokio::join!(idle.next(), noop);
        noop?;
        drop(idle);
        connection.noop().await?;
        event
    };
    let event = both(client, async {
        server.expect("a1 IDLE\r\n").await;
        // DONE waits until the server has agreed to idle.
        server.expect_nothing().await;
        server.send("+ idling\r\n").await;
        server.expect("DONE\r\n").await;
        server.send("a1 OK done\r\n").await;
        server.expect("a2 NOOP\r\n").await;
        server.send("a2 OK done\r\n").await;
        server.expect("a3 IDLE\r\n").await;
        server.send("+ idling\r\n* 5 EXISTS\r\n").await;
        // It was dropped.
        server.expect("DONE\r\n").await;
        server.send("a3 OK done\r\n").await;
        server.expect("a4 NOOP\r\n").await;
        server.send("a4 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert!(matches!(event, Event::Exists(5)));
}

#[tokio::test]
async fn a_refused_idle_is_an_error() {
    let (connection, mut server) = connect("IMAP4rev1 IDLE").await;
    let client = async {
        let mut idle = connection.idle().await?;
        idle.next().await
    };
    let refused = both(client, async {
        server.expect("a1 IDLE\r\n").await;
        server.send("a1 NO not now\r\n").await;
    })
    .await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_before_the_server_gives_up() {
    let (connection, mut server) = connect("IMAP4rev1 IDLE").await;
    let began = tokio::time::Instant::now();
    let client = async {
        let mut idle = connection.idle().await?;
        idle.next().await
    };
    let event = tokio::join!(client, async {
        server.expect("a1 IDLE\r\n").await;
        server.send("+ idling\r\n").await;
        server.expect("DONE\r\n").await;
        assert!((20..29).contains(&(began.elapsed().as_secs() / 60)));
        server.send("a1 OK done\r\n").await;
        server.expect("a2 IDLE\r\n").await;
        server.send("+ idling\r\n* 6 EXISTS\r\n").await;
    })
    .0
    .expect("OK");
    assert!(matches!(event, Event::Exists(6)));
}

#[tokio::test(start_paused = true)]
async fn without_idle_the_server_is_asked() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let client = async {
        let mut idle = connection.idle().await?;
        idle.next().await
    };
    let event = tokio::join!(client, async {
        server.expect("a1 NOOP\r\n").await;
        server.send("a1 OK done\r\n").await;
        server.expect("a2 NOOP\r\n").await;
        server.send("* 7 EXISTS\r\na2 OK done\r\n").await;
    })
    .0
    .expect("OK");
    assert!(matches!(event, Event::Exists(7)));
}
