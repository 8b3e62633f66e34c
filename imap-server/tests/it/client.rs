//! Our own client against our own server, through real sockets.

use std::path::Path;
use std::time::Duration;

use imap_client::{
    ClientBuilder, Connection, Error, Event, FetchEvent, Message, Messages, Secret, Security, TlsRoots,
};
use imap_proto::command::{FetchItem, FlagAction, Section, StatusItem};
use imap_proto::response::{Code, FetchAttribute};
use imap_proto::types::{
    BodyStructure, DateTime, Flag, Keyword, MailboxName, NumberSet, SearchKey, SeqNum, SystemFlag, Uid,
};
use tempfile::TempDir;

use crate::support::{FREE_PORTS, Running, add_user, start};

const USER: &str = "alice";
const PASSWORD: &str = "correct horse \"battery\"";
const LARGE_OCTETS: usize = 10 << 20;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with one user.
struct Site {
    // Before the directory, so that it is gone first.
    server: Running,
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let server = start(dir.path(), &FREE_PORTS);
        add_user(dir.path(), USER, PASSWORD);
        Self { server, dir }
    }

    fn builder(&self, security: Security) -> ClientBuilder {
        builder(&self.server, self.dir.path(), security)
    }

    /// A connection over TLS, logged in.
    async fn connect(&self) -> Connection {
        let connection = self.builder(Security::Tls).connect().await.expect("it answers");
        connection.login(USER, &Secret::new(PASSWORD)).await.expect("the right password");
        connection
    }

    /// The same, with a mailbox selected.
    async fn open(&self, mailbox: &str) -> Connection {
        let connection = self.connect().await;
        connection.select(&name(mailbox)).await.expect("it is there");
        connection
    }
}

fn builder(server: &Running, data: &Path, security: Security) -> ClientBuilder {
    let listener = if security == Security::Tls { "imaps" } else { "imap" };
    let certificate = std::fs::read(data.join("tls/cert.pem")).expect("made by the server");
    ClientBuilder::new("localhost", server.address(listener).port(), security)
        .roots(TlsRoots::Pem(certificate))
        .deadline(PATIENCE)
}

fn name(name: &str) -> MailboxName {
    MailboxName::new(name).expect("a mailbox name")
}

fn body() -> FetchItem {
    FetchItem::Section { section: Section::default(), partial: None, peek: true }
}

fn small(subject: &str) -> Vec<u8> {
    format!(
        "Date: Sun, 22 Nov 2026 08:00:00 +0000\r\nFrom: Ann <ann@example.org>\r\nTo: alice@example.org\r\n\
         Subject: {subject}\r\nMessage-ID: <1@example.org>\r\n\r\nThe body of {subject}.\r\n"
    )
    .into_bytes()
}

/// A message of `LARGE_OCTETS` octets that are not all alike, with every octet but NUL.
fn large() -> Vec<u8> {
    let mut message = b"Subject: large\r\nContent-Type: application/octet-stream\r\n\r\n".to_vec();
    let place = message.len()..LARGE_OCTETS;
    message.extend(place.map(|place| u8::try_from(1 + place % 255).expect("under 256")));
    message
}

fn flag(flag: SystemFlag) -> Flag {
    Flag::System(flag)
}

fn set(numbers: &[u32]) -> NumberSet {
    numbers.iter().copied().collect()
}

fn uids(numbers: &[u32]) -> Messages {
    Messages::uids(&set(numbers)).expect("not empty")
}

fn bodies(messages: &[Message]) -> Vec<&[u8]> {
    messages.iter().filter_map(|message| message.body().map(|body| &body[..])).collect()
}

/// What comes within the patience of a test.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it comes in time")
}

#[tokio::test]
async fn passwords_go_over_tls_starttls_and_where_it_is_allowed_in_clear_text() {
    let site = Site::new();
    let password = Secret::new(PASSWORD);
    for security in [Security::Tls, Security::StartTls] {
        let connection = site.builder(security).connect().await.expect("it answers");
        assert!(!connection.capabilities().has("STARTTLS"), "{security:?}");
        connection.login(USER, &password).await.expect("the right password");
        assert!(connection.capabilities().has("MOVE"), "told after the login: {security:?}");
        connection.logout().await.expect("a good end");
    }

    let clear = site.builder(Security::None).connect().await.expect("it answers");
    let refused = clear.login(USER, &password).await;
    assert!(matches!(refused, Err(Error::ClearTextPassword)), "{refused:?}");
    let allowed = site.builder(Security::None).allow_clear_text_passwords();
    let clear = allowed.connect().await.expect("it answers");
    clear.login(USER, &password).await.expect("the operator and the caller allow it");
    clear.noop().await.expect("logged in");
}

