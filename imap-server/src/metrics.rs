//! Metrics for Prometheus: what is counted, and the listener that tells. No name of a user or mailbox is ever a label.

use std::net::SocketAddr;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {address}: {error}")]
pub struct MetricsError {
    address: SocketAddr,
    error: BuildError,
}

/// Serves the metrics by HTTP until `stop`. What is counted before that, or without, is counted nowhere.
pub(crate) fn start(address: SocketAddr, stop: CancellationToken) -> Result<(), MetricsError> {
    let seconds = Matcher::Full(COMMIT_SECONDS.to_owned());
    let built = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &COMMIT_BUCKETS)
        .and_then(|builder| builder.with_http_listener(address).build());
    let (recorder, exporter) = built.map_err(|error| MetricsError { address, error })?;
    if metrics::set_global_recorder(recorder).is_err() {
        warn!("another server of this process counts already");
    }
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            ended = exporter => if ended.is_err() { warn!(%address, "metrics are served no longer") }
        }
    });
    Ok(())
}

const COMMIT_SECONDS: &str = "restante_store_commit_seconds";
const COMMIT_BUCKETS: [f64; 10] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// A login, or a try of one.
pub(crate) fn login(mechanism: &str, result: &'static str) {
    counter!("restante_logins_total", "mechanism" => known(mechanism), "result" => result).increment(1);
}

/// A client says what it likes; a label is one of ours.
fn known(mechanism: &str) -> &'static str {
    if mechanism == "login" {
        return "login";
    }
    imap_auth::Mechanisms::all().names().find(|name| *name == mechanism).unwrap_or("other")
}

/// A command that was answered: its name by our grammar.
pub(crate) fn command(name: &'static str, result: &'static str) {
    counter!("restante_commands_total", "command" => name, "result" => result).increment(1);
}

/// A connection was let in, or turned away.
pub(crate) fn connection(result: &'static str) {
    counter!("restante_connections_total", "result" => result).increment(1);
}

/// Connections that are open.
pub(crate) fn open_connections(number: usize) {
    // Far below 2^53.
    gauge!("restante_connections").set(number as f64);
}

/// A change of the store, from being decided to being on the disk.
pub(crate) fn committed(took: Duration) {
    histogram!(COMMIT_SECONDS).record(took.as_secs_f64());
}

/// A TLS handshake; `version` is `failed` where it did not come to its end.
pub(crate) fn handshake(version: &'static str) {
    counter!("restante_tls_handshakes_total", "version" => version).increment(1);
}

/// Octets of clients.
pub(crate) fn received(octets: usize) {
    counter!("restante_received_octets_total").increment(octets as u64);
}

/// Octets to clients.
pub(crate) fn sent(octets: usize) {
    counter!("restante_sent_octets_total").increment(octets as u64);
}
