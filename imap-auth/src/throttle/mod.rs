//! [`Throttle`]: how many wrong passwords are taken, from an address, for a user, and in all.
//!
//! Only failures count, and where they count depends on what is known of the two together:
//!
//! | the user has logged in from that address before | it counts for | what is refused when there are too many |
//! | --- | --- | --- |
//! | no | the address, the user, all | tries of that address (a ban); of that user from addresses where they never got in; of all such pairs |
//! | yes | the pair | tries of the pair |
//!
//! So nobody can lock a user out from another address, nor slow them down: where they got in once, only failures of
//! their own at that place count. A device that keeps trying an old password bans its owner there, and not the whole
//! office. An address is an IPv4 address or an IPv6 /64: what one customer gets.
//!
//! What is refused is answered as unavailable, before a password is hashed. The answer to a failure is to wait, longer with
//! each: [`crate::Authenticator::answer_delay`]. What is remembered is bounded and lives in memory; who got in where is kept apart, and only who gets in can fill
//! it.

mod bounded;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use self::bounded::Bounded;
use crate::{AuthError, Network, prepare_user_name};

/// How many failures are taken before tries are refused.
#[derive(Debug, Clone)]
pub struct ThrottleSettings {
    /// From an address; also of one user at an address where they got in before.
    pub failures_per_address_max: u32,
    /// For a user, from addresses where the user never got in.
    pub failures_per_user_max: u32,
    /// In all, likewise.
    pub failures_in_all_max: u32,
    /// The time in which so many failures are too many; they are forgotten evenly over it.
    pub window: Duration,
    /// How long an address is banned.
    pub ban: Duration,
    /// The answer to a failure waits that long at the most.
    pub delay_max: Duration,
    /// Addresses that are never refused. Loopback never is, nor who is not known.
    pub never: Vec<Network>,
}

impl Default for ThrottleSettings {
    /// 20 failures in 10 minutes from an address, 50 for a user, 1,000 in all; a quarter of an hour; 15 seconds.
    fn default() -> Self {
        Self {
            failures_per_address_max: 20,
            failures_per_user_max: 50,
            failures_in_all_max: 1_000,
            window: Duration::from_secs(10 * 60),
            ban: Duration::from_secs(15 * 60),
            delay_max: Duration::from_secs(15),
            never: Vec::new(),
        }
    }
}

/// Counts failures. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    settings: ThrottleSettings,
    state: Mutex<State>,
}

struct State {
    addresses: Bounded<Place, Counter>,
    users: Bounded<Name, Counter>,
    pairs: Bounded<(Name, Place), Counter>,
    all: Counter,
    /// When a user last got in from a place.
    known: Bounded<(Name, Place), Instant>,
}

/// A banned address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    pub address: String,
    /// How long it still lasts.
    pub remaining: Duration,
}

/// What counts as one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place(IpAddr);

/// A user's name, hashed: passwords are typed as user names now and then.
type Name = [u8; 16];

/// Failures that run out evenly over the window.
#[derive(Debug, Clone, Copy)]
struct Counter {
    level: f64,
    at: Instant,
    refused_until: Option<Instant>,
}

impl Throttle {
    /// Nobody has failed yet.
    pub fn new(settings: ThrottleSettings) -> Self {
        let state = State {
            addresses: Bounded::new(),
            users: Bounded::new(),
            pairs: Bounded::new(),
            all: Counter::new(Instant::now()),
            known: Bounded::new(),
        };
        Self(Arc::new(Shared { settings, state: Mutex::new(state) }))
    }

    /// Who is banned now, in the order of addresses.
    pub fn bans(&self) -> Vec<Ban> {
        let now = Instant::now();
        let state = self.state();
        let banned = state.addresses.iter().filter_map(|(place, counter)| {
            let remaining = counter.refused_until?.checked_duration_since(now)?;
            Some((place.0, Ban { address: place.to_string(), remaining }))
        });
        let mut bans: Vec<_> = banned.collect();
        drop(state);
        bans.sort_by_key(|(address, _)| *address);
        bans.into_iter().map(|(_, ban)| ban).collect()
    }

    /// Forgets the failures of an address (all of its /64 in IPv6), or of a user at every address; whether there were any.
    pub fn lift(&self, target: &str) -> bool {
        let address = target.split_once('/').map_or(target, |(address, _)| address);
        let mut state = self.state();
        match address.parse::<IpAddr>() {
            Ok(address) => {
                let place = Place::of(address);
                let pairs = state.pairs.remove_where(|(_, at)| *at == place);
                state.addresses.remove(&place) || pairs
            }
            Err(_) => {
                let name = hashed(target);
                let pairs = state.pairs.remove_where(|(of, _)| *of == name);
                state.users.remove(&name) || pairs
            }
        }
    }

