use super::*;

const LOW: HashCost = HashCost { memory_kib: 64, passes: 1 };

fn record(argon2id: &str) -> Vec<u8> {
    format!(r#"{{"version":1,"argon2id":"{argon2id}"}}"#).into_bytes()
}

#[test]
fn a_record_verifies_its_password_only_also_when_read_back() {
    let made = Credentials::from_password(&Secret::new("sesame"), LOW).expect("a good password");
    let read = Credentials::from_bytes(&made.to_bytes()).expect("a good record");
    for credentials in [made, read] {
        assert!(credentials.verify(&Secret::new("sesame")));
        assert!(!credentials.verify(&Secret::new("Sesame")));
        assert!(!credentials.verify(&Secret::new("")));
    }
}

#[test]
fn setting_and_checking_prepare_alike() {
    let made = Credentials::from_password(&Secret::new("I\u{ad}X\u{a0}"), LOW).expect("a good password");
    assert!(made.verify(&Secret::new("\u{2168} ")));
    let made = Credentials::from_password(&Secret::new("\u{1f511}"), LOW).expect("a good password");
    assert!(made.verify(&Secret::new("\u{1f511}")));
}

#[test]
fn two_records_of_one_password_differ_and_hold_none() {
    let password = Secret::new("sesame");
    let records = [0, 1].map(|_| Credentials::from_password(&password, LOW).expect("good").to_bytes());
    assert_ne!(records[0], records[1]);
    assert!(!String::from_utf8_lossy(&records[0]).contains("sesame"));
}

#[test]
fn the_default_cost_stands_in_the_record() {
    let bytes = Credentials::from_password(&Secret::new("x"), HashCost::default()).expect("good").to_bytes();
    let text = String::from_utf8(bytes).expect("JSON is UTF-8");
    assert!(text.starts_with(r#"{"version":1,"argon2id":"$argon2id$v=19$m=19456,t=2,p=1$"#), "{text}");
}

#[test]
fn a_record_of_before_scram_is_read_and_has_no_keys() {
    let new = Credentials::from_password(&Secret::new("sesame"), LOW).expect("a good password");
    assert!(ScramHash::ALL.iter().all(|hash| new.scram(*hash).is_some()));
    let old = Credentials::from_bytes(&record(&new.verifier())).expect("an old record");
    assert!(old.verify(&Secret::new("sesame")));
    assert!(ScramHash::ALL.iter().all(|hash| old.scram(*hash).is_none()));
    // As it was read, it is written.
    assert_eq!(old.to_bytes(), record(&new.verifier()));
    let again = Credentials::from_bytes(&new.to_bytes()).expect("a new record");
    assert!(again.scram == new.scram);
}

#[test]
fn scram_keys_are_of_the_prepared_password() {
    let made = Credentials::from_password(&Secret::new("I\u{ad}X"), LOW).expect("a good password");
    for hash in ScramHash::ALL {
        assert!(made.scram(hash).expect("keys").verify(&Secret::new("IX")));
    }
}

#[test]
fn damaged_scram_keys_are_refused() {
    let made = Credentials::from_password(&Secret::new("x"), LOW).expect("a good password");
    let text = String::from_utf8(made.to_bytes()).expect("JSON").replace("SCRAM-SHA-256$", "SCRAM-SHA-3$");
    let error = Credentials::from_bytes(text.as_bytes()).err().expect("damaged");
    assert_eq!(error.reason, "its SCRAM keys are damaged");
}

#[test]
fn a_decoy_has_the_cost_and_no_password() {
    let decoy = Credentials::decoy(LOW).expect("a low cost is fine");
    assert!(String::from_utf8_lossy(&decoy.to_bytes()).contains("$m=64,t=1,p=1$"));
    assert!(!decoy.verify(&Secret::new("sesame")));
    assert!(Credentials::from_bytes(&decoy.to_bytes()).is_ok());
}

#[test]
fn bad_records_are_refused() {
    let tail = "c2FsdHNhbHRzYWx0$qLml5cbqFAO6YxVHhrSBHP0UWdxrIxkNcM8aMX3blzU";
    let good = record(&format!("$argon2id$v=19$m=64,t=1,p=1${tail}"));
    assert!(Credentials::from_bytes(&good).is_ok());
    let cases: &[(Vec<u8>, &str)] = &[
        (b"".to_vec(), "it is not the JSON expected"),
        (b"\xff\0".to_vec(), "it is not the JSON expected"),
        (b"{}".to_vec(), "it is not the JSON expected"),
        (vec![b' '; 65_537], "it is too long"),
        (br#"{"version":3,"argon2id":""}"#.to_vec(), "its version is 3, not 2"),
        (record("sesame"), "the hash is no PHC string"),
        (record(&format!("$argon2i$v=19$m=64,t=1,p=1${tail}")), "the hash is not argon2id of version 19"),
        (record(&format!("$argon2id$v=16$m=64,t=1,p=1${tail}")), "the hash is not argon2id of version 19"),
        (record("$argon2id$v=19$m=64,t=1,p=1"), "the hash is not complete"),
        (record(&format!("$argon2id$v=19$m=7,t=1,p=1${tail}")), "the parameters of the hash are wrong"),
        (record(&format!("$argon2id$v=19$m=1048577,t=1,p=1${tail}")), "the hash would cost too much"),
        (record(&format!("$argon2id$v=19$m=64,t=4294967295,p=1${tail}")), "the hash would cost too much"),
    ];
    for (bytes, reason) in cases {
        let error = Credentials::from_bytes(bytes).err().expect("a bad record");
        assert_eq!(error.reason, *reason, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_cost_out_of_range_is_refused() {
    for (memory_kib, passes) in [(7, 1), (64, 0), (1_048_577, 1), (64, 65)] {
        let made = Credentials::from_password(&Secret::new("x"), HashCost { memory_kib, passes });
        assert_eq!(made.err().map(|error| error.reason), Some("the hash cost is out of range"));
    }
}

proptest::proptest! {
    #[test]
    fn no_record_makes_it_panic(octets: Vec<u8>, text in ".*") {
        let _ = Credentials::from_bytes(&octets);
        let _ = Credentials::from_bytes(&record(&text));
    }
}
