//! [`ATTACKS`]: what harms a mail server, each as a loop of a thread. What the server answers is nobody's concern here.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::load::connection::tcp_from;
use crate::load::server::PASSWORD;
use crate::load::{Connection, Failure};

/// The attacker's own account.
pub(super) const MALLORY: &str = "mallory";
/// No attack at all, but processors that are as busy as during one.
pub(super) const BURN: &str = "burn";

/// The users come from 127.0.0.1: what is limited by address is not to meet them.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// One way to do harm.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) aim: Aim,
    threads: usize,
    once: Once,
}

/// What each thread does over and over.
type Once = fn(&Target) -> io::Result<()>;

/// What an attack is for, and at whom it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// The server is to stand it.
    Server,
    /// It is no harm, and what the one before it is compared with.
    Comparison,
    /// The same, at a program that closes each connection: so it is what the machine makes of the attack before it.
    ClosingPort,
}

/// Whom, and until when.
struct Target {
    imap: SocketAddr,
    imaps: SocketAddr,
    ends: Instant,
}

const fn attack(name: &'static str, threads: usize, once: Once) -> Attack {
    Attack { name, aim: Aim::Server, threads, once }
}

const fn comparison(name: &'static str, aim: Aim, threads: usize, once: Once) -> Attack {
    Attack { name, aim, threads, once }
}

pub(super) const ATTACKS: &[Attack] = &[
    attack("readers that do not read", 20, do_not_read),
    attack("senders of an octet at a time", 40, drip),
    attack("an endless upload, slowly", 20, drip_upload),
    attack("connections that come and go", 8, come_and_go),
    comparison("the same at a program that closes them", Aim::ClosingPort, 8, come_and_go),
    attack("connections that stay, from one address", 1, stay),
    attack("half a TLS handshake", 1, half_tls),
    attack("commands in a flood", 4, flood),
    attack("noise", 4, noise),
    attack("huge sets", 4, huge_sets),
    attack("searches of all text", 8, search),
    attack("wrong passwords", 16, wrong_passwords),
    attack("SCRAM begun and left", 16, scram_begun),
    attack("mailboxes opened in a storm", 8, select),
    attack("MIME bombs", 2, mime_bombs),
    comparison("plain mail of that size", Aim::Comparison, 2, large_mail),
];

/// Attacks in the name's way until the time is over.
pub(super) fn run(name: &str, imap: SocketAddr, imaps: SocketAddr, seconds: u64) -> Result<(), Failure> {
    let target = Target { imap, imaps, ends: Instant::now() + Duration::from_secs(seconds) };
    let burn = attack(BURN, 2, burn);
    let attack = ATTACKS.iter().find(|attack| attack.name == name).unwrap_or(&burn);
    std::thread::scope(|scope| {
        for _ in 0..attack.threads {
            scope.spawn(|| {
                while target.goes_on() {
                    // A refusal is a success of the server's.
                    let _ = (attack.once)(&target);
                }
            });
        }
    });
    Ok(())
}

impl Target {
    fn goes_on(&self) -> bool {
        Instant::now() < self.ends
    }

    fn raw(&self) -> io::Result<TcpStream> {
        let socket = tcp_from(ELSEWHERE, self.imap)?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.set_write_timeout(Some(Duration::from_secs(5)))?;
        Ok(socket)
    }

    fn login(&self) -> io::Result<Connection> {
        let connection = self.raw().and_then(|socket| {
            let connection = Connection::over(socket).and_then(|it| it.login(MALLORY, PASSWORD));
            connection.map_err(io::Error::other)
        });
        if connection.is_err() {
            std::thread::sleep(Duration::from_millis(50));
        }
        connection
    }

    /// A session with some mail in its mailbox.
    fn selected(&self) -> io::Result<Connection> {
        let mut connection = self.login()?;
        let selected = connection.command("SELECT INBOX")?;
        if String::from_utf8_lossy(&selected.data).contains("* 0 EXISTS") {
            let letters = vec![b"Subject: x\r\n\r\n".iter().copied().cycle().take(200_000).collect(); 50];
            connection.append::<Vec<u8>>("INBOX", &letters)?;
            connection.command("NOOP")?;
        }
        Ok(connection)
    }

