//! What every engine has to do; run over each of them.

use super::{MemorySnapshots, SledSnapshots, Snapshots, Write};

fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put(key.to_vec(), value.to_vec())
}

fn scan(engine: &dyn Snapshots, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut each = |key: &[u8], value: &[u8]| found.push((key.to_vec(), value.to_vec()));
    engine.scan(prefix, &mut each).expect("the engine reads");
    found
}

fn conforms(engine: &dyn Snapshots) {
    assert_eq!(engine.get(b"a").expect("the engine reads"), None);
    engine
        .apply(&[put(b"ab", b"1"), put(b"aa", b"2"), put(b"b", b""), put(&[0xff, 1], b"3")])
        .expect("the engine writes");
    assert_eq!(engine.get(b"ab").expect("the engine reads"), Some(b"1".to_vec()));
    assert_eq!(engine.get(b"b").expect("the engine reads"), Some(Vec::new()));

    // In the order of keys, and only those with the prefix.
    assert_eq!(scan(engine, b"a"), [(b"aa".to_vec(), b"2".to_vec()), (b"ab".to_vec(), b"1".to_vec())]);
    assert_eq!(scan(engine, &[0xff]).len(), 1);
    assert_eq!(scan(engine, b"").len(), 4);

    // Later writes of a batch count; a removal of what is not there is none.
    engine
        .apply(&[
            put(b"ab", b"x"),
            Write::Delete(b"aa".to_vec()),
            put(b"ab", b"y"),
            Write::Delete(b"zz".to_vec()),
        ])
        .expect("the engine writes");
    assert_eq!(scan(engine, b"a"), [(b"ab".to_vec(), b"y".to_vec())]);
    engine.apply(&[]).expect("an empty batch is one");

    // As much as a checkpoint brings at once, in values of the largest size that are asked for, read while it is
    // written; and all gone again.
    let key = |at: u32| [&b"large"[..], &at.to_be_bytes()].concat();
    let value = |at: u32| vec![at as u8; 4_000];
    let writes: Vec<_> = (0..1_000).map(|at| put(&key(at), &value(at))).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| writes.chunks(250).for_each(|some| engine.apply(some).expect("the engine writes")));
        for at in (0..1_000).rev() {
            let found = engine.get(&key(at)).expect("the engine reads");
            assert!(found.is_none_or(|found| found == value(at)), "half a value");
        }
    });
    let found = scan(engine, b"large");
    assert!(found.iter().map(|(key, _)| key).is_sorted());
    assert_eq!(found, (0..1_000).map(|at| (key(at), value(at))).collect::<Vec<_>>());
    let gone: Vec<_> = (0..1_000).map(|at| Write::Delete(key(at))).collect();
    engine.apply(&gone).expect("the engine writes");
    assert!(scan(engine, b"large").is_empty());
    assert_eq!(scan(engine, b"a"), [(b"ab".to_vec(), b"y".to_vec())], "others are untouched");
}

/// What was applied is there in a copy of the files, taken while the engine runs: as after a kill.
#[test]
fn sled_keeps_what_it_took_when_it_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let live = dir.path().join("live");
    let engine = SledSnapshots::open(&live, 1 << 20).expect("sled opens");
    for round in 0..20u32 {
        let batch: Vec<_> =
            (0..50u32).map(|at| put(&[round.to_be_bytes(), at.to_be_bytes()].concat(), &[7; 900])).collect();
        engine.apply(&batch).expect("sled writes");
        if round % 5 == 4 {
            let copy = dir.path().join(format!("copy{round}"));
            std::fs::create_dir(&copy).expect("made");
            for file in ["conf", "db"] {
                std::fs::copy(live.join(file), copy.join(file)).expect("copied");
            }
            let copy = SledSnapshots::open(&copy, 1 << 20).expect("sled opens");
            assert_eq!(scan(&copy, b"").len(), 50 * (round as usize + 1));
        }
    }
}

#[test]
fn memory_conforms() {
    conforms(&MemorySnapshots::default());
}

#[test]
fn sled_conforms_and_keeps_what_it_took() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = || SledSnapshots::open(&dir.path().join("sled"), 1 << 20).expect("sled opens");
    let engine = open();
    conforms(&engine);
    assert!(engine.size_on_disk_octets() > 0);
    drop(engine);
    // Again and again: threads of sled may still be closing what was dropped.
    for _ in 0..10 {
        assert_eq!(scan(&open(), b"a"), [(b"ab".to_vec(), b"y".to_vec())]);
    }
}

#[test]
fn a_damaged_sled_is_an_error_and_no_panic() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("conf"), b"nonsense").expect("written");
    std::fs::write(dir.path().join("db"), [0xa5; 70_000]).expect("written");
    // Either it says so, or it comes up empty: both are handled above it.
    if let Ok(engine) = SledSnapshots::open(dir.path(), 1 << 20) {
        assert!(scan(&engine, b"").is_empty());
    }
}
