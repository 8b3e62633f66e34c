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
