//! Access control lists: who may do what with a mailbox (RFC 4314).
//!
//! What somebody may do is the union of the entries that apply to them, less the union of the negative ones
//! (RFC 4314 §2 leaves the combination open; Dovecot and Cyrus add up too). The owner of the account needs no
//! entry: everything is allowed, but for what a negative entry takes away, and nothing can take `l` and `a`.

use std::fmt;

use super::change::Change;
use super::codec::{Decoder, Encoder, Malformed};
use super::decide::{Decided, Decision, existing};
use super::mailbox::Mailbox;
use super::snapshot::{MailboxId, Snapshot};
use crate::StoreError;

/// Entries that an ACL can have.
const ENTRIES_MAX: usize = 1_000;
/// Octets of an identifier, without its `-`.
const IDENTIFIER_OCTETS_MAX: usize = 255;

/// A set of the standard rights (RFC 4314 §2.1).
///
/// `c` and `d` of RFC 2086 are no rights of their own: they are read as `kx` and as `te`, and written beside
/// any of these (RFC 4314 §2.1.1, the first of its two groups). Bit 11 is kept for `n` of RFC 5257.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights(u16);

impl Rights {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// `l`: LIST shows it.
    pub const LOOKUP: Self = Self(1);
    /// `r`: SELECT, STATUS, FETCH, and the source of COPY.
    pub const READ: Self = Self(1 << 1);
    /// `s`: \Seen may be changed.
    pub const SEEN: Self = Self(1 << 2);
    /// `w`: flags other than \Seen and \Deleted may be changed.
    pub const WRITE: Self = Self(1 << 3);
    /// `i`: messages may come in.
    pub const INSERT: Self = Self(1 << 4);
    /// `p`: mail may be sent to its address; the store only keeps it.
    pub const POST: Self = Self(1 << 5);
    /// `k`: mailboxes may be made below it.
    pub const CREATE: Self = Self(1 << 6);
    /// `x`: it may be deleted or renamed.
    pub const DELETE: Self = Self(1 << 7);
    /// `t`: \Deleted may be changed.
    pub const DELETE_MESSAGES: Self = Self(1 << 8);
    /// `e`: messages may be expunged.
    pub const EXPUNGE: Self = Self(1 << 9);
    /// `a`: the ACL may be seen and changed.
    pub const ADMINISTER: Self = Self(1 << 10);
    /// All of them.
    pub const ALL: Self = Self((1 << 11) - 1);

    /// Reads letters; `None` where one is no right that we know, upper case included (RFC 4314 §3.1: BAD).
    pub fn parse(letters: &[u8]) -> Option<Self> {
        letters.iter().try_fold(Self::NONE, |rights, letter| {
            Some(rights.with(match letter {
                b'c' => Self::CREATE.with(Self::DELETE),
                b'd' => Self::DELETE_MESSAGES.with(Self::EXPUNGE),
                letter => Self(1 << LETTERS.iter().position(|known| known == letter)?),
            }))
        })
    }

    /// These and `more`.
    pub const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    /// These without `less`.
    pub const fn without(self, less: Self) -> Self {
        Self(self.0 & !less.0)
    }

    /// Whether all of `wanted` are there.
    pub const fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether one of `wanted` is there.
    pub const fn has_any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The letters of the rights, each by itself, without `c` and `d`.
    pub fn letters(self) -> impl Iterator<Item = char> {
        (0..LETTERS.len()).filter(move |bit| self.0 >> bit & 1 == 1).map(|bit| char::from(LETTERS[bit]))
    }

    pub(super) fn encode(self, out: &mut Encoder) {
        out.number(self.0.into());
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Some(Self(input.number_u16()?)).filter(|rights| Self::ALL.has(*rights)).ok_or(Malformed)
    }
}

/// By their bits.
const LETTERS: &[u8; 11] = b"lrswipkxtea";

impl fmt::Display for Rights {
    /// As ACL and MYRIGHTS tell them: with `c` and `d` where one of theirs is there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.letters().try_for_each(|letter| write!(f, "{letter}"))?;
        let create = self.has_any(Self::CREATE.with(Self::DELETE));
        let delete = self.has_any(Self::DELETE_MESSAGES.with(Self::EXPUNGE));
        f.write_str(if create { "c" } else { "" })?;
        f.write_str(if delete { "d" } else { "" })
    }
}

/// Somebody who wants something of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The user's name, as the store has it. Anonymous sessions have a name of their own, which no user has.
    pub user: String,
    /// The groups that the user is in, without `$`.
    pub groups: Vec<String>,
    /// Whether the account is the user's own.
    pub is_owner: bool,
}

impl Who {
    /// Whether an identifier, without its `-`, means this user: the name, `anyone` (RFC 4314 §2), or `$` and
    /// the name of a group. RFC 4314 §2 leaves groups to us; `$` is how Dovecot writes them in IMAP.
    pub fn is_meant_by(&self, identifier: &str) -> bool {
        match identifier.strip_prefix('$') {
            Some(group) => self.groups.iter().any(|it| it == group),
            None => identifier == ANYONE || identifier == self.user,
        }
    }

