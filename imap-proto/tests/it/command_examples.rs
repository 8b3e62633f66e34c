//! The commands of the RFCs' examples: each is read, and what is written for it is read as the same.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::command::Command;

fn check(lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let frame = Bytes::copy_from_slice(line.as_bytes());
        let (tag, command) =
            Command::parse(&frame, Dialect::IMAP4).unwrap_or_else(|bad| panic!("{line}: {bad:?}"));
        let mut out = Vec::new();
        command.write(&tag, true, &mut out);
        out.truncate(out.len() - 2);
        let written = Bytes::from(out);
        assert_eq!(Command::parse(&written, Dialect::IMAP4), Ok((tag, command)), "{line}");
    }
}

/// RFC 9051 §6.
#[test]
fn rfc_9051() {
    check(
        r##"
        abcd CAPABILITY
        efgh STARTTLS
        a002 NOOP
        A023 LOGOUT
        a004 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=
        A001 AUTHENTICATE GSSAPI
        A01 AUTHENTICATE PLAIN
        A01 AUTHENTICATE EXTERNAL =
        a001 LOGIN SMITH SESAME
        t2 ENABLE CONDSTORE X-GOOD-IDEA
        a1 ENABLE CONDSTORE
        A142 SELECT INBOX
        A143 SELECT Drafts
        A932 EXAMINE blurdybloop
        A003 CREATE owatagusiam/
        A004 CREATE owatagusiam/blurdybloop
        A005 CREATE NonNormalized
        A682 LIST "" *
        A683 DELETE blurdybloop
        A684 DELETE foo
        A685 DELETE foo/bar
        A86 LIST "" %
        A683 RENAME blurdybloop sarasoop
        A684 RENAME foo zowie
        Z433 RENAME INBOX old-mail
        1001 RENAME X Y
        1002 SUBSCRIBE Y
        1003 UNSUBSCRIBE X
        A002 SUBSCRIBE #news.comp.mail.mime
        A002 UNSUBSCRIBE #news.comp.mail.mime
        A101 LIST "" ""
        A102 LIST #news.comp.mail.misc ""
        A103 LIST /usr/staff/jones ""
        A202 LIST ~/Mail/ %
        A01 LIST "" "*"
        A001 NAMESPACE
        A002 CREATE "INBOX.Sent Mail"
        A004 CREATE "Sent Mail"
        A005 CREATE "Delete Items"
        A006 CREATE "#mh/Deleted Items"
        A002 LIST "" "Other Users/%"
        A002 LIST "" "#Users/%"
        A003 LIST "" "#Users/Mike/%"
        A002 LIST "" "~mark/%"
        A042 STATUS blurdybloop (UIDNEXT MESSAGES)
        A004 COPY 2:4 meeting
        A005 UID COPY 305:310 meeting
        A006 COPY 2 funny
        A007 SELECT funny
        A002 IDLE
        A003 FETCH 4 ALL
        A005 FETCH 3 ALL
        A341 CLOSE
        A342 UNSELECT
        A202 EXPUNGE
        A284 SEARCH TEXT "string not in mailbox"
        A283 FETCH $ (UID INTERNALDATE FLAGS BODY.PEEK[HEADER])
        A301 UID SEARCH UID $ SMALLER 4096
        A301 UID SEARCH $ SMALLER 4096
        E283 COPY $ "Other Messages"
        F283 COPY $ "Junk"
        F284 STORE $ +FLAGS.Silent (\Deleted)
        A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])
        A003 STORE 2:4 +FLAGS (\Deleted)
        A003 COPY 2:4 MEETING
        a UID MOVE 42:69 foo
        A003 UID EXPUNGE 3000:3002
        A999 UID FETCH 4827313:4828442 FLAGS
        o356 RENAME this that
        b LOGIN "fred" "foo"
        m356 DELETE Notes
        A001 LOGIN fred blurdybloop
        A222 COPY 1:2 owatagusiam
        A223 COPY 3:200 blurdybloop
        "##,
    );
}

/// RFC 3501 §6.
#[test]
fn rfc_3501() {
    check(
        r##"
        a004 LOGIN joe password
        A003 LSUB "#news." "comp.%"
        "##,
    );
}

/// RFC 1176 and the client of 1988: any case, bare flags, two-digit years, atoms with specials in them.
#[test]
fn rfc_1176() {
    check(
        r##"
        a1 login ann open(ses*ame]1)
        a2 select inbox
        a3 fetch 1:3 fast
        a4 fetch 3 (envelope rfc822.header)
        a5 store 3 +Flags \Deleted
        a6 store 3 -flags \Seen keyword
        a7 search deleted since 1-oct-26
        a8 search from "Smith" before 22-NOV-87
        a9 copy 1,3:4 saved
        b0 expunge
        b1 check
        b2 noop
        b3 logout
        "##,
    );
}

/// RFC 7162 §3.
#[test]
fn rfc_7162() {
    check(
        r##"
        A02 SELECT INBOX (CONDSTORE)
        A03 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))
        A04 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))
        a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\Deleted)
        B001 STORE 12 (UNCHANGEDSINCE 12121231000) +FLAGS.SILENT ($Processed)
        s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)
        s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)
        a SEARCH MODSEQ "/flags/\\draft" all 620162338
        t SEARCH OR NOT MODSEQ 720162338 LARGER 50000
        a SEARCH RETURN (MIN) MODSEQ 913443
        A042 STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)
        "##,
    );
}

