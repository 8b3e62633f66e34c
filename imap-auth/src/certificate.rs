//! [`CertificateMapping`]: whose a client certificate is.

use crate::der::{OBJECT_IDENTIFIER, SEQUENCE, der, elements};

/// Where in a certificate the user's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateField {
    /// A mail address: an rfc822Name among the subject's alternative names (RFC 5280 §4.2.1.6).
    Email,
    /// The subject's common name.
    CommonName,
}

/// Whose a client certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateMapping {
    /// Looked at in this order; the first that the certificate has counts, and no other. Empty: nobody's, and
    /// EXTERNAL is not offered.
    pub fields: Vec<CertificateField>,
    /// Domains that are taken off: with `example.org` here, `alice@example.org` is the user `alice`.
    pub strip_domains: Vec<String>,
}

impl Default for CertificateMapping {
    /// Mail addresses, as they are.
    fn default() -> Self {
        Self { fields: vec![CertificateField::Email], strip_domains: Vec::new() }
    }
}

impl CertificateMapping {
    /// The user names that the certificate stands for, in its order; none where it says nothing that counts.
    pub(crate) fn names(&self, certificate: &[u8]) -> Vec<String> {
        let found = self.fields.iter().map(|field| match field {
            CertificateField::Email => emails(certificate).unwrap_or_default(),
            CertificateField::CommonName => common_name(certificate).into_iter().collect(),
        });
        let names = found.into_iter().find(|names| !names.is_empty()).unwrap_or_default();
        names.into_iter().map(|name| self.strip(name)).collect()
    }

    fn strip(&self, name: String) -> String {
        let local = name.rsplit_once('@').and_then(|(local, domain)| {
            self.strip_domains
                .iter()
                .any(|known| known.eq_ignore_ascii_case(domain))
                .then(|| local.to_owned())
        });
        local.filter(|local| !local.is_empty()).unwrap_or(name)
    }
}

/// The parts of a certificate that name its subject (RFC 5280 §4.1).
struct Subject<'a> {
    /// RDNSequence.
    name: &'a [u8],
    /// `None` in version 1.
    extensions: Option<&'a [u8]>,
}

impl<'a> Subject<'a> {
    /// ```text
    /// TBSCertificate  ::=  SEQUENCE  {
    ///    version [0], serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo,
    ///    issuerUniqueID [1] OPTIONAL, subjectUniqueID [2] OPTIONAL, extensions [3] OPTIONAL }
    /// ```
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let (fields, _) = der(certificate, SEQUENCE)?;
        let (body, _) = der(fields, SEQUENCE)?;
        let mut parts = elements(body).peekable();
        parts.next_if(|(tag, _)| *tag == VERSION);
        let (tag, name) = parts.nth(4)?;
        let extensions = parts.find(|(tag, _)| *tag == EXTENSIONS);
        (tag == SEQUENCE).then_some(Self { name, extensions: extensions.map(|(_, content)| content) })
    }
}

/// The mail addresses among the subject's alternative names. IA5String is ASCII; others are no names of ours.
fn emails(certificate: &[u8]) -> Option<Vec<String>> {
    let (list, _) = der(Subject::read(certificate)?.extensions?, SEQUENCE)?;
    let extension = elements(list).find_map(|(_, extension)| {
        let (oid, rest) = der(extension, OBJECT_IDENTIFIER)?;
        (oid == SUBJECT_ALT_NAME).then_some(rest)
    })?;
    let value = elements(extension).find(|(tag, _)| *tag == OCTET_STRING)?.1;
    let (names, _) = der(value, SEQUENCE)?;
    let emails = elements(names).filter(|(tag, _)| *tag == RFC822_NAME);
    Some(emails.filter_map(|(_, name)| text(name).filter(|name| name.is_ascii())).collect())
}

/// The subject's common name, the last where there are several: the most specific.
fn common_name(certificate: &[u8]) -> Option<String> {
    let subject = Subject::read(certificate)?;
    let attributes = elements(subject.name).flat_map(|(_, set)| elements(set));
    let names = attributes.filter_map(|(_, attribute)| {
        let (oid, rest) = der(attribute, OBJECT_IDENTIFIER)?;
        let (tag, value) = elements(rest).next()?;
        (oid == COMMON_NAME && matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING))
            .then(|| text(value))?
    });
    names.last()
}

fn text(octets: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(octets).ok()?;
    (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
}

/// 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = b"\x55\x1d\x11";
/// 2.5.4.3.
const COMMON_NAME: &[u8] = b"\x55\x04\x03";
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// `[0]`, constructed.
const VERSION: u8 = 0xa0;
/// `[3]`, constructed.
const EXTENSIONS: u8 = 0xa3;
/// `[1]` of a GeneralName.
const RFC822_NAME: u8 = 0x81;

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(emails: &[&str], common_name: &str) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["host.example.org".to_owned()]).expect("a name");
        for email in emails {
            let name = rcgen::SanType::Rfc822Name((*email).try_into().expect("ASCII"));
            params.subject_alt_names.push(name);
        }
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Example");
        if !common_name.is_empty() {
            params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        }
        let key = rcgen::KeyPair::generate().expect("random numbers");
        params.self_signed(&key).expect("made").der().to_vec()
    }

    fn names(fields: &[CertificateField], strip: &[&str], certificate: &[u8]) -> Vec<String> {
        let strip_domains = strip.iter().map(ToString::to_string).collect();
        CertificateMapping { fields: fields.to_vec(), strip_domains }.names(certificate)
    }

    #[test]
    fn rules() {
        use CertificateField::{CommonName, Email};
        let both = certificate(&["alice@example.org", "a.smith@example.com"], "Alice");
        let only_name = certificate(&[], "caf\u{e9}");
        let nothing = certificate(&[], "");
        assert_eq!(names(&[Email], &[], &both), ["alice@example.org", "a.smith@example.com"]);
        assert_eq!(names(&[Email], &["EXAMPLE.org"], &both), ["alice", "a.smith@example.com"]);
        assert_eq!(names(&[CommonName, Email], &[], &both), ["Alice"]);
        assert_eq!(names(&[Email, CommonName], &[], &both).len(), 2);
        assert_eq!(names(&[Email, CommonName], &[], &only_name), ["caf\u{e9}"]);
        assert!(names(&[Email], &[], &only_name).is_empty());
        assert!(names(&[Email, CommonName], &[], &nothing).is_empty());
        assert!(names(&[], &[], &both).is_empty());
    }

    #[test]
    fn damage_is_nobody() {
        let whole = certificate(&["alice@example.org"], "Alice");
        let fields = [CertificateField::Email, CertificateField::CommonName];
        for length in 0..whole.len() {
            let _ = names(&fields, &[], &whole[..length]);
            let mut changed = whole.clone();
            changed[length] ^= 0xff;
            let _ = names(&fields, &[], &changed);
        }
        assert!(names(&fields, &[], b"").is_empty());
    }
}
