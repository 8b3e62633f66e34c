//! ENVELOPE from a header (RFC 9051 §7.5.2).

use imap_proto::types::{AddressList, Envelope, Octets};

use super::address;
use super::header::{fields, unfold};

/// The envelope of a header. Of a field that stands more than once, the first counts (as in Dovecot).
///
/// A text field that is there and empty is the empty string; an address field that is empty is NIL.
///
/// Of an address field, elements beyond `addresses_max` are left out.
pub(super) fn parse(header: &[u8], addresses_max: usize) -> Envelope {
    let mut envelope = Envelope::default();
    let (mut from, mut sender, mut reply_to, mut to, mut cc, mut bcc) = (None, None, None, None, None, None);
    for field in fields(header) {
        let text = || Octets::from(&*unfold(field.value));
        let list = || AddressList::from(address::parse_list(&unfold(field.value), addresses_max));
        match &*field.name.to_ascii_lowercase() {
            b"date" => keep_first(&mut envelope.date, text),
            b"subject" => keep_first(&mut envelope.subject, text),
            b"in-reply-to" => keep_first(&mut envelope.in_reply_to, text),
            b"message-id" => keep_first(&mut envelope.message_id, text),
            b"from" => keep_first(&mut from, list),
            b"sender" => keep_first(&mut sender, list),
            b"reply-to" => keep_first(&mut reply_to, list),
            b"to" => keep_first(&mut to, list),
            b"cc" => keep_first(&mut cc, list),
            b"bcc" => keep_first(&mut bcc, list),
            _ => {}
        }
    }
    envelope.from = from.unwrap_or_default();
    let or_from = |list: Option<AddressList>| {
        list.filter(|list| !list.is_empty()).unwrap_or_else(|| envelope.from.clone())
    };
    (envelope.sender, envelope.reply_to) = (or_from(sender), or_from(reply_to));
    envelope.to = to.unwrap_or_default();
    envelope.cc = cc.unwrap_or_default();
    envelope.bcc = bcc.unwrap_or_default();
    envelope
}

fn keep_first<T>(slot: &mut Option<T>, value: impl FnOnce() -> T) {
    if slot.is_none() {
        *slot = Some(value());
    }
}
