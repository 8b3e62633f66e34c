//! Who gets in: SASL exchanges, credential records, and the policy of what is offered when.
//!
//! A server brings a [`Directory`] and asks an [`Authenticator`]; a client picks a mechanism with
//! [`client::ClientExchange`]. Neither knows a socket, nor how a protocol frames the messages.
//!
//! ```
//! # #[cfg(all(feature = "server", feature = "client"))]
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use imap_auth::client::{ClientExchange, UserPassword};
//! use imap_auth::{
//!     Authenticator, BoxFuture, Channel, Credentials, Directory, DirectoryError, HashCost, Secret, Settings,
//!     Step, UserRecord,
//! };
//!
//! /// A directory of one user.
//! struct OnlyAlice(Credentials);
//!
//! impl Directory for OnlyAlice {
//!     fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
//!         let record = UserRecord { name: "alice".into(), credentials: self.0.clone() };
//!         Box::pin(async move { Ok((name == "alice").then_some(record)) })
//!     }
//! }
//!
//! let cost = HashCost { memory_kib: 64, passes: 1 }; // far too low for anything but an example
//! let directory = OnlyAlice(Credentials::from_password(&Secret::new("sesame"), cost)?);
//! let settings = Settings { cost, hashes_at_once: 2, server_secret: Secret::new("32 random octets") };
//! let authenticator = Authenticator::new(Arc::new(directory), settings);
//! let channel = Channel { passwords_allowed: true, ..Channel::default() };
//!
//! // The LOGIN command.
//! let alice = authenticator.login(b"alice", &Secret::new("sesame"), &channel).await?;
//! assert_eq!((alice.user.as_str(), alice.mechanism), ("alice", "login"));
//!
//! // AUTHENTICATE, with a client at the other end.
//! let offered = authenticator.mechanisms(&channel);
//! let credentials = UserPassword { user: "alice".into(), password: Secret::new("sesame") };
//! let mut client = ClientExchange::start(&offered, credentials)?;
//! let mut server = authenticator.start(client.mechanism(), &channel)?;
//! let mut response = client.initial_response()?;
//! let alice = loop {
//!     match server.step(response.as_ref()).await? {
//!         Step::Challenge(challenge) => response = Some(client.step(&challenge)?),
//!         Step::Done(who) => break who,
//!     }
//! };
//! client.finish()?;
//! assert_eq!((alice.user.as_str(), alice.mechanism), ("alice", "SCRAM-SHA-512"));
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "server", feature = "client")))]
//! # fn main() {}
//! ```

#[cfg(feature = "server")]
mod authenticator;
mod binding;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
mod credentials;
#[cfg(feature = "server")]
mod directory;
#[cfg(feature = "server")]
mod exchange;
mod guard;
#[cfg(feature = "server")]
mod password;
mod prepare;
mod scram;
mod secret;

#[cfg(feature = "server")]
pub use authenticator::{AuthError, Authenticator, Channel, Identity, Settings};
pub use binding::{ChannelBindings, tls_server_end_point};
#[cfg(feature = "server")]
pub use credentials::{BadRecord, Credentials, HashCost};
#[cfg(feature = "server")]
pub use directory::{BoxFuture, Directory, DirectoryError, UserRecord};
#[cfg(feature = "server")]
pub use exchange::{Exchange, Step};
pub use prepare::{BadPassword, prepare_password, prepare_user_name};
pub use secret::Secret;
