//! What the changes are made of, as octets.

use imap_proto::types::{DateTime, Keyword, MailboxName, UidValidity};

use super::{
    Append, AppendedMessage, FlagMask, FlagMode, FlagsChange, NewKeywords, NewMailbox, SeenChange, Transfer,
    Undelete,
};
use crate::account::codec::{Decoder, Encoder, Malformed};
use crate::account::seen::SeenMode;
use crate::account::snapshot::{Flags, MailboxId, SpecialUse};
use crate::account::table::{decode_ids, encode_ids};
use crate::account::threads::Ids;
use crate::log::BodyId;

/// Which form of a change its octets have: those of the first have no fields that came later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    First,
    Second,
}

impl NewKeywords {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.first.map_or(0, |first| u64::from(first) + 1));
        encode_keywords(&self.names, out);
    }

    pub(super) fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        let first = match form {
            Form::First => 0,
            Form::Second => input.number()?,
        };
        let first = match first.checked_sub(1) {
            Some(first) => Some(u16::try_from(first).map_err(|_| Malformed)?),
            None => None,
        };
        Ok(Self { first, names: decode_keywords(input)? })
    }
}

impl FlagMask {
    pub(super) fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        match form {
            Form::First => Ok(Self::ALL),
            Form::Second => Some(Self(input.octet()?)).filter(|it| it.0 <= Self::ALL.0).ok_or(Malformed),
        }
    }
}

impl Append {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.mailbox.0);
        self.keywords.encode(out);
        out.number(self.first_uid.into());
        out.number(self.first_number);
        out.signed(self.saved_at);
        out.number(self.messages.len() as u64);
        for (message, number) in self.messages.iter().zip(self.first_number..) {
            out.number(message.body.segment);
            out.number(message.body.record.into());
            out.number(message.size_octets);
            message.flags.encode(out);
            out.signed(message.internal_date.seconds());
            out.signed(message.internal_date.offset_minutes().into());
            out.fixed(message.key);
            encode_ids(message.ids, number, out);
        }
        let (user, uids) = self.seen_by.clone().unwrap_or_default();
        out.octets(user.as_bytes());
        out.set(&uids);
    }

    pub(super) fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        let mailbox = mailbox(input)?;
        let keywords = NewKeywords::decode(input, form)?;
        let first_uid = input.number_u32()?;
        let first_number = input.number()?;
        let saved_at = input.signed()?;
        let messages = (0..input.count()?)
            .map(|at| AppendedMessage::decode(input, form, first_number.saturating_add(at as u64)))
            .collect::<Result<_, _>>()?;
        let mut seen_by = None;
        if form == Form::Second {
            let (user, uids) = (decode_user(input)?, input.set()?);
            seen_by = user.map(|user| (user, uids));
        }
        Ok(Self { mailbox, keywords, first_uid, first_number, saved_at, messages, seen_by })
    }
}

impl AppendedMessage {
    pub(super) fn decode(input: &mut Decoder<'_>, form: Form, number: u64) -> Result<Self, Malformed> {
        Ok(Self {
            body: BodyId { segment: input.number()?, record: input.number_u32()? },
            size_octets: input.number()?,
            flags: Flags::decode(input)?,
            internal_date: {
                let seconds = input.signed()?;
                let offset = i16::try_from(input.signed()?).map_err(|_| Malformed)?;
                DateTime::new(seconds, offset).ok_or(Malformed)?
            },
            key: if form == Form::First { 0 } else { input.fixed()? },
            ids: if form == Form::First { Ids::new(number) } else { decode_ids(input, number)? },
        })
    }
}

impl FlagsChange {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.mailbox.0);
        self.keywords.encode(out);
        match &self.mode {
            FlagMode::Replace => out.octet(0),
            FlagMode::Add => out.octet(1),
            FlagMode::Remove => out.octet(2),
            FlagMode::ReplaceAmong(these) => {
                out.octet(3);
                these.encode(out);
            }
        }
        out.octet(self.mask.0);
        self.flags.encode(out);
        out.set(&self.uids);
    }

    pub(super) fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        Ok(Self {
            mailbox: mailbox(input)?,
            keywords: NewKeywords::decode(input, form)?,
            mode: match input.octet()? {
                0 => FlagMode::Replace,
                1 => FlagMode::Add,
                2 => FlagMode::Remove,
                3 => FlagMode::ReplaceAmong(Flags::decode(input)?),
                _ => return Err(Malformed),
            },
            mask: FlagMask::decode(input, form)?,
            flags: Flags::decode(input)?,
            uids: input.set()?,
        })
    }
}

