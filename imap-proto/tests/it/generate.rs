//! Values of every type that a client can send, for the properties.

use std::num::NonZeroU32;

use bytes::Bytes;
use imap_proto::command::{
    AclEntry, AnnotationQuery, Append, AppendLiteral, AppendMessage, AppendOptions, AppendPiece,
    Authenticate, CancelUpdate, Command, Compress, Conversions, Convert, ConvertItem, CopyMove, Create,
    Enable, EntryValues, Esearch, EventGroup, Fetch, FetchItem, FetchModifiers, Find, FlagAction, GenUrlAuth,
    GetMetadata, GetQuota, Id, List, ListReturn, ListSelect, Login, MailboxFilter, MetadataDepth, Notify,
    NotifyEvent, OneMailbox, Partial, PartialFetch, PlainList, Preferences, Qresync, Rename, Replace,
    ResetKey, RightsAction, Search, SearchReturn, Section, SectionText, Select, SetAcl, SetMetadata,
    SetQuota, Sort, SortCriterion, SortKey, Status, StatusItem, Store, StoreData, Subscription, Tag, Thread,
    ThreadAlgorithm, UidBatches, UidExpunge, UrlFetch, UrlFetchItem,
};
use imap_proto::response::NameAttribute;
use imap_proto::types::{
    AnnotationKey, AnnotationValue, Date, DateTime, EntryScope, Flag, Keyword, ModSeq, ModSeqEntry,
    NumberSet, ObjectId, Octets, PartialRange, QuotaResource, SearchKey, Secret, SequenceSet, SetEnd,
    SystemFlag, Uid, WireMailbox,
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

fn nz_number() -> impl Strategy<Value = NonZeroU32> {
    (1u32..).prop_map(|number| number.try_into().expect("it is not 0"))
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..1_000, 0..=i64::MAX.unsigned_abs()]
}

fn mod_seq() -> impl Strategy<Value = ModSeq> {
    number().prop_map(|value| ModSeq::new(value).expect("it has 63 bits"))
}

fn partial_range() -> impl Strategy<Value = PartialRange> {
    (nz_number(), nz_number(), any::<bool>())
        .prop_map(|(a, b, last)| if last { PartialRange::Last(a, b) } else { PartialRange::First(a, b) })
}

/// Never empty.
fn number_set() -> impl Strategy<Value = NumberSet> {
    vec((1u32..1_000, 0u32..50), 1..4).prop_map(|ranges| {
        let mut set = NumberSet::new();
        ranges.into_iter().for_each(|(first, more)| set.insert_range(first, first + more));
        set
    })
}

fn object_id() -> impl Strategy<Value = ObjectId> {
    "[A-Za-z0-9_-]{1,30}".prop_map(|id| ObjectId::new(id).expect("its characters are an id's"))
}

