//! Properties of responses: what is written is read back the same in every dialect, whatever pieces it
//! comes in, and nothing that a server may send makes the parser panic.

use bytes::Bytes;
use imap_proto::command::{Section, SectionText, StatusItem, Tag};
use imap_proto::response::{
    Annotation, AnnotationEntry, Capability, Code, FetchAttribute, Found, Kind, ListData, ListExtension,
    NameAttribute, Namespace, Response, StatusData, StatusValue, StreamedFetch,
};
use imap_proto::types::{
    Address, AddressList, BodyStructure, Content, DateTime, Disposition, Envelope, Extension, Flag, Keyword,
    ModSeq, NumberSet, ObjectId, Octets, Parameters, SeqNum, SystemFlag, Uid, UidValidity,
};
use imap_proto::wire::{ResponseEvent, ResponseFramer};
use imap_proto::{Dialect, Level};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::Union;

use crate::extension_properties::ranges;

pub(crate) const DIALECTS: [Dialect; 4] = [
    Dialect::SILENT,
    Dialect { level: Level::Imap2bis, utf8_accept: false },
    Dialect::IMAP4,
    Dialect { level: Level::Rev2, utf8_accept: false },
];

pub(crate) fn octets() -> BoxedStrategy<Bytes> {
    prop_oneof![
        3 => "[ -~]{0,12}".prop_map(Bytes::from),
        1 => "[ -~]{16,40}".prop_map(Bytes::from),
        1 => select(vec!["", "NIL", "nil", "%", "{", "{3}", "a\"b", "a\\b", "\\", "(", ")", "]", "\r\n", "ü", "a b"])
            .prop_map(Bytes::from),
        1 => vec(any::<u8>(), 0..12).prop_map(Bytes::from),
    ]
    .boxed()
}

pub(crate) fn word() -> impl Strategy<Value = Bytes> {
    "[A-Z][A-Z0-9=+-]{0,8}".prop_map(Bytes::from)
}

fn flag() -> BoxedStrategy<Flag> {
    let keyword = |word: String| Keyword::new(&word).expect("an atom");
    prop_oneof![
        select(SystemFlag::ALL.to_vec()).prop_map(Flag::System),
        Just(Flag::Recent),
        Just(Flag::Wildcard),
        r"[$a-zA-Z0-9][a-zA-Z0-9\[&:-]{0,8}".prop_map(move |word| Flag::Keyword(keyword(word))),
        "X-[a-z]{1,4}".prop_map(move |word| Flag::Extension(keyword(word))),
    ]
    .boxed()
}

/// A string of an envelope or a structure.
fn text() -> impl Strategy<Value = Octets> {
    octets().prop_map(Octets::from)
}

fn parameters() -> impl Strategy<Value = Parameters> {
    vec((text(), text()), 0..3).prop_map(Parameters::from)
}

fn address() -> BoxedStrategy<Address> {
    (option::of(text()), option::of(text()), option::of(text()), option::of(text()))
        .prop_map(|(name, route, mailbox, host)| Address { name, route, mailbox, host })
        .boxed()
}

fn envelope() -> BoxedStrategy<Envelope> {
    let addresses = || vec(address(), 0..3).prop_map(AddressList::from);
    // Sender and Reply-To are mostly From.
    let or_from = || option::of(addresses());
    (vec(option::of(text()), 4), (addresses(), or_from(), or_from(), addresses(), addresses(), addresses()))
        .prop_map(|(fields, (from, sender, reply_to, to, cc, bcc))| {
            let [date, subject, in_reply_to, message_id] = fields.try_into().expect("four fields");
            let sender = sender.unwrap_or_else(|| from.clone());
            let reply_to = reply_to.unwrap_or_else(|| from.clone());
            Envelope { date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id }
        })
        .boxed()
}

fn extension() -> BoxedStrategy<Extension> {
    let disposition = (text(), parameters()).prop_map(|(kind, parameters)| Disposition { kind, parameters });
    (option::of(text()), option::of(disposition), vec(text(), 0..3), option::of(text()))
        .prop_map(|(md5, disposition, language, location)| Extension { md5, disposition, language, location })
        .boxed()
}

