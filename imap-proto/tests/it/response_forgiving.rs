//! What servers write beside the grammar: nothing is lost, and no item hides another one.

use bytes::Bytes;
use imap_proto::response::{
    Code, FetchAttribute, FetchedMessage, Found, NameAttribute, Response, StreamedFetch, StreamedItem,
};
use imap_proto::types::{BodyStructure, Content, Envelope, Flag, SystemFlag};

fn parse(line: &str) -> Response {
    Response::parse(&Bytes::copy_from_slice(line.as_bytes()))
        .unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The items of `* 1 FETCH (...)`.
fn items(inside: &str) -> Vec<FetchAttribute> {
    match parse(&format!("* 1 FETCH {inside}")) {
        Response::Fetch { seq_num, attributes } if seq_num.get() == 1 => attributes.into_vec(),
        other => panic!("{other:?}"),
    }
}

fn other(name: &'static str, value: &'static str) -> FetchAttribute {
    FetchAttribute::Other(Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes()))
}

fn size(octets: u64) -> FetchAttribute {
    FetchAttribute::Rfc822Size(octets)
}

#[test]
fn a_line_that_is_no_response_is_an_error() {
    for line in ["", " ", "x", "a1", "a1 FOO", "a(b OK x", "HTTP/1.1 400 Bad Request"] {
        assert!(Response::parse(&Bytes::copy_from_slice(line.as_bytes())).is_err(), "{line}");
    }
}

#[test]
fn unknown_untagged_lines_are_kept() {
    for line in [
        "*",
        "* ",
        "* XPIG-LATIN ow-nay eaking-spay ig-pay atin-lay",
        "* ESEARCH (TAG \"h\" ALL 1:3,5,8",
        "* VANISHED 300:*",
        "* 0 COPY",
        "* 0 EXPUNGE",
        "* 0 FETCH (UID 1)",
        "* 5 EXISTS or so",
        "* 99999999999 EXISTS",
        "* LIST (\\Noselect",
        "* SEARCH 1 two 3",
        "* STATUS x (MESSAGES",
    ] {
        assert_eq!(parse(line), Response::Other(Bytes::copy_from_slice(line.as_bytes())), "{line}");
    }
}

#[test]
fn spaces_and_case_do_not_matter() {
    assert_eq!(parse("*  5  exists "), Response::Exists(5));
    assert_eq!(parse("* search  2  3 "), Response::Search(Found { numbers: vec![2, 3], mod_seq: None }));
    assert_eq!(items("( rfc822.size  12  uid 3 )"), items("(RFC822.SIZE 12 UID 3)"));
    assert_eq!(items("RFC822.SIZE 12"), [size(12)], "no parentheses");
}

#[test]
fn an_unreadable_item_hides_no_other() {
    assert_eq!(items("(FOO BAR RFC822.SIZE 1)"), [other("FOO", "BAR"), size(1)]);
    assert_eq!(items("(RFC822.SIZE 12x RFC822.SIZE 1)"), [other("RFC822.SIZE", "12x"), size(1)]);
    assert_eq!(
        items("(UID 0 X-THING (a (b \")\") {3}\r\n)(\" c) RFC822.SIZE 1)"),
        [other("UID", "0"), other("X-THING", "(a (b \")\") {3}\r\n)(\" c)"), size(1)]
    );
    assert_eq!(
        items("(ENVELOPE (\"only a date\") INTERNALDATE \"yesterday\" RFC822.SIZE 1)"),
        [other("ENVELOPE", "(\"only a date\")"), other("INTERNALDATE", "\"yesterday\""), size(1)]
    );
    assert_eq!(items("(BODY[FOO] \"x\" RFC822.SIZE 1)"), [other("BODY[FOO]", "\"x\""), size(1)]);
    assert_eq!(
        items("(RFC822[x] y BODY[ RFC822.SIZE 1)"),
        [other("RFC822[x]", "y"), other("BODY[", "RFC822.SIZE"), other("1", "")]
    );
    assert_eq!(items("(RFC822.SIZE 1 \"stray\" (x))"), [size(1), other("", "\"stray\""), other("", "(x)")]);
}

#[test]
fn an_item_without_an_end_is_kept_to_the_end() {
    assert_eq!(items("(RFC822.SIZE 1 FOO (a \"b)"), [size(1), other("FOO", "(a \"b")]);
    assert_eq!(items("(RFC822.SIZE 1 FOO {99}\r\nabc)"), [size(1), other("FOO", "{99}\r\nabc")]);
    assert_eq!(items(""), []);
    let empty = FetchAttribute::Rfc822("RFC822.TEXT", Some(Bytes::new()));
    assert_eq!(
        items("(RFC822.SIZE 1 RFC822.TEXT {0}\r\n"),
        [size(1), empty],
        "an empty literal is never streamed"
    );
    assert_eq!(items("(RFC822.SIZE 1 FOO"), [size(1), other("FOO", "")]);
}