/// A label of Gmail, quoted or with a backslash.
fn label() -> impl Strategy<Value = Bytes> {
    prop_oneof![octets(), "\\\\[A-Z][a-z]{0,5}".prop_map(Bytes::from)]
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

fn set_end() -> impl Strategy<Value = SetEnd> + Clone {
    prop_oneof![
        4 => (1u32..).prop_map(|number| SetEnd::Number(number.try_into().expect("it is not 0"))),
        1 => Just(SetEnd::Star),
    ]
}

fn sequence_set() -> impl Strategy<Value = SequenceSet> {
    let end = set_end();
    let range = prop_oneof![end.clone().prop_map(|end| (end, end)), (end.clone(), end)];
    prop_oneof![
        1 => Just(SequenceSet::Saved),
        9 => vec(range, 1..6).prop_map(|ranges| SequenceSet::Ranges(ranges.into())),
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

fn entry_values() -> impl Strategy<Value = Vec<EntryValues>> {
    let values = vec((octets(), option::of(octets())), 1..3);
    let entry = (octets(), values).prop_map(|(entry, values)| EntryValues { entry, values });
    vec(entry, 1..3)
}

fn section() -> impl Strategy<Value = Section> {
    let text = prop_oneof![
        Just(SectionText::Header),
        Just(SectionText::Text),
        (any::<bool>(), vec(octets().prop_map(Octets::from), 1..4))
            .prop_map(|(not, names)| SectionText::HeaderFields { not, names }),
    ];
    prop_oneof![
        (part(), option::of(text)).prop_map(|(part, text)| Section { part, text }),
        vec(1u32.., 1..4).prop_map(|part| Section { part, text: Some(SectionText::Mime) }),
        part().prop_map(|mut part| {
            part.push(0);
            Section { part, text: None }
        }),
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
        FetchItem::Rfc822Peek,
        FetchItem::Rfc822TextPeek,
        FetchItem::ModSeq,
        FetchItem::EmailId,
        FetchItem::ThreadId,
        FetchItem::SaveDate,
        FetchItem::Preview { lazy: false },
        FetchItem::Preview { lazy: true },
        FetchItem::GmailMessageId,
        FetchItem::GmailThreadId,
        FetchItem::GmailLabels,
    ];
    let query = (vec(octets(), 1..3), vec(octets(), 1..3))
        .prop_map(|(entries, attributes)| Box::new(AnnotationQuery { entries, attributes }));
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
        query.prop_map(FetchItem::Annotation),
        (any::<bool>(), vec(octets().prop_map(Octets::from), 1..3))
            .prop_map(|(not, names)| FetchItem::Rfc822HeaderLines { not, names }),
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
        extension_key(),
    ];
    leaf.prop_recursive(6, 30, 4, |key| {
        prop_oneof![
            key.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            key.clone().prop_map(|key| SearchKey::Fuzzy(Box::new(key))),
            (key.clone(), key.clone())
                .prop_map(|(left, right)| SearchKey::Or(Box::new(left), Box::new(right))),
            vec(key, 2..4).prop_map(SearchKey::And),
        ]
    })
}

fn extension_key() -> impl Strategy<Value = SearchKey> {
    let scope = select(vec![EntryScope::Private, EntryScope::Shared, EntryScope::All]);
    let entry = (flag(), scope).prop_map(|(flag, scope)| Box::new(ModSeqEntry { flag, scope }));
    let value = select(vec![AnnotationValue::Any, AnnotationValue::Private, AnnotationValue::Shared]);
    let annotation = (octets(), value, option::of(octets()))
        .prop_map(|(entry, attribute, value)| Box::new(AnnotationKey { entry, attribute, value }));
    let uid = (nz_number(), any::<bool>()).prop_map(|(uid, after)| {
        let uid = Uid::from(uid);
        if after { SearchKey::UidAfter(uid) } else { SearchKey::UidBefore(uid) }
    });
    prop_oneof![
        nz_number().prop_map(SearchKey::Older),
        nz_number().prop_map(SearchKey::Younger),
        (mod_seq(), option::of(entry)).prop_map(|(since, entry)| SearchKey::ModSeq { since, entry }),
        date().prop_map(SearchKey::SavedBefore),
        date().prop_map(SearchKey::SavedOn),
        date().prop_map(SearchKey::SavedSince),
        Just(SearchKey::SaveDateSupported),
        object_id().prop_map(SearchKey::EmailId),
        object_id().prop_map(SearchKey::ThreadId),
        "[a-z0-9]{1,8}".prop_map(|name| SearchKey::Filter(Bytes::from(name))),
        annotation.prop_map(SearchKey::Annotation),
        uid,
        octets().prop_map(SearchKey::GmailRaw),
        label().prop_map(SearchKey::GmailLabel),
        number().prop_map(SearchKey::GmailMessageId),
        number().prop_map(SearchKey::GmailThreadId),
    ]
}

fn search_options() -> impl Strategy<Value = Option<Vec<SearchReturn>>> {
    use SearchReturn::{All, Context, Count, Max, Min, Relevancy, Save, Update};
    let plain = vec(select(vec![Min, Max, Count, Save, Context, Update, Relevancy]), 0..4);
    let which = prop_oneof![
        Just(None),
        Just(Some(All)),
        partial_range().prop_map(|range| Some(SearchReturn::Partial(range)))
    ];
    option::of((plain, which).prop_map(|(mut plain, which)| {
        plain.extend(which);
        plain
    }))
}

pub(crate) fn append() -> impl Strategy<Value = (WireMailbox, AppendMessage)> {
    (mailbox(), append_message())
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

fn append_options(catenate: bool) -> impl Strategy<Value = AppendOptions> {
    let annotations = prop_oneof![Just(Vec::new()), entry_values()];
    (vec(flag(), 0..4), option::of(date_time()), annotations).prop_map(
        move |(flags, internal_date, annotations)| AppendOptions {
            flags,
            internal_date,
            annotations,
            catenate,
        },
    )
}

/// A message of an APPEND, whole or in parts; in the UTF8 form its literal is a `literal8`.
fn appended_message() -> impl Strategy<Value = Vec<AppendPiece>> {
    let literal = || {
        (0u64..100, any::<bool>(), any::<bool>()).prop_map(|(size_octets, binary, utf8)| {
            AppendPiece::Literal(AppendLiteral { size_octets, binary: binary || utf8, utf8 })
        })
    };
    let whole = (append_options(false), literal())
        .prop_map(|(options, literal)| vec![AppendPiece::Begin(options), literal]);
    let part = prop_oneof![octets().prop_map(AppendPiece::Url), literal()];
    let in_parts = (append_options(true), vec(part, 1..4)).prop_map(|(options, parts)| {
        let begin = AppendPiece::Begin(options);
        std::iter::once(begin).chain(parts).collect()
    });
    prop_oneof![whole, in_parts]
}

/// APPEND and REPLACE with all their pieces, and the pieces of the command up to its first literal.
pub(crate) fn appending() -> impl Strategy<Value = (Command, Vec<AppendPiece>)> {
    let append = (mailbox(), vec(appended_message(), 1..4)).prop_map(|(mailbox, messages)| {
        let pieces = messages.concat();
        let first = up_to_literal(&pieces);
        (Command::Append(Append { mailbox, pieces: first }), pieces)
    });
    let replace = (any::<bool>(), set_end(), mailbox(), appended_message()).prop_map(
        |(uid, message, mailbox, pieces)| {
            let first = up_to_literal(&pieces);
            (Command::Replace(Replace { uid, message, mailbox, pieces: first }), pieces)
        },
    );
    prop_oneof![append, replace]
}

fn up_to_literal(pieces: &[AppendPiece]) -> Vec<AppendPiece> {
    let first = pieces.iter().position(|piece| matches!(piece, AppendPiece::Literal(_)));
    pieces[..first.map_or(pieces.len(), |first| first + 1)].to_vec()
}

/// APPEND and REPLACE of nothing but URLs: no literal is streamed, so each is one frame.
fn appended_urls() -> impl Strategy<Value = Command> {
    let message = || {
        (append_options(true), vec(octets().prop_map(AppendPiece::Url), 1..3)).prop_map(|(options, urls)| {
            let begin = AppendPiece::Begin(options);
            std::iter::once(begin).chain(urls).collect::<Vec<_>>()
        })
    };
    let append = (mailbox(), vec(message(), 1..3))
        .prop_map(|(mailbox, messages)| Command::Append(Append { mailbox, pieces: messages.concat() }));
    let replace =
        (any::<bool>(), set_end(), mailbox(), message()).prop_map(|(uid, message, mailbox, pieces)| {
            Command::Replace(Replace { uid, message, mailbox, pieces })
        });
    prop_oneof![append, replace]
}

/// Every command; APPEND and REPLACE only where they are parsed from a whole frame.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        bare(),
        access(),
        mailboxes(),
        options_of_mailboxes(),
        messages(),
        sorted(),
        shared(),
        metadata(),
        urls(),
        told(),
        converted(),
        appended_urls(),
    ]
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
        Command::Unauthenticate,
        Command::GetJmapAccess,
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
        Command::Delete as fn(OneMailbox) -> Command,
        Command::BulletinBoard,
        Command::GetAcl,
        Command::MyRights,
        Command::GetQuotaRoot,
    ]);
    let plain_list = select(vec![
        Command::Lsub as fn(PlainList) -> Command,
        Command::Rlist,
        Command::Rlsub,
        Command::Xlist,
    ]);
    let find = select(vec![
        Command::FindMailboxes as fn(Find) -> Command,
        Command::FindAllMailboxes,
        Command::FindBulletinBoards,
        Command::FindAllBulletinBoards,
    ]);
    let subscription = (mailbox(), any::<bool>())
        .prop_map(|(mailbox, bulletin_board)| Subscription { mailbox, bulletin_board });
    prop_oneof![
        (with_one, one_mailbox()).prop_map(|(command, mailbox)| command(mailbox)),
        (mailbox(), mailbox()).prop_map(|(from, to)| Command::Rename(Rename { from, to })),
        (plain_list, octets(), octets())
            .prop_map(|(command, reference, pattern)| command(PlainList { reference, pattern })),
        (find, octets()).prop_map(|(command, pattern)| command(Find { pattern })),
        (subscription, any::<bool>()).prop_map(|(subscription, add)| if add {
            Command::Subscribe(subscription)
        } else {
            Command::Unsubscribe(subscription)
        }),
        (mailbox(), vec(select(&StatusItem::ALL[..]), 1..5))
            .prop_map(|(mailbox, items)| Command::Status(Status { mailbox, items })),
    ]
}

