//! The base subject of a message (RFC 5256 §2.1): what is left without `Re:`, `Fwd:`, `[list]` and the like.

use super::words;

/// The base subject of an unfolded Subject, in lower case: two that are equal belong together. Empty when nothing
/// is left.
///
/// Encoded words are undone first, white space is one space.
pub fn base_subject(subject: &[u8]) -> String {
    let text = words::decode(subject).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = &text[..];
    loop {
        // (2) trailers, (3) to (5) leaders and blobs, (6) what is wrapped whole.
        while let Some(shorter) = rest.strip_suffix("(fwd)") {
            rest = shorter.trim_end();
        }
        rest = without_leaders(rest);
        match rest.strip_prefix("[fwd:").and_then(|rest| rest.strip_suffix(']')) {
            Some(wrapped) => rest = wrapped.trim(),
            None => return rest.to_owned(),
        }
    }
}

fn without_leaders(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        if let Some(shorter) = without_leader(rest) {
            rest = shorter;
        } else if let Some(shorter) = without_blob(rest).filter(|rest| !rest.trim().is_empty()) {
            rest = shorter;
        } else {
            return rest;
        }
    }
}

/// ```abnf
/// subj-leader     = (*subj-blob subj-refwd) / WSP
/// subj-refwd      = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
/// ```
fn without_leader(mut rest: &str) -> Option<&str> {
    while let Some(shorter) = without_blob(rest) {
        rest = shorter;
    }
    let behind = ["re", "fwd", "fw"].into_iter().find_map(|word| rest.strip_prefix(word))?.trim_start();
    without_blob(behind).unwrap_or(behind).strip_prefix(':')
}

/// ```abnf
/// subj-blob       = "[" *BLOBCHAR "]" *WSP
/// ```
fn without_blob(rest: &str) -> Option<&str> {
    let (blob, behind) = rest.strip_prefix('[')?.split_once(']')?;
    (!blob.contains('[')).then(|| behind.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left() {
        for (subject, base) in [
            ("Hello  World", "hello world"),
            ("Re: hello world", "hello world"),
            ("RE[2]: [list] Fwd: hello world (fwd) (FWD)", "hello world"),
            ("[list] hello", "hello"),
            ("[list]", "[list]"),
            ("Fw:  [a] [b] Re :hello", "hello"),
            ("[Fwd: Re: hello]", "hello"),
            ("re: [fwd: [fwd: fw: hello]]", "hello"),
            ("Re:", ""),
            ("", ""),
            ("Reply: yes", "reply: yes"),
            ("=?utf-8?q?Re:_Gr=C3=BC=C3=9Fe?=", "gr\u{fc}\u{df}e"),
            ("[a", "[a"),
        ] {
            assert_eq!(base_subject(subject.as_bytes()), base, "{subject}");
        }
    }
}
