//! [`AsciiNeedle`]: an ASCII string looked for in octets as they stand, whatever the case of their letters.

/// Octets that are compared at once.
const LANES: usize = 64;

/// How often letters, digits and the rest stand in mail, the rarest first: what is not here is rarer still.
const BY_FREQUENCY: &[u8] = b"zqjxk97865v43w2b1yg0fpcudmlhrsaniote ";

/// An ASCII string in lower case, which is not empty.
#[derive(Debug)]
pub(super) struct AsciiNeedle {
    lower: Vec<u8>,
    /// Which two neighbours are looked for first; of a single octet, itself twice.
    at: usize,
    pair: [Folded; 2],
}

/// An octet in lower case.
#[derive(Debug, Clone, Copy)]
struct Folded {
    octet: u8,
    /// What makes a letter's upper case its lower case; 0 for what has none.
    case: u8,
}

impl Folded {
    fn new(octet: u8) -> Self {
        Self { octet, case: if octet.is_ascii_lowercase() { 0x20 } else { 0 } }
    }

    #[inline(always)]
    fn is(self, octet: u8) -> bool {
        octet | self.case == self.octet
    }
}

impl AsciiNeedle {
    /// `None` when the string is empty or not ASCII in lower case.
    pub(super) fn new(lower: &[u8]) -> Option<Self> {
        if lower.is_empty() || lower.iter().any(|octet| !octet.is_ascii() || octet.is_ascii_uppercase()) {
            return None;
        }
        let rank = |octet: u8| BY_FREQUENCY.iter().position(|&it| it == octet).map_or(0, |at| at + 1);
        let rarest = (0..lower.len() - 1).min_by_key(|&at| (rank(lower[at]) + 1) * (rank(lower[at + 1]) + 1));
        let at = rarest.unwrap_or(0);
        let pair = [lower[at], lower[(at + 1).min(lower.len() - 1)]].map(Folded::new);
        Some(Self { lower: lower.to_vec(), at, pair })
    }

    /// Whether the string stands in `text`; `None`: there is so much that looks like it that looking on would take
    /// the product of both lengths.
    pub(super) fn is_in(&self, text: &[u8]) -> Option<bool> {
        if text.len() < self.lower.len() {
            return Some(false);
        }
        if self.lower.len() == 1 {
            let [only, _] = self.pair;
            return Some(memchr::memchr2(only.octet, only.octet.to_ascii_uppercase(), text).is_some());
        }
        // Where the pair may begin.
        let end = text.len() - (self.lower.len() - self.at) + 1;
        let mut look_alikes = text.len() / self.lower.len() + 16;
        let mut at = self.at;
        while at < end {
            let next = end.min(at + LANES);
            if next - at < LANES || self.may_begin(&text[at..=at + LANES]) {
                for place in at..next {
                    if !(self.pair[0].is(text[place]) && self.pair[1].is(text[place + 1])) {
                        continue;
                    }
                    if text[place - self.at..][..self.lower.len()].eq_ignore_ascii_case(&self.lower) {
                        return Some(true);
                    }
                    look_alikes = look_alikes.checked_sub(1)?;
                }
            }
            at = next;
        }
        Some(false)
    }

    /// Whether the pair stands in so many octets and one: no branches, for the compiler to look at many at once.
    #[inline]
    fn may_begin(&self, octets: &[u8]) -> bool {
        let [first, second] = self.pair;
        let (Some(here), Some(next)) = (octets.first_chunk::<LANES>(), octets.last_chunk::<LANES>()) else {
            return true;
        };
        let mut found = 0;
        for lane in 0..LANES {
            found |= u8::from(first.is(here[lane])) & u8::from(second.is(next[lane]));
        }
        found != 0
    }
}

/// Whether one of these pairs of octets stands in `text`.
pub(super) fn has_pair_of(pairs: &[[u8; 2]; 3], text: &[u8]) -> bool {
    let is_one = |first: u8, second: u8| {
        pairs.iter().fold(0, |found, pair| found | u8::from(pair[0] == first) & u8::from(pair[1] == second))
    };
    let mut rest = text;
    while let (Some(here), Some(next)) =
        (rest.first_chunk::<LANES>(), rest.get(1..).and_then(<[u8]>::first_chunk::<LANES>))
    {
        if (0..LANES).fold(0, |found, lane| found | is_one(here[lane], next[lane])) != 0 {
            return true;
        }
        rest = &rest[LANES..];
    }
    rest.windows(2).any(|pair| is_one(pair[0], pair[1]) != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_in(needle: &[u8], text: &[u8]) -> bool {
        text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
    }

    proptest! {
        /// Wherever the string stands, in what case, and however often something like it.
        #[test]
        fn the_string_is_found_where_it_stands(
            needle in "[abz @1]{1,4}",
            text in prop_oneof!["[aAbBzZ @`1!\u{e9}]{0,300}", "[aA]{0,200}[bz ]"],
        ) {
            let found = AsciiNeedle::new(needle.as_bytes()).expect("ASCII").is_in(text.as_bytes());
            prop_assert!(found.is_none_or(|found| found == is_in(needle.as_bytes(), text.as_bytes())));
            prop_assert!(found.is_some() || needle.contains("a"));
        }

        #[test]
        fn pairs_are_found_where_they_stand(text in prop::collection::vec(0_u8..4, 0..200)) {
            let pairs = [[0, 1], [2, 2], [3, 0]];
            let expected = text.windows(2).any(|pair| pairs.iter().any(|it| it == pair));
            prop_assert_eq!(has_pair_of(&pairs, &text), expected);
        }
    }

    #[test]
    fn what_looks_alike_again_and_again_is_given_up() {
        let needle = [&b"a".repeat(1_000)[..], b"b"].concat();
        let needle = AsciiNeedle::new(&needle[..1_000]).expect("ASCII");
        let text = b"a".repeat(999).into_iter().chain(*b"c").cycle().take(100_000).collect::<Vec<_>>();
        assert_eq!(needle.is_in(&text), None);
    }

    #[test]
    fn only_lower_case_ascii_is_taken() {
        assert!(AsciiNeedle::new(b"").is_none());
        assert!(AsciiNeedle::new(b"A").is_none());
        assert!(AsciiNeedle::new("ö".as_bytes()).is_none());
    }
}
