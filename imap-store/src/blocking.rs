//! Waiting for a future on a thread that may block.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread;

/// Runs a future that needs no runtime on this thread.
///
/// Where this thread is a runtime's all the same, the task that blocks it may have used up what it may do in one go
/// (tokio counts that): what is waited for here does not count, or it would wait for a turn that never comes.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_task_that_has_used_up_its_turn_still_gets_what_is_there() {
        let semaphore = Semaphore::new(1);
        for _ in 0..1_000 {
            drop(block_on(semaphore.acquire()).expect("never closed"));
        }
    }
}
