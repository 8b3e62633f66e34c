//! The store and the sessions that a transcript plays on: a memory store with a fixed clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use imap_auth::UserRecord;
use imap_auth::{
    Authenticator, BoxFuture, Credentials, Directory, DirectoryError, HashCost, Secret, Settings, Throttle,
    ThrottleSettings,
};
use imap_proto::types::{Flag, Keyword, MailboxName, NumberSet, SystemFlag, Uid};
use imap_server::session::options::Ceiling;
use imap_server::session::{Next, Output, Peer, Session};
use imap_server::{Limits, ListenerPolicy, Logins, SearchThreads, Services};
use imap_store::account::{Account, AclChange, FlagChange, NewMessage, Quota, Rights};
use imap_store::log::AccountId;
use imap_store::{Clock, Options, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::script::{Kind, Script};

/// 22 November 2026, 09:00 UTC.
const NOW: i64 = 1_795_338_000;
const PASSWORD: &[u8] = b"secret";
const COST: HashCost = HashCost { memory_kib: 8, passes: 1 };

/// Everything that a transcript needs around it.
pub(super) struct Stage {
    services: Services,
    policy: Arc<ListenerPolicy>,
    tls: bool,
    pub(super) connections: BTreeMap<usize, Connection>,
}

/// One session, with what it sent and nobody looked at yet.
pub(super) struct Connection {
    pub(super) session: Session,
    sent: Sent,
    pub(super) next: Next,
    now: Instant,
}

#[derive(Default)]
struct Sent(Vec<u8>);

impl Output for Sent {
    type Error = std::convert::Infallible;

    async fn send(&mut self, octets: &mut Vec<u8>) -> Result<(), Self::Error> {
        self.0.append(octets);
        Ok(())
    }
}

impl Stage {
    /// Builds what stands at the top of a script.
    pub(super) async fn build(script: &Script) -> Self {
        let options = Options { clock: Clock::fixed(NOW), ..Options::default() };
        let store = Store::in_memory(options).expect("memory");
        let mut limits = Limits::default();
        let mut policy = ListenerPolicy { allow_cleartext: true, ..ListenerPolicy::default() };
        let mut tls = false;
        let mut anonymous = None;
        let mut messages: HashMap<String, Vec<u8>> = HashMap::new();
        let mut current = String::new();
        for line in &script.lines {
            match &line.kind {
                Kind::Listener(kind) => match kind.as_str() {
                    "cleartext" => {}
                    "starttls" => (policy.starttls, policy.allow_cleartext) = (true, false),
                    "tls" => {
                        policy.allow_cleartext = false;
                        tls = true;
                    }
                    "imap2" => policy.dialect.ceiling = Some(Ceiling::Imap2),
                    "imap2bis" => policy.dialect.ceiling = Some(Ceiling::Imap2bis),
                    "anonymous" => anonymous = Some("anonymous".to_owned()),
                    "bboards" => policy.dialect.bboards = Some(true),
                    "no-bboards" => policy.dialect.bboards = Some(false),
                    "copy-creates" => policy.dialect.copy_creates = true,
                    "old-dates" => policy.dialect.old_dates = true,
                    other => match other.strip_prefix("hide-capabilities ") {
                        Some(names) => policy.dialect.hidden = names.split(' ').map(str::to_owned).collect(),
                        None => panic!("line {}: no listener {other}", line.number),
                    },
                },
                Kind::Limit(name, value) => set_limit(&mut limits, name, *value),
                Kind::Message(name) => current.clone_from(name),
                Kind::MessageLine(text) => {
                    let message = messages.entry(current.clone()).or_default();
                    message.extend_from_slice(text.as_bytes());
                    message.extend_from_slice(b"\r\n");
                }
                Kind::Store { user, what } => fill(&store, &messages, user, what).await,
                _ => {}
            }
        }
        let directory = Arc::new(StoreDirectory(store.clone()));
        let settings = Settings {
            cost: COST,
            hashes_at_once: 1,
            anonymous,
            throttle: Some(Throttle::new(ThrottleSettings::default())),
            ..Settings::new(Secret::new("of the stage"))
        };
        let authenticator = Authenticator::new(directory, settings);
        let services = Services {
            store,
            authenticator,
            users: None,
            logins: Logins::new(CancellationToken::new(), limits.connections_per_user_max),
            search_threads: SearchThreads::new(limits.search_threads),
            limits: Arc::new(limits),
            host_name: "example.org".into(),
        };
        Self { services, policy: Arc::new(policy), tls, connections: BTreeMap::new() }
    }

    /// What lends threads to searches that look into messages.
    pub(super) fn search_threads(&self) -> Arc<Semaphore> {
        Arc::clone(&self.services.search_threads.thorough)
    }

    /// A user's account.
    pub(super) fn account(&self, user: &str) -> Account {
        let user = self.services.store.user(user).expect("the script names the user");
        self.services.store.account(user.account).expect("it loads")
    }

    /// Begins a connection and brings it where the script begins.
    pub(super) async fn connect(&mut self, number: usize, how: &str) {
        let now = Instant::now();
        let peer = Peer { address: Some(([127, 0, 0, 1], 40_000).into()), tls: self.tls };
        let session = Session::new(self.services.clone(), Arc::clone(&self.policy), peer, now);
        let mut connection = Connection { session, sent: Sent::default(), next: Next::Read, now };
        let Ok(()) = connection.session.greet(&mut connection.sent).await;
        let mut steps = how.split(", ");
        let first = steps.next().unwrap_or_default();
        if let Some(user) = first.strip_prefix("logged in as ") {
            connection.quietly(&format!("x1 LOGIN {user} secret")).await;
            for step in steps {
                let (mailbox, verb) = step.rsplit_once(' ').expect("MAILBOX selected");
                let verb = if verb == "examined" { "EXAMINE" } else { "SELECT" };
                connection.quietly(&format!("x2 {verb} \"{mailbox}\"")).await;
            }
        } else {
            assert_eq!(first, "connected");
        }
        self.connections.insert(number, connection);
    }
}

impl Connection {
    async fn quietly(&mut self, command: &str) {
        self.feed(format!("{command}\r\n").as_bytes()).await;
        let sent = String::from_utf8_lossy(&self.sent.0).into_owned();
        assert!(sent.lines().last().is_some_and(|line| line.contains(" OK")), "{command}: {sent}");
        self.sent.0.clear();
    }

    /// Octets from the client.
    pub(super) async fn feed(&mut self, octets: &[u8]) {
        if self.next != Next::Read {
            return;
        }
        self.session.receive(self.now, octets);
        self.advance().await;
    }

    async fn advance(&mut self) {
        loop {
            let Ok(next) = self.session.advance(self.now, &mut self.sent).await;
            self.next = next;
            if next != Next::Yield {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// What the driver does when the account changed.
    pub(super) async fn news(&mut self) {
        if self.session.watch().is_some() {
            let Ok(()) = self.session.news(&mut self.sent).await;
        }
    }

    /// The handshake.
    pub(super) async fn start_tls(&mut self) {
        self.session.tls_started(self.now);
        self.next = Next::Read;
        self.advance().await;
    }

    pub(super) async fn time_out(&mut self) {
        assert!(self.session.deadline() > self.now, "the deadline is in the future");
        let Ok(()) = self.session.timed_out(&mut self.sent).await;
        self.next = Next::Close;
    }

    pub(super) async fn shut_down(&mut self) {
        let Ok(()) = self.session.shut_down(&mut self.sent).await;
        self.next = Next::Close;
    }

    /// What the server sent and nobody looked at.
    pub(super) fn take_sent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent.0)
    }

    /// The next line that the server sent, without its CRLF, as it is shown in a transcript.
    pub(super) fn next_line(&mut self) -> Option<String> {
        let sent = &mut self.sent.0;
        if sent.is_empty() {
            return None;
        }
        let found = sent.windows(2).position(|at| at == b"\r\n");
        let line: Vec<u8> = sent.drain(..found.map_or(sent.len(), |at| at + 2)).collect();
        Some(match found {
            Some(at) => escape(&line[..at]),
            None => escape(&line) + " (without CRLF)",
        })
    }
}

fn escape(octets: &[u8]) -> String {
    let mut text = String::new();
    for &octet in octets {
        match octet {
            b' '..=b'~' => text.push(char::from(octet)),
            octet => text.push_str(&format!("\\x{octet:02x}")),
        }
    }
    text
}

fn set_limit(limits: &mut Limits, name: &str, value: u64) {
    let small = || u32::try_from(value).expect("a small number");
    let size = || usize::try_from(value).expect("a size");
    match name {
        "message_octets_max" => limits.message_octets_max = value,
        "literal_octets_max" => limits.literal_octets_max = value,
        "dropped_octets_max" => limits.dropped_octets_max = value,
        "literals_max" => limits.literals_max = size(),
        "line_octets_max" => limits.line_octets_max = size(),
        "line_octets_before_login_max" => limits.line_octets_before_login_max = size(),
        "connections_per_user_max" => limits.connections_per_user_max = size(),
        "bad_commands_max" => limits.bad_commands_max = small(),
        "failed_logins_max" => limits.failed_logins_max = small(),
        "output_piece_octets" => limits.output_piece_octets = size(),
        other => panic!("no limit {other}"),
    }
}

/// The account of a user, or the shared one of that name; made when it is missing.
async fn account_of(store: &Store, user: &str) -> AccountId {
    if let Some(name) = user.strip_prefix("$") {
        let known = store.shared_accounts().into_iter().find(|(known, _)| known == name);
        return match known {
            Some((_, id)) => id,
            None => store.create_shared_account(name).await.expect("a new account"),
        };
    }
    match store.user(user) {
        Some(user) => user.account,
        None => {
            let credentials = Credentials::from_password(&Secret::new(PASSWORD), COST).expect("a password");
            store.create_user(user, credentials.to_bytes()).await.expect("a new user").account
        }
    }
}

/// One `store:` line.
async fn fill(store: &Store, messages: &HashMap<String, Vec<u8>>, user: &str, what: &str) {
    let account = store.account(account_of(store, user).await).expect("the user's account");
    if what.is_empty() {
        return;
    }
    if let Some(quota) = what.strip_prefix("quota of ") {
        return account.set_quota(quota_of(quota)).await.expect("the quota is kept");
    }
    if let Some((mailbox, grant)) = what.split_once(" allows ") {
        let (identifier, rights) = grant.split_once(' ').expect("MAILBOX allows WHOM RIGHTS");
        let name = MailboxName::new(mailbox).expect("a mailbox name");
        let id = account.snapshot().mailbox_named(&name).expect("it is there").id();
        let change = AclChange::Replace(Rights::parse(rights.as_bytes()).expect("rights"));
        store.set_acl(&account, id, identifier, change).await.expect("the ACL is kept");
        return;
    }
    if let Some((place, flags)) = what.split_once(" is ") {
        let (mailbox, number) = place.rsplit_once(' ').expect("MAILBOX NUMBER is FLAGS");
        return set_flags(&account, mailbox, number.parse().expect("a number"), flags).await;
    }
    let (mailbox, content) = what.split_once(" with ").unwrap_or((what, ""));
    let name = MailboxName::new(mailbox).expect("a mailbox name");
    let known = account.snapshot().mailbox_named(&name).map(|mailbox| mailbox.id());
    let id = match known {
        Some(id) => id,
        None => account.create(name, None).await.expect("a new mailbox"),
    };
    let before = account.snapshot().mailbox(id).map_or(0, |mailbox| mailbox.len());
    let count = content.strip_suffix(" messages").or(content.strip_suffix(" message"));
    let recent = count.is_some_and(|count| count.ends_with(" recent"));
    let bodies: Vec<Vec<u8>> = match count {
        Some(count) => made(before, count.trim_end_matches(" recent")),
        None => {
            content.split(", ").filter(|name| !name.is_empty()).map(|name| messages[name].clone()).collect()
        }
    };
    for body in bodies {
        let mut upload = account.upload();
        upload.write(&body).await.expect("room");
        let uploaded = upload.finish().await.expect("room");
        let message = NewMessage { uploaded, flags: Vec::new(), internal_date: None };
        account.append(id, vec![message]).await.expect("it is kept");
    }
    let uid_next = account.snapshot().mailbox(id).and_then(|mailbox| mailbox.uid_next());
    if let (Some(uid_next), false) = (uid_next, recent) {
        account.claim_recent(id, uid_next.get());
    }
}

fn quota_of(text: &str) -> Quota {
    let (limit, unit) = text.split_once(' ').expect("NUMBER UNIT");
    let limit = Some(limit.parse().expect("a number"));
    match unit {
        "octets" => Quota { storage_octets: limit, ..Quota::default() },
        "messages" => Quota { messages: limit, ..Quota::default() },
        "mailboxes" => Quota { mailboxes: limit, ..Quota::default() },
        other => panic!("no quota of {other}"),
    }
}

fn made(before: u32, count: &str) -> Vec<Vec<u8>> {
    let count: u32 = count.parse().expect("a number of messages");
    (before + 1..=before + count).map(made_message).collect()
}

fn made_message(number: u32) -> Vec<u8> {
    format!(
        "Date: Sun, 22 Nov 2026 08:0{number}:00 +0000\r\nFrom: Ann <ann@example.org>\r\nTo: alice@example.org\r\n\
         Subject: Message {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\nThis is message {number}.\r\n"
    )
    .into_bytes()
}

async fn set_flags(account: &Account, mailbox: &str, number: u32, flags: &str) {
    let name = MailboxName::new(mailbox).expect("a mailbox name");
    let snapshot = account.snapshot();
    let mailbox = snapshot.mailbox_named(&name).expect("the mailbox is there");
    let uids = mailbox.uids_at(&NumberSet::from_iter([number]));
    assert!(uids.iter().all(|uid| Uid::new(uid).is_some()) && uids.len() == 1, "message {number} is there");
    let flags = flags.split(' ').map(flag).collect();
    account.store_flags(mailbox.id(), uids, FlagChange::Add(flags), None).await.expect("flags are kept");
}

fn flag(name: &str) -> Flag {
    match name {
        "\\Answered" => Flag::System(SystemFlag::Answered),
        "\\Flagged" => Flag::System(SystemFlag::Flagged),
        "\\Deleted" => Flag::System(SystemFlag::Deleted),
        "\\Seen" => Flag::System(SystemFlag::Seen),
        "\\Draft" => Flag::System(SystemFlag::Draft),
        name => Flag::Keyword(Keyword::new(name).expect("a keyword")),
    }
}

struct StoreDirectory(Store);

impl Directory for StoreDirectory {
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<UserRecord>, DirectoryError>> {
        let found = self.0.user(name).map(|user| {
            let credentials = Credentials::from_bytes(&user.credentials).expect("it was written above");
            let mut record = UserRecord::new(user.name, credentials, self.name());
            record.attributes.expires = (record.name == "expired").then_some(SystemTime::UNIX_EPOCH);
            record
        });
        Box::pin(std::future::ready(Ok(found)))
    }
}
