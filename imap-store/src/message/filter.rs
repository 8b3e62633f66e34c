//! [`HeaderFilter`]: the fields of HEADER.FIELDS out of a header, however long it is.

use std::collections::HashSet;

use imap_proto::types::Octets;

use super::header::{Field, field_named, fields, is_empty_line, raw_fields};

/// A field's name with the white space behind it is shorter (RFC 5322 §2.1.1: a line has 998 octets at the most); a longer
/// one is none.
const NAME_OCTETS_MAX: usize = 1_000;
/// Up to that many names are compared one by one.
const FEW_NAMES: usize = 16;

/// The fields of `header` whose names are in `names` (with `not`: those whose names are not), verbatim with
/// their folding and in their order, and the empty line (RFC 9051 §6.4.5.1, HEADER.FIELDS).
///
/// Names are compared without regard to ASCII case. Lines that are no field belong to no name: only `not`
/// keeps them. The empty line is written even where `header` has none.
pub fn filter_header(header: &[u8], names: &[impl AsRef<[u8]>], not: bool) -> Vec<u8> {
    let mut kept = Vec::with_capacity(header.len() + 4);
    if !not && names.len() <= FEW_NAMES {
        // As listings ask: without a look at the names of other fields.
        let is_named = |raw: &&[u8]| names.iter().any(|name| field_named(raw, name.as_ref()).is_some());
        raw_fields(header).filter(is_named).for_each(|raw| kept.extend_from_slice(raw));
    } else {
        let names = Names::new(names.iter().map(AsRef::as_ref).collect());
        let is_kept = |field: &Field<'_>| names.contain(field.name) != not;
        fields(header).filter(is_kept).for_each(|field| kept.extend_from_slice(field.raw));
    }
    if !kept.is_empty() && !kept.ends_with(b"\n") {
        kept.extend_from_slice(b"\r\n");
    }
    kept.extend_from_slice(b"\r\n");
    kept
}

/// The same for a header that comes in pieces, with memory for the names and one name more.
#[derive(Debug)]
pub struct HeaderFilter {
    names: Names<Octets>,
    not: bool,
    at: At,
    /// The last octet that was kept.
    last: Option<u8>,
}

/// Names of fields.
#[derive(Debug)]
struct Names<N> {
    list: Vec<N>,
    /// The same in lower case, where they are many.
    set: HashSet<Vec<u8>>,
}

impl<N: AsRef<[u8]>> Names<N> {
    fn new(list: Vec<N>) -> Self {
        let lower = |name: &N| name.as_ref().to_ascii_lowercase();
        let set = if list.len() > FEW_NAMES { list.iter().map(lower).collect() } else { HashSet::new() };
        Self { list, set }
    }

    /// Whether it is one of them; no name (an empty one) is none.
    fn contain(&self, name: &[u8]) -> bool {
        if name.is_empty() {
            return false;
        }
        if self.list.len() > FEW_NAMES {
            return self.set.contains(&name.to_ascii_lowercase());
        }
        self.list.iter().any(|wanted| wanted.as_ref().eq_ignore_ascii_case(name))
    }
}

/// Where in the header it is.
#[derive(Debug)]
enum At {
    /// In a field (or a line that is none) of which this was seen and no colon yet; empty: where a field begins.
    Name(Vec<u8>),
    /// In a field that is kept, or not.
    Field { kept: bool },
    /// The same where a line begins: white space goes on with the field.
    Line { kept: bool },
    /// Behind the empty line.
    End,
}

/// What the beginning of a field tells.
enum Told<'a> {
    /// Nothing yet.
    Nothing,
    /// The empty line.
    End,
    /// The field's name.
    Name(&'a [u8]),
    /// It is no field.
    NoField,
}

impl HeaderFilter {
    /// At the beginning of a header.
    pub fn new(names: Vec<Octets>, not: bool) -> Self {
        Self { names: Names::new(names), not, at: At::Name(Vec::new()), last: None }
    }

    /// Appends to `kept` what `octets` bring of the fields that are kept.
    pub fn feed(&mut self, octets: &[u8], kept: &mut Vec<u8>) {
        let mut rest = octets;
        while let Some(&first) = rest.first() {
            match &mut self.at {
                At::End => return,
                At::Line { kept: is_kept } => {
                    let goes_on = matches!(first, b' ' | b'\t');
                    self.at = if goes_on { At::Field { kept: *is_kept } } else { At::Name(Vec::new()) };
                }
                At::Field { kept: is_kept } => {
                    let is_kept = *is_kept;
                    let line = memchr::memchr(b'\n', rest).map(|at| at + 1);
                    let (taken, behind) = rest.split_at(line.unwrap_or(rest.len()));
                    if is_kept {
                        self.keep(taken, kept);
                    }
                    if line.is_some() {
                        self.at = At::Line { kept: is_kept };
                    }
                    rest = behind;
                }
                At::Name(seen) => {
                    if seen.last() == Some(&b'\n') && !matches!(first, b' ' | b'\t') {
                        // The line was no field, and here begins something else.
                        self.decide(false, kept);
                        continue;
                    }
                    seen.push(first);
                    rest = &rest[1..];
                    match told(seen) {
                        Told::Nothing => {}
                        Told::End => self.at = At::End,
                        Told::Name(name) => {
                            let is_named = self.names.contain(name);
                            self.decide(is_named, kept);
                        }
                        Told::NoField => self.decide(false, kept),
                    }
                }
            }
        }
    }

