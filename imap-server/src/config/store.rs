//! `[store]`: what an operator sets of the store's options.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct StoreSection {
    durability: Option<Durability>,
    segment_octets: Option<u64>,
    cache_octets: Option<u64>,
    state_octets_max: Option<u64>,
    undelete_seconds: Option<u32>,
    undelete_octets_max: Option<u64>,
    metadata_entries_max: Option<u32>,
    metadata_value_octets_max: Option<u32>,
    metadata_octets_max: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "durability is \"sync\", \"none\", or a number of milliseconds")]
enum Durability {
    Named(DurabilityName),
    Milliseconds(u32),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DurabilityName {
    Sync,
    None,
}

impl StoreSection {
    pub(super) fn into_options(self) -> imap_store::Options {
        let default = imap_store::Options::default();
        imap_store::Options {
            segment_octets: self.segment_octets.unwrap_or(default.segment_octets),
            cache_octets: self.cache_octets.unwrap_or(default.cache_octets),
            state_octets_max: self.state_octets_max.unwrap_or(default.state_octets_max),
            undelete_seconds: self.undelete_seconds.unwrap_or(default.undelete_seconds),
            undelete_octets_max: self.undelete_octets_max.unwrap_or(default.undelete_octets_max),
            metadata_entries_max: self.metadata_entries_max.unwrap_or(default.metadata_entries_max),
            metadata_value_octets_max: self
                .metadata_value_octets_max
                .unwrap_or(default.metadata_value_octets_max),
            metadata_octets_max: self.metadata_octets_max.unwrap_or(default.metadata_octets_max),
            durability: match self.durability {
                None => default.durability,
                Some(Durability::Named(DurabilityName::Sync)) => imap_store::Durability::Sync,
                Some(Durability::Named(DurabilityName::None)) => imap_store::Durability::None,
                Some(Durability::Milliseconds(milliseconds)) => {
                    imap_store::Durability::Interval(milliseconds)
                }
            },
            ..default
        }
    }
}
