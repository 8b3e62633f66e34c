//! The mail store: a log of changes per account, its fold, checkpoints, views, MIME structure and search.
#![allow(clippy::todo)]

pub mod account;
mod checkpoint;
mod clock;
pub mod engine;
mod error;
pub mod files;
mod index;
pub mod log;
mod memory_disk;
pub mod message;
mod open;
pub mod search;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod store;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use error::{OpenError, StoreError};
pub use store::{Durability, OpenReport, Options, Store, User};
