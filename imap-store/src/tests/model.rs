//! Random work against a naive model, and the same state by every way to it: live, by replay, from a
//! checkpoint, in spite of a crash.

use std::collections::BTreeMap;

use imap_proto::types::{ModSeq, SeqNum};
use proptest::prelude::*;

use super::*;
use crate::account::{Diff, FlagChange, Snapshot};

/// What may be done. Mailboxes and UIDs are taken modulo what is there.
#[derive(Debug, Clone)]
enum Op {
    Append(u8, Vec<u8>),
    Flags(u8, Vec<(u16, u16)>, u8, u8),
    Expunge(u8, Option<(u16, u16)>),
    Transfer(u8, (u16, u16), u8, bool),
    Create(u8),
    Delete(u8),
    Rename(u8, u8),
    Checkpoint,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let range = || (0u16..400, 0u16..300);
    prop_oneof![
        6 => (any::<u8>(), prop::collection::vec(any::<u8>(), 1..150)).prop_map(|(at, it)| Op::Append(at, it)),
        6 => (any::<u8>(), prop::collection::vec(range(), 1..4), 0u8..3, any::<u8>())
            .prop_map(|(at, uids, mode, flags)| Op::Flags(at, uids, mode, flags)),
        3 => (any::<u8>(), prop::option::of(range())).prop_map(|(at, uids)| Op::Expunge(at, uids)),
        3 => (any::<u8>(), range(), any::<u8>(), any::<bool>())
            .prop_map(|(from, uids, to, moves)| Op::Transfer(from, uids, to, moves)),
        1 => any::<u8>().prop_map(Op::Create),
        1 => any::<u8>().prop_map(Op::Delete),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => Just(Op::Checkpoint),
        1 => Just(Op::Reopen),
    ]
}

const NAMES: [&str; 8] = ["INBOX", "Trash", "a", "a/b", "a/b/c", "b", "b/c", "INBOX/x"];

fn some_name(at: u8) -> MailboxName {
    name(NAMES[usize::from(at) % NAMES.len()])
}

/// The flags that an octet stands for, as text.
fn flags_of(octet: u8) -> String {
    let all = ["\\Seen", "\\Deleted", "\\Flagged", "k1", "k2", "k3"];
    let wanted = all.iter().enumerate().filter(|(bit, _)| octet >> bit & 1 == 1);
    wanted.map(|(_, flag)| *flag).collect::<Vec<_>>().join(" ")
}

