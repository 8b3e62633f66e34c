//! Messages and what they are made of.

use expect_test::{Expect, expect};
use imap_proto::{Dialect, Level};
use proptest::prelude::*;

use super::*;

fn scan(message: &[u8]) -> Summary {
    let mut scanner = Scanner::new();
    scanner.feed(message);
    scanner.finish()
}

/// The example's line ends are LF; the message has CRLF.
fn crlf(message: &str) -> Vec<u8> {
    message.replace('\n', "\r\n").into_bytes()
}

/// BODYSTRUCTURE, then a line for each part: number, header and body as Rust writes them.
fn check_octets(message: &[u8], expected: Expect) {
    let summary = scan(message);
    let mut shown = Vec::new();
    summary.write_body_structure(&mut shown, Dialect::IMAP4);
    let mut shown = String::from_utf8_lossy(&shown).into_owned();
    let slice = |(start, length): (u64, u64)| {
        let octets = &message[start as usize..(start + length) as usize];
        format!("{:?}", String::from_utf8_lossy(octets))
    };
    for part in summary.parts() {
        let number: Vec<_> = part.number.iter().map(u32::to_string).collect();
        shown += &format!("\n[{}] {} {}", number.join("."), slice(part.header), slice(part.body));
        if let Some((header, text)) = part.message {
            shown += &format!(" message {} {}", slice(header), slice(text));
        }
    }
    expected.assert_eq(&shown);
}

fn check(message: &str, expected: Expect) {
    check_octets(&crlf(message), expected);
}

