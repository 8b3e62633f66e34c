use super::*;

const LIMITS: Limits =
    Limits { line_octets_max: 60, literal_octets_max: 10, literals_max: 2, dropped_octets_max: 100 };

/// What the session of these tests does with a literal: the head's words decide.
fn decide(framer: &mut Framer, head: &LiteralHead) {
    let frame = String::from_utf8_lossy(&head.frame).to_uppercase();
    if frame.contains("APPEND") || frame.starts_with(' ') {
        framer.accept_stream();
    } else if frame.contains("REFUSE") {
        framer.refuse_literal();
    } else {
        let _ = framer.accept_argument();
    }
}

/// The events of the pieces, chunks joined.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut framer = Framer::new(LIMITS);
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        framer.receive(piece);
        while let Some(event) = framer.poll() {
            match (&event, events.last_mut()) {
                (Event::Literal(head), _) => decide(&mut framer, head),
                (Event::Chunk(more), Some(Event::Chunk(chunk))) => {
                    *chunk = [&chunk[..], &more[..]].concat().into();
                    continue;
                }
                _ => {}
            }
            events.push(event);
        }
    }
    events
}

fn check(input: &[u8], expected: &[&str]) {
    let told: Vec<String> = events([input]).iter().map(tell).collect();
    assert_eq!(told, expected);
    assert_eq!(events(input.chunks(1)), events([input]), "octet by octet");
}

fn tell(event: &Event) -> String {
    match event {
        Event::Literal(head) => {
            let sync = if head.synchronizing { "" } else { "+" };
            let binary = if head.binary { "~" } else { "" };
            format!("{binary}{}{sync} after {:?}", head.size_octets, head.frame)
        }
        Event::Chunk(chunk) => format!("chunk {chunk:?}"),
        Event::StreamEnd => "end of stream".to_owned(),
        Event::Command(frame) => format!("command {frame:?}"),
        Event::Line(line) => format!("line {line:?}"),
        Event::TooLong { start, what } => format!("{what} too long {start:?}"),
        Event::Hopeless => "hopeless".to_owned(),
    }
}

#[test]
fn lines_are_commands() {
    check(b"a NOOP\r\nb NOOP\n\r\nc", &["command b\"a NOOP\"", "command b\"b NOOP\"", "command b\"\""]);
}

#[test]
fn argument_literals_stand_in_the_frame() {
    check(
        b"a LOGIN {3}\r\nfoo {3+}\r\nb\nr\r\nb NOOP\r\n",
        &[
            "3 after b\"a LOGIN {3}\\r\\n\"",
            "3+ after b\"a LOGIN {3}\\r\\nfoo {3+}\\r\\n\"",
            "command b\"a LOGIN {3}\\r\\nfoo {3+}\\r\\nb\\nr\"",
            "command b\"b NOOP\"",
        ],
    );
}

#[test]
fn streamed_literals_come_in_chunks() {
    check(
        b"a APPEND x {5}\r\na\r\nb\n (\\Seen) ~{0+}\r\n\r\nb NOOP\r\n",
        &[
            "5 after b\"a APPEND x {5}\\r\\n\"",
            "chunk b\"a\\r\\nb\\n\"",
            "end of stream",
            "~0+ after b\" (\\\\Seen) ~{0+}\\r\\n\"",
            "end of stream",
            "command b\"\"",
            "command b\"b NOOP\"",
        ],
    );
}

#[test]
fn a_refused_synchronizing_literal_does_not_come() {
    check(
        b"a REFUSE {99999}\r\nb NOOP\r\n",
        &["99999 after b\"a REFUSE {99999}\\r\\n\"", "command b\"b NOOP\""],
    );
}

#[test]
fn a_refused_non_synchronizing_literal_is_dropped_with_the_rest_of_its_command() {
    check(
        b"a REFUSE {5+}\r\n12\r\n5 {3+}\r\n\nb {junk} {4}\r\nb NOOP\r\n",
        &["5+ after b\"a REFUSE {5+}\\r\\n\"", "command b\"b NOOP\""],
    );
    check(b"a REFUSE {101+}\r\nb NOOP\r\n", &["101+ after b\"a REFUSE {101+}\\r\\n\"", "hopeless"]);
}

