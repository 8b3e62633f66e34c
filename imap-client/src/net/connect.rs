//! [`ClientBuilder`]: from an address to a [`Connection`].

use std::time::Duration;

use imap_auth::ChannelBindings;
use imap_proto::command::Command;
use imap_proto::response::{Capability, Kind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::connection::{Connection, Shared};
use super::driver::Driver;
use super::tls::{self, TlsRoots};
use crate::capabilities::Capabilities;
use crate::session::{Greeting, Output, Reply, Request, Session, Tagged};
use crate::{Error, Result};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet (port 993; RFC 8314 §3.2).
    Tls,
    /// TLS by STARTTLS (port 143). A server that does not offer it is an error, not clear text.
    StartTls,
    /// Clear text: anyone on the way reads and changes everything.
    None,
}

/// How to connect.
///
/// ```no_run
/// # async fn example() -> Result<(), imap_client::Error> {
/// use imap_client::{ClientBuilder, Secret, Security};
///
/// let connection = ClientBuilder::new("imap.example.org", 993, Security::Tls).connect().await?;
/// connection.login("alice", &Secret::new("sesame")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    host: String,
    port: u16,
    security: Security,
    roots: TlsRoots,
    clear_text_passwords: bool,
    deadline: Duration,
    inline_octets_max: u64,
}

impl ClientBuilder {
    /// To a host by name or address. What the others do not change: the system's certificates are trusted, no
    /// password goes out in clear text, a command has two minutes, and literals over 256 KiB are streamed.
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self {
            host: host.into(),
            port,
            security,
            roots: TlsRoots::Native,
            clear_text_passwords: false,
            deadline: Duration::from_secs(120),
            inline_octets_max: 256 * 1024,
        }
    }

    /// Whose certificates are trusted.
    #[must_use]
    pub fn roots(mut self, roots: TlsRoots) -> Self {
        self.roots = roots;
        self
    }

    /// Lets passwords go over [`Security::None`]: for connections that do not leave the machine.
    #[must_use]
    pub fn allow_clear_text_passwords(mut self) -> Self {
        self.clear_text_passwords = true;
        self
    }

    /// How long the server may take to say anything about a command, and to greet.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Literals over that many octets are streamed, not held.
    #[must_use]
    pub fn inline_octets_max(mut self, octets: u64) -> Self {
        self.inline_octets_max = octets;
        self
    }

    /// Opens a TCP connection and goes on as [`Self::connect_over`].
    pub async fn connect(&self) -> Result<Connection> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(self.deadline, tcp).await.map_err(|_| Error::Timeout)??;
        // Commands are small and waited for.
        stream.set_nodelay(true)?;
        self.connect_over(stream).await
    }

    /// Goes on over a stream that is open: TLS as [`Security`] says, the greeting, the capabilities. Spawns the
    /// connection's task, so it has to run on a tokio runtime.
    pub async fn connect_over<S>(&self, stream: S) -> Result<Connection>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        tokio::time::timeout(self.deadline, self.open(Box::new(stream))).await.map_err(|_| Error::Timeout)?
    }

    async fn open(&self, mut stream: BoxStream) -> Result<Connection> {
        let mut bindings = ChannelBindings::default();
        if self.security == Security::Tls {
            let secured;
            (secured, bindings) = tls::handshake(stream, &self.host, &self.roots).await?;
            stream = Box::new(secured);
        }
        let mut opening = Opening { stream, session: self.session(), capabilities: None };
        let greeting = opening.greeting().await?;
        let authenticated = greeting.kind == Kind::PreAuth;
        if self.security == Security::StartTls {
            if authenticated {
                // Who is logged in cannot start TLS: somebody in between may want just that (RFC 9051 §7.1.4).
                return Err(Error::protocol("PREAUTH before STARTTLS"));
            }
            (opening, bindings) = self.start_tls(opening).await?;
        }
        if opening.capabilities.is_none() {
            // A server of before CAPABILITY says BAD, and so has none.
            opening.run(Command::Capability).await?;
        }
        let shared = Shared {
            deadline: self.deadline,
            passwords_allowed: self.security != Security::None || self.clear_text_passwords,
            preauthenticated: authenticated,
            bindings,
            distrust: watch::Sender::new(false),
        };
        let capabilities = Capabilities::new(opening.capabilities.unwrap_or_default());
        Ok(Driver::spawn(opening.stream, opening.session, shared, capabilities))
    }

    async fn start_tls(&self, mut opening: Opening) -> Result<(Opening, ChannelBindings)> {
        match opening.run(Command::StartTls).await?.into_result() {
            Ok(_) => {}
            Err(Error::Refused { .. } | Error::Bad { .. }) => {
                return Err(Error::Unsupported { what: "STARTTLS" });
            }
            Err(other) => return Err(other),
        }
        if opening.session.has_buffered() {
            // Written in clear text by somebody who wants it taken for the server's (RFC 9051 §6.2.1).
            return Err(Error::protocol("octets between STARTTLS and TLS"));
        }
        let (stream, bindings) = tls::handshake(opening.stream, &self.host, &self.roots).await?;
        // What was said in clear text is forgotten.
        let session = self.session().without_greeting();
        Ok((Opening { stream: Box::new(stream), session, capabilities: None }, bindings))
    }

    fn session(&self) -> Session {
        Session::new(LINE_OCTETS_MAX, self.inline_octets_max)
    }
}

/// Any stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
pub(super) type BoxStream = Box<dyn Stream>;

/// A connection before it has a driver: one thing at a time.
struct Opening {
    stream: BoxStream,
    session: Session,
    capabilities: Option<Vec<Capability>>,
}

impl Opening {
    async fn greeting(&mut self) -> Result<Greeting> {
        loop {
            if let Output::Greeting(greeting) = self.next().await? {
                return match greeting.kind {
                    Kind::Ok | Kind::PreAuth => Ok(greeting),
                    Kind::Bye => {
                        Err(Error::Closed { reason: String::from_utf8_lossy(&greeting.text).into() })
                    }
                    Kind::No | Kind::Bad => Err(Error::protocol("no greeting")),
                };
            }
        }
    }

    async fn run(&mut self, command: Command) -> Result<Tagged> {
        self.session.start(Request { command, literal_plus: false });
        loop {
            if let Output::Reply(_, Reply::Done(tagged)) = self.next().await? {
                return Ok(tagged);
            }
        }
    }

    async fn next(&mut self) -> Result<Output> {
        loop {
            match self.session.poll()? {
                Some(Output::Capabilities(names)) => self.capabilities = Some(names),
                Some(output) => return Ok(output),
                None => self.exchange().await?,
            }
        }
    }

    async fn exchange(&mut self) -> Result<()> {
        let octets = self.session.output().len();
        if octets > 0 {
            self.stream.write_all(self.session.output()).await?;
            self.stream.flush().await?;
            self.session.written(octets);
        }
        let mut buffer = [0; 4_096];
        let read = self.stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(Error::Closed { reason: "the server closed before it was ready".into() });
        }
        self.session.receive(&buffer[..read]);
        Ok(())
    }
}

/// A SEARCH of a million messages is one line of eight megabytes.
const LINE_OCTETS_MAX: usize = 16 * 1024 * 1024;