#[tokio::test]
async fn a_server_that_takes_no_passwords_in_clear_text_gets_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = start(dir.path(), &["--imap", "127.0.0.1:0", "--imaps", "none"]);
    add_user(dir.path(), USER, PASSWORD);
    let builder = builder(&server, dir.path(), Security::None).allow_clear_text_passwords();
    let connection = builder.connect().await.expect("it answers");
    assert!(connection.capabilities().has("LOGINDISABLED"));
    let refused = connection.login(USER, &Secret::new(PASSWORD)).await.expect_err("no TLS");
    assert!(matches!(refused, Error::Unsupported { what: "LOGIN" }), "{refused:?}");
    connection.noop().await.expect("the connection goes on");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_the_attempt() {
    let site = Site::new();
    for security in [Security::Tls, Security::StartTls] {
        let attempt = site.builder(security).roots(TlsRoots::Native).connect().await;
        assert!(matches!(attempt, Err(Error::Tls(_))), "{security:?}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_can_be_tried_again() {
    let site = Site::new();
    let connection = site.builder(Security::Tls).connect().await.expect("it answers");
    let refused = connection.login(USER, &Secret::new("guess")).await;
    assert!(
        matches!(&refused, Err(Error::Refused { code: Some(Code::AuthenticationFailed), .. })),
        "{refused:?}"
    );
    let stranger = connection.login("nobody", &Secret::new(PASSWORD)).await;
    assert!(
        matches!(&stranger, Err(Error::Refused { code: Some(Code::AuthenticationFailed), .. })),
        "{stranger:?}"
    );
    connection.login(USER, &Secret::new(PASSWORD)).await.expect("the right password");
}

#[tokio::test]
async fn mailboxes_in_every_script_are_made_listed_renamed_and_removed() {
    let site = Site::new();
    let connection = site.connect().await;
    for mailbox in ["Entw\u{fc}rfe & mehr", "\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}", "\u{1f4ee}"] {
        connection.create(&name(mailbox)).await.expect("made");
        let listed = connection.list("", mailbox).await.expect("listed");
        assert_eq!(listed.len(), 1, "{mailbox}");
        assert_eq!(listed[0].name, Some(name(mailbox)));
        assert!(listed[0].is_selectable() && listed[0].delimiter == Some(b'/'));
        connection.subscribe(&name(mailbox)).await.expect("subscribed");
    }
    let all = connection.list("", "*").await.expect("listed");
    assert!(all.iter().any(|entry| entry.name == Some(MailboxName::inbox())), "{all:?}");
    let below = connection.list("", "\u{53f0}\u{5317}/%").await.expect("listed");
    assert_eq!(below.len(), 1);

    let (from, to) = (name("\u{53f0}\u{5317}"), name("\u{9ad8}\u{96c4}"));
    connection.rename(&from, &to).await.expect("renamed with what is below");
    let moved = name("\u{9ad8}\u{96c4}/\u{65e5}\u{672c}\u{8a9e}");
    connection.select(&moved).await.expect("it has its new name");
    connection.close().await.expect("closed");
    connection.delete(&moved).await.expect("removed");
    let gone = connection.select(&moved).await;
    assert!(matches!(gone, Err(Error::Refused { .. })), "{gone:?}");
    let taken = connection.create(&name("\u{1f4ee}")).await;
    assert!(matches!(&taken, Err(Error::Refused { code: Some(Code::AlreadyExists), .. })), "{taken:?}");
    let subscribed = connection.list_subscribed("", "*").await.expect("listed");
    assert!(subscribed.iter().any(|entry| entry.name == Some(name("\u{1f4ee}"))));
}

#[tokio::test]
async fn a_small_message_comes_back_with_all_that_is_known_of_it() {
    let site = Site::new();
    let connection = site.connect().await;
    assert!(connection.capabilities().has("LITERAL+"), "it goes out unasked");
    let message = small("gr\u{fc}\u{df}e");
    let date = DateTime::new(1_795_338_000, 60).expect("a date");
    let keyword = Flag::Keyword(Keyword::new("Urgent").expect("a keyword"));
    let flags = [flag(SystemFlag::Flagged), keyword];
    let inbox = MailboxName::inbox();
    let appended = connection.append(&inbox, &flags, Some(date), message.clone()).await.expect("kept");
    let appended = appended.expect("UIDPLUS");

    let selected = connection.select(&inbox).await.expect("it is there");
    assert_eq!((selected.exists, selected.recent), (1, Some(1)));
    assert_eq!(selected.uid_validity, Some(appended.uid_validity));
    assert!(!selected.read_only);
    let items = [
        FetchItem::Envelope,
        FetchItem::BodyStructure,
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Rfc822Size,
        body(),
    ];
    let found = Messages::uids(&appended.uids).expect("one");
    let fetched = connection.fetch(found, items).await.expect("sent").collect().await.expect("read");
    assert_eq!(fetched.len(), 1);
    let fetched = &fetched[0];
    assert_eq!(fetched.body().map(|body| &body[..]), Some(&message[..]));
    assert_eq!(fetched.size_octets(), Some(message.len() as u64));
    assert_eq!(fetched.internal_date(), Some(date));
    let told = fetched.flags().expect("asked for");
    assert!(flags.iter().all(|flag| told.contains(flag)), "{told:?}");
    let envelope = fetched.envelope().expect("asked for");
    assert_eq!(envelope.subject.as_deref(), Some("gr\u{fc}\u{df}e".as_bytes()));
    assert_eq!(envelope.message_id.as_deref(), Some(&b"<1@example.org>"[..]));
    let structure = fetched.attributes.iter().find_map(|attribute| match attribute {
        FetchAttribute::BodyStructure(structure) => Some(&**structure),
        _ => None,
    });
    let Some(BodyStructure::Single { media_type, size_octets, .. }) = structure else {
        panic!("{structure:?}")
    };
    assert!(media_type.eq_ignore_ascii_case(b"text"));
    let text = message.windows(4).position(|at| at == b"\r\n\r\n").expect("a header") + 4;
    assert_eq!(*size_octets, (message.len() - text) as u64);
}

#[tokio::test]
async fn a_large_message_is_streamed_both_ways_and_comes_back_octet_for_octet() {
    let site = Site::new();
    let connection = site.connect().await;
    let (inbox, message) = (MailboxName::inbox(), large());
    // Too large to go out unasked: this waits for the server's `+`.
    let size = message.len() as u64;
    connection.append_from(&inbox, &[], None, size, &message[..]).await.expect("kept");
    connection.append(&inbox, &[], None, small("behind")).await.expect("kept");
    connection.append(&inbox, &[], None, message.clone()).await.expect("kept");
    connection.select(&inbox).await.expect("it is there");

    let mut stream = connection.fetch(Messages::all(), [FetchItem::Flags, body()]).await.expect("sent");
    let (mut streamed, mut whole, mut order) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(event) = soon(stream.next()).await {
        match event.expect("no end in the middle") {
            FetchEvent::Body(mut body) => {
                assert_eq!(body.size_octets, size);
                let mut octets = Vec::new();
                while let Some(chunk) = body.chunk().await.expect("no end in the middle") {
                    octets.extend_from_slice(&chunk);
                }
                streamed.push(octets);
            }
            FetchEvent::Message(message) => {
                order.push(message.seq_num.get());
                assert!(message.flags().is_some());
                whole.extend(message.body().cloned());
            }
        }
    }
    assert_eq!(order, [1, 2, 3]);
    assert_eq!(whole, [small("behind")]);
    // Not assert_eq: ten million octets are no message for a person.
    assert!(streamed.len() == 2 && streamed.iter().all(|octets| *octets == message), "a body changed");
}

#[tokio::test]
async fn an_upload_that_is_refused_costs_no_octets_and_leaves_the_connection_alone() {
    let site = Site::new();
    let connection = site.connect().await;
    let message = large();
    let size = message.len() as u64;
    let refused = connection.append_from(&name("Nowhere"), &[], None, size, &message[..]).await;
    assert!(matches!(&refused, Err(Error::Refused { code: Some(Code::TryCreate), .. })), "{refused:?}");
    // Unasked, so its octets are on the wire already: the server reads over them.
    let refused = connection.append(&name("Nowhere"), &[], None, small("lost")).await;
    assert!(matches!(&refused, Err(Error::Refused { code: Some(Code::TryCreate), .. })), "{refused:?}");
    connection.noop().await.expect("the connection goes on");
}

#[tokio::test]
async fn a_dropped_fetch_disturbs_nothing() {
    let site = Site::new();
    let connection = site.connect().await;
    let inbox = MailboxName::inbox();
    connection.append(&inbox, &[], None, large()).await.expect("kept");
    connection.append(&inbox, &[], None, small("next")).await.expect("kept");
    connection.select(&inbox).await.expect("it is there");

    // In the middle of a body, before anything came, and before it was even sent.
    let mut stream = connection.fetch(uids(&[1]), [body()]).await.expect("sent");
    let Some(Ok(FetchEvent::Body(mut begun))) = soon(stream.next()).await else { panic!("it is large") };
    assert!(begun.chunk().await.expect("it has octets").is_some());
    drop(stream);
    drop(connection.fetch(Messages::all(), [body()]).await.expect("sent"));
    drop(connection.fetch(Messages::all(), [body()]));

    let next = connection.fetch(uids(&[2]), [body()]).await.expect("sent");
    let messages = soon(next.collect()).await.expect("read");
    assert_eq!(bodies(&messages), [small("next")]);
    soon(connection.noop()).await.expect("the connection goes on");
}

#[tokio::test]
async fn flags_searches_copies_moves_and_expunges() {
    let site = Site::new();
    let connection = site.connect().await;
    let (inbox, kept) = (MailboxName::inbox(), name("Aufgehoben \u{2713}"));
    for number in 1..=5 {
        let message = small(&format!("Nummer {number} \u{fc}ber"));
        connection.append(&inbox, &[], None, message).await.expect("kept");
    }
    connection.create(&kept).await.expect("made");
    connection.select(&inbox).await.expect("it is there");

    let changed = connection.store(uids(&[2, 3]), FlagAction::Add, [flag(SystemFlag::Seen)]);
    let changed = changed.await.expect("changed");
    assert_eq!(changed.iter().map(|message| message.seq_num.get()).collect::<Vec<_>>(), [2, 3]);
    assert!(changed.iter().all(|message| message.uid() == Uid::new(message.seq_num.get())));
    assert!(changed.iter().all(|message| message.flags().expect("told").contains(&flag(SystemFlag::Seen))));
    let unseen = SearchKey::Not(Box::new(SearchKey::Flag(SystemFlag::Seen)));
    assert_eq!(
        connection.search(unseen).await.expect("found"),
        [1, 4, 5].map(|n| SeqNum::new(n).expect("not 0"))
    );
    // A string that is no ASCII goes in a literal with a charset.
    let text = SearchKey::Header("Subject".into(), "NUMMER 4 \u{dc}BER".into());
    assert_eq!(connection.uid_search(text).await.expect("found"), [Uid::new(4).expect("not 0")]);
    assert_eq!(connection.search(SearchKey::Text("nowhere".into())).await.expect("found"), []);

    let copied = connection.copy(uids(&[1, 2]), &kept).await.expect("copied").expect("COPYUID");
    assert_eq!((copied.from, copied.to), (set(&[1, 2]).into(), set(&[1, 2]).into()));
    let moved = connection.move_to(uids(&[3]), &kept).await.expect("moved").expect("COPYUID");
    assert_eq!((moved.from, moved.to), (set(&[3]).into(), set(&[3]).into()));
    let items = [StatusItem::Messages, StatusItem::UidNext, StatusItem::Unseen];
    let status = connection.status(&kept, &items).await.expect("told");
    assert_eq!(items.map(|item| status.get(item)), [Some(3), Some(4), Some(1)]);

    connection
        .store_silent(uids(&[2, 5]), FlagAction::Add, [flag(SystemFlag::Deleted)])
        .await
        .expect("changed");
    let Messages::Uids(five) = uids(&[5]) else { unreachable!("made of UIDs") };
    assert_eq!(connection.uid_expunge(five).await.expect("gone"), [SeqNum::new(4).expect("not 0")]);
    assert_eq!(connection.expunge().await.expect("gone"), [SeqNum::new(2).expect("not 0")]);
    let left = connection.uid_search(SearchKey::All).await.expect("found");
    assert_eq!(left, [1, 4].map(|uid| Uid::new(uid).expect("not 0")));

    let nowhere = connection.copy(uids(&[1]), &name("Nowhere")).await;
    assert!(matches!(&nowhere, Err(Error::Refused { code: Some(Code::TryCreate), .. })), "{nowhere:?}");
    connection.unselect().await.expect("nothing is selected");
    connection.examine(&kept).await.expect("it is there");
    let refused = connection.store(uids(&[1]), FlagAction::Add, [flag(SystemFlag::Deleted)]).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "EXAMINE is to read only: {refused:?}");
}

#[tokio::test]
async fn idle_tells_what_another_connection_does() {
    let site = Site::new();
    let (watcher, worker) = (site.open("INBOX").await, site.open("INBOX").await);
    let mut idle = watcher.idle().await.expect("it has IDLE");
    worker.append(&MailboxName::inbox(), &[], None, small("news")).await.expect("kept");
    soon(wait_for(&mut idle, |event| matches!(event, Event::Exists(1)))).await;

    // A command in between: IDLE makes room and begins anew.
    let messages = watcher.fetch(uids(&[1]), [body()]).await.expect("sent").collect().await.expect("read");
    assert_eq!(bodies(&messages), [small("news")]);

    worker.store(uids(&[1]), FlagAction::Add, [flag(SystemFlag::Deleted)]).await.expect("changed");
    let deleted = flag(SystemFlag::Deleted);
    soon(wait_for(&mut idle, |event| match event {
        Event::Fetch { attributes, .. } => attributes
            .iter()
            .any(|attribute| matches!(attribute, FetchAttribute::Flags(flags) if flags.contains(&deleted))),
        _ => false,
    }))
    .await;
    worker.expunge().await.expect("gone");
    soon(wait_for(&mut idle, |event| matches!(event, Event::Expunged(seq_num) if seq_num.get() == 1))).await;
    idle.stop().await.expect("it ends");
    watcher.logout().await.expect("a good end");
}

async fn wait_for(idle: &mut imap_client::Idle, wanted: impl Fn(&Event) -> bool) {
    while !wanted(&idle.next().await.expect("the connection stays")) {}
}

#[tokio::test]
async fn news_come_with_the_next_command() {
    let site = Site::new();
    let (watcher, worker) = (site.open("INBOX").await, site.connect().await);
    let mut events = watcher.events();
    worker.append(&MailboxName::inbox(), &[], None, small("news")).await.expect("kept");
    watcher.noop().await.expect("logged in");
    while !matches!(soon(events.next()).await.expect("the connection stays"), Event::Exists(1)) {}

    assert!(site.server.terminate().2, "it stops cleanly");
    while !matches!(soon(events.next()).await.expect("a goodbye first"), Event::Bye(_)) {}
    let gone = soon(watcher.noop()).await;
    assert!(matches!(gone, Err(Error::Closed { .. })), "{gone:?}");
}

#[tokio::test]
async fn many_callers_share_one_connection() {
    let site = Site::new();
    let connection = site.connect().await;
    let inbox = MailboxName::inbox();
    for number in 1..=20 {
        connection.append(&inbox, &[], None, small(&number.to_string())).await.expect("kept");
    }
    connection.select(&inbox).await.expect("it is there");
    let callers = (1..=20_u32).map(|number| {
        let connection = connection.clone();
        tokio::spawn(async move {
            let fetched = connection.fetch(uids(&[number]), [body()]).await.expect("sent");
            let messages = fetched.collect().await.expect("read");
            assert_eq!(bodies(&messages), [small(&number.to_string())]);
            connection.noop().await.expect("logged in");
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        soon(caller).await.expect("its own message");
    }
}
