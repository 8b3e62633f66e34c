//! The shape of SCRAM's messages (RFC 5802 §7), checked before rsasl sees them: 2.3.1 panics at short attributes.

/// Why a message is none, for a person.
pub(crate) type Malformed = &'static str;

/// The channel binding flag of a client.
#[cfg(feature = "server")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindingFlag<'a> {
    /// `n`: the client cannot bind.
    CannotBind,
    /// `y`: it can, and thinks that the server cannot.
    ServerCannot,
    /// `p=`: it does, with this kind of data.
    Binds(&'a str),
}

/// The client's first message, its names unescaped.
#[cfg(feature = "server")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst<'a> {
    pub(crate) flag: BindingFlag<'a>,
    /// Empty where there is none.
    pub(crate) authzid: String,
    pub(crate) authcid: String,
    /// As it was sent, with its escapes.
    pub(crate) raw_authcid: &'a str,
}

#[cfg(feature = "server")]
impl<'a> ClientFirst<'a> {
    /// ```text
    /// client-first-message = gs2-cbind-flag "," [ authzid ] "," client-first-message-bare
    /// client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    /// ```
    pub(crate) fn parse(octets: &'a [u8]) -> Result<Self, Malformed> {
        let mut parts = fields(octets)?;
        let flag = match parts.next() {
            Some("n") => BindingFlag::CannotBind,
            Some("y") => BindingFlag::ServerCannot,
            Some(field) => {
                BindingFlag::Binds(binding_name(field).ok_or("the first field has to be n, y or p=NAME")?)
            }
            None => return Err("the message is empty"),
        };
        let authzid = match parts.next().ok_or("the message ends too early")? {
            "" => String::new(),
            field => field
                .strip_prefix("a=")
                .and_then(unescape)
                .ok_or("the second field has to be empty or a=NAME")?,
        };
        let user = parts.next().ok_or("the message ends too early")?;
        if user.starts_with("m=") {
            return Err("there is a mandatory extension that is not known here");
        }
        let raw_authcid = user.strip_prefix("n=").ok_or("the third field has to be n=NAME")?;
        let authcid = unescape(raw_authcid).ok_or("the third field has to be n=NAME")?;
        let nonce = parts
            .next()
            .and_then(|field| field.strip_prefix("r="))
            .ok_or("the fourth field has to be r=NONCE")?;
        if !is_nonce(nonce) {
            return Err("the fourth field has to be r=NONCE");
        }
        extensions(parts)?;
        Ok(Self { flag, authzid, authcid, raw_authcid })
    }
}

/// The client's last message:
///
/// ```text
/// client-final-message = channel-binding "," nonce ["," extensions] "," proof
/// ```
#[cfg(feature = "server")]
pub(crate) fn check_client_final(octets: &[u8]) -> Result<(), Malformed> {
    let fields: Vec<&str> = fields(octets)?.collect();
    let [binding, nonce, extra @ .., proof] = &fields[..] else { return Err("the message ends too early") };
    base64_field(binding, "c=").ok_or("the first field has to be c=BINDING")?;
    nonce.strip_prefix("r=").filter(|nonce| is_nonce(nonce)).ok_or("the second field has to be r=NONCE")?;
    extensions(extra.iter().copied())?;
    base64_field(proof, "p=").ok_or("the last field has to be p=PROOF").map(drop)
}

/// The server's first message; gives the iterations. Refuses as many as would keep the client busy for minutes,
/// and fewer than RFC 7677 §4 allows: whoever asks for them wants a cheap guess at the password.
///
/// ```text
/// server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
/// ```
#[cfg(feature = "client")]
pub(crate) fn check_server_first(octets: &[u8]) -> Result<u32, Malformed> {
    let mut parts = fields(octets)?;
    let nonce = parts.next().and_then(|field| field.strip_prefix("r=")).unwrap_or_default();
    if !is_nonce(nonce) {
        return Err("the first field has to be r=NONCE");
    }
    parts.next().and_then(|field| base64_field(field, "s=")).ok_or("the second field has to be s=SALT")?;
    let iterations = parts.next().and_then(|field| field.strip_prefix("i="));
    let iterations =
        iterations.and_then(|count| count.parse().ok()).ok_or("the third field has to be i=COUNT")?;
    extensions(parts)?;
    match iterations {
        0..4_096 => Err("the server asks for fewer than 4,096 iterations"),
        4_096..=1_000_000 => Ok(iterations),
        _ => Err("the server asks for more than 1,000,000 iterations"),
    }
}

