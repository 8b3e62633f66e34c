//! Generated work on a disk that fails, from one seed: `cargo xtask sim`.
//!
//! Whatever happens: what was acknowledged is there (in durability `sync`), a UID means one message for ever,
//! MODSEQs never go back, and a check finds nothing wrong.

use std::collections::BTreeMap;

use imap_proto::types::SeqNum;

use super::*;
use crate::StoreError;
use crate::account::FlagChange;
use crate::sim::{Faults, SimDisk};

/// What is drawn, all from the seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// What clients were told, by mailbox.
#[derive(Default)]
struct Told {
    /// The text behind each UID that was ever seen.
    texts: BTreeMap<(&'static str, u32), String>,
    /// Those of them that must be there: acknowledged, and nobody began to remove them.
    kept: BTreeMap<(&'static str, u32), ()>,
    mod_seqs: BTreeMap<&'static str, u64>,
    validities: BTreeMap<&'static str, u32>,
    count: u64,
}

const NAMES: [&str; 2] = ["INBOX", "Trash"];

impl Told {
    /// Looks at all that is published, and remembers it.
    fn look(&mut self, account: &Account, must_be_whole: bool) {
        let snapshot = account.snapshot();
        for name in NAMES {
            let mailbox = mailbox(account, name);
            let validity = mailbox.uid_validity().get();
            assert_eq!(*self.validities.entry(name).or_insert(validity), validity);
            let mod_seq = mailbox.highest_mod_seq().get();
            let last = self.mod_seqs.insert(name, mod_seq).unwrap_or(0);
            assert!(last <= mod_seq, "{name}: MODSEQ went back from {last} to {mod_seq}");
            let mut there = BTreeMap::new();
            for message in mailbox.iter_from(SeqNum::MIN) {
                let octets = account.read(&snapshot, &message, 0..u64::MAX).expect("readable");
                let text = String::from_utf8(octets.to_vec()).expect("ASCII");
                let key = (name, message.uid.get());
                let known = self.texts.entry(key).or_insert_with(|| text.clone());
                assert!(*known == text, "{key:?} means two messages");
                there.insert(key, ());
            }
            self.kept.retain(|key, ()| {
                let is_there = key.0 != name || there.contains_key(key);
                assert!(is_there || !must_be_whole, "{key:?} was acknowledged and is gone");
                is_there
            });
        }
    }

    /// Does one thing, and takes note of what is acknowledged.
    async fn step(
        &mut self,
        store: &Store,
        account: &Account,
        chance: &mut Chance,
    ) -> Result<(), StoreError> {
        let ids = NAMES.map(|name| mailbox(account, name).id());
        let (from, to) = (chance.below(2) as usize, chance.below(2) as usize);
        let uids: NumberSet = self.uids(NAMES[from]).filter(|_| chance.below(4) == 0).collect();
        match chance.below(11) {
            0..=4 => {
                self.count += 1;
                let long = [10, 100, 5_000, 300_000][chance.below(4) as usize];
                let text = format!("{} {}", self.count, "x".repeat(long));
                let mut upload = account.upload();
                upload.write(text.as_bytes()).await?;
                let uploaded = upload.finish().await?;
                let message = NewMessage { uploaded, flags: Vec::new(), internal_date: None };
                let appended = account.append(ids[to], vec![message]).await?;
                for uid in appended.uids.iter() {
                    self.texts.insert((NAMES[to], uid), text.clone());
                    self.kept.insert((NAMES[to], uid), ());
                }
            }
            5 | 6 => {
                let change = FlagChange::Add(flags(["k1", "k2 \\Seen"][chance.below(2) as usize]));
                account.store_flags(ids[from], uids, change, None).await?;
            }
            7 => {
                self.kept.retain(|key, ()| key.0 != NAMES[from] || !uids.contains(key.1));
                let change = FlagChange::Add(flags("\\Deleted"));
                account.store_flags(ids[from], uids.clone(), change, None).await?;
                account.expunge(ids[from], Some(uids)).await?;
            }
            8 => {
                let held = account.snapshot();
                let report = store.compact(false, &|_| {})?;
                assert!(report.findings.is_empty(), "{report:?}");
                for mailbox in held.names().filter_map(|(_, mailbox)| mailbox) {
                    for message in mailbox.iter_from(SeqNum::MIN) {
                        account.read(&held, &message, 0..1).expect("an old view stays readable");
                    }
                }
            }
            9 => {
                let graves = account.snapshot().graves().map(|grave| grave.id).collect();
                account.undelete(graves, ids[to]).await?;
            }
            _ => {
                self.kept.retain(|key, ()| key.0 != NAMES[from] || !uids.contains(key.1));
                account.move_messages(ids[from], uids, ids[to]).await?;
            }
        }
        Ok(())
    }

    fn uids(&self, name: &'static str) -> impl Iterator<Item = u32> + '_ {
        self.kept.keys().filter(move |key| key.0 == name).map(|key| key.1)
    }
}

fn faults(chance: &mut Chance) -> Faults {
    let at = Some(chance.below(200));
    match chance.below(4) {
        0 => Faults { fail_write: at, ..Faults::default() },
        1 => Faults { fail_sync: at, ..Faults::default() },
        2 => Faults { room_octets: Some(4 << 20), cut_power: at, ..Faults::default() },
        _ => Faults { cut_power: at, ..Faults::default() },
    }
}

async fn simulate(seed: u64) {
    let mut chance = Chance(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let is_lazy = chance.below(3) == 0;
    let durability = if is_lazy { Durability::None } else { Durability::Sync };
    // Without a graveyard there is something for compaction to drop.
    let undelete_seconds = [0, 1_000][chance.below(2) as usize];
    let options = Options { durability, undelete_seconds, ..options() };
    let mut disk = SimDisk::new(seed);
    let mut told = Told::default();
    {
        let store = Store::on_disk(Arc::new(disk.clone()), options.clone()).expect("opens").0;
        alice(&store).await;
    }
    for _ in 0..6 {
        disk.set_faults(faults(&mut chance));
        if let Ok((store, _)) = Store::on_disk(Arc::new(disk.clone()), options.clone()) {
            let user = store.user("alice").expect("made before anything failed");
            if let Ok(account) = store.account(user.account) {
                let steps = chance.below(60);
                for _ in 0..steps {
                    if told.step(&store, &account, &mut chance).await.is_err() {
                        break;
                    }
                    told.look(&account, true);
                }
            }
            if chance.below(4) > 0 {
                // The crash comes before anything is closed.
                disk = disk.power_cut(chance.below(1 << 30));
            }
            drop(store);
        }
        if chance.below(2) == 0 {
            disk = disk.power_cut(chance.below(1 << 30));
        } else {
            disk = disk.killed();
        }
        let (store, _) =
            Store::on_disk(Arc::new(disk.clone()), options.clone()).expect("opens without faults");
        let account = store.account(store.user("alice").expect("there").account).expect("loads");
        told.look(&account, !is_lazy);
        let report = store.check().expect("readable");
        assert!(report.is_sound(), "{report:?}");
        let hash = account.snapshot().state_hash();
        store.close();
        let store = Store::on_disk(Arc::new(disk.clone()), options.clone()).expect("opens").0;
        let account = store.account(store.user("alice").expect("there").account).expect("loads");
        assert_eq!(account.snapshot().state_hash(), hash, "the same by another replay");
    }
}

/// A few seeds at every change; more by `cargo xtask sim`.
#[tokio::test]
async fn generated_work_on_a_failing_disk_keeps_every_promise() {
    let seeds = std::env::var("RESTANTE_SIM_SEEDS").ok();
    let range = seeds.as_deref().and_then(|text| text.split_once(".."));
    let bounds = range.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let (from, to): (u64, u64) = bounds.unwrap_or((0, 6));
    for seed in from..to {
        println!("seed {seed}");
        simulate(seed).await;
    }
}
