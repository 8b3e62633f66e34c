//! Values of every type that a client can send, for the properties.

use bytes::Bytes;
use imap_proto::command::{
    Append, AppendMessage, Authenticate, Command, CopyMove, Enable, Fetch, FetchItem, FlagAction, Id, List,
    Login, OneMailbox, Partial, Rename, Search, Section, SectionText, Status, StatusItem, Store, Tag,
    UidExpunge,
};
use imap_proto::types::{
    Date, DateTime, Flag, Keyword, SearchKey, Secret, SequenceSet, SetEnd, SystemFlag, WireMailbox,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn tag() -> impl Strategy<Value = Tag> {
    "[A-Za-z0-9.\\]!-]{1,12}".prop_map(|text| Tag::new(text).expect("its characters are a tag's"))
}

/// Octets as strings carry them: no NUL, which only a `literal8` may hold.
fn octets() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        "[ -~]{0,20}".prop_map(Bytes::from),
        vec(1u8..=255, 0..20).prop_map(Bytes::from),
        select(vec!["NIL", "{3}", "\r\n", "a\"b", "\\", "INBOX"]).prop_map(Bytes::from),
    ]
}

fn mailbox() -> impl Strategy<Value = WireMailbox> {
    octets().prop_map(WireMailbox)
}

fn one_mailbox() -> impl Strategy<Value = OneMailbox> {
    mailbox().prop_map(|mailbox| OneMailbox { mailbox })
}

fn upper_atom() -> impl Strategy<Value = String> {
    "[A-Z0-9=_-]{1,12}"
}

fn keyword() -> impl Strategy<Value = Keyword> {
    "[$A-Za-z0-9_-]{1,12}".prop_map(|name| Keyword::new(&name).expect("its characters are an atom's"))
}

fn flag() -> impl Strategy<Value = Flag> {
    prop_oneof![
        select(&SystemFlag::ALL[..]).prop_map(Flag::System),
        Just(Flag::Recent),
        keyword().prop_map(Flag::Keyword),
        "X[a-z]{1,8}".prop_map(|name| Flag::backslash(&name).expect("its characters are an atom's")),
    ]
}

fn sequence_set() -> impl Strategy<Value = SequenceSet> {
    let end = prop_oneof![
        4 => (1u32..).prop_map(|number| SetEnd::Number(number.try_into().expect("it is not 0"))),
        1 => Just(SetEnd::Star),
    ];
    let range = prop_oneof![end.clone().prop_map(|end| (end, end)), (end.clone(), end)];
    prop_oneof![
        1 => Just(SequenceSet::Saved),
        9 => vec(range, 1..6).prop_map(SequenceSet::Ranges),
    ]
}

fn date() -> impl Strategy<Value = Date> {
    (0i16..=9999, 1i8..=12, 1i8..=28)
        .prop_map(|(year, month, day)| Date::new(year, month, day).expect("every month has it"))
}

fn date_time() -> impl Strategy<Value = DateTime> {
    (-60_000_000_000i64..250_000_000_000, -1_439i16..=1_439)
        .prop_map(|(seconds, offset)| DateTime::new(seconds, offset).expect("in range"))
}

fn part() -> impl Strategy<Value = Vec<u32>> {
    vec(1u32.., 0..4)
}

fn section() -> impl Strategy<Value = Section> {
    let text = prop_oneof![
        Just(SectionText::Header),
        Just(SectionText::Text),
        (any::<bool>(), vec(octets(), 1..4))
            .prop_map(|(not, names)| SectionText::HeaderFields { not, names }),
    ];
    prop_oneof![
        (part(), option::of(text)).prop_map(|(part, text)| Section { part, text }),
        vec(1u32.., 1..4).prop_map(|part| Section { part, text: Some(SectionText::Mime) }),
    ]
}

fn partial() -> impl Strategy<Value = Option<Partial>> {
    let number = i64::MAX.unsigned_abs();
    option::of((0..=number, 1..=number).prop_map(|(start, count)| Partial { start, count }))
}

fn fetch_item() -> impl Strategy<Value = FetchItem> {
    let plain = vec![
        FetchItem::Envelope,
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Rfc822Size,
        FetchItem::Uid,
        FetchItem::Body,
        FetchItem::BodyStructure,
        FetchItem::Rfc822,
        FetchItem::Rfc822Header,
        FetchItem::Rfc822Text,
    ];
    prop_oneof![
        select(plain),
        (section(), partial(), any::<bool>()).prop_map(|(section, partial, peek)| FetchItem::Section {
            section,
            partial,
            peek
        }),
        (part(), partial(), any::<bool>()).prop_map(|(part, partial, peek)| FetchItem::Binary {
            part,
            partial,
            peek
        }),
        part().prop_map(|part| FetchItem::BinarySize { part }),
    ]
}

