//! Commands against imap-codec, an implementation by others: what both know, both take for the same; what one
//! refuses the other refuses, but for the differences listed here.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::encode::{Encoder, Fragment};
use imap_proto::Dialect;
use imap_proto::command::{Command, Tag};
use imap_proto::wire::{Event, Framer, Limits};

const LIMITS: Limits = Limits {
    line_octets_max: 100_000,
    literal_octets_max: 10_000,
    literals_max: 1_000,
    dropped_octets_max: 10_000,
};

/// `None`: no single command of ours.
fn ours(octets: &[u8]) -> Option<(Tag, Command)> {
    let mut framer = Framer::new(LIMITS);
    framer.receive(octets);
    loop {
        match framer.poll()? {
            Event::Literal(_) => framer.accept_argument().then_some(())?,
            Event::Command(frame) if !framer.has_buffered() => {
                return Command::parse(&frame, Dialect::IMAP4).ok();
            }
            _ => return None,
        }
    }
}

/// What imap-codec makes of a command, written by it again. `None`: it refuses.
fn theirs(octets: &[u8]) -> Option<Vec<u8>> {
    let (rest, command) = CommandCodec::new().decode(octets).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let fragments = CommandCodec::new().encode(&command).map(|fragment| match fragment {
        Fragment::Line { data } | Fragment::Literal { data, .. } => data,
    });
    Some(fragments.flatten().collect())
}

/// Commands of RFC 3501 and of the extensions that imap-codec knows: IDLE, ENABLE, MOVE, UNSELECT, LITERAL+.
const KNOWN: &[&str] = &[
    "a CAPABILITY",
    "a NOOP",
    "a LOGOUT",
    "a STARTTLS",
    "a AUTHENTICATE PLAIN",
    "a LOGIN alice \"pass word\"",
    "a LOGIN {5+}\r\nalice {3+}\r\na\"b",
    "a ENABLE CONDSTORE X-GOOD-IDEA",
    // Not `inbox`, which imap-codec writes in upper case.
    "a SELECT INBOX",
    "a EXAMINE \"Archive/2026\"",
    "a CREATE {3+}\r\na b",
    "a DELETE foo",
    "a RENAME foo \"b \\\\ar\"",
    "a SUBSCRIBE #news.comp.mail.mime",
    "a UNSUBSCRIBE foo",
    "a LIST \"\" *",
    "a LIST ~/Mail/ %",
    "a LSUB \"#news.\" \"comp.%\"",
    "a STATUS blurdybloop (UIDNEXT MESSAGES UNSEEN UIDVALIDITY RECENT)",
    "a CHECK",
    "a CLOSE",
    "a UNSELECT",
    "a EXPUNGE",
    "a IDLE",
    "a SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "a UID SEARCH CHARSET UTF-8 TEXT {6+}\r\n\"\\()ab",
    "a SEARCH OR (SEEN 1:3,5:*) UID 4:* LARGER 1000",
    "a SEARCH HEADER Message-ID <x@y> KEYWORD $Junk UNKEYWORD b NEW",
    "a FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
    "a FETCH 1,3:* ALL",
    "a FETCH 1 FULL",
    "a UID FETCH 4827313:4828442 (UID RFC822.SIZE BODYSTRUCTURE ENVELOPE INTERNALDATE)",
    "a FETCH 1 BODY.PEEK[1.2.MIME]<0.100>",
    "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT BODY[] BODY[TEXT] BODY)",
    "a STORE 2:4 +FLAGS (\\Deleted $MDNSent)",
    "a UID STORE 1:* FLAGS.SILENT ()",
    "a STORE 1 -FLAGS \\Seen \\Draft",
    "a COPY 2:4 MEETING",
    "a UID COPY 1:* \"a b\"",
    "a MOVE 42:69 foo",
    "a UID MOVE 42 foo",
];

fn with_line_end(line: &str) -> Vec<u8> {
    [line.as_bytes(), b"\r\n"].concat()
}

/// A command of ours goes through imap-codec, and is the same after it.
#[test]
fn known_commands_mean_the_same() {
    for line in KNOWN {
        let octets = with_line_end(line);
        let command = ours(&octets).unwrap_or_else(|| panic!("{line}: ours refuses"));
        let written = theirs(&octets).unwrap_or_else(|| panic!("{line}: imap-codec refuses"));
        assert_eq!(ours(&written).as_ref(), Some(&command), "{line}: {}", written.escape_ascii());
        let mut written = Vec::new();
        command.1.write(&command.0, true, &mut written);
        let written = theirs(&written).unwrap_or_else(|| panic!("{line}: imap-codec refuses what we write"));
        assert_eq!(ours(&written), Some(command), "{line}: {}", written.escape_ascii());
    }
}

