//! BODY and BODYSTRUCTURE: the MIME tree of a message (RFC 9051 §7.5.2).

use bytes::Bytes;

use super::Envelope;

/// One part of the MIME tree.
///
/// The same value is written as BODY (without extension data) and as BODYSTRUCTURE (with it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyStructure {
    /// A part that has parts. Written with one empty text/plain part where `parts` is empty, since the
    /// grammar knows no multipart without one.
    Multipart {
        /// The parts in order.
        parts: Vec<BodyStructure>,
        /// `MIXED`, `ALTERNATIVE`, ... as written in the message.
        subtype: Bytes,
        /// Content-Type's parameters, attribute and value.
        parameters: Vec<(Bytes, Bytes)>,
        /// What BODYSTRUCTURE says beyond BODY.
        extension: Extension,
    },
    /// A leaf, or an attached message.
    Single {
        /// `TEXT`, `IMAGE`, ... as written in the message.
        media_type: Bytes,
        /// `PLAIN`, `PNG`, ... as written in the message.
        subtype: Bytes,
        /// Content-Type's parameters, attribute and value.
        parameters: Vec<(Bytes, Bytes)>,
        /// Content-ID.
        id: Option<Bytes>,
        /// Content-Description.
        description: Option<Bytes>,
        /// Content-Transfer-Encoding, `7BIT` where there is none.
        encoding: Bytes,
        /// Octets of the body in its transfer encoding.
        size_octets: u64,
        /// What its type brings along.
        content: Content,
        /// What BODYSTRUCTURE says beyond BODY.
        extension: Extension,
    },
}

/// What a leaf has beyond the basic fields, by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Neither text nor a message.
    Basic,
    /// `text/*`.
    Text {
        /// Lines of the body in its transfer encoding.
        lines: u64,
    },
    /// `message/rfc822` or `message/global`.
    Message {
        /// The envelope of the attached message.
        envelope: Box<Envelope>,
        /// The structure of the attached message.
        structure: Box<BodyStructure>,
        /// Lines of the attached message in its transfer encoding.
        lines: u64,
    },
}

/// The extension data of a part: everything that BODY leaves out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Content-MD5; multiparts have none.
    pub md5: Option<Bytes>,
    /// Content-Disposition and its parameters.
    pub disposition: Option<Disposition>,
    /// Content-Language. Empty is NIL.
    pub language: Vec<Bytes>,
    /// Content-Location.
    pub location: Option<Bytes>,
}

/// Content-Disposition (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment`, ...
    pub kind: Bytes,
    /// Its parameters, attribute and value.
    pub parameters: Vec<(Bytes, Bytes)>,
}

impl BodyStructure {
    /// Writes the value of BODY: no extension data.
    pub fn write_body(&self, out: &mut Vec<u8>, dialect: crate::Dialect) {
        let _ = (out, dialect);
        todo!()
    }

    /// Writes the value of BODYSTRUCTURE: with extension data.
    pub fn write_body_structure(&self, out: &mut Vec<u8>, dialect: crate::Dialect) {
        let _ = (out, dialect);
        todo!()
    }
}