    /// Every identifier that means this user.
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = String> + '_ {
        let groups = self.groups.iter().map(|group| format!("${group}"));
        [ANYONE.to_owned(), self.user.clone()].into_iter().chain(groups)
    }
}

/// The identifier of everybody, those without a name too (RFC 4314 §2).
pub(super) const ANYONE: &str = "anyone";

/// Whether a user cannot have that name, since it would mean something else in an ACL.
pub(super) fn is_reserved_user(name: &str) -> bool {
    name == ANYONE || name.starts_with(['-', '$'])
}

/// One entry of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclEntry {
    /// Whose rights, without the `-` of a negative entry.
    identifier: String,
    is_negative: bool,
    rights: u16,
}

impl AclEntry {
    /// Whose rights: a user, `anyone`, or `$` and a group; without the `-` of a negative entry.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Whether it takes its rights away (`-` before the identifier, RFC 4314 §2).
    pub fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// Which rights; at least one.
    pub fn rights(&self) -> Rights {
        Rights(self.rights)
    }
}

/// Who may do what with a mailbox, besides its owner. By identifier, the positive entry first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Acl(Vec<AclEntry>);

impl Acl {
    /// The entries.
    pub fn entries(&self) -> &[AclEntry] {
        &self.0
    }

    /// Whether nobody but the owner is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What somebody may do.
    pub fn rights(&self, who: &Who) -> Rights {
        let base = if who.is_owner { Rights::ALL } else { Rights::NONE };
        if self.is_empty() {
            return base;
        }
        let sum = |is_negative| {
            let meant = self.0.iter().filter(|it| it.is_negative == is_negative);
            meant
                .filter(|it| who.is_meant_by(&it.identifier))
                .fold(Rights::NONE, |sum, it| sum.with(it.rights()))
        };
        let rights = base.with(sum(false)).without(sum(true));
        if who.is_owner { rights.with(Rights::LOOKUP).with(Rights::ADMINISTER) } else { rights }
    }

    /// Identifiers that have rights, whatever negative entries say.
    pub(super) fn grantees(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|it| !it.is_negative).map(|it| &*it.identifier)
    }

    /// Whether an identifier has an entry.
    pub(super) fn names(&self, identifier: &str) -> bool {
        self.0.iter().any(|it| it.identifier == identifier)
    }

    fn place(&self, identifier: &str, is_negative: bool) -> Result<usize, usize> {
        self.0.binary_search_by(|it| (&*it.identifier, it.is_negative).cmp(&(identifier, is_negative)))
    }

    fn get(&self, identifier: &str, is_negative: bool) -> Rights {
        self.place(identifier, is_negative).map_or(Rights::NONE, |at| self.0[at].rights())
    }

    /// With exactly these rights for an identifier; none: without the entry.
    pub(super) fn set(&mut self, identifier: &str, is_negative: bool, rights: Rights) {
        let entry = || AclEntry { identifier: identifier.to_owned(), is_negative, rights: rights.0 };
        match self.place(identifier, is_negative) {
            Ok(at) if rights.is_empty() => drop(self.0.remove(at)),
            Ok(at) => self.0[at].rights = rights.0,
            Err(_) if rights.is_empty() => {}
            Err(at) => self.0.insert(at, entry()),
        }
    }

    /// Without an identifier.
    pub(super) fn forget(&mut self, identifier: &str) {
        self.0.retain(|it| it.identifier != identifier);
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.0.len() as u64);
        for entry in &self.0 {
            out.octets(entry.identifier.as_bytes());
            out.octet(u8::from(entry.is_negative));
            entry.rights().encode(out);
        }
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut acl = Self::default();
        for _ in 0..input.count()? {
            let identifier = input.text()?;
            let is_negative = input.flag()?;
            acl.set(identifier, is_negative, Rights::decode(input)?);
        }
        Ok(acl)
    }
}

/// What SETACL and DELETEACL do to the rights of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclChange {
    /// These and no others; none at all is DELETEACL, and nobody can tell both apart.
    Replace(Rights),
    /// These too.
    Add(Rights),
    /// Not these.
    Remove(Rights),
}

/// On whose behalf something is done.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// The program's own, or the owner's where no ACL is asked: everything is allowed.
    Whole,
    /// A user's.
    Of(std::sync::Arc<Who>),
}

impl Access {
    pub(super) fn rights(&self, mailbox: &Mailbox) -> Rights {
        match self {
            Self::Whole => Rights::ALL,
            Self::Of(who) => mailbox.rights(who),
        }
    }

