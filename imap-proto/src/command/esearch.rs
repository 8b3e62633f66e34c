//! ESEARCH, the command: SEARCH in many mailboxes (MULTISEARCH, RFC 7377).

use super::mailbox_filter::{MailboxFilter, mailbox_filter};
use super::search::{search_program, write_search_program};
use super::search_return::{SearchReturn, search_return_opts, write_return_opts};
use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, no_case, parens, sp, spaced};
use crate::types::SearchKey;

/// ESEARCH [IN (mailboxes)] [RETURN (options)] [CHARSET c] keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Esearch {
    /// Where; empty where there is no IN: the selected mailbox.
    pub sources: Vec<MailboxFilter>,
    /// What the answer shall have; `None` where there is no RETURN.
    pub options: Option<Vec<SearchReturn>>,
    /// The charset of the strings in upper case.
    pub charset: Option<String>,
    /// All must match.
    pub key: SearchKey,
}

impl Body for Esearch {
    /// ```abnf
    /// esearch =  "ESEARCH" [SP esearch-source-opts]
    ///         [SP search-return-opts] SP search-program
    /// esearch-source-opts =  "IN" SP "(" source-mbox [SP
    ///         "(" scope-options ")"] ")"
    /// source-mbox =  filter-mailboxes *(SP filter-mailboxes)
    ///         ; We forbid the use of "selected-delayed".
    /// ```
    ///
    /// From RFC 7377 §4, which defines no scope option; so none is taken.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, sources) = match no_case("IN ")(input) {
            Ok((rest, ())) => {
                let (behind, sources) = parens(rest, |input| spaced(input, mailbox_filter))?;
                if sources.contains(&MailboxFilter::SelectedDelayed) {
                    return rest.fail("selected");
                }
                (sp(behind)?.0, sources)
            }
            Err(_) => (input, Vec::new()),
        };
        let (rest, options) = search_return_opts(rest)?;
        let rest = if options.is_some() { sp(rest)?.0 } else { rest };
        let (rest, (charset, key)) = search_program(rest)?;
        Ok((rest, Self { sources, options, charset, key }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        if !self.sources.is_empty() {
            out.raw("IN ");
            out.list(&self.sources, |out, source| source.write(out));
            out.sp();
        }
        write_return_opts(out, self.options.as_ref());
        write_search_program(out, self.charset.as_deref(), &self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn esearch() {
        check(
            "tag2 ESEARCH IN (mailboxes \"folder1\" subtree-one (folder2 \"f 3\")) return () subject \"chad\"",
            expect![[
                r#"tag2 Esearch(Esearch { sources: [Mailboxes([WireMailbox(b"folder1")]), SubtreeOne([WireMailbox(b"folder2"), WireMailbox(b"f 3")])], options: Some([]), charset: None, key: Header(b"Subject", b"chad") })"#
            ]],
        );
        check(
            "a ESEARCH unseen",
            expect![[
                r#"a Esearch(Esearch { sources: [], options: None, charset: None, key: Not(Flag(Seen)) })"#
            ]],
        );
        check("a ESEARCH IN (selected-delayed) ALL", expect!["BAD a ESEARCH: expected selected at octet 13"]);
        check("a ESEARCH IN () ALL", expect!["BAD a ESEARCH: expected mailbox filter at octet 14"]);
    }
}