    /// Whether a password may be tried; before it is looked at. `user` is empty where nobody is named yet.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, user: &str) -> Result<(), AuthError> {
        self.admit_at(peer, user, Instant::now())
    }

    /// Notes how a try ended.
    pub(crate) fn note<T>(&self, peer: Option<IpAddr>, user: &str, outcome: &Result<T, AuthError>) {
        match outcome {
            Ok(_) => self.succeeded_at(peer, user, Instant::now()),
            Err(error) if error.counts() => self.failed_at(peer, user, Instant::now()),
            Err(_) => {}
        }
    }

    /// How long the answer to the failure that was noted last waits.
    pub(crate) fn delay(&self, peer: Option<IpAddr>, user: &str) -> Duration {
        let Some(peer) = peer else { return Duration::ZERO };
        let pair = (hashed(user), Place::of(peer));
        let state = self.state();
        let counter = match self.place(Some(peer)) {
            Some(place) if !state.known.contains(&pair) => state.addresses.get(&place),
            _ => state.pairs.get(&pair),
        };
        counter.map_or(Duration::ZERO, |counter| self.0.settings.delay(counter.level))
    }

    fn admit_at(&self, peer: Option<IpAddr>, user: &str, now: Instant) -> Result<(), AuthError> {
        let Some(place) = self.place(peer) else { return Ok(()) };
        let name = hashed(user);
        let state = self.state();
        let refused = |reason: &str| Err(AuthError::Unavailable { reason: reason.to_owned() });
        if !user.is_empty() && state.known.contains(&(name, place)) {
            return match state.pairs.get(&(name, place)) {
                Some(pair) if pair.is_refused(now) => {
                    refused("too many failures of this user at this address")
                }
                _ => Ok(()),
            };
        }
        if state.addresses.get(&place).is_some_and(|counter| counter.is_refused(now)) {
            return refused("the address is banned");
        }
        if user.is_empty() {
            return Ok(());
        }
        if state.users.get(&name).is_some_and(|counter| counter.is_refused(now)) {
            return refused("too many failures of this user at addresses where they never got in");
        }
        if state.all.is_refused(now) {
            return refused("too many failures in all");
        }
        Ok(())
    }

    /// Counts a failure.
    fn failed_at(&self, peer: Option<IpAddr>, user: &str, now: Instant) {
        let settings = &self.0.settings;
        let name = hashed(user);
        let mut state = self.state();
        let state = &mut *state;
        let Some(place) = self.place(peer) else {
            // Never refused, but a user's failures wait there too.
            let Some(peer) = peer else { return };
            state.pairs.entry((name, Place::of(peer)), now, || Counter::new(now)).add(now, settings.window);
            return;
        };
        let (per_address, ban) = (settings.failures_per_address_max, settings.ban);
        if state.known.contains(&(name, place)) {
            let pair = state.pairs.entry((name, place), now, || Counter::new(now));
            pair.add(now, settings.window);
            pair.refuse_over(per_address, now + ban);
            return;
        }
        let address = state.addresses.entry(place, now, || Counter::new(now));
        address.add(now, settings.window);
        address.refuse_over(per_address, now + ban);
        // For a user and in all it ends as soon as failures are fewer again: nobody is meant personally.
        let soon = now + settings.window / 10;
        if !user.is_empty() {
            let counter = state.users.entry(name, now, || Counter::new(now));
            counter.add(now, settings.window);
            counter.refuse_over(settings.failures_per_user_max, soon);
        }
        state.all.add(now, settings.window);
        state.all.refuse_over(settings.failures_in_all_max, soon);
    }

    fn succeeded_at(&self, peer: Option<IpAddr>, user: &str, now: Instant) {
        let Some(peer) = peer.filter(|_| !user.is_empty()) else { return };
        let pair = (hashed(user), Place::of(peer));
        let mut state = self.state();
        *state.known.entry(pair, now, || now) = now;
        state.pairs.remove(&pair);
    }

    /// What an address counts as; `None`: it is never refused.
    fn place(&self, peer: Option<IpAddr>) -> Option<Place> {
        let address = peer?.to_canonical();
        let never = &self.0.settings.never;
        let is_free = address.is_loopback() || never.iter().any(|network| network.contains(address));
        (!is_free).then(|| Place::of(address))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters are changed in steps that cannot panic half-way.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ThrottleSettings {
    /// Nothing for the first failures, which are slips of the hand; then a second, doubled with each.
    fn delay(&self, level: f64) -> Duration {
        // They run out slowly, so that ten are never quite ten.
        let failures = level.round();
        if failures <= FREE_FAILURES {
            return Duration::ZERO;
        }
        let doublings = (failures - FREE_FAILURES - 1.0).min(16.0);
        Duration::from_secs_f64(doublings.exp2()).min(self.delay_max)
    }
}

impl Place {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            IpAddr::V6(v6) => Self(IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

impl Counter {
    fn new(now: Instant) -> Self {
        Self { level: 0.0, at: now, refused_until: None }
    }

    /// One more. What was there has run out after `window` without one.
    fn add(&mut self, now: Instant, window: Duration) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64() / window.as_secs_f64().max(1.0);
        self.level = (self.level * (1.0 - passed.min(1.0))).max(0.0) + 1.0;
        self.at = now;
    }

    fn refuse_over(&mut self, max: u32, until: Instant) {
        if self.level > f64::from(max) {
            self.refused_until = Some(until);
        }
    }

    fn is_refused(&self, now: Instant) -> bool {
        self.refused_until.is_some_and(|until| now < until)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

fn hashed(user: &str) -> Name {
    let prepared = prepare_user_name(user.as_bytes());
    let name = prepared.as_deref().unwrap_or(user);
    let digest = Sha256::digest(name.as_bytes());
    *digest.first_chunk().expect("SHA-256 has 32 octets")
}

/// Failures whose answers do not wait.
const FREE_FAILURES: f64 = 3.0;
