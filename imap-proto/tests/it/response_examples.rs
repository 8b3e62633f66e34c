//! Response lines of the standards: each parses, and is written back as it stood or as our writer spells it.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::response::{Code, Response};

/// Parses `line`, which must be more than [`Response::Other`], and writes it for IMAP4.
pub(crate) fn check(line: &str, written: &str) {
    let frame = Bytes::copy_from_slice(line.as_bytes());
    let response = Response::parse(&frame).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert!(!matches!(response, Response::Other(_)), "{line}: not understood");
    let code = if let Response::Status { code, .. } = &response { code.as_ref() } else { None };
    assert!(!matches!(code, Some(Code::Other(_))), "{line}: code not understood");
    assert_written(&response, written);
    let again = Response::parse(&Bytes::copy_from_slice(written.as_bytes())).expect("our own line");
    assert_written(&again, written);
}

fn assert_written(response: &Response, written: &str) {
    let mut out = Vec::new();
    response.write(&mut out, Dialect::IMAP4);
    assert_eq!(
        out.escape_ascii().to_string(),
        format!("{written}\r\n").as_bytes().escape_ascii().to_string()
    );
}

/// Lines that are written back as they stood.
pub(crate) fn check_same(lines: &[&str]) {
    for line in lines {
        check(line, line);
    }
}

#[test]
fn status_responses() {
    check_same(&[
        // RFC 9051 §7.1
        r#"o356 NO [ALREADYEXISTS] Mailbox "that" already exists"#,
        "b NO [AUTHENTICATIONFAILED] Authentication failed",
        "l NO [CANNOT] Adjacent slashes are not supported",
        "k1 OK [READ-ONLY] Done",
        "k2 OK [CLIENTBUG] Done",
        "i NO [CORRUPTION] Cannot open mailbox",
        "d NO [EXPIRED] That password isn't valid any more",
        "h OK [EXPUNGEISSUED] Search completed",
        r#"o356 NO [HASCHILDREN] Mailbox "Notes" has children"#,
        "g NO [INUSE] Mailbox in use",
        "m NO [LIMIT] At most 32 flags in one mailbox supported",
        "p NO [NONEXISTENT] No such mailbox",
        "f NO [NOPERM] Access denied",
        "n1 NO [OVERQUOTA] Sorry",
        "n2 OK [OVERQUOTA] You are now over your soft quota",
        "d NO [PRIVACYREQUIRED] Connection offers no privacy",
        "j NO [SERVERBUG] This should not happen",
        "a NO [UNAVAILABLE] User's backend down for maintenance",
        // RFC 9051 §7.1.1 to §7.1.5
        "* OK IMAP4rev2 server ready",
        "A001 OK LOGIN Completed",
        "* NO Disk is 98% full, please delete unnecessary data",
        "A223 NO COPY failed: disk is full",
        "* BAD Command line too long",
        "* BAD Disk crash, attempting salvage to a new disk!",
        "* PREAUTH IMAP4rev2 server logged in as Smith",
        "* BYE Autologout; idle for too long",
        // RFC 9051 §6.3.2, §6.3.3
        "* OK [UIDVALIDITY 3857529045] UIDs valid",
        "* OK [UIDNEXT 4392] Predicted next UID",
        r"* OK [PERMANENTFLAGS (\Deleted \Seen \*)] Limited",
        "* OK [PERMANENTFLAGS ()] No permanent flags permitted",
        "* OK [CLOSED] Previous mailbox is now closed",
        "A142 OK [READ-WRITE] SELECT completed",
        // RFC 9051 §6.2.1
        "* OK [CAPABILITY IMAP4rev2 STARTTLS AUTH=GSSAPI] Hello",
        // RFC 3501 §6.3.1, RFC 4315 §3, RFC 7162 §3.1.2.1
        "* OK [UNSEEN 12] Message 12 is first unseen",
        "A003 OK [APPENDUID 38505 3955] APPEND completed",
        "A004 OK [COPYUID 38505 304,319:320 3956:3958] Done",
        "* OK [HIGHESTMODSEQ 715194045007] done",
        "A005 NO [UIDNOTSTICKY] Non-persistent UIDs",
    ]);
    // RFC 9051 §7.1 "CONTACTADMIN", §6.6.2: no text at all, which our own lines always have.
    for line in ["e NO [CONTACTADMIN]", "* OK [COPYUID 432432 42:69 1202:1229]"] {
        let response = Response::parse(&Bytes::from_static(line.as_bytes())).expect("a response");
        assert!(
            matches!(&response, Response::Status { code: Some(code), text, .. } if text.is_empty() && !matches!(code, Code::Other(_))),
            "{response:?}"
        );
    }
}

#[test]
fn continuations() {
    check_same(&[
        // RFC 9051 §7.6, §8
        "+ Ready for additional command text",
        "+ dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==",
        // An empty challenge of SASL (RFC 9051 §6.2.2).
        "+ ",
    ]);
    check("+", "+ ");
}

