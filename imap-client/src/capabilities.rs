//! [`Capabilities`]: what the server says it can do.

use imap_proto::response::Capability;

/// The capabilities that the server told last.
#[derive(Debug, Default, Clone)]
pub struct Capabilities(Vec<Capability>);

impl Capabilities {
    pub(crate) fn new(names: Vec<Capability>) -> Self {
        // The names are slices of a read buffer; what stays is copied.
        Self(names.into_iter().map(|name| Capability(name.0.to_vec().into())).collect())
    }

    /// Whether the server has that capability; case does not count.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|capability| capability.is(name))
    }

    /// All of them, as the server spelled and ordered them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|capability| std::str::from_utf8(&capability.0).ok())
    }

    /// The SASL mechanisms (`AUTH=`), as the server ordered them.
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        self.iter().filter_map(|name| match name.split_at_checked(5) {
            Some((prefix, mechanism)) if prefix.eq_ignore_ascii_case("AUTH=") => Some(mechanism),
            _ => None,
        })
    }

    /// Whether a command's literals need no `+`.
    pub(crate) fn literal_plus(&self) -> bool {
        self.has("LITERAL+")
    }

    /// Whether a message of that size is sent without asking first. A large one that would be refused is not
    /// uploaded for nothing.
    pub(crate) fn sends_message_unasked(&self, size_octets: u64) -> bool {
        (self.has("LITERAL+") && size_octets <= UNASKED_OCTETS_MAX)
            || (self.has("LITERAL-") && size_octets <= LITERAL_MINUS_OCTETS_MAX)
    }
}

const UNASKED_OCTETS_MAX: u64 = 1024 * 1024;
/// RFC 7888 §5.
const LITERAL_MINUS_OCTETS_MAX: u64 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(names: &[&str]) -> Capabilities {
        Capabilities::new(names.iter().map(|name| Capability(name.as_bytes().to_vec().into())).collect())
    }

    #[test]
    fn case_does_not_count() {
        let capabilities = capabilities(&["imap4REV1", "auth=plain", "AUTH=SCRAM-SHA-256", "AUTHX"]);
        assert!(capabilities.has("IMAP4rev1") && !capabilities.has("IMAP4rev2"));
        assert_eq!(capabilities.mechanisms().collect::<Vec<_>>(), ["plain", "SCRAM-SHA-256"]);
    }

    #[test]
    fn messages_sent_unasked() {
        for (name, size, expected) in [
            ("LITERAL+", 1024 * 1024, true),
            ("LITERAL+", 1024 * 1024 + 1, false),
            ("LITERAL-", 4_096, true),
            ("LITERAL-", 4_097, false),
            ("IMAP4rev1", 1, false),
        ] {
            assert_eq!(capabilities(&[name]).sends_message_unasked(size), expected, "{name} {size}");
        }
    }
}
