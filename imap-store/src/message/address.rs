//! Address lists (RFC 5322 §3.4 with its old syntax), by hand, forgiving: what senders really write.
//!
//! - `Name <local@domain>`, `local@domain (Name)`, `<@route:local@domain>`, `group: members;`
//! - `a@b.c <a@b.c>`: an address as display name, unquoted.
//! - No domain: the host is empty, not NIL, since NIL marks the ends of a group (RFC 9051 §7.5.2). (Dovecot
//!   writes MISSING_DOMAIN, which people then answer to.)
//! - `;` outside of a group separates, as Outlook writes it. A quote without its end is an ordinary octet.

use imap_proto::types::{Address, Octets};

/// The addresses of a field's unfolded value. Elements beyond `addresses_max` are left out.
pub(super) fn parse_list(value: &[u8], addresses_max: usize) -> Vec<Address> {
    let mut list = List { rest: value, addresses: Vec::new(), in_group: false, quotes_end: true };
    while list.addresses.len() < addresses_max && list.element() {}
    list.end_group();
    list.addresses
}

struct List<'a> {
    rest: &'a [u8],
    addresses: Vec<Address>,
    in_group: bool,
    /// Cleared when a quote was found to have no end: no later one has.
    quotes_end: bool,
}

/// Words as they are collected, in the two ways that they may turn out to be meant.
#[derive(Default)]
struct Words {
    /// As a display name: runs of white space are one space.
    phrase: Vec<u8>,
    /// As an addr-spec: no white space around `.` and `@`.
    spec: Vec<u8>,
    /// Where the last `@` outside of quotes stands in `spec`.
    at: Option<usize>,
    /// The text of the last comment.
    comment: Option<Vec<u8>>,
    /// White space stands before what comes next.
    space: bool,
    /// The last octet of `spec` is a `.` or `@` outside of quotes.
    joined: bool,
    /// Something stands there, be it an empty quoted string.
    any: bool,
}

impl Words {
    fn word(&mut self, octets: &[u8]) {
        if self.space && self.any {
            self.phrase.push(b' ');
            if !self.joined {
                self.spec.push(b' ');
            }
        }
        self.phrase.extend_from_slice(octets);
        self.spec.extend_from_slice(octets);
        (self.space, self.joined, self.any) = (false, false, true);
    }

    fn joint(&mut self, octet: u8) {
        if self.space && self.any {
            self.phrase.push(b' ');
        }
        if octet == b'@' {
            self.at = Some(self.spec.len());
        }
        self.phrase.push(octet);
        self.spec.push(octet);
        (self.space, self.joined, self.any) = (false, true, true);
    }

    /// Local part and domain. A domain ends at white space; where there is none it is empty.
    fn mailbox_and_host(&self) -> (Octets, Octets) {
        let Some(at) = self.at else { return (Octets::from(&*self.spec), Octets::default()) };
        let host = &self.spec[at + 1..];
        let host = &host[..memchr::memchr(b' ', host).unwrap_or(host.len())];
        (Octets::from(&self.spec[..at]), Octets::from(host))
    }
}