/// A leaf of that type.
fn single(
    media_type: impl Strategy<Value = (Octets, Octets)> + 'static,
    content: impl Strategy<Value = Content> + 'static,
) -> BoxedStrategy<BodyStructure> {
    let encoding = text().prop_filter("it is never empty", |encoding| !encoding.is_empty());
    (
        media_type,
        parameters(),
        option::of(text()),
        option::of(text()),
        encoding,
        any::<u64>(),
        content,
        extension(),
    )
        .prop_map(
            |(
                (media_type, subtype),
                parameters,
                id,
                description,
                encoding,
                size_octets,
                content,
                extension,
            )| {
                BodyStructure::Single {
                    media_type,
                    subtype,
                    parameters,
                    id,
                    description,
                    encoding,
                    size_octets,
                    content,
                    extension: extension.into(),
                }
            },
        )
        .boxed()
}

/// Without message/global, which depends on the dialect.
pub(crate) fn structure() -> BoxedStrategy<BodyStructure> {
    let of_type =
        |media_type: &'static [u8]| text().prop_map(move |subtype| (Octets::from(media_type), subtype));
    let leaf = prop_oneof![
        single(of_type(b"Image"), Just(Content::Basic)),
        single(of_type(b"text"), any::<u64>().prop_map(|lines| Content::Text { lines })),
        single(Just((Octets::from(b"message"), Octets::from(b"partial"))), Just(Content::Basic)),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let message = (envelope(), inner.clone(), any::<u64>()).prop_map(|(envelope, structure, lines)| {
            Content::Message { envelope: Box::new(envelope), structure: Box::new(structure), lines }
        });
        let multipart = (vec(inner, 1..4), text(), parameters(), extension()).prop_map(
            |(parts, subtype, parameters, extension)| {
                let extension = Extension { md5: None, ..extension }.into();
                BodyStructure::Multipart { parts, subtype, parameters, extension }
            },
        );
        prop_oneof![single(Just((Octets::from(b"MESSAGE"), Octets::from(b"rfc822"))), message), multipart,]
    })
    .boxed()
}

/// What BODY can say of it.
pub(crate) fn without_extension(structure: BodyStructure) -> BodyStructure {
    match structure {
        BodyStructure::Multipart { parts, subtype, .. } => BodyStructure::Multipart {
            parts: parts.into_iter().map(without_extension).collect(),
            subtype,
            parameters: Parameters::new(),
            extension: None,
        },
        BodyStructure::Single {
            media_type,
            subtype,
            parameters,
            id,
            description,
            encoding,
            size_octets,
            content,
            ..
        } => BodyStructure::Single {
            media_type,
            subtype,
            parameters,
            id,
            description,
            encoding,
            size_octets,
            content: match content {
                Content::Message { envelope, structure, lines } => {
                    Content::Message { envelope, structure: Box::new(without_extension(*structure)), lines }
                }
                content => content,
            },
            extension: None,
        },
    }
}

pub(crate) fn part() -> impl Strategy<Value = Vec<u32>> {
    vec(1u32.., 0..3)
}

fn section() -> BoxedStrategy<Section> {
    let text = prop_oneof![
        Just(SectionText::Header),
        Just(SectionText::Text),
        Just(SectionText::Mime),
        (any::<bool>(), vec(octets().prop_map(Octets::from), 1..3))
            .prop_map(|(not, names)| SectionText::HeaderFields { not, names }),
    ];
    (part(), option::of(text))
        .prop_map(|(part, text)| Section { part, text })
        .prop_filter("MIME is of a part", |section| {
            !section.part.is_empty() || section.text != Some(SectionText::Mime)
        })
        .boxed()
}

pub(crate) fn uid() -> impl Strategy<Value = Uid> {
    (1u32..).prop_map(|uid| Uid::new(uid).expect("not 0"))
}

