//! [`Gate`]: where all sessions wait for each other, and that opens for good when one of them fails.

use std::sync::{Condvar, Mutex, MutexGuard};

pub(super) struct Gate {
    sessions: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    times_open: u64,
    left: bool,
}

/// Opens the gate for good when it is dropped.
pub(super) struct Leaves<'a>(&'a Gate);

impl Gate {
    pub(super) fn new(sessions: usize) -> Self {
        Self { sessions, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until all are here. `false`: one has left, and nobody is to wait any more.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.lock();
        state.waiting += 1;
        if state.waiting == self.sessions {
            state.waiting = 0;
            state.times_open += 1;
            self.changed.notify_all();
            return !state.left;
        }
        let now = state.times_open;
        while state.times_open == now && !state.left {
            state = self.changed.wait(state).expect("no holder panics");
        }
        state.times_open != now || !state.left
    }

    pub(super) fn leave_at_the_end(&self) -> Leaves<'_> {
        Leaves(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.lock().left = true;
        self.0.changed.notify_all();
    }
}
