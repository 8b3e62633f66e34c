//! Logins a second: each is a connection of its own, from the greeting to the goodbye, by clients that know the salted password
//! and no TLS session of before.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use rustls::ClientConfig;
use rustls::client::Resumption;

use super::filled::Bench;
use crate::load::server::{KEYS_USER, PASSWORD, USER};
use crate::load::{Connection, Failure, Server};

/// What a client does on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The LOGIN command.
    Command,
    /// AUTHENTICATE PLAIN.
    Plain,
    /// AUTHENTICATE SCRAM-SHA-256 (RFC 7677).
    Scram,
    /// Nothing: it only connects.
    Nothing,
}

/// Clients that are at it at the same time.
const CLIENTS: usize = 8;
/// Users who log in for the first time since the server started.
const FRESH: usize = 40;

pub(super) fn command(bench: &mut Bench) -> Result<f64, Failure> {
    again_and_again(bench, Way::Command, None)
}

pub(super) fn plain(bench: &mut Bench) -> Result<f64, Failure> {
    again_and_again(bench, Way::Plain, None)
}

pub(super) fn scram(bench: &mut Bench) -> Result<f64, Failure> {
    again_and_again(bench, Way::Scram, None)
}

pub(super) fn plain_tls(bench: &mut Bench) -> Result<f64, Failure> {
    let tls = without_resumption(bench.server());
    again_and_again(bench, Way::Plain, Some(&tls))
}

pub(super) fn scram_tls(bench: &mut Bench) -> Result<f64, Failure> {
    let tls = without_resumption(bench.server());
    again_and_again(bench, Way::Scram, Some(&tls))
}

/// TLS connections a second, up to the greeting.
pub(super) fn handshakes(bench: &mut Bench) -> Result<f64, Failure> {
    let tls = without_resumption(bench.server());
    again_and_again(bench, Way::Nothing, Some(&tls))
}

/// The same, sessions resumed.
pub(super) fn resumed(bench: &mut Bench) -> Result<f64, Failure> {
    let tls = bench.server().tls.clone();
    again_and_again(bench, Way::Nothing, Some(&tls))
}

/// The first login of each of many users: every one costs a hash.
pub(super) fn first(bench: &mut Bench) -> Result<f64, Failure> {
    let place = bench.fresh();
    let users: Vec<String> = (0..FRESH).map(|number| format!("fresh{place}x{number}")).collect();
    for user in &users {
        bench.server().add_user(user)?;
    }
    let next = AtomicUsize::new(0);
    let server = bench.server();
    let began = Instant::now();
    let done = at_once(|| {
        let Some(user) = users.get(next.fetch_add(1, Ordering::Relaxed)) else { return Ok(false) };
        session(server, None, Way::Plain, user, &Salted::default())?;
        Ok(true)
    })?;
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

/// Logins a second of one user, whom both servers have seen before.
fn again_and_again(bench: &Bench, way: Way, tls: Option<&Arc<ClientConfig>>) -> Result<f64, Failure> {
    let server = bench.server();
    let user = if way == Way::Scram { KEYS_USER } else { USER };
    let salted = Salted::default();
    let lasts = |time: Duration| {
        let began = Instant::now();
        let done = at_once(|| {
            if began.elapsed() >= time {
                return Ok(false);
            }
            session(server, tls, way, user, &salted)?;
            Ok(true)
        })?;
        Ok(done as f64 / began.elapsed().as_secs_f64())
    };
    lasts(Duration::from_millis(200))?;
    lasts(bench.lasts())
}

/// Runs `work` again and again by several clients at once, until it says that there is no more; how often it ran.
fn at_once(work: impl Fn() -> Result<bool, Failure> + Sync) -> Result<usize, Failure> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = 0_usize;
                    while work()? {
                        done += 1;
                    }
                    Ok::<usize, Failure>(done)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("clients do not panic")).sum()
    })
}

