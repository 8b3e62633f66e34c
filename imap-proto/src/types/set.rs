//! Sets of numbers: [`SequenceSet`] as a client writes it, [`NumberSet`] as everything else wants it.

use std::fmt;
use std::num::NonZeroU32;

use smallvec::SmallVec;

/// One end of a range in a [`SequenceSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetEnd {
    /// A number, 1..=4_294_967_295.
    Number(NonZeroU32),
    /// `*`: the highest number in use.
    Star,
}

/// A `sequence-set` as it came from the client (RFC 9051 §9), not yet resolved against a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: the result of the last SEARCH with RETURN (SAVE) (RFC 9051 §6.4.4.1).
    Saved,
    /// Numbers and ranges in the order of the client, at least one. A single number is a range of itself.
    Ranges(SetRanges),
}

/// The ranges of a [`SequenceSet`]. One or two, as most sets have, need no memory of their own.
pub type SetRanges = SmallVec<[(SetEnd, SetEnd); 2]>;

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
    /// A range may be written backwards: `4:2` is `2:4` (RFC 9051 §9, seq-range). In an empty mailbox a
    /// range with `*` at one end names nothing.
    pub fn resolve(&self, star: Option<u32>, saved: &NumberSet) -> NumberSet {
        let Self::Ranges(ranges) = self else { return saved.clone() };
        let number = |end: SetEnd| match end {
            SetEnd::Number(number) => Some(number.get()),
            SetEnd::Star => star,
        };
        let resolved = ranges.iter().filter_map(|&(first, last)| Some((number(first)?, number(last)?)));
        NumberSet::from_unordered(resolved.map(|(a, b)| (a.min(b), a.max(b))).collect())
    }

    /// Whether `*` stands anywhere in it: then what it means depends on the mailbox.
    pub fn has_star(&self) -> bool {
        match self {
            Self::Saved => false,
            Self::Ranges(ranges) => {
                ranges.iter().any(|&(first, last)| first == SetEnd::Star || last == SetEnd::Star)
            }
        }
    }
}

impl From<(SetEnd, SetEnd)> for SequenceSet {
    /// The set of one range.
    fn from(range: (SetEnd, SetEnd)) -> Self {
        Self::Ranges([range].into_iter().collect())
    }
}

impl From<&NumberSet> for SequenceSet {
    /// The same numbers. An empty set has no form on the wire: the result must not be written then.
    fn from(set: &NumberSet) -> Self {
        let end = |number| SetEnd::Number(NonZeroU32::new(number).expect("a set's numbers count from 1"));
        Self::Ranges(set.ranges.iter().map(|&(first, last)| (end(first), end(last))).collect())
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Ranges(ranges) = self else { return f.write_str("$") };
        for (index, (first, last)) in ranges.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}:{last}")? }
        }
        Ok(())
    }
}

impl fmt::Display for SetEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Star => f.write_str("*"),
        }
    }
}

impl NumberSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The set of `first..=last`; empty when `first` is over `last`.
    pub fn from_range(first: u32, last: u32) -> Self {
        let mut set = Self::new();
        set.insert_range(first, last);
        set
    }

    /// Sorts and merges ranges whose ends are in order. Linearithmic in their number.
    pub(super) fn from_unordered(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        merged.shrink_to_fit();
        Self { ranges: merged }
    }

    /// Adds one number. Cheap when it is the highest so far. 0 is no number and is left out.
    pub fn insert(&mut self, number: u32) {
        self.insert_range(number, number);
    }

    /// Adds `first..=last`; nothing when `first` is over `last`. 0 is left out.
    pub fn insert_range(&mut self, first: u32, last: u32) {
        let first = first.max(1);
        if first > last {
            return;
        }
        match self.ranges.last_mut() {
            Some(previous) if previous.0 > first => self.merge(first, last),
            Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
            _ => self.ranges.push((first, last)),
        }
    }

    /// Puts a range in the middle, in place of all that it touches.
    fn merge(&mut self, first: u32, last: u32) {
        let from = self.ranges.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.ranges.partition_point(|range| range.0 <= last.saturating_add(1));
        let merged = match self.ranges.get(from..to) {
            Some([first_touched, .., last_touched]) => (first.min(first_touched.0), last.max(last_touched.1)),
            Some([touched]) => (first.min(touched.0), last.max(touched.1)),
            _ => (first, last),
        };
        self.ranges.splice(from..to, [merged]);
    }

    /// Takes one number out.
    pub fn remove(&mut self, number: u32) {
        if self.contains(number) {
            *self = self.difference(&Self::from_range(number, number));
        }
    }

    /// Whether `number` is in the set. Logarithmic in the number of ranges.
    pub fn contains(&self, number: u32) -> bool {
        let index = self.ranges.partition_point(|range| range.1 < number);
        self.ranges.get(index).is_some_and(|range| range.0 <= number)
    }

    /// The numbers that are in both. Linear in the number of ranges of both.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                ranges.push((first, last));
            }
            if a.1 < b.1 {
                left.next()
            } else {
                right.next()
            };
        }
        Self { ranges }
    }

    /// The numbers that are in `self` and not in `other`. Linear in the number of ranges of both.
    pub fn difference(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut holes = other.ranges.iter().peekable();
        for &(first, last) in &self.ranges {
            let mut next = Some(first);
            while holes.next_if(|hole| hole.1 < first).is_some() {}
            while let Some(start) = next {
                match holes.peek() {
                    Some(&&(hole_first, hole_last)) if hole_first <= last => {
                        if start < hole_first {
                            ranges.push((start, hole_first - 1));
                        }
                        // A hole that goes on behind this range may reach into the next one.
                        next = hole_last.checked_add(1).filter(|&behind| behind <= last);
                        if next.is_some() {
                            holes.next();
                        }
                    }
                    _ => {
                        ranges.push((start, last));
                        next = None;
                    }
                }
            }
        }
        Self { ranges }
    }

    /// The numbers that are in one of both.
    pub fn union(&self, other: &Self) -> Self {
        Self::from_unordered(self.ranges.iter().chain(&other.ranges).copied().collect())
    }

    /// The lowest number.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|range| range.0)
    }

    /// The highest number.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| range.1)
    }

    /// How many numbers the set has.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|&(first, last)| u64::from(last - first) + 1).sum()
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
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }
}