/// A message of the model: its text stands for its octets.
#[derive(Debug, Clone, PartialEq)]
struct Simple {
    uid: u32,
    flags: Vec<String>,
    mod_seq: u64,
    text: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct SimpleMailbox {
    uid_next: u32,
    messages: Vec<Simple>,
}

#[derive(Debug, Default)]
struct Model {
    mailboxes: BTreeMap<String, SimpleMailbox>,
    texts: u32,
}

fn sorted(mut flags: Vec<String>) -> Vec<String> {
    flags.sort();
    flags.dedup();
    flags
}

fn words(text: &str) -> Vec<String> {
    sorted(text.split_whitespace().map(str::to_owned).collect())
}

impl Model {
    fn new() -> Self {
        let names = ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"];
        let empty = SimpleMailbox { uid_next: 1, messages: Vec::new() };
        Self { mailboxes: names.map(|it| (it.to_owned(), empty.clone())).into(), texts: 0 }
    }
}

fn uids_of(ranges: &[(u16, u16)]) -> NumberSet {
    let mut uids = NumberSet::new();
    ranges.iter().for_each(|&(first, len)| {
        uids.insert_range(u32::from(first) + 1, u32::from(first) + 1 + u32::from(len))
    });
    uids
}

/// Does one thing to both. Returns whether the seq was to rise.
async fn step(account: &Account, model: &mut Model, op: &Op) {
    let seq = account.snapshot().seq().0 + 1;
    match op {
        Op::Append(at, messages) => {
            let to = some_name(*at);
            let Some(simple) = model.mailboxes.get_mut(to.as_str()) else { return };
            let mut new = Vec::new();
            for &octet in messages {
                model.texts += 1;
                let text = model.texts.to_string();
                new.push(message(account, &text, &flags_of(octet)).await);
                let flags = words(&flags_of(octet));
                simple.messages.push(Simple { uid: simple.uid_next, flags, mod_seq: seq, text });
                simple.uid_next += 1;
            }
            let id = mailbox(account, to.as_str()).id();
            account.append(id, new).await.expect("appended");
        }
        Op::Flags(at, ranges, mode, octet) => {
            let to = some_name(*at);
            let Some(simple) = model.mailboxes.get_mut(to.as_str()) else { return };
            let (uids, asked) = (uids_of(ranges), words(&flags_of(*octet)));
            let mut changed = Vec::new();
            for message in simple.messages.iter_mut().filter(|it| uids.contains(it.uid)) {
                let old = message.flags.clone();
                let new = match mode {
                    0 => asked.clone(),
                    1 => sorted([old.clone(), asked.clone()].concat()),
                    _ => old.iter().filter(|it| !asked.contains(it)).cloned().collect(),
                };
                if new != old {
                    message.flags = new;
                    message.mod_seq = seq;
                    changed.push(message.uid);
                }
            }
            let asked = flags(&flags_of(*octet));
            let change = match mode {
                0 => FlagChange::Replace(asked),
                1 => FlagChange::Add(asked),
                _ => FlagChange::Remove(asked),
            };
            let id = mailbox(account, to.as_str()).id();
            let stored = account.store_flags(id, uids, change, None).await.expect("stored");
            assert_eq!(stored.changed, set(changed));
        }
        Op::Expunge(at, range) => {
            let to = some_name(*at);
            let Some(simple) = model.mailboxes.get_mut(to.as_str()) else { return };
            let uids = range.map(|range| uids_of(&[range]));
            let goes = |it: &Simple| {
                it.flags.iter().any(|flag| flag == "\\Deleted")
                    && uids.as_ref().is_none_or(|uids| uids.contains(it.uid))
            };
            let gone = set(simple.messages.iter().filter(|it| goes(it)).map(|it| it.uid));
            simple.messages.retain(|it| !goes(it));
            let id = mailbox(account, to.as_str()).id();
            assert_eq!(account.expunge(id, uids.clone()).await.expect("expunged"), gone);
        }
        Op::Transfer(from, range, to, moves) => {
            let (from, to, uids) = (some_name(*from), some_name(*to), uids_of(&[*range]));
            let Some(source) = model.mailboxes.get_mut(from.as_str()).cloned() else { return };
            if !model.mailboxes.contains_key(to.as_str()) {
                return;
            }
            let taken: Vec<_> = source.messages.iter().filter(|it| uids.contains(it.uid)).cloned().collect();
            let target = model.mailboxes.get_mut(to.as_str()).expect("looked up before");
            for mut message in taken.clone() {
                (message.uid, message.mod_seq) = (target.uid_next, seq);
                target.uid_next += 1;
                target.messages.push(message);
            }
            if *moves {
                let source = model.mailboxes.get_mut(from.as_str()).expect("looked up before");
                source.messages.retain(|it| !taken.iter().any(|gone| gone.uid == it.uid));
            }
            let ids = [&from, &to].map(|it| mailbox(account, it.as_str()).id());
            let done = if *moves {
                account.move_messages(ids[0], uids, ids[1]).await
            } else {
                account.copy(ids[0], uids, ids[1]).await
            };
            let source = done.expect("done").map(|copied| copied.source).unwrap_or_default();
            assert_eq!(source, set(taken.iter().map(|it| it.uid)));
        }
        Op::Create(at) => {
            let name = some_name(*at);
            if account.create(name.clone(), None).await.is_ok() {
                let snapshot = account.snapshot();
                for (name, mailbox) in snapshot.names() {
                    if mailbox.is_some() {
                        let empty = || SimpleMailbox { uid_next: 1, messages: Vec::new() };
                        model.mailboxes.entry(name.as_str().to_owned()).or_insert_with(empty);
                    }
                }
            }
            assert!(model.mailboxes.contains_key(name.as_str()));
        }
        Op::Delete(at) => {
            let name = some_name(*at);
            let was_there = name != MailboxName::inbox() && model.mailboxes.contains_key(name.as_str());
            assert_eq!(account.delete(name.clone()).await.is_ok(), was_there);
            if was_there {
                model.mailboxes.remove(name.as_str());
            }
        }
        Op::Rename(from, to) => {
            let (from, to) = (some_name(*from), some_name(*to));
            if from == MailboxName::inbox() || account.rename(from.clone(), to.clone()).await.is_err() {
                return;
            }
            let renamed = |old: &str| match old.strip_prefix(from.as_str()) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", to.as_str()),
                _ => old.to_owned(),
            };
            let old = std::mem::take(&mut model.mailboxes);
            model.mailboxes = old.into_iter().map(|(name, it)| (renamed(&name), it)).collect();
            for (name, mailbox) in account.snapshot().names() {
                if mailbox.is_some() {
                    let empty = || SimpleMailbox { uid_next: 1, messages: Vec::new() };
                    model.mailboxes.entry(name.as_str().to_owned()).or_insert_with(empty);
                }
            }
        }
        Op::Checkpoint | Op::Reopen => {}
    }
}