/// Attributes whose strings are octets of the message or nothing: each literal is a whole value.
fn plain_attribute() -> BoxedStrategy<FetchAttribute> {
    let origin = || option::of(any::<u64>());
    prop_oneof![
        vec(flag(), 0..4).prop_map(|flags| FetchAttribute::Flags(flags.into())),
        uid().prop_map(FetchAttribute::Uid),
        any::<u64>().prop_map(FetchAttribute::Rfc822Size),
        (select(vec!["RFC822", "RFC822.HEADER", "RFC822.TEXT"]), option::of(octets()))
            .prop_map(|(name, data)| FetchAttribute::Rfc822(name, data)),
        (part(), origin(), option::of(octets())).prop_map(|(part, origin, data)| FetchAttribute::Binary {
            part,
            origin,
            data
        }),
        (part(), any::<u64>()).prop_map(|(part, size)| FetchAttribute::BinarySize(part, size)),
    ]
    .boxed()
}

pub(crate) fn attribute() -> BoxedStrategy<FetchAttribute> {
    let date = (-62_000_000_000i64..253_000_000_000, -1439i16..=1439)
        .prop_map(|(seconds, offset)| DateTime::new(seconds, offset).expect("in range"));
    let other = select(vec![
        ("X-GM-RAW", "1278455344230334865"),
        ("THREADID", "NILS"),
        ("X", "(a (\"b\" {1}\r\n)))"),
    ])
    .prop_map(|(name, value)| FetchAttribute::Other(Bytes::from(name), Bytes::from(value)));
    prop_oneof![
        4 => plain_attribute(),
        1 => (0..=ModSeq::MAX.get())
            .prop_map(|mod_seq| FetchAttribute::ModSeq(ModSeq::new(mod_seq).expect("63 bits"))),
        1 => date.clone().prop_map(FetchAttribute::InternalDate),
        1 => option::of(date).prop_map(FetchAttribute::SaveDate),
        1 => object_id().prop_map(FetchAttribute::EmailId),
        1 => option::of(object_id()).prop_map(FetchAttribute::ThreadId),
        1 => option::of(octets()).prop_map(FetchAttribute::Preview),
        1 => annotation().prop_map(FetchAttribute::Annotation),
        1 => any::<u64>().prop_map(FetchAttribute::GmMsgId),
        1 => any::<u64>().prop_map(FetchAttribute::GmThrId),
        1 => vec(prop_oneof![octets(), Just(Bytes::from_static(b"\\Inbox"))], 0..4)
            .prop_map(FetchAttribute::GmLabels),
        1 => (part(), structure()).prop_map(|(part, structure)| {
            FetchAttribute::BodyPartStructure(part, Box::new(without_extension(structure)))
        }),
        1 => (part(), vec(octets(), 0..3))
            .prop_map(|(part, types)| FetchAttribute::AvailableConversions(part, types)),
        1 => envelope().prop_map(|envelope| FetchAttribute::Envelope(Box::new(envelope))),
        1 => structure().prop_map(|structure| FetchAttribute::Body(Box::new(without_extension(structure)))),
        1 => structure().prop_map(|structure| FetchAttribute::BodyStructure(Box::new(structure))),
        1 => (section(), option::of(any::<u64>()), option::of(octets()))
            .prop_map(|(section, origin, data)| FetchAttribute::Section { section, origin, data }),
        1 => other,
    ]
    .boxed()
}

pub(crate) fn number_set() -> impl Strategy<Value = NumberSet> {
    vec(1u32.., 1..5).prop_map(|numbers| numbers.into_iter().collect())
}

pub(crate) fn object_id() -> impl Strategy<Value = ObjectId> {
    "[A-Za-z0-9_-]{1,12}".prop_map(|id| ObjectId::new(id).expect("an id"))
}

fn annotation() -> impl Strategy<Value = Annotation> {
    let entry = (octets(), vec((octets(), option::of(octets())), 0..3))
        .prop_map(|(entry, attributes)| AnnotationEntry { entry, attributes });
    prop_oneof![
        vec(entry, 0..3).prop_map(Annotation::Values),
        vec(octets(), 1..4).prop_map(Annotation::Changed),
    ]
}

