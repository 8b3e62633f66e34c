//! Tests of the whole store: accounts over the log, opening again, many tasks at once.

mod accounts;
mod backup;
mod check;
mod compact;
mod corpus;
mod faults;
mod graves;
mod handles;
mod index_rules;
mod leap;
mod metadata;
mod model;
mod power_cut;
mod quota;
mod reopen;
mod residency;
mod restore;
mod search;
mod seen;
mod sharing;
mod simulate;
mod summaries;
mod threads;
mod transfer;
mod watch;

use std::sync::Arc;

use imap_proto::types::{Flag, Keyword, MailboxName, NumberSet, SystemFlag, Uid};

use crate::account::{Account, Mailbox, NewMessage};
use crate::{Clock, Durability, Options, Store};

/// 2023-11-14 22:13:20 UTC.
const NOW: i64 = 1_700_000_000;

fn options() -> Options {
    Options {
        segment_octets: 1 << 20,
        clock: Clock::fixed(NOW),
        durability: Durability::None,
        // Whatever nobody holds is given back: so every test loads often.
        state_octets_max: 0,
        compacts_by_itself: false,
        ..Options::default()
    }
}

fn store() -> Store {
    Store::in_memory(options()).expect("memory has room")
}

async fn alice(store: &Store) -> Account {
    let user = store.create_user("alice", b"secret".to_vec()).await.expect("alice is new");
    store.account(user.account).expect("alice has an account")
}

fn name(name: &str) -> MailboxName {
    MailboxName::new(name).expect("a good name")
}

fn set(numbers: impl IntoIterator<Item = u32>) -> NumberSet {
    numbers.into_iter().collect()
}

fn uid(uid: u32) -> Uid {
    Uid::new(uid).expect("not 0")
}

fn flags(text: &str) -> Vec<Flag> {
    text.split_whitespace()
        .map(|flag| match flag {
            "\\Seen" => Flag::System(SystemFlag::Seen),
            "\\Deleted" => Flag::System(SystemFlag::Deleted),
            "\\Flagged" => Flag::System(SystemFlag::Flagged),
            "\\Answered" => Flag::System(SystemFlag::Answered),
            "\\Recent" => Flag::Recent,
            keyword => Flag::Keyword(Keyword::new(keyword).expect("an atom")),
        })
        .collect()
}

fn mailbox(account: &Account, named: &str) -> Arc<Mailbox> {
    account.snapshot().mailbox_named(&name(named)).expect("the mailbox is there").clone()
}

async fn message(account: &Account, text: &str, with: &str) -> NewMessage {
    let mut upload = account.upload();
    upload.write(text.as_bytes()).await.expect("there is room");
    let uploaded = upload.finish().await.expect("there is room");
    NewMessage { uploaded, flags: flags(with), internal_date: None }
}

async fn append(account: &Account, to: &str, text: &str, with: &str) -> u32 {
    let message = message(account, text, with).await;
    let appended = account.append(mailbox(account, to).id(), vec![message]).await.expect("appended");
    appended.uids.iter().next().expect("one UID")
}

/// UID, MODSEQ and flags of every message.
fn listing(mailbox: &Mailbox) -> Vec<String> {
    let first = imap_proto::types::SeqNum::MIN;
    mailbox
        .iter_from(first)
        .map(|it| {
            let flags: Vec<String> = mailbox.wire_flags(&it.flags).iter().map(flag_text).collect();
            format!("{} {} ({})", it.uid, it.mod_seq, flags.join(" "))
        })
        .collect()
}

fn flag_text(flag: &Flag) -> String {
    match flag {
        Flag::System(flag) => format!("\\{flag:?}"),
        Flag::Keyword(keyword) => keyword.to_string(),
        other => format!("{other:?}"),
    }
}
