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

/// Made by Dovecot 2.3's `doveadm pw -s SCHEME -p sesame`, and two by crypt(3).
const IMPORTED: &[(&str, &str)] = &[
    (
        "ARGON2ID",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$o26BasCMrgOhQub26gAKgg$BF/VWMiVnbwKoBVJR6WdVyu50u0FBrGBsEhfmjmH8G4",
    ),
    (
        "SHA512-CRYPT",
        "{SHA512-CRYPT}$6$nZMbFW6aIo5oMZ5T$rp6Jau.3WOUldhOkTBKMaBDD.DiNCb6vhoogeRswmAr8TVK.ihzz0WAwVkw5TtSz4W4p4aEvyTkqK3JryK2Qi.",
    ),
    ("BLF-CRYPT", "{BLF-CRYPT}$2y$05$/8ynpiEUSpiTMwEwPN1L6ukr68MaFmfZQ5SO3R5ZwJp9egEJQn55C"),
    ("SSHA", "{SSHA}j5a8XHcDbW3gVFhvYH9CJx3IXEes8c33"),
    (
        "SCRAM-SHA-256",
        "{SCRAM-SHA-256}4096,/+KhzTAWCvhvJYpz+tMbvg==,8V1/+Z2AoyG9bPiKMYBL8roNezGn8jHMiQpuz/roAvY=,abrAcAVDWos/Pscm/zbvzNrpJ2hg7+sPLdo+VcMJMbk=",
    ),
    (
        "SHA512-CRYPT",
        "{sha512-crypt}$6$rounds=1000$saltsalt$5Oji4y.RQw4TBqlwXcGLBsxSL7.Pw5hdIpFnzMJTl.OaKsU3EiPTP5NseI3oKDT8iioErVqshwXGd40hlWBLx1",
    ),
    ("BLF-CRYPT", "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O"),
];

#[test]
fn hashes_of_dovecot_are_imported() {
    for (scheme, text) in IMPORTED {
        let imported = Credentials::import(text).expect(scheme);
        let read = Credentials::from_bytes(&imported.to_bytes()).expect("a good record");
        for credentials in [imported, read] {
            assert!(credentials.verify(&Secret::new("sesame")), "{scheme}");
            assert!(!credentials.verify(&Secret::new("Sesame")), "{scheme}");
            assert!(credentials.has_password() && credentials.needs_upgrade(LOW), "{scheme}");
            let fresh = credentials.with_password(&Secret::new("sesame"), LOW).expect("a good password");
            assert!(!fresh.needs_upgrade(LOW) && fresh.verify(&Secret::new("sesame")), "{scheme}");
            assert!(fresh.scram(ScramHash::Sha256).is_some() && fresh.imported.is_none(), "{scheme}");
        }
    }
}

#[test]
fn what_cannot_be_imported() {
    for (text, reason) in [
        ("", "a hash is written {SCHEME}HASH"),
        ("sesame", "a hash is written {SCHEME}HASH"),
        ("{PLAIN}sesame", "the scheme is not known; known are"),
        ("{ARGON2ID}x", "the hash is no PHC string"),
        ("{SHA512-CRYPT}$6$salt$short", "this is no hash of SHA512-CRYPT"),
        ("{SHA512-CRYPT}$5$saltsalt$x", "this is no hash of SHA512-CRYPT"),
        (
            "{BLF-CRYPT}$2y$31$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O",
            "this is no hash of BLF-CRYPT",
        ),
        ("{BLF-CRYPT}", "this is no hash of BLF-CRYPT"),
        ("{SSHA}x", "this is no hash of SSHA"),
        ("{SSHA}c2hvcnQ=", "this is no hash of SSHA"),
        ("{SCRAM-SHA-256}4096,x,y", "this is no hash of SCRAM-SHA-256"),
    ] {
        let error = Credentials::import(text).err().expect("refused").reason;
        assert!(error.starts_with(reason), "{text}: {error}");
    }
    // A hash that would take hours.
    let slow = IMPORTED[5].1.replace("rounds=1000", "rounds=999999999");
    assert!(Credentials::import(&slow).is_err());
}

