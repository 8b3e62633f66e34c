//! The corpus of the fuzz targets, run as ordinary tests.

use std::path::Path;

#[path = "../../fuzz/src/bodies.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets are another crate")]
mod bodies;

fn run(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("a file").path();
        eprintln!("{}", path.display());
        body(&std::fs::read(&path).expect("it can be read"));
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

#[test]
fn command_frame() {
    run("command_frame", bodies::command_frame);
}

#[test]
fn command() {
    run("command", bodies::command);
}

#[test]
fn response_frame() {
    run("response_frame", bodies::response_frame);
}

#[test]
fn response() {
    run("response", bodies::response);
}

#[test]
fn names_and_sets() {
    run("names_and_sets", bodies::names_and_sets);
}

#[test]
fn dialects() {
    run("dialects", bodies::dialects);
}
