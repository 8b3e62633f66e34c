//! Responses parsed by the crate `imap-proto` of async-imap, and by ours beside it.

#[path = "../../inputs/mod.rs"]
#[allow(dead_code, reason = "it parses no commands")]
mod inputs;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use restante_imap_proto::response::Response;
use restante_imap_proto::wire::{ResponseEvent, ResponseFramer};

fn main() {
    divan::main();
}

const INPUTS: [&str; 3] = ["envelopes_of_1_000", "flags_of_100_000", "literal_of_10_mib"];

fn input(name: &str) -> Vec<u8> {
    match name {
        "envelopes_of_1_000" => inputs::envelopes(),
        "flags_of_100_000" => inputs::flags(),
        _ => inputs::large_literal(),
    }
}

#[divan::bench(args = INPUTS, max_time = 5)]
fn parse_async_imap(bencher: Bencher, name: &str) {
    let octets = input(name);
    bencher.counter(BytesCount::new(octets.len())).bench_local(|| {
        let mut rest = black_box(octets.as_slice());
        while !rest.is_empty() {
            let (behind, response) = async_imap_proto::parser::parse_response(rest).expect("a response");
            drop(black_box(response));
            rest = behind;
        }
    });
}

#[divan::bench(args = INPUTS, max_time = 5)]
fn parse_ours(bencher: Bencher, name: &str) {
    let octets = input(name);
    bencher.counter(BytesCount::new(octets.len())).bench_local(|| {
        let mut framer = ResponseFramer::new(1 << 30, u64::MAX);
        for piece in black_box(&octets).chunks(65_536) {
            framer.receive(piece);
            while let Some(event) = framer.poll() {
                let ResponseEvent::Response(frame) = event else { panic!("{event:?}") };
                drop(black_box(Response::parse(&frame)));
            }
        }
    });
}
