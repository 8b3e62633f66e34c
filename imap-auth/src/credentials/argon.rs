//! argon2id over memory that is used again.
//!
//! A hash takes 19 MiB. Fresh memory costs a fault for each of its 5,000 pages, and an allocator keeps such pieces for every
//! thread that once had one: with glibc's that was more than a gigabyte after a hundred first logins.

use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The hash of a prepared password; `None` where argon2 refuses what it is given.
pub(super) fn hash(params: &Params, password: &[u8], salt: &[u8]) -> Option<PasswordHash> {
    let mut output = [0; OUTPUT_OCTETS];
    argon2id(params.clone(), password, salt, &mut output)?;
    Some(PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&output).ok()?),
    })
}

/// Whether it is the password, by the parameters of the hash; compared in constant time.
pub(super) fn fits(hash: &PasswordHash, password: &[u8]) -> bool {
    let (Some(salt), Some(expected), Ok(params)) = (&hash.salt, &hash.hash, Params::try_from(hash)) else {
        return false;
    };
    let mut found = Zeroizing::new(vec![0; expected.len()]);
    argon2id(params, password, salt, &mut found).is_some() && found.ct_eq(expected.as_bytes()).into()
}

fn argon2id(params: Params, password: &[u8], salt: &[u8], output: &mut [u8]) -> Option<()> {
    let blocks = params.block_count();
    // What an earlier hash left there does not count: the first pass writes every block before it is read.
    let mut memory = spare().pop().unwrap_or_default();
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed = hasher.hash_password_into_with_memory(password, salt, output, &mut memory[..blocks]);
    if memory.len() <= KEPT_BLOCKS_MAX {
        spare().push(memory);
    }
    hashed.ok()
}

/// Memory of hashes that are done: never more pieces than hashes ran at one time, which callers bound.
fn spare() -> MutexGuard<'static, Vec<Vec<Block>>> {
    static SPARE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

const OUTPUT_OCTETS: usize = 32;
/// 32 MiB, in blocks of 1 KiB: an imported hash may want much more, once.
const KEPT_BLOCKS_MAX: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_before_does_not_matter() {
        for (memory_kib, passes, lanes) in
            [(64, 1, 1), (1_024, 1, 1), (64, 2, 1), (8, 1, 1), (1_024, 2, 4), (40_000, 1, 1), (64, 1, 1)]
        {
            let params = Params::new(memory_kib, passes, lanes, None).expect("within the bounds");
            let mut expected = [0; OUTPUT_OCTETS];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
                .hash_password_into(b"sesame", b"salt of sixteen ", &mut expected)
                .expect("good");
            let made = hash(&params, b"sesame", b"salt of sixteen ").expect("good");
            assert_eq!(made.hash.expect("there").as_bytes(), expected, "{memory_kib} {passes} {lanes}");
            assert!(fits(&made, b"sesame") && !fits(&made, b"Sesame"), "{memory_kib} {passes} {lanes}");
        }
        assert!(spare().iter().all(|memory| memory.len() <= KEPT_BLOCKS_MAX));
    }
}
