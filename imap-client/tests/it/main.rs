//! The client against a scripted server at the other end of a pipe: no ports, no sleeping.

mod append;
mod connection;
mod fetch;
mod idle;
mod login;
mod mailboxes;
mod server;
mod tls;
