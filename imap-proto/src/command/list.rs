//! LIST with its options (RFC 9051 §6.3.9, RFC 5258), and its relatives without: LSUB, RLIST, RLSUB, XLIST, FIND.

use bytes::Bytes;

use super::{Body, CommandWriter, Form, StatusItem, status_att};
use crate::parse::{Parsed, Span, arg, astring, label, list, list_mailbox, list1, mailbox, no_case, sp};

/// LIST [(options)] reference patterns [RETURN (options)].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Which names are wanted; `None` where no parentheses stand there.
    pub select: Option<Vec<ListSelect>>,
    /// What the patterns are read against, as it came.
    pub reference: Bytes,
    /// The patterns with `*` and `%`, as they came; at least one.
    pub patterns: Vec<Bytes>,
    /// What is to be told of each name; `None` where there is no RETURN.
    pub returns: Option<Vec<ListReturn>>,
}

/// Which names LIST tells (RFC 5258 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListSelect {
    /// SUBSCRIBED: the subscribed ones, also where there is no such mailbox.
    Subscribed,
    /// REMOTE: those on other servers too.
    Remote,
    /// RECURSIVEMATCH: also names with a child that is selected. Only beside another one.
    RecursiveMatch,
    /// SPECIAL-USE: those with a special use (RFC 6154).
    SpecialUse,
}

/// What LIST tells of each name (RFC 5258 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListReturn {
    /// SUBSCRIBED: whether it is subscribed.
    Subscribed,
    /// CHILDREN: whether it has children.
    Children,
    /// SPECIAL-USE: its special use (RFC 6154).
    SpecialUse,
    /// STATUS: a STATUS response too, with at least one item (RFC 5819).
    Status(Vec<StatusItem>),
    /// MYRIGHTS: a MYRIGHTS response too (RFC 8440).
    MyRights,
    /// METADATA: a METADATA response too, with at least one entry (RFC 9590).
    Metadata(Vec<Bytes>),
}

/// LSUB, RLIST, RLSUB, XLIST: reference pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainList {
    /// What the pattern is read against, as it came.
    pub reference: Bytes,
    /// The pattern with `*` and `%`, as it came.
    pub pattern: Bytes,
}

/// FIND MAILBOXES and its like (RFC 1176): pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// The pattern, in which `*` is anything and `%` and `?` are one character, as it came.
    pub pattern: Bytes,
}

impl List {
    /// Without options, with one pattern.
    pub fn new(reference: impl Into<Bytes>, pattern: impl Into<Bytes>) -> Self {
        Self { select: None, reference: reference.into(), patterns: vec![pattern.into()], returns: None }
    }

    /// Whether it uses the form of RFC 5258: then an empty pattern names nothing.
    pub fn is_extended(&self) -> bool {
        self.select.is_some() || self.returns.is_some() || self.patterns.len() != 1
    }
}

impl Body for List {
    /// ```abnf
    /// list            = "LIST" [SP list-select-opts] SP
    ///                   mailbox SP mbox-or-pat
    ///                   [SP list-return-opts]
    /// mbox-or-pat =  list-mailbox / patterns
    /// patterns        = "(" list-mailbox *(SP list-mailbox) ")"
    /// ```
    ///
    /// The last rule is RFC 5258's.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, select) = if input.first() == Some(b'(') {
            let (rest, select) = list_select_opts(input)?;
            (sp(rest)?.0, Some(select))
        } else {
            (input, None)
        };
        let (rest, reference) = mailbox(rest)?;
        let (rest, ()) = sp(rest)?;
        let (rest, patterns) = if rest.first() == Some(b'(') {
            list1(rest, list_mailbox)?
        } else {
            list_mailbox(rest).map(|(rest, pattern)| (rest, vec![pattern]))?
        };
        let (rest, returns) = match no_case(" RETURN ")(rest) {
            Ok((rest, ())) => list(rest, return_option).map(|(rest, options)| (rest, Some(options)))?,
            Err(_) => (rest, None),
        };
        Ok((rest, Self { select, reference: reference.0, patterns, returns }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        if let Some(select) = &self.select {
            out.list(select, |out, option| out.raw(option.name()));
            out.sp();
        }
        out.string(&self.reference);
        out.sp();
        match &self.patterns[..] {
            [pattern] => out.string(pattern),
            patterns => out.list(patterns, |out, pattern| out.string(pattern)),
        }
        if let Some(returns) = &self.returns {
            out.raw(" RETURN ");
            out.list(returns, |out, option| option.write(out));
        }
    }
}

