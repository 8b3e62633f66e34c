//! [`Logins`]: who is logged in how often, and the end of all sessions of a user whose account or password changed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use imap_proto::Level;
use imap_store::log::AccountId;
use tokio_util::sync::CancellationToken;

/// The sessions of every user. Cheap to clone.
///
/// One token a user is what all sessions of that user wait on; it is also cancelled when the server stops, so a
/// connection waits on one token whether somebody is logged in or not.
#[derive(Clone)]
pub struct Logins(Arc<Shared>);

struct Shared {
    stop: CancellationToken,
    per_user_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who has at least one session.
    users: HashMap<AccountId, User>,
    /// Every session by number; its token ends it alone.
    sessions: BTreeMap<u64, (Arc<SessionInfo>, CancellationToken)>,
    /// The last session's number.
    last_session: u64,
    /// How often [`Logins::end`] was called.
    ended: u64,
    /// The accounts of its last calls, the latest at the back.
    recent: VecDeque<AccountId>,
}

struct User {
    /// Tells the sessions before an end from those after it.
    since: Moment,
    sessions: usize,
    end: CancellationToken,
}

/// What is told of a session that is logged in.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// The user whose mail is open.
    pub user: Arc<str>,
    /// Who proved to be somebody: `user`, or an administrator.
    pub authenticated: Arc<str>,
    /// The client's address.
    pub address: Option<SocketAddr>,
    /// The listener's name.
    pub listener: Arc<str>,
    /// How; the LOGIN command is `login`.
    pub mechanism: &'static str,
    /// The directory that knows the user; empty where none does.
    pub directory: Arc<str>,
    /// The TLS version.
    pub tls: Option<&'static str>,
    /// When the login was.
    pub since: SystemTime,
    /// What the client has shown to speak.
    pub speaks: Speaks,
}

/// The dialect of a session, as the administrator sees it while it rises.
#[derive(Debug, Clone)]
pub struct Speaks(Arc<AtomicU8>);

impl Speaks {
    /// Every dialect, the oldest first.
    const LEVELS: [(Level, &str); 4] = [
        (Level::Silent, "imap2"),
        (Level::Imap2bis, "imap2bis"),
        (Level::Imap4, "imap4rev1"),
        (Level::Rev2, "imap4rev2"),
    ];

    /// So far.
    pub fn new(level: Level) -> Self {
        Self(Arc::new(AtomicU8::new(level as u8)))
    }

    /// The client showed more.
    pub(crate) fn rise(&self, level: Level) {
        self.0.fetch_max(level as u8, Ordering::Relaxed);
    }

    /// `imap2` also where nothing was shown yet.
    pub fn name(&self) -> &'static str {
        let level = self.0.load(Ordering::Relaxed);
        Self::LEVELS.iter().find(|(known, _)| *known as u8 == level).map_or("", |(_, name)| name)
    }
}

/// A time between two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(u64);

/// Why somebody with the right password does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEntry {
    /// The user has as many sessions as a user may have.
    TooMany,
    /// The account or its password changed while the password was being checked.
    Changed,
}

/// How many ends are remembered: more than fall into the time that checking a password takes.
const RECENT_MAX: usize = 256;

impl Logins {
    /// Nobody yet. Every session ends with `stop`; a user may have `per_user_max` at a time.
    pub fn new(stop: CancellationToken, per_user_max: usize) -> Self {
        Self(Arc::new(Shared { stop, per_user_max, state: Mutex::default() }))
    }

    /// Ends all sessions of the account, and lets nobody in whose password was being checked by what was known before.
    /// Call it when the change is kept, so that what is checked from then on is checked by what is new.
    pub fn end(&self, account: AccountId) {
        let mut state = self.state();
        state.ended += 1;
        if state.recent.len() == RECENT_MAX {
            state.recent.pop_front();
        }
        state.recent.push_back(account);
        let user = state.users.remove(&account);
        drop(state);
        if let Some(user) = user {
            user.end.cancel();
        }
    }

    /// Every session that is logged in, by its number.
    pub fn list(&self) -> Vec<(u64, Arc<SessionInfo>)> {
        self.state().sessions.iter().map(|(id, (info, _))| (*id, Arc::clone(info))).collect()
    }

    /// Ends the sessions that are meant; how many there were.
    pub fn kick(&self, is_meant: impl Fn(u64, &SessionInfo) -> bool) -> usize {
        let state = self.state();
        let meant = state.sessions.iter().filter(|(id, (info, _))| is_meant(**id, info));
        let ends: Vec<_> = meant.map(|(_, (_, end))| end.clone()).collect();
        drop(state);
        ends.iter().for_each(CancellationToken::cancel);
        ends.len()
    }

