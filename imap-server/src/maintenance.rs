//! What is done once a day: expunged messages that are past their retention go, also in accounts where nothing happens.

use std::time::Duration;

use imap_store::Store;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// From the start to the first round, which must not stand in the way of those who come back then.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// Does a round a day until `stop`.
pub(crate) async fn run(store: Store, stop: CancellationToken) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        tokio::select! {
            () = stop.cancelled() => return,
            () = round(&store) => {}
        }
    }
}

async fn round(store: &Store) {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || store.purge()).await {
        Ok(Ok(accounts)) => info!(accounts, "expunged messages past their retention are purged"),
        Ok(Err(error)) => warn!(%error, "expunged messages could not be purged: tomorrow is another day"),
        Err(_) => warn!("purging ended in a panic"),
    }
}
