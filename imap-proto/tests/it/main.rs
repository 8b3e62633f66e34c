//! The integration tests of imap-proto: one binary, one module a subject.

mod command_examples;
mod commands;
mod differential;
mod extension_examples;
mod extension_properties;
mod fuzz_corpus;
mod generate;
mod response_examples;
mod response_forgiving;
mod response_properties;
mod rfc_examples;