#[test]
fn application_passwords() {
    use std::time::{Duration, SystemTime};
    let mut credentials = Credentials::from_password(&Secret::new("sesame"), LOW).expect("a good password");
    let phone = credentials.add_application_password("phone").expect("made");
    let backup = credentials.add_application_password("backup").expect("made");
    assert_eq!((phone.expose().len(), phone.expose()[4]), (29, b'-'));
    assert!(credentials.add_application_password("phone").is_err());
    assert!(credentials.add_application_password("").is_err());
    assert!(credentials.add_application_password("a\nb").is_err());
    let now = SystemTime::now();
    {
        let backup = credentials.application_password_mut("backup").expect("there");
        backup.networks =
            vec!["192.0.2.0/24".parse().expect("a network"), "2001:db8::/32".parse().expect("one")];
        backup.protocols = vec!["imap".into()];
        backup.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000));
    }
    let credentials = Credentials::from_bytes(&credentials.to_bytes()).expect("a good record");
    let from = |peer: &str, protocol| crate::Channel {
        peer: peer.parse().ok(),
        protocol,
        ..crate::Channel::default()
    };
    let here = from("192.0.2.7", "imap");
    let name = |password: &Secret, channel: &crate::Channel, now| {
        credentials.match_application(password, channel, now).map(|found| found.name.as_str())
    };
    assert_eq!(name(&phone, &crate::Channel::default(), now), Some("phone"));
    let spoken = String::from_utf8(phone.expose().to_vec()).expect("ASCII").replace('-', " ").to_uppercase();
    assert_eq!(name(&Secret::new(spoken), &here, now), Some("phone"));
    assert_eq!(name(&backup, &here, now), Some("backup"));
    assert_eq!(name(&backup, &from("2001:db8:1::1", "imap"), now), Some("backup"));
    assert_eq!(name(&backup, &from("::ffff:192.0.2.7", "imap"), now), Some("backup"));
    assert_eq!(name(&backup, &from("192.0.3.7", "imap"), now), None);
    assert_eq!(name(&backup, &from("", "imap"), now), None);
    assert_eq!(name(&backup, &from("192.0.2.7", "smtp"), now), None);
    assert_eq!(name(&backup, &here, SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)), None);
    for wrong in ["sesame", "", "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        assert_eq!(name(&Secret::new(wrong), &here, now), None);
    }
    // A new password leaves them, revoking takes one.
    let mut changed = credentials.with_password(&Secret::new("open"), LOW).expect("a good password");
    assert!(changed.match_application(&phone, &here, now).is_some());
    assert!(changed.revoke_application_password("phone") && !changed.revoke_application_password("phone"));
    assert!(changed.match_application(&phone, &here, now).is_none());
    for number in changed.application_passwords().len()..32 {
        changed.add_application_password(&number.to_string()).expect("there is room");
    }
    assert!(changed.add_application_password("one too many").is_err());
    assert!(Credentials::from_bytes(&changed.to_bytes()).is_ok(), "as many fit into a record");
}

#[test]
fn networks() {
    for (network, address, inside) in [
        ("0.0.0.0/0", "203.0.113.9", true),
        ("::/0", "2001:db8::1", true),
        ("::/0", "203.0.113.9", false),
        ("203.0.113.9", "203.0.113.9", true),
        ("203.0.113.8/31", "203.0.113.9", true),
        ("203.0.113.8/32", "203.0.113.9", false),
        ("2001:db8::/32", "2001:db9::", false),
    ] {
        let network: Network = network.parse().expect("a network");
        assert_eq!(network.contains(address.parse().expect("an address")), inside, "{network} {address}");
    }
    for bad in ["", "x", "1.2.3.4/33", "1.2.3.4/", "::/129", "1.2.3/8", "1.2.3.4/-1"] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
}

#[test]
fn whose_account_it_is_stands_in_the_record_until_a_password_is_set() {
    let account = Credentials::from_bytes(&Credentials::of_directory("staff").to_bytes()).expect("a record");
    assert_eq!((account.directory(), account.has_password()), (Some("staff"), false));
    let own = account.with_password(&Secret::new("sesame"), LOW).expect("a good password");
    assert_eq!(Credentials::from_bytes(&own.to_bytes()).expect("a record").directory(), None);
}

#[test]
fn attributes_stand_in_the_record() {
    let mut credentials = Credentials::none();
    assert!(!credentials.verify(&Secret::new("")) && !credentials.has_password());
    let attributes = UserAttributes {
        disabled: true,
        expires: Some(std::time::UNIX_EPOCH + std::time::Duration::from_secs(7)),
        admin: true,
        groups: vec!["staff".into()],
    };
    credentials.set_attributes(attributes.clone());
    let bytes = credentials.to_bytes();
    assert_eq!(Credentials::from_bytes(&bytes).expect("a good record").attributes(), &attributes);
    // Who knows version 1 only must not let a disabled user in.
    assert!(bytes.starts_with(br#"{"version":2,"#), "{}", String::from_utf8_lossy(&bytes));
}