    /// Refuses who has not all of `wanted`. Who may not even know of the mailbox is told that there is none
    /// (RFC 4314 §6).
    pub(super) fn require(&self, mailbox: &Mailbox, wanted: Rights) -> Result<Rights, StoreError> {
        let rights = self.rights(mailbox);
        if rights.has(wanted) { Ok(rights) } else { Err(refusal(rights)) }
    }

    /// Refuses everybody but the account's owner, as if nothing were there.
    pub(super) fn require_to_know(&self) -> Result<(), StoreError> {
        self.require_owner().map_err(|_| StoreError::NonExistent { what: "mailbox" })
    }

    /// Refuses everybody but the account's owner.
    pub(super) fn require_owner(&self) -> Result<(), StoreError> {
        match self {
            Self::Of(who) if !who.is_owner => Err(StoreError::NoPerm),
            _ => Ok(()),
        }
    }
}

fn refusal(rights: Rights) -> StoreError {
    if rights.has(Rights::LOOKUP) { StoreError::NoPerm } else { StoreError::NonExistent { what: "mailbox" } }
}

/// Changes the rights of an identifier; the answer is what it has then.
pub(super) fn set_acl(
    state: &Snapshot,
    access: &Access,
    mailbox: MailboxId,
    identifier: &str,
    change: AclChange,
) -> Decided<Rights> {
    let target = existing(state, mailbox)?;
    access.require(target, Rights::ADMINISTER)?;
    let (name, is_negative) = match identifier.strip_prefix('-') {
        Some(name) => (name, true),
        None => (identifier, false),
    };
    if name.is_empty() || name.starts_with('-') || name == "$" || name.len() > IDENTIFIER_OCTETS_MAX {
        return Err(StoreError::Cannot { reason: "no user or group can have that name" });
    }
    let old = target.acl().get(name, is_negative);
    let rights = match change {
        AclChange::Replace(rights) => rights,
        AclChange::Add(rights) => old.with(rights),
        AclChange::Remove(rights) => old.without(rights),
    };
    if rights == old {
        return Ok(Decision::nothing(rights));
    }
    if old.is_empty() && target.acl().entries().len() >= ENTRIES_MAX {
        return Err(StoreError::Limit { what: "the mailbox has as many ACL entries as it can" });
    }
    let change = Change::SetAcl { mailbox, identifier: name.to_owned(), is_negative, rights };
    Ok(Decision::change(change, rights))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(letters: &str) -> Rights {
        Rights::parse(letters.as_bytes()).expect("letters of rights")
    }

    fn who(user: &str, groups: &[&str], is_owner: bool) -> Who {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Who { user: user.to_owned(), groups, is_owner }
    }

    fn acl(entries: &[(&str, &str)]) -> Acl {
        let mut acl = Acl::default();
        for (identifier, letters) in entries {
            let name = identifier.strip_prefix('-');
            acl.set(name.unwrap_or(identifier), name.is_some(), rights(letters));
        }
        acl
    }

    #[test]
    fn letters_come_back_with_those_of_rfc_2086() {
        let table =
            [("", ""), ("lrs", "lrs"), ("d", "ted"), ("c", "kxc"), ("lrswida", "lrswitead"), ("x", "xc")];
        for (given, told) in table {
            assert_eq!(rights(given).to_string(), told);
        }
        assert_eq!(Rights::parse(b"lrQswicda"), None, "upper case is no right (RFC 4314 §3.1)");
        assert_eq!(Rights::parse(b"lz"), None);
        assert_eq!(rights("lrswipkxtea"), Rights::ALL);
    }

    #[test]
    fn entries_add_up_and_negative_ones_take_away() {
        let acl = acl(&[("anyone", "lr"), ("$staff", "swi"), ("bob", "k"), ("-bob", "w"), ("-$guests", "r")]);
        for (who, letters) in [
            (who("anonymous", &[], false), "lr"),
            (who("bob", &[], false), "lrk"),
            (who("bob", &["staff"], false), "lrsik"),
            (who("eve", &["staff", "guests"], false), "lswi"),
            (who("staff", &[], false), "lr"),
        ] {
            assert_eq!(acl.rights(&who), rights(letters), "{who:?}");
        }
    }

    #[test]
    fn an_owner_has_all_but_what_is_taken_and_always_l_and_a() {
        let alice = who("alice", &[], true);
        assert_eq!(Acl::default().rights(&alice), Rights::ALL);
        assert_eq!(acl(&[("alice", "l")]).rights(&alice), Rights::ALL);
        assert_eq!(acl(&[("-alice", "te")]).rights(&alice), Rights::ALL.without(rights("te")));
        assert_eq!(acl(&[("-anyone", "lrswipkxtea")]).rights(&alice), rights("la"));
    }

    #[test]
    fn an_acl_comes_back_from_its_octets() {
        let acl = acl(&[("bob", "lr"), ("-bob", "r"), ("anyone", "l")]);
        let mut out = Encoder::new();
        acl.encode(&mut out);
        assert_eq!(Acl::decode(&mut Decoder::new(&out.finish())), Ok(acl));
    }
}
