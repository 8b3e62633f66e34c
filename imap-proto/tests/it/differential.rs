//! Commands against imap-codec, an implementation by others: what both know, both take for the same; what one
//! refuses the other refuses, but for the differences listed here.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::encode::{Encoder, Fragment};
use imap_proto::Dialect;
use imap_proto::command::{Command, Tag};
use imap_proto::wire::{Event, Framer, Limits};
use proptest::prelude::*;
use proptest::sample::Index;

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// One octet is changed, left out or put in: either both refuse it, or both mean the same, or it is one
    /// of the differences.
    #[test]
    fn damaged_commands_are_judged_the_same(
        line in prop::sample::select(KNOWN),
        at in any::<Index>(),
        octet in prop::sample::select(b" ()\"\\{}[]*%:,+-0139aAN~\r\n\x00\x7f\xe9".to_vec()),
        kind in 0..3,
    ) {
        let mut octets = with_line_end(line);
        let at = at.index(octets.len() - 2);
        match kind {
            0 => octets[at] = octet,
            1 => drop(octets.remove(at)),
            _ => octets.insert(at, octet),
        }
        let read = ours(&octets);
        let written = theirs(&octets);
        match (&read, &written) {
            (None, None) => {}
            // A space and nothing behind it: imap-codec takes that for an empty initial response.
            (Some(_), Some(_)) if octets.starts_with(b"a AUTHENTICATE") && octets.ends_with(b" \r\n") => {}
            (Some(command), Some(written)) => {
                let again = ours(written);
                prop_assert_eq!(again.as_ref(), Some(command), "{}", octets.escape_ascii());
            }
            (Some(_), None) => prop_assert!(is_only_ours(&octets), "only ours: {}", octets.escape_ascii()),
            (None, Some(_)) => prop_assert!(false, "only imap-codec's: {}", octets.escape_ascii()),
        }
    }
}

/// What we read and imap-codec does not, all of it from clients of other times:
/// - a bare LF for the end of a line (also where a literal swallowed the CR);
/// - 8-bit octets in strings, which the mailbox's name or the charset decides about later;
/// - names and strings without quotes that hold `(`, `)`, `%`, `*` or `\`;
/// - a backslash in quotes before something that needs none;
/// - `~{n}` where a `literal` is wanted;
/// - a space at the end of a line;
/// - an initial response of AUTHENTICATE that is no base64, which the exchange decides about;
/// - dates with a space before a single digit or two digits for the year.
fn is_only_ours(octets: &[u8]) -> bool {
    let has_any = |of: &[u8]| octets.iter().any(|octet| of.contains(octet));
    let has_bare_line_feed = octets.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    let has_literal = has_any(b"{");
    // FETCH and STORE have no free text: nothing is let through there.
    let has_text = ![" FETCH ", " STORE "].iter().any(|name| contains(octets, name.as_bytes()));
    let has_end_space = octets.ends_with(b" \r\n");
    let has_date_or_sasl = contains(octets, b" SINCE ") || contains(octets, b"AUTHENTICATE");
    has_bare_line_feed
        || has_end_space
        || has_date_or_sasl
        || has_literal
        || !octets.is_ascii()
        || has_text && has_any(b"()%*\\")
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}
