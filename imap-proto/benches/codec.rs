//! Parsing and writing, ours beside imap-codec: the same octets, from the octets of the stream to values, and
//! back. Ours includes the framers, since imap-codec finds the end of a line itself.

#![allow(missing_docs, reason = "no API")]

mod inputs;

use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use imap_codec::decode::Decoder;
use imap_codec::encode::Encoder;
use imap_codec::{CommandCodec, ResponseCodec};
use imap_proto::Dialect;
use imap_proto::command::{Command, Tag};
use imap_proto::response::{FetchWriter, Response};
use imap_proto::types::{Flag, SeqNum, SystemFlag, Uid};
use imap_proto::wire::{Event, Framer, Limits, ResponseEvent, ResponseFramer};

fn main() {
    divan::main();
}

const LIMITS: Limits = Limits {
    line_octets_max: 65_536,
    literal_octets_max: 65_536,
    literals_max: 64,
    dropped_octets_max: 1 << 20,
};

/// As much as a socket gives at once.
const READ_OCTETS: usize = 65_536;

fn our_commands(lines: &[Vec<u8>]) -> Vec<(Tag, Command)> {
    let mut framer = Framer::new(LIMITS);
    let mut commands = Vec::with_capacity(lines.len());
    for line in lines {
        framer.receive(line);
        let Some(Event::Command(frame)) = framer.poll() else { panic!("a command") };
        commands.push(Command::parse(&frame, Dialect::IMAP4).expect("it follows the grammar"));
    }
    commands
}

fn their_commands(lines: &[Vec<u8>]) -> Vec<imap_codec::imap_types::command::Command<'_>> {
    let decoded =
        lines.iter().map(|line| CommandCodec::new().decode(line).expect("it follows the grammar").1);
    decoded.collect()
}

/// Gives each response to `take`; literals up to `inline_octets_max` are inside.
fn our_responses(octets: &[u8], inline_octets_max: u64, mut take: impl FnMut(Response)) {
    let mut framer = ResponseFramer::new(1 << 30, inline_octets_max);
    for piece in octets.chunks(READ_OCTETS) {
        framer.receive(piece);
        while let Some(event) = framer.poll() {
            match event {
                ResponseEvent::Response(frame) => {
                    if let Ok(response) = Response::parse(&frame) {
                        take(response);
                    }
                }
                other => drop(black_box(other)),
            }
        }
    }
}

fn their_responses<'o>(
    mut octets: &'o [u8],
    mut take: impl FnMut(imap_codec::imap_types::response::Response<'o>),
) {
    while !octets.is_empty() {
        let (rest, response) = ResponseCodec::new().decode(octets).expect("it follows the grammar");
        octets = rest;
        take(response);
    }
}

fn bytes(octets: &[u8]) -> BytesCount {
    BytesCount::new(octets.len())
}

#[divan::bench_group]
mod session_commands {
    use super::*;

    fn counter(lines: &[Vec<u8>]) -> BytesCount {
        BytesCount::new(lines.iter().map(Vec::len).sum::<usize>())
    }

    #[divan::bench]
    fn parse_ours(bencher: Bencher) {
        let lines = inputs::commands();
        bencher.counter(counter(&lines)).bench_local(|| drop(black_box(our_commands(black_box(&lines)))));
    }

    #[divan::bench]
    fn parse_imap_codec(bencher: Bencher) {
        let lines = inputs::commands();
        bencher.counter(counter(&lines)).bench_local(|| drop(black_box(their_commands(black_box(&lines)))));
    }

    #[divan::bench]
    fn write_ours(bencher: Bencher) {
        let lines = inputs::commands();
        let commands = our_commands(&lines);
        let mut out = Vec::new();
        bencher.counter(counter(&lines)).bench_local(|| {
            out.clear();
            for (tag, command) in &commands {
                command.write(tag, true, &mut out);
            }
            out.len()
        });
    }

    #[divan::bench]
    fn write_imap_codec(bencher: Bencher) {
        let lines = inputs::commands();
        let commands = their_commands(&lines);
        bencher.counter(counter(&lines)).bench_local(|| {
            commands.iter().map(|command| CommandCodec::new().encode(command).dump().len()).sum::<usize>()
        });
    }
}

macro_rules! response_benches {
    ($name:ident, $input:expr) => {
        #[divan::bench_group(max_time = 5)]
        mod $name {
            use super::*;

            #[divan::bench]
            fn parse_ours(bencher: Bencher) {
                let octets = $input;
                bencher.counter(bytes(&octets)).bench_local(|| {
                    our_responses(black_box(&octets), u64::MAX, |response| drop(black_box(response)));
                });
            }

            #[divan::bench]
            fn parse_imap_codec(bencher: Bencher) {
                let octets = $input;
                bencher.counter(bytes(&octets)).bench_local(|| {
                    their_responses(black_box(&octets), |response| drop(black_box(response)));
                });
            }

            #[divan::bench]
            fn write_ours(bencher: Bencher) {
                let octets = $input;
                let mut responses = Vec::new();
                our_responses(&octets, u64::MAX, |response| responses.push(response));
                let mut out = Vec::new();
                bencher.counter(bytes(&octets)).bench_local(|| {
                    out.clear();
                    for response in &responses {
                        response.write(&mut out, Dialect::IMAP4);
                    }
                    out.len()
                });
            }

            #[divan::bench]
            fn write_imap_codec(bencher: Bencher) {
                let octets = $input;
                let mut responses = Vec::new();
                their_responses(&octets, |response| responses.push(response));
                bencher.counter(bytes(&octets)).bench_local(|| {
                    let lengths =
                        responses.iter().map(|response| ResponseCodec::new().encode(response).dump().len());
                    lengths.sum::<usize>()
                });
            }
        }
    };
}

response_benches!(envelopes_of_1_000, inputs::envelopes());
response_benches!(flags_of_100_000, inputs::flags());
response_benches!(literal_of_10_mib, inputs::large_literal());

/// As a client does it that streams what is large: no message as a whole in memory.
#[divan::bench(max_time = 5)]
fn literal_of_10_mib_streamed_ours(bencher: Bencher) {
    let octets = inputs::large_literal();
    bencher.counter(bytes(&octets)).bench_local(|| {
        our_responses(black_box(&octets), 65_536, |response| drop(black_box(response)));
    });
}

/// The parser alone, of a frame that is in memory.
#[divan::bench]
fn literal_of_10_mib_from_its_frame_ours(bencher: Bencher) {
    let frame = Bytes::from(inputs::large_literal());
    let frame = frame.slice(..frame.len() - 2);
    bencher.counter(bytes(&frame)).bench_local(|| Response::parse(black_box(&frame)));
}

/// As our server does it: no response is built first.
#[divan::bench(max_time = 5)]
fn flags_of_100_000_written_by_fetch_writer(bencher: Bencher) {
    let flags = [Flag::System(SystemFlag::Answered), Flag::System(SystemFlag::Seen)];
    let mut out = Vec::new();
    bencher.counter(bytes(&inputs::flags())).bench_local(|| {
        out.clear();
        for number in 1..=100_000u32 {
            let seq_num = SeqNum::new(number).expect("not 0");
            let mut writer = FetchWriter::begin(&mut out, Dialect::IMAP4, seq_num);
            writer.uid(Uid::new(number + 7).expect("not 0"));
            writer.flags(&flags[number as usize % 2..]);
            writer.end();
        }
        out.len()
    });
}
