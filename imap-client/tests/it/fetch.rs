use bytes::Bytes;
use imap_client::{Error, Event, FetchEvent, Message, Messages};
use imap_proto::command::{FetchItem, FlagAction, Section};
use imap_proto::response::StreamedItem;
use imap_proto::types::{Flag, MailboxName, NumberSet, SearchKey, SeqNum, SystemFlag, Uid, UidValidity};

use crate::server::{Server, both, builder, connect, connect_with};

fn uids(numbers: &[u32]) -> Messages {
    Messages::uids(&numbers.iter().copied().collect()).expect("not empty")
}

fn body() -> FetchItem {
    FetchItem::Section { section: Section::default(), partial: None, peek: true }
}

fn uid(number: u32) -> Option<Uid> {
    Uid::new(number)
}

/// Octets that are not all alike.
fn large(size: usize) -> Vec<u8> {
    (0..size).map(|place| (place % 251) as u8).collect()
}

#[tokio::test]
async fn small_messages_come_whole() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let messages = both(
        async {
            let items = [FetchItem::Flags, FetchItem::Rfc822Size, body()];
            connection.fetch(uids(&[1, 2, 3, 7]), items).await?.collect().await
        },
        async {
            server.expect("a1 UID FETCH 1:3,7 (FLAGS RFC822.SIZE BODY.PEEK[])\r\n").await;
            server.send("* 1 FETCH (FLAGS (\\Seen) UID 2 RFC822.SIZE 5 BODY[] {5}\r\nhello)\r\n").await;
            // News, not an answer: it holds nothing that only this command asks for.
            server.send("* 9 FETCH (FLAGS (\\Deleted))\r\n").await;
            server.send("* 2 FETCH (BODY[] \"hi\" UID 7 RFC822.SIZE 2 FLAGS ())\r\na1 OK done\r\n").await;
        },
    )
    .await
    .expect("OK");
    assert_eq!(messages.iter().map(Message::uid).collect::<Vec<_>>(), [uid(2), uid(7)]);
    assert_eq!(messages[0].flags(), Some([Flag::System(SystemFlag::Seen)].as_slice()));
    assert_eq!(messages[0].size_octets(), Some(5));
    assert_eq!(messages[0].body().map(|body| &body[..]), Some(&b"hello"[..]));
    assert_eq!(messages[1].body().map(|body| &body[..]), Some(&b"hi"[..]));
}

/// One message of a mebibyte, then a small one.
async fn serve_large(server: &mut Server, octets: &[u8], piece: usize) {
    server.expect("a1 UID FETCH 5:6 (FLAGS BODY.PEEK[])\r\n").await;
    let mut response = format!("* 1 FETCH (UID 5 BODY[] {{{}}}\r\n", octets.len()).into_bytes();
    response.extend_from_slice(octets);
    response.extend_from_slice(
        b" FLAGS (\\Seen))\r\n* 2 FETCH (UID 6 BODY[] {2}\r\nhi FLAGS ())\r\na1 OK done\r\n",
    );
    server.send_in_pieces(&response, piece).await;
}

#[tokio::test]
async fn a_large_body_is_streamed_however_it_is_split() {
    let octets = large(1024 * 1024);
    for piece in [997, 4_096, 1024 * 1024] {
        let (connection, mut server) = connect("IMAP4rev1").await;
        let client = async {
            let mut stream = connection.fetch(uids(&[5, 6]), [FetchItem::Flags, body()]).await?;
            let Some(Ok(FetchEvent::Body(mut found))) = stream.next().await else { panic!("a body first") };
            assert_eq!((found.seq_num.get(), found.uid, found.size_octets), (1, uid(5), 1024 * 1024));
            let whole = StreamedItem::Section { section: Section::default(), origin: None };
            assert_eq!(found.item, whole);
            let mut read = Vec::new();
            while let Some(chunk) = found.chunk().await? {
                assert!(!chunk.is_empty());
                read.extend_from_slice(&chunk);
            }
            assert!(read == octets, "the octets that went in come out");
            stream.collect().await
        };
        let messages = both(client, serve_large(&mut server, &octets, piece)).await.expect("OK");
        assert_eq!(messages.iter().map(Message::uid).collect::<Vec<_>>(), [uid(5), uid(6)]);
        assert_eq!(messages[0].flags(), Some([Flag::System(SystemFlag::Seen)].as_slice()));
        assert_eq!(messages[0].body(), None);
        assert_eq!(messages[1].body().map(|body| &body[..]), Some(&b"hi"[..]));
    }
}

