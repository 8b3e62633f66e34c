//! What each fuzz target does with its octets. Each is a plain function that panics when something is wrong:
//! imap-proto's ordinary tests run them over the committed corpus.

use bytes::Bytes;
use imap_proto::command::{Append, Command, peek};
use imap_proto::response::{ListData, Response, StreamedFetch};
use imap_proto::types::{MailboxName, NameForm, NumberSet, SequenceSet, WireMailbox};
use imap_proto::wire::{Event, Framer, Limits, LiteralHead, ResponseEvent, ResponseFramer, write};
use imap_proto::{Dialect, Level};

const DIALECTS: [Dialect; 5] = [
    Dialect::SILENT,
    Dialect { level: Level::Imap2bis, utf8_accept: false },
    Dialect::IMAP4,
    Dialect { level: Level::Imap4, utf8_accept: true },
    Dialect { level: Level::Rev2, utf8_accept: false },
];

/// Small enough that a fuzzer finds every bound.
const LIMITS: Limits =
    Limits { line_octets_max: 200, literal_octets_max: 40, literals_max: 3, dropped_octets_max: 100 };

/// The first octet says what is done with literals, the second in which pieces the rest comes. Any pieces
/// give the same events.
pub fn command_frame(octets: &[u8]) {
    let [decisions, piece_octets, stream @ ..] = octets else { return };
    let whole = command_events(stream, stream.len().max(1), *decisions);
    let pieces = command_events(stream, usize::from(*piece_octets).max(1), *decisions);
    assert_eq!(whole, pieces);
}

/// All events, chunks joined. Each literal takes two bits of `decisions`: as argument, streamed or refused.
fn command_events(stream: &[u8], piece_octets: usize, decisions: u8) -> Vec<Event> {
    let mut framer = Framer::new(LIMITS);
    let mut events = Vec::new();
    let mut literals = 0;
    for piece in stream.chunks(piece_octets) {
        framer.receive(piece);
        while let Some(event) = framer.poll() {
            if let Event::Literal(_) = event {
                match decisions.rotate_right(literals * 2) & 3 {
                    0 => framer.accept_stream(),
                    1 => framer.refuse_literal(),
                    _ => drop(framer.accept_argument()),
                }
                literals += 1;
            }
            push_joined(&mut events, event);
        }
    }
    events
}

fn push_joined(events: &mut Vec<Event>, event: Event) {
    match (events.last_mut(), event) {
        (Some(Event::Chunk(last)), Event::Chunk(chunk)) => {
            assert!(!chunk.is_empty(), "a chunk has octets");
            *last = [&last[..], &chunk].concat().into();
        }
        (_, event) => events.push(event),
    }
}

/// A command that is understood is written in such a way that it is understood the same.
pub fn command(octets: &[u8]) {
    let frame = Bytes::copy_from_slice(octets);
    peek(octets);
    let head = LiteralHead { frame: frame.clone(), size_octets: 1, synchronizing: true, binary: false };
    let _ = Append::parse_head(&head);
    let _ = Append::parse_next(&head);
    for dialect in [Dialect::SILENT, Dialect { level: Level::Rev2, utf8_accept: true }] {
        match Command::parse(&frame, dialect) {
            Err(bad) => assert!(bad.error.at <= octets.len(), "{bad:?}"),
            Ok((tag, command)) => {
                let mut written = Vec::new();
                for wait in command.write(&tag, true, &mut written) {
                    assert_eq!(&written[wait - 3..wait], b"}\r\n");
                }
                assert_eq!(written.split_off(written.len() - 2), b"\r\n");
                let again = Command::parse(&Bytes::from(written.clone()), dialect);
                assert_eq!(again, Ok((tag, command)), "{}", written.escape_ascii());
            }
        }
    }
}

/// The first octet is the bound of literals that are not streamed, the second the size of pieces. Any pieces
/// give the same events.
pub fn response_frame(octets: &[u8]) {
    let [literal_octets_max, piece_octets, stream @ ..] = octets else { return };
    let whole = response_events(stream, stream.len().max(1), *literal_octets_max);
    let pieces = response_events(stream, usize::from(*piece_octets).max(1), *literal_octets_max);
    assert_eq!(whole, pieces);
}

fn response_events(stream: &[u8], piece_octets: usize, literal_octets_max: u8) -> Vec<ResponseEvent> {
    let mut framer = ResponseFramer::new(200, u64::from(literal_octets_max));
    let mut events: Vec<ResponseEvent> = Vec::new();
    for piece in stream.chunks(piece_octets) {
        framer.receive(piece);
        while let Some(event) = framer.poll() {
            match (events.last_mut(), event) {
                (Some(ResponseEvent::Chunk(last)), ResponseEvent::Chunk(chunk)) => {
                    assert!(!chunk.is_empty(), "a chunk has octets");
                    *last = [&last[..], &chunk].concat().into();
                }
                (_, event) => events.push(event),
            }
        }
    }
    events
}

