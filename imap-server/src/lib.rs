//! The Restante mail server.
#![allow(clippy::todo)]

pub mod session;

mod services;

pub use services::{Limits, ListenerPolicy, Services};