/// The server's last message: `v=` or `e=`; gives the error.
#[cfg(feature = "client")]
pub(crate) fn check_server_final(octets: &[u8]) -> Result<Option<&str>, Malformed> {
    let first = fields(octets)?.next().unwrap_or_default();
    if let Some(error) = first.strip_prefix("e=") {
        return Ok(Some(error));
    }
    base64_field(first, "v=").ok_or("the first field has to be v=SIGNATURE").map(|_| None)
}

/// The fields between commas. All of a message is UTF-8 without NUL.
fn fields(octets: &[u8]) -> Result<std::str::Split<'_, char>, Malformed> {
    let text = std::str::from_utf8(octets).map_err(|_| "the message is not UTF-8")?;
    if text.contains('\0') {
        return Err("the message has a NUL");
    }
    Ok(text.split(','))
}

/// ```text
/// cb-name         = 1*(ALPHA / DIGIT / "." / "-")
/// gs2-cbind-flag  = ("p=" cb-name) / "n" / "y"
/// ```
#[cfg(feature = "server")]
fn binding_name(field: &str) -> Option<&str> {
    let name = field.strip_prefix("p=")?;
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!name.is_empty() && name.chars().all(known)).then_some(name)
}

/// ```text
/// saslname        = 1*(value-safe-char / "=2C" / "=3D")
/// ```
#[cfg(feature = "server")]
pub(crate) fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = match part {
            _ if part.starts_with("2C") => (',', &part[2..]),
            _ if part.starts_with("3D") => ('=', &part[2..]),
            _ => return None,
        };
        plain.push(escaped);
        plain.push_str(rest);
    }
    (!plain.is_empty()).then_some(plain)
}

/// The name as a `saslname`.
#[cfg(feature = "client")]
pub(crate) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// ```text
/// printable       = %x21-2B / %x2D-7E
/// ```
fn is_nonce(text: &str) -> bool {
    (1..=NONCE_OCTETS_MAX).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic())
}

fn base64_field<'a>(field: &'a str, prefix: &str) -> Option<&'a str> {
    let value = field.strip_prefix(prefix)?;
    let known = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    (!value.is_empty() && value.bytes().all(known)).then_some(value)
}

/// ```text
/// attr-val        = ALPHA "=" value
/// ```
fn extensions<'a>(mut fields: impl Iterator<Item = &'a str>) -> Result<(), Malformed> {
    let known = |field: &str| {
        let mut octets = field.bytes();
        octets.next().is_some_and(|octet| octet.is_ascii_alphabetic() && octet != b'm')
            && octets.next() == Some(b'=')
            && octets.next().is_some()
    };
    if fields.all(known) { Ok(()) } else { Err("an extension has to be LETTER=VALUE, and none is mandatory") }
}

const NONCE_OCTETS_MAX: usize = 1_024;

#[cfg(all(test, feature = "server", feature = "client"))]
mod tests {
    use super::*;

