//! The example lines of the standards, by section: those that no other table has, and those that are broken.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::command::Command;
use imap_proto::response::{Code, Response};

const COMMANDS: &str = include_str!("examples/commands.txt");
const RESPONSES: &str = include_str!("examples/responses.txt");

/// Lines with the section above them.
fn lines(text: &'static str) -> impl Iterator<Item = (&'static str, Bytes)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        if let Some(heading) = line.strip_prefix("# ") {
            section = heading;
            return None;
        }
        Some((section, Bytes::from_static(line.as_bytes())))
    })
}

fn is_understood(response: &Response) -> bool {
    !matches!(response, Response::Other(_) | Response::Status { code: Some(Code::Other(_)), .. })
}

#[test]
fn commands() {
    for (section, line) in lines(COMMANDS) {
        let (tag, command) = Command::parse(&line, Dialect::IMAP4)
            .unwrap_or_else(|bad| panic!("{section}: {}: {}", line.escape_ascii(), bad.message(&line)));
        let mut out = Vec::new();
        command.write(&tag, true, &mut out);
        out.truncate(out.len() - 2);
        assert_eq!(Command::parse(&out.into(), Dialect::IMAP4), Ok((tag, command)), "{section}");
    }
}

#[test]
fn responses() {
    for (section, line) in lines(RESPONSES) {
        let shown = format!("{section}: {}", line.escape_ascii());
        let response = Response::parse(&line).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(is_understood(&response), "{shown}");
        let mut out = Vec::new();
        response.write(&mut out, Dialect::IMAP4);
        out.truncate(out.len() - 2);
        let again = Response::parse(&Bytes::from(out)).expect("our own line");
        let mut written = Vec::new();
        again.write(&mut written, Dialect::IMAP4);
        let mut first = Vec::new();
        response.write(&mut first, Dialect::IMAP4);
        assert_eq!(written.escape_ascii().to_string(), first.escape_ascii().to_string(), "{shown}");
    }
}

/// Examples that their own grammar does not allow, or that no grammar names.
#[test]
fn broken_commands() {
    for (section, line, reason) in [
        ("RFC 3503 §5", "a400 SEARCH KEYWORDS $mdnsent", "the key is KEYWORD"),
        ("RFC 4466 §2.1", "a SELECT INBOX (BLURDYBLOOP)", "a parameter of no standard"),
        (
            "RFC 4466 §2.1",
            r#"a EXAMINE INBOX (ANNOTATE RESPONSES ("UID Responses") CONDSTORE)"#,
            "a parameter of no standard",
        ),
        (
            "RFC 5259 §12.1",
            r#"b001 CONVERT 2 BINARY[3 ("text/plain" ("charset" "us-ascii"))]"#,
            "an older draft's form",
        ),
        ("RFC 5267 §4.3", "B01 SORT RETURN (UPDATE) FLAGGED", "neither criteria nor charset"),
        ("RFC 5267 §4.3.1", "B02 UID SORT RETURN (UPDATE COUNT) UTF-8 KEYWORD $Junk", "no criteria"),
        ("RFC 5464 §4.4.1", r#"a GETMETADATA "INBOX" /private/comment /shared/comment"#, "no list"),
        ("RFC 5465 §3.1", "b notify set status (selected MessageNew MessageExpunge)", "events are a list"),
        (
            "RFC 5465 §7",
            r#"a00 SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (TO)])) FROM "boss""#,
            "UPDATE has no arguments",
        ),
        ("RFC 5738 §3.2", "a SELECT newmailbox (UTF8)", "gone with RFC 6855"),
        ("RFC 5738 §3.2", "b FETCH 1 (SIZE ENVELOPE BODY)", "the item is RFC822.SIZE"),
        (
            "RFC 5819 §3",
            r#"A02 LIST (SUBSCRIBED RECURSIVEMATCH)"" % RETURN (STATUS (MESSAGES))"#,
            "a space is missing",
        ),
        ("RFC 6237 §2", r#"tag1 UID ESEARCH FROM "frobozz" 1:100"#, "ESEARCH has no UID form"),
        (
            "RFC 6237 §3",
            r#"tag2 ESEARCH IN (mailboxes "folder1" subtree-one "folder2")"#,
            "nothing to search for",
        ),
        ("RFC 2683 §3.4.4", "001 FETCH 1 UID FLAGS INTERNALDATE", "several items are a list"),
    ] {
        let frame = Bytes::from_static(line.as_bytes());
        assert!(Command::parse(&frame, Dialect::IMAP4).is_err(), "{section}: {line}: {reason}");
    }
}

/// As above: kept verbatim, so nothing is lost.
#[test]
fn broken_responses() {
    for (section, line, reason) in [
        ("RFC 9051 §6.3.2", "* OK [UIDVALIDITY 9877410381] UIDs valid", "over 32 bits"),
        ("RFC 9051 §6.4.4.4", "B283 NO [BADCHARSET UTF-8] KOI8-R is not supported", "charsets are a list"),
        ("RFC 2193 §4.1", "* OK [PERMANENTFLAGS (Answered Deleted Seen ]", "a parenthesis is missing"),
        ("RFC 5465 §7", r#"* ESEARCH (TAG "a00") (COUNT 17)"#, "data are no list"),
        ("RFC 5465 §7", "* EXISTS 93", "the number is first"),
        ("RFC 5738 §3.2", "d NO [UTF-8-ONLY] Mailbox requires UTF-8 client", "gone with RFC 6855"),
    ] {
        let frame = Bytes::from_static(line.as_bytes());
        let response = Response::parse(&frame).expect("a response");
        assert!(!is_understood(&response), "{section}: {line}: {reason}");
        let mut out = Vec::new();
        response.write(&mut out, Dialect::IMAP4);
        // A status without a text gets one.
        assert!(out.starts_with(line.as_bytes()), "{section}: {}", out.escape_ascii());
    }
}
