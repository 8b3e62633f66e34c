//! HTML as people see it: tags, comments, scripts and style sheets taken out, character references
//! undone, white space collapsed. Enough to search in, not to render.

/// Tags that do not part words. All others do: `a<br>b` is two words, `a<b>b` one.
const INLINE: [&str; 22] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "code", "del", "em", "font", "i", "ins", "mark", "s",
    "small", "span", "strike", "strong", "sub", "sup", "u",
];
/// Longer names of tags or character references are none.
const NAME_MAX: usize = 32;

/// The text of an HTML document that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct HtmlText {
    state: State,
    /// The name of the tag or reference being read.
    name: String,
    /// The quote that an attribute's value stands in.
    quote: Option<char>,
    /// `script` or `style`, until its end tag.
    skipping: Option<&'static str>,
    /// The last char given out was white space.
    after_space: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Text,
    /// Behind `<`.
    TagOpen,
    TagName,
    /// In a tag, behind its name.
    Tag,
    /// Behind `<!`: how many `-` of the two there were.
    Declaration(u8),
    /// In a comment: how many `-` were last.
    Comment(u8),
    /// Behind `&`.
    Reference,
}

impl HtmlText {
    /// Appends what `html` shows.
    pub(super) fn feed(&mut self, html: &str, text: &mut String) {
        let mut rest = html;
        loop {
            let (run, behind) = rest.split_at(self.plain_run(rest.as_bytes()));
            self.pass(run, text);
            let Some(char) = behind.chars().next() else { return };
            self.char(char, text);
            rest = &behind[char.len_utf8()..];
        }
    }

    /// How many octets to go until the state may change.
    fn plain_run(&self, html: &[u8]) -> usize {
        let found = match (self.state, self.quote) {
            (State::Text, _) if self.skipping.is_some() => memchr::memchr(b'<', html),
            (State::Text, _) => memchr::memchr2(b'<', b'&', html),
            (State::Tag, Some(quote)) if quote.is_ascii() => memchr::memchr(quote as u8, html),
            (State::Tag, None) => memchr::memchr3(b'>', b'"', b'\'', html),
            (State::Comment(_), _) => memchr::memchr2(b'-', b'>', html),
            _ => Some(0),
        };
        found.unwrap_or(html.len())
    }

    /// Takes octets that change no state, but for the dashes that end a comment.
    fn pass(&mut self, run: &str, text: &mut String) {
        match self.state {
            _ if run.is_empty() => {}
            State::Comment(_) => self.state = State::Comment(0),
            State::Text if self.skipping.is_none() => self.push_run(run, text),
            _ => {}
        }
    }

    /// What [`Self::push`] does, of many chars.
    fn push_run(&mut self, run: &str, text: &mut String) {
        // What lies between stands in the text as it stands in the run.
        let (mut start, mut at) = (0, 0);
        let octets = run.as_bytes();
        while let Some(&octet) = octets.get(at) {
            let char = match octet {
                b'!'..=0x7f => {
                    self.after_space = false;
                    at += 1;
                    continue;
                }
                b' ' if !self.after_space => {
                    self.after_space = true;
                    at += 1;
                    continue;
                }
                0..=0x7f => char::from(octet),
                _ => match run[at..].chars().next() {
                    Some(char) if char.is_whitespace() => char,
                    Some(char) => {
                        self.after_space = false;
                        at += char.len_utf8();
                        continue;
                    }
                    None => break,
                },
            };
            text.push_str(&run[start..at]);
            self.push(char, text);
            at += char.len_utf8();
            start = at;
        }
        text.push_str(&run[start..]);
    }

    /// The document is complete.
    pub(super) fn finish(&mut self, text: &mut String) {
        if self.state == State::Reference {
            self.reference(text);
        }
    }

    fn char(&mut self, char: char, text: &mut String) {
        match self.state {
            State::Text => self.text(char, text),
            State::TagOpen => self.tag_open(char, text),
            State::TagName if char.is_ascii_alphanumeric() || char == '/' && self.name.is_empty() => {
                if self.name.len() < NAME_MAX {
                    self.name.push(char.to_ascii_lowercase());
                }
            }
            State::TagName | State::Tag => self.tag(char, text),
            State::Declaration(dashes) => match (char, dashes) {
                ('-', 0) => self.state = State::Declaration(1),
                ('-', _) => self.state = State::Comment(2),
                ('>', _) => self.state = State::Text,
                _ => self.state = State::Tag,
            },
            State::Comment(dashes) => match char {
                '-' => self.state = State::Comment(dashes.saturating_add(1)),
                '>' if dashes >= 2 => self.state = State::Text,
                _ => self.state = State::Comment(0),
            },
            State::Reference => {
                if (char.is_ascii_alphanumeric() || char == '#' && self.name.is_empty())
                    && self.name.len() < NAME_MAX
                {
                    self.name.push(char);
                } else {
                    self.state = State::Text;
                    self.reference(text);
                    if char != ';' {
                        self.char(char, text);
                    }
                }
            }
        }
    }

