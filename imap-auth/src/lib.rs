//! Who gets in: SASL exchanges, credential records, and the policy of what is offered when.
#![allow(clippy::todo)]

#[cfg(feature = "server")]
mod authenticator;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
mod credentials;
#[cfg(feature = "server")]
mod directory;
mod prepare;
mod secret;

#[cfg(feature = "server")]
pub use authenticator::{AuthError, Authenticator, Channel, Exchange, Identity, Settings, Step};
#[cfg(feature = "server")]
pub use credentials::{BadRecord, Credentials, HashCost};
#[cfg(feature = "server")]
pub use directory::{BoxFuture, Directory, DirectoryError, UserRecord};
pub use prepare::{BadPassword, prepare_password, prepare_user_name};
pub use secret::Secret;