fn options_of_mailboxes() -> impl Strategy<Value = Command> {
    let matches = number_set().prop_map(|seq_nums| {
        let uids = seq_nums.iter().map(|number| number * 3).collect();
        (seq_nums, uids)
    });
    let qresync = (nz_number(), mod_seq(), option::of(number_set()), option::of(matches)).prop_map(
        |(uid_validity, mod_seq, known_uids, matches)| {
            Box::new(Qresync { uid_validity: uid_validity.into(), mod_seq, known_uids, matches })
        },
    );
    let open = (mailbox(), any::<bool>(), option::of(qresync), any::<bool>())
        .prop_map(|(mailbox, condstore, qresync, annotate)| Select { mailbox, condstore, qresync, annotate });
    let uses = vec(
        select(vec![NameAttribute::Sent, NameAttribute::Junk, NameAttribute::Other("\\Foo".into())]),
        0..3,
    );
    let select_options =
        vec(select(vec![ListSelect::Remote, ListSelect::RecursiveMatch]), 0..2).prop_map(|mut all| {
            all.extend([ListSelect::Subscribed, ListSelect::SpecialUse]);
            all
        });
    let return_option = prop_oneof![
        select(vec![
            ListReturn::Subscribed,
            ListReturn::Children,
            ListReturn::SpecialUse,
            ListReturn::MyRights
        ]),
        vec(select(&StatusItem::ALL[..]), 1..5).prop_map(ListReturn::Status),
        vec(octets(), 1..3).prop_map(ListReturn::Metadata),
    ];
    let list =
        (option::of(select_options), octets(), vec(octets(), 1..3), option::of(vec(return_option, 0..4)))
            .prop_map(|(select, reference, patterns, returns)| List { select, reference, patterns, returns });
    prop_oneof![
        (open, any::<bool>()).prop_map(|(open, change)| if change {
            Command::Select(open)
        } else {
            Command::Examine(open)
        }),
        (mailbox(), uses).prop_map(|(mailbox, special_use)| Command::Create(Create { mailbox, special_use })),
        list.prop_map(Command::List),
    ]
}

