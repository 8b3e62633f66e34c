//! Atoms, strings and what is made of them.

use bytes::Bytes;

use super::{
    Parsed, Span, is_astring_char, is_atom_char, is_list_char, is_quoted_char, length_of, no_case, number64,
    octet, run,
};
use crate::types::{ObjectId, Octets, WireMailbox, is_id_char};

/// ```abnf
/// atom            = 1*ATOM-CHAR
/// ```
pub(crate) fn atom(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    run(is_atom_char, "atom")(input)
}

/// ```abnf
/// astring         = 1*ASTRING-CHAR / string
/// ```
pub(crate) fn astring(input: Span<'_>) -> Parsed<'_, Bytes> {
    if is_string_start(input) {
        return string(input);
    }
    let (rest, value) = run(is_astring_char, "astring")(input)?;
    Ok((rest, value.to_bytes()))
}

/// ```abnf
/// header-fld-name = astring
/// ```
///
/// It is short nearly always, so it is a value that holds it in place.
#[inline]
pub(crate) fn header_name(input: Span<'_>) -> Parsed<'_, Octets> {
    if is_string_start(input) {
        return string(input).map(|(rest, name)| (rest, name.into()));
    }
    match length_of(input.octets(), is_astring_char) {
        0 => input.fail("astring"),
        length => Ok((input.skip(length), input.start(length))),
    }
}

/// ```abnf
/// string          = quoted / literal
/// ```
pub(crate) fn string(input: Span<'_>) -> Parsed<'_, Bytes> {
    match input.first() {
        Some(b'"') => quoted(input),
        Some(b'{' | b'~') => literal(input),
        _ => input.fail("string"),
    }
}

/// ```abnf
/// nstring         = string / nil
/// ```
pub(crate) fn nstring(input: Span<'_>) -> Parsed<'_, Option<Bytes>> {
    match nil(input) {
        Ok((rest, ())) => Ok((rest, None)),
        Err(_) => string(input).map(|(rest, string)| (rest, Some(string))),
    }
}

/// ```abnf
/// nil             = "NIL"
/// ```
pub(crate) fn nil(input: Span<'_>) -> Parsed<'_, ()> {
    no_case("NIL")(input)
}

/// ```abnf
/// quoted          = DQUOTE *QUOTED-CHAR DQUOTE
/// QUOTED-CHAR     = <any TEXT-CHAR except quoted-specials> /
///                   "\" quoted-specials / UTF8-2 / UTF8-3 / UTF8-4
/// ```
///
/// Any octet over 127 is let through: which of them mean something is for whoever decodes. A backslash
/// before another octet stands for that octet.
fn quoted(input: Span<'_>) -> Parsed<'_, Bytes> {
    let (body, ()) = octet(b'"', "quoted string")(input)?;
    let octets = body.octets();
    let mut escapes = false;
    let mut length = 0;
    loop {
        length += length_of(&octets[length..], is_quoted_char);
        match octets.get(length) {
            Some(b'"') => break,
            Some(b'\\') => {
                escapes = true;
                if octets.get(length + 1) == Some(&0) {
                    return body.skip(length + 1).fail(NO_NUL);
                }
                // A backslash at the end of the frame has no octet behind it.
                length = octets.len().min(length + 2);
            }
            _ => return body.skip(length).fail("\""),
        }
    }
    let (rest, value) = body.split(length);
    let value = if escapes { unescape(value.octets()) } else { value.to_bytes() };
    Ok((rest.skip(1), value))
}

fn unescape(octets: &[u8]) -> Bytes {
    let mut plain = Vec::with_capacity(octets.len());
    let mut octets = octets.iter();
    while let Some(&octet) = octets.next() {
        plain.push(if octet == b'\\' { octets.next().copied().unwrap_or(octet) } else { octet });
    }
    plain.into()
}

/// NUL stands nowhere but in a `literal8` (RFC 9051 §9, note 3): what was expected in its place.
pub(crate) const NO_NUL: &str = "no NUL";

/// ```abnf
/// literal         = "{" number64 ["+"] "}" CRLF *CHAR8
/// literal8        =  "~{" number64 "}" CRLF *OCTET
/// ```
fn literal(input: Span<'_>) -> Parsed<'_, Bytes> {
    let is_binary = input.first() == Some(b'~');
    let rest = if is_binary { input.skip(1) } else { input };
    let (rest, ()) = octet(b'{', "literal")(rest)?;
    let (rest, size_octets) = number64(rest)?;
    let rest = if rest.first() == Some(b'+') { rest.skip(1) } else { rest };
    let (rest, ()) = octet(b'}', "}")(rest)?;
    let rest = line_end(rest)?;
    match usize::try_from(size_octets) {
        Ok(size) if size <= rest.octets().len() => {
            let (behind, value) = rest.split(size);
            let nul = if is_binary { None } else { memchr::memchr(0, value.octets()) };
            match nul {
                Some(nul) => value.skip(nul).fail(NO_NUL),
                None => Ok((behind, value.to_bytes())),
            }
        }
        _ => rest.fail("octets of the literal"),
    }
}

/// What is left behind CRLF, or the bare LF that the framer takes for it.
fn line_end(input: Span<'_>) -> Result<Span<'_>, nom::Err<crate::ParseError>> {
    let rest = if input.first() == Some(b'\r') { input.skip(1) } else { input };
    octet(b'\n', "CRLF")(rest).map(|(rest, ())| rest)
}

/// Whether a quoted string or a literal begins here.
#[inline]
fn is_string_start(input: Span<'_>) -> bool {
    matches!(input.octets(), [b'"' | b'{', ..] | [b'~', b'{', ..])
}

/// An `astring` whose unquoted form runs to the next SP or the end of the frame.
///
/// So RFC 1176 writes atoms: they may hold `(` `)` `*` `%` `]` and `\`. Safe where nothing but SP and the end
/// can follow. 8-bit octets are let through; the owner of the value judges them.
pub(crate) fn token(input: Span<'_>) -> Parsed<'_, Bytes> {
    if is_string_start(input) {
        return string(input);
    }
    let (rest, value) = run(is_token_char, "astring")(input)?;
    Ok((rest, value.to_bytes()))
}

fn is_token_char(octet: u8) -> bool {
    octet > b' ' && octet != 0x7f && octet != b'"' && octet != b'{'
}

/// ```abnf
/// mailbox         = "INBOX" / astring
/// ```
///
/// Unquoted it is a [`token`].
pub(crate) fn mailbox(input: Span<'_>) -> Parsed<'_, WireMailbox> {
    match token(input) {
        Ok((rest, name)) => Ok((rest, WireMailbox(name))),
        Err(_) if !is_string_start(input) => input.fail("mailbox"),
        Err(error) => Err(error),
    }
}

/// ```abnf
/// list-mailbox    = 1*list-char / string
/// ```
///
/// 8-bit octets are let through, as in [`token`].
pub(crate) fn list_mailbox(input: Span<'_>) -> Parsed<'_, Bytes> {
    if is_string_start(input) {
        return string(input);
    }
    let (rest, value) = run(|octet| is_list_char(octet) || octet >= 0x80, "mailbox pattern")(input)?;
    Ok((rest, value.to_bytes()))
}

/// A `mailbox` inside parentheses, where an unquoted name cannot hold any.
pub(crate) fn mailbox_in_list(input: Span<'_>) -> Parsed<'_, WireMailbox> {
    astring(input).map(|(rest, name)| (rest, WireMailbox(name)))
}

/// ```abnf
/// objectid = 1*255(ALPHA / DIGIT / "_" / "-")
/// ```
///
/// From RFC 8474 §7.
pub(crate) fn object_id(input: Span<'_>) -> Parsed<'_, ObjectId> {
    let (rest, id) = run(is_id_char, "object id")(input)?;
    match ObjectId::new(id.to_bytes()) {
        Some(id) => Ok((rest, id)),
        None => input.fail("object id of at most 255 octets"),
    }
}