fn code() -> BoxedStrategy<Code> {
    let validity = || (1u32..).prop_map(|validity| UidValidity::new(validity).expect("not 0"));
    let plain = vec![
        Code::AlreadyExists,
        Code::AuthenticationFailed,
        Code::Cannot,
        Code::ClientBug,
        Code::Closed,
        Code::ContactAdmin,
        Code::Corruption,
        Code::Expired,
        Code::ExpungeIssued,
        Code::HasChildren,
        Code::InUse,
        Code::Limit,
        Code::NonExistent,
        Code::NoPerm,
        Code::OverQuota,
        Code::Parse,
        Code::PrivacyRequired,
        Code::ReadOnly,
        Code::ReadWrite,
        Code::ServerBug,
        Code::TooBig,
        Code::TryCreate,
        Code::UidNotSticky,
        Code::Unavailable,
        Code::UnknownCte,
    ];
    prop_oneof![
        3 => select(plain),
        1 => (validity(), ranges()).prop_map(|(validity, uids)| Code::AppendUid(validity, uids)),
        1 => (validity(), ranges(), ranges())
            .prop_map(|(validity, source, target)| Code::CopyUid(validity, source, target)),
        1 => vec(r"[A-Za-z0-9 ()\]-]{0,10}".prop_map(Bytes::from), 0..3).prop_map(Code::BadCharset),
        1 => vec(word().prop_map(Capability), 0..4).prop_map(Code::Capability),
        1 => vec(flag(), 0..5).prop_map(Code::PermanentFlags),
        1 => any::<u32>().prop_map(Code::UidNext),
        1 => validity().prop_map(Code::UidValidity),
        1 => any::<u32>().prop_map(Code::Unseen),
        1 => any::<u64>().prop_map(Code::HighestModSeq),
        4 => crate::extension_properties::code(),
        1 => select(vec!["X-NEW (a b)", "BADURL", "UNSEEN x", "METADATA", "INPROGRESS 3"])
            .prop_map(|code| Code::Other(Bytes::from(code))),
    ]
    .boxed()
}

fn status() -> BoxedStrategy<Response> {
    let tag = "[A-Za-z0-9.]{1,6}".prop_map(|tag| Tag::new(tag).expect("a tag"));
    let kind = select(vec![Kind::Ok, Kind::No, Kind::Bad, Kind::Bye, Kind::PreAuth]);
    let text = r"[!-Z\\^-~][ -~]{0,20}(\{3\})?".prop_map(Bytes::from);
    (option::of(tag), kind, option::of(code()), text)
        .prop_map(|(tag, kind, code, text)| Response::Status { tag, kind, code, text })
        .boxed()
}

pub(crate) fn list() -> BoxedStrategy<ListData> {
    use NameAttribute as N;
    let known = vec![
        N::NoSelect,
        N::NonExistent,
        N::NoInferiors,
        N::HasChildren,
        N::HasNoChildren,
        N::Marked,
        N::Unmarked,
        N::Subscribed,
        N::Remote,
        N::All,
        N::Archive,
        N::Drafts,
        N::Flagged,
        N::Junk,
        N::Sent,
        N::Trash,
        N::Important,
        N::Memos,
        N::Scheduled,
        N::Snoozed,
        N::Inbox,
        N::AllMail,
        N::Spam,
        N::Starred,
        N::Other(Bytes::from_static(b"\\X-New")),
    ];
    let extension = prop_oneof![
        vec(octets(), 0..3).prop_map(ListExtension::ChildInfo),
        octets().prop_map(ListExtension::OldName),
        select(vec!["()", "(a (\"b\" c))", "7", "1:3,5"])
            .prop_map(|value| ListExtension::Other(Bytes::from_static(b"VENDOR"), Bytes::from(value))),
    ];
    (vec(select(known), 0..4), option::of(b' '..=b'~'), octets(), vec(extension, 0..3))
        .prop_map(|(attributes, delimiter, name, extended)| ListData {
            attributes,
            delimiter,
            name,
            extended,
        })
        .boxed()
}

pub(crate) fn found() -> impl Strategy<Value = Found> {
    let mod_seq = (0..=ModSeq::MAX.get()).prop_map(|mod_seq| ModSeq::new(mod_seq).expect("63 bits"));
    (vec(any::<u32>(), 0..6), option::of(mod_seq)).prop_map(|(numbers, mod_seq)| Found { numbers, mod_seq })
}

