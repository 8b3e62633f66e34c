//! Case folded away, and the search for a string in text that comes in pieces.

use memchr::memmem::Finder;

use super::ascii::{AsciiNeedle, has_pair_of};

/// The chars beyond ASCII that ASCII letters come of when case is folded: `ſ`, `K` (the sign of the kelvin) and `İ`,
/// each by its first two octets in UTF-8.
const VARIANTS: [[u8; 2]; 3] = [[0xc5, 0xbf], [0xe2, 0x84], [0xc4, 0xb0]];
/// What comes of them.
const VARIANT_LETTERS: &[u8] = b"ski";

/// Appends `text` in lower case, char by char; three chars that have a lower case but are another's variant
/// (`ς`, `ſ`, `µ`) are folded as Unicode's simple case folding does.
pub(super) fn fold_into(text: &str, folded: &mut Vec<u8>) {
    folded.reserve(text.len());
    let mut rest = text;
    loop {
        let (ascii, behind) = rest.split_at(ascii_run(rest.as_bytes()));
        let start = folded.len();
        folded.extend_from_slice(ascii.as_bytes());
        folded[start..].make_ascii_lowercase();
        rest = behind;
        let Some(char) = rest.chars().next() else { return };
        fold_char(char, folded);
        rest = &rest[char.len_utf8()..];
    }
}

/// How many octets of ASCII stand at the beginning.
fn ascii_run(octets: &[u8]) -> usize {
    const BEYOND: u64 = 0x8080_8080_8080_8080;
    let mut run = 0;
    while let Some(word) = octets[run..].first_chunk() {
        match u64::from_le_bytes(*word) & BEYOND {
            0 => run += word.len(),
            beyond => return run + beyond.trailing_zeros() as usize / 8,
        }
    }
    let rest = &octets[run..];
    run + rest.iter().position(|octet| !octet.is_ascii()).unwrap_or(rest.len())
}

fn fold_char(char: char, folded: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    let mut push = |char: char| folded.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
    match char {
        'ς' => push('σ'),
        'ſ' => push('s'),
        'µ' => push('μ'),
        // What most texts have beyond ASCII and is in lower case or has none: no look into Unicode's tables.
        'ß'..='ÿ' | 'а'..='џ' | '\u{2010}'..='\u{2027}' | '\u{2e80}'..='\u{a4cf}' | '가'..='힣' => {
            push(char)
        }
        other => other.to_lowercase().for_each(push),
    }
}

/// A string that is looked for.
#[derive(Debug)]
pub(super) struct Needle {
    plain: Folded,
    /// The same with runs of white space as one space, for HTML.
    collapsed: Folded,
}

/// A string in lower case.
#[derive(Debug)]
struct Folded {
    finder: Finder<'static>,
    /// The same where it is ASCII and not empty.
    ascii: Option<AsciiNeedle>,
    /// Whether one of [`VARIANTS`] may be a letter of it.
    has_variants: bool,
}

impl Folded {
    fn new(text: &str) -> Self {
        let mut folded = Vec::new();
        fold_into(text, &mut folded);
        let has_variants = folded.iter().any(|octet| VARIANT_LETTERS.contains(octet));
        Self { finder: Finder::new(&folded).into_owned(), ascii: AsciiNeedle::new(&folded), has_variants }
    }

    fn len(&self) -> usize {
        self.finder.needle().len()
    }

    /// Whether a text has the string, as far as its octets tell; `None`: it must be folded. All octets beyond ASCII
    /// must be of UTF-8, or stand for chars that have nothing to do with ASCII.
    fn is_in_octets(&self, text: &[u8]) -> Option<bool> {
        let is_ascii = text.is_ascii();
        match &self.ascii {
            None if is_ascii => Some(self.len() == 0),
            None => None,
            Some(_) if self.has_variants && !is_ascii && has_pair_of(&VARIANTS, text) => None,
            Some(needle) => needle.is_in(text),
        }
    }
}