fn sorted() -> impl Strategy<Value = Command> {
    let value = select(vec![AnnotationValue::Private, AnnotationValue::Shared]);
    let key = prop_oneof![
        select(vec![
            SortKey::Arrival,
            SortKey::Cc,
            SortKey::Date,
            SortKey::From,
            SortKey::Size,
            SortKey::Subject,
            SortKey::To,
            SortKey::DisplayFrom,
            SortKey::DisplayTo,
            SortKey::Relevancy,
        ]),
        (octets(), value).prop_map(|(entry, value)| SortKey::Annotation { entry, value }),
    ];
    let criterion = (any::<bool>(), key).prop_map(|(reverse, key)| SortCriterion { reverse, key });
    let algorithm =
        select(vec![ThreadAlgorithm::OrderedSubject, ThreadAlgorithm::References, ThreadAlgorithm::Refs]);
    let charset = || "[A-Z0-9-]{1,10}";
    let batches = option::of((nz_number(), nz_number()));
    prop_oneof![
        (any::<bool>(), search_options(), vec(criterion, 1..4), charset(), search_key()).prop_map(
            |(uid, options, criteria, charset, key)| Command::Sort(Sort {
                uid,
                options,
                criteria,
                charset,
                key
            })
        ),
        (any::<bool>(), algorithm, charset(), search_key()).prop_map(|(uid, algorithm, charset, key)| {
            Command::Thread(Thread { uid, algorithm, charset, key })
        }),
        (vec(filter(), 0..3), search_options(), option::of(charset()), search_key()).prop_map(
            |(sources, options, charset, key)| Command::Esearch(Esearch { sources, options, charset, key })
        ),
        vec(octets(), 1..4).prop_map(|tags| Command::CancelUpdate(CancelUpdate { tags })),
        (nz_number(), batches).prop_map(|(size, batches)| Command::UidBatches(UidBatches { size, batches })),
    ]
}

