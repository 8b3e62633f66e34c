//! LIST and LSUB in their basic form (RFC 3501 §6.3.8, §6.3.9), NAMESPACE (RFC 2342).

use std::collections::BTreeSet;

use bytes::Bytes;
use imap_proto::command::{List, PlainList};
use imap_proto::response::{ListData, NameAttribute, Namespace, Response};
use imap_proto::types::MailboxName;
use imap_store::account::{Mailbox, SpecialUse};

use super::glob::Pattern;
use super::{Ctx, Done, Halt, Refusal};

const DELIMITER: Option<u8> = Some(b'/');

/// LIST: the names that match, with special use and children (RFC 6154, RFC 3348) in any case: old clients
/// skip attributes that they do not know.
pub(super) async fn list(ctx: &mut Ctx<'_>, cmd: &List) -> Result<Done, Halt> {
    let [pattern] = &cmd.patterns[..] else { return Err(Refusal::bad("One pattern is served").into()) };
    if pattern.is_empty() {
        // The client asks for the delimiter (RFC 9051 §6.3.9).
        let attributes = vec![NameAttribute::NoSelect];
        ctx.untagged(&Response::List(ListData::new(attributes, DELIMITER, Bytes::new())));
        return Ok(Done::text("That is how names are made"));
    }
    let pattern = Pattern::new(&[&cmd.reference[..], &pattern[..]].concat());
    let snapshot = ctx.account()?.snapshot();
    let form = ctx.connection.dialect.name_form();
    let mut names = snapshot.names().peekable();
    while let Some((name, mailbox)) = names.next() {
        let octets = name.encode(form);
        if !pattern.matches(&octets) {
            continue;
        }
        // In the order of names the first child stands right behind its parent.
        let has_children = names.peek().is_some_and(|(next, _)| next.is_below(name));
        let attributes = attributes(mailbox.map(|mailbox| &**mailbox), has_children);
        ctx.untagged(&Response::List(ListData::new(attributes, DELIMITER, octets)));
        ctx.out.flush_if_full().await?;
    }
    Ok(Done::text("Listed"))
}

fn attributes(mailbox: Option<&Mailbox>, has_children: bool) -> Vec<NameAttribute> {
    let mut attributes = Vec::with_capacity(3);
    if mailbox.is_none() {
        attributes.extend([NameAttribute::NonExistent, NameAttribute::NoSelect]);
    }
    attributes.push(if has_children { NameAttribute::HasChildren } else { NameAttribute::HasNoChildren });
    attributes.extend(mailbox.and_then(Mailbox::special_use).map(|special_use| match special_use {
        SpecialUse::Archive => NameAttribute::Archive,
        SpecialUse::Drafts => NameAttribute::Drafts,
        SpecialUse::Junk => NameAttribute::Junk,
        SpecialUse::Sent => NameAttribute::Sent,
        SpecialUse::Trash => NameAttribute::Trash,
    }));
    attributes
}

/// LSUB: the subscribed names that match. Where `%` stops above a subscribed name, the name there, which is not
/// subscribed itself, is told with \Noselect (RFC 3501 §6.3.9).
pub(super) async fn lsub(ctx: &mut Ctx<'_>, cmd: &PlainList) -> Result<Done, Halt> {
    if cmd.pattern.is_empty() {
        let attributes = vec![NameAttribute::NoSelect];
        ctx.untagged(&Response::Lsub(ListData::new(attributes, DELIMITER, Bytes::new())));
        return Ok(Done::text("That is how names are made"));
    }
    let pattern = Pattern::new(&[&cmd.reference[..], &cmd.pattern[..]].concat());
    let snapshot = ctx.account()?.snapshot();
    let subscribed: BTreeSet<&MailboxName> = snapshot.subscriptions().collect();
    let form = ctx.connection.dialect.name_form();
    let mut parents_told = BTreeSet::new();
    for name in snapshot.subscriptions() {
        let octets = name.encode(form);
        if pattern.matches(&octets) {
            let data = ListData::new(Vec::new(), DELIMITER, octets);
            ctx.untagged(&Response::Lsub(data));
        } else if let Some(parent) = matching_parent(&pattern, name, &subscribed, form)
            && parents_told.insert(parent.clone())
        {
            let attributes = vec![NameAttribute::NoSelect];
            let name = parent.encode(form);
            ctx.untagged(&Response::Lsub(ListData::new(attributes, DELIMITER, name)));
        }
        ctx.out.flush_if_full().await?;
    }
    Ok(Done::text("Listed"))
}

/// The nearest name above `name` that matches, if it is not subscribed.
fn matching_parent(
    pattern: &Pattern,
    name: &MailboxName,
    subscribed: &BTreeSet<&MailboxName>,
    form: imap_proto::types::NameForm,
) -> Option<MailboxName> {
    let parents = std::iter::successors(name.parent(), MailboxName::parent);
    parents
        .into_iter()
        .find(|parent| pattern.matches(&parent.encode(form)))
        .filter(|parent| !subscribed.contains(parent))
}

/// NAMESPACE: one personal namespace.
pub(super) async fn namespace(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    let personal = vec![Namespace { delimiter: DELIMITER, ..Namespace::default() }];
    ctx.untagged(&Response::Namespace { spaces: [personal, Vec::new(), Vec::new()] });
    Ok(Done::text("Namespaces told"))
}