#[tokio::test]
async fn a_body_that_is_not_read_is_passed_over() {
    let octets = large(600_000);
    let (connection, mut server) = connect("IMAP4rev1").await;
    let client = async {
        let mut stream = connection.fetch(uids(&[5, 6]), [FetchItem::Flags, body()]).await?;
        let Some(Ok(FetchEvent::Body(mut found))) = stream.next().await else { panic!("a body first") };
        // Only the first octets, as for a preview.
        assert!(found.chunk().await?.is_some_and(|chunk| chunk[..3] == [0, 1, 2]));
        drop(found);
        stream.collect().await
    };
    let messages = both(client, serve_large(&mut server, &octets, 8_192)).await.expect("OK");
    assert_eq!(messages.iter().map(Message::uid).collect::<Vec<_>>(), [uid(5), uid(6)]);
}

#[tokio::test]
async fn several_streamed_items_of_one_message() {
    let (connection, mut server) = connect_with(&builder().inline_octets_max(4), "IMAP4rev1").await;
    let client = async {
        let mut stream =
            connection.fetch(uids(&[5]), [FetchItem::Rfc822Header, FetchItem::Rfc822Text]).await?;
        let mut bodies = Vec::new();
        loop {
            match stream.next().await.expect("not the end")? {
                FetchEvent::Body(mut found) => {
                    let mut octets = Vec::new();
                    while let Some(chunk) = found.chunk().await? {
                        octets.extend_from_slice(&chunk);
                    }
                    bodies.push((found.item, octets));
                }
                FetchEvent::Message(message) => return Ok::<_, Error>((bodies, message)),
            }
        }
    };
    let (bodies, message) = both(client, async {
        server.expect("a1 UID FETCH 5 (RFC822.HEADER RFC822.TEXT)\r\n").await;
        server
            .send("* 1 FETCH (RFC822.HEADER {5}\r\na: b\n UID 5 RFC822.TEXT {6}\r\ntext\r\n)\r\na1 OK x\r\n")
            .await;
    })
    .await
    .expect("OK");
    assert_eq!(
        bodies,
        [
            (StreamedItem::Rfc822("RFC822.HEADER"), b"a: b\n".to_vec()),
            (StreamedItem::Rfc822("RFC822.TEXT"), b"text\r\n".to_vec()),
        ]
    );
    assert_eq!(message.uid(), uid(5));
}

#[tokio::test]
async fn a_slow_reader_holds_up_the_server_and_nothing_is_lost() {
    let octets = large(4 * 1024 * 1024);
    let (connection, mut server) = connect("IMAP4rev1").await;
    let mut stream = connection.fetch(uids(&[5, 6]), [FetchItem::Flags, body()]).await.expect("sent");
    let serve = tokio::spawn({
        let octets = octets.clone();
        async move { serve_large(&mut server, &octets, 8_192).await }
    });
    let Some(Ok(FetchEvent::Body(mut found))) = stream.next().await else { panic!("a body first") };
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(!serve.is_finished(), "four mebibytes fit nowhere between");
    let mut read = Vec::new();
    while let Some(chunk) = found.chunk().await.expect("more") {
        read.extend_from_slice(&chunk);
    }
    assert!(read == octets);
    assert_eq!(stream.collect().await.expect("OK").len(), 2);
    serve.await.expect("no panic");
}

#[tokio::test]
async fn a_dropped_stream_is_drained() {
    let octets = large(1024 * 1024);
    let (connection, mut server) = connect("IMAP4rev1").await;
    let client = async {
        let mut stream = connection.fetch(uids(&[5, 6]), [FetchItem::Flags, body()]).await?;
        assert!(stream.next().await.is_some());
        drop(stream);
        connection.noop().await
    };
    both(client, async {
        serve_large(&mut server, &octets, 8_192).await;
        server.expect("a2 NOOP\r\n").await;
        server.send("a2 OK done\r\n").await;
    })
    .await
    .expect("OK");
}