fn filter() -> impl Strategy<Value = MailboxFilter> {
    let mailboxes = || vec(mailbox(), 1..3);
    prop_oneof![
        select(vec![
            MailboxFilter::Selected,
            MailboxFilter::Inboxes,
            MailboxFilter::Personal,
            MailboxFilter::Subscribed,
        ]),
        mailboxes().prop_map(MailboxFilter::Subtree),
        mailboxes().prop_map(MailboxFilter::SubtreeOne),
        mailboxes().prop_map(MailboxFilter::Mailboxes),
    ]
}

/// ACL and QUOTA.
fn shared() -> impl Strategy<Value = Command> {
    let resource = prop_oneof![
        select(QuotaResource::ALL.to_vec()),
        "X-[A-Z]{1,5}".prop_map(|name| QuotaResource::from_name(name.into()))
    ];
    let action = select(vec![RightsAction::Replace, RightsAction::Add, RightsAction::Remove]);
    let entry = (mailbox(), octets()).prop_map(|(mailbox, identifier)| AclEntry { mailbox, identifier });
    prop_oneof![
        (mailbox(), octets(), action, "[a-z0-9]{0,8}").prop_map(|(mailbox, identifier, action, rights)| {
            Command::SetAcl(SetAcl { mailbox, identifier, action, rights: rights.into() })
        }),
        (entry, any::<bool>()).prop_map(|(entry, delete)| if delete {
            Command::DeleteAcl(entry)
        } else {
            Command::ListRights(entry)
        }),
        octets().prop_map(|root| Command::GetQuota(GetQuota { root })),
        (octets(), vec((resource, number()), 0..3))
            .prop_map(|(root, limits)| Command::SetQuota(SetQuota { root, limits })),
    ]
}

fn metadata() -> impl Strategy<Value = Command> {
    let depth = select(vec![MetadataDepth::Zero, MetadataDepth::One, MetadataDepth::Infinity]);
    prop_oneof![
        (mailbox(), option::of(number()), depth, vec(octets(), 1..4)).prop_map(
            |(mailbox, size_octets_max, depth, entries)| Command::GetMetadata(GetMetadata {
                mailbox,
                size_octets_max,
                depth,
                entries
            })
        ),
        (mailbox(), vec((octets(), option::of(octets())), 1..4))
            .prop_map(|(mailbox, values)| Command::SetMetadata(SetMetadata { mailbox, values })),
    ]
}

fn urls() -> impl Strategy<Value = Command> {
    let reset = option::of((mailbox(), vec(upper_atom(), 0..3))).prop_map(|key| match key {
        Some((mailbox, mechanisms)) => ResetKey { mailbox: Some(mailbox), mechanisms },
        None => ResetKey { mailbox: None, mechanisms: Vec::new() },
    });
    let item =
        (octets(), vec(upper_atom(), 0..3)).prop_map(|(url, parameters)| UrlFetchItem { url, parameters });
    prop_oneof![
        vec((octets(), upper_atom()), 1..3).prop_map(|urls| Command::GenUrlAuth(GenUrlAuth { urls })),
        reset.prop_map(Command::ResetKey),
        vec(item, 1..3).prop_map(|urls| Command::UrlFetch(UrlFetch { urls })),
    ]
}

