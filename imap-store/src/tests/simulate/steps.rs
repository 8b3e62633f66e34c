//! What is done while a store is open, one thing or several at once, and what is believed of it then.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::work::{Op, Refusal};
use super::*;
use crate::files::Disk;
use crate::{RestoreError, RestoreFrom};

impl Course {
    pub(super) fn step(&mut self, open: &Open) {
        match self.chance.below(36) {
            0..=3 => self.batch(open),
            4 => self.compact(open),
            5 => self.back_up(open),
            6 => self.restore_mail(open),
            7 => {
                let saved = open.store.checkpoint();
                assert!(saved.is_ok(), "the index is on no disk: {saved:?}");
            }
            8 => drop(self.clock.fetch_add(400_000, Ordering::Relaxed)),
            9 if self.trouble == Trouble::Read => {
                // A check that could not read something says so, and breaks nothing.
                let _ = open.store.check();
            }
            9 | 10 => {
                let room = self.disk.octets_used() + self.chance.below(1 << 19);
                let is_full = self.trouble == Trouble::Full && self.chance.below(2) == 0;
                if self.trouble == Trouble::Full {
                    // A body of what was refused may still be on its way, and what is queued behind it would be refused
                    // with it.
                    let _ = open.store.log().settle_queue();
                    self.disk.set_room(is_full.then_some(room));
                }
            }
            _ => self.single(open),
        }
        self.compare(open, &"a step");
    }

    fn draw(&mut self) -> Op {
        loop {
            let op = Op::draw(&mut self.chance, &self.world, &mut self.labels);
            // Nothing is deleted that has something below it: so every name has a mailbox.
            let leaves_name = |who: usize, name: &str| self.world.0[who].has_children(name);
            match op {
                Op::Delete { who, name } if leaves_name(who, name) => {}
                // What arrives and cannot leave for want of room is settled when the account is next opened.
                Op::Across { .. } if self.trouble == Trouble::Full => {}
                op => return op,
            }
        }
    }

    fn single(&mut self, open: &Open) {
        let op = self.draw();
        let result = block_on(async {
            let messages = op.prepare(&open.accounts).await?;
            op.perform(&open.store, &open.accounts, messages).await
        });
        let base = self.world.clone();
        self.take(&op, base, result);
        self.compare(open, &op);
    }

    /// Several at once, in one group of the log or not.
    fn batch(&mut self, open: &Open) {
        let count = 2 + self.chance.below(4);
        let mut ops: Vec<Op> = Vec::new();
        while (ops.len() as u64) < count {
            let op = self.draw();
            if op.can_be_batched() {
                ops.push(op);
            }
        }
        if self.trouble == Trouble::Full {
            ops.truncate(1);
        }
        let mut prepared = Vec::new();
        for op in ops {
            match block_on(op.prepare(&open.accounts)) {
                Ok(messages) => prepared.push((op, messages)),
                Err(error) => self.refused(&op, &error),
            }
        }
        let ops: Vec<Op> = prepared.iter().map(|(op, _)| op.clone()).collect();
        let asked = prepared.into_iter().map(|(op, messages)| {
            let (store, accounts) = (&open.store, &open.accounts);
            async move { op.perform(store, accounts, messages).await }
        });
        let results = block_on(all(asked.map(Box::pin).collect()));
        let mut base = self.world.clone();
        for (op, result) in ops.iter().zip(results) {
            base = self.take(op, base, result);
        }
        self.compare(open, &ops);
    }

    /// Takes note of what came of an operation that was decided on `base`; returns on what the next was decided.
    fn take(&mut self, op: &Op, base: World, result: Result<(), StoreError>) -> World {
        match (op.apply(&base, self.times()), result) {
            (Ok(new), Ok(())) if new == base => base,
            (Ok(new), Ok(())) => {
                assert!(!self.is_poisoned, "{op:?} was taken after a write had failed");
                self.world = new.clone();
                self.acknowledged = self.possible.len();
                self.possible.push(new.clone());
                new
            }
            (Err(expected), Err(error)) if refusal(&error) == expected => base,
            (Ok(new), Err(StoreError::InDoubt { reason })) => {
                assert!(self.trouble == Trouble::Write, "{op:?}: {reason}");
                self.is_poisoned = true;
                self.is_unsettled = matches!(op, Op::Across { .. });
                self.possible.push(new.clone());
                new
            }
            (_, Err(error @ StoreError::Unavailable { .. })) => {
                self.refused(op, &error);
                // Messages that set out, and could not be called back, stay so until the account is next opened.
                self.is_poisoned |= matches!(op, Op::Across { .. });
                base
            }
            // What it would have carried over could not be read.
            (_, Err(StoreError::Damaged { .. })) if self.trouble == Trouble::Read => base,
            (expected, result) => {
                panic!("{op:?}: {result:?}, and not {:?}", expected.map(|_| ()))
            }
        }
    }

    /// An error of the disk, where one may come; nothing was changed.
    fn refused(&mut self, op: &Op, error: &StoreError) {
        let is_fault = matches!(error, StoreError::Unavailable { .. } | StoreError::InDoubt { .. });
        let is_taken = match self.trouble {
            Trouble::None | Trouble::Read => false,
            // Once there is room, writes work again.
            Trouble::Full => self.disk.has_bound(),
            Trouble::Write => true,
        };
        assert!(is_fault && is_taken, "{op:?} in {:?}: {error}", self.trouble);
    }

