#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| bodies::names_and_sets(octets));