    #[test]
    fn client_first_messages() {
        let good: &[(&str, BindingFlag<'_>, &str, &str)] = &[
            // RFC 5802 §5, RFC 7677 §3.
            ("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", BindingFlag::CannotBind, "", "user"),
            ("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", BindingFlag::CannotBind, "", "user"),
            ("y,,n=user,r=abc", BindingFlag::ServerCannot, "", "user"),
            ("p=tls-exporter,,n=user,r=abc", BindingFlag::Binds("tls-exporter"), "", "user"),
            ("n,a=x=2Cy,n=a=3Db=2C,r=abc", BindingFlag::CannotBind, "x,y", "a=b,"),
            ("n,,n=caf\u{e9},r=abc,x=extension", BindingFlag::CannotBind, "", "caf\u{e9}"),
        ];
        for (message, flag, authzid, authcid) in good {
            let parsed = ClientFirst::parse(message.as_bytes()).expect(message);
            assert_eq!((parsed.flag, &*parsed.authzid, &*parsed.authcid), (*flag, *authzid, *authcid));
        }
        let bad: &[&[u8]] = &[
            // These three make rsasl 2.3.1 panic.
            b"n,,,",
            b"n,x,n=user,r=abc",
            b"n,,n",
            b"",
            b"n",
            b"n,",
            b"n,,",
            b"n,,n=",
            b"n,,n=user",
            b"n,,n=user,",
            b"n,,n=user,r",
            b"n,,n=user,r=",
            b"n,,n=user,r=a b",
            b"n,,n=user,r=abc,",
            b"n,,n=user,r=abc,x",
            b"n,,n=user,r=abc,m=x",
            b"n,,m=x,n=user,r=abc",
            b"n,a=,n=user,r=abc",
            b"n,a,n=user,r=abc",
            b"n,,n=a=2,r=abc",
            b"n,,n=a=2c,r=abc",
            b"n,,n=a=b,r=abc",
            b"n,,n=\xff,r=abc",
            b"n,,n=a\0,r=abc",
            b"f,,n=user,r=abc",
            b"p,,n=user,r=abc",
            b"p=,,n=user,r=abc",
            b"p=tls unique,,n=user,r=abc",
        ];
        for message in bad {
            assert!(ClientFirst::parse(message).is_err(), "{}", String::from_utf8_lossy(message));
        }
    }

    #[test]
    fn names_are_unescaped() {
        for (name, expected) in [
            ("user", Some("user")),
            ("a=2Cb", Some("a,b")),
            ("=3D=2C=3D", Some("=,=")),
            // Once, and not twice.
            ("=3D2C", Some("=2C")),
            ("", None),
            ("=", None),
            ("=3", None),
            ("=3d", None),
            ("=\u{e9}", None),
        ] {
            assert_eq!(unescape(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn client_final_messages() {
        assert!(
            check_client_final(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfc,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
                .is_ok()
        );
        assert!(check_client_final(b"c=biws,r=abc,x=y,p=v0X8").is_ok());
        for bad in
            ["", "c", "c=", "c=biws", "c=biws,r=abc", "c=biws,r=abc,p", "c=biws,r=abc,p=", "c=biws,,p=v0X8"]
        {
            assert!(check_client_final(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in
            ["c=biws,r=abc,p=v0X8,", "c=biws,r=abc,p=v0X8,x", "c=bi ws,r=abc,p=v0X8", "c=biws,r=abc,x,p=v0X8"]
        {
            assert!(check_client_final(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn server_messages() {
        let first = |text: &str| check_server_first(text.as_bytes());
        assert_eq!(first("r=fyko3rfc,s=QSXCR+Q6sek8bf92,i=4096"), Ok(4_096));
        assert_eq!(first("r=fyko3rfc,s=QSXCR+Q6sek8bf92,i=4096,x=y"), Ok(4_096));
        for bad in [
            "",
            "r=",
            "r=a,",
            "r=a,s",
            "r=a,s=,i=4096",
            "r=a,s=QSXC,i=",
            "r=a,s=QSXC,i=-1",
            "m=x,r=a,s=QSXC,i=4096",
        ] {
            assert!(first(bad).is_err(), "{bad}");
        }
        assert_eq!(first("r=a,s=QSXC,i=4095"), Err("the server asks for fewer than 4,096 iterations"));
        assert_eq!(first("r=a,s=QSXC,i=1000001"), Err("the server asks for more than 1,000,000 iterations"));
        assert_eq!(check_server_final(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), Ok(None));
        assert_eq!(check_server_final(b"e=invalid-proof"), Ok(Some("invalid-proof")));
        for bad in ["", "v", "v=", "x=y"] {
            assert!(check_server_final(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_message_makes_it_panic(octets: Vec<u8>, text in "[nyp]?[=,a-z0-9=]{0,20}") {
            for message in [&octets[..], text.as_bytes()] {
                let _ = ClientFirst::parse(message);
                let _ = check_client_final(message);
            }
        }

        /// Escaped as RFC 5802 §5.1 says, every name comes back.
        #[test]
        fn unescaping_undoes_escaping(name in "[a-z,=]{1,20}") {
            let escaped = name.replace('=', "=3D").replace(',', "=2C");
            proptest::prop_assert_eq!(unescape(&escaped), Some(name));
        }
    }
}
