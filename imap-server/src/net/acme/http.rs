//! Answers HTTP-01 (RFC 8555 §8.3): one path, GET, and nothing else.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A request's head at the most; what is behind the first line does not matter.
const HEAD_OCTETS_MAX: usize = 8 << 10;
const PATIENCE: Duration = Duration::from_secs(10);
/// More just wait to be accepted.
const AT_ONCE: usize = 64;
const PATH: &str = "/.well-known/acme-challenge/";

/// What is shown now: token to key authorization. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct HttpChallenges(Arc<Mutex<HashMap<String, String>>>);

impl HttpChallenges {
    pub(super) fn show(&self, token: &str, answer: &str) {
        self.shown().insert(token.to_owned(), answer.to_owned());
    }

    pub(super) fn hide(&self, token: &str) {
        self.shown().remove(token);
    }

    fn shown(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers on `listener` until `stop`.
    pub(crate) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((socket, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let this = self.clone();
            tokio::spawn(async move {
                let _ = timeout(PATIENCE, this.answer(socket)).await;
                drop(place);
            });
        }
    }

    async fn answer(&self, mut socket: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if head.len() >= HEAD_OCTETS_MAX || socket.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let found = self.find(&head);
        let (status, body) = found.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(answer.as_bytes()).await?;
        socket.shutdown().await
    }

    fn find(&self, head: &[u8]) -> Option<String> {
        let line = head.split(|octet| *octet == b'\r').next()?;
        let path = std::str::from_utf8(line).ok()?.strip_prefix("GET ")?.split(' ').next()?;
        self.shown().get(path.strip_prefix(PATH)?).cloned()
    }
}

/// Binds where HTTP-01 is answered.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_is_answered() {
        let challenges = HttpChallenges::default();
        challenges.show("abc", "abc.thumbprint");
        let found = |line: &str| challenges.find(format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(found("GET /.well-known/acme-challenge/abc HTTP/1.1").as_deref(), Some("abc.thumbprint"));
        for other in [
            "GET / HTTP/1.1",
            "POST /.well-known/acme-challenge/abc HTTP/1.1",
            "",
            "GET /.well-known/acme-challenge/",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
        challenges.hide("abc");
        assert_eq!(found("GET /.well-known/acme-challenge/abc HTTP/1.1"), None);
    }
}
