//! Responses of extensions as values for the properties of `response_properties`.

use bytes::Bytes;
use imap_proto::response::{
    Acl, AnnotateProblem, AnnotationSupport, Code, Comparator, Conversion, Converted, Esearch, EsearchItem,
    FetchedUrl, InProgress, ListRights, Metadata, MetadataEntries, MetadataLimit, MyRights, Quota, QuotaRoot,
    QuotaUsage, Response, ThreadNode, Threads, UidBatches, UrlData, UrlMetadata, Vanished,
};
use imap_proto::types::{ModSeq, NumberRanges, PartialRange, QuotaResource, SeqNum, UidValidity};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use crate::response_properties::{
    attribute, found, list, number_set, object_id, octets, structure, uid, without_extension, word,
};

pub(crate) fn ranges() -> impl Strategy<Value = NumberRanges> {
    vec((1u32.., 1u32..), 1..4).prop_map(|ranges| NumberRanges::new(ranges).expect("not 0"))
}

fn partial_range() -> impl Strategy<Value = PartialRange> {
    let number = || (1u32..).prop_map(|number| number.try_into().expect("not 0"));
    (number(), number(), any::<bool>()).prop_map(|(first, last, is_from_last)| {
        if is_from_last { PartialRange::Last(first, last) } else { PartialRange::First(first, last) }
    })
}

fn esearch_item() -> impl Strategy<Value = EsearchItem> {
    let changes = || vec((any::<u32>(), ranges()), 0..3);
    prop_oneof![
        any::<u32>().prop_map(EsearchItem::Min),
        any::<u32>().prop_map(EsearchItem::Max),
        ranges().prop_map(EsearchItem::All),
        any::<u32>().prop_map(EsearchItem::Count),
        (0..=ModSeq::MAX.get())
            .prop_map(|mod_seq| EsearchItem::ModSeq(ModSeq::new(mod_seq).expect("63 bits"))),
        (partial_range(), option::of(ranges())).prop_map(|(range, found)| EsearchItem::Partial(range, found)),
        changes().prop_map(EsearchItem::AddTo),
        changes().prop_map(EsearchItem::RemoveFrom),
        vec(any::<u8>(), 0..4).prop_map(EsearchItem::Relevancy),
        select(vec![("X-NEW", "7"), ("ALL", "NIL"), ("COUNT", "(a (b))")])
            .prop_map(|(name, value)| EsearchItem::Other(name.into(), value.into())),
    ]
}

fn esearch() -> impl Strategy<Value = Esearch> {
    let validity = (1u32..).prop_map(|validity| UidValidity::new(validity).expect("not 0"));
    (
        option::of(octets()),
        option::of(octets()),
        option::of(validity),
        any::<bool>(),
        vec(esearch_item(), 0..4),
    )
        .prop_map(|(tag, mailbox, uid_validity, uid, items)| Esearch {
            tag,
            mailbox,
            uid_validity,
            uid,
            items,
        })
}

/// Depths as steps up from the node before; a parent that is not there has at least two children.
fn threads() -> impl Strategy<Value = Threads> {
    vec((0u32..8, 1u32.., any::<bool>()), 0..12).prop_map(|steps| {
        let mut nodes: Vec<ThreadNode> = Vec::new();
        for (up, number, is_split) in steps {
            let deepest = nodes.last().map_or(0, |last| last.depth + 1);
            let depth = deepest.saturating_sub(up);
            let is_first = depth == 0 || depth + 1 < deepest;
            if is_split && is_first && depth == 0 {
                nodes.push(ThreadNode { depth, number: None });
                nodes.push(ThreadNode { depth: depth + 1, number: Some(number) });
                nodes.push(ThreadNode { depth: depth + 1, number: Some(7) });
            } else {
                nodes.push(ThreadNode { depth, number: Some(number) });
            }
        }
        Threads::new(nodes).expect("trees")
    })
}