#[tokio::test]
async fn replies_of_a_dropped_future_go_to_nobody_else() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let found = both(
        async {
            let search = connection.search(SearchKey::All);
            tokio::select! {
                biased;
                _ = search => panic!("nobody answers yet"),
                () = async { for _ in 0..20 { tokio::task::yield_now().await } } => {}
            }
            connection.search(SearchKey::Recent).await
        },
        async {
            server.expect("a1 SEARCH ALL\r\na2 SEARCH RECENT\r\n").await;
            server.send("* SEARCH 1 2 3\r\na1 OK done\r\n* SEARCH 2\r\na2 OK done\r\n").await;
        },
    )
    .await
    .expect("OK");
    assert_eq!(found, [SeqNum::new(2).expect("not 0")]);
}

#[tokio::test]
async fn commands_are_pipelined_and_each_gets_its_own() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let client = async {
        let fetch = async { connection.fetch(uids(&[1]), [body()]).await?.collect().await };
        let search = connection.uid_search(SearchKey::Body("caf\u{e9}".into()));
        let store = connection.store(uids(&[1]), FlagAction::Add, [Flag::System(SystemFlag::Flagged)]);
        tokio::try_join!(fetch, search, store)
    };
    let (messages, found, stored) = both(client, async {
        server.expect("a1 UID FETCH 1 BODY.PEEK[]\r\n").await;
        server.expect("a2 UID SEARCH CHARSET UTF-8 BODY {5}\r\n").await;
        // The rest waits for `+`.
        server.expect_nothing().await;
        server.send("* 1 FETCH (UID 1 BODY[] \"x\")\r\na1 OK done\r\n+ go on\r\n").await;
        server.expect("caf\u{e9}\r\na3 UID STORE 1 +FLAGS (\\Flagged)\r\n").await;
        server.send("* SEARCH 1\r\na2 OK done\r\n").await;
        server.send("* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\na3 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert_eq!((messages.len(), found, stored.len()), (1, vec![Uid::MIN], 1));
    assert_eq!(stored[0].flags(), Some([Flag::System(SystemFlag::Flagged)].as_slice()));
}

#[tokio::test]
async fn unilateral_data_are_events_in_order() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let mut events = connection.events();
    both(connection.noop(), async {
        server.expect("a1 NOOP\r\n").await;
        server
            .send("* 22 EXPUNGE\r\n* 23 EXISTS\r\n* 3 RECENT\r\n* 14 FETCH (UID 1305 FLAGS (\\Seen))\r\n")
            .await;
        server.send("* OK [ALERT] the disk is full\r\n* XWHAT ever\r\na1 OK done\r\n").await;
    })
    .await
    .expect("OK");
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(events.next().await.expect("the connection lives"));
    }
    let [expunged, exists, recent, fetch, alert, other] = told.as_slice() else { panic!("six") };
    assert!(matches!(expunged, Event::Expunged(seq_num) if seq_num.get() == 22));
    assert!(matches!((exists, recent), (Event::Exists(23), Event::Recent(3))));
    assert!(
        matches!(fetch, Event::Fetch { seq_num, attributes } if seq_num.get() == 14 && attributes.len() == 2)
    );
    assert!(matches!(alert, Event::Alert(text) if text == "the disk is full"));
    assert!(matches!(other, Event::Other(octets) if octets == "* XWHAT ever"));
}

#[tokio::test]
async fn a_receiver_that_lags_is_told() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let mut events = connection.events();
    both(connection.noop(), async {
        server.expect("a1 NOOP\r\n").await;
        for count in 0..2_000 {
            server.send(format!("* {count} EXISTS\r\n")).await;
        }
        server.send("a1 OK done\r\n").await;
    })
    .await
    .expect("slow receivers hold up nobody");
    assert!(matches!(events.next().await, Some(Event::Lagged(count)) if count > 900));
    assert!(matches!(events.next().await, Some(Event::Exists(_))));
}

