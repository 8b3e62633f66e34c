//! What the benches read: made here, the same for every parser.

/// Octets in the literal of [`large_literal`].
pub(crate) const LITERAL_OCTETS: usize = 10 * 1024 * 1024;

/// The commands of a session of a mail program, each with its CRLF.
pub(crate) fn commands() -> Vec<Vec<u8>> {
    let lines = [
        "a1 CAPABILITY",
        "a2 LOGIN \"user@example.org\" \"correct horse battery staple\"",
        "a3 LIST \"\" \"*\"",
        "a4 LSUB \"\" \"*\"",
        "a5 STATUS \"Lists/rust\" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)",
        "a6 SELECT INBOX",
        "a7 UID SEARCH UNSEEN SINCE 1-Feb-2026 NOT DELETED",
        "a8 UID FETCH 1:* (FLAGS)",
        "a9 UID FETCH 4392:4491 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
        "a10 UID FETCH 4491 (UID ENVELOPE BODYSTRUCTURE INTERNALDATE)",
        "a11 UID FETCH 4491 BODY.PEEK[1.2]<0.16384>",
        "a12 UID STORE 4491 +FLAGS (\\Seen)",
        "a13 UID SEARCH OR FROM \"alice\" (SUBJECT \"minutes\" TO \"bob\")",
        "a14 UID COPY 4380:4391,4400,4402 \"Archive/2026\"",
        "a15 UID STORE 4380:4391,4400,4402 +FLAGS.SILENT (\\Deleted \\Seen $Forwarded)",
        "a16 EXPUNGE",
        "a17 CREATE \"Archive/2027\"",
        "a18 RENAME \"Archive/2027\" \"Archive/2028\"",
        "a19 NOOP",
        "a20 LOGOUT",
    ];
    lines.iter().map(|line| format!("{line}\r\n").into_bytes()).collect()
}

/// 1,000 FETCH responses with ENVELOPE and BODYSTRUCTURE.
pub(crate) fn envelopes() -> Vec<u8> {
    let mut octets = String::new();
    for number in 1..=1_000 {
        octets.push_str(&format!(
            concat!(
                "* {n} FETCH (UID {uid} FLAGS (\\Seen $Forwarded) INTERNALDATE \"17-Jul-2026 02:44:25 -0700\" ",
                "RFC822.SIZE {size} ENVELOPE (\"Fri, 17 Jul 2026 02:23:25 -0700\" \"[list] Minutes of meeting {n}\" ",
                "((\"Terry Gray\" NIL \"gray\" \"cac.example.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.example.edu\")) ",
                "((\"Terry Gray\" NIL \"gray\" \"cac.example.edu\")) ((NIL NIL \"imap\" \"cac.example.edu\")",
                "(\"John Klensin\" NIL \"klensin\" \"example.com\")) ((NIL NIL \"minutes\" \"example.org\")) NIL ",
                "\"<A{n}@cac.example.edu>\" \"<B27397-{n}@cac.example.edu>\") ",
                "BODYSTRUCTURE (((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\" \"FORMAT\" \"flowed\") NIL NIL \"8BIT\" 3028 92 NIL NIL NIL NIL)",
                "(\"TEXT\" \"HTML\" (\"CHARSET\" \"UTF-8\") NIL NIL \"QUOTED-PRINTABLE\" 12210 201 NIL NIL NIL NIL) ",
                "\"ALTERNATIVE\" (\"BOUNDARY\" \"b1_{n}\") NIL NIL NIL)",
                "(\"APPLICATION\" \"PDF\" (\"NAME\" \"minutes.pdf\") \"<part{n}@example.org>\" NIL \"BASE64\" 254554 NIL ",
                "(\"ATTACHMENT\" (\"FILENAME\" \"minutes.pdf\")) NIL NIL) ",
                "\"MIXED\" (\"BOUNDARY\" \"b0_{n}\") NIL NIL NIL))\r\n"
            ),
            n = number,
            uid = number + 4_000,
            size = 270_000 + number,
        ));
    }
    octets.into_bytes()
}

/// The flags of 100,000 messages, as a client asks for them when it opens a large mailbox.
pub(crate) fn flags() -> Vec<u8> {
    let mut octets = String::new();
    for number in 1..=100_000 {
        let flags = ["\\Seen", "", "\\Answered \\Seen", "\\Seen $Junk"][number % 4];
        octets.push_str(&format!("* {number} FETCH (UID {} FLAGS ({flags}))\r\n", number + 7));
    }
    octets.into_bytes()
}

/// One FETCH with a message of 10 MiB.
pub(crate) fn large_literal() -> Vec<u8> {
    let mut octets = format!("* 1 FETCH (UID 8 BODY[] {{{LITERAL_OCTETS}}}\r\n").into_bytes();
    let line = [[b'x'; 76].as_slice(), b"\r\n"].concat();
    octets.extend(line.iter().cycle().take(LITERAL_OCTETS));
    octets.extend_from_slice(b")\r\n");
    octets
}