fn quota() -> impl Strategy<Value = Quota> {
    let resource =
        prop_oneof![select(QuotaResource::ALL.to_vec()), word().prop_map(QuotaResource::from_name)];
    let usage = (resource, any::<u64>(), any::<u64>()).prop_map(|(resource, usage, limit)| QuotaUsage {
        resource,
        usage,
        limit,
    });
    (octets(), vec(usage, 0..4)).prop_map(|(root, usages)| Quota { root, usages })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let entries = prop_oneof![
        vec((octets(), option::of(octets())), 0..3).prop_map(MetadataEntries::Values),
        vec(octets(), 0..3).prop_map(MetadataEntries::Changed),
    ];
    (octets(), entries).prop_map(|(mailbox, entries)| Metadata { mailbox, entries })
}

fn fetched_url() -> impl Strategy<Value = FetchedUrl> {
    let element = prop_oneof![
        option::of(octets()).prop_map(UrlMetadata::Body),
        option::of(octets()).prop_map(UrlMetadata::Binary),
        structure()
            .prop_map(|structure| UrlMetadata::BodyPartStructure(Box::new(without_extension(structure)))),
        Just(UrlMetadata::Other(Bytes::from_static(b"(X-NEW (a) 7)"))),
    ];
    let data = prop_oneof![
        option::of(octets()).prop_map(UrlData::Simple),
        vec(element, 1..3).prop_map(UrlData::Extended)
    ];
    (octets(), data).prop_map(|(url, data)| FetchedUrl { url, data })
}

fn seq_num() -> impl Strategy<Value = SeqNum> {
    (1u32..).prop_map(|number| SeqNum::new(number).expect("not 0"))
}

/// A name as the servers of RFC 1176 wrote it, or one that they could not write.
fn old_name() -> BoxedStrategy<Bytes> {
    octets().prop_filter("a name is not empty", |name| !name.trim_ascii().is_empty()).boxed()
}

/// Every response that is not of the base protocol.
pub(crate) fn response() -> impl Strategy<Value = Response> {
    let mailboxes: Vec<BoxedStrategy<Response>> = vec![
        list().prop_map(Response::XList).boxed(),
        old_name().prop_map(Response::Mailbox).boxed(),
        old_name().prop_map(Response::Bboard).boxed(),
        quota().prop_map(Response::Quota).boxed(),
        (octets(), vec(octets(), 0..3))
            .prop_map(|(mailbox, roots)| Response::QuotaRoot(QuotaRoot { mailbox, roots }))
            .boxed(),
        (octets(), vec((octets(), octets()), 0..3))
            .prop_map(|(mailbox, entries)| Response::Acl(Acl { mailbox, entries }))
            .boxed(),
        (octets(), octets(), octets(), vec(octets(), 0..3))
            .prop_map(|(mailbox, identifier, required, optional)| {
                Response::ListRights(ListRights { mailbox, identifier, required, optional })
            })
            .boxed(),
        (octets(), octets())
            .prop_map(|(mailbox, rights)| Response::MyRights(MyRights { mailbox, rights }))
            .boxed(),
        metadata().prop_map(Response::Metadata).boxed(),
        vec(octets(), 0..3).prop_map(Response::Language).boxed(),
        (octets(), vec(octets(), 0..3))
            .prop_map(|(active, matching)| Response::Comparator(Comparator { active, matching }))
            .boxed(),
        vec(octets(), 0..3).prop_map(Response::GenUrlAuth).boxed(),
        vec(fetched_url(), 0..3).prop_map(Response::UrlFetch).boxed(),
        "[ -~]{0,20}".prop_map(|url| Response::JmapAccess(url.into())).boxed(),
    ];
    let messages: Vec<BoxedStrategy<Response>> = vec![
        found().prop_map(Response::Sort).boxed(),
        threads().prop_map(Response::Thread).boxed(),
        esearch().prop_map(Response::Esearch).boxed(),
        (any::<bool>(), number_set())
            .prop_map(|(earlier, uids)| Response::Vanished(Vanished { earlier, uids }))
            .boxed(),
        seq_num().prop_map(Response::Copy).boxed(),
        (uid(), vec(attribute(), 0..4))
            .prop_map(|(uid, attributes)| Response::UidFetch { uid, attributes: attributes.into() })
            .boxed(),
        (seq_num(), octets(), vec(attribute(), 0..4))
            .prop_map(|(seq_num, tag, attributes)| {
                Response::Converted(Converted { seq_num, tag, attributes: attributes.into() })
            })
            .boxed(),
        (octets(), octets(), vec(octets(), 0..3))
            .prop_map(|(from, to, parameters)| Response::Conversion(Conversion { from, to, parameters }))
            .boxed(),
        (octets(), option::of(ranges()))
            .prop_map(|(tag, batches)| {
                Response::UidBatches(UidBatches { tag, batches: batches.unwrap_or_default() })
            })
            .boxed(),
    ];
    Union::new(mailboxes.into_iter().chain(messages))
}

