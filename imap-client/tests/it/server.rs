//! The scripted server: a test says what must come and what is answered.

use std::future::Future;
use std::time::Duration;

use imap_client::{ClientBuilder, Connection, Security};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The server's end of the pipe.
pub(crate) struct Server {
    stream: DuplexStream,
    received: Vec<u8>,
}

impl Server {
    /// Sends octets as they are.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.expect("the client reads");
    }

    /// Sends octets in pieces of that size.
    pub(crate) async fn send_in_pieces(&mut self, octets: &[u8], size: usize) {
        for piece in octets.chunks(size) {
            self.send(piece).await;
            tokio::task::yield_now().await;
        }
    }

    /// Receives exactly these octets.
    pub(crate) async fn expect(&mut self, octets: impl AsRef<[u8]>) {
        let octets = octets.as_ref();
        while self.received.len() < octets.len() && octets.starts_with(&self.received) {
            assert!(self.receive().await, "the client closed; so far {:?}", self.text());
        }
        assert!(self.received.starts_with(octets), "{:?} instead of {:?}", self.text(), lossy(octets));
        self.received.drain(..octets.len());
    }

    /// Receives a line, whatever it is.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.received.drain(..end + 2).collect();
                return lossy(&line[..end]);
            }
            assert!(self.receive().await, "the client closed; so far {:?}", self.text());
        }
    }

    /// The client closes, and has sent nothing more.
    pub(crate) async fn expect_close(&mut self) {
        while self.receive().await {}
        assert_eq!(self.text(), "");
    }

    /// The client closes; gives what it sent before.
    pub(crate) async fn until_close(&mut self) -> Vec<u8> {
        while self.receive().await {}
        std::mem::take(&mut self.received)
    }

    /// The client has sent nothing, although it had every opportunity to.
    pub(crate) async fn expect_nothing(&mut self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let mut buffer = vec![0; 1024];
        let nothing = tokio::time::timeout(Duration::ZERO, self.stream.read(&mut buffer)).await;
        assert!(nothing.is_err() && self.received.is_empty(), "{:?} {}", nothing, lossy(&buffer));
    }

    async fn receive(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let read = self.stream.read(&mut buffer).await.expect("a pipe does not fail");
        self.received.extend_from_slice(&buffer[..read]);
        read > 0
    }

    fn text(&self) -> String {
        lossy(&self.received)
    }
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A pipe with a server's end and the client's.
pub(crate) fn pipe() -> (DuplexStream, Server) {
    let (ours, theirs) = tokio::io::duplex(8 * 1024);
    (ours, Server { stream: theirs, received: Vec::new() })
}

/// A builder for tests.
pub(crate) fn builder() -> ClientBuilder {
    ClientBuilder::new("localhost", 143, Security::None).allow_clear_text_passwords()
}

/// A connection that is logged in (by PREAUTH) to a server of those capabilities.
pub(crate) async fn connect(capabilities: &str) -> (Connection, Server) {
    connect_with(&builder(), capabilities).await
}

/// The same, made as the builder says.
pub(crate) async fn connect_with(builder: &ClientBuilder, capabilities: &str) -> (Connection, Server) {
    let (ours, mut server) = pipe();
    server.send(format!("* PREAUTH [CAPABILITY {capabilities}] ready\r\n")).await;
    let connection = builder.connect_over(ours).await.expect("a good greeting");
    (connection, server)
}

/// Runs client and server side by side, and gives what the client gave.
pub(crate) async fn both<C: Future>(client: C, server: impl Future<Output = ()>) -> C::Output {
    let joined = async { tokio::join!(client, server).0 };
    tokio::time::timeout(Duration::from_secs(20), joined).await.expect("neither waits for ever")
}
