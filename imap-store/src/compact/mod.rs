//! Compaction: accounts get images, and segments of which little is named any more are written anew without the
//! rest. It runs while everybody works; docs/STORAGE.md says why nothing that counts can go.
//!
//! ```text
//! sealed segments ─survey─> changes, images     accounts whose changes outweigh their image get a new one
//!        │                                                       │
//!        └─ bodies on their way: their segments stay out         v
//! tables of all accounts, states that somebody holds ─mark─> live records
//! less than half live: new file ─> `Replaced` in account 0, synced ─> the old file goes
//! ```

mod background;
mod mark;

use std::collections::{BTreeMap, BTreeSet};

use self::mark::{Image, Marks, Survey};
use crate::account::{Snapshot, image, replace};
use crate::blocking::block_on;
use crate::log::{AccountId, BodyId, Log, Position, Seq, What};
use crate::{Store, StoreError};

pub(crate) use self::background::Compactor;

/// What [`Store::compact`] did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CompactReport {
    /// Sealed segments that were looked at.
    pub segments: u64,
    /// Images that were written.
    pub images: u64,
    /// Segments that were written anew.
    pub rewritten: u64,
    /// Segments that are gone, since nothing in them was named any more.
    pub removed: u64,
    /// Octets of the log's files before.
    pub octets_before: u64,
    /// And after.
    pub octets_after: u64,
    /// One line each: damage, which keeps everything where it is, and files that have to stay.
    pub findings: Vec<String>,
}

/// How a round is to go about it.
pub(crate) struct Pace<'a> {
    /// An error ends the round, where it is.
    pub(crate) go_on: &'a dyn Fn() -> Result<(), StoreError>,
    /// Is told of octets as they are written, and may wait.
    pub(crate) wrote: &'a dyn Fn(u64),
    /// Room is scarce: more work for less of it.
    pub(crate) is_short: bool,
    /// Is told what was done so far.
    pub(crate) progress: &'a dyn Fn(&CompactReport),
}

impl Store {
    /// Gives back the room of what nobody names any more: expunged messages past their retention, old changes.
    /// Blocking, and long; everybody works on meanwhile. At most one segment's room is taken more while it runs.
    ///
    /// In the background it is done by itself when it is due ([`crate::Options::compacts_by_itself`]). Where
    /// something in the log is damaged nothing is dropped, as it may be what the damage hides; `despite_damage`
    /// drops all the same what is named by nothing that can be read.
    pub fn compact(
        &self,
        despite_damage: bool,
        progress: &dyn Fn(&CompactReport),
    ) -> Result<CompactReport, StoreError> {
        let _alone = self.maintenance();
        let is_short = self.log().is_short();
        round(self, despite_damage, &Pace { go_on: &|| Ok(()), wrote: &|_| {}, is_short, progress })
    }
}

/// One round. The caller sees to it that no other and no backup runs.
pub(crate) fn round(
    store: &Store,
    despite_damage: bool,
    pace: &Pace<'_>,
) -> Result<CompactReport, StoreError> {
    let log = store.log();
    let mut report = CompactReport { octets_before: log.octets_on_disk()?, ..CompactReport::default() };
    // In this order: a body in a segment that is sealed now is either pinned now, or the change that names it is
    // queued now and published when the tables are read, or nobody will ever name it.
    let sealed = log.sealed_segments()?;
    let pinned = log.first_pinned();
    log.settle_queue()?;
    let all: Vec<u64> = sealed.iter().copied().chain(log.active_segment()).collect();
    let mut survey = Survey::of(log, &all, pace.go_on)?;
    report.segments = sealed.len() as u64;
    let images = Images::of(store, &mut survey, pace, &mut report)?;
    (pace.progress)(&report);
    let marks = mark(store, &mut survey, &images, pace)?;
    report.findings.append(&mut survey.damage);
    if !report.findings.is_empty() && !despite_damage {
        report.findings.push("nothing is dropped as long as something is damaged".to_owned());
        report.octets_after = log.octets_on_disk()?;
        return Ok(report);
    }
    let live = Live { marks, images };
    let mut candidates = Vec::new();
    for segment in sealed.into_iter().filter(|&segment| segment < pinned) {
        (pace.go_on)()?;
        candidates.extend(live.live_octets(log, segment, &survey, pace)?.map(|octets| (octets, segment)));
    }
    // The emptiest first: what they give back is room for the others.
    candidates.sort_unstable();
    for (_, segment) in candidates {
        (pace.go_on)()?;
        compact_segment(store, segment, &live, pace, &mut report)?;
        (pace.progress)(&report);
    }
    report.octets_after = log.octets_on_disk()?;
    Ok(report)
}