#[test]
fn flags_that_are_none_are_left_out() {
    // Gmail and others have made keywords with `]`, which is no atom.
    assert_eq!(
        items("(FLAGS (\\seen OIB-Seen-[Gmail]/All \\Recent x))"),
        [FetchAttribute::Flags(
            vec![
                Flag::System(SystemFlag::Seen),
                Flag::Recent,
                Flag::Keyword(imap_proto::types::Keyword::new("x").expect("an atom")),
            ]
            .into()
        )]
    );
    let Response::Status { code: Some(code), text, .. } = parse("* OK [PERMANENTFLAGS (a] \\*)] Ok") else {
        panic!("a status with a code");
    };
    assert_eq!((code, &text[..]), (Code::PermanentFlags(vec![Flag::Wildcard]), b"Ok".as_slice()));
}

#[test]
fn copied_messages_pair_up_in_the_order_of_the_server() {
    let Response::Status { code: Some(Code::CopyUid(_, source, target)), .. } =
        parse("* OK [COPYUID 1 30,10:11,5 7:9,4] Done")
    else {
        panic!("a COPYUID");
    };
    let pairs: Vec<_> = source.iter().zip(target.iter()).collect();
    assert_eq!(pairs, [(30, 7), (10, 8), (11, 9), (5, 4)]);
}

#[test]
fn codes_that_cannot_be_read_are_kept() {
    for (line, code) in [
        ("* OK [UIDVALIDITY 9877410381] UIDs valid", "UIDVALIDITY 9877410381"), // RFC 9051 §6.3.2, over 32 bits
        ("* NO [FOO \"/a]b\"] no", "FOO \"/a]b\""),
        ("* OK [UNSEEN] none", "UNSEEN"),
        ("* OK [] empty", ""),
        ("* OK [FOO (] open", "FOO ("),
    ] {
        let Response::Status { code: read, .. } = parse(line) else { panic!("{line}: a status") };
        assert_eq!(read, Some(Code::Other(Bytes::copy_from_slice(code.as_bytes()))), "{line}");
    }
    let Response::Status { code, text, .. } = parse("* OK [no end") else { panic!("a status") };
    assert_eq!((code, &text[..]), (None, b"[no end".as_slice()));
    let Response::Status { code, .. } = parse("* NO [BADCHARSET (UTF-8 \"US ASCII\")] no") else {
        panic!("a status")
    };
    assert_eq!(
        code,
        Some(Code::BadCharset(vec![Bytes::from_static(b"UTF-8"), Bytes::from_static(b"US ASCII")]))
    );
}

