//! The mail store: a log of changes per account, its fold, checkpoints, views, MIME structure and search.
#![allow(clippy::todo)]

pub mod account;
mod clock;
pub mod engine;
mod error;
pub mod files;
pub mod log;
pub mod message;
pub mod search;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod store;

pub use clock::Clock;
pub use error::{OpenError, StoreError};
pub use store::{Durability, OpenReport, Options, Store, User};
