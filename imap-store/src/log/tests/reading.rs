//! Reading bodies: in ranges, ahead of who reads many, at once where nothing has to be waited for.

use super::*;
use crate::memory_disk::MemoryDisk;

#[test]
fn bodies_of_all_sizes_are_read_in_ranges_before_and_after_opening_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, ..) = open(dir.path());
    let sizes = [0, 1, 4096, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1, 10 << 20];
    let bodies: Vec<_> = sizes
        .iter()
        .map(|&size| {
            let octets = pattern(size);
            let finished = upload(&log, &octets).expect("taken");
            assert_eq!(finished.size_octets, size as u64);
            (finished.body, octets)
        })
        .collect();
    assert!(matches!(commit(&log, 1, 1, b"names them"), Outcome::Woken(_)));
    let check = |log: &Log| {
        for (body, octets) in &bodies {
            let size = octets.len() as u64;
            let chunk = CHUNK_OCTETS as u64;
            for range in [0..size, 0..1, 5..chunk, chunk - 1..chunk + 1, size / 3..size / 2, size..size + 9] {
                let expected = &octets[range.start.min(size) as usize..range.end.min(size) as usize];
                assert!(log.read(*body, range.clone()).expect("read") == expected, "{size} {range:?}");
            }
        }
    };
    check(&log);
    drop(log);
    let (log, recovery, _) = open(dir.path());
    assert!(!recovery.unclean && recovery.damage.is_empty(), "{recovery:?}");
    check(&log);
}

/// Who reads ahead reads the same: in every order, of segments that are sealed and of the one that grows meanwhile, also
/// where something else lies between, and with less memory than a body has.
#[test]
fn bodies_that_are_read_ahead_are_those_that_are_read_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, ..) = open(dir.path());
    let mut bodies = Vec::new();
    let mut ahead = Ahead::default();
    ahead.want(64 << 10);
    for round in 0..120_u64 {
        let octets = pattern(((round * 7_919) % 30_000) as usize + 1)[..].to_vec();
        bodies.push((upload(&log, &octets).expect("taken").body, octets));
        if round % 3 == 0 {
            assert!(matches!(commit(&log, 1, round / 3 + 1, &[7; 300]), Outcome::Woken(_)));
            for (body, octets) in bodies.iter().rev().take(5).rev() {
                assert!(log.read_ahead(*body, 0..u64::MAX, &mut ahead).expect("read") == octets[..]);
            }
        }
    }
    let octets = pattern(3 * CHUNK_OCTETS + 5);
    bodies.push((upload(&log, &octets).expect("taken").body, octets));
    assert!(matches!(commit(&log, 1, 41, b"names them"), Outcome::Woken(_)));
    let check = |log: &Log| {
        assert!(bodies.last().expect("there are").0.segment > bodies[0].0.segment);
        let orders: [Box<dyn Fn(usize) -> usize>; 3] =
            [Box::new(|at| at), Box::new(|at| bodies.len() - 1 - at), Box::new(|at| at * 47 % bodies.len())];
        for order in orders {
            for wanted in [0, 1_000, 20_000, 64 << 10] {
                let mut ahead = Ahead::default();
                ahead.want(wanted);
                for (body, octets) in (0..bodies.len()).map(|at| &bodies[order(at)]) {
                    let read = log.read_ahead(*body, 1..octets.len() as u64, &mut ahead).expect("read");
                    assert!(read == octets[1..], "{body:?} {wanted}");
                }
            }
        }
    };
    check(&log);
    drop(log);
    check(&open(dir.path()).0);
}

/// Small bodies are there at once where the disk is memory; on a disk that cannot tell, in a segment that is not open, and
/// where there is none, nothing is waited for.
#[test]
fn bodies_are_read_at_once_where_that_is_possible() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let (log, ..) = open_on(disk.clone(), options(Path::new("log"))).expect("opens");
    let mut bodies = Vec::new();
    for size in [0, 1, 20_000, 60_000, 70_000, CHUNK_OCTETS + 1, 2_000_000, 5] {
        bodies.push((upload(&log, &pattern(size)).expect("taken").body, size));
    }
    assert!(matches!(commit(&log, 1, 1, b"names them"), Outcome::Woken(_)));
    assert!(bodies[7].0.segment > bodies[0].0.segment, "both kinds of segment");
    for (body, size) in &bodies {
        let mut ahead = Ahead::default();
        assert_eq!(log.read_now(*body, &mut ahead), *size <= 60_000, "{size}");
        assert!(log.read_ahead(*body, 0..*size as u64, &mut ahead).expect("read") == pattern(*size)[..]);
    }
    let nowhere = BodyId { segment: 1, record: 99 };
    assert!(!log.read_now(nowhere, &mut Ahead::default()));
    log.close();
    let (log, ..) = open_on(disk, options(Path::new("log"))).expect("opens");
    assert!(!log.read_now(bodies[0].0, &mut Ahead::default()), "its segment would have to be opened");
    log.read(bodies[0].0, 0..1).expect("read");
    assert!(log.read_now(bodies[0].0, &mut Ahead::default()));

    let (log, ..) = open_sim(&SimDisk::new(3));
    let body = upload(&log, b"text").expect("taken").body;
    assert!(matches!(commit(&log, 1, 1, b"names it"), Outcome::Woken(_)));
    assert!(!log.read_now(body, &mut Ahead::default()));
}

/// What is damaged is told, and what lies around it is read.
#[test]
fn damage_among_what_is_read_ahead_hits_one_body() {
    let disk = SimDisk::new(3);
    let (log, ..) = open_sim(&disk);
    let bodies: Vec<_> = (0..8).map(|_| upload(&log, &pattern(3_000)).expect("taken").body).collect();
    assert!(matches!(commit(&log, 1, 1, b"names them"), Outcome::Woken(_)));
    let segment = disk.list(Path::new("log")).expect("listed").into_iter();
    let segment = segment.filter(|path| path.extension().is_some_and(|it| it == "seg")).min().expect("there");
    let file = disk.open(&segment).expect("opened");
    let mut octets = vec![0; file.len().expect("its length") as usize];
    crate::files::read_full(&*file, &mut octets, 0).expect("read");
    let begin = &pattern(3_000)[..100];
    let places: Vec<_> = memchr::memmem::find_iter(&octets, begin).collect();
    assert_eq!(places.len(), 8);
    let at = places[4] as u64 + 1_000;
    let flipped = [octets[at as usize] ^ 1];
    file.write_at(&mut [io::IoSlice::new(&flipped)], at).expect("written");
    let mut ahead = Ahead::default();
    ahead.want(64 << 10);
    for (place, body) in bodies.iter().enumerate() {
        let read = log.read_ahead(*body, 0..3_000, &mut ahead);
        assert_eq!(read.is_ok(), place != 4, "{place}: {read:?}");
    }
}
