//! The corpus of the fuzz targets, run as ordinary tests.

use std::path::Path;

#[path = "../../fuzz/src/bodies.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are another crate")]
mod bodies;

fn run(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut ran = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus is there") {
        body(&std::fs::read(entry.expect("a file").path()).expect("readable"));
        ran += 1;
    }
    assert!(ran > 0, "{target} has a corpus");
}

#[test]
fn server() {
    run("server", bodies::server);
}

#[test]
fn client() {
    run("client", bodies::client);
}

#[test]
fn records() {
    run("records", bodies::records);
}