    /// A round of compaction with work in between; old views stay readable.
    fn compact(&mut self, open: &Open) {
        let held = open.accounts.each_ref().map(|account| account.snapshot());
        let cell = RefCell::new(&mut *self);
        let report = open.store.compact(false, &|_| {
            let mut course = cell.borrow_mut();
            if !course.is_poisoned {
                course.single(open);
            }
        });
        match (report, self.trouble) {
            (Ok(report), Trouble::None | Trouble::Full | Trouble::Write) => {
                assert!(report.findings.is_empty(), "{report:?}");
            }
            (Ok(_), Trouble::Read) => {}
            (Err(error), Trouble::None) => panic!("{error}"),
            (Err(StoreError::InDoubt { .. }), _) => self.is_poisoned = true,
            (Err(_), _) => {}
        }
        let fail_read = self.disk.replace_fail_read(None);
        for (account, held) in open.accounts.iter().zip(held) {
            // Not what was in its graveyard: of that counts what is there now.
            for body in held.bodies_in_mailboxes() {
                account.core().log().read(body, 0..1).expect("an old view stays readable");
            }
        }
        self.disk.replace_fail_read(fail_read);
    }

    fn back_up(&mut self, open: &Open) {
        let done = open.store.backup_on(&self.disk, Path::new(BACKUP), &mut |_, _| {});
        match done {
            Ok(_) => self.backup = Some(self.world.clone()),
            Err(error) => {
                assert!(self.trouble != Trouble::None, "{error}");
                self.is_poisoned |= matches!(error, StoreError::InDoubt { .. });
                // Some of it may be newer by now.
                self.backup = None;
            }
        }
    }

    /// A message, a mailbox or an account out of the backup.
    fn restore_mail(&mut self, open: &Open) {
        let who = self.chance.below(2) as usize;
        let (kind, at) = (self.chance.below(3), self.chance.below(1 << 20));
        let Some(backup) = &self.backup else { return };
        if self.world.0[who].quota != Quota::default() {
            return;
        }
        self.restores += 1;
        let into = format!("R{:04}", self.restores);
        let boxes = &backup.0[who].boxes;
        let named = boxes.keys().nth(at as usize % boxes.len()).filter(|_| kind > 0).cloned();
        let uid = named.as_ref().filter(|_| kind > 1).and_then(|it| {
            let uids = &boxes[it].messages;
            uids.keys().nth(at as usize % uids.len().max(1)).copied()
        });
        let mut expected = self.world.clone();
        let target = &mut expected.0[who];
        for (name, it) in boxes.iter().filter(|(name, _)| named.as_ref().is_none_or(|it| it == *name)) {
            let below = format!("{into}/{name}");
            if !target.boxes.contains_key(&below) {
                target.create(&below).expect("there is no quota");
            }
            let new = target.boxes.get_mut(&below).expect("made");
            for (_, message) in it.messages.iter().filter(|(at, _)| uid.is_none_or(|uid| uid == **at)) {
                let message = world::Message { is_seen: false, ..message.clone() };
                new.messages.insert(new.uid_next, message);
                new.uid_next += 1;
            }
        }
        let wanted = RestoreFrom {
            user: PEOPLE[who].to_owned(),
            mailbox: named.as_deref().map(name),
            uid: uid.map(super::uid),
            into: name(&into),
        };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        match open.store.restore_mail_on(&disk, Path::new(BACKUP), &wanted, &mut |_| {}) {
            Ok(restored) => {
                // What cannot be read is left out, and named.
                if restored.damaged.is_empty() {
                    self.world = expected;
                    if self.is_lazy() {
                        self.loose.push((who, into));
                    }
                } else {
                    assert!(self.trouble == Trouble::Read, "{restored:?}");
                    self.loosen(open, who, into);
                }
                self.acknowledged = self.possible.len();
                self.possible.push(self.world.clone());
            }
            Err(error) => {
                assert!(self.trouble != Trouble::None, "{error}");
                self.is_poisoned |= matches!(error, RestoreError::Store(StoreError::InDoubt { .. }));
                self.loosen(open, who, into);
                self.possible.push(self.world.clone());
                self.acknowledged = self.possible.len() - 1;
            }
        }
    }

    /// Part of a restore came: whatever is there below its name is.
    fn loosen(&mut self, open: &Open, who: usize, into: String) {
        let seen = self.look(open).world;
        self.loose.push((who, into));
        self.adopt_loose(&seen);
    }

    pub(super) fn adopt_loose(&mut self, seen: &World) {
        for (who, into) in &self.loose {
            let is_below = |name: &String| name.starts_with(into.as_str());
            let boxes = &mut self.world.0[*who].boxes;
            boxes.retain(|name, _| !is_below(name));
            let found = seen.0[*who].boxes.iter().filter(|(name, _)| is_below(name));
            boxes.extend(found.map(|(name, it)| (name.clone(), it.clone())));
        }
    }

    pub(super) fn without_loose(&self, world: &World) -> World {
        let mut world = world.clone();
        for (who, into) in &self.loose {
            world.0[*who].boxes.retain(|name, _| !name.starts_with(into.as_str()));
        }
        world
    }
}

fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::NonExistent { .. } => "NonExistent",
        StoreError::AlreadyExists { .. } => "AlreadyExists",
        StoreError::NoPerm => "NoPerm",
        StoreError::Cannot { .. } => "Cannot",
        StoreError::OverQuota { .. } => "OverQuota",
        _ => "another",
    }
}

/// Polls all of them in this order until each is done.
async fn all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = std::pin::Pin::new(future).poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