fn told() -> impl Strategy<Value = Command> {
    let event = prop_oneof![
        vec(fetch_item(), 0..3).prop_map(NotifyEvent::MessageNew),
        select(vec![
            NotifyEvent::MessageExpunge,
            NotifyEvent::FlagChange,
            NotifyEvent::AnnotationChange,
            NotifyEvent::MailboxName,
            NotifyEvent::SubscriptionChange,
            NotifyEvent::MailboxMetadataChange,
            NotifyEvent::ServerMetadataChange,
            NotifyEvent::Other("X-FOO".to_owned()),
        ]),
    ];
    let filter = prop_oneof![9 => filter(), 1 => Just(MailboxFilter::SelectedDelayed)];
    let group = (filter, vec(event, 0..3)).prop_map(|(filter, events)| EventGroup { filter, events });
    let set = (any::<bool>(), vec(group, 1..3)).prop_map(|(status, groups)| Notify::Set { status, groups });
    prop_oneof![
        Just(Command::Notify(Notify::None)),
        set.prop_map(Command::Notify),
        upper_atom().prop_map(|algorithm| Command::Compress(Compress { algorithm })),
        (vec(octets(), 0..3), any::<bool>()).prop_map(|(names, language)| {
            let preferences = Preferences { names };
            if language { Command::Language(preferences) } else { Command::Comparator(preferences) }
        }),
    ]
}

fn converted() -> impl Strategy<Value = Command> {
    let some_part = || vec(1u32.., 1..4);
    let item = prop_oneof![
        Just(ConvertItem::Uid),
        part().prop_map(ConvertItem::BodyPartStructure),
        (part(), partial()).prop_map(|(part, partial)| ConvertItem::Binary(part, partial)),
        part().prop_map(ConvertItem::BinarySize),
        part().prop_map(ConvertItem::Header),
        some_part().prop_map(ConvertItem::Mime),
        part().prop_map(ConvertItem::AvailableConversions),
    ];
    let parameters = vec((octets(), octets()), 0..3);
    prop_oneof![
        (any::<bool>(), sequence_set(), option::of(octets()), parameters, vec(item, 1..4)).prop_map(
            |(uid, set, media_type, parameters, items)| Command::Convert(Convert {
                uid,
                set,
                media_type,
                parameters,
                items
            })
        ),
        (octets(), octets()).prop_map(|(from, to)| Command::Conversions(Conversions { from, to })),
    ]
}

fn messages() -> impl Strategy<Value = Command> {
    let uid = any::<bool>;
    let charset = option::of("[A-Z0-9-]{1,10}");
    let action = select(vec![FlagAction::Replace, FlagAction::Add, FlagAction::Remove]);
    let data = prop_oneof![
        vec(flag(), 0..4).prop_map(StoreData::Flags),
        vec(label(), 0..4).prop_map(StoreData::GmailLabels),
    ];
    let modifiers = (option::of(mod_seq()), any::<bool>(), option::of(partial_range()))
        .prop_map(|(changed_since, vanished, partial)| FetchModifiers { changed_since, vanished, partial });
    let text_item = prop_oneof![
        select(vec![FetchItem::Rfc822, FetchItem::Rfc822Peek, FetchItem::Rfc822TextPeek]),
        (section(), any::<bool>()).prop_map(|(section, peek)| FetchItem::Section {
            section,
            partial: None,
            peek
        }),
    ];
    let copy =
        (uid(), sequence_set(), mailbox()).prop_map(|(uid, set, mailbox)| CopyMove { uid, set, mailbox });
    prop_oneof![
        sequence_set().prop_map(|set| Command::UidExpunge(UidExpunge { set })),
        (uid(), search_options(), charset, search_key()).prop_map(|(uid, options, charset, key)| {
            Command::Search(Search { uid, options, charset, key })
        }),
        (uid(), sequence_set(), vec(fetch_item(), 1..5), modifiers)
            .prop_map(|(uid, set, items, modifiers)| Command::Fetch(Fetch { uid, set, items, modifiers })),
        (uid(), sequence_set(), option::of(mod_seq()), action, any::<bool>(), data).prop_map(
            |(uid, set, unchanged_since, action, silent, data)| Command::Store(Store {
                uid,
                set,
                unchanged_since,
                action,
                silent,
                data
            })
        ),
        (uid(), sequence_set(), entry_values()).prop_map(|(uid, set, annotations)| {
            let data = StoreData::Annotations(annotations);
            Command::Store(Store {
                uid,
                set,
                unchanged_since: None,
                action: FlagAction::Replace,
                silent: false,
                data,
            })
        }),
        (nz_number(), text_item, 1..1_000u64, number()).prop_map(|(seq_num, item, start, count)| {
            Command::Partial(PartialFetch { seq_num: seq_num.into(), item, start, count })
        }),
        (copy, any::<bool>()).prop_map(|(copy, keep)| if keep {
            Command::Copy(copy)
        } else {
            Command::Move(copy)
        }),
    ]
}
