//! [`People`]: an administrator, who makes users while clients work.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::load::server::{PASSWORD, cli};
use crate::load::{Connection, Failure, Server};

/// Makes users and gives them other passwords.
#[derive(Default)]
pub(super) struct People {
    pub(super) acknowledged: u64,
    made: u64,
    /// The last one that was acknowledged, and the password that it must have; or the other if a change was in flight.
    last: Option<(String, String)>,
    in_flight: Option<String>,
}

impl People {
    /// Works until it is over, or something is refused: by a server that is gone, as a rule.
    pub(super) fn work(&mut self, data: &Path, has_ended: &AtomicBool) {
        while !has_ended.load(Ordering::Acquire) {
            self.made += 1;
            let name = format!("person{}", self.made);
            if cli(data, &["user", "add", &name, "--password-stdin"], PASSWORD).is_err() {
                return;
            }
            self.acknowledged += 1;
            self.last = Some((name.clone(), PASSWORD.to_owned()));
            let other = format!("other{}", self.made);
            self.in_flight = Some(other.clone());
            if cli(data, &["user", "passwd", &name, "--password-stdin"], &other).is_err() {
                return;
            }
            self.last = Some((name, other));
            self.in_flight = None;
        }
    }

    /// Whether the last one can log in as was acknowledged.
    pub(super) fn compare(&mut self, server: &Server) -> Result<(), Failure> {
        let Some((name, password)) = self.last.take() else { return Ok(()) };
        let in_flight = self.in_flight.take();
        let passwords = [Some(password), in_flight];
        let can_log_in = |password: &String| {
            Connection::clear(server.imap).and_then(|it| it.login(&name, password)).is_ok()
        };
        if passwords.iter().flatten().any(can_log_in) {
            return Ok(());
        }
        Err(format!("{name} was made, and cannot log in"))
    }
}
