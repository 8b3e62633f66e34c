//! [`Victims`]: users who read and write a little mail, and how long they wait for it.

use std::time::{Duration, Instant};

use crate::load::mail::Mail;
use crate::load::random::Random;
use crate::load::{Failure, Server};

const USER: &str = "ann";
const SESSIONS: u64 = 4;
const MESSAGES: usize = 100;
/// Between two commands of a session.
const PAUSE: Duration = Duration::from_millis(10);

/// A user with mail.
pub(super) struct Victims {
    letter: Vec<u8>,
}

/// How long answers took.
pub(super) struct Latency {
    median: Duration,
    /// 99 of 100 took no longer.
    pub(super) high: Duration,
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied();
        Self { median: at(50).unwrap_or_default(), high: at(99).unwrap_or_default() }
    }

    /// Seconds that 99 of 100 answers took at the most.
    pub(super) fn most(&self) -> f64 {
        self.high.as_secs_f64()
    }

    /// The cells of a table.
    pub(super) fn cells(&self) -> String {
        format!("{:.1} ms | {:.1} ms | ", self.median.as_secs_f64() * 1e3, self.most() * 1e3)
    }

    pub(super) fn cells_beside(&self, ratio: f64) -> String {
        format!("{}{ratio:.1}", self.cells())
    }
}

impl Victims {
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        server.add_user(USER)?;
        let mail = Mail::new(7, 20_000).messages(MESSAGES);
        let mut connection = server.login(USER)?;
        for message in &mail {
            let answer = connection.append("INBOX", &[message]).map_err(|error| error.to_string())?;
            if !answer.is_ok() {
                return Err(answer.tagged);
            }
        }
        Ok(Self { letter: Mail::new(8, 3_000).messages(1).remove(0) })
    }

    /// Works until then. Every answer must come, and be OK.
    pub(super) fn work(&self, server: &Server, ends: Instant) -> Result<Latency, Failure> {
        let times = std::thread::scope(|scope| {
            let sessions = (0..SESSIONS).map(|seed| scope.spawn(move || self.session(server, seed, ends)));
            let sessions: Vec<_> = sessions.collect();
            let joined = sessions.into_iter().map(|session| session.join().expect("no panic"));
            joined.collect::<Result<Vec<Vec<Duration>>, Failure>>()
        })?;
        Ok(Latency::of(times.concat()))
    }

    fn session(&self, server: &Server, seed: u64, ends: Instant) -> Result<Vec<Duration>, Failure> {
        let mut random = Random::new(seed);
        let mut times = Vec::new();
        let mut connection = server.login(USER)?;
        connection.ok("SELECT INBOX")?;
        while Instant::now() < ends {
            let number = 1 + random.below(MESSAGES);
            let began = Instant::now();
            match random.below(10) {
                0 => drop(connection.append("Drafts", &[&self.letter]).map_err(|error| error.to_string())?),
                1 | 2 => drop(connection.drain(&format!("STORE {number} +FLAGS (\\Seen)"))?),
                3 | 4 => drop(connection.drain("FETCH 1:10 (UID FLAGS ENVELOPE)")?),
                5 => drop(connection.drain("STATUS Drafts (MESSAGES UNSEEN)")?),
                6 => drop(connection.drain("SEARCH UNSEEN")?),
                7 => drop(server.login(USER)?),
                _ => drop(connection.drain(&format!("FETCH {number} BODY.PEEK[]"))?),
            }
            times.push(began.elapsed());
            std::thread::sleep(PAUSE);
        }
        Ok(times)
    }
}