impl Needle {
    /// Prepares the string.
    pub(super) fn new(text: &str) -> Self {
        let mut collapsed = String::new();
        for char in text.chars() {
            if !char.is_whitespace() {
                collapsed.push(char);
            } else if !collapsed.ends_with(' ') {
                collapsed.push(' ');
            }
        }
        Self { plain: Folded::new(text), collapsed: Folded::new(&collapsed) }
    }

    /// Whether every text has it.
    pub(super) fn is_empty(&self) -> bool {
        self.plain.len() == 0
    }

    /// Whether a text has it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.is_in_octets(text.as_bytes()).unwrap_or_else(|| {
            let mut folded = Vec::with_capacity(text.len());
            fold_into(text, &mut folded);
            self.plain.finder.find(&folded).is_some()
        })
    }

    /// Whether a text has it that is UTF-8, or what [`super::charset::TextDecoder`] guesses; `None`: it must be decoded.
    pub(super) fn is_in_octets(&self, text: &[u8]) -> Option<bool> {
        self.plain.is_in_octets(text)
    }

    /// Looks for it in a text that comes in pieces; `collapsed`: runs of white space are one space in it.
    pub(super) fn stream(&self, collapsed: bool) -> Stream<'_> {
        Stream { needle: if collapsed { &self.collapsed } else { &self.plain }, window: Vec::new() }
    }
}

/// The search in one text.
pub(super) struct Stream<'a> {
    needle: &'a Folded,
    /// What was seen last, folded, as long as a match may have begun in it.
    window: Vec<u8>,
}

impl Stream<'_> {
    /// Adds text; `true` once the string is found.
    pub(super) fn feed(&mut self, text: &str) -> bool {
        if let Some(found) = self.feed_octets(text.as_bytes()) {
            return found;
        }
        fold_into(text, &mut self.window);
        let found = self.needle.finder.find(&self.window).is_some();
        self.keep_last();
        found
    }

    /// The same with the octets of a text, of which no char may be cut; `None`, and nothing is added, where they must be
    /// decoded. See [`Needle::is_in_octets`].
    pub(super) fn feed_octets(&mut self, octets: &[u8]) -> Option<bool> {
        if self.needle.is_in_octets(octets)? {
            return Some(true);
        }
        // Only what lies across the border is looked at again: all of it ends in the octets of ASCII.
        let most = self.needle.len().saturating_sub(1);
        let lower = |window: &mut Vec<u8>, octets: &[u8]| {
            let from = window.len();
            window.extend_from_slice(octets);
            window[from..].make_ascii_lowercase();
        };
        if !self.window.is_empty() {
            lower(&mut self.window, &octets[..octets.len().min(most)]);
            if self.needle.finder.find(&self.window).is_some() {
                return Some(true);
            }
        }
        if octets.len() >= most || self.window.is_empty() {
            self.window.clear();
            lower(&mut self.window, &octets[octets.len() - octets.len().min(most)..]);
        } else {
            self.keep_last();
        }
        Some(false)
    }

    fn keep_last(&mut self) {
        let keep = self.needle.len().saturating_sub(1).min(self.window.len());
        self.window.drain(..self.window.len() - keep);
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

    /// All there are: which of them are passed as they stand, and which an ASCII string may match.
    #[test]
    fn every_char_is_folded_as_unicode_says() {
        for char in char::MIN..=char::MAX {
            let (mut folded, mut octets) = (Vec::new(), [0; 4]);
            fold_into(char.encode_utf8(&mut octets), &mut folded);
            let expected = match char {
                'ς' => "σ".to_owned(),
                'ſ' => "s".to_owned(),
                'µ' => "μ".to_owned(),
                other => other.to_lowercase().collect(),
            };
            assert_eq!(folded, expected.as_bytes(), "{char}");
            let utf8 = char.encode_utf8(&mut octets).as_bytes();
            let letter = folded.iter().find(|octet| octet.is_ascii()).filter(|_| !char.is_ascii());
            let is_variant = utf8.len() > 1 && VARIANTS.contains(&[utf8[0], utf8[1]]);
            assert!(letter.is_none_or(|letter| is_variant && VARIANT_LETTERS.contains(letter)), "{char}");
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