#[test]
fn argument_literals_are_bounded() {
    check(
        b"a LOGIN {11}\r\nb NOOP\r\n",
        &[
            "11 after b\"a LOGIN {11}\\r\\n\"",
            "literal too long b\"a LOGIN {11}\\r\\n\"",
            "command b\"b NOOP\"",
        ],
    );
    check(
        b"a LOGIN {11+}\r\n01234567890 foo\r\nb NOOP\r\n",
        &[
            "11+ after b\"a LOGIN {11+}\\r\\n\"",
            "literal too long b\"a LOGIN {11+}\\r\\n\"",
            "command b\"b NOOP\"",
        ],
    );
    check(
        b"a {1+}\r\na {1+}\r\nb {1+}\r\nc\r\nb NOOP\r\n",
        &[
            "1+ after b\"a {1+}\\r\\n\"",
            "1+ after b\"a {1+}\\r\\na {1+}\\r\\n\"",
            "1+ after b\"a {1+}\\r\\na {1+}\\r\\nb {1+}\\r\\n\"",
            "number of literals too long b\"a {1+}\\r\\na {1+}\\r\\nb {1+}\\r\\n\"",
            "command b\"b NOOP\"",
        ],
    );
}

#[test]
fn sizes_beyond_63_bits_are_too_long() {
    check(
        b"a LOGIN {9223372036854775808}\r\nb NOOP\r\n",
        &["literal too long b\"a LOGIN {9223372036854775808}\\r\\n\"", "command b\"b NOOP\""],
    );
    check(
        b"a {99999999999999999999999+}\r\nb NOOP\r\n",
        &["literal too long b\"a {99999999999999999999999+}\\r\\n\"", "hopeless"],
    );
}

#[test]
fn long_lines_are_dropped_with_their_literals() {
    let long = format!("a {} {{5+}}\r\n\r\nb\r\n {{3+}}\r\nxyz {{4}}\r\nc NOOP\r\n", "x".repeat(60));
    let start = format!("line too long b\"a {}\"", "x".repeat(58));
    check(long.as_bytes(), &[&start, "command b\"c NOOP\""]);
    let just = format!("{}\r\n", "x".repeat(60));
    check(just.as_bytes(), &[&format!("command b\"{}\"", "x".repeat(60))]);
}

#[test]
fn only_in_a_command_is_a_literal_one() {
    let mut framer = Framer::new(LIMITS);
    framer.expect(Expect::SaslLine);
    framer.receive(b"abc{5}\r\nb NOOP\r\n");
    assert_eq!(framer.poll(), Some(Event::Line(Bytes::from_static(b"abc{5}"))));
    framer.expect(Expect::Nothing);
    assert_eq!(framer.poll(), None);
    assert!(framer.has_buffered());
    framer.expect(Expect::Command);
    assert_eq!(framer.poll(), Some(Event::Command(Bytes::from_static(b"b NOOP"))));
    assert!(!framer.has_buffered());
    framer.shrink();
}

#[test]
fn an_announced_literal_counts_as_told() {
    let mut framer = Framer::new(LIMITS);
    framer.receive(b"a LOGIN {5}\r\n");
    assert!(matches!(framer.poll(), Some(Event::Literal(_))));
    assert!(!framer.has_buffered());
    framer.receive(b"x");
    assert!(framer.has_buffered());
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"\r\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"a LOGIN".to_vec()),
            Just(b"a REFUSE ".to_vec()),
            Just(b" APPEND ".to_vec()),
            (0u32..12).prop_map(|size| format!("{{{size}}}\r\n").into_bytes()),
            (0u32..120).prop_map(|size| format!("~{{{size}+}}\r\n").into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..40),
        ]
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            pieces in proptest::collection::vec(piece(), 0..30),
            cuts in proptest::collection::vec(1usize..9, 1..9),
        ) {
            let input = pieces.concat();
            let whole = events([&input[..]]);
            prop_assert_eq!(&events(input.chunks(1)), &whole);
            let mut rest = &input[..];
            let mut cut = Vec::new();
            for &size in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (first, behind) = rest.split_at(size.min(rest.len()));
                cut.push(first);
                rest = behind;
            }
            prop_assert_eq!(&events(cut), &whole);
        }
    }
}