fn simple(account: &Account, snapshot: &Snapshot, mailbox: &Mailbox) -> SimpleMailbox {
    let message = |it: crate::account::MessageRef| Simple {
        uid: it.uid.get(),
        flags: sorted(mailbox.wire_flags(&it.flags).iter().map(flag_text).collect()),
        mod_seq: it.mod_seq.get(),
        text: String::from_utf8(account.read(snapshot, &it, 0..99).expect("readable").to_vec())
            .expect("ASCII"),
    };
    let messages = mailbox.iter_from(SeqNum::MIN).map(message).collect();
    SimpleMailbox { uid_next: mailbox.uid_next().expect("some are left").get(), messages }
}

/// The account is as the model has it, and every way to look at a mailbox gives the same.
fn compare(account: &Account, model: &Model) {
    let snapshot = account.snapshot();
    let found: BTreeMap<String, SimpleMailbox> = snapshot
        .names()
        .filter_map(|(name, it)| Some((name.as_str().to_owned(), simple(account, &snapshot, it?))))
        .collect();
    assert_eq!(found, model.mailboxes);
    for mailbox in snapshot.names().filter_map(|(_, mailbox)| mailbox) {
        check_views(mailbox);
    }
}

fn check_views(mailbox: &Mailbox) {
    let all: Vec<_> = mailbox.iter_from(SeqNum::MIN).collect();
    let counters = mailbox.counters();
    assert_eq!(counters.messages as usize, all.len());
    assert_eq!(counters.octets, all.iter().map(|it| it.size_octets).sum::<u64>());
    let has = |it: &crate::account::MessageRef, flag| it.flags.has(flag);
    assert_eq!(counters.unseen as usize, all.iter().filter(|it| !has(it, SystemFlag::Seen)).count());
    assert_eq!(
        mailbox.deleted(),
        set(all.iter().filter(|it| has(it, SystemFlag::Deleted)).map(|it| it.uid.get()))
    );
    for (at, message) in all.iter().enumerate() {
        assert_eq!(message.seq_num.get() as usize, at + 1);
        assert_eq!(mailbox.at(message.seq_num).as_ref(), Some(message));
        assert_eq!(mailbox.get(message.uid).as_ref(), Some(message));
    }
    let next = mailbox.uid_next().expect("some are left").get();
    for probe in (1..=next).step_by(7) {
        let expected = all.iter().filter(|it| it.uid.get() < probe).count() as u32 + 1;
        assert_eq!(mailbox.lower_bound(uid(probe)), expected);
    }
    let mut finder = mailbox.finder();
    for probe in (1..=next).chain((1..=next).step_by(3)).chain((1..=next).rev()) {
        let expected = all.iter().find(|it| it.uid.get() == probe);
        assert_eq!(finder.place(uid(probe)), expected.map(|it| it.seq_num));
        assert_eq!(finder.get(uid(probe)).as_ref(), expected);
    }
    let some: NumberSet = (1..next + 50).filter(|it| it % 3 != 0).collect();
    let uids = all.iter().map(|it| it.uid.get());
    assert_eq!(mailbox.existing(&some), uids.clone().filter(|it| some.contains(*it)).collect());
    let by_place = all.iter().filter(|it| some.contains(it.seq_num.get())).map(|it| it.uid.get());
    assert_eq!(mailbox.uids_at(&some), by_place.collect());
    for since in [0, mailbox.highest_mod_seq().get() / 2] {
        let changed = all.iter().filter(|it| it.mod_seq.get() > since).map(|it| it.uid.get());
        assert_eq!(mailbox.changed_since(ModSeq::new(since).expect("63 bits")), changed.collect());
    }
}