fn status_data() -> impl Strategy<Value = StatusData> {
    use StatusItem as S;
    let numbers = S::ALL.into_iter().filter(|item| *item != S::MailboxId).collect::<Vec<_>>();
    let item = prop_oneof![
        (select(numbers), any::<u64>().prop_map(StatusValue::Number)),
        (Just(S::MailboxId), object_id().prop_map(StatusValue::Id)),
        Just((S::AppendLimit, StatusValue::Nil)),
    ];
    (octets(), vec(item, 0..4)).prop_map(|(name, items)| StatusData { name, items })
}

fn fetch(attribute: impl Strategy<Value = FetchAttribute>) -> impl Strategy<Value = Response> {
    ((1u32..), vec(attribute, 0..5)).prop_map(|(number, attributes)| Response::Fetch {
        seq_num: SeqNum::new(number).expect("not 0"),
        attributes: attributes.into(),
    })
}

fn response() -> impl Strategy<Value = Response> {
    let descriptor = (octets(), option::of(b' '..=b'~'), vec((octets(), vec(octets(), 1..3)), 0..2))
        .prop_map(|(prefix, delimiter, extensions)| Namespace { prefix, delimiter, extensions });
    let space = || vec(descriptor.clone(), 0..3);
    let numbered = prop_oneof![
        any::<u32>().prop_map(Response::Exists),
        any::<u32>().prop_map(Response::Recent),
        (1u32..).prop_map(|number| Response::Expunge(SeqNum::new(number).expect("not 0"))),
    ];
    Union::new_weighted(vec![
        (1, "[ -~]{0,20}".prop_map(|text| Response::Continue { text: text.into() }).boxed()),
        (3, status().boxed()),
        (1, vec(word().prop_map(Capability), 0..4).prop_map(Response::Capability).boxed()),
        (1, vec(word(), 0..4).prop_map(Response::Enabled).boxed()),
        (1, vec(flag(), 0..6).prop_map(Response::Flags).boxed()),
        (1, list().prop_map(Response::List).boxed()),
        (1, list().prop_map(Response::Lsub).boxed()),
        (1, [space(), space(), space()].prop_map(|spaces| Response::Namespace { spaces }).boxed()),
        (1, status_data().prop_map(Response::StatusData).boxed()),
        (1, found().prop_map(Response::Search).boxed()),
        (8, crate::extension_properties::response().boxed()),
        (1, numbered.boxed()),
        (8, fetch(attribute()).boxed()),
        (1, vec((octets(), option::of(octets())), 0..3).prop_map(Response::Id).boxed()),
        (1, Just(Response::Other(Bytes::from_static(b"* XPIG-LATIN ow-nay"))).boxed()),
    ])
}

fn write(response: &Response, dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    response.write(&mut out, dialect);
    out
}

/// All responses that the framer finds, with every literal inside.
fn frames(octets: &[u8], piece_octets: usize) -> Vec<Bytes> {
    let mut framer = ResponseFramer::new(usize::MAX, u64::MAX);
    let mut frames = Vec::new();
    for piece in octets.chunks(piece_octets) {
        framer.receive(piece);
        while let Some(event) = framer.poll() {
            let ResponseEvent::Response(frame) = event else { panic!("{event:?}") };
            frames.push(frame);
        }
    }
    assert!(!framer.has_buffered(), "the response is not complete: {}", octets.escape_ascii());
    frames
}

