//! What must not allocate: the responses that there are a hundred thousand of when a client opens a large mailbox.
//! A binary of its own, since it counts what goes through the global allocator.

use allocation_counter::measure;
use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::response::{FetchAttribute, FetchWriter, Response};
use imap_proto::types::{Flag, Keyword, SeqNum, SystemFlag, Uid};
use imap_proto::wire::{ResponseEvent, ResponseFramer};

/// As many as a read of a socket may bring.
const RESPONSES: u32 = 1_000;

fn lines() -> Vec<u8> {
    let flags = ["\\Seen", "", "\\Answered \\Seen", "\\Seen $Junk"];
    let line =
        |number: u32| format!("* {number} FETCH (UID {number} FLAGS ({}))\r\n", flags[number as usize % 4]);
    (1..=RESPONSES).map(line).collect::<String>().into_bytes()
}

fn next(framer: &mut ResponseFramer) -> Option<Bytes> {
    match framer.poll()? {
        ResponseEvent::Response(frame) => Some(frame),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flags_response_is_found_and_parsed_without_an_allocation() {
    let mut framer = ResponseFramer::new(1 << 20, 1 << 16);
    framer.receive(&lines());
    // With its first response the buffer becomes one that is shared: once for a read, not for each response.
    assert!(next(&mut framer).is_some());
    let mut count = 1;
    let allocations = measure(|| {
        while let Some(frame) = next(&mut framer) {
            let response = Response::parse(&frame).expect("a response");
            let Response::Fetch { attributes, .. } = &response else { panic!("{response:?}") };
            assert!(matches!(attributes[..], [FetchAttribute::Uid(_), FetchAttribute::Flags(_)]));
            count += 1;
        }
    });
    assert_eq!((count, allocations.count_total), (RESPONSES, 0));
}

#[test]
fn a_flags_response_is_written_without_an_allocation() {
    let flags = [Flag::System(SystemFlag::Seen), Flag::Keyword(Keyword::new("$Junk").expect("an atom"))];
    let response =
        Response::parse(&Bytes::from_static(b"* 7 FETCH (UID 9 FLAGS (\\Seen $Junk))")).expect("a FETCH");
    let mut out = Vec::with_capacity(1 << 20);
    let allocations = measure(|| {
        for number in 1..=RESPONSES {
            let mut writer =
                FetchWriter::begin(&mut out, Dialect::IMAP4, SeqNum::new(number).expect("not 0"));
            writer.uid(Uid::new(number).expect("not 0"));
            writer.flags(&flags);
            writer.end();
            response.write(&mut out, Dialect::IMAP4);
        }
    });
    assert_eq!(allocations.count_total, 0);
}
