//! ACL (RFC 4314): SETACL, DELETEACL, LISTRIGHTS. GETACL and MYRIGHTS name a mailbox only.

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, mailbox, token};
use crate::types::WireMailbox;

/// SETACL mailbox identifier rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAcl {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// Whose rights: a user, a group, `anyone`; behind `-` what they are denied.
    pub identifier: Bytes,
    /// What becomes of the rights that are there.
    pub action: RightsAction,
    /// The letters, as they came.
    pub rights: Bytes,
}

/// What SETACL does with its rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsAction {
    /// These and no others.
    Replace,
    /// `+`
    Add,
    /// `-`
    Remove,
}

/// DELETEACL and LISTRIGHTS: mailbox identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// Whose rights.
    pub identifier: Bytes,
}

impl Body for SetAcl {
    /// ```abnf
    /// setacl          = "SETACL" SP mailbox SP identifier
    ///                     SP mod-rights
    /// identifier      = astring
    /// mod-rights      = astring
    ///                     ;; +rights to add, -rights to remove
    ///                     ;; rights to replace
    /// ```
    ///
    /// From RFC 4314 §8.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mailbox) = mailbox(input)?;
        let (rest, identifier) = arg(rest, token)?;
        let (rest, rights) = arg(rest, token)?;
        let (action, rights) = match rights.first() {
            Some(b'+') => (RightsAction::Add, rights.slice(1..)),
            Some(b'-') => (RightsAction::Remove, rights.slice(1..)),
            _ => (RightsAction::Replace, rights),
        };
        Ok((rest, Self { mailbox, identifier, action, rights }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        out.sp();
        out.string(&self.identifier);
        out.sp();
        let sign = match self.action {
            RightsAction::Replace => &b""[..],
            RightsAction::Add => b"+",
            RightsAction::Remove => b"-",
        };
        out.string(&[sign, &self.rights].concat());
    }
}

impl Body for AclEntry {
    /// ```abnf
    /// deleteacl       = "DELETEACL" SP mailbox SP identifier
    /// listrights      = "LISTRIGHTS" SP mailbox SP identifier
    /// ```
    ///
    /// From RFC 4314 §8.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mailbox) = mailbox(input)?;
        let (rest, identifier) = arg(rest, token)?;
        Ok((rest, Self { mailbox, identifier }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        out.sp();
        out.string(&self.identifier);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn acl() {
        check(
            "A035 SETACL INBOX/Drafts John lrQswicda",
            expect![[
                r#"A035 SetAcl(SetAcl { mailbox: WireMailbox(b"INBOX/Drafts"), identifier: b"John", action: Replace, rights: b"lrQswicda" })"#
            ]],
        );
        check(
            "A036 SETACL INBOX/Drafts -Fred +\"\"",
            expect!["BAD A036 SETACL: expected end of line at octet 32"],
        );
        check(
            "a SETACL x \"-Fred\" \"-te\"",
            expect![[
                r#"a SetAcl(SetAcl { mailbox: WireMailbox(b"x"), identifier: b"-Fred", action: Remove, rights: b"te" })"#
            ]],
        );
        check(
            "B001 deleteacl INBOX Fred",
            expect![[r#"B001 DeleteAcl(AclEntry { mailbox: WireMailbox(b"INBOX"), identifier: b"Fred" })"#]],
        );
        check("a SETACL x y", expect!["BAD a SETACL: expected SP at octet 12"]);
    }
}