/// The images that replay begins with.
struct Images {
    newest: BTreeMap<AccountId, Image>,
    /// Accounts of deleted users.
    dropped: BTreeSet<AccountId>,
}

impl Images {
    /// Finds the newest image of each account that is whole, and makes new ones where they are due.
    fn of(
        store: &Store,
        survey: &mut Survey,
        pace: &Pace<'_>,
        report: &mut CompactReport,
    ) -> Result<Self, StoreError> {
        let log = store.log();
        let dropped = store.directory_state().files().dropped.clone();
        let mut newest = BTreeMap::new();
        let mut unread = BTreeSet::new();
        let mut weights: BTreeMap<AccountId, u64> = BTreeMap::new();
        for (account, mut images) in std::mem::take(&mut survey.images) {
            images.sort_by_key(|image| (image.seq, image.position));
            let whole = images.iter().rposition(|image| log.image(image.position).is_some());
            if whole.is_none_or(|at| at + 1 < images.len()) && !dropped.contains(&account) {
                unread.insert(account);
            }
            newest.extend(whole.map(|at| (account, images[at])));
        }
        for ((_, account), stretch) in &survey.changes {
            let image = newest.get(account).map_or(Seq(0), |image| image.seq);
            if stretch.last > image {
                *weights.entry(*account).or_insert(0) += stretch.octets;
            }
        }
        for (account, octets) in weights.into_iter().filter(|(account, _)| !dropped.contains(account)) {
            (pace.go_on)()?;
            let state = store.accounts().snapshot(account)?;
            let before = newest.get(&account).map_or(0, |image: &Image| image.seq.0);
            if octets > image_octets(log, newest.get(&account), &state) && state.seq().0 > before {
                write_image(log, account, &state, pace)?;
                report.images += 1;
                newest.remove(&account);
                unread.remove(&account);
            }
        }
        if report.images > 0 {
            // Rows that lack changes which an image has would be of no use once those changes are gone.
            store.checkpoint()?;
            for segment in log.sealed_segments()?.into_iter().chain(log.active_segment()) {
                for (account, seq, position) in log.images(segment)? {
                    let newer = newest.get(&account).is_none_or(|image| image.seq <= seq);
                    if newer && log.image(position).is_some() {
                        newest.insert(account, Image { seq, position });
                    }
                }
            }
        }
        // The changes that an older one needs may be gone: with it the next round could do better.
        let line = |account: AccountId| format!("the newest image of account {} cannot be read", account.0);
        survey.damage.extend(unread.into_iter().map(line));
        Ok(Self { newest, dropped })
    }

    /// Whether replay needs a change.
    fn needs(&self, account: AccountId, seq: Seq) -> bool {
        !self.dropped.contains(&account) && self.newest.get(&account).is_none_or(|image| seq > image.seq)
    }
}

/// About what an image takes or would take. An account has to have that many octets of changes for another.
fn image_octets(log: &Log, image: Option<&Image>, state: &Snapshot) -> u64 {
    const ROW_OCTETS: u64 = 32;
    const ROOT_OCTETS: u64 = 16 << 10;
    let chunks = image.and_then(|image| log.image(image.position)).map_or(0, |octets| octets.len() as u64);
    ROOT_OCTETS + chunks.max(ROW_OCTETS * state.bodies().count() as u64)
}

/// Writes an account's image, and waits until it is on the disk.
fn write_image(log: &Log, account: AccountId, state: &Snapshot, pace: &Pace<'_>) -> Result<(), StoreError> {
    let mut upload = log.upload_image(account);
    let mut failed = Ok(());
    image::encode(state, &mut |piece| {
        if failed.is_ok() {
            failed = (pace.go_on)().and_then(|()| block_on(upload.write(piece)));
            (pace.wrote)(piece.len() as u64);
        }
    });
    failed?;
    block_on(upload.finish_image(state.seq()))
}

