//! The Content-* fields of one header (RFC 2045, RFC 2183, RFC 3282), read forgivingly.
//!
//! Attributes and values stand as written: RFC 2231 names (`filename*0*`) are the client's to decode, as in
//! Dovecot's BODYSTRUCTURE. Comments are skipped, quotes undone.

use imap_proto::types::{Disposition, Extension, Octets, Parameters};

use super::header::{fields, unfold};

/// Parameters of one field, and languages, beyond that number are left out.
const PARAMETERS_MAX: usize = 64;

/// What a header says of its body.
#[derive(Debug, PartialEq)]
pub(super) struct ContentFields {
    pub(super) media_type: Octets,
    pub(super) subtype: Octets,
    pub(super) parameters: Parameters,
    pub(super) id: Option<Octets>,
    pub(super) description: Option<Octets>,
    pub(super) encoding: Octets,
    pub(super) extension: Extension,
}

impl ContentFields {
    /// Reads a header; the first field of a name counts. Without a Content-Type it is text/plain in us-ascii
    /// (RFC 2045 §5.2), in a multipart/digest (`in_digest`) message/rfc822 (RFC 2046 §5.1.5). One that is
    /// not understood is text/plain.
    pub(super) fn parse(header: &[u8], in_digest: bool) -> Self {
        let mut content = Self::default();
        let mut seen = [false; 8];
        if in_digest {
            content.media_type = Octets::from(b"MESSAGE");
            content.subtype = Octets::from(b"RFC822");
            content.parameters.clear();
        }
        for field in fields(header) {
            let name = field.name.to_ascii_lowercase();
            let Some(name) = name.strip_prefix(b"content-") else { continue };
            let Some(index) = NAMES.iter().position(|known| known.as_bytes() == name) else { continue };
            if !std::mem::replace(&mut seen[index], true) {
                content.take(NAMES[index], &unfold(field.value));
            }
        }
        content
    }

    fn take(&mut self, name: &str, value: &[u8]) {
        let text = || Some(Octets::from(value));
        match name {
            "type" => self.take_type(value),
            "transfer-encoding" => {
                let encoding = Cursor(value).token();
                if !encoding.is_empty() {
                    self.encoding = Octets::from(encoding);
                }
            }
            "id" => self.id = text(),
            "description" => self.description = text(),
            "md5" => self.extension.md5 = text(),
            "disposition" => self.extension.disposition = disposition(value),
            "language" => self.extension.language = languages(value),
            "location" => self.extension.location = text(),
            _ => {}
        }
    }

    fn take_type(&mut self, value: &[u8]) {
        let mut cursor = Cursor(value);
        let media_type = cursor.token();
        let slash = cursor.take(b'/');
        let subtype = cursor.token();
        if media_type.is_empty() || !slash || subtype.is_empty() {
            self.become_text_plain();
            return;
        }
        self.media_type = Octets::from(media_type);
        self.subtype = Octets::from(subtype);
        self.parameters = cursor.parameters();
    }

    /// What a type that cannot be taken at its word is: octets to look at.
    pub(super) fn become_text_plain(&mut self) {
        let Self { media_type, subtype, parameters, .. } = Self::default();
        (self.media_type, self.subtype, self.parameters) = (media_type, subtype, parameters);
    }

    /// Whether the type is that.
    pub(super) fn is(&self, media_type: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type.as_bytes())
    }

    /// Whether the subtype is that.
    pub(super) fn is_sub(&self, subtype: &str) -> bool {
        self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Whether the body stands there as it is.
    pub(super) fn is_identity(&self) -> bool {
        ["7bit", "8bit", "binary"].iter().any(|name| self.encoding.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The first parameter of that name.
    pub(super) fn parameter(&self, name: &str) -> Option<&Octets> {
        parameter(&self.parameters, name)
    }
}

/// The first of `parameters` with that name.
pub(crate) fn parameter<'a>(parameters: &'a [(Octets, Octets)], name: &str) -> Option<&'a Octets> {
    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
}

impl Default for ContentFields {
    fn default() -> Self {
        Self {
            media_type: Octets::from(b"TEXT"),
            subtype: Octets::from(b"PLAIN"),
            parameters: [(Octets::from(b"CHARSET"), Octets::from(b"US-ASCII"))].into(),
            id: None,
            description: None,
            encoding: Octets::from(b"7BIT"),
            extension: Extension::default(),
        }
    }
}

/// The fields that are read, without `Content-`.
const NAMES: [&str; 8] =
    ["type", "transfer-encoding", "id", "description", "md5", "disposition", "language", "location"];

/// Content-Disposition. One that has parameters only is an attachment (RFC 2183 §2.8: what is not known).
fn disposition(value: &[u8]) -> Option<Disposition> {
    let mut cursor = Cursor(value);
    let kind = cursor.token();
    let parameters = cursor.parameters();
    let kind = match (kind.is_empty(), parameters.is_empty()) {
        (true, true) => return None,
        (true, false) => Octets::from(b"attachment"),
        (false, _) => Octets::from(kind),
    };
    Some(Disposition { kind, parameters })
}

fn languages(value: &[u8]) -> Vec<Octets> {
    let mut cursor = Cursor(value);
    let mut languages = Vec::new();
    while languages.len() < PARAMETERS_MAX && !cursor.0.is_empty() {
        let language = cursor.token();
        if !language.is_empty() {
            languages.push(Octets::from(language));
        }
        cursor.skip_behind(b',');
    }
    languages
}

