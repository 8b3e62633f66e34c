//! Finds a command by its name: a table of hashes, made by the compiler.

use super::{REGISTRY, Spec};

/// The registry's line of a name in any case; `UID` and `FIND` with their second word.
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    line(name).map(|line| &REGISTRY[line])
}

/// The same as a place in the registry.
pub(super) fn line(name: &[u8]) -> Option<usize> {
    let mut slot = hash(name);
    loop {
        let line = usize::from(SLOTS[slot]).checked_sub(1)?;
        let known = REGISTRY[line].name.as_bytes();
        if known == name || known.eq_ignore_ascii_case(name) {
            return Some(line);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

const SLOT_COUNT: usize = 512;

/// For each hash the line plus one, or 0; a line whose slot is taken stands in the next one that is free.
static SLOTS: [u8; SLOT_COUNT] = slots();

const fn slots() -> [u8; SLOT_COUNT] {
    assert!(REGISTRY.len() < 255, "a line's number fits into an octet");
    let mut slots = [0; SLOT_COUNT];
    let mut line = 0;
    while line < REGISTRY.len() {
        let mut slot = hash(REGISTRY[line].name.as_bytes());
        while slots[slot] != 0 {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = line as u8 + 1;
        line += 1;
    }
    slots
}

/// Of the length and of four octets without their case, which tell nearly all names apart.
const fn hash(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let octets = [name[0], name[length / 3], name[length / 2], name[length - 1]];
    let mut hash = length;
    let mut index = 0;
    while index < octets.len() {
        hash = hash.wrapping_mul(31).wrapping_add((octets[index] & 0x1f) as usize);
        index += 1;
    }
    hash % SLOT_COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for spec in REGISTRY {
            assert_eq!(lookup(spec.name.as_bytes()), Some(spec));
            assert_eq!(lookup(spec.name.to_ascii_lowercase().as_bytes()), Some(spec));
            let longer = format!("{}X", spec.name);
            assert_eq!(lookup(longer.as_bytes()), None, "{longer}");
        }
        assert_eq!(lookup(b""), None);
        assert_eq!(lookup(b"PURGE"), None);
    }

    /// The longest run of taken slots bounds what a name that is not known costs.
    #[test]
    fn no_search_is_long() {
        let runs = SLOTS.split(|&line| line == 0).map(<[u8]>::len);
        assert!(runs.max() < Some(8));
    }
}
