//! [`Address`] and [`AddressList`]: who a message is from and to (RFC 9051 §7.5.2).

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::Octets;
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write::nstring;

/// One element of an address list (RFC 9051 §7.5.2).
///
/// A group is a start (`mailbox` is its name, `host` is `None`), its members, and an end (all `None`).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Address {
    /// The display name.
    pub name: Option<Octets>,
    /// The source route (at-domain-list), as good as extinct.
    pub route: Option<Octets>,
    /// The local part, or a group's name.
    pub mailbox: Option<Octets>,
    /// The domain; `None` marks the ends of a group.
    pub host: Option<Octets>,
}

/// The addresses of one field of an envelope: a slice of them, empty for NIL.
///
/// A copy costs next to nothing and shares them: Sender and Reply-To of nearly every message are its From.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct AddressList(Option<Arc<[Address]>>);

impl AddressList {
    /// Reads `"(" 1*address ")" / nil`. Forgiving: an empty string is an empty list. `None` when it is neither.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.eat_nils(b" NIL") {
            return Some(Self::default());
        }
        reader.skip_spaces();
        if reader.peek() == Some(b'"') {
            return reader.quoted().filter(|string| string.is_empty()).map(|_| Self::default());
        }
        if !reader.eat(b'(') {
            return reader.nil().then(Self::default);
        }
        if reader.eat_spaced(b')') {
            return Some(Self::default());
        }
        let first = Address::read(reader)?;
        if reader.eat_spaced(b')') {
            // So it is mostly, and no list has to grow first.
            return Some(Self(Some(Arc::new([first]))));
        }
        let mut addresses = Vec::with_capacity(4);
        addresses.push(first);
        while !reader.eat_spaced(b')') {
            addresses.push(Address::read(reader)?);
        }
        Some(addresses.into())
    }

    /// `"(" 1*address ")" / nil`: no space between two addresses.
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        if self.is_empty() {
            out.extend_from_slice(b"NIL");
            return;
        }
        out.push(b'(');
        for address in self {
            address.write(out, dialect);
        }
        out.push(b')');
    }
}

impl Deref for AddressList {
    type Target = [Address];

    fn deref(&self) -> &[Address] {
        self.0.as_deref().unwrap_or_default()
    }
}
impl From<Vec<Address>> for AddressList {
    fn from(addresses: Vec<Address>) -> Self {
        Self((!addresses.is_empty()).then(|| addresses.into()))
    }
}
impl FromIterator<Address> for AddressList {
    fn from_iter<I: IntoIterator<Item = Address>>(addresses: I) -> Self {
        addresses.into_iter().collect::<Vec<_>>().into()
    }
}
impl<'a> IntoIterator for &'a AddressList {
    type Item = &'a Address;
    type IntoIter = std::slice::Iter<'a, Address>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
impl fmt::Debug for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Address {
    /// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`
    fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        for (before, field) in
            [(b'(', &self.name), (b' ', &self.route), (b' ', &self.mailbox), (b' ', &self.host)]
        {
            out.push(before);
            nstring(out, field.as_deref(), dialect);
        }
        out.push(b')');
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.eat_spaced(b'(') {
            return None;
        }
        let address = Self {
            name: reader.nstring()?,
            route: reader.nstring()?,
            mailbox: reader.nstring()?,
            host: reader.nstring()?,
        };
        reader.eat_spaced(b')').then_some(address)
    }
}
