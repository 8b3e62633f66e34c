//! [`send`]: one piece of an answer is sent while the next is rendered on another thread.

use tokio::task::{JoinHandle, spawn_blocking};

use super::super::{Halt, finished};
use super::render::Renderer;
use crate::session::outbox::Outbox;

/// How many times the first piece the later ones grow to: a short answer needs little memory, and of a long one few
/// pieces change threads.
const GROWTH_MAX: usize = 2;

/// Renders all and sends it, but for a last piece that is left in the buffer. Two pieces are in memory at the most: one
/// on its way, and the next. A thread is held only as long as a piece takes to be rendered, however slowly the client
/// reads: where it does not read, the next piece waits.
pub(super) async fn send(out: &mut Outbox<'_>, renderer: Renderer) -> Result<Renderer, Halt> {
    if renderer.is_done() {
        return Ok(renderer);
    }
    let first_octets = out.piece_octets();
    let mut octets = first_octets;
    let mut filling = fill(renderer, std::mem::take(&mut out.buffer), octets);
    loop {
        let Filled { renderer, buffer, result } = finished(filling.await)?;
        let sent = std::mem::replace(&mut out.buffer, buffer);
        result?;
        if renderer.is_done() {
            out.flush_if_full().await?;
            return Ok(renderer);
        }
        octets = (2 * octets).min(GROWTH_MAX * first_octets);
        filling = fill(renderer, sent, octets);
        out.flush().await?;
    }
}

/// What came of a piece.
struct Filled {
    renderer: Renderer,
    buffer: Vec<u8>,
    result: Result<(), Halt>,
}

/// Renders the next piece behind what is in `buffer`.
fn fill(mut renderer: Renderer, mut buffer: Vec<u8>, octets: usize) -> JoinHandle<Filled> {
    spawn_blocking(move || {
        let result = renderer.fill(&mut buffer, octets);
        Filled { renderer, buffer, result }
    })
}
