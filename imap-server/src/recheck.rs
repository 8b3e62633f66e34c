//! Looks now and then whether those who are logged in may still be: other directories tell nobody when a user is gone or
//! disabled, and a user's time can end while a session lasts.

use std::collections::BTreeSet;
use std::time::Duration;

use imap_auth::Authenticator;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::Logins;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(60);

/// Does a round a minute until `stop`.
pub(crate) async fn run(authenticator: Authenticator, logins: Logins, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = round(&authenticator, &logins) => {}
        }
    }
}

/// Ends the sessions of users who may not come in any more. A directory that does not answer ends nobody's.
async fn round(authenticator: &Authenticator, logins: &Logins) {
    let sessions = logins.list();
    let known = sessions.iter().filter(|(_, info)| !info.directory.is_empty());
    // An administrator who acts as another has to be there too.
    let users: BTreeSet<&str> = known.flat_map(|(_, info)| [&*info.user, &*info.authenticated]).collect();
    for user in users {
        match authenticator.welcomes(user).await {
            Ok(Some(true) | None) => {}
            Ok(Some(false)) => {
                let ended = logins.kick(|_, info| {
                    !info.directory.is_empty() && (&*info.user == user || &*info.authenticated == user)
                });
                info!(target: "audit", ?user, ended, "sessions ended: the user may not come in any more");
            }
            Err(error) => debug!(?user, %error, "not looked up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use imap_auth::{
        BoxFuture, Credentials, Directory, DirectoryError, HashCost, Secret, Settings, UserAttributes,
        UserRecord,
    };
    use imap_proto::Level;
    use imap_store::log::AccountId;

    use super::*;
    use crate::{SessionInfo, Speaks};

    /// Users with what they may do; `None`: it does not answer.
    #[derive(Default)]
    struct Staff(Mutex<Option<BTreeMap<&'static str, UserAttributes>>>);

    impl Directory for Staff {
        fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
            let users = self.0.lock().expect("no panic").clone();
            let users = users.ok_or_else(|| DirectoryError { reason: "no answer".into() });
            let found = users.map(|users| {
                let attributes = users.get(name)?.clone();
                Some(UserRecord { attributes, ..UserRecord::new(name, Credentials::none(), "staff") })
            });
            Box::pin(std::future::ready(found))
        }
    }

    fn who(user: &str, authenticated: &str, directory: &str) -> SessionInfo {
        SessionInfo {
            user: user.into(),
            authenticated: authenticated.into(),
            address: None,
            listener: "imap".into(),
            mechanism: "PLAIN",
            directory: directory.into(),
            tls: None,
            since: SystemTime::UNIX_EPOCH,
            speaks: Speaks::new(Level::Silent),
        }
    }

    #[tokio::test]
    async fn sessions_of_who_is_gone_disabled_or_expired_end_and_no_others() {
        let staff = Arc::new(Staff::default());
        let cost = HashCost { memory_kib: 8, passes: 1 };
        let settings = Settings { cost, ..Settings::new(Secret::new("of the test")) };
        let authenticator = Authenticator::new(staff.clone(), settings);
        let logins = Logins::new(CancellationToken::new(), 10);
        let enter = |account, info| logins.enter(AccountId(account), logins.now(), info).expect("room");
        let sessions = [
            enter(1, who("ann", "ann", "staff")),
            enter(2, who("bob", "bob", "staff")),
            enter(3, who("cat", "cat", "staff")),
            enter(4, who("dan", "dan", "staff")),
            enter(1, who("ann", "bob", "staff")),
            // Nobody in particular, and a stranger by a token.
            enter(5, who("anonymous", "anonymous", "")),
        ];
        let ended = || sessions.iter().map(|session| session.end().is_cancelled()).collect::<Vec<_>>();
        round(&authenticator, &logins).await;
        assert_eq!(ended(), [false; 6], "the directory is down");
        let gone = UserAttributes { disabled: true, ..UserAttributes::default() };
        let over = UserAttributes { expires: Some(SystemTime::UNIX_EPOCH), ..UserAttributes::default() };
        let users = BTreeMap::from([("ann", UserAttributes::default()), ("bob", gone), ("cat", over)]);
        *staff.0.lock().expect("no panic") = Some(users);
        round(&authenticator, &logins).await;
        assert_eq!(ended(), [false, true, true, true, true, false]);
    }
}
