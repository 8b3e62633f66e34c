//! [`ROWS`]: every kind of work that is measured; [`CURVES`]: those that are measured by number of connections too.

use super::filled::{Bench, OTHERS};
use super::{changes, idle, logins, memory, opening, reads, together};
use crate::load::Failure;

/// What a figure is; for the first two more is better, for the others less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    PerSecond,
    MegabytesPerSecond,
    Milliseconds,
    Kibibytes,
}

/// One kind of work.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// How much better than the other server we mean to be.
    pub(super) target: f64,
    /// The second time would be another kind of work.
    pub(super) is_once: bool,
    pub(super) run: fn(&mut Bench) -> Result<f64, Failure>,
}

pub(super) const ROWS: &[Row] = &[
    row("envelope, structure, size, date: first time", Unit::PerSecond, 13.0, true, reads::structure),
    row("envelope, structure, size, date: again", Unit::PerSecond, 5.0, false, reads::structure),
    row("append 20 KB, 1 connection", Unit::PerSecond, 2.5, false, |bench| {
        together::append(bench, &OTHERS[..1], 1)
    }),
    row("append 20 KB, 8 connections, 8 users", Unit::PerSecond, 4.0, false, |bench| {
        together::append(bench, &OTHERS, 1)
    }),
    row("append 20 KB, 8 connections, 1 mailbox", Unit::PerSecond, 7.0, false, |bench| {
        together::append(bench, &["u0"; 8], 1)
    }),
    row("multiappend of 50", Unit::PerSecond, 2.0, false, |bench| together::append(bench, &OTHERS[..1], 50)),
    row("select, new connection", Unit::Milliseconds, 12.0, false, reads::select),
    row("select, first after start", Unit::Milliseconds, 2.0, false, opening::first_select),
    row("opening after a stop", Unit::Milliseconds, 1.0, false, opening::after_stop),
    row("opening after a kill", Unit::Milliseconds, 1.0, false, opening::after_kill),
    row("memory more while 100 MB are appended", Unit::Kibibytes, 1.0, false, memory::appended),
    row("memory more while 100 MB are fetched", Unit::Kibibytes, 1.0, false, memory::fetched),
    row("uid fetch 1:* (flags)", Unit::PerSecond, 2.0, false, |bench| {
        reads::fetch_all(bench, "UID FETCH 1:* (FLAGS)")
    }),
    row("header fields of all", Unit::PerSecond, 2.0, false, |bench| {
        reads::fetch_all(bench, "FETCH 1:* BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID)]")
    }),
    row("bodies of all, 1 connection", Unit::MegabytesPerSecond, 2.0, false, |bench| {
        reads::bodies(bench, 1, false)
    }),
    row("bodies of all, 4 connections", Unit::MegabytesPerSecond, 2.0, false, |bench| {
        reads::bodies(bench, 4, false)
    }),
    row("bodies of all, TLS", Unit::MegabytesPerSecond, 4.0, false, |bench| reads::bodies(bench, 1, true)),
    row("a random body, median", Unit::Milliseconds, 1.9, false, |bench| reads::random_body(bench, 50)),
    row("a random body, 99 of 100", Unit::Milliseconds, 1.3, false, |bench| reads::random_body(bench, 99)),
    row("store 1:* +flags", Unit::PerSecond, 3.0, false, changes::store_all),
    row("one store, median", Unit::Milliseconds, 1.0, false, changes::store_one),
    row("search unseen", Unit::Milliseconds, 4.0, false, |bench| reads::in_large(bench, "SEARCH UNSEEN")),
    row("search subject", Unit::Milliseconds, 5.8, false, |bench| {
        reads::in_large(bench, "SEARCH SUBJECT lantern")
    }),
    row("search from", Unit::Milliseconds, 6.7, false, |bench| {
        reads::in_large(bench, "SEARCH FROM lindqvist")
    }),
    row("search body, no index", Unit::Milliseconds, 4.0, false, |bench| {
        reads::in_large(bench, "SEARCH BODY zebrafish")
    }),
    row("copy of 10,000", Unit::Milliseconds, 2.9, false, changes::copy),
    row("move of 10,000", Unit::Milliseconds, 3.0, false, changes::move_some),
    row("expunge of 10,000", Unit::Milliseconds, 2.9, false, changes::expunge),
    row("qresync select after 100 changes", Unit::Milliseconds, 7.4, false, reads::qresync),
    row("changedsince after 100 changes", Unit::Milliseconds, 3.6, false, reads::changed_since),
    row("mixed work, 1 connection", Unit::PerSecond, 4.0, false, |bench| together::mixed(bench, 1)),
    row("mixed work, 20 connections", Unit::PerSecond, 4.0, false, |bench| together::mixed(bench, 20)),
    row("mixed work, 100 connections", Unit::PerSecond, 4.0, false, |bench| together::mixed(bench, 100)),
    row("mixed work, 1,000 connections", Unit::PerSecond, 4.0, false, |bench| together::mixed(bench, 1_000)),
    row("an idle TLS connection, memory", Unit::Kibibytes, 35.0, false, idle::memory),
    row("all idle on one mailbox see a message", Unit::Milliseconds, 55.0, false, idle::news),
    row("all idle on mailboxes of their own see theirs", Unit::Milliseconds, 68.0, false, idle::own_news),
    row("login storm of all idle after a restart", Unit::Milliseconds, 1.0, false, idle::storm),
    row("logins, first of each user", Unit::PerSecond, 1.0, false, logins::first),
    row("logins, LOGIN command", Unit::PerSecond, 30.0, false, logins::command),
    row("logins, PLAIN", Unit::PerSecond, 30.0, false, logins::plain),
    row("logins, PLAIN over TLS", Unit::PerSecond, 16.0, false, logins::plain_tls),
    row("logins, SCRAM-SHA-256", Unit::PerSecond, 2.0, false, logins::scram),
    row("logins, SCRAM-SHA-256 over TLS", Unit::PerSecond, 2.0, false, logins::scram_tls),
    row("TLS handshakes", Unit::PerSecond, 1.7, false, logins::handshakes),
    row("TLS handshakes, resumed", Unit::PerSecond, 1.7, false, logins::resumed),
];

/// Work of [`Bench::connections`] connections.
pub(super) const CURVES: &[Row] = &[
    row("append 20 KB, 8 users", Unit::PerSecond, 4.0, false, |bench| {
        let users: Vec<&str> = OTHERS.into_iter().cycle().take(bench.connections).collect();
        together::append(bench, &users, 1)
    }),
    row("append 20 KB, 1 mailbox", Unit::PerSecond, 7.0, false, |bench| {
        together::append(bench, &vec!["u0"; bench.connections], 1)
    }),
    row("random bodies", Unit::PerSecond, 2.0, false, |bench| reads::random_bodies(bench, bench.connections)),
    row("envelopes of 100 at random", Unit::PerSecond, 2.0, false, |bench| {
        reads::random_envelopes(bench, bench.connections)
    }),
    row("mixed work", Unit::PerSecond, 4.0, false, |bench| together::mixed(bench, bench.connections)),
];

const fn row(
    name: &'static str,
    unit: Unit,
    target: f64,
    is_once: bool,
    run: fn(&mut Bench) -> Result<f64, Failure>,
) -> Row {
    Row { name, unit, target, is_once, run }
}
