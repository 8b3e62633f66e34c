//! [`Connection`]: a blocking IMAP connection that costs next to nothing beside a server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use rustix::net::{self, AddressFamily, SocketType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Failure, while_doing};

/// How long a server may be silent before a run fails.
const PATIENCE: Duration = Duration::from_secs(120);
const BUFFER_OCTETS: usize = 256 * 1024;

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connection that is greeted.
pub(crate) struct Connection {
    stream: Stream,
    /// Received, not yet looked at: `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    tags: u32,
}

/// The end of a command.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Octets before the tagged line; empty where they were only counted.
    pub(crate) data: Vec<u8>,
    /// How many these were.
    pub(crate) octets: u64,
    /// `OK ...`, `NO ...` or `BAD ...`.
    pub(crate) tagged: String,
}

impl Answer {
    pub(crate) fn is_ok(&self) -> bool {
        self.tagged.starts_with("OK")
    }
}

impl Connection {
    /// In clear text.
    pub(crate) fn clear(address: SocketAddr) -> Result<Self, Failure> {
        let socket = tcp(address)?;
        Self::greeted(Stream::Clear(socket))
    }

    /// In clear text, on a socket that is connected.
    pub(crate) fn over(socket: TcpStream) -> Result<Self, Failure> {
        Self::greeted(Stream::Clear(socket))
    }