/// RFC 5258 §5, RFC 5819 §2, RFC 6154 §5, RFC 8440 §3, RFC 9590.
#[test]
fn extended_list() {
    check(
        r##"
        A01 LIST "" "*"
        A02 LIST (SUBSCRIBED) "" "*"
        A03 LIST () "" "%" RETURN (CHILDREN)
        A04 LIST (REMOTE) "" "%" RETURN (CHILDREN)
        A05 LIST (REMOTE SUBSCRIBED) "" "*"
        A06 LIST (REMOTE) "" "*" RETURN (SUBSCRIBED)
        BBB LIST "" ("INBOX" "Drafts" "Sent/%")
        D1 LIST (SUBSCRIBED RECURSIVEMATCH) "" "foo2*"
        A01 LIST "" % RETURN (STATUS (MESSAGES UNSEEN))
        A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (STATUS (MESSAGES))
        t1 LIST "" "%" RETURN (SPECIAL-USE)
        t1 LIST (SPECIAL-USE) "" "*"
        t1 CREATE "My New Mailbox" (USE (\Sent))
        A01 LIST "" % RETURN (MYRIGHTS)
        A00 LIST "" % RETURN (METADATA ("/shared/comment" "/private/comment"))
        "##,
    );
}

/// RFC 4731 §3.1, RFC 5182 §2, RFC 5267 §4, RFC 9394 §3, RFC 5032 §3, RFC 6203 §3, RFC 5466 §3, RFC 8514 §4.
#[test]
fn searches() {
    check(
        r##"
        A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"
        A283 SEARCH RETURN () FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"
        A300 SEARCH RETURN (SAVE) SINCE 1-Jan-2004 NOT FROM "Smith"
        A301 UID SEARCH UID $ SMALLER 4096
        D282 SEARCH RETURN (SAVE MIN) SINCE 12-Feb-2006 NOT FROM "Smith"
        A01 UID SEARCH RETURN (CONTEXT) DELETED
        B01 UID SORT RETURN (UPDATE CONTEXT COUNT) (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk
        B02 UID SORT RETURN (PARTIAL 23500:24000) (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk
        B03 CANCELUPDATE "B01"
        A01 UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED UNKEYWORD $Junk
        10 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30 CHANGEDSINCE 98305)
        a1 SEARCH UNSEEN YOUNGER 259200
        A1 SEARCH FUZZY (SUBJECT "IMAP break")
        C2 SORT (RELEVANCY) UTF-8 FUZZY SUBJECT "Helo"
        a SEARCH SINCE 5-Mar-2008 FILTER on-the-road
        A101 SEARCH SAVEDATESUPPORTED
        A103 UID SEARCH SAVEDBEFORE 7-Mar-2015
        tag1 ESEARCH IN (mailboxes "folder1" subtree "folder2") unseen
        "##,
    );
}

/// RFC 5256 §3 and §4, RFC 5957.
#[test]
fn sort_and_thread() {
    check(
        r##"
        A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994
        A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL
        A284 SORT (SUBJECT) US-ASCII TEXT "not in mailbox"
        A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000
        A284 THREAD REFERENCES US-ASCII TEXT "gewp"
        a UID SORT (DISPLAYFROM REVERSE DISPLAYTO) UTF-8 ALL
        "##,
    );
}

/// RFC 5465 §3 to §6.
#[test]
fn rfc_5465() {
    check(
        r##"
        a notify set status (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew))
        b notify set (mailboxes misc (MessageNew MessageExpunge)) (personal none)
        c notify set (selected-delayed (MessageNew MessageExpunge FlagChange)) (subscribed (MailboxName))
        d NOTIFY NONE
        "##,
    );
}

/// RFC 4314 §3, RFC 9208 §4, RFC 5464 §4, RFC 5255 §3, RFC 4467, RFC 4978, RFC 8437, RFC 2193.
#[test]
fn sharing_and_more() {
    check(
        r##"
        A035 SETACL INBOX/Drafts John lrQswicda
        B001 DELETEACL INBOX Fred
        A002 GETACL INBOX
        a001 LISTRIGHTS ~/Mail/saved smith
        A003 MYRIGHTS INBOX
        G0001 GETQUOTA "!partition/sda4"
        G0002 GETQUOTAROOT INBOX
        S0001 SETQUOTA "#user/alice" (STORAGE 510)
        S0003 STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)
        a GETMETADATA "" /shared/comment
        a GETMETADATA "INBOX" (MAXSIZE 1024) (/shared/comment /private/comment)
        a GETMETADATA "INBOX" (DEPTH 1) (/private/filters/values)
        a SETMETADATA INBOX (/private/comment NIL)
        A001 LANGUAGE DE
        A002 LANGUAGE
        A001 COMPARATOR "cz;*" i;basic
        a RESETKEY INBOX
        a GENURLAUTH "imap://joe@example.com/INBOX/;uid=20/;section=1.2" INTERNAL
        a COMPRESS DEFLATE
        a UNAUTHENTICATE
        a RLIST "" "#SHARED/%"
        a UID CONVERT 100 ("IMAGE/JPEG" ("PIX-X" "128" "PIX-Y" "96")) BINARY[2]
        "##,
    );
}

/// RFC 1176, the IMAP2bis draft and RFC 1730.
#[test]
fn obsolete() {
    check(
        r##"
        A00003 FIND ALL.MAILBOXES *
        a find mailboxes foo?%
        a BBOARD general
        A00006 PARTIAL 1 RFC822.TEXT 1 10
        A00007 SUBSCRIBE MAILBOX saved
        a FETCH 1 BODY[2.0]
        a FETCH 1 RFC822.HEADER.LINES (To From)
        "##,
    );
}