/// A response that is understood is written in such a way that it is understood the same; what was replaced
/// the first time (octets that cannot stand in a text) stays so.
pub fn response(octets: &[u8]) {
    let frame = Bytes::copy_from_slice(octets);
    if let Some(streamed) = StreamedFetch::parse_head(&frame) {
        streamed.parse_rest(&frame);
        let _ = streamed.parse_next(&frame);
    }
    let Ok(response) = Response::parse(&frame) else { return };
    for dialect in DIALECTS {
        let written = written(&response, dialect);
        // What is kept verbatim may be as broken as it came.
        if format!("{response:?}").contains("Other(") {
            continue;
        }
        let read = Response::parse(&written).expect("our own line");
        let again = Response::parse(&self::written(&read, dialect)).expect("our own line");
        assert_eq!(read, again, "{dialect:?}: {}", written.escape_ascii());
    }
}

/// Without its CRLF.
fn written(response: &Response, dialect: Dialect) -> Bytes {
    let mut out = Vec::new();
    response.write(&mut out, dialect);
    assert_eq!(out.split_off(out.len() - 2), b"\r\n");
    out.into()
}

/// Names that are understood are written so that they are understood the same; sets are what a naive reading
/// says. The first octet chooses.
pub fn names_and_sets(octets: &[u8]) {
    match octets {
        [0, rest @ ..] => name(rest),
        [1, rest @ ..] => sequence_set(rest),
        [_, rest @ ..] => number_sets(rest),
        [] => {}
    }
}

fn name(octets: &[u8]) {
    for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
        let Ok(name) = WireMailbox(Bytes::copy_from_slice(octets)).decode(form) else { continue };
        assert_eq!(MailboxName::new(name.as_str()).as_ref(), Ok(&name));
        for form in [NameForm::ModifiedUtf7, NameForm::Utf8] {
            let wire = WireMailbox(name.encode(form).into());
            assert_eq!(wire.decode(form).as_ref(), Ok(&name), "{form:?}");
        }
    }
}

fn sequence_set(octets: &[u8]) {
    let frame = Bytes::from([b"a UID FETCH ", octets, b" UID"].concat());
    let Ok((_, Command::Fetch(fetch))) = Command::parse(&frame, Dialect::IMAP4) else { return };
    let SequenceSet::Ranges(_) = &fetch.set else { return };
    let text = fetch.set.to_string();
    let resolved = fetch.set.resolve(Some(50), &NumberSet::new());
    for number in [1, 2, 3, 49, 50, 51, 99, u32::MAX] {
        let is_in = text.split(',').any(|range| {
            let end = |text: &str| if text == "*" { 50 } else { text.parse::<u32>().expect("a number") };
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let (first, last) = (end(first), end(last));
            (first.min(last)..=first.max(last)).contains(&number)
        });
        assert_eq!(resolved.contains(number), is_in, "{number} in {text}");
    }
}

/// Octets are numbers 1..=64 that go into two sets by turns, as ranges.
fn number_sets(octets: &[u8]) {
    let (mut sets, mut models) = ([NumberSet::new(), NumberSet::new()], [0u128; 2]);
    for (index, pair) in octets.chunks_exact(2).enumerate() {
        let (first, last) = (u32::from(pair[0] % 64), u32::from(pair[1] % 64));
        let which = index % 2;
        sets[which].insert_range(first, last);
        for number in first.max(1)..=last {
            models[which] |= 1 << number;
        }
    }
    let model = |set: &NumberSet| set.iter().fold(0u128, |bits, number| bits | 1 << number);
    let [left, right] = &sets;
    assert_eq!([model(left), model(right)], models);
    assert_eq!(model(&left.union(right)), models[0] | models[1]);
    assert_eq!(model(&left.intersection(right)), models[0] & models[1]);
    assert_eq!(model(&left.difference(right)), models[0] & !models[1]);
    assert_eq!(left.len(), u64::from(models[0].count_ones()));
}

/// Strings in every dialect: read back the same, never an escape in quotes, nothing in quotes that the
/// dialect's clients cannot read.
pub fn dialects(octets: &[u8]) {
    for dialect in DIALECTS {
        let mut string = Vec::new();
        write::string(&mut string, octets, dialect);
        if string.starts_with(b"\"") {
            let inside = &string[1..string.len() - 1];
            assert_eq!(inside, octets);
            assert!(!inside.iter().any(|octet| b"\"\\\r\n\0".contains(octet)));
            assert!(dialect.quotes_utf8() || inside.iter().all(|octet| matches!(octet, 1..=126)));
            assert!(dialect.level >= Level::Imap4 || !inside.iter().any(|octet| b"%{".contains(octet)));
        } else {
            assert!(string.starts_with(format!("{{{}}}\r\n", octets.len()).as_bytes()));
            assert!(string.ends_with(octets));
        }
        let list = ListData::new(Vec::new(), Some(b'/'), Bytes::copy_from_slice(octets));
        let responses = [
            Response::List(list),
            Response::Id(vec![(Bytes::from_static(b"name"), Some(Bytes::copy_from_slice(octets)))]),
        ];
        for response in responses {
            assert_eq!(Response::parse(&written(&response, dialect)).as_ref(), Ok(&response));
        }
    }
}
