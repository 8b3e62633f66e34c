//! [`ChannelBindings`]: what ties a login to the TLS connection that it came over (RFC 5056).

use std::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::der::{OBJECT_IDENTIFIER, SEQUENCE, der};

/// What a TLS connection has for mechanisms whose name ends with `-PLUS`. Without either, none of them is offered
/// or used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `tls-exporter` (RFC 9266): 32 octets exported with the label `EXPORTER-Channel-Binding` and an empty
    /// context. Of TLS 1.3 only: in TLS 1.2 it needs the extended master secret too.
    pub tls_exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929 §4): see [`tls_server_end_point`].
    pub tls_server_end_point: Option<Vec<u8>>,
}

impl ChannelBindings {
    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.tls_exporter.is_none() && self.tls_server_end_point.is_none()
    }

    /// The data of a kind, by the name that is registered with IANA.
    pub(crate) fn named(&self, name: &str) -> Option<&[u8]> {
        match name {
            TLS_EXPORTER => self.tls_exporter.as_ref().map(<[u8; 32]>::as_slice),
            TLS_SERVER_END_POINT => self.tls_server_end_point.as_deref(),
            _ => None,
        }
    }

    /// The kind that a client uses: the exporter, which is of one connection and no other.
    #[cfg(feature = "client")]
    pub(crate) fn preferred(&self) -> Option<&'static str> {
        [TLS_EXPORTER, TLS_SERVER_END_POINT].into_iter().find(|name| self.named(name).is_some())
    }
}

/// rsasl's question.
impl rsasl::prelude::ChannelBindingCallback for ChannelBindings {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        self.named(name)
    }
}

impl fmt::Debug for ChannelBindings {
    /// Which there are; the octets are nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [TLS_EXPORTER, TLS_SERVER_END_POINT];
        f.debug_set().entries(names.iter().filter(|name| self.named(name).is_some())).finish()
    }
}

/// The hash of the server's certificate (DER): with the hash of its signature, or SHA-256 where that is MD5 or
/// SHA-1 (RFC 5929 §4.1).
///
/// `None` where the signature has no hash of its own or an unusual one (Ed25519, RSASSA-PSS): the binding is not
/// defined then. `None` too where the octets are no certificate.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (certificate_fields, _) = der(certificate, SEQUENCE)?;
    let (_, behind_tbs) = der(certificate_fields, SEQUENCE)?;
    let (algorithm, _) = der(behind_tbs, SEQUENCE)?;
    let (oid, _) = der(algorithm, OBJECT_IDENTIFIER)?;
    let (_, hash) = SIGNATURES.iter().find(|(known, _)| *known == oid)?;
    Some(match hash {
        256 => Sha256::digest(certificate).to_vec(),
        384 => Sha384::digest(certificate).to_vec(),
        _ => Sha512::digest(certificate).to_vec(),
    })
}

const TLS_EXPORTER: &str = "tls-exporter";
const TLS_SERVER_END_POINT: &str = "tls-server-end-point";

/// The object identifiers of signatures (RFC 8017 appendix A.2.4, RFC 5758 §3.2, RFC 3279 §2.2.3), and the hash.
const SIGNATURES: &[(&[u8], u32)] = &[
    // md5WithRSAEncryption, sha1WithRSAEncryption, ecdsa-with-SHA1.
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", 256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", 256),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", 256),
    // sha256WithRSAEncryption, sha384..., sha512...
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 512),
    // ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512.
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", 256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", 384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", 512),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The outline of a certificate: an empty body, a signature's algorithm, an empty signature.
    fn certificate(oid: &[u8]) -> Vec<u8> {
        let element = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).expect("it is short");
            [&[tag, 0x81, length], content].concat()
        };
        let algorithm = element(SEQUENCE, &element(OBJECT_IDENTIFIER, oid));
        element(SEQUENCE, &[element(SEQUENCE, b""), algorithm, element(0x03, b"\0")].concat())
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (oid, bits) in SIGNATURES {
            let certificate = certificate(oid);
            let found = tls_server_end_point(&certificate).expect("a known signature");
            assert_eq!(found.len() * 8, *bits as usize);
        }
        let of_sha256 = certificate(SIGNATURES[6].0);
        assert_eq!(tls_server_end_point(&of_sha256), Some(Sha256::digest(&of_sha256).to_vec()));
        // Ed25519, RSASSA-PSS.
        assert_eq!(tls_server_end_point(&certificate(b"\x2b\x65\x70")), None);
        assert_eq!(tls_server_end_point(&certificate(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")), None);
    }

    #[test]
    fn what_is_no_certificate_has_none() {
        let whole = certificate(SIGNATURES[3].0);
        for length in 0..whole.len() {
            assert_eq!(tls_server_end_point(&whole[..length]), None, "{length}");
        }
        assert_eq!(tls_server_end_point(b"\x30\x84\xff\xff\xff\xff"), None);
    }

    #[test]
    fn debug_shows_no_octets() {
        let bindings = ChannelBindings { tls_exporter: Some([7; 32]), tls_server_end_point: None };
        assert_eq!(format!("{bindings:?}"), r#"{"tls-exporter"}"#);
    }
}
