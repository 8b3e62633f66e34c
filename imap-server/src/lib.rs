//! The Restante mail server: sessions, their commands, the network around them, the admin API and the `restante` command.
//!
//! From the inside out: a [`session`] knows IMAP and no socket; [`net`] drives it over one; [`server`] puts everything
//! together from a [`config`]; [`admin`] is how it is managed, and [`cli`] how a person does that.

mod command;
pub mod session;

mod logins;
mod search_threads;
mod services;

pub mod net;

pub mod access;
pub mod config;
mod directory;
mod durable_file;
#[cfg(feature = "faults")]
mod faults;
mod maintenance;
pub mod metrics;
mod recheck;
mod runfile;
mod secret_file;
pub mod server;
pub mod users;

pub mod admin;
pub mod cli;
pub mod demo;

pub use logins::{Logins, Moment, NoEntry, SessionInfo, Speaks};
pub use search_threads::SearchThreads;
pub use services::{Limits, ListenerPolicy, Services};
