//! What the client writes, the server reads; and nothing that it reads makes it panic.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::command::{Append, AppendParser, AppendPiece, AppendWriter, Command, REGISTRY, Tag, peek};
use imap_proto::types::{NumberSet, SequenceSet};
use imap_proto::wire::{Event, Framer, Limits, LiteralHead};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::generate;

const LIMITS: Limits = Limits {
    line_octets_max: 100_000,
    literal_octets_max: 10_000,
    literals_max: 1_000,
    dropped_octets_max: 10_000,
};

/// The frame of one command, its literals accepted as arguments.
fn frame(octets: &[u8]) -> Bytes {
    let mut framer = Framer::new(LIMITS);
    framer.receive(octets);
    loop {
        match framer.poll() {
            Some(Event::Literal(head)) => assert!(framer.accept_argument(), "{head:?}"),
            Some(Event::Command(frame)) => {
                assert!(!framer.has_buffered(), "one command is one frame");
                return frame;
            }
            event => panic!("{event:?}"),
        }
    }
}

/// The head of the literal that the octets end with; those before it are arguments.
fn last_head(octets: &[u8]) -> LiteralHead {
    let mut framer = Framer::new(LIMITS);
    framer.receive(octets);
    loop {
        match framer.poll() {
            Some(Event::Literal(head)) if !framer.has_buffered() => return head,
            Some(Event::Literal(head)) => assert!(framer.accept_argument(), "{head:?}"),
            event => panic!("{event:?}"),
        }
    }
}

/// Writes an APPEND or REPLACE as a client does, its literals full of `x`.
fn write_all(tag: &Tag, command: &Command, pieces: &[AppendPiece]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(command.write(tag, true, &mut out).is_empty());
    let is_literal = |piece: &AppendPiece| matches!(piece, AppendPiece::Literal(_));
    let mut groups = pieces.split_inclusive(is_literal);
    let Some(first) = groups.next().filter(|first| first.last().is_some_and(is_literal)) else { return out };
    put_octets(first, &mut out);
    let mut writer = AppendWriter::behind(first);
    for group in groups {
        writer.write(group, true, &mut out);
        put_octets(group, &mut out);
    }
    writer.end(&mut out);
    out
}

fn put_octets(pieces: &[AppendPiece], out: &mut Vec<u8>) {
    if let Some(AppendPiece::Literal(literal)) = pieces.last() {
        out.resize(out.len() + usize::try_from(literal.size_octets).expect("it is small"), b'x');
    }
}

/// Reads an APPEND or REPLACE as a server does: the command up to its first message literal, and what comes behind.
fn read_all(octets: &[u8]) -> (Tag, Command, Vec<AppendPiece>) {
    let mut framer = Framer::new(LIMITS);
    framer.receive(octets);
    let mut begun: Option<(Tag, Command, AppendParser)> = None;
    let mut behind = Vec::new();
    loop {
        match framer.poll() {
            Some(Event::Literal(head)) => {
                let is_message = match &mut begun {
                    None => {
                        begun = AppendParser::begin(&head);
                        begun.is_some()
                    }
                    Some((_, _, parser)) => match parser.literal(&head) {
                        Some(pieces) => {
                            behind.extend(pieces);
                            true
                        }
                        None => false,
                    },
                };
                if is_message {
                    framer.accept_stream();
                } else {
                    assert!(framer.accept_argument(), "{head:?}");
                }
            }
            Some(Event::Chunk(_) | Event::StreamEnd) => {}
            Some(Event::Command(frame)) => {
                assert!(!framer.has_buffered(), "one command is one frame");
                return match begun {
                    Some((tag, command, parser)) => {
                        behind.extend(parser.end(&frame).expect("the end of the command"));
                        (tag, command, behind)
                    }
                    None => {
                        let (tag, command) = Command::parse(&frame, Dialect::IMAP4).expect("of URLs alone");
                        (tag, command, behind)
                    }
                };
            }
            event => panic!("{event:?}"),
        }
    }
}

/// A new line of the table needs a generator, or no property would see it.
#[test]
fn every_command_of_the_table_is_generated() {
    let mut runner = TestRunner::deterministic();
    let commands = generate::command();
    let mut missing: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
    for _ in 0..20_000 {
        let command = commands.new_tree(&mut runner).expect("nothing is filtered").current();
        let name = command.spec().name;
        missing.retain(|missing| *missing != name);
        if missing.is_empty() {
            return;
        }
    }
    panic!("never generated: {missing:?}");
}

