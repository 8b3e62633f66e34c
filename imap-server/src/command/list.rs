//! LIST with its options (RFC 9051 §6.3.9; RFC 5258, 5819, 6154), LSUB (RFC 3501 §6.3.9), NAMESPACE (RFC 2342).

use std::collections::BTreeSet;

use bytes::Bytes;
use imap_proto::Level;
use imap_proto::command::{List, ListReturn, ListSelect, PlainList, StatusItem};
use imap_proto::response::{ListData, ListExtension, NameAttribute, Namespace, Response};
use imap_proto::types::{MailboxName, NameForm, WireMailbox};
use imap_store::account::{Mailbox, Place, Rights, SpecialUse};

use super::glob::Pattern;
use super::place::{self, Names};
use super::{Ctx, Done, Halt, blocking, status};
use crate::session::state::State;
use crate::session::view::News;

pub(super) const DELIMITER: Option<u8> = Some(b'/');
/// Symbols of patterns times names that are compared at once: some milliseconds.
const INLINE_MAX: usize = 20_000;

/// LIST: the names that match, with special use and children (RFC 6154, RFC 3348) in any case: old clients
/// skip attributes that they do not know.
pub(super) async fn list(ctx: &mut Ctx<'_>, cmd: &List) -> Result<Done, Halt> {
    if !cmd.is_extended() && cmd.patterns.iter().all(Bytes::is_empty) {
        // The client asks for the delimiter (RFC 9051 §6.3.9).
        let attributes = vec![NameAttribute::NoSelect];
        ctx.untagged(&Response::List(ListData::new(attributes, DELIMITER, Bytes::new())));
        return Ok(Done::text("That is how names are made"));
    }
    let wishes = Wishes::of(cmd);
    if !wishes.status.is_empty() {
        // What is told of the selected mailbox then fits to what its session knows.
        ctx.tell_news(News::All).await?;
    }
    let patterns = cmd.patterns.iter().filter(|pattern| !pattern.is_empty());
    let patterns: Vec<Pattern> =
        patterns.map(|pattern| Pattern::new(&[&cmd.reference[..], &pattern[..]].concat())).collect();
    let all = ctx.names().await?;
    let form = ctx.connection.dialect.name_form();
    let names = names(&all, &wishes);
    let matching = matching(patterns, &names, form).await?;
    let above = wishes.recursive.then(|| Above::of(&all, &names, &wishes, &matching));
    for (index, name) in names.iter().enumerate() {
        let selected = wishes.selects(&all, name);
        let has_hidden_child = above.as_ref().is_some_and(|above| above.unlisted.contains(name));
        if !(selected || has_hidden_child) || !matching[index] {
            continue;
        }
        let listed = all.get(name);
        let mut below = names[index + 1..].iter().take_while(|next| next.is_below(name));
        let has_children = below.any(|next| all.contains(next));
        let mut attributes = attributes(listed.as_ref().map(|listed| &*listed.mailbox), has_children);
        if name.as_str().len() + 2 > MailboxName::MAX_OCTETS {
            // No name below it would be short enough.
            attributes.push(NameAttribute::NoInferiors);
        }
        if wishes.subscribed && all.is_subscribed(name) {
            attributes.push(NameAttribute::Subscribed);
        }
        let mut data = ListData::new(attributes, DELIMITER, name.encode(form));
        if above.as_ref().is_some_and(|above| above.selected.contains(name)) {
            data.extended.push(ListExtension::ChildInfo(wishes.criteria()));
        }
        ctx.untagged(&Response::List(data));
        // Of a mailbox that the user may not read nothing is told (RFC 5819 §2), nor of one that is listed for its
        // children's sake alone (§3).
        if let (true, false, Some(listed)) = (selected, wishes.status.is_empty(), listed)
            && listed.rights.has(Rights::READ)
        {
            status::tell(ctx, name, &listed, &wishes.status);
        }
        ctx.out.flush_if_full().await?;
    }
    Ok(Done::text("Listed"))
}