#[test]
fn strings_come_in_every_form() {
    let envelope =
        |date: &str| items(&format!("(ENVELOPE ({date} nil \"\" NIL () NIL NIL NIL ~{{1}}\r\nx atom))"));
    let FetchAttribute::Envelope(read) = &envelope("\"a \\\"b\\\" C:\\dir\"")[0] else {
        panic!("an envelope")
    };
    assert_eq!(read.date.as_deref(), Some(br#"a "b" C:\dir"#.as_slice()));
    assert_eq!(read.in_reply_to.as_deref(), Some(b"x".as_slice()));
    assert_eq!(read.message_id.as_deref(), Some(b"atom".as_slice()));
    assert!(read.from.is_empty() && read.reply_to.is_empty());
    let FetchAttribute::Envelope(read) = &envelope("\"dir\\\\\"")[0] else { panic!("an envelope") };
    assert_eq!(
        read.date.as_deref(),
        Some(b"dir\\".as_slice()),
        "the backslash before the quote is escaped itself"
    );
    let Response::List(list) = parse("* LIST (\\HasNoChildren \\X-New) NIL NIL") else { panic!("a list") };
    assert_eq!(
        list.attributes,
        [NameAttribute::HasNoChildren, NameAttribute::Other(Bytes::from_static(b"\\X-New"))]
    );
    assert_eq!((list.delimiter, &list.name[..]), (None, b"NIL".as_slice()), "a mailbox may be named NIL");
}

#[test]
fn structures_with_gaps() {
    let structure = |value: &str| match items(&format!("(BODYSTRUCTURE {value} RFC822.SIZE 1)")).as_slice() {
        [FetchAttribute::BodyStructure(structure), FetchAttribute::Rfc822Size(1)] => {
            Some((**structure).clone())
        }
        [FetchAttribute::Other(..), FetchAttribute::Rfc822Size(1)] => None,
        other => panic!("{other:?}"),
    };
    let content = |value: &str| match structure(value) {
        Some(BodyStructure::Single { content, .. }) => content,
        other => panic!("{other:?}"),
    };
    assert_eq!(content("(text plain nil nil nil nil nil)"), Content::Text { lines: 0 });
    assert_eq!(content("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 3)"), Content::Basic);
    assert_eq!(content("(\"MESSAGE\" \"GLOBAL\" NIL NIL NIL \"8BIT\" 3 NIL NIL NIL NIL)"), Content::Basic);
    assert_eq!(
        content("(\"A\" \"B\" NIL NIL NIL \"7BIT\" 3 NIL \"inline\" NIL NIL 7 (8 (9)) x)"),
        Content::Basic
    );
    assert_eq!(structure("(\"A\" \"B\")"), None);
    assert_eq!(structure("(\"A\" \"B\" (\"odd\") NIL NIL \"7BIT\" 3)"), None);
}

#[test]
fn structures_that_stray_from_the_grammar() {
    let structure = |value: &str| match items(&format!("(BODYSTRUCTURE {value} RFC822.SIZE 1)")).as_slice() {
        [FetchAttribute::BodyStructure(structure), FetchAttribute::Rfc822Size(1)] => (**structure).clone(),
        other => panic!("{other:?}"),
    };
    let canonical = structure("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 12 3)");
    for same in [
        "(\"TEXT\" \"PLAIN\" \"\" NIL NIL \"7BIT\" 12 3)",
        "(\"TEXT\" \"PLAIN\" () NIL NIL \"7BIT\" \"12\" \"3\")",
        "( TEXT  PLAIN NIL NIL NIL NIL 12 3 )",
    ] {
        assert_eq!(structure(same), canonical, "{same}");
    }
    let BodyStructure::Single { size_octets: 0, content: Content::Text { lines: 0 }, .. } =
        structure("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" -1 -1)")
    else {
        panic!("what is below 0 is 0")
    };
    // Multiparts without a part, as Exchange wrote them.
    let BodyStructure::Multipart { parts, subtype, parameters, .. } =
        structure("(\"MIXED\" (\"BOUNDARY\" \"x\") NIL NIL)")
    else {
        panic!("a multipart")
    };
    assert_eq!((parts.len(), &*subtype, parameters.len()), (0, b"MIXED".as_slice(), 1));
    // The message could not be read, its lines are told.
    let BodyStructure::Single {
        content: Content::Message { envelope, lines: 7, .. }, extension: None, ..
    } = structure("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 5 NIL NIL 7)")
    else {
        panic!("a message")
    };
    assert_eq!(*envelope, Envelope::default());
}

/// Addresses are shared only where the same octets stand.
#[test]
fn sender_and_reply_to_are_not_taken_for_from() {
    let envelope = |sender: &str, reply_to: &str| {
        let from = "((\"a\" NIL \"b\" \"c\"))";
        let items = items(&format!("(ENVELOPE (NIL NIL {from} {sender} {reply_to} NIL NIL NIL NIL NIL))"));
        match items.as_slice() {
            [FetchAttribute::Envelope(envelope)] => (**envelope).clone(),
            other => panic!("{other:?}"),
        }
    };
    let shared = envelope("((\"a\" NIL \"b\" \"c\"))", "((a NIL b c))");
    assert_eq!((&shared.sender, &shared.reply_to), (&shared.from, &shared.from));
    let other = envelope("((\"a\" NIL \"b\" \"d\"))", "NIL");
    assert_eq!((other.sender[0].host.as_deref(), other.reply_to.len()), (Some(b"d".as_slice()), 0));
}

#[test]
fn spaces_that_were_forgotten_hide_nothing() {
    assert_eq!(items("(FLAGS (\\Seen)RFC822.SIZE 1)").len(), 2);
    let items = items("(BODY[HEADER.FIELDS (From To)]{2}\r\nab RFC822.SIZE 1)");
    let [FetchAttribute::Section { data, .. }, FetchAttribute::Rfc822Size(1)] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!(data.as_deref(), Some(b"ab".as_slice()));
    let streamed = StreamedFetch::parse_head(&frame("* 3 FETCH (BODY[]{9}\r\n")).expect("a FETCH");
    assert_eq!(streamed.item, StreamedItem::Section { section: Default::default(), origin: None });
}

#[test]
fn mailboxes_without_their_quotes_and_escapes() {
    let list = |line: &str| match parse(line) {
        Response::List(list) => (list.delimiter, String::from_utf8_lossy(&list.name).into_owned()),
        other => panic!("{other:?}"),
    };
    assert_eq!(list("* LIST () \"/\" Sent Items"), (Some(b'/'), "Sent Items".into()));
    assert_eq!(list("* LIST () \"/\" old (2019) "), (Some(b'/'), "old".into()), "a list is no part of it");
    assert_eq!(list("* LIST () \"/\" a(b) c"), (Some(b'/'), "a(b) c".into()));
    assert_eq!(list("* LIST () \"\\\" INBOX"), (Some(b'\\'), "INBOX".into()));
    assert_eq!(list("* LIST () \"\\\\\" INBOX"), (Some(b'\\'), "INBOX".into()));
    let Response::StatusData(status) = parse("* STATUS Sent Items (MESSAGES 1)") else { panic!("a STATUS") };
    assert_eq!((&status.name[..], status.items.len()), (b"Sent Items".as_slice(), 1));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let leaf = "(\"A\" \"B\" NIL NIL NIL \"7BIT\" 3)";
        items(&format!("(BODY {}{leaf}{} RFC822.SIZE 1)", "(".repeat(depth), " \"MIXED\")".repeat(depth)))
    };
    assert!(matches!(nested(63)[..], [FetchAttribute::Body(_), FetchAttribute::Rfc822Size(1)]));
    assert!(matches!(nested(64)[..], [FetchAttribute::Other(..), FetchAttribute::Rfc822Size(1)]));
    assert!(matches!(nested(100_000)[..], [FetchAttribute::Other(..), FetchAttribute::Rfc822Size(1)]));
}

/// Each of these would take minutes if it were read in the square of its length.
#[test]
fn hostile_lines_take_linear_time() {
    for piece in ["[ ", "X[\" ", "(", "{9 ", "\"", "A[{1}\r\n", "BODY (((", "ENVELOPE (NIL ", "FLAGS (\\ "] {
        items(&format!("({}", piece.repeat(60_000)));
        parse(&format!("* OK [{}", piece.repeat(60_000)));
        parse(&format!("* LIST ({}", piece.repeat(60_000)));
    }
}

fn frame(octets: &'static str) -> Bytes {
    Bytes::from_static(octets.as_bytes())
}

#[test]
fn a_response_may_have_several_streamed_literals() {
    let first =
        StreamedFetch::parse_head(&frame("* 3 FETCH (RFC822.SIZE 1 RFC822.TEXT {9}\r\n")).expect("a FETCH");
    assert_eq!(first.message.seq_num().map(imap_proto::types::SeqNum::get), Some(3));
    assert_eq!(first.before[..], [size(1)]);
    assert_eq!(first.item, StreamedItem::Rfc822("RFC822.TEXT"));
    let second = first.parse_next(&frame(" RFC822.SIZE 2 BINARY[1]<5> ~{9}\r\n")).expect("another literal");
    assert_eq!(second.before[..], [size(2)]);
    assert_eq!(second.item, StreamedItem::Binary { part: vec![1], origin: Some(5) });
    assert_eq!(second.parse_rest(&frame(" RFC822.SIZE 3)"))[..], [size(3)]);
}

/// RFC 9586 §3
#[test]
fn a_uidfetch_is_streamed_as_well() {
    let fetch = StreamedFetch::parse_head(&frame("* 25996 UIDFETCH (RFC822.SIZE 1 BODY[] {9}\r\n"));
    let fetch = fetch.expect("a UIDFETCH");
    let uid = imap_proto::types::Uid::new(25_996).expect("not 0");
    assert_eq!((fetch.message, fetch.message.seq_num()), (FetchedMessage::Uid(uid), None));
    let next = fetch.parse_next(&frame(" BODY[1] {9}\r\n")).expect("another literal");
    let attributes = next.parse_rest(&frame(" RFC822.SIZE 2)"));
    assert_eq!(
        next.message.response(attributes),
        Response::UidFetch { uid, attributes: vec![size(2)].into() }
    );
}

#[test]
fn a_literal_streamed_inside_an_item_is_passed_over() {
    let fetch =
        StreamedFetch::parse_head(&frame("* 3 FETCH (RFC822.SIZE 1 ENVELOPE (NIL {9}\r\n")).expect("a FETCH");
    assert_eq!(fetch.before[..], [size(1)]);
    assert_eq!(fetch.item, StreamedItem::Other(Bytes::from_static(b"ENVELOPE")));
    let again = fetch.parse_next(&frame(" ((\"x\" NIL {9}\r\n")).expect("another literal in it");
    assert_eq!(again.parse_rest(&frame(" NIL)) NIL) RFC822.SIZE 2)"))[..], [size(2)]);
    assert_eq!(fetch.parse_rest(&frame(" NIL) RFC822.SIZE 2)"))[..], [size(2)]);
}

#[test]
fn a_streamed_literal_elsewhere_is_no_fetch() {
    for head in [
        "* LIST () \"/\" {9}\r\n",
        "* 3 EXISTS {9}\r\n",
        "* 3 FETCH (UID 3)",
        "a OK {9}\r\n",
        "* 0 FETCH (X {9}\r\n",
    ] {
        assert!(StreamedFetch::parse_head(&frame(head)).is_none(), "{head}");
    }
}