fn search_key() -> impl Strategy<Value = SearchKey> {
    let size = 0..=i64::MAX.unsigned_abs();
    let leaf = prop_oneof![
        select(vec![SearchKey::All, SearchKey::Recent]),
        select(&SystemFlag::ALL[..]).prop_map(SearchKey::Flag),
        keyword().prop_map(SearchKey::Keyword),
        sequence_set().prop_map(SearchKey::SequenceSet),
        sequence_set().prop_map(SearchKey::Uid),
        (date(), select(vec![0, 1, 2, 3, 4, 5])).prop_map(|(date, key)| match key {
            0 => SearchKey::Before(date),
            1 => SearchKey::On(date),
            2 => SearchKey::Since(date),
            3 => SearchKey::SentBefore(date),
            4 => SearchKey::SentOn(date),
            _ => SearchKey::SentSince(date),
        }),
        size.clone().prop_map(SearchKey::Larger),
        size.prop_map(SearchKey::Smaller),
        (
            prop_oneof![octets(), select(vec!["From", "To", "Cc", "Bcc", "Subject"]).prop_map(Bytes::from)],
            octets()
        )
            .prop_map(|(field, text)| SearchKey::Header(field, text)),
        octets().prop_map(SearchKey::Body),
        octets().prop_map(SearchKey::Text),
    ];
    leaf.prop_recursive(6, 30, 4, |key| {
        prop_oneof![
            key.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            (key.clone(), key.clone())
                .prop_map(|(left, right)| SearchKey::Or(Box::new(left), Box::new(right))),
            vec(key, 2..4).prop_map(SearchKey::And),
        ]
    })
}

pub(crate) fn append() -> impl Strategy<Value = Append> {
    (mailbox(), append_message()).prop_map(|(mailbox, message)| Append { mailbox, message })
}

pub(crate) fn append_message() -> impl Strategy<Value = AppendMessage> {
    (vec(flag(), 0..4), option::of(date_time()), 0u64..1_000, any::<bool>()).prop_map(
        |(flags, internal_date, size_octets, binary)| AppendMessage {
            flags,
            internal_date,
            size_octets,
            binary,
        },
    )
}

/// Every command but APPEND, which is not parsed from a whole frame.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![bare(), access(), mailboxes(), messages()]
}

fn bare() -> impl Strategy<Value = Command> {
    select(vec![
        Command::Capability,
        Command::Noop,
        Command::Logout,
        Command::StartTls,
        Command::Namespace,
        Command::Idle,
        Command::Check,
        Command::Close,
        Command::Unselect,
        Command::Expunge,
    ])
}

fn access() -> impl Strategy<Value = Command> {
    let response = option::of(select(vec!["=", "dGVzdA==", "+/+/"])).prop_map(|text| text.map(Secret::new));
    prop_oneof![
        (upper_atom(), response).prop_map(|(mechanism, initial_response)| Command::Authenticate(
            Authenticate { mechanism, initial_response }
        )),
        (octets(), octets())
            .prop_map(|(user, password)| Command::Login(Login { user, password: Secret::new(password) })),
        vec(upper_atom(), 1..4).prop_map(|capabilities| Command::Enable(Enable { capabilities })),
        vec((octets(), option::of(octets())), 0..4).prop_map(|fields| Command::Id(Id { fields })),
    ]
}

fn mailboxes() -> impl Strategy<Value = Command> {
    let with_one = select(vec![
        Command::Select as fn(OneMailbox) -> Command,
        Command::Examine,
        Command::Create,
        Command::Delete,
        Command::Subscribe,
        Command::Unsubscribe,
    ]);
    let list = (octets(), octets()).prop_map(|(reference, pattern)| List { reference, pattern });
    prop_oneof![
        (with_one, one_mailbox()).prop_map(|(command, mailbox)| command(mailbox)),
        (mailbox(), mailbox()).prop_map(|(from, to)| Command::Rename(Rename { from, to })),
        (list, any::<bool>()).prop_map(|(list, all)| if all {
            Command::List(list)
        } else {
            Command::Lsub(list)
        }),
        (mailbox(), vec(select(&StatusItem::ALL[..]), 1..5))
            .prop_map(|(mailbox, items)| Command::Status(Status { mailbox, items })),
    ]
}

fn messages() -> impl Strategy<Value = Command> {
    let uid = any::<bool>;
    let charset = option::of("[A-Z0-9-]{1,10}");
    let action = select(vec![FlagAction::Replace, FlagAction::Add, FlagAction::Remove]);
    let copy =
        (uid(), sequence_set(), mailbox()).prop_map(|(uid, set, mailbox)| CopyMove { uid, set, mailbox });
    prop_oneof![
        sequence_set().prop_map(|set| Command::UidExpunge(UidExpunge { set })),
        (uid(), charset, search_key()).prop_map(|(uid, charset, key)| Command::Search(Search {
            uid,
            options: None,
            charset,
            key
        })),
        (uid(), sequence_set(), vec(fetch_item(), 1..5))
            .prop_map(|(uid, set, items)| Command::Fetch(Fetch { uid, set, items })),
        (uid(), sequence_set(), action, any::<bool>(), vec(flag(), 0..4)).prop_map(
            |(uid, set, action, silent, flags)| Command::Store(Store { uid, set, action, silent, flags })
        ),
        (copy, any::<bool>()).prop_map(|(copy, keep)| if keep {
            Command::Copy(copy)
        } else {
            Command::Move(copy)
        }),
    ]
}
