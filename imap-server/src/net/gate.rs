//! [`Gate`]: how many connections there are, who may still come in, and who has to wait for it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Limits, metrics};

/// How long somebody waits for the greeting whose address has left too many connections without a login. Together with
/// the number of connections that an address may have, this bounds how many a second it can make us begin.
const WAIT: Duration = Duration::from_secs(1);

/// Counts connections, in all and of addresses that are not logged in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections_max: usize,
    connections_per_address_max: usize,
    /// How many connections an address may leave without a login, and a fifth of it anew each second; 0: any number.
    left_per_address_max: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: usize,
    /// Who has a connection that is not logged in, or left one a little while ago.
    strangers: HashMap<IpAddr, Stranger>,
    /// How many strangers there may be until those are looked for who are none any more.
    swept_at: usize,
}

/// What connections of an address do that are not logged in.
#[derive(Debug)]
struct Stranger {
    open: usize,
    /// Connections that were left, run out evenly until `at`.
    left: f64,
    at: Instant,
}

/// One connection's place; giving it back is dropping it.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    /// Whom it counts for; `None` once it is logged in, and while a proxy has not told.
    stranger: Option<IpAddr>,
    is_logged_in: bool,
    /// How long it waits for its greeting.
    pub(super) wait: Option<Duration>,
}

/// Why a connection is turned away, for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Server,
    Address,
    /// Its address has all its connections and leaves them without a login: not worth a word.
    Flood,
}

impl Full {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Server => "Too many connections",
            Self::Address | Self::Flood => "Too many connections from your address that are not logged in",
        }
    }
}

impl Gate {
    /// A gate with the limits of connections.
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Shared {
            connections_max: limits.connections_max,
            connections_per_address_max: limits.connections_per_address_max,
            left_per_address_max: limits.left_per_address_max,
            counts: Mutex::default(),
        }))
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.counts().connections
    }

    pub(super) fn enter(&self, address: IpAddr) -> Result<Place, Full> {
        self.enter_at(Some(address), Instant::now())
    }

    /// A place for who comes through a trusted proxy: of which address is known once the proxy has told, by
    /// [`Place::is_of`].
    pub(super) fn enter_proxied(&self) -> Result<Place, Full> {
        self.enter_at(None, Instant::now())
    }

    fn enter_at(&self, address: Option<IpAddr>, now: Instant) -> Result<Place, Full> {
        let mut counts = self.counts();
        if counts.connections >= self.0.connections_max {
            return Err(Full::Server);
        }
        let wait = address.map_or(Ok(None), |address| self.0.count(&mut counts, customer(address), now))?;
        counts.connections += 1;
        metrics::open_connections(counts.connections);
        drop(counts);
        Ok(Place { gate: self.clone(), stranger: address.map(customer), is_logged_in: false, wait })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are changed in single steps that cannot panic half-way.
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// One more connection of an address that is not logged in; how long it waits.
    fn count(&self, counts: &mut Counts, address: IpAddr, now: Instant) -> Result<Option<Duration>, Full> {
        counts.sweep(self.left_per_address_max, now);
        let stranger = counts.strangers.entry(address).or_insert(Stranger { open: 0, left: 0.0, at: now });
        stranger.run_out(self.left_per_address_max, now);
        let is_flood = self.left_per_address_max > 0 && stranger.left >= f64::from(self.left_per_address_max);
        if stranger.open >= self.connections_per_address_max {
            return Err(if is_flood { Full::Flood } else { Full::Address });
        }
        stranger.open += 1;
        Ok(is_flood.then_some(WAIT))
    }

    /// One less. It `left` when it never was logged in.
    fn discount(&self, counts: &mut Counts, address: IpAddr, left: bool, now: Instant) {
        let Some(stranger) = counts.strangers.get_mut(&address) else { return };
        stranger.open -= 1;
        stranger.run_out(self.left_per_address_max, now);
        if left {
            // No more than so many: when a flood ends, it is forgotten soon.
            stranger.left = (stranger.left + 1.0).min(2.0 * f64::from(self.left_per_address_max));
        }
        if stranger.is_gone() {
            counts.strangers.remove(&address);
        }
    }
}

impl Counts {
    /// Forgets who left their connections long enough ago, whenever the number of strangers has doubled.
    fn sweep(&mut self, left_max: u32, now: Instant) {
        const FEW: usize = 1_024;
        if self.strangers.len() < self.swept_at.max(FEW) {
            return;
        }
        self.strangers.retain(|_, stranger| {
            stranger.run_out(left_max, now);
            !stranger.is_gone()
        });
        self.swept_at = 2 * self.strangers.len();
    }
}