/// Tells the line of one mailbox to a client of IMAP4rev2, with the name that it used where that is not the mailbox's
/// (RFC 9051 §6.3.9.7).
pub(super) async fn tell_name(ctx: &mut Ctx<'_>, asked: &WireMailbox) -> Result<(), Halt> {
    if ctx.connection.dialect.level < Level::Rev2 {
        return Ok(());
    }
    let name = ctx.mailbox_name(asked)?;
    let names = ctx.names().await?;
    let listed = names.get(&name);
    let has_children = names.has_children(&name);
    let octets = name.encode(ctx.connection.dialect.name_form());
    let is_another = asked.0 != octets;
    let attributes = attributes(listed.as_ref().map(|listed| &*listed.mailbox), has_children);
    let mut data = ListData::new(attributes, DELIMITER, octets);
    if is_another {
        data.extended.push(ListExtension::OldName(asked.0.clone()));
    }
    ctx.untagged(&Response::List(data));
    Ok(())
}

/// Tells a client of IMAP4rev2 that the selected mailbox was renamed or deleted (RFC 9051 §6.3.5, §6.3.6).
pub(super) fn tell_new_name(ctx: &mut Ctx<'_>) {
    let State::Selected(login, view) = &mut *ctx.state else { return };
    let Some((before, now)) = view.take_new_name() else { return };
    let is_own = login.account.as_ref().is_some_and(|own| own.id() == view.account().id());
    let owner = if is_own { None } else { ctx.services.store.owner(view.account().id()) };
    let told_as = |within: &MailboxName| match &owner {
        None if is_own => Some(within.clone()),
        None => None,
        Some(owner) => Place::name(owner, within),
    };
    let form = ctx.connection.dialect.name_form();
    let Some(before) = told_as(&before).map(|name| name.encode(form)) else { return };
    let data = match now.as_ref().and_then(told_as) {
        None => ListData::new(vec![NameAttribute::NonExistent], DELIMITER, before),
        Some(now) => {
            let mut data = ListData::new(Vec::new(), DELIMITER, now.encode(form));
            data.extended.push(ListExtension::OldName(before.into()));
            data
        }
    };
    ctx.untagged(&Response::List(data));
}

/// What the options of a LIST ask for.
struct Wishes<'a> {
    subscribed_only: bool,
    special_use_only: bool,
    recursive: bool,
    subscribed: bool,
    status: Vec<StatusItem>,
    select: &'a [ListSelect],
}

impl<'a> Wishes<'a> {
    fn of(cmd: &'a List) -> Self {
        let select = cmd.select.as_deref().unwrap_or_default();
        let returns = cmd.returns.as_deref().unwrap_or_default();
        let status = returns.iter().find_map(|option| match option {
            ListReturn::Status(items) => Some(items.clone()),
            _ => None,
        });
        let subscribed_only = select.contains(&ListSelect::Subscribed);
        Self {
            subscribed_only,
            special_use_only: select.contains(&ListSelect::SpecialUse),
            recursive: select.contains(&ListSelect::RecursiveMatch),
            subscribed: subscribed_only || returns.contains(&ListReturn::Subscribed),
            status: status.unwrap_or_default(),
            select,
        }
    }

    /// Whether the selection options take a name.
    fn selects(&self, names: &Names, name: &MailboxName) -> bool {
        let special_use = || names.get(name).is_some_and(|it| it.mailbox.special_use().is_some());
        (!self.subscribed_only || names.is_subscribed(name))
            && (!self.special_use_only || special_use())
            && (self.subscribed_only || names.contains(name))
    }

    /// The options that CHILDINFO names.
    fn criteria(&self) -> Vec<Bytes> {
        let names = self.select.iter().filter_map(|option| match option {
            ListSelect::Subscribed => Some("SUBSCRIBED"),
            ListSelect::SpecialUse => Some("SPECIAL-USE"),
            ListSelect::Remote | ListSelect::RecursiveMatch => None,
        });
        let unique: BTreeSet<&'static str> = names.collect();
        unique.into_iter().map(|name| Bytes::from_static(name.as_bytes())).collect()
    }
}

