use imap_client::Error;
use imap_proto::command::StatusItem;
use imap_proto::response::{Code, NameAttribute};
use imap_proto::types::{Flag, MailboxName, ModSeq, SystemFlag, UidValidity};

use crate::server::{both, connect};

fn name(name: &str) -> MailboxName {
    MailboxName::new(name).expect("a good name")
}

#[tokio::test]
async fn list_decodes_names() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let entries = both(connection.list("", "Entw\u{fc}rfe*"), async {
        server.expect("a1 LIST \"\" \"Entw&APw-rfe*\"\r\n").await;
        server.send("* LIST (\\HasChildren \\Drafts) \"/\" \"Entw&APw-rfe\"\r\n").await;
        server.send("* LIST (\\Noselect) NIL {4}\r\na&!b\r\na1 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].name, Some(name("Entw\u{fc}rfe")));
    assert_eq!(entries[0].delimiter, Some(b'/'));
    assert_eq!(entries[0].attributes, [NameAttribute::HasChildren, NameAttribute::Drafts]);
    assert!(entries[0].is_selectable());
    // No modified UTF-7: kept as it came.
    assert_eq!((entries[1].name.clone(), &entries[1].wire_name[..]), (None, &b"a&!b"[..]));
    assert_eq!(entries[1].delimiter, None);
    assert!(!entries[1].is_selectable());
}

#[tokio::test]
async fn mailboxes_are_made_named_and_refused() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let refused = both(
        async {
            connection.create(&name("a")).await?;
            connection.rename(&name("a"), &name("\u{e4}")).await?;
            connection.subscribe(&name("\u{e4}")).await?;
            connection.unsubscribe(&name("\u{e4}")).await?;
            connection.delete(&name("gone")).await
        },
        async {
            for (expected, answer) in [
                ("a1 CREATE \"a\"\r\n", "a1 OK done\r\n"),
                ("a2 RENAME \"a\" \"&AOQ-\"\r\n", "a2 OK done\r\n"),
                ("a3 SUBSCRIBE \"&AOQ-\"\r\n", "a3 OK done\r\n"),
                ("a4 UNSUBSCRIBE \"&AOQ-\"\r\n", "a4 OK done\r\n"),
                ("a5 DELETE \"gone\"\r\n", "a5 NO [NONEXISTENT] no such mailbox\r\n"),
            ] {
                server.expect(expected).await;
                server.send(answer).await;
            }
        },
    )
    .await;
    let Err(Error::Refused { code: Some(Code::NonExistent), .. }) = refused else { panic!("{refused:?}") };
}

#[tokio::test]
async fn select_gathers_what_is_told() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let selected = both(connection.select(&name("inbox")), async {
        server.expect("a1 SELECT \"INBOX\"\r\n").await;
        // RFC 9051 §6.3.2's example, with what RFC 3501 and RFC 7162 add.
        server
            .send(
                "* 172 EXISTS\r\n* 1 RECENT\r\n* OK [UNSEEN 12] Message 12 is first unseen\r\n\
                 * OK [UIDVALIDITY 3857529045] UIDs valid\r\n* OK [UIDNEXT 4392] Predicted next UID\r\n\
                 * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n\
                 * OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n\
                 * OK [HIGHESTMODSEQ 715194045007] Highest\r\n\
                 a1 OK [READ-WRITE] SELECT completed\r\n",
            )
            .await;
    })
    .await
    .expect("OK");
    assert_eq!((selected.exists, selected.recent, selected.first_unseen), (172, Some(1), Some(12)));
    assert_eq!(selected.uid_validity, UidValidity::new(3_857_529_045));
    assert_eq!(selected.uid_next, Some(4_392));
    assert_eq!(selected.flags.len(), 5);
    let permanent = [Flag::System(SystemFlag::Deleted), Flag::System(SystemFlag::Seen), Flag::Wildcard];
    assert_eq!(selected.permanent_flags.as_deref(), Some(permanent.as_slice()));
    assert_eq!(selected.highest_mod_seq, ModSeq::new(715_194_045_007));
    assert!(!selected.read_only);
}

#[tokio::test]
async fn status_of_another_mailbox_is_not_taken() {
    let (connection, mut server) = connect("IMAP4rev1").await;
    let mailbox = name("blurdybloop");
    let items = [StatusItem::UidNext, StatusItem::Messages];
    let status = both(connection.status(&mailbox, &items), async {
        server.expect("a1 STATUS \"blurdybloop\" (UIDNEXT MESSAGES)\r\n").await;
        server.send("* STATUS other (MESSAGES 1)\r\n").await;
        server.send("* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\na1 OK done\r\n").await;
    })
    .await
    .expect("OK");
    assert_eq!(status.get(StatusItem::Messages), Some(231));
    assert_eq!(status.get(StatusItem::UidNext), Some(44_292));
    assert_eq!(status.get(StatusItem::Unseen), None);
}
