//! AUTHENTICATE (RFC 9051 §6.2.2, SASL-IR RFC 4959) and LOGIN (§6.2.3).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, atom, run, sp, token};
use crate::types::Secret;

/// AUTHENTICATE mechanism [initial-response].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism's name in upper case.
    pub mechanism: String,
    /// The initial response in base64 as it came; `=` is the empty one.
    pub initial_response: Option<Secret>,
}

/// LOGIN user password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name, in the octets of the client.
    pub user: Bytes,
    /// The password.
    pub password: Secret,
}

impl Body for Authenticate {
    /// ```abnf
    /// authenticate    = "AUTHENTICATE" SP auth-type [SP initial-resp]
    ///                   *(CRLF base64)
    /// auth-type       = atom
    /// initial-resp    =  (base64 / "=")
    /// ```
    ///
    /// Whether it is base64 is for SASL to say.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mechanism) = atom(input)?;
        let mechanism = mechanism.to_upper();
        let response = sp(rest).and_then(|(rest, ())| run(is_base64_char, "base64")(rest));
        Ok(match response {
            Ok((rest, response)) => {
                let initial_response = Some(Secret::new(response.to_bytes()));
                (rest, Self { mechanism, initial_response })
            }
            Err(_) => (rest, Self { mechanism, initial_response: None }),
        })
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(&self.mechanism);
        if let Some(response) = &self.initial_response {
            out.sp();
            out.out().extend_from_slice(response.expose());
        }
    }
}

fn is_base64_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=')
}

impl Body for Login {
    /// ```abnf
    /// login           = "LOGIN" SP userid SP password
    /// userid          = astring
    /// password        = astring
    /// ```
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, user) = token(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, password) = token(rest)?;
        Ok((rest, Self { user, password: Secret::new(password) }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.user);
        out.sp();
        out.string(self.password.expose());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn login() {
        check("a001 LOGIN SMITH SESAME", expect![[r#"a001 Login(Login { user: b"SMITH", password: *** })"#]]);
        check("a LOGIN \"\" {3}\r\na b", expect![[r#"a Login(Login { user: b"", password: *** })"#]]);
        check("a login ann", expect!["BAD a LOGIN: expected SP at octet 11"]);
        check("a login ann secret more", expect!["BAD a LOGIN: expected end of line at octet 18"]);
    }

    /// RFC 1176 has atoms with parentheses and wildcards in them.
    #[test]
    fn unquoted_passwords_may_hold_specials() {
        let frame = bytes::Bytes::from_static(b"a1 login ann open(ses*me]1)");
        let (_, command) = super::super::Command::parse(&frame, crate::Dialect::SILENT).expect("a command");
        let super::super::Command::Login(login) = command else { panic!("not LOGIN") };
        assert_eq!(login.password.expose(), b"open(ses*me]1)");
    }

    #[test]
    fn authenticate() {
        check(
            "a AUTHENTICATE gssapi",
            expect![[r#"a Authenticate(Authenticate { mechanism: "GSSAPI", initial_response: None })"#]],
        );
        check(
            "a authenticate PLAIN dGVzdAB0ZXN0AHRlc3Q=",
            expect![[r#"a Authenticate(Authenticate { mechanism: "PLAIN", initial_response: Some(***) })"#]],
        );
        check(
            "a authenticate EXTERNAL =",
            expect![[
                r#"a Authenticate(Authenticate { mechanism: "EXTERNAL", initial_response: Some(***) })"#
            ]],
        );
        check("a authenticate PLAIN %", expect!["BAD a AUTHENTICATE: expected end of line at octet 20"]);
    }
}