fn check_diff(old: &Mailbox, new: &Mailbox) {
    let list =
        |it: &Mailbox| it.iter_from(SeqNum::MIN).map(|it| (it.uid.get(), it)).collect::<BTreeMap<_, _>>();
    let (before, after) = (list(old), list(new));
    let same = |a: &crate::account::MessageRef, b: &crate::account::MessageRef| {
        a.flags == b.flags && a.mod_seq == b.mod_seq
    };
    let expected = Diff {
        expunged: before.keys().copied().filter(|it| !after.contains_key(it)).collect(),
        appended: after.keys().copied().filter(|it| !before.contains_key(it)).collect(),
        changed: after
            .iter()
            .filter(|(uid, it)| before.get(uid).is_some_and(|was| !same(was, it)))
            .map(|(uid, _)| *uid)
            .collect(),
    };
    assert_eq!(new.diff(old), expected);
    let vanished = new.vanished_since(old.highest_mod_seq(), &set(1..=20_000));
    assert!(expected.expunged.iter().all(|uid| vanished.contains(uid)));
    assert!(vanished.iter().all(|uid| !after.contains_key(&uid)));
}

fn check_all_diffs(old: &Snapshot, new: &Snapshot) {
    for (_, mailbox) in new.names() {
        let Some(mailbox) = mailbox else { continue };
        if let Some(old) = old.mailbox(mailbox.id()) {
            check_diff(old, mailbox);
        }
    }
}

fn run(ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let mut open = Store::open(dir.path(), options()).expect("opens").0;
        let mut account = alice(&open).await;
        let mut model = Model::new();
        let mut views = vec![account.snapshot()];
        for op in ops {
            match op {
                Op::Checkpoint => open.checkpoint().expect("saved"),
                Op::Reopen => {
                    let before = account.snapshot().state_hash();
                    drop((open, account));
                    open = Store::open(dir.path(), options()).expect("opens").0;
                    account = open.account(open.user("alice").expect("there").account).expect("loads");
                    assert_eq!(account.snapshot().state_hash(), before);
                    views.clear();
                }
                op => step(&account, &mut model, op).await,
            }
            compare(&account, &model);
            let now = account.snapshot();
            views.iter().for_each(|old| check_all_diffs(old, &now));
            views.push(now);
            if views.len() > 4 {
                views.remove(1);
            }
        }
        let before = account.snapshot().state_hash();
        drop((open, account, views));
        std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
        let open = Store::open(dir.path(), options()).expect("opens").0;
        let account = open.account(open.user("alice").expect("there").account).expect("loads");
        assert_eq!(account.snapshot().state_hash(), before, "rebuilt from the log alone");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn random_work_is_as_the_model_says(ops in prop::collection::vec(op(), 1..40)) {
        run(&ops);
    }
}

/// Large enough for a tree of three levels.
#[test]
fn deep_trees_are_as_the_model_says() {
    let mut ops: Vec<Op> = (0..10).map(|_| Op::Append(0, vec![2; 600])).collect();
    ops.extend([Op::Flags(0, vec![(100, 30), (250, 0)], 2, 2), Op::Expunge(0, Some((0, 290)))]);
    ops.extend([Op::Transfer(0, (300, 250), 1, true), Op::Checkpoint, Op::Append(0, vec![1; 40])]);
    ops.extend([Op::Expunge(0, None), Op::Reopen, Op::Append(0, vec![0; 10])]);
    run(&ops);
}
