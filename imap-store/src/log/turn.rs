//! What the writer does next. It is decided under the queue's lock, and knows no thread and no clock, so that a test can
//! try every order in which others come.

use std::io;
use std::time::Duration;

use super::queue::{Pending, Queue, SyncAsked};

/// What there is to do.
#[derive(Debug)]
pub(super) enum Work {
    Group(Vec<Pending>),
    /// A sync on its own thread has ended.
    Synced(io::Result<()>),
    Idle,
    Sync(Vec<SyncAsked>),
    Close,
}

/// Work, or nothing, for how long at the most.
#[derive(Debug)]
pub(super) enum Next {
    Work(Work),
    Wait(Option<Duration>),
}

/// Looks at the queue, whenever the writer has done something or was woken. Where there is nothing to do it is so for
/// `idle_after`; `None`: for ever.
pub(super) fn next(queue: &mut Queue, idle_after: Option<Duration>) -> Next {
    queue.is_asleep = false;
    if let Some(synced) = queue.take_synced() {
        return Next::Work(Work::Synced(synced));
    }
    if queue.is_syncing && !queue.is_worth_writing_ahead() {
        queue.is_asleep = true;
        return Next::Wait(None);
    }
    let group = queue.take_group();
    Next::Work(if !group.is_empty() {
        Work::Group(group)
    } else if !queue.syncs.is_empty() {
        Work::Sync(std::mem::take(&mut queue.syncs))
    } else if queue.stop {
        Work::Close
    } else {
        queue.is_asleep = true;
        return Next::Wait(idle_after);
    })
}

#[cfg(test)]
mod tests {
    //! Every order in which committers, somebody who wants a sync, and whoever closes the log come between the steps of
    //! the writer. All of them hold the lock for the whole of a step, so these orders are all that there are. Whether they
    //! do, and wait and wake as they should, is tried in `tests/handover.rs`.

    use std::collections::BTreeSet;
    use std::sync::mpsc::{Receiver, TryRecvError, channel};

    use super::*;
    use crate::StoreError;
    use crate::log::queue::State;
    use crate::log::record::{BodyHead, Content};
    use crate::log::segment::GROUPS_AT;
    use crate::log::{AccountId, Position, Seq};

    /// Who comes, beside the writer and whoever closes the log at some time.
    #[derive(Debug, Clone, Copy)]
    struct Cast {
        /// Each queues a body, if it has one, and then a change.
        committers: &'static [bool],
        wants_sync: bool,
        /// Syncs are made on a thread of their own, and the writer writes meanwhile.
        writes_ahead: bool,
    }

    #[derive(Debug)]
    enum Writer {
        Looks,
        Waits {
            is_woken: bool,
        },
        Works(Work),
        /// For the sync that is under way, after a write that failed.
        WaitsForSync {
            is_woken: bool,
            group: Vec<Pending>,
        },
        Gone,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Step {
        Commit(usize),
        WantSync,
        Close,
        Writer,
        WriteFails,
        Sync,
        SyncFails,
    }

    /// What became of a change.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fate {
        Done,
        InDoubt,
        Refused,
    }

    struct Play {
        cast: Cast,
        queue: Queue,
        writer: Writer,
        /// How many steps of each committer are done.
        done: Vec<usize>,
        sync: Option<Receiver<Result<(), StoreError>>>,
        is_closed: bool,
        /// Those queued, in order; those on the disk; and what they were told.
        queued: Vec<u64>,
        written: Vec<u64>,
        /// What is in the sync that is under way.
        syncing: Option<Vec<u64>>,
        synced: BTreeSet<u64>,
        told: Vec<(u64, Fate)>,
    }