impl fmt::Display for NumberSet {
    /// `1:3,5`, and nothing at all for the empty set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        crate::wire::write::number_set(&mut out, self);
        f.write_str(std::str::from_utf8(&out).expect("digits are ASCII"))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(numbers: &BTreeSet<u32>) -> NumberSet {
        numbers.iter().copied().collect()
    }

    fn is_normal(set: &NumberSet) -> bool {
        set.ranges.iter().all(|range| 1 <= range.0 && range.0 <= range.1)
            && set.ranges.windows(2).all(|pair| u64::from(pair[0].1) + 1 < u64::from(pair[1].0))
    }

    fn small() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(1u32..40, 0..30)
    }

    proptest! {
        #[test]
        fn sets_are_sets(a in small(), b in small(), number in 1u32..40) {
            let (left, right) = (set(&a), set(&b));
            for (ours, theirs) in [
                (left.clone(), a.clone()),
                (left.intersection(&right), a.intersection(&b).copied().collect()),
                (left.difference(&right), a.difference(&b).copied().collect()),
                (left.union(&right), a.union(&b).copied().collect()),
            ] {
                prop_assert!(is_normal(&ours), "{ours:?}");
                prop_assert_eq!(ours.len(), theirs.len() as u64);
                prop_assert_eq!(ours.first(), theirs.first().copied());
                prop_assert_eq!(ours.last(), theirs.last().copied());
                prop_assert!(ours.iter().eq(theirs.iter().copied()));
                prop_assert_eq!(ours.contains(number), theirs.contains(&number));
            }
            let mut less = left.clone();
            less.remove(number);
            prop_assert!(is_normal(&less));
            prop_assert!(less.iter().eq(a.iter().copied().filter(|&n| n != number)));
        }

        #[test]
        fn ranges_in_any_order_make_the_same_set(
            ranges in proptest::collection::vec((0u32..60, 0u32..60), 0..20)
        ) {
            let mut inserted = NumberSet::new();
            let mut model = BTreeSet::new();
            for &(first, last) in &ranges {
                inserted.insert_range(first, last);
                model.extend((first..=last).filter(|&number| number > 0));
            }
            prop_assert!(is_normal(&inserted), "{:?}", inserted);
            prop_assert!(inserted.iter().eq(model.iter().copied()));
        }
    }

    #[test]
    fn the_highest_number_is_not_special() {
        let mut all = NumberSet::from_range(1, u32::MAX);
        assert_eq!(all.len(), u64::from(u32::MAX));
        all.remove(u32::MAX);
        assert_eq!(all.last(), Some(u32::MAX - 1));
        all.insert(u32::MAX);
        all.insert_range(5, u32::MAX);
        assert_eq!(all.ranges(), [(1, u32::MAX)]);
        assert!(NumberSet::from_range(3, u32::MAX).difference(&all).is_empty());
    }

    #[test]
    fn star_is_the_highest_number_in_use() {
        let number = |n| SetEnd::Number(NonZeroU32::new(n).expect("not 0"));
        let wanted =
            SequenceSet::Ranges(smallvec::smallvec![(SetEnd::Star, number(4)), (number(5), number(7))]);
        let none = NumberSet::new();
        assert_eq!(wanted.resolve(Some(10), &none).to_string(), "4:10");
        assert_eq!(wanted.resolve(Some(2), &none).to_string(), "2:7");
        assert_eq!(wanted.resolve(None, &none).to_string(), "5:7");
        assert_eq!(SequenceSet::Saved.resolve(Some(9), &NumberSet::from_range(2, 3)).to_string(), "2:3");
        assert_eq!(wanted.to_string(), "*:4,5:7");
    }
}
