use bytes::Bytes;
use expect_test::{Expect, expect};

use super::{Command, Literals, REGISTRY, Tag, peek};
use crate::Dialect;

/// What becomes of a frame: the command, or what is answered with BAD.
pub(super) fn check(frame: &str, expected: Expect) {
    let frame = Bytes::copy_from_slice(frame.as_bytes());
    expected.assert_eq(&match Command::parse(&frame, Dialect::SILENT) {
        Ok((tag, command)) => format!("{tag} {command:?}"),
        Err(bad) => {
            let tag = bad.tag.map_or("*".to_owned(), |tag| tag.to_string());
            format!("BAD {tag} {}: {}", bad.name.unwrap_or("?"), bad.error)
        }
    });
}

#[test]
fn commands_without_arguments() {
    check("a capability", expect!["a Capability"]);
    check("a]. NOOP", expect!["a]. Noop"]);
    check("a NOOP  ", expect!["a Noop"]);
    check("a NOOP x", expect!["BAD a NOOP: expected end of line at octet 6"]);
    check("a IDLE", expect!["a Idle"]);
}

#[test]
fn what_is_no_command() {
    check("", expect!["BAD * ?: expected tag at octet 0"]);
    check(" NOOP", expect!["BAD * ?: expected tag at octet 0"]);
    check("+ NOOP", expect!["BAD * ?: expected tag at octet 0"]);
    check("* NOOP", expect!["BAD * ?: expected tag at octet 0"]);
    check("a(b NOOP", expect!["BAD * ?: expected tag at octet 0"]);
    check("a", expect!["BAD a ?: expected SP at octet 1"]);
    check("a ", expect!["BAD a ?: expected command at octet 2"]);
    check("a  NOOP", expect!["BAD a ?: expected command at octet 2"]);
    check("a PURGE ALWAYS", expect!["BAD a ?: expected known command at octet 2"]);
    check("a UID", expect!["BAD a ?: expected SP at octet 5"]);
    check("a UID NOOP", expect!["BAD a ?: expected known command at octet 2"]);
    check("a SELECT a\0b", expect!["BAD a SELECT: expected no NUL at octet 10"]);
    check(&format!("{} NOOP", "a".repeat(256)), expect!["BAD * ?: expected tag at octet 0"]);
}

#[test]
fn a_frame_that_is_cut_short_still_tells_tag_and_name() {
    let look = |frame: &[u8]| {
        let (tag, spec) = peek(frame);
        (tag.map(|tag| tag.to_string()), spec.map(|spec| spec.name))
    };
    assert_eq!(look(b"a login {5}\r\n"), (Some("a".to_owned()), Some("LOGIN")));
    assert_eq!(look(b"a uid fetch 1"), (Some("a".to_owned()), Some("UID FETCH")));
    assert_eq!(look(b"a foo"), (Some("a".to_owned()), None));
    assert_eq!(look(b"(a foo"), (None, None));
    assert_eq!(look(&[b'x'; 100_000]), (None, None));
}

#[test]
fn every_line_of_the_registry_is_reached_by_its_own_name() {
    for spec in REGISTRY {
        let frame = Bytes::from(format!("a {}", spec.name));
        match Command::parse(&frame, Dialect::SILENT) {
            Ok((_, command)) => assert_eq!(command.spec(), spec),
            Err(bad) => assert_eq!((bad.name, bad.error.rule), (Some(spec.name), "SP")),
        }
    }
}

#[test]
fn literals_are_waited_for_unless_the_server_reads_ahead() {
    let login = Command::Login(super::Login {
        user: Bytes::from_static(b"a\"b"),
        password: crate::types::Secret::new("\\"),
    });
    let tag = Tag::new("t").expect("a tag");
    let mut out = b"before".to_vec();
    let waits = login.write(&tag, false, &mut out);
    assert_eq!(out, b"beforet LOGIN {3}\r\na\"b {1}\r\n\\\r\n");
    assert_eq!(waits.iter().map(|&at| &out[at..at + 1]).collect::<Vec<_>>(), [b"a", b"\\"]);
    out.clear();
    assert!(login.write(&tag, true, &mut out).is_empty());
    assert_eq!(out, b"t LOGIN {3+}\r\na\"b {1+}\r\n\\\r\n");
}

#[test]
fn literal_minus_reads_small_literals_ahead() {
    let mut out = Vec::new();
    let tag = Tag::new("t").expect("a tag");
    let login = |password: Vec<u8>| {
        let password = crate::types::Secret::new(password);
        Command::Login(super::Login { user: Bytes::from_static(b"ann"), password })
    };
    assert!(login(vec![0xff; 4_096]).write(&tag, Literals::Minus, &mut out).is_empty());
    out.clear();
    assert_eq!(login(vec![0xff; 4_097]).write(&tag, Literals::Minus, &mut out), [22]);
    assert!(out.starts_with(b"t LOGIN \"ann\" {4097}\r\n"));
}

#[test]
fn a_command_that_nobody_knows_is_named() {
    let message = |line: &str| {
        let frame = Bytes::copy_from_slice(line.as_bytes());
        Command::parse(&frame, Dialect::IMAP4).expect_err("nobody knows it").message(&frame)
    };
    assert_eq!(message("a PURGE ALWAYS"), "unknown command PURGE");
    assert_eq!(message("a uid noop x"), "unknown command uid noop");
    assert_eq!(message("a UID"), "expected SP at octet 5");
    let long = "X".repeat(10_000);
    assert_eq!(message(&format!("a {long} y")), format!("unknown command {}...", "X".repeat(40)));
    assert_eq!(message("a NOOP x"), "expected end of line at octet 6");
}