/// One octet is changed, left out or put in, each octet of each command: either both refuse it, or both mean the
/// same, or it is one of the differences.
#[test]
fn damaged_commands_are_judged_the_same() {
    for line in KNOWN {
        let good = with_line_end(line);
        for at in 0..good.len() - 2 {
            let mut octets = good.clone();
            octets.remove(at);
            judge(&octets);
            for &octet in b" ()\"\\{}[]*%:,+-0139aAN~\r\n\x00\x7f\xe9" {
                let mut octets = good.clone();
                octets[at] = octet;
                judge(&octets);
                octets[at] = good[at];
                octets.insert(at, octet);
                judge(&octets);
            }
        }
    }
}

fn judge(octets: &[u8]) {
    let shown = octets.escape_ascii();
    match (ours(octets), theirs(octets)) {
        (None, None) => {}
        // A space and nothing behind it: imap-codec takes that for an empty initial response.
        (Some((_, Command::Authenticate(authenticate))), Some(written)) if octets.ends_with(b" \r\n") => {
            assert_eq!(authenticate.initial_response, None, "{shown}");
            assert!(written.ends_with(b" =\r\n"), "{shown}: {}", written.escape_ascii());
        }
        (Some(command), Some(written)) => assert_eq!(ours(&written), Some(command), "{shown}"),
        (Some(command), None) => {
            assert!(is_respelled(octets, &command) || is_only_ours(octets), "only ours: {shown}");
        }
        (None, Some(_)) => panic!("only imap-codec's: {shown}"),
    }
}

/// What imap-codec reads, and as the same command, once it is spelled as today's grammar has it:
/// - `~{n}` where a `literal` is wanted;
/// - a literal that takes the CR of the end of the line, so that a bare LF ends it;
/// - a date with a space before its single digit, or with two digits for the year.
fn is_respelled(octets: &[u8], command: &(Tag, Command)) -> bool {
    let replaced = |from: &[u8], to: &[u8]| {
        let at = octets.windows(from.len()).position(|window| window == from)?;
        Some([&octets[..at], to, &octets[at + from.len()..]].concat())
    };
    let line = octets.strip_suffix(b"\n").unwrap_or(octets);
    let with_return = contains(octets, b"{").then(|| [line, b"\r\n"].concat());
    [
        replaced(b"~{", b"{"),
        with_return,
        replaced(b" SINCE  ", b" SINCE "),
        replaced(b"-Feb-19 ", b"-Feb-2019 "),
    ]
    .into_iter()
    .flatten()
    .any(|respelled| theirs(&respelled).is_some_and(|written| ours(&written).as_ref() == Some(command)))
}

/// What else we read and imap-codec does not, all of it from clients of other times:
/// - a bare LF for the end of a line;
/// - 8-bit octets in strings, which the mailbox's name or the charset decides about later;
/// - names and strings without quotes that hold `(`, `)`, `%`, `*` or `\`;
/// - a backslash in quotes before something that needs none;
/// - a space at the end of a line;
/// - the `BODY[0]` of RFC 1730, the header;
/// - an initial response of AUTHENTICATE that is no base64, which the exchange decides about.
fn is_only_ours(octets: &[u8]) -> bool {
    let has_any = |of: &[u8]| octets.iter().any(|octet| of.contains(octet));
    let has_bare_line_feed = octets.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    // FETCH and STORE have no free text: nothing is let through there.
    let has_text = ![" FETCH ", " STORE "].iter().any(|name| contains(octets, name.as_bytes()));
    let has_end_space = octets.ends_with(b" \r\n");
    let has_other_response = octets
        .strip_prefix(b"a AUTHENTICATE ")
        .and_then(|words| words.strip_suffix(b"\r\n"))
        .and_then(|words| words.split(|&octet| octet == b' ').nth(1))
        .is_some_and(|response| !is_base64(response));
    has_bare_line_feed
        || has_end_space
        || has_other_response
        || contains(octets, b" BODY[0]")
        || !octets.is_ascii()
        || has_text && has_any(b"()%*\\")
}

fn is_base64(octets: &[u8]) -> bool {
    let digits = octets.iter().filter(|octet| octet.is_ascii_alphanumeric() || b"+/".contains(octet)).count();
    octets.len().is_multiple_of(4)
        && octets[digits..].iter().all(|&octet| octet == b'=')
        && octets.len() - digits <= 2
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}