    fn wait(&self) {
        while self.goes_on() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn burn(target: &Target) -> io::Result<()> {
    while target.goes_on() {
        std::hint::spin_loop();
    }
    Ok(())
}

fn do_not_read(target: &Target) -> io::Result<()> {
    let mut connection = target.selected()?;
    for _ in 0..20 {
        connection.send("FETCH 1:* BODY.PEEK[]")?;
    }
    target.wait();
    Ok(())
}

fn drip(target: &Target) -> io::Result<()> {
    let mut socket = target.raw()?;
    for octet in b"a LOGIN mallory wrong\r\n".iter().cycle() {
        if !target.goes_on() {
            break;
        }
        socket.write_all(&[*octet])?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn drip_upload(target: &Target) -> io::Result<()> {
    let mut connection = target.login()?;
    connection.write(b"a APPEND INBOX {30000000+}\r\n")?;
    while target.goes_on() {
        connection.write(&[b'x'; 100])?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn come_and_go(target: &Target) -> io::Result<()> {
    drop(target.raw()?);
    Ok(())
}

fn stay(target: &Target) -> io::Result<()> {
    let mut open = Vec::new();
    while target.goes_on() && open.len() < 4_000 {
        match target.raw() {
            Ok(socket) => open.push(socket),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    target.wait();
    Ok(())
}

/// The first octets of a ClientHello, and then nothing.
fn half_tls(target: &Target) -> io::Result<()> {
    let mut open = Vec::new();
    while target.goes_on() && open.len() < 4_000 {
        if let Ok(mut socket) = tcp_from(ELSEWHERE, target.imaps) {
            let _ = socket.write_all(&[0x16, 3, 1, 2, 0, 1]);
            open.push(socket);
        }
    }
    target.wait();
    Ok(())
}

fn flood(target: &Target) -> io::Result<()> {
    let mut connection = target.selected()?;
    let many = "a NOOP\r\n".repeat(5_000);
    while target.goes_on() {
        connection.write(many.as_bytes())?;
        connection.command("NOOP")?;
    }
    Ok(())
}

fn noise(target: &Target) -> io::Result<()> {
    let mut socket = target.raw()?;
    let octets: Vec<u8> = (0..200_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    socket.write_all(&octets)?;
    io::copy(&mut socket.take(1 << 20), &mut io::sink())?;
    Ok(())
}

fn huge_sets(target: &Target) -> io::Result<()> {
    let mut connection = target.selected()?;
    let set: Vec<String> = (0..150_000).map(|number| (number * 2 + 1).to_string()).collect();
    let command = format!("UID FETCH {} FLAGS", set[..140_000].join(","));
    while target.goes_on() {
        connection.command(&command)?;
    }
    Ok(())
}

fn search(target: &Target) -> io::Result<()> {
    let mut connection = target.selected()?;
    while target.goes_on() {
        connection.command("SEARCH OR TEXT zebrafish BODY {9+}\r\nxylophone")?;
    }
    Ok(())
}

fn wrong_passwords(target: &Target) -> io::Result<()> {
    let mut connection = Connection::over(target.raw()?).map_err(io::Error::other)?;
    while target.goes_on() {
        connection.command("LOGIN ann guess")?;
    }
    Ok(())
}

fn scram_begun(target: &Target) -> io::Result<()> {
    let mut socket = target.raw()?;
    let mut answers = [0; 4096];
    let _ = socket.read(&mut answers)?;
    // n,,n=nobody,r=abcdefghijklmnop
    socket.write_all(b"a AUTHENTICATE SCRAM-SHA-256 biwsbj1ub2JvZHkscj1hYmNkZWZnaGlqa2xtbm9w\r\n")?;
    let _ = socket.read(&mut answers)?;
    Ok(())
}

fn select(target: &Target) -> io::Result<()> {
    let mut connection = target.selected()?;
    while target.goes_on() {
        connection.command("SELECT INBOX")?;
        connection.command("EXAMINE Drafts")?;
    }
    Ok(())
}

/// What [`mime_bombs`] does, as many octets, with nothing in them to look at: what is felt of these is felt of the octets.
fn large_mail(target: &Target) -> io::Result<()> {
    let mut connection = target.login()?;
    let _ = connection.command("CREATE Large");
    let octets = [340_000, 1_550_000, 3_200_000, 1_900_000, 1_200_000];
    let letters = octets.map(|octets| {
        format!("Subject: x\r\n\r\n{}\r\n", "a line of 30 octets, and no more\r\n".repeat(octets / 33))
    });
    connection.append("Large", &letters)?;
    connection.command("SELECT Large")?;
    connection.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
    connection.command("EXPUNGE")?;
    Ok(())
}

/// Parts in parts, parts beside parts, fields without an end, words that want decoding.
fn mime_bombs(target: &Target) -> io::Result<()> {
    let mut connection = target.login()?;
    let _ = connection.command("CREATE Bombs");
    let nested: String = (0..5_000)
        .map(|at| format!("Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n"))
        .collect();
    let beside = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(50_000)
    );
    let fields = format!("{}\r\nx", "X-Field: value\r\n".repeat(200_000));
    let words = format!("Subject: {}\r\n\r\nx", "=?utf-8?q?=41=42?= ".repeat(100_000));
    let groups = format!("To: {}\r\n\r\nx", "g:a@b,c@d;,".repeat(100_000));
    connection.append("Bombs", &[nested, beside, fields, words, groups])?;
    connection.command("SELECT Bombs")?;
    connection.command("FETCH * (ENVELOPE BODYSTRUCTURE BODY[1.1.1.1] BODY[HEADER.FIELDS (TO)])")?;
    connection.command("SEARCH SUBJECT zebrafish")?;
    connection.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
    connection.command("EXPUNGE")?;
    Ok(())
}