    /// The header is complete: appends what is still owed, and the empty line.
    pub fn finish(&mut self, kept: &mut Vec<u8>) {
        if let At::Name(seen) = &self.at
            && !seen.is_empty()
        {
            self.decide(false, kept);
        }
        if self.last.is_some_and(|last| last != b'\n') {
            kept.extend_from_slice(b"\r\n");
        }
        kept.extend_from_slice(b"\r\n");
        self.at = At::End;
    }

    /// It is known now whether the field's name is one of ours.
    fn decide(&mut self, is_named: bool, kept: &mut Vec<u8>) {
        let is_kept = is_named != self.not;
        let At::Name(seen) = std::mem::replace(&mut self.at, At::Field { kept: is_kept }) else { return };
        if seen.ends_with(b"\n") {
            self.at = At::Line { kept: is_kept };
        }
        if is_kept {
            self.keep(&seen, kept);
        }
    }

    fn keep(&mut self, octets: &[u8], kept: &mut Vec<u8>) {
        kept.extend_from_slice(octets);
        self.last = octets.last().copied().or(self.last);
    }
}

/// What is known of a field from its first octets, of which all but the last told nothing. As
/// [`super::header::field_name`] has it: the name is printable, and white space (with folding) may stand before the colon.
fn told(seen: &[u8]) -> Told<'_> {
    let Some((&last, before)) = seen.split_last() else { return Told::Nothing };
    if last == b':' {
        let name = before.trim_ascii_end();
        return if name.is_empty() { Told::NoField } else { Told::Name(name) };
    }
    if is_empty_line(seen) {
        return Told::End;
    }
    let has_space_before = before.last().is_some_and(u8::is_ascii_whitespace);
    let may_be_name =
        last.is_ascii_whitespace() && !before.is_empty() || last.is_ascii_graphic() && !has_space_before;
    // The CR of an empty line, perhaps.
    let may_be_end = seen == b"\r";
    if !(may_be_name || may_be_end) || seen.len() > NAME_OCTETS_MAX { Told::NoField } else { Told::Nothing }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] =
        b"From mbox line\r\nSubject: a\r\n b\r\nX-Odd : c\nno field\r\nsubject:\r\n\r\nSubject: body";

    #[test]
    fn filter_keeps_fields_verbatim_and_ends_with_the_empty_line() {
        assert_eq!(filter_header(HEADER, &["SUBJECT"], false), b"Subject: a\r\n b\r\nsubject:\r\n\r\n");
        assert_eq!(
            filter_header(HEADER, &["SUBJECT"], true),
            b"From mbox line\r\nX-Odd : c\nno field\r\n\r\n"
        );
        assert_eq!(filter_header(HEADER, &["absent"], false), b"\r\n");
        assert_eq!(filter_header(b"A: unterminated", &["a"], false), b"A: unterminated\r\n\r\n");
        assert_eq!(filter_header(b"no field\r\n\r\n", &[""], false), b"\r\n");
    }

    #[test]
    fn many_names_are_found_too() {
        let names: Vec<String> = (0..100).map(|n| format!("X-{n}")).collect();
        assert_eq!(filter_header(b"x-77: a\r\nX-100: b\r\n\r\n", &names, false), b"x-77: a\r\n\r\n");
        assert_eq!(filter_header(b"x-77: a\r\nX-100: b\r\n\r\n", &names, true), b"X-100: b\r\n\r\n");
    }

    /// A name that never ends costs no memory, and is none.
    #[test]
    fn a_name_has_an_end() {
        let mut filter = HeaderFilter::new(vec![Octets::from(vec![b'a'; 2_000])], false);
        let mut kept = Vec::new();
        (0..10_000).for_each(|_| filter.feed(&[b'a'; 1_000], &mut kept));
        assert!(matches!(filter.at, At::Field { kept: false }));
        filter.finish(&mut kept);
        assert_eq!(kept, b"\r\n");
    }

    proptest! {
        /// However a header is cut, the filter gives what a look at the whole gives.
        #[test]
        fn pieces_make_no_difference(
            header in "([ab:\\- \t\u{7f}x]|\r|\n|\r\n|a:|b :|\r\n )*",
            not: bool,
            piece in 1_usize..5,
        ) {
            let names = vec![Octets::from("A"), Octets::from("b-")];
            let mut filter = HeaderFilter::new(names.clone(), not);
            let mut kept = Vec::new();
            header.as_bytes().chunks(piece).for_each(|piece| filter.feed(piece, &mut kept));
            filter.finish(&mut kept);
            prop_assert_eq!(kept, filter_header(header.as_bytes(), &names, not));
        }
    }
}
