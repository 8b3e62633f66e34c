//! [`Stream`]: a socket with or without TLS, and the session's [`Output`] over it.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use crate::metrics;
use crate::session::Output;

/// What one read takes at the most. It lies on the stack, and only while something is read: an idle connection has no
/// buffer of ours at all.
const READ_OCTETS: usize = 64 << 10;
/// How often it is looked whether the peer is gone, in a command that takes long.
const GONE_INTERVAL: Duration = Duration::from_millis(500);

/// A connection's socket, and how long the peer may take none of our octets.
pub(super) struct Stream {
    transport: Transport,
    send_timeout: Duration,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn plain(socket: TcpStream, send_timeout: Duration) -> Self {
        Self { transport: Transport::Plain(socket), send_timeout }
    }

    pub(super) fn tls(stream: Box<TlsStream<TcpStream>>, send_timeout: Duration) -> Self {
        Self { transport: Transport::Tls(stream), send_timeout }
    }

    /// The bare socket, for STARTTLS; `None` when TLS is on already.
    pub(super) fn into_plain(self) -> Option<TcpStream> {
        match self.transport {
            Transport::Plain(socket) => Some(socket),
            Transport::Tls(_) => None,
        }
    }

    /// Waits for octets and hands them to `take`; returns how many, 0 at the end. Nothing is lost when it is dropped.
    pub(super) async fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|context| self.poll_read(context, &mut take)).await
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ_OCTETS];
        let mut buffer = ReadBuf::uninit(&mut space);
        let result = match &mut self.transport {
            Transport::Plain(socket) => ready!(Pin::new(socket).poll_read(context, &mut buffer)),
            Transport::Tls(stream) => ready!(Pin::new(stream.as_mut()).poll_read(context, &mut buffer)),
        };
        match result {
            Ok(()) => {
                metrics::received(buffer.filled().len());
                take(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            }
            // A peer that leaves without close_notify: usual, and no different from one that says goodbye.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Says that nothing more comes (close_notify under TLS), as far as the peer takes it within `patience`.
    pub(super) async fn close(mut self, patience: Duration) {
        let _ = timeout(patience, async {
            match &mut self.transport {
                Transport::Plain(socket) => socket.shutdown().await,
                Transport::Tls(stream) => stream.shutdown().await,
            }
        })
        .await;
    }
}

impl Output for Stream {
    type Error = io::Error;

    async fn send(&mut self, octets: &mut Vec<u8>) -> io::Result<()> {
        let sent = match &mut self.transport {
            Transport::Plain(socket) => send(socket, octets, self.send_timeout).await,
            Transport::Tls(stream) => send(stream.as_mut(), octets, self.send_timeout).await,
        };
        if sent.is_ok() {
            metrics::sent(octets.len());
        }
        octets.clear();
        sent
    }

    async fn gone(&mut self) -> io::Error {
        let socket = match &self.transport {
            Transport::Plain(socket) => socket,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        loop {
            // What the client sent ahead keeps the socket readable, so that there is nothing to wait for.
            sleep(GONE_INTERVAL).await;
            match socket.ready(Interest::READABLE | Interest::WRITABLE).await {
                Ok(ready) if ready.is_read_closed() => return io::ErrorKind::ConnectionAborted.into(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    async fn pause(&mut self, time: Duration) -> io::Result<()> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            error = self.gone() => Err(error),
        }
    }
}

/// Writes all; the peer may take `patience` for each step, not for the whole.
async fn send<W: AsyncWrite + Unpin>(
    writer: &mut W,
    mut octets: &[u8],
    patience: Duration,
) -> io::Result<()> {
    while !octets.is_empty() {
        match timeout(patience, writer.write(octets)).await?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => octets = &octets[written..],
        }
    }
    timeout(patience, writer.flush()).await?
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// A stream of ours, and the client's end.
    async fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
        let (socket, _) = listener.accept().await.expect("it called");
        (Stream::plain(socket, Duration::from_secs(60)), client)
    }

    #[tokio::test]
    async fn a_pause_ends_when_the_client_goes() {
        let (mut stream, mut client) = pair().await;
        stream.pause(Duration::from_millis(1)).await.expect("the client is there");
        // What was sent ahead does not hide that nobody waits any more.
        client.write_all(b"a2 LOGIN ann guess\r\n").await.expect("sent");
        stream.pause(Duration::from_millis(1)).await.expect("the client is there");
        drop(client);
        let ended = timeout(Duration::from_secs(60), stream.pause(Duration::from_secs(3_600))).await;
        ended.expect("long before its time").expect_err("gone");
    }

    #[tokio::test]
    async fn a_pause_loses_nothing() {
        let (mut stream, mut client) = pair().await;
        client.write_all(b"a2 NOOP\r\n").await.expect("sent");
        stream.pause(Duration::from_millis(1)).await.expect("the client is there");
        let mut read = Vec::new();
        stream.read(|octets| read.extend_from_slice(octets)).await.expect("octets");
        assert_eq!(read, b"a2 NOOP\r\n");
        stream.close(Duration::from_secs(60)).await;
        assert_eq!(client.read(&mut [0]).await.expect("the end"), 0);
    }
}