#[test]
fn messages_without_parts() {
    check(
        "Subject: a\n\nb\nc",
        expect![[r#"
        ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 4 1 NIL NIL NIL NIL)
        [] "Subject: a\r\n\r\n" "b\r\nc"
        [1] "Subject: a\r\n\r\n" "b\r\nc""#]],
    );
    check(
        "",
        expect![[r#"
        ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL)
        [] "" ""
        [1] "" """#]],
    );
    check(
        "\nbody",
        expect![[r#"
        ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 4 0 NIL NIL NIL NIL)
        [] "\r\n" "body"
        [1] "\r\n" "body""#]],
    );
    check(
        "Subject: header only\n",
        expect![[r#"
        ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL)
        [] "Subject: header only\r\n" ""
        [1] "Subject: header only\r\n" """#]],
    );
    check_octets(
        b"Subject: a\n\nbare\nLF\r",
        expect![[r#"
        ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 8 1 NIL NIL NIL NIL)
        [] "Subject: a\n\n" "bare\nLF\r"
        [1] "Subject: a\n\n" "bare\nLF\r""#]],
    );
    check(
        "Content-Type: image/png; name=\"a b\"\nContent-Transfer-Encoding: base64\nContent-ID: <i>\nContent-Description: d\n\nAAAA\n",
        expect![[r#"
            ("image" "png" ("name" "a b") "<i>" "d" "base64" 6 NIL NIL NIL NIL)
            [] "Content-Type: image/png; name=\"a b\"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\nContent-Description: d\r\n\r\n" "AAAA\r\n"
            [1] "Content-Type: image/png; name=\"a b\"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\nContent-Description: d\r\n\r\n" "AAAA\r\n""#]],
    );
}

#[test]
fn multiparts() {
    check(
        "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n\n--b  \nContent-Type: text/html\n\ntwo\n--b--\nepilogue\n--b\nno part\n",
        expect![[r#"
            (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 1 NIL NIL NIL NIL)("text" "html" NIL NIL NIL "7BIT" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)
            [] "Content-Type: multipart/mixed; boundary=b\r\n\r\n" "preamble\r\n--b\r\n\r\none\r\n\r\n--b  \r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n--b\r\nno part\r\n"
            [1] "\r\n" "one\r\n"
            [2] "Content-Type: text/html\r\n\r\n" "two""#]],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\n--b\nX: y\n--b--",
        expect![[r#"
        (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL)("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL)("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)
        [] "Content-Type: multipart/mixed; boundary=b\r\n\r\n" "--b\r\n\r\n--b\r\n--b\r\nX: y\r\n--b--"
        [1] "\r\n" ""
        [2] "" ""
        [3] "X: y" """#]],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\n\nno boundary at all\n",
        expect![[r#"
        (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0) "mixed" ("boundary" "b") NIL NIL NIL)
        [] "Content-Type: multipart/mixed; boundary=b\r\n\r\n" "no boundary at all\r\n""#]],
    );
    check(
        "Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n",
        expect![[r#"
        ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 19 4 NIL NIL NIL NIL)
        [] "Content-Type: multipart/mixed\r\n\r\n" "--b\r\n\r\none\r\n--b--\r\n"
        [1] "Content-Type: multipart/mixed\r\n\r\n" "--b\r\n\r\none\r\n--b--\r\n""#]],
    );
}

#[test]
fn nested_multiparts_end_at_the_boundary_of_the_outer() {
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--b\n\nthree\n--bb--\n--b--\n",
        expect![[r#"
            ((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 0 NIL NIL NIL NIL)("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 0 NIL NIL NIL NIL) "alternative" ("boundary" "bb") NIL NIL NIL)("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 13 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)
            [] "Content-Type: multipart/mixed; boundary=b\r\n\r\n" "--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb\r\n\r\ntwo\r\n--b\r\n\r\nthree\r\n--bb--\r\n--b--\r\n"
            [1] "Content-Type: multipart/alternative; boundary=bb\r\n\r\n" "--bb\r\n\r\none\r\n--bb\r\n\r\ntwo"
            [1.1] "\r\n" "one"
            [1.2] "\r\n" "two"
            [2] "\r\n" "three\r\n--bb--""#]],
    );
}

#[test]
fn boundaries_that_begin_with_another() {
    check(
        "Content-Type: multipart/mixed; boundary=x_1\n\n--x_1\nContent-Type: multipart/alternative; boundary=x_10\n\n--x_10\n\none\n--x_10--\n\n--x_10\n--x_1 y\n--x_1\n\ntwo\n--x_1--\n",
        expect![[r#"
            ((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 0 NIL NIL NIL NIL) "alternative" ("boundary" "x_10") NIL NIL NIL)("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 0 NIL NIL NIL NIL) "mixed" ("boundary" "x_1") NIL NIL NIL)
            [] "Content-Type: multipart/mixed; boundary=x_1\r\n\r\n" "--x_1\r\nContent-Type: multipart/alternative; boundary=x_10\r\n\r\n--x_10\r\n\r\none\r\n--x_10--\r\n\r\n--x_10\r\n--x_1 y\r\n--x_1\r\n\r\ntwo\r\n--x_1--\r\n"
            [1] "Content-Type: multipart/alternative; boundary=x_10\r\n\r\n" "--x_10\r\n\r\none\r\n--x_10--\r\n\r\n--x_10\r\n--x_1 y"
            [1.1] "\r\n" "one"
            [2] "\r\n" "two""#]],
    );
}

#[test]
fn attached_messages() {
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: inner\nFrom: a@b\n\ntext\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n--b--\n",
        expect![[r#"
            (("message" "rfc822" NIL NIL NIL "7BIT" 33 (NIL "inner" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 4 0 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7BIT" 60 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) "mixed" ("boundary" "c") NIL NIL NIL) 5 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)
            [] "Content-Type: multipart/mixed; boundary=b\r\n\r\n" "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: a@b\r\n\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n"
            [1] "Content-Type: message/rfc822\r\n\r\n" "Subject: inner\r\nFrom: a@b\r\n\r\ntext" message "Subject: inner\r\nFrom: a@b\r\n\r\n" "text"
            [1.1] "Subject: inner\r\nFrom: a@b\r\n\r\n" "text"
            [2] "Content-Type: message/rfc822\r\n\r\n" "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--" message "Content-Type: multipart/mixed; boundary=c\r\n\r\n" "--c\r\n\r\nx\r\n--c--"
            [2.1] "\r\n" "x""#]],
    );
    check(
        "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\nbody\n",
        expect![[r#"
            ("message" "rfc822" NIL NIL NIL "7BIT" 52 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("message" "rfc822" NIL NIL NIL "7BIT" 20 (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 6 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) 5 NIL NIL NIL NIL)
            [] "Content-Type: message/rfc822\r\n\r\n" "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nbody\r\n"
            [1] "Content-Type: message/rfc822\r\n\r\n" "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nbody\r\n" message "Content-Type: message/rfc822\r\n\r\n" "Subject: x\r\n\r\nbody\r\n"
            [1.1] "Content-Type: message/rfc822\r\n\r\n" "Subject: x\r\n\r\nbody\r\n" message "Subject: x\r\n\r\n" "body\r\n"
            [1.1.1] "Subject: x\r\n\r\n" "body\r\n""#]],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n--b\nContent-Type: message/rfc822\n--b--\n",
        expect![[r#"
            (("message" "rfc822" NIL NIL NIL "base64" 16 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7BIT" 0 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)
            [] "Content-Type: multipart/mixed; boundary=b\r\n\r\n" "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==\r\n--b\r\nContent-Type: message/rfc822\r\n--b--\r\n"
            [1] "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" "U3ViamVjdDogeA=="
            [2] "Content-Type: message/rfc822" "" message "" ""
            [2.1] "" """#]],
    );
}

#[test]
fn parts_of_a_digest_are_messages() {
    check(
        "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n1\n--b\nContent-Type: text/plain\n\n2\n--b--\n",
        expect![[r#"
            (("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 17 (NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)("text" "plain" NIL NIL NIL "7BIT" 1 0 NIL NIL NIL NIL) "digest" ("boundary" "b") NIL NIL NIL)
            [] "Content-Type: multipart/digest; boundary=b\r\n\r\n" "--b\r\n\r\nSubject: one\r\n\r\n1\r\n--b\r\nContent-Type: text/plain\r\n\r\n2\r\n--b--\r\n"
            [1] "\r\n" "Subject: one\r\n\r\n1" message "Subject: one\r\n\r\n" "1"
            [1.1] "Subject: one\r\n\r\n" "1"
            [2] "Content-Type: text/plain\r\n\r\n" "2""#]],
    );
}

#[test]
fn envelopes() {
    let check = |header: &str, expected: Expect| {
        let mut shown = Vec::new();
        scan(&crlf(header)).write_envelope(&mut shown, Dialect::IMAP4);
        expected.assert_eq(&shown.escape_ascii().to_string());
    };
    check("", expect!["(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"]);
    check(
        "Received: x\nDate: Mon, 1 Jan 2026 00:00:00 +0000\nSubject: folded\n line\nSubject: second\nFrom: Ann <a@b>\nSender:\nReply-To: r@s\nTo: G: c@d;\nMessage-ID: <m@n>\nIn-Reply-To:\n\nFrom: not@this",
        expect![[
            r#"(\"Mon, 1 Jan 2026 00:00:00 +0000\" \"folded line\" ((\"Ann\" NIL \"a\" \"b\")) ((\"Ann\" NIL \"a\" \"b\")) ((NIL NIL \"r\" \"s\")) ((NIL NIL \"G\" NIL)(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)) NIL NIL \"\" \"<m@n>\")"#
        ]],
    );
    check(
        "Subject: say \"x\"\nFrom: J\u{f6} <a@b>\n\n",
        expect![[
            r#"(NIL {7}\r\nsay \"x\" (({3}\r\nJ\xc3\xb6 NIL \"a\" \"b\")) (({3}\r\nJ\xc3\xb6 NIL \"a\" \"b\")) (({3}\r\nJ\xc3\xb6 NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)"#
        ]],
    );
}

#[test]
fn what_a_dialect_writes_otherwise_is_written_anew() {
    let message = "Subject: 50% \u{f6}\nContent-Type: message/global\n\nSubject: {x}\n\n";
    let summary = scan(&crlf(message));
    for level in [Level::Silent, Level::Imap2bis, Level::Imap4, Level::Rev2] {
        let dialect = Dialect { level, utf8_accept: false };
        let (mut expected, mut written) = (Vec::new(), Vec::new());
        summary.envelope().write(&mut expected, dialect);
        summary.structure().write_body_structure(&mut expected, dialect);
        summary.write_envelope(&mut written, dialect);
        summary.write_body_structure(&mut written, dialect);
        assert_eq!(written, expected, "{level:?}");
    }
}

#[test]
fn section_numbers_name_structures() {
    let message = crlf(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: a/one\n\nx\n--c--\n--b\nContent-Type: message/rfc822\n\nContent-Type: a/two\n\ny\n--b--\n",
    );
    let summary = scan(&message);
    let subtype = |number: &[u32]| match summary.structure_of(number)? {
        BodyStructure::Multipart { subtype, .. } | BodyStructure::Single { subtype, .. } => {
            Some(String::from_utf8_lossy(subtype).into_owned())
        }
    };
    for (number, expected) in [
        (&[][..], Some("mixed")),
        (&[1], Some("rfc822")),
        (&[1, 1], Some("one")),
        (&[1, 2], None),
        (&[1, 1, 1], None),
        (&[2, 1], Some("two")),
        (&[2, 2], None),
        (&[3], None),
        (&[0], None),
    ] {
        assert_eq!(subtype(number).as_deref(), expected, "{number:?}");
        assert_eq!(summary.part(number).is_some(), expected.is_some(), "{number:?}");
    }
}

#[test]
fn nesting_and_parts_are_bounded() {
    let mut deep = Vec::new();
    for level in 0..2_000 {
        deep.extend(format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n").bytes());
    }
    assert_eq!(scan(&deep).parts().iter().map(|part| part.number.len()).max(), Some(DEPTH_MAX));
    let messages = "Content-Type: message/rfc822\n\n".repeat(2_000);
    assert!(scan(messages.as_bytes()).parts().len() <= DEPTH_MAX + 2);
    let wide = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n\n".repeat(PARTS_MAX * 2));
    let summary = scan(wide.as_bytes());
    assert_eq!(summary.parts().len(), PARTS_MAX);
    assert_eq!(summary.parts()[0].body.1, wide.len() as u64 - summary.parts()[0].body.0);
}

#[test]
fn a_header_over_the_bounds_is_known_to_be_incomplete() {
    let small = b"Subject: a\nTo: b@c\n\n";
    assert!(scan(small).keeps_header(b"subject") && !scan(small).keeps_header(b"received"));
    let mut large = b"Subject: a\nTo: ".to_vec();
    large.resize(HEADER_OCTETS_MAX + 100, b'x');
    large.extend_from_slice(b"\nCc: b@c\n\nbody");
    let summary = scan(&large);
    assert!(!summary.keeps_header(b"Subject"));
    assert_eq!(summary.headers(), b"Subject: a\n");
    let mut pieces = Scanner::new();
    large.chunks(4_099).for_each(|piece| pieces.feed(piece));
    assert_eq!(pieces.finish(), summary);
}

#[test]
fn all_headers_together_are_bounded() {
    let mut message = b"Content-Type: multipart/mixed; boundary=b\n\n".to_vec();
    for _ in 0..100 {
        message.extend_from_slice(b"--b\nContent-Description: ");
        message.resize(message.len() + 100_000, b'x');
        message.extend_from_slice(b"\n\n\n");
    }
    let summary = scan(&message);
    assert_eq!(summary.parts().len(), 101);
    assert!(summary.to_bytes().len() < 3 * HEADERS_OCTETS_MAX);
}

/// A line's worth of a message; some break what others began.
fn piece() -> impl Strategy<Value = String> {
    let boundary = prop::sample::select(vec!["a", "ab", "b", "b--"]);
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "", "\r", " \t\r\n"]);
    let line = prop_oneof![
        4 => boundary.clone().prop_map(|boundary| format!("--{boundary}")),
        2 => boundary.clone().prop_map(|boundary| format!("--{boundary}--")),
        3 => boundary.prop_map(|boundary| format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"")),
        2 => Just("Content-Type: message/rfc822".to_owned()),
        1 => Just("Content-Type: multipart/digest; boundary=b".to_owned()),
        1 => Just("Content-Transfer-Encoding: base64".to_owned()),
        2 => prop::sample::select(vec!["Subject: x", " folded", "From: a@b", "-", "--", "---", "text", "\0"])
            .prop_map(str::to_owned),
        5 => Just(String::new()),
    ];
    (line, end).prop_map(|(line, end)| line + end)
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        pieces in prop::collection::vec(piece(), 0..40),
        cuts in prop::collection::vec(0_usize..600, 0..12),
    ) {
        let message = pieces.concat().into_bytes();
        let whole = scan(&message);
        let mut octet_by_octet = Scanner::new();
        message.iter().for_each(|&octet| octet_by_octet.feed(&[octet]));
        prop_assert_eq!(&octet_by_octet.finish(), &whole);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(message.len())).collect();
        cuts.extend([0, message.len()]);
        cuts.sort_unstable();
        let mut split = Scanner::new();
        cuts.windows(2).for_each(|cut| split.feed(&message[cut[0]..cut[1]]));
        prop_assert_eq!(&split.finish(), &whole);
    }

    #[test]
    fn parts_lie_inside_of_each_other_and_rows_read_back(pieces in prop::collection::vec(piece(), 0..40)) {
        let message = pieces.concat().into_bytes();
        let summary = scan(&message);
        let parts = summary.parts();
        prop_assert_eq!(parts[0].header.1 + parts[0].body.1, message.len() as u64);
        prop_assert!(parts.windows(2).all(|pair| pair[0].number < pair[1].number));
        for part in parts {
            prop_assert_eq!(part.header.0 + part.header.1, part.body.0);
            prop_assert!(part.body.0 + part.body.1 <= message.len() as u64);
            if let Some((header, text)) = part.message {
                prop_assert_eq!((header.0, text.0), (part.body.0, header.0 + header.1));
                prop_assert_eq!(header.1 + text.1, part.body.1);
            }
            let outer = part.number.len().checked_sub(1).and_then(|length| summary.part(&part.number[..length]));
            if let Some(outer) = outer.filter(|outer| !outer.number.is_empty()) {
                prop_assert!(part.header.0 >= outer.body.0);
                prop_assert!(part.body.0 + part.body.1 <= outer.body.0 + outer.body.1);
            }
            prop_assert!(summary.structure_of(&part.number).is_some());
            if let Some(BodyStructure::Single { size_octets, content, .. }) = summary.structure_of(&part.number) {
                let body = &message[part.body.0 as usize..(part.body.0 + part.body.1) as usize];
                prop_assert_eq!(*size_octets, part.body.1);
                if let Content::Text { lines } | Content::Message { lines, .. } = content {
                    prop_assert_eq!(*lines, memchr_iter(b'\n', body).count() as u64);
                }
            }
        }
        let again = Summary::from_bytes(summary.to_bytes()).expect("the row is whole");
        let mut rendered = Vec::new();
        again.structure().write_body_structure(&mut rendered, Dialect::IMAP4);
        let mut copied = Vec::new();
        again.write_body_structure(&mut copied, Dialect::IMAP4);
        prop_assert_eq!(rendered, copied);
        prop_assert_eq!(again.parts(), parts);
    }

    #[test]
    fn nothing_panics(message in prop::collection::vec(any::<u8>(), 0..400)) {
        let summary = scan(&message);
        let _ = (summary.structure(), summary.parts(), summary.envelope());
    }

    #[test]
    fn damaged_rows_do_no_harm(
        pieces in prop::collection::vec(piece(), 0..20), at in any::<prop::sample::Index>(), octet in any::<u8>(),
    ) {
        let mut row = scan(&pieces.concat().into_bytes()).to_bytes().to_vec();
        let at = at.index(row.len());
        row[at] = octet;
        if let Some(summary) = Summary::from_bytes(row.clone().into()) {
            let _ = (summary.structure(), summary.parts(), summary.envelope());
            summary.write_envelope(&mut Vec::new(), Dialect::SILENT);
        }
        row.truncate(at);
        prop_assert_eq!(Summary::from_bytes(row.into()), None);
    }

    /// Another parser, on messages that are well formed.
    #[test]
    fn an_independent_parser_sees_the_same_parts(tree in tree()) {
        let mut message = String::from("Subject: x\r\nMIME-Version: 1.0\r\n");
        let mut boundaries = 0;
        tree.write(&mut message, &mut boundaries);
        let message = message.into_bytes();
        let ours = scan(&message);
        let theirs = mail_parser::MessageParser::default().parse(&message).expect("it is a message");
        let is_attached = |part: &Part| {
            (1..part.number.len()).any(|length| {
                let outer = ours.structure_of(&part.number[..length]);
                matches!(outer, Some(BodyStructure::Single { .. }))
            })
        };
        let our_bodies: Vec<_> = ours
            .parts()
            .iter()
            .filter(|part| !part.number.is_empty() && !is_attached(part))
            .filter(|part| matches!(ours.structure_of(&part.number), Some(BodyStructure::Single { .. })))
            .map(|part| (part.body.0, part.body.0 + part.body.1))
            .collect();
        prop_assert_eq!(our_bodies, bodies(&theirs));
    }
}

/// Start and end of the bodies of all parts that are no multipart; what attached messages hold is left out.
fn bodies(message: &mail_parser::Message<'_>) -> Vec<(u64, u64)> {
    let is_multipart =
        |part: &&mail_parser::MessagePart<'_>| matches!(part.body, mail_parser::PartType::Multipart(_));
    let parts = message.parts.iter().filter(|part| !is_multipart(part));
    parts.map(|part| (part.offset_body.into(), part.offset_end.into())).collect()
}

#[derive(Debug, Clone)]
enum Tree {
    Text(String),
    Message(Box<Tree>),
    Multipart(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let text = "([a-z]{0,5}\r\n){0,3}[a-z -]{0,4}".prop_map(Tree::Text);
    text.prop_recursive(3, 12, 3, |tree| {
        prop_oneof![
            // The other parser panics on a message that is nothing but a message.
            tree.clone().prop_map(|tree| match tree {
                Tree::Message(_) => tree,
                _ => Tree::Message(Box::new(tree)),
            }),
            prop::collection::vec(tree, 1..4).prop_map(Tree::Multipart),
        ]
    })
}

impl Tree {
    /// The rest of a header, and the body.
    fn write(&self, out: &mut String, boundaries: &mut u32) {
        match self {
            Self::Text(text) => *out += &format!("Content-Type: text/plain\r\n\r\n{text}"),
            Self::Message(tree) => {
                *out += "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n";
                tree.write(out, boundaries);
            }
            Self::Multipart(trees) => {
                *boundaries += 1;
                let boundary = format!("=_{boundaries}_x");
                *out +=
                    &format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\npreamble");
                for tree in trees {
                    *out += &format!("\r\n--{boundary}\r\n");
                    tree.write(out, boundaries);
                }
                *out += &format!("\r\n--{boundary}--");
            }
        }
    }
}

#[test]
fn the_addresses_of_attached_messages_are_bounded_together() {
    let mut message = b"Content-Type: multipart/digest; boundary=b\n\n".to_vec();
    for _ in 0..100 {
        message.extend_from_slice(b"--b\n\nFrom: ");
        message.extend_from_slice(&b"a,".repeat(5_000));
        message.extend_from_slice(b"\n\n");
    }
    let summary = scan(&message);
    let BodyStructure::Multipart { parts, .. } = summary.structure() else { panic!("it is a multipart") };
    let addresses = |part: &BodyStructure| match part {
        BodyStructure::Single { content: Content::Message { envelope, .. }, .. } => 3 * envelope.from.len(),
        _ => 0,
    };
    assert_eq!(addresses(&parts[0]), 3 * ATTACHED_ADDRESSES_MAX.0);
    assert!(
        parts.iter().map(addresses).sum::<usize>() <= ATTACHED_ADDRESSES_MAX.1 + 3 * ATTACHED_ADDRESSES_MAX.0
    );
}
