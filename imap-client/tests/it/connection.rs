use std::time::Duration;

use imap_client::{ClientBuilder, Error, Event, FetchEvent, Messages, Security};
use imap_proto::command::FetchItem;

use crate::server::{both, builder, connect, connect_with, pipe};

/// What connecting to a server that says this comes to.
async fn greeted(builder: ClientBuilder, greeting: &str) -> Result<(), Error> {
    let (ours, mut server) = pipe();
    server.send(greeting).await;
    both(builder.connect_over(ours), async move { drop(server) }).await.map(drop)
}

#[tokio::test]
async fn greetings() {
    let closed = greeted(builder(), "* BYE [UNAVAILABLE] too many connections\r\n").await;
    assert!(
        matches!(&closed, Err(Error::Closed { reason }) if reason == "too many connections"),
        "{closed:?}"
    );
    let closed = greeted(builder(), "").await;
    assert!(matches!(closed, Err(Error::Closed { .. })), "{closed:?}");
    for greeting in ["220 mail ESMTP\r\n", "* 4 EXISTS\r\n", "* NO hm\r\n"] {
        let broken = greeted(builder(), greeting).await;
        assert!(matches!(broken, Err(Error::Protocol { .. })), "{greeting} {broken:?}");
    }
    greeted(builder(), "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n").await.expect("a good greeting");
}

#[tokio::test]
async fn a_server_of_before_capability_has_none() {
    let (ours, mut server) = pipe();
    let connection = both(builder().connect_over(ours), async {
        server.send("* OK IMAP2 server\r\n").await;
        server.expect("a1 CAPABILITY\r\n").await;
        server.send("a1 BAD what?\r\n").await;
    })
    .await
    .expect("a good greeting");
    assert_eq!(connection.capabilities().iter().count(), 0);
    assert!(!connection.is_preauthenticated());
}

#[tokio::test]
async fn closed_in_the_middle_of_a_response() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let mut events = connection.events();
    let client = async {
        let mut stream = connection.fetch(Messages::all(), [FetchItem::Rfc822]).await.expect("sent");
        let Some(Ok(FetchEvent::Body(mut body))) = stream.next().await else { panic!("a body") };
        while let Ok(Some(_)) = body.chunk().await {}
        // Asked again, it still does not look complete.
        let ended = body.chunk().await.expect_err("not complete");
        drop(body);
        // This once span for ever, as the body had no end.
        assert!(stream.next().await.is_none());
        ended
    };
    let ended = both(client, async move {
        server.expect("a1 UID FETCH 1:* RFC822\r\n").await;
        server.send("* 1 FETCH (UID 1 RFC822 {1000000}\r\nonly this").await;
    })
    .await;
    assert!(matches!(ended, Error::Closed { .. }), "{ended:?}");
    assert!(matches!(connection.noop().await, Err(Error::Closed { .. })));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn bye_is_the_reason_of_the_end() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let mut events = connection.events();
    let ended = both(connection.noop(), async move {
        server.expect("a1 NOOP\r\n").await;
        server.send("* BYE shutting down\r\n").await;
    })
    .await;
    assert!(matches!(&ended, Err(Error::Closed { reason }) if reason == "shutting down"), "{ended:?}");
    assert!(matches!(events.next().await, Some(Event::Bye(text)) if text == "shutting down"));
}

#[tokio::test]
async fn no_imap_ends_the_connection() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let ended = both(connection.noop(), async {
        server.expect("a1 NOOP\r\n").await;
        server.send("\r\n").await;
        server.expect_close().await;
    })
    .await;
    assert!(matches!(ended, Err(Error::Protocol { .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_timeout_and_a_late_one_is_dropped() {
    let patient = builder().deadline(Duration::from_secs(5));
    let (connection, mut server) = connect_with(&patient, "IMAP4rev1").await;
    assert!(matches!(connection.noop().await, Err(Error::Timeout)));
    let client = connection.expunge();
    let (expunged, ()) = tokio::join!(client, async {
        server.expect("a1 NOOP\r\na2 EXPUNGE\r\n").await;
        server.send("a1 OK late\r\n* 3 EXPUNGE\r\na2 OK done\r\n").await;
    });
    assert_eq!(expunged.expect("OK").len(), 1);
}

#[tokio::test]
async fn logout_ends_in_good_order() {
    for farewell in ["* BYE bye\r\na1 OK done\r\n", "* BYE bye\r\n", ""] {
        let (connection, mut server) = connect("IMAP4rev1").await;
        both(connection.logout(), async move {
            server.expect("a1 LOGOUT\r\n").await;
            server.send(farewell).await;
        })
        .await
        .expect("either way");
    }
}

#[tokio::test]
async fn the_last_handle_closes_the_connection() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let other = connection.clone();
    drop(connection);
    both(other.noop(), async {
        server.expect("a1 NOOP\r\n").await;
        server.send("a1 OK done\r\n").await;
    })
    .await
    .expect("OK");
    drop(other);
    server.expect_close().await;
}

#[tokio::test]
async fn starttls_that_is_not_offered_is_no_clear_text() {
    let careful = ClientBuilder::new("localhost", 143, Security::StartTls);
    for (answer, expected) in [
        ("a1 BAD what?\r\n", "the server does not support STARTTLS"),
        (
            "a1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n",
            "the server broke the protocol: octets between STARTTLS and TLS",
        ),
    ] {
        let (ours, mut server) = pipe();
        let failed = both(careful.connect_over(ours), async move {
            server.send("* OK [CAPABILITY IMAP4rev1] hi\r\n").await;
            server.expect("a1 STARTTLS\r\n").await;
            server.send(answer).await;
        })
        .await;
        assert_eq!(failed.map(drop).map_err(|error| error.to_string()), Err(expected.to_owned()));
    }
    let failed = greeted(careful, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n").await;
    assert!(matches!(failed, Err(Error::Protocol { .. })), "{failed:?}");
}
