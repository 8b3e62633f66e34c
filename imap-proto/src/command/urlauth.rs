//! URLAUTH (RFC 4467, RFC 5524): GENURLAUTH, RESETKEY, URLFETCH.

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, astring, atom, end, mailbox, mailbox_in_list, parens, spaced};
use crate::types::WireMailbox;

/// GENURLAUTH url mechanism ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenUrlAuth {
    /// URLs to authorize and the mechanism of each in upper case, at least one.
    pub urls: Vec<(Bytes, String)>,
}

/// `RESETKEY [mailbox [mechanisms]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetKey {
    /// The mailbox whose URLs shall be void; `None`: every mailbox.
    pub mailbox: Option<WireMailbox>,
    /// The mechanisms in upper case; none: all. Only with a mailbox.
    pub mechanisms: Vec<String>,
}

/// URLFETCH urls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlFetch {
    /// At least one.
    pub urls: Vec<UrlFetchItem>,
}

/// One URL, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlFetchItem {
    /// The URL.
    pub url: Bytes,
    /// What is wanted, in upper case: BODY, BINARY, BODYPARTSTRUCTURE and what we do not know (RFC 5524 §3.1); empty
    /// where the URL stands without parentheses.
    pub parameters: Vec<String>,
}

impl Body for GenUrlAuth {
    /// ```abnf
    /// genurlauth      = "GENURLAUTH" 1*(SP url-rump SP mechanism)
    /// url-rump        = astring
    /// ```
    ///
    /// From RFC 4467 §9.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, urls) = spaced(input, |input| {
            let (rest, url) = astring(input)?;
            let (rest, mechanism) = arg(rest, atom)?;
            Ok((rest, (url, mechanism.to_upper())))
        })?;
        Ok((rest, Self { urls }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.spaced(&self.urls, |out, (url, mechanism)| {
            out.string(url);
            out.sp();
            out.raw(mechanism);
        });
    }
}

impl Body for ResetKey {
    /// ```abnf
    /// resetkey        = "RESETKEY" [SP mailbox *(SP mechanism)]
    /// ```
    ///
    /// From RFC 4467 §9.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (mut rest, mailbox) = mailbox(input)?;
        let mut mechanisms = Vec::new();
        if end(rest).is_err() {
            let (behind, names) = arg(rest, |input| spaced(input, atom))?;
            rest = behind;
            mechanisms = names.into_iter().map(Span::to_upper).collect();
        }
        Ok((rest, Self { mailbox: Some(mailbox), mechanisms }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        let Some(mailbox) = &self.mailbox else { return };
        out.mailbox(mailbox);
        for mechanism in &self.mechanisms {
            out.sp();
            out.raw(mechanism);
        }
    }

    fn bare() -> Option<Self> {
        Some(Self { mailbox: None, mechanisms: Vec::new() })
    }
}

impl Body for UrlFetch {
    /// ```abnf
    /// urlfetch         =  "URLFETCH" 1*(SP url-fetch-arg)
    /// url-fetch-arg    =  url-fetch-simple / url-fetch-ext
    /// url-fetch-simple =  url-full
    /// url-fetch-ext    =  "(" url-full *(SP url-fetch-param) ")"
    /// url-fetch-param  =  "BODY" / "BINARY" / "BODYPARTSTRUCTURE" / atom
    /// ```
    ///
    /// From RFC 5524 §5. Without parameters both forms are the same.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, urls) = spaced(input, |input| {
            if input.first() == Some(b'(') {
                return parens(input, url_and_parameters);
            }
            astring(input).map(|(rest, url)| (rest, UrlFetchItem { url, parameters: Vec::new() }))
        })?;
        Ok((rest, Self { urls }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.spaced(&self.urls, |out, item| {
            if item.parameters.is_empty() {
                return out.string(&item.url);
            }
            out.raw("(");
            out.string(&item.url);
            for parameter in &item.parameters {
                out.sp();
                out.raw(parameter);
            }
            out.raw(")");
        });
    }
}

fn url_and_parameters(input: Span<'_>) -> Parsed<'_, UrlFetchItem> {
    let (rest, url) = mailbox_in_list(input)?;
    let mut item = UrlFetchItem { url: url.0, parameters: Vec::new() };
    if rest.first() != Some(b' ') {
        return Ok((rest, item));
    }
    let (rest, names) = arg(rest, |input| spaced(input, atom))?;
    item.parameters = names.into_iter().map(Span::to_upper).collect();
    Ok((rest, item))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn urlauth() {
        check(
            "a777 GENURLAUTH \"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred\" internal",
            expect![[
                r#"a777 GenUrlAuth(GenUrlAuth { urls: [(b"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred", "INTERNAL")] })"#
            ]],
        );
        check("a RESETKEY", expect!["a ResetKey(ResetKey { mailbox: None, mechanisms: [] })"]);
        check(
            "a RESETKEY INBOX INTERNAL xx ",
            expect![[
                r#"a ResetKey(ResetKey { mailbox: Some(WireMailbox(b"INBOX")), mechanisms: ["INTERNAL", "XX"] })"#
            ]],
        );
        check(
            "A001 URLFETCH \"imap://a\" (\"imap://b\" BODYPARTSTRUCTURE body) (\"imap://c\")",
            expect![[
                r#"A001 UrlFetch(UrlFetch { urls: [UrlFetchItem { url: b"imap://a", parameters: [] }, UrlFetchItem { url: b"imap://b", parameters: ["BODYPARTSTRUCTURE", "BODY"] }, UrlFetchItem { url: b"imap://c", parameters: [] }] })"#
            ]],
        );
        check("a GENURLAUTH u", expect!["BAD a GENURLAUTH: expected SP at octet 14"]);
        check("a URLFETCH ()", expect!["BAD a URLFETCH: expected astring at octet 12"]);
    }
}