impl Stranger {
    fn run_out(&mut self, left_max: u32, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left - seconds * f64::from(left_max) / 5.0).max(0.0);
        self.at = now;
    }

    fn is_gone(&self) -> bool {
        self.open == 0 && self.left == 0.0
    }
}

impl Place {
    /// The connection is logged in and counts for its address no longer; false when that was known already.
    pub(super) fn logged_in(&mut self) -> bool {
        if let Some(address) = self.stranger.take() {
            self.gate.0.discount(&mut self.gate.counts(), address, false, Instant::now());
        }
        !std::mem::replace(&mut self.is_logged_in, true)
    }

    /// The proxy told whose connection it is: it counts for that address now.
    pub(super) fn is_of(&mut self, address: IpAddr) -> Result<(), Full> {
        let address = customer(address);
        self.wait = self.gate.0.count(&mut self.gate.counts(), address, Instant::now())?;
        self.stranger = Some(address);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.connections -= 1;
        metrics::open_connections(counts.connections);
        if let Some(address) = self.stranger.take() {
            self.gate.0.discount(&mut counts, address, true, Instant::now());
        }
    }
}

/// What counts as one address: an IPv4 address, by IPv6 or not, or a network of 64 bits, which is what one customer gets.
fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn gate(connections_max: usize, connections_per_address_max: usize) -> Gate {
        let limits = Limits { connections_max, connections_per_address_max, ..Limits::default() };
        Gate::new(&Limits { left_per_address_max: 5, ..limits })
    }

    #[test]
    fn an_address_is_bounded_until_it_is_logged_in() {
        let gate = gate(10, 2);
        let mut first = gate.enter(HERE).expect("room");
        let _second = gate.enter(HERE).expect("room");
        assert_eq!(gate.enter(HERE).expect_err("full"), Full::Address);
        let _other = gate.enter(THERE).expect("another address");
        assert!(first.logged_in() && !first.logged_in());
        let _third = gate.enter(HERE).expect("one is logged in");
        assert_eq!(gate.connections(), 4);
    }

    #[test]
    fn a_proxys_client_counts_once_it_is_told() {
        let gate = gate(10, 1);
        let mut first = gate.enter_proxied().expect("room");
        let mut second = gate.enter_proxied().expect("room");
        first.is_of(HERE).expect("room");
        assert_eq!(second.is_of(HERE).expect_err("full"), Full::Address);
        second.is_of(THERE).expect("another address");
        assert!(first.logged_in() && second.logged_in());
        assert!(gate.counts().strangers.is_empty());
    }

    #[test]
    fn places_come_back() {
        let gate = gate(1, 1);
        let mut place = gate.enter(HERE).expect("room");
        assert_eq!(gate.enter(THERE).expect_err("full"), Full::Server);
        place.logged_in();
        drop(place);
        assert_eq!(gate.connections(), 0);
        assert!(gate.counts().strangers.is_empty());
        gate.enter(THERE).expect("room again");
    }

    #[test]
    fn who_leaves_too_often_without_a_login_waits_and_nobody_else_does() {
        let gate = gate(10, 2);
        let start = Instant::now();
        let enter = |address, after: u64| gate.enter_at(Some(address), start + Duration::from_secs(after));
        assert_eq!(enter(HERE, 0).expect("room").wait, None);
        for _ in 0..9 {
            drop(enter(HERE, 0).expect("room"));
        }
        // Logging in is no sign of anything.
        for _ in 0..9 {
            enter(THERE, 0).expect("room").logged_in();
        }
        assert_eq!(enter(THERE, 0).expect("room").wait, None);
        let [first, _second] = [enter(HERE, 0), enter(HERE, 0)].map(|place| place.expect("room"));
        assert_eq!(first.wait, Some(WAIT));
        assert_eq!(enter(HERE, 0).expect_err("full"), Full::Flood);
        drop(first);
        assert_eq!(enter(HERE, 10).expect("room").wait, None, "it has run out");
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_those_who_are_gone_are_forgotten() {
        let gate = gate(10, 1);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let _first = gate.enter(address("2001:db8::1")).expect("room");
        assert_eq!(gate.enter(address("2001:db8::2:3")).expect_err("full"), Full::Address);
        let start = Instant::now();
        for number in 0..5_000u32 {
            let at = start + Duration::from_millis(u64::from(number));
            drop(gate.enter_at(Some(std::net::Ipv4Addr::from_bits(number).into()), at).expect("room"));
        }
        let strangers = gate.counts().strangers.len();
        assert!(strangers <= 2_100, "{strangers}, each for a second");
    }
}
