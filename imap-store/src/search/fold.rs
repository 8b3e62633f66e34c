//! Case folded away, and the search for a string in text that comes in pieces.

use memchr::memmem::Finder;

/// Texts up to that length are searched in place.
const SHORT: usize = 1_024;

/// Appends `text` in lower case, char by char; three chars that have a lower case but are another's variant
/// (`ς`, `ſ`, `µ`) are folded as Unicode's simple case folding does.
pub(super) fn fold_into(text: &str, folded: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|octet| octet >= 0x80).unwrap_or(rest.len());
        let start = folded.len();
        folded.extend_from_slice(&rest.as_bytes()[..ascii]);
        folded[start..].make_ascii_lowercase();
        rest = &rest[ascii..];
        while let Some(char) = rest.chars().next().filter(|char| !char.is_ascii()) {
            rest = &rest[char.len_utf8()..];
            fold_char(char, folded);
        }
    }
}

fn fold_char(char: char, folded: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    let mut push = |char: char| folded.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
    match char {
        'ς' => push('σ'),
        'ſ' => push('s'),
        'µ' => push('μ'),
        other => other.to_lowercase().for_each(push),
    }
}

/// A string that is looked for.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
    /// The same with runs of white space as one space, for HTML.
    collapsed: Finder<'static>,
}

impl Needle {
    /// Prepares the string.
    pub(super) fn new(text: &str) -> Self {
        let prepare = |text: &str| {
            let mut folded = Vec::new();
            fold_into(text, &mut folded);
            Finder::new(&folded).into_owned()
        };
        let mut collapsed = String::new();
        for char in text.chars() {
            if !char.is_whitespace() {
                collapsed.push(char);
            } else if !collapsed.ends_with(' ') {
                collapsed.push(' ');
            }
        }
        Self { finder: prepare(text), collapsed: prepare(&collapsed) }
    }

    /// Whether every text has it.
    pub(super) fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    /// Whether a text has it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() && text.len() <= SHORT {
            return self.is_in_ascii(text.as_bytes());
        }
        let mut folded = Vec::with_capacity(text.len());
        fold_into(text, &mut folded);
        self.finder.find(&folded).is_some()
    }

    /// Without a copy; the time is the product of both lengths at worst.
    fn is_in_ascii(&self, text: &[u8]) -> bool {
        let needle = self.finder.needle();
        let Some(&first) = needle.first() else { return true };
        memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
            text[at..].get(..needle.len()).is_some_and(|window| window.eq_ignore_ascii_case(needle))
        })
    }

    /// Looks for it in a text that comes in pieces; `collapsed`: runs of white space are one space in it.
    pub(super) fn stream(&self, collapsed: bool) -> Stream<'_> {
        Stream { finder: if collapsed { &self.collapsed } else { &self.finder }, window: Vec::new() }
    }
}

/// The search in one text.
pub(super) struct Stream<'a> {
    finder: &'a Finder<'static>,
    /// What was seen last, folded, as long as a match may have begun in it.
    window: Vec<u8>,
}

impl Stream<'_> {
    /// Adds text; `true` once the string is found.
    pub(super) fn feed(&mut self, text: &str) -> bool {
        fold_into(text, &mut self.window);
        if self.finder.find(&self.window).is_some() {
            return true;
        }
        let keep = self.finder.needle().len().saturating_sub(1).min(self.window.len());
        self.window.drain(..self.window.len() - keep);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded() {
        for (needle, text, expected) in [
            ("ÖL", "Erdöl", true),
            ("straße", "STRASSE", false),
            ("ẞ", "ß", true),
            ("ΟΔΟΣ", "οδος", true),
            ("k", "\u{212a}elvin", true),
            ("abc", "ab", false),
            ("", "", true),
        ] {
            assert_eq!(Needle::new(needle).is_in(text), expected, "{needle} in {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn short_and_long_texts_are_searched_alike(needle in "[aAbBö]{0,3}", text in "[aAbBkö]{0,12}") {
            let needle = Needle::new(&needle);
            proptest::prop_assert_eq!(needle.is_in(&text), needle.stream(false).feed(&text));
        }
    }

    #[test]
    fn a_match_may_lie_across_pieces() {
        let needle = Needle::new("Größe  x");
        let mut stream = needle.stream(false);
        let found: Vec<_> =
            "die GRÖSSE, GRÖßE  Xy".chars().map(|char| stream.feed(&char.to_string())).collect();
        assert_eq!(found.iter().position(|&found| found), Some(19));
        assert!(needle.stream(true).feed("größe x"));
    }
}
