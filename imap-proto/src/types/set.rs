//! Sets of numbers: [`SequenceSet`] as a client writes it, [`NumberSet`] as everything else wants it.

/// One end of a range in a [`SequenceSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetEnd {
    /// A number, 1..=4_294_967_295.
    Number(std::num::NonZeroU32),
    /// `*`: the highest number in use.
    Star,
}

/// A `sequence-set` as it came from the client (RFC 9051 §9), not yet resolved against a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: the result of the last SEARCH with RETURN (SAVE) (RFC 9051 §6.4.4.1).
    Saved,
    /// Numbers and ranges in the order of the client, at least one. A single number is a range of itself.
    Ranges(Vec<(SetEnd, SetEnd)>),
}

/// Numbers from 1 up as sorted, disjoint, non-adjacent inclusive ranges: UIDs or sequence numbers.
///
/// Takes memory for each range, not for each number, so `1:4294967295` costs eight octets.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct NumberSet {
    ranges: Vec<(u32, u32)>,
}

impl SequenceSet {
    /// The numbers meant, where `star` is the highest number in use (`None`: the mailbox is empty, and
    /// `*` names nothing). `$` resolves to `saved`.
    ///
    /// A range may be written backwards: `4:2` is `2:4` (RFC 9051 §9, seq-range).
    pub fn resolve(&self, star: Option<u32>, saved: &NumberSet) -> NumberSet {
        let _ = (star, saved);
        todo!()
    }
}

impl NumberSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Adds one number. Cheap when it is the highest so far.
    pub fn insert(&mut self, number: u32) {
        let _ = number;
        todo!()
    }

    /// Adds `first..=last`.
    pub fn insert_range(&mut self, first: u32, last: u32) {
        let _ = (first, last);
        todo!()
    }

    /// Whether `number` is in the set. Logarithmic in the number of ranges.
    pub fn contains(&self, number: u32) -> bool {
        let _ = number;
        todo!()
    }

    /// How many numbers the set has.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Whether there is no number in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The inclusive ranges in ascending order.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// The numbers in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::new();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}