    /// Now: to be taken before a password is looked at.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.state().ended)
    }

    /// Counts a session in whose password was checked since `began`; it counts until the [`Login`] is dropped.
    pub(crate) fn enter(
        &self,
        account: AccountId,
        began: Moment,
        who: SessionInfo,
    ) -> Result<Login, NoEntry> {
        let mut state = self.state();
        let missed = usize::try_from(state.ended - began.0).unwrap_or(usize::MAX);
        if missed > state.recent.len()
            || state.recent.iter().rev().take(missed).any(|ended| *ended == account)
        {
            return Err(NoEntry::Changed);
        }
        let since = Moment(state.ended);
        let user = state.users.entry(account).or_insert_with(|| User {
            since,
            sessions: 0,
            end: self.0.stop.child_token(),
        });
        if user.sessions >= self.0.per_user_max {
            return Err(NoEntry::TooMany);
        }
        user.sessions += 1;
        let (since, end) = (user.since, user.end.child_token());
        state.last_session += 1;
        let id = state.last_session;
        let speaks = who.speaks.clone();
        state.sessions.insert(id, (Arc::new(who), end.clone()));
        drop(state);
        Ok(Login { logins: self.clone(), account, id, since, end, speaks })
    }

    fn leave(&self, account: AccountId, id: u64, since: Moment) {
        let mut state = self.state();
        state.sessions.remove(&id);
        // After an end the sessions of before it count no longer.
        let Some(user) = state.users.get_mut(&account).filter(|user| user.since == since) else { return };
        user.sessions -= 1;
        if user.sessions == 0 {
            state.users.remove(&account);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is changed in steps that cannot panic half-way.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("users", &self.state().users.len()).finish_non_exhaustive()
    }
}

/// One session's place among those of its user; giving it back is dropping it.
#[derive(Debug)]
pub(crate) struct Login {
    logins: Logins,
    account: AccountId,
    id: u64,
    since: Moment,
    end: CancellationToken,
    speaks: Speaks,
}

impl Login {
    /// The client showed that it knows this dialect.
    pub(crate) fn speaks(&self, level: Level) {
        self.speaks.rise(level);
    }

    /// Cancelled when the session has to end: the user changed, an administrator ended it, or the server stops.
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.end
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.logins.leave(self.account, self.id, self.since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    fn who() -> SessionInfo {
        SessionInfo {
            user: "ann".into(),
            authenticated: "ann".into(),
            address: None,
            listener: "imap".into(),
            mechanism: "login",
            directory: "internal".into(),
            tls: None,
            since: SystemTime::UNIX_EPOCH,
            speaks: Speaks::new(Level::Silent),
        }
    }

    fn logins() -> Logins {
        Logins::new(CancellationToken::new(), 2)
    }

    #[test]
    fn an_end_is_for_one_user_and_those_who_are_inside() {
        let logins = logins();
        let (ann, bob) = (logins.enter(ANN, logins.now(), who()), logins.enter(BOB, logins.now(), who()));
        let (ann, bob) = (ann.expect("room"), bob.expect("room"));
        logins.end(ANN);
        assert!(ann.end().is_cancelled() && !bob.end().is_cancelled());
        let again = logins.enter(ANN, logins.now(), who()).expect("the new password");
        // The old session's place is not taken from the new one's count.
        drop(ann);
        let more = logins.enter(ANN, logins.now(), who()).expect("room");
        assert!(!again.end().is_cancelled() && !more.end().is_cancelled());
        assert_eq!(logins.enter(ANN, logins.now(), who()).expect_err("full"), NoEntry::TooMany);
    }

    #[test]
    fn who_gave_the_old_password_during_the_change_stays_outside() {
        let logins = logins();
        let before = logins.now();
        logins.end(ANN);
        assert_eq!(logins.enter(ANN, before, who()).expect_err("changed"), NoEntry::Changed);
        logins.enter(BOB, before, who()).expect("another user");
        logins.enter(ANN, logins.now(), who()).expect("the new password");
        // More ends than are remembered: nobody knows whose.
        (0..=RECENT_MAX).for_each(|_| logins.end(ANN));
        assert_eq!(logins.enter(BOB, before, who()).expect_err("too long ago"), NoEntry::Changed);
        assert_eq!(logins.state().recent.len(), RECENT_MAX);
    }

    #[test]
    fn one_session_is_ended_alone() {
        let logins = logins();
        let (one, two) = (logins.enter(ANN, logins.now(), who()), logins.enter(ANN, logins.now(), who()));
        let (one, two) = (one.expect("room"), two.expect("room"));
        assert_eq!(logins.list().len(), 2);
        assert_eq!(logins.kick(|id, _| id == one.id), 1);
        assert!(one.end().is_cancelled() && !two.end().is_cancelled());
        drop(one);
        assert_eq!(logins.kick(|_, info| &*info.user == "ann"), 1);
        drop(two);
        assert!(logins.list().is_empty() && logins.state().users.is_empty());
    }

    #[test]
    fn a_dialect_rises_and_never_falls() {
        let speaks = who().speaks;
        for (level, name) in Speaks::LEVELS {
            speaks.rise(level);
            speaks.rise(Level::Silent);
            assert_eq!(speaks.name(), name);
        }
    }

    #[test]
    fn places_come_back_and_leave_nothing_behind() {
        let logins = logins();
        let both = [logins.enter(ANN, logins.now(), who()), logins.enter(ANN, logins.now(), who())];
        assert!(both.iter().all(Result::is_ok));
        drop(both);
        assert!(logins.state().users.is_empty());
    }

    #[test]
    fn the_servers_end_is_everybodys() {
        let logins = logins();
        let ann = logins.enter(ANN, logins.now(), who()).expect("room");
        logins.0.stop.cancel();
        assert!(ann.end().is_cancelled());
    }
}
