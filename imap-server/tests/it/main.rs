//! Everything of the server that needs more than one module: one binary, one module a subject.

mod acme;
mod admin;
mod bad_input;
mod client;
mod kill;
mod serve;
mod soak;
mod store_ops;
mod support;
mod tls;
mod transcripts;