/// Reads one FETCH through a framer that streams every literal, as a client does.
fn stream(octets: &[u8], piece_octets: usize) -> Vec<FetchAttribute> {
    let mut framer = ResponseFramer::new(usize::MAX, 0);
    let mut attributes = Vec::new();
    let mut streamed: Option<StreamedFetch> = None;
    let mut data = Vec::new();
    for piece in octets.chunks(piece_octets) {
        framer.receive(piece);
        while let Some(event) = framer.poll() {
            match event {
                ResponseEvent::StreamStart { frame, .. } => {
                    let next = match &streamed {
                        None => StreamedFetch::parse_head(&frame),
                        Some(last) => last.parse_next(&frame),
                    };
                    let next = next.expect("a FETCH with a literal");
                    attributes.extend(next.before.iter().cloned());
                    streamed = Some(next);
                }
                ResponseEvent::Chunk(chunk) => data.extend_from_slice(&chunk),
                ResponseEvent::StreamEnd => {
                    let item = streamed.as_ref().expect("it has begun").item.clone();
                    attributes.extend(item.into_attribute(Some(std::mem::take(&mut data).into())));
                }
                ResponseEvent::Response(frame) => attributes.extend(match &streamed {
                    Some(last) => last.parse_rest(&frame),
                    None => match Response::parse(&frame) {
                        Ok(Response::Fetch { attributes, .. }) => attributes,
                        other => panic!("{other:?}"),
                    },
                }),
                ResponseEvent::TooLong => panic!("there is no limit"),
            }
        }
    }
    attributes
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(response in response(), piece_octets in 1usize..40) {
        for dialect in DIALECTS {
            let written = write(&response, dialect);
            let frames = frames(&written, piece_octets);
            prop_assert_eq!(frames.len(), 1, "{}", written.escape_ascii());
            let read = Response::parse(&frames[0]);
            prop_assert_eq!(read.as_ref(), Ok(&response), "{:?}: {}", dialect, written.escape_ascii());
        }
    }

    #[test]
    fn a_streamed_fetch_has_the_same_attributes(
        response in fetch(plain_attribute()),
        piece_octets in 1usize..40,
    ) {
        let Response::Fetch { attributes, .. } = &response else { panic!("it is a FETCH") };
        let written = write(&response, Dialect::IMAP4);
        prop_assert_eq!(stream(&written, piece_octets), attributes.as_slice(), "{}", written.escape_ascii());
    }

    /// A streamed literal somewhere inside an item costs that item, and no other.
    #[test]
    fn a_literal_streamed_inside_an_item_hides_no_other(
        response in fetch(prop_oneof![
            plain_attribute(),
            envelope().prop_map(|envelope| FetchAttribute::Envelope(Box::new(envelope))),
            structure().prop_map(|structure| FetchAttribute::BodyStructure(Box::new(structure))),
        ]),
        piece_octets in 1usize..40,
    ) {
        let Response::Fetch { seq_num, attributes } = response.clone() else { panic!("it is a FETCH") };
        let is_whole = |attribute: &FetchAttribute| {
            let nests = matches!(attribute, FetchAttribute::Envelope(_) | FetchAttribute::BodyStructure(_));
            let alone = Response::Fetch { seq_num, attributes: vec![attribute.clone()].into() };
            !nests || stream(&write(&alone, Dialect::IMAP4), piece_octets).len() == 1
        };
        let expected: Vec<FetchAttribute> = attributes.into_iter().filter(is_whole).collect();
        let written = write(&response, Dialect::IMAP4);
        prop_assert_eq!(stream(&written, piece_octets), expected, "{}", written.escape_ascii());
    }

    /// Damage to a response costs what it hits, not the message and not the parser.
    #[test]
    fn damage_is_survived(
        response in response(),
        damage in vec((any::<Index>(), prop_oneof![select(b"(){}\"\\[]<>~ \r\n*%0A".to_vec()), any::<u8>()]), 1..4),
    ) {
        let mut octets = write(&response, Dialect::IMAP4);
        octets.truncate(octets.len() - 2);
        let start = if let Response::Fetch { seq_num, .. } = &response { format!("* {seq_num} FETCH ").len() } else { 0 };
        for (at, octet) in damage {
            if start < octets.len() {
                let at = start + at.index(octets.len() - start);
                octets[at] = octet;
            }
        }
        let frame = Bytes::from(octets);
        let read = Response::parse(&frame);
        if let Response::Fetch { seq_num, .. } = response {
            prop_assert!(matches!(&read, Ok(Response::Fetch { seq_num: read, .. }) if *read == seq_num), "{:?}", read);
        }
        if let Ok(read) = read {
            // Whatever it was taken for can be written.
            for dialect in DIALECTS {
                prop_assert!(write(&read, dialect).ends_with(b"\r\n"));
            }
        }
        if let Some(streamed) = StreamedFetch::parse_head(&frame) {
            streamed.parse_rest(&frame);
            streamed.parse_next(&frame);
        }
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in vec(any::<u8>(), 0..200), start in select(vec!["", "* ", "* 1 FETCH (", "a OK ["])) {
        let frame: Bytes = [start.as_bytes(), &octets].concat().into();
        // Only the absence of a panic is asked for.
        let _ = Response::parse(&frame);
        let _ = StreamedFetch::parse_head(&frame).map(|streamed| streamed.parse_rest(&frame));
    }

    /// What is kept verbatim is written as it came.
    #[test]
    fn unknown_responses_come_back(text in "X[A-Z-]{1,8}( [ -~]{0,20})?") {
        let frame = Bytes::from(format!("* {text}"));
        let response = Response::parse(&frame).expect("untagged");
        prop_assert_eq!(write(&response, Dialect::IMAP4), [&frame[..], b"\r\n"].concat());
    }
}

