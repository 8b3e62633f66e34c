//! The numbers that name a message or a state: [`Uid`], [`SeqNum`], [`UidValidity`], [`ModSeq`].
//!
//! Four types on purpose: the wire writes them all as digits, and mixing them up is the classic bug of
//! IMAP software.

use std::fmt;
use std::num::NonZeroU32;

macro_rules! nonzero_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The number 1, the lowest there is.
            pub const MIN: Self = Self(NonZeroU32::MIN);
            /// The highest number that the wire can carry.
            pub const MAX: Self = Self(NonZeroU32::MAX);

            /// `None` for 0, which the grammar (`nz-number`) does not know.
            pub const fn new(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number itself, 1..=4_294_967_295.
            pub const fn get(self) -> u32 {
                self.0.get()
            }
        }

        impl From<NonZeroU32> for $name {
            fn from(number: NonZeroU32) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

nonzero_number! {
    /// A message's unique identifier inside one mailbox (RFC 9051 §2.3.1.1).
    ///
    /// 1..=4_294_967_295, assigned in strictly ascending order, never reused while UIDVALIDITY stands.
    /// Not a sequence number: [`SeqNum`] is a different type on purpose.
    Uid
}

nonzero_number! {
    /// A message's place in one session's view of a mailbox, from 1 (RFC 9051 §2.3.1.2).
    SeqNum
}

nonzero_number! {
    /// What a mailbox's UIDs are valid under (RFC 9051 §2.3.1.1): when it changes, every cached UID is void.
    UidValidity
}

/// A modification sequence (RFC 7162 §3.1.1): 0..=2^63 - 1, rising with every change.
///
/// 0 stands for "no state known" in commands; no message ever has it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(u64);

impl ModSeq {
    /// The highest value that the wire can carry: 63 bits.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// `None` above 63 bits.
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// The value, 0..=2^63 - 1.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
