//! [`Directory`]: where users come from.

mod chain;
#[cfg(feature = "ldap")]
mod ldap;
mod passwd;

use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

pub use self::chain::Directories;
#[cfg(feature = "ldap")]
pub use self::ldap::{BadLdapSettings, LdapDirectory, LdapGroups, LdapLookup, LdapSettings};
pub use self::passwd::{BadPasswdFile, PasswdFile};
use crate::{Credentials, Secret};

/// A future behind a pointer: a trait with `async fn` cannot be a `dyn` one.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A user as a directory knows them.
#[derive(Clone)]
pub struct UserRecord {
    /// The name as the directory spells it.
    pub name: String,
    /// What a password is checked against; [`Credentials::none`] where only the directory can do that.
    pub credentials: Credentials,
    /// What the user is and may do.
    pub attributes: UserAttributes,
    /// The [`Directory::name`] of the directory that knows the user.
    pub directory: String,
}

impl UserRecord {
    /// A user whose attributes stand in the credential record, of a directory with that name.
    pub fn new(name: impl Into<String>, credentials: Credentials, directory: impl Into<String>) -> Self {
        let attributes = credentials.attributes().clone();
        Self { name: name.into(), credentials, attributes, directory: directory.into() }
    }
}

/// What a user is and may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserAttributes {
    /// The user gets in by no way, and nobody acts as the user.
    pub disabled: bool,
    /// From then on it is as if the user were disabled, only that a right password is answered with EXPIRED.
    pub expires: Option<SystemTime>,
    /// The user may act as any other: the role that an authorization identity asks for.
    pub admin: bool,
    /// The groups that the user is in, by the directory's names.
    pub groups: Vec<String>,
}

impl UserAttributes {
    /// Whether the user's time is over at `now`.
    pub fn expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

/// The directory did not answer: the login fails with UNAVAILABLE, never with "wrong password".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the directory is unavailable: {reason}")]
pub struct DirectoryError {
    /// Why, for the operator.
    pub reason: String,
}

/// What a directory says of a name and a password.
#[derive(Clone)]
pub enum Verified {
    /// It does not know the user: the next directory is asked.
    Unknown,
    /// It knows the user, and the password has to be checked against the record's credentials.
    Check(UserRecord),
    /// It checked the password itself, and it is wrong. No other directory is asked.
    Wrong,
    /// It checked the password itself, and it is right.
    Fits(UserRecord),
}

/// Where users are looked up.
///
/// Only [`Self::find`] has to be there: such a directory gives credentials, and the password is checked here. One that
/// checks passwords itself (a bind with LDAP) has its own [`Self::verify`] too.
pub trait Directory: Send + Sync {
    /// What the operator calls it, for logs and [`UserRecord::directory`].
    fn name(&self) -> &str {
        "internal"
    }

    /// The user of that (prepared) name.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>>;

    /// Whether who is not found is not there. Not so where users are only seen when they give their password.
    fn finds_all(&self) -> bool {
        true
    }

    /// The user of that (prepared) name, and what the directory says of the password (as it was typed). The
    /// directory sees to it that an unknown user takes it about as long as a wrong password.
    ///
    /// By default a user without any password is unknown: the account of somebody whose password another directory
    /// has.
    fn verify<'a>(
        &'a self,
        name: &'a str,
        password: &'a Secret,
    ) -> BoxFuture<'a, Result<Verified, DirectoryError>> {
        let _ = password;
        Box::pin(async move {
            let any = |user: &UserRecord| {
                user.credentials.has_password() || !user.credentials.application_passwords().is_empty()
            };
            Ok(self.find(name).await?.filter(any).map_or(Verified::Unknown, Verified::Check))
        })
    }

    /// Keeps `credentials` for the user in place of those of `user`: a hash that was imported is made anew when its
    /// password is seen, and application passwords remember when they were used.
    ///
    /// Gives whether they are kept. They must not be where the record is another one by now (a password that was
    /// just set would be lost), and are not where the directory cannot be written, as by default.
    fn replace<'a>(
        &'a self,
        user: &'a UserRecord,
        credentials: &'a Credentials,
    ) -> BoxFuture<'a, Result<bool, DirectoryError>> {
        let _ = (user, credentials);
        Box::pin(std::future::ready(Ok(false)))
    }
}