/// What is left of a structured value.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Skips white space and comments.
    fn skip_cfws(&mut self) {
        loop {
            self.0 = self.0.trim_ascii_start();
            if self.0.first() != Some(&b'(') {
                return;
            }
            self.0 = &self.0[comment_len(self.0)..];
        }
    }

    /// The next token (RFC 2045 §5.1), maybe empty. Octets over 126 are let in.
    fn token(&mut self) -> &'a [u8] {
        self.skip_cfws();
        let end = self.0.iter().position(|&octet| octet <= b' ' || b"()<>@,;:\\\"/[]?=".contains(&octet));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        token
    }

    /// Takes one octet if it is next.
    fn take(&mut self, octet: u8) -> bool {
        self.skip_cfws();
        let found = self.0.first() == Some(&octet);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Goes behind the next `separator` outside of quotes, or to the end.
    fn skip_behind(&mut self, separator: u8) {
        while let Some(&octet) = self.0.first() {
            match octet {
                b'"' => drop(self.quoted()),
                b'(' => self.0 = &self.0[comment_len(self.0)..],
                _ => self.0 = &self.0[1..],
            }
            if octet == separator {
                return;
            }
        }
    }

    /// `; attribute=value` until the end. What is none is skipped.
    fn parameters(&mut self) -> Parameters {
        let mut parameters = Parameters::new();
        self.skip_behind(b';');
        while parameters.len() < PARAMETERS_MAX && !self.0.is_empty() {
            let attribute = self.token();
            if !attribute.is_empty() && self.take(b'=') {
                let value = self.value();
                parameters.push((Octets::from(attribute), value));
            }
            self.skip_behind(b';');
        }
        parameters
    }

    /// A parameter's value. One without quotes reaches to `;` or white space, so that `name=a(1).pdf` and
    /// `boundary=a/b=c`, which many write, are whole.
    fn value(&mut self) -> Octets {
        self.skip_cfws();
        if self.0.first() == Some(&b'"') {
            return self.quoted();
        }
        let end = self.0.iter().position(|&octet| octet == b';' || octet.is_ascii_whitespace());
        let (value, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        Octets::from(value)
    }

    /// The text of the quoted string that begins here; one without an end takes all that is left.
    fn quoted(&mut self) -> Octets {
        let mut text = Vec::new();
        let mut at = 1;
        while let Some(&octet) = self.0.get(at) {
            at += 1;
            match octet {
                b'"' => break,
                b'\\' => {
                    text.extend(self.0.get(at));
                    at += 1;
                }
                _ => text.push(octet),
            }
        }
        self.0 = &self.0[at.min(self.0.len())..];
        text.into()
    }
}

/// The length of the comment that begins `text`, nested ones included; to the end if it has none.
fn comment_len(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        at += 1;
        match octet {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'\\' => at += 1,
            _ => {}
        }
    }
    at.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &str) {
        let content = ContentFields::parse(header.as_bytes(), false);
        let mut shown = format!("{}/{}", text(&content.media_type), text(&content.subtype));
        for (attribute, value) in &content.parameters {
            shown += &format!(" {}={}", text(attribute), text(value));
        }
        assert_eq!(shown, expected, "{header}");
    }

    fn text(octets: &[u8]) -> String {
        String::from_utf8_lossy(octets).into_owned()
    }

    #[test]
    fn content_types() {
        check("", "TEXT/PLAIN CHARSET=US-ASCII");
        check("Content-Type: TEXT/Html; CharSet=\"utf\\-8\"", "TEXT/Html CharSet=utf-8");
        check("content-type : (a) image (b (c)) / (d) png (e);(f) name=x (g)", "image/png name=x");
        check(
            "Content-Type: a/b;\r\n name*0*=utf-8''x;\r\n\tname*1=\"y;z\"",
            "a/b name*0*=utf-8''x name*1=y;z",
        );
        check("Content-Type: multipart/mixed; boundary=a/b=c", "multipart/mixed boundary=a/b=c");
        check("Content-Type: a/b; name=x(1).pdf; ; bad; =c; d=", "a/b name=x(1).pdf d=");
        check("Content-Type: text", "TEXT/PLAIN CHARSET=US-ASCII");
        check("Content-Type: /plain", "TEXT/PLAIN CHARSET=US-ASCII");
        check("Content-Type:\r\nContent-Type: a/b", "TEXT/PLAIN CHARSET=US-ASCII");
        check("Content-Type: a/b; c=\"open; d=e", "a/b c=open; d=e");
    }

    #[test]
    fn the_other_fields() {
        let header = b"Content-Transfer-Encoding: (c) Base64 ;x\nContent-ID: <a@b>\nContent-MD5: x==\n\
            Content-Disposition: inline; filename=\"a b\"\nContent-Language: de (x), en-GB\nContent-Location: http://a/b\n";
        let content = ContentFields::parse(header, false);
        assert_eq!(&*content.encoding, b"Base64");
        assert_eq!(content.id.as_deref(), Some(&b"<a@b>"[..]));
        assert_eq!(content.extension.md5.as_deref(), Some(&b"x=="[..]));
        assert_eq!(content.extension.language, [&b"de"[..], b"en-GB"]);
        assert_eq!(content.extension.location.as_deref(), Some(&b"http://a/b"[..]));
        let disposition = content.extension.disposition.expect("it is given");
        assert_eq!((&*disposition.kind, &*disposition.parameters[0].1), (&b"inline"[..], &b"a b"[..]));
        assert_eq!(ContentFields::parse(b"", true).media_type, &b"MESSAGE"[..]);
    }
}
