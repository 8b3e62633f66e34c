//! QUOTA (RFC 9208): GETQUOTA, SETQUOTA. GETQUOTAROOT names a mailbox only.

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, astring, atom, list, number64};
use crate::types::QuotaResource;
use crate::wire::write;

/// GETQUOTA root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetQuota {
    /// The name of the quota root; may be empty.
    pub root: Bytes,
}

/// SETQUOTA root (limits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetQuota {
    /// The name of the quota root; may be empty.
    pub root: Bytes,
    /// The new limits, in the unit of the resource. What is not named is not limited.
    pub limits: Vec<(QuotaResource, u64)>,
}

impl Body for GetQuota {
    /// ```abnf
    /// getquota =         "GETQUOTA" SP quota-root-name
    /// quota-root-name =  astring
    /// ```
    ///
    /// From RFC 9208 §7.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        astring(input).map(|(rest, root)| (rest, Self { root }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.root);
    }
}

impl Body for SetQuota {
    /// ```abnf
    /// setquota =         "SETQUOTA" SP quota-root-name SP setquota-list
    /// setquota-list =    "(" [setquota-resource *(SP setquota-resource)]
    ///                    ")"
    /// setquota-resource =  resource-name SP resource-limit
    /// resource-limit =   number64
    /// ```
    ///
    /// From RFC 9208 §7.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, root) = astring(input)?;
        let (rest, limits) = arg(rest, |input| list(input, setquota_resource))?;
        Ok((rest, Self { root, limits }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.root);
        out.sp();
        out.list(&self.limits, |out, (resource, limit)| {
            out.out().extend_from_slice(resource.name());
            out.sp();
            write::number(out.out(), *limit);
        });
    }
}

fn setquota_resource(input: Span<'_>) -> Parsed<'_, (QuotaResource, u64)> {
    let (rest, name) = atom(input)?;
    let (rest, limit) = arg(rest, number64)?;
    Ok((rest, (QuotaResource::from_name(name.to_bytes()), limit)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn quota() {
        check(
            "S0000 GETQUOTA \"#user/alice\"",
            expect![[r##"S0000 GetQuota(GetQuota { root: b"#user/alice" })"##]],
        );
        check(
            "S0001 SETQUOTA \"#user/alice\" (STORAGE 510 message 5 Foo 1)",
            expect![[
                r##"S0001 SetQuota(SetQuota { root: b"#user/alice", limits: [(Storage, 510), (Message, 5), (Other(b"Foo"), 1)] })"##
            ]],
        );
        check("a SETQUOTA \"\" ()", expect![[r#"a SetQuota(SetQuota { root: b"", limits: [] })"#]]);
        check("a SETQUOTA x (STORAGE)", expect!["BAD a SETQUOTA: expected SP at octet 21"]);
    }
}
