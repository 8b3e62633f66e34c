//! Response lines of the extensions' standards: each parses, and is written back as it stood or as our writer
//! spells it.

use bytes::Bytes;
use imap_proto::response::{Code, ConvertError, Converted, EsearchItem, FetchAttribute, Response};

use crate::response_examples::{check, check_same};

fn parse(line: &str) -> Response {
    Response::parse(&Bytes::copy_from_slice(line.as_bytes())).expect("a response")
}

#[test]
fn codes() {
    check_same(&[
        // RFC 9051 §7.1, RFC 5530 §3
        "* OK [ALERT] System shutdown in 10 minutes",
        "C NO [AUTHORIZATIONFAILED] No such authorization-ID",
        // RFC 7162 §3.1.2.2, §3.1.3
        "* OK [NOMODSEQ] Sorry, this mailbox format doesn't support",
        "d105 OK [MODIFIED 7,9] Conditional STORE failed",
        "B001 NO [MODIFIED 2] Some of the messages no longer exist.",
        // RFC 8474 §4.1, §4.2
        "3 OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Completed",
        // RFC 5267 §4.3.2
        r#"* NO [NOUPDATE "B02"] Too many contexts"#,
        // RFC 2221 §4.1, RFC 2193 §3
        "A001 NO [REFERRAL IMAP://user;AUTH=*@SERVER2/] Remote Server",
        "A001 NO [REFERRAL IMAP://user;AUTH=*@SERVER2/SHARED/FOO] Remote mailbox. Try SERVER2.",
        // RFC 4469 §4.1, without its elision
        r#"A003 NO [BADURL "/INBOX;UIDVALIDITY=785799047/;UID=113330"] CATENATE append has failed"#,
        // RFC 4467 §9
        "* OK [URLMECH INTERNAL] Mechanisms supported",
        "* OK [URLMECH INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg==] done",
        // RFC 5257 §4.1
        "* OK [ANNOTATIONS 20480 NOPRIVATE] x",
        "* OK [ANNOTATIONS READ-ONLY] x",
        "* NO [ANNOTATE TOOMANY] x",
        // RFC 5464 §4.2.1, §4.3
        "a OK [METADATA LONGENTRIES 2199] GETMETADATA complete",
        "a NO [METADATA TOOMANY] SETMETADATA failed",
        "a NO [METADATA MAXSIZE 1024] x",
        // RFC 5465 §5, §5.8, §8
        "* OK [NOTIFICATIONOVERFLOW] ...A comment can go here...",
        "a NO [BADEVENT (FlagChange AnnotationChange)] x",
        // RFC 5466 §3
        "a NO [UNDEFINED-FILTER on-the-road] x",
        // RFC 5259 §8.3, §9
        "g001 NO [MAXCONVERTMESSAGES 1] x",
        "g001 NO [MAXCONVERTPARTS 1] You can only request 1 body part at any given time",
        "b002 NO [TEMPFAIL] All conversions failed",
        // RFC 6154 §3, RFC 4978 §3, RFC 5182 §2.1
        r"t2 NO [USEATTR] \All not supported",
        "d NO [COMPRESSIONACTIVE] DEFLATE active via TLS",
        "B284 NO [NOTSAVED] x",
        // RFC 9585 §4
        "* OK [INPROGRESS] still here",
        r#"* OK [INPROGRESS ("q7" NIL NIL)] still here"#,
        r#"* OK [INPROGRESS ("q7" 175 NIL)] 175 so far"#,
        r#"* OK [INPROGRESS ("q7" 175 1000)] 17%"#,
        // RFC 9586 §3, RFC 9738 §3
        "x3 BAD [UIDREQUIRED] no message numbers after ENABLE UIDONLY",
        "03 OK [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results",
        "20 NO [MESSAGELIMIT 1000] Too many messages to copy, try a smaller subset",
        // RFC 5255 §4.9, RFC 2060 §7.1
        "D NO [BADCOMPARATOR] x",
        "a NO [NEWNAME old new] x",
    ]);
    // RFC 9585 §3: to be disregarded
    check(r#"* OK [INPROGRESS ("q" 9 3)] x"#, r#"* OK [INPROGRESS ("q" NIL NIL)] x"#);
    check(r#"* OK [INPROGRESS ("q" 0 0)] x"#, r#"* OK [INPROGRESS ("q" NIL NIL)] x"#);
    check(r#"a NO [UNDEFINED-FILTER "a ]\" b"] x"#, r#"a NO [UNDEFINED-FILTER "a ]\" b"] x"#);
}

#[test]
fn searches() {
    check_same(&[
        // RFC 4731 §3.1, §3.2
        r#"* ESEARCH (TAG "A282") MIN 2 COUNT 3"#,
        r#"* ESEARCH (TAG "A283") ALL 2,10:11"#,
        r#"* ESEARCH (TAG "A285") UID MIN 7 MAX 3800"#,
        r#"* ESEARCH (TAG "a4") MIN 2 COUNT 10 MODSEQ 917162500"#,
        // RFC 9051 §6.4.4: nothing found
        r#"* ESEARCH (TAG "A283")"#,
        // RFC 5267 §4.3.2 to §4.4
        r#"* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)"#,
        r#"* ESEARCH (TAG "C01") UID ADDTO (1 2733 1 2732 1 2731)"#,
        r#"* ESEARCH (TAG "C01") UID ADDTO (1 2733) ADDTO (1 2731:2732)"#,
        r#"* ESEARCH (TAG "B01") UID REMOVEFROM (0 32768)"#,
        r#"* ESEARCH (TAG "A04") UID PARTIAL (24000:24500 NIL)"#,
        // RFC 9394 §3.1
        r#"* ESEARCH (TAG "A02") UID PARTIAL (-1:-100 55500:55600)"#,
        // RFC 6203 §4, §6, §6.1: in the order of the sort
        r#"* ESEARCH (TAG "C2") ALL 5,10,1 RELEVANCY (99 42 4)"#,
        r#"* ESEARCH (TAG "C3") PARTIAL (1:10 42,9,34,13,15,4,2,7,23,82)"#,
        // RFC 7377 §3
        r#"* ESEARCH (TAG "tag1" MAILBOX "folder2/banana" UIDVALIDITY 503) UID ALL 3002,4004"#,
        // RFC 7162 §3.1.5, §3.1.9; RFC 5256 §3
        "* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)",
        "* SORT 2 3 6 (MODSEQ 917162500)",
        "* SORT 5 3 4 1 2",
        "* SORT",
        // RFC 7162 §3.2.10
        "* VANISHED (EARLIER) 41,43:116,118,120:211,214:540",
        "* VANISHED 405,407,410,425",
        // RFC 10022 §3
        r#"* UIDBATCHES (TAG "A142") 163886:99703,99696:20358,20351:7830,7829:1"#,
        r#"* UIDBATCHES (TAG "A142")"#,
    ]);
    check("* ESEARCH MIN 2", "* ESEARCH MIN 2");
    check(
        r#"* esearch (tag t uidvalidity 3 NEW "x") uid count 2"#,
        r#"* ESEARCH (TAG "t" UIDVALIDITY 3) UID COUNT 2"#,
    );
    let Response::Esearch(esearch) = parse(r#"* ESEARCH (TAG "x") ALL * X-NEW (1 (2)) COUNT 3"#) else {
        panic!("an ESEARCH");
    };
    let other = |name: &'static str, value: &'static str| EsearchItem::Other(name.into(), value.into());
    assert_eq!(esearch.items, [other("ALL", "*"), other("X-NEW", "(1 (2))"), EsearchItem::Count(3)]);
}

/// RFC 5256 §4, and the lists of its longer example.
#[test]
fn threads() {
    check_same(&[
        "* THREAD (166)(167)(168)(169)(172)(170)(171)(173)(174 (175)(176)(178)(181)(180))(179)(177 (183)(182)(188)(184)(185)(186)(187)(189))(190)",
        "* THREAD (166)(167)(168)(169)(172)((170)(179))(171)(173)((174)(175)(176)(178)(181)(180))((177)(183)(182)(188 (184)(189))(185 186)(187))",
        "* THREAD (2)(3 6 (4 23)(44 7 96))",
        "* THREAD ((3)(5))",
        "* THREAD",
    ]);
    check("* THREAD (1 (2 (3)))", "* THREAD (1 2 3)");
    for bad in ["* THREAD (1", "* THREAD 1)", "* THREAD 1", "* THREAD (x)", "* THREAD (0)"] {
        assert!(matches!(parse(bad), Response::Other(_)), "{bad}");
    }
}

#[test]
fn mailboxes() {
    check_same(&[
        // RFC 9051 §6.3.9.7, §6.3.9.8
        r#"* LIST () "/" "NewMailbox" ("OLDNAME" ("OldMailbox"))"#,
        r#"* LIST (\NonExistent) "/" "Foo" ("CHILDINFO" ("SUBSCRIBED"))"#,
        // RFC 6154 §5.1, RFC 8457 §4
        r#"* LIST (\Marked \Drafts) "/" "MyDrafts""#,
        r#"* LIST (\Important) "/" "Important Messages""#,
        r#"* XLIST (\HasNoChildren \AllMail) "/" "[Gmail]/All Mail""#,
        // RFC 7889 §5, RFC 8474 §4.3, RFC 9208 §4.1.4
        r#"* STATUS "INBOX" (APPENDLIMIT 257890)"#,
        r#"* STATUS "INBOX" (APPENDLIMIT NIL)"#,
        r#"* STATUS "foo" (MAILBOXID (F2212ea87-6097-4256-9d51-71338625))"#,
        r#"* STATUS "INBOX" (MESSAGES 12 DELETED 4 DELETED-STORAGE 8)"#,
        r#"* STATUS "Lists/Lemonade" (HIGHESTMODSEQ 65666665 UIDVALIDITY 101)"#,
        // RFC 9208 §4.1.2, §4.2
        r##"* QUOTA "#user/alice" (STORAGE 54 111 MESSAGE 42 1000)"##,
        r#"* QUOTA "" (STORAGE 10 512)"#,
        r##"* QUOTAROOT "INBOX" "#user/alice" "!partition/sda4""##,
        r#"* QUOTAROOT "comp.mail.mime""#,
        // RFC 4314 §3.6 to §3.8, RFC 8440 §4
        r#"* ACL "INBOX" Fred rwipslxetad -Fred wetd $team w"#,
        r#"* LISTRIGHTS "~/Mail/saved" smith la r swicdkxte"#,
        r#"* LISTRIGHTS "archive.imap" anyone "" l r s w i p k x t e c d a 0 1 2 3 4 5 6 7 8 9"#,
        r#"* MYRIGHTS "INBOX" lrswipkxtecda"#,
        // RFC 5464 §4.2, §4.4.2
        r#"* METADATA "" (/shared/comment "Shared comment")"#,
        r#"* METADATA "INBOX" (/shared/comment "Shared comment" /private/comment "My own comment")"#,
        r#"* METADATA "INBOX" /shared/comment /private/comment"#,
        r#"* METADATA "" /shared/comment"#,
        // RFC 9590 §3
        r#"* METADATA "INBOX" (/shared/comment NIL)"#,
        "* METADATA \"INBOX\" (/private/comment ~{3}\r\na\0b)",
        // RFC 5255 §3.3, §3.4, §4.8
        r#"* LANGUAGE ("EN" "DE" "IT" "i-default")"#,
        r##"* NAMESPACE (("" "/")("Other Users/" "/" "TRANSLATION" ("Andere Ben&APw-tzer/"))) (("Public Folders/" "/" "TRANSLATION" ("Gemeinsame Postf&AM8-cher/"))) NIL"##,
        r#"* COMPARATOR "i;basic""#,
        r#"* COMPARATOR "i;basic" ("i;basic" "i;unicode-casemap")"#,
        // RFC 9698 §4
        r#"* JMAPACCESS "https://example.com/.s/[jmap]""#,
        // RFC 1176
        "* MAILBOX FOOBAR",
        "* MAILBOX Lists/old news",
        "* BBOARD GENERAL",
        "* 3 COPY",
    ]);
    check(r#"* ACL INBOX Fred rwipslda"#, r#"* ACL "INBOX" Fred rwipslda"#);
    check(
        r#"* LIST () "." foo (CHILDINFO ("SUBSCRIBED"))"#,
        r#"* LIST () "." "foo" ("CHILDINFO" ("SUBSCRIBED"))"#,
    );
    check("* LANGUAGE (DE)", r#"* LANGUAGE ("DE")"#);
    check(r#"* MAILBOX "a name""#, "* MAILBOX a name");
}

#[test]
fn urls() {
    let url = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:91354a473744909de610943775f92038";
    check_same(&[
        // RFC 4467 §9, RFC 5524 §4
        &format!(r#"* GENURLAUTH "{url}""#),
        &format!("* URLFETCH \"{url}\" {{28}}\r\nSi vis pacem, para bellum.\r\n"),
        &format!(r#"* URLFETCH "{url}" NIL"#),
        &format!("* URLFETCH \"{url}\" (BINARY {{28}}\r\nSi vis pacem, para bellum.\r\n)"),
        &format!(
            "* URLFETCH \"{url}\" (BODYPARTSTRUCTURE (\"IMAGE\" \"PNG\" NIL NIL NIL \"BINARY\" 123)) (BINARY ~{{3}}\r\na\0b)"
        ),
    ]);
}

#[test]
fn fetches() {
    check_same(&[
        // RFC 8474 §5.3, RFC 8514 §4.3, RFC 8970 §3.3
        "* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))",
        "* 3 FETCH (EMAILID (M5fdc09b49ea703) THREADID NIL)",
        r#"* 998 FETCH (SAVEDATE "01-Jan-2015 18:50:53 +0100")"#,
        "* 7 FETCH (SAVEDATE NIL)",
        r#"* 1 FETCH (PREVIEW "Preview text!")"#,
        "* 1 FETCH (PREVIEW NIL)",
        // RFC 9586 §3
        r"* 25997 UIDFETCH (FLAGS (\Flagged))",
        // RFC 5257 §4.4
        r#"* 12 FETCH (UID 1123456 ANNOTATION (/comment (value.priv "My comment" size.priv "10")))"#,
        r#"* 1 FETCH (ANNOTATION (/comment (value.priv "a" value.shared NIL) /altsubject (value.priv "b")))"#,
        "* 1 FETCH (ANNOTATION (/comment /altsubject))",
        // Gmail
        r#"* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888 X-GM-LABELS ("\\Inbox" "\\Sent" Important "Muy Importante"))"#,
        // RFC 5259 §4, §7, §8
        "* 2 CONVERTED (TAG \"a001\") (BINARY[3] {3}\r\nabc)",
        r#"* 2 CONVERTED (TAG "c000") (BINARY.SIZE[4] 3135)"#,
        "* 2 CONVERTED (TAG \"e001\") (UID 100 BINARY[2]<7> ~{3}\r\na\0b)",
        r#"* 2 CONVERTED (TAG "f001") (AVAILABLECONVERSIONS[2] (("IMAGE/JPEG" "application/PostScript")))"#,
        r#"* 2 CONVERTED (TAG "e002") (BODYPARTSTRUCTURE[2] ("IMAGE" "JPEG" NIL NIL NIL "8BIT" 1024))"#,
        r#"* CONVERSION "image/gif" "image/jpeg" (pix-y pix-x)"#,
        r#"* CONVERSION "image/gif" "image/png""#,
    ]);
    check(r"* 1 FETCH (X-GM-LABELS (\Inbox a))", r#"* 1 FETCH (X-GM-LABELS ("\\Inbox" a))"#);
    // RFC 1176 §4
    check(r"* 2 STORE (FLAGS (\Seen))", r"* 2 FETCH (FLAGS (\Seen))");
    let mixed = parse("* 1 FETCH (ANNOTATION (/a (b c) /d))");
    assert!(
        matches!(mixed, Response::Fetch { attributes, .. } if matches!(attributes[..], [FetchAttribute::Other(..)]))
    );
}

/// RFC 5259 §9
#[test]
fn conversions_that_failed() {
    let line = r#"* 2 CONVERTED (tag "b002") (BODYPARTSTRUCTURE[3] (ERROR "Source text was corrupted" BADPARAMETERS "text/html" "text/plain" ("foo" "bar")))"#;
    let Response::Converted(Converted { attributes, .. }) = parse(line) else { panic!("a CONVERTED") };
    let error = ConvertError::of(&attributes[0]).expect("an error");
    assert_eq!(error.text, "Source text was corrupted");
    assert_eq!(error.code, r#"BADPARAMETERS "text/html" "text/plain" ("foo" "bar")"#);
    assert_eq!(ConvertError::of(&FetchAttribute::Rfc822Size(3)), None);
}

/// Other codes with the same first word stay verbatim.
#[test]
fn codes_that_only_look_alike() {
    for code in [
        "METADATA",
        "METADATA FOO",
        "ANNOTATE",
        "ANNOTATIONS 0",
        "MODIFIED *",
        "MAILBOXID x",
        "INPROGRESS (1 2)",
    ] {
        let Response::Status { code: Some(read), .. } = parse(&format!("* OK [{code}] x")) else {
            panic!("a code")
        };
        assert_eq!(read, Code::Other(Bytes::copy_from_slice(code.as_bytes())));
    }
}
