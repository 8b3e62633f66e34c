//! A FETCH of which literals are streamed: what stands around them is parsed as if the literals were empty.

use bytes::{BufMut, Bytes, BytesMut};
use imap_proto::response::{FetchAttribute, Response};
use imap_proto::types::SeqNum;

use super::CommandId;

/// A FETCH in the middle of its streamed literals.
pub(super) struct Streamed {
    /// `None`: a response that we cannot read.
    seq_num: Option<SeqNum>,
    /// Whose it is; `None`: it is dropped.
    pub(super) taker: Option<CommandId>,
}

impl Streamed {
    pub(super) fn of(seq_num: SeqNum, taker: Option<CommandId>) -> Self {
        Self { seq_num: Some(seq_num), taker }
    }

    pub(super) fn unknown() -> Self {
        Self { seq_num: None, taker: None }
    }

    /// Reads `* n FETCH (... item {n}` CRLF; the last attribute is the one that is streamed.
    pub(super) fn begin(frame: &[u8]) -> Option<(SeqNum, Vec<FetchAttribute>)> {
        parse(with_empty_literal(frame)?.freeze())
    }

    /// Reads ` item ... item {n}` CRLF behind a streamed literal.
    pub(super) fn go_on(&self, frame: &[u8]) -> Option<(SeqNum, Vec<FetchAttribute>)> {
        let rest = with_empty_literal(frame)?;
        parse(self.with_head(&rest)?)
    }

    /// Reads ` item ...)` behind the last streamed literal, as a FETCH of its own: empty where nothing is left or
    /// it cannot be read, since every message has its end.
    pub(super) fn end(&self, rest: &[u8]) -> Option<Response> {
        let seq_num = self.seq_num?;
        let frame = (rest.trim_ascii() != b")").then(|| self.with_head(rest)).flatten();
        let attributes = frame.and_then(parse).map(|(_, attributes)| attributes).unwrap_or_default();
        Some(Response::Fetch { seq_num, attributes })
    }

    fn with_head(&self, rest: &[u8]) -> Option<Bytes> {
        let mut frame = BytesMut::from(format!("* {} FETCH (", self.seq_num?).as_bytes());
        frame.put_slice(rest.trim_ascii_start());
        Some(frame.freeze())
    }
}

/// `... {n}` CRLF becomes `... {0}` CRLF `)`.
fn with_empty_literal(frame: &[u8]) -> Option<BytesMut> {
    let brace = frame.iter().rposition(|octet| *octet == b'{')?;
    let mut whole = BytesMut::from(&frame[..brace]);
    whole.put_slice(b"{0}\r\n)");
    Some(whole)
}

fn parse(frame: Bytes) -> Option<(SeqNum, Vec<FetchAttribute>)> {
    match Response::parse(&frame) {
        Ok(Response::Fetch { seq_num, attributes }) => Some((seq_num, attributes)),
        _ => None,
    }
}
