//! \Seen of each user in a shared mailbox, against a naive model, and by every way back to the state.

use std::collections::BTreeMap;

use imap_proto::types::{ModSeq, SeqNum};
use proptest::prelude::*;

use super::sharing::{give, who};
use super::*;
use crate::account::{Diff, FlagChange, SeenMode, Who};

const USERS: [&str; 3] = ["alice", "bob", "eve"];
const BOXES: [&str; 2] = ["INBOX", "Archive"];

fn somebody(at: usize) -> Who {
    Who { is_owner: at == 0, ..who(USERS[at]) }
}

#[derive(Debug, Clone)]
enum Op {
    /// Who, where, \Seen of each.
    Append(usize, usize, Vec<bool>),
    /// Who, where, UIDs, mode, \Seen, \Flagged.
    Store(usize, usize, (u32, u32), u8, bool, bool),
    /// Who, from where, UIDs, moves.
    Transfer(usize, usize, (u32, u32), bool),
    Expunge(usize, (u32, u32)),
    Mode(usize, bool),
    Reopen(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let uids = || (1u32..40, 0u32..20);
    prop_oneof![
        4 => (0usize..3, 0usize..2, prop::collection::vec(any::<bool>(), 1..12)).prop_map(|(u, b, s)| Op::Append(u, b, s)),
        8 => (0usize..3, 0usize..2, uids(), 0u8..3, any::<bool>(), any::<bool>())
            .prop_map(|(u, b, r, m, s, f)| Op::Store(u, b, r, m, s, f)),
        3 => (0usize..3, 0usize..2, uids(), any::<bool>()).prop_map(|(u, b, r, m)| Op::Transfer(u, b, r, m)),
        2 => (0usize..2, uids()).prop_map(|(b, r)| Op::Expunge(b, r)),
        1 => (0usize..2, any::<bool>()).prop_map(|(b, s)| Op::Mode(b, s)),
        1 => any::<bool>().prop_map(Op::Reopen),
    ]
}

/// By user: whether they have seen it, and when what they see of it last changed.
#[derive(Debug, Clone, PartialEq)]
struct Simple {
    seen: [bool; 3],
    flagged: bool,
    mod_seqs: [u64; 3],
}

#[derive(Debug, Clone, Default)]
struct Box {
    messages: BTreeMap<u32, Simple>,
    uid_next: u32,
    is_shared: bool,
}

fn uids((first, len): (u32, u32)) -> NumberSet {
    NumberSet::from_range(first, first + len)
}

fn flag_list(seen: bool, flagged: bool) -> Vec<Flag> {
    let all = [(seen, SystemFlag::Seen), (flagged, SystemFlag::Flagged)];
    all.into_iter().filter(|(on, _)| *on).map(|(_, flag)| Flag::System(flag)).collect()
}

async fn step(account: &Account, boxes: &mut [Box; 2], op: &Op) {
    let seq = account.snapshot().seq().0 + 1;
    let id = |at: usize| mailbox(account, BOXES[at]).id();
    match op {
        Op::Append(user, to, all) => {
            let mut new = Vec::new();
            for &seen in all {
                new.push(message(account, "x", if seen { "\\Seen" } else { "" }).await);
                let it = &mut boxes[*to];
                let mut simple = Simple { seen: [false; 3], flagged: false, mod_seqs: [seq; 3] };
                if it.is_shared {
                    simple.seen = [seen; 3];
                } else {
                    simple.seen[*user] = seen;
                }
                it.messages.insert(it.uid_next + 1, simple);
                it.uid_next += 1;
            }
            account.as_user(somebody(*user)).append(id(*to), new).await.expect("appended");
        }
        Op::Store(user, to, range, mode, seen, flagged) => {
            let it = &mut boxes[*to];
            let mut changed = NumberSet::new();
            for (uid, message) in it.messages.iter_mut().filter(|(uid, _)| uids(*range).contains(**uid)) {
                let old = message.clone();
                let becomes = |old: bool, asked: bool| match mode {
                    0 => asked,
                    1 => old || asked,
                    _ => old && !asked,
                };
                message.flagged = becomes(old.flagged, *flagged);
                let is_seen = becomes(old.seen[*user], *seen);
                if it.is_shared {
                    message.seen = [is_seen; 3];
                } else {
                    message.seen[*user] = is_seen;
                }
                // The owner's \Seen stands on the message, and so does its MODSEQ.
                let for_all = message.flagged != old.flagged
                    || message.seen[*user] != old.seen[*user] && (it.is_shared || *user == 0);
                if for_all {
                    message.mod_seqs = [seq; 3];
                } else if *message != old {
                    message.mod_seqs[*user] = seq;
                }
                if *message != old {
                    changed.insert(*uid);
                }
            }
            let asked = flag_list(*seen, *flagged);
            let change = match mode {
                0 => FlagChange::Replace(asked),
                1 => FlagChange::Add(asked),
                _ => FlagChange::Remove(asked),
            };
            let bob = account.as_user(somebody(*user));
            let stored = bob.store_flags(id(*to), uids(*range), change, None).await.expect("stored");
            assert_eq!(stored.changed, changed);
        }
        Op::Transfer(user, from, range, moves) => {
            let (source, target) = (*from, 1 - *from);
            let taken = boxes[source].messages.clone();
            let taken = taken.into_iter().filter(|(uid, _)| uids(*range).contains(*uid));
            for (uid, message) in taken {
                let mut seen = message.seen;
                match (boxes[source].is_shared, boxes[target].is_shared) {
                    (_, true) => seen = [message.seen[*user]; 3],
                    // It is the owner's, and of whoever brings it.
                    (true, false) => {
                        let is_seen = seen[0];
                        seen = [false; 3];
                        (seen[0], seen[*user]) = (is_seen, is_seen);
                    }
                    (false, false) => {}
                }
                let it = &mut boxes[target];
                it.uid_next += 1;
                it.messages.insert(it.uid_next, Simple { seen, mod_seqs: [seq; 3], ..message });
                if *moves {
                    boxes[source].messages.remove(&uid);
                }
            }
            let bob = account.as_user(somebody(*user));
            let done = match moves {
                true => bob.move_messages(id(source), uids(*range), id(target)).await,
                false => bob.copy(id(source), uids(*range), id(target)).await,
            };
            done.expect("done");
        }
        Op::Expunge(at, range) => {
            let add = FlagChange::Add(flags("\\Deleted"));
            account.store_flags(id(*at), uids(*range), add, None).await.expect("stored");
            account.expunge(id(*at), None).await.expect("expunged");
            boxes[*at].messages.retain(|uid, _| !uids(*range).contains(*uid));
        }
        Op::Mode(at, is_shared) => {
            let mode = if *is_shared { SeenMode::Shared } else { SeenMode::PerUser };
            account.set_seen_mode(id(*at), mode).await.expect("set");
            let it = &mut boxes[*at];
            if it.is_shared != *is_shared {
                it.is_shared = *is_shared;
                let now = mailbox(account, BOXES[*at]);
                for (uid, message) in &mut it.messages {
                    message.mod_seqs = [seq; 3];
                    for at in 0..3 {
                        // What somebody had seen before one \Seen counted for all, they have seen again.
                        let seen = now.seen_by(&somebody(at)).get(super::uid(*uid)).expect("there");
                        message.seen[at] = seen.flags.has(SystemFlag::Seen);
                    }
                }
                if *is_shared {
                    it.messages.values_mut().for_each(|it| it.seen = [it.seen[0]; 3]);
                }
            }
        }
        Op::Reopen(_) => {}
    }
}

fn compare(account: &Account, boxes: &[Box; 2], before: &mut BTreeMap<(usize, usize), Arc<Mailbox>>) {
    assert_eq!(account.snapshot().wrong_counters(), Vec::<String>::new());
    for (at, (named, simple)) in BOXES.iter().zip(boxes).enumerate() {
        for (user, name) in USERS.iter().enumerate() {
            let view = mailbox(account, named).seen_by(&somebody(user));
            let all: Vec<_> = view.iter_from(SeqNum::MIN).collect();
            let found: Vec<_> = all
                .iter()
                .map(|it| (it.uid.get(), it.flags.has(SystemFlag::Seen), it.mod_seq.get()))
                .collect();
            let expected: Vec<_> =
                simple.messages.iter().map(|(uid, it)| (*uid, it.seen[user], it.mod_seqs[user])).collect();
            assert_eq!(found, expected, "{named} of {name}");
            let unseen = found.iter().filter(|it| !it.1).count();
            assert_eq!(view.counters().unseen as usize, unseen);
            let first = all.iter().find(|it| !it.flags.has(SystemFlag::Seen)).map(|it| it.seq_num);
            assert_eq!(view.first_unseen(), first);
            assert!(all.iter().all(|it| it.mod_seq <= view.highest_mod_seq()));
            let since = ModSeq::new(view.highest_mod_seq().get() / 2).expect("63 bits");
            let changed = all.iter().filter(|it| it.mod_seq > since).map(|it| it.uid.get());
            assert_eq!(view.changed_since(since), changed.collect());
            if let Some(old) = before.insert((at, user), view.clone()) {
                compare_diff(&old, &view);
            }
        }
    }
}

fn compare_diff(old: &Mailbox, new: &Mailbox) {
    let list =
        |it: &Mailbox| it.iter_from(SeqNum::MIN).map(|it| (it.uid.get(), it)).collect::<BTreeMap<_, _>>();
    let (was, is) = (list(old), list(new));
    let differs = |(uid, it): &(&u32, &crate::account::MessageRef)| {
        was.get(uid).is_some_and(|old| old.flags != it.flags || old.mod_seq != it.mod_seq)
    };
    let expected = Diff {
        expunged: was.keys().filter(|uid| !is.contains_key(uid)).copied().collect(),
        appended: is.keys().filter(|uid| !was.contains_key(uid)).copied().collect(),
        changed: is.iter().filter(differs).map(|(uid, _)| *uid).collect(),
    };
    let found = new.diff(old);
    assert_eq!((&found.expunged, &found.appended), (&expected.expunged, &expected.appended));
    assert!(expected.changed.difference(&found.changed).is_empty(), "{found:?} {expected:?}");
}

fn run(ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let mut open = Store::open(dir.path(), options()).expect("opens").0;
        let mut account = alice(&open).await;
        for named in BOXES {
            give(&open, &account, named, "anyone", "lrswite").await;
        }
        let mut boxes = [Box::default(), Box::default()];
        let mut views = BTreeMap::new();
        for op in ops.iter().chain([&Op::Reopen(true)]) {
            step(&account, &mut boxes, op).await;
            if let Op::Reopen(rebuild) = op {
                let before = account.snapshot().state_hash();
                let report = open.check().expect("checked");
                assert!(report.findings.is_empty(), "{report:?}");
                views.clear();
                drop((open, account));
                if *rebuild {
                    std::fs::remove_dir_all(dir.path().join("index")).expect("removed");
                }
                open = Store::open(dir.path(), options()).expect("opens").0;
                account = open.account(open.user("alice").expect("there").account).expect("loads");
                assert_eq!(account.snapshot().state_hash(), before);
            }
            compare(&account, &boxes, &mut views);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn each_user_sees_what_they_did(ops in prop::collection::vec(op(), 1..25)) {
        run(&ops);
    }
}

#[tokio::test]
async fn nobody_else_is_told_what_a_user_has_seen() {
    let store = store();
    let account = alice(&store).await;
    append(&account, "INBOX", "x", "").await;
    give(&store, &account, "INBOX", "anyone", "lrs").await;
    let inbox = mailbox(&account, "INBOX");
    let eve = inbox.seen_by(&who("eve"));
    let add = FlagChange::Add(flags("\\Seen"));
    account.as_user(who("bob")).store_flags(inbox.id(), set([1]), add.clone(), None).await.expect("stored");
    let now = mailbox(&account, "INBOX");
    assert_eq!(now.highest_mod_seq(), inbox.highest_mod_seq());
    assert_eq!(now.seen_by(&who("eve")).highest_mod_seq(), eve.highest_mod_seq());
    assert!(now.seen_by(&who("bob")).highest_mod_seq() > inbox.highest_mod_seq());
    assert_eq!(now.seen_by(&who("eve")).diff(&eve), Diff::default());
    // What changed for bob alone, and not for all, does not stand in the way of eve's condition.
    let since = Some(inbox.highest_mod_seq());
    let eve = account.as_user(who("eve"));
    let stored = eve.store_flags(inbox.id(), set([1]), add.clone(), since).await.expect("stored");
    assert_eq!((stored.changed, stored.modified), (set([1]), set([])));
    let stored = eve.store_flags(inbox.id(), set([1]), add, since).await.expect("stored");
    assert_eq!(stored.modified, set([1]), "but her own change does");
}
