use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use imap_client::Error;
use imap_proto::response::Code;
use imap_proto::types::{DateTime, Flag, Keyword, MailboxName, SystemFlag, UidValidity};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::oneshot;

use crate::server::{both, connect};

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nbody\r\n";

fn mailbox(name: &str) -> MailboxName {
    MailboxName::new(name).expect("a good name")
}

#[tokio::test]
async fn waits_for_the_server_to_agree() {
    let (connection, mut server) = connect("IMAP4rev1 UIDPLUS").await;
    let flags = [Flag::System(SystemFlag::Seen), Flag::Keyword(Keyword::new("$Forwarded").expect("an atom"))];
    let date = DateTime::new(1_000_000_000, 60);
    let sent = mailbox("Sent");
    let appended = both(connection.append(&sent, &flags, date, MESSAGE), async {
        server.expect("a1 APPEND \"Sent\" (\\Seen $Forwarded) \"09-Sep-2001 02:46:40 +0100\" {20}\r\n").await;
        server.expect_nothing().await;
        server.send("+ go on\r\n").await;
        server.expect(MESSAGE).await;
        server.expect("\r\n").await;
        server.send("a1 OK [APPENDUID 38505 3955] done\r\n").await;
    })
    .await
    .expect("OK")
    .expect("APPENDUID");
    assert_eq!(Some(appended.uid_validity), UidValidity::new(38_505));
    assert_eq!(appended.uids.iter().collect::<Vec<_>>(), [3_955]);
}

#[tokio::test]
async fn literal_plus_waits_for_nothing() {
    let (connection, mut server) = connect("IMAP4rev1 LITERAL+").await;
    let inbox = MailboxName::inbox();
    let client = async { tokio::try_join!(connection.append(&inbox, &[], None, MESSAGE), connection.noop()) };
    let (appended, ()) = both(client, async {
        server.expect("a1 APPEND \"INBOX\" {20+}\r\n").await;
        server.expect(MESSAGE).await;
        server.expect("\r\na2 NOOP\r\n").await;
        server.send("a1 OK done\r\na2 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert_eq!(appended, None);
}

#[tokio::test]
async fn no_instead_of_go_ahead_costs_no_upload() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let gone = mailbox("gone");
    let client = async {
        let refused = connection.append(&gone, &[], None, MESSAGE).await;
        connection.noop().await?;
        refused
    };
    let refused = both(client, async {
        server.expect("a1 APPEND \"gone\" {20}\r\n").await;
        server.send("a1 NO [TRYCREATE] no such mailbox\r\n").await;
        server.expect("a2 NOOP\r\n").await;
        server.send("a2 OK done\r\n").await;
    })
    .await;
    assert!(matches!(refused, Err(Error::Refused { code: Some(Code::TryCreate), .. })), "{refused:?}");
}

#[tokio::test]
async fn an_upload_that_is_refused_too_late_is_completed_all_the_same() {
    // The server reads the octets of a literal that it has let in, whatever it says meanwhile: if they did not come, it
    // would take the next command for the message.
    let octets = vec![b'x'; 300_000];
    let (connection, mut server) = connect("IMAP4rev1 LITERAL+").await;
    let inbox = MailboxName::inbox();
    let client = async {
        let refused = connection.append(&inbox, &[], None, octets.clone()).await;
        connection.noop().await?;
        refused
    };
    let refused = both(client, async {
        server.expect("a1 APPEND \"INBOX\" {300000+}\r\n").await;
        server.send("a1 NO [OVERQUOTA] full\r\n").await;
        server.expect(&octets).await;
        server.expect("\r\na2 NOOP\r\n").await;
        server.send("a2 OK done\r\n").await;
    })
    .await;
    assert!(matches!(refused, Err(Error::Refused { code: Some(Code::OverQuota), .. })), "{refused:?}");
}

#[tokio::test]
async fn a_large_message_is_announced_first_and_comes_from_a_reader() {
    let octets: Vec<u8> = (0..3_000_000).map(|place| (place % 253) as u8).collect();
    let (connection, mut server) = connect("IMAP4rev1 LITERAL+").await;
    let inbox = MailboxName::inbox();
    // The reader has more than was announced: it is not read further.
    let reader = io::Cursor::new([octets.as_slice(), b"more"].concat());
    both(connection.append_from(&inbox, &[], None, 3_000_000, reader), async {
        server.expect("a1 APPEND \"INBOX\" {3000000}\r\n").await;
        server.send("+ go on\r\n").await;
        server.expect(&octets).await;
        server.expect("\r\n").await;
        server.send("a1 OK done\r\n").await;
    })
    .await
    .expect("OK");
}

#[tokio::test]
async fn a_reader_that_ends_early_ends_the_connection() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let inbox = MailboxName::inbox();
    let failed = both(connection.append_from(&inbox, &[], None, 100, &b"short"[..]), async {
        server.expect("a1 APPEND \"INBOX\" {100}\r\n").await;
        server.send("+ go on\r\n").await;
        // It may or may not have sent what it had, and nothing that would fill the literal.
        let sent = server.until_close().await;
        assert!(b"short".starts_with(&sent), "{sent:?}");
    })
    .await;
    assert!(matches!(failed, Err(Error::Argument { .. })), "{failed:?}");
}

/// Fails as soon as somebody says so.
struct Broken(oneshot::Receiver<()>);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let said = std::task::ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(Err(io::Error::other(if said.is_ok() { "the disk is gone" } else { "nobody said so" })))
    }
}

#[tokio::test]
async fn a_reader_that_fails_in_the_middle_ends_the_connection() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let inbox = MailboxName::inbox();
    let (fail, broken) = oneshot::channel();
    let failed = both(connection.append_from(&inbox, &[], None, 100, Broken(broken)), async {
        server.expect("a1 APPEND \"INBOX\" {100}\r\n").await;
        server.send("+ go on\r\n").await;
        fail.send(()).expect("the reader is asked");
        server.expect_close().await;
    })
    .await;
    assert!(
        matches!(&failed, Err(Error::Io(error)) if error.to_string() == "the disk is gone"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_reader_that_fails_before_sends_nothing() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let inbox = MailboxName::inbox();
    let (fail, broken) = oneshot::channel();
    fail.send(()).expect("the reader is there");
    let failed = connection.append_from(&inbox, &[], None, 100, Broken(broken)).await;
    assert!(matches!(failed, Err(Error::Io(_))), "{failed:?}");
    both(connection.noop(), async {
        server.expect("a1 NOOP\r\n").await;
        server.send("a1 OK done\r\n").await;
    })
    .await
    .expect("OK");
}

#[tokio::test]
async fn a_name_with_a_quote_is_a_literal_of_its_own() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let quoted = mailbox("a\"b");
    both(connection.append(&quoted, &[], None, MESSAGE), async {
        server.expect("a1 APPEND {3}\r\n").await;
        server.send("+ \r\n").await;
        server.expect("a\"b {20}\r\n").await;
        server.send("+ \r\n").await;
        server.expect(MESSAGE).await;
        server.expect("\r\n").await;
        server.send("a1 OK done\r\n").await;
    })
    .await
    .expect("OK");
}