#[tokio::test]
async fn expunge_and_copy_tell_what_they_did() {
    let (connection, mut server) = connect("IMAP4rev1 UIDPLUS MOVE").await;
    let archive = MailboxName::new("Archive").expect("a good name");
    let client = async {
        let copied = connection.copy(uids(&[3, 4]), &archive).await?;
        let moved = connection.move_to(uids(&[3, 4]), &archive).await?;
        let expunged = connection.expunge().await?;
        Ok::<_, Error>((copied, moved, expunged))
    };
    let (copied, moved, expunged) = both(client, async {
        server.expect("a1 UID COPY 3:4 \"Archive\"\r\n").await;
        server.send("a1 OK [COPYUID 9 3:4 11:12] done\r\n").await;
        server.expect("a2 UID MOVE 3:4 \"Archive\"\r\n").await;
        server.send("* OK [COPYUID 9 3:4 13:14] moved\r\n* 3 EXPUNGE\r\n* 3 EXPUNGE\r\na2 OK done\r\n").await;
        server.expect("a3 EXPUNGE\r\n").await;
        server.send("* 1 EXPUNGE\r\n* 1 EXPUNGE\r\na3 OK done\r\n").await;
    })
    .await
    .expect("OK");
    let set = |first, last| (first..=last).collect::<NumberSet>();
    let copied = copied.expect("COPYUID");
    assert_eq!((copied.uid_validity, copied.from, copied.to), (nine(), set(3, 4).into(), set(11, 12).into()));
    assert_eq!(moved.expect("COPYUID in an untagged OK").to, set(13, 14).into());
    assert_eq!(expunged.iter().map(|seq_num| seq_num.get()).collect::<Vec<_>>(), [1, 1]);
}

fn nine() -> UidValidity {
    UidValidity::new(9).expect("not 0")
}

#[tokio::test]
async fn move_without_move() {
    let archive = MailboxName::new("Archive").expect("a good name");
    let (connection, mut server) = connect("IMAP4rev1 UIDPLUS").await;
    both(connection.move_to(uids(&[3]), &archive), async {
        for (expected, answer) in [
            ("a1 UID COPY 3 \"Archive\"\r\n", "a1 OK [COPYUID 9 3 11] done\r\n"),
            ("a2 UID STORE 3 +FLAGS.SILENT (\\Deleted)\r\n", "a2 OK done\r\n"),
            ("a3 UID EXPUNGE 3\r\n", "* 1 EXPUNGE\r\na3 OK done\r\n"),
        ] {
            server.expect(expected).await;
            server.send(answer).await;
        }
    })
    .await
    .expect("OK");
    // Without UIDPLUS an EXPUNGE could take along what somebody else has marked.
    let (connection, mut server) = connect("IMAP4rev1").await;
    let refused = connection.move_to(uids(&[3]), &archive).await;
    assert!(matches!(refused, Err(Error::Unsupported { what: "MOVE" })), "{refused:?}");
    drop(connection);
    server.expect_close().await;
}

#[tokio::test]
async fn a_fetch_of_nothing_is_not_sent() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    assert!(matches!(connection.fetch(Messages::all(), []).await, Err(Error::Argument { .. })));
    drop(connection);
    server.expect_close().await;
}

#[tokio::test]
async fn a_refused_fetch_is_an_error_behind_what_came() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let client = async {
        let mut stream = connection.fetch(Messages::all(), [body()]).await.expect("sent");
        assert!(matches!(stream.next().await, Some(Ok(FetchEvent::Message(_)))));
        assert!(matches!(stream.next().await, Some(Err(Error::Refused { .. }))));
        assert!(stream.next().await.is_none());
    };
    both(client, async {
        server.expect("a1 UID FETCH 1:* BODY.PEEK[]\r\n").await;
        server.send("* 1 FETCH (UID 1 BODY[] \"x\")\r\na1 NO some messages cannot be read\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn an_empty_body_is_a_body() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let messages = both(async { connection.fetch(uids(&[1]), [body()]).await?.collect().await }, async {
        server.expect("a1 UID FETCH 1 BODY.PEEK[]\r\n").await;
        server.send("* 1 FETCH (UID 1 BODY[] {0}\r\n)\r\na1 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert_eq!(messages[0].body(), Some(&Bytes::new()));
}
