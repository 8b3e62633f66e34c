//! [`Pattern`]: the patterns of LIST and LSUB (RFC 9051 §6.3.9).

/// A pattern with `*` (anything) and `%` (anything within one level).
pub(super) struct Pattern {
    symbols: Vec<Symbol>,
    /// Octets that a name needs at least.
    octets_min: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Octet(u8),
    Anything,
    AnythingInLevel,
    AnyOctet,
}

impl Symbol {
    fn is_one_octet(self) -> bool {
        matches!(self, Self::Octet(_) | Self::AnyOctet)
    }
}

const DELIMITER: u8 = b'/';
const INBOX: &[u8] = b"INBOX";

impl Pattern {
    /// Reads a pattern. Runs of wildcards are one. INBOX as first level is in any case.
    pub(super) fn new(pattern: &[u8]) -> Self {
        let mut symbols: Vec<Symbol> = Vec::new();
        for &octet in pattern {
            let symbol = match octet {
                b'*' => Symbol::Anything,
                b'%' => Symbol::AnythingInLevel,
                octet => Symbol::Octet(octet),
            };
            match (symbols.last(), symbol) {
                (Some(Symbol::Anything), Symbol::Anything | Symbol::AnythingInLevel)
                | (Some(Symbol::AnythingInLevel), Symbol::AnythingInLevel) => {}
                (Some(Symbol::AnythingInLevel), Symbol::Anything) => {
                    symbols.pop();
                    symbols.push(symbol);
                }
                _ => symbols.push(symbol),
            }
        }
        Self::of(symbols)
    }

    /// Reads a pattern of FIND (RFC 1176, RFC 2062): `*` is anything, `%` and `?` are one octet, and levels are nothing.
    pub(super) fn of_find(pattern: &[u8]) -> Self {
        let mut symbols: Vec<Symbol> = Vec::new();
        for &octet in pattern {
            match octet {
                b'*' if symbols.last() == Some(&Symbol::Anything) => {}
                b'*' => symbols.push(Symbol::Anything),
                b'%' | b'?' => symbols.push(Symbol::AnyOctet),
                octet => symbols.push(Symbol::Octet(octet)),
            }
        }
        Self::of(symbols)
    }

    fn of(symbols: Vec<Symbol>) -> Self {
        let octets_min = symbols.iter().filter(|symbol| symbol.is_one_octet()).count();
        Self { symbols, octets_min }
    }

    /// How many symbols it has: what a comparison costs for each octet of a name.
    pub(super) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether a name in the octets of the wire matches. Takes time in proportion to the product of both
    /// lengths: all ways to match are walked side by side.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        if self.octets_min > name.len() {
            return false;
        }
        let in_inbox =
            name.strip_prefix(INBOX).is_some_and(|rest| rest.first().is_none_or(|&next| next == DELIMITER));
        // `at[i]`: the first `i` symbols match what was read so far.
        let mut at = vec![false; self.symbols.len() + 1];
        at[0] = true;
        self.skip_wildcards(&mut at);
        for (position, &octet) in name.iter().enumerate() {
            let any_case = in_inbox && position < INBOX.len();
            let mut next = vec![false; at.len()];
            for (i, symbol) in self.symbols.iter().enumerate().filter(|&(i, _)| at[i]) {
                match *symbol {
                    Symbol::Octet(wanted) => {
                        let same = wanted == octet || any_case && wanted.eq_ignore_ascii_case(&octet);
                        next[i + 1] |= same;
                    }
                    Symbol::AnyOctet => next[i + 1] = true,
                    Symbol::Anything => next[i] = true,
                    Symbol::AnythingInLevel => next[i] |= octet != DELIMITER,
                }
            }
            if !next.contains(&true) {
                return false;
            }
            self.skip_wildcards(&mut next);
            at = next;
        }
        at[self.symbols.len()]
    }

    /// A wildcard may stand for nothing.
    fn skip_wildcards(&self, at: &mut [bool]) {
        for (i, symbol) in self.symbols.iter().enumerate() {
            if at[i] && !symbol.is_one_octet() {
                at[i + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "INBOX", true),
            ("*", "a/b/c", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/%", "a/b", true),
            ("a/%", "a", false),
            ("a*", "a/b", true),
            ("a*c", "a/b/c", true),
            ("a%c", "a/b/c", false),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("inbox", "INBOX", true),
            ("inbox/x", "INBOX/x", true),
            ("inbox/X", "INBOX/x", false),
            ("inb%", "INBOX", true),
            ("inboxes", "INBOXES", false),
            ("Sent", "sent", false),
            ("", "a", false),
        ];
        for &(pattern, name, expected) in cases {
            assert_eq!(
                Pattern::new(pattern.as_bytes()).matches(name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn patterns_of_find() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "a/b", true),
            ("%", "a", true),
            ("%", "ab", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", true),
            ("in%ox", "INBOX", true),
            ("**b", "b", true),
        ];
        for &(pattern, name, expected) in cases {
            let found = Pattern::of_find(pattern.as_bytes()).matches(name.as_bytes());
            assert_eq!(found, expected, "{pattern} {name}");
        }
    }

    /// A matcher that goes back would need longer than anybody lives.
    #[test]
    fn many_wildcards_are_cheap() {
        let pattern = "*a%".repeat(300) + "b";
        assert!(!Pattern::new(pattern.as_bytes()).matches("a".repeat(1_000).as_bytes()));
    }
}
