//! The integration tests of imap-proto: one binary, one module a subject.

mod commands;
mod generate;
mod response_examples;
mod response_forgiving;
mod response_properties;