/// Marks what the tables of all accounts name, and the states that somebody holds. A list that is named and cannot
/// be read is damage: nobody knows what it names.
fn mark(store: &Store, survey: &mut Survey, images: &Images, pace: &Pace<'_>) -> Result<Marks, StoreError> {
    let log = store.log();
    let mut marks = Marks::default();
    let mut add = |body: BodyId| marks.add(body.into());
    let mut accounts = survey.accounts();
    accounts.extend(store.directory_state().owned_accounts());
    for account in accounts.difference(&images.dropped) {
        (pace.go_on)()?;
        let state = store.accounts().snapshot(*account)?;
        if survey.last_seq(*account) > state.seq() {
            let what = format!("account {}, of which the log has more than the index", account.0);
            return Err(StoreError::Damaged { what });
        }
        state.bodies().for_each(&mut add);
    }
    // After the tables: a state that was taken before one of them was read, and is held still, is among these.
    for view in log.views() {
        view.each_body(&mut add);
    }
    let lists = survey.lists.iter().filter(|&&list| marks.has(list)).copied().collect::<Vec<_>>();
    for list in lists.into_iter().chain(images.newest.values().map(|image| image.position)) {
        match log.chunks(list) {
            Some(chunks) => chunks.into_iter().for_each(|chunk| marks.add(chunk.into())),
            None => {
                let Position { segment, record } = list;
                survey.damage.push(format!("segment {segment}: the list in record {record} cannot be read"));
            }
        }
    }
    Ok(marks)
}

/// What counts.
struct Live {
    marks: Marks,
    images: Images,
}

impl Live {
    fn counts(&self, position: Position, what: &What) -> bool {
        match what {
            What::Body | What::List => self.marks.has(position),
            What::Change(account, seq) => self.images.needs(*account, *seq),
            What::Image(account, _) => {
                let newest = self.images.newest.get(account);
                !self.images.dropped.contains(account)
                    && newest.is_none_or(|image| image.position == position)
            }
            What::Gone => false,
            // Whatever it was: it cannot be copied, and is not to be lost.
            What::Bad | What::Unknown => true,
        }
    }

    /// How many of a segment's octets count, if that is less than half of them, or, where room is scarce, than seven
    /// eighths: an estimate, from whole stretches of changes.
    fn live_octets(
        &self,
        log: &Log,
        segment: u64,
        survey: &Survey,
        pace: &Pace<'_>,
    ) -> Result<Option<u64>, StoreError> {
        let changes = survey.changes.range((segment, AccountId(0))..=(segment, AccountId(u64::MAX)));
        let needed = changes.filter(|((_, account), stretch)| self.images.needs(*account, stretch.last));
        let mut live: u64 = needed.map(|(_, stretch)| stretch.octets).sum();
        live += survey.unknown.get(&segment).copied().unwrap_or(0);
        let Some((octets, bodies)) = log.bodies(segment)? else { return Ok(None) };
        live += bodies.filter(|(at, _)| self.marks.has(*at)).map(|(_, octets)| octets).sum::<u64>();
        let live_max = if pace.is_short { octets - octets / 8 } else { octets / 2 };
        Ok(Some(live).filter(|&live| live < live_max))
    }
}

/// Writes one segment anew and lets the old file go. One that is damaged stays.
fn compact_segment(
    store: &Store,
    segment: u64,
    live: &Live,
    pace: &Pace<'_>,
    report: &mut CompactReport,
) -> Result<(), StoreError> {
    let log = store.log();
    let mut counts = Vec::new();
    log.heads(segment, &mut |head| counts.push(live.counts(head.position, &head.what)))?;
    let is_live = |index: u32| counts.get(index as usize).copied().unwrap_or(true);
    let mut stopped = Ok(());
    let written = log.rewrite(segment, &is_live, &mut |octets| {
        (pace.wrote)(octets);
        stopped = (pace.go_on)();
    });
    let written = match written {
        Ok(written) => written,
        Err(error @ StoreError::Damaged { .. }) => {
            report.findings.push(format!("segment {segment} stays as it is: {error}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if let Err(error) = stopped {
        log.discard(segment, written.generation);
        return Err(error);
    }
    let replaced = BTreeMap::from([(segment, written.generation)]);
    let octets = 64;
    let committed = store.directory().core().commit_blocking(octets, |_| replace(&replaced));
    if let Err(error) = committed.and_then(|()| log.sync()) {
        // If nobody knows whether it is in the log, opening finds out, and finishes or undoes.
        if !matches!(error, StoreError::InDoubt { .. }) {
            log.discard(segment, written.generation);
        }
        return Err(error);
    }
    log.switch(segment, written.generation)?;
    match written.generation {
        Some(_) => report.rewritten += 1,
        None => report.removed += 1,
    }
    tracing::debug!(
        segment,
        before = written.octets_before,
        after = written.octets,
        "a segment was compacted"
    );
    Ok(())
}