impl List<'_> {
    /// Reads up to the next separator; `false` at the end.
    fn element(&mut self) -> bool {
        let mut words = Words::default();
        loop {
            let Some((&octet, rest)) = self.rest.split_first() else {
                self.bare(&words);
                return false;
            };
            match octet {
                b',' => {
                    self.rest = rest;
                    self.bare(&words);
                    return true;
                }
                b';' => {
                    self.rest = rest;
                    self.bare(&words);
                    self.end_group();
                    return true;
                }
                b':' if words.at.is_none() && !self.in_group => {
                    self.rest = rest;
                    self.start_group(&words);
                    return true;
                }
                b'<' => {
                    self.rest = rest;
                    self.angle(words);
                    return true;
                }
                b'>' => self.rest = rest,
                _ => self.token(&mut words),
            }
        }
    }

    /// One word, quoted string, comment, joint or run of white space. At least one octet is taken.
    fn token(&mut self, words: &mut Words) {
        match self.rest[0] {
            b' ' | b'\t' | b'\r' | b'\n' => {
                self.rest = &self.rest[1..];
                words.space = true;
            }
            b'(' => {
                words.comment = Some(self.comment());
                words.space = true;
            }
            b'"' => match self.quoted() {
                Some(text) => words.word(&text),
                None => self.rest = &self.rest[1..],
            },
            octet @ (b'.' | b'@') => {
                self.rest = &self.rest[1..];
                words.joint(octet);
            }
            _ => {
                // At least one octet, since a `:` comes here too where it starts no group.
                let end = self.rest[1..].iter().position(|octet| b" \t\r\n()<>@,;:.\"".contains(octet));
                let (word, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
                self.rest = rest;
                words.word(word);
            }
        }
    }

    /// The text of the comment that begins here; one without an end takes all that is left.
    fn comment(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(&octet) = self.rest.get(at) {
            at += 1;
            match octet {
                b'(' => {
                    depth += 1;
                    if depth == 1 {
                        continue;
                    }
                }
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    text.extend(self.rest.get(at));
                    at += 1;
                    continue;
                }
                _ => {}
            }
            text.push(octet);
        }
        self.rest = &self.rest[at.min(self.rest.len())..];
        text.trim_ascii().to_vec()
    }

    /// The text of the quoted string that begins here; `None` when it has no end.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        if !self.quotes_end {
            return None;
        }
        let mut text = Vec::new();
        let mut at = 1;
        loop {
            match self.rest.get(at) {
                None => {
                    self.quotes_end = false;
                    return None;
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    text.extend(self.rest.get(at + 1));
                    at += 2;
                }
                Some(&octet) => {
                    text.push(octet);
                    at += 1;
                }
            }
        }
        self.rest = &self.rest[at + 1..];
        Some(text)
    }

    /// An address without angle brackets, if anything stands there.
    fn bare(&mut self, words: &Words) {
        if words.any {
            let (mailbox, host) = words.mailbox_and_host();
            let name = words.comment.clone().filter(|name| !name.is_empty()).map(Octets::from);
            self.addresses.push(Address { name, route: None, mailbox: Some(mailbox), host: Some(host) });
        }
    }

    /// An address in angle brackets, behind its display name.
    fn angle(&mut self, name: Words) {
        let route = self.route();
        let mut spec = Words::default();
        while let Some(&octet) = self.rest.first() {
            match octet {
                b'>' => {
                    self.rest = &self.rest[1..];
                    break;
                }
                b',' | b';' => break,
                b'<' => self.rest = &self.rest[1..],
                _ => self.token(&mut spec),
            }
        }
        let mut behind = Words::default();
        while !matches!(self.rest.first(), None | Some(b',' | b';')) {
            match self.rest[0] {
                b'<' | b'>' => self.rest = &self.rest[1..],
                _ => self.token(&mut behind),
            }
        }
        let name = if name.any { Some(name.phrase) } else { name.comment.or(behind.comment) };
        let (mailbox, host) = spec.mailbox_and_host();
        self.addresses.push(Address {
            name: name.filter(|name| !name.is_empty()).map(Octets::from),
            route,
            mailbox: Some(mailbox),
            host: Some(host),
        });
    }

    /// The source route `@a,@b:` at the start of an angle-addr, without its colon and white space.
    fn route(&mut self) -> Option<Octets> {
        let inner = self.rest.trim_ascii_start();
        if inner.first() != Some(&b'@') {
            return None;
        }
        let end = inner.iter().position(|octet| b":<>;\"(".contains(octet))?;
        if inner[end] != b':' {
            return None;
        }
        self.rest = &inner[end + 1..];
        let route = inner[..end].iter().copied().filter(|octet| !octet.is_ascii_whitespace());
        Some(route.collect::<Vec<_>>().into())
    }

    fn start_group(&mut self, name: &Words) {
        self.in_group = true;
        let name = Octets::from(&*name.phrase);
        self.addresses.push(Address { mailbox: Some(name), ..Address::default() });
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.addresses.push(Address::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `name|route|mailbox|host`, `-` for NIL, elements separated by a space and a slash.
    fn check(value: &str, expected: &str) {
        let shown = |part: &Option<Octets>| {
            part.as_ref().map_or("-".to_owned(), |part| String::from_utf8_lossy(part).into_owned())
        };
        let list: Vec<_> = parse_list(value.as_bytes(), 100)
            .iter()
            .map(|a| [shown(&a.name), shown(&a.route), shown(&a.mailbox), shown(&a.host)].join("|"))
            .collect();
        assert_eq!(list.join(" / "), expected, "{value}");
    }

    #[test]
    fn well_formed_lists() {
        check("", "");
        check("a@b.c", "-|-|a|b.c");
        check("Ann B. Cee <a@b.c>, d@e", "Ann B. Cee|-|a|b.c / -|-|d|e");
        check(r#""Cee, \"Ann\"" <a@b.c>"#, r#"Cee, "Ann"|-|a|b.c"#);
        check("a@b.c (Ann (the) Cee)", "Ann (the) Cee|-|a|b.c");
        check("<a@b.c> (Ann)", "Ann|-|a|b.c");
        check(r#""a b"@c"#, "-|-|a b|c");
        check("a . b @ c . d", "-|-|a.b|c.d");
        check("<@x,@y : a@b>", "-|@x,@y|a|b");
        check("a@[IPv6:::1]", "-|-|a|[IPv6:::1]");
        check("=?utf-8?q?J=C3=B6?= <a@b>", "=?utf-8?q?J=C3=B6?=|-|a|b");
    }

    #[test]
    fn groups_have_their_ends_marked() {
        check("undisclosed-recipients:;", "-|-|undisclosed-recipients|- / -|-|-|-");
        check("My Group: Ann <a@b>, c@d; e@f", "-|-|My Group|- / Ann|-|a|b / -|-|c|d / -|-|-|- / -|-|e|f");
        check("G: a@b", "-|-|G|- / -|-|a|b / -|-|-|-");
        check("G: H: a@b;", "-|-|G|- / -|-|H: a|b / -|-|-|-");
    }

    #[test]
    fn broken_lists_are_kept_sensibly() {
        check("root", "-|-|root|");
        check("Ann <root>", "Ann|-|root|");
        check("a@b.c <a@b.c>", "a@b.c|-|a|b.c");
        check("a@b; c@d", "-|-|a|b / -|-|c|d");
        check("Ann <a@b, Cee <c@d>", "Ann|-|a|b / Cee|-|c|d");
        check("\"Ann <a@b>, c@d", "Ann|-|a|b / -|-|c|d");
        check("<>", "-|-||");
        check(", ,a@b,,", "-|-|a|b");
        check("<a@b> junk, c@d", "-|-|a|b / -|-|c|d");
        check("(comment only)", "");
        check("a@b (open", "open|-|a|b");
        check("a@b c", "-|-|a|b");
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        assert_eq!(parse_list(&b"a,".repeat(15), 10).len(), 10);
    }
}