    fn ids<'a>(group: impl IntoIterator<Item = &'a Pending>) -> Vec<u64> {
        group.into_iter().map(|it| it.seq.0).collect()
    }

    fn change(committer: usize) -> u64 {
        committer as u64 * 2 + 1
    }

    impl Play {
        fn new(cast: Cast) -> Self {
            Self {
                writer: Writer::Looks,
                cast,
                queue: Queue::new(1, Position::default(), 1 << 20, 1),
                done: vec![0; cast.committers.len()],
                sync: None,
                is_closed: false,
                queued: Vec::new(),
                written: Vec::new(),
                syncing: None,
                synced: BTreeSet::new(),
                told: Vec::new(),
            }
        }

        fn possible(&self) -> Vec<Step> {
            let mut steps = Vec::new();
            match &self.writer {
                Writer::Looks => steps.push(Step::Writer),
                // Nothing may depend on its looking by itself after a time.
                Writer::Waits { is_woken } | Writer::WaitsForSync { is_woken, .. } => {
                    steps.extend(is_woken.then_some(Step::Writer));
                }
                Writer::Works(Work::Group(_)) => {
                    steps.extend([Step::Writer, Step::WriteFails]);
                }
                Writer::Works(_) => steps.push(Step::Writer),
                Writer::Gone => {}
            }
            let ends = self.cast.committers.iter().map(|has_body| 1 + usize::from(*has_body));
            let open = self.done.iter().zip(ends).enumerate().filter(|(_, (done, end))| **done < *end);
            steps.extend(open.map(|(at, _)| Step::Commit(at)));
            steps.extend((self.cast.wants_sync && self.sync.is_none()).then_some(Step::WantSync));
            steps.extend((!self.is_closed).then_some(Step::Close));
            if self.queue.is_syncing && self.queue.synced.is_none() {
                steps.extend([Step::Sync, Step::SyncFails]);
            }
            steps
        }

        fn step(&mut self, step: Step) {
            match step {
                Step::Commit(at) => self.commit(at),
                Step::WantSync => {
                    let (asked, answer) = channel();
                    if self.queue.refusal().is_none() {
                        self.queue.syncs.push(asked);
                        self.wake();
                    }
                    self.sync = Some(answer);
                }
                Step::Close => {
                    if self.queue.state == State::Open {
                        self.queue.state = State::Closed;
                    }
                    (self.queue.stop, self.is_closed) = (true, true);
                    self.wake();
                }
                Step::Writer | Step::WriteFails => self.write(step == Step::WriteFails),
                Step::Sync | Step::SyncFails => {
                    let failed = io::Error::other("broken");
                    self.queue.synced = Some(if step == Step::Sync { Ok(()) } else { Err(failed) });
                    self.wake();
                }
            }
        }

        fn commit(&mut self, at: usize) {
            let is_body = self.cast.committers[at] && self.done[at] == 0;
            self.done[at] += 1;
            if self.queue.state != State::Open {
                if !is_body {
                    self.told.push((change(at), Fate::Refused));
                }
                return;
            }
            let (id, content) = match is_body {
                true => (change(at) - 1, Content::Body(BodyHead::new(&blake3::hash(b"x"), 0), b"x".to_vec())),
                false => (change(at), Content::Change(b"x".to_vec())),
            };
            self.queue.push(Pending::new(Position::default(), AccountId(1), Seq(id), content));
            self.queued.push(id);
            self.wake();
        }

        /// As a condition variable does: whoever does not wait is not told. Nor is it asked to tell whoever is awake.
        fn wake(&mut self) {
            let wakes = self.queue.wakes();
            if let Writer::Waits { is_woken } | Writer::WaitsForSync { is_woken, .. } = &mut self.writer {
                *is_woken |= wakes;
            }
        }

        fn write(&mut self, fails: bool) {
            self.writer = match std::mem::replace(&mut self.writer, Writer::Gone) {
                Writer::Waits { .. } => Writer::Looks,
                Writer::Looks => match next(&mut self.queue, None) {
                    Next::Work(work) => Writer::Works(work),
                    Next::Wait(_) => Writer::Waits { is_woken: false },
                },
                Writer::WaitsForSync { group, .. } => self.poison(group),
                Writer::Works(Work::Close) => {
                    assert!(!self.queue.is_syncing && self.written.is_empty(), "closed too early");
                    Writer::Gone
                }
                Writer::Works(Work::Group(group)) if self.is_poisoned() => {
                    self.tell(ids(&group), Fate::Refused);
                    Writer::Looks
                }
                Writer::Works(Work::Group(group)) if fails => self.poison(group),
                Writer::Works(Work::Group(group)) => {
                    self.queue.written(&group, GROUPS_AT);
                    self.written.extend(ids(&group));
                    self.settle();
                    Writer::Looks
                }
                Writer::Works(Work::Synced(Ok(()))) => {
                    self.end_sync();
                    self.settle();
                    Writer::Looks
                }
                Writer::Works(Work::Synced(Err(_))) => self.poison(Vec::new()),
                Writer::Works(Work::Sync(asked)) => {
                    asked.into_iter().for_each(|asked| drop(asked.send(Ok(()))));
                    Writer::Looks
                }
                Writer::Works(Work::Idle) => Writer::Looks,
                Writer::Gone => unreachable!("it takes no step"),
            };
        }

        fn is_poisoned(&self) -> bool {
            matches!(self.queue.state, State::Poisoned(_))
        }

        /// A body alone is not waited for.
        fn settle(&mut self) {
            if self.queue.is_syncing {
                return;
            }
            if self.cast.writes_ahead && self.written.iter().any(|id| id % 2 == 1) {
                self.syncing = Some(std::mem::take(&mut self.written));
                self.queue.is_syncing = true;
                return;
            }
            let written = std::mem::take(&mut self.written);
            self.publish(written);
        }

        fn end_sync(&mut self) {
            let synced = self.syncing.take().expect("it was under way");
            self.publish(synced);
        }

        fn publish(&mut self, ids: Vec<u64>) {
            self.synced.extend(ids.iter().copied());
            self.tell(ids, Fate::Done);
        }

        /// What is being synced is waited for; all else that is not published is in doubt.
        fn poison(&mut self, group: Vec<Pending>) -> Writer {
            if self.queue.is_syncing {
                match self.queue.take_synced() {
                    Some(Ok(())) => self.end_sync(),
                    Some(Err(_)) => {}
                    None => {
                        self.queue.is_asleep = true;
                        return Writer::WaitsForSync { is_woken: false, group };
                    }
                }
            }
            self.queue.state = State::Poisoned("a sync failed".to_owned());
            let refused = self.queue.refuse_all(Position { segment: 1, record: 0 }, GROUPS_AT, false);
            let doubtful = self.syncing.take().into_iter().flatten().chain(std::mem::take(&mut self.written));
            let doubtful: Vec<u64> = doubtful.chain(ids(&group)).collect();
            self.tell(doubtful, Fate::InDoubt);
            self.tell(ids(&refused), Fate::Refused);
            Writer::Looks
        }

        /// Nobody waits for a body.
        fn tell(&mut self, ids: Vec<u64>, fate: Fate) {
            self.told.extend(ids.into_iter().filter(|id| id % 2 == 1).map(|id| (id, fate)));
        }

        /// All have ended: everybody knows, once, in order.
        fn judge(&self, path: &[Step]) {
            assert!(matches!(self.writer, Writer::Gone), "the writer waits for ever: {path:?}");
            let ids: BTreeSet<u64> = self.told.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids.len(), self.told.len(), "told twice: {path:?}");
            assert_eq!(ids.len(), self.cast.committers.len(), "not told: {path:?}");
            let is_done = |id: &u64| self.told.contains(&(*id, Fate::Done));
            let queued: Vec<u64> = self.queued.iter().copied().filter(is_done).collect();
            let told: Vec<u64> = self.told.iter().map(|(id, _)| *id).filter(is_done).collect();
            assert_eq!(told, queued, "in the order of the queue: {path:?}");
            for (at, has_body) in self.cast.committers.iter().enumerate() {
                let body = change(at) - 1;
                let is_whole = !has_body || self.synced.contains(&body);
                assert!(is_whole || !is_done(&change(at)), "a change without its body: {path:?}");
            }
            if let Some(answer) = &self.sync {
                let is_told = !matches!(answer.try_recv(), Err(TryRecvError::Empty));
                assert!(is_told, "the sync is waited for: {path:?}");
            }
        }
    }

    /// Plays every order; returns how many there are.
    fn play_all(cast: Cast) -> u64 {
        let mut choices: Vec<usize> = Vec::new();
        let mut plays = 0;
        loop {
            let mut play = Play::new(cast);
            let (mut path, mut widths) = (Vec::new(), Vec::new());
            loop {
                let possible = play.possible();
                if possible.is_empty() {
                    break;
                }
                if choices.len() == path.len() {
                    choices.push(0);
                }
                widths.push(possible.len());
                let step = possible[choices[path.len()]];
                path.push(step);
                assert!(path.len() < 60, "it never ends: {path:?}");
                play.step(step);
            }
            play.judge(&path);
            plays += 1;
            // The last choice that can be made otherwise.
            choices.truncate(path.len());
            while let Some(last) = choices.pop() {
                if last + 1 < widths[choices.len()] {
                    choices.push(last + 1);
                    break;
                }
            }
            if choices.is_empty() {
                return plays;
            }
        }
    }

    #[test]
    fn in_every_order_everybody_is_told_once_and_nobody_waits_for_ever() {
        let mut plays = 0;
        for (committers, wants_sync) in
            [(&[true, true][..], false), (&[false, false, false], false), (&[true], true)]
        {
            for writes_ahead in [false, true] {
                plays += play_all(Cast { committers, wants_sync, writes_ahead });
            }
        }
        println!("{plays} orders");
        assert!(plays > 10_000, "{plays}");
    }
}