/// message/global nests its message in IMAP4rev2 only.
#[test]
fn message_global_by_dialect() {
    let leaf = |media_type: &'static [u8], subtype: &'static [u8], content| BodyStructure::Single {
        media_type: media_type.into(),
        subtype: subtype.into(),
        parameters: Parameters::new(),
        id: None,
        description: None,
        encoding: b"8BIT".into(),
        size_octets: 3,
        content,
        extension: None,
    };
    let global = leaf(
        b"MESSAGE",
        b"GLOBAL",
        Content::Message {
            envelope: Box::default(),
            structure: Box::new(leaf(b"TEXT", b"PLAIN", Content::Text { lines: 1 })),
            lines: 2,
        },
    );
    let written = |dialect| {
        let mut out = Vec::new();
        global.write_body(&mut out, dialect);
        String::from_utf8(out).expect("ASCII")
    };
    for dialect in &DIALECTS[..3] {
        assert_eq!(written(*dialect), r#"("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 3)"#);
    }
    assert_eq!(
        written(DIALECTS[3]),
        concat!(
            r#"("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 3 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "#,
            r#"("TEXT" "PLAIN" NIL NIL NIL "8BIT" 3 1) 2)"#
        )
    );
}

/// The grammar knows no multipart without a part.
#[test]
fn a_multipart_without_parts_has_an_empty_text() {
    let empty = BodyStructure::Multipart {
        parts: Vec::new(),
        subtype: b"mixed".into(),
        parameters: Parameters::new(),
        extension: None,
    };
    let mut out = Vec::new();
    empty.write_body_structure(&mut out, Dialect::IMAP4);
    assert_eq!(
        String::from_utf8_lossy(&out),
        r#"(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0) "mixed" NIL NIL NIL NIL)"#
    );
}

/// A value cannot end its line and start another one.
#[test]
fn no_value_breaks_its_line() {
    let evil = Bytes::from_static(b"x\r\n* BYE ha]");
    let with_code = |code| Response::Status {
        tag: None,
        kind: Kind::Ok,
        code: Some(code),
        text: Bytes::from_static(b"x"),
    };
    let responses = [
        Response::Continue { text: evil.clone() },
        Response::Status {
            tag: None,
            kind: Kind::Ok,
            code: Some(Code::Other(evil.clone())),
            text: evil.clone(),
        },
        Response::Status {
            tag: None,
            kind: Kind::Ok,
            code: Some(Code::BadCharset(vec![evil.clone()])),
            text: evil.clone(),
        },
        with_code(Code::BadUrl(evil.clone())),
        with_code(Code::NoUpdate(evil.clone())),
        with_code(Code::NewName(evil.clone(), evil.clone())),
        with_code(Code::UrlMech(vec![evil.clone()])),
        with_code(Code::BadEvent(vec![evil.clone()])),
        Response::Capability(vec![Capability(evil.clone())]),
        Response::Enabled(vec![evil.clone()]),
        Response::List(ListData {
            attributes: vec![NameAttribute::Other(evil.clone())],
            delimiter: Some(b'\n'),
            name: evil.clone(),
            extended: vec![ListExtension::OldName(evil.clone())],
        }),
        Response::JmapAccess(evil.clone()),
        Response::Mailbox(evil.clone()),
        Response::Quota(imap_proto::response::Quota {
            root: evil.clone(),
            usages: vec![imap_proto::response::QuotaUsage {
                resource: imap_proto::types::QuotaResource::Other(evil.clone()),
                usage: 1,
                limit: 2,
            }],
        }),
    ];
    for response in responses {
        let written = write(&response, Dialect::IMAP4);
        assert_eq!(frames(&written, 1000).len(), 1, "{}", written.escape_ascii());
    }
}