#[test]
fn server_and_mailbox_data() {
    check_same(&[
        // RFC 9051 §7.2
        "* ENABLED CONDSTORE QRESYNC",
        "* CAPABILITY STARTTLS AUTH=GSSAPI IMAP4rev2 LOGINDISABLED",
        // RFC 9051 §6.3.9
        r#"* LIST (\Subscribed \NonExistent) "/" "Fruit/Peach""#,
        r#"* LIST (\Noselect) "/" """#,
        r#"* LIST (\HasChildren \Remote) "/" "Meat""#,
        // RFC 9051 §7.3
        r#"* NAMESPACE (("" "/")) (("~" "/")) NIL"#,
        r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)",
        "* 23 EXISTS",
        "* 44 EXPUNGE",
        // RFC 3501 §7.2.5, §7.3.2
        "* SEARCH 2 3 6",
        "* SEARCH",
        "* 5 RECENT",
        // RFC 2971 §3.2
        r#"* ID ("name" "Cyrus" "version" "1.5" "os" "sunos" "os-version" "5.5")"#,
        "* ID NIL",
    ]);
    // RFC 9051 §7.3.1, §6.3.9.7, §7.3.4: names without quotes, extended data.
    check(r#"* LIST (\Noselect) "/" ~/Mail/foo"#, r#"* LIST (\Noselect) "/" "~/Mail/foo""#);
    check(
        r#"* LIST (\Marked) ":" Tables (tablecloth (("edge" "lacy") ("color" "red")) Sample "text")"#,
        r#"* LIST (\Marked) ":" "Tables" ("tablecloth" (("edge" "lacy") ("color" "red")) "Sample" "text")"#,
    );
    check(r#"* LSUB () "." #news.comp.mail.mime"#, r##"* LSUB () "." "#news.comp.mail.mime""##);
    check(
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
        r#"* STATUS "blurdybloop" (MESSAGES 231 UIDNEXT 44292)"#,
    );
    // RFC 2342 §5.6: an extension of a namespace.
    check(
        r##"* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL NIL"##,
        r##"* NAMESPACE (("" "/")("#mh/" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL NIL"##,
    );
}

/// RFC 9051 §8, the answer to `fetch 12 full`, and the like.
#[test]
fn fetches() {
    check_same(&[
        r"* 23 FETCH (FLAGS (\Seen) RFC822.SIZE 44827 UID 447)",
        r"* 14 FETCH (UID 1305 FLAGS (\Seen \Deleted))",
        concat!(
            r#"* 12 FETCH (FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286 ENVELOPE ("#,
            r#""Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" "#,
            r#"(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) "#,
            r#"(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) "#,
            r#"((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "#,
            r#""<B27397-0100000@cac.washington.ed>") "#,
            r#"BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92))"#,
        ),
        // RFC 9051 §7.5.2 and RFC 3501 §7.4.2: the two multiparts of the text, as BODY and with extension data
        concat!(
            r#"* 1 FETCH (BODY (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)("#,
            r#""TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") "#,
            r#""<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 4554 73) "MIXED"))"#,
        ),
        concat!(
            r#"* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 2279 48 NIL NIL NIL NIL)"#,
            r#"("IMAGE" "PNG" NIL NIL NIL "BASE64" 3028 "Q2hlY2sgSW50ZWdyaXR5IQ==" "#,
            r#"("attachment" ("filename" "a.png")) ("en" "de") "http://example.org/a.png") "#,
            r#""MIXED" ("BOUNDARY" "x") NIL "en" NIL))"#,
        ),
        "* 12 FETCH (BODY[HEADER] {11}\r\nDate: x\r\n\r\n)",
        "* 1 FETCH (BODY[1.2.HEADER.FIELDS (Date \"a b\")]<0> {3}\r\nabc UID 3)",
        "* 1 FETCH (BODY[4.MIME] NIL BODY[] {0}\r\n BODY[TEXT]<7> {2}\r\n)))",
        "* 1 FETCH (RFC822 {1}\r\nx RFC822.HEADER {1}\r\ny RFC822.TEXT {0}\r\n)",
        // RFC 3516 §4.2, §7; RFC 7162 §3.1.4
        "* 1 FETCH (BINARY[1.1] ~{2}\r\n\0x BINARY.SIZE[2] 17 BINARY[]<3> {1}\r\nx MODSEQ (12121231000))",
        "* 3 FETCH (EMAILID (M6d99ac3275bb4e) THREADID NIL UID 3)",
    ]);
    // RFC 1176 §4: strings of the time, and the old name of the response.
    check(
        r#"* 2 STORE (Flags (\Deleted \Seen) Internaldate " 9-Aug-88 11:00:00-PDT" RFC822.Size 00123)"#,
        r#"* 2 FETCH (FLAGS (\Deleted \Seen) INTERNALDATE "09-Aug-1988 11:00:00 -0700" RFC822.SIZE 123)"#,
    );
}