/// ```abnf
/// list-select-opts =  "(" [
///                     (*(list-select-opt SP) list-select-base-opt
///                     *(SP list-select-opt))
///                    / (list-select-independent-opt
///                     *(SP list-select-independent-opt))
///                       ] ")"
///              ; Any number of options may be in any order.
///              ; If a list-select-mod-opt appears, then a
///              ; list-select-base-opt must also appear.
/// ```
///
/// Beside SPECIAL-USE, RECURSIVEMATCH is taken as well.
fn list_select_opts(input: Span<'_>) -> Parsed<'_, Vec<ListSelect>> {
    let (rest, options) = list(input, |input| {
        let (rest, name) = label("LIST option")(input)?;
        let option = match name.to_word().octets() {
            b"SUBSCRIBED" => ListSelect::Subscribed,
            b"REMOTE" => ListSelect::Remote,
            b"RECURSIVEMATCH" => ListSelect::RecursiveMatch,
            b"SPECIAL-USE" => ListSelect::SpecialUse,
            _ => return input.fail("LIST option"),
        };
        Ok((rest, option))
    })?;
    let has_base =
        options.iter().any(|option| matches!(option, ListSelect::Subscribed | ListSelect::SpecialUse));
    if options.contains(&ListSelect::RecursiveMatch) && !has_base {
        return input.fail("SUBSCRIBED beside RECURSIVEMATCH");
    }
    Ok((rest, options))
}

/// ```abnf
/// return-option   = "SUBSCRIBED" / "CHILDREN" / status-option /
///                   option-extension
/// status-option   = "STATUS" SP "(" status-att *(SP status-att) ")"
/// return-option   =/ "SPECIAL-USE"
/// return-option   =/ "MYRIGHTS"
/// return-option   =/ "METADATA" SP "(" entry *(SP entry) ")"
/// ```
///
/// From RFC 9051 §9, RFC 6154 §6, RFC 8440 and RFC 9590.
fn return_option(input: Span<'_>) -> Parsed<'_, ListReturn> {
    let (rest, name) = label("RETURN option")(input)?;
    let option = match name.to_word().octets() {
        b"SUBSCRIBED" => ListReturn::Subscribed,
        b"CHILDREN" => ListReturn::Children,
        b"SPECIAL-USE" => ListReturn::SpecialUse,
        b"MYRIGHTS" => ListReturn::MyRights,
        b"STATUS" => {
            let (rest, items) = arg(rest, |input| list1(input, status_att))?;
            return Ok((rest, ListReturn::Status(items)));
        }
        b"METADATA" => {
            let (rest, entries) = arg(rest, |input| list1(input, astring))?;
            return Ok((rest, ListReturn::Metadata(entries)));
        }
        _ => return input.fail("RETURN option"),
    };
    Ok((rest, option))
}

impl ListSelect {
    fn name(self) -> &'static str {
        match self {
            Self::Subscribed => "SUBSCRIBED",
            Self::Remote => "REMOTE",
            Self::RecursiveMatch => "RECURSIVEMATCH",
            Self::SpecialUse => "SPECIAL-USE",
        }
    }
}

impl ListReturn {
    fn write(&self, out: &mut CommandWriter<'_>) {
        match self {
            Self::Subscribed => out.raw("SUBSCRIBED"),
            Self::Children => out.raw("CHILDREN"),
            Self::SpecialUse => out.raw("SPECIAL-USE"),
            Self::MyRights => out.raw("MYRIGHTS"),
            Self::Status(items) => {
                out.raw("STATUS ");
                out.list(items, |out, item| out.raw(item.as_str()));
            }
            Self::Metadata(entries) => {
                out.raw("METADATA ");
                out.list(entries, |out, entry| out.string(entry));
            }
        }
    }
}

impl Body for PlainList {
    /// ```abnf
    /// lsub            = "LSUB" SP mailbox SP list-mailbox
    /// rlist           = "RLIST" SP mailbox SP list-mailbox
    /// rlsub           = "RLSUB" SP mailbox SP list-mailbox
    /// ```
    ///
    /// From RFC 3501 §9 and RFC 2193 §6. XLIST is the same.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, reference) = mailbox(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, pattern) = list_mailbox(rest)?;
        Ok((rest, Self { reference: reference.0, pattern }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.reference);
        out.sp();
        out.string(&self.pattern);
    }
}

impl Body for Find {
    /// ```abnf
    /// find            = "FIND" SPACE ["ALL."] "MAILBOXES" SPACE list_mailbox
    /// ```
    ///
    /// From RFC 1730 §9; IMAP2 has `BBOARDS` too.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        mailbox(input).map(|(rest, pattern)| (rest, Self { pattern: pattern.0 }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn plain() {
        check(
            "A202 LIST ~/Mail/ %",
            expect![[
                r#"A202 List(List { select: None, reference: b"~/Mail/", patterns: [b"%"], returns: None })"#
            ]],
        );
        check(
            "A002 LSUB \"#news.\" \"comp.mail.*\"",
            expect![[r##"A002 Lsub(PlainList { reference: b"#news.", pattern: b"comp.mail.*" })"##]],
        );
        check("a xlist \"\" *", expect![[r#"a Xlist(PlainList { reference: b"", pattern: b"*" })"#]]);
        check("a LIST x", expect!["BAD a LIST: expected SP at octet 8"]);
        check("a LIST x a(b", expect!["BAD a LIST: expected end of line at octet 10"]);
    }

    #[test]
    fn extended() {
        check(
            r#"A08 list (subscribed RECURSIVEMATCH) "" ("INBOX" Drafts %) return (children STATUS (UNSEEN) myrights)"#,
            expect![[
                r#"A08 List(List { select: Some([Subscribed, RecursiveMatch]), reference: b"", patterns: [b"INBOX", b"Drafts", b"%"], returns: Some([Children, Status([Unseen]), MyRights]) })"#
            ]],
        );
        check(
            r#"a LIST () "" "" RETURN ()"#,
            expect![[
                r#"a List(List { select: Some([]), reference: b"", patterns: [b""], returns: Some([]) })"#
            ]],
        );
        check(
            r#"a LIST (SPECIAL-USE) "" % RETURN (SPECIAL-USE METADATA ("/shared/comment" /private/x))"#,
            expect![[
                r#"a List(List { select: Some([SpecialUse]), reference: b"", patterns: [b"%"], returns: Some([SpecialUse, Metadata([b"/shared/comment", b"/private/x"])]) })"#
            ]],
        );
        check(
            "a LIST (RECURSIVEMATCH REMOTE) \"\" *",
            expect!["BAD a LIST: expected SUBSCRIBED beside RECURSIVEMATCH at octet 7"],
        );
        check("a LIST (FOO) \"\" *", expect!["BAD a LIST: expected LIST option at octet 8"]);
        check("a LIST \"\" ()", expect!["BAD a LIST: expected at least one item at octet 11"]);
        check("a LIST \"\" * RETURN (STATUS)", expect!["BAD a LIST: expected SP at octet 26"]);
        check("a LIST \"\" * FOO", expect!["BAD a LIST: expected end of line at octet 11"]);
    }

    #[test]
    fn find() {
        check("A00003 FIND ALL.MAILBOXES *", expect![[r#"A00003 FindAllMailboxes(Find { pattern: b"*" })"#]]);
        check("a find mailboxes a?%", expect![[r#"a FindMailboxes(Find { pattern: b"a?%" })"#]]);
        check("a FIND BBOARDS *", expect![[r#"a FindBulletinBoards(Find { pattern: b"*" })"#]]);
        check("a FIND FOO *", expect!["BAD a ?: expected known command at octet 2"]);
        check("a FIND", expect!["BAD a ?: expected SP at octet 6"]);
    }
}
