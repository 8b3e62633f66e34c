//! GENURLAUTH and URLFETCH (RFC 4467 §8, RFC 5524 §3.2).

use bytes::Bytes;

use super::text::write_value;
use crate::Dialect;
use crate::types::BodyStructure;
use crate::wire::read::Reader;
use crate::wire::write;

/// What one URL of URLFETCH leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedUrl {
    /// The URL as it was asked for.
    pub url: Bytes,
    /// What is there.
    pub data: UrlData,
}

/// The two forms of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum UrlData {
    /// The octets; `None` where the URL cannot be resolved (RFC 4467).
    Simple(Option<Bytes>),
    /// What was asked for with parameters (RFC 5524), at least one.
    Extended(Vec<UrlMetadata>),
}

/// One answer to a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum UrlMetadata {
    /// (BODY nstring): the octets as they are
    Body(Option<Bytes>),
    /// (BINARY nstring): the octets with their transfer encoding undone
    Binary(Option<Bytes>),
    /// (BODYPARTSTRUCTURE (...))
    BodyPartStructure(Box<BodyStructure>),
    /// Any other, verbatim with its parentheses.
    Other(Bytes),
}

/// ```abnf
/// genurlauth-data = "*" SP "GENURLAUTH" 1*(SP url-full)
/// ```
pub(super) fn write_gen_url_auth(out: &mut Vec<u8>, urls: &[Bytes], dialect: Dialect) {
    out.extend_from_slice(b"GENURLAUTH");
    for url in urls {
        out.push(b' ');
        write::string(out, url, dialect);
    }
}

/// ```abnf
/// urlfetch-data    =  "*" SP "URLFETCH"
///                     1*(SP (urldata-simple / urldata-ext /
///                            urldata-error))
/// urldata-error    =  SP url-full SP nil
/// urldata-simple   =  SP url-full SP nstring
/// urldata-ext      =  SP url-full url-metadata
/// url-metadata     =  1*(SP "(" url-metadata-el ")")
/// ```
///
/// From RFC 5524 §5.
pub(super) fn read_url_fetch(reader: &mut Reader<'_>) -> Option<Vec<FetchedUrl>> {
    let mut urls = Vec::new();
    while !reader.is_at_end() {
        let url = reader.astring()?;
        let mut extended = Vec::new();
        reader.skip_spaces();
        while reader.peek() == Some(b'(') {
            extended.push(UrlMetadata::read(reader)?);
            reader.skip_spaces();
        }
        let data = if extended.is_empty() {
            UrlData::Simple(reader.nstring()?)
        } else {
            UrlData::Extended(extended)
        };
        urls.push(FetchedUrl { url, data });
    }
    Some(urls)
}

pub(super) fn write_url_fetch(out: &mut Vec<u8>, urls: &[FetchedUrl], dialect: Dialect) {
    out.extend_from_slice(b"URLFETCH");
    for FetchedUrl { url, data } in urls {
        out.push(b' ');
        write::string(out, url, dialect);
        match data {
            UrlData::Simple(octets) => {
                out.push(b' ');
                write::nstring(out, octets.as_deref(), dialect);
            }
            UrlData::Extended(elements) => {
                for element in elements {
                    out.push(b' ');
                    element.write(out, dialect);
                }
            }
        }
    }
}

impl UrlMetadata {
    /// ```abnf
    /// url-metadata-el  =  url-meta-bodystruct / url-meta-body /
    ///                     url-meta-binary
    /// url-meta-bodystruct   =  "BODYPARTSTRUCTURE" SP body
    /// url-meta-binary       =  "BINARY" SP ( nstring / literal8 )
    /// url-meta-body         =  "BODY" SP nstring
    /// ```
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let before = *reader;
        if let Some(element) = Self::read_known(reader) {
            return Some(element);
        }
        *reader = before;
        let start = reader.at();
        reader.skip_value(0).ok()?;
        Some(Self::Other(reader.since(start)))
    }

    fn read_known(reader: &mut Reader<'_>) -> Option<Self> {
        reader.eat_spaced(b'(');
        let element = match reader.atom()?.to_ascii_uppercase().as_slice() {
            b"BODY" => Self::Body(reader.nstring()?),
            b"BINARY" => Self::Binary(reader.nstring()?),
            b"BODYPARTSTRUCTURE" => Self::BodyPartStructure(Box::new(BodyStructure::read(reader)?)),
            _ => return None,
        };
        reader.eat_spaced(b')').then_some(element)
    }

    fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        match self {
            Self::Body(octets) => {
                out.extend_from_slice(b"(BODY ");
                write::nstring(out, octets.as_deref(), dialect);
                out.push(b')');
            }
            Self::Binary(octets) => {
                out.extend_from_slice(b"(BINARY ");
                write_value(out, octets.as_deref(), dialect);
                out.push(b')');
            }
            Self::BodyPartStructure(structure) => {
                out.extend_from_slice(b"(BODYPARTSTRUCTURE ");
                structure.write_body(out, dialect);
                out.push(b')');
            }
            Self::Other(verbatim) => out.extend_from_slice(verbatim),
        }
    }
}
