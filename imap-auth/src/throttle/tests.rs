//! Who is refused, and above all who is not.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn throttle() -> Throttle {
    let never = vec!["198.51.100.0/24".parse().expect("a network")];
    Throttle::new(ThrottleSettings { never, ..ThrottleSettings::default() })
}

fn from(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("an address"))
}

fn fail(throttle: &Throttle, peer: Option<IpAddr>, user: &str, times: u32, now: Instant) {
    (0..times).for_each(|_| throttle.failed_at(peer, user, now));
}

/// How long the answer to one more failure waits.
fn delay(throttle: &Throttle, peer: Option<IpAddr>, user: &str, now: Instant) -> Duration {
    throttle.failed_at(peer, user, now);
    throttle.delay(peer, user)
}

#[test]
fn an_address_is_banned_and_comes_back() {
    let (throttle, start) = (throttle(), Instant::now());
    let attacker = from("192.0.2.1");
    fail(&throttle, attacker, "ann", 20, start);
    assert!(throttle.admit_at(attacker, "ann", start).is_ok());
    fail(&throttle, attacker, "bob", 1, start);
    let refused = throttle.admit_at(attacker, "carol", start).expect_err("banned");
    assert!(matches!(refused, AuthError::Unavailable { .. }));
    assert!(throttle.admit_at(attacker, "", start).is_err(), "before anybody is named, too");
    assert!(throttle.admit_at(from("192.0.2.2"), "carol", start).is_ok());
    assert_eq!(throttle.bans()[0].address, "192.0.2.1");
    assert!(throttle.admit_at(attacker, "carol", start + 16 * MINUTE).is_ok());
    assert!(throttle.lift("192.0.2.1") && !throttle.lift("192.0.2.1"));
    assert!(throttle.bans().is_empty() && throttle.admit_at(attacker, "carol", start).is_ok());
}

#[test]
fn slow_slips_are_forgotten() {
    let (throttle, start) = (throttle(), Instant::now());
    for minute in 0..300 {
        fail(&throttle, from("192.0.2.1"), "ann", 1, start + minute * MINUTE);
    }
    assert!(throttle.admit_at(from("192.0.2.1"), "ann", start + 300 * MINUTE).is_ok());
}

#[test]
fn a_customers_addresses_in_ipv6_are_one() {
    let (throttle, start) = (throttle(), Instant::now());
    for number in 0..21 {
        fail(&throttle, from(&format!("2001:db8:0:1::{number}")), "ann", 1, start);
    }
    assert!(throttle.admit_at(from("2001:db8:0:1:ffff::1"), "ann", start).is_err());
    assert!(throttle.admit_at(from("2001:db8:0:2::1"), "ann", start).is_ok());
    assert_eq!(throttle.bans()[0].address, "2001:db8:0:1::/64");
    assert!(throttle.lift("2001:db8:0:1::/64"));
    // IPv4 in the clothes of IPv6 is itself.
    fail(&throttle, from("::ffff:192.0.2.1"), "ann", 21, start);
    assert!(throttle.admit_at(from("192.0.2.1"), "ann", start).is_err());
}

#[test]
fn nobody_is_locked_out_where_they_got_in_before() {
    let (throttle, start) = (throttle(), Instant::now());
    throttle.succeeded_at(from("203.0.113.5"), "ann", start);
    for number in 0..255 {
        fail(&throttle, from(&format!("192.0.2.{number}")), "ann", 20, start);
    }
    assert!(throttle.admit_at(from("203.0.113.5"), "ann", start).is_ok());
    assert_eq!(delay(&throttle, from("203.0.113.5"), "ann", start), Duration::ZERO, "nor slowed down");
    // Elsewhere the attack is felt, by this user and, since it is that large, by others.
    assert!(throttle.admit_at(from("203.0.113.9"), "ann", start).is_err());
    assert!(throttle.admit_at(from("203.0.113.9"), "bob", start).is_err());
    assert!(throttle.admit_at(from("203.0.113.9"), "bob", start + 2 * MINUTE).is_ok());
    assert!(throttle.lift("ann"));
    assert!(throttle.admit_at(from("203.0.113.9"), "ann", start + 2 * MINUTE).is_ok());
}

#[test]
fn an_old_password_in_a_device_is_its_owners_affair_alone() {
    let (throttle, start) = (throttle(), Instant::now());
    let office = from("203.0.113.5");
    throttle.succeeded_at(office, "ann", start);
    throttle.succeeded_at(office, "bob", start);
    fail(&throttle, office, "ann", 30, start);
    assert!(throttle.admit_at(office, "ann", start).is_err());
    assert!(
        throttle.admit_at(office, "bob", start).is_ok() && throttle.admit_at(office, "carol", start).is_ok()
    );
    // A stranger in the office gets it banned, but not for those who are known there.
    fail(&throttle, office, "root", 21, start);
    assert!(throttle.admit_at(office, "carol", start).is_err());
    assert!(throttle.admit_at(office, "bob", start).is_ok());
}

#[test]
fn loopback_and_trusted_networks_are_never_refused() {
    let (throttle, start) = (throttle(), Instant::now());
    for free in ["127.0.0.1", "::1", "198.51.100.7"] {
        fail(&throttle, from(free), "ann", 200, start);
        assert!(throttle.admit_at(from(free), "ann", start).is_ok(), "{free}");
        assert_eq!(delay(&throttle, from(free), "ann", start), Duration::from_secs(15), "{free}");
    }
    assert!(throttle.bans().is_empty());
    assert!(throttle.admit_at(None, "ann", start).is_ok());
}

#[test]
fn the_answer_waits_longer_with_each_failure() {
    let (throttle, start) = (throttle(), Instant::now());
    let delays: Vec<u64> =
        (0..8).map(|_| delay(&throttle, from("192.0.2.1"), "ann", start).as_secs()).collect();
    assert_eq!(delays, [0, 0, 0, 1, 2, 4, 8, 15]);
}

#[test]
fn only_wrong_credentials_count() {
    let throttle = throttle();
    let peer = from("192.0.2.1");
    for _ in 0..100 {
        for error in [
            AuthError::Cancelled,
            AuthError::Malformed { reason: "" },
            AuthError::Unavailable { reason: String::new() },
            AuthError::PrivacyRequired,
        ] {
            throttle.note::<()>(peer, "ann", &Err(error));
        }
    }
    assert!(throttle.admit(peer, "ann").is_ok());
    throttle.note::<()>(peer, "ann", &Ok(()));
    assert!(throttle.state().known.contains(&(hashed("ann"), Place::of(peer.expect("given")))));
}
