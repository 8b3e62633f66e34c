//! [`SearchThreads`]: the threads that searches run on.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};

/// Lends threads to searches, [`crate::Limits::search_threads`] of each kind. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SearchThreads {
    /// For searches that look into messages.
    pub thorough: Arc<Semaphore>,
    /// For those that look at flags and the like, so that they never wait for a turn of the others.
    pub quick: Arc<Semaphore>,
    /// Has the threads for the thorough ones.
    patient: Arc<Patient>,
}

/// Threads that give way to all others. `None` where there are none of their own.
#[derive(Debug)]
struct Patient(Option<Runtime>);

/// 19 would be the lowest priority. With this one a thread has a third of the share of another that wants to run, too.
const NICE: i32 = 5;

impl SearchThreads {
    /// So many of each kind. They are started when they are needed.
    pub fn new(count: usize) -> Self {
        let patient = Builder::new_current_thread()
            .thread_name("search")
            .max_blocking_threads(count.max(1))
            .on_thread_start(|| {
                // For the thread alone, as Linux has it. It is no harm where it does not work.
                let _ = rustix::process::setpriority_process(None, NICE);
            })
            .build();
        Self {
            thorough: Arc::new(Semaphore::new(count)),
            quick: Arc::new(Semaphore::new(count)),
            patient: Arc::new(Patient(patient.ok())),
        }
    }

    /// Runs a part of a search, whose caller holds a permit of [`Self::thorough`] or of [`Self::quick`]; or, as something
    /// thorough, what else may take long and gives way to others.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        is_thorough: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.patient.0 {
            Some(patient) if is_thorough => patient.spawn_blocking(work),
            _ => spawn_blocking(work),
        }
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        // Without waiting for what still runs: this may be a thread that must not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
