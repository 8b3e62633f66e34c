//! How names and passwords are prepared: in one place, for setting and for checking.

use stringprep::saslprep;

use crate::Secret;

/// A password or name that cannot be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadPassword {
    /// Why, for a person.
    pub reason: &'static str,
}

/// The password as it is hashed: 1..=1,024 octets without NUL, CR and LF.
///
/// Where SASLprep (RFC 4013) can prepare it, the prepared form. A password with characters that SASLprep does
/// not know (its tables are of Unicode 3.2) is taken as it is, so that an emoji is a fine password with every
/// mechanism, and so are octets that are not UTF-8: old clients send Latin-1.
pub fn prepare_password(password: &Secret) -> Result<Secret, BadPassword> {
    let given = password.expose();
    if given.len() > PASSWORD_OCTETS_MAX {
        return Err(BadPassword { reason: "the password is longer than 1,024 octets" });
    }
    if given.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
        return Err(BadPassword { reason: "a password has no NUL, CR or LF" });
    }
    let prepared = match std::str::from_utf8(given).map(saslprep) {
        Ok(Ok(prepared)) => Secret::new(prepared.into_owned()),
        _ => password.clone(),
    };
    if prepared.expose().is_empty() {
        return Err(BadPassword { reason: "the password is empty" });
    }
    Ok(prepared)
}

/// The user name as it is looked up: 1..=255 octets of SASLprep (RFC 4013), its case as given.
///
/// `/`, `%` and `*` mean something in mailbox names, so no user name has them. Unlike a password, a name is
/// compared and shown; so characters that SASLprep does not know are refused, as RFC 4013 §2.5 asks for
/// stored strings.
pub fn prepare_user_name(name: &[u8]) -> Result<String, BadPassword> {
    if name.len() > USER_NAME_OCTETS_MAX {
        return Err(BadPassword { reason: "the user name is longer than 255 octets" });
    }
    let name = std::str::from_utf8(name).map_err(|_| BadPassword { reason: "the user name is not UTF-8" })?;
    let prepared = saslprep(name)
        .map_err(|_| BadPassword { reason: "the user name has characters that are not allowed" })?
        .into_owned();
    if prepared.is_empty() {
        return Err(BadPassword { reason: "the user name is empty" });
    }
    if prepared.len() > USER_NAME_OCTETS_MAX {
        return Err(BadPassword { reason: "the user name is longer than 255 octets" });
    }
    if prepared.contains(['/', '%', '*']) {
        return Err(BadPassword { reason: "a user name has no / % *" });
    }
    Ok(prepared)
}

const PASSWORD_OCTETS_MAX: usize = 1_024;
const USER_NAME_OCTETS_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    type Prepared<'a> = Result<&'a [u8], &'static str>;

    #[test]
    fn passwords() {
        let long = "x".repeat(1_024);
        let cases: &[(&[u8], Prepared<'_>)] = &[
            (b"sesame", Ok(b"sesame")),
            (b" spaces stay ", Ok(b" spaces stay ")),
            // The examples of RFC 4013 §3.
            ("I\u{ad}X".as_bytes(), Ok(b"IX")),
            (b"USER", Ok(b"USER")),
            ("\u{aa}".as_bytes(), Ok(b"a")),
            ("\u{2168}".as_bytes(), Ok(b"IX")),
            // A no-break space is a space.
            ("a\u{a0}b".as_bytes(), Ok(b"a b")),
            // Not in Unicode 3.2: as it is.
            ("caf\u{e9}\u{1f511}".as_bytes(), Ok("caf\u{e9}\u{1f511}".as_bytes())),
            // Neither UTF-8: as it is.
            (b"caf\xe9", Ok(b"caf\xe9")),
            // A tab is typed by nobody, but was taken by servers of old: as it is.
            (b"a\tb", Ok(b"a\tb")),
            (long.as_bytes(), Ok(long.as_bytes())),
            (b"a\0b", Err("a password has no NUL, CR or LF")),
            (b"a\r\nb", Err("a password has no NUL, CR or LF")),
            (b"\xe9\n", Err("a password has no NUL, CR or LF")),
            (b"", Err("the password is empty")),
            ("\u{ad}".as_bytes(), Err("the password is empty")),
            (&[b'x'; 1_025], Err("the password is longer than 1,024 octets")),
        ];
        for (given, expected) in cases {
            let prepared = prepare_password(&Secret::new(*given));
            let prepared = prepared.as_ref().map(Secret::expose).map_err(|error| error.reason);
            assert_eq!(prepared, *expected, "{:?}", String::from_utf8_lossy(given));
        }
    }

    #[test]
    fn composed_and_decomposed_passwords_are_one() {
        let composed = prepare_password(&Secret::new("caf\u{e9}")).expect("a good password");
        let decomposed = prepare_password(&Secret::new("cafe\u{301}")).expect("a good password");
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn user_names() {
        // Preparing can make a name longer: one ligature is 18 letters.
        let ligatures = "\u{fdfa}".repeat(80);
        let cases: &[(&[u8], Result<&str, &str>)] = &[
            (b"alice", Ok("alice")),
            (b"Alice@Example.ORG", Ok("Alice@Example.ORG")),
            ("andr\u{e9}".as_bytes(), Ok("andr\u{e9}")),
            ("andre\u{301}".as_bytes(), Ok("andr\u{e9}")),
            (b"", Err("the user name is empty")),
            (b"a/b", Err("a user name has no / % *")),
            ("a\u{ff0f}b".as_bytes(), Err("a user name has no / % *")),
            (b"a%", Err("a user name has no / % *")),
            (b"*", Err("a user name has no / % *")),
            (b"a\0", Err("the user name has characters that are not allowed")),
            (b"a\x7f", Err("the user name has characters that are not allowed")),
            (b"a\r\n", Err("the user name has characters that are not allowed")),
            ("\u{1f511}".as_bytes(), Err("the user name has characters that are not allowed")),
            (b"\xff", Err("the user name is not UTF-8")),
            (&[b'a'; 256], Err("the user name is longer than 255 octets")),
            (ligatures.as_bytes(), Err("the user name is longer than 255 octets")),
        ];
        for (given, expected) in cases {
            let prepared = prepare_user_name(given);
            let prepared = prepared.as_deref().map_err(|error| error.reason);
            assert_eq!(prepared, *expected, "{:?}", String::from_utf8_lossy(given));
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_prepared_stays_as_it_is(name in ".{0,40}", password in ".{1,40}") {
            if let Ok(prepared) = prepare_user_name(name.as_bytes()) {
                proptest::prop_assert_eq!(prepare_user_name(prepared.as_bytes()), Ok(prepared));
            }
            if let Ok(prepared) = prepare_password(&Secret::new(password)) {
                let again = prepare_password(&prepared).expect("it was prepared");
                proptest::prop_assert_eq!(again.expose(), prepared.expose());
            }
        }
    }
}
