#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| bodies::response_frame(octets));
