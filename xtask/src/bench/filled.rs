//! [`Bench`]: a filled server, and what rows have in common.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::bench::Source;
use crate::load::server::{KEYS_USER, Kind, Server, USER};
use crate::load::{Connection, Failure};

/// How much there is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// In the large mailbox.
    pub(super) messages: usize,
    /// Of each of them, on average.
    pub(super) octets: usize,
    /// Connections that wait, for the rows about them.
    pub(super) idle: usize,
    /// Copied, moved and expunged.
    pub(super) some: usize,
    /// Of the one large message.
    pub(super) huge_octets: usize,
    /// At once, where a row opens many.
    connections_max: usize,
    /// How long work lasts that has no end of its own.
    pub(super) lasts: Duration,
}

/// Waiting connections with a mailbox of their own: a second one for each of them brings the message.
const OWNED_MAX: usize = 5_000;

impl Sizes {
    pub(super) fn new(messages: usize, octets: usize, idle: usize, quick: bool) -> Self {
        if quick {
            return Self {
                messages: 300,
                octets: 2_000,
                idle: 20,
                some: 100,
                huge_octets: 3_000_000,
                connections_max: 20,
                lasts: Duration::from_millis(100),
            };
        }
        Self {
            messages,
            octets,
            idle,
            some: 10_000.min(messages),
            huge_octets: 100_000_000,
            connections_max: 1_000,
            lasts: Duration::from_secs(3),
        }
    }

    /// How many of the waiting connections have a mailbox of their own.
    pub(super) fn owned(&self) -> usize {
        self.idle.min(OWNED_MAX)
    }
}

/// A server with a large mailbox `Large` of user `ann`, and mail of 20 KB to append.
pub(super) struct Bench {
    /// `None` in the middle of a restart.
    pub(super) server: Option<Server>,
    pub(super) sizes: Sizes,
    pub(super) mail: Vec<Vec<u8>>,
    /// Of the large mailbox.
    pub(super) large_octets: u64,
    /// Connections of the rows of [`super::rows::CURVES`].
    pub(super) connections: usize,
    rounds: usize,
    /// Mailboxes that were made for waiting connections.
    owned: Cell<usize>,
}

/// Users with nothing in their mailboxes: some rows want connections that share none.
pub(super) const OTHERS: [&str; 8] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
const BATCH: usize = 100;
pub(super) const SEED: u64 = 1988;

impl Bench {
    /// Makes the users and the large mailbox.
    pub(super) fn fill(server: Server, sizes: Sizes, source: Source) -> Result<Self, Failure> {
        for user in [USER, KEYS_USER].into_iter().chain(OTHERS) {
            server.add_user(user)?;
        }
        // Dovecot looks at the clock of its users' file, which counts seconds.
        std::thread::sleep(Duration::from_secs(1));
        for user in [USER].into_iter().chain(OTHERS) {
            // One of the servers makes it for every user.
            let _ = server.login(user)?.command("CREATE Sent").map_err(|error| error.to_string())?;
        }
        let mut connection = server.login(USER)?;
        connection.ok("CREATE Large")?;
        let mut made = source.mail(SEED, sizes.octets)?;
        let (mut left, mut large_octets) = (sizes.messages, 0);
        while left > 0 {
            let batch = made.messages(BATCH.min(left));
            left -= batch.len();
            large_octets += batch.iter().map(|message| message.len() as u64).sum::<u64>();
            answered(connection.append("Large", &batch))?;
        }
        let mail = source.mail(SEED + 1, 20_000)?.messages(200);
        let (server, owned) = (Some(server), Cell::default());
        Ok(Self { server, sizes, mail, large_octets, connections: 1, rounds: 0, owned })
    }

    pub(super) fn pid(&self) -> u32 {
        self.server().pid()
    }

    pub(super) fn kind(&self) -> Kind {
        self.server().kind
    }

    /// Whether a row that failed has left a server to go on with.
    pub(super) fn is_left(&self) -> Result<(), Failure> {
        self.server.as_ref().map(drop).ok_or_else(|| "it did not start again".to_owned())
    }

    pub(super) fn stop(mut self) -> Result<(), Failure> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("it is there but in the middle of a restart")
    }

    /// So many connections, or as many as there may be.
    pub(super) fn at_most(&self, connections: usize) -> usize {
        connections.min(self.sizes.connections_max)
    }

    /// Sees to it that there are so many mailboxes for one waiting connection each, [`super::idle::owned`].
    pub(super) fn make_owned(&self, count: usize) -> Result<(), Failure> {
        let there = self.owned.replace(count.max(self.owned.get()));
        let mailboxes: BTreeMap<String, Vec<String>> =
            (there..count).map(super::idle::owned).fold(BTreeMap::new(), |mut users, (user, mailbox)| {
                users.entry(user).or_insert_with(Vec::new).push(mailbox);
                users
            });
        // One whose mailboxes began in an earlier round is there already.
        let first_of = |mailboxes: &[String]| mailboxes.contains(&super::idle::owned(0).1);
        for (user, _) in mailboxes.iter().filter(|(_, mailboxes)| first_of(mailboxes)) {
            self.server().add_user(user)?;
        }
        // Dovecot looks at the clock of its users' file, which counts seconds.
        std::thread::sleep(Duration::from_secs(1));
        for (user, mailboxes) in mailboxes {
            let mut connection = self.server().login(&user)?;
            mailboxes.iter().try_for_each(|it| connection.ok(&format!("CREATE {it}")).map(drop))?;
        }
        Ok(())
    }

    /// How long work lasts that has no end of its own.
    pub(super) fn lasts(&self) -> Duration {
        self.sizes.lasts
    }

    /// A number that no row of this server had yet, for names of mailboxes and users.
    pub(super) fn fresh(&mut self) -> usize {
        self.rounds += 1;
        self.rounds
    }

    /// A connection with the large mailbox open.
    pub(super) fn large(&self) -> Result<Connection, Failure> {
        let mut connection = self.server().login(USER)?;
        connection.ok("SELECT Large")?;
        Ok(connection)
    }
}

/// Runs `work` on a thread for each connection; the sum of what they return.
pub(super) fn each(
    connections: Vec<Connection>,
    work: impl Fn(usize, &mut Connection) -> Result<usize, Failure> + Sync,
) -> Result<usize, Failure> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(place, mut connection)| {
                let work = &work;
                scope.spawn(move || work(place, &mut connection))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("workers do not panic")).sum()
    })
}

/// An APPEND that must be OK.
pub(super) fn answered(answer: std::io::Result<crate::load::Answer>) -> Result<(), Failure> {
    let answer = answer.map_err(|error| format!("APPEND: {error}"))?;
    if answer.is_ok() { Ok(()) } else { Err(format!("APPEND: {}", answer.tagged)) }
}

pub(super) fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<Duration, Failure> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

pub(super) fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// In milliseconds.
pub(super) fn percentile(mut times: Vec<Duration>, percent: usize) -> f64 {
    times.sort_unstable();
    milliseconds(times[(times.len() - 1) * percent / 100])
}