impl Transfer {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.source.0);
        out.number(self.target.0);
        self.keywords.encode(out);
        out.set(&self.uids);
        out.number(self.first_uid.into());
        out.signed(self.saved_at);
        out.octet(self.mask.0);
        out.octets(self.user.as_deref().unwrap_or_default().as_bytes());
    }

    pub(super) fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        Ok(Self {
            source: mailbox(input)?,
            target: mailbox(input)?,
            keywords: NewKeywords::decode(input, form)?,
            uids: input.set()?,
            first_uid: input.number_u32()?,
            saved_at: input.signed()?,
            mask: FlagMask::decode(input, form)?,
            user: if form == Form::First { None } else { decode_user(input)? },
        })
    }
}

impl SeenChange {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.mailbox.0);
        out.octets(self.user.as_bytes());
        out.octet(u8::from(self.is_seen));
        out.set(&self.uids);
        out.octet(u8::from(self.flags.is_some()));
        self.flags.iter().for_each(|flags| flags.encode(out));
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            mailbox: mailbox(input)?,
            user: input.text()?.to_owned(),
            is_seen: input.flag()?,
            uids: input.set()?,
            flags: if input.flag()? { Some(FlagsChange::decode(input, Form::Second)?) } else { None },
        })
    }
}

impl Undelete {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(self.graves.len() as u64);
        self.graves.iter().for_each(|&grave| out.number(grave));
        out.number(self.target.0);
        self.keywords.encode(out);
        out.number(self.first_uid.into());
        out.signed(self.saved_at);
    }

    pub(super) fn decode(input: &mut Decoder<'_>, form: Form) -> Result<Self, Malformed> {
        Ok(Self {
            graves: (0..input.count()?).map(|_| input.number()).collect::<Result<_, _>>()?,
            target: mailbox(input)?,
            keywords: NewKeywords::decode(input, form)?,
            first_uid: input.number_u32()?,
            saved_at: input.signed()?,
        })
    }
}

/// A user's name; empty: none.
fn decode_user(input: &mut Decoder<'_>) -> Result<Option<String>, Malformed> {
    Ok(Some(input.text()?.to_owned()).filter(|user| !user.is_empty()))
}

pub(in crate::account) fn encode_seen_mode(mode: SeenMode, out: &mut Encoder) {
    out.octet(match mode {
        SeenMode::PerUser => 0,
        SeenMode::Shared => 1,
    });
}

pub(in crate::account) fn decode_seen_mode(input: &mut Decoder<'_>) -> Result<SeenMode, Malformed> {
    Ok(if input.flag()? { SeenMode::Shared } else { SeenMode::PerUser })
}

pub(super) fn encode_created(created: &[NewMailbox], out: &mut Encoder) {
    out.number(created.len() as u64);
    for mailbox in created {
        out.number(mailbox.id.0);
        out.octets(mailbox.name.as_str().as_bytes());
        out.number(mailbox.uid_validity.get().into());
        encode_special_use(mailbox.special_use, out);
        out.octet(u8::from(mailbox.subscribed));
    }
}

pub(super) fn decode_created(input: &mut Decoder<'_>) -> Result<Vec<NewMailbox>, Malformed> {
    (0..input.count()?)
        .map(|_| {
            Ok(NewMailbox {
                id: mailbox(input)?,
                name: name(input)?,
                uid_validity: UidValidity::new(input.number_u32()?).ok_or(Malformed)?,
                special_use: decode_special_use(input)?,
                subscribed: input.flag()?,
            })
        })
        .collect()
}

pub(in crate::account) fn encode_special_use(special_use: Option<SpecialUse>, out: &mut Encoder) {
    out.octet(match special_use {
        None => 0,
        Some(SpecialUse::Archive) => 1,
        Some(SpecialUse::Drafts) => 2,
        Some(SpecialUse::Junk) => 3,
        Some(SpecialUse::Sent) => 4,
        Some(SpecialUse::Trash) => 5,
    });
}

pub(in crate::account) fn decode_special_use(
    input: &mut Decoder<'_>,
) -> Result<Option<SpecialUse>, Malformed> {
    Ok(match input.octet()? {
        0 => None,
        1 => Some(SpecialUse::Archive),
        2 => Some(SpecialUse::Drafts),
        3 => Some(SpecialUse::Junk),
        4 => Some(SpecialUse::Sent),
        5 => Some(SpecialUse::Trash),
        _ => return Err(Malformed),
    })
}

pub(in crate::account) fn encode_keywords(keywords: &[Keyword], out: &mut Encoder) {
    out.number(keywords.len() as u64);
    keywords.iter().for_each(|keyword| out.octets(keyword.as_str().as_bytes()));
}

pub(in crate::account) fn decode_keywords(input: &mut Decoder<'_>) -> Result<Vec<Keyword>, Malformed> {
    (0..input.count()?).map(|_| Keyword::new(input.text()?).ok_or(Malformed)).collect()
}

pub(in crate::account) fn mailbox(input: &mut Decoder<'_>) -> Result<MailboxId, Malformed> {
    Ok(MailboxId(input.number()?))
}

pub(in crate::account) fn name(input: &mut Decoder<'_>) -> Result<MailboxName, Malformed> {
    MailboxName::new(input.text()?).map_err(|_| Malformed)
}