    /// With TLS from the first octet.
    pub(crate) fn tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection =
            ClientConnection::new(config.clone(), name).map_err(while_doing("TLS configuration"))?;
        Self::greeted(Stream::Tls(Box::new(StreamOwned::new(connection, tcp(address)?))))
    }

    fn greeted(stream: Stream) -> Result<Self, Failure> {
        let buffer = vec![0; 4096];
        let mut connection = Self { stream, buffer, start: 0, end: 0, tags: 0 };
        let greeting = connection.line().map_err(while_doing("the greeting"))?;
        if greeting.starts_with("* OK") { Ok(connection) } else { Err(format!("greeted with {greeting}")) }
    }

    /// Logs in by LOGIN.
    pub(crate) fn login(mut self, user: &str, password: &str) -> Result<Self, Failure> {
        self.ok(&format!("LOGIN {user} {password}"))?;
        Ok(self)
    }

    /// Sends a command and keeps what comes before the tagged line.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<Answer> {
        let tag = self.send(command)?;
        self.answer(&tag, true)
    }

    /// The same; it must be OK.
    pub(crate) fn ok(&mut self, command: &str) -> Result<Vec<u8>, Failure> {
        let name = || command.split(' ').take(3).collect::<Vec<_>>().join(" ");
        let answer = self.command(command).map_err(|error| format!("{}: {error}", name()))?;
        if answer.is_ok() { Ok(answer.data) } else { Err(format!("{}: {}", name(), answer.tagged)) }
    }

    /// Sends a command and only counts the octets before the tagged line; it must be OK.
    pub(crate) fn drain(&mut self, command: &str) -> Result<u64, Failure> {
        let name = || command.split(' ').take(3).collect::<Vec<_>>().join(" ");
        self.grow();
        let answer = self.send(command).and_then(|tag| self.answer(&tag, false));
        let answer = answer.map_err(|error| format!("{}: {error}", name()))?;
        if answer.is_ok() { Ok(answer.octets) } else { Err(format!("{}: {}", name(), answer.tagged)) }
    }

    /// APPEND of one or more messages (RFC 3502), with literals that do not wait (RFC 7888).
    pub(crate) fn append<M: AsRef<[u8]>>(&mut self, mailbox: &str, messages: &[M]) -> io::Result<Answer> {
        let tag = self.next_tag();
        let octets: usize = messages.iter().map(|message| message.as_ref().len() + 32).sum();
        let mut out = Vec::with_capacity(octets + 64);
        out.extend_from_slice(format!("{tag} APPEND {mailbox}").as_bytes());
        for message in messages {
            let message = message.as_ref();
            out.extend_from_slice(format!(" {{{}+}}\r\n", message.len()).as_bytes());
            out.extend_from_slice(message);
        }
        out.extend_from_slice(b"\r\n");
        self.write(&out)?;
        self.answer(&tag, true)
    }

    /// Sends a line with a fresh tag, and does not wait; returns the tag.
    pub(crate) fn send(&mut self, command: &str) -> io::Result<String> {
        let tag = self.next_tag();
        self.write(format!("{tag} {command}\r\n").as_bytes())?;
        Ok(tag)
    }

    /// Sends octets as they are.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) => stream.write_all(octets),
            Stream::Tls(stream) => stream.write_all(octets).and_then(|()| stream.flush()),
        }
    }

    /// Reads up to the tagged line of `tag`.
    pub(crate) fn answer(&mut self, tag: &str, keep: bool) -> io::Result<Answer> {
        let mut data = Vec::new();
        let mut octets = 0;
        // At the very beginning of an answer the tag has no line end before it.
        let line_start = format!("\r\n{tag} ");
        let finder = memmem::Finder::new(line_start.as_bytes());
        let mut is_at_start = true;
        loop {
            let waiting = &self.buffer[self.start..self.end];
            let found = if is_at_start && waiting.starts_with(&line_start.as_bytes()[2..]) {
                Some((0, line_start.len() - 2))
            } else {
                finder.find(waiting).map(|at| (at + 2, line_start.len() - 2))
            };
            if let Some((before, tag_octets)) = found {
                octets += before as u64;
                if keep {
                    data.extend_from_slice(&waiting[..before]);
                }
                self.start += before + tag_octets;
                let tagged = self.line()?;
                return Ok(Answer { data, octets, tagged });
            }
            // What may be the beginning of the tagged line stays.
            let done = waiting.len().saturating_sub(line_start.len());
            if done > 0 {
                is_at_start = false;
                octets += done as u64;
                if keep {
                    data.extend_from_slice(&waiting[..done]);
                }
                self.start += done;
            }
            self.read()?;
        }
    }

    /// One line, without its end. Not for lines with literals.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = memmem::find(&self.buffer[self.start..self.end], b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[self.start..self.start + at]).into_owned();
                self.start += at + 2;
                return Ok(line);
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = &mut self.buffer[self.end..];
        let got = match &mut self.stream {
            Stream::Clear(stream) => stream.read(room)?,
            Stream::Tls(stream) => stream.read(room)?,
        };
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.end += got;
        Ok(())
    }

    /// A large answer comes: idle connections have small buffers, since there may be thousands.
    fn grow(&mut self) {
        if self.buffer.len() < BUFFER_OCTETS {
            self.buffer.resize(BUFFER_OCTETS, 0);
        }
    }

    fn next_tag(&mut self) -> String {
        self.tags += 1;
        // Long enough that no message holds such a line.
        format!("tag.7f3a{}", self.tags)
    }
}

fn tcp(address: SocketAddr) -> Result<TcpStream, Failure> {
    let socket = TcpStream::connect(address).map_err(while_doing("connecting"))?;
    let set = socket.set_read_timeout(Some(PATIENCE)).and_then(|()| socket.set_write_timeout(Some(PATIENCE)));
    set.and_then(|()| socket.set_nodelay(true)).map_err(while_doing("a socket"))?;
    Ok(socket)
}

/// Connects from an address of this machine that is not the usual one.
pub(crate) fn tcp_from(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    net::bind(&socket, &SocketAddr::from((from, 0)))?;
    net::connect(&socket, &to)?;
    Ok(TcpStream::from(socket))
}

/// TLS that trusts the certificate in `file`, which is PEM.
pub(crate) fn trusting(file: &std::path::Path) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(file).map_err(while_doing("the certificate"))?;
    roots.add(certificate).map_err(while_doing("the certificate"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(while_doing("TLS"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