/// The names above those that the selection options take (RFC 9051 §6.3.9.6).
#[derive(Default)]
struct Above {
    /// Above any of them.
    selected: BTreeSet<MailboxName>,
    /// Above one that is not listed itself: only these have to be told for their children's sake.
    unlisted: BTreeSet<MailboxName>,
}

impl Above {
    fn of(all: &Names, names: &[MailboxName], wishes: &Wishes<'_>, matching: &[bool]) -> Self {
        let mut above = Self::default();
        for (name, &matches) in names.iter().zip(matching).filter(|(name, _)| wishes.selects(all, name)) {
            let parents = || std::iter::successors(name.parent(), MailboxName::parent);
            above.selected.extend(parents());
            if !matches {
                above.unlisted.extend(parents());
            }
        }
        above
    }
}

/// Which of the names match one of the patterns. Where that may take long it does so on a thread of its own.
async fn matching(patterns: Vec<Pattern>, names: &[MailboxName], form: NameForm) -> Result<Vec<bool>, Halt> {
    let symbols: usize = patterns.iter().map(Pattern::len).sum();
    let is_match = move |name: &MailboxName| {
        let octets = name.encode(form);
        patterns.iter().any(|pattern| pattern.matches(&octets))
    };
    if symbols.saturating_mul(names.len()) <= INLINE_MAX {
        return Ok(names.iter().map(is_match).collect());
    }
    let names = names.to_vec();
    blocking(move || names.iter().map(is_match).collect()).await
}

/// Every name that may be told, in the order of LIST: a name's children stand behind it.
fn names(all: &Names, wishes: &Wishes<'_>) -> Vec<MailboxName> {
    let mut names: Vec<MailboxName> = all.iter().map(|(name, _)| name.clone()).collect();
    if wishes.subscribed_only {
        let missing = all.subscriptions().filter(|name| !all.contains(name));
        let mut missing: BTreeSet<MailboxName> = missing.cloned().collect();
        if wishes.recursive {
            let above =
                missing.iter().flat_map(|name| std::iter::successors(name.parent(), MailboxName::parent));
            let above: Vec<MailboxName> = above.filter(|name| !all.contains(name)).collect();
            missing.extend(above);
        }
        if !missing.is_empty() {
            names.extend(missing);
            names.sort_by(place::order);
        }
    }
    names
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
    let names = ctx.names().await?;
    let subscribed: BTreeSet<&MailboxName> = names.subscriptions().collect();
    let form = ctx.connection.dialect.name_form();
    let mut parents_told = BTreeSet::new();
    for name in names.subscriptions() {
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
    form: NameForm,
) -> Option<MailboxName> {
    let parents = std::iter::successors(name.parent(), MailboxName::parent);
    parents
        .into_iter()
        .find(|parent| pattern.matches(&parent.encode(form)))
        .filter(|parent| !subscribed.contains(parent))
}

/// NAMESPACE: the personal one, and those of other users and of no person where something is in them (RFC 2342).
pub(super) async fn namespace(ctx: &mut Ctx<'_>) -> Result<Done, Halt> {
    let names = ctx.names().await?;
    let one = |prefix: &str| {
        let prefix = Bytes::copy_from_slice(prefix.as_bytes());
        vec![Namespace { prefix, delimiter: DELIMITER, ..Namespace::default() }]
    };
    let others = |root: &str| if names.is_used(root) { one(&format!("{root}/")) } else { Vec::new() };
    let personal = if names.has_own() { one("") } else { Vec::new() };
    let spaces = [personal, others(Place::OTHER_USERS), others(Place::SHARED_FOLDERS)];
    ctx.untagged(&Response::Namespace { spaces });
    Ok(Done::text("Namespaces told"))
}
