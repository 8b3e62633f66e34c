//! [`PasswdFile`]: users in a file like Dovecot's passwd-file, read again when it changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{BoxFuture, Directory, DirectoryError, UserRecord};
use crate::stamp::FileStamp;
use crate::{Credentials, prepare_user_name};

/// Users in a file of lines `USER:{SCHEME}HASH[:...]`, as [`Credentials::import`] reads hashes.
///
/// Fields after the second are passed over, but for `admin=yes`, `disabled=yes` and `groups=a,b` among the words of
/// the eighth, where Dovecot has its extra fields. Empty lines and such that begin with `#` are passed over; a bad
/// line is named in the log, by its number, and is nobody's. Nothing is ever written.
///
/// Whether the file is another one is looked at every second at the most. One that cannot be read any more makes the
/// directory unavailable.
pub struct PasswdFile {
    name: String,
    path: PathBuf,
    state: Mutex<State>,
}

/// The file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct BadPasswdFile {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

struct State {
    users: Result<Arc<Users>, BadPasswdFile>,
    stamp: FileStamp,
    looked: Instant,
}

type Users = HashMap<String, UserRecord>;

impl PasswdFile {
    /// Reads the file, which the operator calls `name`. Not on an async thread.
    pub fn open(name: impl Into<String>, path: impl Into<PathBuf>) -> Result<Self, BadPasswdFile> {
        let (name, path) = (name.into(), path.into());
        let stamp = FileStamp::of(&path);
        let users = read(&name, &path)?;
        let state = State { users: Ok(users), stamp, looked: Instant::now() };
        Ok(Self { name, path, state: Mutex::new(state) })
    }

    /// The users; a file that changed is read first, off the async threads.
    async fn users(&self) -> Result<Arc<Users>, BadPasswdFile> {
        let old = {
            let mut state = self.state();
            if state.looked.elapsed() < LOOK_EVERY {
                return state.users.clone();
            }
            // Whoever comes meanwhile goes on with what there is.
            state.looked = Instant::now();
            state.stamp.clone()
        };
        let (name, path) = (self.name.clone(), self.path.clone());
        let look = move || {
            let stamp = FileStamp::of(&path);
            (stamp != old).then(|| (stamp, read(&name, &path)))
        };
        let changed = tokio::task::spawn_blocking(look).await.ok().flatten();
        let mut state = self.state();
        if let Some((stamp, users)) = changed {
            match &users {
                Ok(users) => {
                    tracing::info!(path = %self.path.display(), users = users.len(), "user file read again")
                }
                Err(error) => tracing::error!(%error, "the user file cannot be read"),
            }
            (state.stamp, state.users) = (stamp, users);
        }
        state.users.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // It is whole after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn look_now(&self) {
        let mut state = self.state();
        state.looked = state.looked.checked_sub(LOOK_EVERY).expect("the machine has been up for a while");
    }
}

impl Directory for PasswdFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        Box::pin(async move {
            let users = self.users().await.map_err(|error| DirectoryError { reason: error.to_string() })?;
            Ok(users.get(name).cloned())
        })
    }
}

fn read(directory: &str, path: &Path) -> Result<Arc<Users>, BadPasswdFile> {
    let bad = |reason: String| BadPasswdFile { path: path.to_owned(), reason };
    let octets = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let text = String::from_utf8(octets).map_err(|_| bad("it is not UTF-8".into()))?;
    let mut users = Users::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let read = user(directory, line).and_then(|user| {
            let name = user.name.clone();
            if users.insert(name, user).is_some() {
                Err("the user is there already".to_owned())
            } else {
                Ok(())
            }
        });
        if let Err(reason) = read {
            tracing::error!(path = %path.display(), line = number, reason, "a line of the user file is bad");
        }
    }
    Ok(Arc::new(users))
}

/// The user of a line; the error quotes none of it.
fn user(directory: &str, line: &str) -> Result<UserRecord, String> {
    // bcrypt and the like have no colons.
    let fields: Vec<&str> = line.splitn(8, ':').collect();
    let [name, hash, ..] = fields[..] else { return Err("it has no colon".into()) };
    let name = prepare_user_name(name.as_bytes()).map_err(|error| error.reason.to_owned())?;
    let mut credentials = if hash.is_empty() {
        // Comes with a certificate or a token only.
        Credentials::none()
    } else {
        Credentials::import(hash).map_err(|error| error.reason)?
    };
    let mut attributes = credentials.attributes().clone();
    for word in fields.get(7).unwrap_or(&"").split_whitespace() {
        match word.split_once('=') {
            Some(("admin", value)) => attributes.admin = value == "yes",
            Some(("disabled", value)) => attributes.disabled = value != "no",
            Some(("groups", value)) => attributes.groups = value.split(',').map(str::to_owned).collect(),
            _ => {}
        }
    }
    credentials.set_attributes(attributes);
    Ok(UserRecord::new(name, credentials, directory))
}

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    /// Made by `doveadm pw -s SSHA -p sesame`.
    const SSHA: &str = "{SSHA}j5a8XHcDbW3gVFhvYH9CJx3IXEes8c33";

    async fn find(file: &PasswdFile, name: &str) -> Option<UserRecord> {
        file.find(name).await.expect("readable")
    }

    #[tokio::test]
    async fn lines() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let text = format!(
            "# people\n\nalice:{SSHA}\nbob:{SSHA}:1000:1000:Bob:/home/bob:/bin/sh:admin=yes groups=a,b quota=1G\n\
             carol::::::: disabled=yes\nrubbish\ndave:plain text\neve:{{MD5}}x\n:{SSHA}\nalice:{SSHA}\n"
        );
        std::fs::write(file.path(), text).expect("written");
        let users = PasswdFile::open("file", file.path()).expect("readable");
        let bob = find(&users, "bob").await.expect("there");
        assert!(bob.attributes.admin && !bob.attributes.disabled);
        assert_eq!(
            (bob.attributes.groups, bob.directory),
            (vec!["a".to_owned(), "b".into()], "file".to_owned())
        );
        let carol = find(&users, "carol").await.expect("there");
        assert!(carol.attributes.disabled && !carol.credentials.has_password());
        assert!(find(&users, "alice").await.is_some());
        for nobody in ["rubbish", "dave", "eve", "", "# people"] {
            assert!(find(&users, nobody).await.is_none(), "{nobody}");
        }
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("users");
        std::fs::write(&path, format!("alice:{SSHA}\n")).expect("written");
        let users = PasswdFile::open("file", &path).expect("readable");
        assert!(find(&users, "bob").await.is_none());
        // As editors do it: a new file in its place.
        let fresh = directory.path().join("new");
        std::fs::write(&fresh, format!("bobby:{SSHA}\nbob:{SSHA}\n")).expect("written");
        std::fs::rename(&fresh, &path).expect("moved");
        users.look_now();
        assert!(find(&users, "bob").await.is_some());
        assert!(find(&users, "alice").await.is_none());
        // One that is gone is no user that is gone.
        std::fs::remove_file(&path).expect("there");
        users.look_now();
        assert!(users.find("bob").await.is_err());
        std::fs::write(&path, format!("bob:{SSHA}\n")).expect("written");
        users.look_now();
        assert!(find(&users, "bob").await.is_some());
        assert!(PasswdFile::open("file", directory.path().join("nothing")).is_err());
    }
}
