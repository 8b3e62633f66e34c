//! How a course goes on or ends: as what a backup makes of it, or with bits that rot.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::files::Disk;
use crate::log;

impl Course {
    /// The backup becomes the store: another one, with the state of that time under new numbers.
    pub(super) fn restore_store(&mut self) {
        let Some(backup) = self.backup.take() else { return };
        self.disk = restored(&self.disk);
        (self.index, self.possible, self.acknowledged) = (Arc::default(), vec![backup], 0);
        self.eyes.forget();
        self.wait();
        let (open, report) = self.open().expect("a backup opens");
        assert!(has_leapt(&report), "what came behind the backup was shown: {report:?}");
        let seen = self.look(&open);
        let (found, expected) = (seen.world.shown(false), self.possible[0].shown(false));
        assert!(found == expected && seen.unreadable.is_empty(), "{}", expected.difference(&found));
        self.world = self.possible[0].clone();
        self.world.leap_as(&seen.world);
        let report = open.store.check().expect("readable");
        assert!(report.is_sound(), "{report:?}");
        self.close_and_compare(open);
    }

    /// Bits rot in what is long sealed: what they hit is named, all else is served.
    pub(super) fn rot(&mut self) {
        let segments: Vec<_> = self.disk.list(Path::new("/log")).expect("listed");
        for _ in 0..=self.chance.below(3) {
            let path = &segments[self.chance.below(segments.len() as u64) as usize];
            let octets = self.disk.open(path).and_then(|file| file.len()).expect("there");
            let (at, bit) = (self.chance.below(octets.max(1)), self.chance.below(8) as u8);
            self.disk.rot(path, at, bit);
        }
        if self.chance.below(2) == 0 {
            self.index = Arc::default();
        }
        self.eyes.forget();
        self.wait();
        let disk = Arc::new(self.disk.clone());
        let opened = Store::on_disk_behind(disk, self.options.clone(), &self.index);
        let (store, report) = opened.expect("rot keeps nothing from opening");
        let has_leapt = has_leapt(&report);
        if PEOPLE.iter().any(|name| store.user(name).is_none()) {
            // It hit what account 0 knows them by.
            assert!(!store.check().expect("reads on").is_sound());
            return;
        }
        store.close();
        drop(store);
        let (open, _) = self.open().expect("opens again");
        let seen = self.look(&open);
        let found = open.store.check().expect("reads on");
        let named = found.affected.iter().map(|it| {
            let who = PEOPLE.iter().position(|name| Some(*name) == it.user.as_deref());
            (who.expect("a person's"), it.mailbox.clone(), it.uid.get())
        });
        assert_eq!(named.collect::<BTreeSet<_>>(), seen.unreadable, "{found:?}");
        if !has_leapt {
            let (model, found) = (seen.blur(&self.world).shown(true), seen.blur(&seen.world).shown(true));
            assert!(model == found, "no change is lost: {report:?}\n{}", model.difference(&found));
        }
        // Compaction drops nothing that can be read, and work goes on under numbers that are new.
        let _ = open.store.compact(false, &|_| {});
        let again = self.look(&open);
        assert!(
            again.world == seen.world && again.unreadable == seen.unreadable,
            "compaction lost something"
        );
        let has_inbox = |it: &&Account| it.snapshot().mailbox_named(&name("INBOX")).is_some();
        for account in open.accounts.iter().filter(has_inbox) {
            self.labels += 1;
            block_on(account.set_quota(Quota::default())).expect("set");
            let text = world::text_of(self.labels);
            block_on(append(account, "INBOX", &text, ""));
        }
        self.look(&open);
        open.store.close();
    }
}

/// A disk with the store that the backup on another one makes.
fn restored(disk: &SimDisk) -> SimDisk {
    let disk = disk.killed();
    let clear = |dir: &str| {
        for path in disk.list(Path::new(dir)).expect("listed") {
            disk.remove(&path).expect("there");
        }
    };
    clear("/log");
    log::restore(&disk, Path::new(BACKUP), Path::new("/log")).expect("the backup is whole");
    // What comes there next is of another store.
    clear(BACKUP);
    disk
}