/// One connection.
fn session(
    server: &Server,
    tls: Option<&Arc<ClientConfig>>,
    way: Way,
    user: &str,
    salted: &Salted,
) -> Result<(), Failure> {
    let mut connection = match tls {
        Some(config) => Connection::tls(server.imaps, config)?,
        None => Connection::clear(server.imap)?,
    };
    match way {
        Way::Nothing => return Ok(()),
        Way::Command => drop(connection.ok(&format!("LOGIN {user} {PASSWORD}"))?),
        Way::Plain => {
            let message = STANDARD.encode(format!("\0{user}\0{PASSWORD}"));
            connection.ok(&format!("AUTHENTICATE PLAIN {message}"))?;
        }
        Way::Scram => scram_exchange(&mut connection, user, salted)?,
    }
    connection.ok("LOGOUT")?;
    // The server hangs up first.
    while connection.line().is_ok() {}
    Ok(())
}

/// Salted passwords by salt, made once, as clients keep them.
#[derive(Default)]
struct Salted(std::sync::Mutex<HashMap<String, [u8; 32]>>);

impl Salted {
    fn of(&self, salt: &str, iterations: &str) -> Option<[u8; 32]> {
        let mut known = self.0.lock().expect("nobody panics with it");
        if let Some(key) = known.get(salt) {
            return Some(*key);
        }
        let mut key = [0; 32];
        let octets = STANDARD.decode(salt).ok()?;
        let iterations = iterations.parse().ok()?;
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &octets, PASSWORD.as_bytes(), &mut key);
        known.insert(salt.to_owned(), key);
        Some(key)
    }
}

/// RFC 5802 §3, with a nonce that would not do elsewhere.
fn scram_exchange(connection: &mut Connection, user: &str, salted: &Salted) -> Result<(), Failure> {
    let odd = |what: &str| format!("SCRAM: {what}");
    let bare = format!("n={user},r=a+nonce+of+the+load");
    let command = format!("AUTHENTICATE SCRAM-SHA-256 {}", STANDARD.encode(format!("n,,{bare}")));
    let tag = connection.send(&command).map_err(|error| odd(&error.to_string()))?;
    let challenge = challenge(connection)?;
    let fields: Vec<&str> = challenge.splitn(3, ',').collect();
    let [nonce, salt, iterations] = fields[..] else { return Err(odd(&challenge)) };
    let key = salt.strip_prefix("s=").zip(iterations.strip_prefix("i="));
    let key =
        key.and_then(|(salt, iterations)| salted.of(salt, iterations)).ok_or_else(|| odd(&challenge))?;
    let client_key = keyed(&key, "Client Key");
    let unproved = format!("c=biws,{nonce}");
    let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
    let signature = keyed(stored_key.as_ref(), &format!("{bare},{challenge},{unproved}"));
    let proof: Vec<u8> =
        client_key.as_ref().iter().zip(signature.as_ref()).map(|(one, other)| one ^ other).collect();
    let last = STANDARD.encode(format!("{unproved},p={}", STANDARD.encode(proof)));
    connection.write(format!("{last}\r\n").as_bytes()).map_err(|error| odd(&error.to_string()))?;
    self::challenge(connection)?;
    connection.write(b"\r\n").map_err(|error| odd(&error.to_string()))?;
    let answer = connection.answer(&tag, false).map_err(|error| odd(&error.to_string()))?;
    if answer.is_ok() { Ok(()) } else { Err(odd(&answer.tagged)) }
}

fn challenge(connection: &mut Connection) -> Result<String, Failure> {
    let line = connection.line().map_err(|error| format!("SCRAM: {error}"))?;
    let octets = line.strip_prefix("+ ").and_then(|text| STANDARD.decode(text).ok());
    octets.and_then(|octets| String::from_utf8(octets).ok()).ok_or_else(|| format!("SCRAM: {line}"))
}

fn keyed(key: &[u8], message: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes())
}

fn without_resumption(server: &Server) -> Arc<ClientConfig> {
    let mut config = (*server.tls).clone();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