    fn text(&mut self, char: char, text: &mut String) {
        match char {
            '<' => {
                self.state = State::TagOpen;
                self.name.clear();
            }
            _ if self.skipping.is_some() => {}
            '&' => {
                self.state = State::Reference;
                self.name.clear();
            }
            _ => self.push(char, text),
        }
    }

    fn tag_open(&mut self, char: char, text: &mut String) {
        match char {
            'a'..='z' | 'A'..='Z' | '/' => {
                self.state = State::TagName;
                self.name.push(char.to_ascii_lowercase());
            }
            '!' if self.skipping.is_none() => self.state = State::Declaration(0),
            '?' if self.skipping.is_none() => self.state = State::Tag,
            _ => {
                self.state = State::Text;
                if self.skipping.is_none() {
                    self.push('<', text);
                }
                self.char(char, text);
            }
        }
    }

    fn tag(&mut self, char: char, text: &mut String) {
        self.state = State::Tag;
        match (char, self.quote) {
            (_, Some(quote)) => self.quote = Some(quote).filter(|&quote| quote != char),
            ('"' | '\'', None) if self.skipping.is_none() => self.quote = Some(char),
            ('>', None) => {
                self.state = State::Text;
                self.end_tag(text);
            }
            _ => {}
        }
    }

    fn end_tag(&mut self, text: &mut String) {
        if let Some(skipped) = self.skipping {
            if self.name.strip_prefix('/') == Some(skipped) {
                self.skipping = None;
            }
            return;
        }
        self.skipping = ["script", "style"].into_iter().find(|name| *name == self.name);
        // A declaration has no name here, and parts nothing.
        if !self.name.is_empty() && !INLINE.contains(&self.name.trim_start_matches('/')) {
            self.push(' ', text);
        }
    }

    /// The reference whose name was read; one that is not known stands as it is.
    fn reference(&mut self, text: &mut String) {
        let name = std::mem::take(&mut self.name);
        match referenced(&name) {
            Some(char) => self.push(char, text),
            None => {
                self.push('&', text);
                name.chars().for_each(|char| self.push(char, text));
            }
        }
    }

    fn push(&mut self, char: char, text: &mut String) {
        if !char.is_whitespace() {
            text.push(char);
        } else if !self.after_space {
            text.push(' ');
        }
        self.after_space = char.is_whitespace();
    }
}

/// The char that a character reference names.
fn referenced(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?);
    }
    if let Some(at) = LATIN1.iter().position(|known| *known == name) {
        return char::from_u32(0xa0 + at as u32);
    }
    OTHERS.iter().find(|(known, _)| *known == name).map(|&(_, char)| char)
}

const OTHERS: [(&str, char); 26] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("euro", '€'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("hellip", '…'),
    ("bull", '•'),
    ("trade", '™'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("ensp", ' '),
    ("emsp", ' '),
    ("zwnj", '\u{200c}'),
];

/// The names of U+00A0 to U+00FF, in order (HTML 4.01 §24.2).
const LATIN1: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo",
    "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot",
    "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",
    "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
    "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash",
    "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde",
    "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc",
    "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave",
    "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        for pieces in [1, 3, 1_000] {
            let mut reader = HtmlText::default();
            let mut text = String::new();
            let chars: Vec<_> = html.chars().collect();
            chars.chunks(pieces).for_each(|piece| reader.feed(&piece.iter().collect::<String>(), &mut text));
            reader.finish(&mut text);
            assert_eq!(text, expected, "{html}");
        }
    }

    #[test]
    fn tags_and_references_are_undone() {
        check("a<b>b</b>c<br>d<p class='>'>e", "abc d e");
        check("J&ouml;rg &amp; &#74;&#x20AC;&nbsp;x &unknown; &", "Jörg & J€ x &unknown &");
        check("a  \r\n b", "a b");
        check("1 < 2 <3", "1 < 2 <3");
        check("x<!-- a > b -->y<!DOCTYPE html>z<!>w", "xyzw");
        check("x<style>p > q { }</style>y<SCRIPT>if (a<b) \"</p>'\"</SCRIPT >z", "x y z");
        check("a<", "a");
    }
}
