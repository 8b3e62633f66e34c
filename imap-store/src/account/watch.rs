//! Who waits for news of a mailbox. A change wakes those whose mailbox it touched, and nobody else: a person has a session
//! for each of many mailboxes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch::{self, Sender};

use super::mailbox::Mailbox;
use super::snapshot::{MailboxId, Snapshot};
use crate::log::Seq;

/// Waits for news of one mailbox. As long as it is held, the account stays in memory.
#[derive(Debug)]
pub struct Watch(watch::Receiver<Told>);

impl Watch {
    /// Comes back when the mailbox has changed since the last call, was renamed or deleted: at once when it is called
    /// first. False once the store is closed, and nothing more will come. Nothing is lost when it is dropped.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// A mailbox as those who watch it were told last; `None`: it is not there.
#[derive(Debug)]
struct Told {
    seq: Seq,
    mailbox: Option<Arc<Mailbox>>,
}

impl Told {
    fn of(state: &Snapshot, id: MailboxId) -> Self {
        Self { seq: state.seq(), mailbox: state.mailbox(id).cloned() }
    }

    /// A change puts another mailbox in the place of the one that it touches.
    fn is_as_in(&self, state: &Snapshot, id: MailboxId) -> bool {
        self.mailbox.as_ref().map(Arc::as_ptr) == state.mailbox(id).map(Arc::as_ptr)
    }
}

/// The mailboxes of an account that somebody watches, or did so until the last change.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<BTreeMap<MailboxId, Arc<Sender<Told>>>>);

impl Watchers {
    /// Watches a mailbox of which `state` is known.
    pub(super) fn watch(&self, state: &Snapshot, id: MailboxId) -> Watch {
        let mut watched = self.lock();
        let told = watched.entry(id).or_insert_with(|| Arc::new(Sender::new(Told::of(state, id))));
        let mut watch = told.subscribe();
        watch.mark_changed();
        Watch(watch)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().values().all(|told| told.receiver_count() == 0)
    }

    /// Whether telling of a state, or finding out whom to tell, takes next to no time.
    pub(super) fn are_few(&self, state: &Snapshot) -> bool {
        let watched = self.lock();
        let touched = || watched.iter().filter(|(id, told)| !told.borrow().is_as_in(state, **id));
        watched.len() <= MAILBOXES_FEW
            && touched().map(|(_, told)| told.receiver_count()).sum::<usize>() <= WATCHERS_FEW
    }

    /// A state was published. Two of them may come in either order.
    pub(super) fn tell(&self, state: &Snapshot) {
        // Waking many takes long, and is done without the lock.
        for (id, told) in self.touched(state) {
            told.send_if_modified(|told| {
                let is_news = told.seq < state.seq();
                if is_news {
                    *told = Told::of(state, id);
                }
                is_news
            });
        }
    }

    /// Those who watch a mailbox that is another one in `state`; those are forgotten whom nobody listens to.
    fn touched(&self, state: &Snapshot) -> Vec<(MailboxId, Arc<Sender<Told>>)> {
        let mut watched = self.lock();
        watched.retain(|_, told| told.receiver_count() > 0);
        let touched = watched.iter().filter(|(id, told)| !told.borrow().is_as_in(state, **id));
        touched.map(|(id, told)| (*id, Arc::clone(told))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<MailboxId, Arc<Sender<Told>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many mailboxes are looked through, and so many watchers told, in no time.
const MAILBOXES_FEW: usize = 32;
const WATCHERS_FEW: usize = 4;
