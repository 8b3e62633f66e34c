//! [`Gate`]: how many connections there are, and who may still come in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics;

/// Counts connections, in all and of addresses that are not logged in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections_max: usize,
    connections_per_address_max: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: usize,
    /// Addresses with at least one connection that is not logged in: bounded by `connections_max`.
    strangers: HashMap<IpAddr, usize>,
}

/// One connection's place; giving it back is dropping it.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    /// Whom it counts for; `None` once it is logged in, and while a proxy has not told.
    stranger: Option<IpAddr>,
    is_logged_in: bool,
}

/// Why a connection is turned away, for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Server,
    Address,
}

impl Full {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Server => "Too many connections",
            Self::Address => "Too many connections from your address that are not logged in",
        }
    }
}

impl Gate {
    /// A gate with room for that many connections in all, and of one address that is not logged in.
    pub fn new(connections_max: usize, connections_per_address_max: usize) -> Self {
        Self(Arc::new(Shared { connections_max, connections_per_address_max, counts: Mutex::default() }))
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.counts().connections
    }

    pub(super) fn enter(&self, address: IpAddr) -> Result<Place, Full> {
        // One person with IPv4 and IPv4-mapped IPv6 is one address.
        let address = address.to_canonical();
        let mut counts = self.counts();
        if counts.connections >= self.0.connections_max {
            return Err(Full::Server);
        }
        let strangers = counts.strangers.get(&address).copied().unwrap_or(0);
        if strangers >= self.0.connections_per_address_max {
            return Err(Full::Address);
        }
        counts.connections += 1;
        metrics::open_connections(counts.connections);
        counts.strangers.insert(address, strangers + 1);
        drop(counts);
        Ok(Place { gate: self.clone(), stranger: Some(address), is_logged_in: false })
    }

    /// A place for who comes through a trusted proxy: of which address is known once the proxy has told, by
    /// [`Place::is_of`].
    pub(super) fn enter_proxied(&self) -> Result<Place, Full> {
        let mut counts = self.counts();
        if counts.connections >= self.0.connections_max {
            return Err(Full::Server);
        }
        counts.connections += 1;
        metrics::open_connections(counts.connections);
        drop(counts);
        Ok(Place { gate: self.clone(), stranger: None, is_logged_in: false })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are changed in single steps that cannot panic half-way.
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection is logged in and counts for its address no longer; false when that was known already.
    pub(super) fn logged_in(&mut self) -> bool {
        if let Some(address) = self.stranger.take() {
            forget(&mut self.gate.counts(), address);
        }
        !std::mem::replace(&mut self.is_logged_in, true)
    }

    /// The proxy told whose connection it is: it counts for that address now.
    pub(super) fn is_of(&mut self, address: IpAddr) -> Result<(), Full> {
        let address = address.to_canonical();
        let mut counts = self.gate.counts();
        let strangers = counts.strangers.get(&address).copied().unwrap_or(0);
        if strangers >= self.gate.0.connections_per_address_max {
            return Err(Full::Address);
        }
        counts.strangers.insert(address, strangers + 1);
        drop(counts);
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
            forget(&mut counts, address);
        }
    }
}

fn forget(counts: &mut Counts, address: IpAddr) {
    if let Some(strangers) = counts.strangers.get_mut(&address) {
        *strangers -= 1;
        if *strangers == 0 {
            counts.strangers.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn an_address_is_bounded_until_it_is_logged_in() {
        let gate = Gate::new(10, 2);
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
        let gate = Gate::new(10, 1);
        let mut first = gate.enter_proxied().expect("room");
        let mut second = gate.enter_proxied().expect("room");
        first.is_of(HERE).expect("room");
        assert_eq!(second.is_of(HERE).expect_err("full"), Full::Address);
        second.is_of(THERE).expect("another address");
        drop((first, second));
        assert!(gate.counts().strangers.is_empty());
    }

    #[test]
    fn places_come_back() {
        let gate = Gate::new(1, 1);
        let place = gate.enter(HERE).expect("room");
        assert_eq!(gate.enter(THERE).expect_err("full"), Full::Server);
        drop(place);
        assert_eq!(gate.connections(), 0);
        assert!(gate.counts().strangers.is_empty());
        gate.enter(THERE).expect("room again");
    }
}
