//! Writes response codes. There are no literals in the text of a status: what does not fit is replaced.

use bytes::Bytes;

use super::{AnnotateProblem, AnnotationSupport, Code, InProgress, MetadataLimit, PLAIN_CODES};
use crate::response::capability::write_capabilities;
use crate::response::status::write_object_id;
use crate::response::text::{is_atom, write_list, write_short_astring, write_short_quoted, write_word};
use crate::types::{NumberRanges, NumberSet};
use crate::wire::write;

impl Code {
    /// `resp-text-code`, without the brackets.
    pub(in crate::response) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::AppendUid(validity, uids) => {
                named_number(out, b"APPENDUID", u64::from(validity.get()));
                spaced_ranges(out, uids);
            }
            Self::CopyUid(validity, source, target) => {
                named_number(out, b"COPYUID", u64::from(validity.get()));
                spaced_ranges(out, source);
                spaced_ranges(out, target);
            }
            Self::BadCharset(charsets) => write_bad_charset(out, charsets),
            Self::Capability(capabilities) => write_capabilities(out, capabilities),
            Self::PermanentFlags(flags) => {
                out.extend_from_slice(b"PERMANENTFLAGS ");
                write::flag_list(out, flags);
            }
            Self::UidNext(uid) => named_number(out, b"UIDNEXT", u64::from(*uid)),
            Self::UidValidity(validity) => named_number(out, b"UIDVALIDITY", u64::from(validity.get())),
            Self::Unseen(seq_num) => named_number(out, b"UNSEEN", u64::from(*seq_num)),
            Self::HighestModSeq(mod_seq) => named_number(out, b"HIGHESTMODSEQ", *mod_seq),
            Self::MailboxId(id) => {
                out.extend_from_slice(b"MAILBOXID ");
                write_object_id(out, id);
            }
            Self::Modified(set) => {
                out.extend_from_slice(b"MODIFIED");
                spaced_set(out, set);
            }
            Self::NewName(old, new) => {
                out.extend_from_slice(b"NEWNAME ");
                write_short_astring(out, old);
                out.push(b' ');
                write_short_astring(out, new);
            }
            Self::NoUpdate(tag) => {
                out.extend_from_slice(b"NOUPDATE ");
                write_short_quoted(out, tag);
            }
            Self::UndefinedFilter(name) => {
                out.extend_from_slice(b"UNDEFINED-FILTER ");
                write_short_astring(out, name);
            }
            Self::BadUrl(url) => named_text(out, b"BADURL ", url),
            Self::Referral(url) => named_text(out, b"REFERRAL ", url),
            Self::BadEvent(events) => {
                out.extend_from_slice(b"BADEVENT ");
                write_list(out, events, |out, event| write_word(out, event));
            }
            Self::UrlMech(mechanisms) => {
                out.extend_from_slice(b"URLMECH");
                for mechanism in mechanisms {
                    named_text(out, b" ", mechanism);
                }
            }
            Self::InProgress(in_progress) => in_progress.write(out),
            Self::Metadata(limit) => limit.write(out),
            Self::Annotate(AnnotateProblem::TooBig) => out.extend_from_slice(b"ANNOTATE TOOBIG"),
            Self::Annotate(AnnotateProblem::TooMany) => out.extend_from_slice(b"ANNOTATE TOOMANY"),
            Self::Annotations(support) => support.write(out),
            Self::MaxConvertMessages(count) => named_number(out, b"MAXCONVERTMESSAGES", u64::from(*count)),
            Self::MaxConvertParts(count) => named_number(out, b"MAXCONVERTPARTS", u64::from(*count)),
            Self::MessageLimit { limit, lowest_uid } => {
                named_number(out, b"MESSAGELIMIT", u64::from(*limit));
                if let Some(uid) = lowest_uid {
                    named_number(out, b"", u64::from(uid.get()));
                }
            }
            Self::Other(verbatim) => write_word(out, verbatim),
            plain => {
                let name = PLAIN_CODES.iter().find(|(code, _)| code == plain).map(|&(_, name)| name);
                out.extend_from_slice(name.expect("every code without arguments is in the table"));
            }
        }
    }
}

impl AnnotationSupport {
    fn write(self, out: &mut Vec<u8>) {
        let no_private = match self {
            Self::None => {
                out.extend_from_slice(b"ANNOTATIONS NONE");
                false
            }
            Self::ReadOnly { no_private } => {
                out.extend_from_slice(b"ANNOTATIONS READ-ONLY");
                no_private
            }
            Self::Writable { octets_max, no_private } => {
                named_number(out, b"ANNOTATIONS", u64::from(octets_max));
                no_private
            }
        };
        if no_private {
            out.extend_from_slice(b" NOPRIVATE");
        }
    }
}

impl MetadataLimit {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::LongEntries(octets) => named_number(out, b"METADATA LONGENTRIES", octets),
            Self::MaxSize(octets) => named_number(out, b"METADATA MAXSIZE", octets),
            Self::TooMany => out.extend_from_slice(b"METADATA TOOMANY"),
            Self::NoPrivate => out.extend_from_slice(b"METADATA NOPRIVATE"),
        }
    }
}

impl InProgress {
    /// A tag with `]` in it is not told (RFC 9585 §3).
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"INPROGRESS");
        if *self == Self::default() {
            return;
        }
        out.extend_from_slice(b" (");
        match self.tag.as_deref().filter(|tag| !tag.contains(&b']')) {
            Some(tag) => write_short_quoted(out, tag),
            None => out.extend_from_slice(b"NIL"),
        }
        for number in [self.progress, self.goal.filter(|_| self.progress.is_some())] {
            match number {
                Some(number) => named_number(out, b"", u64::from(number)),
                None => out.extend_from_slice(b" NIL"),
            }
        }
        out.push(b')');
    }
}

/// `name` and text that ends where the code does: `]` cannot stand in it.
fn named_text(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    out.extend_from_slice(name);
    out.extend(
        text.iter().map(|&octet| if matches!(octet, b' '..=b'~') && octet != b']' { octet } else { b'?' }),
    );
}

fn named_number(out: &mut Vec<u8>, name: &[u8], number: u64) {
    out.extend_from_slice(name);
    out.push(b' ');
    write::number(out, number);
}

fn spaced_ranges(out: &mut Vec<u8>, ranges: &NumberRanges) {
    out.push(b' ');
    ranges.write(out);
}

fn spaced_set(out: &mut Vec<u8>, set: &NumberSet) {
    out.push(b' ');
    write::number_set(out, set);
}

/// `"BADCHARSET" [SP "(" charset *(SP charset) ")" ]`. A name that is neither an atom nor fit for quotes is
/// left out: there are no literals in the text of a status.
fn write_bad_charset(out: &mut Vec<u8>, charsets: &[Bytes]) {
    out.extend_from_slice(b"BADCHARSET");
    let mut before: &[u8] = b" (";
    let is_quotable = |octet: &u8| matches!(octet, b' '..=b'~') && !b"\"\\".contains(octet);
    for charset in charsets.iter().filter(|charset| charset.iter().all(is_quotable)) {
        out.extend_from_slice(before);
        before = b" ";
        if is_atom(charset) {
            out.extend_from_slice(charset);
        } else {
            out.push(b'"');
            out.extend_from_slice(charset);
            out.push(b'"');
        }
    }
    if before == b" " {
        out.push(b')');
    }
}
