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
//!         let record = UserRecord::new("alice", self.0.clone(), self.name());
//!         Box::pin(async move { Ok((name == "alice").then_some(record)) })
//!     }
//! }
//!
//! let cost = HashCost { memory_kib: 64, passes: 1 }; // far too low for anything but an example
//! let directory = OnlyAlice(Credentials::from_password(&Secret::new("sesame"), cost)?);
//! let settings = Settings { cost, ..Settings::new(Secret::new("32 random octets")) };
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
#[cfg(feature = "server")]
mod backend;
mod binding;
#[cfg(feature = "server")]
mod certificate;
#[cfg(feature = "server")]
mod channel;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
mod credentials;
mod der;
#[cfg(feature = "server")]
mod directory;
#[cfg(feature = "server")]
mod exchange;
mod guard;
#[cfg(feature = "server")]
mod identity;
#[cfg(feature = "server")]
mod mechanisms;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "server")]
mod password;
mod prepare;
mod scram;
mod secret;
#[cfg(feature = "server")]
mod settings;
#[cfg(feature = "server")]
mod stamp;
#[cfg(feature = "server")]
mod throttle;

#[cfg(feature = "server")]
pub use authenticator::Authenticator;
pub use binding::{ChannelBindings, tls_server_end_point};
#[cfg(feature = "server")]
pub use certificate::{CertificateField, CertificateMapping};
#[cfg(feature = "server")]
pub use channel::{Channel, ClientCertificate};
#[cfg(feature = "server")]
pub use credentials::{
    ApplicationPassword, ApplicationPasswordError, BadRecord, Credentials, HashCost, Network,
};
#[cfg(feature = "ldap")]
pub use directory::{BadLdapSettings, LdapDirectory, LdapGroups, LdapLookup, LdapSettings};
#[cfg(feature = "server")]
pub use directory::{
    BadPasswdFile, BoxFuture, Directories, Directory, DirectoryError, PasswdFile, UserAttributes, UserRecord,
    Verified,
};
#[cfg(feature = "server")]
pub use exchange::{Exchange, Step};
#[cfg(feature = "server")]
pub use identity::{AuthError, Identity};
#[cfg(feature = "server")]
pub use mechanisms::{Mechanisms, UnknownMechanism};
#[cfg(feature = "oauth")]
pub use oauth::{BadOauthSettings, Introspection, OauthSettings, TokenAlgorithm, TokenKey, Tokens};
pub use prepare::{BadPassword, prepare_password, prepare_user_name};
pub use secret::Secret;
#[cfg(feature = "server")]
pub use settings::Settings;
#[cfg(feature = "server")]
pub use throttle::{Ban, Throttle, ThrottleSettings};