proptest! {
    /// MULTIAPPEND, CATENATE, the UTF8 form and REPLACE, literal by literal.
    #[test]
    fn what_is_appended_is_read(tag in generate::tag(), (command, pieces) in generate::appending()) {
        let out = write_all(&tag, &command, &pieces);
        let first = match &command {
            Command::Append(append) => append.pieces.len(),
            Command::Replace(replace) => replace.pieces.len(),
            _ => unreachable!("nothing else is generated"),
        };
        let expected = (tag, command, pieces[first..].to_vec());
        prop_assert_eq!(read_all(&out), expected, "{}", out.escape_ascii());
    }

    #[test]
    fn what_is_written_is_parsed(
        tag in generate::tag(),
        command in generate::command(),
        literal_plus in any::<bool>(),
    ) {
        let mut out = Vec::new();
        let waits = command.write(&tag, literal_plus, &mut out);
        prop_assert!(!literal_plus || waits.is_empty());
        for wait in waits {
            prop_assert_eq!(&out[wait - 3..wait], b"}\r\n");
        }
        let parsed = Command::parse(&frame(&out), Dialect::IMAP4);
        prop_assert_eq!(parsed, Ok((tag.clone(), command.clone())), "{}", String::from_utf8_lossy(&out));
        let (peeked, spec) = peek(&out);
        prop_assert_eq!(peeked, Some(tag));
        prop_assert_eq!(spec, Some(command.spec()));
    }

    /// Whatever octet of a command is NUL, outside of a `literal8` it is refused.
    #[test]
    fn no_command_has_a_nul(
        tag in generate::tag(),
        command in generate::command(),
        place in any::<prop::sample::Index>(),
    ) {
        let mut out = Vec::new();
        command.write(&tag, true, &mut out);
        let frame = frame(&out);
        let mut octets = frame.to_vec();
        *place.get_mut(&mut octets) = 0;
        let parsed = Command::parse(&Bytes::from(octets), Dialect::IMAP4);
        prop_assert!(parsed.is_err() || frame.windows(2).any(|two| two == b"~{"), "{parsed:?}");
    }

    #[test]
    fn heads_of_append_are_parsed(
        tag in generate::tag(),
        (mailbox, message) in generate::append(),
        next in generate::append_message(),
        literal_plus in any::<bool>(),
    ) {
        let mut out = Vec::new();
        let append = Command::Append(Append::new(mailbox.clone(), message.clone()));
        let waits = append.write(&tag, literal_plus, &mut out);
        prop_assert_eq!(waits.last().copied(), (!literal_plus).then_some(out.len()));
        let expected = (tag, mailbox, message);
        prop_assert_eq!(Append::parse_head(&last_head(&out)), Some(expected));

        out.clear();
        prop_assert_eq!(next.write_next(literal_plus, &mut out), !literal_plus);
        prop_assert_eq!(Append::parse_next(&last_head(&out)), Some(next));
    }

    #[test]
    fn no_octets_make_the_parser_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse_anything(&octets);
    }

    /// Octets that get farther than arbitrary ones: a good command with some of its octets changed.
    #[test]
    fn no_broken_command_makes_the_parser_panic(
        tag in generate::tag(),
        command in generate::command(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut out = Vec::new();
        command.write(&tag, true, &mut out);
        for (index, octet) in changes {
            *index.get_mut(&mut out) = octet;
        }
        parse_anything(&out);
        parse_anything(&out[..end.index(out.len())]);
    }
}

fn parse_anything(octets: &[u8]) {
    let frame = Bytes::copy_from_slice(octets);
    if let Err(bad) = Command::parse(&frame, Dialect::SILENT) {
        assert!(bad.error.at <= frame.len(), "{bad:?}");
    }
    peek(&frame);
    let head = LiteralHead { frame, size_octets: 1, synchronizing: true, binary: false };
    Append::parse_head(&head);
    Append::parse_next(&head);
    if let Some((_, _, mut parser)) = AppendParser::begin(&head) {
        parser.literal(&head);
        let _ = parser.end(&head.frame);
    }
}

/// A set as long as the server's longest line is parsed and resolved in no time, and takes at most eight octets of
/// memory for each octet of the line: as it was sent, where the densest has a range in two octets, and resolved.
#[test]
fn a_hostile_set_is_no_burden() {
    const LINE_OCTETS_MAX: usize = 1 << 20;
    let spread: Vec<String> =
        (0..LINE_OCTETS_MAX / 7).rev().map(|number| (number * 2 + 1).to_string()).collect();
    let dense: Vec<String> =
        (0..LINE_OCTETS_MAX / 2).map(|number| (number % 5 * 2 + 1).to_string()).collect();
    for (numbers, ranges) in [(spread, LINE_OCTETS_MAX / 7), (dense, 5)] {
        let octets = format!("a UID FETCH {} UID", numbers.join(","));
        let memory_octets_max = 8 * octets.len();
        let (_, command) = Command::parse(&Bytes::from(octets), Dialect::IMAP4).expect("a FETCH");
        let Command::Fetch(fetch) = command else { panic!("not a FETCH") };
        let SequenceSet::Ranges(sent) = &fetch.set else { panic!("not `$`") };
        assert_eq!(sent.len(), numbers.len());
        assert!(sent.capacity() * size_of_val(&sent[0]) <= memory_octets_max, "{}", sent.capacity());
        let set = fetch.set.resolve(None, &NumberSet::new());
        assert_eq!((set.len(), set.ranges().len()), (ranges as u64, ranges));
        assert!(size_of_val(set.ranges()) <= memory_octets_max);
    }
}