/// Every code that is not of the base protocol.
pub(crate) fn code() -> BoxedStrategy<Code> {
    let plain = vec![
        Code::Alert,
        Code::AuthorizationFailed,
        Code::BadComparator,
        Code::CompressionActive,
        Code::NoModSeq,
        Code::NotificationOverflow,
        Code::NotSaved,
        Code::NotUtf8,
        Code::TempFail,
        Code::TooFew,
        Code::TooMany,
        Code::UidRequired,
        Code::UseAttr,
        Code::Annotate(AnnotateProblem::TooBig),
        Code::Annotate(AnnotateProblem::TooMany),
        Code::Annotations(AnnotationSupport::None),
        Code::Metadata(MetadataLimit::TooMany),
        Code::Metadata(MetadataLimit::NoPrivate),
    ];
    let text = || "[!-Z^-~]{1,12}".prop_map(Bytes::from);
    let short = || "[ -~]{0,10}".prop_map(Bytes::from);
    let no_private = any::<bool>();
    prop_oneof![
        4 => select(plain),
        1 => no_private
            .prop_map(|no_private| Code::Annotations(AnnotationSupport::ReadOnly { no_private })),
        1 => (1u32.., no_private).prop_map(|(octets_max, no_private)| {
            Code::Annotations(AnnotationSupport::Writable { octets_max, no_private })
        }),
        1 => vec(word(), 0..4).prop_map(Code::BadEvent),
        1 => text().prop_map(Code::BadUrl),
        1 => text().prop_map(Code::Referral),
        1 => vec(text(), 0..3).prop_map(Code::UrlMech),
        1 => short().prop_map(Code::UndefinedFilter),
        1 => short().prop_map(Code::NoUpdate),
        1 => (short(), short()).prop_map(|(old, new)| Code::NewName(old, new)),
        1 => in_progress().prop_map(Code::InProgress),
        1 => object_id().prop_map(Code::MailboxId),
        1 => any::<u32>().prop_map(Code::MaxConvertMessages),
        1 => any::<u32>().prop_map(Code::MaxConvertParts),
        1 => (any::<u32>(), option::of(uid()))
            .prop_map(|(limit, lowest_uid)| Code::MessageLimit { limit, lowest_uid }),
        1 => any::<u64>().prop_map(|octets| Code::Metadata(MetadataLimit::LongEntries(octets))),
        1 => any::<u64>().prop_map(|octets| Code::Metadata(MetadataLimit::MaxSize(octets))),
        1 => number_set().prop_map(Code::Modified),
    ]
    .boxed()
}

fn in_progress() -> impl Strategy<Value = InProgress> {
    let state = prop_oneof![
        Just((None, None)),
        any::<u32>().prop_map(|progress| (Some(progress), None)),
        (0u32..1000, 1u32..1000).prop_map(|(progress, more)| (Some(progress), Some(progress + more))),
    ];
    (option::of("[A-Za-z0-9.]{1,6}".prop_map(Bytes::from)), state)
        .prop_map(|(tag, (progress, goal))| InProgress { tag, progress, goal })
}
